"""What records are checked by: CRC-32C, which has an instruction of the processor's own, else the CRC-32 of zlib.

The first is a twentieth, the second a seventh of what a span of 3.3 kB costs. Faster ones than these (CRC-32 of isal,
XXH3 with AVX-512) use registers that the processor powers up when they are asked for: in a program that makes a span
now and then, that took 40 µs each time.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

_crc32c: Callable[[bytes], int] | None
try:
    with warnings.catch_warnings():  # it warns where it was not built for the machine, and zlib will do
        warnings.simplefilter("ignore")
        from google_crc32c.cext import value as _crc32c  # type: ignore[attr-defined]
except ImportError:
    _crc32c = None


def _crc32c_slowly(data: bytes) -> int:
    """Return the CRC-32C of data without the library, as the journal of a process that had it may ask for."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@cache
def _table() -> list[int]:
    table = list(range(256))
    for at, crc in enumerate(table):
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table[at] = crc
    return table


_ZLIB, _CRC32C = 1, 2
#: Format of a segment, in its header → how its records are checked.
CHECKSUMS: Final[Mapping[int, Callable[[bytes], int]]] = {_ZLIB: zlib.crc32, _CRC32C: _crc32c or _crc32c_slowly}
#: The format that this process writes.
FORMAT: Final = _CRC32C if _crc32c else _ZLIB
checksum: Final = CHECKSUMS[FORMAT]
