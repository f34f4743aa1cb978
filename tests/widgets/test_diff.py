"""Which call came before an llm call, and what both said; the prices of a call."""

from __future__ import annotations

from typing import Any

import pytest

import spanbook as sb
from spanbook.widgets._requests import TraceRequests
from spanbook.widgets._rpc_detail import price
from spanbook.widgets._state import TraceState
from tests.widgets.agent import CALL, QUESTION, RESULT, SYSTEM, call


def said(content: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def ask(store: sb.Store, method: str, row: int) -> Any:
    trace = store.last_trace()
    return TraceRequests(TraceState(trace._reader, trace.trace_id)).answer(method, {"row": row})[0]


def test_the_call_whose_messages_are_continued(store: sb.Store) -> None:
    """Although another call started in between, and although the resent answer lost its finish reason."""
    with sb.span("agent", kind="agent"):
        call("plan", [SYSTEM, QUESTION], CALL)
        call("other", [said("something else")], said("yes", "assistant"))
        resent = {"role": CALL["role"], "parts": CALL["parts"]}
        call("answer", [SYSTEM, QUESTION, resent, RESULT], said("29 EUR", "assistant"))
    found = ask(store, "diff", 3)
    assert (found["row"], found["reason"]) == (1, "continued")
    assert found["before"] == [SYSTEM, QUESTION, CALL]
    assert found["after"] == [SYSTEM, QUESTION, resent, RESULT, said("29 EUR", "assistant")]


def test_a_repeated_call_is_compared_with_its_first_attempt(store: sb.Store) -> None:
    with sb.span("agent", kind="agent"):
        call("plan", [SYSTEM, QUESTION], CALL)
        call("again", [SYSTEM, QUESTION], said("29 EUR", "assistant"))
    found = ask(store, "diff", 2)
    assert (found["row"], found["reason"]) == (1, "continued")


def test_the_call_beside_it_otherwise(store: sb.Store) -> None:
    with sb.span("agent", kind="agent"):
        call("first", [said("a")], said("b", "assistant"))
        with sb.span("step"):
            call("inner", [said("c")], said("d", "assistant"))
        call("second", [said("a changed")], said("b", "assistant"))
    assert ask(store, "diff", 4)["row"] == 1
    assert ask(store, "diff", 4)["reason"] == "beside"
    assert ask(store, "diff", 3) == {"row": None}


def test_else_the_last_call_of_the_same_name(store: sb.Store) -> None:
    with sb.span("agent", kind="agent"):
        for text in ("one", "two"):
            with sb.span("step"):
                call("think", [said(text)], said("hm", "assistant"))
    assert ask(store, "diff", 4)["row"] == 2
    assert ask(store, "diff", 4)["reason"] == "same name"


def test_spans_without_messages_have_no_call_before(store: sb.Store) -> None:
    with sb.span("agent", kind="agent"):
        call("first", [said("a")], said("b", "assistant"))
        with sb.span("tool", kind="tool", input=1):
            pass
    assert ask(store, "diff", 0) == ask(store, "diff", 1) == ask(store, "diff", 2) == {"row": None}


def test_changed_texts_come_whole_and_shared_ones_short(store: sb.Store) -> None:
    shared, before, after = "same " * 2_000, "old " * 2_000, "new " * 2_000
    with sb.span("agent", kind="agent"):
        call("first", [said(shared), said(before)], said("b", "assistant"))
        call("second", [said(shared), said(after)], said("c", "assistant"))
    found = ask(store, "diff", 2)
    assert found["before"][0]["parts"][0]["content"]["$long"] is True
    assert found["before"][1] == said(before)
    assert found["after"][1] == said(after)


# -- prices


def test_a_cost_comes_with_the_prices_it_was_made_of(store: sb.Store) -> None:
    with sb.span("agent", kind="agent"):
        call("plan", [SYSTEM], CALL, input_tokens=1_000, output_tokens=80, cache_read_tokens=400)
    found = ask(store, "detail", 1)
    rates, span = found["price"], found["span"]
    assert rates["source"] == span["cost_source"] == "genai-prices"
    input_usd = (600 * rates["input"] + 400 * rates["cache_read"]) / 1e6
    assert span["input_cost_usd"] == pytest.approx(input_usd)
    assert span["output_cost_usd"] == pytest.approx(80 * rates["output"] / 1e6)


def test_no_prices_where_the_client_said_the_cost_or_the_model_is_unknown(store: sb.Store) -> None:
    with sb.span("agent", kind="agent"):
        with sb.span("own", kind="llm", model="gpt-4o") as span:
            span.set(usage={"input_tokens": 5, "output_tokens": 5}, cost_usd=0.5)
        with sb.span("unknown", kind="llm", model="my-model") as span:
            span.set(usage={"input_tokens": 5, "output_tokens": 5})
    assert ask(store, "detail", 1)["price"] is None
    assert ask(store, "detail", 2)["price"] is None


def test_no_prices_that_do_not_give_the_stored_cost(store: sb.Store) -> None:
    with sb.span("call", kind="llm", model="gpt-4o") as open_span:
        open_span.set(usage={"input_tokens": 500, "output_tokens": 5})
    trace = store.last_trace()
    span = trace._reader.spans(trace.trace_id)[0]
    assert price(span) is not None
    from dataclasses import replace

    assert price(replace(span, cost_usd=(span.cost_usd or 0) * 2)) is None
