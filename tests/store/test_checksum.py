"""The checksums of records, whoever computes them."""

import sys
from importlib import reload
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbook.store import _checksum

_CRC32C = 2


def test_a_known_value() -> None:
    """From RFC 3720, appendix B.4: 32 bytes that count up."""
    assert _checksum.CHECKSUMS[_CRC32C](bytes(range(32))) == 0x46DD794E


@given(st.binary(max_size=300))
def test_without_the_library_a_journal_is_read_all_the_same(data: bytes) -> None:
    assert _checksum._crc32c_slowly(data) == _checksum.CHECKSUMS[_CRC32C](data)


def test_without_the_library_zlib_checks_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google_crc32c.cext", None)
    try:
        without = reload(_checksum)
        assert without.checksum is crc32
        assert without.CHECKSUMS[without.FORMAT] is crc32
    finally:
        monkeypatch.undo()
        reload(_checksum)
