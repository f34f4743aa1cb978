"""What a page may do: complete a filter, score, correct, stop; and how it learns that a cell ran since."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import spanbook as sb
from spanbook.api._trace import Trace
from spanbook.model import SpanbookError, UsageError
from spanbook.store._known import KnownTexts
from spanbook.store._read import StoreReader
from spanbook.testing import FixedClock
from spanbook.tracer import _cell
from spanbook.widgets._requests import TraceRequests
from spanbook.widgets._state import TraceState
from tests.widgets.page import CapturedExplorer, wait_for

Agent = Callable[[], Trace]


def requests_of(trace: Trace, store: sb.Store) -> TraceRequests:
    return TraceRequests(TraceState(store._reader, trace.trace_id))


def ask(requests: TraceRequests, method: str, **params: Any) -> Any:
    answer, buffers = requests.answer(method, params)
    assert buffers == []
    return answer


def proposed(requests: TraceRequests, query: str, at: int | None = None) -> list[str]:
    items = ask(requests, "complete", query=query, at=len(query) if at is None else at)["items"]
    return [item["text"] for item in items]


# -- completing


def test_values_are_those_of_this_trace(store: sb.Store, agent: Agent) -> None:
    with sb.span("elsewhere", kind="llm", model="another-model"):
        pass
    requests = requests_of(agent(), store)

    assert proposed(requests, 'model == "')[:1] == ['"gpt-4o-mini"']
    assert '"another-model"' not in proposed(requests, 'model == "')
    assert proposed(requests, "kin")[0] == "kind"
    assert proposed(requests, 'kind == "ll" and', 11) == ['"llm"']
    assert "kind" not in proposed(requests, "kind")  # nothing is proposed that stands there already


def test_what_is_wrong_comes_along_and_whether_more_may_mend_it(store: sb.Store, agent: Agent) -> None:
    requests = requests_of(agent(), store)

    def problem(query: str) -> Any:
        return ask(requests, "complete", query=query, at=len(query)).get("error")

    assert problem("price") is None  # words are no filter
    assert problem('kind == "llm"') is None
    wrong = problem("cots > 1")
    assert (wrong["at"], wrong["length"], wrong["unfinished"]) == (0, 4, False)
    for query in ("cost_usd >", '(kind == "llm"', 'kind == "l', "name.startswith("):
        assert problem(query)["unfinished"], query


@pytest.mark.parametrize("params", [{}, {"query": 5}, {"query": "kind", "at": True}, {"query": "ki", "at": -7},
                                    {"query": "ki", "at": 10**9}, {"query": "(" * 5000, "at": 5000}])  # fmt: skip
def test_odd_requests_to_complete_are_answered(store: sb.Store, agent: Agent, params: dict[str, Any]) -> None:
    assert isinstance(ask(requests_of(agent(), store), "complete", **params)["items"], list)


def test_known_texts_are_found_by_name(store: sb.Store) -> None:
    with sb.span("a", user_id="ann", tags=["beta", "vip"], metadata={"tier": "pro"}, attributes={"region": 1}) as span:
        pass
    sb.score("correct", 1.0, trace_id=span.trace_id, span_id=span.span_id)
    store.flush()
    spans, traces = KnownTexts(store._reader, "spans"), KnownTexts(store._reader, "traces")

    assert (spans["user_id"], spans["tags"], spans["metadata"]) == (("ann",), ("beta", "vip"), ("tier",))
    assert (spans["attributes"], spans["scores"]) == (("region",), ("correct",))
    assert (traces["user_id"], traces["tags"], traces["metadata"]) == (("ann",), ("beta", "vip"), ("tier",))
    assert spans.get("input") is None
    assert KnownTexts(store._reader, "spans", "0" * 32)["user_id"] == ()
    for each in (spans, traces):
        assert all(isinstance(each[name], tuple) for name in each)


# -- scoring


def score(requests: TraceRequests, **params: Any) -> Any:
    return ask(requests, "score", **{"row": 2, "client_id": "page-0001", "name": "correct", "value": True, **params})


def test_a_score_of_a_person_is_readable_at_once(store: sb.Store, agent: Agent) -> None:
    trace = agent()
    requests = requests_of(trace, store)

    answer = score(requests, value=0.5, comment="half of it")
    assert answer["is_readable"]
    assert answer["scores"] == ask(requests, "detail", row=2)["scores"]
    (row,) = store.scores_df().to_dict("records")
    assert (row["name"], row["value"], row["source"], row["comment"]) == ("correct", 0.5, "human", "half of it")
    assert (row["trace_id"], row["span_id"]) == (trace.trace_id, trace.spans[2].span_id)


def test_the_same_client_id_is_kept_once(store: sb.Store, agent: Agent) -> None:
    requests = requests_of(agent(), store)
    for value in (True, True, False):
        score(requests, value=value)
    score(requests, row=3)  # of another span: another score
    score(requests, client_id="page-0002", value=False)

    assert [bool(value) for value in store.scores_df()["value"]] == [True, True, False]


def test_a_corrected_output_is_a_text_however_short(store: sb.Store, agent: Agent) -> None:
    score(requests_of(agent(), store), name="corrected_output", value="no")
    sb.score("corrected_output", "yes", trace_id="1" * 32)
    assert list(store.scores_df()["value_type"]) == ["text", "text"]
    with pytest.raises(UsageError, match="corrected_output = 3 is a int; give the whole output as text"):
        sb.score("corrected_output", 3, trace_id="1" * 32)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"client_id": None}, "client_id=None is no id"),
        ({"client_id": "../../etc"}, "is no id; send 8 to 64"),
        ({"name": " "}, "is no text"),
        ({"value": float("nan")}, "give a finite number"),
        ({"value": [1]}, "give a finite number, a bool or a text"),
        ({"value": None}, "give a finite number"),
        ({"value": "x" * 1_000_001}, "give at most 1,000,000"),
        ({"comment": 5}, "comment=5 is a int; give text"),
        ({"row": 99}, "row 99 is none of this trace's"),
    ],
)
def test_wrong_scores_are_refused_and_nothing_is_kept(
    store: sb.Store, agent: Agent, params: dict[str, Any], says: str
) -> None:
    requests = requests_of(agent(), store)
    with pytest.raises((SpanbookError, LookupError), match=says):
        score(requests, **params)
    assert len(store.scores_df()) == 0


def test_names_are_proposed_the_last_first(store: sb.Store, agent: Agent) -> None:
    requests = requests_of(agent(), store)
    for name, value in (("tone", "polite"), ("correct", True), ("corrected_output", "29"), ("tone", 0.5)):
        sb.score(name, value, trace_id="1" * 32)
    store.flush()

    assert ask(requests, "scoring") == {"names": [["tone", "number"], ["correct", "bool"]], "readonly": None}


def test_another_store_is_written_when_it_was_opened_for_it(store: sb.Store, agent: Agent, tmp_path: Path) -> None:
    trace = agent()
    store.flush()
    other = sb.init(tmp_path / "other.db", instrument=False)
    assert other.path != store.path
    readonly, writable = sb.open(store.path), sb.open(store.path, readonly=False)
    with pytest.raises(UsageError, match="readonly=False"):
        score(requests_of(trace, readonly))
    assert "read-only" in ask(requests_of(trace, readonly), "scoring")["readonly"]
    assert score(requests_of(trace, writable))["scores"][0]["value"] is True
    assert StoreReader(store.path).is_readonly  # nobody writes who did not say so


# -- stopping


def test_cancel_stops_the_task_and_says_which(store: sb.Store) -> None:
    started = threading.Event()

    async def work() -> None:
        with sb.span("long"):
            started.set()
            await asyncio.sleep(60)

    def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(work())

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    store.flush()
    requests = requests_of(store.last_trace(), store)
    assert ask(requests, "cancel", row=0)["task"].startswith("Task-")
    thread.join(10)
    assert not thread.is_alive()
    store.flush()
    with pytest.raises(LookupError, match="'long' has ended already"):
        ask(requests, "cancel", row=0)


def test_cancel_says_when_nothing_can_be_stopped(store: sb.Store) -> None:
    with sb.span("plain"):
        store.flush()
        with pytest.raises(LookupError, match="'plain' does not run in an asyncio task.*Interrupt the kernel"):
            ask(requests_of(store.last_trace(), store), "cancel", row=0)


# -- cells


def run_cell(source: str, cell_id: str = "cell-1") -> str:
    traces = _cell.begin_cell(cell_id=cell_id, source=source, notebook="n.ipynb")
    with sb.span("work"):
        pass
    _cell.end_cell(traces, 5)
    sb.flush()
    return traces[0]


@pytest.fixture
def cells() -> Any:
    yield
    _cell.leave_notebook()


@pytest.mark.parametrize(("source", "stale"), [("x = 2", "changed"), ("x = 1", "again")])
def test_a_cell_that_ran_since_is_told(store: sb.Store, cells: None, source: str, stale: str) -> None:
    view = CapturedExplorer(store._reader, run_cell("x = 1"))
    assert view._state.facts()["cell"]["stale"] is None
    run_cell("y = 1", "cell-2")
    assert view._state.cell_news() is None

    run_cell(source)
    view.tick(later=True)
    wait_for(lambda: any(message["kind"] == "summary" for message, _ in view.messages()))
    last = [message["summary"]["cell"] for message, _ in view.messages() if "summary" in message][-1]
    assert (last["execution_count"], last["stale"]) == (5, stale)
    assert view._state.cell_news() is None  # once


def test_the_newest_run_is_not_stale_and_other_kernels_are_not_known(store: sb.Store, cells: None) -> None:
    with FixedClock(step_s=1.0):
        run_cell("x = 1", "cell-9")
        newest = run_cell("x = 2", "cell-9")
    assert TraceState(store._reader, newest).facts()["cell"]["stale"] is None
    assert _cell.staleness("never run here", "0" * 16, 0) is None
    assert _cell.staleness(None, None, 0) is None
