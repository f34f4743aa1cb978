"""What the rows of a table look like: which of them may be its own, and how they are written.

Salvage finds rows whose table nothing names any more; the number of columns and their types tell it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from . import _schema
from ._pages import Row

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "INTEGER": (int,), "REAL": (int, float), "TEXT": (str,), "BLOB": (bytes,), "ANY": (int, float, str, bytes),
}  # fmt: skip
_RANK: Final = "CASE {}.status WHEN 'open' THEN 0 WHEN 'interrupted' THEN 1 ELSE 2 END"


class Column(NamedTuple):
    """A column, as the schema declares it."""

    name: str
    types: tuple[type, ...]
    may_be_null: bool

    def holds(self, kind: type) -> bool:
        """Whether a value of this type, as SQLite gives it, may stand in the column."""
        return self.may_be_null if kind is type(None) else kind in self.types


@dataclass(frozen=True, slots=True)
class Table:
    """One of our tables: which rows may be its own, and how they are written."""

    name: str
    columns: list[Column]
    key: int | None  # the column that is the row id
    widths: set[int] = field(default_factory=set)  # columns it had, version by version

    def fits(self, row: Row) -> bool:
        """Whether the number of values and their types are those of this table."""
        if len(row.values) not in self.widths:
            return False
        return all(
            column.holds(type(value)) and (value is None or at != self.key)
            for at, (value, column) in enumerate(zip(row.values, self.columns, strict=False))
        )

    def insert(self, width: int) -> str:
        """Return the statement that inserts a row of so many columns."""
        names = [column.name for column in self.columns[:width]]
        head = f"INSERT INTO {self.name}({', '.join(names)}) VALUES ({', '.join('?' * width)})"
        if self.name != "spans":
            return f"{head} ON CONFLICT DO NOTHING"
        newer = ", ".join(f"{name} = excluded.{name}" for name in names)  # a span only moves forward
        is_newer = f"{_RANK.format('excluded')} > {_RANK.format('spans')}"
        return f"{head} ON CONFLICT(id) DO UPDATE SET {newer} WHERE {is_newer} ON CONFLICT DO NOTHING"


def our_tables() -> dict[str, Table]:
    """Return our tables, as the migrations make them."""
    tables: dict[str, Table] = {}
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for migrate in _schema.MIGRATIONS:
            migrate(db)
            for name in _names(db):
                known = tables.get(name)
                table = table_of(db, name)
                table.widths.update(known.widths if known else (), [len(table.columns)])
                tables[name] = table
    return tables


def _names(db: sqlite3.Connection) -> list[str]:
    found = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'")
    return [row[0] for row in found]


def table_of(db: sqlite3.Connection, name: str) -> Table:
    """Return a table as its columns are declared; ``name`` as it stands between double quotes."""
    columns, key = [], None
    for at, column, kind, not_null, _, in_key in db.execute(f'PRAGMA table_info("{name}")').fetchall():
        if in_key and kind.upper() == "INTEGER":
            key = at
        columns.append(Column(column, _TYPES.get(kind.upper(), _TYPES["ANY"]), not (not_null or in_key) or at == key))
    return Table(name, columns, key)
