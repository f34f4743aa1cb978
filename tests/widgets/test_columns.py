"""Columns of the tree: what is encoded is what a page decodes, and what grows stays right."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbook.model import KINDS, STATUSES
from spanbook.store._tree import TREE_COLUMNS
from spanbook.widgets._columns import TreeColumns
from tests.widgets.page import decode

BASE = 1_767_225_600_000_000_000


def row(span: int, parent: int | None = None, **fields: Any) -> dict[str, Any]:
    """One row as the store gives it; it runs unless ``end_ns`` is given."""
    values = dict.fromkeys(TREE_COLUMNS) | {
        "span_id": f"{span:016x}",
        "parent_id": None if parent is None else f"{parent:016x}",
        "name": f"span {span}",
        "kind": "span",
        "status": "open" if fields.get("end_ns") is None else "ok",
        "start_ns": BASE + span * 1_000_000,
        "counted": 1,
    }
    return values | fields


def columns(*rows: dict[str, Any]) -> TreeColumns:
    return TreeColumns([tuple(each.values()) for each in rows], BASE)


def decoded(made: TreeColumns) -> list[dict[str, Any]]:
    data, wide = made.encode()
    return decode(data, len(made), wide=wide)


numbers = st.none() | st.integers(0, 2**31)
rows = st.lists(
    st.builds(
        lambda span, parent, name, kind, status, start, duration, tokens, cost, counted: row(
            span, parent, name=name, kind=kind, status=status, start_ns=BASE + start,
            end_ns=None if status == "open" else BASE + start + duration, input_tokens=tokens, cost_usd=cost,
            counted=counted,
        ),
        span=st.integers(1, 40), parent=st.none() | st.integers(1, 40), name=st.text(max_size=8),
        kind=st.sampled_from(KINDS), status=st.sampled_from(STATUSES), start=st.integers(0, 10**12),
        duration=st.integers(0, 10**12), tokens=numbers, cost=st.none() | st.floats(0, 100), counted=st.integers(0, 1),
    ),
    unique_by=lambda each: each["span_id"], max_size=12,
)  # fmt: skip


@settings(max_examples=40)
@given(rows)
def test_what_is_encoded_is_what_a_page_decodes(given: list[dict[str, Any]]) -> None:
    made = columns(*given)
    at = {each["span_id"]: number for number, each in enumerate(given)}
    for each, seen in zip(given, decoded(made), strict=True):
        assert seen["start"] == (each["start_ns"] - BASE) / 1e6
        runs = each["end_ns"] is None
        assert (
            math.isnan(seen["duration"])
            if runs
            else seen["duration"] == pytest.approx((each["end_ns"] - each["start_ns"]) / 1e6, rel=1e-6)
        )
        assert seen["parent"] == at.get(each["parent_id"], -1)
        assert seen["tokens"] == (each["input_tokens"] or 0)
        assert math.isnan(seen["cost"]) if each["cost_usd"] is None else seen["cost"] == pytest.approx(each["cost_usd"])
        assert made.names.texts[seen["name"]] == each["name"]
        assert KINDS[seen["kind"]] == each["kind"]
        assert STATUSES[seen["status"] & 3] == each["status"]
        assert bool(seen["status"] & 16) is not bool(each["counted"])


@settings(max_examples=40)
@given(rows, st.randoms())
def test_rows_that_come_one_by_one_in_any_order_end_as_those_that_come_at_once(
    given: list[dict[str, Any]], random: Any
) -> None:
    late = list(given)
    random.shuffle(late)
    made, at_once = columns(), columns(*late)
    for each in late:
        made.put(each)
    assert str(decoded(made)) == str(decoded(at_once))  # as text, since NaN is not equal to itself


def test_an_end_changes_its_row_and_nothing_else() -> None:
    made = columns(row(1), row(2, 1))
    assert made.put(row(2, 1, end_ns=BASE + 5_000_000)) == [1]
    assert made.put(row(2, 1, end_ns=BASE + 5_000_000)) == []
    assert decoded(made)[1]["duration"] == 3


def test_a_late_parent_takes_its_children() -> None:
    made = columns(row(2, 1), row(3, 1))
    assert made.put(row(1)) == [2, 0, 1]
    assert [each["parent"] for each in decoded(made)] == [2, 2, -1]


def test_a_state_that_is_behind_changes_nothing() -> None:
    """A listener may be told of a start that the store, read a moment before, already says has ended."""
    made = columns(row(1, end_ns=BASE + 5_000_000))
    assert made.put(row(1)) == []


def test_more_names_than_two_bytes_can_count() -> None:
    like = tuple(row(1).values())
    made = TreeColumns([(f"{at}", None, f"span {at}", *like[3:]) for at in range(65_537)], BASE)
    data, wide = made.encode()
    assert wide
    assert decode(data, len(made), wide=True)[-1]["name"] == 65_536
    assert len(data) == 36 * len(made)


@pytest.mark.parametrize(
    ("fields", "sub"),
    [
        ({"model": "gpt-4o"}, "gpt-4o"),
        ({"model": "gpt-4o", "name": "gpt-4o"}, ""),  # said once
        ({"model": "gpt-4o", "status": "error", "error_type": "TimeoutError"}, "TimeoutError"),
    ],
)
def test_what_stands_beside_the_name(fields: dict[str, Any], sub: str) -> None:
    made = columns(row(1, **fields))
    assert made.subs.texts[decoded(made)[0]["sub"]] == sub
