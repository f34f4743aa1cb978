"""Compressed bodies, opened a step at a time: a gigabyte of zeros fits into one megabyte."""

from __future__ import annotations

import zlib
from typing import Final

from ..model import OtlpError
from ._refusal import MAX_INFLATED, Refusal

#: Content-Encoding → window bits that make zlib expect its header.
ENCODINGS: Final = {"gzip": 31, "deflate": 15}
_STEP: Final = 1 << 18
#: Members of one gzip body (RFC 1952 §2.2): an empty one has 20 bytes, and costs more than these.
_MAX_MEMBERS: Final = 1_000


def inflate(data: bytes, encoding: str) -> bytes:
    """Return a body as it was before it was compressed; ``encoding`` is one of ``ENCODINGS``, or empty.

    Raises:
        OtlpError: it is not compressed that way, is cut off, or something follows it.
        Refusal: it is too large.
    """
    if not encoding:
        return data
    found = bytearray()
    at = members = 0
    while at < len(data) or not members:
        members += 1
        if members > (_MAX_MEMBERS if encoding == "gzip" else 1):
            raise OtlpError("the body", f"is {encoding} that goes on after its end")
        at = _inflate_member(data, at, encoding, found)
    return bytes(found)


def _inflate_member(data: bytes, at: int, encoding: str, found: bytearray) -> int:
    """Add what one member holds to ``found``, and return where it ends."""
    stream = zlib.decompressobj(ENCODINGS[encoding])
    rest = b""
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
    if not stream.eof:
        raise OtlpError("the body", f"is {encoding} that is cut off")
    return min(at, len(data)) - len(stream.unused_data)
