"""The clock of spans: monotonic inside a process, anchored to wall time.

``now_ns()`` is one ``perf_counter_ns`` and one addition. The anchor is drawn again (``catch_up()``, five times
a second) when the clocks have come apart, so a computer that slept does not trace into the past.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_DRIFT_NS: Final = 100_000_000
perf_ns: Callable[[], int] = time.perf_counter_ns
#: Nanoseconds to add to ``perf_ns()`` to get nanoseconds since the Unix epoch.
offset_ns: int = time.time_ns() - time.perf_counter_ns()


def now_ns() -> int:
    """Return nanoseconds since the Unix epoch, UTC."""
    return perf_ns() + offset_ns


def anchor() -> None:
    """Draw the offset to wall time again (suspend and clock changes make the two clocks drift)."""
    global offset_ns
    if perf_ns is time.perf_counter_ns:
        offset_ns = time.time_ns() - time.perf_counter_ns()


def catch_up() -> None:
    """Draw the offset again when wall time has moved by more than a tenth of a second against the other clock."""
    global offset_ns
    if perf_ns is time.perf_counter_ns:
        offset = time.time_ns() - time.perf_counter_ns()
        if not -_DRIFT_NS < offset - offset_ns < _DRIFT_NS:
            offset_ns = offset


def set_clock(source: Callable[[], int] | None) -> None:
    """Read the time from ``source`` (nanoseconds since the epoch), or from the machine when None."""
    global perf_ns, offset_ns
    if source is None:
        perf_ns = time.perf_counter_ns
        anchor()
    else:
        perf_ns, offset_ns = source, 0
