"""Captured values as strict JSON, and the objects that stand for what JSON cannot say.

A value that a span holds is plain JSON. What has no JSON form is an object with ``$type``:

===============  =====================================================================================
``cut``          ``size`` (true length in characters or items), ``head`` (the part that was kept)
``bytes``        ``size``, ``head`` (hex of the first 16 bytes)
``blob``         ``modality``, ``mime_type``, ``content`` (bytes or base64 until it is stored)
``float``        ``text``: ``nan``, ``inf`` or ``-inf``
``repr``         ``class``, ``text`` (at most 2,000 characters)
``cycle``        ``class``: the value is one of those that contain it
``not_captured`` ``class``, ``reason``
===============  =====================================================================================

The tracer (``spanbook.tracer``) adds ``dataframe``, ``series`` and ``array``.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from gc import get_referents
from typing import Any, Final

#: Nesting below this many levels is replaced by ``not_captured``.
MAX_DEPTH: Final = 100
#: Documents of other clients may be this deep: OTLP says each level of a value, at most 64, in four levels of JSON.
MAX_DOCUMENT_DEPTH: Final = 300
#: Values in all; what comes after them is cut. Shared parts count each time they are met.
MAX_VALUES: Final = 150_000
#: Characters of a ``repr`` that are kept.
MAX_REPR: Final = 2_000
#: Integers of more bits become text: Python refuses to write very long ones in decimal (640 digits may be its limit).
MAX_INT_BITS: Final = 2_000

_MAX_KEY: Final = 1_000
_INT64: Final = 1 << 63
_MAX_FORM: Final = 8  # fields
_SMALL_LEVEL: Final = 5_000  # values and keys at one depth
_is_of_texts: Final = frozenset((str, dict, list)).issuperset
_LONG: Final = 16  # lists this long are worth a test of all items at once


def to_json(value: Any, *, keep_media: bool = False) -> Any:
    """Return ``value`` as strict JSON: the same object when it is already.

    Takes whatever ``marshal.loads`` can return, cyclic and shared containers included. Keys become text, tuples and
    sets lists (sets sorted where they can be), bytes an image blob (base64) or the ``bytes`` form. The result is
    encodable in UTF-8, at most ``MAX_DEPTH`` deep, of at most ``MAX_VALUES`` values. Never raises for such values;
    anything else becomes ``not_captured``.

    Args:
        value: What a record of the journal, or a decoder, holds.
        keep_media: Leave the ``content`` of image blobs bytes: they are about to move to blobs of the store.
    """
    return value if _is_json(value) else _Conversion(keep_media).take(value, 0)


def is_text_tree(value: Any) -> bool:
    """Tell whether a value is nothing but texts in objects and lists, small enough to be taken as it is.

    Most of what a language model is given is. Only the texts themselves may still be unfit for UTF-8.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        if not _is_of_texts(map(type, level)) or len(level) > _SMALL_LEVEL:
            return False
        level = get_referents(*level)  # in C: a walk in Python takes four times as long
        if not level:
            return True
    return False


def parse_json(text: str | bytes, max_depth: int) -> Any:
    """Return the value of a JSON text, on every Python the same: some read 1,000 levels, some 10,000, too deep to walk.

    Raises:
        ValueError: it is no JSON, or nested deeper than ``max_depth`` levels.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        pass
    else:
        if len(text) <= 2 * max_depth or not _is_deeper(value, max_depth):
            return value
    raise ValueError(f"nested too deep: more than {max_depth} levels")


def _is_deeper(value: Any, levels: int) -> bool:
    level = [value]
    for _ in range(levels):
        level = get_referents(*level)  # in C, as above; texts and numbers refer to nothing
        if not level:
            return False
    return any(type(item) in _CONTAINERS for item in level)


# -- forms


def not_captured(reason: str, class_name: str | None = None) -> dict[str, Any]:
    """Return the form that says why a value is missing."""
    if class_name is None:
        return {"$type": "not_captured", "reason": reason}
    return {"$type": "not_captured", "class": class_name, "reason": reason}


def cut(size: int, head: str | list[Any] | dict[str, Any]) -> dict[str, Any]:
    """Return the form of a text, list or object of which only ``head`` was kept."""
    return {"$type": "cut", "size": size, "head": head}


def repr_form(class_name: str, text: str) -> dict[str, Any]:
    """Return the form of a value known only by its text, cut to ``MAX_REPR`` characters."""
    if len(text) > MAX_REPR:
        text = text[: MAX_REPR - 1] + "…"
    return {"$type": "repr", "class": class_name, "text": text}


def float_form(value: float) -> dict[str, Any]:
    """Return the form of a number that JSON has no word for."""
    return {"$type": "float", "text": repr(value)}


def int_form(value: int) -> int | dict[str, Any]:
    """Return an integer as it is, or as hexadecimal text when it is too long for decimal."""
    if value.bit_length() <= MAX_INT_BITS:
        return value
    short = value >> max(value.bit_length() - 4 * MAX_REPR, 0)  # hex() is linear, but of no use beyond this
    return repr_form("builtins.int", hex(short))


def bytes_form(data: bytes | memoryview, size: int | None = None) -> dict[str, Any]:
    """Return the form of binary data: its size and the first 16 bytes."""
    return {"$type": "bytes", "size": len(data) if size is None else size, "head": bytes(data[:16]).hex()}


def image_form(data: bytes, mime_type: str) -> dict[str, Any]:
    """Return the form of an encoded image; its bytes move to a blob when it is stored."""
    return {"$type": "blob", "modality": "image", "mime_type": mime_type, "content": data}


def image_type(data: bytes) -> str | None:
    """Return the media type of an encoded image (PNG, JPEG, GIF, WebP) by its first bytes, None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def sorted_set(items: Iterable[Any]) -> list[Any]:
    """Return the items of a set in a stable order where they have one: all text, or all numbers."""
    found = list(items)
    kinds = set(map(type, found))
    if kinds == {str} or kinds <= {int, float, bool}:
        found.sort()
    return found


def key_text(key: Any) -> str:
    """Return the key of an object as text, as ``json.dumps`` would for the scalars it knows."""
    kind = type(key)
    if kind is str:
        text: str = key
    elif key is None:
        text = "null"
    elif kind is bool:
        text = "true" if key else "false"
    elif kind is int:
        text = repr(key) if key.bit_length() <= MAX_INT_BITS else hex(key)
    else:
        text = repr(key)
    if len(text) > _MAX_KEY:
        text = text[: _MAX_KEY - 1] + "…"
    return text if text.isascii() else encodable(text)


def free_key(taken: Mapping[str, Any], name: str, key: Any) -> str:
    """Return ``name``, or a name with the type of ``key`` and a number when two keys have the same text."""
    if name not in taken:
        return name
    base, number = f"{name} ({type(key).__name__})", len(taken)
    name = base
    while name in taken:  # starting at their number, it is free at once
        name, number = f"{base} {number}", number + 1
    return name


def encodable(text: str) -> str:
    """Return the text with lone surrogates, which UTF-8 cannot carry, replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        # a pair of surrogates is one character that was split; only halves without their other half are lost
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


# -- the test and the conversion


def _is_json(value: Any) -> bool:
    """Tell whether nothing needs changing; level by level, so that cycles and shared containers end it too."""
    level, left = [value], MAX_VALUES
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is str:
                if not item.isascii() and encodable(item) is not item:
                    return False
            elif kind is dict:
                if item and not _are_keys(item):
                    return False
                below += item.values()
            elif kind is list:
                if len(item) < _LONG or not _are_finite(item):
                    below += item
                else:
                    left -= len(item)
            elif kind is int:
                if not -_INT64 <= item < _INT64:
                    return False
            elif kind is float:
                if item - item != 0.0:  # nan, inf
                    return False
            elif item is not None and kind is not bool:
                return False
        left -= len(below)
        if left < 0:
            return False
        if not below:
            return True
        level = below
    return False


def _are_keys(mapping: dict[Any, Any]) -> bool:
    try:
        joined = "".join(mapping)
    except TypeError:  # some key is no text
        return False
    return (joined.isascii() or encodable(joined) is joined) and len(joined) <= _MAX_KEY * len(mapping)


def _are_finite(items: list[Any]) -> bool:
    """Tell whether all items of a long list are ordinary floats: embeddings are not walked one by one."""
    if set(map(type, items)) != {float}:
        return False
    total = sum(items)
    return bool(total - total == 0.0)


class _Conversion:
    """One walk over a value; counts what it met and knows what it stands in."""

    __slots__ = ("keep_media", "left", "path")

    def __init__(self, keep_media: bool) -> None:
        self.keep_media = keep_media
        self.left = MAX_VALUES
        self.path: set[int] = set()

    def take(self, value: Any, depth: int) -> Any:
        self.left -= 1
        kind = type(value)
        if kind is str:
            return value if value.isascii() else encodable(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return int_form(value)
        if kind is float:
            return value if value - value == 0.0 else float_form(value)
        if kind is bytes:
            mime_type = image_type(value)
            if mime_type is None:
                return bytes_form(value)
            return image_form(value, mime_type) | {"content": self._media(value)}
        if kind in _CONTAINERS:
            return self._container(value, kind, depth)
        return _other(value, kind)

    def _media(self, content: bytes) -> bytes | str:
        return content if self.keep_media else b64encode(content).decode("ascii")

    def _container(self, value: Any, kind: type, depth: int) -> Any:
        if id(value) in self.path:
            return {"$type": "cycle", "class": f"builtins.{kind.__name__}"}
        if depth >= MAX_DEPTH - 1 and value:
            return not_captured(f"nested deeper than {MAX_DEPTH} levels", f"builtins.{kind.__name__}")
        self.path.add(id(value))
        made = self._dict(value, depth + 1) if kind is dict else self._list(value, kind, depth + 1)
        self.path.discard(id(value))
        return made

    def _dict(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if "$type" in value:  # a form counts as the one value it stands for
            self.left += min(len(value), _MAX_FORM)
        is_media = "blob" in (value.get("type"), value.get("$type"))
        for key, item in list(value.items()):
            if self.left <= 0:
                return cut(len(value), out)
            name = key_text(key)
            if name in out:
                name = free_key(out, name, key)
            if is_media and key == "content" and type(item) is bytes:
                out[name] = self._media(item)
            else:
                out[name] = self.take(item, depth)
        return out

    def _list(self, value: Any, kind: type, depth: int) -> Any:
        out: list[Any] = []
        for item in sorted_set(value) if kind is set or kind is frozenset else list(value):
            if self.left <= 0:
                return cut(len(value), out)
            out.append(self.take(item, depth))
        return out


_CONTAINERS: Final = frozenset((dict, list, tuple, set, frozenset))


def _other(value: Any, kind: type) -> dict[str, Any]:
    """Return the form of what marshal may hold beside data: complex numbers, code, singletons."""
    if kind is complex or value is Ellipsis:
        return repr_form(f"builtins.{kind.__name__}", repr(value))
    if value is StopIteration:
        return repr_form("builtins.type", "builtins.StopIteration")
    if kind.__module__ == "builtins" and kind.__name__ == "code":
        return repr_form("builtins.code", value.co_qualname)
    return not_captured("it has no JSON form", f"{kind.__module__}.{kind.__qualname__}")
