"""Two traces compared: one tree of both, and the diff of a pair of spans."""

from __future__ import annotations

from typing import Any, Final

import traitlets

from ..compare import Comparison
from ..model import Span
from ._base import SpanbookWidget, esm
from ._compare_html import comparison_html, comparison_lines
from ._live import Change
from ._requests import Answer
from ._rpc_compare import ComparisonRequests, comparison_data

#: Traits that hold the tree; one message sends both.
_TREE: Final = frozenset({"_data", "_meta"})


class TraceComparisonView(SpanbookWidget):
    """The tree of two compared traces, as they were when they were compared. Read by js/src/widgets/compare.tsx.

    ``selected_row`` follows the selection on screen and moves it when set: the place of a row of ``to_frame()``, -1
    while none is selected. ``selected`` are its two spans. Both work without a page.
    """

    _esm = esm("compare.js")
    _data = traitlets.Bytes().tag(sync=True)  # Python → page: totals and rows, see _rpc_compare.py
    _meta = traitlets.Dict().tag(sync=True)  # Python → page: how to read them
    _view = traitlets.Dict().tag(sync=True)  # both ways: how it was left
    _height = traitlets.Int(0).tag(sync=True)  # Python → page: px, 0 leaves it to the page
    selected_row = traitlets.Int(-1).tag(sync=True)  # both ways

    def __init__(self, comparison: Comparison, *, height: int = 0) -> None:
        """Make the view of a comparison.

        Args:
            comparison: What to show.
            height: Of the body, in px; 0 leaves it to the page.

        Raises:
            TraceNotFoundError: a trace is not in its store any more.
            StoreError: a store cannot be read.
        """
        self.comparison = comparison
        self._requests = ComparisonRequests(comparison)
        super().__init__(comparison.a.reader, _height=height)

    def _read_first(self) -> dict[str, Any]:
        return {}

    @property
    def selected(self) -> tuple[Span | None, Span | None]:
        """Both spans of the row that is selected, read anew; (None, None) while none is."""
        return (None, None) if self.selected_row < 0 else self._requests.spans_of(self.selected_row)

    @traitlets.validate("selected_row")
    def _is_of_this_comparison(self, proposal: Any) -> Any:
        row, count = proposal["value"], len(self.comparison.rows)
        if not -1 <= row < count:
            raise traitlets.TraitError(
                f"selected_row={row!r} is no row of this comparison; "
                f"give a place from 0 to {count - 1} as in to_frame(), or -1 for none."
            )
        return row

    # -- the page

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """Return the state for the page; the rows are encoded only here, when somebody wants them."""
        wanted = _TREE if key is None else {key} if isinstance(key, str) else set(key)
        if not _TREE.isdisjoint(wanted):
            meta, data = comparison_data(self.comparison)
            self._trait_values.update(_meta={**meta, "snap": self._snapshot.uid}, _data=data)
        return super().get_state(key, drop_defaults)

    def _answer(self, method: Any, params: Any) -> Answer:
        return self._requests.answer(method, params)

    def _take(self, changes: dict[str, Change]) -> int:
        return 0  # it stands for one moment

    def _tick(self, *, later: bool) -> tuple[int, bool]:
        return 0, False

    # -- as text

    def _html(self, uid: str | None) -> str:
        return comparison_html(self.comparison, uid=uid)

    def __str__(self) -> str:
        return "\n".join(comparison_lines(self.comparison))

    def __repr__(self) -> str:
        a, b = self.comparison.a.summary, self.comparison.b.summary
        return f"<TraceComparisonView {a.trace_id} {a.name!r} → {b.trace_id} {b.name!r}>"
