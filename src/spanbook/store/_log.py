"""The log of one trace: everything that happened in it in order of time, by pages, from spans, events and scores.

The order is read whole and kept as numbers (17 bytes an entry), since a page of it is asked for at any place: sorting
the 300,000 entries of 100,000 spans again in SQL takes a second for each page, in here a fifth of that, once.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from ._read import StoreReader, chunks, placeholders

#: The kinds of entries, in the order of those of one moment.
ENTRY_KINDS: Final = ("start", "first token", "event", "error", "end", "score")
_START, _FIRST, _EVENT, _ERROR, _END, _SCORE = range(6)

_COUNTS: Final = (
    "SELECT count(*), count(first_token_ns), count(CASE WHEN status = 'error' THEN 1 END), "
    "count(CASE WHEN status <> 'error' THEN end_ns END) FROM spans WHERE trace_id = ?"
)
_SPAN_TIMES: Final = (
    "SELECT id, start_ns, first_token_ns, coalesce(end_ns, CASE WHEN status = 'error' THEN start_ns END), "
    "status = 'error' FROM spans WHERE trace_id = ?"
)
_EVENT_TIMES: Final = "SELECT id, time_ns FROM events WHERE trace_id = ?"
_SCORE_TIMES: Final = "SELECT id, created_ns FROM scores WHERE trace_id = ?"
_NUMBER: Final = "SELECT id FROM spans WHERE trace_id = ? AND span_id = ?"
_EVENTS_OF: Final = "SELECT id FROM events WHERE trace_id = ? AND span_id = ?"
_SCORES_OF: Final = "SELECT id FROM scores WHERE trace_id = ? AND span_id = ?"
_SPANS: Final = (
    "SELECT s.id, s.span_id, p.error FROM spans s LEFT JOIN payloads p ON p.span = s.id AND s.status = 'error' "
    "WHERE s.id IN"
)
_EVENTS: Final = "SELECT id, span_id, name, data FROM events WHERE id IN"
_SCORES: Final = "SELECT id, span_id, name, value, value_type, source, comment FROM scores WHERE id IN"
_IDS_AT_ONCE: Final = 500


class LogEntry(NamedTuple):
    """One thing that happened; ``span_id`` is None for a score of the trace as a whole.

    ``about`` is the error of a span that failed, (name, data) of an event, (name, value, source, comment) of a score.
    """

    time_ns: int
    what: str
    span_id: str | None
    about: Any = None


def log_counts(reader: StoreReader, trace_id: str) -> dict[str, int]:
    """Return how many entries there are of each kind."""
    starts, firsts, errors, ends = reader.rows(_COUNTS, [trace_id])[0]
    events = reader.rows("SELECT count(*) FROM events WHERE trace_id = ?", [trace_id])[0][0]
    scores = reader.rows("SELECT count(*) FROM scores WHERE trace_id = ?", [trace_id])[0][0]
    return dict(zip(ENTRY_KINDS, (starts, firsts, events, errors, ends, scores), strict=True))


class TraceLog:
    """The order of a trace's entries as it is when this is made."""

    def __init__(self, reader: StoreReader, trace_id: str) -> None:
        self._reader, self._trace_id = reader, trace_id
        found: list[tuple[int, int, int]] = []  # time, kind, and what orders those of one moment
        for number, start, first, end, has_error in reader.rows(_SPAN_TIMES, [trace_id]):
            found.append((start, _START, number))
            if first is not None:
                found.append((first, _FIRST, number))
            if end is not None:  # a span ends after its children, which were written later
                found.append((end, _ERROR if has_error else _END, -number))
        found += [(at, _EVENT, number) for number, at in reader.rows(_EVENT_TIMES, [trace_id])]
        found += [(at, _SCORE, number) for number, at in reader.rows(_SCORE_TIMES, [trace_id])]
        found.sort()
        self._times = array("q", [entry[0] for entry in found])
        self._kinds = array("b", [entry[1] for entry in found])
        self._numbers = array("q", [abs(entry[2]) for entry in found])

    def _shown(self, kinds: Collection[str]) -> Sequence[int]:
        """Return the places of entries of these kinds."""
        wanted = {code for code, kind in enumerate(ENTRY_KINDS) if kind in kinds}
        if len(wanted) == len(ENTRY_KINDS):
            return range(len(self._kinds))
        return [at for at, code in enumerate(self._kinds) if code in wanted]

    def page(self, kinds: Collection[str], offset: int, limit: int) -> list[LogEntry]:
        """Return entries of these kinds in order of time, ``limit`` of them from ``offset``."""
        places = self._shown(kinds)[offset : offset + limit]
        by_table: dict[int, list[int]] = {_START: [], _EVENT: [], _SCORE: []}
        for at in places:
            by_table[_table(self._kinds[at])].append(self._numbers[at])
        known = {
            _START: {number: (span_id, error) for number, span_id, error in self._rows(_SPANS, by_table[_START])},
            _EVENT: {
                number: (span_id, (name, self._reader.json(data)))
                for number, span_id, name, data in self._rows(_EVENTS, by_table[_EVENT])
            },
            _SCORE: {
                number: (span_id, (name, bool(value) if value_type == "bool" else value, *rest))
                for number, span_id, name, value, value_type, *rest in self._rows(_SCORES, by_table[_SCORE])
            },
        }
        entries = []
        for at in places:
            code = self._kinds[at]
            span_id, about = known[_table(code)].get(self._numbers[at], (None, None))
            if _table(code) == _START:
                about = self._reader.json(about) if code == _ERROR else None
            entries.append(LogEntry(self._times[at], ENTRY_KINDS[code], span_id, about))
        return entries

    def place(self, kinds: Collection[str], span_id: str) -> int | None:
        """Return the place of a span's first entry among those of these kinds, None when it has none."""
        key = [self._trace_id, span_id]
        mine = {(code, row[0]) for code in (_START, _FIRST, _ERROR, _END) for row in self._reader.rows(_NUMBER, key)}
        mine |= {(_EVENT, row[0]) for row in self._reader.rows(_EVENTS_OF, key)}
        mine |= {(_SCORE, row[0]) for row in self._reader.rows(_SCORES_OF, key)}
        codes, numbers = self._kinds, self._numbers
        return next((nth for nth, at in enumerate(self._shown(kinds)) if (codes[at], numbers[at]) in mine), None)

    def _rows(self, query: str, numbers: Iterable[int]) -> list[tuple[Any, ...]]:
        return [
            row
            for some in chunks(sorted(set(numbers)), _IDS_AT_ONCE)
            for row in self._reader.rows(f"{query} ({placeholders(some)})", list(some))
        ]


def _table(code: int) -> int:
    """Which rows the number of an entry is of: spans, events or scores."""
    return code if code in (_EVENT, _SCORE) else _START
