"""Where the nodes of a filter are written, and what to write in place of a name that is not known."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import NoReturn

from ._filter_lex import fail
from ._filter_names import FUNCTIONS, NAMES, Name, nearest_name, where_listed


class Source:
    """A filter's text on one line, as Python parsed it inside a pair of brackets."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._bytes = f"({text})".encode()

    def span(self, node: ast.expr) -> tuple[int, int]:
        """First character and length of a node: Python counts bytes, and our bracket."""
        start = max(len(self._bytes[: node.col_offset].decode()) - 1, 0)  # a tuple takes our bracket for its own
        end = min(len(self._bytes[: node.end_col_offset].decode()) - 1, len(self._text))
        return start, end - start

    def quote(self, node: ast.expr) -> str:
        """The node as it is written."""
        start, length = self.span(node)
        return self._text[start : start + length]

    def refuse(self, node: ast.expr, problem: str, next_step: str) -> NoReturn:
        """Raise the error that points at a node."""
        fail(problem, next_step, *self.span(node))


def refuse_name(
    source: Source,
    node: ast.expr,
    row: str,
    word: str,
    rows: Mapping[str, str],
    comparing: ast.Compare | None,
) -> NoReturn:
    """Raise the error for a name that the rows of ``row`` do not have, with what was likely meant.

    ``rows`` says what each variable goes over; ``comparing`` is the comparison that was read last.
    """
    if comparing is not None and not any(inner is node for inner in ast.walk(comparing)):
        comparing = None
    scope = rows[row]
    problem = f"unknown name {word!r}"
    if row == "":
        _refuse_known_elsewhere(source, node, word, rows, comparing)
    others = _compared_names(comparing, rows)
    meant = nearest_name(word, scope)
    is_text = any(word in name.choices for name in others)
    if is_text or (meant is None and any(name.type in ("text", "tags") for name in others)):
        source.refuse(node, problem, f'write a text in quotes, "{word}"')
    source.refuse(node, problem, (f"did you mean {meant}? " if meant else "") + where_listed(scope))


def _refuse_known_elsewhere(
    source: Source, node: ast.expr, word: str, rows: Mapping[str, str], comparing: ast.Compare | None
) -> None:
    """Refuse a name of other records, or a function that stands alone; return when it is neither."""
    scope = rows[""]
    for variable, inner in rows.items():
        if variable and word in NAMES[inner]:
            source.refuse(node, f"{word} is a name of {inner}, not of {scope},", f"write {variable}.{word}")
    if scope == "traces" and word in NAMES["spans"]:
        condition = _with_variable(source, node, comparing or node)
        source.refuse(node, f"{word} is a name of spans, not of traces,", f"write any({condition} for s in spans)")
    if scope == "spans" and word in NAMES["traces"]:
        source.refuse(node, f"{word} is a name of traces, not of spans,", "filter traces with it")
    if word in FUNCTIONS:
        usage = FUNCTIONS[word].split(": ")[0]
        source.refuse(node, f"the function {word} without its arguments", f"write it as in {usage}")


def _with_variable(source: Source, node: ast.expr, condition: ast.expr) -> str:
    """The condition as it is written, the name in it as ``s.name``."""
    at = source.span(node)[0] - source.span(condition)[0]
    written = source.quote(condition)
    if len(written) > 80:
        return f"s.{source.quote(node)} …"
    return f"{written[:at]}s.{written[at:]}"


def _compared_names(comparing: ast.Compare | None, rows: Mapping[str, str]) -> list[Name]:
    """The known names that stand in a comparison."""
    if comparing is None:
        return []
    found: list[Name | None] = []
    for side in (comparing.left, *comparing.comparators):
        if isinstance(side, ast.Name):
            found.append(NAMES[rows[""]].get(side.id))
        elif isinstance(side, ast.Attribute) and isinstance(side.value, ast.Name) and side.value.id in rows:
            found.append(NAMES[rows[side.value.id]].get(side.attr))
    return [name for name in found if name is not None]
