"""Live views of traces in the notebook, and what stands in for them where nothing is live.

Names are imported when first asked for: the widget libraries cost a quarter of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._compare_html import comparison_html, export_comparison_html
    from ._display import show_chip
    from ._export import export_html
    from ._snapshot import snapshot_html
    from .chip import Chip
    from .compare import TraceComparisonView
    from .explorer import TraceExplorer
    from .table import TraceTable

_LAZY = {
    "Chip": "chip",
    "TraceComparisonView": "compare",
    "TraceExplorer": "explorer",
    "TraceTable": "table",
    "comparison_html": "_compare_html",
    "export_comparison_html": "_compare_html",
    "export_html": "_export",
    "show_chip": "_display",
    "snapshot_html": "_snapshot",
}

__all__ = [
    "Chip",
    "TraceComparisonView",
    "TraceExplorer",
    "TraceTable",
    "comparison_html",
    "export_comparison_html",
    "export_html",
    "show_chip",
    "snapshot_html",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_LAZY[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
