"""Text functions for free SQL whose time grows with their arguments' lengths, not with the product of them.

SQLite's ``instr``, ``replace`` and two-argument ``trim`` compare at every position: on two texts of a
megabyte they run for minutes, and nothing can interrupt one call. These give the same results by Python's
searches.
"""

from __future__ import annotations

import sqlite3
from typing import Final

SqlValue = None | int | float | str | bytes

MAX_BYTES: Final = 16 << 20
#: ``trim`` looks each character up in the second argument.
_MAX_TRIMMED: Final = 256


def register(db: sqlite3.Connection) -> None:
    """Put our functions in place of SQLite's on one connection."""
    db.create_function("instr", 2, instr, deterministic=True)
    db.create_function("replace", 3, replace, deterministic=True)
    db.create_function("trim", 2, trim, deterministic=True)
    db.create_function("ltrim", 2, ltrim, deterministic=True)
    db.create_function("rtrim", 2, rtrim, deterministic=True)


def instr(whole: SqlValue, part: SqlValue) -> int | None:
    """Position of the part, counted from 1; 0 when it is not there."""
    if whole is None or part is None:
        return None
    if isinstance(whole, bytes) and isinstance(part, bytes):
        return whole.find(part) + 1
    return _text(whole).find(_text(part)) + 1


def replace(whole: SqlValue, part: SqlValue, by: SqlValue) -> SqlValue:
    """The text with each ``part`` replaced. Raises OverflowError ("too big") when it would be too long."""
    if whole is None or part is None or _text(part) == "":
        return None if part is None else _text(whole) if isinstance(whole, bytes) else whole
    if by is None:
        return None
    text, old, new = _text(whole), _text(part), _text(by)
    growth = len(new) - len(old)
    if growth > 0 and len(text) + text.count(old) * growth > MAX_BYTES:
        raise OverflowError
    return text.replace(old, new)


def trim(text: SqlValue, characters: SqlValue) -> str | None:
    """The text without these characters at both ends."""
    return None if text is None or characters is None else _text(text).strip(_few(characters))


def ltrim(text: SqlValue, characters: SqlValue) -> str | None:
    """The text without these characters at its start."""
    return None if text is None or characters is None else _text(text).lstrip(_few(characters))


def rtrim(text: SqlValue, characters: SqlValue) -> str | None:
    """The text without these characters at its end."""
    return None if text is None or characters is None else _text(text).rstrip(_few(characters))


def _few(characters: SqlValue) -> str:
    distinct = set(_text(characters))
    if len(distinct) > _MAX_TRIMMED:
        raise OverflowError
    return "".join(distinct)


def _text(value: SqlValue) -> str:
    """The value as SQLite casts it to TEXT."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float):
        digits = format(value, ".15g")
        mantissa, _, exponent = digits.partition("e")
        point = mantissa if "." in mantissa or "n" in mantissa else mantissa + ".0"
        return f"{point}e{exponent}" if exponent else point
    return str(value)
