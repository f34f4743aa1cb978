"""Spans and traces as plain JSON objects, for JSON lines and ``--json``."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, Final

from ..model import Json, Span, TraceSummary

#: Fields that are empty when something empty was given.
_GIVEN: Final = frozenset(("input", "output"))


def span_record(span: Span) -> dict[str, Json]:
    """Return a span as one flat object; names are those of the store, times nanoseconds since the epoch.

    What is missing or empty is left out, and ``counted`` where it is true; ``usage`` and ``provenance`` stand as fields
    of their own.
    """
    found = _record(span, "usage", "provenance")
    if span.counted:
        del found["counted"]
    return found


def trace_record(summary: TraceSummary) -> dict[str, Json]:
    """Return the summary of a trace as one flat object, with ``duration_ms``; what is missing is left out."""
    found = _record(summary, "provenance")
    if summary.duration_ms is not None:
        found["duration_ms"] = summary.duration_ms
    return found


def _record(record: Any, *flattened: str) -> dict[str, Json]:
    out: dict[str, Json] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name in flattened:
            items = value if isinstance(value, dict) else asdict(value)
            out |= {name: item for name, item in items.items() if item is not None}
        elif field.name in ("events", "scores"):
            if value:
                out[field.name] = [_record(item) for item in value]
        elif value is not None and (field.name in _GIVEN or (value != () and value != {})):
            out[field.name] = list(value) if isinstance(value, tuple) else value
    return out
