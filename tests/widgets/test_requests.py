"""What a page may ask an explorer: each answer from a real store, each wrong question answered in words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

import spanbook as sb
from spanbook.api._trace import Trace
from spanbook.widgets._export import trace_data
from spanbook.widgets._requests import TraceRequests
from spanbook.widgets._rpc_files import ASSETS, STATIC
from spanbook.widgets._rpc_find import is_filter
from spanbook.widgets._state import TraceState
from tests.widgets.agent import ANSWER, CALL, QUESTION, RESULT, SYSTEM, call

Agent = Callable[[], Trace]

#: Rows of the agent's spans, in order of start.
ASSISTANT, SEARCH, PLAN, FAILED, TOOL, LAST = range(6)


def asker(trace: Trace) -> Callable[..., Any]:
    requests = TraceRequests(TraceState(trace._reader, trace.trace_id))
    return lambda method, **params: requests.answer(method, params)[0]


# -- detail


def test_a_call_in_detail(agent: Agent) -> None:
    found = asker(agent())("detail", row=LAST)
    span = found["span"]
    assert (span["name"], span["kind"], span["status"], span["model"]) == ("answer", "llm", "ok", "gpt-4o-mini")
    assert (span["usage"]["input_tokens"], span["usage"]["output_tokens"]) == (1_200, 20)
    assert span["time_to_first_token_ms"] == pytest.approx(100)
    assert span["cost_usd"] > 0
    assert found["input"]["kind"] == "messages"
    assert found["input"]["value"][0] == SYSTEM
    assert found["output"] == {"kind": "messages", "value": [ANSWER]}


def test_a_failed_span_says_why(agent: Agent) -> None:
    found = asker(agent())("detail", row=FAILED)
    assert found["span"]["error_type"] == "TimeoutError"
    assert found["error"]["message"] == "no answer in 3 s"
    assert "raise TimeoutError" in found["error"]["traceback"]
    assert found["input"] == {"kind": "json", "value": {"plan": "Team"}}


def test_plain_text_is_said_to_be_text(agent: Agent) -> None:
    found = asker(agent())("detail", row=ASSISTANT)
    assert found["output"] == {"kind": "text", "value": "It costs 29 EUR."}


def test_of_many_events_the_first_come_and_the_rest_is_asked_for(store: sb.Store) -> None:
    with sb.span("logger") as span:
        for at in range(250):
            span.event(f"event {at}")
    ask = asker(store.last_trace())
    found = ask("detail", row=0)
    assert (len(found["events"]), found["n_events"]) == (100, 250)
    page = ask("events", row=0, offset=200, limit=10)
    assert [each["name"] for each in page] == [f"event {at}" for at in range(200, 210)]
    assert ask("events", row=0) == [*found["events"], *ask("events", row=0, offset=100)]
    with pytest.raises(LookupError, match="whole number"):
        ask("events", row=0, offset=-1)


def test_scores_and_events_come_with_their_span(store: sb.Store) -> None:
    with sb.span("scored") as span:
        span.event("retry", {"attempt": 2})
        sb.score("correct", True, comment="checked")
    sb.score("helpful", 0.5, trace_id=span.trace_id)  # of the whole trace: shown at its root
    found = asker(store.last_trace())("detail", row=0)
    assert [(each["name"], each["data"]) for each in found["events"]] == [("retry", {"attempt": 2})]
    assert abs(found["events"][0]["time_ms"] - found["span"]["start_ms"]) < 1000
    scores = {each["name"]: (each["value"], each["value_type"]) for each in found["scores"]}
    assert scores == {"correct": (True, "bool"), "helpful": (0.5, "number")}


def test_a_long_text_comes_in_slices(store: sb.Store) -> None:
    text = "".join(chr(0x21 + at % 90) for at in range(150_000))
    with sb.span("long", input={"deep": ["short", text]}):
        pass
    ask = asker(store.last_trace())
    long = ask("detail", row=0)["input"]["value"]["deep"][1]
    assert (long["$long"], long["size"], long["field"], long["path"]) == (True, 150_000, "input", ["deep", 1])
    read, at = long["head"], len(long["head"])
    while at is not None:
        slice_ = ask("more", row=0, field=long["field"], path=long["path"], offset=at)
        assert len(slice_["text"]) <= max(65_536, at)  # as long as what came before
        read, at = read + slice_["text"], slice_["next"]
    assert read == text


def number(text: str) -> dict[str, str]:
    """The form of a number that JavaScript would read as another one."""
    return {"$type": "number", "text": text}


def test_numbers_that_javascript_would_change_come_with_their_digits(store: sb.Store) -> None:
    values = [2**53 - 1, 2**53, -(10**40), 1.0, -0.0, 1e22, 0.5, True]
    exact = [2**53 - 1, number(str(2**53)), number(str(-(10**40))), number("1.0"), number("-0.0"), number("1e+22"),
             0.5, True]  # fmt: skip
    said = {"role": "user", "parts": [{"type": "data", "value": values}]}
    for name in ("first", "second"):
        with sb.span(name, kind="llm", input=[said], metadata={"values": values}) as span:
            span.event("seen", {"values": values})
            span.set(output=values)
    ask = asker(store.last_trace())
    found = ask("detail", row=0)
    assert found["input"]["value"][0]["parts"][0]["value"] == exact
    assert found["output"]["value"] == found["metadata"]["values"] == found["events"][0]["data"]["values"] == exact
    assert isinstance(found["events"][0]["time_ms"], float)
    assert ask("conversation")["turns"][0]["new_input"][0]["parts"][0]["value"] == exact
    exported = trace_data(store._reader, store.last_trace().trace_id)[0]
    assert exported["messages"][0]["parts"][0]["value"] == exported["details"]["0"]["output"]["value"] == exact


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("detail", {"row": 99}, "row 99 is none of this trace's 6"),
        ("detail", {"row": "1"}, "row '1' is none"),
        ("detail", {"row": True}, "row True is none"),
        ("more", {"row": 0, "field": "output", "path": ["nope"], "offset": 0}, "no text at"),
        ("more", {"row": 0, "field": "provenance", "path": [], "offset": 0}, "no text at"),
        ("blob", {"digest": "00"}, "bytes of this file are not in the store"),
        ("blob", {"digest": "no hex"}, "bytes of this file are not in the store"),
        ("asset", {"name": "../_base.py"}, "is no file of spanbook's widgets"),
        ("asset", {"name": "chip.js"}, "is no file of spanbook's widgets"),
        ("answer", {}, "'answer' is no request of this view"),
        ("__init__", {}, "is no request of this view"),
        (7, {}, "7 is no request"),
    ],
)
def test_wrong_questions_are_answered_in_words(agent: Agent, method: Any, params: dict[str, Any], said: str) -> None:
    with pytest.raises(LookupError, match=said):
        asker(agent())(method, **params)


# -- find


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("search", [SEARCH]),
        ("PRICES.MD", [SEARCH]),
        ("gpt-4o", [PLAN, LAST]),
        ("timeouterror", [FAILED]),
        ("no answer in 3 s", [FAILED]),
        ('kind == "llm" and input_tokens > 1000', [LAST]),
        ("has_error", [FAILED]),
        ("not has_error and is_root", [ASSISTANT]),
        ('"29 EUR" in output', [ASSISTANT, TOOL, LAST]),
        ('"$40 or $60?"', [PLAN, LAST]),
        ("nothing like it", []),
        ("   ", []),
    ],
)
def test_find(agent: Agent, query: str, rows: list[int]) -> None:
    assert asker(agent())("find", query=query) == {"rows": rows}


def test_a_filter_that_is_wrong_says_where(agent: Agent) -> None:
    found = asker(agent())("find", query='knd == "llm"')
    assert found["rows"] == []
    assert "did you mean kind?" in found["error"]["message"]
    assert found["error"]["at"] == 0


@pytest.mark.parametrize(
    ("query", "said", "at"),
    [
        ('kind = "llm"', "write == to compare", 5),
        ("has_error and kind=llm", "write == to compare", 18),
        ('name like "ask"', 'write "text" in name', 5),
        ('name =~ "ask"', 'write "text" in name', 5),
        ("cost_usd >", "unfinished", 10),
        ("kind in", "unfinished", 7),
        ("has_error && is_root", "write and", 10),
    ],
)
def test_a_filter_with_a_slip_is_no_search_for_words(agent: Agent, query: str, said: str, at: int) -> None:
    error = asker(agent())("find", query=query)["error"]
    assert said in error["message"]
    assert error["at"] == at


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ('kind == "llm"', True),
        ("cost_usd > 0.01", True),
        ("status is unclear", False),
        ("error: timeout", False),
        ("the name = x of it", False),
        ("?name=x&kind=y", False),
        ("name contains spaces", False),
        ("'kind = \"llm\"'", False),
        ("error is not None", True),
        ('name.startswith("a")', True),
        ('any(e.name == "x" for e in events)', True),
        ('metadata["tier"]', True),
        ("not (has_error)", True),
        ("input", False),
        ("what is in the box", False),
        ("tool and model", False),
        ('"a == b"', False),
        ("refund policy (2024)", False),
    ],
)
def test_words_are_told_from_filters(query: str, meant: bool) -> None:
    assert is_filter(query) is meant


def test_a_text_is_found_with_its_quotes_and_line_ends(store: sb.Store) -> None:
    with sb.span("one", input='She said "no"\nand left'):
        pass
    assert asker(store.last_trace())("find", query='SAID "no"\nand')["rows"] == [0]


# -- conversation


def test_a_growing_history_is_shown_once(agent: Agent) -> None:
    turns = asker(agent())("conversation")["turns"]
    assert [(turn["row"], turn["new_input"], turn["output"]) for turn in turns] == [
        (PLAN, [SYSTEM, QUESTION], [CALL]),
        (LAST, [RESULT], [ANSWER]),
    ]


def test_another_history_is_shown_from_where_it_differs(store: sb.Store) -> None:
    other = {"role": "user", "parts": [{"type": "text", "content": "And Pro?"}]}
    with sb.span("chat"):
        call("first", [SYSTEM, QUESTION], ANSWER)
        call("second", [SYSTEM, other], ANSWER)
        call("again", [SYSTEM, QUESTION], ANSWER)
        call("longer", [SYSTEM, QUESTION, ANSWER, other], ANSWER)
    turns = asker(store.last_trace())("conversation")["turns"]
    assert [turn["new_input"] for turn in turns] == [[SYSTEM, QUESTION], [other], [], [other]]


def test_a_long_message_of_a_conversation_can_be_asked_for(store: sb.Store) -> None:
    long = {"role": "user", "parts": [{"type": "text", "content": "x" * 5_000}]}
    with sb.span("chat"):
        call("first", [SYSTEM], ANSWER)
        call("second", [SYSTEM, ANSWER, long], ANSWER)
    ask = asker(store.last_trace())
    turn = ask("conversation")["turns"][1]
    cut = turn["new_input"][0]["parts"][0]["content"]
    assert (cut["size"], cut["path"]) == (5_000, [2, "parts", 0, "content"])
    rest = ask("more", row=turn["row"], field=cut["field"], path=cut["path"], offset=len(cut["head"]))
    assert rest == {"text": "x" * 1_000, "next": None}


# -- files


def test_an_image_comes_as_bytes(store: sb.Store) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(300)
    with sb.span("draw") as span:
        span.set(output=png)
    trace = store.last_trace()
    ask = TraceRequests(TraceState(trace._reader, trace.trace_id))
    digest = ask.answer("detail", {"row": 0})[0]["output"]["value"]["digest"]
    assert ask.answer("blob", {"digest": digest}) == ({"mime_type": "image/png", "size": 308}, [png])


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_bundles_are_handed_out_with_their_hash(agent: Agent, name: str) -> None:
    trace = agent()
    answer, (data,) = TraceRequests(TraceState(trace._reader, trace.trace_id)).answer("asset", {"name": name})
    assert data == (STATIC / name).read_bytes()
    assert answer == {"name": name, "sha256": hashlib.sha256(data).hexdigest()}
