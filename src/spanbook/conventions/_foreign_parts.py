"""Pieces of content as other providers and frameworks write them → parts.

Covers OpenTelemetry GenAI, Anthropic, LangChain, Vercel AI, Gemini, Bedrock, Genkit and LlamaIndex; OpenAI's own are in
``_openai_chat`` and ``_openai_responses``. A piece that is none of these is kept as its JSON text.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from ._parts import (
    Part,
    blob_part,
    media_part,
    modality_of,
    not_captured,
    parsed_json,
    sniffed,
    split_output,
    text_parts,
    tool_call,
    tool_response,
)

Piece: TypeAlias = Mapping[str, Any]

_MODALITIES: Final = ("image", "audio", "video", "document")
_MEDIA: Final = ("image", "document", "file", "audio", "video", "media", "input_image", "input_file")
#: The one key of an untyped piece (Gemini, Bedrock, Genkit, Haystack) → the type of its value.
UNTYPED: Final = {
    "functionCall": "tool_call",
    "function_call": "tool_call",
    "functionResponse": "tool_result",
    "function_response": "tool_result",
    "toolUse": "tool_call",
    "toolResult": "tool_result",
    "toolRequest": "tool_call",
    "toolResponse": "tool_result",
    "media": "media",
    "inlineData": "media",
    "inline_data": "media",
    "fileData": "media",
    "file_data": "media",
    "image": "image",
    "document": "document",
    "reasoningContent": "reasoning",
    "tool_call": "tool_call",
    "tool_call_result": "tool_result",
    "reasoning": "reasoning",
}


def foreign_parts(piece: Piece) -> list[Part]:
    """Return the parts of one piece of content."""
    kind = piece.get("type") or piece.get("block_type") or piece.get("kind")
    if not isinstance(kind, str):
        return _untyped(piece)
    if kind == "not_captured" or (kind == "blob" and "digest" in piece):
        return [dict(piece)]  # ours
    reader = _READERS.get(kind)
    if reader is not None:
        return reader(piece)
    if kind.endswith("_tool_result"):  # Anthropic's own tools, run by its servers
        return [tool_response(piece.get("tool_use_id"), piece.get("content"), kind.removesuffix("_tool_result"))]
    if len(piece) <= 1 or kind == "anthropic_image":
        return [_unsent(piece)]
    return text_parts(piece)


def _unsent(piece: Piece) -> Part:
    return not_captured(1, f"the client sent a part of type {piece.get('type')!r} without its content")


def first(piece: Piece, *names: str) -> Any:
    """Return the first of these values that is not None."""
    return next((value for name in names if (value := piece.get(name)) is not None), None)


def _untyped(piece: Piece) -> list[Part]:
    if isinstance(piece.get("text"), str):
        if piece.get("thought") is True:  # Gemini
            return [{"type": "reasoning", "content": piece["text"]}]
        return text_parts(piece["text"])
    if isinstance(piece.get("reasoning"), str):  # Genkit
        return _reasoning(piece)
    if piece.keys() == {"data"}:
        return text_parts(piece["data"])
    for name, kind in UNTYPED.items():
        if isinstance(piece.get(name), dict):
            return _READERS[kind](piece[name])
    return text_parts(dict(piece)) if piece else []


def _text(piece: Piece) -> list[Part]:
    if len(piece) == 1:  # its type alone
        return [_unsent(piece)]
    return text_parts(first(piece, "content", "text"))


def _reasoning(piece: Piece) -> list[Part]:
    said = parsed_json(
        first(piece, "content", "thinking", "text", "reasoning", "reasoningText", "reasoning_text", "summary")
    )
    if isinstance(said, dict):
        said = said.get("text")
    if isinstance(said, (list, tuple)):  # summaries, each {"type": "summary_text", "text"}
        said = "\n".join(str(one.get("text", "")) for one in said if isinstance(one, dict))
    if said:
        return [{"type": "reasoning", "content": str(said)}]
    if first(piece, "data", "redacted_thinking", "encrypted_content", "signature"):
        return [not_captured(1, "encrypted reasoning")]
    return []


def _call(piece: Piece) -> list[Part]:
    inner = piece.get("server_tool_call")
    arguments = first(piece, "arguments", "args", "input", "tool_kwargs")
    if arguments is None and isinstance(inner, dict):
        arguments = first(inner, "arguments", "input") or inner
    id = first(piece, "id", "toolCallId", "call_id", "tool_call_id", "toolUseId", "ref")
    return [tool_call(id, first(piece, "name", "toolName", "tool_name"), arguments)]


def _result(piece: Piece) -> list[Part]:
    origin = piece.get("origin")  # Haystack: the call that it answers
    piece = {**origin, **piece} if isinstance(origin, dict) else piece
    id = first(piece, "tool_use_id", "toolCallId", "call_id", "tool_call_id", "toolUseId", "id", "ref")
    output = first(piece, "response", "result", "output", "content", "server_tool_call_response")
    if isinstance(output, dict) and set(output) <= {"type", "value"} and "value" in output:  # Vercel AI 5
        output = output["value"]
    media: list[Part] = []
    if isinstance(output, (list, tuple)) and any(isinstance(one, dict) and "type" in one for one in output):
        output, media = split_output(output, _nested_parts)
    part = tool_response(id, "" if output is None else output, first(piece, "name", "toolName", "tool_name"))
    if piece.get("is_error", piece.get("error")) is True:
        part["is_error"] = True
    return [part, *media]


def _nested_parts(piece: Any) -> list[Part]:
    return foreign_parts(piece) if isinstance(piece, dict) else text_parts(piece)


def _blob(piece: Piece) -> list[Part]:
    return [_data_part(piece.get("content", piece.get("data")), _modality(piece), _mime(piece))]


def _uri(piece: Piece) -> list[Part]:
    return [media_part(first(piece, "uri", "url"), _modality(piece), _mime(piece))]


def _media(piece: Piece) -> list[Part]:
    """Return an image, sound or document given as data, as a URL or as the id of a file."""
    source, document = piece.get("source"), piece.get("document")
    if isinstance(document, dict) and "data" in document:  # Cohere: a text, or fields that are texts
        return text_parts(document["data"])
    if isinstance(source, dict) and source.get("type") in ("text", "content"):  # a document given as its text
        said = source.get("data", source.get("content"))
        return [part for one in (said if isinstance(said, (list, tuple)) else [said]) for part in _nested_parts(one)]
    if isinstance(source, dict):  # Anthropic, Bedrock
        piece = {**piece, **source, "type": piece.get("type")}
    modality, mime = _modality(piece), _mime(piece)
    data = first(piece, "data", "base64", "bytes", "image", "content", "binary_content", "base64_image")
    if isinstance(data, str) and data.startswith(("http://", "https://", "data:")):
        part = media_part(data, modality, mime)
    elif data is not None:
        part = _data_part(data, modality, mime)
    elif (url := first(piece, "url", "uri", "image_url", "fileUri", "file_uri", "file_url")) is not None:
        part = media_part(url.get("url") if isinstance(url, dict) else url, modality, mime)
    elif (file_id := first(piece, "file_id", "fileId")) is not None:
        part = {"type": "file", "modality": modality, "file_id": str(file_id)}
    else:
        part = not_captured(1, f"{modality} without data")
    name = first(piece, "filename", "name", "title")
    return [{**part, "filename": str(name)} if name else part]


def _data_part(data: Any, modality: str, mime: str | None) -> Part:
    if isinstance(data, bytes):
        mime = mime or sniffed(base64.b64encode(data[:12]).decode("ascii"), modality)
        return {"type": "blob", "modality": modality, "mime_type": mime, "content": data}
    if isinstance(data, str) and data.startswith("data:"):
        return media_part(data, modality, mime)
    if isinstance(data, dict) and data.get("$type") == "blob":  # stored already, with the log that brought it
        rest = {name: value for name, value in data.items() if name != "$type"}
        return {"modality": modality, **rest, "type": "blob", "mime_type": mime or data.get("mime_type")}
    return blob_part(data, modality, mime)


def _modality(piece: Piece) -> str:
    given = piece.get("modality")
    if given in _MODALITIES:
        return str(given)
    mime = _mime(piece)
    if mime:
        return modality_of(mime)
    kind = str(first(piece, "type", "block_type", "kind") or "").removeprefix("input_").removesuffix("-url")
    return kind if kind in ("image", "audio", "video") else "document"


def _mime(piece: Piece) -> str | None:
    mime = first(piece, "mime_type", "mediaType", "media_type", "mimeType", "image_mimetype", "contentType")
    if isinstance(mime, str) and "/" in mime:
        return mime
    format = piece.get("format")
    if isinstance(format, str) and format.isalnum() and piece.get("type") in (None, "image"):  # Bedrock
        return f"image/{format}"
    return None


_READERS: Final[dict[str, Callable[[Piece], list[Part]]]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "summary_text"), _text),
    **dict.fromkeys(("reasoning", "thinking", "redacted_thinking", "thought"), _reasoning),
    **dict.fromkeys(
        ("tool_call", "tool_use", "tool-call", "server_tool_use", "server_tool_call", "function_call", "toolCall"),
        _call,
    ),
    **dict.fromkeys(("mcp_tool_use", "toolUse"), _call),  # the second is Strands'
    **dict.fromkeys(
        ("tool_call_response", "tool_result", "tool-result", "server_tool_call_response", "function_call_output"),
        _result,
    ),
    **dict.fromkeys(("mcp_tool_result", "toolResult", "function_result"), _result),
    "blob": _blob,
    "uri": _uri,
    **dict.fromkeys(_MEDIA, _media),
    **dict.fromkeys(("image-url", "audio-url", "video-url", "document-url", "binary"), _media),  # pydantic-ai
}
