"""How payload values lie in the file: inline JSON, one compressed blob, or a packed list of blobs.

Most values are too short for a compressor to learn from, and like each other: so a dictionary is learnt from the first
of them. Measured on 1,200 chat messages of 0.8 kB: zstd alone leaves 60 % in 18 µs, with a dictionary of 32 kB 30 % in
9 µs. Learning takes 0.2 s once, without the GIL. Level 2 takes a sixth less time than 3, and 2 % more space.

Zstd comes from ``zstandard``: it compresses many values in one call. That of the standard library (``backports.zstd``)
takes one, and lets go of the GIL each time: beside a cell that computes, the fold stored 60 spans a second.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import zstandard

from ..model.values import not_captured

RAW, ZSTD, ZSTD_LEARNT = 0, 2, 3
#: Values whose JSON is shorter stay in the row: a blob of their own would cost more than they do.
INLINE_BELOW: Final = 200
_LEVEL: Final = 2
#: Up to as many bytes ``hashlib`` keeps the GIL.
_HASHED_AT_ONCE: Final = 2047
_HASHED_IN_PARTS: Final = 1 << 16


def _make_encoder() -> Callable[[Any], str]:
    """Return the fastest exact encoder at hand: ``JSONEncoder.encode`` builds the C encoder anew for each value.

    orjson was tried (2026-11): ten times as fast, 5 % of a fold, and it crashes the process when memory runs out.
    """
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


_DICTIONARY_BYTES: Final = 32 << 10
#: Longer values hold enough to learn from in themselves.
_SHORT: Final = 16 << 10
#: What is learnt from: it has to be worth a dictionary, in which half of what was learnt from comes to lie.
ENOUGH_TO_LEARN: Final = 1 << 20


class Dictionary:
    """What the short values of a store have in common."""

    def __init__(self, content: bytes) -> None:
        """Read it.

        Raises:
            ValueError: these bytes are no dictionary.
        """
        try:
            self.zstd = zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_FULLDICT)
        except zstandard.ZstdError as error:
            raise ValueError(f"a dictionary of the store is damaged ({error})") from error
        self.content = content
        #: The number that frames name it by.
        self.number = self.zstd.dict_id()


def learn(samples: list[Any]) -> Dictionary | None:
    """Return a dictionary for values like these, None when they have nothing in common."""
    try:
        return Dictionary(zstandard.train_dictionary(_DICTIONARY_BYTES, samples).as_bytes())
    except (zstandard.ZstdError, ValueError):
        return None


class Compressor:
    """Compresses small values with contexts that stay (a fresh one costs 80 times as much a value)."""

    def __init__(self) -> None:
        self._zstd = _compressor(None)
        self._learnt: zstandard.ZstdCompressor | None = None

    def use(self, dictionary: Dictionary | None) -> None:
        """Compress short values with this dictionary from now on; whoever reads them needs it."""
        if dictionary is not None:
            dictionary.zstd.precompute_compress(level=_LEVEL)
        self._learnt = None if dictionary is None else _compressor(dictionary)

    def __call__(self, values: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """Return (codec, body) of each; what does not get smaller stays raw."""
        found = [(RAW, value) for value in values]
        for codec, compressor in ((ZSTD_LEARNT, self._learnt), (ZSTD, self._zstd)):
            which = [at for at, value in enumerate(values) if value and self._codec(value) == codec]
            if compressor is not None and which:
                for at, body in zip(which, _bodies(compressor, [values[at] for at in which]), strict=True):
                    if len(body) < len(values[at]):
                        found[at] = codec, body
        return found

    def _codec(self, value: bytes) -> int:
        return ZSTD_LEARNT if self._learnt is not None and len(value) <= _SHORT else ZSTD


def _compressor(dictionary: Dictionary | None) -> zstandard.ZstdCompressor:
    """Return a compressor whose checksums (4 bytes a blob) let readers notice every changed bit."""
    learnt = None if dictionary is None else dictionary.zstd
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, dict_data=learnt)


def _bodies(compressor: zstandard.ZstdCompressor, values: list[Any]) -> Iterable[bytes]:
    if not hasattr(compressor, "multi_compress_to_buffer"):  # the backend in Python has no such call
        return map(compressor.compress, values)
    segments = compressor.multi_compress_to_buffer(values)
    return (segments[at].tobytes() for at in range(len(segments)))


#: Media type of the copy of a dictionary among the blobs: one damaged page must not cost all values.
DICTIONARY_COPY: Final = "application/zstd-dictionary"


class Dictionaries:
    """The dictionaries of one store, read when first needed."""

    def __init__(self, rows: Callable[[str, list[Any]], list[tuple[Any, ...]]]) -> None:
        self._rows = rows
        self._known: dict[int, Dictionary | None] = {}

    @classmethod
    def of(cls, db: sqlite3.Connection) -> Dictionaries:
        """Return the dictionaries of the store behind a connection."""
        return cls(lambda query, parameters: db.execute(query, parameters).fetchall())

    def find(self, number: int) -> Dictionary | None:
        """Return the dictionary of this number, None when the store has it no more.

        Raises:
            ValueError: it is damaged.
        """
        if number not in self._known:
            found = self._rows("SELECT CAST(body AS BLOB) FROM main.dictionaries WHERE dictionary_id = ?", [number])
            self._known[number] = Dictionary(found[0][0]) if found else None
        return self._known[number]


def decompress(codec: int, body: bytes, dictionaries: Dictionaries | None = None) -> bytes:
    """Return the bytes of a blob.

    Raises:
        ValueError: the codec is one of a newer spanbook, or the body or its dictionary is damaged.
    """
    if codec == RAW:
        return body
    if codec not in (ZSTD, ZSTD_LEARNT):
        raise ValueError(f"blob codec {codec} is unknown; this store needs a newer spanbook")
    try:
        learnt = None
        if codec == ZSTD_LEARNT and dictionaries is not None:
            learnt = dictionaries.find(zstandard.get_frame_parameters(body).dict_id)
        return _decompressor(learnt).decompress(body, allow_extra_data=False)
    except MemoryError as error:
        raise ValueError("a blob is damaged, or too large; `spanbook salvage` recovers what is intact") from error
    except (zstandard.ZstdError, ValueError, TypeError) as error:
        raise ValueError(f"a blob is damaged ({error}); `spanbook salvage` recovers what is intact") from error


class _OfThread(threading.local):
    """The decompressors of this thread: one serves many values, and one thread at a time."""

    plain: zstandard.ZstdDecompressor | None = None
    learnt: tuple[Dictionary, zstandard.ZstdDecompressor] | None = None


_mine: Final = _OfThread()


def _decompressor(dictionary: Dictionary | None) -> zstandard.ZstdDecompressor:
    if dictionary is None:
        if _mine.plain is None:
            _mine.plain = zstandard.ZstdDecompressor()
        return _mine.plain
    if _mine.learnt is None or _mine.learnt[0] is not dictionary:
        _mine.learnt = dictionary, zstandard.ZstdDecompressor(dict_data=dictionary.zstd)
    return _mine.learnt[1]


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of bytes; of all but long ones without letting go of the GIL."""
    if not _HASHED_AT_ONCE < len(data) <= _HASHED_IN_PARTS:
        return hashlib.sha256(data).digest()
    view, hashed = memoryview(data), hashlib.sha256()
    for at in range(0, len(data), _HASHED_AT_ONCE):
        hashed.update(view[at : at + _HASHED_AT_ONCE])
    return hashed.digest()


def digest_of(data: bytes) -> bytes:
    """Return the 16 bytes that address content in the store: the start of its SHA-256."""
    return sha256(data)[:16]


def is_intact(digest: bytes, codec: int, body: bytes, dictionaries: Dictionaries | None = None) -> bool:
    """Tell whether a blob holds what its digest says."""
    try:
        return digest_of(decompress(codec, body, dictionaries)) == digest
    except (ValueError, MemoryError):
        return False


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


#: Whatever damage made of the types, the body comes as bytes: text would have to be UTF-8.
_BLOB: Final = (
    "SELECT iif(typeof(codec) = 'integer', codec, -1), coalesce(CAST(body AS BLOB), x'') FROM main.blobs WHERE id = ?"
)


class PayloadReader:
    """Decodes payload columns on one connection, with a bounded memory of blobs already read."""

    _KEEP: Final = 32 << 20

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._dictionaries = Dictionaries.of(db)
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
        try:
            row = self._db.execute(_BLOB, (number,)).fetchone()
            if row is not None:
                codec, body = row
                return decompress(codec, body, self._dictionaries).decode("utf-8", "replace")
        except ValueError as error:
            return to_text(not_captured(str(error)))
        except OverflowError:  # no row can have this number: it is damaged itself
            return to_text(not_captured("its blob is missing from the store"))
        except sqlite3.DatabaseError as error:
            if any(said in str(error) for said in ("interrupted", "locked")):  # not the blob's fault: read it again
                raise
            return to_text(not_captured(f"it is damaged ({error}); `spanbook salvage` recovers what is intact"))
        return to_text(not_captured("its blob is missing from the store"))
