"""Streamed messages, raw and through the helpers: read to the end, and every way of not doing so."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

import pytest

import spanbook as sb
from spanbook.offline import OfflineModel, Rule
from tests.integrations.claude import ASK, HE, HI, MODEL, block, end, event, start, text, text_of
from tests.integrations.conftest import Spans
from tests.integrations.wire import CUT, CUT_ERRORS, Reply, Wire

anthropic: Any = None  # set by a fixture, so that only the worker that runs these tests imports it
pytestmark = pytest.mark.usefixtures("anthropic")


def is_he(piece: Any) -> bool:
    return bool(piece.type == "content_block_delta" and piece.delta.text == "He")


def test_stream_read_to_the_end(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    wire.replies = [Reply(events=HI, headers={"request-id": "req_2"})]

    stream = wclaude.messages.create(**ASK, stream=True)
    kinds = [piece.type for piece in stream]

    (span,) = claude_traced()
    assert type(stream) is anthropic.Stream
    assert kinds == [
        "message_start", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "message_delta", "message_stop",
    ]  # fmt: skip
    assert span.output == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello"}], "finish_reason": "stop"}
    ]
    assert (span.status, span.level, span.finish_reason) == ("ok", None, "stop")
    assert span.usage == {"input_tokens": 9, "output_tokens": 6, "cache_read_tokens": 3, "cache_write_tokens": 2}
    assert span.first_token_ns is not None
    assert span.end_ns is not None
    assert span.start_ns < span.first_token_ns < span.end_ns
    assert span.attributes["anthropic.request_id"] == "req_2"
    assert (span.response_id, span.model) == ("msg_w", "claude-sonnet-5-20270101")


async def test_async_stream(claude_traced: Spans, wire: Wire, awclaude: Any) -> None:
    wire.replies = [Reply(events=HI)]

    stream = await awclaude.messages.create(**ASK, stream=True)
    pieces = [piece async for piece in stream]

    (span,) = claude_traced()
    assert (type(stream), len(pieces)) == (anthropic.AsyncStream, 7)
    assert text_of(span) == "Hello"


def test_blocks_of_all_kinds(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    events = [
        start(),
        *block(
            {"type": "thinking_delta", "thinking": "Hm, "},
            {"type": "thinking_delta", "thinking": "weather."},
            {"type": "signature_delta", "signature": "s"},
            type="thinking",
            thinking="",
        ),
        *block(text("Let me see."), index=1),
        *block(
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"city": '},
            {"type": "input_json_delta", "partial_json": '"Paris"}'},
            index=2,
            type="tool_use",
            id="t1",
            name="get_weather",
            input={},
        ),
        *block(index=3, type="tool_use", id="t2", name="now", input={}),
        *end("tool_use"),
    ]
    wire.replies = [Reply(events=events)]

    list(wclaude.messages.create(**ASK, stream=True))

    (span,) = claude_traced()
    assert span.output[0]["parts"] == [
        {"type": "reasoning", "content": "Hm, weather."},
        {"type": "text", "content": "Let me see."},
        {"type": "tool_call", "id": "t1", "name": "get_weather", "arguments": {"city": "Paris"}},
        {"type": "tool_call", "id": "t2", "name": "now", "arguments": {}},
    ]
    assert span.finish_reason == "tool_calls"


def test_later_counts_of_usage_replace_earlier_ones(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    usage = {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 8}
    events = [start(), *block(text("Hi")), event("message_delta", delta=delta, usage=usage), event("message_stop")]
    wire.replies = [Reply(events=events)]

    list(wclaude.messages.create(**ASK, stream=True))

    assert claude_traced()[0].usage == {
        "input_tokens": 17, "output_tokens": 8, "cache_read_tokens": 5, "cache_write_tokens": 2,
    }  # fmt: skip


@pytest.mark.parametrize("api", ["messages", "beta"])
def test_helper_with_text_events_and_message(claude_traced: Spans, model: OfflineModel, claude: Any, api: str) -> None:
    model.rules[:] = [Rule(text="Hello there")]
    messages = claude.messages if api == "messages" else claude.beta.messages

    with messages.stream(**ASK) as stream:
        pieces = list(stream.text_stream)
        answer = stream.get_final_message()

    (span,) = claude_traced()
    assert pieces == ["Hello", " there"]
    assert answer.content[0].text == text_of(span) == "Hello there"
    assert (span.name, span.status, span.level) == ("chat claude-sonnet-5", "ok", None)
    assert span.model_parameters == {"max_tokens": 100, "stream": True}
    assert span.first_token_ns is not None
    assert span.cost_usd is not None


async def test_async_helper(claude_traced: Spans, model: OfflineModel, aclaude: Any) -> None:
    model.rules[:] = [Rule(text="Hello there")]

    async with aclaude.messages.stream(**ASK) as stream:
        kinds = {event.type async for event in stream}
        answer = await stream.get_final_message()

    (span,) = claude_traced()
    assert kinds >= {"text", "message_start", "message_stop"}
    assert answer.content[0].text == text_of(span) == "Hello there"


def test_helper_is_the_sdk_s_own(spans: Spans, model: OfflineModel, claude: Any) -> None:
    """Types, request and answer are what they are without tracing."""

    def ask() -> tuple[Any, ...]:
        manager = claude.messages.stream(**ASK)
        with manager as stream:
            answer = stream.get_final_message()
            return type(manager), type(stream), type(answer), answer.content, model.requests[-1].body

    plain = ask()
    sb.instrument("anthropic")
    traced = ask()
    sb.uninstrument("anthropic")

    assert traced == plain
    assert len(spans()) == 1


def test_helper_never_entered_makes_no_span(claude_traced: Spans, model: OfflineModel, claude: Any) -> None:
    asked = len(model.requests)

    claude.messages.stream(**ASK)

    assert claude_traced() == []
    assert len(model.requests) == asked


def test_consumer_does_not_run_under_the_span(claude_traced: Spans, claude: Any) -> None:
    with sb.span("outer") as outer, claude.messages.stream(**ASK) as stream:
        for _ in stream:
            assert sb.current() is outer
        with sb.span("render"):
            pass

    by_name = {span.name: span for span in claude_traced()}
    assert by_name["chat claude-sonnet-5"].parent_id == by_name["outer"].span_id
    assert by_name["render"].parent_id == by_name["outer"].span_id


@pytest.mark.parametrize("way", ["close", "with", "let go", "never read", "closed unread"])
def test_abandoned_stream_ends_once_with_what_came(claude_traced: Spans, wire: Wire, wclaude: Any, way: str) -> None:
    wire.replies = [Reply(events=HI)]

    stream = wclaude.messages.create(**ASK, stream=True)
    if way in ("close", "with", "let go"):
        for piece in stream:
            if is_he(piece):
                break
    if way in ("close", "closed unread"):
        stream.close()
        stream.close()
    elif way == "with":
        with stream:
            pass
    gone = weakref.ref(stream)
    del stream
    gc.collect()

    (span,) = claude_traced()
    reasons = {"let go": "let go", "never read": "let go, not read", "closed unread": "closed, not read"}
    assert gone() is None
    assert (span.status, span.level, span.attributes["stream"]) == ("ok", "warning", "abandoned")
    assert span.attributes["stream.reason"] == reasons.get(way, "closed")
    assert (text_of(span) if span.output else None) == ("He" if way in ("close", "with", "let go") else None)


def test_helper_left_early(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    wire.replies = [Reply(events=HI)]

    with wclaude.messages.stream(**ASK) as stream:
        assert next(stream.text_stream) == "He"

    (span,) = claude_traced()
    assert (text_of(span), span.level, span.attributes["stream.reason"]) == ("He", "warning", "closed")
    assert span.usage["input_tokens"] == 9


async def test_async_helper_left_early(claude_traced: Spans, wire: Wire, awclaude: Any) -> None:
    wire.replies = [Reply(events=HI)]

    async with awclaude.messages.stream(**ASK) as stream:
        async for _ in stream.text_stream:
            break

    (span,) = claude_traced()
    assert (text_of(span), span.attributes["stream.reason"]) == ("He", "closed")


def test_error_of_the_application_between_events(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    """The application failed, the call did not."""
    wire.replies = [Reply(events=HI)]

    def read() -> None:
        with sb.span("app"), wclaude.messages.stream(**ASK) as stream:
            for _ in stream.text_stream:
                raise KeyError("mine")

    with pytest.raises(KeyError):
        read()

    app, call = claude_traced()
    assert (app.status, app.error_type) == ("error", "KeyError")
    assert (call.status, call.level, text_of(call)) == ("ok", "warning", "He")


@pytest.mark.parametrize("is_helper", [False, True])
def test_connection_cut_in_the_middle(claude_traced: Spans, wire: Wire, wclaude: Any, is_helper: bool) -> None:
    wire.replies = [Reply(events=[*HE, CUT])]

    def read() -> None:
        if is_helper:
            with wclaude.messages.stream(**ASK) as stream:
                stream.until_done()
        else:
            list(wclaude.messages.create(**ASK, stream=True))

    with pytest.raises((*CUT_ERRORS, anthropic.APIConnectionError)) as caught:
        read()

    (span,) = claude_traced()
    assert (span.status, span.error_type, text_of(span)) == ("error", type(caught.value).__name__, "He")


def test_error_event_in_the_stream(claude_traced: Spans, model: OfflineModel, claude: Any) -> None:
    model.rules[:] = [Rule(text="one two three", error=(529, "Overloaded"), error_after=2)]

    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        list(claude.messages.create(**ASK, stream=True))

    (span,) = claude_traced()
    assert (span.status, text_of(span)) == ("error", "one two")
    assert span.attributes["anthropic.error_code"] == "overloaded_error"


def test_stream_without_reason_to_stop_says_so(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    wire.replies = [Reply(events=HE)]

    list(wclaude.messages.create(**ASK, stream=True))

    (span,) = claude_traced()
    assert (span.status, span.level, span.attributes["stream"]) == ("ok", "warning", "incomplete")


@pytest.mark.parametrize("is_helper", [False, True])
async def test_cancelled_task(claude_traced: Spans, wire: Wire, awclaude: Any, is_helper: bool) -> None:
    hold, has_read = threading.Event(), asyncio.Event()
    wire.replies = [Reply(events=[*HE, hold, *HI[4:]])]

    async def read() -> None:
        if is_helper:
            async with awclaude.messages.stream(**ASK) as stream:
                async for _ in stream.text_stream:
                    has_read.set()
        else:
            async for piece in await awclaude.messages.create(**ASK, stream=True):
                if is_he(piece):
                    has_read.set()

    task = asyncio.create_task(read())
    await has_read.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    hold.set()

    (span,) = claude_traced()
    assert (span.level, text_of(span), span.attributes["stream.reason"]) == ("warning", "He", "cancelled")


def test_streams_read_in_turns_do_not_mix(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    wire.replies = [Reply(events=[start(), *block(text(letter), text(letter)), *end()]) for letter in "ab"]

    first, second = (wclaude.messages.create(**ASK, stream=True) for _ in range(2))
    for _ in range(3):
        next(first), next(second)
    list(first), list(second)

    assert [text_of(span) for span in claude_traced()] == ["aa", "bb"]


def test_raw_stream_ends_with_its_last_event(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    wire.replies = [Reply(events=HI)]

    raw = wclaude.messages.with_raw_response.create(**ASK, stream=True)
    assert claude_traced()[0].status == "open"
    assert len(list(raw.parse())) == 7

    (span,) = claude_traced()
    assert (text_of(span), span.finish_reason, span.status) == ("Hello", "stop", "ok")
    assert span.first_token_ns is not None
    assert not {"close", "iter_bytes", "_spanbook"} & vars(raw.http_response).keys()


def test_raw_stream_let_go(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    wire.replies = [Reply(events=HI)]

    wclaude.messages.with_raw_response.create(**ASK, stream=True)
    gc.collect()

    assert claude_traced()[0].attributes["stream.reason"] == "let go, not read"


def test_streaming_response_with_events(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    wire.replies = [Reply(events=HI), Reply(events=HI)]

    with wclaude.messages.with_streaming_response.create(**ASK, stream=True) as response:
        lines = list(response.iter_lines())
    with wclaude.messages.with_streaming_response.create(**ASK, stream=True) as response:
        pieces = list(response.parse())

    assert (sum(line.startswith("data:") for line in lines), len(pieces)) == (8, 7)
    assert [text_of(span) for span in claude_traced()] == ["Hello", "Hello"]


async def test_async_streaming_response(claude_traced: Spans, wire: Wire, awclaude: Any) -> None:
    wire.replies = [Reply(events=HI)]

    async with awclaude.messages.with_streaming_response.create(**ASK, stream=True) as response:
        assert len([line async for line in response.iter_lines()]) > 8

    assert text_of(claude_traced()[0]) == "Hello"


def test_text_so_far_is_shown_while_it_streams(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    from spanbook.tracer import _recorder

    wire.replies = [Reply(events=HI)]

    stream = wclaude.messages.create(**ASK, stream=True)
    while not is_he(next(stream)):
        continue
    assert list(_recorder.partials.values()) == ["He"]
    list(stream)

    assert text_of(claude_traced()[0]) == "Hello"
    assert _recorder.partials == {}


def test_model_is_named_where_the_stream_brought_nothing(claude_traced: Spans, wire: Wire, wclaude: Any) -> None:
    wire.replies = [Reply(events=[])]

    list(wclaude.messages.create(**ASK, stream=True))

    (span,) = claude_traced()
    assert (span.model, span.output) == (MODEL, None)
