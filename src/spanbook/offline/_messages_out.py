"""Replies of Anthropic's Messages endpoint: `Reply` to its JSON, whole and as stream events, and its errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ._chat import pieces
from ._parse import object_of
from ._responses_out import summary_of
from ._types import ApiError, Event, Reply, Request, Usage

_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
#: Real signatures cannot be made here; this one says so.
SIGNATURE = "offline-rules-not-a-model"


def thinking_of(request: Request, reply: Reply) -> str:
    """The text of the thinking block; empty when thinking was not asked for."""
    return summary_of(reply) if request.wants_summary else ""


def message(head: Mapping[str, Any], request: Request, reply: Reply, usage: Usage) -> dict[str, Any]:
    """The whole answer; ``head`` holds id and model."""
    content = _blocks(request, reply)
    return {**_opened(head), "content": content, **_stop(reply), "usage": usage_json(usage)}


def events(head: Mapping[str, Any], request: Request, reply: Reply, usage: Usage) -> Iterator[Event]:
    """The answer as stream events: the message without content, block after block, why it stopped and the usage."""
    first = {**usage_json(usage), "output_tokens": 1}
    yield _event("message_start", {"message": {**_opened(head), "usage": first}})
    for index, block in enumerate(_blocks(request, reply)):
        yield _event("content_block_start", {"index": index, "content_block": _emptied(block)})
        if index == 0:
            yield _event("ping", {})
        for delta, is_piece in _deltas(block, reply):
            yield _event("content_block_delta", {"index": index, "delta": delta}, is_piece)
        yield _event("content_block_stop", {"index": index})
    yield _event("message_delta", {"delta": _stop(reply), "usage": {"output_tokens": usage.output_tokens}})
    yield _event("message_stop", {})


def usage_json(usage: Usage) -> dict[str, Any]:
    """Usage in the form of this endpoint: ``input_tokens`` are those that were not read from the cache."""
    counts: dict[str, Any] = {
        "input_tokens": usage.input_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "service_tier": "standard",
    }
    if usage.reasoning_tokens:
        counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return counts


def error_json(error: ApiError) -> dict[str, Any]:
    """The JSON body Anthropic sends with an error."""
    kind = _ERRORS.get(error.status, "api_error" if error.status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": error.message}}


def error_event(error: ApiError) -> Event:
    """The event that ends a stream that fails."""
    return Event(error_json(error), "error")


def _opened(head: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **head,
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _stop(reply: Reply) -> dict[str, Any]:
    if reply.refusal is not None:
        return {"stop_reason": "refusal", "stop_sequence": None}
    if reply.stopped_by is not None and reply.finish_reason == "stop":
        return {"stop_reason": "stop_sequence", "stop_sequence": reply.stopped_by}
    return {"stop_reason": _REASONS.get(reply.finish_reason, reply.finish_reason), "stop_sequence": None}


def _blocks(request: Request, reply: Reply) -> Sequence[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    thinking = thinking_of(request, reply)
    if thinking:
        blocks.append({"type": "thinking", "thinking": thinking, "signature": SIGNATURE})
    text = reply.text or reply.refusal or ""
    if text or not reply.tool_calls:
        blocks.append({"type": "text", "text": text})
    for call in reply.tool_calls:
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(object_of(call.arguments))}
        blocks.append(block)
    return blocks


def _emptied(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block as it is announced, before its deltas."""
    empty = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {name: empty.get(name, value) for name, value in block.items()}


def _deltas(block: Mapping[str, Any], reply: Reply) -> Iterator[tuple[dict[str, Any], bool]]:
    """The deltas of one block, each with whether it is a piece of the answer."""
    if block["type"] == "thinking":
        for piece in pieces(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": piece}, True
        yield {"type": "signature_delta", "signature": block["signature"]}, False
    elif block["type"] == "text":
        for piece in pieces(block["text"]):
            yield {"type": "text_delta", "text": piece}, True
    else:  # as the rule gave them, which may be no JSON at all
        arguments = next(call.arguments for call in reply.tool_calls if call.id == block["id"])
        for piece in ["", *pieces(arguments)]:
            yield {"type": "input_json_delta", "partial_json": piece}, True


def _event(name: str, fields: Mapping[str, Any], is_piece: bool = False) -> Event:
    return Event({"type": name, **fields}, name, is_piece)
