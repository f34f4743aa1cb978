"""What Anthropic's servers send, in Python: events of a stream, whole messages."""

from __future__ import annotations

import json
from typing import Any

MODEL = "claude-sonnet-5"
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
ASK: Any = {"model": MODEL, "max_tokens": 100, "messages": HELLO}
USAGE = {"input_tokens": 4, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 3, "output_tokens": 6}
TOOL: Any = {
    "name": "get_weather",
    "description": "Weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def message(*content: Any, **more: Any) -> dict[str, Any]:
    """Return a whole message; text stands for a block of text."""
    return {
        "id": "msg_w",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-20270101",
        "content": [{"type": "text", "text": block} if isinstance(block, str) else block for block in content],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
        **more,
    }


def event(kind: str, **fields: Any) -> str:
    """Return an event as it is sent."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"


def start(**usage: Any) -> str:
    """Return the event that opens a stream."""
    opened = message(stop_reason=None, usage={**USAGE, "output_tokens": 1, **usage})
    return event("message_start", message=opened)


def block(*deltas: dict[str, Any], index: int = 0, **opening: Any) -> list[str]:
    """Return the events of one block."""
    return [
        event("content_block_start", index=index, content_block=opening or {"type": "text", "text": ""}),
        *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
        event("content_block_stop", index=index),
    ]


def text(piece: str) -> dict[str, Any]:
    """Return a delta of text."""
    return {"type": "text_delta", "text": piece}


def end(reason: str = "end_turn") -> list[str]:
    """Return the last two events."""
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [event("message_delta", delta=delta, usage={"output_tokens": 6}), event("message_stop")]


HI = [start(), event("ping"), *block(text("He"), text("llo")), *end()]
#: The same, up to the first piece of text.
HE = HI[:4]


def text_of(span: Any) -> str:
    """Return the first part of a span's output."""
    return str(span.output[0]["parts"][0]["content"])
