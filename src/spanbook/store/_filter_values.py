"""What filters see inside a payload, its texts and its scalars by path: functions of JSON text, also for SQL.

Texts of a payload are its strings and numbers, keys excepted: ``"refund" in input`` finds what somebody wrote
or a tool was given. Where a value has the form of a message, of one of its parts or of a captured Python
value, the words of that form (``"role": "user"``, ``"type": "text"``) are no text, or every search for such a
word would find every call.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from ..model import Json

_PART_WORDS: Final = frozenset({"type", "id", "modality", "mime_type", "digest", "size"})
_MESSAGE_WORDS: Final = frozenset({"role", "finish_reason"})
_CAPTURED_WORDS: Final = frozenset({"$type", "modality", "mime_type", "digest", "size", "dtype"})
_NO_WORDS: Final[frozenset[str]] = frozenset()
_INTEGER_MAX: Final = (1 << 63) - 1


def texts(value: Json) -> Iterator[str]:
    """Yield the texts of a document, in order; numbers must have been read as strings."""
    waiting = [(value, _NO_WORDS)]
    while waiting:
        value, words = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            waiting.extend((item, words) for item in reversed(value))
        elif isinstance(value, dict):
            is_message = "role" in value and isinstance(value.get("parts"), list)
            words |= _MESSAGE_WORDS if is_message else _CAPTURED_WORDS if "$type" in value else _NO_WORDS
            inner = _PART_WORDS if is_message else _NO_WORDS
            waiting.extend((value[key], inner) for key in reversed(value) if key not in words)


def read_texts(document: str | None) -> Iterator[str]:
    """Yield the texts of a JSON document; the whole when it is not JSON or nested beyond reading."""
    if document is None:
        return iter(())
    try:
        return texts(json.loads(document, parse_int=str, parse_float=str))
    except (ValueError, RecursionError):
        return iter((document,))


def contains(document: str | None, needle: object, path: str = "[]", case: str = "") -> int:
    """1 when a text at or below the path, in that case (``lower``, ``upper``, as is), holds the needle."""
    if document is None or not isinstance(needle, str):
        return 0
    if not case and _surely_absent(document, needle):
        return 0
    whole = path == "[]"
    found = read_texts(document) if whole else texts(_below(_load(document, numbers=str), path))
    if case:
        found = (text.lower() if case == "lower" else text.upper() for text in found)
    return int(any(needle in text for text in found))


def get(document: str | None, path: str) -> int | float | str | bytes | None:
    """The scalar at a path (JSON list of keys and positions) as SQLite holds it.

    Numbers and texts as they are, booleans as 1 and 0, None for null and for what is not there. A list or
    object is its JSON as bytes, empty when it is empty: no text or number equals it, and only a full one
    counts as true.
    """
    value = _at(document, path)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list | dict):
        return _as_bytes(value)
    if isinstance(value, int) and not -_INTEGER_MAX <= value <= _INTEGER_MAX:
        return float(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value if isinstance(value, int | float) else None


def has(document: str | None, path: str, item: object) -> int:
    """Python's ``item in value`` at the path: part of a text, item of a list, key of an object."""
    if document is not None and isinstance(item, str) and _surely_absent(document, item):
        return 0
    value = _at(document, path)
    if isinstance(value, str):
        return int(isinstance(item, str) and item in value)
    if isinstance(value, dict):
        return int(isinstance(item, str) and item in value)
    return int(isinstance(value, list) and item is not None and item in value)


def register(db: sqlite3.Connection, read_text: Callable[[Any], str | None]) -> None:
    """Give a connection the functions that filters call; ``read_text`` gives a payload column's JSON."""

    def sb_contains(column: object, needle: object) -> int:
        return contains(read_text(column), needle)

    def sb_contains_at(column: object, path: str, needle: object, case: str) -> int:
        return contains(read_text(column), needle, path, case)

    def sb_get(column: object, path: str) -> int | float | str | bytes | None:
        return get(read_text(column), path)

    def sb_matches(column: object, query: object) -> int:
        return matches(read_text(column), query)

    def sb_has(column: object, path: str, item: object) -> int:
        return has(read_text(column), path, item)

    db.create_function("sb_contains", 2, sb_contains, deterministic=True)
    db.create_function("sb_contains_at", 4, sb_contains_at, deterministic=True)
    db.create_function("sb_get", 2, sb_get, deterministic=True)
    db.create_function("sb_matches", 2, sb_matches, deterministic=True)
    db.create_function("sb_has", 3, sb_has, deterministic=True)
    # SQLite's own know ASCII only
    db.create_function("sb_lower", 1, _lower, deterministic=True)
    db.create_function("sb_upper", 1, _upper, deterministic=True)


def matches(document: str | None, query: object) -> int:
    """1 when every word of the query stands in the texts, whatever their case; ``"in quotes"``: as a phrase.

    A search over the decoded text: exact, and as fast as reading it.
    """
    if not isinstance(query, str):
        return 0
    wanted = _wanted(query)
    if not wanted or document is None:
        return 0
    found = " ".join(" ".join(_WORD.findall(text.casefold())) for text in read_texts(document))
    padded = f" {found} "
    return int(all(f" {phrase} " in padded for phrase in wanted))


_WORD: Final = re.compile(r"\w+")
_QUOTED: Final = re.compile(r'"([^"]*)"')


@lru_cache(maxsize=256)
def _wanted(query: str) -> tuple[str, ...]:
    """Return the words and quoted phrases of a query, in one case."""
    text = query.casefold()
    phrases = [" ".join(_WORD.findall(quoted)) for quoted in _QUOTED.findall(text)]
    return tuple(filter(None, [*phrases, *_WORD.findall(_QUOTED.sub(" ", text))]))


def _lower(text: object) -> str | None:
    return text.lower() if isinstance(text, str) else None


def _upper(text: object) -> str | None:
    return text.upper() if isinstance(text, str) else None


def _surely_absent(document: str, needle: str) -> bool:
    """Whether the JSON need not be opened: what it says plainly has no such text, and no escape can hide it.

    Opening a document costs fifty times as much as looking through it.
    """
    if not needle.isprintable() or any(character in '"\\/' for character in needle):
        return False
    return needle not in document and ("\\u00" if needle.isascii() else "\\u") not in document


def _load(document: str | None, numbers: Callable[[str], Json] | None = None) -> Json:
    """The parsed document; None when it cannot be read, so that one odd payload fails no query."""
    if document is None:
        return None
    try:
        return json.loads(document, parse_int=numbers or _integer, parse_float=numbers)
    except (ValueError, RecursionError):
        return None


def _as_bytes(value: Json) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    except RecursionError:  # nested so deep that it was read and cannot be written: still something
        text = "[[]]"
    return text.encode("utf-8", "replace") if value else b""


def _at(document: str | None, path: str) -> Json:
    """The value at a path; the JSON is opened only when the first key may be in it."""
    keys = _keys(path)
    if document is None or (keys and isinstance(keys[0], str) and _surely_absent(document, keys[0])):
        return None
    return _below(_load(document), path)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 20 else float(digits)


def _below(value: Json, path: str) -> Json:
    for key in _keys(path):
        if isinstance(value, dict):
            value = value.get(str(key)) if isinstance(key, str) else None
        elif isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
            value = value[key]
        else:
            return None
    return value


@lru_cache(maxsize=256)
def _keys(path: str) -> tuple[str | int, ...]:
    return tuple(json.loads(path))
