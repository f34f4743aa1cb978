"""What the OpenAI request forms share: usage, parameters, tools, what else a response says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any, Final

from ._usage import as_count

#: Request arguments that are shown elsewhere, or are about the connection and not about the model.
_NOT_PARAMETERS: Final = frozenset(
    {"model", "messages", "input", "prompt", "instructions", "tools", "functions"}
    | {"extra_headers", "extra_query", "extra_body", "timeout", "text_format"}
)
#: Details of a response worth keeping that have no field of their own.
_DETAILS: Final = ("service_tier", "system_fingerprint", "background", "previous_response_id", "conversation")


def usage_of(raw: Any) -> dict[str, int]:
    """Return usage in our names; ``input_tokens`` and ``output_tokens`` are inclusive, as OpenAI counts them.

    Takes the forms of chat (``prompt_tokens``…), responses (``input_tokens``…) and embeddings; what a
    compatible server names differently (DeepSeek's ``prompt_cache_hit_tokens``, litellm's
    ``cache_creation_tokens``) is read too. Unknown stays absent.
    """
    if not isinstance(raw, Mapping):
        return {}
    into = _mapping(raw.get("prompt_tokens_details")) or _mapping(raw.get("input_tokens_details"))
    out_of = _mapping(raw.get("completion_tokens_details")) or _mapping(raw.get("output_tokens_details"))
    found = {
        "input_tokens": _first(raw.get("prompt_tokens"), raw.get("input_tokens")),
        "output_tokens": _first(raw.get("completion_tokens"), raw.get("output_tokens")),
        "cache_read_tokens": _first(into.get("cached_tokens"), raw.get("prompt_cache_hit_tokens")),
        "cache_write_tokens": _first(into.get("cache_write_tokens"), into.get("cache_creation_tokens")),
        "reasoning_tokens": _first(out_of.get("reasoning_tokens")),
        "audio_input_tokens": _first(into.get("audio_tokens")),
        "audio_output_tokens": _first(out_of.get("audio_tokens")),
    }
    return {name: count for name, count in found.items() if count is not None}


def put_usage(fields: dict[str, Any], raw: Any) -> None:
    """Set ``usage`` (and the cost, where the server says what it charged) unless the caller has set them."""
    usage = usage_of(raw)
    if usage and not fields.get("usage"):
        fields["usage"] = usage
    if not isinstance(raw, Mapping):
        return
    # "cost" is in credits, a credit is a US dollar: https://openrouter.ai/docs/use-cases/usage-accounting
    cost = raw.get("cost") if fields.get("provider") == "openrouter" else None
    if isinstance(cost, int | float) and fields.get("cost_usd") is None:
        fields["cost_usd"] = float(cost)


def put_request(fields: dict[str, Any], request: Mapping[str, Any]) -> None:
    """Set model, parameters and tools from a request; what is set already stays, parameters are joined."""
    body = put_asked(fields, request, _NOT_PARAMETERS)
    offered = [*_items(body.get("tools")), *_items(body.get("functions"))]
    if offered and not fields.get("tools"):
        fields["tools"] = [flat_tool(tool) for tool in offered]


def put_asked(fields: dict[str, Any], request: Mapping[str, Any], not_parameters: Set[str]) -> Mapping[str, Any]:
    """Set model and parameters from a request of any provider; return its body."""
    body = {**request, **_mapping(request.get("extra_body"))}
    if not fields.get("model") and isinstance(body.get("model"), str):
        fields["model"] = body["model"]
    parameters = {k: v for k, v in body.items() if k not in not_parameters and v is not None}
    if parameters:
        fields["model_parameters"] = {**parameters, **_mapping(fields.get("model_parameters"))}
    return body


def put_answered(fields: dict[str, Any], response: Mapping[str, Any]) -> None:
    """Set model and response id from any provider's; the model asked for becomes an attribute when it differs."""
    answered, asked = response.get("model"), fields.get("model")
    if isinstance(answered, str) and answered:
        fields["model"] = answered
        if isinstance(asked, str) and asked and asked != answered:
            put_attributes(fields, {"gen_ai.request.model": asked})
    if isinstance(response.get("id"), str) and response["id"] and not fields.get("response_id"):
        fields["response_id"] = response["id"]


def put_response(fields: dict[str, Any], response: Mapping[str, Any]) -> None:
    """Set model, response id, usage, details."""
    put_answered(fields, response)
    put_usage(fields, response.get("usage"))
    put_attributes(fields, {f"openai.response.{k}": response[k] for k in _DETAILS if response.get(k)})
    if fields.get("error") is None and (error := response_error(response)) is not None:
        fields["error"] = error


def put_attributes(fields: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add to the span's ``attributes``; what is there already stays."""
    if more:
        fields["attributes"] = {**more, **_mapping(fields.get("attributes"))}


def response_error(response: Any, module: str = "openai") -> dict[str, str] | None:
    """Return the error that a response carries in its body although the call succeeded, in our form.

    Responses of status ``failed`` do (``error.code``, ``error.message``), so do some servers' chats.
    """
    if not isinstance(response, Mapping):
        return None
    error = response.get("error")
    if not isinstance(error, Mapping):
        if response.get("status") != "failed":
            return None
        error = {"message": "the response failed and the server did not say why"}
    name = str(error.get("code") or error.get("type") or "response_failed")
    message = str(error.get("message") or name)
    return {"type": name, "module": module, "message": message, "traceback": ""}


def flat_tool(tool: Any) -> Any:
    """Return a tool offered to the model with name and parameters at the top, as responses have them."""
    if not isinstance(tool, Mapping):
        return tool
    for kind in ("function", "custom"):
        inner = tool.get(kind)
        if isinstance(inner, Mapping):
            return {"type": kind, **inner}
    if isinstance(tool.get("toolSpec"), Mapping):  # Bedrock
        return {"type": "function", **tool["toolSpec"]}
    return {"type": "function", **tool} if "type" not in tool and "name" in tool else dict(tool)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) and "$type" not in value else {}


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else ()


def _first(*counts: Any) -> int | None:
    return next((count for count in map(as_count, counts) if count is not None), None)
