"""A text that matches a regular expression: found if possible, else generated."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ._types import ApiError

_LETTERS = "aA0 _-."  # tried in this order for what a class allows
_CATEGORIES = {"CATEGORY_DIGIT": "0", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}
_NOT_CATEGORIES = {"CATEGORY_NOT_DIGIT": "a", "CATEGORY_NOT_SPACE": "a", "CATEGORY_NOT_WORD": "-"}


def matching_text(pattern: str, texts: Iterable[str], bounds: Mapping[str, Any]) -> str:
    """A text that matches ``pattern`` and keeps ``minLength`` and ``maxLength`` of ``bounds``.

    Taken from ``texts`` when one matches or holds a match, else generated.

    Raises:
        ApiError: 400, the pattern is broken or uses what cannot be generated (look-around, say).
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ApiError(400, f"Invalid schema: pattern {pattern!r} is not a regular expression ({error}).") from None
    least, most = int(bounds.get("minLength", 0)), bounds.get("maxLength")
    bare = re.compile(pattern.removeprefix("^").removesuffix("$"))
    found = [match.group() for text in texts for match in (compiled.fullmatch(text), bare.search(text)) if match]
    for text in (*found, *(generate(pattern, repeats) for repeats in (0, 1, 8, least))):
        if text and compiled.search(text) and least <= len(text) and (most is None or len(text) <= most):
            return text
    raise ApiError(400, f"The offline model cannot make a text that matches {pattern!r}.", code="unsupported_schema")


def generate(pattern: str, repeats: int) -> str:
    """A text for ``pattern``, with at least ``repeats`` rounds of what may repeat; "" when not known how."""
    # the parser of the standard library, public as sre_parse until 3.10
    parser = importlib.import_module("re._parser")
    return _Generator(repeats).sequence(parser.parse(pattern))


class _Generator:
    def __init__(self, repeats: int) -> None:
        self._repeats = repeats
        self._groups: dict[int, str] = {}

    def sequence(self, items: Iterable[tuple[Any, Any]]) -> str:
        return "".join(self._one(str(op), value) for op, value in items)

    def _one(self, op: str, value: Any) -> str:
        if op == "LITERAL":
            return chr(value)
        if op in ("NOT_LITERAL", "ANY"):
            return "b" if value == ord("a") else "a"
        if op == "IN":
            return _member(value)
        if op == "BRANCH":
            return self.sequence(value[1][0])
        if op == "SUBPATTERN":
            text = self.sequence(value[3])
            self._groups[value[0]] = text
            return text
        if op == "ATOMIC_GROUP":
            return self.sequence(value)
        if op in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, item = value
            return "".join(self.sequence(item) for _ in range(min(max(least, self._repeats), int(most))))
        if op == "GROUPREF":
            return self._groups.get(value, "")
        return ""  # anchors match where they stand; look-around is checked by whoever asked


def _member(items: Sequence[tuple[Any, Any]]) -> str:
    """One letter that a class such as ``[A-Z0-9]`` or ``[^,]`` allows."""
    is_negated = bool(items) and str(items[0][0]) == "NEGATE"
    allowed = []
    for op, value in items:
        if str(op) == "LITERAL":
            allowed.append(chr(value))
        elif str(op) == "RANGE":
            allowed.append(chr(value[0]))
        elif str(op) == "CATEGORY":
            allowed.append({**_CATEGORIES, **_NOT_CATEGORIES}.get(str(value), "a"))
    if not is_negated:
        return allowed[0]
    return next((letter for letter in _LETTERS if not _is_in(letter, items[1:])), "~")


def _is_in(letter: str, items: Sequence[tuple[Any, Any]]) -> bool:
    for op, value in items:
        if str(op) == "LITERAL" and ord(letter) == value:
            return True
        if str(op) == "RANGE" and value[0] <= ord(letter) <= value[1]:
            return True
        if str(op) == "CATEGORY" and re.match(_CLASS[str(value)], letter):
            return True
    return False


_CLASS = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
