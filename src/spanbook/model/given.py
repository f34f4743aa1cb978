"""Arguments that many functions take, checked: numbers of rows and of columns, names of files."""

from __future__ import annotations

import operator
import os
from pathlib import Path
from typing import Any, Final

from .errors import UsageError

_MOST: Final = (1 << 63) - 1


def limit_of(limit: Any) -> int | None:
    """Return the most rows that are wanted, None for all.

    Raises:
        UsageError: it is no whole number (of Python's or of numpy's), or below 0.
    """
    if limit is None:
        return None
    number = _whole(limit)
    if number is None or number < 0:
        raise UsageError(f"limit={limit!r:.80} is no number of rows; give a whole number, 0 or more, or None for all.")
    return min(number, _MOST)


def width_of(width: Any) -> int:
    """Return how many columns of a terminal a text may take.

    Raises:
        UsageError: it is no whole number, or below 1.
    """
    number = _whole(width)
    if number is None or number < 1:
        raise UsageError(f"width={width!r:.80} is no number of columns; give a whole number, such as 100.")
    return number


def file_path(path: Any, example: str) -> Path:
    """Return the absolute path of a file that is to be written; ``example`` is a name for it, for the error.

    Raises:
        UsageError: it is no path.
    """
    if not isinstance(path, (str, os.PathLike)) or "\0" in os.fsdecode(path):
        raise UsageError(f"path={path!r:.80} is no path; give the name of a file, such as {example!r}.")
    return Path(os.path.abspath(Path(os.fsdecode(path)).expanduser()))


def _whole(value: Any) -> int | None:
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None
