"""Writing batches of spans: one transaction each, one rule for every order of arrival.

A span only moves forward: ``open < interrupted < ok, error``. The higher state wins; within one state non-null fields
merge and the later record wins. Trace totals change by (new row - old row), so repeated, late and out-of-order records
all end right. The journal position is committed with the rows it produced.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..model import STATUS_RANK, StoreError
from . import _connection, _totals
from ._blobs import Blob, BlobInserts, BlobSet, Payload
from ._bulk import insert_rows, look_up, merge_row, update_row
from ._checkpoint import Checkpointer
from ._codec import DICTIONARY_COPY, Dictionary
from ._schema import PAYLOAD_COLUMNS, SCORE_COLUMNS, SPAN_COLUMNS, TRACE_COLUMNS, id_of
from ._segments import Position
from ._turns import FOLD_S, short_turns

Row = dict[str, Any]

_SPAN_NAMES: Final = ", ".join(SPAN_COLUMNS)
_SELECT_SPAN: Final = f"SELECT id, {_SPAN_NAMES} FROM spans WHERE trace_id = ? AND span_id = ?"
_SELECT_SPANS: Final = (
    f"SELECT s.id, {', '.join('s.' + name for name in SPAN_COLUMNS)} FROM json_each(?) k CROSS JOIN spans s "
    "ON s.trace_id = json_extract(k.value, '$[0]') AND s.span_id = json_extract(k.value, '$[1]')"
)
_PAYLOAD_AT: Final = {name: at for at, name in enumerate(PAYLOAD_COLUMNS, 1)}
_NO_PAYLOADS: Final = (None,) * len(PAYLOAD_COLUMNS)
_NO_VALUES: Final[Row] = {**dict.fromkeys(SPAN_COLUMNS), "counted": 1}
_TRACE_NAMES: Final = ", ".join(TRACE_COLUMNS)
_SELECT_TRACE: Final = f"SELECT {_TRACE_NAMES} FROM traces WHERE trace_id = ?"
_SELECT_TRACES: Final = f"SELECT {_TRACE_NAMES} FROM traces WHERE trace_id IN (SELECT value FROM json_each(?))"
_UPDATE_TRACE: Final = (
    f"ON CONFLICT(trace_id) DO UPDATE SET {', '.join(f'{n} = excluded.{n}' for n in TRACE_COLUMNS[1:])}"
)
#: Who deletes rows of spans by SQL leaves their payloads, and their numbers are given anew.
_IN_PLACE_OF_ORPHAN: Final = (
    f"ON CONFLICT(span) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in PAYLOAD_COLUMNS)}"
)
#: Of two scores of one id, the newer.
_NEWER_SCORE: Final = (
    f"ON CONFLICT(score_id) DO UPDATE SET {', '.join(f'{n} = coalesce(excluded.{n}, {n})' for n in SCORE_COLUMNS[1:])} "
    "WHERE coalesce(excluded.created_ns, 0) >= created_ns"
)
_EVENT_COLUMNS: Final = ("event_id", "trace_id", "span_id", "time_ns", "name")
_FINAL: Final = ("ok", "error")


@dataclass(slots=True)
class SpanRecord:
    """One span on its way into the store: narrow columns by name, payloads ready to be written."""

    columns: Row
    payloads: dict[str, Payload] = field(default_factory=dict)
    metadata: Mapping[str, Any] | None = None  # also summed up in the trace row when the span is a root


@dataclass(slots=True)
class Batch:
    """What one transaction writes."""

    spans: list[SpanRecord] = field(default_factory=list)
    media: list[Blob] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    scores: list[Row] = field(default_factory=list)
    replaces_scores: bool = False  # by newer ones of the same id; else the first is kept
    trace_updates: list[tuple[list[str], Row]] = field(default_factory=list)
    journal: tuple[str, Position] | None = None
    ended_journal: str | None = None  # its open spans are interrupted: their process is gone

    def __bool__(self) -> bool:
        return bool(self.spans or self.events or self.scores or self.trace_updates or self.ended_journal)


@dataclass(slots=True)
class Written:
    """What a transaction changed, for live views: narrow span rows and trace rows as they are now, what was scored."""

    spans: list[Row]
    traces: list[Row]
    scored: list[tuple[str, str | None]]  # trace_id, span_id; None for the trace as a whole
    ended: int = 0  # spans that reached their final state in it


class StoreReplacedError(StoreError):
    """The store file was removed or replaced between the encoding of a batch and its writing."""


class StoreWriter:
    """The one writing connection of this process; whoever calls holds the fold's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.blobs = BlobSet()
        self.log = Checkpointer(path)
        self._db: sqlite3.Connection | None = None
        self._identity: _connection.Identity | None = None  # of the file opened last
        self._store_id: str | None = None
        #: A batch whose COMMIT failed, and the spans that ended in it: it may be in the file all the same.
        self._unsure: tuple[Batch, int] | None = None
        self._high = (0, 0)  # newest span and blob that were written: a file without them is another
        #: Grows when the file was removed or replaced: blobs made before are not in the new one.
        self.generation = 0

    def connection(self, wait_s: float = 5.0) -> sqlite3.Connection:
        """Return the connection, opened on first use and again when the file was removed or replaced.

        Args:
            wait_s: Seconds to wait for another process that holds a lock.

        Raises:
            StoreError: the file cannot be opened.
        """
        if self._db is not None and not _connection.is_same(self._identity, self.path):
            with contextlib.suppress(sqlite3.Error):  # when only the log was removed, this saves what is in it
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self.close()
        if self._db is None:
            db = _connection.open_writer(self.path, wait_s, newer_is_fine=self._has_written())
            before, self._identity = self._identity, _connection.identity_of(self.path)
            before_id, self._store_id = self._store_id, id_of(db)
            is_same = self._identity is not None and before is not None and before[:2] == self._identity[:2]
            if before is not None and not (is_same and before_id == self._store_id and not self._lacks(db)):
                self.blobs.forget()
                self.generation += 1
                self._high = (0, 0)
            found = db.execute("SELECT body FROM dictionaries ORDER BY id DESC LIMIT 1").fetchone()
            if found is not None:
                self.blobs.use(Dictionary(found[0]))
            self._db = db  # published only once its schema is known to be good
        return self._db

    def is_moved(self) -> bool:
        """Whether the file that was open last was removed or replaced."""
        return self._identity is not None and not _connection.is_same(self._identity, self.path)

    def _has_written(self) -> bool:
        """Whether this writer, or that of the process it was forked from, had this very file open before."""
        now = _connection.identity_of(self.path)
        mine = _files_of_parents if self._identity is None else {*_files_of_parents, self._identity[:2]}
        return now is not None and now[:2] in mine

    def _lacks(self, db: sqlite3.Connection) -> bool:
        """Whether rows are missing that were written: a log may be removed by itself, or an older copy put back."""
        spans, blobs = (db.execute(f"SELECT coalesce(max(id), 0) FROM {name}").fetchone()[0] for name in _NUMBERED)
        return bool(spans < self._high[0] or blobs < self._high[1])

    def write(self, batch: Batch, *, durable: bool = False, wait_s: float = 5.0, urgent: bool = False) -> Written:
        """Write a batch in one transaction; all of it or nothing.

        Args:
            batch: What to write.
            durable: Also wait until it is on disk (survives a power cut).
            wait_s: Seconds to wait for another process that holds the write lock.
            urgent: Take the interpreter from a thread that computes more often: ten times as fast beside it.

        Raises:
            StoreReplacedError: the file is another since the batch was made; make it again.
            sqlite3.Error, StoreError: nothing of the batch was written.
        """
        generation = self.generation
        db = self.connection(wait_s)
        if self.generation != generation:
            raise StoreReplacedError
        self.blobs.compress()
        blobs: BlobInserts | None = None
        try:
            if durable:
                db.execute("PRAGMA synchronous = FULL")
            _connection.retry_locked(lambda: db.execute("BEGIN IMMEDIATE"), wait_s)
            with short_turns.within(FOLD_S) if urgent else contextlib.nullcontext():
                blobs = BlobInserts(db)
                transaction = _Transaction(db, blobs)
                written = transaction.write(batch)
                if self._unsure is not None and self._unsure[0] is batch:
                    written.ended = max(written.ended, self._unsure[1])
                self._unsure = batch, written.ended
                db.execute("COMMIT")
            self._unsure = None
        except BaseException as error:
            if blobs is not None:
                blobs.rolled_back()
            self._recover(db, error)
            raise
        finally:
            if durable and self._db is not None:
                db.execute("PRAGMA synchronous = NORMAL")
        if not _connection.is_same(self._identity, self.path):
            raise StoreReplacedError  # it went into a file, or a log, that nobody else sees
        blobs.committed()
        self._high = (transaction.highest, blobs.highest)
        self.log.after_batch(db)
        return written

    def _recover(self, db: sqlite3.Connection, error: BaseException) -> None:
        """Roll back; on anything but a lock, open the file anew next time."""
        try:
            if db.in_transaction:
                db.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()  # the connection is beyond use; what it held is rolled back with it
            return
        if isinstance(error, sqlite3.Error) and not _connection.is_locked(error):
            self.close()

    def add_dictionary(self, dictionary: Dictionary, wait_s: float = 0.2) -> None:
        """Keep a dictionary in the store and compress with it, unless another process was first.

        Raises:
            sqlite3.Error, StoreError: it was not kept, and is not used.
        """
        db, number, body = self.connection(wait_s), dictionary.number, dictionary.content
        _connection.retry_locked(lambda: db.execute("BEGIN IMMEDIATE"), wait_s)
        try:
            found = db.execute("SELECT body FROM dictionaries ORDER BY id DESC LIMIT 1").fetchone()
            if found is None:
                db.execute("INSERT INTO dictionaries(dictionary_id, body) VALUES (?, ?)", (number, body))
                blobs = BlobInserts(db)
                blobs.add(BlobSet().media(body, f"{DICTIONARY_COPY};id={number}"))
                blobs.write()
            db.execute("COMMIT")
        except BaseException as error:
            self._recover(db, error)
            raise
        self.blobs.use(dictionary if found is None else Dictionary(found[0]))

    def position(self, journal_id: str) -> Position | None:
        """Return how far a journal is folded, None when nothing of it is."""
        row = self.connection().execute(
            "SELECT segment, offset FROM journals WHERE journal_id = ?", (journal_id,)
        ).fetchone()  # fmt: skip
        return None if row is None else Position(*row)

    def forget_journal(self, journal_id: str) -> None:
        """Delete the position of a journal whose folder is gone."""
        self.connection().execute("DELETE FROM journals WHERE journal_id = ?", (journal_id,))

    def rest(self) -> None:
        """Shorten the write-ahead log when nothing was written for a while, and see to it that it is still there.

        Until a writer notices that the log was removed, nobody can read the store.

        Raises:
            sqlite3.Error, StoreError: the store cannot be opened again.
        """
        if self._db is None:
            return
        opened, now = self._identity, _connection.identity_of(self.path)
        if opened is not None and now is not None and now[:2] == opened[:2] and opened.wal not in (None, now.wal):
            self.connection(0.2)
        else:
            self.log.in_pause(self._db)

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def abandon_in_child(self) -> None:
        """In a forked child: forget the parent's connection without touching it (SQLite forbids its use)."""
        if self._identity is not None:
            _files_of_parents.add(self._identity[:2])
        if self._db is not None:
            _inherited.append(self._db)  # never closed: closing would drop the parent's locks
        self._db, self._identity = None, None
        self.blobs = BlobSet()


#: Connections inherited over fork, kept alive so that no finaliser closes them in the child.
_inherited: list[sqlite3.Connection] = []
#: Files (device, inode) that the processes this one was forked from have written to.
_files_of_parents: set[tuple[int, int]] = set()


_NUMBERED: Final = ("spans", "blobs")


class _Transaction:
    """The statements of one batch, inside BEGIN IMMEDIATE."""

    def __init__(self, db: sqlite3.Connection, blobs: BlobInserts) -> None:
        self._db, self._blobs = db, blobs
        self._traces: dict[str, Row] = {}
        self._known: set[str] = set()  # traces that were in the file before
        self._absent: set[str | tuple[str, str]] = set()  # traces and spans that were looked up and were not
        self._old: dict[tuple[str, str], tuple[int, Row]] = {}  # spans as they were in the file before
        self._rows: dict[tuple[str, str], tuple[int, Row]] = {}
        self._fresh: dict[str, list[tuple[Row, Mapping[str, Any] | None]]] = {}  # new rows their traces do not know of
        self._ended = 0
        self._new_spans: list[tuple[Any, ...]] = []
        self._new_payloads: list[tuple[Any, ...]] = []
        self._next = int(db.execute("SELECT coalesce(max(id), 0) + 1 FROM spans").fetchone()[0])

    @property
    def highest(self) -> int:
        """The newest span's row id."""
        return self._next - 1

    def write(self, batch: Batch) -> Written:
        journal_id = batch.journal[0] if batch.journal else None
        self._look_up(batch.spans)
        for record in batch.spans:
            self._span(record, journal_id)
        self._insert()
        if batch.ended_journal:  # behind the batch's own spans: those that only started in it are open, too
            for record in self._interrupted(batch.ended_journal):
                self._span(record, None)
        for blob in batch.media:
            self._blobs.add(blob)
        self._events(batch.events)
        self._scores(batch.scores, replaces=batch.replaces_scores)
        for trace_id in list(self._fresh):
            self._sum_up(trace_id)
        for trace_ids, values in batch.trace_updates:
            self._update_traces(trace_ids, values)
        for trace in self._traces.values():
            self._settle(trace)
        rows = [tuple(trace.values()) for trace in self._traces.values()]
        insert_rows(self._db, "traces", TRACE_COLUMNS, rows, _UPDATE_TRACE)
        self._blobs.write()
        if batch.journal:
            # replaced, not updated: SQLite writes, and syncs, nothing for an update that changes nothing
            self._db.execute("INSERT OR REPLACE INTO journals VALUES (?, ?, ?)", (batch.journal[0], *batch.journal[1]))
        scored = [(score["trace_id"], score.get("span_id")) for score in batch.scores if score.get("trace_id")]
        return Written([row for _, row in self._rows.values()], list(self._traces.values()), scored, self._ended)

    # -- spans

    def _look_up(self, records: list[SpanRecord]) -> None:
        """Read the rows that a batch changes, all at once."""
        keys = {(record.columns["trace_id"], record.columns["span_id"]): None for record in records}
        traces = {trace_id: None for trace_id, _ in keys}
        for row in look_up(self._db, _SELECT_TRACES, traces):
            self._know(row)
        self._absent.update(trace_id for trace_id in traces if trace_id not in self._known)
        roots = {(trace_id, trace["root_span_id"]): None for trace_id, trace in self._traces.items()}
        wanted = [key for key in {**keys, **roots} if key[0] in self._known]
        for number, *values in look_up(self._db, _SELECT_SPANS, wanted):
            old = dict(zip(SPAN_COLUMNS, values, strict=True))
            self._old[old["trace_id"], old["span_id"]] = number, old
        self._absent.update(wanted)

    def _span(self, record: SpanRecord, journal_id: str | None) -> None:
        trace_id = record.columns["trace_id"]
        key = (trace_id, record.columns["span_id"])
        known = self._find(key)
        if known is None:
            number = self._next
            self._next += 1
            row = self._new_row(number, record.columns, record.payloads)
            self._fresh.setdefault(trace_id, []).append((row, record.metadata))
            self._note_open(number, None, row, journal_id)
            self._ended += row["status"] in _FINAL
        else:
            self._insert()
            self._sum_up(trace_id)
            number, row = known[0], self._changed_row(*known, record, journal_id)
        self._rows[key] = (number, row)

    def _new_row(self, number: int, new: Row, payloads: dict[str, Payload]) -> Row:
        row = _NO_VALUES.copy()
        row.update(new)
        if row["name"] is None:  # an end whose start was lost: what is known of it
            row.update(name="(its start was lost)", kind="span", start_ns=row["end_ns"])
        self._new_spans.append((number, *row.values()))
        if payloads:
            self._new_payloads.append(self._payload_row(number, payloads))
        return row

    def _changed_row(self, number: int, old: Row, record: SpanRecord, journal_id: str | None) -> Row:
        older = STATUS_RANK[record.columns["status"]] < STATUS_RANK[old["status"]]
        row = _merge(old, record.columns, older=older)
        update_row(self._db, "spans", number, {name: value for name, value in row.items() if value != old[name]})
        if record.payloads:
            payloads = {name: self._blobs.column(payload) for name, payload in record.payloads.items()}
            merge_row(self._db, "payloads", {"span": number, **payloads}, keep=older)
        self._ended += row["status"] in _FINAL and old["status"] not in _FINAL
        self._note_open(number, old, row, journal_id)
        trace = self._trace(row["trace_id"])
        assert trace is not None  # noqa: S101 (it has this span)
        _totals.change_span(trace, old, row)
        self._choose_root(trace, row)
        _totals.take_fields(trace, row, record.metadata, older=older)
        return row

    def _payload_row(self, number: int, payloads: dict[str, Payload]) -> tuple[Any, ...]:
        column = self._blobs.column
        row: list[Any] = [number, *_NO_PAYLOADS]
        for name, payload in payloads.items():
            row[_PAYLOAD_AT[name]] = payload if type(payload) is str else column(payload)
        return tuple(row)

    def _insert(self) -> None:
        """Write the new rows gathered so far: one statement for many is half the price."""
        if self._new_spans:
            insert_rows(self._db, "spans", ("id", *SPAN_COLUMNS), self._new_spans)
            insert_rows(self._db, "payloads", ("span", *PAYLOAD_COLUMNS), self._new_payloads, _IN_PLACE_OF_ORPHAN)
            self._new_spans, self._new_payloads = [], []

    def _find(self, key: tuple[str, str]) -> tuple[int, Row] | None:
        """Return the row id and the row of a span as it is now, None when there is none."""
        known = self._rows.get(key) or self._old.get(key)
        if known is not None or key in self._absent or self._trace(key[0]) is None or key[0] not in self._known:
            return known
        found = self._db.execute(_SELECT_SPAN, key).fetchone()
        return None if found is None else (found[0], dict(zip(SPAN_COLUMNS, found[1:], strict=True)))

    def _note_open(self, number: int, old: Row | None, row: Row, journal_id: str | None) -> None:
        was_open = old is not None and old["status"] == "open"
        if row["status"] == "open" and not was_open and journal_id is not None:
            self._db.execute("INSERT OR REPLACE INTO open_spans VALUES (?, ?)", (number, journal_id))
        elif was_open and row["status"] != "open":
            self._db.execute("DELETE FROM open_spans WHERE span = ?", (number,))

    def _interrupted(self, journal_id: str) -> list[SpanRecord]:
        found = self._db.execute(
            "SELECT s.trace_id, s.span_id, s.name, s.kind, s.start_ns FROM open_spans o JOIN spans s ON s.id = o.span "
            "WHERE o.journal_id = ? AND s.status = 'open'",
            (journal_id,),
        ).fetchall()
        names = ("trace_id", "span_id", "name", "kind", "start_ns")
        return [SpanRecord({**dict(zip(names, row, strict=True)), "status": "interrupted"}) for row in found]

    # -- traces

    def _sum_up(self, trace_id: str) -> None:
        """Bring a trace up to date with its new spans, all at once."""
        fresh = self._fresh.pop(trace_id, None)
        if fresh is None:
            return
        rows = [row for row, _ in fresh]
        trace = self._traces[trace_id] = _totals.add_spans(self._trace(trace_id), rows)
        self._choose_root(trace, min(rows, key=_totals.rank_as_root))
        for row, metadata in fresh:
            if row["span_id"] == trace["root_span_id"] or _totals.tells(row):
                _totals.take_fields(trace, row, metadata, older=False)

    def _choose_root(self, trace: Row, row: Row) -> None:
        """Name the trace after this span if it is the better root: a real one before orphans, then the earlier."""
        chosen = trace["root_span_id"]
        if chosen == row["span_id"]:
            return
        root = None if chosen is None else self._find((trace["trace_id"], chosen))
        if root is None or _totals.rank_as_root(row) < _totals.rank_as_root(root[1]):
            _totals.set_root(trace, row)

    def _trace(self, trace_id: str) -> Row | None:
        if trace_id not in self._traces and trace_id not in self._absent:
            found = self._db.execute(_SELECT_TRACE, (trace_id,)).fetchone()
            if found is not None:
                self._know(found)
        return self._traces.get(trace_id)

    def _know(self, row: tuple[Any, ...]) -> None:
        self._known.add(row[0])
        self._traces[row[0]] = dict(zip(TRACE_COLUMNS, row, strict=True))

    def _settle(self, trace: Row) -> None:
        """Set the status of a trace: open while a span is, else what its root says."""
        if trace["n_open"] > 0:
            trace["status"] = "open"
            return
        root = self._find((trace["trace_id"], trace["root_span_id"]))
        trace["status"] = root[1]["status"] if root is not None else "ok"

    def _update_traces(self, trace_ids: Iterable[str], values: Row) -> None:
        for trace_id in trace_ids:
            trace = self._trace(trace_id)
            if trace is None:
                continue
            trace.update({name: value for name, value in values.items() if name in TRACE_COLUMNS})
            found = self._find((trace_id, trace["root_span_id"]))
            if found is not None:
                number, root = found
                given = {name: value for name, value in values.items() if name in root}
                update_row(self._db, "spans", number, given)
                self._rows[(trace_id, trace["root_span_id"])] = (number, {**root, **given})

    # -- the rest

    def _events(self, events: list[Row]) -> None:
        rows = [(*map(event.get, _EVENT_COLUMNS), self._blobs.column(event.get("data"))) for event in events]
        insert_rows(self._db, "events", (*_EVENT_COLUMNS, "data"), rows, "ON CONFLICT(event_id) DO NOTHING")

    def _scores(self, scores: list[Row], *, replaces: bool) -> None:
        rows = [tuple(map(score.get, SCORE_COLUMNS)) for score in scores]
        tail = _NEWER_SCORE if replaces else "ON CONFLICT(score_id) DO NOTHING"
        insert_rows(self._db, "scores", SCORE_COLUMNS, rows, tail)


def _merge(old: Row, new: Row, *, older: bool) -> Row:
    """Return the row after a record; ``older`` records only fill what is missing."""
    if older:
        out = {name: new.get(name) if value is None else value for name, value in old.items()}
    else:
        out = dict(old)
        for name, value in new.items():
            if value is not None and name in out:
                out[name] = value
    out["counted"] = min(old["counted"], new.get("counted", 1))  # whichever record says that it is counted elsewhere
    return out
