"""Calls of the chat API that are answered whole, over real HTTP."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any

import pydantic

import spanbook as sb
from spanbook.offline import OfflineModel, Rule
from tests.integrations.conftest import Spans
from tests.integrations.wire import USAGE, Reply, Wire, completion

if TYPE_CHECKING:
    import openai

MODEL = "gpt-4o-mini"
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5E"
    "rkJggg=="
)


class City(pydantic.BaseModel):
    name: str
    population: int


def test_a_call_is_one_span(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(json=completion("Hi there"), headers={"x-request-id": "req_1"})]

    answer = wclient.chat.completions.create(model=MODEL, messages=HELLO, temperature=0.2, seed=1)

    (span,) = instrumented()
    assert answer.choices[0].message.content == "Hi there"
    assert (span.name, span.kind, span.status) == ("chat gpt-4o-mini", "llm", "ok")
    assert span.input == [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]
    assert span.output == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hi there"}], "finish_reason": "stop"}
    ]
    assert span.usage == {
        "input_tokens": 7,
        "output_tokens": 6,
        "cache_read_tokens": 3,
        "reasoning_tokens": 2,
        "audio_input_tokens": 1,
        "audio_output_tokens": 0,
    }
    assert (span.model, span.provider) == ("gpt-4o-mini-2024-07-18", "openai")
    assert span.model_parameters == {"temperature": 0.2, "seed": 1}
    assert (span.finish_reason, span.response_id) == ("stop", "chatcmpl-w")
    assert span.attributes["openai.request_id"] == "req_1"
    assert span.attributes["gen_ai.request.model"] == MODEL
    assert span.cost_usd is not None
    assert span.first_token_ns is None


async def test_an_async_call_is_one_span(instrumented: Spans, wire: Wire, awclient: openai.AsyncOpenAI) -> None:
    wire.replies = [Reply(json=completion("Hi"))]

    answer = await awclient.chat.completions.create(model=MODEL, messages=HELLO)

    (span,) = instrumented()
    assert answer.choices[0].message.content == "Hi"
    assert span.output[0]["parts"][0]["content"] == "Hi"


def test_arguments_and_result_are_what_they_would_be_without(spans: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    """The request on the wire, the arguments afterwards and the answer are the same, traced or not."""
    arguments: dict[str, Any] = {
        "model": MODEL,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
        "tools": [TOOL],
        "extra_headers": {"x-mine": "1"},
    }
    before = copy.deepcopy(arguments)
    wire.replies = [Reply(json=completion()) for _ in range(2)]

    plain = wclient.chat.completions.create(**arguments)
    sb.instrument("openai")
    traced = wclient.chat.completions.create(**arguments)
    sb.uninstrument("openai")

    assert arguments == before
    assert traced == plain
    assert type(traced) is type(plain)
    first, second = wire.requests
    assert first["body"] == second["body"]
    assert first["headers"] == second["headers"]
    assert len(spans()) == 1


def test_keys_in_headers_are_not_recorded(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(json=completion())]

    wclient.chat.completions.create(model=MODEL, messages=HELLO, extra_headers={"x-key": "hush-hush"})

    (span,) = instrumented()
    assert "hush-hush" not in repr(span)


def test_history_that_grows_later_is_kept_as_it_was(instrumented: Spans, client: openai.OpenAI) -> None:
    """An agent appends the SDK's own message objects to its list; both turns show what they were given."""
    messages = list(HELLO)

    answer = client.chat.completions.create(model=MODEL, messages=messages)
    messages.append(answer.choices[0].message)
    messages.append({"role": "user", "content": "And then?"})
    client.chat.completions.create(model=MODEL, messages=messages)

    first, second = instrumented()
    assert [message["role"] for message in first.input] == ["user"]
    assert [message["role"] for message in second.input] == ["user", "assistant", "user"]
    assert second.input[1]["parts"] == first.output[0]["parts"]


def test_tools_offered_called_and_answered(instrumented: Spans, model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules[:] = [Rule(match="weather", tool_calls=[("get_weather", {"city": "Paris"})])]
    messages: list[Any] = [{"role": "user", "content": "What is the weather?"}]

    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL])
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    reply = {"role": "tool", "tool_call_id": calls[0].id, "content": '{"degrees": 18}'}
    client.chat.completions.create(model=MODEL, messages=[*messages, answer.choices[0].message, reply])  # type: ignore[list-item]

    first, second = instrumented()
    assert first.tools == [{"type": "function", **TOOL["function"]}]
    assert first.finish_reason == "tool_calls"
    (call,) = first.output[0]["parts"]
    assert call == {
        "type": "tool_call",
        "id": calls[0].id,
        "name": "get_weather",
        "arguments": {"city": "Paris"},
    }
    assert second.input[2]["parts"] == [{"type": "tool_call_response", "id": calls[0].id, "response": {"degrees": 18}}]


def test_several_choices(instrumented: Spans, client: openai.OpenAI) -> None:
    client.chat.completions.create(model=MODEL, messages=HELLO, n=2)

    (span,) = instrumented()
    assert len(span.output) == 2
    assert span.model_parameters == {"n": 2}


def test_images_become_blobs_and_references(instrumented: Spans, client: openai.OpenAI) -> None:
    content = [
        {"type": "text", "text": "Look at these"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
    ]

    client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}])  # type: ignore[misc,list-item]

    (span,) = instrumented()
    _, blob, reference = span.input[0]["parts"]
    assert (blob["type"], blob["mime_type"], "content" in blob) == ("blob", "image/png", False)
    assert blob["size"] > 60
    assert reference == {"type": "uri", "modality": "image", "uri": "https://example.com/cat.png"}


def test_structured_output(instrumented: Spans, model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules[:] = [Rule(text='{"name": "Paris", "population": 3}')]

    answer = client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=City)

    (span,) = instrumented()
    assert answer.choices[0].message.parsed == City(name="Paris", population=3)
    assert span.output[0]["parts"] == [{"type": "text", "content": '{"name": "Paris", "population": 3}'}]
    assert span.model_parameters is not None
    form = span.model_parameters["response_format"]
    assert form["json_schema"]["name"] == "City"
    assert set(form["json_schema"]["schema"]["properties"]) == {"name", "population"}


async def test_structured_output_async(instrumented: Spans, model: OfflineModel, aclient: openai.AsyncOpenAI) -> None:
    model.rules[:] = [Rule(text='{"name": "Paris", "population": 3}')]

    answer = await aclient.chat.completions.parse(model=MODEL, messages=HELLO, response_format=City)

    assert answer.choices[0].message.parsed == City(name="Paris", population=3)
    assert len(instrumented()) == 1


def test_iterator_of_messages_is_left_for_the_call(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(json=completion())]

    wclient.chat.completions.create(model=MODEL, messages=iter(HELLO))

    (span,) = instrumented()
    assert wire.requests[0]["body"]["messages"] == HELLO
    assert span.input[0]["parts"][0]["type"] == "not_captured"


def test_sentinels_are_not_arguments(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    import openai

    wire.replies = [Reply(json=completion())]

    wclient.chat.completions.create(
        model=MODEL, messages=HELLO, temperature=openai.omit, timeout=openai.NOT_GIVEN, top_p=None
    )

    (span,) = instrumented()
    assert not span.model_parameters


def test_the_span_is_a_child_of_the_current_one_and_then_gone(instrumented: Spans, client: openai.OpenAI) -> None:
    with sb.span("outer") as outer:
        client.chat.completions.create(model=MODEL, messages=HELLO)
        assert sb.current() is outer

    first, second = instrumented()
    assert second.parent_id == first.span_id


async def test_sibling_calls_do_not_inherit_each_other(instrumented: Spans, aclient: openai.AsyncOpenAI) -> None:
    async def ask(number: int) -> None:
        await aclient.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": f"Question {number}"}])

    async with sb.span("outer"):
        await asyncio.gather(*map(ask, range(4)))

    outer, *calls = instrumented()
    assert len(calls) == 4
    assert {call.parent_id for call in calls} == {outer.span_id}


def test_azure_client(instrumented: Spans, model: OfflineModel) -> None:
    import openai

    with openai.AzureOpenAI(azure_endpoint=model.azure_endpoint, api_key="test", api_version="2025-01-01") as azure:
        azure.chat.completions.create(model="gpt-4o-mini", messages=HELLO)

    (span,) = instrumented()
    assert (span.name, span.provider, span.status) == ("chat gpt-4o-mini", "azure", "ok")


def test_copies_of_a_client_are_traced(instrumented: Spans, client: openai.OpenAI) -> None:
    client.with_options(timeout=5).chat.completions.create(model=MODEL, messages=HELLO)

    assert len(instrumented()) == 1


def test_beta_alias(instrumented: Spans, model: OfflineModel, client: openai.OpenAI) -> None:
    client.beta.chat.completions.create(model=MODEL, messages=HELLO)

    assert [span.name for span in instrumented()] == ["chat gpt-4o-mini"]


def test_answer_that_is_not_json_is_kept_as_text(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=["plain words"])]

    answer: Any = wclient.chat.completions.create(model=MODEL, messages=HELLO)

    (span,) = instrumented()
    assert answer == "plain words"
    assert span.output == "plain words"


def test_unknown_usage_stays_unknown(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(json={**completion(), "usage": None})]

    wclient.chat.completions.create(model=MODEL, messages=HELLO)

    (span,) = instrumented()
    assert span.usage == {}
    assert span.cost_usd is None
    assert USAGE["prompt_tokens"] == 7
