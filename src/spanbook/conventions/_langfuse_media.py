"""Files that the SDKs of Langfuse upload apart: in the value, a token stands for each.

The id in a token is the start of the SHA-256 of the bytes, as is the digest by which the store keeps them. So a token
becomes a part without anything being looked up, and span and bytes may come in any order. What is no token to the
letter stays text.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

from ._draft import Draft
from ._messages import is_messages
from ._parts import REFERENCE, Part, modality_of
from .otel import OtelSpan

_TYPE: Final = r"[A-Za-z0-9][\w.+-]{0,63}/[A-Za-z0-9][\w.+-]{0,99}"
_ID: Final = r"[A-Za-z0-9_-]{22}"
MIME_TYPE: Final = re.compile(_TYPE, re.ASCII)
_TOKEN: Final = re.compile(rf"{REFERENCE}type=({_TYPE})\|id=({_ID})\|source=\w{{1,32}}@@@", re.ASCII)
_FIELDS: Final = ("input", "output", "metadata")


def media_id(sha256: bytes) -> str:
    """Return the id that Langfuse gives to bytes of this hash."""
    return base64.urlsafe_b64encode(sha256)[:22].decode("ascii")


def refers_to_media(span: OtelSpan, roots: object = None) -> bool:
    """Tell whether there may be a token in what a span says."""
    waiting: list[Any] = [*span.attributes.values()]
    for value in waiting:
        kind = type(value)
        if kind is str:
            if REFERENCE in value:
                return True
        elif kind is dict:
            waiting += value.values()
        elif kind is list or kind is tuple:
            waiting += value
    return False


def map_media(draft: Draft) -> None:
    """Put parts in the place of the tokens in what went in and came out, and in metadata."""
    for name in _FIELDS:
        value: Any = draft.fields.get(name)
        if is_messages(value):
            draft.fields[name] = [
                {**message, "parts": [new for part in message["parts"] for new in _parts(part)]} for message in value
            ]
        elif value is not None:
            draft.fields[name] = _with_media(value)


def _parts(part: Part) -> list[Part]:
    """Return a part with its files as parts of their own: those in the middle of a text, too."""
    if part["type"] == "uri" and (found := _TOKEN.fullmatch(str(part.get("uri")))):
        return [{**{name: value for name, value in part.items() if name != "uri"}, "type": "blob", **_blob(found)}]
    content = part.get("content")
    if part["type"] != "text" or not isinstance(content, str):
        return [{name: _with_media(value) for name, value in part.items()}]
    made: list[Part] = []
    at = 0
    for found in _TOKEN.finditer(content):
        made += [{**part, "content": content[at : found.start()]}, {"type": "blob", **_blob(found)}]
        at = found.end()
    made.append({**part, "content": content[at:]})
    return [one for one in made if one.get("content") != ""] if at else [part]


def _with_media(value: Any) -> Any:
    """Return a value with files in the place of texts that are a token each; other texts stay as they are."""
    if isinstance(value, str):
        bare = value[1:-1] if value[:2] == '"@' else value  # version 3 of the SDK quotes metadata twice
        found = _TOKEN.fullmatch(bare) if bare.startswith(REFERENCE) else None
        return value if found is None else {"$type": "blob", **_blob(found)}
    if isinstance(value, Mapping):
        return {key: _with_media(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_media(item) for item in value]
    return value


def _blob(token: re.Match[str]) -> dict[str, Any]:
    mime_type, id = token[1].lower(), token[2]
    digest = base64.urlsafe_b64decode(f"{id}==")[:16].hex()
    return {"modality": modality_of(mime_type), "mime_type": mime_type, "digest": digest}
