"""Vector databases as OpenLLMetry traces them: a search is a retriever, and each document that it finds
is an event, or attributes in Node.

Source: ``opentelemetry.semconv_ai`` of OpenLLMetry 0.62.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Any, Final

from ._draft import Draft
from ._parts import parsed_json
from .otel import OtelSpan

_RESULTS: Final = ("db.query.result", "db.search.result")
_SEARCH: Final = re.compile(r"db\.\w+\.(?:query|search)\.")
_RENAMED: Final = {"document": "content"}


def is_search(span: OtelSpan, roots: Set[str]) -> bool:
    """Tell whether a span searches a vector database."""
    return "db" in roots and any(map(_SEARCH.match, span.attributes))


def map_vector_db(draft: Draft) -> None:
    """Set the kind, and the documents that were found."""
    draft.put("kind", "retriever")
    found = [event for event in draft.events if event.name in _RESULTS]
    draft.events = [event for event in draft.events if event not in found]
    listed = [one for one in draft.indexed("db.vector.query.result") if isinstance(one, dict)]  # of Node
    draft.put("output", [*(_document(event.attributes) for event in found), *map(_document, listed)] or None)


def _document(said: Any) -> dict[str, Any]:
    given = {name.rpartition(".")[2]: value for name, value in said.items()}
    given.pop("vector", None)
    return {
        _RENAMED.get(name, name): parsed_json(value) if name == "metadata" else value for name, value in given.items()
    }
