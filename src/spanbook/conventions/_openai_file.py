"""Lines of OpenAI's files of chats → records of spans: fine-tuning examples, batch requests and their results.

Such a line tells one call: its messages, and for an example the last assistant message as the answer. It has no ids and
often no time, so these are made from its content and from the file: importing it again gives the same span. The call of
a batch that failed is one, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from . import normalise
from ._openai_common import response_error

_CHAT: Final = "openai.chat"
_RESPONSES: Final = "openai.responses"
_FIELDS = ("input", "output", "model", "provider", "model_parameters", "tools", "finish_reason", "response_id")


class _Call(NamedTuple):
    """What a line tells of a call: request and answer as the API has them, in the form that ``format`` names."""

    format: str
    request: dict[str, Any] | None
    answer: dict[str, Any] | None
    error: Mapping[str, Any] | None = None


def chat_record(line: Mapping[str, Any], at_ns: int) -> dict[str, Any] | None:
    """Return the record of a span (as ``spanbook export --jsonl`` writes it); None when the line is no chat.

    Args:
        line: ``{"messages": […]}``, a batch request ``{"custom_id", "url", "body": {…}}``, or a batch result
            ``{"custom_id", "response": {"status_code", "body": {…}}, "error"}``; a stored completion has both.
        at_ns: When it was, unless the answer says it; nanoseconds since 1970.
    """
    call = _call(line)
    if call is None:
        return None
    digest = sha256(json.dumps(line, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
    said = normalise({"format": call.format, "input": call.request, "output": call.answer})
    answer = call.answer or {}
    created = answer.get("created", answer.get("created_at"))
    start = int(created) * 1_000_000_000 if isinstance(created, int | float) and 0 < created < 1 << 33 else at_ns
    error = call.error or said.get("error")
    metadata = {name: line[name] for name in ("custom_id", "metadata") if line.get(name)}
    return {
        "trace_id": digest[:32],
        "span_id": digest[32:48],
        "name": f"chat {said.get('model') or ''}".strip(),
        "kind": "llm",
        "status": "error" if error else "ok",
        "start_ns": start,
        "end_ns": start,
        **{name: said[name] for name in _FIELDS if said.get(name) is not None},
        **(said.get("usage") or {}),
        **({"metadata": metadata} if metadata else {}),
        **({"error": error} if error else {}),
    }


def _call(line: Mapping[str, Any]) -> _Call | None:
    body, response = line.get("body"), line.get("response")
    if isinstance(response, Mapping) or ("custom_id" in line and "response" in line):
        return _answered(line, response)
    if isinstance(body, Mapping) and isinstance(body.get("messages"), list):
        return _Call(_CHAT, dict(body), None)
    if isinstance(body, Mapping) and "input" in body and str(line.get("url")).endswith("/responses"):
        return _Call(_RESPONSES, dict(body), None)
    return _example(line)


def _answered(line: Mapping[str, Any], response: Any) -> _Call | None:
    """Return the call of a batch result, or of a stored completion."""
    inner = response.get("body", response) if isinstance(response, Mapping) else None
    request = dict(line["request"]) if isinstance(line.get("request"), Mapping) else None
    if isinstance(inner, Mapping) and isinstance(inner.get("choices"), list):
        return _Call(_CHAT, request, dict(inner), response_error(line))
    if isinstance(inner, Mapping) and inner.get("object") == "response":
        return _Call(_RESPONSES, request, dict(inner), response_error(line))
    error = _failure(line, response, inner) if "custom_id" in line else None
    return None if request is None and error is None else _Call(_CHAT, request, None, error)


def _failure(line: Mapping[str, Any], response: Any, inner: Any) -> dict[str, str] | None:
    """Return why a request of a batch has no answer: it was not made (``error``), or refused."""
    status = response.get("status_code") if isinstance(response, Mapping) else None
    is_refused = isinstance(status, int) and status >= 400
    error = response_error(line) or (response_error(inner) if is_refused else None)
    if error is None and is_refused:
        return {"type": f"status_{status}", "module": "openai", "message": f"the server answered with status {status}"}
    return error


def _example(line: Mapping[str, Any]) -> _Call | None:
    """Return the call of an example for fine-tuning."""
    messages = line.get("messages")
    if not isinstance(messages, list) or not all(isinstance(each, Mapping) and "role" in each for each in messages):
        return None
    request = {**{name: line[name] for name in ("tools", "model") if name in line}, "messages": messages}
    if not messages or messages[-1].get("role") != "assistant":
        return _Call(_CHAT, request, None)
    return _Call(_CHAT, {**request, "messages": messages[:-1]}, {"choices": [{"index": 0, "message": messages[-1]}]})
