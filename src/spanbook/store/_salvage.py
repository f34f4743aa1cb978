"""Recovering a damaged store into a new file; the damaged one is copied and never written to.

Decided 2026-11: rows are read page by page from the bytes (``_pages``) and not through SQLite, which gives up at the
first page it cannot understand; so one way serves every damage, from one bad bit to a lost header. Tables are walked
from their roots while the schema can be read. Leaf pages that no walk has reached are told apart by their rows: the
number of columns and their types are different in each of our tables. It costs about a tenth of a millisecond a span.

What a row says is checked where that can be: contents of blobs against their digests (content that does not match is
left out, and payloads that name it read as ``not_captured``), JSON, ids, words of our own. A trace whose row is lost is
summed up again from its spans. What a changed bit made of a name or a number cannot be told.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..model import KINDS, SCORE_SOURCES, STATUS_RANK, NewerStoreError, StoreError, UsageError
from . import _platform, _schema
from ._codec import (
    DICTIONARY_COPY,
    RAW,
    ZSTD_LEARNT,
    Dictionaries,
    PayloadReader,
    digest_of,
    is_intact,
    pack_ids,
    unpack_ids,
)
from ._inspect import living_owners
from ._owners import journal_root
from ._pages import PageFile, Row
from ._schema import PAYLOAD_COLUMNS, SPAN_COLUMNS, TRACE_COLUMNS
from ._tables import Table, our_tables, table_of
from ._totals import add_spans, rank_as_root, set_root, take_fields

#: Tables whose rows are numbered one by one and never deleted: a number that is missing is a row that is lost.
_COUNTED: Final = ("spans", "traces", "blobs", "events", "scores")
_MOST_ROWS: Final = 1 << 48  # a number above is damaged: no file has room for so many rows
_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")
_SPAN_ID: Final = re.compile(r"[0-9a-f]{16}")
_DAMAGED: Final = '{"$type":"not_captured","reason":"it was damaged in the store that this one was recovered from"}'
_ORDINARY: Final = re.compile(r"CREATE (TABLE|(UNIQUE )?INDEX) ", re.IGNORECASE)


@dataclass(slots=True, kw_only=True)
class Salvaged:
    """What :func:`salvage` recovered."""

    source: Path
    path: Path  # the new file
    pages: int
    damaged_pages: int
    rows: dict[str, int]  # recovered, by table
    lost: dict[str, int]  # by table, where it can be told: row numbers that are missing
    bad_blobs: int  # left out since their bytes do not match their digest
    mended: int  # values that could not be read, in rows that could
    rebuilt_traces: int  # summed up again from their spans
    left_out: list[str]  # tables, indexes, views of other software that were not recovered


def salvage(source: Path, target: Path) -> Salvaged:
    """Recover what can be read of a store into a new file.

    Raises:
        UsageError: the target exists already, or this process has the store open.
        StoreError: another process has it open, there is no such file, nothing of a store was found in it, or the
            target cannot be written.
        NewerStoreError: a newer spanbook made it.
    """
    if target.exists():
        raise UsageError(f"{str(target)!r} exists already; give the name of a new file.")
    _refuse_a_living_store(source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as name:
            copy, draft = Path(name) / "copy", Path(name) / "new"
            _copy(source, copy)
            os.close(_platform.create_private_file(draft))
            with PageFile(copy, copy.with_name("copy-wal")) as pages, closing(_new_store(draft)) as db:
                found = _Salvage(pages, db, source).run(target)
            draft.rename(target)
            return found
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            f"{str(source)!r} could not be recovered into {str(target)!r} ({getattr(error, 'strerror', None) or error})"
            "; give a new file in a folder that you can write and that has as much free space as the store takes twice."
        ) from error


def _refuse_a_living_store(source: Path) -> None:
    """Make sure that nobody writes to the store while it is copied, and that no lock of ours is lost by opening it."""
    if not source.is_file():
        raise StoreError(f"there is no store {str(source)!r}; give the path of the damaged file.")
    if _platform.is_open_here(source):
        raise UsageError(f"this process has {str(source)!r} open; run `spanbook salvage` in a terminal instead.")
    holder = next(living_owners(journal_root(source)), None)
    holder = _platform.lock_holder(source) if holder is None else holder
    if holder is not None:
        raise StoreError(
            f"process {holder} has the store {str(source)!r} open; stop it (shut down its kernel) and salvage again. "
            "What it traced meanwhile waits in its journal and is not lost."
        )


def _copy(source: Path, target: Path) -> None:
    """Copy the file and its log."""
    for suffix in ("", "-wal"):
        file = source.with_name(source.name + suffix)
        try:
            before = file.stat()
        except FileNotFoundError:
            continue
        shutil.copyfile(file, target.with_name(target.name + suffix))
        after = file.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise StoreError(f"{str(file)!r} was written to while it was copied; stop what writes and salvage again.")


def _new_store(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA page_size = 8192")
    db.execute("PRAGMA synchronous = OFF")  # it has no name yet: what a crash leaves is thrown away
    db.execute("PRAGMA trusted_schema = OFF")
    _schema.migrate(db)
    return db


class _Entry(NamedTuple):
    """A row of a file's schema."""

    kind: str
    name: str
    table: str
    root: int
    sql: str


# -- one salvage


class _Salvage:
    def __init__(self, pages: PageFile, db: sqlite3.Connection, source: Path) -> None:
        self._pages, self._db, self._source = pages, db, source
        self._tables = our_tables()
        self._inserts: dict[tuple[str, int], str] = {}
        self._left_out: list[str] = []
        self._bad_blobs = self._mended = 0
        self._check: dict[str, Callable[[dict[str, Any]], bool]] = {
            "spans": self._check_span, "traces": self._check_trace, "payloads": self._check_payload,
            "blobs": self._check_blob, "events": self._check_event, "scores": self._check_score,
        }  # fmt: skip

    def run(self, target: Path) -> Salvaged:
        """Recover everything and return what was found; the new file is whole then."""
        self._db.execute("BEGIN")
        self._read()
        self._check_learnt()
        lost = self._lost()
        self._cut_loose()
        rows = {name: self._count(f"SELECT count(*) FROM {name}") for name in self._tables}
        if not any(rows[name] for name in _COUNTED):
            raise StoreError(
                f"nothing that spanbook wrote was found in {str(self._source)!r}; is it the file you mean?"
            )
        rebuilt = self._rebuild_traces()
        self._interrupt_orphans()
        self._db.execute("COMMIT")
        return Salvaged(
            source=self._source, path=target, pages=self._pages.count, damaged_pages=len(self._pages.damaged),
            rows=rows, lost=lost, bad_blobs=self._bad_blobs, mended=self._mended, rebuilt_traces=rebuilt,
            left_out=self._left_out,
        )  # fmt: skip

    def _lost(self) -> dict[str, int]:
        """Return how many rows are known to be missing: by their numbers, by the totals of their traces."""
        lost = {}
        for name in _COUNTED:
            highest = self._count(f"SELECT coalesce(max(id), 0) FROM {name}")
            if name == "spans":
                highest = max(highest, self._count("SELECT coalesce(max(span), 0) FROM payloads"))
            lost[name] = highest - self._count(f"SELECT count(*) FROM {name}")
        found = "SELECT count(*) FROM spans s WHERE s.trace_id = t.trace_id"
        missed = self._count(f"SELECT coalesce(sum(max(n_spans - ({found}), 0)), 0) FROM traces t")
        lost["spans"] = max(lost["spans"], missed)
        return lost

    def _count(self, query: str) -> int:
        return int(self._db.execute(query).fetchone()[0])

    # -- reading

    def _read(self) -> None:
        seen: set[int] = set()
        schema = list(self._schema(seen))
        for entry in schema:
            if entry.kind == "table" and entry.name in self._tables:
                for page in self._pages.tree(entry.root, seen):
                    self._take(page, entry.name)
        self._others(schema, seen)
        free = self._pages.free_pages()
        for page in range(1, self._pages.count + 1):
            if page not in seen and page not in free and self._pages.is_leaf(page):
                self._take(page, None)

    def _schema(self, seen: set[int]) -> Iterator[_Entry]:
        """Yield what the file's schema says, as far as it can be read."""
        for page in self._pages.tree(1, seen):
            for _, values in self._pages.rows(page):
                if len(values) == 5 and isinstance(values[1], str) and isinstance(values[3], int):
                    yield _Entry(str(values[0]), values[1], str(values[2]), values[3], str(values[4]))

    def _take(self, page: int, name: str | None) -> None:
        """Write the rows of a leaf page; ``name`` is the table that led to it, None when nothing did."""
        for row in self._pages.rows(page):
            table = self._table_of(row, name)
            if table is None or (table.key is not None and not 0 < row.number < _MOST_ROWS):
                self._pages.damaged.add(page)
                continue
            values = list(row.values)
            if table.key is not None:
                values[table.key] = row.number
            self._write(table, values)

    def _table_of(self, row: Row, name: str | None) -> Table | None:
        if name is not None:
            if len(row.values) > max(self._tables[name].widths) and self._is_newer():
                raise NewerStoreError(
                    f"a newer spanbook made {str(self._source)!r}; upgrade spanbook and salvage it with that."
                )
            if self._tables[name].fits(row):
                return self._tables[name]
        return next((table for table in self._tables.values() if table.fits(row)), None)

    def _is_newer(self) -> bool:
        header = self._pages.page(1) if self._pages.has_header else None
        return header is not None and int.from_bytes(header[60:64], "big") > _schema.VERSION

    def _write(self, table: Table, values: list[Any]) -> None:
        check = self._check.get(table.name)
        if check is not None:
            fields = {column.name: value for column, value in zip(table.columns, values, strict=False)}
            if not check(fields):
                return
            values = list(fields.values())
        key = (table.name, len(values))
        if key not in self._inserts:
            self._inserts[key] = table.insert(len(values))
        self._db.execute(self._inserts[key], values)

    # -- what a row may say: False when it is of no use; values that cannot be read are replaced

    def _check_span(self, row: dict[str, Any]) -> bool:
        if not (_TRACE_ID.fullmatch(row["trace_id"]) and _SPAN_ID.fullmatch(row["span_id"])):
            return False
        if row["parent_id"] is not None and not _SPAN_ID.fullmatch(row["parent_id"]):
            self._replace(row, "parent_id", None)
        if row["kind"] not in KINDS:
            self._replace(row, "kind", "span")
        self._check_status(row)
        self._check_json(row, "tags", list)
        return True

    def _check_trace(self, row: dict[str, Any]) -> bool:
        if not _TRACE_ID.fullmatch(row["trace_id"]):
            return False
        self._check_status(row)
        self._check_json(row, "tags", list)
        self._check_json(row, "metadata", dict)
        return True

    def _check_payload(self, row: dict[str, Any]) -> bool:
        for name in PAYLOAD_COLUMNS:
            if name in row:
                self._check_value(row, name)
        return True

    def _check_event(self, row: dict[str, Any]) -> bool:
        self._check_value(row, "data")
        return bool(_TRACE_ID.fullmatch(row["trace_id"]) and _SPAN_ID.fullmatch(row["span_id"]))

    def _check_score(self, row: dict[str, Any]) -> bool:
        if row["source"] not in SCORE_SOURCES:
            self._replace(row, "source", "code")
        is_text = row["value_type"] in ("label", "text")
        return is_text == isinstance(row["value"], str) and (is_text or row["value_type"] in ("number", "bool"))

    def _check_blob(self, row: dict[str, Any]) -> bool:
        is_good = row["codec"] == ZSTD_LEARNT or is_intact(row["digest"], row["codec"], row["body"])
        self._bad_blobs += not is_good
        return is_good

    def _check_learnt(self) -> None:
        """Check the blobs that need a dictionary, now that those are read; a copy, which was checked, goes first."""
        copies = self._db.execute(
            "SELECT mime_type, body FROM blobs WHERE mime_type LIKE ?", (f"{DICTIONARY_COPY};id=%",)
        ).fetchall()
        for mime_type, body in copies:
            number = mime_type.partition("=")[2]
            if number.isdecimal():
                self._db.execute("DELETE FROM dictionaries WHERE dictionary_id = ?", (number,))
                self._db.execute("INSERT INTO dictionaries(dictionary_id, body) VALUES (?, ?)", (number, body))
        dictionaries = Dictionaries.of(self._db)
        learnt = self._db.execute("SELECT id, digest, codec, body FROM blobs WHERE codec = ?", (ZSTD_LEARNT,))
        bad = [(number,) for number, digest, codec, body in learnt if not is_intact(digest, codec, body, dictionaries)]
        self._bad_blobs += len(bad)
        self._db.executemany("DELETE FROM blobs WHERE id = ?", bad)

    def _check_status(self, row: dict[str, Any]) -> None:
        if row["status"] not in STATUS_RANK:
            self._replace(row, "status", "interrupted")

    def _check_json(self, row: dict[str, Any], name: str, kind: type) -> None:
        if row[name] is not None and not _is_json(row[name], kind):
            self._replace(row, name, None)

    def _check_value(self, row: dict[str, Any], name: str) -> None:
        value = row[name]
        if (isinstance(value, str) and not _is_json(value)) or (isinstance(value, bytes) and not unpack_ids(value)):
            self._replace(row, name, _DAMAGED)

    def _replace(self, row: dict[str, Any], name: str, value: Any) -> None:
        row[name] = value
        self._mended += 1

    # -- tables of other software in the same file

    def _others(self, schema: list[_Entry], seen: set[int]) -> None:
        """Recover tables that users made beside ours, where the schema still says what they are."""
        others = [entry for entry in schema if entry.table not in self._tables and not entry.name.startswith("sqlite_")]
        virtual = tuple(f"{entry.name}_" for entry in others if entry.kind == "table" and entry.root == 0)
        for entry in sorted(others, key=lambda entry: entry.kind != "table"):
            pages = list(self._pages.tree(entry.root, seen)) if entry.kind == "table" and entry.root else []
            is_ordinary = entry.root != 0 and not entry.name.startswith(virtual) and _ORDINARY.match(entry.sql)
            try:
                if not is_ordinary or "WITHOUT ROWID" in entry.sql.upper():
                    raise sqlite3.NotSupportedError(f"{entry.name} is no ordinary table or index")
                self._db.execute(entry.sql)
                if entry.kind == "table":
                    self._other(entry.name, pages)
            except (sqlite3.Error, sqlite3.Warning, OverflowError):
                self._left_out.append(entry.name)

    def _other(self, name: str, pages: list[int]) -> None:
        table = table_of(self._db, name.replace('"', '""'))
        named = [column.name.replace('"', '""') for column in table.columns]
        for page in pages:
            for number, values in self._pages.rows(page):
                given = list(values[: len(named)])
                columns = [f'"{column}"' for column in named[: len(given)]]
                if table.key is None:
                    columns, given = ["rowid", *columns], [number, *given]
                elif table.key < len(given):
                    given[table.key] = number
                marks = ", ".join("?" * len(given))
                self._db.execute(f'INSERT OR IGNORE INTO "{table.name}"({", ".join(columns)}) VALUES ({marks})', given)

    # -- what follows from the rows

    def _cut_loose(self) -> None:
        """Let nothing point to rows that are lost: their numbers will be given to others."""
        self._db.execute("DELETE FROM payloads WHERE span NOT IN (SELECT id FROM spans)")
        self._db.execute("DELETE FROM open_spans WHERE span NOT IN (SELECT id FROM spans)")
        blobs = {row[0] for row in self._db.execute("SELECT id FROM blobs")}
        stand_in = max(blobs, default=0) + 1
        columns = (("payloads", "span", PAYLOAD_COLUMNS), ("events", "id", ("data",)))
        is_missing = False
        for table, key, names in columns:
            update = f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in names)} WHERE {key} = ?"
            for number, *values in self._db.execute(f"SELECT {key}, {', '.join(names)} FROM {table}").fetchall():
                whole = [_without_missing(value, blobs, stand_in) for value in values]
                if whole != values:
                    is_missing = True
                    self._db.execute(update, (*whole, number))
        if is_missing:
            body = _DAMAGED.encode()
            values = (stand_in, digest_of(body), RAW, len(body), body)
            self._db.execute("INSERT INTO blobs(id, digest, codec, size, body) VALUES (?, ?, ?, ?, ?)", values)

    def _rebuild_traces(self) -> int:
        """Sum up again the traces whose row is lost; returns how many."""
        payloads = PayloadReader(self._db)
        without = "SELECT DISTINCT trace_id FROM spans WHERE trace_id NOT IN (SELECT trace_id FROM traces)"
        lost = [row[0] for row in self._db.execute(without)]
        names = ", ".join(f"s.{name}" for name in SPAN_COLUMNS)
        query = f"SELECT p.metadata, {names} FROM spans s LEFT JOIN payloads p ON p.span = s.id WHERE s.trace_id = ?"
        insert = f"INSERT INTO traces({', '.join(TRACE_COLUMNS)}) VALUES ({', '.join('?' * len(TRACE_COLUMNS))})"
        for trace_id in lost:
            found = [
                (payloads.text(row[0]), dict(zip(SPAN_COLUMNS, row[1:], strict=True)))
                for row in self._db.execute(f"{query} ORDER BY s.start_ns, s.id", (trace_id,)).fetchall()
            ]
            self._db.execute(insert, [_sum_up(found)[name] for name in TRACE_COLUMNS])
        return len(lost)

    def _interrupt_orphans(self) -> None:
        """Let open spans end whose journal is not known any more: nobody would ever say that they did."""
        orphans = "status = 'open' AND id NOT IN (SELECT span FROM open_spans)"
        self._db.execute(f"UPDATE spans SET status = 'interrupted' WHERE {orphans}")
        still_open = "SELECT count(*) FROM spans s WHERE s.trace_id = traces.trace_id AND s.status = 'open'"
        self._db.execute(f"UPDATE traces SET n_open = ({still_open}) WHERE n_open > 0 OR status = 'open'")
        root = "SELECT s.status FROM spans s WHERE s.trace_id = traces.trace_id AND s.span_id = traces.root_span_id"
        self._db.execute(
            f"UPDATE traces SET status = coalesce(({root}), 'interrupted') WHERE status = 'open' AND n_open = 0"
        )


def _without_missing(value: Any, blobs: set[int], stand_in: int) -> Any:
    """Return a payload column in which ``stand_in`` has taken the place of blobs that are not there."""
    if type(value) is int:
        return value if value in blobs else stand_in
    if type(value) is bytes:
        numbers = unpack_ids(value)
        return value if blobs.issuperset(numbers) else pack_ids([n if n in blobs else stand_in for n in numbers])
    return value


def _is_json(text: str, kind: type = object) -> bool:
    try:
        return isinstance(json.loads(text), kind)
    except (ValueError, RecursionError):
        return False


def _sum_up(found: list[tuple[str | None, dict[str, Any]]]) -> dict[str, Any]:
    """Return the row of a trace from its spans, each with the JSON of its metadata."""
    rows = [row for _, row in found]
    trace = add_spans(None, rows)
    root = min(rows, key=rank_as_root)
    set_root(trace, root)
    for metadata, row in found:
        said = json.loads(metadata) if metadata and row is root else None
        take_fields(trace, row, said if isinstance(said, dict) else None, older=False)
    trace["status"] = "open" if trace["n_open"] else root["status"]
    return trace
