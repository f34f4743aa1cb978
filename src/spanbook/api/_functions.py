"""The reading and scoring methods of ``Store`` as functions on the current store."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..frames import comparison_frame, scores_frame, spans_frame, traces_frame
from ..model import ScoreSource, UsageError
from ..model.when import When
from . import _runtime
from ._compare import TraceComparison
from ._store import current_store
from ._trace import Trace, Traces

if TYPE_CHECKING:
    import pandas as pd


def _with_columns(function: Callable[..., Any], described: Callable[..., Any]) -> None:
    """Put the table of columns that a frame has into the help of the function that returns it."""
    lines = (described.__doc__ or "").splitlines()  # none under -OO, and without their indentation from 3.13 on
    edges = [number for number, line in enumerate(lines) if line.lstrip().startswith("====")]
    if edges:
        table = "\n".join(lines[edges[0] : edges[-1] + 1])
        function.__doc__ = f"{function.__doc__}\n\n{table}\n"


def flush(timeout: float = 5.0, durable: bool = False) -> bool:
    """Fold what waits into the store.

    Returns:
        True when everything that ended before the call is readable (``durable=True``: and on disk, so that it survives
        a power cut); False when the time was not enough.

    Raises:
        UsageError: ``timeout`` is no number of seconds.
    """
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or math.isnan(timeout):
        raise UsageError(f"timeout={timeout!r:.80} is no number of seconds; give 5.0, say.")
    runtime = _runtime.started()
    if runtime is None or runtime.closed:
        return True
    return runtime.fold.flush(min(timeout, threading.TIMEOUT_MAX), durable=durable)


def stats() -> dict[str, Any]:
    """Return the counters of this process: ``written``, ``dropped``, ``errors``, ``queued_bytes``, ``redacted``…"""
    return _runtime.stats()


def score(
    name: str,
    value: float | bool | str,
    *,
    trace_id: str | None = None,
    span_id: str | None = None,
    session_id: str | None = None,
    source: ScoreSource = "code",
    comment: str | None = None,
) -> None:
    """Say a value about a span, a trace or a session; about the current span when none is named.

    See :meth:`Store.score` for the arguments.

    Raises:
        UsageError: a value of the wrong type, or nothing to be about.
    """
    current_store().score(
        name, value, trace_id=trace_id, span_id=span_id, session_id=session_id, source=source, comment=comment
    )


def last_trace() -> Trace:
    """Return the trace that started last. Raises ``TraceNotFoundError`` when nothing was traced yet."""
    return current_store().last_trace()


def get_trace(trace_id: str) -> Trace:
    """Return a trace by its id or the beginning of it. Raises ``TraceNotFoundError`` when there is none."""
    return current_store().get_trace(trace_id)


def traces(
    where: str | None = None, *, since: When | None = None, until: When | None = None, limit: int | None = 100
) -> Traces:
    """Return the traces that match a filter, newest first; see :meth:`Store.traces`."""
    return current_store().traces(where, since=since, until=until, limit=limit)


def compare_traces(a: Trace | str, b: Trace | str) -> TraceComparison:
    """Return what changed from trace ``a`` to trace ``b``, step by step; see :meth:`Store.compare_traces`.

    Each is a Trace, its id, or the beginning of its id. ``.to_frame()`` has one row a pair of spans with durations in
    milliseconds, cost in US dollars and tokens of both, and their differences b - a; ``print`` gives a text tree,
    ``.summary`` the totals, and the last expression of a cell is shown as a tree with diffs.

    Raises:
        TraceNotFoundError: there is no such trace.
        UsageError: it is neither a Trace nor the text of an id, or several traces begin with that.
    """
    return current_store().compare_traces(a, b)


def traces_df(
    where: str | None = None, *, since: When | None = None, until: When | None = None, limit: int | None = None
) -> pd.DataFrame:
    """Return one row a trace as a DataFrame, newest first; see :meth:`Store.traces_df`."""
    return current_store().traces_df(where, since=since, until=until, limit=limit)


def spans_df(
    where: str | None = None,
    *,
    since: When | None = None,
    until: When | None = None,
    limit: int | None = None,
    columns: Sequence[str] | None = None,
    text: bool = True,
) -> pd.DataFrame:
    """Return one row a span as a DataFrame, oldest first; see :meth:`Store.spans_df`."""
    return current_store().spans_df(where, since=since, until=until, limit=limit, columns=columns, text=text)


def scores_df(
    where: str | None = None, *, since: When | None = None, until: When | None = None, limit: int | None = None
) -> pd.DataFrame:
    """Return one row a score as a DataFrame, oldest first; see :meth:`Store.scores_df`."""
    return current_store().scores_df(where, since=since, until=until, limit=limit)


def sql(query: str, params: Sequence[Any] | dict[str, Any] = ()) -> pd.DataFrame:
    """Run one reading SQL statement on the store and return its rows; see :meth:`Store.sql`."""
    return current_store().sql(query, params)


_with_columns(traces_df, traces_frame)
_with_columns(spans_df, spans_frame)
_with_columns(scores_df, scores_frame)
_with_columns(TraceComparison.to_frame, comparison_frame)
