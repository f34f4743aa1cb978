"""``Trace`` and ``Traces``: what reading gives back, in Python, as text, as pandas and on screen."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from ..model import Score, Span, TraceSummary
from ..model.given import width_of
from ..store._filter import parse_filter
from ..store._filter_sql import filter_to_sql
from ..store._read import StoreReader

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from ..frames._whole import Complete
    from ..widgets import TraceExplorer, TraceTable


class Trace:
    """The spans of one trace. Displayed in a notebook it is the trace explorer; printed, a text tree.

    ``trace.root`` is its first span, ``trace.spans`` all of them in order of start, ``trace.summary`` the totals.
    Reading is lazy and happens once: a trace that was still running is read anew by ``sb.get_trace``.
    """

    def __init__(self, reader: StoreReader, summary: TraceSummary) -> None:
        self._reader = reader
        self.summary = summary
        self.trace_id = summary.trace_id

    @cached_property
    def spans(self) -> list[Span]:
        """All spans in order of start, with payloads, events and scores."""
        return self._reader.spans(self.trace_id)

    @property
    def root(self) -> Span:
        """The span the trace is named after: its root, or the first orphan while the root has not arrived."""
        wanted = self.summary.root_span_id
        return next((span for span in self.spans if span.span_id == wanted), self.spans[0])

    def children(self, span_id: str | None) -> list[Span]:
        """Return the children of a span in order of start; of None, the roots (orphans among them)."""
        if span_id is not None:
            return [span for span in self.spans if span.parent_id == span_id]
        have = {span.span_id for span in self.spans}
        return [span for span in self.spans if span.parent_id is None or span.parent_id not in have]

    @property
    def scores(self) -> list[Score]:
        """Scores about the trace as a whole."""
        return self._reader.scores("trace_id = ? AND span_id IS NULL", [self.trace_id])

    @property
    def name(self) -> str:
        """Name of the root span."""
        return self.summary.name

    @property
    def status(self) -> str:
        """ "open", "interrupted", "ok" or "error"."""
        return self.summary.status

    @property
    def duration_ms(self) -> float | None:
        """Milliseconds from the first start to the last end, None while a span is open."""
        return self.summary.duration_ms

    @property
    def cost_usd(self) -> float | None:
        """US dollars of all counted calls, None when no price is known."""
        return self.summary.cost_usd

    @property
    def input(self) -> Any:
        """What the root span was given."""
        return self.root.input

    @property
    def output(self) -> Any:
        """What the root span returned."""
        return self.root.output

    def to_text(self, *, width: int = 100) -> str:
        """Return the trace as a text tree, at most ``width`` characters wide."""
        from ..frames import trace_text

        return trace_text(self.summary, self.spans, width=width_of(width))

    def to_frame(self, *, text: bool = True) -> pd.DataFrame:
        """Return one row a span, the columns of ``sb.spans_df``."""
        from ..frames import trace_frame

        return trace_frame(self._reader, self.trace_id, text=text)

    def to_otlp(self) -> dict[str, Any]:
        """Return the trace as an OTLP/JSON ``ExportTraceServiceRequest`` with OTel GenAI attributes, and its files."""
        from ..frames import trace_otlp

        return trace_otlp(self.spans, complete=self._completer())

    def _completer(self) -> Complete:
        from ..frames import completer

        return completer(self._reader, self.spans)

    def export_html(self, path: str | os.PathLike[str]) -> Path:
        """Write one self-contained HTML file with the explorer, which opens from disk with no network.

        Raises:
            UsageError: the path is a folder or cannot be written.
        """
        from ..widgets import export_html

        return export_html(self._reader, self.trace_id, path)

    def view(self) -> TraceExplorer:
        """Return the trace explorer widget; the last expression of a cell shows it."""
        from ..widgets import TraceExplorer

        return TraceExplorer(self._reader, self.trace_id)

    def _ipython_display_(self) -> None:
        self.view()._ipython_display_()

    def _display_(self) -> Any:  # marimo
        return self.view()

    def _repr_html_(self) -> str:
        from ..widgets import snapshot_html

        return snapshot_html(self._reader, self.trace_id)

    def __str__(self) -> str:
        return self.to_text()

    def __eq__(self, other: object) -> bool:
        """Whether it is the same trace of the same store, read at whatever moment."""
        if not isinstance(other, Trace):
            return NotImplemented
        return (self._reader.path, self.trace_id) == (other._reader.path, other.trace_id)

    def __hash__(self) -> int:
        return hash((self._reader.path, self.trace_id))

    def __repr__(self) -> str:
        from ..model.format import format_count, format_duration, format_money

        s = self.summary
        facts = [f"{format_count(s.n_spans)} spans", s.status]
        if s.duration_ms is not None:
            facts.append(format_duration(s.duration_ms))
        if s.cost_usd is not None:
            facts.append(format_money(s.cost_usd))
        return f"<Trace {s.trace_id} {s.name!r} {' · '.join(facts)}>"


class Traces(Sequence[Trace]):
    """Traces that match a filter, newest first; a sequence of :class:`Trace`, and a table in a notebook."""

    def __init__(
        self, reader: StoreReader, where: str | None, window: tuple[int | None, int | None], limit: int | None
    ) -> None:
        self._reader, self.where, self._window, self.limit = reader, where, window, limit
        sql, values = filter_to_sql(parse_filter(where, on="traces")) if where else ("1", [])
        self._found = reader.trace_summaries(sql, values, since_ns=window[0], until_ns=window[1], limit=limit)

    @overload
    def __getitem__(self, index: int) -> Trace: ...
    @overload
    def __getitem__(self, index: slice) -> list[Trace]: ...
    def __getitem__(self, index: int | slice) -> Trace | list[Trace]:
        if isinstance(index, slice):
            return [Trace(self._reader, summary) for summary in self._found[index]]
        return Trace(self._reader, self._found[index])

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Trace]:
        return (Trace(self._reader, summary) for summary in self._found)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a trace, the columns of ``sb.traces_df``."""
        from ..frames import traces_frame

        return traces_frame(self._reader, self.where, self._window, self.limit)

    def export_html(self, path: str | os.PathLike[str], *, traces: int = 200) -> Path:
        """Write one self-contained HTML file with the table, in which the first ``traces`` can be opened.

        Raises:
            UsageError: the path is a folder or cannot be written, or ``traces`` is no number.
        """
        view = self.view()
        try:
            return view.export_html(path, traces=traces)
        finally:
            view.close()

    def view(self) -> TraceTable:
        """Return the table of these traces; the last expression of a cell shows it.

        Kept in a name, ``w.selected``, ``w.selected_df``, ``w.filter``, ``w.sort`` and ``w.columns`` follow what is
        done in it, and what is set there is shown.
        """
        from ..frames import listed_frame
        from ..widgets import TraceTable

        return TraceTable(self._reader, self.where, self._window, self.limit, frame=listed_frame)

    def _ipython_display_(self) -> None:
        self.view()._ipython_display_()

    def _display_(self) -> Any:  # marimo
        return self.view()

    def to_text(self, *, width: int = 100) -> str:
        """Return the table as text; each id as long as ``sb.get_trace`` needs it to tell it from all others."""
        from ..frames import traces_text

        digits = self._reader.digits_of([summary.trace_id for summary in self._found])
        return traces_text(self._found, width_of(width), digits)

    def __repr__(self) -> str:
        return self.to_text()
