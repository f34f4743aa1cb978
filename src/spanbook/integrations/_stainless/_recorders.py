"""What a stream brought until now, and the one end of its span."""

from __future__ import annotations

import time
import weakref
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ._calls import Call
from ._plain import parsed_body, plain
from ._sdk import Accumulator
from ._sse import EventDecoder

_SHOW_EVERY_S: Final = 0.05
#: Bodies above this are not collected from a streamed raw response.
_MAX_BODY: Final = 16 << 20
#: How Bedrock sends events.
_BINARY: Final = "application/vnd.amazon.eventstream"


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

    def read(self, step: Callable[[], Any]) -> Any:
        """Return the next chunk, which ``step`` brings, after it is taken; end the span when there is none."""
        __tracebackhide__ = True
        self.is_reading = True
        try:
            chunk = step()
        except StopIteration:
            self.exhausted()
            raise
        except BaseException as error:
            self.fail(error)
            raise
        finally:
            self.is_reading = False
        self._took(chunk)
        return chunk

    async def aread(self, step: Callable[[], Awaitable[Any]]) -> Any:
        """The same, async."""
        __tracebackhide__ = True
        self.is_reading = True
        try:
            chunk = await step()
        except StopAsyncIteration:
            self.exhausted()
            raise
        except BaseException as error:
            self.fail(error)
            raise
        finally:
            self.is_reading = False
        self._took(chunk)
        return chunk

    def exhausted(self) -> None:
        """There is no more to read."""
        self.end()

    def _took(self, chunk: Any) -> None:
        self.has_read = True
        with self.call.recording("stream"):
            self.take(plain(chunk))

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
        if not isinstance(error, Exception | KeyboardInterrupt | SystemExit):  # asyncio's and trio's, GeneratorExit
            self.end(abandoned="cancelled")
        elif self._ending():
            with self.call.recording("stream"):
                self._set_output()
            self._chunks = None
            self.call.fail(error)

    def closed(self) -> None:
        """The response was closed; early, unless the SDK did that at the end."""
        if not self.is_reading:
            self.end(abandoned="closed")

    def end(self, *, abandoned: str | None = None) -> None:
        """End the span with what came; ``abandoned`` says why no more will, if the answer is not whole."""
        if not self._ending():
            return
        with self.call.recording("stream"):
            self._set_output()
            whole = self.is_whole()
            if abandoned is not None and not whole:
                reason = abandoned if self.has_read else f"{abandoned}, not read"
                self.mark({"stream": "abandoned", "stream.reason": reason})
            elif not whole:
                self.mark({"stream": "incomplete", "stream.reason": "it ended without a finish reason"})
        self._chunks = None  # the user's variable may hold the stream for long
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
        if self._has_ended or not self.call.span.is_recording:
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
        kind = response.headers.get("content-type", "")
        is_events = "text/event-stream" in kind
        chunks = call.api.new_chunks() if is_events and call.api.new_chunks is not None else None
        super().__init__(call, response, chunks)
        self._decoder = EventDecoder() if is_events else None
        self._is_binary = _BINARY in kind
        self._body = bytearray()
        self._ends_at_close = ends_at_close
        self._is_exhausted = False

    def _took(self, chunk: bytes) -> None:
        """Take bytes that the user is about to get."""
        self.has_read = True
        with self.call.recording("stream"):
            if self._decoder is not None:
                for event in self._decoder.feed(chunk):
                    self.take(event)
            elif not self._is_binary and len(self._body) + len(chunk) <= _MAX_BODY:
                self._body += chunk

    def exhausted(self) -> None:
        """The body has been read to its end; a ``with`` block around it may go on."""
        self._is_exhausted = True
        if not self._ends_at_close:
            self.end()

    def is_whole(self) -> bool:
        return super().is_whole() if self._chunks is not None else self._is_exhausted  # the SDK stops at "[DONE]"

    def _set_output(self) -> None:
        if self._is_binary and self.has_read:
            self.mark({"stream": "not captured", "stream.reason": "a raw response in a binary form"})
        if self._body and self._is_exhausted:
            body = parsed_body(bytes(self._body))
            self.call.set_response(self.call.api.to_plain(body) if isinstance(body, dict) else body)
        elif self._body:
            self.call.span.set(output=self._body.decode("utf-8", "replace"))
        super()._set_output()


class WhenLetGo:
    """Lives in the dict of what the user reads from, and ends the span when that goes."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def __del__(self) -> None:
        self.recorder.end(abandoned="let go")
