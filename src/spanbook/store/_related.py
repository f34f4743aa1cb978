"""What is stored already of what comes in: calls that may be the same, events that belong to spans, files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from ._bulk import look_up
from ._codec import PayloadReader

_CALLS: Final = (
    "SELECT s.trace_id, s.span_id, s.parent_id, s.kind, s.start_ns, s.end_ns, s.response_id, s.model, "
    "s.input_tokens IS NOT NULL OR s.output_tokens IS NOT NULL, s.counted, s.status "
    "FROM json_each(?) k CROSS JOIN spans s ON s.trace_id = k.value WHERE s.kind IN ('llm', 'embedding')"
)
_SILENT: Final = (
    "SELECT s.trace_id, s.span_id FROM json_each(?) k CROSS JOIN spans s ON s.trace_id = k.value "
    "LEFT JOIN payloads p ON p.span = s.id WHERE s.kind = 'llm' AND p.output IS NULL"
)
_RECENT: Final = "SELECT trace_id FROM traces WHERE start_ns <= ? ORDER BY start_ns DESC LIMIT ?"
_STATES: Final = (
    "SELECT s.trace_id, s.span_id, s.kind, s.status FROM json_each(?) k CROSS JOIN spans s "
    "ON s.trace_id = json_extract(k.value, '$[0]') AND s.span_id = json_extract(k.value, '$[1]')"
)
_EVENTS: Final = (
    "SELECT e.event_id, e.trace_id, e.span_id, e.time_ns, e.name, e.data FROM json_each(?) k CROSS JOIN events e "
    "ON e.trace_id = json_extract(k.value, '$[0]') AND e.span_id = json_extract(k.value, '$[1]') ORDER BY e.id"
)

_HAS_MEDIA: Final = "SELECT EXISTS(SELECT 1 FROM blobs WHERE digest = ? AND mime_type IS NOT NULL)"


def has_media(db: sqlite3.Connection, digest: bytes) -> bool:
    """Tell whether the bytes of an image, sound or file are stored."""
    return bool(db.execute(_HAS_MEDIA, (digest,)).fetchone()[0])


def find_calls(db: sqlite3.Connection, trace_ids: Iterable[str]) -> list[tuple[Any, ...]]:
    """Return the llm and embedding spans of some traces.

    Returns:
        Rows of trace id, span id, parent id, kind, start and end in ns, response id, model, whether they have usage,
        whether they are counted, status.
    """
    return list(look_up(db, _CALLS, dict.fromkeys(trace_ids)))


def find_silent(db: sqlite3.Connection, trace_ids: Iterable[str]) -> set[tuple[str, str]]:
    """Return (trace id, span id) of the llm spans of some traces that have no output (yet)."""
    return {(row[0], row[1]) for row in look_up(db, _SILENT, dict.fromkeys(trace_ids))}


def find_recent_traces(db: sqlite3.Connection, before_ns: int, limit: int) -> list[str]:
    """Return the ids of the traces that started last before a moment."""
    return [row[0] for row in db.execute(_RECENT, (before_ns, limit))]


def find_states(db: sqlite3.Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
    """Return (kind, status) of the spans that are stored, by (trace id, span id)."""
    return {(row[0], row[1]): (row[2], row[3]) for row in look_up(db, _STATES, dict.fromkeys(keys))}


def find_events(
    db: sqlite3.Connection, keys: Iterable[tuple[str, str]], names: frozenset[str]
) -> list[tuple[str, str, str, int, str, Any]]:
    """Return the stored events of these names of some spans: event, trace and span id, time in ns, name, data."""
    found = [row for row in look_up(db, _EVENTS, dict.fromkeys(keys)) if row[4] in names]
    if not found:
        return []
    text = PayloadReader(db).text
    return [(*row[:5], json.loads(text(row[5]) or "null")) for row in found]
