"""How payloads lie in the file."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbook.store._blobs import BlobInserts, BlobSet
from spanbook.store._codec import (
    RAW,
    ZSTD,
    Compressor,
    PayloadReader,
    decompress,
    digest_of,
    pack_ids,
    sha256,
    to_text,
    unpack_ids,
)
from spanbook.store._connection import open_writer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.integers(0, 2**63 - 1), max_size=50))
def test_packed_ids_come_back(ids: list[int]) -> None:
    """In any order, with repetitions."""
    assert unpack_ids(pack_ids(ids)) == ids


def test_a_history_costs_about_a_byte_a_message() -> None:
    """Each call of an agent sends what it sent before, and a little more."""
    assert len(pack_ids(range(1_000_000, 1_000_100))) <= 103
    assert pack_ids([]) == b""


@given(JSON)
def test_values_are_encoded_as_json_does(value: Any) -> None:
    """Compact, and text as it is."""
    assert json.loads(to_text(value)) == value
    assert to_text(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@given(st.binary(max_size=2_000))
def test_compressed_bytes_come_back(data: bytes) -> None:
    """What does not get smaller stays as it is; one compressor serves many values."""
    compress = Compressor()
    for _ in range(2):
        ((codec, body),) = compress([data])
        assert decompress(codec, body) == data
        assert (codec == RAW) == (body == data)
    assert compress([b"word " * 100, data])[0][0] == ZSTD


def test_values_are_compressed_many_at_a_time() -> None:
    """Each by itself, in their order; an empty one is one of them."""
    values = [b"word " * 1_000, b"", b"x", b"other " * 50]
    made = Compressor()(values)
    assert [decompress(codec, body) for codec, body in made] == values
    assert [codec for codec, _ in made] == [ZSTD, RAW, RAW, ZSTD]


@given(st.integers(0, 200_000))
def test_hashes_are_those_of_all_bytes(size: int) -> None:
    """In parts or at once."""
    data = (b"0123456789" * (size // 10 + 1))[:size]
    assert sha256(data) == hashlib.sha256(data).digest()


def test_a_damaged_or_newer_blob_is_said_in_words() -> None:
    """Not with a traceback from inside the decompressor."""
    with pytest.raises(ValueError, match="damaged.*salvage"):
        decompress(ZSTD, b"not zstd")
    with pytest.raises(ValueError, match="codec 7 is unknown.*newer"):
        decompress(7, b"")


def test_content_is_addressed_by_the_start_of_its_sha256() -> None:
    """Sixteen bytes: what a message part names as its digest."""
    assert digest_of(b"abc") == hashlib.sha256(b"abc").digest()[:16]


def store_payloads(db: sqlite3.Connection, blobs: BlobSet, *texts: str) -> list[Any]:
    """Write each JSON text as a blob; return the columns that stand for them."""
    inserts = BlobInserts(db)
    columns = [inserts.column(blobs.text(text)) for text in texts]
    inserts.write()
    inserts.committed()
    return columns


def test_each_form_of_a_payload_is_read_as_its_json(tmp_path: Path) -> None:
    """Nothing, inline text, one blob, a list of blobs; a blob that is gone says so."""
    db = open_writer(tmp_path / "store.db")
    one, two = store_payloads(db, BlobSet(), '{"a": 1}', '"' + "x" * 500 + '"')
    read = PayloadReader(db).text
    assert read(None) is None
    assert read("[1]") == "[1]"
    assert read(one) == '{"a": 1}'
    assert read(pack_ids([two, one, two])) == f'["{"x" * 500}",{{"a": 1}},"{"x" * 500}"]'
    assert json.loads(read(999) or "")["reason"] == "its blob is missing from the store"
    db.close()


def test_equal_content_is_stored_once(tmp_path: Path) -> None:
    """In one transaction, and in later ones while it is remembered."""
    db = open_writer(tmp_path / "store.db")
    blobs = BlobSet()
    first = store_payloads(db, blobs, '"same"', '"same"')
    second = store_payloads(db, blobs, '"same"', '"other"')
    assert len(set(first + second[:1])) == 1
    assert db.execute("SELECT count(*) FROM blobs").fetchone() == (2,)
    db.close()


def test_ids_of_a_transaction_that_failed_are_given_again(tmp_path: Path) -> None:
    """A blob that was rolled back is written by the next transaction that needs it."""
    db = open_writer(tmp_path / "store.db")
    blobs = BlobSet()
    blob = blobs.text('"kept"')
    db.execute("BEGIN")
    failed = BlobInserts(db)
    failed.column(blob)
    failed.write()
    db.execute("ROLLBACK")
    failed.rolled_back()
    (column,) = store_payloads(db, blobs, '"kept"')
    assert PayloadReader(db).text(column) == '"kept"'
    db.close()


def test_media_are_kept_as_they_are(tmp_path: Path) -> None:
    """Their bytes are compressed already, and are found by their digest."""
    db = open_writer(tmp_path / "store.db")
    inserts = BlobInserts(db)
    data = b"\x89PNG" + bytes(1_000)
    inserts.add(BlobSet().media(data, "image/png"))
    inserts.write()
    assert db.execute("SELECT digest, codec, size, mime_type, body FROM blobs").fetchall() == [
        (digest_of(data), RAW, 1_004, "image/png", data)
    ]
    db.close()
