"""The chip: the one quiet line under a cell that traced something, which opens into the explorer in place."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Final

import traitlets

from ..model import Span, clock
from ..store._read import StoreReader
from ..store._tree import TREE_COLUMNS, trace_rows, tree_rows
from ..tracer import _recorder
from . import _display
from ._base import SETTLED_S, SpanbookWidget, esm
from ._facts import BAR_FIELDS, bars, chip_facts
from ._live import Change
from ._opened import OpenTraces
from ._requests import Answer
from ._rpc_files import asset
from ._snapshot import chip_html, chip_text

#: Spans that are looked at for the miniature, of all traces together.
_MAX_SPANS: Final = 600
#: Seconds after which the duration of a cell that runs on is told again.
_BEAT_S: Final = 1.0


class Chip(SpanbookWidget):
    """Totals of the traces of one cell, and their explorers. Its traits are read by js/src/widgets/chip.ts."""

    _esm = esm("chip.js")
    _summary = traitlets.Dict().tag(sync=True)  # Python → page: totals, names of the traces, bars of the miniature
    _open = traitlets.Bool(False).tag(sync=True)  # both ways
    _view = traitlets.Dict().tag(sync=True)  # both ways: which trace, how its explorer was left

    #: Spans of this process that were dropped before the last cell that said so ended.
    _dropped_told: ClassVar[int] = 0
    _dropped_to: int | None

    def __init__(self, reader: StoreReader, trace_ids: Sequence[str] = (), *, running: bool = False) -> None:
        """Make the chip of a cell.

        Args:
            reader: Of the store that holds the traces.
            trace_ids: 32 hex digits each; traces that are not folded yet appear when they are.
            running: Whether the cell still runs; :meth:`finish` says when it has ended.

        Raises:
            StoreError: the store cannot be read.
        """
        self._ids: dict[str, None] = dict.fromkeys(trace_ids)
        self._traces: dict[str, dict[str, Any]] = {}
        self._spans: dict[tuple[str, str], dict[str, Any]] = {}
        self._bars: list[list[float]] | None = None  # of a cell that is over; its spans are forgotten
        self._open_traces = OpenTraces(reader)
        self._cell_runs = running
        self._changed_at: float | None = None  # when the page was told something that the snapshot does not say yet
        self._told_at = time.monotonic()
        self._dropped_from, self._dropped_to = Chip._dropped_told, None
        super().__init__(reader)

    def _read_first(self) -> dict[str, Any]:
        self._read(self._ids)
        return {"_summary": self._facts()}

    # -- what the cell does

    def add_traces(self, trace_ids: Iterable[str]) -> None:
        """Show these traces too."""
        with self._lock:
            new = dict.fromkeys(trace_id for trace_id in trace_ids if trace_id not in self._ids)
            if new:
                self._ids.update(new)
                self._read(new)
                self._tell()

    def finish(self) -> None:
        """Say that the cell has ended; traces that go on in threads or tasks of their own are still followed.

        What has ended with the cell may not have been told yet, and nbconvert takes the snapshot that is made now.
        """
        with self._lock:
            self._cell_runs = False
            self._dropped_to = Chip._dropped_told = _recorder.dropped
            stale = [each for each in self._ids if each not in self._traces or self._traces[each]["n_open"]]
            try:
                if stale:
                    self._read(stale)
            finally:
                self._tell()
            if not self._summary["running"]:
                self._settle()
        _display.renew_snapshot(self)

    def _settle(self) -> None:
        """Forget the spans: a notebook may hold hundreds of chips. Late ones have them read again."""
        self._bars = self._summary["bars"]
        self._spans.clear()

    @property
    def trace_ids(self) -> list[str]:
        """The traces it shows, in the order they were given."""
        return list(self._ids)

    @property
    def selected(self) -> Span | None:
        """The span selected in the open explorer, read anew; None while none is."""
        trace_id, span_id = self._view.get("trace"), self._view.get("selected")
        if trace_id not in self._ids or not isinstance(span_id, str):
            return None
        return self._reader.span(trace_id, span_id)

    def _read(self, trace_ids: Iterable[str]) -> None:
        new = list(trace_ids)
        self._traces.update(trace_rows(self._reader, new))
        self._read_spans(new if self._bars is None else self._ids)

    def _read_spans(self, trace_ids: Iterable[str]) -> None:
        self._bars = None
        for trace_id in trace_ids:
            room = _MAX_SPANS - len(self._spans)
            for row in tree_rows(self._reader, trace_id, room) if room > 0 else ():
                self._take_span(trace_id, dict(zip(TREE_COLUMNS, row, strict=True)))

    def _take_span(self, trace_id: str, span: dict[str, Any]) -> None:
        key = (trace_id, span["span_id"])
        if key in self._spans or len(self._spans) < _MAX_SPANS:
            self._spans[key] = {name: span[name] for name in BAR_FIELDS}

    def _take_spans(self, trace_id: str, spans: list[dict[str, Any]]) -> None:
        if spans and self._bars is not None:
            self._read_spans(self._ids)
        for span in spans:
            self._take_span(trace_id, span)

    def _facts(self) -> dict[str, Any]:
        traces = [self._traces[trace_id] for trace_id in self._ids if trace_id in self._traces]
        now = clock.now_ns()
        running = self._cell_runs or any(trace["n_open"] > 0 for trace in traces)
        dropped = (_recorder.dropped if self._dropped_to is None else self._dropped_to) - self._dropped_from
        facts = chip_facts(traces, len(self._ids), running=running, dropped=dropped, now_ns=now)
        facts["bars"] = bars(self._spans.values(), now) if self._bars is None else self._bars
        return {**facts, "snap": self._snapshot.uid}

    def _tell(self) -> int:
        facts = self._facts()
        if facts == self._summary:
            return 0
        self._told_at = time.monotonic()
        self.send_traits(_summary=facts)
        return 1

    # -- the page

    def _answer(self, method: Any, params: Any) -> Answer:
        given = params if isinstance(params, dict) else {}
        if method == "asset":
            return asset(given.get("name"))
        trace_id = given.get("trace")
        if trace_id not in self._ids:
            raise LookupError(f"trace {trace_id!r} is none of this cell's; open one of those it lists.")
        return self._open_traces.answer(self._lock, trace_id, method, given)

    @traitlets.observe("_open")
    def _open_changed(self, change: Any) -> None:
        if not change["new"]:  # a panel that is opened again loads its trace again
            with self._lock:
                self._open_traces.clear()

    def _take(self, changes: dict[str, Change]) -> int:
        sent = 0
        for trace_id in [each for each in changes if each in self._ids]:
            change = changes[trace_id]
            self._changed_at = time.monotonic()
            if change.trace is not None:
                self._traces[trace_id] = change.trace
            self._take_spans(trace_id, change.spans)
            sent += self.send_all(self._open_traces.take(trace_id, change))
            sent += self._tell()
        return sent

    def _tick(self, *, later: bool) -> tuple[int, bool]:
        """Tell what is being streamed in open explorers, and how long the cell runs; renew the snapshot at the end."""
        sent = self.send_all(self._open_traces.streamed(self._view.get("selected")))
        is_open = self._open_traces.is_any_running
        if self._cell_runs:
            beats = time.monotonic() - self._told_at >= _BEAT_S
            return sent + (self._tell() if beats else 0), True
        if self._changed_at is None or self._summary.get("running"):
            return sent, is_open
        if later and time.monotonic() - self._changed_at < SETTLED_S:
            return sent, True
        self._changed_at = None
        self._settle()
        _display.renew_snapshot(self)
        return sent + 1, is_open

    # -- as text

    def _html(self, uid: str | None) -> str:
        with self._lock:
            facts = self._facts()
        return chip_html(self._reader, facts, uid=uid)

    def __str__(self) -> str:
        with self._lock:
            return chip_text(self._facts())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._ids)} trace{'' if len(self._ids) == 1 else 's'}>"
