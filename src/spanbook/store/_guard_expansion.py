"""How many subqueries a query becomes once its common table expressions and views are written out.

SQLite writes them out while it prepares a query, each use anew, before any handler can stop it: twenty that
each name the one before twice make a million, and a kernel that hangs. So the number is reckoned from the
text first, from above: every mention of a name counts as a use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ..model import QueryError

MAX_SUBQUERIES: Final = 2_000
_MAX_DEFINITIONS: Final = 200

_TOKEN: Final = re.compile(
    r"""--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'|(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])"""
    r"""|(?P<word>[^\W\d][\w$]*)|(?P<bracket>[()])|\d[\w.]*|\s+|.""",
    re.DOTALL,
)


def check_expansion(query: str, views: Mapping[str, str]) -> None:
    """Raise QueryError when a query would become too many subqueries.

    ``views`` are the ``CREATE VIEW`` texts of the database by name.
    """
    bodies: dict[str, list[str]] = {}
    for name, text in views.items():
        words = _tokens(text)
        definitions, outside = _definitions(words)
        bodies[name.lower()] = outside
        _add(bodies, definitions)
    definitions, outside = _definitions(_tokens(query))
    _add(bodies, definitions)
    if len(bodies) > _MAX_DEFINITIONS:
        raise QueryError(f"the query and the store name {len(bodies)} subqueries; use at most {_MAX_DEFINITIONS}.")
    total = _size(outside, bodies, {}, ())
    if total > MAX_SUBQUERIES:
        raise QueryError(
            f"the query becomes more than {MAX_SUBQUERIES:,} subqueries once its WITH parts are written out; "
            "name each part fewer times, or compute it in pandas."
        )


def _add(bodies: dict[str, list[str]], definitions: list[tuple[str, list[str]]]) -> None:
    for name, body in definitions:
        bodies.setdefault(name, []).extend(body)


def _tokens(text: str) -> list[str]:
    """Names in lower case and round brackets, in order; texts, numbers and comments left out."""
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        if match["quoted"]:
            found.append(match["quoted"][1:-1].lower())
        elif match["word"] or match["bracket"]:
            found.append(match.group().lower())
    return found


def _definitions(tokens: list[str]) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """Split off each ``name [(columns)] AS [[NOT] MATERIALIZED] (body)``; give them, and the rest."""
    closing = _closing(tokens)
    definitions: list[tuple[str, list[str]]] = []
    inside = [False] * len(tokens)
    opening = {end: start for start, end in closing.items()}
    for at, word in enumerate(tokens):
        if word != "as":
            continue
        start = at + 1
        while start < len(tokens) and tokens[start] in ("not", "materialized"):
            start += 1
        if start not in closing or at == 0:
            continue
        named = opening.get(at - 1, at) - 1
        if named < 0:
            continue
        definitions.append((tokens[named], tokens[start + 1 : closing[start]]))
        for place in range(named, closing[start] + 1):
            inside[place] = True
    return definitions, [word for word, hidden in zip(tokens, inside, strict=True) if not hidden]


def _closing(tokens: list[str]) -> dict[int, int]:
    """Positions of opening brackets to those of their closing ones; one never closed ends with the text."""
    opened: list[int] = []
    closing: dict[int, int] = {}
    for at, word in enumerate(tokens):
        if word == "(":
            opened.append(at)
        elif word == ")" and opened:
            closing[opened.pop()] = at
    return closing | {at: len(tokens) - 1 for at in opened}


def _size(tokens: list[str], bodies: Mapping[str, list[str]], known: dict[str, int], within: tuple[str, ...]) -> int:
    """One, and for each name that is used what its definition comes to."""
    total = 1
    for word in tokens:
        # a definition that names itself is a recursive one: SQLite runs it in a loop
        if word not in bodies or word in within:
            continue
        if word not in known:
            known[word] = _size(bodies[word], bodies, known, (*within, word))
        total += known[word]
    return total
