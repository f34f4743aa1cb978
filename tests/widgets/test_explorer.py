"""The explorer without a kernel: what it tells a page, what it can be asked from Python, how it ends."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import ipywidgets
import pytest
import traitlets

import spanbook as sb
from spanbook.api._trace import Trace
from spanbook.tracer import _report
from spanbook.widgets import TraceExplorer, _live, _rpc_files
from spanbook.widgets._live import Change, Hub, hub
from tests.widgets.page import CapturedExplorer, TreePage, wait_for

Agent = Callable[[], Trace]


def explorer(trace: Trace) -> CapturedExplorer:
    return CapturedExplorer(trace._reader, trace.trace_id)


def ask(widget: Any, method: Any, **params: Any) -> dict[str, Any]:
    """Send a request as a page does; returns the whole reply."""
    widget._handle_custom_msg({"kind": "rpc", "v": 1, "id": "r1", "method": method, "params": params}, [])
    reply: dict[str, Any] = widget.messages()[-1][0]
    return reply


# -- what a page is given


def test_the_traits_hold_the_tree(agent: Agent) -> None:
    page = explorer(agent()).page()
    assert page.tree() == [
        ("assistant", "", None, False),
        ("search_docs", "", "assistant", False),
        ("plan", "gpt-4o-mini", "assistant", False),
        ("lookup_price", "TimeoutError", "assistant", False),
        ("lookup_price", "", "assistant", False),
        ("answer", "gpt-4o-mini", "assistant", False),
    ]
    assert (page.summary["n_llm"], page.summary["n_errors"], page.summary["input_tokens"]) == (2, 1, 2_200)
    assert page.rows[1]["start"] == pytest.approx(100)


def test_the_state_is_small_and_holds_no_payload(agent: Agent) -> None:
    state = explorer(agent()).get_state()
    sent = repr({name: value for name, value in state.items() if name != "_esm"})
    assert len(sent) < 5_000
    assert "29 EUR" not in sent


def test_an_unknown_trace_is_refused(store: sb.Store) -> None:
    with sb.span("known"):
        pass
    with pytest.raises(sb.TraceNotFoundError, match="no trace"):
        TraceExplorer(store.last_trace()._reader, "0" * 32)
    assert hub.views() == []


def test_it_reads_the_same_wherever_it_runs(agent: Agent) -> None:
    widget = agent().view()
    assert repr(widget) == "<TraceExplorer 'assistant' 6 spans, ok>"
    assert str(widget).splitlines()[0].startswith("assistant: ")


def test_a_bundle_that_is_not_built_says_what_to_do(
    agent: Agent, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_rpc_files, "STATIC", tmp_path)
    assert "run `make build`" in agent().view()._esm


# -- requests


def test_a_request_is_answered_with_its_id(agent: Agent) -> None:
    reply = ask(explorer(agent()), "find", query="search_docs")
    assert reply == {"kind": "rpc-response", "v": 1, "id": "r1", "result": {"rows": [1]}}


@pytest.mark.parametrize("method", ["close", "_answer", None, ["find"]])
def test_what_is_no_request_is_refused(agent: Agent, method: Any) -> None:
    assert "is no request of this view" in ask(explorer(agent()), method)["error"]["message"]


def test_a_failure_of_ours_is_answered_too(agent: Agent) -> None:
    class Broken(CapturedExplorer):
        def _answer(self, method: Any, params: Any) -> Any:
            raise ZeroDivisionError("division by zero")

    trace = agent()
    _report.forget_said()
    with pytest.warns(sb.SpanbookWarning, match="answer a view"):
        reply = ask(Broken(trace._reader, trace.trace_id), "detail", row=0)
    assert reply["error"] == {"message": "ZeroDivisionError: division by zero"}


def test_requests_on_another_thread_read_through_its_own_connection(agent: Agent) -> None:
    widget = explorer(agent())
    thread = threading.Thread(target=lambda: ask(widget, "detail", row=2))
    thread.start()
    thread.join()
    assert widget.messages()[-1][0]["result"]["span"]["name"] == "plan"


# -- selection


def test_selection_works_without_a_page(agent: Agent) -> None:
    trace = agent()
    widget = trace.view()
    assert widget.selected is None
    widget.selected_span_id = trace.spans[2].span_id
    assert widget.selected is not None
    assert widget.selected.name == "plan"


def test_the_row_that_a_page_selects_is_selected_at_once(agent: Agent) -> None:
    """The page, which may be elsewhere by now, is not told: the cell after the click may read it."""
    trace = agent()
    widget, seen = explorer(trace), list[str]()
    widget.observe(lambda change: seen.append(change["new"]), "selected_span_id")
    for row in (2, 99, None):  # the last two are no rows
        widget._handle_custom_msg({"kind": "select", "row": row}, [])
    assert seen == [trace.spans[2].span_id] == [widget.selected_span_id]
    assert [update for update in widget.updates() if "selected_span_id" in update] == []


def test_a_span_of_another_trace_cannot_be_selected(agent: Agent) -> None:
    widget = agent().view()
    with pytest.raises(traitlets.TraitError, match="is no span of trace"):
        widget.selected_span_id = "f" * 16
    assert widget.selected_span_id is None


# -- live


def test_a_page_follows_a_trace_that_runs(store: sb.Store) -> None:
    with sb.span("job") as job:
        widget = explorer(sb.get_trace(job.trace_id))
        assert widget.page().tree() == [("job", "", None, True)]
        for at in range(3):
            with sb.span(f"step {at}", kind="tool"):
                time.sleep(0.02)
        sb.flush()
        wait_for(lambda: len(widget.page().rows) == 4)
        assert widget.page().summary["status"] == "open"
    sb.flush()
    wait_for(lambda: widget.page().summary["status"] == "ok")
    whole = explorer(sb.get_trace(job.trace_id)).page()
    assert widget.page().tree() == whole.tree()
    assert widget.page().gaps == 0


def test_pushes_come_at_most_ten_times_a_second(store: sb.Store) -> None:
    with sb.span("job") as job:
        widget = explorer(sb.get_trace(job.trace_id))
        began = time.monotonic()
        while time.monotonic() - began < 0.6:
            with sb.span("step"):
                pass
            sb.flush()
    times = [at for at, _, msg, _ in widget.sent if msg["method"] == "custom"]
    assert 2 <= len(times) <= 8
    assert min(after - before for before, after in pairwise(times)) > 0.08


def test_what_is_written_while_the_view_is_made_is_not_lost(store: sb.Store) -> None:
    class Slow(CapturedExplorer):
        def _read_first(self) -> dict[str, Any]:
            traits = super()._read_first()
            with sb.span("meanwhile"):
                pass
            sb.flush()
            return traits

    with sb.span("job") as job:
        trace = sb.get_trace(job.trace_id)
        widget = Slow(trace._reader, trace.trace_id)
        wait_for(lambda: len(widget.page().rows) == 2)


def test_a_view_opened_later_finds_the_end_of_the_trace_in_the_traits(store: sb.Store) -> None:
    with sb.span("job") as job:
        widget = explorer(sb.get_trace(job.trace_id))
    sb.flush()
    wait_for(lambda: any("_cols" in state for state in widget.updates()))
    state = widget.updates()[-1]
    assert TreePage(state["_meta"], state["_cols"]).tree() == [("job", "", None, False)]
    assert state["_rev"] == state["_meta"]["rev"] == widget.page().rev


def test_a_page_that_missed_messages_gets_all_of_it(store: sb.Store) -> None:
    with sb.span("job") as job:
        widget = explorer(sb.get_trace(job.trace_id))
        hub.remove(widget)
        with sb.span("unseen"):
            pass
        sb.flush()
        ask(widget, "reload")
        meta, (cols,) = widget.messages()[-1][0]["result"], widget.messages()[-1][1]
        page = TreePage(meta, cols)
        assert [name for name, *_ in page.tree()] == ["job", "unseen"]
        assert page.rev == 1


def test_a_view_that_cannot_be_made_is_told_nothing(store: sb.Store) -> None:
    """It was known already to who tells, and waited for."""
    said: list[object] = []

    class Unmade(TraceExplorer):
        def _read_first(self) -> dict[str, Any]:
            waits = threading.Thread(target=lambda: said.extend([self.tick(later=True), self.take({})]))
            waits.start()
            said.append(waits)
            return super()._read_first()

    with pytest.raises(sb.TraceNotFoundError):
        Unmade(store._reader, "f" * 32)
    waits = said.pop(0)
    assert isinstance(waits, threading.Thread)
    waits.join(10)
    assert said == [(0, False), 0]


def test_a_span_that_began_before_all_others_moves_the_start(store: sb.Store) -> None:
    with sb.span("job") as job:
        widget = explorer(sb.get_trace(job.trace_id))
    sb.flush()
    early = dict(widget._state.trace) | {"start_ns": widget._state.trace["start_ns"] - 10**9}
    span = {"span_id": "a" * 16, "parent_id": None, "name": "early", "kind": "span", "status": "ok",
            "start_ns": early["start_ns"], "end_ns": early["start_ns"] + 1, "first_token_ns": None,
            "input_tokens": None, "output_tokens": None, "cost_usd": None, "model": None, "error_type": None,
            "counted": 1}  # fmt: skip
    before = widget._state.rev
    widget.take({widget.trace_id: Change([span], early, [])})
    assert widget._state.rev == before + 2  # a gap: the page asks for everything
    page = TreePage(*widget._state.whole())
    assert [row["start"] for row in page.rows] == [pytest.approx(1000), 0]


def test_streamed_text_is_shown_redacted_and_never_half_a_key(store: sb.Store) -> None:
    key = "sk-proj-" + "a1B2c3D4e5F6g7H8" * 3
    with sb.span("answer", kind="llm") as span:
        widget = explorer(sb.get_trace(span.trace_id))
        span.partial(f"The key is {key[:30]}")
        wait_for(lambda: widget.page().partials)
        span.partial(f"The key is {key} as you know")
        wait_for(lambda: len(widget.page().partials) > 1)
    texts = [partial["text"] for partial in widget.page().partials]
    assert texts[0] == "The key is "
    assert all(key[:16] not in text for text in texts)
    assert texts[-1].endswith("] as you know")
    assert widget.page().partials[0]["row"] == 0


def test_metadata_only_shows_no_streamed_text(tmp_path: Any) -> None:
    sb.init(tmp_path / "private.db", redact="metadata-only", instrument=False)
    with sb.span("answer", kind="llm") as span:
        widget = explorer(sb.get_trace(span.trace_id))
        span.partial("my secret life ")
        time.sleep(0.4)
    assert all("secret life" not in partial["text"] for partial in widget.page().partials)
    widget.close()


def test_a_long_text_is_shown_by_its_end(store: sb.Store) -> None:
    with sb.span("answer", kind="llm") as span:
        widget = explorer(sb.get_trace(span.trace_id))
        span.partial("word " * 20_000)
        wait_for(lambda: widget.page().partials)
    assert len(widget.page().partials[0]["text"]) == 20_000


def test_a_view_that_fails_stops_no_other(store: sb.Store) -> None:
    class Failing(CapturedExplorer):
        def _take(self, changes: Any) -> int:
            raise LookupError("shell_parent")  # what ipykernel 7.0 raises when a thread sends

    _report.forget_said()
    lost = hub.lost
    with sb.span("job") as job:
        trace = sb.get_trace(job.trace_id)
        failing, widget = Failing(trace._reader, trace.trace_id), explorer(trace)
    # the warning is given on the thread of the hub, where pytest does not see it
    sb.flush()
    wait_for(lambda: widget.page().summary["status"] == "ok")
    assert hub.lost > lost
    assert failing in hub.views()


def test_without_threads_views_are_told_at_once(store: sb.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    alone = Hub()
    monkeypatch.setattr(_live, "hub", alone)
    monkeypatch.setattr("spanbook.widgets._base.hub", alone)
    with sb.span("job") as job:
        trace = sb.get_trace(job.trace_id)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", no_thread)
            widget = explorer(trace)
    sb.flush()
    assert widget.page().summary["status"] == "ok"
    assert widget.updates()[-1]["_meta"]["summary"]["status"] == "ok"


# -- the end


def test_a_closed_widget_leaves_nothing_behind(agent: Agent) -> None:
    trace = agent()
    before = len(ipywidgets.widgets.widget._instances)
    widget = trace.view()
    gone = weakref.ref(widget)
    widget.close()
    assert len(ipywidgets.widgets.widget._instances) == before
    assert hub.views() == []
    del widget
    wait_for(lambda: gc.collect() >= 0 and gone() is None)  # the thread of all views may be in the middle of a round


def test_a_closed_widget_can_still_be_read_and_shown_again(agent: Agent) -> None:
    trace = agent()
    widget = trace.view()
    widget.selected_span_id = trace.spans[1].span_id
    model = widget.model_id
    widget.close()
    widget.close()
    assert widget.selected is not None
    assert "search_docs" in str(widget)
    widget.open()
    assert widget.model_id != model
    assert widget._repr_mimebundle_()[0]["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id


def test_nothing_is_sent_to_a_closed_widget(store: sb.Store) -> None:
    with sb.span("job") as job:
        trace = sb.get_trace(job.trace_id)
        widget = explorer(trace)
        widget.close()
        sent = len(widget.__dict__.get("sent", ()))
        widget.send({"kind": "summary"})
    sb.flush()
    time.sleep(0.2)
    assert len(widget.__dict__.get("sent", ())) == sent
