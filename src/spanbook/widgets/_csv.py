"""A table as CSV that a spreadsheet can open without running anything in it."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ..model import UsageError
from ..model.given import file_path

#: How a text begins that spreadsheets take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def write_csv(
    path: str | os.PathLike[str], columns: Sequence[str], batches: Iterable[Iterable[dict[str, Any]]]
) -> Path:
    """Write rows of ``traces`` with these columns of a table; see ``TraceTable.to_csv``."""
    target = file_path(path, "traces.csv")
    try:
        with target.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(columns)
            for batch in batches:
                out.writerows([_cell(cell_value(row, name)) for name in columns] for row in batch)
    except OSError as error:
        raise UsageError(
            f"path={str(path)!r} cannot be written ({error.strerror or error}); give the name of a file in a folder "
            "that exists."
        ) from error
    return target


def cell_value(row: dict[str, Any], name: str) -> Any:
    """Return what a row of ``traces`` has in a column of the table; None where nothing is known."""
    end, tokens = row["end_ns"], [row["input_tokens"], row["output_tokens"]]
    if name == "start":
        return datetime.fromtimestamp(row["start_ns"] / 1e9, UTC).isoformat(timespec="milliseconds")
    if name == "duration_ms":
        return None if end is None else (end - row["start_ns"]) / 1e6
    if name == "total_tokens":
        return None if tokens == [None, None] else sum(each or 0 for each in tokens)
    if name == "tags":
        return ", ".join(json.loads(row["tags"])) if row["tags"] else None
    return row[name]


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
