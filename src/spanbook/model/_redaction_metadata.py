"""The policy ``metadata-only``: what was said is left out, how much and by whom is kept.

Numbers, keys, types, roles and sizes stay; texts become ``{"$type": "not_captured", "reason": "metadata-only",
"size": characters}``. Names stay only where they are names of things (tools, parts, classes, errors): a ``name``
among a user's own values may be a person's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

REASON: Final = "metadata-only"

_MARKER: Final = re.compile(r"\[redacted:[a-z_]{1,24}\]")
_NAME: Final = re.compile(r"[A-Za-z_$][\w.$:/-]{0,63}")
#: Fields of messages and their parts that say what they are.
_MESSAGE: Final = frozenset(("role", "name", "finish_reason"))
_PART: Final = frozenset(("type", "id", "name", "modality", "mime_type", "file_id", "digest", "reason"))
#: Fields of our own forms (``$type``) and of errors.
_FORM: Final = frozenset(("$type", "class", "dtype", "device", "columns", "dtypes", "reason", "modality", "mime_type"))
#: What these forms hold of the content itself.
_CONTENT_OF_FORMS: Final = {
    "array": ("head", "min", "max"),
    "blob": ("content",),
    "bytes": ("head",),
    "cut": ("head",),
    "dataframe": ("head",),
    "series": ("head", "name"),
}
_FLOAT: Final = frozenset(("$type", "text"))
_ERROR: Final = frozenset(("type", "module"))
_PART_TYPES: Final = frozenset("text reasoning refusal tool_call tool_call_response blob uri file not_captured".split())


def without_content(value: Any) -> tuple[Any, int]:
    """Return the value without its texts and how many were left out; the same object when there were none."""
    kind = type(value)
    if kind is str:
        return (value, 0) if _MARKER.fullmatch(value) else (_left_out(value), 1)
    if kind is list:
        made = [without_content(item) for item in value]
        count = sum(part[1] for part in made)
        return ([part[0] for part in made], count) if count else (value, 0)
    if kind is dict:
        return _object(value)
    return value, 0


def _object(value: dict[str, Any]) -> tuple[dict[str, Any], int]:
    kept = _kept_fields(value)
    form = str(value.get("$type") or value.get("type"))
    out: dict[str, Any] = {}
    count = 0
    for number, (key, item) in enumerate(value.items()):
        if key in kept and _is_name(item):
            out[key] = item
            continue
        if key in _CONTENT_OF_FORMS.get(form, ()):
            count += 1  # shape or size say how much it was
            continue
        if not _NAME.fullmatch(key):  # a text of the user's, by its form
            key = f"key_{number}"
            while key in value:
                key += "_"
            count += 1
        out[key], found = without_content(item)
        count += found
    return (out, count) if count else (value, 0)


def _kept_fields(value: Mapping[str, Any]) -> frozenset[str]:
    if "$type" in value:
        return _FLOAT if value["$type"] == "float" else _FORM
    if "role" in value and ("parts" in value or "content" in value):
        return _MESSAGE
    if value.get("type") in _PART_TYPES:
        return _PART
    if value.keys() >= {"type", "message", "traceback"}:
        return _ERROR
    if value.get("type") == "function" and "name" in value:  # a tool that is offered
        return _PART
    return frozenset()


def _is_name(value: Any) -> bool:
    """Tell whether a field holds what its name says: a short text, or names of columns and types."""
    if type(value) is str:
        return len(value) <= 128
    if type(value) is list:
        return all(type(item) is str and len(item) <= 128 for item in value)
    if type(value) is dict:
        return all(type(item) is str and len(item) <= 128 for item in value.values())
    return False


def _left_out(text: str) -> dict[str, Any]:
    return {"$type": "not_captured", "reason": REASON, "size": len(text)}
