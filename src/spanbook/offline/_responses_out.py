"""Replies of the Responses endpoint: `Reply` to OpenAI's JSON, whole and as typed stream events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ._chat import pieces
from ._types import ApiError, Event, Message, Reply, Request, Usage
from ._usage import is_reasoning_model

_ECHOED: Mapping[str, Any] = {  # request fields a response repeats, with OpenAI's defaults
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
    "store": True,
}


def output_items(request: Request, reply: Reply, number: str) -> list[dict[str, Any]]:
    """The items of one finished reply: reasoning (reasoning models only), message, function calls."""
    status = "incomplete" if reply.finish_reason in ("length", "content_filter") else "completed"
    items: list[dict[str, Any]] = []
    if is_reasoning_model(request.model):
        summary = [{"type": "summary_text", "text": summary_of(reply)}] if request.wants_summary else []
        items.append({"type": "reasoning", "id": f"rs_{number}", "summary": summary})
    if reply.refusal is not None:
        items.append(_message(number, {"type": "refusal", "refusal": reply.refusal}, status))
    elif reply.text or not reply.tool_calls:
        part = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        items.append(_message(number, part, status))
    for i, call in enumerate(reply.tool_calls):
        item = {"type": "function_call", "id": f"fc_{number}_{i}", "call_id": call.id, "name": call.name}
        items.append({**item, "arguments": call.arguments, "status": status})
    return items


def response(
    head: Mapping[str, Any],
    request: Request,
    output: Sequence[Mapping[str, Any]],
    usage: Usage | None,
    *,
    status: str = "completed",
    error: ApiError | None = None,
) -> dict[str, Any]:
    """The response object; ``usage`` is None while it is in progress or when it failed."""
    body = request.body
    echoed = {name: body.get(name) if body.get(name) is not None else default for name, default in _ECHOED.items()}
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = reasons.get(status)
    text = dict(body.get("text") or {})
    return {
        **head,
        "object": "response",
        **echoed,
        "status": "incomplete" if reason else status,
        "background": False,
        "error": None if error is None else {"code": _error_code(error), "message": error.message},
        "incomplete_details": {"reason": reason} if reason else None,
        "output": list(output),
        "reasoning": {"effort": None, "summary": None, **(body.get("reasoning") or {})},
        "service_tier": "default",
        "text": {"format": {"type": "text"}, **text},
        "usage": None if usage is None else usage_json(usage),
    }


def status_of(reply: Reply) -> str:
    """The ``status`` argument of `response` for a finished reply."""
    return reply.finish_reason if reply.finish_reason in ("length", "content_filter") else "completed"


def usage_json(usage: Usage) -> dict[str, Any]:
    """Usage in the form of the Responses endpoint."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def events(
    head: Mapping[str, Any],
    request: Request,
    reply: Reply,
    number: str,
    usage: Usage,
    failure: tuple[int, ApiError] | None = None,
) -> Iterator[Event]:
    """The typed events of one reply, numbered, up to completed, incomplete or failed.

    ``failure`` is ``(pieces, error)``: after so many pieces the stream ends with ``response.failed``.
    """
    output = output_items(request, reply, number)
    started = response(head, request, [], None, status="in_progress")
    steps = _steps(output)
    sequence = 0

    def event(name: str, fields: Mapping[str, Any], is_piece: bool = False) -> Event:
        nonlocal sequence
        made = Event({"type": name, **fields, "sequence_number": sequence}, name, is_piece)
        sequence += 1
        return made

    yield event("response.created", {"response": started})
    yield event("response.in_progress", {"response": started})
    left = failure[0] if failure else None
    for name, fields, is_piece in steps:
        if is_piece and left is not None:
            if left == 0:
                break
            left -= 1
        yield event(name, fields, is_piece)
    if failure is not None:
        failed = response(head, request, [], None, status="failed", error=failure[1])
        yield event("response.failed", {"response": failed})
        return
    status = status_of(reply)
    final = response(head, request, output, usage, status=status)
    yield event("response.completed" if status == "completed" else "response.incomplete", {"response": final})


def reply_messages(reply: Reply) -> tuple[Message, ...]:
    """The reply as input messages of a follow-up (``previous_response_id``)."""
    return (Message(role="assistant", text=reply.text or reply.refusal or "", tool_calls=reply.tool_calls),)


Step = tuple[str, dict[str, Any], bool]


def _steps(output: Sequence[Mapping[str, Any]]) -> Iterator[Step]:
    for index, item in enumerate(output):
        if item["type"] == "reasoning":
            yield from _reasoning_steps(index, item)
        elif item["type"] == "function_call":
            yield from _call_steps(index, item)
        else:
            yield from _message_steps(index, item)


def _message_steps(index: int, item: Mapping[str, Any]) -> Iterator[Step]:
    part = item["content"][0]
    key, base = ("refusal", "response.refusal") if part["type"] == "refusal" else ("text", "response.output_text")
    where = {"item_id": item["id"], "output_index": index, "content_index": 0}
    extra: dict[str, Any] = {} if key == "refusal" else {"logprobs": []}
    opened = {**item, "content": [], "status": "in_progress"}
    yield "response.output_item.added", {"output_index": index, "item": opened}, False
    yield "response.content_part.added", {**where, "part": {**part, key: ""}}, False
    for piece in pieces(part[key]):
        yield f"{base}.delta", {**where, "delta": piece, **extra}, True
    yield f"{base}.done", {**where, key: part[key], **extra}, False
    yield "response.content_part.done", {**where, "part": part}, False
    yield "response.output_item.done", {"output_index": index, "item": item}, False


def _call_steps(index: int, item: Mapping[str, Any]) -> Iterator[Step]:
    where = {"item_id": item["id"], "output_index": index}
    base = "response.function_call_arguments"
    opened = {**item, "arguments": "", "status": "in_progress"}
    yield "response.output_item.added", {"output_index": index, "item": opened}, False
    for piece in pieces(item["arguments"]):
        yield f"{base}.delta", {**where, "delta": piece}, True
    yield f"{base}.done", {**where, "name": item["name"], "arguments": item["arguments"]}, False
    yield "response.output_item.done", {"output_index": index, "item": item}, False


def _reasoning_steps(index: int, item: Mapping[str, Any]) -> Iterator[Step]:
    yield "response.output_item.added", {"output_index": index, "item": {**item, "summary": []}}, False
    base = "response.reasoning_summary"
    for i, part in enumerate(item["summary"]):
        where = {"item_id": item["id"], "output_index": index, "summary_index": i}
        yield f"{base}_part.added", {**where, "part": {**part, "text": ""}}, False
        for piece in pieces(part["text"]):
            yield f"{base}_text.delta", {**where, "delta": piece}, True
        yield f"{base}_text.done", {**where, "text": part["text"]}, False
        yield f"{base}_part.done", {**where, "part": part}, False
    yield "response.output_item.done", {"output_index": index, "item": item}, False


def _message(number: str, part: Mapping[str, Any], status: str) -> dict[str, Any]:
    return {
        "type": "message",
        "id": f"msg_{number}",
        "role": "assistant",
        "status": status,
        "content": [part],
    }


def summary_of(reply: Reply) -> str:
    """What the rule gives as its reasoning, or what can be said when no model thinks."""
    if reply.reasoning is not None:
        return reply.reasoning
    what = (
        "called the tool whose words overlap most with" if reply.tool_calls else "looked for the sentences nearest to"
    )
    return f"No model thinks here: scripted rules {what} the question."


def _error_code(error: ApiError) -> str:
    return "rate_limit_exceeded" if error.status == 429 else "server_error"
