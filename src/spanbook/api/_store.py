"""``Store``: everything one can read from (and say about) one store file."""

from __future__ import annotations

import os
import reprlib
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..model import ScoreSource, StoreError, TraceNotFoundError, UsageError, clock
from ..model.given import limit_of
from ..model.when import When, to_ns
from ..store._connection import WAL_LIMIT
from ..store._read import StoreReader
from ..tracer import current
from ..tracer._score import keep_score, score_record
from ..widgets import _live
from . import _runtime
from ._compare import TraceComparison
from ._trace import Trace, Traces

if TYPE_CHECKING:
    import pandas as pd
    import sqlite_utils


class Store:
    """One store file. ``sb.init()`` returns the one traced into, ``sb.open(path)`` any other.

    The reading methods of the module (``sb.traces``, ``sb.spans_df``…) are these, on the current store. Reading the
    store traced into folds what waits first, so what has ended is what is read.
    """

    def __init__(self, path: Path, *, readonly: bool) -> None:
        self.path = path
        self.readonly = readonly
        self._reader = StoreReader(path)
        self._reader.is_readonly = readonly

    def _read(self) -> StoreReader:
        runtime = _runtime.started()
        if runtime is not None and runtime.path == self.path and not runtime.closed:
            runtime.fold.flush(5.0)
        return self._reader

    # -- traces

    def traces(
        self, where: str | None = None, *, since: When | None = None, until: When | None = None, limit: int | None = 100
    ) -> Traces:
        """Return the traces that match a filter, newest first.

        Args:
            where: A filter such as ``'cost_usd > 0.01 and n_errors > 0'``; ``sb.filter_names("traces")`` lists
                the names.
            since: Only traces that started then or later: ``"1h"``, ``"2026-11-01"``, a datetime, a timedelta.
            until: Only traces that started before.
            limit: At most so many; None for all.

        Raises:
            FilterError: the filter cannot be understood.
            UsageError: a moment or the limit is wrong.
        """
        return Traces(self._read(), where, _window(since, until), limit_of(limit))

    def get_trace(self, trace_id: str) -> Trace:
        """Return a trace by its id, or by the beginning of it when no other trace begins so.

        Raises:
            TraceNotFoundError: there is none.
            UsageError: the id is no text, or several traces begin with it.
        """
        if not isinstance(trace_id, str) or not trace_id.strip():
            raise UsageError(f"trace_id={trace_id!r} is no trace id; give 32 hex digits, or the first of them.")
        reader, wanted = self._read(), trace_id.strip().lower()
        summary = reader.find_trace(wanted)
        if summary is None:
            alike = reader.trace_ids_like(wanted)
            if alike and len(wanted) < _LEAST_DIGITS:
                raise UsageError(f"trace_id={trace_id!r} is too short; give {_LEAST_DIGITS} of its digits, or more.")
            if len(alike) > 1:
                raise UsageError(
                    f"several traces begin with {trace_id!r}, such as {' and '.join(alike)}; give more of it."
                )
            summary = reader.find_trace(alike[0]) if alike else None
        if summary is None:
            raise reader.no_such_trace(trace_id)
        return Trace(reader, summary)

    def last_trace(self) -> Trace:
        """Return the trace that started last: of this process if it traced, else of the store.

        Raises:
            TraceNotFoundError: nothing was traced yet.
        """
        from ..tracer import _recorder

        reader = self._read()
        runtime = _runtime.started()
        if runtime is not None and runtime.path == self.path and _recorder.last_trace:
            summary = reader.find_trace(_recorder.last_trace)
            if summary is not None:
                return Trace(reader, summary)
        latest = reader.latest_trace_ids(1)
        summary = reader.find_trace(latest[0]) if latest else None
        if summary is None:
            raise TraceNotFoundError("last", [])
        return Trace(reader, summary)

    def compare_traces(self, a: Trace | str, b: Trace | str) -> TraceComparison:
        """Return what changed from trace ``a`` to trace ``b``: steps added and removed, and what differs in the others.

        Their trees are aligned by structure: a step pairs with one of the same kind and name, in order, below the same
        parent; where that leaves a choice, the steps whose inputs are the most alike pair (below a parent with more
        than some 600 steps the order alone decides). Ids of tool calls, which differ in every run, are no change, nor
        are times, tokens and cost: those are given as differences, b - a.

        Displayed in a notebook it is a tree with a diff of each step's input and output; printed, a text. It stands for
        the moment it was made: of a trace that runs, compare again once it has ended.

        Args:
            a: The trace to start from: a Trace (of any store), its id, or the beginning of its id. Traces come newest
                first, so of the last two it is the second: ``new, old = sb.traces(limit=2)``.
            b: The trace to come to. The same trace twice is allowed; nothing has changed then.

        Raises:
            TraceNotFoundError: there is no such trace.
            UsageError: it is neither a Trace nor the text of an id, or several traces begin with that.
        """
        return TraceComparison(self._of_trace(a, "a"), self._of_trace(b, "b"))

    def _of_trace(self, trace: Trace | str, name: str) -> tuple[StoreReader, str]:
        if isinstance(trace, str):
            trace = self.get_trace(trace)
        if not isinstance(trace, Trace):
            raise UsageError(
                f"{name}={reprlib.repr(trace)} is a {type(trace).__name__}; "
                "give a Trace, such as sb.last_trace(), or the id of one."
            )
        if trace._reader.path == self.path:
            self._read()  # what waits is part of it
        return trace._reader, trace.trace_id

    # -- frames

    def traces_df(
        self,
        where: str | None = None,
        *,
        since: When | None = None,
        until: When | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Return one row a trace as a DataFrame, newest first; columns in ``spanbook.frames.traces_frame``."""
        from ..frames import traces_frame

        return traces_frame(self._read(), where, _window(since, until), limit_of(limit))

    def spans_df(
        self,
        where: str | None = None,
        *,
        since: When | None = None,
        until: When | None = None,
        limit: int | None = None,
        columns: Sequence[str] | None = None,
        text: bool = True,
    ) -> pd.DataFrame:
        """Return one row a span as a DataFrame, oldest first; columns in ``spanbook.frames.spans_frame``."""
        from ..frames import spans_frame

        return spans_frame(self._read(), where, _window(since, until), limit_of(limit), columns=columns, text=text)

    def scores_df(
        self,
        where: str | None = None,
        *,
        since: When | None = None,
        until: When | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Return one row a score as a DataFrame, oldest first; columns in ``spanbook.frames.scores_frame``."""
        from ..frames import scores_frame

        return scores_frame(self._read(), where, _window(since, until), limit_of(limit))

    def sql(self, query: str, params: Sequence[Any] | dict[str, Any] = ()) -> pd.DataFrame:
        """Run one reading SQL statement and return its rows as a DataFrame.

        Tables are ``spans``, ``traces``, ``payloads``, ``blobs``, ``scores``, ``events``; the views ``span_view`` and
        ``trace_view`` have the payloads as JSON text.

        Raises:
            QueryError: it writes, calls what is not allowed, is wrong, or runs too long.
        """
        from ..frames import query_frame

        return query_frame(self._read(), query, params)

    # -- scores

    def score(
        self,
        name: str,
        value: float | bool | str,
        *,
        trace_id: str | None = None,
        span_id: str | None = None,
        session_id: str | None = None,
        source: ScoreSource = "code",
        comment: str | None = None,
    ) -> None:
        """Say a value about a span, a trace or a session; history is kept.

        Args:
            name: What is judged, such as "correct".
            value: A number, a bool, a label, or a longer text.
            trace_id: The trace; with ``span_id`` the span in it. The current span when neither is given.
            span_id: 16 hex digits.
            session_id: The session, instead of a trace.
            source: Who says so: "human", "code", "llm" or "user".
            comment: Why.

        Raises:
            UsageError: a value of the wrong type, or nothing to be about.
        """
        if self.readonly:
            raise UsageError("this store was opened read-only; open it with sb.open(path, readonly=False) to score.")
        record = score_record(name, value, source, comment)
        trace_id, span_id = _hex(trace_id, 32, "trace_id"), _hex(span_id, 16, "span_id")
        if session_id is not None and not isinstance(session_id, str):
            raise UsageError(f"session_id={session_id!r} is a {type(session_id).__name__}; give text.")
        if trace_id is None and (session_id is None or span_id is not None):
            span = current()
            if span is None:
                raise UsageError(
                    f"score {name!r} has nothing to be about: no span is current here. "
                    "Pass trace_id=… (for example sb.last_trace().trace_id), or call it inside a span."
                )
            if not span.is_recording:
                return  # not sampled, or tracing is off: there is no row it could be about
            trace_id, span_id = span.trace_id, span_id or span.span_id
        record.update(trace_id=trace_id, span_id=span_id, session_id=session_id)
        runtime = _runtime.started()
        keep_score(record, self.path, None if runtime is None else runtime.path)

    # -- the rest

    def read_blob(self, digest: str) -> bytes:
        """Return the bytes of an image, sound or file by the digest its message part names.

        Raises:
            UsageError: the store holds no such blob.
        """
        found = self._read().read_blob(digest) if isinstance(digest, str) else None
        if found is None:
            raise UsageError(f"no image, sound or file has the digest {digest!r} in this store.")
        return found[1]

    def flush(self, timeout: float = 5.0, durable: bool = False) -> bool:
        """Fold what waits into the store; True when everything that has ended is readable (durable: on disk)."""
        runtime = _runtime.started()
        if runtime is None or runtime.path != self.path or runtime.closed:
            return True
        return runtime.fold.flush(timeout, durable=durable)

    @property
    def utils(self) -> sqlite_utils.Database:
        """A ``sqlite_utils.Database`` on this file, for tables of your own beside ours."""
        from sqlite_utils import Database

        from ..store._connection import open_for_own_tables

        if self.readonly:
            raise UsageError("this store was opened read-only; open it with sb.open(path, readonly=False).")
        return Database(open_for_own_tables(self.path))

    def close(self) -> None:
        """Close this thread's reading connection."""
        self._reader.close()

    def __repr__(self) -> str:
        try:
            size = self.path.stat().st_size
        except OSError:
            return f"<Store {str(self.path)!r} (no file)>"
        return f"<Store {str(self.path)!r} {size / 1e6:.1f} MB{' read-only' if self.readonly else ''}>"


def open_store(path: str | os.PathLike[str], readonly: bool = True) -> Store:
    """Return any store file for reading (``readonly=False``: also for scores and tables of your own).

    Raises:
        StoreError: there is no such file.
        NotAStoreError: spanbook did not make it; it is left untouched.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise UsageError(f"path={path!r} is a {type(path).__name__}; give the path of a store file.")
    where = Path(os.path.abspath(Path(path).expanduser()))
    if where.is_dir():
        raise StoreError(f"{str(path)!r} is a folder; give the store file in it, such as {str(where / 'store.db')!r}.")
    store = Store(where, readonly=readonly)
    store._reader.connection()
    return store


def current_store() -> Store:
    """Return the store traced into; starts tracing with the defaults when nothing has."""
    return _of(_runtime.active())


_live.set_source(_runtime.started)  # widgets stand below this package: they are told where live spans come from

_LEAST_DIGITS: Final = 4  # of an id that is cut off
_stores: weakref.WeakValueDictionary[Path, Store] = weakref.WeakValueDictionary()
_current: Store | None = None  # the only one kept here: each holds files open


def _of(runtime: _runtime.Runtime) -> Store:
    global _current
    store = _stores.get(runtime.path)
    if store is None:
        store = _stores[runtime.path] = Store(runtime.path, readonly=False)
    _current = store
    return store


def init(
    store: str | os.PathLike[str] | None = None,
    *,
    environment: str | None = None,
    display: str = "chip",
    redact: str | Callable[[Any], Any] = "secrets",
    redact_before_journal: bool = False,
    sample: float = 1.0,
    instrument: bool = True,
) -> Store:
    """Trace into ``store`` from now on, and return it. Optional: the first span does it with the defaults.

    Args:
        store: The file; ``$SPANBOOK_STORE`` or ``.spanbook/store.db`` when None.
        environment: Put on every trace and its root span, unless a context says another: "dev", "staging"…
        display: What a notebook shows after a cell that traced something: "chip" or "off".
        redact: "off", "secrets", "secrets+pii", "metadata-only", or a function from a value to what is kept of it.
        redact_before_journal: Redact in the caller's thread, before anything touches the disk, at its price.
        sample: Share of traces that are recorded, 0 to 1.
        instrument: Also trace the LLM clients that are, or will be, imported.

    Raises:
        UsageError: an argument is wrong.
        StoreError: the file cannot be used.
    """
    from ..tracer import _recorder, _span
    from . import _settings

    _settings.check(environment=environment, display=display, redact=redact, sample=sample)
    runtime = _runtime.activate(store, redact)
    _recorder.sample = float(sample)
    _settings.display = display
    _recorder.set_base_context({"environment": environment} if environment else None)
    _span.set_early_redactor(_settings.early_redactor(redact) if redact_before_journal else None)
    if instrument:
        from ..integrations import instrument as instrument_all

        instrument_all()
    _runtime.is_chosen = True
    return _of(runtime)


def move(store: str | os.PathLike[str]) -> Store:
    """Trace into another store from now on, as before otherwise (redaction, sampling, environment); return it.

    Raises:
        UsageError: the argument is wrong.
        StoreError: the file cannot be used.
    """
    runtime = _runtime.activate(store)
    _runtime.is_chosen = True
    return _of(runtime)


def _hex(value: Any, length: int, name: str) -> str | None:
    if value is None:
        return None
    text = value.lower() if isinstance(value, str) else ""
    if len(text) != length or any(c not in "0123456789abcdef" for c in text):
        raise UsageError(f"{name}={value!r} is no id; give {length} hex digits, such as a Trace's .{name}.")
    return text


def _window(since: When | None, until: When | None) -> tuple[int | None, int | None]:
    now = clock.now_ns()
    return to_ns(since, now), to_ns(until, now, name="until")


__all__ = ["WAL_LIMIT", "Store", "current_store", "init", "move", "open_store"]
