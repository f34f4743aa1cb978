"""A comparison as the page takes it, and the requests of one: pairs of spans, long texts, files of the package.

The data is one JSON object, ``ComparisonData`` in js/src/core/comparison.ts: the totals of both traces, and columns of
the rows. Payloads come by request.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any, Final, Literal

from ..compare import CHANGES, COMPARED, Comparison, SpanRow, tokens_of
from ..model import KIND_CODE, KINDS, Span
from ..store._tree import trace_rows
from ._columns import STATUS_CODE, Names
from ._facts import trace_facts
from ._requests import Answer, Params
from ._rpc_detail import is_messages, more, span_detail
from ._rpc_files import asset

#: What a page may ask of a comparison; each is a method of ``ComparisonRequests``.
COMPARISON_REQUESTS: Final = frozenset({"detail", "more", "asset"})
#: Characters of one text that come at once, and of all texts of a pair: the page compares words.
_LONG_AT: Final = 200_000
_ALL: Final = 4_000_000
_SHORTEST: Final = 2_000
_DEFLATE_ABOVE: Final = 16_384
#: What a pair is shown with; the explorer has the rest of a span.
_SHOWN: Final = ("span", "input", "output", "error", "model_parameters", "tools")

Side = Literal["a", "b"]


def comparison_data(comparison: Comparison) -> tuple[dict[str, Any], bytes]:
    """Return (meta, data): ``{"v": 1, "encoding": "raw" | "deflate"}``, and the JSON text that it tells how to read."""
    text = json.dumps(_data(comparison), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(text) <= _DEFLATE_ABOVE:
        return {"v": 1, "encoding": "raw"}, text
    return {"v": 1, "encoding": "deflate"}, zlib.compress(text, 1)


def _data(comparison: Comparison) -> dict[str, Any]:
    names, models, rows = Names(), Names(""), comparison.rows
    return {
        "totals": {side: _facts(comparison, side) for side in _SIDES},
        "is_one_trace": comparison.is_one_trace,
        "parent": [row.parent for row in rows],
        "name": [names.number(row.shown.name) for row in rows],
        "kind": [KIND_CODE.get(row.shown.kind, 0) for row in rows],
        "change": [CHANGES.index(row.change) for row in rows],
        "changed": [sum(1 << COMPARED.index(field) for field in row.fields) for row in rows],
        "a": _columns([row.a for row in rows], models),
        "b": _columns([row.b for row in rows], models),
        "names": names.texts,
        "models": models.texts,
        "kinds": KINDS,
        "changes": CHANGES,
        "fields": COMPARED,
    }


_SIDES: Final[tuple[Side, Side]] = ("a", "b")


def _facts(comparison: Comparison, side: Side) -> dict[str, Any]:
    found = getattr(comparison, side)
    rows = trace_rows(found.reader, [found.trace_id])
    if found.trace_id not in rows:
        raise found.reader.no_such_trace(found.trace_id)
    return trace_facts(rows[found.trace_id], 0)


def _columns(spans: Sequence[SpanRow | None], models: Names) -> dict[str, list[Any]]:
    """Return the columns of one side; None, and the status -1, where it has no such span."""
    durations = [None if span is None else span.duration_ms for span in spans]
    return {
        "status": [-1 if span is None else STATUS_CODE[span.status] for span in spans],
        "duration_ms": [None if duration is None else round(duration, 3) for duration in durations],
        "tokens": [tokens_of(span) for span in spans],
        "cost_usd": [None if span is None else span.cost_usd for span in spans],
        "model": [0 if span is None else models.number(span.model or "") for span in spans],
    }


class ComparisonRequests:
    """Answers requests about one comparison; every method may run on any thread."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison

    def answer(self, method: Any, params: Any) -> Answer:
        """Answer one request.

        Raises:
            LookupError: there is no such request, or not what it asks for.
            SpanbookError: a store cannot be read.
        """
        if not isinstance(method, str) or method not in COMPARISON_REQUESTS:
            known = ", ".join(sorted(COMPARISON_REQUESTS))
            raise LookupError(f"{method!r} is no request of a comparison; it knows {known}.")
        found: Answer = getattr(self, method)(params if isinstance(params, dict) else {})
        return found

    def detail(self, params: Params) -> Answer:
        """Return ``{a, b}``, what is shown of both spans of ``row``; None for the one that is not there."""
        spans = {side: self._span(side, params.get("row")) for side in _SIDES}
        count = sum(_texts(span.input) + _texts(span.output) for span in spans.values() if span is not None)
        long_at = max(_SHORTEST, min(_LONG_AT, _ALL // max(count, 1)))
        return {side: shown(span, long_at) for side, span in spans.items()}, []

    def more(self, params: Params) -> Answer:
        """Return a slice of a long text: ``side``, ``row``, ``field``, ``path``, ``offset``."""
        side = params.get("side")
        found = self._row(side, params.get("row")) if side in _SIDES else None
        if found is None:
            raise LookupError(f"side {side!r} has no such span; it is one of a, b.")
        of, place = getattr(self._comparison, str(side)), [params.get(name) for name in ("field", "path", "offset")]
        return more(of.reader, of.trace_id, found.span_id, *place), []

    def asset(self, params: Params) -> Answer:
        """Return a file of the package by its ``name``."""
        return asset(params.get("name"))

    def spans_of(self, row: Any) -> tuple[Span | None, Span | None]:
        """Return both spans of a row, read anew.

        Raises:
            LookupError: there is no such row.
        """
        return self._span("a", row), self._span("b", row)

    def _row(self, side: Any, row: Any) -> SpanRow | None:
        rows = self._comparison.rows
        if not isinstance(row, int) or isinstance(row, bool) or not 0 <= row < len(rows):
            raise LookupError(f"row {row!r} is none of this comparison's {len(rows)}; re-run this cell.")
        found: SpanRow | None = getattr(rows[row], side)
        return found

    def _span(self, side: Side, row: Any) -> Span | None:
        found, of = self._row(side, row), getattr(self._comparison, side)
        if found is None:
            return None
        span: Span | None = of.reader.span(of.trace_id, found.span_id)
        if span is None:
            raise LookupError(f"span {found.span_id!r} is not in the store any more; compare the traces again.")
        return span


def shown(span: Span | None, long_at: int | None) -> dict[str, Any] | None:
    """Return what a pair is shown with of one span: ``Compared`` in js/src/core/comparison.ts."""
    if span is None:
        return None
    found = span_detail(span, long_at=long_at)
    return {name: found[name] for name in _SHOWN}


def _texts(value: Any) -> int:
    return len(value) if is_messages(value) else 1
