"""Few bytes that ask for much: refused in bounded memory, and the receiver goes on."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable

from tests.receiver.sending import JSON, PROTOBUF, Process, encoded, post, reads_peak, traces

MOST_MB = 256
SPAN = traces(1).resource_spans[0].scope_spans[0].spans[0].SerializeToString()
Body = Callable[[], bytes]


def gigabyte() -> bytes:
    """Return a gigabyte of zeros, gzipped: the same megabyte again and again, each on its own."""
    stream = zlib.compressobj(9, wbits=31)
    head = stream.compress(b"") + stream.flush(zlib.Z_FULL_FLUSH)
    return head + (stream.compress(bytes(1 << 20)) + stream.flush(zlib.Z_FULL_FLUSH)) * 1024


def one_span(more: bytes) -> bytes:
    return encoded(1, encoded(2, encoded(2, SPAN + more)))


def attribute(key: str, value: bytes) -> bytes:
    return encoded(9, encoded(1, key.encode()) + encoded(2, value))


def nested(depth: int) -> bytes:
    value = b""
    for _ in range(depth):
        value = encoded(5, encoded(1, value))
    return value


def json_span(text: str) -> bytes:
    span = {
        "traceId": "1" * 32,
        "spanId": "2" * 16,
        "name": "n",
        "startTimeUnixNano": "1700000000000000000",
        "attributes": [{"key": "k", "value": {"stringValue": text}}],
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}, ensure_ascii=False).encode()


BOMBS: dict[str, tuple[str, Body]] = {
    "8 million spans in 16 KB": (PROTOBUF, lambda: encoded(1, encoded(2, b"\x12\0" * 8_000_000))),
    "8 million groups": (PROTOBUF, lambda: b"\x0a\0" * 8_000_000),
    "16 million fields": (PROTOBUF, lambda: encoded(1, encoded(2, b"\x20\1" * 16_000_000))),
    "4 million attributes": (PROTOBUF, lambda: one_span(b"\x4a\0" * 4_000_000)),
    "2 million elements": (PROTOBUF, lambda: one_span(attribute("k", encoded(5, b"\x0a\0" * 2_000_000)))),
    "a resource of 8 million attributes": (
        PROTOBUF,
        lambda: encoded(1, encoded(1, b"\x0a\0" * 8_000_000) + encoded(2, encoded(2, SPAN))),
    ),
    "deep protobuf": (PROTOBUF, lambda: one_span(attribute("k", nested(3_000)))),
    "deeper protobuf": (PROTOBUF, lambda: one_span(attribute("k", nested(60_000)))),
    "a text of 31 MB": (PROTOBUF, lambda: one_span(attribute("k", encoded(1, b"a" * 31_000_000)))),
    "a text that is JSON of 2 million lists": (
        PROTOBUF,
        lambda: one_span(attribute("gen_ai.input.messages", encoded(1, b"[" + b"[]," * 2_000_000 + b"[]]"))),
    ),
    "deep JSON": (JSON, lambda: b'{"a":' * 100_000),
    "JSON of 2.7 million lists": (JSON, lambda: b"[" + b"[]," * 2_700_000 + b"[]]"),
    "JSON of 20 MB": (JSON, lambda: json_span("a" * 20_000_000)),
    "a JSON text without an end": (JSON, lambda: b'"' + b'\\"' * 4_000_000),
    "a gigabyte of JSON": (JSON, lambda: b""),
    "a gigabyte of zeros": (PROTOBUF, lambda: b""),
}


@reads_peak
def test_bombs_are_refused_in_bounded_memory(process: Process) -> None:
    """All of them, one after the other, and a wide text that is taken."""
    good = traces(1).SerializeToString()
    assert post(process.port, "/v1/traces", good).status == 200
    before = process.peak_mb()

    for name, (kind, body) in BOMBS.items():
        packed = gigabyte() if "gigabyte" in name else gzip.compress(body(), 1)
        answer = post(process.port, "/v1/traces", packed, kind, Content_Encoding="gzip")
        assert answer.status in (400, 413) and len(answer.body) > 30, (name, answer)
        grown = process.peak_mb() - before
        assert grown < MOST_MB, f"{name}: {grown:.0f} MB"

    wide = gzip.compress(json_span("\U0001f600" + "abcdefg " * 1_000_000), 1)
    assert post(process.port, "/v1/traces", wide, JSON, Content_Encoding="gzip").status == 200
    assert process.peak_mb() - before < MOST_MB
    assert post(process.port, "/v1/traces", good).status == 200
    assert process.popen.poll() is None
