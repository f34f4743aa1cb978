"""Reading the table of traces: which match, in what order, rows of a window of them, and counts of what they hold.

The order is read once, as row ids (8 bytes each): a window far down then costs what the first does, rows do not shift
under a reader while others are written, and the count comes for nothing. Of many traces the first window is read by
itself before, which takes a tenth: SQLite keeps only the first so many while it looks at all.
"""

from __future__ import annotations

import json
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ._columns import Selection
from ._read import StoreReader, chunks, placeholders, time_window
from ._schema import READ_TRACE, TRACE_COLUMNS, TRACE_END

#: What a table can be sorted by, as SQL on alias ``t``.
ORDERS: Final[dict[str, str]] = {
    name: f"t.{name}"
    for name in (
        "name", "status", "cost_usd", "n_spans", "n_llm", "n_errors", "input_tokens", "output_tokens", "user_id",
        "session_id", "tags", "environment", "release", "feature", "region", "notebook", "cell_id", "execution_count",
        "trace_id",
    )
} | {
    "start": "t.start_ns",
    "duration_ms": f"{TRACE_END.format('t')} - t.start_ns",
    "total_tokens": "nullif(coalesce(t.input_tokens, 0) + coalesce(t.output_tokens, 0), 0)",
}  # fmt: skip
#: Values counted in columns of ``traces``, and in columns of ``spans``.
_OF_TRACES: Final = ("status", "user_id", "session_id", "environment", "feature", "cell_id")
_OF_SPANS: Final = ("error_type", "model", "prompt_version")
_IDS_AT_ONCE: Final = 500

#: Value, what it is called, number of traces.
Count = tuple[Any, str, int]
Counts = dict[str, list[Count]]


def ordered_ids(reader: StoreReader, chosen: Selection, order: str, *, falling: bool, most: int) -> array[int]:
    """Return row ids of the traces chosen, in order of one of ``ORDERS``, at most ``most``; missing values last."""
    source, values = _source(chosen)
    by, way = ORDERS[order], "DESC" if falling else "ASC"
    last = "" if order == "start" else " NULLS LAST"  # start is never missing, and has an index
    ordered = f"SELECT t.id {source} ORDER BY {by} {way}{last}, t.id {way} LIMIT ?"
    # as one text: no Python object a row, and one step, during which other threads run
    text = reader.rows(f"SELECT group_concat(id) FROM ({ordered})", [*values, most])[0][0]
    return array("q", json.loads(f"[{text or ''}]"))


def rows_of(reader: StoreReader, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Return the summary rows of these row ids, in their order; rows that are gone are left out."""
    found: dict[int, dict[str, Any]] = {}
    for some in chunks(ids, _IDS_AT_ONCE):
        query = f"SELECT t.id, {READ_TRACE} FROM traces t WHERE t.id IN ({placeholders(some)})"
        for row in reader.rows(query, list(some)):
            found[row[0]] = dict(zip(TRACE_COLUMNS, row[1:], strict=True))
    return [found[each] for each in ids if each in found]


def trace_ids_of(reader: StoreReader, ids: Sequence[int]) -> list[str]:
    """Return the trace ids of these row ids, in their order."""
    found: dict[int, str] = {}
    for some in chunks(ids, _IDS_AT_ONCE):
        found.update(reader.rows(f"SELECT id, trace_id FROM traces WHERE id IN ({placeholders(some)})", list(some)))
    return [found[each] for each in ids if each in found]


def matching(reader: StoreReader, chosen: Selection, trace_ids: Iterable[str]) -> dict[str, int]:
    """Return the row ids of those of these traces that are chosen, by trace id; the limit is not looked at."""
    source, values = _source(Selection(chosen.where, chosen.values, chosen.since_ns, chosen.until_ns))
    found: dict[str, int] = {}
    for some in chunks(list(trace_ids), _IDS_AT_ONCE):
        query = f"SELECT t.trace_id, t.id {source} AND t.trace_id IN ({placeholders(some)})"
        found.update(reader.rows(query, [*values, *some]))
    return found


def counts(reader: StoreReader, ids: Sequence[int], most: int, seconds: float | None) -> tuple[int, Counts]:
    """Return, by facet, the values that most of these traces have, the most frequent first, at most ``most`` each.

    Args:
        reader: Of the store.
        ids: Row ids of the traces.
        most: Values of one facet.
        seconds: No more traces are looked at once so much time has passed; None looks at all.

    Returns:
        How many of the traces were counted, from the first, and what was found.
    """
    end = None if seconds is None else time.monotonic() + seconds
    found: dict[str, Counter[Any]] = {name: Counter() for name in (*_OF_TRACES, "has_error", "tags", *_OF_SPANS)}
    cells: dict[str, str] = {}
    counted = 0
    for some in chunks(ids, _IDS_AT_ONCE):
        _count_traces(reader, some, found, cells)
        _count_spans(reader, some, found)
        counted += len(some)
        if end is not None and time.monotonic() > end:
            break
    return counted, {
        facet: [
            (value, cells.get(value, "") if facet == "cell_id" else str(value), number)
            for value, number in sorted(counter.items(), key=lambda one: (-one[1], str(one[0])))[:most]
        ]
        for facet, counter in found.items()
    }


def _count_traces(
    reader: StoreReader, ids: Sequence[int], found: dict[str, Counter[Any]], cells: dict[str, str]
) -> None:
    names = (*_OF_TRACES, "n_errors", "tags", "execution_count", "notebook")
    query = f"SELECT {', '.join(names)} FROM traces WHERE id IN (SELECT value FROM json_each(?))"
    columns = dict(zip(names, zip(*reader.rows(query, [json.dumps(list(ids))]), strict=True), strict=False))
    if not columns:
        return
    for name in _OF_TRACES:
        found[name].update(value for value in columns[name] if value is not None)
    found["has_error"].update(number > 0 for number in columns["n_errors"])
    for text, number in Counter(columns["tags"]).items():
        for tag in _texts(text):
            found["tags"][tag] += number
    for cell_id, count, notebook in zip(
        columns["cell_id"], columns["execution_count"], columns["notebook"], strict=True
    ):
        if cell_id is not None and cell_id not in cells:
            cells[cell_id] = f"{'' if count is None else f'[{count}] '}{notebook or ''}"


def _count_spans(reader: StoreReader, ids: Sequence[int], found: dict[str, Counter[Any]]) -> None:
    """Count what spans have, once a trace."""
    is_any = " OR ".join(f"s.{name} IS NOT NULL" for name in _OF_SPANS)
    query = (
        f"SELECT DISTINCT t.id, {', '.join(f's.{name}' for name in _OF_SPANS)} FROM traces t JOIN spans s "
        f"ON s.trace_id = t.trace_id WHERE t.id IN (SELECT value FROM json_each(?)) AND ({is_any})"
    )
    rows = reader.rows(query, [json.dumps(list(ids))])
    for at, name in enumerate(_OF_SPANS, 1):
        found[name].update(value for _, value in {(row[0], row[at]) for row in rows if row[at] is not None})


def _texts(tags: str | None) -> set[str]:
    """Return the texts of a list of tags as it is stored; other software may have written anything."""
    try:
        values = json.loads(tags) if tags else []
    except ValueError:
        return set()
    return {value for value in values if isinstance(value, str)} if isinstance(values, list) else set()


def totals(reader: StoreReader, chosen: Selection) -> dict[str, Any]:
    """Return what the traces chosen add up to; ``cost_usd`` is None when no price is known."""
    source, values = _source(chosen)
    sums = (
        "count(*), coalesce(sum(t.n_spans), 0), coalesce(sum(t.n_llm), 0), coalesce(sum(t.n_errors), 0), "
        "coalesce(sum(coalesce(t.input_tokens, 0) + coalesce(t.output_tokens, 0)), 0), sum(t.cost_usd), "
        "coalesce(max(t.n_open > 0), 0)"
    )
    row = reader.rows(f"SELECT {sums} {source}", values)[0]
    names = ("n_traces", "n_spans", "n_llm", "n_errors", "tokens", "cost_usd", "running")
    return {**dict(zip(names, row, strict=True)), "running": bool(row[-1])}


def _source(chosen: Selection) -> tuple[str, list[Any]]:
    start = f"FROM traces t WHERE ({chosen.where})"
    sql, moments = time_window(start, "t", chosen.since_ns, chosen.until_ns)
    values = [*chosen.values, *moments]
    if chosen.limit is None:
        return sql, values
    newest = f"SELECT t.id {sql} ORDER BY t.start_ns DESC, t.id DESC LIMIT ?"
    return f"FROM traces t WHERE t.id IN ({newest})", [*values, chosen.limit]
