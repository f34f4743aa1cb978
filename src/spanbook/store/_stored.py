"""Every text in a store with its place, for what has to look at all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from ._codec import unpack_ids
from ._read import StoreReader
from ._schema import PAYLOAD_COLUMNS

_SPAN_TEXTS: Final = (
    "name", "model", "provider", "response_id", "finish_reason", "error_type", "user_id", "session_id", "tags",
    "environment", "release", "feature", "region", "prompt_name", "prompt_version", "notebook", "git_commit",
)  # fmt: skip
_SCORE_TEXTS: Final = ("name", "value", "comment", "evaluator", "author")
_AT_ONCE: Final = 500


class Stored(NamedTuple):
    """One value: a text column as it is, or a JSON document (``is_json``; a list of messages gives one each)."""

    table: str
    column: str
    span: str | None  # the name of the span it belongs to
    blob: int | None  # where it is kept when it is shared: the same number is the same document
    is_json: bool
    value: Any


def stored_values(path: Path) -> Iterator[Stored]:
    """Yield what a store holds of texts and documents, in short transactions; documents that are shared are read once.

    Raises:
        StoreError: it cannot be read, or is damaged.
    """
    reader = StoreReader(path)
    documents: dict[int, Any] = {}

    def document(number: int) -> Any:
        if number not in documents:
            if len(documents) > _AT_ONCE:
                documents.clear()
            documents[number] = reader.json(number)
        return documents[number]

    def values(table: str, column: str, span: str | None, value: Any) -> Iterator[Stored]:
        if isinstance(value, (int, bytes)):
            for number in [value] if isinstance(value, int) else unpack_ids(value):
                yield Stored(table, column, span, number, True, document(number))
        elif value is not None:
            yield Stored(table, column, span, None, True, reader.json(value))

    try:
        texts, documents_of = ", ".join(f"s.{n}" for n in _SPAN_TEXTS), ", ".join(f"p.{n}" for n in PAYLOAD_COLUMNS)
        spans = (
            f"SELECT s.id, {texts}, {documents_of} FROM spans s LEFT JOIN payloads p ON p.span = s.id WHERE s.id > ?"
        )
        for row in _all(reader, f"{spans} ORDER BY s.id"):
            yield from _columns("spans", _SPAN_TEXTS, row[1], row[1:])
            for column, value in zip(PAYLOAD_COLUMNS, row[1 + len(_SPAN_TEXTS) :], strict=True):
                yield from values("payloads", column, row[1], value)
        for row in _all(reader, "SELECT id, name, metadata FROM traces WHERE id > ? ORDER BY id"):
            yield from _columns("traces", ("name",), row[1], row[1:])
            yield from values("traces", "metadata", row[1], row[2])
        events = "SELECT e.id, s.name, e.name, e.data FROM events e LEFT JOIN spans s USING (trace_id, span_id)"
        for row in _all(reader, f"{events} WHERE e.id > ? ORDER BY e.id"):
            yield from _columns("events", ("name",), row[1], row[2:])
            yield from values("events", "data", row[1], row[3])
        scores = f"SELECT id, {', '.join(_SCORE_TEXTS)} FROM scores WHERE id > ? ORDER BY id"
        for row in _all(reader, scores):
            yield from _columns("scores", _SCORE_TEXTS, None, row[1:])
    finally:
        reader.close()


def _columns(table: str, names: tuple[str, ...], span: str | None, row: tuple[Any, ...]) -> Iterator[Stored]:
    for column, value in zip(names, row, strict=False):
        if isinstance(value, str):
            yield Stored(table, column, span, None, False, value)


def _all(reader: StoreReader, query: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query that takes the row id to go on behind, as its first column; some hundred at a time."""
    after = -1
    while rows := reader.rows(f"{query} LIMIT {_AT_ONCE}", [after]):
        yield from rows
        after = rows[-1][0]
