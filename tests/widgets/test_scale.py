"""Traces of 100,000 spans and payloads of megabytes: counts, sizes and orders of growth, never wall time."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import spanbook as sb
from spanbook.store._read import StoreReader
from spanbook.store._write import Batch, SpanRecord, StoreWriter
from spanbook.widgets import _state
from spanbook.widgets._live import Change
from spanbook.widgets._requests import TraceRequests
from spanbook.widgets._rpc_detail import MAX_SLICE, MAX_TREE, SLICE
from spanbook.widgets._snapshot import snapshot_html, snapshot_text
from spanbook.widgets._state import TraceState
from tests.widgets.page import TreePage

TRACE = "a" * 32


def write_trace(path: Path, n: int, parent_of: Callable[[int], int] = lambda at: (at - 1) // 9) -> StoreReader:
    """Write a trace of ``n`` spans into a store of its own; ``parent_of`` gives the parent's place."""
    writer = StoreWriter(path)
    for first in range(0, n, 5_000):
        spans = [
            SpanRecord({
                "trace_id": TRACE, "span_id": f"{at + 1:016x}",
                "parent_id": f"{parent_of(at) + 1:016x}" if at else None,
                "name": f"step {at % 97}", "kind": ("llm", "tool", "span")[at % 3], "status": "ok",
                "start_ns": 10**18 + at * 137_123, "end_ns": 10**18 + at * 137_123 + at * 7_919 % 9_000_000,
                "input_tokens": at % 4_000, "output_tokens": at % 300, "model": "gpt-4o-mini",
                "cost_usd": 0.00001 * (at % 17),
            })
            for at in range(first, min(first + 5_000, n))
        ]  # fmt: skip
        writer.write(Batch(spans=spans))
    return StoreReader(path)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> StoreReader:
    """A trace of 100,000 spans."""
    return write_trace(tmp_path_factory.mktemp("large") / "store.db", 100_000)


def test_a_hundred_thousand_rows_arrive_whole_in_four_megabytes(large: StoreReader) -> None:
    meta, data = TraceState(large, TRACE).whole()
    assert (meta["n"], meta["cut"]) == (100_000, 0)
    assert len(data) + len(json.dumps(meta)) < 4_000_000
    page = TreePage(meta, data)
    assert len(page.rows) == 100_000
    assert [row["parent"] for row in page.rows[:11]] == [-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]


def test_a_push_is_as_long_as_its_changes_not_as_the_trace(large: StoreReader) -> None:
    state = TraceState(large, TRACE)
    new = {
        "trace_id": TRACE, "span_id": "f" * 16, "parent_id": f"{1:016x}", "name": "late", "kind": "tool",
        "status": "open", "start_ns": 2 * 10**18, "end_ns": None, "first_token_ns": None, "input_tokens": None,
        "output_tokens": None, "cost_usd": None, "model": None, "error_type": None, "counted": 1,
    }  # fmt: skip
    ((message, buffers),) = state.apply(Change([new], None, []))
    assert (message["count"], message["n"]) == (1, 100_001)
    assert len(json.dumps(message)) + sum(map(len, buffers)) < 1_500


def test_the_snapshot_of_a_large_trace_is_small(large: StoreReader) -> None:
    assert len(snapshot_html(large, TRACE, uid="u").encode()) < 20_000
    assert "… 99,975 more" in snapshot_text(large, TRACE)


def test_the_snapshot_reads_two_columns_of_all_spans_and_the_rest_of_those_it_shows(
    large: StoreReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All columns of 100,000 spans took four times as long."""
    values = 0
    read = StoreReader.rows

    def counted(reader: StoreReader, query: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        nonlocal values
        found: list[tuple[Any, ...]] = read(reader, query, parameters)
        values += sum(len(row) for row in found)
        return found

    monkeypatch.setattr(StoreReader, "rows", counted)
    snapshot_html(large, TRACE)
    assert values < 2.1 * 100_000


def test_what_is_beyond_the_limit_is_counted_and_comes_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_state, "MAX_ROWS", 40)
    reader = write_trace(tmp_path / "store.db", 100)
    state = TraceState(reader, TRACE, most=40)
    ask = TraceRequests(state).answer
    seen = []
    meta, _ = state.whole()
    page = TreePage(*state.whole())
    while meta["cut"]:
        seen.append((meta["n"], meta["cut"]))
        meta, buffers = ask("reload", {"more": True})
        before = [row["start"] for row in page.rows]
        page.load(meta, buffers[0])
        assert [row["start"] for row in page.rows][: len(before)] == before  # rows keep their places
    assert seen == [(40, 60), (80, 20)]
    assert meta["n"] == 100
    assert ask("reload", {"more": True})[0]["n"] == 100
    assert TreePage(*TraceState(reader, TRACE).whole()).tree() == page.tree()


def test_rows_that_come_while_a_trace_is_cut_are_counted(tmp_path: Path) -> None:
    state = TraceState(write_trace(tmp_path / "store.db", 10), TRACE, most=5)
    assert state.whole()[0]["cut"] == 5
    meta, _ = state.read_again()
    assert (meta["n"], meta["cut"]) == (5, 5)


def test_a_chain_of_two_hundred_and_of_fifty_thousand(tmp_path: Path) -> None:
    """Depth costs no recursion, in columns, outline or text."""
    for n in (200, 50_000):
        reader = write_trace(tmp_path / f"{n}.db", n, lambda at: at - 1)
        page = TreePage(*TraceState(reader, TRACE).whole())
        assert [row["parent"] for row in page.rows] == list(range(-1, n - 1))
        assert f"… {n - 25:,} more" in snapshot_text(reader, TRACE)


@pytest.fixture
def ask(store: sb.Store) -> Callable[[Any], Callable[..., Any]]:
    """Trace a span with this input, and return what answers requests about it."""

    def trace(value: Any) -> Callable[..., Any]:
        with sb.span("read", input=value):
            pass
        trace = store.last_trace()
        requests = TraceRequests(TraceState(trace._reader, trace.trace_id))
        return lambda method, **params: requests.answer(method, {"row": 0, **params})[0]

    return trace


def read_whole(answer: Callable[..., Any], long: dict[str, Any]) -> tuple[str, int]:
    """Ask for a long text to its end as a page does; return it and how often it was asked for."""
    text, at, times = long["head"], len(long["head"]), 0
    while at is not None:
        slice_ = answer("more", field=long["field"], path=long["path"], offset=at)
        assert len(slice_["text"]) <= MAX_SLICE
        text, at, times = text + slice_["text"], slice_["next"], times + 1
    return text, times


def test_texts_of_ten_megabytes_open_in_slices(ask: Callable[[Any], Callable[..., Any]]) -> None:
    pages = [f"page {at} " + "word and word " * 70_000 for at in range(10)]
    answer = ask(pages)
    detail = answer("detail")
    assert sum(map(len, pages)) > 9_500_000
    assert len(json.dumps(detail)) < 100_000
    text, times = read_whole(answer, detail["input"]["value"][3])
    assert text == pages[3]
    assert times < 2 + len(text) / SLICE / 2  # slices grow: ten readings of the span in place of fifteen


def test_json_of_megabytes_opens_as_text_in_slices(ask: Callable[[Any], Callable[..., Any]]) -> None:
    records = [{"id": at, "text": "some words " * 80} for at in range(5_000)]
    answer = ask(records)
    detail = answer("detail")
    assert len(json.dumps(detail)) < 20_000
    assert detail["input"]["kind"] == "json"
    text, times = read_whole(answer, detail["input"]["value"])
    assert len(text) > MAX_TREE
    assert json.loads(text) == records
    assert times < 12


def test_json_below_that_stays_a_tree(ask: Callable[[Any], Callable[..., Any]]) -> None:
    records = [{"id": at, "text": "some words"} for at in range(5_000)]
    assert ask(records)("detail")["input"]["value"] == records


def test_nothing_here_recurses_by_depth() -> None:
    assert sys.getrecursionlimit() < 50_000  # or the chain above would prove nothing
