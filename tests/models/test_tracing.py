"""Each call is one span, however much traces it, and none when nothing does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import spanbook as sb
from spanbook.models import Delta
from spanbook.offline import OfflineModel, Rule
from spanbook.tracer import _recorder
from tests.integrations.conftest import Spans

pytestmark = pytest.mark.usefixtures("anthropic")

KINDS = ("openai", "openai-async", "anthropic", "anthropic-async")


def client_of(kind: str, server: OfflineModel) -> Any:
    """Return a client of this kind."""
    makers = {
        "openai": server.client, "openai-async": server.async_client,
        "anthropic": server.anthropic_client, "anthropic-async": server.async_anthropic_client,
    }  # fmt: skip
    return makers[kind](max_retries=0)


async def close(client: Any) -> None:
    """Close a client of either sort."""
    closing = client.close()
    if closing is not None:
        await closing


@pytest.mark.parametrize("how", ["not", "instrumented", "wrapped", "both"])
@pytest.mark.parametrize("kind", KINDS)
async def test_one_call_is_one_span(spans: Spans, model: OfflineModel, kind: str, how: str) -> None:
    model.rules[:] = [Rule(text="Hello to you.")]
    client = client_of(kind, model)
    name = "claude-sonnet-5" if "anthropic" in kind else "gpt-4o-mini"
    if how in ("instrumented", "both"):
        sb.instrument("openai", "anthropic")
    if how in ("wrapped", "both"):
        sb.wrap(client)
    sb.use_client(client, provider="mine")
    found = sb.get_model(f"mine/{name}")
    try:
        with sb.span("judge"):
            await found("Hello", temperature=0)
            async for _ in found.stream("Hello"):
                pass
    finally:
        sb.uninstrument("openai", "anthropic")
        await close(client)

    judge, first, second = spans()
    for span in (first, second):
        assert (span.parent_id, span.kind, span.status, span.provider) == (
            judge.span_id, "llm", "ok", kind.partition("-")[0],
        )  # fmt: skip
        assert span.output[0]["parts"] == [{"type": "text", "content": "Hello to you."}]
        assert span.usage["input_tokens"] and span.usage["output_tokens"] and span.counted
    assert second.first_token_ns is not None


async def test_ask_is_below_the_current_span(spans: Spans, model: OfflineModel) -> None:
    client = client_of("openai-async", model)
    sb.use_client(client, provider="mine")
    with sb.span("judge"):
        sb.get_model("mine/gpt-4o-mini").ask("Hello")
    await close(client)

    judge, call = spans()
    assert call.parent_id == judge.span_id


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_is_recorded_while_tracing_is_off(
    spans: Spans, model: OfflineModel, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_recorder, "enabled", False)
    client = client_of(kind, model)
    sb.use_client(client, provider="mine")
    found = sb.get_model("mine/model")

    reply = await found("Hello")
    pieces = [piece async for piece in found.stream("Hello")]
    await close(client)

    assert reply.text and len(pieces) > 1
    assert spans() == []


async def test_a_stream_that_is_left_is_closed(spans: Spans, model: OfflineModel) -> None:
    model.rules[:] = [Rule(text="one two three four", token_delay_s=0.01)]
    client = client_of("openai-async", model)
    sb.use_client(client, provider="mine")

    stream: Any = sb.get_model("mine/gpt-4o-mini").stream("Count")
    first = await anext(stream)
    await stream.aclose()
    await close(client)

    (span,) = spans()
    assert isinstance(first, Delta)
    assert (span.level, span.attributes["stream"]) == ("warning", "abandoned")


async def test_a_function_is_a_span(spans: Spans) -> None:
    async def mine(messages: Any, **parameters: Any) -> str:
        return "Hi"

    found = sb.get_model(mine)
    await found("Hello", temperature=0)
    _ = [piece async for piece in found.stream("Hello")]

    for span in spans():
        assert (span.name, span.kind, span.model, span.provider) == ("chat mine", "llm", "mine", "function")
        assert span.output[0]["parts"] == [{"type": "text", "content": "Hi"}]
    assert spans()[0].model_parameters == {"temperature": 0}


async def test_calls_inside_of_a_function_are_what_counts(spans: Spans, model: OfflineModel) -> None:
    client = client_of("openai", model)
    sb.use_client(client, provider="mine")
    inner = sb.get_model("mine/gpt-4o-mini")

    async def twice(messages: Any) -> Any:
        await inner(messages)
        return (await inner(messages)).message

    await sb.get_model(twice)("Hello")
    await close(client)

    outer, *calls = spans()
    assert len(calls) == 2 and not outer.usage
    assert sb.last_trace().summary.output_tokens == sum(call.usage["output_tokens"] for call in calls)


async def test_a_function_that_fails(spans: Spans) -> None:
    async def broken(messages: Any) -> str:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await sb.get_model(broken)("Hi")

    (span,) = spans()
    assert span.status == "error" and span.error is not None and "broken" in span.error["traceback"]


@pytest.mark.parametrize("kind", ["openai", "openai-async"])
async def test_calls_at_one_time_are_side_by_side(spans: Spans, model: OfflineModel, kind: str) -> None:
    client = client_of(kind, model)
    sb.use_client(client, provider="mine")
    found = sb.get_model("mine/gpt-4o-mini")

    with sb.span("experiment"):
        replies = await asyncio.gather(*(found(f"Question {number}") for number in range(12)))
    await close(client)

    experiment, *calls = spans()
    assert len(replies) == len(calls) == 12
    assert {call.parent_id for call in calls} == {experiment.span_id}


async def test_the_error_of_a_model_inside_of_another_stays_its_own(model: OfflineModel) -> None:
    model.rules[:] = [Rule(error=(504, "slow"))]
    client = client_of("openai", model)
    sb.use_client(client, provider="mine")

    async def outer(messages: Any) -> Any:
        return (await sb.get_model("mine/gpt-4o-mini")(messages)).message

    with pytest.raises(sb.ModelTimeoutError, match="mine/gpt-4o-mini did not answer"):
        await sb.get_model(outer)("Hi")
    await close(client)
