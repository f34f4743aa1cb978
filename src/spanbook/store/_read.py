"""Reading the store: a read-only connection per thread, short transactions, plain rows or model records."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from ..model import (
    STATUS_RANK,
    USAGE_FIELDS,
    Event,
    Provenance,
    Score,
    Span,
    SpanbookError,
    TraceNotFoundError,
    TraceSummary,
    ids,
)
from ..model.values import not_captured
from . import _connection
from ._codec import PayloadReader, decompress, digest_of
from ._schema import PAYLOAD_COLUMNS, READ_TRACE, SCORE_COLUMNS, SPAN_COLUMNS, TRACE_COLUMNS
from ._typed import Typed

_SPAN_SELECT: Final = (
    f"SELECT {', '.join('s.' + name for name in SPAN_COLUMNS)}, {', '.join('p.' + name for name in PAYLOAD_COLUMNS)} "
    "FROM spans s LEFT JOIN payloads p ON p.span = s.id"
)
_TRACE_SELECT: Final = f"SELECT {READ_TRACE} FROM traces t"
_EVENT_SELECT: Final = "SELECT span_id, name, time_ns, data FROM events WHERE trace_id = ? {}ORDER BY time_ns, id"
_SCORE_SELECT: Final = f"SELECT span_id, {', '.join(SCORE_COLUMNS)} FROM scores WHERE trace_id = ? {{}}ORDER BY id"
_EVENT_COLUMNS: Final = ("name", "time_ns", "data")
_OF_SPAN: Final = "AND span_id = ? "
_PLAIN_FIELDS: Final = tuple(
    name for name in SPAN_COLUMNS
    if name not in {*USAGE_FIELDS, "tags", "counted", "notebook", "cell_id", "execution_count", "cell_hash",
                    "git_commit", "process_id"}
)  # fmt: skip
_TYPED_SPAN: Final = Typed("spans", SPAN_COLUMNS)
TYPED_TRACE: Final = Typed("traces", TRACE_COLUMNS)
_TYPED_EVENT: Final = Typed("events", _EVENT_COLUMNS)
_TYPED_SCORE: Final = Typed("scores", SCORE_COLUMNS)
_PROVENANCE: Final = ("notebook", "cell_id", "execution_count", "cell_hash", "git_commit", "process_id")


class _Held:
    """One thread's connection; ``busy`` is held while it is in use, so that a fork in another thread waits."""

    def __init__(self) -> None:
        self.busy = threading.RLock()
        self.db: sqlite3.Connection | None = None
        self.payloads: PayloadReader | None = None
        self.identity: _connection.Identity | None = None

    def close(self) -> None:
        db, self.db, self.payloads, self.identity = self.db, None, None, None
        if db is not None:
            db.close()

    def __del__(self) -> None:
        self.close()


_all_held: weakref.WeakSet[_Held] = weakref.WeakSet()
_all_lock = threading.RLock()  # nobody begins to read during a fork
_held_for_fork: list[_Held] = []


def before_fork() -> None:
    """Close the connections of all threads, and hold them: SQLite's locks must not be inherited.

    A child that opens the file beside an inherited connection believes that it holds locks which only its parent has;
    once the parent is gone, others would delete the write-ahead log that the child still writes to. And a thread that
    is inside SQLite may hold one of its mutexes, which nobody would ever release in the child.
    """
    _all_lock.acquire()
    for held in list(_all_held):
        if held.busy.acquire(timeout=1.0):  # reads are short; whoever takes longer is left alone
            _held_for_fork.append(held)
            held.close()


def after_fork() -> None:
    """Let the connections be opened again, in the parent and in the child."""
    while _held_for_fork:
        _held_for_fork.pop().busy.release()
    _all_lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=before_fork, after_in_parent=after_fork, after_in_child=after_fork)


class StoreReader:
    """Reads one store file from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_readonly = True  # whether whoever looks may not say anything about what is read either
        self._local = threading.local()

    def _mine(self) -> _Held:
        held: _Held | None = getattr(self._local, "held", None)
        if held is None:
            with _all_lock:
                held = self._local.held = _Held()
                _all_held.add(held)
        return held

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection; opened anew when the file was replaced.

        Raises:
            StoreError: there is no such file, or it is no store.
        """
        held = self._mine()
        if held.db is None or not _connection.is_same(held.identity, self.path):
            held.close()
            held.db = _connection.open_reader(self.path)
            held.payloads = PayloadReader(held.db)
            held.identity = _connection.identity_of(self.path)
        return held.db

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give this thread's connection for several statements; a fork in another thread waits for the end."""
        with self._mine().busy:
            yield self.connection()

    def close(self) -> None:
        """Close this thread's connection."""
        self._mine().close()

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one of our own queries and return all rows.

        Raises:
            StoreError: the store is damaged where the query looks.
        """
        with self._mine().busy, self._damage_said():
            db = self.connection()
            return _connection.retry_locked(lambda: db.execute(query, parameters).fetchall(), 5.0)

    def typed_rows(self, typed: Typed, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one of our own queries for these columns, and return all rows.

        Raises:
            StoreError: the store is damaged where the query looks, or holds another type than a column has.
        """
        found = self.rows(query, parameters)
        with self.making_records():
            typed.check(found)
        return found

    def payload_text(self, value: Any) -> str | None:
        """Return the JSON text of a payload column's value."""
        held = self._mine()
        with held.busy, self._damage_said():
            self.connection()
            return None if held.payloads is None else held.payloads.text(value)

    @contextlib.contextmanager
    def _damage_said(self) -> Iterator[None]:
        """Make damage that SQLite meets an error of ours."""
        try:
            yield
        except sqlite3.Error as error:
            if _connection.is_damage(error):
                raise _connection.store_error(self.path, error) from error
            raise

    @contextlib.contextmanager
    def making_records(self) -> Iterator[None]:
        """Make rows that do not read as we write them an error of ours."""
        try:
            yield
        except SpanbookError:
            raise
        except (ValueError, TypeError, KeyError) as error:
            raise _connection.damage_error(self.path, f"a row of it cannot be read: {error}") from error

    # -- traces

    def trace_summaries(
        self,
        where: str = "1",
        parameters: Sequence[Any] = (),
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int | None = 100,
    ) -> list[TraceSummary]:
        """Return summaries of traces that match a condition on alias ``t``, newest first."""
        sql, values = time_window(f"{_TRACE_SELECT} WHERE ({where})", "t", since_ns, until_ns)
        query = f"{sql} ORDER BY t.start_ns DESC, t.id DESC LIMIT ?"
        found = self.typed_rows(TYPED_TRACE, query, [*parameters, *values, -1 if limit is None else limit])
        with self.making_records():
            return [_summary(row) for row in found]

    def find_trace(self, trace_id: str) -> TraceSummary | None:
        """Return the summary of one trace, None when there is none."""
        found = self.typed_rows(TYPED_TRACE, f"{_TRACE_SELECT} WHERE t.trace_id = ?", [trace_id])
        with self.making_records():
            return _summary(found[0]) if found else None

    def trace_ids_like(self, prefix: str, limit: int = 2) -> list[str]:
        """Return ids of traces that begin with ``prefix``."""
        query = "SELECT trace_id FROM traces WHERE trace_id >= ? AND trace_id < ? ORDER BY trace_id LIMIT ?"
        return [row[0] for row in self.rows(query, [prefix, prefix + "g", limit])]

    def latest_trace_ids(self, limit: int = 1) -> list[str]:
        """Return the ids of the traces that started last."""
        return [
            row[0] for row in self.rows("SELECT trace_id FROM traces ORDER BY start_ns DESC, id DESC LIMIT ?", [limit])
        ]

    def digits_of(self, trace_ids: Sequence[str]) -> int:
        """Return how many first digits tell each of these traces from all others of the store."""
        query = (
            "SELECT k.value, (SELECT max(trace_id) FROM traces WHERE trace_id < k.value), "
            "(SELECT min(trace_id) FROM traces WHERE trace_id > k.value) FROM json_each(?) k"
        )
        found = self.rows(query, [json.dumps(list(trace_ids))])
        pairs = ((trace_id, other) for trace_id, *near in found for other in near if other)
        return max((ids.digits_apart(pair) for pair in pairs), default=0)

    def no_such_trace(self, trace_id: str) -> TraceNotFoundError:
        """Return the error that a trace is not here; it names the last ones."""
        return TraceNotFoundError(trace_id, self.latest_trace_ids(3))

    # -- spans

    def spans(self, trace_id: str) -> list[Span]:
        """Return the spans of a trace with payloads, events and scores, in order of start."""
        rows = self.rows(f"{_SPAN_SELECT} WHERE s.trace_id = ? ORDER BY s.start_ns, s.id", [trace_id])
        with self.making_records():
            events = self._by_span(_EVENT_SELECT.format(""), [trace_id], self._event)
            scores = self._by_span(_SCORE_SELECT.format(""), [trace_id], _score)
            return [self._span(row, events, scores) for row in rows]

    def span(self, trace_id: str, span_id: str) -> Span | None:
        """Return one span with payloads, events and scores."""
        rows = self.rows(f"{_SPAN_SELECT} WHERE s.trace_id = ? AND s.span_id = ?", [trace_id, span_id])
        if not rows:
            return None
        key = [trace_id, span_id]
        with self.making_records():
            events = self._by_span(_EVENT_SELECT.format(_OF_SPAN), key, self._event)
            scores = self._by_span(_SCORE_SELECT.format(_OF_SPAN), key, _score)
            return self._span(rows[0], events, scores)

    def _by_span(self, query: str, key: list[str], make: Any) -> dict[str, list[Any]]:
        out: dict[str, list[Any]] = {}
        for row in self.rows(query, key):
            out.setdefault(row[0], []).append(make(row[1:]))
        return out

    def _event(self, row: Sequence[Any]) -> Event:
        _TYPED_EVENT.check([row])
        return Event(name=row[0], time_ns=row[1], data=self.json(row[2]))

    def json(self, value: Any) -> Any:
        """Return the Python value of a payload column; ``not_captured`` where it is damaged."""
        text = self.payload_text(value)
        try:
            return None if text is None else json.loads(text)
        except (ValueError, RecursionError) as error:
            return not_captured(f"it is damaged ({error}); `spanbook salvage` recovers what is intact")

    def _span(self, row: Sequence[Any], events: dict[str, list[Event]], scores: dict[str, list[Score]]) -> Span:
        columns = dict(zip(SPAN_COLUMNS, row, strict=False))
        _TYPED_SPAN.check([row[: len(SPAN_COLUMNS)]])
        _check_status(columns["status"])
        payloads = {name: self.json(row[len(SPAN_COLUMNS) + at]) for at, name in enumerate(PAYLOAD_COLUMNS)}
        return Span(
            **{name: columns[name] for name in _PLAIN_FIELDS},
            input=payloads["input"],
            output=payloads["output"],
            error=_object("error", payloads["error"]),
            metadata=payloads["metadata"] or {},
            model_parameters=payloads["model_parameters"],
            tools=payloads["tools"],
            attributes=payloads["attributes"] or {},
            links=payloads["links"] or (),
            usage={name: columns[name] for name in USAGE_FIELDS if columns[name] is not None},
            tags=_tags(columns["tags"]),
            events=events.get(columns["span_id"], ()),
            scores=scores.get(columns["span_id"], ()),
            provenance=Provenance(**{name: columns[name] for name in _PROVENANCE}),
            counted=bool(columns["counted"]),
        )

    # -- blobs

    def read_blob(self, digest: str) -> tuple[str, bytes] | None:
        """Return (MIME type, bytes) of an image, sound or file by the hex digest its message part names.

        Raises:
            StoreError: the bytes in the store are not those of the digest.
        """
        try:
            key = bytes.fromhex(digest)
        except ValueError:
            return None
        found = self.rows("SELECT mime_type, codec, body FROM blobs WHERE digest = ? AND mime_type IS NOT NULL", [key])
        if not found:
            return None
        mime_type, codec, body = found[0]
        with self.making_records():
            content = decompress(codec, body)
        if digest_of(content) != key:
            raise _connection.damage_error(self.path, f"the bytes of {digest} are not those that were stored")
        return mime_type, content

    # -- scores

    def scores(self, where: str = "1", parameters: Sequence[Any] = (), limit: int | None = None) -> list[Score]:
        """Return scores that match a condition on the table's columns, oldest first."""
        query = f"SELECT {', '.join(SCORE_COLUMNS)} FROM scores WHERE ({where}) ORDER BY id LIMIT ?"
        found = self.rows(query, [*parameters, -1 if limit is None else limit])
        with self.making_records():
            return [_score(row) for row in found]


def time_window(
    sql: str, alias: str, since_ns: int | None, until_ns: int | None
) -> tuple[str, list[int]]:  # fmt: skip
    """Return the query with conditions on ``start_ns`` added, and their values."""
    values = []
    if since_ns is not None:
        sql += f" AND {alias}.start_ns >= ?"
        values.append(since_ns)
    if until_ns is not None:
        sql += f" AND {alias}.start_ns < ?"
        values.append(until_ns)
    return sql, values


def _summary(row: Sequence[Any]) -> TraceSummary:
    columns = dict(zip(TRACE_COLUMNS, row, strict=True))
    _check_status(columns["status"])
    provenance = Provenance(**{name: columns.pop(name) for name in _PROVENANCE})
    for name in ("cache_read_tokens", "reasoning_tokens"):
        columns.pop(name)
    tags, metadata = columns.pop("tags"), columns.pop("metadata")
    return TraceSummary(
        **columns,
        tags=_tags(tags),
        metadata=_object("metadata", json.loads(metadata)) or {} if metadata else {},
        provenance=provenance,
    )


def _tags(text: str | None) -> Sequence[str]:
    """Return the tags that a column holds.

    Raises:
        ValueError: it holds something else.
    """
    if not text:
        return ()
    tags = json.loads(text)
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError(f"its tags are {text!r:.40}")
    return tags


def _object(name: str, value: Any) -> dict[str, Any] | None:
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"its {name} is {value!r:.40}")
    return value


def _check_status(status: Any) -> None:
    if status not in STATUS_RANK:
        raise ValueError(f"its status is {status!r:.40}")


def _score(row: Sequence[Any]) -> Score:
    _TYPED_SCORE.check([row])
    fields = dict(zip(SCORE_COLUMNS, row, strict=True))
    kind = fields.pop("value_type")
    if kind == "bool":
        fields["value"] = bool(fields["value"])
    return Score(**fields)


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Yield the items in slices."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def placeholders(values: Iterable[Any]) -> str:
    """Return ``?, ?, …`` for an IN list."""
    return ", ".join("?" for _ in values)
