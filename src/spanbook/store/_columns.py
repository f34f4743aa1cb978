"""Whole columns out of the store, for DataFrames: rows in batches, each distinct payload decoded once.

Decision (2026-11): what costs is per row and per call, so nothing here is done by row that can be done by batch. Rows
come as tuples and are turned into columns by ``zip``; NULL integers come as ``MISSING``, so that a column of integers
goes into an array at once; blobs are read in order of id, many a statement; JSON documents are joined into one list and
parsed in one call. Against ``StoreReader.spans`` for each trace that is about a fifth of the time a span.
"""

from __future__ import annotations

import ast
import json
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ..model import StoreError
from ..model.values import not_captured
from . import _connection
from ._codec import Dictionaries, decompress, unpack_ids
from ._filter import parse_filter
from ._filter_lex import lex, python_source
from ._filter_nodes import Filter
from ._filter_reader import Reader
from ._filter_sql import filter_to_sql
from ._read import StoreReader, chunks, placeholders
from ._schema import PAYLOAD_COLUMNS, TRACE_END
from ._typed import Typed

#: Stands for NULL in integer columns: pandas' "not a time", and no count or id of a process.
MISSING: Final = -(1 << 63)

#: One sequence a column, all of one length.
Columns: TypeAlias = list[Sequence[Any]]

_INTEGERS: Final = frozenset(
    "end_ns first_token_ns input_tokens output_tokens cache_read_tokens cache_write_tokens reasoning_tokens "
    "audio_input_tokens audio_output_tokens execution_count process_id".split()
)
_PAYLOADS: Final = frozenset(PAYLOAD_COLUMNS)
#: Rows at once: few enough that what SQLite made of them is still in the processor's cache when it is turned into
#: columns, which halves the time (500 against 20,000).
_BATCH: Final = 500
_IDS_AT_ONCE: Final = 1_000
_TYPED_EVENT: Final = Typed("events", ("trace_id", "span_id", "name", "time_ns", "data"))
#: Characters of JSON parsed in one call; bounds the copy that joining makes.
_TEXT_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows: a condition, a window on when they began (``since <= start < until``), the newest ``limit``."""

    where: str = "1"
    values: Sequence[Any] = field(default=())
    since_ns: int | None = None
    until_ns: int | None = None
    limit: int | None = None


def select(
    on: str, where: str | None, window: tuple[int | None, int | None] = (None, None), limit: int | None = None
) -> Selection:
    """Return the selection that a filter on ``"spans"``, ``"traces"`` or ``"scores"`` means.

    Raises:
        FilterError: the filter cannot be understood.
    """
    sql, values = ("1", []) if where is None else filter_to_sql(_parse(where, on))
    return Selection(sql, values, window[0], window[1], limit)


def _parse(where: str, on: str) -> Filter:
    if on == "spans":
        return parse_filter(where, on="spans")
    if on == "traces":
        return parse_filter(where, on="traces")
    source = python_source(where, lex(where))
    try:
        tree = ast.parse(f"({source})", mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return parse_filter(where)  # says what is wrong with it
    # the condition is on scores; "traces" only gives the row its alias, t
    return Filter("traces", where, Reader(source, "scores").test(tree.body))


# -- rows


def read_spans(reader: StoreReader, names: Sequence[str], chosen: Selection) -> Generator[Columns]:
    """Yield batches of columns of spans in order of id, which is nearly that of start.

    Close the iterator when it is not read to the end: meanwhile it holds this thread's connection.

    Args:
        reader: The store.
        names: Narrow columns of ``spans`` and payload columns, as they lie in the file (see ``Payloads``).
        chosen: Which spans.
    """
    wanted = ", ".join(_expression("p" if name in _PAYLOADS else "s", name) for name in names)
    source = "FROM spans s LEFT JOIN payloads p ON p.span = s.id"
    condition, values = _condition(chosen, "s.start_ns")
    if chosen.limit is not None:
        newest = f"SELECT s.id {source} WHERE {condition} ORDER BY s.start_ns DESC, s.id DESC LIMIT ?"
        condition, values = f"s.id IN ({newest})", [*values, chosen.limit]
    yield from _batches(reader, f"SELECT {wanted} {source} WHERE {condition} ORDER BY s.id", values)


def read_traces(reader: StoreReader, names: Sequence[str], chosen: Selection) -> Generator[Columns]:
    """Yield batches of columns of ``traces``, newest first."""
    wanted = ", ".join(_whole(TRACE_END.format("t")) if name == "end_ns" else _expression("t", name) for name in names)
    condition, values = _condition(chosen, "t.start_ns")
    query = f"SELECT {wanted} FROM traces t WHERE {condition} ORDER BY t.start_ns DESC, t.id DESC LIMIT ?"
    yield from _batches(reader, query, [*values, -1 if chosen.limit is None else chosen.limit])


def read_scores(reader: StoreReader, names: Sequence[str], chosen: Selection) -> Generator[Columns]:
    """Yield batches of columns of ``scores``, oldest first."""
    condition, values = _condition(chosen, "t.created_ns")
    newest = f"SELECT t.* FROM scores t WHERE {condition} ORDER BY t.created_ns DESC, t.id DESC LIMIT ?"
    query = f"SELECT {', '.join(names)} FROM ({newest}) ORDER BY created_ns, id"
    yield from _batches(reader, query, [*values, -1 if chosen.limit is None else chosen.limit])


def read_events(reader: StoreReader, trace_ids: Iterable[str]) -> dict[tuple[str, str], list[tuple[str, int, Any]]]:
    """Return (name, time_ns, payload) of the events of these traces by (trace_id, span_id), in order of time.

    Raises:
        ValueError: one of them is damaged.
    """
    found: dict[tuple[str, str], list[tuple[str, int, Any]]] = {}
    if not reader.rows("SELECT 1 FROM events LIMIT 1"):
        return found
    for ids in chunks(sorted(set(trace_ids)), _IDS_AT_ONCE):
        query = (
            "SELECT trace_id, span_id, name, time_ns, data FROM events "
            f"WHERE trace_id IN ({placeholders(ids)}) ORDER BY time_ns, id"
        )
        rows = reader.rows(query, ids)
        _TYPED_EVENT.check(rows)
        for trace_id, span_id, *event in rows:
            found.setdefault((trace_id, span_id), []).append((event[0], event[1], event[2]))
    return found


def _expression(alias: str, name: str) -> str:
    return _whole(f"{alias}.{name}") if name in _INTEGERS else f"{alias}.{name}"


def _whole(expression: str) -> str:
    return f"coalesce({expression}, {MISSING})"


def _condition(chosen: Selection, moment: str) -> tuple[str, list[Any]]:
    sql, values = f"({chosen.where})", list(chosen.values)
    if chosen.since_ns is not None:
        sql += f" AND {moment} >= ?"
        values.append(chosen.since_ns)
    if chosen.until_ns is not None:
        sql += f" AND {moment} < ?"
        values.append(chosen.until_ns)
    return sql, values


def _batches(reader: StoreReader, query: str, values: Sequence[Any]) -> Generator[Columns]:
    with reader.reading() as db:

        def begin() -> tuple[sqlite3.Cursor, list[tuple[Any, ...]]]:
            cursor = db.execute(query, values)
            return cursor, cursor.fetchmany(_BATCH)

        try:
            cursor, rows = _connection.retry_locked(begin, 5.0)
            while rows:
                yield list(zip(*rows, strict=True))
                rows = cursor.fetchmany(_BATCH)
        except sqlite3.Error as error:  # damaged, or replaced while it was read
            if _connection.is_damage(error):
                raise _connection.store_error(reader.path, error) from error
            raise StoreError(
                f"the store {str(reader.path)!r} cannot be read to the end ({error}); try again, and if it stays so, "
                "look at it with `spanbook doctor`."
            ) from error


# -- payloads


_READ_BLOBS: Final = "SELECT id, codec, body FROM main.blobs WHERE id IN (SELECT value FROM json_each(?))"


class Payloads:
    """Decodes payload columns, best some thousand rows at a time.

    A document that many rows share (a message that an agent sends again and again) is decoded once and **is one object
    in all of them**; a list of messages is a list of its own in each row. What cannot be decoded becomes a
    ``not_captured`` object that says why.
    """

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._dictionaries = Dictionaries(reader.rows)
        self._known: dict[int, Any] = {}

    def decode(self, columns: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """Return the Python values of payload columns; None where there is none."""
        opened = [_with_ids(column) for column in columns]
        need: set[int] = set()
        for column in opened:
            for value in column:
                if type(value) is int:
                    need.add(value)
                elif type(value) is list:
                    need.update(value)
        self._load(sorted(need.difference(self._known)))
        return [self._values(column) for column in opened]

    def _values(self, column: list[Any]) -> list[Any]:
        if not any(column):
            return column
        known = self._known
        inline = iter(parse_all([value for value in column if type(value) is str]))
        out: list[Any] = []
        for value in column:
            kind = type(value)
            if value is None:
                out.append(None)
            elif kind is str:
                out.append(next(inline))
            elif kind is int:
                out.append(known[value])
            elif kind is list:
                out.append([known[number] for number in value])
            else:
                out.append(value)  # a number that other software wrote there
        return out

    def _load(self, numbers: list[int]) -> None:
        """Decode these blobs, given in order of id."""
        found: list[int] = []
        texts: list[str] = []
        for number, codec, body in self._reader.rows(_READ_BLOBS, [json.dumps(numbers)]) if numbers else ():
            try:
                texts.append(decompress(codec, body, self._dictionaries).decode("utf-8", "replace"))
                found.append(number)
            except ValueError as error:
                self._known[number] = not_captured(str(error))
        self._known.update(zip(found, parse_all(texts), strict=True))
        for number in numbers:
            if number not in self._known:
                self._known[number] = not_captured("its blob is missing from the store")


def _with_ids(column: Sequence[Any]) -> list[Any]:
    """Return the column with the ids of a list of messages as a list; nothing else in it is one."""
    return [unpack_ids(value) if type(value) is bytes else value for value in column]


def parse_all(texts: Sequence[str]) -> list[Any]:
    """Return the values of JSON documents; joined into one list they cost half as much as one by one."""
    out: list[Any] = []
    for part in _slices(texts):
        try:
            values = json.loads(f"[{','.join(part)}]")
        except (ValueError, RecursionError):
            values = []
        out += values if len(values) == len(part) else [_parse_one(text) for text in part]
    return out


def _slices(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start = size = 0
    for at, text in enumerate(texts):
        size += len(text)
        if size > _TEXT_AT_ONCE:
            yield texts[start : at + 1]
            start, size = at + 1, 0
    if start < len(texts):
        yield texts[start:]


def _parse_one(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return not_captured(f"it is no JSON that can be read ({error})")
