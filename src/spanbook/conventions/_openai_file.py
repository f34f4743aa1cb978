"""Lines of OpenAI's files of chats → records of spans: fine-tuning examples, batch requests and their results.

Such a line tells one call: its messages, and for an example the last assistant message as the answer. It has no ids and
often no time, so these are made from its content and from the file: importing it again gives the same span.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from . import normalise

_FIELDS = ("input", "output", "model", "provider", "model_parameters", "tools", "finish_reason", "response_id")


def chat_record(line: Mapping[str, Any], at_ns: int) -> dict[str, Any] | None:
    """Return the record of a span (as ``spanbook export --jsonl`` writes it); None when the line is no chat.

    Args:
        line: ``{"messages": […]}``, a batch request ``{"custom_id", "body": {…}}``, or a batch result
            ``{"custom_id", "response": {"body": {…}}}``; a stored completion has both.
        at_ns: When it was, unless the answer says it; nanoseconds since 1970.
    """
    request, answer = _halves(line)
    if request is None and answer is None:
        return None
    digest = sha256(json.dumps(line, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
    said = normalise({"format": "openai.chat", "input": request, "output": answer})
    created = (answer or {}).get("created")
    start = created * 1_000_000_000 if isinstance(created, int) and 0 < created < 1 << 33 else at_ns
    error = line.get("error")
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
        **({"error": {"type": "error", "message": json.dumps(error, ensure_ascii=False)}} if error else {}),
    }


def _halves(line: Mapping[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return request and answer as the API has them, as far as the line tells them."""
    body, response = line.get("body"), line.get("response")
    if isinstance(response, Mapping):
        inner = response.get("body", response)
        answer = dict(inner) if isinstance(inner, Mapping) and isinstance(inner.get("choices"), list) else None
        request = line.get("request")
        return (dict(request) if isinstance(request, Mapping) else None), answer
    if isinstance(body, Mapping) and isinstance(body.get("messages"), list):
        return dict(body), None
    messages = line.get("messages")
    if not isinstance(messages, list) or not all(isinstance(each, Mapping) and "role" in each for each in messages):
        return None, None
    request = {**{name: line[name] for name in ("tools", "model") if name in line}, "messages": messages}
    if not messages or messages[-1].get("role") != "assistant":
        return request, None
    return {**request, "messages": messages[:-1]}, {"choices": [{"index": 0, "message": messages[-1]}]}
