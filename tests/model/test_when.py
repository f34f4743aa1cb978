"""Moments as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbook.model import UsageError
from spanbook.model.when import to_ns

NOW = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
SECOND = 10**9


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (None, None),
        ("30s", NOW - 30 * SECOND),
        ("15m", NOW - 900 * SECOND),
        ("15min", NOW - 900 * SECOND),
        (" 1.5 h ", NOW - 5_400 * SECOND),
        ("7d", NOW - 604_800 * SECOND),
        ("1w", NOW - 604_800 * SECOND),
        ("2026-01-01", NOW),
        ("2026-01-01T00:00:00", NOW),
        ("2026-01-01T02:00:00+02:00", NOW),
        ("2026-01-01T00:00:00Z", NOW),
        (date(2026, 1, 1), NOW),
        (datetime(2026, 1, 1), NOW),
        (datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), NOW),
        (timedelta(hours=1), NOW - 3_600 * SECOND),
        (pd.Timestamp("2026-01-01", tz="UTC"), NOW),
        (pd.Timedelta("1h"), NOW - 3_600 * SECOND),
        (NOW // SECOND, NOW),
        (1.5, 1_500_000_000),
    ],
)
def test_a_moment_is_read(when: Any, expected: int | None) -> None:
    """Durations are ago; dates without a zone are UTC; numbers are seconds since the epoch."""
    assert to_ns(when, NOW) == expected


@pytest.mark.parametrize("when", ["yesterday", "1y", "", "2026-13-01", True, [], b"1h", float("nan"), pd.NaT])
def test_anything_else_is_refused_in_one_sentence(when: Any) -> None:
    """It names the argument, the value and what may be given."""
    with pytest.raises(UsageError, match=r"until=.* is no moment; give for example '1h'"):
        to_ns(when, NOW, name="until")


@pytest.mark.parametrize("when", ["9999-12-31", "0001-01-01", "999999w", 1e15, -1e15, timedelta.max])
def test_a_moment_beyond_what_the_store_can_hold_is_its_nearest(when: Any) -> None:
    """SQLite's integers end in 2262; a filter for later finds nothing, it does not fail."""
    assert abs(to_ns(when, NOW) or 0) == 2**63 - 1


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))
def test_datetimes_are_exact_to_the_microsecond(moment: datetime) -> None:
    """A float second would be off by some hundred nanoseconds: ``since=`` a trace's own start must find it."""
    found = to_ns(moment, NOW)
    assert found is not None
    back = datetime.fromtimestamp(found // SECOND, UTC).replace(microsecond=found % SECOND // 1000, tzinfo=None)
    assert back == moment
    assert found % 1000 == 0
