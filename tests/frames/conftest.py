"""A store that the real tracer writes, and rows written as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import spanbook as sb
from spanbook.api import _runtime
from spanbook.store._blobs import BlobSet
from spanbook.store._codec import to_text
from spanbook.store._write import Batch, SpanRecord, StoreWriter
from spanbook.testing import FixedClock, fixed_ids


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sb.Store]:
    """What ``sb.init`` gives; spans last a second each and are numbered."""
    with FixedClock(), fixed_ids():
        yield sb.init(store=tmp_path / "store.db", instrument=False)
        _runtime.reset()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[StoreWriter]:
    """For rows that no tracer would make in this order."""
    made = StoreWriter(tmp_path / "rows.db")
    made.connection()
    yield made
    made.close()


def row(number: int, *, trace: int = 1, blobs: BlobSet | None = None, **fields: Any) -> SpanRecord:
    """A span row: starts at ``number`` seconds and lasts one; ``input`` is a list of blobs, one a message."""
    messages = fields.pop("input", None)
    columns = {
        "trace_id": f"{trace:032x}",
        "span_id": f"{number:016x}",
        "name": "step",
        "kind": "span",
        "status": "ok",
        "start_ns": number * 10**9,
        "end_ns": (number + 1) * 10**9,
        "counted": True,
        **fields,
    }
    payloads: dict[str, Any] = {}
    if messages is not None and blobs is not None:
        payloads["input"] = [blobs.text(to_text(message)) for message in messages]
    return SpanRecord(columns, payloads)


def write(writer: StoreWriter, *rows: SpanRecord) -> sb.Store:
    """Write rows in this order, and open the store."""
    writer.write(Batch(spans=list(rows)))
    return sb.open(writer.path)
