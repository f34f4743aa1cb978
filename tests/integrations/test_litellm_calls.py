"""Calls of litellm: messages, tools, usage, cost, embeddings, responses, other providers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

import spanbook as sb
from spanbook.offline import OfflineModel
from tests.integrations import lite
from tests.integrations.conftest import Spans
from tests.integrations.lite import HELLO, MODEL, text_of
from tests.integrations.wire import Reply, Wire

litellm: Any = None  # set by a fixture, so that only the worker that runs these tests imports it
#: litellm warns of itself, and leaves tasks and clients to the event loop.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("leftovers", "litellm")]

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 9,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 12},
    "completion_tokens_details": {"reasoning_tokens": 5},
}


@pytest.fixture
def traced(spans: Spans, model: OfflineModel) -> Iterator[Spans]:
    model.rules[:] = []
    with lite.traced(spans) as reading:
        yield reading


def completion(content: str | None = "Hi", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-2024-08-06"}
    return {**body, "choices": [choice], "usage": USAGE, **more}


def test_a_chat_call(traced: Spans, model: OfflineModel) -> None:
    answer = litellm.completion(MODEL, HELLO, temperature=0.5, seed=7, **lite.openai_at(model))

    (span,) = traced()
    assert type(answer).__name__ == "ModelResponse"
    assert (span.name, span.kind, span.status) == ("chat gpt-4o-mini", "llm", "ok")
    assert (span.provider, span.model, span.finish_reason) == ("openai", "gpt-4o-mini", "stop")
    assert span.input == [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]
    assert text_of(span) == answer.choices[0].message.content
    assert span.model_parameters == {"temperature": 0.5, "seed": 7}
    assert span.response_id == answer.id
    assert span.usage["input_tokens"] == answer.usage.prompt_tokens
    assert "sk-offline" not in repr(span)


async def test_an_async_chat_call(traced: Spans, model: OfflineModel) -> None:
    with sb.span("ask"):
        answer = await litellm.acompletion(model=MODEL, messages=HELLO, **lite.openai_at(model))

    outer, span = traced()
    assert (span.parent_id, span.name) == (outer.span_id, "chat gpt-4o-mini")
    assert text_of(span) == answer.choices[0].message.content


def test_parts_of_usage_and_the_model_that_answered(traced: Spans, wire: Wire) -> None:
    wire.replies = [Reply(json=completion())]

    litellm.completion("openai/gpt-4o", HELLO, api_base=wire.url, api_key="x")

    (span,) = traced()
    assert {name: span.usage[name] for name in ("input_tokens", "cache_read_tokens", "reasoning_tokens")} == {
        "input_tokens": 20,
        "cache_read_tokens": 12,
        "reasoning_tokens": 5,
    }
    assert span.model == "gpt-4o-2024-08-06"
    assert span.attributes["gen_ai.request.model"] == "gpt-4o"


def test_litellm_says_what_a_call_cost(traced: Spans, wire: Wire) -> None:
    """The user's own price of a model that no table knows."""
    wire.replies = [Reply(json=completion(model="mine"))]
    prices = {"input_cost_per_token": 0.5, "output_cost_per_token": 1.0}

    litellm.completion("openai/mine", HELLO, api_base=wire.url, api_key="x", **prices)

    (span,) = traced()
    assert span.cost_usd == pytest.approx(20 * 0.5 + 9 * 1.0)
    assert not span.model_parameters


def test_tools_and_their_results(traced: Spans, model: OfflineModel) -> None:
    ask: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    answer = litellm.completion(MODEL, ask, tools=[WEATHER], **lite.openai_at(model))
    call = answer.choices[0].message.tool_calls[0]
    ask += [answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    litellm.completion(MODEL, ask, tools=[WEATHER], **lite.openai_at(model))

    first, second = traced()
    (part,) = first.output[0]["parts"]
    assert (part["type"], part["name"], part["id"]) == ("tool_call", "get_weather", call.id)
    assert first.tools is not None
    assert first.tools[0]["name"] == "get_weather"
    assert second.input[1]["parts"][0]["id"] == call.id
    assert second.input[2] == {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": call.id, "response": "sunny"}],
    }


def test_pictures_are_parts(traced: Spans, model: OfflineModel) -> None:
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]

    litellm.completion(MODEL, [{"role": "user", "content": content}], **lite.openai_at(model))

    (span,) = traced()
    text, picture = span.input[0]["parts"]
    assert text["content"] == "What is it?"
    assert (picture["type"], picture["mime_type"]) == ("blob", "image/png")


def test_metadata_tells_user_session_and_tags(traced: Spans, model: OfflineModel) -> None:
    metadata = {"session_id": "s-1", "user_id": "ada", "tags": ["beta"], "tier": "pro"}

    litellm.completion(MODEL, HELLO, metadata=metadata, **lite.openai_at(model))

    (span,) = traced()
    assert (span.session_id, span.user_id, span.tags) == ("s-1", "ada", ["beta"])
    assert span.metadata["tier"] == "pro"


def test_another_provider(traced: Spans, model: OfflineModel) -> None:
    """Anthropic's cache is part of the input here already; its client library takes no part."""
    asked = {"max_tokens": 40, **lite.anthropic_at(model)}

    answer = litellm.completion("anthropic/claude-sonnet-5", HELLO, **asked)

    (span,) = traced()
    assert (span.provider, span.model) == ("anthropic", "claude-sonnet-5")
    assert span.usage["input_tokens"] == answer.usage.prompt_tokens
    assert span.cost_usd is not None
    assert text_of(span) == answer.choices[0].message.content


def test_what_litellm_writes_to_a_cache(traced: Spans, wire: Wire) -> None:
    content = [{"type": "text", "text": "Hi"}]
    usage = {
        "input_tokens": 4,
        "cache_creation_input_tokens": 2,
        "cache_read_input_tokens": 3,
        "output_tokens": 6,
    }
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5", "content": content}
    wire.replies = [Reply(json={**message, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage})]

    litellm.completion("anthropic/claude-sonnet-5", HELLO, api_base=wire.url.removesuffix("/v1"), api_key="x")

    (span,) = traced()
    assert span.usage["input_tokens"] == 9
    assert (span.usage["cache_read_tokens"], span.usage["cache_write_tokens"]) == (3, 2)


@pytest.mark.parametrize("is_async", [False, True])
async def test_embeddings(traced: Spans, model: OfflineModel, is_async: bool) -> None:
    ask = ("openai/text-embedding-3-small", ["one", "two"])

    if is_async:
        await litellm.aembedding(*ask, **lite.openai_at(model))
    else:
        litellm.embedding(*ask, **lite.openai_at(model))

    (span,) = traced()
    assert (span.kind, span.provider, span.model) == ("embedding", "openai", "text-embedding-3-small")
    assert span.input == ["one", "two"]
    assert span.output["shape"] == [2, 1536]
    assert span.usage["input_tokens"] > 0


@pytest.mark.parametrize("is_async", [False, True])
async def test_responses(traced: Spans, model: OfflineModel, is_async: bool) -> None:
    ask: dict[str, Any] = {"model": MODEL, "input": "Hello", "instructions": "Be kind", **lite.openai_at(model)}

    answer = await litellm.aresponses(**ask) if is_async else litellm.responses(**ask)

    (span,) = traced()
    assert (span.name, span.provider, span.finish_reason) == ("responses gpt-4o-mini", "openai", "stop")
    assert [message["role"] for message in span.input] == ["system", "user"]
    assert text_of(span) == answer.output[0].content[0].text
    assert span.usage["output_tokens"] == answer.usage.output_tokens


def test_responses_of_a_chat_model_are_one_call(traced: Spans, model: OfflineModel) -> None:
    litellm.responses(model="anthropic/claude-sonnet-5", input="Hello", **lite.anthropic_at(model))

    (span,) = traced()
    assert (span.name, span.provider) == ("responses claude-sonnet-5", "anthropic")
    assert span.usage["output_tokens"] > 0


@pytest.mark.parametrize("is_async", [False, True])
async def test_text_completions(traced: Spans, wire: Wire, is_async: bool) -> None:
    choice = {"index": 0, "text": " time", "finish_reason": "stop", "logprobs": None}
    body = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "davinci-002"}
    wire.replies = [Reply(json={**body, "choices": [choice], "usage": USAGE})]
    ask: dict[str, Any] = {
        "prompt": "Once upon a",
        "model": "text-completion-openai/davinci-002",
        "api_base": wire.url,
        "api_key": "x",
    }

    await litellm.atext_completion(**ask) if is_async else litellm.text_completion(**ask)

    (span,) = traced()
    assert (span.name, span.provider, text_of(span)) == ("text_completion davinci-002", "openai", " time")
    assert span.input == [{"role": "user", "parts": [{"type": "text", "content": "Once upon a"}]}]


def test_with_the_client_beneath_traced_too_a_call_counts_once(traced: Spans, model: OfflineModel) -> None:
    sb.instrument("openai")
    answer = litellm.completion(MODEL, HELLO, **lite.openai_at(model))
    sb.uninstrument("openai")

    assert sum(span.usage.get("input_tokens", 0) for span in traced() if span.counted) == answer.usage.prompt_tokens
