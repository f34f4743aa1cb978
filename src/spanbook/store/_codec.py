"""How payload values lie in the file: inline JSON, one compressed blob, or a packed list of blobs."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RAW, ZSTD = 0, 2
#: Values whose JSON is shorter stay in the row: a blob of their own would cost more than they do.
INLINE_BELOW: Final = 200
_LEVEL: Final = 3


def _make_encoder() -> Callable[[Any], str]:
    """Return the fastest exact encoder at hand: ``JSONEncoder.encode`` builds the C encoder anew for each value."""
    c_encoder, c_text = json.encoder.c_make_encoder, json.encoder.c_encode_basestring  # type: ignore[attr-defined]
    plain = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)
    if c_encoder is None or c_text is None:
        return plain.encode
    chunks = c_encoder(None, plain.default, c_text, None, ":", ",", False, False, True)

    def encode(value: Any) -> str:
        return c_text(value) if type(value) is str else "".join(chunks(value, 0))

    return encode


#: Return compact JSON of a JSON value.
to_text: Final = _make_encoder()


class Compressor:
    """Compresses many small values with one context (a fresh one costs 80 times as much a value)."""

    def __init__(self) -> None:
        self._zstd = zstd.ZstdCompressor(level=_LEVEL)

    def __call__(self, data: bytes) -> tuple[int, bytes]:
        """Return (codec, body); what does not get smaller stays raw."""
        body = self._zstd.compress(data, self._zstd.FLUSH_FRAME)
        return (ZSTD, body) if len(body) < len(data) else (RAW, data)


def decompress(codec: int, body: bytes) -> bytes:
    """Return the bytes of a blob.

    Raises:
        ValueError: the codec is one of a newer spanbook, or the body is damaged.
    """
    if codec == RAW:
        return body
    if codec == ZSTD:
        try:
            return zstd.decompress(body)
        except zstd.ZstdError as error:
            raise ValueError(f"a blob is damaged ({error}); `spanbook salvage` recovers what is intact") from error
    raise ValueError(f"blob codec {codec} is unknown; this store needs a newer spanbook")


def digest_of(data: bytes) -> bytes:
    """Return the 16 bytes that address content in the store: the start of its SHA-256."""
    return hashlib.sha256(data).digest()[:16]


def pack_ids(ids: Iterable[int]) -> bytes:
    """Pack blob ids as zigzag varints of their differences: a history of messages costs about a byte each."""
    out, before = bytearray(), 0
    for number in ids:
        step = number - before
        before = number
        step = step << 1 if step >= 0 else (-step << 1) - 1
        while step > 0x7F:
            out.append(step & 0x7F | 0x80)
            step >>= 7
        out.append(step)
    return bytes(out)


def unpack_ids(packed: bytes) -> list[int]:
    """Return what :func:`pack_ids` was given."""
    ids, at, shift, step = [], 0, 0, 0
    for byte in packed:
        step |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
            continue
        at += step >> 1 if not step & 1 else -((step + 1) >> 1)
        ids.append(at)
        shift = step = 0
    return ids


class PayloadReader:
    """Decodes payload columns on one connection, with a bounded memory of blobs already read."""

    _KEEP: Final = 32 << 20

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._young: dict[int, str] = {}
        self._old: dict[int, str] = {}
        self._bytes = 0

    def text(self, value: Any) -> str | None:
        """Return the JSON text of a payload column (None for NULL)."""
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, int):
            return self._blob(value)
        if isinstance(value, bytes):
            return "[" + ",".join(self._blob(number) for number in unpack_ids(value)) + "]"
        return to_text(value)

    def _blob(self, number: int) -> str:
        text = self._young.get(number)
        if text is None:
            text = self._old.pop(number, None) or self._read(number)
            self._young[number] = text
            self._bytes += len(text)
            if self._bytes > self._KEEP:
                self._old, self._young, self._bytes = self._young, {}, 0
        return text

    def _read(self, number: int) -> str:
        row = self._db.execute("SELECT codec, body FROM main.blobs WHERE id = ?", (number,)).fetchone()
        if row is None:
            return '{"$type":"not_captured","reason":"its blob is missing from the store"}'
        return decompress(*row).decode("utf-8", "replace")
