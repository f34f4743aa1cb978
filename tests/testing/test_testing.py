"""The fixed clock and the fixed ids."""

from __future__ import annotations

import time

import pytest

from spanbook.model import UsageError, clock, ids
from spanbook.testing import FixedClock, fixed_ids

NEW_YEAR = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z


def test_the_clock_ticks_a_second_per_reading() -> None:
    with FixedClock():
        assert [clock.now_ns() - NEW_YEAR for _ in range(3)] == [0, 10**9, 2 * 10**9]


def test_the_clock_starts_where_told_and_can_be_advanced() -> None:
    with FixedClock("2026-01-01T01:00:00+01:00", step_s=0) as fixed:
        fixed.advance(1.5)
        assert clock.now_ns() == clock.now_ns() == fixed.next_ns == NEW_YEAR + 1_500_000_000


def test_a_failing_block_gives_the_machine_its_clock_back() -> None:
    with pytest.raises(ZeroDivisionError), FixedClock(1):
        raise ZeroDivisionError
    assert abs(clock.now_ns() - time.time_ns()) < 10**9


def test_clocks_nest() -> None:
    with FixedClock(1):
        with FixedClock(5):
            assert clock.now_ns() == 5
        assert clock.now_ns() == 1


@pytest.mark.parametrize("start", ["yesterday", "2026-01-01T00:00:00"])
def test_a_start_without_meaning_is_refused(start: str) -> None:
    with pytest.raises(UsageError, match="time with its zone"):
        FixedClock(start)


def test_one_clock_is_not_entered_twice() -> None:
    with FixedClock() as fixed, pytest.raises(UsageError, match="second one"):
        fixed.__enter__()


def test_ids_count_from_one_and_go_back_to_unique_ones() -> None:
    with fixed_ids():
        assert [ids.next_span_id(), ids.next_span_id()] == [1, 2]
        assert ids.next_trace_id() == "0" * 31 + "1"
    assert ids.next_span_id() > 2**32


def test_each_block_starts_again() -> None:
    for _ in range(2):
        with fixed_ids():
            assert ids.next_span_id() == 1
