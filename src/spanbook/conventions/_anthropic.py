"""Anthropic's Messages API: raw request and response → messages.

Tool results, which Anthropic puts into the user's message, become messages of role ``tool``. Reasons to stop are said
in the words of chat (``stop``, ``length``, ``tool_calls``), as those of the Responses API are. ``input_tokens`` of the
API leaves out what was read from the cache and written to it; ours includes both.

Source of the forms: the types of the ``anthropic`` package (``types/message*.py``), read at 2.14.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._messages import flat_tools, instructions, join_results, to_message
from ._openai_chat import chat_message
from ._openai_common import put_answered, put_asked, put_attributes
from ._parts import Message, cut_gap
from ._usage import usage_from

#: Request arguments that are shown elsewhere, or are about the connection and not about the model.
_NOT_PARAMETERS: Final = frozenset(
    {"model", "messages", "system", "tools", "output_format", "extra_headers", "extra_query", "extra_body", "timeout"}
    | {"user_profile_id", "workspace_id"}
)
#: Why the model stopped → finish reason; what is not here (``pause_turn``) stays as it is.
_REASONS: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
#: Details of a response worth keeping that have no field of their own.
_DETAILS: Final = ("stop_reason", "stop_sequence", "stop_details", "container", "context_management")
_USAGE_DETAILS: Final = ("service_tier", "server_tool_use", "cache_creation", "inference_geo", "speed")


def map_messages_input(fields: dict[str, Any]) -> None:
    """Replace the raw request by its messages (``system`` first); set parameters, tools and the model asked for."""
    request = fields["input"]
    put_asked(fields, request, _NOT_PARAMETERS)
    if not fields.get("tools") and (tools := flat_tools(request.get("tools"))):
        fields["tools"] = tools
    fields["input"] = [*instructions(request.get("system")), *join_results(_messages(request.get("messages")))]


def map_messages_output(fields: dict[str, Any]) -> None:
    """Replace the raw response by the assistant's message; set usage, finish reason, response id, model, details."""
    response = fields["output"]
    put_answered(fields, response)
    usage = response.get("usage")
    if not fields.get("usage") and (counts := usage_from(usage)):
        fields["usage"] = counts
    put_attributes(fields, _details(response, usage if isinstance(usage, Mapping) else {}))
    message = to_message({"role": "assistant", "content": response.get("content")})
    stopped = response.get("stop_reason")
    if isinstance(stopped, str):
        message["finish_reason"] = _REASONS.get(stopped, stopped)
        fields["finish_reason"] = fields.get("finish_reason") or message["finish_reason"]
    fields["output"] = [message]


def _messages(value: Any) -> list[Message]:
    if isinstance(value, Mapping) and isinstance(value.get("head"), list):
        return [*map(_message, value["head"]), {"role": "user", "parts": [cut_gap(value, "messages")]}]
    if isinstance(value, list | tuple):
        return [_message(raw) for raw in value]
    return [] if value is None else [_message(value)]


def _message(raw: Any) -> Message:
    """Return one message; of what the tracer described instead of keeping it, that description."""
    if isinstance(raw, Mapping) and "$type" in raw and "role" not in raw:
        return chat_message(raw)
    return to_message(raw)


def _details(response: Mapping[str, Any], usage: Mapping[str, Any]) -> dict[str, Any]:
    details = {f"anthropic.response.{name}": response[name] for name in _DETAILS if response.get(name)}
    details |= {f"anthropic.usage.{name}": usage[name] for name in _USAGE_DETAILS if usage.get(name)}
    content = response.get("content")
    blocks = [block for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []
    if any(block.get("citations") for block in blocks):
        details["anthropic.citations"] = [block.get("citations") for block in blocks]
    return details
