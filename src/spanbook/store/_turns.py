"""Shorter turns of the threads while one of ours lets go of the GIL often: in a transaction, in a request.

Whoever lets go of it, for a statement of SQL or to read from a socket, gets it back only after a whole turn of a cell
that computes, usually 5 ms: a transaction of some thirty statements took half a second, with the store locked. Its own
work is a few milliseconds, so the cell loses little by shorter turns; turns shorter than these take more from it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: Of a fold that is behind, and of a request. Measured beside 500 spans/s that come in: turns of 0.25 ms take 39 to 45
#: % of a cell's speed and let in 430 to 500, of 1 ms 28 to 33 % and 420, of 2 ms 20 to 22 % and 316.
FOLD_S: Final = 0.00025
REQUEST_S: Final = 0.001


class _ShortTurns:
    """Shortens the turns of all threads as long as somebody asks for that; the shortest that is asked for holds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: list[float] = []
        self._before = 0.0

    def begin(self, seconds: float) -> None:
        """Ask for turns no longer than this."""
        with self._lock:
            if not self._asked:
                self._before = sys.getswitchinterval()
            self._asked.append(seconds)
            sys.setswitchinterval(min(self._before, *self._asked))

    def end(self, seconds: float) -> None:
        """Ask for them no more."""
        with self._lock:
            self._asked.remove(seconds)
            sys.setswitchinterval(min([self._before, *self._asked]))

    def end_in_child(self) -> None:
        """In a forked child: whoever asked is the parent's."""
        if self._asked:
            sys.setswitchinterval(self._before)
        self._lock, self._asked = threading.Lock(), []

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Ask for them in a ``with`` block."""
        self.begin(seconds)
        try:
            yield
        finally:
            self.end(seconds)


short_turns: Final = _ShortTurns()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=short_turns.end_in_child)
