"""``traces_df``, ``scores_df`` and the rows of free SQL."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from ..store._columns import Columns, Selection, parse_all, read_scores, read_traces, select
from ..store._guard import run_query
from ..store._read import StoreReader
from ._columns import Column, Form, each, make_frame, milliseconds_between, to_times

if TYPE_CHECKING:
    import pandas as pd

_TRACES: Final[dict[str, Form]] = {
    "trace_id": "text",
    "name": "label",
    "start_ns": "time",
    "end_ns": "time",
    "status": "label",
    "n_spans": "number",
    "n_errors": "number",
    "input_tokens": "count",
    "output_tokens": "count",
    "cost_usd": "float",
    "user_id": "label",
    "session_id": "label",
    "tags": "object",
    "metadata": "object",
    "environment": "label",
    "release": "label",
    "notebook": "label",
    "cell_id": "label",
    "execution_count": "count",
}
TRACE_FRAME_COLUMNS: Final = (
    "trace_id", "name", "start", "end", "duration_ms", "status", "n_spans", "n_errors", "input_tokens",
    "output_tokens", "cost_usd", "user_id", "session_id", "tags", "metadata", "environment", "release", "notebook",
    "cell_id", "execution_count",
)  # fmt: skip
_SCORES: Final[dict[str, Form]] = {
    "score_id": "text",
    "name": "label",
    "value": "object",
    "value_type": "label",
    "source": "label",
    "comment": "text",
    "evaluator": "label",
    "author": "label",
    "trace_id": "label",
    "span_id": "text",
    "session_id": "label",
    "created_ns": "time",
}
SCORE_FRAME_COLUMNS: Final = (
    "score_id", "name", "value", "number", "value_type", "source", "comment", "evaluator", "author", "trace_id",
    "span_id", "session_id", "created",
)  # fmt: skip

#: Longer than the guard's own: here somebody waits for the answer, and can interrupt it.
_QUERY_TIMEOUT_S: Final = 60.0


def traces_frame(
    reader: StoreReader,
    where: str | None = None,
    window: tuple[int | None, int | None] = (None, None),
    limit: int | None = None,
) -> pd.DataFrame:
    """Return one row a trace, newest first.

    =============================  ====================  ==========================================================
    columns                        dtype                 what they hold
    =============================  ====================  ==========================================================
    trace_id, name, status         string                32 hex digits; name of the root span; open, interrupted, ok
                                                         or error
    start, end                     datetime64[ns, UTC]   first start, last end; NaT while a span is open
    duration_ms                    float64               milliseconds from ``start`` to ``end``, or NaN
    n_spans, n_errors              int64                 spans; those that failed
    input_tokens, output_tokens    Int64                 sums over counted llm and embedding spans; missing when no
                                                         call gave its usage
    cost_usd                       float64               US dollars; NaN when no price is known
    user_id, session_id            string
    tags, metadata                 object                list of str; dict. Empty when there is none
    environment, release           string
    notebook, cell_id,             string, string,       where in the notebook it came from
    execution_count                Int64
    =============================  ====================  ==========================================================

    The dtypes are the same for any rows, also for none.

    Args:
        reader: The store.
        where: A filter on traces; None for all.
        window: Only traces that started at or after the first and before the second moment, nanoseconds; None is open.
        limit: At most so many, the newest.

    Raises:
        FilterError: the filter cannot be understood.
    """
    return _traces_frame(reader, select("traces", where, window, limit))


def listed_frame(reader: StoreReader, trace_ids: Sequence[str]) -> pd.DataFrame:
    """Return the rows of :func:`traces_frame` for these traces, in their order; those that are gone are left out."""
    chosen = Selection("t.trace_id IN (SELECT value FROM json_each(?))", [json.dumps(list(trace_ids))])
    frame = _traces_frame(reader, chosen)
    row_of = {trace_id: row for row, trace_id in enumerate(frame["trace_id"])}
    return frame.iloc[[row_of[each] for each in trace_ids if each in row_of]].reset_index(drop=True)


def _traces_frame(reader: StoreReader, chosen: Selection) -> pd.DataFrame:
    with reader.making_records():
        filled = _fill(_TRACES, read_traces(reader, list(_TRACES), chosen))
        made = {
            "start": to_times(filled["start_ns"].values()),
            "end": to_times(filled["end_ns"].values()),
            "duration_ms": milliseconds_between(filled["start_ns"].values(), filled["end_ns"].values()),
            "tags": _parsed(filled["tags"], list),
            "metadata": _parsed(filled["metadata"], dict),
        }
    return make_frame((name, made[name] if name in made else filled[name].array()) for name in TRACE_FRAME_COLUMNS)


def scores_frame(
    reader: StoreReader,
    where: str | None = None,
    window: tuple[int | None, int | None] = (None, None),
    limit: int | None = None,
) -> pd.DataFrame:
    """Return one row a score, oldest first; earlier scores of the same name are rows too.

    =============================  ====================  ==========================================================
    columns                        dtype                 what they hold
    =============================  ====================  ==========================================================
    score_id, name                 string
    value                          object                float, bool or str
    number                         float64               the value of numbers, 1 and 0 for True and False, else NaN
    value_type                     string                number, bool, label or text
    source                         string                human, code, llm or user
    comment, evaluator, author     string
    trace_id, span_id, session_id  string                what it is about; ``span_id`` is missing for a whole trace
    created                        datetime64[ns, UTC]
    =============================  ====================  ==========================================================

    Args:
        reader: The store.
        where: A filter on the fields of a score, such as ``'name == "correct" and value < 0.5'``; None for all.
        window: Only scores made at or after the first and before the second moment, nanoseconds; None is open.
        limit: At most so many, the newest.

    Raises:
        FilterError: the filter cannot be understood.
    """
    chosen = select("scores", where, window, limit)
    values, numbers = Column("object"), Column("float")
    with reader.making_records():
        filled = _fill(_SCORES, read_scores(reader, list(_SCORES), chosen))
        for value, kind in zip(filled["value"].values(), filled["value_type"].values(), strict=True):
            values.extend([bool(value) if kind == "bool" else value])
            numbers.extend([value if kind in ("bool", "number") else None])
    made = {
        "value": values.array(),
        "number": numbers.array(),
        "created": to_times(filled["created_ns"].values()),
    }
    return make_frame((name, made[name] if name in made else filled[name].array()) for name in SCORE_FRAME_COLUMNS)


def query_frame(reader: StoreReader, query: str, params: Sequence[Any] | dict[str, Any] = ()) -> pd.DataFrame:
    """Return the rows of one reading SQL statement.

    A column of integers is int64 (Int64 when some are NULL), of numbers float64, of texts ``string``; any other is
    ``object`` with plain values. SQLite has no times: make them of nanoseconds with
    ``pd.to_datetime(df.start_ns, utc=True)``.

    Raises:
        QueryError: it writes, calls what is not allowed, is wrong, or runs too long.
    """
    result = run_query(reader.path, query, params, timeout_s=_QUERY_TIMEOUT_S)
    columns = list(zip(*result.rows, strict=True)) if result.rows else [() for _ in result.columns]
    frame = make_frame(enumerate(_guessed(values) for values in columns))  # names of SQL columns may repeat
    frame.columns = result.columns
    return frame


def _fill(forms: dict[str, Form], batches: Generator[Columns]) -> dict[str, Column]:
    filled = {name: Column(form) for name, form in forms.items()}
    with closing(batches):
        for batch in batches:
            for column, values in zip(filled.values(), batch, strict=True):
                column.extend(values)
    return filled


def _parsed(column: Column, empty: type) -> Any:
    texts = column.values()
    parsed = iter(parse_all([text for text in texts if text]))
    out = Column("object")
    out.extend(each([next(parsed) if text else None for text in texts], empty))
    return out.array()


def _guessed(values: Sequence[Any]) -> Any:
    """Return the array that suits the values of one column of a query."""
    import numpy as np
    import pandas as pd

    kinds = {type(value) for value in values}
    is_missing = np.fromiter((value is None for value in values), dtype="bool", count=len(values))
    kinds.discard(type(None))
    if kinds == {int}:
        numbers = np.fromiter((value or 0 for value in values), dtype="int64", count=len(values))
        return pd.arrays.IntegerArray(numbers, is_missing) if is_missing.any() else numbers
    if kinds and kinds <= {int, float}:
        return np.array(values, dtype="float64")
    column = Column("text" if kinds == {str} else "object")
    column.extend(values)
    return column.array()
