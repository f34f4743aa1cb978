"""Answers that come later: streams, and raw responses whose body nobody has read yet.

The SDK's own object is what the user gets, with its type, methods and connection. Only its iterator is
wrapped (or, for a raw response, the bytes are seen as they are read) and, until the span has ended,
closing is noticed. The span ends exactly once: at the last chunk, at an error, when closed early, or when
everything was let go.
"""

from __future__ import annotations

import contextlib
import sys
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from ._calls import Call
from ._plain import is_model, parsed_body
from ._recorders import BodyRecorder, Recorder, WhenLetGo

#: Header by which the SDK marks requests of its raw views: ``stream`` for ``with_streaming_response``.
_RAW_HEADER: Final = "x-stainless-raw-response"


def watch(call: Call, result: Any) -> bool:
    """Follow ``result`` if its answer is still to come; return whether it will end the call's span."""
    if is_model(type(result)):  # the answer itself, whole
        return False
    sdk: Any = sys.modules[call.api.sdk.name]
    if isinstance(result, sdk.Stream | sdk.AsyncStream):
        return _watch_stream(call, result)
    http = getattr(result, "http_response", None)
    if http is None or not hasattr(result, "retries_taken"):
        return False
    call.note_response(http)
    if getattr(http, "is_stream_consumed", False):
        body = parsed_body(http.content)
        call.set_response(call.api.to_plain(body) if isinstance(body, dict) else body)
        call.span.end()
        return True
    _watch_body(call, http, has_block=http.request.headers.get(_RAW_HEADER) == "stream")
    return True


def _watch_stream(call: Call, stream: Any) -> bool:
    if call.api.new_chunks is None or not hasattr(stream, "_iterator"):
        call.span.set(level="warning", attributes={"stream": "not captured"})
        return False
    call.note_response(stream.response)
    recorder = Recorder(call, stream.response, call.api.new_chunks())
    _notice_close(recorder, stream.response)
    iterator = AsyncTracedIterator if call.is_async else TracedIterator
    stream._iterator = iterator(stream._iterator, recorder)
    return True


class _Iterator:
    """An iterator of the SDK, seen by a recorder; everything else is the iterator's own."""

    def __init__(self, inner: Any, recorder: Recorder) -> None:
        self._recorder = recorder
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_inner"], name)

    def __del__(self) -> None:
        self._recorder.end(abandoned="let go")


class TracedIterator(_Iterator):
    """Iterator of a ``Stream``."""

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        __tracebackhide__ = True
        return self._recorder.read(self._inner.__next__)


class AsyncTracedIterator(_Iterator):
    """Iterator of an ``AsyncStream``."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        __tracebackhide__ = True
        return await self._recorder.aread(self._inner.__anext__)


def _notice_close(recorder: Recorder, response: Any) -> None:
    """Have ``response.close()`` tell the recorder: every way of closing a stream early goes through it.

    Only this object is touched, until the span ends. It is referred to weakly: a cycle would keep the
    connection of a stream that was let go until the garbage collector comes by.
    """
    reference, kind = weakref.ref(response), type(response)

    def close() -> None:
        target = reference()
        if target is not None:
            try:
                kind.close(target)
            finally:
                recorder.closed()

    async def aclose() -> None:
        target = reference()
        if target is not None:
            try:
                await kind.aclose(target)
            finally:
                recorder.closed()

    if recorder.call.is_async:
        response.aclose = aclose
    else:
        response.close = close


def _watch_body(call: Call, response: Any, *, has_block: bool) -> None:
    """See the bytes of a response as the user reads them, in whichever of its many ways.

    ``with_raw_response`` has no block: its span ends with the body. ``with_streaming_response`` has one,
    and its span covers it.
    """
    recorder = BodyRecorder(call, response, ends_at_close=has_block)
    reference, kind = weakref.ref(response), type(response)

    def iter_bytes(chunk_size: int | None = None) -> Iterator[bytes]:
        __tracebackhide__ = True
        pieces = kind.iter_bytes(reference(), chunk_size)
        with contextlib.closing(pieces):
            while True:
                try:
                    piece = recorder.read(pieces.__next__)
                except StopIteration:
                    return
                yield piece

    async def aiter_bytes(chunk_size: int | None = None) -> AsyncIterator[bytes]:
        __tracebackhide__ = True
        pieces = kind.aiter_bytes(reference(), chunk_size)
        async with contextlib.aclosing(pieces):
            while True:
                try:
                    piece = await recorder.aread(pieces.__anext__)
                except StopAsyncIteration:
                    return
                yield piece

    _notice_close(recorder, response)
    if call.is_async:
        response.aiter_bytes = aiter_bytes
    else:
        response.iter_bytes = iter_bytes
    response._spanbook = WhenLetGo(recorder)
