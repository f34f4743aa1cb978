"""What a model returns, whichever library asks it: messages, usage, tools, schemas, streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import BaseModel

import spanbook as sb
from spanbook.models import Delta, Model, Reply
from spanbook.offline import OfflineModel, Rule
from tests.integrations.conftest import Spans

pytestmark = pytest.mark.usefixtures("anthropic")

TOOL = {
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class Verdict(BaseModel):
    """What a judge says."""

    score: int
    reason: str


def made(kind: str, server: OfflineModel) -> Model:
    """Return a model asked through a client of this kind."""
    client: Any = {
        "openai": server.client,
        "openai-async": server.async_client,
        "anthropic": server.anthropic_client,
        "anthropic-async": server.async_anthropic_client,
    }[kind](max_retries=0)
    sb.use_client(client, provider="mine")
    return sb.get_model(f"mine/{'claude-sonnet-5' if 'anthropic' in kind else 'gpt-4o-mini'}")


@pytest.fixture(params=["openai", "openai-async", "anthropic", "anthropic-async"])
async def asked(request: pytest.FixtureRequest, model: OfflineModel) -> AsyncIterator[Model]:
    """A model behind each sort of client."""
    found = made(request.param, model)
    yield found
    client = found._backend.client  # type: ignore[attr-defined]
    await (client.close() if "async" in request.param else asyncio.to_thread(client.close))


async def pieces_of(stream: AsyncIterator[Delta | Reply]) -> tuple[list[Delta], Reply]:
    """Return the deltas and the whole."""
    *deltas, reply = [piece async for piece in stream]
    assert isinstance(reply, Reply)
    return [delta for delta in deltas if isinstance(delta, Delta)], reply


async def test_a_text_is_answered(asked: Model, model: OfflineModel) -> None:
    model.rules[:] = [Rule(text="Hello to you.")]

    reply = await asked("Hello", temperature=0.5)

    assert reply.message == {
        "role": "assistant", "parts": [{"type": "text", "content": "Hello to you."}], "finish_reason": "stop",
    }  # fmt: skip
    assert (reply.text, reply.finish_reason, reply.model) == ("Hello to you.", "stop", asked.name)
    assert reply.usage["input_tokens"] > 0 and reply.usage["output_tokens"] > 0
    assert reply.response_id and reply.answered_by


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        [
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "Hello"}]},
        ],
    ],
)
async def test_messages_of_either_form(asked: Model, model: OfflineModel, messages: Any) -> None:
    seen: list[str] = []
    model.rules[:] = [Rule(text=lambda request: seen.append(request.text_of("system") + request.text_of("user")) or "")]  # type: ignore[func-returns-value]

    await asked(messages)

    assert seen == ["Be brief.Hello"]


async def test_a_stream_ends_in_the_whole(asked: Model, model: OfflineModel) -> None:
    model.rules[:] = [Rule(text="One two three four")]

    deltas, reply = await pieces_of(asked.stream("Count"))

    assert len(deltas) > 1
    assert "".join(delta.text for delta in deltas) == reply.text == "One two three four"
    assert reply.finish_reason == "stop" and reply.usage["output_tokens"] > 0


async def test_a_tool_is_called_and_its_result_sent_back(asked: Model, model: OfflineModel) -> None:
    model.rules[:] = [
        Rule(match="18 degrees", where="tool", text="It is mild."),
        Rule(tool_calls=[("get_weather", {"city": "Bern"})]),
    ]
    question = {"role": "user", "content": "Weather in Bern?"}

    first = await asked([question], tools=[TOOL])
    (call,) = first.tool_calls
    result = {"role": "tool", "parts": [{"type": "tool_call_response", "id": call["id"], "response": "18 degrees"}]}
    second = await asked([question, first.message, result], tools=[TOOL])

    assert (call["name"], call["arguments"], first.finish_reason) == ("get_weather", {"city": "Bern"}, "tool_calls")
    assert second.text == "It is mild."


async def test_tool_calls_are_streamed(asked: Model, model: OfflineModel) -> None:
    model.rules[:] = [Rule(tool_calls=[("get_weather", {"city": "Bern"})])]

    deltas, reply = await pieces_of(asked.stream("Weather?", tools=[TOOL]))

    calls = [delta for delta in deltas if delta.kind == "tool_call"]
    assert calls[0].name == "get_weather"
    assert "".join(delta.text for delta in calls).replace(" ", "") == '{"city":"Bern"}'
    assert reply.tool_calls[0]["arguments"] == {"city": "Bern"}


@pytest.mark.parametrize("choice", ["required", "get_weather"])
async def test_a_tool_can_be_demanded(asked: Model, choice: str) -> None:
    reply = await asked("Nothing of that sort.", tools=[TOOL], tool_choice=choice, parallel_tool_calls=False)

    assert [call["name"] for call in reply.tool_calls] == ["get_weather"]


@pytest.mark.parametrize("schema", [Verdict, Verdict.model_json_schema()], ids=["class", "schema"])
async def test_the_answer_follows_a_schema(asked: Model, model: OfflineModel, schema: Any) -> None:
    reply = await asked("Is it good? score 4", response_schema=schema)

    body = model.requests[-1].body
    sent = body["output_config"] if "output_config" in body else body["response_format"]
    assert "json_schema" in str(sent)
    assert "strict" not in str(sent) or sent["json_schema"]["strict"] is True
    parsed = reply.parsed
    assert set(parsed if isinstance(parsed, dict) else vars(parsed)) == {"score", "reason"}
    assert isinstance(parsed, Verdict) is (schema is Verdict)


async def test_what_is_no_such_value_is_said_with_the_answer(asked: Model, model: OfflineModel) -> None:
    model.rules[:] = [Rule(text="I would rather not.")]
    reply = await asked("Is it good?", response_schema=Verdict)

    with pytest.raises(
        sb.ModelAnswerError, match=r"mine/.* answered 'I would rather not.', which is no Verdict"
    ) as said:
        _ = reply.parsed
    assert said.value.reply is reply


async def test_an_image_is_sent(asked: Model, model: OfflineModel) -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    seen: list[int] = []
    model.rules[:] = [Rule(text=lambda request: seen.append(len(request.messages[-1].images)) or "")]  # type: ignore[func-returns-value]

    blob = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": pixel}
    await asked([{"role": "user", "parts": [{"type": "text", "content": "What is it?"}, blob]}])

    assert seen == [1]


async def test_stop_and_limit_are_translated(asked: Model, model: OfflineModel) -> None:
    model.rules[:] = [Rule(text="one two three four five")]

    assert (await asked("Count", stop="three", max_tokens=50)).text == "one two "
    assert (await asked("Count", max_tokens=1)).finish_reason == "length"


async def test_what_is_unknown_is_passed_on(asked: Model, model: OfflineModel) -> None:
    await asked("Hello", top_k_of_tomorrow=3)

    assert model.requests[-1].body["top_k_of_tomorrow"] == 3


async def test_anthropic_takes_no_seed_and_says_so_once(model: OfflineModel) -> None:
    from spanbook.tracer._report import forget_said

    forget_said()
    found = made("anthropic", model)
    with pytest.warns(sb.SpanbookWarning, match="Anthropic's models take no seed"):
        await found("Hello", seed=1)
    await found("Hello", seed=1)

    assert "seed" not in model.requests[-1].body


async def test_thoughts_can_be_sent_back(model: OfflineModel) -> None:
    model.rules[:] = [Rule(text="42", reasoning="Let me see.")]
    found = made("anthropic", model)
    thinking = {"type": "enabled", "budget_tokens": 1024}

    first = await found("Why?", thinking=thinking, max_tokens=2000)
    await found([{"role": "user", "content": "Why?"}, first.message, {"role": "user", "content": "Sure?"}])

    assert first.message["parts"][0]["type"] == "reasoning"
    sent = model.requests[-1].body["messages"][1]["content"]
    assert sent[0]["type"] == "thinking" and sent[0]["signature"]


async def test_new_name_of_the_limit_at_openai_itself() -> None:
    from spanbook.models._asked import Asked, as_messages
    from spanbook.models._openai import request

    asked = Asked(messages=as_messages("Hi"), parameters={"max_tokens": 5})

    assert request("gpt-5", asked, is_own_host=True)["max_completion_tokens"] == 5
    assert request("llama", asked)["max_tokens"] == 5


def test_optional_properties_are_not_strict() -> None:
    from spanbook.models._openai import _format

    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]}

    assert _format(schema)["json_schema"]["strict"] is False
    assert _format({**schema, "required": ["a", "b"]})["json_schema"]["strict"] is True


def test_models_of_pydantic_are_strict() -> None:
    from spanbook.models._openai import _format

    class Maybe(BaseModel):
        """Optional in Python: to be there, and perhaps null, in JSON."""

        a: str
        b: str | None = None

    sent = _format(Maybe)["json_schema"]
    assert sent["strict"] is True and sent["schema"]["required"] == ["a", "b"]


async def test_a_call_that_is_cancelled(spans: Spans, model: OfflineModel) -> None:
    model.rules[:] = [Rule(delay_s=5)]
    found = made("openai-async", model)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(found("Hello"), 0.1)
    await found._backend.client.close()  # type: ignore[attr-defined]

    (span,) = spans()
    assert span.end_ns is not None and span.status == "error"


# -- where nothing can be awaited


def test_ask_without_a_loop(model: OfflineModel) -> None:
    model.rules[:] = [Rule(text="Yes.")]
    with model.client() as client:
        sb.use_client(client, provider="mine")
        assert sb.get_model("mine/gpt-4o-mini").ask("Is it?").text == "Yes."


async def test_ask_inside_a_running_loop_of_an_async_client(model: OfflineModel) -> None:
    """As in a cell; before and after, the same client is awaited on this loop."""
    model.rules[:] = [Rule(text="Yes.")]
    found = made("openai-async", model)

    assert [(await found("?")).text, found.ask("?").text, (await found("?")).text] == ["Yes."] * 3
    await found._backend.client.close()  # type: ignore[attr-defined]


def test_loops_that_come_and_go(model: OfflineModel) -> None:
    """A connection that one loop left open is not used on the next."""
    model.rules[:] = [Rule(text="Yes.")]
    found = made("openai-async", model)

    async def twice() -> list[str]:
        try:
            return [(await found("?")).text for _ in range(2)]
        finally:
            await found._backend._client_here().close()  # type: ignore[attr-defined]

    assert asyncio.run(twice()) == asyncio.run(twice()) == ["Yes.", "Yes."]


def test_ask_inside_of_a_model_is_refused() -> None:
    async def outer(messages: Any) -> str:
        return sb.get_model(outer).ask(messages).text

    with pytest.raises(sb.UsageError, match="await model"):
        sb.get_model(outer).ask("Hi")


# -- models of one's own


@pytest.mark.parametrize(
    "answer",
    [
        "Hi",
        {"role": "assistant", "content": "Hi"},
        {"role": "assistant", "parts": [{"type": "text", "content": "Hi"}]},
        Reply(message={"role": "assistant", "parts": [{"type": "text", "content": "Hi"}]}),
    ],
)
async def test_an_async_function_is_a_model(answer: Any) -> None:
    given: list[Any] = []

    async def mine(messages: Any, **parameters: Any) -> Any:
        given.extend([messages, parameters])
        return answer

    found = sb.get_model(mine)
    reply = await found("Hello", temperature=0)
    deltas, whole = await pieces_of(found.stream("Hello"))

    assert (reply.text, reply.model, whole.text, deltas[0].text) == ("Hi", "mine", "Hi", "Hi")
    assert given[:2] == [[{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}], {"temperature": 0}]


@pytest.mark.parametrize(("returned", "said"), [(lambda m: "Hi", "no async function"), (None, "expected a message")])
def test_a_function_that_is_no_model(returned: Callable[..., Any] | None, said: str) -> None:
    async def nothing(messages: Any) -> None:
        return None

    with pytest.raises(sb.UsageError, match=said):
        sb.get_model(returned or nothing).ask("Hi")


# -- what cannot be asked


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "are no messages"),
        (3, "are no messages"),
        ([{"content": "x"}], r"messages\[0\] is"),
        ([{"role": "user", "parts": [{"type": "not_captured", "count": 1, "reason": "cut"}]}], "Not captured"),
        ([{"role": "user", "parts": [{"type": "blob", "modality": "image", "digest": "0"}]}], "not at hand"),
    ],
)
async def test_messages_that_cannot_be_sent(model: OfflineModel, messages: Any, said: str) -> None:
    found = made("openai", model)
    with pytest.raises(sb.UsageError, match=said):
        await found(messages)


@pytest.mark.parametrize("arguments", [{"tools": {"name": "x"}}, {"tools": [{}]}, {"response_schema": "score"}])
async def test_arguments_that_are_wrong(model: OfflineModel, arguments: Any) -> None:
    found = made("openai", model)
    with pytest.raises(sb.UsageError, match="tools|response_schema"):
        await found("Hi", **arguments)
