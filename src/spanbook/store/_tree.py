"""Reading one trace as views need it: narrow rows of its tree, its messages in order, what a search finds in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from ._codec import to_text, unpack_ids
from ._read import TYPED_TRACE, StoreReader, chunks, placeholders
from ._schema import PAYLOAD_COLUMNS, READ_TRACE, TRACE_COLUMNS
from ._typed import Typed

#: Columns of a tree row, all of them narrow; names are those of ``spans``.
TREE_COLUMNS: Final = (
    "span_id",
    "parent_id",
    "name",
    "kind",
    "status",
    "start_ns",
    "end_ns",
    "first_token_ns",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "model",
    "error_type",
    "counted",
)
_TREE: Final = f"SELECT {', '.join(TREE_COLUMNS)} FROM spans WHERE trace_id = ? ORDER BY start_ns, id LIMIT ?"
_LINKS: Final = "SELECT span_id, parent_id FROM spans WHERE trace_id = ? ORDER BY start_ns, id"
_SOME: Final = f"SELECT {', '.join(TREE_COLUMNS)} FROM spans WHERE trace_id = ? AND span_id IN"
#: Of an open span it is known that it runs now, of an interrupted one only that it began.
_TIMES: Final = (
    "SELECT min(start_ns), max(coalesce(end_ns, CASE status WHEN 'open' THEN max(?, start_ns) ELSE start_ns END)) "
    "FROM spans WHERE trace_id = ?"
)
_TRACES: Final = f"SELECT {READ_TRACE} FROM traces t WHERE t.trace_id IN"
_PAYLOADS: Final = (
    f"SELECT s.span_id, {', '.join('p.' + name for name in PAYLOAD_COLUMNS)} "
    "FROM spans s JOIN payloads p ON p.span = s.id WHERE s.trace_id = ?"
)
_CHATS: Final = (
    "SELECT s.span_id, p.input, p.output FROM spans s JOIN payloads p ON p.span = s.id "
    "WHERE s.trace_id = ? AND s.kind = 'llm' ORDER BY s.start_ns, s.id"
)
_MATCHING: Final = "SELECT s.span_id FROM spans s LEFT JOIN payloads p ON p.span = s.id WHERE s.trace_id = ? AND "
_MEDIA: Final = "SELECT digest, mime_type, size FROM blobs WHERE mime_type IS NOT NULL AND digest IN"
_IDS_AT_ONCE: Final = 500
_TYPED_TREE: Final = Typed("spans", TREE_COLUMNS)


def tree_rows(reader: StoreReader, trace_id: str, limit: int | None = None) -> list[tuple[Any, ...]]:
    """Return the spans of a trace as tuples of ``TREE_COLUMNS``, in order of start, at most ``limit``."""
    return reader.typed_rows(_TYPED_TREE, _TREE, [trace_id, -1 if limit is None else limit])


def tree_links(reader: StoreReader, trace_id: str) -> list[tuple[str, str | None]]:
    """Return (span id, parent id) of the spans of a trace, in order of start: its shape, for a quarter of the time."""
    return reader.rows(_LINKS, [trace_id])


def tree_rows_of(reader: StoreReader, trace_id: str, span_ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Return these spans of a trace by id, as tuples of ``TREE_COLUMNS``."""
    found: dict[str, tuple[Any, ...]] = {}
    for ids in chunks(span_ids, _IDS_AT_ONCE):
        rows = reader.typed_rows(_TYPED_TREE, f"{_SOME} ({placeholders(ids)})", [trace_id, *ids])
        found.update((row[0], row) for row in rows)
    return found


def tree_times(reader: StoreReader, trace_id: str, now_ns: int) -> tuple[int, int]:
    """Return when the first span of a trace began, and the last moment that is known of any; the trace has spans."""
    first, last = reader.rows(_TIMES, [now_ns, trace_id])[0]
    return first, last


def trace_rows(reader: StoreReader, trace_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the summary rows of these traces by id, as dicts of ``TRACE_COLUMNS``; unknown ids are left out."""
    found: dict[str, dict[str, Any]] = {}
    for ids in chunks(trace_ids, _IDS_AT_ONCE):
        for row in reader.typed_rows(TYPED_TRACE, f"{_TRACES} ({placeholders(ids)})", ids):
            found[row[0]] = dict(zip(TRACE_COLUMNS, row, strict=True))
    return found


def matching_spans(reader: StoreReader, trace_id: str, condition: str, values: Sequence[Any]) -> list[str]:
    """Return ids of the trace's spans that meet a condition of ``filter_to_sql`` (on spans)."""
    return [row[0] for row in reader.rows(f"{_MATCHING} ({condition})", [trace_id, *values])]


def spans_that_contain(reader: StoreReader, trace_id: str, needle: str) -> list[str]:
    """Return ids of the trace's spans with this text in a payload, whatever its case.

    A message that many spans share is one blob and is looked at once.
    """
    lower = needle.lower()
    needles = {lower, json.dumps(lower, ensure_ascii=False)[1:-1]}
    known: dict[int, bool] = {}

    def is_in(text: str | None) -> bool:
        lowered = (text or "").lower()
        return any(each in lowered for each in needles)

    def blob_has(number: int) -> bool:
        if number not in known:
            known[number] = is_in(reader.payload_text(number))
        return known[number]

    def has(value: Any) -> bool:
        if isinstance(value, int):
            return blob_has(value)
        if isinstance(value, bytes):
            return any(blob_has(number) for number in unpack_ids(value))
        return value is not None and is_in(reader.payload_text(value))

    return [row[0] for row in reader.rows(_PAYLOADS, [trace_id]) if any(has(value) for value in row[1:])]


def chats(reader: StoreReader, trace_id: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield (span id, input, output) of the trace's llm spans in order of start; each message is JSON text."""
    for span_id, given, returned in reader.rows(_CHATS, [trace_id]):
        yield span_id, message_texts(reader, given), message_texts(reader, returned)


def message_texts(reader: StoreReader, value: Any) -> list[str]:
    """Return the items of a payload that is a list of messages as JSON texts; of any other, nothing."""
    if isinstance(value, bytes):
        return [reader.payload_text(number) or "null" for number in unpack_ids(value)]
    found = reader.json(value)
    if not isinstance(found, list) or not all(isinstance(item, dict) and "role" in item for item in found):
        return []
    return [to_text(item) for item in found]


def blob_sizes(reader: StoreReader, digests: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Return (MIME type, bytes) of images, sounds and files by hex digest; unknown ones are left out."""
    found: dict[str, tuple[str, int]] = {}
    for some in chunks(sorted(set(digests)), _IDS_AT_ONCE):
        keys = [bytes.fromhex(digest) for digest in some]
        rows = reader.rows(f"{_MEDIA} ({placeholders(some)})", keys)
        found.update((row[0].hex(), (row[1], row[2])) for row in rows)
    return found
