"""Anthropic's endpoint, asked with its real client over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from spanbook.offline import OfflineModel, Rule
from spanbook.offline._usage import count_tokens

anthropic: Any = None  # set by a fixture, so that only the worker that runs these tests imports it
pytestmark = pytest.mark.usefixtures("anthropic")
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
ASK: Any = {"model": "claude-sonnet-5", "max_tokens": 500, "messages": HELLO}
WEATHER: Any = {
    "name": "get_weather",
    "description": "Weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


@pytest.fixture(scope="module")
def made_client(running: OfflineModel) -> Iterator[Any]:
    """One client for the module, which never retries."""
    with running.anthropic_client(max_retries=0) as made:
        yield made


@pytest.fixture
def claude(model: OfflineModel, made_client: Any) -> Any:
    """The same, asking a model without rules."""
    return made_client


def test_a_message(model: OfflineModel, claude: Any) -> None:
    model.rules[:] = [Rule(text="Hi there", api="messages", where="system", match="polite")]

    answer = claude.messages.create(**ASK, system=[{"type": "text", "text": "Be polite."}])

    assert (answer.type, answer.role, answer.model) == ("message", "assistant", "claude-sonnet-5")
    assert [block.to_dict() for block in answer.content] == [{"type": "text", "text": "Hi there"}]
    assert (answer.stop_reason, answer.stop_sequence) == ("end_turn", None)
    assert answer.usage.output_tokens == count_tokens("Hi there")
    assert answer._request_id.startswith("req_offline_")


def test_usage_leaves_out_what_was_cached(claude: Any) -> None:
    """``input_tokens`` is what was not read from the cache, as Anthropic counts."""
    long: Any = {**ASK, "system": "One rule. " * 40}

    first, second = (claude.messages.create(**long).usage for _ in range(2))

    assert (first.cache_read_input_tokens, first.cache_creation_input_tokens) == (0, 0)
    assert second.input_tokens + second.cache_read_input_tokens == first.input_tokens
    assert second.cache_read_input_tokens > 64
    counted = claude.messages.count_tokens(model=ASK["model"], messages=HELLO, system=long["system"])
    assert counted.input_tokens == first.input_tokens


def test_tools_are_called_and_their_results_read(claude: Any) -> None:
    question: Any = {"role": "user", "content": "What is the weather in Paris?"}

    asked = claude.messages.create(**{**ASK, "messages": [question]}, tools=[WEATHER])
    (call,) = asked.content
    result = {"type": "tool_result", "tool_use_id": call.id, "content": '{"degrees": 18}'}
    turn = [question, {"role": "assistant", "content": asked.content}, {"role": "user", "content": [result]}]
    told = claude.messages.create(**{**ASK, "messages": turn}, tools=[WEATHER])

    assert (asked.stop_reason, call.type, call.name, call.input) == (
        "tool_use", "tool_use", "get_weather", {"city": "Paris"},
    )  # fmt: skip
    assert call.id.startswith("toolu_")
    assert "18" in told.content[0].text


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"type": "none"}, "end_turn"),
        ({"type": "any"}, "tool_use"),
        ({"type": "tool", "name": "get_weather"}, "tool_use"),
    ],
)
def test_tool_choice(claude: Any, choice: Any, reason: str) -> None:
    assert claude.messages.create(**ASK, tools=[WEATHER], tool_choice=choice).stop_reason == reason


def test_images_are_counted(claude: Any) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]

    answer = claude.messages.create(**{**ASK, "messages": [{"role": "user", "content": content}]})

    assert "1 × 1 pixels" in answer.content[0].text
    assert answer.usage.input_tokens > 85


def test_stream_events_come_in_their_order(model: OfflineModel, claude: Any) -> None:
    model.rules[:] = [Rule(text="Let me see.", tool_calls=[("get_weather", {"city": "Paris"})])]

    events = list(claude.messages.with_raw_response.create(**ASK, stream=True).parse())

    kinds = [event.type for event in events]
    assert [kind for i, kind in enumerate(kinds) if kind != kinds[i - 1]] == [
        "message_start",
        "content_block_start", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_stop",
        "message_delta", "message_stop",
    ]  # fmt: skip
    assert {event.delta.type for event in events if event.type == "content_block_delta"} == {
        "text_delta",
        "input_json_delta",
    }
    assert events[0].message.usage.output_tokens == 1
    assert (events[-2].delta.stop_reason, events[-2].usage.output_tokens > 1) == ("tool_use", True)


def test_streamed_and_whole_are_the_same(model: OfflineModel, claude: Any) -> None:
    model.rules[:] = [Rule(text="Let me see.", tool_calls=[("get_weather", {"city": "Paris"})], reasoning="Hm, Paris.")]
    thinking: Any = {"type": "adaptive"}
    ask = {**ASK, "thinking": thinking, "max_tokens": 2000}

    whole = claude.messages.create(**ask)
    with claude.messages.stream(**ask) as stream:
        streamed = stream.get_final_message()

    assert [block.type for block in whole.content] == ["thinking", "text", "tool_use"]
    assert whole.content[0].thinking == "Hm, Paris."
    assert whole.usage.output_tokens_details.thinking_tokens == count_tokens("Hm, Paris.")
    for answer in (whole, streamed):
        for block in answer.content:
            block.__dict__.pop("id", None)
    assert [b.to_dict() for b in streamed.content] == [b.to_dict() for b in whole.content]
    assert streamed.usage.output_tokens == whole.usage.output_tokens


def test_ping_is_on_the_wire(claude: Any) -> None:
    with claude.messages.with_streaming_response.create(**ASK, stream=True) as response:
        assert "event: ping" in list(response.iter_lines())


def test_limits_and_stop_sequences(model: OfflineModel, claude: Any) -> None:
    model.rules[:] = [Rule(text="one two three four")]

    cut = claude.messages.create(**{**ASK, "max_tokens": 1})
    stopped = claude.messages.create(**ASK, stop_sequences=["three", "nothing"])

    assert (cut.stop_reason, cut.content[0].text) == ("max_tokens", "one ")
    assert (stopped.stop_reason, stopped.stop_sequence, stopped.content[0].text) == (
        "stop_sequence", "three", "one two ",
    )  # fmt: skip


def test_answer_that_follows_a_schema(claude: Any) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    question = {"role": "user", "content": "city: Paris"}

    answer = claude.messages.create(
        **{**ASK, "messages": [question]}, output_config={"format": {"type": "json_schema", "schema": schema}}
    )

    assert answer.content[0].text == '{"city": "Paris"}'


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "BadRequestError", "invalid_request_error"),
        (429, "RateLimitError", "rate_limit_error"),
        (500, "InternalServerError", "api_error"),
        (529, "OverloadedError", "overloaded_error"),
    ],
)
def test_errors_have_the_form_of_the_provider(
    model: OfflineModel, claude: Any, status: int, name: str, kind: str
) -> None:
    model.rules[:] = [Rule(error=(status, "no, sorry"), retry_after_s=2)]

    with pytest.raises(anthropic.APIStatusError, match="no, sorry") as caught:
        claude.messages.create(**ASK)

    error: Any = caught.value
    assert (type(error).__name__, error.status_code, error.type) == (name, status, kind)
    assert error.request_id.startswith("req_offline_")
    assert error.response.headers.get("retry-after") == ("2" if status in (429, 529) else None)


def test_overloaded_twice_then_answered(model: OfflineModel, claude: Any) -> None:
    model.rules[:] = [Rule(error=(529, "Overloaded"), times=2, retry_after_s=0.01), Rule(text="Hi")]

    assert claude.with_options(max_retries=2).messages.create(**ASK).content[0].text == "Hi"


def test_error_in_the_middle_of_a_stream(model: OfflineModel, claude: Any) -> None:
    model.rules[:] = [Rule(text="one two three", error=(529, "Overloaded"), error_after=2)]
    seen: list[str] = []

    with pytest.raises(anthropic.APIStatusError, match="Overloaded"), claude.messages.stream(**ASK) as stream:
        seen.extend(stream.text_stream)

    assert seen == ["one", " two"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"messages": []}, "at least one message"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"extra_body": {"temperature": 1.5}}, "temperature"),
        ({"messages": [{"role": "system", "content": "x"}]}, "expected user or assistant"),
        ({"tool_choice": {"type": "some"}}, "auto, any, tool or none"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]}]}, "t1"),
        (
            {
                "messages": [
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "t2", "name": "f", "input": {}}]}
                ]
            },
            "`tool_use` ids were found without `tool_result`",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "?"}}]}]},
            "base64, url or file",
        ),
    ],
)
def test_what_the_provider_would_refuse(claude: Any, wrong: Any, said: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match=said):
        claude.messages.create(**{**ASK, **wrong})


def test_a_thread_is_continued(claude: Any) -> None:
    """The server keeps what was said and offered before; the client's tool runner counts on that."""
    question: Any = {"role": "user", "content": "What is the weather in Paris?"}
    begun: Any = {**ASK, "messages": [question], "tools": [WEATHER], "system": "Be brief."}

    first = claude.messages.create(**begun, extra_body={"thread": {"type": "create"}})
    result = {"type": "tool_result", "tool_use_id": first.content[0].id, "content": '{"degrees": 18}'}
    goes_on = {"thread": {"type": "continue", "previous_message_id": first.id}}
    second = claude.messages.create(**{**ASK, "messages": [{"role": "user", "content": [result]}]}, extra_body=goes_on)

    assert "18" in second.content[0].text
    assert second.usage.input_tokens > first.usage.input_tokens


def test_model_that_does_not_exist(claude: Any) -> None:
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.create(**{**ASK, "model": "no-such-model"})


async def test_async_client(model: OfflineModel) -> None:
    model.rules[:] = [Rule(text="Hi there")]

    async with model.async_anthropic_client() as claude, claude.messages.stream(**ASK) as stream:
        pieces = [text async for text in stream.text_stream]

    assert pieces == ["Hi", " there"]
