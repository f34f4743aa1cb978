"""Answers that come later: streams, and raw responses whose body nobody has read yet.

The SDK's own object is what the user gets, with its type, methods and connection. Only its iterator is
wrapped (or, for a raw response, the bytes are seen as they are read) and, until the span has ended,
closing is noticed. The span ends exactly once: at the last chunk, at an error, when closed early, or when
everything was let go.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from .._guard import guard
from ._calls import Call
from ._chunks import Accumulator
from ._plain import parsed_body, plain
from ._sse import EventDecoder

_SHOW_EVERY_S: Final = 0.05
#: Bodies above this are not collected from a streamed raw response.
_MAX_BODY: Final = 16 << 20


def watch(call: Call, result: Any) -> bool:
    """Follow ``result`` if its answer is still to come; return whether it will end the call's span."""
    if hasattr(type(result), "model_fields"):  # whole; the usual case, and asking a model for anything else is slow
        return False
    import openai

    if isinstance(result, openai.Stream | openai.AsyncStream):
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
    _watch_body(call, http, is_legacy=type(result).__name__ == "LegacyAPIResponse")
    return True


class Recorder:
    """Collects what a stream brings and ends the span once."""

    def __init__(self, call: Call, response: Any, chunks: Accumulator | None) -> None:
        self.call = call
        self.is_reading = False  # inside the SDK's code: it closes the response itself when it is done
        self.has_read = False
        self._response = weakref.ref(response)
        self._chunks = chunks
        self._shown = -1.0
        self._has_ended = False

    def take(self, chunk: Any) -> None:
        """Take a chunk as plain data: note the first token, show the text so far at most every 50 ms."""
        chunks = self._chunks
        if chunks is None or not isinstance(chunk, dict) or not chunks.add(chunk):
            return
        now = time.monotonic()
        if now - self._shown < _SHOW_EVERY_S:
            return
        if self._shown < 0:
            self.call.span.first_token()
        self._shown = now
        self.call.span.partial(chunks.text())

    def fail(self, error: BaseException) -> None:
        """The stream broke; a cancelled task gave up, which is no failure of the model."""
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            self.end(abandoned="cancelled")
        elif self._ending():
            with guard("record an OpenAI stream"):
                self._set_output()
            self.call.fail(error)

    def closed(self) -> None:
        """The response was closed; early, unless the SDK did that at the end."""
        if not self.is_reading:
            self.end(abandoned="closed")

    def end(self, *, abandoned: str | None = None) -> None:
        """End the span with what came; ``abandoned`` says why no more will, if the answer is not whole."""
        if not self._ending():
            return
        with guard("record an OpenAI stream"):
            self._set_output()
            whole = self.is_whole()
            if abandoned is not None and not whole:
                reason = abandoned if self.has_read else f"{abandoned}, not read"
                self.mark({"stream": "abandoned", "stream.reason": reason})
            elif not whole:
                self.mark({"stream": "incomplete", "stream.reason": "it ended without a finish reason"})
        self.call.span.end()

    def is_whole(self) -> bool:
        """Whether the whole answer came, or nothing says that it did not."""
        return self._chunks is None or self._chunks.is_complete

    def mark(self, attributes: dict[str, str]) -> None:
        """Say on the span what is wrong with its output."""
        self.call.span.set(level="warning", attributes=attributes)

    def _set_output(self) -> None:
        response = self._chunks.response() if self._chunks is not None else None
        if response is not None:
            self.call.set_response(response)

    def _ending(self) -> bool:
        """Return True the first time; give the response its own methods back."""
        if self._has_ended:
            return False
        self._has_ended = True
        response = self._response()
        if response is not None:
            for name in ("close", "aclose", "iter_bytes", "aiter_bytes", "_spanbook"):
                vars(response).pop(name, None)
        return True


class BodyRecorder(Recorder):
    """Collects the bytes of a raw response: server-sent events, or one JSON document."""

    def __init__(self, call: Call, response: Any, *, ends_at_close: bool) -> None:
        is_events = "text/event-stream" in response.headers.get("content-type", "")
        chunks = call.api.new_chunks() if is_events and call.api.new_chunks is not None else None
        super().__init__(call, response, chunks)
        self._decoder = EventDecoder() if is_events else None
        self._body = bytearray()
        self._ends_at_close = ends_at_close
        self._is_exhausted = False

    def feed(self, piece: bytes) -> None:
        """Take bytes that the user is about to get."""
        self.has_read = True
        with guard("record an OpenAI stream"):
            if self._decoder is not None:
                for event in self._decoder.feed(piece):
                    self.take(event)
            elif len(self._body) + len(piece) <= _MAX_BODY:
                self._body += piece

    def exhausted(self) -> None:
        """The body has been read to its end; a ``with`` block around it may go on."""
        self._is_exhausted = True
        if not self._ends_at_close:
            self.end()

    def is_whole(self) -> bool:
        return self._is_exhausted and super().is_whole()

    def _set_output(self) -> None:
        if self._body and self._is_exhausted:
            body = parsed_body(bytes(self._body))
            self.call.set_response(self.call.api.to_plain(body) if isinstance(body, dict) else body)
        elif self._body:
            self.call.span.set(output=self._body.decode("utf-8", "replace"))
        super()._set_output()


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

    def _took(self, chunk: Any) -> None:
        recorder = self._recorder
        recorder.has_read = True
        with guard("record an OpenAI stream"):
            recorder.take(plain(chunk))


class TracedIterator(_Iterator):
    """Iterator of a ``Stream``."""

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        __tracebackhide__ = True
        recorder = self._recorder
        recorder.is_reading = True
        try:
            chunk = next(self._inner)
        except StopIteration:
            recorder.end()
            raise
        except BaseException as error:
            recorder.fail(error)
            raise
        finally:
            recorder.is_reading = False
        self._took(chunk)
        return chunk


class AsyncTracedIterator(_Iterator):
    """Iterator of an ``AsyncStream``."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        __tracebackhide__ = True
        recorder = self._recorder
        recorder.is_reading = True
        try:
            chunk = await self._inner.__anext__()
        except StopAsyncIteration:
            recorder.end()
            raise
        except BaseException as error:
            recorder.fail(error)
            raise
        finally:
            recorder.is_reading = False
        self._took(chunk)
        return chunk


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


class _WhenLetGo:
    """Lives in a response's dict and ends the span when that goes."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __del__(self) -> None:
        self._recorder.end(abandoned="let go")


def _watch_body(call: Call, response: Any, *, is_legacy: bool) -> None:
    """See the bytes of a response as the user reads them, in whichever of its many ways.

    ``with_raw_response`` has no block: its span ends with the body. ``with_streaming_response`` has one,
    and its span covers it.
    """
    recorder = BodyRecorder(call, response, ends_at_close=not is_legacy)
    reference, kind = weakref.ref(response), type(response)

    def iter_bytes(chunk_size: int | None = None) -> Iterator[bytes]:
        __tracebackhide__ = True
        pieces = kind.iter_bytes(reference(), chunk_size)
        with contextlib.closing(pieces):
            while True:
                recorder.is_reading = True
                try:
                    piece = next(pieces)
                except StopIteration:
                    recorder.exhausted()
                    return
                except BaseException as error:
                    recorder.fail(error)
                    raise
                finally:
                    recorder.is_reading = False
                recorder.feed(piece)
                yield piece

    async def aiter_bytes(chunk_size: int | None = None) -> AsyncIterator[bytes]:
        __tracebackhide__ = True
        pieces = kind.aiter_bytes(reference(), chunk_size)
        async with contextlib.aclosing(pieces):
            while True:
                recorder.is_reading = True
                try:
                    piece = await pieces.__anext__()
                except StopAsyncIteration:
                    recorder.exhausted()
                    return
                except BaseException as error:
                    recorder.fail(error)
                    raise
                finally:
                    recorder.is_reading = False
                recorder.feed(piece)
                yield piece

    _notice_close(recorder, response)
    if call.is_async:
        response.aiter_bytes = aiter_bytes
    else:
        response.iter_bytes = iter_bytes
    response._spanbook = _WhenLetGo(recorder)
