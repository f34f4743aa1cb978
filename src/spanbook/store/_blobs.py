"""Content-addressed blobs on their way into the store.

Encoding and compression happen before the transaction (other writers wait only for the inserts); ids are given inside
it. A memory of recent digests, not an index, finds repeats: an index on random digests would cost more than what the
rare repeat from another process wastes.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from ._bulk import insert_rows
from ._codec import ENOUGH_TO_LEARN, INLINE_BELOW, RAW, Compressor, Dictionary, digest_of, pack_ids

_SAMPLE: Final = 8 << 10


class Blob:
    """One piece of content; ``id`` is None until the transaction that writes it."""

    __slots__ = ("body", "codec", "digest", "id", "mime_type", "size")

    def __init__(self, digest: bytes, codec: int, body: bytes, size: int, mime_type: str | None) -> None:
        self.digest, self.codec, self.body, self.size, self.mime_type = digest, codec, body, size, mime_type
        self.id: int | None = None


#: What a payload column is before it is written: nothing, inline JSON, one blob, or the blobs of a list.
Payload = None | str | Blob | list[Blob]


class BlobSet:
    """Makes blobs, once per content while it is remembered."""

    _KEEP: Final = 25_000

    def __init__(self) -> None:
        self._compress = Compressor()
        self.has_dictionary = False
        self._learns = True
        self._samples: list[bytes] = []
        self._raw: list[Blob] = []
        self._sampled = 0
        # Two dicts swapped when full: evicting one by one from a large dict is quadratic.
        self._young: dict[bytes, Blob] = {}
        self._old: dict[bytes, Blob] = {}

    def text(self, text: str) -> Blob:
        """Return the blob of a JSON document; it is compressed by the next :meth:`compress`."""
        data = text.encode()
        digest = digest_of(data)
        blob = self._young.get(digest)
        if blob is None:
            blob = self._old.get(digest)
            if blob is None:
                if self._learns:
                    self._sample(data)
                blob = Blob(digest, RAW, data, len(data), None)
                self._raw.append(blob)
            self._remember(digest, blob)
        return blob

    def compress(self) -> None:
        """Compress the blobs of texts that were made since the last time, all in one."""
        blobs, self._raw = self._raw, []
        for blob, (codec, body) in zip(blobs, self._compress([blob.body for blob in blobs]), strict=True):
            blob.codec, blob.body = codec, body

    def media(self, data: bytes, mime_type: str) -> Blob:
        """Return the blob of an image, sound or file; kept as it is, since such data is compressed already."""
        digest = digest_of(data)
        key = digest + mime_type.encode("utf-8", "replace")
        blob = self._young.get(key) or self._old.get(key) or Blob(digest, RAW, data, len(data), mime_type)
        self._remember(key, blob)
        return blob

    def _remember(self, key: bytes, blob: Blob) -> None:
        self._young[key] = blob
        if len(self._young) > self._KEEP:
            self._old, self._young = self._young, {}

    def forget(self) -> None:
        """Forget all: the store they are in is gone."""
        self._young, self._old, self._raw = {}, {}, []
        self.use(None)

    # -- the dictionary

    def use(self, dictionary: Dictionary | None) -> None:
        """Compress with the store's dictionary; without one, collect what it could be learnt from."""
        self._compress.use(dictionary)
        self.has_dictionary = dictionary is not None
        self._learns, self._samples, self._sampled = dictionary is None, [], 0

    def _sample(self, data: bytes) -> None:
        if INLINE_BELOW <= len(data) <= _SAMPLE:
            self._samples.append(data)
            self._sampled += len(data)
            self._learns = self._sampled < ENOUGH_TO_LEARN

    def take_samples(self) -> list[bytes] | None:
        """Return, once, what a dictionary can be learnt from; None before there is enough of it."""
        if self._learns or not self._samples:
            return None
        samples, self._samples = self._samples, []
        return samples


class BlobInserts:
    """Gives ids to the new blobs of one transaction and writes them."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._next = int(db.execute("SELECT coalesce(max(id), 0) + 1 FROM blobs").fetchone()[0])
        self._new: list[Blob] = []

    @property
    def highest(self) -> int:
        """The newest blob's row id."""
        return self._next - 1

    def column(self, payload: Payload) -> str | int | bytes | None:
        """Return the value of a payload column."""
        if payload is None or isinstance(payload, str):
            return payload
        if isinstance(payload, list):
            return pack_ids([self._id(blob) for blob in payload])
        return self._id(payload)

    def add(self, blob: Blob) -> None:
        """Write a blob that no payload column names (media: messages name them by digest)."""
        self._id(blob)

    def _id(self, blob: Blob) -> int:
        if blob.id is None:
            blob.id = self._next
            self._next += 1
            self._new.append(blob)
        return blob.id

    def write(self) -> None:
        """Insert the new blobs."""
        rows: list[tuple[Any, ...]] = [(b.id, b.digest, b.codec, b.size, b.mime_type, b.body) for b in self._new]
        insert_rows(self._db, "blobs", ("id", "digest", "codec", "size", "mime_type", "body"), rows)

    def committed(self) -> None:
        """Let go of the bodies: only the ids are needed from now on."""
        for blob in self._new:
            blob.body = b""

    def rolled_back(self) -> None:
        """Take the ids back."""
        for blob in self._new:
            blob.id = None
