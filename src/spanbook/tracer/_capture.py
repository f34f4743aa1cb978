"""What a span keeps of the values it is given: plain data, bounded, taken at once.

``dumps`` is the tracer's way to the journal. ``marshal`` is the fastest correct snapshot in the standard
library, but it refuses what is not plain data, writes buffers (numpy's arrays and scalars among them) silently
as raw bytes, and knows no bounds. So a record is looked at first: plain and small goes straight to marshal, all
else through ``Snapshot``, which turns rich Python values into the forms of ``spanbook.model.values``.

Nothing here raises into the traced program (``KeyboardInterrupt`` and its like pass), reads from generators,
files or other things that reading uses up, pickles, or keeps a reference to the user's objects. The only code of
the user's that runs is what values bring along: properties that are fields of dataclasses, ``model_dump`` of
pydantic models, ``str`` of exceptions, and ``__repr__`` where nothing better is known. It cannot be stopped if it
never returns.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from gc import get_referents
from marshal import dumps as _marshal
from typing import Any, Final

from ..model.values import bytes_form, cut, free_key, image_form, image_type, key_text, not_captured
from ._arguments import ArgumentNames, bind_arguments
from ._error import describe_error
from ._limits import MAX_CHARACTERS, MAX_DEPTH, MAX_ITEMS, MAX_MEDIA, MAX_TEXT, MAX_VALUES, first_items
from ._rich import handler_of
from ._types import DROP, class_name

__all__ = ["ArgumentNames", "bind_arguments", "describe_error", "dumps", "dumps_flat", "dumps_span", "snapshot"]

#: Records whose marshalled form is longer are looked at as a whole.
_LARGE: Final = 1 << 18
_HUGE: Final = 1 << 25
#: So are records with a container of more items than this near their top.
_FEW: Final = 512
_LONG: Final = 16  # lists this long are worth a test of all items at once
_LONG_KEY: Final = 64
_MIN_TEXT: Final = 1_000  # characters kept of a text when MAX_CHARACTERS are used up

_LOST: Final = not_captured("there was no memory or no stack left to read it")
_SCALARS: Final = frozenset((type(None), bool, int, float))
_ATOMS: Final = _SCALARS | {str}
_NESTED: Final = frozenset((list, tuple, dict))
_are_scalars: Final = _SCALARS.issuperset
_are_atoms: Final = _ATOMS.issuperset
_PLAIN: Final = _ATOMS | _NESTED
_modules: Final = sys.modules


def snapshot(value: Any) -> Any:
    """Return ``value`` as it is now: None, bool, int, float, str, lists and dicts of those, bytes of images.

    At most ``MAX_DEPTH`` deep, ``MAX_ITEMS`` items a container, ``MAX_VALUES`` values in all, ``MAX_TEXT``
    characters a text; what was cut says its true size. Never raises an ``Exception``.
    """
    made = Snapshot().take(value)
    return None if made is DROP else made


def dumps_span(record: tuple[Any, ...], value: Any, fields: dict[str, Any] | None) -> bytes:
    """Return a start or end marshalled (format 4), all in it plain data; never raises an ``Exception``.

    ``value`` (input or output) and ``fields`` are what of the record is the user's. A look at the types of all that is
    in them costs as much as marshal itself, and what it would find are buffers. Where numpy is not loaded, those are
    rare, and one nested in a message or a field (a ``bytearray``, an ``array``) is read back as ``bytes``.
    """
    try:
        kind = type(value)
        if kind is list and value and type(value[0]) is dict:  # messages
            if len(value) > _FEW:
                return _dumps_whole(record)
        elif kind is not str and value is not None and not _is_small(value):
            return _dumps_whole(record)
        if "numpy" in _modules and not _is_plain_below((value, fields)):
            return _dumps_whole(record)
        data = _marshal(record, 4)
        size = len(data)
        if size <= MAX_ITEMS or (size <= _LARGE and _is_small(value) and _is_small(fields)):
            return data  # an item takes a byte at least
    except Exception:  # noqa: BLE001 (whatever it was, the careful way is still open)
        return _dumps_carefully(record)
    return _dumps_whole(record)


def dumps_flat(record: tuple[Any, ...], values: Iterable[Any]) -> bytes:
    """Return a record marshalled in which only ``values`` are the user's, most often texts and numbers."""
    try:
        if _are_atoms(map(type, values)) and len(data := _marshal(record, 4)) <= _LARGE:
            return data
    except Exception:  # noqa: BLE001 (as in dumps_span)
        return _dumps_carefully(record)
    return dumps(record)


def dumps(record: tuple[Any, ...]) -> bytes:
    """Return any record marshalled, as :func:`dumps_span` does."""
    return dumps_span(record, record, None)


# -- looking


def _is_small(value: Any) -> bool:
    """Tell whether a value, and the containers right in it, are plain data and not much of it."""
    kind = type(value)
    if kind not in _NESTED:
        return kind in _ATOMS
    if len(value) > _FEW:
        return False
    for item in value.values() if kind is dict else value:
        kind = type(item)
        if kind not in _ATOMS and (kind not in _NESTED or len(item) > _FEW):
            return False
    return True


def _is_plain_below(level: Iterable[Any]) -> bool:
    """Look at the types of all that these values contain: numpy's numbers are buffers, and common in results."""
    for _ in range(MAX_DEPTH):
        below = get_referents(*level)
        kinds = set(map(type, below))
        if kinds <= _ATOMS:
            return True
        if not kinds <= _PLAIN or len(below) > 8 * _FEW:
            return False
        level = below
    return False


def _dumps_whole(record: tuple[Any, ...]) -> bytes:
    try:
        if _is_within_bounds(record):
            data = _marshal(record, 4)
            if len(data) <= _HUGE:
                return data
    except Exception:  # noqa: BLE001 (whatever it was, the careful way is still open)
        return _dumps_carefully(record)
    return _dumps_carefully(record)


def _is_within_bounds(record: tuple[Any, ...]) -> bool:
    """Tell whether all of a record is plain data within the bounds of a snapshot."""
    level: Iterable[Any] = record
    values, characters = MAX_VALUES, MAX_CHARACTERS
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is str:
                characters -= len(item)
                if len(item) > MAX_TEXT:
                    return False
            elif kind in _NESTED:
                values -= len(item)
                if len(item) > MAX_ITEMS or values < 0:
                    return False
                if kind is dict:
                    if not _are_atoms(map(type, item)):
                        return False
                    below += item.values()
                elif len(item) < _LONG or not _are_scalars(map(type, item)):
                    below += item
            elif kind not in _SCALARS:
                return False
        if characters < 0:
            return False
        if not below:
            return True
        level = below
    return False


# -- converting


def _dumps_carefully(record: tuple[Any, ...]) -> bytes:
    try:
        walk = Snapshot()
        plain = [walk.take(value) for value in record]
        return _marshal(tuple([None if value is DROP else value for value in plain]), 4)
    except Exception:  # noqa: BLE001 (no memory, or no stack, is left)
        return _marshal(tuple([value if _is_short(value) else _LOST for value in record]), 4)


def _is_short(value: Any) -> bool:
    """Whether it can always be kept: ids, names and times are, so that the span is not lost with its values."""
    return type(value) in _SCALARS or (type(value) is str and len(value) <= _MIN_TEXT)


class Snapshot:
    """One walk over values, and how much it may still take."""

    __slots__ = ("_characters", "_media", "_path", "_values")

    def __init__(self) -> None:
        self._values = MAX_VALUES
        self._characters = MAX_CHARACTERS
        self._media = MAX_MEDIA
        self._path: set[int] = set()  # ids of the containers above

    def take(self, value: Any, depth: int = 0) -> Any:
        """Return ``value`` as plain data, or ``DROP`` for what stands for "not given"."""
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is str:
            return self.text(value)
        try:
            return self._take(value, kind, depth)
        except Exception as problem:  # noqa: BLE001 (code of the user's, or a limit of Python's, stopped it)
            return not_captured(f"reading it raised {type(problem).__name__}", class_name(kind))

    def _take(self, value: Any, kind: type, depth: int) -> Any:
        if kind is bytes:
            return self.binary(value)
        if id(value) in self._path:
            return {"$type": "cycle", "class": class_name(kind)}
        if depth >= MAX_DEPTH:
            return not_captured(f"nested deeper than {MAX_DEPTH} levels", class_name(kind))
        self._path.add(id(value))
        try:
            if kind is dict:
                return self.mapping(first_items(value.items), len(value), depth + 1)
            if kind is list or kind is tuple:
                return self.sequence(value[:MAX_ITEMS], len(value), depth + 1)
            return handler_of(kind)(value, kind, self, depth + 1)
        finally:
            self._path.discard(id(value))

    def spend(self, count: int) -> bool:
        """Count values that a handler takes by itself; tell whether that is within the bounds."""
        self._values -= count
        return self._values >= 0

    def text(self, value: str) -> Any:
        """Return a text, or what of it is within the bounds."""
        size = len(value)
        if size <= MAX_TEXT and size <= self._characters:
            self._characters -= size
            return value
        if size > MAX_TEXT and size <= self._media * 4 // 3 and _is_encoded_media(value):
            self._media -= size * 3 // 4
            return value
        kept = value[: min(MAX_TEXT, max(self._characters, _MIN_TEXT))]
        self._characters -= len(kept)
        return kept if len(kept) == size else cut(size, kept)

    def binary(self, value: bytes) -> dict[str, Any]:
        """Return an image with its bytes; of anything else, and of too many images, the size."""
        mime_type = image_type(value)
        if mime_type is None or len(value) > self._media:
            return bytes_form(value)
        self._media -= len(value)
        return image_form(value, mime_type)

    def mapping(self, pairs: Iterable[tuple[Any, Any]], size: int, depth: int) -> dict[str, Any]:
        """Return an object of the first ``MAX_ITEMS`` pairs; ``size`` is how many there are."""
        out: dict[str, Any] = {}
        for key, item in pairs:
            self._values -= 1
            if self._values < 0:
                return cut(size, out)
            made = item if type(item) in _SCALARS else self.take(item, depth)
            if made is DROP:
                continue
            name = key_text(key) if type(key) in _ATOMS else self._key(key)
            if len(name) > _LONG_KEY:
                self._characters -= len(name)
                if self._characters < 0:
                    return cut(size, out)
            out[free_key(out, name, key) if name in out else name] = made
        return out if size <= MAX_ITEMS else cut(size, out)

    def sequence(self, items: Iterable[Any], size: int, depth: int) -> list[Any] | dict[str, Any]:
        """Return a list of the first ``MAX_ITEMS`` items; ``size`` is how many there are."""
        out: list[Any] = []
        for item in items:
            self._values -= 1
            if self._values < 0:
                return cut(size, out)
            made = item if type(item) in _SCALARS else self.take(item, depth)
            if made is not DROP:
                out.append(made)
        return out if size <= MAX_ITEMS else cut(size, out)

    def fields(self, value: Any, names: Iterable[str], depth: int) -> dict[str, Any]:
        """Return an object of the named attributes; a missing one is left out, one that raises says so."""
        out: dict[str, Any] = {}
        for name in names:
            self._values -= 1
            try:
                item = object.__getattribute__(value, name)
            except AttributeError:
                continue
            except Exception as problem:  # noqa: BLE001 (a property of the user's)
                item = not_captured(f"reading it raised {type(problem).__name__}")
            made = self.take(item, depth)
            if made is not DROP:
                out[name] = made
        return out

    def _key(self, key: Any) -> str:
        if type(key) is bytes:
            return key_text(key)
        made = self.take(key, MAX_DEPTH - 2)
        if type(made) is list:
            made = tuple(made)
        elif type(made) is dict and made.get("$type") == "repr":
            made = made["text"]
        return key_text(made)


def _is_encoded_media(text: str) -> bool:
    """Tell whether a long text is an image, a sound or a file as base64, by its beginning."""
    head = text[:256]
    if head.startswith("data:"):
        return ";base64," in head
    return head.isascii() and head.replace("+", "a").replace("/", "a").isalnum()
