"""Reading a trace for a comparison: narrow columns, and payloads as they are stored.

Payloads are content-addressed: within one store two that are stored under the same number are the same, so that of two
traces only those have to be decoded that differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from ._codec import PayloadReader, unpack_ids
from ._read import StoreReader
from ._tree import TREE_COLUMNS

#: Payloads as stored: None, a blob's number (int), the numbers of a list's items (bytes), or JSON text.
STORED_PAYLOADS: Final = ("input", "output", "error", "model_parameters", "tools")
COMPARED_COLUMNS: Final = (*TREE_COLUMNS, "provider", "prompt_name", "prompt_version", *STORED_PAYLOADS)
_SELECTED: Final = ", ".join(f"{'p' if name in STORED_PAYLOADS else 's'}.{name}" for name in COMPARED_COLUMNS)
_COMPARED: Final = (
    f"SELECT {_SELECTED} "
    "FROM spans s LEFT JOIN payloads p ON p.span = s.id WHERE s.trace_id = ? ORDER BY s.start_ns, s.id"
)


def compared_rows(reader: StoreReader, trace_id: str) -> list[tuple[Any, ...]]:
    """Return the spans of a trace as tuples of ``COMPARED_COLUMNS``, in order of start."""
    return reader.rows(_COMPARED, [trace_id])


def item_numbers(stored: Any) -> list[int] | None:
    """Return the numbers of the items of a list that is stored item by item; None for every other payload."""
    return list(unpack_ids(stored)) if isinstance(stored, bytes) else None


@contextmanager
def reading_texts(reader: StoreReader) -> Iterator[Callable[[Any], str]]:
    """Give a function from a stored payload, or the number of a list's item, to its JSON text ("null" for none).

    It is for many texts at once on this thread: whether the file was replaced is looked at only here.

    Raises:
        StoreError: the store is damaged.
    """
    held = reader._mine()
    with held.busy, reader._damage_said():
        read = PayloadReader(reader.connection()).text
        yield lambda stored: stored if isinstance(stored, str) else read(stored) or "null"
