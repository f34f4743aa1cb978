"""What a trace's row says of its spans: counts, sums, first start and last end, and what its root tells of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from ..model import COUNTED_KINDS
from ._schema import TRACE_COLUMNS

Row = dict[str, Any]

_SUMS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens", "cost_usd")
_NEVER: Final = (None,) * len(_SUMS)
_summed: Final = itemgetter(*_SUMS)
#: Fields a trace takes from its root, or from any span while the root has none.
_FROM_SPANS: Final = ("user_id", "session_id", "environment", "release", "feature", "region")
_FROM_ROOT: Final = ("notebook", "cell_id", "execution_count", "cell_hash", "git_commit", "process_id")
_told: Final = itemgetter(*_FROM_SPANS, "tags")
_NOTHING: Final = (None,) * (len(_FROM_SPANS) + 1)
_EMPTY: Final[Row] = dict.fromkeys(TRACE_COLUMNS) | {
    "status": "open",
    "n_spans": 0,
    "n_open": 0,
    "n_errors": 0,
    "n_llm": 0,
}


def rank_as_root(row: Row) -> tuple[bool, int, str]:
    """Order the spans of a trace: the first is its root. A real root comes before orphans, then the earlier one."""
    return row["parent_id"] is not None, row["start_ns"], row["span_id"]


def add_spans(trace: Row | None, rows: Sequence[Row]) -> Row:
    """Count and sum new spans; returns the row of their trace, which is made where there is none."""
    if trace is None:
        trace = _EMPTY | {"trace_id": rows[0]["trace_id"], "start_ns": rows[0]["start_ns"]}
    statuses = [row["status"] for row in rows]
    trace["n_spans"] += len(rows)
    trace["n_open"] += statuses.count("open")
    trace["n_errors"] += statuses.count("error")
    counted = [row for row in rows if row["kind"] in COUNTED_KINDS and row["counted"]]
    trace["n_llm"] += [row["kind"] for row in counted].count("llm")
    for name, values in zip(_SUMS, zip(*map(_summed, counted), strict=True), strict=False):
        if values.count(None) < len(values):
            trace[name] = sum(filter(None, values), trace[name] or 0)
    trace["start_ns"] = min(trace["start_ns"], *[row["start_ns"] for row in rows])
    ends = [row["end_ns"] for row in rows if row["end_ns"] is not None]
    if ends:
        trace["end_ns"] = max(trace["end_ns"] or 0, *ends)
    return trace


def change_span(trace: Row, old: Row, row: Row) -> None:
    """Change counts and sums as one of the trace's spans did."""
    trace["n_open"] += (row["status"] == "open") - (old["status"] == "open")
    trace["n_errors"] += (row["status"] == "error") - (old["status"] == "error")
    trace["n_llm"] += _is_llm_call(row) - _is_llm_call(old)
    for name, after, before in zip(_SUMS, _sums(row), _sums(old), strict=True):
        if after is not None or before is not None:
            trace[name] = (trace[name] or 0) + (after or 0) - (before or 0)
    trace["start_ns"] = min(trace["start_ns"], row["start_ns"])
    if row["end_ns"] is not None:
        trace["end_ns"] = max(trace["end_ns"] or 0, row["end_ns"])


def _is_llm_call(row: Row) -> bool:
    return row["kind"] == "llm" and bool(row["counted"])


def set_root(trace: Row, row: Row) -> None:
    """Let the trace be named after this span; what another one said of it goes."""
    trace["root_span_id"] = row["span_id"]
    trace["metadata"] = None
    for name in _FROM_ROOT:
        trace[name] = None


def tells(row: Row) -> bool:
    """Whether a trace takes anything from a span that is not its root."""
    return bool(_told(row) != _NOTHING)


def take_fields(trace: Row, row: Row, metadata: Mapping[str, Any] | None, *, older: bool) -> None:
    """Copy what a trace knows from its spans: the root's values first, else any span's."""
    is_chosen = trace["root_span_id"] == row["span_id"]
    if is_chosen:
        trace["name"] = row["name"]
        for name in _FROM_ROOT:
            if row[name] is not None:
                trace[name] = row[name]
        if metadata and not (older and trace["metadata"]):
            trace["metadata"] = json.dumps(metadata, ensure_ascii=False)
    for name in _FROM_SPANS:
        if row[name] is not None and (is_chosen or trace[name] is None):
            trace[name] = row[name]
    if row["tags"]:
        have = json.loads(trace["tags"]) if trace["tags"] else []
        more = [tag for tag in json.loads(row["tags"]) if tag not in have]
        if more or not have:
            trace["tags"] = json.dumps([*have, *more], ensure_ascii=False)


def _sums(row: Row) -> tuple[Any, ...]:
    return _summed(row) if row["counted"] and row["kind"] in COUNTED_KINDS else _NEVER
