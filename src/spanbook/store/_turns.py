"""Shorter turns of the threads while one of ours lets go of the GIL often: in a transaction, in a request.

Whoever lets go of it, for a statement of SQL or to read from a socket, gets it back only after a whole turn of a cell
that computes, usually 5 ms: a transaction of some thirty statements took half a second, with the store locked. Its own
work is a few milliseconds, so the cell loses little by shorter turns; turns shorter than this take more from it.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

_TURN_S: Final = 0.00025


class _ShortTurns:
    """Shortens the turns of all threads as long as somebody asks for that: ``with``, or `begin` and `end`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._askers = 0
        self._before = 0.0

    def begin(self) -> None:
        """Ask for short turns."""
        with self._lock:
            self._askers += 1
            if self._askers == 1:
                self._before = sys.getswitchinterval()
                sys.setswitchinterval(min(self._before, _TURN_S))

    def end(self) -> None:
        """Ask for them no more."""
        with self._lock:
            self._askers -= 1
            if self._askers == 0:
                sys.setswitchinterval(self._before)

    def end_in_child(self) -> None:
        """In a forked child: whoever asked is the parent's."""
        if self._askers:
            sys.setswitchinterval(self._before)
        self._lock, self._askers = threading.Lock(), 0

    def __enter__(self) -> None:
        self.begin()

    def __exit__(self, *exc: object) -> None:
        self.end()


short_turns: Final = _ShortTurns()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=short_turns.end_in_child)
