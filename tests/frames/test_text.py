"""Traces as text: a tree and a table that fit a terminal, whatever is in them."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import spanbook as sb
from spanbook.frames import trace_text, traces_text
from spanbook.model import Provenance, Span, TraceSummary

SECOND = 10**9


def span(number: int, parent: int | None = None, **fields: Any) -> Span:
    """Span ``number``: starts at that second and lasts one."""
    given = {"name": f"s{number}", "status": "ok", "end_ns": (number + 1) * SECOND, **fields}
    return Span(
        trace_id="1".zfill(32),
        span_id=f"{number:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        start_ns=number * SECOND,
        **given,
    )


def summary(**fields: Any) -> TraceSummary:
    """A summary whose root is span 1."""
    given: dict[str, Any] = {
        "trace_id": "1".zfill(32), "name": "s1", "root_span_id": f"{1:016x}", "status": "ok", "start_ns": SECOND,
        "end_ns": 2 * SECOND, "n_spans": 1, "n_open": 0, "n_errors": 0, "n_llm": 0, "input_tokens": None,
        "output_tokens": None, "cost_usd": None, "user_id": None, "session_id": None, "tags": (), "metadata": {},
        "environment": None, "release": None, "feature": None, "region": None, "provenance": Provenance(), **fields,
    }  # fmt: skip
    return TraceSummary(**given)


def columns_of(line: str) -> int:
    """How wide a terminal draws the line, told independently of the code under test."""
    wide = sum(2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in line)
    return wide - sum(unicodedata.category(c) in ("Mn", "Me") for c in line)


def test_a_tree_says_kind_model_duration_tokens_and_cost() -> None:
    """The root has the totals of the trace."""
    usage = {"input_tokens": 900, "output_tokens": 100}
    spans = [
        span(1, kind="agent", name="assistant", end_ns=5 * SECOND),
        span(2, 1, kind="retriever", name="search"),
        span(3, 1, kind="llm", name="chat", model="gpt-4o", usage=usage, cost_usd=0.004),
        span(4, 3, name="parse"),
    ]
    assert trace_text(summary(input_tokens=2000, output_tokens=431, cost_usd=0.0042), spans).splitlines() == [
        "✓ assistant  agent  4.00 s  2,431 tok  $0.0042",
        "├─ ✓ search  retriever  1.00 s",
        "└─ ✓ chat  llm  gpt-4o  1.00 s  1,000 tok  $0.0040",
        "   └─ ✓ parse  1.00 s",
    ]


def test_errors_running_and_interrupted_spans_are_marked() -> None:
    """With the error's type and message on one line."""
    spans = [
        span(1, status="open", end_ns=None),
        span(2, 1, status="error", error_type="KeyError", error={"type": "KeyError", "message": "no\nsuch city"}),
        span(3, 1, status="interrupted", end_ns=None),
    ]
    assert trace_text(summary(status="open"), spans).splitlines() == [
        "◌ s1  running",
        "├─ ✗ s2  1.00 s  KeyError: no such city",
        "└─ ⊘ s3  interrupted",
    ]


def test_orphans_stand_beside_the_root() -> None:
    """Their parent may arrive later."""
    assert trace_text(summary(), [span(1), span(2, 9), span(3, 2)]).splitlines() == [
        "✓ s1  1.00 s",
        "✓ s2  1.00 s",
        "└─ ✓ s3  1.00 s",
    ]


def test_a_cycle_is_drawn_once() -> None:
    """Its earliest span begins it."""
    assert trace_text(summary(), [span(1, 3), span(2, 1), span(3, 2), span(4, 4)]).splitlines() == [
        "✓ s4  1.00 s",
        "✓ s1  1.00 s",
        "└─ ✓ s2  1.00 s",
        "   └─ ✓ s3  1.00 s",
    ]


def test_two_hundred_levels_fit() -> None:
    """Deep guides are replaced by their depth."""
    spans = [span(n, n - 1 if n > 1 else None) for n in range(1, 202)]
    lines = trace_text(summary(), spans, width=60).splitlines()
    assert len(lines) == 201
    assert max(map(columns_of, lines)) <= 60
    assert lines[200].startswith("⋯200 ")
    assert "✓ s201  1.00 s" in lines[200]


def test_a_trace_without_spans_is_its_name() -> None:
    """Nothing has arrived but its summary."""
    assert trace_text(summary(name="soon", n_spans=0), []) == "✓ soon  0 spans"


HOSTILE = st.text(max_size=60) | st.sampled_from(["東京" * 30, "a\x1b[2J\rb", "\u202eevil", "e\u0301" * 40, "", "\n\n"])


@given(st.lists(st.tuples(HOSTILE, HOSTILE, st.integers(0, 12)), min_size=1, max_size=8), st.integers(10, 120))
def test_no_line_is_wider_than_asked_or_moves_the_cursor(made: list[tuple[str, str, int]], width: int) -> None:
    """Whatever names, models and messages hold."""
    spans = [
        span(n, parent or None, name=name, model=text, status="error", error={"message": text})
        for n, (name, text, parent) in enumerate(made, start=1)
    ]
    text = trace_text(summary(), spans, width=width)
    lines = text.split("\n")
    assert len(lines) == len(spans)
    assert max(map(columns_of, lines)) <= width
    assert all(line.isprintable() for line in lines)


def test_the_table_shows_one_trace_a_line() -> None:
    """Numbers to the right; no column of users when there are none."""
    made = [
        summary(trace_id="a" * 31 + "1", name="first", n_spans=3, n_errors=1, status="error", cost_usd=1.5),
        summary(trace_id="b" * 32, name="second", status="open", input_tokens=2000, output_tokens=1),
    ]
    assert traces_text(made).splitlines() == [
        "   trace         started (UTC)        name    duration  spans  errors  tokens   cost",
        "✗  aaaaaaaaaaaa  1970-01-01 00:00:01  first     1.00 s      3       1       –  $1.50",
        "◌  bbbbbbbbbbbb  1970-01-01 00:00:01  second   running      1       0   2,001      –",
    ]


def test_the_table_gives_as_many_digits_as_tell_traces_apart() -> None:
    """So each id shown opens its trace."""
    ids = ["a" * 20 + "1" + "0" * 11, "a" * 20 + "2" + "0" * 11]
    lines = traces_text([summary(trace_id=i) for i in ids]).splitlines()[1:]
    assert [line.split()[1] for line in lines] == [ids[0][:21], ids[1][:21]]


def test_no_traces_is_said() -> None:
    """Not an empty table."""
    assert traces_text([]) == "no traces"


@pytest.mark.parametrize("width", [40, 100])
def test_a_real_trace_prints(store: sb.Store, width: int) -> None:
    """Through the public API."""
    with sb.span("outer") as outer, sb.span("inner", "tool"):
        pass
    trace = store.get_trace(outer.trace_id)
    assert trace.to_text(width=width).splitlines() == ["✓ outer  3.00 s", "└─ ✓ inner  tool  1.00 s"]
    assert "outer" in repr(store.traces())
