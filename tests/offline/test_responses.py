"""The Responses endpoint, asked by the real client over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from spanbook.offline import OfflineModel, Rule

if TYPE_CHECKING:
    import openai

TOOLS: Any = [
    {
        "type": "function",
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
    {"type": "web_search"},
]
MINI = "gpt-4o-mini"


def test_a_text_is_answered(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(match="hello", where="any", text="Hi there."))
    reply = client.responses.create(model=MINI, input="Hello", instructions="Be kind.")
    assert reply.output_text == "Hi there."
    assert (reply.status, reply.instructions) == ("completed", "Be kind.")
    assert reply.usage is not None
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (2 + 3 + 2 + 3, 3)


def test_a_reasoning_model_reasons(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(text="Hi.", reasoning="They said hello."))
    reply = client.responses.create(model="o3", input="Hello", reasoning={"summary": "auto", "effort": "low"})
    thought: Any = reply.output[0]
    assert (thought.type, thought.summary[0].text) == ("reasoning", "They said hello.")
    assert reply.usage is not None
    assert reply.usage.output_tokens_details.reasoning_tokens == 32


def test_functions_are_called_and_their_output_used(client: openai.OpenAI) -> None:
    first = client.responses.create(model=MINI, input="What is the weather in Paris and London?", tools=TOOLS)
    calls: Any = [item for item in first.output if item.type == "function_call"]
    assert [call.arguments for call in calls] == ['{"city": "Paris"}', '{"city": "London"}']
    outputs: Any = [
        {"type": "function_call_output", "call_id": call.call_id, "output": '{"sky": "clear"}'} for call in calls
    ]
    second = client.responses.create(model=MINI, previous_response_id=first.id, input=outputs, tools=TOOLS)
    assert second.output_text.startswith("According to get_weather(city=Paris), sky is clear.")
    items: Any = [{"role": "user", "content": "Weather in Paris and London?"}, *first.output, *outputs]
    assert client.responses.create(model=MINI, input=items, tools=TOOLS).output_text == second.output_text


def test_an_item_of_a_stored_response_can_be_referred_to(client: openai.OpenAI) -> None:
    import openai

    asked: Any = {"role": "user", "content": "Weather in Paris?"}
    call: Any
    (call,) = client.responses.create(model=MINI, input=[asked], tools=TOOLS).output
    said = {"type": "function_call_output", "call_id": call.call_id, "output": '{"sky": "clear"}'}
    items: Any = [asked, {"type": "item_reference", "id": call.id}, said]
    assert "sky is clear" in client.responses.create(model=MINI, input=items, tools=TOOLS).output_text
    items[1]["id"] = "fc_unknown"
    with pytest.raises(openai.NotFoundError, match="'fc_unknown'"):
        client.responses.create(model=MINI, input=items, tools=TOOLS)


def test_a_stream_has_typed_events_in_order(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(text="Hi there."))
    events: list[Any] = list(client.responses.create(model=MINI, input="Hello", stream=True))
    assert [event.type.removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event.sequence_number for event in events] == list(range(10))
    assert events[-1].response.output_text == "Hi there."
    assert events[0].response.usage is None


def test_the_stream_helper_accepts_all_kinds_of_items(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(text="Both.", reasoning="A thought.", tool_calls=[("get_weather", {"city": "Oslo"})]))
    with client.responses.stream(model="gpt-5", input="x", tools=TOOLS, reasoning={"summary": "auto"}) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_response()
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]
    assert "response.reasoning_summary_text.delta" in kinds
    assert "response.function_call_arguments.delta" in kinds


class Verdict(BaseModel):
    """A structured answer."""

    answer: str
    days: int


def test_parse_gives_an_object(client: openai.OpenAI) -> None:
    asked = "Refunds take 5 days.\n\nHow many days do refunds take?"
    expected = Verdict(answer="Refunds take 5 days.", days=5)
    assert client.responses.parse(model=MINI, input=asked, text_format=Verdict).output_parsed == expected
    with client.responses.stream(model=MINI, input=asked, text_format=Verdict) as stream:
        assert stream.get_final_response().output_parsed == expected


def test_a_limit_makes_the_response_incomplete(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(text="word " * 20))
    reply = client.responses.create(model=MINI, input="x", max_output_tokens=5)
    assert reply.status == "incomplete"
    assert reply.incomplete_details is not None
    assert reply.incomplete_details.reason == "max_output_tokens"
    last = list(client.responses.create(model=MINI, input="x", max_output_tokens=5, stream=True))[-1]
    assert last.type == "response.incomplete"


def test_a_stream_can_fail_half_way(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(text="one two three", error=(500, "boom"), error_after=2))
    events: list[Any] = list(client.responses.create(model=MINI, input="x", stream=True))
    assert [event.delta for event in events if event.type == "response.output_text.delta"] == ["one", " two"]
    assert events[-1].type == "response.failed"
    assert events[-1].response.error.message == "boom"


def test_a_refusal_is_streamed(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(refusal="I will not."))
    events: list[Any] = list(client.responses.create(model=MINI, input="x", stream=True))
    assert "".join(e.delta for e in events if e.type == "response.refusal.delta") == "I will not."
    assert events[-1].response.output[0].content[0].refusal == "I will not."


def test_a_conversation_goes_on_and_instructions_do_not(model: OfflineModel, client: openai.OpenAI) -> None:
    first = client.responses.create(model=MINI, input="My name is Ada.", instructions="Be kind.")
    second = client.responses.create(model=MINI, input="What is my name?", previous_response_id=first.id)
    assert second.output_text == "My name is Ada."
    model.rules.append(Rule(match=lambda asked: asked.text_of("system") == "", text="none"))
    third = client.responses.create(model=MINI, input="x", previous_response_id=second.id)
    assert third.output_text == "none"
    assert client.responses.retrieve(first.id).id == first.id


def test_what_was_not_stored_is_not_found(client: openai.OpenAI) -> None:
    import openai

    reply = client.responses.create(model=MINI, input="x", store=False)
    with pytest.raises(openai.NotFoundError, match=reply.id):
        client.responses.create(model=MINI, input="y", previous_response_id=reply.id)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": []}, "at least one item"),
        ({"input": 3}, "got a number"),
        ({"input": [{"role": "boss", "content": "x"}]}, "'boss'"),
        ({"input": [{"type": "function_call_output", "call_id": "c1", "output": "x"}]}, "No tool call found"),
        (
            {"input": [{"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}]},
            "No tool output found for function call c1",
        ),
        ({"background": True}, "background"),
        ({"text": {"format": {"type": "yaml"}}}, "'yaml'"),
    ],
)
def test_what_openai_would_refuse_is_refused(client: openai.OpenAI, change: dict[str, Any], message: str) -> None:
    import openai

    body: Any = {"model": MINI, "input": "x", **change}
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(**body)
    assert message in caught.value.message


async def test_the_async_client_streams(model: OfflineModel) -> None:
    model.rules.append(Rule(text="Hi there."))
    async with model.async_client() as client, client.responses.stream(model=MINI, input="x") as stream:
        final = await stream.get_final_response()
    assert final.output_text == "Hi there."
