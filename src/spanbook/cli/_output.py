"""What commands print: tables, CSV and JSON that cannot harm the terminal or spreadsheet they end in."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from ..model import UsageError

#: What spreadsheets take for the start of a formula; the last four are full-width forms of the first.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_WIDEST_CELL: Final = 60


def width(otherwise: int = 100) -> int:
    """Return how many columns the terminal has; ``otherwise`` when the output is none."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return shutil.get_terminal_size((otherwise, 24)).columns if is_terminal else otherwise


def data_output() -> TextIO:
    """Return standard output for what programs read: UTF-8 whatever the locale is, and line ends as they are written.

    Raises:
        UsageError: it is closed.
    """
    if sys.stdout is None:
        raise UsageError("standard output is closed; leave it open, or send it to a file.")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    return sys.stdout


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Open a file to write, which gets its name when all of it is written; until then, what was there stays.

    What is no plain file, such as ``/dev/null`` or a pipe, is written to at once.

    Raises:
        OSError: it cannot be written.
    """
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", newline="\n") as out:
            yield out
        return
    target = Path(os.path.realpath(path))
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as out:
            yield out
        part.replace(target)
    except OSError as error:
        error.filename = error.filename and str(path)  # the name that was asked for
        raise
    finally:
        part.unlink(missing_ok=True)


def printable(text: str) -> str:
    """Return the text on one line, without characters that move a cursor or reverse the direction of writing."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def json_line(value: Any) -> str:
    """Return one line of JSON; bytes become hex, what is no number null."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str)


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield lines of CSV. A text that a spreadsheet would run as a formula gets ``'`` before it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in [columns, *rows]:
        writer.writerow([_cell(value) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as a table of text; long cells are cut, numbers stand to the right."""
    cells = [[_shown(value) for value in row] for row in rows]
    head = [_shown(name) for name in columns]
    wide = [max(map(columns_of, column)) for column in zip(head, *cells, strict=True)]
    right = [_is_numeric([row[n] for row in rows]) for n in range(len(columns))]
    lines = [_line(row, wide, right) for row in (head, *cells)]
    lines.insert(1, "  ".join("─" * n for n in wide))
    return "\n".join(lines)


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a printable text takes."""
    if text.isascii():
        return len(text)
    zero = sum(unicodedata.category(c) in ("Mn", "Me") for c in text)
    return len(text) - zero + sum(unicodedata.east_asian_width(c) in "WF" for c in text)


def _line(row: Sequence[str], wide: Sequence[int], right: Sequence[bool]) -> str:
    cells = []
    for cell, room, is_right in zip(row, wide, right, strict=True):
        space = " " * (room - columns_of(cell))
        cells.append(space + cell if is_right else cell + space)
    return "  ".join(cells).rstrip()


def _is_numeric(values: Sequence[Any]) -> bool:
    return all(value is None or isinstance(value, (int, float)) for value in values)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    text = printable(value) if isinstance(value, str) else str(_plain(value))
    return text if len(text) <= _WIDEST_CELL else text[: _WIDEST_CELL - 1] + "…"


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return "" if value is None else _plain(value)


def _plain(value: Any) -> Any:
    """Return a value that JSON has a word for."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and value - value != 0.0:
        return None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
