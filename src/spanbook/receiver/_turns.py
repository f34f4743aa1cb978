"""Shorter turns of the threads while a request is read and answered."""

from __future__ import annotations

import sys
from typing import Final

_TURN_S: Final = 0.00025


class ShortTurns:
    """Lets threads take turns in steps of a fraction of the usual 5 ms while there is a request; of one thread.

    Whoever lets go of the GIL, to read from a socket, to compress, to write to the store, gets it back only after a
    whole turn of a cell that computes, and a request lets go of it some hundred times. Shorter turns than this take in
    more, and take more from the cell.
    """

    def __init__(self) -> None:
        self._requests = 0
        self._before = 0.0

    def begin(self) -> None:
        """Note that a request has begun."""
        self._requests += 1
        if self._requests == 1:
            self._before = sys.getswitchinterval()
            sys.setswitchinterval(min(self._before, _TURN_S))

    def end(self) -> None:
        """Note that a request has ended."""
        self._requests -= 1
        if self._requests == 0:
            sys.setswitchinterval(self._before)
