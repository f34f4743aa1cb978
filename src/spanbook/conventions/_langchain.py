"""LangChain's models: what the integration notes of a request and an answer → messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._anthropic import _REASONS
from ._messages import flat_tools, join_results, to_message
from ._openai_common import put_answered, put_attributes
from ._parts import Message, cut_gap
from ._usage import usage_from

#: Pieces of content that are told by ``tool_calls``, too.
_CALLS: Final = frozenset(("tool_use", "tool_call", "function_call", "tool_call_chunk", "input_json_delta"))


def map_model_input(fields: dict[str, Any]) -> None:
    """Replace what a model was asked by its messages; set parameters and tools."""
    asked = fields["input"]
    if asked.get("parameters") and not fields.get("model_parameters"):
        fields["model_parameters"] = asked["parameters"]
    tools = flat_tools(asked.get("tools"))
    if tools and not fields.get("tools"):
        fields["tools"] = tools
    fields["input"] = join_results(_messages(asked.get("messages")))


def map_model_output(fields: dict[str, Any]) -> None:
    """Replace what a model answered by its messages; set usage, finish reason, response id, model, details."""
    answer = fields["output"]
    put_answered(fields, answer)
    usage = usage_from(answer.get("usage"))
    if usage and not fields.get("usage"):
        fields["usage"] = usage
    details = answer.get("details")
    if isinstance(details, Mapping):
        put_attributes(fields, {f"langchain.response.{name}": value for name, value in details.items()})
    messages = _messages(answer.get("messages"))
    reasons = (one["finish_reason"] for one in messages if one.get("finish_reason"))
    if not fields.get("finish_reason") and (reason := next(reasons, None)):
        fields["finish_reason"] = reason
    fields["output"] = messages


def _messages(value: Any) -> list[Message]:
    if isinstance(value, Mapping) and isinstance(value.get("head"), list):
        return [*map(_message, value["head"]), {"role": "user", "parts": [cut_gap(value, "messages")]}]
    return [_message(raw) for raw in value] if isinstance(value, (list, tuple)) else []


def _message(raw: Any) -> Message:
    if not isinstance(raw, Mapping):
        return to_message(raw)
    content = raw.get("content")
    if raw.get("tool_calls") and isinstance(content, list):
        pieces = [one for one in content if not (isinstance(one, Mapping) and one.get("type") in _CALLS)]
        raw = {**raw, "content": pieces}
    message = to_message(raw)
    reason = message.get("finish_reason")
    if reason:
        message["finish_reason"] = _REASONS.get(reason, reason.lower() if reason.isupper() else reason)
    if raw.get("status") == "error":
        for part in message["parts"]:
            if part["type"] == "tool_call_response":
                part["is_error"] = True
    return message
