"""What a view knows of one trace: its rows, its totals, and how far the page has been told."""

from __future__ import annotations

import math
import threading
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..model import KINDS, clock
from ..store._read import StoreReader
from ..store._tree import TREE_COLUMNS, trace_rows, tree_rows
from ..tracer import _recorder
from ..tracer._cell import staleness
from ._columns import TreeColumns, u32
from ._facts import to_ms, trace_facts
from ._live import Change

#: Rows that are sent of one trace at first, and with every asking for more; how many are beyond is said.
MAX_ROWS: Final = 200_000
#: Smaller columns are not worth compressing.
_DEFLATE_ABOVE: Final = 16_384

Row = Mapping[str, Any]
Message = tuple[dict[str, Any], list[bytes]]


class TraceState:
    """One trace as shown; every method may be called from any thread."""

    def __init__(self, reader: StoreReader, trace_id: str, *, most: float = MAX_ROWS) -> None:
        """Read the trace.

        Args:
            reader: Of the store that holds the trace.
            trace_id: 32 hex digits.
            most: Rows that are taken in until the page asks for more.

        Raises:
            TraceNotFoundError: the store has no such trace.
            StoreError: the store cannot be read.
        """
        self.reader, self.trace_id = reader, trace_id
        self._most = most
        self.lock = threading.RLock()
        self.rev = 0
        self._dropped_before = _recorder.dropped
        self._stale: Any = None  # what the page was told of the cell that made the trace
        self._read()

    def _read(self) -> None:
        found = trace_rows(self.reader, [self.trace_id]).get(self.trace_id)
        if found is None:
            raise self.reader.no_such_trace(self.trace_id)
        rows = self._rows()
        base = min(found["start_ns"], rows[0][TREE_COLUMNS.index("start_ns")]) if rows else found["start_ns"]
        self.trace: Row = found
        self.columns = TreeColumns(rows, base)
        self._told = (len(self.columns.names.texts), len(self.columns.subs.texts))

    # -- what others ask

    @property
    def is_open(self) -> bool:
        """Whether a span of the trace has not ended."""
        return bool(self.trace["status"] == "open")

    def facts(self) -> dict[str, Any]:
        """Return the totals for the header."""
        facts = trace_facts(self.trace, _recorder.dropped - self._dropped_before)
        self._stale = (facts["cell"] or {}).get("stale")
        return facts

    def cell_news(self) -> dict[str, Any] | None:
        """Return the message that the cell of this trace ran since; None when the page knows, or it did not."""
        with self.lock:
            before = self._stale
            now = staleness(self.trace["cell_id"], self.trace["cell_hash"], self.trace["start_ns"])
            if now == before:
                return None
            return {"kind": "summary", "v": 1, "summary": self.facts()}

    def span_id(self, row: Any) -> str:
        """Return the span in a row.

        Raises:
            LookupError: there is no such row.
        """
        with self.lock:
            if not isinstance(row, int) or isinstance(row, bool) or not 0 <= row < len(self.columns):
                raise LookupError(f"row {row!r} is none of this trace's {len(self.columns)}; re-run this cell.")
            found: str = self.columns.span_ids[row]
            return found

    def rows_of(self, span_ids: Iterable[str]) -> list[int]:
        """Return the rows of these spans, in order; spans that are not shown are left out."""
        with self.lock:
            row_of = self.columns.row_of
            return sorted(row_of[span_id] for span_id in span_ids if span_id in row_of)

    # -- what the page is told

    def whole(self) -> tuple[dict[str, Any], bytes]:
        """Return (meta, columns) of all rows: ``TreeMeta`` in js/src/core/types.ts."""
        with self.lock:
            data, wide = self.columns.encode()
            self._told = (len(self.columns.names.texts), len(self.columns.subs.texts))
            meta = {
                "v": 1,
                "n": len(self.columns),
                "encoding": "raw",
                "names": list(self.columns.names.texts),
                "subs": list(self.columns.subs.texts),
                "wide_names": wide,
                "kinds": list(KINDS),
                "rev": self.rev,
                "summary": self.facts(),
                "trace_start_ms": to_ms(self.columns.base_ns),
                "now_ms": to_ms(clock.now_ns()),
                "cut": max(self.trace["n_spans"] - len(self.columns), 0),
            }
        if len(data) > _DEFLATE_ABOVE:
            meta["encoding"], data = "deflate", zlib.compress(data, 1)
        return meta, data

    def _rows(self) -> list[tuple[Any, ...]]:
        return tree_rows(self.reader, self.trace_id, None if self._most == math.inf else int(self._most))

    def read_again(self, *, more: bool = False) -> tuple[dict[str, Any], bytes]:
        """Take in what the store has that was missed, or ``more`` of a trace that was cut; return :meth:`whole`."""
        found = trace_rows(self.reader, [self.trace_id]).get(self.trace_id)
        if more and found is not None and found["n_spans"] > self._most:
            self._most += MAX_ROWS
        rows = self._rows()
        with self.lock:
            if more:
                rows = [row for row in rows if row[0] not in self.columns.row_of]
            if self._put(dict(zip(TREE_COLUMNS, row, strict=True)) for row in rows):
                self.rev += 1  # other pages of this view were not told: they see a gap, and ask too
            if found is not None and found["n_spans"] >= self.trace["n_spans"]:
                self.trace = found
            return self.whole()

    def apply(self, change: Change) -> list[Message]:
        """Take in what was written; return the messages and buffers that tell the page."""
        with self.lock:
            rows, scored = self._apply(change.spans, change.trace), self._scored(change.scored)
            told: list[Message] = [] if rows is None else [rows]
            return [*told, ({"kind": "scores", "v": 1, "rows": scored}, [])] if scored else told

    def _scored(self, span_ids: Iterable[str | None]) -> list[int]:
        """Return the rows of spans; what is said of the trace as a whole stands at its root."""
        ids = {span_id or self.trace["root_span_id"] for span_id in span_ids}
        return sorted(self.columns.row_of[span_id] for span_id in ids if span_id in self.columns.row_of)

    def _apply(self, spans: Iterable[Row], trace: Row | None) -> Message | None:
        changed = self._put(spans)
        if trace is not None:
            self.trace = trace
        if not changed:
            return None if trace is None else ({"kind": "summary", "v": 1, "summary": self.facts()}, [])
        self.rev += 1
        columns = self.columns
        data, wide = columns.encode(changed)
        names_from, subs_from = self._told
        self._told = (len(columns.names.texts), len(columns.subs.texts))
        message = {
            "kind": "rows",
            "v": 1,
            "rev": self.rev,
            "n": len(columns),
            "count": len(changed),
            "names_from": names_from,
            "names": columns.names.texts[names_from:],
            "subs_from": subs_from,
            "subs": columns.subs.texts[subs_from:],
            "wide_names": wide,
            "summary": self.facts(),
            "now_ms": to_ms(clock.now_ns()),
        }
        return message, [u32(changed), data]

    def _put(self, spans: Iterable[Row]) -> list[int]:
        changed: set[int] = set()
        for span in spans:
            if span["span_id"] in self.columns.row_of or len(self.columns) < self._most:
                changed.update(self.columns.put(span))
            if span["start_ns"] < self.columns.base_ns:
                self._rebase(span["start_ns"])
        return sorted(changed)

    def _rebase(self, base_ns: int) -> None:
        """Count from an earlier moment: a span that started before all others came late."""
        shift = (self.columns.base_ns - base_ns) / 1e6
        for row, start in enumerate(self.columns.start):
            self.columns.start[row] = start + shift
        self.columns.base_ns = base_ns
        self.rev += 1  # a gap in the revisions makes the page ask for everything
