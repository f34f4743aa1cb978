"""A copy of a store whose text any SQLite tool can read.

The same tables with the same columns. In ``payloads`` and ``events`` each value is TEXT, its JSON; ``blobs`` holds only
images, sounds and files, as they are (``codec`` 0), named in messages by ``digest``. It is a store like any other, so
``sb.open`` reads it too; it is larger, since nothing in it is compressed or shared.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from ..model import StoreError, UsageError
from . import _platform, _schema
from ._codec import RAW, decompress
from ._connection import damage_error, is_damage, open_reader
from ._schema import PAYLOAD_COLUMNS, SCORE_COLUMNS, SPAN_COLUMNS, TRACE_COLUMNS

_CHOSEN: Final = "trace_id IN (SELECT value FROM json_each(?))"
_DIGEST: Final = re.compile(r'"digest":"([0-9a-f]{32})"')


def export_plain(source: Path, target: Path, trace_ids: Sequence[str] | None = None) -> None:
    """Write a plain copy of a store, of all or of some traces; it gets its name once it is whole.

    Raises:
        UsageError: the target exists already.
        StoreError: the store cannot be read, or the target not be written.
    """
    if target.exists():
        raise UsageError(f"{str(target)!r} exists already; give the name of a new file.")
    draft = target.with_name(f"{target.name}.partial-{os.getpid()}")
    try:
        with closing(open_reader(source)) as store:
            os.close(_platform.create_private_file(draft))
            with closing(sqlite3.connect(draft, isolation_level=None)) as plain:
                _Copy(store, plain, trace_ids).run()
        draft.rename(target)
    except (sqlite3.Error, OSError, ValueError) as error:
        if isinstance(error, StoreError):
            raise
        if is_damage(error) or isinstance(error, sqlite3.IntegrityError):  # no such row was ever written
            raise damage_error(source, str(error)) from error
        raise StoreError(
            f"the plain copy {str(target)!r} could not be made ({getattr(error, 'strerror', None) or error}); "
            "give a new file in a folder that you can write, and look at the store with `spanbook doctor`."
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink()


class _Copy:
    """One copy: reads everything from one moment of the store, writes in one transaction."""

    def __init__(self, store: sqlite3.Connection, plain: sqlite3.Connection, trace_ids: Sequence[str] | None) -> None:
        self._store, self._plain = store, plain
        self._where = "1" if trace_ids is None else _CHOSEN
        self._values = [] if trace_ids is None else [json.dumps(list(trace_ids))]
        self._digests: set[str] | None = None if trace_ids is None else set()

    def run(self) -> None:
        """Copy table by table."""
        self._plain.execute("PRAGMA page_size = 8192")
        self._plain.execute("PRAGMA synchronous = OFF")  # it has no name yet: what a crash leaves is thrown away
        _schema.migrate(self._plain)
        self._store.execute("BEGIN")  # every table as of one moment
        self._plain.execute("BEGIN")
        self._table("traces", ("id", *TRACE_COLUMNS), f"FROM traces WHERE {self._where}")
        self._table("spans", ("id", *SPAN_COLUMNS), f"FROM spans WHERE {self._where}")
        self._payloads()
        self._events()
        scores = f"FROM scores WHERE {self._where}"
        if self._values:  # a score of a session belongs to the traces of that session
            sessions = f"SELECT session_id FROM traces WHERE {_CHOSEN} AND session_id IS NOT NULL"
            scores += f" OR (trace_id IS NULL AND session_id IN ({sessions}))"
        self._table("scores", ("id", *SCORE_COLUMNS), scores, self._values * (2 if self._values else 1))
        self._media()
        self._plain.execute("COMMIT")
        self._store.execute("COMMIT")

    def _table(self, name: str, columns: Sequence[str], source: str, values: Sequence[Any] | None = None) -> None:
        given = self._values if values is None else values
        self._insert(name, columns, self._store.execute(f"SELECT {', '.join(columns)} {source}", given))

    def _payloads(self) -> None:
        chosen = "" if self._where == "1" else f" WHERE span IN (SELECT id FROM spans WHERE {self._where})"
        texts = ", ".join(f"sb_json({name})" for name in PAYLOAD_COLUMNS)
        rows = self._store.execute(f"SELECT span, {texts} FROM payloads{chosen}", self._values)
        self._insert("payloads", ("span", *PAYLOAD_COLUMNS), self._noting_media(rows))

    def _events(self) -> None:
        columns = ("id", "event_id", "trace_id", "span_id", "time_ns", "name", "data")
        wanted = ", ".join((*columns[:-1], "sb_json(data)"))
        rows = self._store.execute(f"SELECT {wanted} FROM events WHERE {self._where}", self._values)
        self._insert("events", columns, self._noting_media(rows))

    def _noting_media(self, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Pass rows on and remember the media that their text names, when not all are copied."""
        for row in rows:
            if self._digests is not None:
                for value in row:
                    if isinstance(value, str) and '"digest":"' in value:
                        self._digests.update(_DIGEST.findall(value))
            yield row

    def _media(self) -> None:
        wanted = self._digests
        rows = self._store.execute(
            "SELECT id, digest, codec, size, mime_type, body FROM blobs WHERE mime_type IS NOT NULL"
        )
        plain = (
            (number, digest, RAW, size, mime_type, decompress(codec, body))
            for number, digest, codec, size, mime_type, body in rows
            if wanted is None or digest.hex() in wanted
        )
        self._insert("blobs", ("id", "digest", "codec", "size", "mime_type", "body"), plain)

    def _insert(self, table: str, columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
        statement = f"INSERT INTO {table}({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        self._plain.executemany(statement, rows)
