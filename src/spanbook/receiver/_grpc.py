"""Enough of HTTP/2 to tell a client that speaks gRPC which setting to change; it would only say "unavailable" else.

Source: RFC 9113 (frames), RFC 7541 (header fields without compression), the gRPC over HTTP/2 protocol ("trailers
only"). Nothing that the client sends is kept.
"""

from __future__ import annotations

from typing import Final

from tornado.iostream import IOStream

from ._guards import USE_HTTP

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD: Final = 9
_MAX_FRAME: Final = 1 << 14
_MAX_FRAMES: Final = 200
_DATA, _HEADERS, _SETTINGS, _GOAWAY = 0, 1, 4, 7
_ACK, _END_STREAM, _END_HEADERS = 1, 1, 4
_UNIMPLEMENTED: Final = b"12"
_STATUS_200: Final = b"\x88"


async def tell(stream: IOStream) -> None:
    """Answer the first call of a client with the setting to change.

    Raises:
        StreamClosedError: the connection was closed.
    """
    await stream.read_bytes(len(PREFACE))
    await stream.write(_frame(_SETTINGS, 0, 0, b""))
    for _ in range(_MAX_FRAMES):
        head = await stream.read_bytes(_HEAD)
        size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        number = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
        if size > _MAX_FRAME:
            return
        await stream.read_bytes(size)
        if kind == _SETTINGS and not flags & _ACK:
            await stream.write(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _HEADERS:
            await stream.write(_frame(_HEADERS, _END_STREAM | _END_HEADERS, number, _trailers()))
        elif kind == _GOAWAY:
            return


def _trailers() -> bytes:
    fields = {
        b"content-type": b"application/grpc",
        b"grpc-status": _UNIMPLEMENTED,
        b"grpc-message": USE_HTTP.encode(),
    }
    return _STATUS_200 + b"".join(b"\x00" + _text(name) + _text(value) for name, value in fields.items())


def _text(value: bytes) -> bytes:
    """Return a string literal: its length in 7 bits, more where these are not enough."""
    if len(value) < 127:
        return bytes((len(value),)) + value
    rest, size = len(value) - 127, bytearray((127,))
    while rest > 127:
        size.append(rest & 127 | 128)
        rest >>= 7
    size.append(rest)
    return bytes(size) + value


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
