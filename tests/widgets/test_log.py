"""The log of a trace by pages: what happened in order of time, from a real store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import spanbook as sb
from spanbook.api._trace import Trace
from spanbook.testing import FixedClock, fixed_ids
from spanbook.widgets._export import trace_data
from tests.widgets.test_requests import FAILED, LAST, PLAN, asker

Agent = Callable[[], Trace]


def told(entries: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(entry["what"], entry["row"]) for entry in entries]


def test_everything_is_told_in_order_of_time(agent: Agent) -> None:
    found = asker(agent())("log")
    assert told(found["entries"]) == [
        ("start", 0), ("start", 1), ("end", 1), ("start", PLAN), ("first token", PLAN), ("end", PLAN),
        ("start", FAILED), ("error", FAILED), ("start", 4), ("end", 4), ("start", LAST), ("first token", LAST),
        ("end", LAST), ("end", 0),
    ]  # fmt: skip
    times = [entry["at_ms"] for entry in found["entries"]]
    assert times == pytest.approx([100 * at for at in range(14)])
    assert found["total"] == 14
    assert found["counts"] == {"start": 6, "first token": 2, "event": 0, "error": 1, "end": 5, "score": 0}


def test_an_error_says_why_an_event_and_a_score_what(store: sb.Store) -> None:
    with FixedClock(step_s=0.1), fixed_ids():
        try:
            with sb.span("outer") as outer:
                outer.event("retry", {"attempt": 2})
                sb.score("correct", True, comment="checked")
                raise KeyError("plan")
        except KeyError:
            pass
        sb.score("helpful", 0.5, trace_id=store.last_trace().trace_id, source="human")
    entries = asker(store.last_trace())("log")["entries"]
    texts = {entry["what"]: (entry["label"], entry["text"]) for entry in entries[:-1] if "label" in entry}
    assert texts["event"] == ("retry", '{"attempt":2}')
    assert texts["error"] == ("KeyError", "'plan'")
    assert texts["score"] == ("correct", "true · code · checked")
    assert (entries[-1]["row"], entries[-1]["label"], entries[-1]["text"]) == (0, "helpful", "0.5 · human")


def test_long_texts_are_cut(store: sb.Store) -> None:
    with sb.span("loud") as span:
        span.event("e" * 500, "x" * 5_000)
    entry = asker(store.last_trace())("log", kinds=["event"])["entries"][0]
    assert (len(entry["label"]), len(entry["text"])) == (300, 300)


def test_pages_and_kinds(agent: Agent) -> None:
    ask = asker(agent())
    whole = ask("log")["entries"]
    assert [entry for at in range(0, 14, 4) for entry in ask("log", offset=at, limit=4)["entries"]] == whole
    some = ask("log", kinds=["end", "error"], offset=1, limit=2)
    assert (some["total"], told(some["entries"])) == (6, [("end", PLAN), ("error", FAILED)])
    assert ask("log", kinds=[])["entries"] == []
    assert ask("log", offset=99)["entries"] == []
    assert ask("log", offset=2**70)["entries"] == []
    assert len(ask("log", limit=10**12)["entries"]) == 14


def test_the_place_of_a_span_among_what_is_shown(agent: Agent) -> None:
    ask = asker(agent())
    assert ask("log", row=PLAN) == {"place": 3}
    assert ask("log", row=PLAN, kinds=["end", "error"]) == {"place": 1}
    assert ask("log", row=PLAN, kinds=["error"]) == {"place": None}
    assert ask("log", row=PLAN, kinds=[]) == {"place": None}


def test_what_came_since_is_in_the_next_answer(agent: Agent) -> None:
    trace = agent()
    ask = asker(trace)
    assert ask("log")["total"] == 14
    sb.score("helpful", 0.5, trace_id=trace.trace_id)
    sb.flush()
    assert told(ask("log", kinds=["score"])["entries"]) == [("score", 0)]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"offset": -1}, "offset=-1 has to be a whole number"),
        ({"limit": "all"}, "limit='all' has to be a whole number"),
        ({"limit": True}, "limit=True has to be"),
        ({"kinds": "end"}, "kinds='end' has to be a list of some of 'start'"),
        ({"kinds": ["end", "stop"]}, "has to be a list of some of 'start'"),
        ({"kinds": [["end"]]}, "has to be a list of some of 'start'"),
        ({"row": 99}, "row 99 is none of this trace's 6"),
    ],
)
def test_wrong_questions_are_answered_in_words(agent: Agent, params: dict[str, Any], said: str) -> None:
    with pytest.raises(LookupError, match=said):
        asker(agent())("log", **params)


def test_a_running_trace_is_told_as_far_as_it_went(store: sb.Store) -> None:
    with sb.span("outer"), sb.span("inner"):
        sb.flush()
        found = asker(store.last_trace())("log")
    assert [entry["what"] for entry in found["entries"]] == ["start", "start"]


def test_an_exported_file_has_when_scores_were_given(agent: Agent) -> None:
    trace = agent()
    sb.score("helpful", 0.5, trace_id=trace.trace_id)
    sb.flush()
    data, _ = trace_data(trace._reader, trace.trace_id)
    score = data["details"]["0"]["scores"][0]
    assert score["created_ms"] > data["details"]["0"]["span"]["start_ms"]
