"""Totals of two traces, and how they differ."""

from __future__ import annotations

from typing import Any, Final

from ..model import TraceSummary
from ._comparison import Comparison, SpanRow

#: What is given of both and as a difference, in order.
MEASURES: Final = ("duration_ms", "cost_usd", "input_tokens", "output_tokens")
_TOTALS: Final = (*MEASURES, "n_spans", "n_llm", "n_errors")


def difference(a: float | None, b: float | None) -> Any:
    """Return b − a; None where either is not known."""
    return None if a is None or b is None else b - a


def totals(comparison: Comparison) -> dict[str, Any]:
    """Return ``{"a": {…}, "b": {…}, "delta": {…}, "same": n, "changed": n, "added": n, "removed": n}``.

    ``a`` and ``b`` hold ``trace_id``, ``name``, ``status`` and the totals of the trace, ``delta`` those of b less those
    of a: ``duration_ms`` (milliseconds), ``cost_usd`` (US dollars), ``input_tokens``, ``output_tokens``, ``n_spans``,
    ``n_llm``, ``n_errors``; None where one is not known.
    """
    a, b = _totals(comparison.a.summary), _totals(comparison.b.summary)
    return {
        "a": a,
        "b": b,
        "delta": {name: difference(a[name], b[name]) for name in _TOTALS},
        **{str(change): count for change, count in comparison.counts().items()},
    }


def _totals(summary: TraceSummary) -> dict[str, Any]:
    return {name: getattr(summary, name) for name in ("trace_id", "name", "status", *_TOTALS)}


def tokens_of(span: SpanRow | TraceSummary | None) -> int | None:
    """Return input and output tokens together; None when neither is known."""
    if span is None or (span.input_tokens is None and span.output_tokens is None):
        return None
    return (span.input_tokens or 0) + (span.output_tokens or 0)
