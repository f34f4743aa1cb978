"""``log``: everything that happened in a trace in order of time, by pages, however many spans there are."""

from __future__ import annotations

from typing import Any, Final

from ..store._codec import to_text
from ..store._log import ENTRY_KINDS, LogEntry, errors_of, events_of, log_counts, log_page, log_place, scores_of
from ..store._read import StoreReader
from ._facts import shortened
from ._state import TraceState

#: Entries that one answer holds at most.
MAX_PAGE: Final = 1_000
#: Characters of a text; the detail of its span has all of it.
MAX_TEXT: Final = 300


def log(state: TraceState, params: dict[str, Any]) -> dict[str, Any]:
    """Return a page as ``LogPage`` in js/src/core/log.ts, or ``{"place": …}`` of the first entry of a ``row``.

    Raises:
        LookupError: ``offset``, ``limit``, ``kinds`` or ``row`` are none of this trace's.
    """
    reader, trace_id = state.reader, state.trace_id
    kinds = _kinds(params.get("kinds", list(ENTRY_KINDS)))
    if "row" in params:
        return {"place": log_place(reader, trace_id, kinds, state.span_id(params["row"]))}
    offset, limit = _whole(params, "offset", 0), _whole(params, "limit", 200)
    counts = log_counts(reader, trace_id)
    page = log_page(reader, trace_id, kinds, offset, min(limit, MAX_PAGE))
    return {"total": sum(counts[kind] for kind in kinds), "counts": counts, "entries": _told(state, page)}


def _kinds(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(kind in ENTRY_KINDS for kind in value):
        raise LookupError(f"kinds={value!r} has to be a list of some of {', '.join(map(repr, ENTRY_KINDS))}.")
    return [kind for kind in ENTRY_KINDS if kind in value]


def _whole(params: dict[str, Any], name: str, default: int) -> int:
    value = params.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise LookupError(f"{name}={value!r} has to be a whole number from 0 on.")
    return value


def _told(state: TraceState, page: list[LogEntry]) -> list[dict[str, Any]]:
    texts = {what: _texts(state.reader, what, page) for what in ("error", "event", "score")}
    with state.lock:
        base_ns, row_of = state.columns.base_ns, state.columns.row_of
        root = row_of.get(state.trace["root_span_id"], -1)
        return [
            {
                "at_ms": (entry.time_ns - base_ns) / 1e6,
                "what": entry.what,
                "row": root if entry.span_id is None else row_of.get(entry.span_id, -1),
                **texts.get(entry.what, {}).get(entry.number, {}),
            }
            for entry in page
        ]


def _texts(reader: StoreReader, what: str, page: list[LogEntry]) -> dict[int, dict[str, str]]:
    """Return ``{label, text}`` of the entries of one kind by their numbers; what the columns say is not said again."""
    numbers = [entry.number for entry in page if entry.what == what]
    if what == "error":
        return {number: _error(error) for number, error in errors_of(reader, numbers).items()}
    if what == "event":
        return {number: _both(name, _json(data)) for number, (name, data) in events_of(reader, numbers).items()}
    return {
        number: _both(name, " · ".join(filter(None, (_json(value), source, comment))))
        for number, (name, value, source, comment) in scores_of(reader, numbers).items()
    }


def _error(error: Any) -> dict[str, str]:
    if not isinstance(error, dict):
        return _both("", _json(error))
    return _both(str(error.get("type") or ""), _json(error.get("message")))


def _both(label: str, text: str) -> dict[str, str]:
    return {"label": shortened(label, MAX_TEXT), "text": shortened(text, MAX_TEXT)}


def _json(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else to_text(value)
