"""A comparison as static HTML, as a few lines of text, and as a file of its own."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ..compare import (
    SIGNS,
    Change,
    Comparison,
    Row,
    SpanRow,
    changed_words,
    counts_text,
    delta_facts,
    deltas,
    plural_steps,
    row_facts,
    rows_to_show,
    total_facts,
)
from ..model import Span, TraceSummary, ids
from ._export import MAX_TEXT, page_html, write_page
from ._facts import MAX_NAME, shortened
from ._outline import MAX_INDENT, MAX_LINES
from ._rpc_compare import comparison_data, shown
from ._snapshot import _CELL, _MUTED, _NUMBER, _muted, _root, _summary, _table, _table_row, _text

_SIDES: Final = ("a", "b")


def comparison_html(comparison: Comparison, *, uid: str | None = None) -> str:
    """Return a comparison as static HTML of less than 20 kB: its totals, and the steps that changed.

    Args:
        comparison: What to write.
        uid: Names the snapshot, so that the live widget that follows it can hide it; None when none follows.
    """
    head = f"<b>{_text(shortened(_title(comparison), 160))}</b> · {_text(counts_text(comparison))}"
    digits = ids.digits_apart(each.trace_id for _, each in _summaries(comparison))
    totals = [_table_row([(_CELL, f"<b>{side}</b>"), *_total(each, digits)]) for side, each in _summaries(comparison)]
    rows, more = _lines(comparison)
    body = [_table_row(_row(row)) for row in rows]
    notes = f"<div>{_muted(f'b - a: {_delta_text(comparison)}')}</div>"
    return _root(f"<details open>{_summary(head)}{_table(totals, 0)}{notes}{_table(body, more)}</details>", uid)


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return a comparison as a few lines of text: its totals, and the first steps that changed."""
    lines = [f"{side}  {'  '.join(total_facts(each))}" for side, each in _summaries(comparison)]
    lines += [f"b - a: {_delta_text(comparison)}", counts_text(comparison)]
    rows, more = _lines(comparison)
    for row in rows:
        name = shortened(row.shown.name, MAX_NAME)
        lines.append("  ".join([f"{SIGNS[row.change]} {'  ' * min(row.depth, MAX_INDENT)}{name}", *row_facts(row)]))
    return [*lines, f"… {plural_steps(more)} more"] if more else lines


def _summaries(comparison: Comparison) -> Iterator[tuple[str, TraceSummary]]:
    yield from zip(_SIDES, (comparison.a.summary, comparison.b.summary), strict=True)


def _title(comparison: Comparison) -> str:
    a, b = comparison.a.summary.name, comparison.b.summary.name
    return f"{a}, two traces" if a == b else f"{a} → {b}"


def _delta_text(comparison: Comparison) -> str:
    found = delta_facts(comparison.a.summary, comparison.b.summary)
    return " · ".join(found) or "no difference in time, tokens or cost"


def _lines(comparison: Comparison) -> tuple[list[Row], int]:
    """Return the rows that a snapshot has room for, and how many it leaves out: those that changed come first."""
    rows = comparison.rows
    if len(rows) <= MAX_LINES:
        return list(rows), 0
    kept = sorted(rows_to_show(rows))[:MAX_LINES]
    return [rows[place] for place in kept], len(rows) - len(kept)


def _total(summary: TraceSummary, digits: int) -> list[tuple[str, str]]:
    first, *rest = total_facts(summary)
    name = _text(shortened(first, MAX_NAME))
    return [(f"{_CELL};{_MUTED}", summary.trace_id[:digits]), (_CELL, name), *((_CELL, _text(fact)) for fact in rest)]


def _row(row: Row) -> list[tuple[str, str]]:
    indent = "&nbsp;" * (4 * min(row.depth, MAX_INDENT))
    name = _text(shortened(row.shown.name, MAX_NAME))
    marked = {"added": f"<b>{name}</b>", "removed": f"<s>{name}</s>", "changed": f"<b>{name}</b>"}.get(row.change, name)
    what = [row.shown.kind, *([row.change] if row.change != "same" else [])]
    if row.fields:
        what[-1] = f"changed: {', '.join(changed_words(row))}"
    time, tokens, cost = deltas(row.a, row.b) if row.a is not None and row.b is not None else ("", "", "")
    numbers = [text if text[:1] in ("+", "-") else "" for text in (tokens, cost, time)]
    return [
        (_CELL, _sign(row.change)),
        (_CELL, f"{indent}{marked} {_muted(shortened(' · '.join(what), MAX_NAME))}"),
        *((_NUMBER, _text(text).replace(" ", "&nbsp;")) for text in numbers),
    ]


def _sign(change: Change) -> str:
    return f"<b>{SIGNS[change]}</b>" if change != "same" else ""


# -- a file of its own


def export_comparison_html(comparison: Comparison, path: str | os.PathLike[str]) -> Path:
    """Write a comparison into one self-contained HTML file, and return its path.

    Inputs and outputs of both traces are in it as far as 64 MB of text; images and files are named, not held.

    Raises:
        TraceNotFoundError: a trace is not in its store any more.
        UsageError: the path is a folder or cannot be written, or the widgets are not built.
    """
    meta, data = comparison_data(comparison)
    details, notes = _details(comparison)
    title = shortened(_title(comparison), 80)
    page = page_html(
        title=title,
        text="\n".join(comparison_lines(comparison)),
        attribute="data-spanbook-comparison",
        data={"meta": meta, "data": base64.b64encode(data).decode("ascii"), "details": details},
        notes=notes,
        bundle="compare",
    )
    return write_page(page, path, "comparison.html")


def _details(comparison: Comparison) -> tuple[dict[str, Any], list[str]]:
    sides = zip(_SIDES, (comparison.a, comparison.b), strict=True)
    spans = {side: {span.span_id: span for span in each.reader.spans(each.trace_id)} for side, each in sides}
    details: dict[str, Any] = {}
    size = left_out = 0
    for place, row in enumerate(comparison.rows):
        pair = {side: shown(_of(spans[side], getattr(row, side)), None) for side in _SIDES}
        size += len(json.dumps(pair, ensure_ascii=False))
        if size > MAX_TEXT:
            left_out += 1
            continue
        details[str(place)] = pair
    return details, [f"What {plural_steps(left_out)} read and wrote was left out of this file."] if left_out else []


def _of(spans: dict[str, Span], row: SpanRow | None) -> Span | None:
    return None if row is None else spans.get(row.span_id)
