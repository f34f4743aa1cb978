"""LlamaIndex's language models, embeddings and tools."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

import spanbook as sb
from spanbook.offline import OfflineModel
from tests.integrations import index
from tests.integrations.conftest import Spans
from tests.integrations.index import hello, llm_of_its_own, shared_llm, traced_llama, tree

__all__ = ["llm_of_its_own", "shared_llm", "traced_llama"]  # fixtures
#: LlamaIndex leaves its clients open, and its event loops.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("leftovers")]
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


def text_of(span: Any) -> str:
    return "".join(part.get("content", "") for part in span.output[0]["parts"])


def test_a_chat(traced: Spans, model: OfflineModel) -> None:
    answer = index.llm(model, temperature=0.5).chat(hello())

    (span,) = traced()
    assert (span.name, span.kind, span.provider, span.model) == ("chat gpt-4o-mini", "llm", "openai", "gpt-4o-mini")
    assert span.input == [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]
    assert (text_of(span), span.finish_reason) == (answer.message.content, "stop")
    assert span.usage["input_tokens"] == answer.raw.usage.prompt_tokens
    assert span.model_parameters is not None
    assert span.model_parameters["temperature"] == 0.5
    assert (span.response_id, span.cost_usd is not None) == (answer.raw.id, True)
    assert "sk-offline" not in repr(span)


async def test_an_async_chat(traced: Spans, allm: Any) -> None:
    with sb.span("ask"):
        answer = await allm.achat(hello())

    outer, span = traced()
    assert (span.parent_id, text_of(span)) == (outer.span_id, answer.message.content)


def test_a_completion(traced: Spans, llm: Any) -> None:
    answer = llm.complete("Hello")

    (span,) = traced()
    assert (span.name, text_of(span)) == ("text_completion gpt-4o-mini", answer.text)
    assert span.input == [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]
    assert span.usage["output_tokens"] > 0


def test_pictures_are_parts(traced: Spans, llm: Any) -> None:
    from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock

    blocks = [TextBlock(text="What is it?"), ImageBlock(image=PNG, image_mimetype="image/png")]

    llm.chat([ChatMessage(role="user", blocks=blocks)])

    (span,) = traced()
    text, picture = span.input[0]["parts"]
    assert text["content"] == "What is it?"
    assert (picture["type"], picture["mime_type"], picture["size"]) == ("blob", "image/png", len(PNG))


def test_tools_and_their_results(traced: Spans, llm: Any) -> None:
    from llama_index.core.llms import ChatMessage
    from llama_index.core.tools import FunctionTool

    def get_weather(city: str) -> str:
        """Weather of a city."""
        return f"sunny in {city}"

    tool = FunctionTool.from_defaults(get_weather)
    asked = [ChatMessage(role="user", content="What is the weather in Paris?")]
    answer = llm.chat_with_tools([tool], chat_history=asked)
    (call,) = llm.get_tool_calls_from_response(answer)
    said = tool.call(**call.tool_kwargs)
    result = ChatMessage(role="tool", content=said.content, additional_kwargs={"tool_call_id": call.tool_id})
    llm.chat([*asked, answer.message, result])

    first, called, second = traced()
    (part,) = first.output[0]["parts"]
    assert first.tools is not None
    assert (part["type"], part["id"], first.tools[0]["name"]) == ("tool_call", call.tool_id, "get_weather")
    assert (called.name, called.kind, called.input) == ("get_weather", "tool", {"city": "Paris"})
    assert called.output == "sunny in Paris"
    assert second.input[1]["parts"][0]["id"] == second.input[2]["parts"][0]["id"] == call.tool_id
    assert second.input[2]["parts"][0]["response"] == "sunny in Paris"


def test_a_tool_that_fails(traced: Spans) -> None:
    from llama_index.core.tools import FunctionTool

    def fail() -> str:
        """Fail."""
        raise ValueError("no weather today")

    with pytest.raises(ValueError, match="no weather"):
        FunctionTool.from_defaults(fail).call()

    (span,) = traced()
    assert (span.kind, span.status) == ("tool", "error")
    assert span.error is not None
    assert span.error["type"] == "ValueError"


def test_an_error_of_the_model(traced: Spans, model: OfflineModel) -> None:
    import openai

    with pytest.raises(openai.NotFoundError):
        index.llm(model, "/nowhere").chat(hello())

    (span,) = traced()
    assert (span.status, span.model) == ("error", "gpt-4o-mini")
    assert span.error is not None
    assert (span.error["type"], "Traceback" in span.error["traceback"]) == ("NotFoundError", True)


def test_a_stream(traced: Spans, llm: Any) -> None:
    pieces = []
    for piece in llm.stream_chat(hello()):
        pieces.append(piece.delta)
        assert sb.current() is None

    (span,) = traced()
    assert (text_of(span), span.finish_reason, span.level) == ("".join(pieces), "stop", None)
    assert span.first_token_ns is not None
    assert span.end_ns is not None
    assert span.start_ns < span.first_token_ns < span.end_ns


async def test_an_async_stream(traced: Spans, allm: Any) -> None:
    async for _ in await allm.astream_complete("Hello"):
        assert sb.current() is None

    (span,) = traced()
    assert (span.name, span.level) == ("text_completion gpt-4o-mini", None)
    assert text_of(span).startswith("Hello!")


def test_a_stream_closed_early(traced: Spans, llm: Any) -> None:
    stream = llm.stream_chat(hello())
    next(stream)
    next(stream)
    stream.close()

    (span,) = traced()
    assert (span.status, span.level, text_of(span)) == ("ok", "warning", "Hello!")
    assert span.attributes["stream.reason"] == "closed"


def test_a_stream_never_read(traced: Spans, llm: Any) -> None:
    llm.stream_chat(hello())
    gc.collect()

    (span,) = traced()
    assert (span.status, span.attributes["stream.reason"]) == ("ok", "let go, not read")


async def test_a_cancelled_reader(traced: Spans, allm: Any) -> None:
    has_begun = asyncio.Event()

    async def read() -> None:
        async for _ in await allm.astream_chat(hello()):
            has_begun.set()
            await asyncio.sleep(10)

    task = asyncio.create_task(read())
    await has_begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gc.collect()
    await asyncio.sleep(0)

    (span,) = traced()
    assert (span.status, span.attributes["stream"]) == ("ok", "abandoned")


def test_a_stream_that_breaks(traced: Spans, model: OfflineModel) -> None:
    import openai

    with pytest.raises(openai.NotFoundError):
        list(index.llm(model, "/nowhere").stream_chat(hello()))

    (span,) = traced()
    assert (span.status, span.kind) == ("error", "llm")


@pytest.mark.parametrize("is_async", [False, True])
async def test_embeddings(traced: Spans, model: OfflineModel, is_async: bool) -> None:
    made = index.embedding(model)

    if is_async:
        await made.aget_text_embedding_batch(["one", "two"])
    else:
        made.get_text_embedding_batch(["one", "two"])

    (span,) = traced()
    assert (span.name, span.kind, span.provider) == ("embeddings text-embedding-3-small", "embedding", "openai")
    assert (span.input, span.output["shape"]) == (["one", "two"], [2, 1536])


@pytest.mark.parametrize("is_stream", [False, True])
def test_with_the_client_beneath_traced_too_a_call_counts_once(traced: Spans, llm: Any, is_stream: bool) -> None:
    sb.instrument("openai")
    asked = {"stream_options": {"include_usage": True}} if is_stream else {}
    list(llm.stream_chat(hello(), **asked)) if is_stream else llm.chat(hello())
    sb.uninstrument("openai")

    spans = traced()
    assert tree(spans) == ["chat gpt-4o-mini", "  chat gpt-4o-mini"]
    assert [span.counted for span in spans] == [False, True]
    assert sb.traces()[0].summary.output_tokens == spans[1].usage["output_tokens"]


def test_of_two_spans_of_a_call_without_usage_the_outer_one_counts(traced: Spans, llm: Any) -> None:
    sb.instrument("openai")
    list(llm.stream_chat(hello()))
    sb.uninstrument("openai")

    assert [span.counted for span in traced()] == [True, False]
