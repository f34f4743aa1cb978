"""Streams of litellm: read to the end, and every way of not doing so."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from typing import Any

import pytest

import spanbook as sb
from spanbook.offline import OfflineModel
from tests.integrations import lite
from tests.integrations.conftest import Spans
from tests.integrations.lite import HELLO, MODEL, text_of
from tests.integrations.wire import CUT, DONE, USAGE, Reply, Wire, chunk

litellm: Any = None  # set by a fixture, so that only the worker that runs these tests imports it
#: litellm warns of itself, and leaves tasks and clients to the event loop.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("leftovers", "litellm")]

HI = [chunk(role="assistant", content=""), chunk("He"), chunk("llo"), chunk(finish="stop")]
COUNTED = {**chunk(), "choices": [], "usage": USAGE}


@pytest.fixture
def traced(spans: Spans, model: OfflineModel) -> Iterator[Spans]:
    model.rules[:] = []
    with lite.traced(spans) as reading:
        yield reading


def ask(wire: Wire, *events: Any, **more: Any) -> dict[str, Any]:
    wire.replies = [Reply(events=[*events])]
    return {"model": MODEL, "messages": HELLO, "stream": True, "api_base": wire.url, "api_key": "x", **more}


def test_a_stream_read_to_the_end(traced: Spans, wire: Wire) -> None:
    stream = litellm.completion(**ask(wire, *HI, COUNTED, DONE))
    said = "".join(piece.choices[0].delta.content or "" for piece in stream)

    (span,) = traced()
    assert type(stream).__name__ == "CustomStreamWrapper"
    assert (said, text_of(span), span.finish_reason) == ("Hello", "Hello", "stop")
    assert (span.status, span.level) == ("ok", None)
    assert span.first_token_ns is not None
    assert span.end_ns is not None
    assert span.start_ns < span.first_token_ns < span.end_ns
    assert span.usage["input_tokens"] == 7  # the provider sent it, and litellm kept it from the user
    assert "_spanbook" not in vars(stream)


async def test_an_async_stream(traced: Spans, wire: Wire) -> None:
    with sb.span("ask"):
        stream = await litellm.acompletion(**ask(wire, *HI, DONE))
    async for _ in stream:
        assert sb.current() is None

    outer, span = traced()
    assert (span.parent_id, text_of(span)) == (outer.span_id, "Hello")
    assert span.usage == {}


def test_a_stream_of_a_provider_with_its_own_protocol(traced: Spans, model: OfflineModel) -> None:
    asked = {"max_tokens": 40, "stream": True, **lite.anthropic_at(model)}

    said = list(litellm.completion("anthropic/claude-sonnet-5", HELLO, **asked))

    (span,) = traced()
    assert text_of(span) == "".join(piece.choices[0].delta.content or "" for piece in said)
    assert (span.provider, span.usage["output_tokens"] > 0) == ("anthropic", True)


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_stream_of_responses(traced: Spans, model: OfflineModel, is_async: bool) -> None:
    asked: dict[str, Any] = {"model": MODEL, "input": "Hello", "stream": True, **lite.openai_at(model)}

    if is_async:
        events = [event async for event in await litellm.aresponses(**asked)]
    else:
        events = list(litellm.responses(**asked))

    (span,) = traced()
    assert text_of(span) == events[-1].response.output[0].content[0].text
    assert (span.level, span.finish_reason) == (None, "stop")
    assert span.first_token_ns is not None


def test_a_stream_of_responses_from_a_chat_model(traced: Spans, model: OfflineModel) -> None:
    list(litellm.responses(model="anthropic/claude-sonnet-5", input="Hello", stream=True, **lite.anthropic_at(model)))

    (span,) = traced()
    assert (span.name, span.level, span.finish_reason) == ("responses claude-sonnet-5", None, "stop")
    assert text_of(span)


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_stream_of_a_text_completion(traced: Spans, wire: Wire, is_async: bool) -> None:
    asked = ask(wire, *HI, DONE)
    asked["prompt"] = asked.pop("messages")[0]["content"]

    if is_async:
        [piece async for piece in await litellm.atext_completion(**asked)]
    else:
        list(litellm.text_completion(**asked))

    (span,) = traced()
    assert (span.name, text_of(span), span.level) == ("text_completion gpt-4o-mini", "Hello", None)


def test_a_stream_closed_early(traced: Spans, wire: Wire) -> None:
    stream = litellm.completion(**ask(wire, *HI, DONE))
    next(stream)
    next(stream)
    stream.close()

    (span,) = traced()
    assert (span.status, span.level, text_of(span)) == ("ok", "warning", "He")
    assert span.attributes["stream.reason"] == "closed"


async def test_an_async_stream_closed_early(traced: Spans, wire: Wire) -> None:
    stream = await litellm.acompletion(**ask(wire, *HI, DONE))
    async for _ in stream:
        break
    await stream.aclose()

    (span,) = traced()
    assert (span.level, span.attributes["stream.reason"]) == ("warning", "closed")


def test_a_stream_never_read(traced: Spans, wire: Wire) -> None:
    litellm.completion(**ask(wire, *HI, DONE))
    gc.collect()

    (span,) = traced()
    assert (span.status, span.attributes["stream.reason"]) == ("ok", "let go, not read")


def test_a_stream_let_go(traced: Spans, wire: Wire) -> None:
    stream = litellm.completion(**ask(wire, *HI, DONE))
    next(stream)
    next(stream)
    del stream

    deadline = time.monotonic() + 10  # litellm's own threads hold it for a moment
    while traced()[0].status == "open" and time.monotonic() < deadline:
        gc.collect()
    (span,) = traced()
    assert (span.attributes["stream.reason"], text_of(span)) == ("let go", "He")


def test_a_connection_cut_in_the_middle(traced: Spans, wire: Wire) -> None:
    with pytest.raises(litellm.exceptions.MidStreamFallbackError) as raised:
        list(litellm.completion(**ask(wire, *HI[:2], CUT)))

    (span,) = traced()
    assert (span.status, text_of(span)) == ("error", "He")
    assert span.error is not None
    assert span.error["type"] == type(raised.value).__name__


async def test_a_cancelled_reader(traced: Spans, wire: Wire) -> None:
    import threading

    hold = threading.Event()
    stream = await litellm.acompletion(**ask(wire, *HI[:2], hold, *HI[2:], DONE))

    async def read() -> None:
        async for _ in stream:
            pass

    task = asyncio.create_task(read())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    hold.set()

    (span,) = traced()
    assert (span.status, span.attributes["stream.reason"]) == ("ok", "cancelled")


def test_what_the_consumer_raises_is_not_the_calls(traced: Spans, wire: Wire) -> None:
    stream = litellm.completion(**ask(wire, *HI, DONE))

    def read() -> None:
        with stream:
            for _ in stream:
                raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        read()

    (span,) = traced()
    assert (span.status, span.attributes["stream"]) == ("ok", "abandoned")
