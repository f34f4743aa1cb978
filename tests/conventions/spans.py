"""Short foreign spans, and what becomes of them."""

from __future__ import annotations

import json
from typing import Any

from spanbook.conventions.otel import OtelEvent, OtelLog, OtelSpan
from spanbook.conventions.registry import MappedSpan, map_span

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
START = 1_700_000_000_000_000_000
TRACE, SPAN = f"{1:032x}", f"{2:016x}"


def span(attributes: dict[str, Any] | None = None, **fields: Any) -> OtelSpan:
    """Return a span of one second; any field can be given."""
    base: dict[str, Any] = {"trace_id": TRACE, "span_id": SPAN, "name": "call", "start_ns": START}
    return OtelSpan(**{**base, "end_ns": START + 10**9, "attributes": attributes or {}, **fields})


def mapped(
    attributes: dict[str, Any] | None = None, logs: list[OtelLog] | None = None, **fields: Any
) -> dict[str, Any]:
    """Return the fields of a mapped span; no mapper may fail."""
    found = whole(attributes, logs, **fields)
    assert found.failures == ()
    return found.fields


def whole(attributes: dict[str, Any] | None = None, logs: list[OtelLog] | None = None, **fields: Any) -> MappedSpan:
    """Return all that is known of a mapped span."""
    return map_span(span(attributes, **fields), logs or [])


def event(name: str, after_ms: float = 0, /, **attributes: Any) -> OtelEvent:
    """Return an event so many milliseconds after the start."""
    return OtelEvent(name=name, time_ns=START + round(after_ms * 1e6), attributes=attributes)


def log(name: str, body: Any, **attributes: Any) -> OtelLog:
    """Return a log record of the span."""
    return OtelLog(trace_id=TRACE, span_id=SPAN, name=name, time_ns=START, body=body, attributes=attributes)


def text(role: str, content: str) -> dict[str, Any]:
    """Return a message of one text, in our form."""
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def call(id: str | None, name: str, arguments: Any) -> dict[str, Any]:
    """Return a tool call, in our form."""
    return {"type": "tool_call", "id": id, "name": name, "arguments": arguments}


def dumps(value: Any) -> str:
    """Return JSON text, as attributes carry it."""
    return json.dumps(value)
