"""Moments as people write them: ``"1h"``, ``"2026-11-01"``, a datetime, a timedelta."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeAlias

from .errors import UsageError

When: TypeAlias = str | int | float | datetime | date | timedelta

_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO: Final = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*(s|m|min|h|d|w)\s*")


def to_ns(when: When | None, now_ns: int, *, name: str = "since") -> int | None:
    """Return nanoseconds since the epoch; None stays None.

    Args:
        when: ``"15m"``, ``"1h"``, ``"7d"`` and timedeltas mean that long ago; ISO dates and datetimes without a zone
            are UTC; numbers are seconds since the epoch.
        now_ns: What "ago" counts from.
        name: What the argument is called, for the error.

    Raises:
        UsageError: it is none of these.
    """
    if when is None:
        return None
    if isinstance(when, timedelta):
        return now_ns - int(when.total_seconds() * 1e9)
    if isinstance(when, datetime):
        moment = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1e9)
    if isinstance(when, date):
        return to_ns(datetime(when.year, when.month, when.day), now_ns)
    if isinstance(when, (int, float)) and not isinstance(when, bool):
        return int(when * 1e9)
    if isinstance(when, str):
        ago = _AGO.fullmatch(when)
        if ago is not None:
            return now_ns - int(float(ago[1]) * _UNITS[ago[2]] * 1e9)
        try:
            return to_ns(datetime.fromisoformat(when.strip()), now_ns)
        except ValueError:
            pass
    raise UsageError(
        f"{name}={when!r} is no moment; give for example '1h', '7d', '2026-11-01', a datetime or a timedelta."
    )
