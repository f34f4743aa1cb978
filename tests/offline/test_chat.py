"""Chat completions, asked by the real client over HTTP."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from spanbook.offline import OfflineModel, Rule

if TYPE_CHECKING:
    import openai

TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Current weather of a city",
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }
]
MINI = "gpt-4o-mini"


def user(text: str) -> Any:
    """One user message."""
    return [{"role": "user", "content": text}]


def test_a_reply_says_what_it_is(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(match="hello", text="Hi there."))
    raw = client.chat.completions.with_raw_response.create(model=MINI, messages=user("Hello"))
    reply = raw.parse()
    assert reply.choices[0].message.content == "Hi there."
    assert reply.choices[0].finish_reason == "stop"
    assert reply.system_fingerprint == "offline-rules-not-a-model"
    assert reply.id.startswith("chatcmpl-offline-0")
    assert raw.headers["x-spanbook-offline"] == "not-a-model"
    assert raw.headers["x-request-id"].startswith("req_offline_")


def test_usage_follows_the_rule(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(text="abcdefgh"))
    reply = client.chat.completions.create(model=MINI, messages=user("abcd"), n=3)
    assert reply.usage is not None
    assert reply.usage.to_dict() == {
        "prompt_tokens": 4,
        "completion_tokens": 6,
        "total_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def test_a_stream_joins_to_the_whole_reply(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(text="Line one.\n\nLine  two — thirty-three. "))
    chunks = list(client.chat.completions.create(model=MINI, messages=user("x"), stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == "Line one.\n\nLine  two — thirty-three. "
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)
    assert len(chunks) > 5


def test_usage_of_a_stream_comes_last_and_without_choices(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    stream = client.chat.completions.create(model=MINI, messages=user("x"), stream=True, stream_options=options)
    *chunks, last = stream
    assert last.choices == []
    assert last.usage is not None
    assert all(chunk.usage is None for chunk in chunks)


def test_choices_of_a_stream_take_turns(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(text=lambda asked: f"choice {asked.choice}"))
    chunks = list(client.chat.completions.create(model=MINI, messages=user("x"), stream=True, n=2))
    assert [chunk.choices[0].index for chunk in chunks] == [0, 1] * (len(chunks) // 2)


def test_a_tool_is_called_and_its_result_used(client: openai.OpenAI) -> None:
    messages = user("What is the weather in Paris and London?")
    first = client.chat.completions.create(model=MINI, messages=messages, tools=TOOLS)
    choice = first.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    calls: Any = choice.message.tool_calls
    assert [call.function.arguments for call in calls] == ['{"city": "Paris"}', '{"city": "London"}']
    messages += [choice.message.to_dict()]
    messages += [{"role": "tool", "tool_call_id": call.id, "content": '{"sky": "clear"}'} for call in calls]
    second = client.chat.completions.create(model=MINI, messages=messages, tools=TOOLS)
    assert second.choices[0].message.content == (
        "According to get_weather(city=Paris), sky is clear. According to get_weather(city=London), sky is clear."
    )


def test_streamed_calls_say_their_id_once(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=MINI, messages=user("Weather in Paris and London?"), tools=TOOLS, stream=True
    )
    deltas = [d for chunk in stream for d in chunk.choices[0].delta.tool_calls or []]
    arguments = ["", ""]
    for delta in deltas:
        assert delta.function is not None
        arguments[delta.index] += delta.function.arguments or ""
    assert arguments == ['{"city": "Paris"}', '{"city": "London"}']
    assert sum(delta.id is not None for delta in deltas) == 2
    assert len(deltas) > 4


def test_the_stream_helper_assembles_calls(client: openai.OpenAI) -> None:
    asked = user("What is the weather in Paris?")
    with client.chat.completions.stream(model=MINI, messages=asked, tools=TOOLS) as stream:
        events = [event.type for event in stream]
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.parsed_arguments == {"city": "Paris"}
    assert "tool_calls.function.arguments.done" in events


class Verdict(BaseModel):
    """A structured answer."""

    answer: str
    days: int


def test_parse_gives_an_object(client: openai.OpenAI) -> None:
    asked = user("Refunds take 5 days.\n\nHow many days do refunds take?")
    reply = client.chat.completions.parse(model=MINI, messages=asked, response_format=Verdict)
    assert reply.choices[0].message.parsed == Verdict(answer="Refunds take 5 days.", days=5)


def test_a_cut_document_is_reported_as_such(client: openai.OpenAI) -> None:
    import openai

    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model=MINI, messages=user("x"), response_format=Verdict, max_completion_tokens=3)


def test_a_refusal_is_no_content(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(refusal="I will not."))
    message = client.chat.completions.create(model=MINI, messages=user("x")).choices[0].message
    assert (message.content, message.refusal) == (None, "I will not.")
    with client.chat.completions.stream(model=MINI, messages=user("x")) as stream:
        assert stream.get_final_completion().choices[0].message.refusal == "I will not."


def test_images_are_read(client: openai.OpenAI) -> None:
    gif = base64.b64encode(b"GIF89a\x03\x00\x02\x00\x00\x00\x00").decode()
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/gif;base64,{gif}"}},
    ]
    messages: Any = [{"role": "user", "content": content}]
    reply = client.chat.completions.create(model=MINI, messages=messages)
    assert "image/gif, 3 × 2 pixels" in (reply.choices[0].message.content or "")
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 4 + 3 + 85


def test_logprobs_are_null(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model=MINI, messages=user("x"), logprobs=True)
    assert reply.choices[0].logprobs is None


def test_the_raw_stream_is_server_sent_events(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(text="Hi there."))
    with client.chat.completions.with_streaming_response.create(
        model=MINI, messages=user("x"), stream=True
    ) as response:
        lines = [line for line in response.iter_lines() if line]
    assert response.headers["content-type"].startswith("text/event-stream")
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"


async def test_the_async_client_streams_and_parses(model: OfflineModel) -> None:
    model.rules.append(Rule(match="hello", text="Hi there."))
    async with model.async_client() as client:
        stream = await client.chat.completions.create(model=MINI, messages=user("hello"), stream=True)
        assert "".join([c.choices[0].delta.content or "" async for c in stream]) == "Hi there."
        asked = user("Refunds take 5 days.\n\nHow many days do refunds take?")
        parsed = await client.chat.completions.parse(model=MINI, messages=asked, response_format=Verdict)
        assert parsed.choices[0].message.parsed is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "boss", "content": "x"}]}, "'boss'"),
        ({"messages": [{"role": "user", "content": None}]}, "got null"),
        ({"messages": [{"role": "user", "content": [{"type": "smell"}]}]}, "'smell'"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}, "must be a response"),
        ({"temperature": 3}, "between 0 and 2"),
        ({"n": 0}, "whole number >= 1"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"model": ""}, "model parameter"),
        ({"tool_choice": "required"}, "only allowed when 'tools'"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "fly"}}}, "'fly'"),
        ({"response_format": {"type": "json_object"}}, "'json'"),
        ({"response_format": {"type": "yaml"}}, "'yaml'"),
        ({"modalities": ["audio"]}, "does not speak"),
    ],
)
def test_what_openai_would_refuse_is_refused(client: openai.OpenAI, change: dict[str, Any], message: str) -> None:
    import openai

    body: Any = {"model": MINI, "messages": user("x"), **change}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**body)
    assert message in caught.value.message
    assert caught.value.type == "invalid_request_error"


def test_unanswered_tool_calls_are_refused(client: openai.OpenAI) -> None:
    import openai

    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages: Any = [*user("x"), {"role": "assistant", "tool_calls": [call]}, *user("y")]
    with pytest.raises(openai.BadRequestError, match="missing: call_1"):
        client.chat.completions.create(model=MINI, messages=messages)


def test_azure_names_the_deployment(model: OfflineModel) -> None:
    import openai

    with openai.AzureOpenAI(azure_endpoint=model.azure_endpoint, api_key="x", api_version="2024-10-21") as azure:
        reply = azure.chat.completions.create(model="my deployment", messages=user("Who are you?"))
        assert reply.model == "my deployment"
        chunks = list(azure.chat.completions.create(model="d", messages=user("hello"), stream=True))
        assert chunks[0].choices == []
        assert azure.embeddings.create(model="e", input="x").model == "e"
        assert azure.responses.create(model="r", input="Who are you?").model == "r"
    assert model.requests[-4].path.startswith("/openai/deployments/my%20deployment/chat/completions?api-version=")
