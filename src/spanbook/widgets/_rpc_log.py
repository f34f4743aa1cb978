"""``log``: everything that happened in a trace in order of time, by pages, however many spans there are."""

from __future__ import annotations

import threading
from typing import Any, Final

from ..store._codec import to_text
from ..store._log import ENTRY_KINDS, LogEntry, TraceLog, log_counts
from ._facts import shortened
from ._state import TraceState

#: Entries that one answer holds at most.
MAX_PAGE: Final = 1_000
#: Characters of a text; the detail of its span has all of it.
MAX_TEXT: Final = 300


class LogRequests:
    """Answers about the log of one trace; the order of its entries is read again when there are more of them."""

    def __init__(self, state: TraceState) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._log: TraceLog | None = None

    def answer(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return a page as ``LogPage`` in js/src/core/log.ts, or ``{"place": …}`` of the first entry of a ``row``.

        Raises:
            LookupError: ``offset``, ``limit``, ``kinds`` or ``row`` are none of this trace's.
        """
        kinds = _kinds(params.get("kinds", list(ENTRY_KINDS)))
        if "row" in params:
            span_id = self._state.span_id(params["row"])
            return {"place": self._current()[1].place(kinds, span_id)}
        offset, limit = whole_number(params, "offset", 0), whole_number(params, "limit", 200)
        counts, log = self._current()
        page = log.page(kinds, offset, min(limit, MAX_PAGE))
        return {"total": sum(counts[kind] for kind in kinds), "counts": counts, "entries": _told(self._state, page)}

    def _current(self) -> tuple[dict[str, int], TraceLog]:
        reader, trace_id = self._state.reader, self._state.trace_id
        with self._lock:
            counts = log_counts(reader, trace_id)
            if self._log is None or counts != self._counts:
                self._log, self._counts = TraceLog(reader, trace_id), counts
            return self._counts, self._log


def _kinds(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(kind in ENTRY_KINDS for kind in value):
        raise LookupError(f"kinds={value!r} has to be a list of some of {', '.join(map(repr, ENTRY_KINDS))}.")
    return [kind for kind in ENTRY_KINDS if kind in value]


def whole_number(params: dict[str, Any], name: str, default: int) -> int:
    """Return a parameter that counts something.

    Raises:
        LookupError: it is no whole number from 0 on.
    """
    value = params.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise LookupError(f"{name}={value!r} has to be a whole number from 0 on.")
    return value


def _told(state: TraceState, page: list[LogEntry]) -> list[dict[str, Any]]:
    with state.lock:
        base_ns, row_of = state.columns.base_ns, state.columns.row_of
        root = row_of.get(state.trace["root_span_id"], -1)
        return [
            {
                "at_ms": (entry.time_ns - base_ns) / 1e6,
                "what": entry.what,
                "row": root if entry.span_id is None else row_of.get(entry.span_id, -1),
                **_texts(entry),
            }
            for entry in page
        ]


def _texts(entry: LogEntry) -> dict[str, str]:
    """Return ``label`` and ``text`` of an entry; what the page has in its columns is not said again."""
    if entry.about is None:
        return {}
    if entry.what == "error":
        error = entry.about if isinstance(entry.about, dict) else {"message": entry.about}
        label, text = str(error.get("type") or ""), _json(error.get("message"))
    elif entry.what == "event":
        label, text = entry.about[0], _json(entry.about[1])
    else:
        label, (value, source, comment) = entry.about[0], entry.about[1:]
        text = " · ".join(filter(None, (_json(value), source, comment)))
    return {"label": shortened(label, MAX_TEXT), "text": shortened(text, MAX_TEXT)}


def _json(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else to_text(value)
