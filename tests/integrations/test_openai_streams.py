"""Streamed chat completions: read to the end, and every way of not doing so."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest

import spanbook as sb
from spanbook.offline import OfflineModel, Rule
from tests.integrations.conftest import Spans
from tests.integrations.wire import CUT, CUT_ERRORS, DONE, USAGE, Reply, Wire, chunk

if TYPE_CHECKING:
    import openai

MODEL = "gpt-4o-mini"
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
ASK: Any = {"model": MODEL, "messages": HELLO, "stream": True}
HI = [chunk(role="assistant", content=""), chunk("He"), chunk("llo"), chunk(finish="stop")]
ABANDONED = {"stream": "abandoned"}


def text_of(span: Any) -> str:
    return str(span.output[0]["parts"][0]["content"])


def test_stream_read_to_the_end(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    import openai

    wire.replies = [Reply(events=[*HI, DONE], headers={"x-request-id": "req_2"})]

    stream = wclient.chat.completions.create(**ASK)
    chunks = list(stream)

    (span,) = instrumented()
    assert type(stream) is openai.Stream
    assert [c.choices[0].delta.content for c in chunks] == ["", "He", "llo", None]
    assert span.output == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello"}], "finish_reason": "stop"}
    ]
    assert (span.status, span.level, span.finish_reason) == ("ok", None, "stop")
    assert span.usage == {}
    assert span.first_token_ns is not None
    assert span.end_ns is not None
    assert span.start_ns < span.first_token_ns < span.end_ns
    assert span.attributes["openai.request_id"] == "req_2"


def test_usage_comes_in_a_last_chunk_without_choices(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=[*HI, {**chunk(), "choices": [], "usage": USAGE}, DONE])]

    list(wclient.chat.completions.create(**ASK, stream_options={"include_usage": True}))

    (span,) = instrumented()
    assert span.usage["input_tokens"] == 7
    assert span.usage["cache_read_tokens"] == 3
    assert span.cost_usd is not None


def test_usage_is_never_asked_for(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=[*HI, DONE])]

    list(wclient.chat.completions.create(**ASK))

    assert wire.requests[0]["body"] == {"model": MODEL, "messages": HELLO, "stream": True}


def test_tool_calls_are_joined_by_index(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    def call(index: int, arguments: str, **first: Any) -> dict[str, Any]:
        named = {"name": first.pop("name")} if "name" in first else {}
        return {"index": index, "function": {"arguments": arguments, **named}, **first}

    wire.replies = [
        Reply(
            events=[
                chunk(tool_calls=[call(0, "", id="c0", type="function", name="weather")]),
                chunk(tool_calls=[call(0, '{"city": ')]),
                chunk(tool_calls=[call(1, "", id="c1", type="function", name="time")]),
                chunk(tool_calls=[call(1, '{"zone"'), call(0, '"Paris"}')]),
                chunk(tool_calls=[call(1, ': "CET"}')]),
                chunk(finish="tool_calls"),
                DONE,
            ]
        )
    ]

    list(wclient.chat.completions.create(**ASK))

    (span,) = instrumented()
    assert span.output[0]["parts"] == [
        {"type": "tool_call", "id": "c0", "name": "weather", "arguments": {"city": "Paris"}},
        {"type": "tool_call", "id": "c1", "name": "time", "arguments": {"zone": "CET"}},
    ]
    assert span.first_token_ns is not None


def test_choices_are_kept_apart(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [
        Reply(
            events=[
                chunk("a", index=0),
                chunk("x", index=1),
                chunk("b", index=0, finish="stop"),
                chunk("y", index=1, finish="length"),
                DONE,
            ]
        )
    ]

    list(wclient.chat.completions.create(**ASK, n=2))

    (span,) = instrumented()
    assert [m["parts"][0]["content"] for m in span.output] == ["ab", "xy"]
    assert [m["finish_reason"] for m in span.output] == ["stop", "length"]


def test_reasoning_and_refusal_are_parts(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    events = [
        chunk(reasoning_content="hm"),
        chunk(refusal="I can"),
        chunk(refusal="not.", finish="stop"),
        DONE,
    ]
    wire.replies = [Reply(events=events)]

    list(wclient.chat.completions.create(**ASK))

    (span,) = instrumented()
    assert span.output[0]["parts"] == [
        {"type": "reasoning", "content": "hm"},
        {"type": "refusal", "content": "I cannot."},
    ]


async def test_async_stream(instrumented: Spans, wire: Wire, awclient: openai.AsyncOpenAI) -> None:
    import openai

    wire.replies = [Reply(events=[*HI, DONE])]

    stream = await awclient.chat.completions.create(**ASK)
    pieces = [c.choices[0].delta.content async for c in stream]

    (span,) = instrumented()
    assert type(stream) is openai.AsyncStream
    assert pieces == ["", "He", "llo", None]
    assert text_of(span) == "Hello"


def test_the_stream_object_behaves_as_before(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    """``next``, a second loop, the response, closing twice, and a ``with`` block."""
    wire.replies = [Reply(events=[*HI, DONE])]

    with wclient.chat.completions.create(**ASK) as stream:
        assert next(stream).choices[0].delta.role == "assistant"
        assert len(list(stream)) == 3
        assert list(stream) == []
        assert stream.response.status_code == 200
        stream.close()
    with pytest.raises(StopIteration):
        next(stream)

    assert "close" not in vars(stream.response)
    assert len(instrumented()) == 1


def test_the_consumer_does_not_run_under_the_span(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=[*HI, DONE])]

    with sb.span("outer") as outer:
        for number, _ in enumerate(wclient.chat.completions.create(**ASK)):
            assert sb.current() is outer
            if number == 1:
                with sb.span("render"):
                    pass

    by_name = {span.name: span for span in instrumented()}
    assert by_name["chat gpt-4o-mini"].parent_id == by_name["outer"].span_id
    assert by_name["render"].parent_id == by_name["outer"].span_id


def test_helper_with_events(instrumented: Spans, model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules[:] = [Rule(text="Hello there")]

    with client.chat.completions.stream(model=MODEL, messages=HELLO) as stream:
        kinds = {event.type for event in stream}
        answer = stream.get_final_completion()

    (span,) = instrumented()
    assert "content.delta" in kinds
    assert answer.choices[0].message.content == text_of(span) == "Hello there"
    assert (span.status, span.level) == ("ok", None)


async def test_async_helper_left_early(instrumented: Spans, wire: Wire, awclient: openai.AsyncOpenAI) -> None:
    wire.replies = [Reply(events=[*HI, DONE])]

    async with awclient.chat.completions.stream(model=MODEL, messages=HELLO) as stream:
        async for event in stream:
            if event.type == "content.delta" and event.delta == "He":
                break

    (span,) = instrumented()
    assert text_of(span) == "He"
    assert span.level == "warning"
    assert span.attributes.items() >= ABANDONED.items()


def test_helper_left_early_ends_the_span_with_its_block(
    instrumented: Spans, wire: Wire, wclient: openai.OpenAI
) -> None:
    """The helper closes the response, not the stream; its variable lives on in the notebook."""
    wire.replies = [Reply(events=[*HI, DONE])]

    with wclient.chat.completions.stream(model=MODEL, messages=HELLO) as stream:
        next(stream)

    (span,) = instrumented()
    assert span.status == "ok"
    assert span.attributes["stream.reason"] == "closed"


@pytest.mark.parametrize("way", ["close", "with", "let go", "never read", "closed unread"])
def test_abandoned_stream_ends_once_with_what_came(
    instrumented: Spans, wire: Wire, wclient: openai.OpenAI, way: str
) -> None:
    wire.replies = [Reply(events=[*HI, DONE])]

    stream = wclient.chat.completions.create(**ASK)
    if way in ("close", "with", "let go"):
        for piece in stream:
            if piece.choices[0].delta.content == "He":
                break
    if way in ("close", "closed unread"):
        stream.close()
        stream.close()
    elif way == "with":
        with stream:
            pass
    gone = weakref.ref(stream)
    del stream
    gc.collect()  # the SDK's stream and its generator hold each other, traced or not

    (span,) = instrumented()
    assert gone() is None
    assert (span.status, span.level) == ("ok", "warning")
    assert span.attributes["stream"] == "abandoned"
    reasons = {
        "close": "closed",
        "with": "closed",
        "let go": "let go",
        "never read": "let go, not read",
        "closed unread": "closed, not read",
    }
    assert span.attributes["stream.reason"] == reasons[way]
    assert (text_of(span) if span.output else None) == ("He" if "read" not in reasons[way] else None)


def test_stream_left_after_its_finish_reason_is_whole(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=[*HI, DONE])]

    with wclient.chat.completions.create(**ASK) as stream:
        for piece in stream:
            if piece.choices[0].finish_reason:
                break

    (span,) = instrumented()
    assert (text_of(span), span.level) == ("Hello", None)


def test_error_of_the_application_between_chunks(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    """The application failed, the call did not."""
    wire.replies = [Reply(events=[*HI, DONE])]

    def read() -> None:
        with sb.span("app"), wclient.chat.completions.create(**ASK) as stream:
            for piece in stream:
                if piece.choices[0].delta.content == "He":
                    raise KeyError("mine")

    with pytest.raises(KeyError):
        read()

    app, call = instrumented()
    assert (app.status, app.error_type) == ("error", "KeyError")
    assert (call.status, call.level, text_of(call)) == ("ok", "warning", "He")


def test_connection_cut_in_the_middle(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=[*HI[:2], CUT])]
    seen: list[Any] = []

    with pytest.raises(CUT_ERRORS) as caught:
        seen.extend(wclient.chat.completions.create(**ASK))

    (span,) = instrumented()
    assert len(seen) == 2
    assert (span.status, span.error_type) == ("error", type(caught.value).__name__)
    assert text_of(span) == "He"


def test_malformed_chunk(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=[*HI[:2], "data: {oops\n\n", DONE])]

    with pytest.raises(json.JSONDecodeError):
        list(wclient.chat.completions.create(**ASK))

    (span,) = instrumented()
    assert (span.status, span.error_type, text_of(span)) == ("error", "JSONDecodeError", "He")


def test_error_event_in_the_stream(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    import openai

    wire.replies = [Reply(events=[*HI[:2], {"error": {"message": "overloaded", "code": "busy"}}])]

    with pytest.raises(openai.APIError, match="overloaded"):
        list(wclient.chat.completions.create(**ASK))

    (span,) = instrumented()
    assert (span.status, text_of(span)) == ("error", "He")
    assert span.attributes["openai.error_code"] == "busy"


def test_stream_without_finish_reason_says_so(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=[*HI[:2]])]

    list(wclient.chat.completions.create(**ASK))

    (span,) = instrumented()
    assert (span.status, span.level, span.attributes["stream"]) == ("ok", "warning", "incomplete")


async def test_cancelled_task(instrumented: Spans, wire: Wire, awclient: openai.AsyncOpenAI) -> None:
    hold = threading.Event()
    wire.replies = [Reply(events=[*HI[:2], hold, *HI[2:], DONE])]
    has_read = asyncio.Event()

    async def read() -> None:
        async for piece in await awclient.chat.completions.create(**ASK):
            if piece.choices[0].delta.content == "He":
                has_read.set()

    task = asyncio.create_task(read())
    await has_read.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    hold.set()

    (span,) = instrumented()
    assert (span.level, text_of(span)) == ("warning", "He")
    assert span.attributes["stream"] == "abandoned"
    assert span.attributes["stream.reason"] == "cancelled"


async def test_async_stream_let_go(instrumented: Spans, wire: Wire, awclient: openai.AsyncOpenAI) -> None:
    wire.replies = [Reply(events=[*HI, DONE])]

    stream = await awclient.chat.completions.create(**ASK)
    async for piece in stream:
        if piece.choices[0].delta.content == "He":
            break
    await stream.close()

    (span,) = instrumented()
    assert (span.level, text_of(span)) == ("warning", "He")


def test_streams_read_in_turns_do_not_mix(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=[chunk(letter), chunk(letter, finish="stop"), DONE]) for letter in "ab"]

    first, second = wclient.chat.completions.create(**ASK), wclient.chat.completions.create(**ASK)
    for _ in range(2):
        next(first), next(second)
    list(first), list(second)

    assert [text_of(span) for span in instrumented()] == ["aa", "bb"]


def test_text_so_far_is_shown_while_it_streams(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    from spanbook.tracer import _recorder

    wire.replies = [Reply(events=[*HI, DONE])]

    stream = wclient.chat.completions.create(**ASK)
    next(stream), next(stream)
    assert list(_recorder.partials.values()) == ["He"]
    list(stream)

    assert text_of(instrumented()[0]) == "Hello"
    assert _recorder.partials == {}
