"""The table that ``make bench`` prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Row(NamedTuple):
    """One figure; ``ratio`` is how many times better than ``against``, both measured in this run."""

    what: str
    figure: float
    unit: str
    budget: float | None = None
    ratio: float | None = None
    at_least: float | None = None
    against: str = ""


def table(rows: Iterable[Row]) -> str:
    """Return the rows as text; a figure over its budget or a ratio under its least is marked."""
    lines = [f"{'what':<44} {'figure':>12} {'budget':>10} {'ratio':>8} {'at least':>9}  against"]
    for row in rows:
        over = row.budget is not None and row.figure > row.budget
        under = row.ratio is not None and row.at_least is not None and row.ratio < row.at_least
        budget = "" if row.budget is None else f"{row.budget:g} {row.unit}"
        ratio = "" if row.ratio is None else f"{row.ratio:.1f}×"
        least = "" if row.at_least is None else f"{row.at_least:g}×"
        mark = "  ← over budget" if over else ""
        mark += "  ← below the ratio" if under else ""
        lines.append(
            f"{row.what:<44} {row.figure:>9.2f} {row.unit:<3} {budget:>9} {ratio:>8} {least:>9}  {row.against}{mark}"
        )
    return "\n".join(lines)
