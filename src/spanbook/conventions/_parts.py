"""Parts of messages, built from what clients send: text, media, tool calls, and what was not kept.

The form is OpenTelemetry GenAI's; media travel as base64 in ``content`` and become blobs when they are
stored. Values that the tracer could not keep arrive as objects with ``$type`` and leave as ``not_captured``
parts, so that a message never looks emptier than it was.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import unquote_to_bytes

from ..model.values import MAX_DEPTH, parse_json

Part: TypeAlias = dict[str, Any]
Message: TypeAlias = dict[str, Any]

#: What a token of Langfuse begins with, in the place of data that come apart (``_langfuse_media``).
REFERENCE: Final = "@@@langfuseMedia:"
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
#: First characters of JSON: what begins otherwise, as most texts do, costs no exception.
_JSON_STARTS: Final = frozenset('{["-0123456789tfnNI \t\n\r')
#: Deeper JSON stays the text it is, whole: as a value, in a part of a message, it would be cut at ``MAX_DEPTH``.
MAX_JSON_DEPTH: Final = MAX_DEPTH - 20
_URL_SAFE: Final = str.maketrans("-_", "+/")
#: First characters of base64 data → its type; the longest prefixes come first.
_SIGNATURES: Final = (
    ("iVBORw0KGgo", "image/png"),
    ("JVBERi0", "application/pdf"),
    ("R0lGOD", "image/gif"),
    ("ZkxhQw", "audio/flac"),
    ("T2dnUw", "audio/ogg"),
    ("/9j/", "image/jpeg"),
    ("SUQz", "audio/mpeg"),
    ("//uQ", "audio/mpeg"),
)
_AUDIO_MIME: Final = {"mp3": "audio/mpeg", "pcm16": "audio/pcm", "opus": "audio/ogg"}


def text_parts(content: Any) -> list[Part]:
    """Return ``content`` as text parts: none for nothing, two when its end was cut off by the tracer."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    if isinstance(content, dict) and "$type" in content:
        return captured_parts(content)
    return [{"type": "text", "content": json.dumps(content, ensure_ascii=False, default=str)}]


def captured_parts(value: Mapping[str, Any]) -> list[Part]:
    """Return the parts for a value that the tracer described instead of keeping whole (``$type``)."""
    kind = value.get("$type")
    head = value.get("head")
    if kind == "cut" and isinstance(head, str):
        size = value.get("size")
        left = size - len(head) if isinstance(size, int) else 1
        return [
            {"type": "text", "content": head},
            not_captured(max(left, 1), f"characters after the first {len(head):,} were cut"),
        ]
    if kind == "repr" and isinstance(value.get("text"), str):
        return [{"type": "text", "content": value["text"]}]
    name = value.get("class") or kind
    return [not_captured(1, str(value.get("reason") or f"a {name} was given"))]


def not_captured(count: int, reason: str) -> Part:
    """Return the part that says how much of a message is missing, and why."""
    return {"type": "not_captured", "count": count, "reason": reason}


def cut_gap(cut: Mapping[str, Any], what: str) -> Part:
    """Return the part for the rest of a list of which only the ``head`` was kept."""
    left = int(cut.get("size") or 0) - len(cut["head"])
    return not_captured(max(left, 1), f"{what} beyond the limit were cut")


def tool_call(id: Any, name: Any, arguments: Any) -> Part:
    """Return a tool call; JSON text in ``arguments`` is parsed when it parses."""
    return {"type": "tool_call", "id": id, "name": str(name or ""), "arguments": parsed_json(arguments)}


def tool_response(id: Any, response: Any, name: Any = None) -> Part:
    """Return a tool's result; text that is a JSON object or array is parsed, other text is left alone."""
    if isinstance(response, str) and response[:1] in ("{", "["):
        response = parsed_json(response)
    part: Part = {"type": "tool_call_response", "id": id, "response": plain_result(response)}
    if name:
        part["name"] = str(name)
    return part


def plain_result(output: Any) -> Any:
    """Return a tool's result without the wrapping of Bedrock, MCP and Gemini: one value as JSON, or texts."""
    if not isinstance(output, (list, tuple)) or not output or not all(isinstance(one, dict) for one in output):
        return output
    if len(output) == 1 and output[0].keys() == {"json"}:
        return output[0]["json"]
    if all("text" in one and one in ({"text": one["text"]}, {"type": "text", "text": one["text"]}) for one in output):
        return "".join(str(one["text"]) for one in output)
    return output


def split_output(pieces: Sequence[Any], to_parts: Callable[[Any], list[Part]]) -> tuple[Any, list[Part]]:
    """Return a tool's result given in pieces as (its text, its media parts); unknown pieces stay as given."""
    parts = [part for piece in pieces for part in to_parts(piece)]
    texts = [part["content"] for part in parts if part["type"] == "text"]
    media = [part for part in parts if part["type"] in ("blob", "uri", "file", "not_captured")]
    if len(texts) + len(media) == len(parts) and all(isinstance(piece, dict) for piece in pieces):
        return "".join(texts), media
    return list(pieces), []


def parsed_json(text: Any) -> Any:
    """Return the value of JSON text; anything else, and what is nested very deep, comes back as it is."""
    if not isinstance(text, str) or text[:1] not in _JSON_STARTS:
        return text
    try:
        return parse_json(text, MAX_JSON_DEPTH)
    except ValueError:
        return text


def media_part(url: Any, modality: str, mime_type: str | None = None) -> Part:
    """Return the part for a URL: ``data:`` becomes a blob, anything else stays a reference."""
    if not isinstance(url, str) or not url:
        return _missing(url, modality)
    if url[:5].lower() == "data:":
        return _data_url_part(url, modality, mime_type)
    part: Part = {"type": "uri", "modality": modality, "uri": url}
    if mime_type:
        part["mime_type"] = mime_type
    return part


def blob_part(data: Any, modality: str | None, mime_type: str | None) -> Part:
    """Return a blob of base64 ``data``; a missing type is guessed from the first bytes."""
    if not isinstance(data, str) or not data:
        return _missing(data, modality or "data")
    if data.startswith(REFERENCE):
        return media_part(data, modality or "document", mime_type)
    content = "".join(data.split()).translate(_URL_SAFE)
    if not _BASE64.fullmatch(content):
        return not_captured(1, f"{modality or 'data'} that is not base64")
    mime = mime_type or sniffed(content, modality)
    content += "=" * (-len(content) % 4)
    return {"type": "blob", "modality": modality or modality_of(mime), "mime_type": mime, "content": content}


def sniffed(content: str, modality: str | None) -> str:
    """Return the media type of base64 data, told from how they begin; else the most likely one."""
    for prefix, mime in _SIGNATURES:
        if content.startswith(prefix):
            return mime
    if content.startswith("UklGR"):  # RIFF: a picture (WebP) or sound (WAV)
        return "audio/wav" if modality == "audio" else "image/webp"
    return {"image": "image/png", "audio": "audio/wav", "video": "video/mp4"}.get(
        modality or "", "application/octet-stream"
    )


def modality_of(mime_type: str) -> str:
    """Return ``image``, ``audio``, ``video`` or ``document`` for a media type."""
    family = mime_type.partition("/")[0]
    return family if family in ("image", "audio", "video") else "document"


def audio_mime(format: Any) -> str | None:
    """Return the media type of an audio format as OpenAI names it (``wav``, ``mp3``…)."""
    return _AUDIO_MIME.get(format, f"audio/{format}") if isinstance(format, str) and format else None


def _data_url_part(url: str, modality: str, mime_type: str | None) -> Part:
    head, comma, data = url[5:].partition(",")
    if not comma:
        return not_captured(1, f"{modality} in a data URL without data")
    mime, *options = (piece.strip() for piece in head.split(";"))
    if "base64" not in (option.lower() for option in options):
        data = base64.b64encode(unquote_to_bytes(data)).decode("ascii")
    elif "%" in data:
        data = unquote_to_bytes(data).decode("latin-1")
    mime = mime_type or mime.lower()
    return blob_part(data, modality_of(mime) if mime else modality, mime or None)


def _missing(value: Any, what: str) -> Part:
    too_long = isinstance(value, dict) and value.get("$type") == "cut"
    return not_captured(1, f"{what} too long to keep" if too_long else f"{what} without data")
