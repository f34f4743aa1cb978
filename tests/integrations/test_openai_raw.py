"""``with_raw_response`` and ``with_streaming_response``: the SDK's own response objects, untouched."""

from __future__ import annotations

import asyncio
import gc
import pickle
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.integrations.conftest import Spans
from tests.integrations.wire import CUT, CUT_ERRORS, DONE, Reply, Wire, chunk, completion

if TYPE_CHECKING:
    import openai

MODEL = "gpt-4o-mini"
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
ASK: Any = {"model": MODEL, "messages": HELLO}
STREAM = [chunk("Hel"), chunk("lo"), chunk(finish="stop"), DONE]


def text_of(span: Any) -> str:
    return str(span.output[0]["parts"][0]["content"])


def test_raw_response(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(json=completion("Hello"), headers={"x-request-id": "req_3"})]

    raw = wclient.chat.completions.with_raw_response.create(**ASK)

    (span,) = instrumented()
    assert type(raw).__name__ == "LegacyAPIResponse"
    assert raw._parsed_by_type == {} if hasattr(raw, "_parsed_by_type") else True
    assert text_of(span) == "Hello"
    assert span.usage["input_tokens"] == 7
    assert span.attributes["openai.request_id"] == "req_3"
    assert raw.parse().choices[0].message.content == "Hello"
    assert len(instrumented()) == 1


async def test_async_raw_response(instrumented: Spans, wire: Wire, awclient: openai.AsyncOpenAI) -> None:
    wire.replies = [Reply(json=completion("Hello"))]

    raw = await awclient.chat.completions.with_raw_response.create(**ASK)

    (span,) = instrumented()
    assert text_of(span) == "Hello"
    assert raw.parse().choices[0].message.content == "Hello"


def test_raw_embeddings_keep_no_vectors(instrumented: Spans, client: openai.OpenAI) -> None:
    client.embeddings.with_raw_response.create(model="text-embedding-3-small", input="alpha")

    (span,) = instrumented()
    assert span.output["shape"] == [1, 1536]


def test_raw_stream_ends_with_its_last_chunk(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=STREAM)]

    raw = wclient.chat.completions.with_raw_response.create(**ASK, stream=True)
    assert instrumented()[0].status == "open"
    pieces = [piece.choices[0].delta.content for piece in raw.parse()]

    (span,) = instrumented()
    assert pieces == ["Hel", "lo", None]
    assert (text_of(span), span.finish_reason, span.level) == ("Hello", "stop", None)
    assert span.first_token_ns is not None
    pickle.dumps(raw.headers)
    assert not {"close", "iter_bytes", "_spanbook"} & vars(raw.http_response).keys()


def test_raw_stream_let_go(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=STREAM)]

    wclient.chat.completions.with_raw_response.create(**ASK, stream=True)
    gc.collect()

    (span,) = instrumented()
    assert span.attributes["stream.reason"] == "let go, not read"


@pytest.mark.parametrize("way", ["parse", "json", "text", "read", "iter_lines", "iter_bytes"])
def test_streaming_response_is_seen_however_it_is_read(
    instrumented: Spans, wire: Wire, wclient: openai.OpenAI, way: str
) -> None:
    wire.replies = [Reply(json=completion("Hello"))]

    with wclient.chat.completions.with_streaming_response.create(**ASK) as response:
        assert type(response).__name__ == "APIResponse"
        result = getattr(response, way)()
        if way.startswith("iter"):
            result = list(result)

    (span,) = instrumented()
    assert result
    assert text_of(span) == "Hello"
    assert span.level is None


def test_span_covers_the_block(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(json=completion("Hello"))]

    with wclient.chat.completions.with_streaming_response.create(**ASK) as response:
        response.read()
        time.sleep(0.02)
        inside = time.time_ns()

    (span,) = instrumented()
    assert span.end_ns is not None
    assert span.end_ns >= inside - 1_000_000  # two clocks of the same machine


def test_streaming_response_nobody_read(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(json=completion("Hello"))]

    with wclient.chat.completions.with_streaming_response.create(**ASK) as response:
        assert response.status_code == 200

    (span,) = instrumented()
    assert span.output is None
    assert (span.status, span.level) == ("ok", "warning")
    assert span.attributes["stream.reason"] == "closed, not read"


def test_streaming_response_with_events(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=STREAM), Reply(events=STREAM)]

    with wclient.chat.completions.with_streaming_response.create(**ASK, stream=True) as response:
        lines = list(response.iter_lines())
    with wclient.chat.completions.with_streaming_response.create(**ASK, stream=True) as response:
        pieces = list(response.parse())

    assert len(pieces) == 3
    assert sum(line.startswith("data:") for line in lines) == 4
    assert [(text_of(span), span.level) for span in instrumented()] == [("Hello", None), ("Hello", None)]


def test_streaming_response_left_early(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=STREAM)]

    with wclient.chat.completions.with_streaming_response.create(**ASK, stream=True) as response:
        for piece in response.parse():
            assert piece.choices[0].delta.content == "Hel"
            break

    (span,) = instrumented()
    assert span.attributes["stream"] == "abandoned"
    assert text_of(span).startswith("Hel")


def test_streaming_response_cut(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=[STREAM[0], CUT])]

    with (
        pytest.raises(CUT_ERRORS),
        wclient.chat.completions.with_streaming_response.create(**ASK, stream=True) as response,
    ):
        list(response.iter_lines())

    (span,) = instrumented()
    assert (span.status, text_of(span)) == ("error", "Hel")


async def test_async_streaming_response(instrumented: Spans, wire: Wire, awclient: openai.AsyncOpenAI) -> None:
    wire.replies = [Reply(json=completion("Hello")), Reply(events=STREAM), Reply(json=completion("Hello"))]
    create = awclient.chat.completions.with_streaming_response.create

    async with create(**ASK) as response:
        assert type(response).__name__ == "AsyncAPIResponse"
        assert (await response.parse()).choices[0].message.content == "Hello"
    async with create(**ASK, stream=True) as response:
        assert len([line async for line in response.iter_lines()]) > 4
    async with create(**ASK) as response:
        await asyncio.sleep(0)

    first, second, third = instrumented()
    assert (text_of(first), text_of(second)) == ("Hello", "Hello")
    assert third.attributes["stream.reason"] == "closed, not read"
