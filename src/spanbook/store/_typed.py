"""Whether rows hold what the schema says of their columns: STRICT tables do, unless bytes of the file were damaged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from ._tables import Column, our_tables


class Typed:
    """Columns of one of our tables. Rows have few combinations of types, so each of those is judged once."""

    def __init__(self, table: str, names: Sequence[str]) -> None:
        self._table, self._names = table, names
        self._sound: set[tuple[type, ...]] = set()

    def check(self, rows: Iterable[Sequence[Any]]) -> None:
        """Compare the values of rows, more than our columns or not, with what their columns may hold.

        Raises:
            ValueError: one of them is none that its column may hold.
        """
        for kinds in {tuple(map(type, row)) for row in rows} - self._sound:
            columns = _columns(self._table)
            for name, kind in zip(self._names, kinds, strict=False):
                if not columns[name].holds(kind):
                    raise ValueError(f"its {name} is of type {kind.__name__}")
            self._sound.add(kinds)


@cache
def _columns(table: str) -> dict[str, Column]:
    return {column.name: column for column in our_tables()[table].columns}
