"""What failed: from an ``exception`` event, the status of a span and ``error.type`` to our error."""

from __future__ import annotations

from typing import Any

from ._draft import Draft
from .otel import OtelEvent


def put_error(draft: Draft) -> None:
    """Set status and error of a draft; an exception that failed nothing stays an event."""
    span = draft.span
    if draft.fields.get("error") is not None:
        draft.fields["status"] = "error"
    if span.status == "error":
        draft.put("status", "error")
    draft.put("status", "open" if span.end_ns is None else "ok")
    if draft.fields["status"] != "error":
        return
    raised = [event for event in draft.events if event.name == "exception"]
    given: dict[str, Any] = draft.fields.get("error") or {}
    error = _error(raised[-1] if raised else None, draft.text("error.type"), span.status_message)
    if raised:
        draft.events.remove(raised[-1])
        draft.fields["error"] = error
    else:
        draft.fields["error"] = {**error, **{name: value for name, value in given.items() if value}}


def _error(raised: OtelEvent | None, error_type: str | None, message: str) -> dict[str, Any]:
    said = raised.attributes if raised is not None else {}
    text, trace = _text(said.get("exception.message")) or message, _text(said.get("exception.stacktrace"))
    if not trace and "\n    at " in text:  # as LangChain for JavaScript keeps an error
        text, _, trace = text.partition("\n\n")
    module, _, name = _text(said.get("exception.type")).rpartition(".")
    name = name or (error_type or "Error").rpartition(".")[2]
    told = trace.partition(":")[0]
    if name == "Error" and told.isidentifier() and "\n    at " in trace:
        name = told  # the class that was raised: the error itself may be made of its text
    return {
        "type": name,
        "module": module or _text(said.get("spanbook.module")),
        "message": text,
        "traceback": trace,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
