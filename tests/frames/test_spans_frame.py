"""``spans_df``: columns, dtypes, order, payloads, and what happens to damaged ones."""

from __future__ import annotations

import gc
import sqlite3
from contextlib import closing
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import spanbook as sb
from spanbook.frames import SPAN_FRAME_COLUMNS, spans_frame
from spanbook.store._write import StoreWriter

from .conftest import row, write

PAYLOADS = ["input", "output", "error", "metadata", "model_parameters", "tools", "attributes", "events", "links"]
DTYPES = {
    "datetime64[ns, UTC]": ["start", "end"],
    "float64": ["duration_ms", "time_to_first_token_ms", "cost_usd", "input_cost_usd", "output_cost_usd"],
    "Int64": [
        "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
        "audio_input_tokens", "audio_output_tokens", "execution_count", "process_id",
    ],
    "bool": ["counted"],
    "object": ["tags", *PAYLOADS],
}  # fmt: skip


def test_dtypes_are_as_documented(store: sb.Store) -> None:
    """Text is ``string``, the rest as in the docstring's table."""
    expected = {name: dtype for dtype, names in DTYPES.items() for name in names}
    with sb.span("a", user_id="ada"):
        pass
    frame = store.spans_df()
    assert list(frame.columns) == list(SPAN_FRAME_COLUMNS)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        name: expected.get(name, "string") for name in SPAN_FRAME_COLUMNS
    }


def test_no_rows_have_the_same_columns_and_dtypes(store: sb.Store) -> None:
    """So code written for full results runs on empty ones."""
    with sb.span("a"):
        pass
    pd.testing.assert_series_equal(store.spans_df('name == "nobody"').dtypes, store.spans_df().dtypes)


def test_every_column_is_documented() -> None:
    """The table in the docstring names each."""
    text = spans_frame.__doc__ or ""
    assert [name for name in SPAN_FRAME_COLUMNS if name not in text] == []


def test_values_of_an_llm_span(store: sb.Store) -> None:
    """Times as timestamps, durations in milliseconds, payloads as Python objects."""
    question = [{"role": "user", "parts": [{"type": "text", "content": "how?"}]}]
    with sb.span("chat", "llm", question, model="gpt-4o-mini", provider="openai", tags=["a"]) as span:
        span.first_token()
        span.set(output="so", usage={"input_tokens": 7, "output_tokens": 2}, metadata={"tier": "pro"}, cost_usd=0.5)
    (line,) = store.spans_df().to_dict("records")
    assert line["start"] == pd.Timestamp("2026-01-01", tz="UTC")
    assert (line["time_to_first_token_ms"], line["duration_ms"]) == (1000.0, 2000.0)
    assert (line["input"], line["output"], line["metadata"]) == (question, "so", {"tier": "pro"})
    assert (line["input_tokens"], line["output_tokens"], line["cost_usd"]) == (7, 2, 0.5)
    assert (line["tags"], line["events"], line["links"], line["attributes"]) == (["a"], [], [], {})
    assert (line["error"], line["tools"], line["counted"]) == (None, None, True)


def test_an_open_span_has_no_end(store: sb.Store) -> None:
    """NaT and NaN, and its input is there."""
    span = sb.span("run", input={"n": 1}).start()
    (line,) = store.spans_df().to_dict("records")
    span.end()
    assert (line["status"], line["input"]) == ("open", {"n": 1})
    assert pd.isna(line["end"])
    assert pd.isna(line["duration_ms"])


def test_an_error_and_its_events(store: sb.Store) -> None:
    """The error is a dict, events are dicts with a timestamp."""
    with sb.span("a") as span:
        span.event("retry", {"attempt": 2})
        span.end(ValueError("bad"))
    (line,) = store.spans_df().to_dict("records")
    assert (line["status"], line["error_type"], line["error"]["message"]) == ("error", "ValueError", "bad")
    assert line["events"] == [
        {"name": "retry", "time": pd.Timestamp("2026-01-01 00:00:01", tz="UTC"), "data": {"attempt": 2}}
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=300),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=9), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(JSON, min_size=1, max_size=8))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_payloads_are_what_a_trace_holds(store: sb.Store, values: list[Any]) -> None:
    """Read in bulk or span by span, inline or from blobs, the values are the same."""
    with sb.span("root") as root:
        for value in values:
            with sb.span("step", input=value) as step:
                step.set(output=[value, value])
    trace = store.get_trace(root.trace_id)
    frame = trace.to_frame()
    assert frame["input"].tolist() == [span.input for span in trace.spans]
    assert frame["output"].tolist() == [span.output for span in trace.spans]


def test_rows_are_in_order_of_start(writer: StoreWriter) -> None:
    """Whatever the order of arrival; equal starts stay in order of arrival."""
    store = write(writer, row(3), row(1), row(5, start_ns=10**9), row(2))
    frame = store.spans_df(columns=["span_id", "duration_ms"])
    assert [int(span, 16) for span in frame["span_id"]] == [1, 5, 2, 3]
    assert frame["duration_ms"].tolist() == [1000.0, 5000.0, 1000.0, 1000.0]


def test_many_batches_are_joined(writer: StoreWriter) -> None:
    """More rows than are read at once, each with a payload of its own."""
    rows = [row(n, trace=n, blobs=writer.blobs, input=[{"text": f"{n} " * 80}]) for n in range(1, 1301)]
    frame = write(writer, *rows).spans_df()
    assert frame["start"].is_monotonic_increasing
    assert [value[0]["text"].split()[0] for value in frame["input"]] == [str(n) for n in range(1, 1301)]


def test_limit_takes_the_newest_and_lists_them_oldest_first(writer: StoreWriter) -> None:
    """As ``tail`` would."""
    store = write(writer, row(3), row(1), row(2))
    assert [int(span, 16) for span in store.spans_df(limit=2)["span_id"]] == [2, 3]


def test_since_and_until_bound_the_start(writer: StoreWriter) -> None:
    """From since, before until."""
    store = write(writer, row(1), row(2), row(3))
    assert [int(span, 16) for span in store.spans_df(since=2, until=3)["span_id"]] == [2]


@pytest.mark.parametrize(
    ("where", "count"),
    [('kind == "tool"', 1), ('"needle" in input', 1), ('any(e.name == "x" for e in events)', 0), ("is_root", 1)],
)
def test_filters_choose_rows(store: sb.Store, where: str, count: int) -> None:
    """On narrow columns, on payloads, on other tables, with and without payload columns."""
    with sb.span("root"), sb.span("t", "tool", {"q": "a needle"}):
        pass
    assert len(store.spans_df(where)) == len(store.spans_df(where, columns=["name"])) == count


def test_columns_are_picked_and_ordered(store: sb.Store) -> None:
    """In the order asked for, each once."""
    with sb.span("a"):
        pass
    frame = store.spans_df(columns=["duration_ms", "name", "start", "name"])
    assert list(frame.columns) == ["duration_ms", "name", "start"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (["cost"], "no column 'cost'; did you mean 'cost_usd'"),
        (["zzzz"], "listed in help"),
        ("name", "no list of names"),
    ],
)
def test_unknown_columns_are_refused(store: sb.Store, columns: Any, words: str) -> None:
    """With the nearest match, or where all can be seen."""
    with pytest.raises(sb.UsageError, match=words):
        store.spans_df(columns=columns)


def test_without_text_the_payloads_are_left_out(store: sb.Store) -> None:
    """And the narrow columns stay."""
    with sb.span("a", input="x"):
        pass
    assert list(store.spans_df(text=False).columns) == [n for n in SPAN_FRAME_COLUMNS if n not in PAYLOADS]


def test_a_repeated_message_is_one_object_in_lists_of_their_own(writer: StoreWriter) -> None:
    """As the docstring warns: an agent's history costs its messages once."""
    message = {"role": "user", "content": "x" * 300}
    store = write(writer, *(row(n, blobs=writer.blobs, input=[message]) for n in (1, 2)))
    first, second = store.spans_df()["input"]
    assert first == second == [message]
    assert first is not second
    assert first[0] is second[0]


def test_empty_lists_are_not_shared_between_rows(store: sb.Store) -> None:
    """Changing one row must not change another."""
    for _ in range(2):
        with sb.span("a"):
            pass
    frame = store.spans_df()
    frame["tags"][0].append("x")
    frame["metadata"][0]["k"] = 1
    assert (frame["tags"][1], frame["metadata"][1]) == ([], {})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("DELETE FROM blobs", "missing"),
        ("UPDATE blobs SET body = x'00'", "damaged"),
        ("UPDATE blobs SET codec = 9", "newer"),
    ],
)
def test_what_cannot_be_decoded_says_so_in_its_cell(writer: StoreWriter, change: str, reason: str) -> None:
    """One bad blob does not cost the whole frame."""
    store = write(writer, row(1, blobs=writer.blobs, input=[{"text": "x" * 300}]), row(2))
    with closing(sqlite3.connect(writer.path)) as db, db:
        db.execute(change)
    value = store.spans_df()["input"][0][0]
    assert value["$type"] == "not_captured"
    assert reason in value["reason"]


def test_text_that_is_no_json_says_so_in_its_cell(writer: StoreWriter) -> None:
    """Somebody else wrote into the file."""
    store = write(writer, row(1), row(2))
    with closing(sqlite3.connect(writer.path)) as db, db:
        db.execute("INSERT INTO payloads(span, output) VALUES (1, '[1'), (2, '[2]')")
    broken, fine = store.spans_df()["output"]
    assert (broken["$type"], fine) == ("not_captured", [2])


@pytest.mark.parametrize("was_on", [True, False])
def test_the_cycle_collector_is_left_as_it_was(store: sb.Store, was_on: bool) -> None:
    """It is held back while payloads are decoded, not for good."""
    with sb.span("a"):
        pass
    try:
        if not was_on:
            gc.disable()
        store.spans_df()
        assert gc.isenabled() is was_on
    finally:
        gc.enable()


def test_a_damaged_table_is_one_sentence(writer: StoreWriter) -> None:
    """Never an error from inside SQLite."""
    store = write(writer, *(row(n, name="x" * 200) for n in range(1, 400)))
    store.close()
    writer.close()  # the last to close: everything is in the file now
    data = bytearray(writer.path.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)  # all but the first page, which holds the schema
    writer.path.write_bytes(data)
    with pytest.raises(sb.StoreError, match=r"cannot be|damaged"):
        sb.open(writer.path).spans_df()
