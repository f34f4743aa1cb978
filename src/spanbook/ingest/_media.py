"""Files that come apart from the spans that name them, by their digest: before these, after them, or more than once."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from ..conventions._parts import modality_of
from ..model import StoreError
from ..store._blobs import Blob
from ..store._codec import RAW
from ..store._related import has_media
from ..store._write import Batch
from ._records import RecordReader

if TYPE_CHECKING:
    from ._fold import Fold


def wants_media(fold: Fold, digest: bytes, mime_type: str, field: str, *, wait_s: float = 5.0) -> bool:
    """Tell whether a file is to be sent: it is not stored yet, and the policy of redaction keeps it.

    Args:
        fold: Of the store that it would be written to.
        digest: Of its bytes, as parts name them.
        mime_type: Its type.
        field: The field of a span that names it.
        wait_s: Seconds to wait for another process that has the store locked.

    Raises:
        StoreError, sqlite3.Error: the store cannot be read.
    """
    wants = False

    def look(records: RecordReader, db: sqlite3.Connection) -> Batch:
        nonlocal wants
        wants = not has_media(db, digest) and _is_kept(records, digest, mime_type, field)
        return Batch()

    fold.write_foreign(look, wait_s=wait_s)
    return wants


def ingest_media(fold: Fold, digest: bytes, data: bytes, mime_type: str, field: str, *, wait_s: float = 5.0) -> None:
    """Write a file, unless it is stored, or the policy keeps none; it is committed when this returns.

    The arguments are those of :func:`wants_media`; ``digest`` has been compared with ``data``.

    Raises:
        StoreError, sqlite3.Error: nothing was written; the same file may be given again.
    """
    blob: Blob | None = None

    def make(records: RecordReader, db: sqlite3.Connection) -> Batch:
        nonlocal blob
        blob = None
        if not has_media(db, digest) and _is_kept(records, digest, mime_type, field):
            blob = Blob(digest, RAW, data, len(data), mime_type)
        return Batch() if blob is None else Batch(media=[blob])

    fold.write_foreign(make, wait_s=wait_s)
    if blob is not None and blob.id is None:
        raise StoreError(f"the store refuses a file of {len(data):,} bytes")


def _is_kept(records: RecordReader, digest: bytes, mime_type: str, field: str) -> bool:
    part = {"type": "blob", "modality": modality_of(mime_type), "mime_type": mime_type, "digest": digest.hex()}
    return records.encoder.keeps_file(part, field)
