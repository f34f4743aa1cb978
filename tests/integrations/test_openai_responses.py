"""The Responses API, embeddings and legacy completions, over real HTTP."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Any

import pydantic
import pytest

from spanbook.offline import OfflineModel, Rule
from tests.integrations.conftest import Spans
from tests.integrations.wire import CUT, CUT_ERRORS, DONE, Reply, Wire

if TYPE_CHECKING:
    import openai

MODEL = "gpt-4o-mini"
ASK: Any = {"model": MODEL, "input": "Hello"}
BASE: dict[str, Any] = {
    "id": "resp_w",
    "object": "response",
    "created_at": 1,
    "model": "gpt-4o-mini-2024-07-18",
    "status": "in_progress",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}


class City(pydantic.BaseModel):
    name: str


def event(kind: str, number: int, **fields: Any) -> str:
    """Return one typed event as it goes over the wire."""
    import json

    data = json.dumps({"type": kind, "sequence_number": number, **fields})
    return f"event: {kind}\ndata: {data}\n\n"


def text_events(*pieces: str) -> list[Any]:
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return [
        event("response.created", 0, response=BASE),
        event("response.output_item.added", 1, output_index=0, item=item),
        event("response.content_part.added", 2, **at, part=part),
        *(event("response.output_text.delta", 3 + i, **at, delta=piece, logprobs=[]) for i, piece in enumerate(pieces)),
    ]


def test_a_call_is_one_span(instrumented: Spans, client: openai.OpenAI) -> None:
    client.responses.create(**ASK, instructions="Be brief.", temperature=0)

    (span,) = instrumented()
    assert (span.name, span.kind, span.status) == ("responses gpt-4o-mini", "llm", "ok")
    assert [message["role"] for message in span.input] == ["system", "user"]
    assert span.output[0]["role"] == "assistant"
    assert span.finish_reason == "stop"
    assert span.model_parameters == {"temperature": 0}
    assert span.usage["input_tokens"] > 0
    assert span.response_id is not None
    assert span.cost_usd is not None


async def test_async_tools_over_two_turns(
    instrumented: Spans, model: OfflineModel, aclient: openai.AsyncOpenAI
) -> None:
    model.rules[:] = [Rule(match="weather", tool_calls=[("get_weather", {"city": "Paris"})], times=1)]
    tool: Any = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}, "strict": False}
    history: list[Any] = [{"role": "user", "content": "The weather?"}]

    answer = await aclient.responses.create(model=MODEL, input=history, tools=[tool])
    (call,) = [item for item in answer.output if item.type == "function_call"]
    history += [*answer.output, {"type": "function_call_output", "call_id": call.call_id, "output": "18C"}]
    await aclient.responses.create(model=MODEL, input=history, tools=[tool])

    first, second = instrumented()
    assert first.finish_reason == "tool_calls"
    assert first.tools is not None
    assert first.tools[0]["name"] == "get_weather"
    assert first.output[0]["parts"][-1]["arguments"] == {"city": "Paris"}
    assert [message["role"] for message in second.input] == ["user", "assistant", "tool"]
    assert second.input[1]["parts"] == first.output[0]["parts"]
    assert second.input[2]["parts"][0]["response"] == "18C"


def test_structured_output(instrumented: Spans, model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules[:] = [Rule(text='{"name": "Paris"}')]

    answer = client.responses.parse(**ASK, text_format=City)

    (span,) = instrumented()
    assert answer.output_parsed == City(name="Paris")
    assert span.output[0]["parts"] == [{"type": "text", "content": '{"name": "Paris"}'}]
    assert span.model_parameters is not None
    assert span.model_parameters["text"]["format"]["name"] == "City"


def test_stream_of_typed_events(instrumented: Spans, model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules[:] = [Rule(text="Hello there, you")]

    kinds = [event.type for event in client.responses.create(**ASK, stream=True)]

    (span,) = instrumented()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert span.output[0]["parts"] == [{"type": "text", "content": "Hello there, you"}]
    assert span.first_token_ns is not None
    assert span.usage["output_tokens"] > 0
    assert (span.finish_reason, span.level) == ("stop", None)


async def test_async_helper(instrumented: Spans, model: OfflineModel, aclient: openai.AsyncOpenAI) -> None:
    model.rules[:] = [Rule(text='{"name": "Paris"}')]

    async with aclient.responses.stream(**ASK, text_format=City) as stream:
        async for _ in stream:
            pass
        answer = await stream.get_final_response()

    (span,) = instrumented()
    assert answer.output_parsed == City(name="Paris")
    assert (span.status, span.finish_reason) == ("ok", "stop")


def test_stream_left_early_keeps_the_text_so_far(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=text_events("Hel", "lo", " you"))]

    with wclient.responses.create(**ASK, stream=True) as stream:
        for item in stream:
            if getattr(item, "delta", None) == "lo":
                break

    (span,) = instrumented()
    assert span.output[0]["parts"] == [{"type": "text", "content": "Hello"}]
    assert (span.level, span.attributes["stream"]) == ("warning", "abandoned")
    assert (span.model, span.response_id) == ("gpt-4o-mini-2024-07-18", "resp_w")


def test_failed_response_is_an_error(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    """The SDK raises nothing; the span tells."""
    failed = {**BASE, "status": "failed", "error": {"code": "server_error", "message": "boom"}}
    wire.replies = [Reply(events=[*text_events("Hel"), event("response.failed", 9, response=failed)])]

    list(wclient.responses.create(**ASK, stream=True))

    (span,) = instrumented()
    assert (span.status, span.error_type) == ("error", "server_error")
    assert span.error is not None
    assert span.error["message"] == "boom"
    assert span.output[0]["parts"] == [{"type": "text", "content": "Hel"}]


def test_incomplete_response(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    details = {"reason": "max_output_tokens"}
    last = {**BASE, "status": "incomplete", "incomplete_details": details}
    wire.replies = [Reply(events=[*text_events("Hel"), event("response.incomplete", 9, response=last)])]

    list(wclient.responses.create(**ASK, stream=True))

    (span,) = instrumented()
    assert (span.status, span.finish_reason) == ("ok", "length")
    assert span.attributes["openai.response.status"] == "incomplete"


def test_error_event(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    """Older versions of the SDK hand the event over, newer ones raise; the span has failed either way."""
    import openai

    wire.replies = [Reply(events=[*text_events("Hel"), event("error", 9, code="busy", message="later", param=None)])]

    try:
        list(wclient.responses.create(**ASK, stream=True))
    except openai.APIError as error:
        assert "later" in str(error)  # noqa: PT017 - both ways are right

    (span,) = instrumented()
    assert span.status == "error"
    assert span.output[0]["parts"] == [{"type": "text", "content": "Hel"}]


def test_cut_connection(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=[*text_events("Hel"), CUT])]

    with pytest.raises(CUT_ERRORS):
        list(wclient.responses.create(**ASK, stream=True))

    (span,) = instrumented()
    assert span.status == "error"
    assert span.output[0]["parts"] == [{"type": "text", "content": "Hel"}]


def test_background_response_says_that_it_waits(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(json={**BASE, "status": "queued", "background": True})]

    wclient.responses.create(**ASK, background=True)

    (span,) = instrumented()
    assert span.status == "ok"
    assert span.finish_reason is None
    assert span.attributes["openai.response.status"] == "queued"


@pytest.mark.parametrize("form", ["base64", "float", None])
def test_embeddings_keep_texts_and_shape(instrumented: Spans, client: openai.OpenAI, form: Any) -> None:
    options: Any = {} if form is None else {"encoding_format": form}

    answer = client.embeddings.create(model="text-embedding-3-small", input=["alpha", "beta"], **options)

    (span,) = instrumented()
    assert isinstance(answer.data[0].embedding, str) == (form == "base64")
    assert (span.name, span.kind) == ("embeddings text-embedding-3-small", "embedding")
    assert span.input == ["alpha", "beta"]
    assert (span.output["$type"], span.output["shape"]) == ("array", [2, 1536])
    assert span.usage["input_tokens"] > 0
    assert span.cost_usd is not None


async def test_async_embedding_of_one_text(instrumented: Spans, wire: Wire, awclient: openai.AsyncOpenAI) -> None:
    vector = base64.b64encode(struct.pack("<3f", 0.5, -1.0, 2.0)).decode()
    data = [{"object": "embedding", "index": 0, "embedding": vector}]
    wire.replies = [Reply(json={"object": "list", "model": "e", "data": data, "usage": {"prompt_tokens": 1}})]

    answer = await awclient.embeddings.create(model="e", input="alpha")

    (span,) = instrumented()
    assert answer.data[0].embedding == [0.5, -1.0, 2.0]
    assert span.input == "alpha"
    assert span.output == {"$type": "array", "shape": [1, 3], "dtype": "float32", "head": [0.5, -1.0, 2.0]}


def test_legacy_completion(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    def piece(text: str, finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "text": text, "finish_reason": finish, "logprobs": None}
        return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "davinci-002", "choices": [choice]}

    wire.replies = [Reply(json=piece("Hello", "stop")), Reply(events=[piece("Hel"), piece("lo", "stop"), DONE])]

    wclient.completions.create(model="davinci-002", prompt="Say hello")
    list(wclient.completions.create(model="davinci-002", prompt="Say hello", stream=True))

    first, second = instrumented()
    assert first.name == "text_completion davinci-002"
    assert first.input == [{"role": "user", "parts": [{"type": "text", "content": "Say hello"}]}]
    assert first.output == second.output
    assert second.first_token_ns is not None
