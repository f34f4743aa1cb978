"""Many rows in one statement, and nothing bound that need not be.

Each statement, and each row of ``executemany``, lets go of the GIL; while a cell computes, the fold gets it back only
after 5 ms. So what a transaction looks up and inserts goes in few statements: a batch that took seconds beside a busy
thread, holding the write lock all the while, takes a fraction of one. By itself it is a tenth faster, too.

``sqlite3`` looks for an adapter of every None and every ``bytes`` that is bound, which costs some twenty times as much
as binding it (half of what a span cost here: most of its columns are empty). So empty columns are left out of the
statement, and bytes are given as ``bytearray``, which is bound as it is.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from types import NoneType
from typing import Any, Final

#: Rows of one statement, largest first; 64 rows of spans are 2,752 parameters (SQLite's limit is 32,766). Few sizes:
#: 128 statements are kept ready.
_SIZES: Final = (64, 16, 4, 1)
_NOTHING: Final = {NoneType}


def insert_rows(
    db: sqlite3.Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], tail: str = ""
) -> None:
    """Insert rows; where all values of a column are None, its default is taken.

    Args:
        db: Inside a transaction.
        table: Where to.
        columns: Their names.
        rows: Values in the order of the columns.
        tail: What follows the values, such as ``ON CONFLICT …``.
    """
    at = 0
    for size in _SIZES:
        while len(rows) - at >= size:
            names, values = _bound(columns, rows[at : at + size])
            db.execute(_insert(table, names, size, tail), tuple(chain.from_iterable(values)))
            at += size


def update_row(db: sqlite3.Connection, table: str, number: int, values: Mapping[str, Any]) -> None:
    """Set these columns of the row with this ``id``."""
    if values:
        db.execute(_update(table, tuple(values)), (*map(_bindable, values.values()), number))


def merge_row(db: sqlite3.Connection, table: str, values: Mapping[str, Any], *, keep: bool) -> None:
    """Insert a row whose key is the first value, or put the values into the row that is there.

    Args:
        db: Inside a transaction.
        table: Where to.
        values: By column; those that are None change nothing.
        keep: What is in the row stays, only its empty columns are filled.
    """
    given = {name: _bindable(value) for name, value in values.items() if value is not None}
    if len(given) > 1:
        db.execute(_merge(table, tuple(given), keep), tuple(given.values()))


def look_up(db: sqlite3.Connection, query: str, keys: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Return the rows of a query over ``json_each(?)``, which gets the keys a thousand at a time."""
    wanted = list(keys)
    for start in range(0, len(wanted), 1_000):
        yield from db.execute(query, (json.dumps(wanted[start : start + 1_000]),)).fetchall()


def _bindable(value: Any) -> Any:
    return bytearray(value) if type(value) is bytes else value


def _bound(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> tuple[tuple[str, ...], Iterable[Any]]:
    """Return the columns with anything in them, and the rows of these; the first column stays: SQL wants one."""
    names: list[str] = []
    kept: list[Any] = []
    for name, values in zip(columns, zip(*rows, strict=True), strict=True):
        kinds = set(map(type, values))
        if kinds != _NOTHING or not names:
            names.append(name)
            kept.append([_bindable(value) for value in values] if bytes in kinds else values)
    return tuple(names), zip(*kept, strict=True)


@lru_cache(1_000)
def _insert(table: str, columns: tuple[str, ...], size: int, tail: str) -> str:
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table}({', '.join(columns)}) VALUES {', '.join([row] * size)} {tail}"


@lru_cache(1_000)
def _update(table: str, columns: tuple[str, ...]) -> str:
    return f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?"


@lru_cache(1_000)
def _merge(table: str, columns: tuple[str, ...], keep: bool) -> str:
    key, *names = columns
    new = [f"{n} = coalesce({n}, excluded.{n})" if keep else f"{n} = excluded.{n}" for n in names]
    return _insert(table, columns, 1, f"ON CONFLICT({key}) DO UPDATE SET {', '.join(new)}")
