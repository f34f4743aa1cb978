"""What failed: from an ``exception`` event, the status of a span and ``error.type`` to our error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ._draft import Draft
from ._python_text import parsed_python
from .otel import OtelEvent

_TRACEBACK: Final = "Traceback (most recent call last):"
_OF_NODE: Final = "\n    at "
_CLASS: Final = re.compile(r"[A-Za-z_][\w.]*")


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
    module, _, name = _text(said.get("exception.type")).rpartition(".")
    if _TRACEBACK in text and not trace.startswith(_TRACEBACK):  # LangSmith, LoongSuite: each is an Exception
        text, _, rest = text.partition(_TRACEBACK)
        whole, text = _raised(rest, (name, text.strip()))
        module, _, name = whole.rpartition(".")
        trace = f"{_TRACEBACK}{rest}"
    elif text.startswith("{'message': "):  # of OpenAI's agents
        text = cause_of(parsed_python(text)) or text
    elif not trace and _OF_NODE in text:  # as LangChain for JavaScript keeps an error
        text, _, trace = text.partition("\n\n")
    error_type = "Error" if error_type in (None, "_OTHER") else error_type  # unknown, as OpenTelemetry says it
    name = name or error_type.rpartition(".")[2]
    told = trace.partition(":")[0]
    if name == "Error" and told.isidentifier() and _OF_NODE in trace:
        name = told  # the class that was raised: the error itself may be made of its text
    return {
        "type": name,
        "module": module or _text(said.get("spanbook.module")),
        "message": text,
        "traceback": trace,
    }


def _raised(trace: str, otherwise: tuple[str, str]) -> tuple[str, str]:
    """Return what a traceback ends with: the class of the exception, and what it says."""
    lines = trace.strip("\n").split("\n")
    start = max((at + 1 for at, line in enumerate(lines) if line.startswith(" ")), default=0)
    name, _, said = "\n".join(lines[start:]).strip().partition(": ")
    return (name, said) if _CLASS.fullmatch(name) else otherwise


def cause_of(noted: Any) -> str:
    """Return what an error says that OpenAI's agents noted: the cause, or where it came up."""
    if not isinstance(noted, Mapping):
        return ""
    data = noted.get("data")
    return str((data.get("error") if isinstance(data, Mapping) else None) or noted.get("message") or "")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
