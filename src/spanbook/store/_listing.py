"""Reading the table of traces: which match, in what order, rows of a window of them, and counts of what they hold.

The order is read once, as row ids (8 bytes each): a window far down then costs what the first does, rows do not shift
under a reader while others are written, and the count comes for nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ._columns import Selection
from ._read import StoreReader, chunks, placeholders, time_window
from ._schema import TRACE_COLUMNS

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
    "duration_ms": "t.end_ns - t.start_ns",
    "total_tokens": "nullif(coalesce(t.input_tokens, 0) + coalesce(t.output_tokens, 0), 0)",
}  # fmt: skip
#: Values counted in columns of ``traces``, and in columns of ``spans``.
_OF_TRACES: Final = ("status", "user_id", "session_id", "environment", "feature")
_OF_SPANS: Final = ("error_type", "model", "prompt_version")
_IDS_AT_ONCE: Final = 500

#: Value, what it is called, number of traces.
Count = tuple[Any, str, int]


def ordered_ids(reader: StoreReader, chosen: Selection, order: str, *, falling: bool, most: int) -> array[int]:
    """Return row ids of the traces chosen, in order of one of ``ORDERS``, at most ``most``; missing values last."""
    source, values = _source(chosen)
    by, way = ORDERS[order], "DESC" if falling else "ASC"
    last = "" if order == "start" else f"{by} IS NULL, "  # start is never missing, and has an index
    query = f"SELECT t.id {source} ORDER BY {last}{by} {way}, t.id {way} LIMIT ?"
    return array("q", (row[0] for row in reader.rows(query, [*values, most])))


def rows_of(reader: StoreReader, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Return the summary rows of these row ids, in their order; rows that are gone are left out."""
    found: dict[int, dict[str, Any]] = {}
    for some in chunks(ids, _IDS_AT_ONCE):
        query = f"SELECT id, {', '.join(TRACE_COLUMNS)} FROM traces WHERE id IN ({placeholders(some)})"
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


def counts(reader: StoreReader, ids: Sequence[int], most: int) -> dict[str, list[Count]]:
    """Return, by facet, the values that most of these traces have, the most frequent first, at most ``most`` each."""
    found: dict[str, dict[Any, tuple[str, int]]] = {}

    def add(facet: str, rows: Iterable[tuple[Any, ...]]) -> None:
        known = found.setdefault(facet, {})
        for value, said, number in rows:
            known[value] = (said, known.get(value, ("", 0))[1] + number)

    for some in chunks(ids, _IDS_AT_ONCE):
        here, values = f"t.id IN ({placeholders(some)})", list(some)
        for name in _OF_TRACES:
            add(name, reader.rows(f"SELECT t.{name}, t.{name}, count(*) FROM traces t WHERE {here} "
                                  f"AND t.{name} IS NOT NULL GROUP BY 1", values))  # fmt: skip
        add("has_error", reader.rows(
            f"SELECT t.n_errors > 0, '', count(*) FROM traces t WHERE {here} GROUP BY 1", values))  # fmt: skip
        add("tags", reader.rows(
            f"SELECT j.value, j.value, count(DISTINCT t.id) FROM traces t, json_each(t.tags) j WHERE {here} "
            "AND j.type = 'text' GROUP BY 1", values))  # fmt: skip
        add("cell_id", reader.rows(
            "SELECT t.cell_id, coalesce('[' || max(t.execution_count) || '] ', '') || coalesce(max(t.notebook), ''), "
            f"count(*) FROM traces t WHERE {here} AND t.cell_id IS NOT NULL GROUP BY 1", values))  # fmt: skip
        for name in _OF_SPANS:
            add(name, reader.rows(
                f"SELECT s.{name}, s.{name}, count(DISTINCT s.trace_id) FROM traces t JOIN spans s "
                f"ON s.trace_id = t.trace_id WHERE {here} AND s.{name} IS NOT NULL GROUP BY 1", values))  # fmt: skip
    return {
        facet: [
            (value, *said) for value, said in sorted(known.items(), key=lambda one: (-one[1][1], str(one[0])))[:most]
        ]
        for facet, known in found.items()
    }


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
