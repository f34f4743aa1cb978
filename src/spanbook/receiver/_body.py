"""Compressed bodies, opened a step at a time: a gigabyte of zeros fits into one megabyte."""

from __future__ import annotations

import zlib
from typing import Final

from ..model import OtlpError
from ._refusal import MAX_INFLATED, Refusal

#: Content-Encoding → window bits that make zlib expect its header.
ENCODINGS: Final = {"gzip": 31, "deflate": 15}
_STEP: Final = 1 << 18


def inflate(data: bytes, encoding: str) -> bytes:
    """Return a body as it was before it was compressed; ``encoding`` is one of ``ENCODINGS``, or empty.

    Raises:
        OtlpError: it is not compressed that way, is cut off, or something follows it.
        Refusal: it is too large.
    """
    if not encoding:
        return data
    stream = zlib.decompressobj(ENCODINGS[encoding])
    found = bytearray()
    at, rest = 0, b""
    try:
        while not stream.eof:
            if not rest:
                rest, at = data[at : at + _STEP], at + _STEP
            more = stream.decompress(rest, _STEP)
            if not more and not rest:
                break
            found += more
            rest = stream.unconsumed_tail
            if len(found) > MAX_INFLATED:
                raise Refusal(413, f"the body is larger than {MAX_INFLATED:,} bytes when decompressed")
    except zlib.error as error:
        raise OtlpError("the body", f"is no {encoding} ({error})") from None
    if not stream.eof or stream.unused_data or at < len(data):
        what = "is cut off" if not stream.eof else "goes on after its end; one member is expected"
        raise OtlpError("the body", f"is {encoding} that {what}")
    return bytes(found)
