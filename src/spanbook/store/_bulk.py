"""Many rows in one statement.

Each statement, and each row of ``executemany``, lets go of the GIL; while a cell computes, the fold gets it back only
after 5 ms. So what a transaction looks up and inserts goes in few statements: a batch that took seconds beside a busy
thread, holding the write lock all the while, takes a fraction of one. By itself it is a tenth faster, too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

#: Rows of one statement, largest first; 64 rows of spans are 2,752 parameters (SQLite's limit is 32,766).
_SIZES: Final = (64, 8)


def insert_rows(db: sqlite3.Connection, head: str, rows: Sequence[tuple[Any, ...]], tail: str = "") -> None:
    """Insert rows of equal width.

    Args:
        db: Inside a transaction.
        head: ``INSERT INTO table(columns)``.
        rows: Values in the order of the columns.
        tail: What follows the values, such as ``ON CONFLICT …``.
    """
    at = 0
    for size in _SIZES:
        while len(rows) - at >= size:
            values = tuple(chain.from_iterable(rows[at : at + size]))
            db.execute(_statement(head, len(rows[at]), size, tail), values)
            at += size
    if at < len(rows):
        db.executemany(_statement(head, len(rows[at]), 1, tail), rows[at:])


def look_up(db: sqlite3.Connection, query: str, keys: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Return the rows of a query over ``json_each(?)``, which gets the keys a thousand at a time."""
    wanted = list(keys)
    for start in range(0, len(wanted), 1_000):
        yield from db.execute(query, (json.dumps(wanted[start : start + 1_000]),)).fetchall()


@cache
def _statement(head: str, width: int, size: int, tail: str) -> str:
    row = f"({', '.join('?' * width)})"
    return f"{head} VALUES {', '.join([row] * size)} {tail}"
