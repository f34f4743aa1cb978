"""Results of an MCP server → what a span shows: text, JSON, parts with pictures, tool definitions.

Source of the forms: https://modelcontextprotocol.io/specification (content, resources, prompts). Version 1 of the
package names fields as the protocol does, version 2 as Python does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...conventions._parts import Part, blob_part, modality_of, parsed_json, text_parts
from .._stainless._plain import plain


def first(raw: Mapping[str, Any], *names: str) -> Any:
    """Return the value under the first of these names that is there."""
    return next((raw[name] for name in names if raw.get(name) is not None), None)


def shown(result: Any) -> Any:
    """Return a result as plain data, with content in parts."""
    raw = plain(result)
    if not isinstance(raw, dict):
        return raw
    if isinstance(raw.get("content"), list):
        return _tool_output(raw)
    if isinstance(raw.get("contents"), list):
        return _one_or_all([part for item in raw["contents"] for part in _resource_parts(item)])
    if isinstance(raw.get("messages"), list):
        return [_message(message) for message in raw["messages"]]
    return {key: value for key, value in raw.items() if key not in ("meta", "result_type", "ttl_ms", "cache_scope")}


def error_of(result: Any) -> dict[str, str] | None:
    """Return the error that a tool reports in its result, in our form."""
    if not (getattr(result, "is_error", False) or getattr(result, "isError", False)):
        return None
    texts = [part["content"] for part in _parts(plain(result).get("content")) if part["type"] == "text"]
    message = "\n".join(texts) or "the tool failed and did not say why"
    return {"type": "ToolError", "module": "mcp", "message": message, "traceback": ""}


def _tool_output(raw: Mapping[str, Any]) -> Any:
    """Return the structured result if the content only repeats it as text; else the content."""
    parts = _parts(raw["content"])
    structured = first(raw, "structured_content", "structuredContent")
    if structured is not None and all(part["type"] == "text" for part in parts):
        return structured
    return _one_or_all(parts)


def _one_or_all(parts: list[Part]) -> Any:
    """Return a lone text (the JSON value that it holds) as it is, anything else as a message with its parts."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        text = parts[0]["content"]
        return parsed_json(text) if text[:1] in ("{", "[") else text
    return [{"role": "tool", "parts": parts}] if parts else None


def _message(raw: Any) -> Any:
    if not isinstance(raw, Mapping):
        return raw
    content = raw.get("content")
    return {
        "role": str(raw.get("role") or "user"),
        "parts": _parts(content if isinstance(content, list) else [content]),
    }


def _parts(content: Any) -> list[Part]:
    return [part for piece in content or () for part in _piece_parts(piece)]


def _piece_parts(piece: Any) -> list[Part]:
    if not isinstance(piece, Mapping):
        return text_parts(piece)
    kind = piece.get("type")
    if kind == "text":
        return text_parts(piece.get("text"))
    if kind in ("image", "audio"):
        return [blob_part(piece.get("data"), str(kind), first(piece, "mime_type", "mimeType"))]
    if kind == "resource":
        return _resource_parts(piece.get("resource"))
    if kind == "resource_link":
        return [_uri_part(piece)]
    return text_parts(piece)


def _resource_parts(raw: Any) -> list[Part]:
    """Return a resource's contents: its text, or its bytes."""
    if not isinstance(raw, Mapping):
        return text_parts(raw)
    if raw.get("blob") is not None:
        return [blob_part(raw["blob"], None, first(raw, "mime_type", "mimeType"))]
    return text_parts(raw.get("text"))


def _uri_part(raw: Mapping[str, Any]) -> Part:
    mime = first(raw, "mime_type", "mimeType")
    part: Part = {"type": "uri", "modality": modality_of(mime or ""), "uri": str(raw.get("uri"))}
    return {**part, "mime_type": mime} if mime else part
