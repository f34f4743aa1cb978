"""Facets: what the traces of a table have in common, each value with the term of a filter that keeps it alone."""

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

    Each value has the term that a click on it adds to the filter, or takes out when it is there.
    """
    found = []
    for facet, heading, _ in _FACETS:
        values = []
        for value, said, count in counts.get(facet, ()):
            term = term_of(facet, value)
            values.append(
                {"value": _said(facet, value, said), "count": count, "is_on": _has(where or "", term), "term": term}
            )
        if values:
            found.append({"name": facet, "heading": heading, "values": values})
    return found


def toggled(where: str | None, term: str) -> str:
    """Return the filter narrowed by a term, or widened again when the term is in it."""
    text = where or ""
    if not text:
        return term
    if text == term:
        return ""
    if not _has(text, term):
        return f"{text} and {term}" if _is_conjunction(text) else f"({text}) and {term}"
    after, before = f" and {term}", f"{term} and "
    return text.replace(after, "", 1) if after in text else text.replace(before, "", 1)


def _has(where: str, term: str) -> bool:
    """Whether the filter has the term as a click adds it."""
    return (
        where == term
        or where.startswith(f"{term} and ")
        or where.endswith(f" and {term}")
        or f" and {term} and " in where
    )


def term_of(facet: str, value: Any) -> str:
    """Return the filter that keeps the traces with this value of a facet."""
    if facet == "has_error":
        return "has_error" if value else "not has_error"
    return _TERMS[facet].format(json.dumps(value, ensure_ascii=False, default=repr))


def _is_conjunction(where: str) -> bool:
    """Whether ``and`` may follow without brackets; a text with one of the words in it only gets needless ones."""
    return re.search(r"\b(or|if|lambda)\b|\n", where) is None


def _said(facet: str, value: Any, said: str) -> str:
    if facet == "has_error":
        return "with errors" if value else "without errors"
    return shortened((said.strip() or str(value)) if facet == "cell_id" else str(value), MAX_NAME)
