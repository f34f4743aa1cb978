"""Spans of calls that no integration records: an async function of the user, LiteLLM while it is not instrumented."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any

from ..tracer import Span
from ..tracer._span import _get, _set
from ._asked import Asked
from ._reply import Delta, Reply


def own_span(name: str, provider: str, asked: Asked) -> Span:
    """Return the span of a question, not started yet."""
    fields: dict[str, Any] = {"model": name, "provider": provider}
    fields |= {"model_parameters": dict(asked.parameters)} if asked.parameters else {}
    fields |= {"tools": asked.tools} if asked.tools else {}
    return Span(f"chat {name}", "llm", asked.messages, **fields)


async def recorded(span: Span, answer: Awaitable[Reply]) -> Reply:
    """Return the answer; the span is current while it is awaited."""
    __tracebackhide__ = True
    with span:
        reply = await answer
        span.set(**_said(reply))
    return reply


async def recorded_stream(span: Span, pieces: AsyncIterator[Delta | Reply]) -> AsyncIterator[Delta | Reply]:
    """Yield the pieces; the span is current while they are made, and never while the consumer has them."""
    __tracebackhide__ = True
    span.start()
    texts: list[str] = []
    try:
        while True:
            before = _get()
            _set(span)
            try:
                piece = await anext(pieces, None)
            finally:
                if _get() is span:
                    _set(before)
            if piece is None:
                break
            if isinstance(piece, Reply):
                span.set(**_said(piece))
            else:
                span.first_token()
                if piece.kind == "text":
                    texts.append(piece.text)
            yield piece
    except Exception as error:
        span.set(output=_partial(texts))
        span.end(error)
        raise
    except BaseException:  # closed or cancelled: the consumer gave up, the model did not fail
        if span.is_recording:
            span.set(output=_partial(texts), level="warning", attributes={"stream": "abandoned"})
        raise
    finally:
        span.end()


def _said(reply: Reply) -> dict[str, Any]:
    said = {
        "output": [reply.message], "usage": dict(reply.usage), "finish_reason": reply.finish_reason,
        "response_id": reply.response_id, "model": reply.answered_by,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value}


def _partial(texts: list[str]) -> Any:
    return [{"role": "assistant", "parts": [{"type": "text", "content": "".join(texts)}]}] if texts else None
