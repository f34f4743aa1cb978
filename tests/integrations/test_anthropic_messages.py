"""Calls of Anthropic's messages that are answered whole, over real HTTP."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pydantic
import pytest

import spanbook as sb
from spanbook.offline import OfflineModel, Rule
from tests.integrations.claude import ASK, HELLO, MODEL, TOOL, message, text_of
from tests.integrations.conftest import Spans
from tests.integrations.wire import Reply, Wire

pytestmark = pytest.mark.usefixtures("anthropic")

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


class City(pydantic.BaseModel):
    name: str


def test_a_call_is_one_span(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    wire.replies = [Reply(json=message("Hi there"), headers={"request-id": "req_1"})]

    answer = wclaude.messages.create(**ASK, system="Be brief.", stop_sequences=["x"])

    (span,) = claude_traced()
    assert answer.content[0].text == "Hi there"
    assert (span.name, span.kind, span.status) == ("chat claude-sonnet-5", "llm", "ok")
    assert span.input == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Hello"}]},
    ]
    assert span.output == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hi there"}], "finish_reason": "stop"}
    ]
    assert span.usage == {"input_tokens": 9, "output_tokens": 6, "cache_read_tokens": 3, "cache_write_tokens": 2}
    assert (span.model, span.provider) == ("claude-sonnet-5-20270101", "anthropic")
    assert span.model_parameters == {"max_tokens": 100, "stop_sequences": ["x"]}
    assert (span.finish_reason, span.response_id) == ("stop", "msg_w")
    assert span.attributes["anthropic.request_id"] == "req_1"
    assert span.attributes["gen_ai.request.model"] == MODEL
    assert span.first_token_ns is None


def test_a_call_is_priced(claude_traced: Spans, claude: Any) -> None:
    claude.messages.create(**ASK)

    (span,) = claude_traced()
    assert span.cost_usd is not None
    assert span.cost_usd > 0


async def test_an_async_call_is_one_span(claude_traced: Spans, wire: Wire, awclaude: Any) -> None:
    wire.replies = [Reply(json=message("Hi"))]

    answer = await awclaude.messages.create(**ASK)

    (span,) = claude_traced()
    assert answer.content[0].text == text_of(span) == "Hi"


def test_arguments_and_result_are_what_they_would_be_without(spans: Spans, wire: Wire, wclaude: Any) -> None:
    """The request on the wire, the arguments afterwards and the answer are the same, traced or not."""
    arguments: Any = {**copy.deepcopy(ASK), "tools": [TOOL], "extra_headers": {"x-mine": "1"}}
    before = copy.deepcopy(arguments)
    wire.replies = [Reply(json=message("Hi")) for _ in range(2)]

    plain = wclaude.messages.create(**arguments)
    sb.instrument("anthropic")
    traced = wclaude.messages.create(**arguments)
    sb.uninstrument("anthropic")

    assert arguments == before
    assert (traced, type(traced)) == (plain, type(plain))
    first, second = wire.requests
    assert first["body"] == second["body"]
    assert {k: v for k, v in first["headers"].items() if k != "traceparent"} == {
        k: v for k, v in second["headers"].items() if k != "traceparent"
    }
    assert len(spans()) == 1


def test_tools_offered_called_and_answered(claude_traced: Spans, model: OfflineModel, claude: Any) -> None:
    """The SDK's own blocks go back as the assistant's turn; the result names the tool it came from."""
    model.rules[:] = [Rule(match="weather", tool_calls=[("get_weather", {"city": "Paris"})], times=1)]
    turns: list[Any] = [{"role": "user", "content": "What is the weather?"}]

    asked = claude.messages.create(**{**ASK, "messages": turns}, tools=[TOOL])
    result = {"type": "tool_result", "tool_use_id": asked.content[0].id, "content": '{"degrees": 18}'}
    turns += [{"role": "assistant", "content": asked.content}, {"role": "user", "content": [result]}]
    claude.messages.create(**{**ASK, "messages": turns}, tools=[TOOL])

    first, second = claude_traced()
    offered = {"type": "function", "name": "get_weather", "description": "Weather of a city"}
    assert first.tools == [{**offered, "parameters": TOOL["input_schema"]}]
    assert first.finish_reason == "tool_calls"
    (call,) = first.output[0]["parts"]
    assert call == {
        "type": "tool_call", "id": asked.content[0].id, "name": "get_weather", "arguments": {"city": "Paris"},
    }  # fmt: skip
    assert [turn["role"] for turn in first.input] == ["user"]
    assert second.input[1]["parts"] == first.output[0]["parts"]
    assert second.input[2] == {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": call["id"], "response": {"degrees": 18}, "name": "get_weather"}],
    }


def test_images_become_blobs(claude_traced: Spans, claude: Any) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]

    claude.messages.create(**{**ASK, "messages": [{"role": "user", "content": content}]})

    (span,) = claude_traced()
    blob, _ = span.input[0]["parts"]
    assert (blob["type"], blob["mime_type"]) == ("blob", "image/png")
    assert "content" not in blob


def test_thinking_is_reasoning(claude_traced: Spans, model: OfflineModel, claude: Any) -> None:
    model.rules[:] = [Rule(text="Hi", reasoning="A greeting.")]

    claude.messages.create(**ASK, thinking={"type": "adaptive"})

    (span,) = claude_traced()
    assert span.output[0]["parts"] == [
        {"type": "reasoning", "content": "A greeting."},
        {"type": "text", "content": "Hi"},
    ]
    assert span.usage["reasoning_tokens"] == 3
    assert span.model_parameters == {"max_tokens": 100, "thinking": {"type": "adaptive"}}


def test_class_given_as_format(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    wire.replies = [Reply(json=message('{"name": "Paris"}'))]

    answer = wclaude.messages.parse(**ASK, output_format=City)

    (span,) = claude_traced()
    assert answer.parsed_output == City(name="Paris")
    assert text_of(span) == '{"name": "Paris"}'
    asked = (span.model_parameters or {})["output_config"]["format"]
    assert (asked["type"], asked["schema"]["properties"]["name"]["type"]) == ("json_schema", "string")


def test_beta_messages(claude_traced: Spans, claude: Any) -> None:
    claude.beta.messages.create(**ASK, betas=["some-beta"])

    (span,) = claude_traced()
    assert (span.name, span.model_parameters) == ("chat claude-sonnet-5", {"max_tokens": 100, "betas": ["some-beta"]})


def test_tool_runner_is_one_span_a_turn(claude_traced: Spans, model: OfflineModel, claude: Any) -> None:
    import anthropic

    def get_weather(city: str) -> str:
        """Weather of a city."""
        return f"{city}: 18 degrees"

    model.rules[:] = [Rule(tool_calls=[("get_weather", {"city": "Paris"})], times=1), Rule(text="18 degrees")]

    answer = claude.beta.messages.tool_runner(**ASK, tools=[anthropic.beta_tool(get_weather)]).until_done()

    first, second = claude_traced()
    assert answer.content[0].text == text_of(second) == "18 degrees"
    assert [tool["name"] for tool in first.tools or ()] == ["get_weather"]
    assert second.input[-1]["parts"][0]["response"] == "Paris: 18 degrees"


def test_raw_response(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    wire.replies = [Reply(json=message("Hello"), headers={"request-id": "req_3"})]

    raw = wclaude.messages.with_raw_response.create(**ASK)

    (span,) = claude_traced()
    assert (text_of(span), span.usage["input_tokens"]) == ("Hello", 9)
    assert span.attributes["anthropic.request_id"] == "req_3"
    assert raw.parse().content[0].text == "Hello"
    assert len(claude_traced()) == 1


async def test_async_raw_response(claude_traced: Spans, wire: Wire, awclaude: Any) -> None:
    wire.replies = [Reply(json=message("Hello"))]

    raw = await awclaude.messages.with_raw_response.create(**ASK)

    (span,) = claude_traced()
    assert (await raw.parse()).content[0].text == text_of(span) == "Hello"


@pytest.mark.parametrize("way", ["parse", "json", "text", "read", "iter_lines", "iter_bytes"])
def test_streaming_response_is_seen_however_it_is_read(
    claude_traced: Spans, wire: Wire, wclaude: Any, way: str
) -> None:
    wire.replies = [Reply(json=message("Hello"))]

    with wclaude.messages.with_streaming_response.create(**ASK) as response:
        result = getattr(response, way)()
        if way.startswith("iter"):
            result = list(result)
        assert claude_traced()[0].status == "open"

    (span,) = claude_traced()
    assert result
    assert (text_of(span), span.level) == ("Hello", None)


def test_streaming_response_nobody_read(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    wire.replies = [Reply(json=message("Hello"))]

    with wclaude.messages.with_streaming_response.create(**ASK):
        pass

    (span,) = claude_traced()
    assert (span.output, span.attributes["stream.reason"]) == (None, "closed, not read")


def test_raw_body_in_a_binary_form_is_said_not_shown(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    """As Bedrock streams."""
    wire.replies = [Reply(json={}, headers={"content-type": "application/vnd.amazon.eventstream"})]

    with wclaude.messages.with_streaming_response.create(**ASK) as response:
        response.read()

    (span,) = claude_traced()
    assert (span.output, span.level, span.attributes["stream"]) == (None, "warning", "not captured")


async def test_sibling_calls_are_siblings(claude_traced: Spans, aclaude: Any) -> None:
    with sb.span("outer") as outer:
        await asyncio.gather(*(aclaude.messages.create(**ASK) for _ in range(3)))
        assert sb.current() is outer

    calls = [span for span in claude_traced() if span.kind == "llm"]
    assert [span.parent_id for span in calls] == [outer.span_id] * 3


def test_iterator_of_messages_is_not_used_up(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    wire.replies = [Reply(json=message("Hello"))]

    wclaude.messages.create(model=MODEL, max_tokens=9, messages=iter(HELLO))

    assert wire.requests[0]["body"]["messages"] == HELLO
    assert claude_traced()[0].input[0]["parts"][0]["type"] == "not_captured"
