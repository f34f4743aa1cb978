"""The checksum of records, whoever computes it."""

import sys
from importlib import reload
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbook.store import _crc32


@given(st.binary(max_size=300))
def test_it_is_that_of_zlib(data: bytes) -> None:
    assert _crc32.crc32(data) == crc32(data)


def test_without_isal_it_is_zlib_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "isal.isal_zlib", None)
    try:
        assert reload(_crc32).crc32 is crc32
    finally:
        monkeypatch.undo()
        reload(_crc32)
