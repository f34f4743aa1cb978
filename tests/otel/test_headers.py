"""W3C Trace Context: ``sb.inject`` and ``sb.extract``."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import propagate, trace

import spanbook as sb
from spanbook.tracer._w3c import parse_traceparent, parse_tracestate
from tests.tracing import Tracing

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def test_the_current_span_goes_into_headers(tracing: Tracing) -> None:
    """Into a new dict, or the one that is given."""
    headers = {"accept": "*/*", "TraceParent": "old"}
    with sb.span("a") as span:
        assert sb.inject(headers) is headers
        assert sb.inject() == {"traceparent": f"00-{span.trace_id}-{span.span_id}-01"}
    assert headers == {"accept": "*/*", "traceparent": f"00-{span.trace_id}-{span.span_id}-01"}


def test_nothing_goes_out_where_nothing_is_recorded(tracing: Tracing) -> None:
    """Outside of spans, and while tracing is off."""
    from spanbook.tracer import _recorder

    assert sb.inject({"a": "b"}) == {"a": "b"}
    _recorder.enabled = False
    with sb.span("off"):
        assert sb.inject() == {}
    _recorder.enabled = True
    tracing.spans()


def test_headers_that_cannot_be_changed_are_refused() -> None:
    """With what to give instead."""
    with pytest.raises(sb.UsageError, match="give a dict"):
        sb.inject([("a", "b")])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "headers",
    [{"traceparent": PARENT}, {"Traceparent": f" {PARENT} "}, [(b"traceparent", PARENT.encode())]],
    ids=["mapping", "any case", "pairs of bytes"],
)
def test_spans_go_on_below_the_caller(headers: Any, tracing: Tracing) -> None:
    """Inside the block only."""
    with sb.extract(headers), sb.span("inside"):
        pass
    with sb.span("after"):
        pass
    inside, after = tracing.span("inside"), tracing.span("after")
    assert (inside.trace_id, inside.parent_id) == (TRACE, SPAN)
    assert after.parent_id is None and after.trace_id != TRACE


@pytest.mark.parametrize(
    "value",
    [
        "", "00", PARENT.upper(), f"ff-{TRACE}-{SPAN}-01", f"{PARENT}-more", f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE[:-1]}-{SPAN}-01", f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
    ],
)  # fmt: skip
def test_malformed_parents_are_ignored(value: str, tracing: Tracing) -> None:
    """As the specification asks: the trace begins anew."""
    with sb.extract({"traceparent": value, "tracestate": "a=1"}), sb.span("inside"):
        assert "tracestate" not in sb.inject()
    assert tracing.span("inside").parent_id is None


def test_later_versions_may_say_more_and_two_parents_are_none() -> None:
    """§3.2.4 of the specification."""
    assert parse_traceparent([f"01-{TRACE}-{SPAN}-01-what-comes"]) == (TRACE, int(SPAN, 16))
    assert parse_traceparent([f"01-{TRACE}-{SPAN}-01x"]) is None
    assert parse_traceparent([PARENT, PARENT]) is None


def test_the_state_of_others_is_passed_on(tracing: Tracing) -> None:
    """From a caller to what is called below it."""
    with sb.extract({"traceparent": PARENT, "tracestate": "rojo=00f067, congo=t61"}), sb.span("inside"):
        assert sb.inject()["tracestate"] == "rojo=00f067,congo=t61"
    tracing.spans()


@pytest.mark.parametrize("state", ["a", "A=1", "a=1,a=2", "a=b=c", ",".join(f"k{n}=v" for n in range(33))])
def test_malformed_states_are_dropped(state: str) -> None:
    """The parent stands all the same."""
    assert parse_tracestate([state]) == ""


def test_the_user_of_an_incoming_request_is_on_its_spans(tracing: Tracing) -> None:
    """Two entries of ``baggage``; the others are not ours."""
    with sb.extract({"baggage": "user_id=ada%20l;p=1, session.id=s-1, other=x"}), sb.span("inside"):
        pass
    span = tracing.span("inside")
    assert (span.user_id, span.session_id, span.attributes) == ("ada l", "s-1", {})


def test_opentelemetrys_propagators_agree(otel: Tracing) -> None:
    """What one puts in the other takes out."""
    with sb.span("a"):
        theirs: dict[str, str] = {}
        propagate.inject(theirs)
        assert theirs["traceparent"] == sb.inject()["traceparent"]
    with sb.extract({"traceparent": PARENT, "tracestate": "x=1"}):
        context = trace.get_current_span().get_span_context()
        assert (context.trace_id, context.is_remote, context.trace_state.get("x")) == (int(TRACE, 16), True, "1")
        trace.get_tracer("lib").start_span("b").end()
    assert otel.span("b").parent_id == SPAN


async def test_extract_works_in_async_code(tracing: Tracing) -> None:
    """``async with``."""
    async with sb.extract({"traceparent": PARENT}):
        with sb.span("inside"):
            pass
    assert tracing.span("inside").parent_id == SPAN
