"""A clock for tests."""

from __future__ import annotations

import datetime
import threading
from types import TracebackType

from ..model import UsageError, clock


class FixedClock:
    """A clock that starts at a stated time and moves one step per reading; in force inside ``with``.

    A span reads the time when it starts and when it ends, so with the default step it lasts one second
    when nothing else is traced inside it.

    Args:
        start: The first reading: ISO 8601 text with a time zone, or nanoseconds since the Unix epoch.
        step_s: Seconds between one reading and the next; 0 stops the clock.

    Raises:
        UsageError: ``start`` is no such time, or ``step_s`` is negative.
    """

    def __init__(self, start: str | int = "2026-01-01T00:00:00Z", *, step_s: float = 1.0) -> None:
        if step_s < 0:
            raise UsageError(f"step_s={step_s!r} would turn time back; give seconds, 0 or more.")
        self._next_ns = start if isinstance(start, int) else _nanoseconds(start)
        self._step_ns = round(step_s * 1e9)
        self._lock = threading.Lock()
        self._before: object = None  # the clock to go back to, while this one is in force

    def __call__(self) -> int:
        """Return the time in nanoseconds since the Unix epoch, and move on one step."""
        with self._lock:
            now_ns = self._next_ns
            self._next_ns += self._step_ns
        return now_ns

    @property
    def next_ns(self) -> int:
        """What the next reading will be, in nanoseconds since the Unix epoch."""
        return self._next_ns

    def advance(self, seconds: float) -> None:
        """Let this many seconds pass before the next reading."""
        if seconds < 0:
            raise UsageError(f"advance({seconds!r}) would turn time back; give seconds, 0 or more.")
        with self._lock:
            self._next_ns += round(seconds * 1e9)

    def __enter__(self) -> FixedClock:
        if self._before is not None:
            raise UsageError("this FixedClock is in force already; make a second one to nest them.")
        self._before = clock.perf_ns
        clock.set_clock(self)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        before, self._before = self._before, None
        clock.set_clock(before if isinstance(before, FixedClock) else None)


def _nanoseconds(text: str) -> int:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"start={text!r} is not a time with its zone; give e.g. '2026-01-01T00:00:00Z'.")
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (moment - epoch) // datetime.timedelta(microseconds=1) * 1000
