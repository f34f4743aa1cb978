"""The trace explorer: one trace as a tree with a waterfall, and the detail of a span."""

from __future__ import annotations

import time
from typing import Any, Final

import traitlets

from ..model import Span
from ..store._read import StoreReader
from . import _display
from ._base import SETTLED_S, SpanbookWidget, esm
from ._live import Change
from ._requests import Answer, TraceRequests
from ._snapshot import snapshot_html, snapshot_text
from ._state import TraceState
from ._streams import Streams

#: Traits that hold the tree; one message sends all three.
_TREE: Final = frozenset({"_cols", "_meta", "_rev"})


class TraceExplorer(SpanbookWidget):
    """The explorer of one trace; live while it runs. Its traits are read by js/src/core/rpc.ts.

    ``selected_span_id`` follows the selection on screen and moves it when set; ``selected`` is that span. Both work
    without a page.
    """

    _esm = esm("explorer.js")
    _cols = traitlets.Bytes().tag(sync=True)  # Python → page: columns of the tree, see _columns.py
    _meta = traitlets.Dict().tag(sync=True)  # Python → page: how to read them, totals of the trace
    _rev = traitlets.Int(0).tag(sync=True)  # Python → page: revision of the columns
    _view = traitlets.Dict().tag(sync=True)  # both ways: what is open, which tab, how high
    _height = traitlets.Int(0).tag(sync=True)  # Python → page: px, 0 leaves it to the page
    selected_span_id = traitlets.Unicode(None, allow_none=True).tag(sync=True)  # both ways

    def __init__(self, reader: StoreReader, trace_id: str, *, height: int = 0) -> None:
        """Make the explorer of a trace.

        Args:
            reader: Of the store that holds the trace.
            trace_id: 32 hex digits.
            height: Of the body, in px; 0 leaves it to the page.

        Raises:
            TraceNotFoundError: the store has no such trace.
            StoreError: the store cannot be read.
        """
        self.trace_id = trace_id  # 32 hex digits
        self._changed_at: float | None = None  # when the page was told something that the traits do not say yet
        super().__init__(reader, _height=height)

    def _read_first(self) -> dict[str, Any]:
        self._state = TraceState(self._reader, self.trace_id)
        self._requests = TraceRequests(self._state)
        self._streams = Streams(self._state)
        return {}

    @property
    def selected(self) -> Span | None:
        """The span that is selected, read anew; None while none is."""
        span_id = self.selected_span_id
        return None if span_id is None else self._reader.span(self.trace_id, span_id)

    @traitlets.validate("selected_span_id")
    def _is_of_this_trace(self, proposal: Any) -> Any:
        span_id = proposal["value"]
        if span_id is not None and not self._state.rows_of([span_id]):
            raise traitlets.TraitError(
                f"selected_span_id={span_id!r} is no span of trace {self.trace_id!r}; "
                "take the span_id of one of sb.get_trace(trace_id).spans."
            )
        return span_id

    # -- the page

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """Return the state for the page; the columns are encoded only here, when somebody wants them."""
        wanted = _TREE if key is None else {key} if isinstance(key, str) else set(key)
        if not _TREE.isdisjoint(wanted):
            meta, cols = self._state.whole()
            self._trait_values.update(_meta={**meta, "snap": self._snapshot.uid}, _cols=cols, _rev=meta["rev"])
        return super().get_state(key, drop_defaults)

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        # The page learns a span's id with its detail: too late to tell us before a cell run right after the click.
        if isinstance(content, dict) and content.get("kind") == "select":
            self._select_row(content.get("row"))
        else:
            super()._handle_custom_msg(content, buffers)

    def _select_row(self, row: Any) -> None:
        """Select what the page has selected: observers are told, the page, which may be elsewhere by now, is not."""
        try:
            span_id = self._state.span_id(row)
        except LookupError:  # of another state of the trace; the page asks for it too, and is told
            return
        with self._lock_property(selected_span_id=span_id):
            self.selected_span_id = span_id

    def _answer(self, method: Any, params: Any) -> Answer:
        return self._requests.answer(method, params)

    def _take(self, changes: dict[str, Change]) -> int:
        change = changes.get(self.trace_id)
        news = [] if change is None else self._state.apply(change)
        if any(message["kind"] != "scores" for message, _ in news):  # of scores the traits say nothing
            self._changed_at = time.monotonic()
        return self.send_all(news)

    def _tick(self, *, later: bool) -> tuple[int, bool]:
        """Tell what is being streamed; once the trace has ended, bring the page's model and the snapshot up to date."""
        sent = self.send_all([(message, []) for message in self._streams.news(self.selected_span_id)])
        if self._state.is_open or self._changed_at is None:
            return sent, self._state.is_open
        if later and time.monotonic() - self._changed_at < SETTLED_S:
            return sent, True
        self._changed_at = None
        with self._sending:
            if self.comm is not None:
                self.send_state(_TREE)
        _display.renew_snapshot(self)
        return sent + 2, False

    # -- as text

    def _html(self, uid: str | None) -> str:
        return snapshot_html(self._reader, self.trace_id, uid=uid)

    def __str__(self) -> str:
        return snapshot_text(self._reader, self.trace_id)

    def __repr__(self) -> str:
        facts = self._state.facts()
        spans = f"{facts['n_spans']} span{'' if facts['n_spans'] == 1 else 's'}"
        return f"<TraceExplorer {facts['name']!r} {spans}, {facts['status']}>"
