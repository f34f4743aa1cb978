"""What a trace table is given, from Python or by the page: each is checked, and what it should be is said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ..model import UsageError
from ..store._listing import ORDERS

#: Columns there are, by the names a filter uses.
COLUMNS: Final = (
    "name", "start", "duration_ms", "total_tokens", "input_tokens", "output_tokens", "cost_usd", "n_spans", "n_llm",
    "n_errors", "status", "user_id", "session_id", "tags", "environment", "release", "feature", "region", "notebook",
    "execution_count", "cell_id", "trace_id",
)  # fmt: skip


def whole(value: Any) -> int:
    """Return a place in the table; LookupError when it is none."""
    if not isinstance(value, int) or value < 0:
        raise LookupError(f"{value!r} is no place in the table; give a whole number, 0 or more.")
    return value


def pair_of(trace_ids: Any) -> list[str]:
    """Return the ids of two traces; LookupError when they are not two."""
    if not isinstance(trace_ids, list) or len(trace_ids) != 2 or not all(isinstance(each, str) for each in trace_ids):
        raise LookupError(f"{trace_ids!r} are not two traces; select two to compare them.")
    return trace_ids


def filter_of(where: Any) -> str | None:
    """Return a filter, None for all; FilterError is for whoever reads it."""
    if where is not None and not isinstance(where, str):
        raise UsageError(f"filter={where!r} is no filter; give a text such as 'cost_usd > 0.01', or None for all.")
    return where.strip() or None if where else None


def sort_of(sort: Any) -> str:
    """Return what to sort by, a name of ``COLUMNS`` with or without ``-``."""
    if not isinstance(sort, str) or sort.removeprefix("-") not in ORDERS:
        raise UsageError(f"sort={sort!r} is no order; give one of {', '.join(COLUMNS)}, '-' in front for the largest "
                         "first, such as '-cost_usd'.")  # fmt: skip
    return sort


def columns_of(columns: Any) -> list[str]:
    """Return columns to show, each once."""
    wanted = texts_of("columns", columns, "a list of names, such as ['name', 'cost_usd']")
    unknown = [name for name in wanted if name not in COLUMNS]
    if unknown or not wanted:
        said = f"{unknown[0]!r} in columns is none of the table's" if unknown else "columns=[] shows nothing"
        raise UsageError(f"{said}; give some of {', '.join(COLUMNS)}.")
    return wanted


def texts_of(name: str, values: Any, expected: str) -> list[str]:
    """Return a list of texts, each once; ``expected`` says what was wanted."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise UsageError(f"{name}={values!r} is no list; give {expected}.")
    found = list(values)
    for value in found:
        if not isinstance(value, str):
            raise UsageError(f"{value!r} in {name} is no text; give {expected}.")
    return list(dict.fromkeys(found))
