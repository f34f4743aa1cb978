"""Moments as people write them: ``"1h"``, ``"2026-11-01"``, a datetime, a timedelta."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeAlias

from .errors import UsageError

When: TypeAlias = str | int | float | datetime | date | timedelta

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FAR: Final = 2**63 - 1  # what a column of the store can hold: some 290 years from 1970
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
    try:
        moment = _moment(when, now_ns)
    except (ValueError, OverflowError):  # no date of the calendar, infinity, NaN
        moment = None
    if moment is None:
        raise UsageError(
            f"{name}={when!r} is no moment; give for example '1h', '7d', '2026-11-01', a datetime or a timedelta."
        )
    return max(-_FAR, min(moment, _FAR))


def _moment(when: Any, now_ns: int) -> int | None:
    if isinstance(when, timedelta):
        return now_ns - int(when // _MICROSECOND) * 1000
    if isinstance(when, datetime):
        moment = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
        return int((moment - _EPOCH) // _MICROSECOND) * 1000  # whole numbers: a float second has no nanoseconds
    if type(when).__name__ == "datetime64":  # numpy's; "not a time" is the least int64
        number = int(when.astype("datetime64[ns]").astype("int64"))
        return number if number > -(1 << 63) else None
    if isinstance(when, date):
        return _moment(datetime(when.year, when.month, when.day), now_ns)
    if isinstance(when, (int, float)) and not isinstance(when, bool):
        return int(when * 1_000_000_000)
    if isinstance(when, str):
        ago = _AGO.fullmatch(when)
        if ago is not None:
            return now_ns - int(float(ago[1]) * _UNITS[ago[2]] * 1e9)
        return _moment(datetime.fromisoformat(when.strip()), now_ns)
    return None
