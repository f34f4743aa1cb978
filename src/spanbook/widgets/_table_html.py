"""A table of traces as a file of its own: its rows, and the first of the traces as the explorer shows them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ..model import TraceNotFoundError
from ..model.format import format_count
from ..store._read import StoreReader
from ._csv import cell_value
from ._export import Room, page_html, trace_data, write_page
from ._facts import shortened

#: Rows of ``traces``.
Rows = Sequence[dict[str, Any]]

#: Lines of the text that stands in where no script runs.
_MOST_LINES: Final = 200


def export_traces_html(
    reader: StoreReader,
    path: str | os.PathLike[str],
    *,
    head: dict[str, Any],
    page_rows: Sequence[dict[str, Any]],
    rows: Rows,
    most_opened: int,
) -> Path:
    """Write a table and the first of its traces into one self-contained HTML file, and return its path.

    Args:
        reader: Of the store.
        path: Of the file.
        head: What the table shows, ``Head`` in js/src/core/traces.ts; ``n`` traces, of which these are the first.
        page_rows: Its rows, as the page takes them.
        rows: The same as the store has them.
        most_opened: So many traces can be opened, from the first.

    Raises:
        UsageError: the path is a folder or cannot be written, or the widgets are not built.
    """
    traces, notes = _traces(reader, rows[:most_opened])
    if len(traces) < len(rows):
        notes.insert(0, f"{_first(len(traces))} can be opened in this file.")
    if len(rows) < head["n"]:
        notes.insert(0, f"Of {format_count(head['n'])} traces, the table holds the first {format_count(len(rows))}.")
    data = {"head": {**head, "n": len(rows), "n_new": 0, "is_file": True}, "rows": page_rows, "traces": traces}
    page = page_html(
        title=shortened(f"Traces: {head['filter']}" if head["filter"] else "Traces", 80),
        text="\n".join([_title(head), *_lines(head["columns"], rows)]),
        attribute="data-spanbook-traces",
        data=data,
        notes=notes,
        bundle="export_traces",
        inner=("export",),
    )
    return write_page(page, path, "traces.html")


def _first(count: int) -> str:
    if count < 2:
        return "Only the first trace" if count else "No trace"
    return f"Only the first {format_count(count)} traces"


def _title(head: dict[str, Any]) -> str:
    count = f"{format_count(head['n'])} traces"
    return f"{count}: {head['filter']}" if head["filter"] else count


def _traces(reader: StoreReader, rows: Rows) -> tuple[dict[str, Any], list[str]]:
    """Return the traces as ``Exported`` of js/src/widgets/export.ts, as far as there is room, and what is left out."""
    room, found, left_out = Room(), dict[str, Any](), dict[str, None]()
    for row in rows:
        if room.texts <= 0:
            break
        try:
            found[row["trace_id"]], notes = trace_data(reader, row["trace_id"], room)
        except TraceNotFoundError:  # removed since
            continue
        if notes:
            left_out[row["trace_id"]] = None
    if not left_out:
        return found, []
    return found, [f"Of {format_count(len(left_out))} of them, texts or files were left out: too large."]


def _lines(columns: Sequence[str], rows: Rows) -> list[str]:
    lines = ["  ".join(columns)]
    for row in rows[:_MOST_LINES]:
        values = (cell_value(row, name) for name in columns)
        lines.append("  ".join("" if value is None else shortened(str(value), 80) for value in values))
    return lines
