"""``TraceComparison``: two traces side by side, in Python, as text, as pandas and on screen."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..compare import read_comparison, totals
from ..model.given import width_of
from ..store._read import StoreReader
from ._trace import Trace

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from ..widgets import TraceComparisonView


class TraceComparison:
    """What changed from one trace to another. Displayed in a notebook it is a tree of both; printed, a text.

    ``comparison.a`` and ``comparison.b`` are the traces, ``comparison.summary`` the totals and how they differ.
    """

    def __init__(self, a: tuple[StoreReader, str], b: tuple[StoreReader, str]) -> None:
        self._found = read_comparison(a, b)

    @cached_property
    def a(self) -> Trace:
        """The trace to start from."""
        return Trace(self._found.a.reader, self._found.a.summary)

    @cached_property
    def b(self) -> Trace:
        """The trace to come to."""
        return Trace(self._found.b.reader, self._found.b.summary)

    @property
    def summary(self) -> dict[str, Any]:
        """Totals of both traces, how they differ, and how many steps are the same, changed, added and removed.

        ``{"a": {…}, "b": {…}, "delta": {…}, "same": n, "changed": n, "added": n, "removed": n}``. ``a`` and ``b`` hold
        ``trace_id``, ``name``, ``status`` and what ``delta`` holds too, there as b - a: ``duration_ms``, ``cost_usd``,
        ``input_tokens``, ``output_tokens``, ``n_spans``, ``n_llm``, ``n_errors``; None where one is not known.
        """
        return totals(self._found)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a pair of spans, or a span that only one trace has, in the order of the tree."""
        from ..frames import comparison_frame

        return comparison_frame(self._found)

    def to_text(self, *, width: int = 100, only_changes: bool = False) -> str:
        """Return the totals and the tree of both traces as text, at most ``width`` characters wide.

        A step that changed is marked ``~``, one that only b has ``+``, one that only a has ``-``. With
        ``only_changes`` the others are left out, but for those that lead to one that changed.
        """
        from ..frames import comparison_text

        return comparison_text(self._found, width_of(width), only_changes=only_changes)

    def export_html(self, path: str | os.PathLike[str]) -> Path:
        """Write one self-contained HTML file with this view, which opens from disk with no network.

        Raises:
            UsageError: the path is a folder or cannot be written.
        """
        from ..widgets import export_comparison_html

        return export_comparison_html(self._found, path)

    def view(self) -> TraceComparisonView:
        """Return the widget; the last expression of a cell shows it."""
        from ..widgets import TraceComparisonView

        return TraceComparisonView(self._found)

    def _ipython_display_(self) -> None:
        self.view()._ipython_display_()

    def _display_(self) -> Any:  # marimo
        return self.view()

    def _repr_html_(self) -> str:
        from ..widgets import comparison_html

        return comparison_html(self._found)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        counts = self._found.counts()
        said = ", ".join(f"{counts[change]} {change}" for change in counts if counts[change])
        a, b = self._found.a.summary, self._found.b.summary
        return f"<TraceComparison {a.trace_id} {a.name!r} → {b.trace_id} {b.name!r}: {said or 'no spans'}>"
