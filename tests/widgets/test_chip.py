"""The chip of a cell: totals while it runs and after, explorers inside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import spanbook as sb
from spanbook.api._trace import Trace
from spanbook.model import StoreError
from spanbook.store._write import Batch, SpanRecord, StoreWriter
from spanbook.tracer import _recorder
from spanbook.widgets import Chip
from spanbook.widgets._facts import bars
from spanbook.widgets._live import Change
from tests.widgets.page import CapturedChip, TreePage, wait_for

Agent = Callable[[], Trace]


def chip(trace: Trace, **given: Any) -> CapturedChip:
    return CapturedChip(trace._reader, [trace.trace_id], **given)


def ask(widget: CapturedChip, method: str, **params: Any) -> tuple[dict[str, Any], list[bytes]]:
    widget._handle_custom_msg({"kind": "rpc", "id": 1, "method": method, "params": params}, [])
    return widget.messages()[-1]


def test_the_line_says_what_the_cell_did(agent: Agent) -> None:
    facts = chip(agent())._summary
    assert {name: facts[name] for name in ("n_traces", "n_spans", "n_llm", "tokens", "n_errors", "running")} == {
        "n_traces": 1, "n_spans": 6, "n_llm": 2, "tokens": 2_300, "n_errors": 1, "running": False,
    }  # fmt: skip
    assert facts["cost_usd"] > 0
    assert facts["traces"][0]["name"] == "assistant"


def test_the_miniature_has_three_levels_and_marks_errors(agent: Agent) -> None:
    drawn = chip(agent())._summary["bars"]
    assert [(lane, failed) for _, _, lane, _, failed in drawn] == [(0, 0), (1, 0), (1, 0), (1, 1), (1, 0), (1, 0)]
    assert drawn[0][:2] == [0, 1]
    assert all(0 <= left <= 1 and 0 <= width <= 1 for left, width, *_ in drawn)


def test_the_miniature_of_spans_in_a_loop_ends() -> None:
    loop = [{"span_id": "a", "parent_id": "b", "kind": "span", "status": "ok", "start_ns": 0, "end_ns": 1},
            {"span_id": "b", "parent_id": "a", "kind": "span", "status": "ok", "start_ns": 0, "end_ns": 1}]  # fmt: skip
    assert bars(loop, 1) == []


def test_a_chip_follows_a_cell_that_runs(store: sb.Store) -> None:
    sb.flush()
    widget = CapturedChip(store._reader, running=True)
    with sb.span("first") as first:
        sb.flush()
        widget.add_traces([first.trace_id])
        assert widget._summary["traces"][0]["status"] == "open"
        with sb.span("inner", kind="llm"):
            pass
        sb.flush()
        wait_for(lambda: widget._summary["n_spans"] == 2)
    with sb.span("second") as second:
        widget.add_traces([first.trace_id, second.trace_id])  # not in the store yet
    sb.flush()
    wait_for(lambda: len(widget._summary["traces"]) == 2)
    assert widget._summary["running"]
    widget.finish()
    assert (widget._summary["n_traces"], widget._summary["running"]) == (2, False)


def test_at_the_end_of_its_cell_it_says_what_it_was_not_told_yet(store: sb.Store) -> None:
    job = sb.span("job").start()
    widget = chip(sb.get_trace(job.trace_id), running=True)
    missed = "e" * 32
    widget.add_traces([missed])
    ended = {"span_id": job.span_id, "status": "ok", "end_ns": job.start_ns + 1}
    started = {"name": "missed", "kind": "span", "start_ns": job.start_ns, "parent_id": None}
    StoreWriter(store.path).write(
        Batch(
            spans=[
                SpanRecord({**started, **ended, "trace_id": missed}),
                SpanRecord({**ended, "trace_id": job.trace_id}),
            ]
        )
    )
    assert [each["status"] for each in widget._summary["traces"]] == ["open"]
    widget.finish()
    assert not widget._summary["running"]
    assert {each["name"]: each["status"] for each in widget._summary["traces"]} == {"job": "ok", "missed": "ok"}
    job.end()


def test_the_end_of_its_cell_is_told_where_the_store_cannot_be_read(store: sb.Store) -> None:
    sb.flush()
    widget = CapturedChip(store._reader, ["e" * 32], running=True)
    store.path.rename(store.path.with_suffix(".away"))
    store.path.mkdir()
    with pytest.raises(StoreError):
        widget.finish()
    assert not widget._summary["running"]
    store.path.rmdir()


def test_a_trace_that_outlives_its_cell_is_still_followed(store: sb.Store) -> None:
    go_on = threading.Event()
    span = sb.span("background").__enter__()

    def work() -> None:
        go_on.wait(5)
        span.end()

    thread = threading.Thread(target=work)
    thread.start()
    widget = chip(sb.get_trace(span.trace_id), running=True)
    widget.finish()
    assert widget._summary["running"]
    go_on.set()
    thread.join()
    sb.flush()
    wait_for(lambda: not widget._summary["running"])
    span.__exit__(None, None, None)


def test_a_chip_that_is_over_holds_no_spans_and_reads_them_again_for_a_late_one(store: sb.Store) -> None:
    with sb.span("job") as job, sb.span("step"):
        pass
    widget = chip(sb.get_trace(job.trace_id), running=True)
    widget.finish()
    assert (widget._spans, len(widget._summary["bars"])) == ({}, 2)
    late = {"trace_id": job.trace_id, "span_id": "f" * 16, "parent_id": job.span_id, "name": "late", "kind": "tool",
            "status": "ok", "start_ns": job.start_ns, "end_ns": job.start_ns + 1}  # fmt: skip
    StoreWriter(store.path).write(Batch(spans=[SpanRecord(late)]))
    widget.take({job.trace_id: Change([late], None, [])})
    assert len(widget._summary["bars"]) == 3


def test_spans_dropped_before_the_cell_are_not_said_again(store: sb.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Chip, "_dropped_told", 0)
    monkeypatch.setattr(_recorder, "dropped", 3)
    first = CapturedChip(store._reader, running=True)
    first.finish()
    assert first._summary["dropped"] == 3
    assert CapturedChip(store._reader, running=True)._summary["dropped"] == 0


def test_the_duration_of_a_running_cell_is_told_each_second(store: sb.Store) -> None:
    with sb.span("slow") as span:
        widget = chip(sb.get_trace(span.trace_id), running=True)
        time.sleep(1.4)
    told = [state["_summary"]["duration_ms"] for state in widget.updates() if "_summary" in state]
    assert 1 <= len(told) <= 2
    assert told[0] > 900


def test_an_explorer_in_the_chip_loads_and_follows_its_trace(store: sb.Store) -> None:
    with sb.span("job") as job:
        widget = chip(sb.get_trace(job.trace_id), running=True)
        reply, (cols,) = ask(widget, "load", trace=job.trace_id)
        page = TreePage(reply["result"], cols)
        assert page.tree() == [("job", "", None, True)]
        with sb.span("step"):
            pass
        sb.flush()
        wait_for(lambda: any(message.get("kind") == "rows" for message, _ in widget.messages()))
        message, buffers = next(each for each in widget.messages() if each[0].get("kind") == "rows")
        assert message["trace"] == job.trace_id
        page.receive(message, buffers)
        assert page.tree()[1][:3] == ("step", "", "job")
        assert ask(widget, "detail", trace=job.trace_id, row=1)[0]["result"]["span"]["name"] == "step"


def test_streamed_text_reaches_the_explorer_in_the_chip(store: sb.Store) -> None:
    with sb.span("answer", kind="llm") as span:
        widget = chip(sb.get_trace(span.trace_id))
        ask(widget, "load", trace=span.trace_id)
        span.partial("Once upon a time there ")
        wait_for(lambda: any(message.get("kind") == "partial" for message, _ in widget.messages()))
    message = next(message for message, _ in widget.messages() if message.get("kind") == "partial")
    assert (message["trace"], message["text"]) == (span.trace_id, "Once upon a time there ")


def test_a_closed_panel_is_told_no_rows(store: sb.Store) -> None:
    with sb.span("job") as job:
        widget = chip(sb.get_trace(job.trace_id))
        widget._open = True
        ask(widget, "load", trace=job.trace_id)
        widget._open = False
        with sb.span("step"):
            pass
        sb.flush()
        wait_for(lambda: widget._summary["n_spans"] == 2)
    assert not any(message.get("kind") == "rows" for message, _ in widget.messages())


@pytest.mark.parametrize("trace", ["0" * 32, None, 3])
def test_only_traces_of_the_cell_are_handed_out(agent: Agent, trace: Any) -> None:
    reply, _ = ask(chip(agent()), "load", trace=trace)
    assert "is none of this cell's" in reply["error"]["message"]


def test_bundles_can_be_asked_for_without_a_trace(agent: Agent) -> None:
    reply, (data,) = ask(chip(agent()), "asset", name="explorer.js")
    assert reply["result"]["name"] == "explorer.js"
    assert len(data) > 10_000


def test_the_selection_of_an_explorer_in_the_chip_is_readable(agent: Agent) -> None:
    trace = agent()
    widget = chip(trace)
    assert widget.selected is None
    widget._view = {"trace": trace.trace_id, "selected": trace.spans[2].span_id}
    assert widget.selected is not None
    assert widget.selected.name == "plan"


def test_an_empty_chip_says_so(store: sb.Store) -> None:
    with sb.span("elsewhere"):
        pass
    sb.flush()
    widget = Chip(store._reader)
    assert str(widget).startswith("0 traces")
    assert "<details>" in widget._repr_html_()
