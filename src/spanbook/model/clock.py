"""The clock of spans: monotonic inside a process, anchored to wall time.

``now_ns()`` is one ``perf_counter_ns`` and one addition, so durations are never negative. The anchor is
drawn again (``anchor()``) when a root span starts on a clock that has drifted, not inside a trace.
"""

from __future__ import annotations

import time
from collections.abc import Callable

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


def set_clock(source: Callable[[], int] | None) -> None:
    """Read the time from ``source`` (nanoseconds since the epoch), or from the machine when None."""
    global perf_ns, offset_ns
    if source is None:
        perf_ns = time.perf_counter_ns
        anchor()
    else:
        perf_ns, offset_ns = source, 0
