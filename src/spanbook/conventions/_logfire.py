"""Logfire: names that are templates, streams in two spans, and requests as one JSON (up to version 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ._draft import Draft
from ._messages import to_messages
from ._parts import Part, parsed_json, text_parts
from ._raw import as_given, put_request
from ._usage import usage_from
from .otel import OtelSpan

_ID: Final = re.compile("[0-9a-f]{16}")
_LEVELS: Final = ((17, "error"), (13, "warning"), (9, "default"), (1, "debug"))
_OF_A_CALL: Final = ("messages", "prompt", "input")


def without_pending(span: OtelSpan) -> OtelSpan:
    """Return the span that a pending one stands for, as it is while it is open; any other span as it is.

    Logfire sends, when a span begins, another one below it that says so.
    """
    if span.attributes.get("logfire.span_type") != "pending_span" or span.parent_id is None:
        return span
    parent = span.attributes.get("logfire.pending_parent_id")
    is_id = isinstance(parent, str) and _ID.fullmatch(parent) is not None and bool(parent.strip("0"))
    return replace(span, span_id=span.parent_id, parent_id=str(parent) if is_id else None, end_ns=None, status="unset")


def map_logfire(draft: Draft) -> None:
    """Set name and tags, and what ``request_data`` and ``response_data`` hold."""
    message = draft.left.get("logfire.msg")
    if isinstance(message, str) and message and "{" in draft.span.name:
        draft.put("name", message)
    draft.put_tags(draft.items("logfire.tags"))
    level = draft.left.get("logfire.level_num")  # of OpenTelemetry's severities
    if isinstance(level, int):
        draft.put("level", next((name for least, name in _LEVELS if level >= least), None))
    draft.left.pop("logfire.json_schema", None)  # says which attributes are JSON text; we see it
    _put_request(draft)
    _put_response(draft)
    scope, _, client = draft.span.scope_name.partition(".")
    if scope == "logfire" and client in ("openai", "anthropic") and not draft.has("gen_ai.system", "gen_ai.provider"):
        draft.put_provider(client)
    if (scope, client) == ("logfire", "openai") and draft.span.name.startswith("Responses API"):
        draft.put("kind", "llm")  # its request is in events, of which we may know none
    if draft.left.get("logfire.span_type") == "log" and (
        draft.is_kind("llm") or draft.has("gen_ai.output.messages", "events")
    ):
        duration = draft.number("duration")
        draft.stream_end = max(duration or 0.0, 0.0)


def _put_request(draft: Draft) -> None:
    request = parsed_json(draft.left.get("request_data"))
    if not isinstance(request, Mapping) or not any(name in request for name in _OF_A_CALL):
        return
    del draft.left["request_data"]
    request = as_given(request)
    is_embedding = "input" in request and "embedding" in draft.span.name.lower()
    draft.put("kind", "embedding" if is_embedding else "llm")
    model = request.get("model")
    draft.put("model", model if isinstance(model, str) and model else None)
    put_request(draft, request)
    if is_embedding:
        draft.put("input", request["input"])
    else:
        asked = request.get("messages", request.get("input", request.get("prompt")))
        system = to_messages(request.get("system", request.get("instructions")), "system") or []
        draft.put_messages("input", [*system, *(to_messages(asked, "user") or [])])


def _put_response(draft: Draft) -> None:
    response = parsed_json(draft.left.get("response_data"))
    if not isinstance(response, Mapping):
        return
    if not response.keys() & {"message", "combined_chunk_content", "text", "usage"}:
        return  # of something else
    del draft.left["response_data"]
    draft.put("kind", "llm")
    draft.put_usage(usage_from(response.get("usage")))
    said = response.get("message")
    if isinstance(said, Mapping):
        messages = to_messages({"role": "assistant", **said}, "assistant") or []
        if draft.span.scope_name == "logfire.anthropic":
            messages = [{**message, "parts": [_unwrapped(part) for part in message["parts"]]} for message in messages]
        draft.put_messages("output", messages)
    elif (text := response.get("combined_chunk_content", response.get("text"))) is not None:
        draft.put_messages("output", [{"role": "assistant", "parts": text_parts(text)}])
    rest = {name: value for name, value in response.items()
            if name not in ("message", "usage", "combined_chunk_content", "text") and value is not None}  # fmt: skip
    if rest:
        draft.left["response_data"] = rest


def _unwrapped(part: Part) -> Part:
    """Return a call with the arguments themselves: up to version 4 Logfire writes Anthropic's as ``{"input": …}``."""
    given = part.get("arguments")
    return {**part, "arguments": given["input"]} if isinstance(given, dict) and given.keys() == {"input"} else part
