"""One call of a model is counted once, however many instruments tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from opentelemetry import trace

import spanbook as sb
from spanbook import offline
from tests.otel.conftest import Sdk
from tests.tracing import Tracing


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    """A client of the offline model, traced by our own integration."""
    server = offline.start(delays=False)
    sb.instrument("openai")
    with server.client(max_retries=0) as made:
        yield made
    sb.uninstrument("openai")
    server.stop()


@pytest.mark.parametrize("provider", ["ours", "sdk"])
def test_a_native_call_inside_an_instrumentors_span_counts_once(
    provider: str, client: openai.OpenAI, sdk: Sdk, otel: Tracing
) -> None:
    """Both are visible, the inner one counts, whichever of two clocks says that it began first."""
    if provider == "sdk":
        sdk.set()
    tracer = trace.get_tracer("opentelemetry.instrumentation.openai_v2")
    with tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}) as span:
        answer = client.chat.completions.create(model="offline", messages=[{"role": "user", "content": "hi"}])
        assert answer.usage is not None
        span.set_attributes({"gen_ai.response.id": answer.id, "gen_ai.usage.input_tokens": answer.usage.prompt_tokens})
    counted = {found.parent_id is None: found.counted for found in otel.spans() if found.kind == "llm"}
    assert counted == {True: False, False: True}
    assert sb.last_trace().summary.input_tokens == answer.usage.prompt_tokens


def test_an_instrumentors_span_inside_a_native_call_counts_alone(otel: Tracing) -> None:
    """Also when the inner one was stored before the outer one ended."""
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.id": "r-1",
        "gen_ai.usage.input_tokens": 5,
    }
    with sb.span("native", "llm") as span:
        trace.get_tracer("lib").start_span("otel", attributes=attributes).end()
        assert sb.flush()
        span.set(usage={"input_tokens": 5}, response_id="r-1")
    assert {found.name: found.counted for found in otel.spans()} == {"native": False, "otel": True}


def test_calls_that_follow_each_other_all_count(otel: Tracing) -> None:
    """They are not the same call."""
    attributes: dict[str, Any] = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5}
    with sb.span("agent", "agent"):
        trace.get_tracer("lib").start_span("one", attributes=attributes).end()
        with sb.span("two", "llm") as span:
            span.set(usage={"input_tokens": 5})
    assert [found.counted for found in otel.spans() if found.kind == "llm"] == [True, True]


def test_the_outer_call_counts_when_the_inner_one_tells_no_usage(otel: Tracing) -> None:
    """Although it was taken for the twin while it was open."""
    attributes: dict[str, Any] = {"gen_ai.operation.name": "chat", "gen_ai.response.id": "r-1"}
    with trace.get_tracer("lib").start_as_current_span("outer", attributes=attributes) as outer:
        with sb.span("inner", "llm"):
            pass
        assert sb.flush()
        outer.set_attribute("gen_ai.usage.input_tokens", 5)
    assert {found.name: found.counted for found in otel.spans()} == {"outer": True, "inner": False}
