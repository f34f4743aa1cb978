"""Streams of litellm: its own objects, each read through its class's methods, which are wrapped.

The object itself is what the user gets. Its ``_spanbook`` holds the recorder until the span has ended.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from .._stainless._plain import is_model, plain
from .._stainless._recorders import Recorder, WhenLetGo
from .._stainless._wrappers import Wrapper
from ._calls import LiteCall

_HELD: Final = "_spanbook"


class LiteRecorder(Recorder):
    """Takes the counts that the provider sent although the user did not ask: litellm keeps these for itself.

    What it says of the whole stream at its end is no help: that is an estimate where the provider sent none.
    """

    def _set_output(self) -> None:
        response = self._chunks.response() if self._chunks is not None else None
        if response is not None:
            if "usage" not in response and (usage := _kept_usage(self._response())) is not None:
                response["usage"] = plain(usage)
            self.call.set_response(response)


def _kept_usage(stream: Any) -> Any:
    """Return the last usage among the chunks that a stream, or the one it is made from, has kept."""
    for holder in (stream, getattr(stream, "completion_stream", None)):
        chunks = getattr(holder, "chunks", None)
        kept: list[Any] = chunks if isinstance(chunks, list) else []
        for chunk in reversed(kept):
            if getattr(chunk, "usage", None) is not None:
                return chunk.usage
    return None


def watch(call: LiteCall, result: Any) -> bool:
    """Follow ``result`` if it is a stream; return whether it will end the call's span."""
    kind = type(result)
    if is_model(kind) or not (hasattr(kind, "__next__") or hasattr(kind, "__anext__")):
        return False
    call.note_hidden(result)
    if call.api.new_chunks is None or not _is_known(kind):
        call.span.set(level="warning", attributes={"stream": "not captured", "stream.reason": kind.__qualname__})
        call.span.end()
        return True
    vars(result)[_HELD] = WhenLetGo(LiteRecorder(call, result, call.api.new_chunks()))
    return True


def _is_known(kind: type) -> bool:
    from ._targets import STREAMS

    return any(base.__module__ in STREAMS and hasattr(base, "__dict__") for base in kind.__mro__)


def _recorder(stream: Any) -> Recorder | None:
    """Return the recorder of a stream, None where it is not traced or a method of it calls another one."""
    held = getattr(stream, "__dict__", {}).get(_HELD)
    if held is None:
        return None
    recorder: Recorder = held.recorder
    return None if recorder.is_reading else recorder


def wrap_next(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
    """``__next__``. A span that is open is brought to its end whether or not tracing is still on."""

    @functools.wraps(original)
    def read(self: Any) -> Any:
        __tracebackhide__ = True
        recorder = _recorder(self)
        return original(self) if recorder is None else recorder.read(functools.partial(original, self))

    return read


def wrap_anext(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
    """``__anext__``."""

    @functools.wraps(original)
    async def read(self: Any) -> Any:
        __tracebackhide__ = True
        recorder = _recorder(self)
        return await (original(self) if recorder is None else recorder.aread(functools.partial(original, self)))

    return read


def wrap_close(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
    """``close``."""

    @functools.wraps(original)
    def close(self: Any) -> Any:
        recorder = _recorder(self)
        try:
            return original(self)
        finally:
            if recorder is not None:
                recorder.closed()

    return close


def wrap_aclose(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
    """``aclose``."""

    @functools.wraps(original)
    async def aclose(self: Any) -> Any:
        recorder = _recorder(self)
        try:
            return await original(self)
        finally:
            if recorder is not None:
                recorder.closed()

    return aclose
