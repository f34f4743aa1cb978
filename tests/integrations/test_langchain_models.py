"""Chat models of LangChain: what is asked, what is answered, streams, usage, one call counted once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pydantic
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool

import spanbook as sb
from spanbook.model import Span
from spanbook.offline import OfflineModel, Rule
from tests.integrations.conftest import Spans

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


def runs(spans: Spans) -> list[Span]:
    """The spans of LangChain's runs, without the client's below them."""
    return [span for span in spans() if not span.name.startswith("chat ")]


def test_a_call_is_a_span_of_the_model(langchain_traced: Spans, chat: ChatOpenAI, model: OfflineModel) -> None:
    model.rules[:] = [Rule(text="Hello yourself.")]

    answer = chat.invoke(
        [SystemMessage("Be kind."), HumanMessage("Hello")], stop=["!"], config={"run_name": "greet", "tags": ["beta"]}
    )

    (span,) = runs(langchain_traced)
    assert answer.content == "Hello yourself."
    assert (span.name, span.kind, span.status, span.tags) == ("greet", "llm", "ok", ["beta"])
    assert [(message["role"], message["parts"][0]["content"]) for message in span.input] == [
        ("system", "Be kind."),
        ("user", "Hello"),
    ]
    assert span.output == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello yourself."}], "finish_reason": "stop"}
    ]
    assert (span.model, span.provider, span.finish_reason) == ("gpt-4o-mini", "openai", "stop")
    assert span.model_parameters == {"temperature": 0.2, "stop": ["!"], "stream": False}
    assert span.usage["input_tokens"] == answer.usage_metadata["input_tokens"]
    assert span.usage["output_tokens"] == answer.usage_metadata["output_tokens"]
    assert str(span.response_id).startswith("chatcmpl-")


def test_a_call_seen_by_the_client_too_counts_once(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    answer = chat.invoke("Hello")

    outer, inner = langchain_traced()
    assert (outer.name, inner.name) == ("ChatOpenAI", "chat gpt-4o-mini")
    assert inner.parent_id == outer.span_id
    assert (outer.counted, inner.counted) == (False, True)
    (trace,) = sb.traces()
    assert trace.summary.input_tokens == answer.usage_metadata["input_tokens"]


def test_tools_on_offer_calls_and_results_are_messages(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    bound = chat.bind_tools([get_weather])
    question = HumanMessage("What is the weather in Paris?")
    call = bound.invoke([question])
    bound.invoke([question, call, ToolMessage("sunny", tool_call_id=call.tool_calls[0]["id"], name="get_weather")])

    first, second = runs(langchain_traced)
    id = call.tool_calls[0]["id"]
    assert first.tools is not None and first.tools[0]["name"] == "get_weather"
    assert first.output[0]["parts"] == [
        {"type": "tool_call", "id": id, "name": "get_weather", "arguments": {"city": "Paris"}}
    ]
    assert first.finish_reason == "tool_calls"
    assert second.input[1]["parts"] == first.output[0]["parts"]
    assert second.input[2] == {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": id, "response": "sunny", "name": "get_weather"}],
    }


@pytest.mark.parametrize("image", [{"source_type": "base64", "data": PIXEL}, {"base64": PIXEL}], ids=["old", "new"])
def test_images_are_blobs(langchain_traced: Spans, chat: ChatOpenAI, image: dict[str, str]) -> None:
    if "base64" in image:
        pytest.importorskip("langchain_core", minversion="1.0")
    image = {**image, "type": "image", "mime_type": "image/png"}
    chat.invoke([HumanMessage([{"type": "text", "text": "What is it?"}, image])])

    (span,) = runs(langchain_traced)
    text, blob = span.input[0]["parts"]
    assert text == {"type": "text", "content": "What is it?"}
    assert (blob["type"], blob["mime_type"], blob["modality"]) == ("blob", "image/png", "image")


def test_a_stream_has_the_time_of_its_first_token(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    said = "".join(str(chunk.content) for chunk in chat.stream("Hello", stream_usage=True))

    outer, inner = langchain_traced()
    assert outer.output[0]["parts"] == [{"type": "text", "content": said}]
    assert outer.first_token_ns is not None and outer.first_token_ns > outer.start_ns
    assert outer.usage["output_tokens"] == inner.usage["output_tokens"] > 0
    assert inner.parent_id == outer.span_id


async def test_an_async_stream_too(langchain_traced: Spans, achat: ChatOpenAI) -> None:
    said = "".join([str(chunk.content) async for chunk in achat.astream("Hello", stream_usage=True)])

    outer, inner = langchain_traced()
    assert outer.output[0]["parts"] == [{"type": "text", "content": said}]
    assert outer.first_token_ns is not None
    assert (inner.parent_id, outer.counted, inner.counted) == (outer.span_id, False, True)


def test_the_consumer_of_a_stream_is_not_inside_of_it(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    with sb.span("consumer") as consumer:
        for _ in chat.stream("Hello"):
            assert sb.current() is consumer
        assert sb.current() is consumer


async def test_the_consumer_of_an_async_stream_neither(langchain_traced: Spans, achat: ChatOpenAI) -> None:
    with sb.span("consumer") as consumer:
        async for _ in achat.astream("Hello"):
            assert sb.current() is consumer
        await achat.ainvoke("Hello")
        assert sb.current() is consumer


def test_a_stream_that_is_left_is_abandoned_and_no_error(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    for _ in chat.stream("Tell me a long story"):
        break

    span = runs(langchain_traced)[0]
    assert (span.status, span.level) == ("ok", "warning")
    assert span.attributes["stream"] == "abandoned"


def test_an_error_is_kept_with_its_traceback(langchain_traced: Spans, chat: ChatOpenAI, model: OfflineModel) -> None:
    model.rules[:] = [Rule(error=(429, "slow down"))]
    with pytest.raises(Exception, match="slow down"):
        chat.invoke("Hello")

    span = runs(langchain_traced)[0]
    assert span.status == "error" and span.error is not None
    assert span.error["type"].endswith("RateLimitError")
    assert span.attributes["http.response.status_code"] == 429
    assert "Traceback" in span.error["traceback"]


def test_an_error_in_a_stream_keeps_what_came(langchain_traced: Spans, chat: ChatOpenAI, model: OfflineModel) -> None:
    model.rules[:] = [Rule(text="one two three four five six", error=(500, "broken"), error_after=2)]
    with pytest.raises(Exception, match="broken"):
        list(chat.stream("Hello"))

    span = runs(langchain_traced)[0]
    assert span.status == "error"
    assert span.output[0]["parts"][0]["content"].startswith("one")


class City(pydantic.BaseModel):
    """A city."""

    name: str
    population: int


def test_structured_output_is_the_object_and_the_schema(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    city = chat.with_structured_output(City).invoke("Paris has a population of 2100000")

    spans = runs(langchain_traced)
    call = next(span for span in spans if span.kind == "llm")
    assert isinstance(city, City)
    assert call.model_parameters is not None and "response_format" in call.model_parameters
    assert spans[0].output == city.model_dump()


def test_calls_in_threads_are_below_their_batch(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    with sb.span("all"):
        answers = chat.batch(["one", "two", "three"])

    top, *others = langchain_traced()
    outer = [span for span in others if span.name == "ChatOpenAI"]
    inner = {span.parent_id for span in others if span.name != "ChatOpenAI"}
    assert len(answers) == len(outer) == 3
    assert {span.parent_id for span in outer} == {top.span_id}
    assert inner == {span.span_id for span in outer}


async def test_tasks_do_not_inherit_one_another(langchain_traced: Spans, achat: ChatOpenAI) -> None:
    await asyncio.gather(*(achat.ainvoke(word) for word in ("one", "two", "three")))

    spans = langchain_traced()
    assert len({span.trace_id for span in spans}) == 3
    assert sum(span.counted for span in spans) == 3


class Custom(BaseChatModel):
    """A model of the user's that asks a client itself, twice."""

    client: Any

    @property
    def _llm_type(self) -> str:
        return "custom"

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        for text in ("draft", "refine"):
            self.client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": text}])
        return ChatResult(generations=[ChatGeneration(message=AIMessage("done"))])

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        with sb.span("first"):
            pass
        yield ChatGenerationChunk(message=AIMessageChunk("do"))
        with sb.span("second"):
            pass
        yield ChatGenerationChunk(message=AIMessageChunk("ne"))

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages):
            yield chunk


def test_real_calls_in_a_model_of_the_users_all_count(langchain_traced: Spans, client: Any) -> None:
    Custom(client=client).invoke("Hello")

    outer, *inner = langchain_traced()
    assert [span.parent_id for span in inner] == [outer.span_id] * 2
    assert (outer.counted, [span.counted for span in inner]) == (False, [True, True])


async def test_all_that_a_stream_does_is_below_it(langchain_traced: Spans) -> None:
    list(Custom(client=None).stream("Hello"))
    assert [str(chunk.content) async for chunk in Custom(client=None).astream("Hello")][:2] == ["do", "ne"]

    spans = langchain_traced()
    names = {span.span_id: span.name for span in spans}
    assert [names.get(span.parent_id or "") for span in spans] == [None, "Custom", "Custom"] * 2


def test_a_model_of_text_is_a_call_too(langchain_traced: Spans) -> None:
    FakeListLLM(responses=["one", "two"]).generate(["first", "second"])

    first, second = langchain_traced()
    assert (first.kind, first.input[0]["parts"][0]["content"]) == ("llm", "first")
    assert [span.output[0]["parts"][0]["content"] for span in (first, second)] == ["one", "two"]


def test_what_a_model_thinks_is_reasoning(langchain_traced: Spans) -> None:
    class Thinking(Custom):
        def _generate(
            self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
        ) -> ChatResult:
            content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "yes"}]
            usage = {
                "input_tokens": 10, "output_tokens": 5, "total_tokens": 15,
                "input_token_details": {"cache_read": 4}, "output_token_details": {"reasoning": 3},
            }  # fmt: skip
            message = AIMessage(content, usage_metadata=usage, response_metadata={"stop_reason": "end_turn"})
            return ChatResult(generations=[ChatGeneration(message=message)])

    Thinking(client=None).invoke("Sure?")

    (span,) = langchain_traced()
    assert [part["type"] for part in span.output[0]["parts"]] == ["reasoning", "text"]
    assert span.usage == {"input_tokens": 10, "output_tokens": 5, "cache_read_tokens": 4, "reasoning_tokens": 3}
    assert (span.finish_reason, span.counted) == ("stop", True)


def test_usage_is_read_where_older_models_have_it(langchain_traced: Spans) -> None:
    class Older(Custom):
        def _generate(
            self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
        ) -> ChatResult:
            counts = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
            return ChatResult(
                generations=[ChatGeneration(message=AIMessage("yes"))],
                llm_output={"token_usage": counts, "model_name": "old-1"},
            )

    Older(client=None).invoke("Sure?")

    (span,) = langchain_traced()
    assert span.usage == {"input_tokens": 7, "output_tokens": 2}
    assert span.model == "old-1"


def test_an_answer_from_langchain_s_cache_costs_nothing(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    cached = chat.model_copy(update={"cache": InMemoryCache()})
    cached.invoke("Hello")
    cached.invoke("Hello")
    asked, found = runs(langchain_traced)
    assert (found.counted, found.output) == (False, asked.output)
    assert found.attributes["langchain.cached"] is True


async def test_a_call_that_is_cancelled_has_ended(
    langchain_traced: Spans, achat: ChatOpenAI, model: OfflineModel
) -> None:
    model.rules[:] = [Rule(text="Too late.", delay_s=20)]
    task = asyncio.create_task(achat.ainvoke("Hello"))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (span,) = runs(langchain_traced)
    assert (span.status, span.level, span.attributes["stream.reason"]) == ("ok", "warning", "cancelled")
