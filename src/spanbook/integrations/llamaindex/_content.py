"""Objects of LlamaIndex → what a span says: chats in the form of OpenAI's, documents, texts."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...conventions._usage import usage_from
from .._stainless._plain import is_model, plain
from ._driven import is_stream

#: Of a model's settings: what it was asked with.
_PARAMETERS: Final = ("temperature", "max_tokens", "top_p", "seed", "reasoning_effort")
_MEDIA: Final = ("image", "audio", "video", "data")


def own(instance: Any, name: str) -> Any:
    """Return an attribute of a user's object; None where there is none, or a property of it raises."""
    try:
        return getattr(instance, name, None)
    except Exception:  # noqa: BLE001 - LlamaIndex's own raise on models that they do not know
        return None


def request(instance: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a model's method was called with, in the form of OpenAI's."""
    settings = {name: value for name in _PARAMETERS if (value := own(instance, name)) is not None}
    given = dict(arguments.get("kwargs") or {})
    asked = given.pop("messages", arguments.get("messages"))
    if asked is None:
        args = arguments.get("args") or ()
        prompt = given.pop("prompt", arguments.get("prompt", args[0] if args else None))
        messages = [{"role": "user", "content": prompt}]
    else:
        messages = [message(one) for one in asked]
    more = {name: plain(value) for name, value in given.items() if value is not None and name != "formatted"}
    return {**settings, **more, "messages": messages}


def message(raw: Any) -> dict[str, Any]:
    """Return a ``ChatMessage`` in the form of OpenAI's; its blocks stay LlamaIndex's."""
    more = getattr(raw, "additional_kwargs", None) or {}
    blocks = [block(one) for one in getattr(raw, "blocks", ())]
    out: dict[str, Any] = {"role": str(getattr(raw.role, "value", raw.role)), "content": blocks}
    if more.get("tool_calls") and not any(one.get("block_type") == "tool_call" for one in blocks):
        out["tool_calls"] = plain(more["tool_calls"])
    for name in ("tool_call_id", "name"):
        if more.get(name):
            out[name] = str(more[name])
    return out


def block(raw: Any) -> dict[str, Any]:
    """Return a content block as plain data; its bytes, which LlamaIndex keeps as base64, as text."""
    values = {name: value for name, value in vars(raw).items() if value is not None}
    for name in _MEDIA:
        value = values.get(name)
        if isinstance(value, bytes):
            values[name] = _base64(value)
        elif value is not None and not isinstance(value, str):  # an open file: reading would use it up
            del values[name]
    for name in ("path", "url"):
        if name in values:
            values["url"] = str(values.pop(name))
    return {name: plain(value) for name, value in values.items()}


def answer(response: Any) -> dict[str, Any]:
    """Return the fields of a span that a ``ChatResponse`` or ``CompletionResponse`` tells.

    Of what the provider sent, only what these do not have is looked at: converting all of it costs more than the rest.
    """
    raw, said = response.raw, own(response, "message")
    spoken = {"role": "assistant", "content": response.text} if said is None else message(said)
    choice = {"index": 0, "message": spoken, "finish_reason": _finish_reason(raw)}
    output = {name: value for name in ("id", "model") if isinstance(value := _of(raw, name), str)}
    fields: dict[str, Any] = {"output": {**output, "choices": [choice]}}
    usage = plain(_of(raw, "usage"))
    if isinstance(usage, dict) and "prompt_tokens" in usage:
        fields["output"]["usage"] = usage
    elif counts := usage_from(usage) or usage_from(own(response, "additional_kwargs")):
        fields["usage"] = counts
    return fields


def documents(nodes: Iterable[Any]) -> list[dict[str, Any]]:
    """Return nodes with their scores as documents."""
    found = []
    for scored in nodes:
        node = getattr(scored, "node", scored)
        one = {
            "id": getattr(node, "node_id", None),
            "content": getattr(node, "text", None),
            "score": getattr(scored, "score", None),
            "metadata": getattr(node, "metadata", None),
        }
        found.append({name: plain(value) for name, value in one.items() if value is not None and value != {}})
    return found


def query_text(query: Any) -> Any:
    """Return the text of a query given as text or as a ``QueryBundle``."""
    return getattr(query, "query_str", query)


def said(result: Any) -> Any:
    """Return the text of a response; None of one that is still to be read; other results as they are."""
    kind = type(result).__name__
    if is_stream(result) or "Streaming" in kind:
        return None
    if kind.endswith("Response"):
        text = own(result, "response")
        return text if isinstance(text, str) else plain(text) if is_model(type(text)) else text
    return result


def stopped(event: Any) -> Any:
    """Return the result of a workflow, of an agent the text of its answer."""
    result = getattr(event, "result", event)
    response = getattr(result, "response", None)
    text = getattr(response, "content", None)
    return text if isinstance(text, str) else result


def _finish_reason(raw: Any) -> Any:
    choices = _of(raw, "choices")
    first = choices[0] if isinstance(choices, list) and choices else raw
    reason = _of(first, "finish_reason") or _of(first, "stop_reason")
    return reason if isinstance(reason, str) else None


def _of(raw: Any, name: str) -> Any:
    """Return what a provider's answer, an object or a dict, has under a name."""
    return raw.get(name) if isinstance(raw, dict) else own(raw, name)


def _base64(data: bytes) -> str:
    """Return base64 text of bytes that are base64 already, or not yet."""
    try:
        base64.b64decode(data, validate=True)
    except ValueError:
        return base64.b64encode(data).decode("ascii")
    return data.decode("ascii")
