"""Facets: what the traces of a table have in common, each value with the filter that keeps it alone."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from ..store._listing import Counts
from ._facts import MAX_NAME, shortened

#: Facets in the order they are shown: name, heading, how a value is asked for.
_FACETS: Final = (
    ("status", "Status", "status == {}"),
    ("has_error", "Errors", ""),
    ("error_type", "Kind of error", "any(s.error_type == {} for s in spans)"),
    ("model", "Model", "any(s.model == {} for s in spans)"),
    ("user_id", "User", "user_id == {}"),
    ("session_id", "Session", "session_id == {}"),
    ("tags", "Tag", "{} in tags"),
    ("prompt_version", "Prompt version", "any(s.prompt_version == {} for s in spans)"),
    ("cell_id", "Cell", "cell_id == {}"),
    ("environment", "Environment", "environment == {}"),
    ("feature", "Feature", "feature == {}"),
)
_TERMS: Final = {name: term for name, _, term in _FACETS}


def facets(counts: Counts, where: str | None) -> list[dict[str, Any]]:
    """Return the facets that have values (``Facet`` in js/src/core/traces.ts).

    Each value says what the filter becomes by a click on it: narrower, or wider when it is in the filter already.
    """
    found = []
    for facet, heading, _ in _FACETS:
        values = [
            {"value": _said(facet, value, said), "count": count, "is_on": is_in(where, facet, value),
             "filter": (without_term if is_in(where, facet, value) else with_term)(where, facet, value)}
            for value, said, count in counts.get(facet, ())
        ]  # fmt: skip
        if values:
            found.append({"name": facet, "heading": heading, "values": values})
    return found


def with_term(where: str | None, facet: str, value: Any) -> str:
    """Return the filter narrowed to the traces that have this value."""
    term = _term(facet, value)
    if not where:
        return term
    return f"{where} and {term}" if _is_conjunction(where) else f"({where}) and {term}"


def without_term(where: str | None, facet: str, value: Any) -> str:
    """Return the filter without the term that :func:`with_term` added."""
    term, text = _term(facet, value), where or ""
    if text == term:
        return ""
    for piece, rest in ((f" and {term}", ""), (f"{term} and ", "")):
        if piece in text:
            return text.replace(piece, rest, 1)
    return text


def is_in(where: str | None, facet: str, value: Any) -> bool:
    """Whether the filter has the term of this value as a click adds it."""
    term, text = _term(facet, value), where or ""
    return (
        text == term or text.startswith(f"{term} and ") or text.endswith(f" and {term}") or f" and {term} and " in text
    )


def _term(facet: str, value: Any) -> str:
    if facet == "has_error":
        return "has_error" if value else "not has_error"
    return _TERMS[facet].format(json.dumps(value, ensure_ascii=False))


def _is_conjunction(where: str) -> bool:
    """Whether ``and`` may follow without brackets; a text with one of the words in it only gets needless ones."""
    return re.search(r"\b(or|if|lambda)\b|\n", where) is None


def _said(facet: str, value: Any, said: str) -> str:
    if facet == "has_error":
        return "with errors" if value else "without errors"
    return shortened((said.strip() or str(value)) if facet == "cell_id" else str(value), MAX_NAME)
