"""``spans_df``: one row a span."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from ..model import UsageError
from ..store._columns import Payloads, Selection, parse_all, read_events, read_spans, select
from ..store._filter_names import nearest
from ..store._read import StoreReader
from ._collector import paused_collector
from ._columns import Column, Form, each, make_frame, milliseconds_between, to_times

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: Columns in order, and what each holds. Times, durations and the payloads are made from other columns of the store.
_FORMS: Final[dict[str, Form]] = {
    "trace_id": "label",
    "span_id": "text",
    "parent_id": "label",
    "name": "label",
    "kind": "label",
    "status": "label",
    "level": "label",
    "start": "time",
    "end": "time",
    "duration_ms": "float",
    "time_to_first_token_ms": "float",
    "model": "label",
    "provider": "label",
    "response_id": "text",
    "finish_reason": "label",
    "input_tokens": "count",
    "output_tokens": "count",
    "cache_read_tokens": "count",
    "cache_write_tokens": "count",
    "reasoning_tokens": "count",
    "audio_input_tokens": "count",
    "audio_output_tokens": "count",
    "cost_usd": "float",
    "input_cost_usd": "float",
    "output_cost_usd": "float",
    "cost_source": "label",
    "counted": "bool",
    "error_type": "label",
    "user_id": "label",
    "session_id": "label",
    "tags": "object",
    "environment": "label",
    "release": "label",
    "feature": "label",
    "region": "label",
    "prompt_name": "label",
    "prompt_version": "label",
    "notebook": "label",
    "cell_id": "label",
    "execution_count": "count",
    "cell_hash": "label",
    "git_commit": "label",
    "process_id": "count",
    "input": "object",
    "output": "object",
    "error": "object",
    "metadata": "object",
    "model_parameters": "object",
    "tools": "object",
    "attributes": "object",
    "events": "object",
    "links": "object",
}
#: Columns of ``spans_df`` that ``text=False`` leaves out.
PAYLOADS: Final = ("input", "output", "error", "metadata", "model_parameters", "tools", "attributes", "events", "links")
SPAN_FRAME_COLUMNS: Final = tuple(_FORMS)

#: What columns are computed from.
_SOURCES: Final = {
    "start": ("start_ns",),
    "end": ("end_ns",),
    "duration_ms": ("start_ns", "end_ns"),
    "time_to_first_token_ms": ("start_ns", "first_token_ns"),
    "events": ("trace_id", "span_id"),
}
#: Rows whose payloads are decoded together: many, so that a call costs little a row, yet no second copy of all text.
_DECODED_AT_ONCE: Final = 5_000
_NS: Final = frozenset({"start_ns", "end_ns", "first_token_ns"})
#: What stands in a row that has none; the model says None for the others.
_EMPTY: Final[dict[str, type]] = {"metadata": dict, "attributes": dict, "links": list, "tags": list}


def spans_frame(
    reader: StoreReader,
    where: str | None = None,
    window: tuple[int | None, int | None] = (None, None),
    limit: int | None = None,
    *,
    columns: Sequence[str] | None = None,
    text: bool = True,
) -> pd.DataFrame:
    """Return one row a span, oldest first.

    =========================  ========================  ==========================================================
    columns                    dtype                     what they hold
    =========================  ========================  ==========================================================
    trace_id, span_id,         string                    32, 16 and 16 lowercase hex digits; ``parent_id`` is
    parent_id                                            missing in a root
    name, kind, status, level  string                    ``status``: open, interrupted, ok or error
    start, end                 datetime64[ns, UTC]       ``end`` is NaT while the span is open
    duration_ms,               float64                   milliseconds from ``start``; NaN while open, or when
    time_to_first_token_ms                               nothing was streamed
    model, provider,           string
    response_id,
    finish_reason
    input_tokens,              Int64                     inclusive; missing when the client gave no usage
    output_tokens
    cache_read_tokens,         Int64                     parts of the two above
    cache_write_tokens,
    reasoning_tokens,
    audio_input_tokens,
    audio_output_tokens
    cost_usd, input_cost_usd,  float64                   US dollars; NaN when no price is known
    output_cost_usd
    cost_source                string                    "client", or the price table
    counted                    bool                      whether its usage is part of its trace's totals: False for
                                                         a call that was seen twice
    error_type                 string                    class of the exception
    user_id, session_id        string
    tags                       object                    list of str, empty when there are none
    environment, release,      string
    feature, region,
    prompt_name,
    prompt_version
    notebook, cell_id,         string, Int64 for         where in the notebook it came from
    execution_count,           ``execution_count`` and
    cell_hash, git_commit,     ``process_id``
    process_id
    input, output              object                    a list of messages for llm spans, else the JSON form of the
                                                         value; None when there is none
    error                      object                    dict of type, module, message, traceback; None
    metadata, attributes       object                    dict, empty when there is none
    model_parameters, tools    object                    dict; list; None
    events                     object                    list of dicts of name, time (a UTC ``Timestamp``), data
    links                      object                    list
    =========================  ========================  ==========================================================

    The dtypes are the same for any rows, also for none. A value of 200 characters or more that several spans hold (such
    as a message of a chat that is sent again with each call) is one Python object in all of them: copy it before
    changing it.

    Args:
        reader: The store.
        where: A filter on spans; None for all.
        window: Only spans that started at or after the first and before the second moment, nanoseconds; None is open.
        limit: At most so many, the newest.
        columns: Which columns, in this order; all when None.
        text: False leaves out ``input`` and what stands behind it, and is four times as fast.

    Raises:
        FilterError: the filter cannot be understood.
        UsageError: an unknown column.
    """
    wanted, chosen = _wanted(columns, text), select("spans", where, window, limit)
    with reader.making_records():
        return _frame(reader, wanted, chosen)


def trace_frame(reader: StoreReader, trace_id: str, *, text: bool = True) -> pd.DataFrame:
    """Return the spans of one trace, oldest first; columns as in :func:`spans_frame`."""
    with reader.making_records():
        return _frame(reader, _wanted(None, text), Selection("s.trace_id = ?", [trace_id]))


def _wanted(columns: Sequence[str] | None, text: bool) -> list[str]:
    if columns is None:
        return [name for name in SPAN_FRAME_COLUMNS if text or name not in PAYLOADS]
    is_list = isinstance(columns, Iterable) and not isinstance(columns, str)
    if not is_list or not all(isinstance(name, str) for name in columns):
        raise UsageError(f"columns={columns!r} is no list of names; give for example ['name', 'duration_ms'].")
    wanted = list(dict.fromkeys(columns))
    for name in wanted:
        if name not in _FORMS:
            near = nearest(name, SPAN_FRAME_COLUMNS)
            hint = f"did you mean {near!r}?" if near else "its columns are listed in help(spanbook.frames.spans_frame)."
            raise UsageError(f"spans_df has no column {name!r}; {hint}")
    return wanted


def _frame(reader: StoreReader, wanted: Sequence[str], chosen: Selection) -> pd.DataFrame:
    narrow, payloads = _stored(wanted)
    filled = {name: Column("time" if name in _NS else _FORMS[name]) for name in (*narrow, *payloads)}
    decoder = Payloads(reader)
    waiting: list[list[Any]] = [[] for _ in payloads]

    def decode() -> None:
        for name, values in zip(payloads, decoder.decode(waiting), strict=True):
            filled[name].extend(each(values, _EMPTY[name]) if name in _EMPTY else values)
        for values in waiting:
            values.clear()

    with paused_collector(), closing(read_spans(reader, [*narrow, *payloads], chosen)) as batches:
        for batch in batches:
            for name, column in zip(narrow, batch, strict=False):
                filled[name].extend(_tags(column) if name == "tags" else column)
            for values, column in zip(waiting, batch[len(narrow) :], strict=True):
                values += column
            if waiting and len(waiting[0]) >= _DECODED_AT_ONCE:
                decode()
        decode()
        if "events" in wanted:
            filled["events"] = _events(reader, decoder, filled["trace_id"].values(), filled["span_id"].values())
    order = _order(filled["start_ns"].values())
    return make_frame((name, _column(name, filled, order)) for name in wanted)


def _stored(wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the narrow and the payload columns of the store that these are made from."""
    names = ["start_ns"]  # rows are sorted by it
    for name in wanted:
        names += _SOURCES.get(name, (name,))
    payloads: list[str] = [name for name in PAYLOADS if name in names]
    return [name for name in dict.fromkeys(names) if name not in payloads], payloads


def _order(start: np.ndarray) -> np.ndarray | None:
    """Return the rows in order of start, None when they are; rows come in order of id, which decides ties."""
    import numpy as np

    if bool(np.all(start[1:] >= start[:-1])):
        return None
    return np.argsort(start, kind="stable")


def _column(name: str, filled: dict[str, Column], order: np.ndarray | None) -> Any:
    sources = _SOURCES.get(name, ())
    if name == "events" or not sources:
        return filled[name].array(order)
    arrays = [filled[source].values() for source in sources]
    if order is not None:
        arrays = [values[order] for values in arrays]
    return to_times(arrays[0]) if len(arrays) == 1 else milliseconds_between(*arrays)


def _tags(values: Sequence[str | None]) -> list[list[str]]:
    """Return a list of its own for each row; equal texts are parsed once."""
    texts = [text for text in dict.fromkeys(values) if text]
    known = dict(zip(texts, parse_all(texts), strict=True))
    return [list(known[text]) if text and isinstance(known[text], list) else [] for text in values]


def _events(reader: StoreReader, decoder: Payloads, traces: np.ndarray, spans: np.ndarray) -> Column:
    import pandas as pd

    column = Column("object")
    found = read_events(reader, set(traces.tolist()))
    made: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for key, events in found.items():
        data = decoder.decode([[payload for _, _, payload in events]])[0]
        made[key] = [
            {"name": name, "time": pd.Timestamp(time_ns, unit="ns", tz="UTC"), "data": value}
            for (name, time_ns, _), value in zip(events, data, strict=True)
        ]
    column.extend([made.get(key) or [] for key in zip(traces, spans, strict=True)] if made else [[] for _ in spans])
    return column
