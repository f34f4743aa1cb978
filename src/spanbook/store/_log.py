"""The log of one trace: everything that happened in it in order of time, by pages, from spans, events and scores."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from ._read import StoreReader, chunks, placeholders

#: What an entry tells, and where it is read: time, then what orders entries of one moment (a span's end comes after
#: those of its children, which were written later), its span, and the row it comes from.
_PARTS: Final = {
    "start": "SELECT start_ns, 0, id, 'start', span_id, id FROM spans WHERE trace_id = ?",
    "first token": "SELECT first_token_ns, 1, id, 'first token', span_id, id FROM spans "
    "WHERE trace_id = ? AND first_token_ns IS NOT NULL",
    "event": "SELECT time_ns, 2, id, 'event', span_id, id FROM events WHERE trace_id = ?",
    "error": "SELECT coalesce(end_ns, start_ns), 3, -id, 'error', span_id, id FROM spans "
    "WHERE trace_id = ? AND status = 'error'",
    "end": "SELECT end_ns, 3, -id, 'end', span_id, id FROM spans "
    "WHERE trace_id = ? AND end_ns IS NOT NULL AND status <> 'error'",
    "score": "SELECT created_ns, 4, id, 'score', span_id, id FROM scores WHERE trace_id = ?",
}
#: The kinds of entries, in the order they happen to a span.
ENTRY_KINDS: Final = tuple(_PARTS)

_SPAN_COUNTS: Final = (
    "SELECT count(*), count(first_token_ns), count(CASE WHEN status = 'error' THEN 1 END), "
    "count(CASE WHEN status <> 'error' THEN end_ns END) FROM spans WHERE trace_id = ?"
)
_ERRORS: Final = "SELECT span, error FROM payloads WHERE span IN"
_EVENTS: Final = "SELECT id, name, data FROM events WHERE id IN"
_SCORES: Final = "SELECT id, name, value, value_type, source, comment FROM scores WHERE id IN"
_IDS_AT_ONCE: Final = 500


class LogEntry(NamedTuple):
    """One thing that happened; ``span_id`` is None for a score of the trace as a whole."""

    time_ns: int
    what: str
    span_id: str | None
    number: int


def _entries(kinds: Collection[str]) -> str:
    parts = " UNION ALL ".join(query for kind, query in _PARTS.items() if kind in kinds)
    return f"WITH log(at, turn, tie, what, span_id, number) AS ({parts})"


def log_counts(reader: StoreReader, trace_id: str) -> dict[str, int]:
    """Return how many entries there are of each kind."""
    starts, firsts, errors, ends = reader.rows(_SPAN_COUNTS, [trace_id])[0]
    events = reader.rows("SELECT count(*) FROM events WHERE trace_id = ?", [trace_id])[0][0]
    scores = reader.rows("SELECT count(*) FROM scores WHERE trace_id = ?", [trace_id])[0][0]
    return dict(zip(ENTRY_KINDS, (starts, firsts, events, errors, ends, scores), strict=True))


def log_page(
    reader: StoreReader, trace_id: str, kinds: Collection[str], offset: int, limit: int
) -> list[LogEntry]:  # fmt: skip
    """Return entries of these kinds in order of time, ``limit`` of them from ``offset``."""
    if not kinds:
        return []
    query = f"{_entries(kinds)} SELECT at, what, span_id, number FROM log ORDER BY at, turn, tie LIMIT ? OFFSET ?"
    return [LogEntry(*row) for row in reader.rows(query, [*[trace_id] * len(kinds), limit, offset])]


def log_place(reader: StoreReader, trace_id: str, kinds: Collection[str], span_id: str) -> int | None:
    """Return the place of a span's first entry among those of these kinds, None when it has none."""
    if not kinds:
        return None
    entries, traces = _entries(kinds), [trace_id] * len(kinds)
    first = reader.rows(
        f"{entries} SELECT at, turn, tie FROM log WHERE span_id = ? ORDER BY at, turn, tie LIMIT 1", [*traces, span_id]
    )
    if not first:
        return None
    before = f"{entries} SELECT count(*) FROM log WHERE (at, turn, tie) < (?, ?, ?)"
    return int(reader.rows(before, [*traces, *first[0]])[0][0])


def errors_of(reader: StoreReader, numbers: Sequence[int]) -> dict[int, Any]:
    """Return the errors of spans by the spans' numbers."""
    return {row[0]: reader.json(row[1]) for row in _by_number(reader, _ERRORS, numbers)}


def events_of(reader: StoreReader, numbers: Sequence[int]) -> dict[int, tuple[str, Any]]:
    """Return (name, data) of events by their numbers."""
    return {row[0]: (row[1], reader.json(row[2])) for row in _by_number(reader, _EVENTS, numbers)}


def scores_of(reader: StoreReader, numbers: Sequence[int]) -> dict[int, tuple[str, Any, str, str | None]]:
    """Return (name, value, source, comment) of scores by their numbers."""
    return {
        number: (name, bool(value) if value_type == "bool" else value, source, comment)
        for number, name, value, value_type, source, comment in _by_number(reader, _SCORES, numbers)
    }


def _by_number(reader: StoreReader, query: str, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
    return [
        row
        for some in chunks(numbers, _IDS_AT_ONCE)
        for row in reader.rows(f"{query} ({placeholders(some)})", list(some))
    ]
