"""Answers: what OTLP says to a request that was taken, in part or not at all, in the encoding of the request."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ._refusal import Refusal

Encoding = Literal["protobuf", "json"]
CONTENT_TYPES: Final[dict[str, Encoding]] = {"application/x-protobuf": "protobuf", "application/json": "json"}
_TYPE_OF: Final = {encoding: name for name, encoding in CONTENT_TYPES.items()}
#: HTTP status → code of google.rpc.Status.
_CODES: Final = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 8, 415: 3, 421: 9, 429: 8, 503: 14}
_INTERNAL: Final = 13
_MAX_MESSAGE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; ``body`` is of the type that ``headers`` name."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def accepted(encoding: Encoding, counted: str, rejected: int = 0, message: str = "") -> Answer:
    """Return an export response.

    Args:
        encoding: Of the request.
        counted: Name of the count of what was left out: ``rejectedSpans``, ``rejectedLogRecords``.
        rejected: How many were left out.
        message: Why; a message without rejections is a warning.
    """
    text = message[:_MAX_MESSAGE]
    if encoding == "json":
        partial = ({counted: str(rejected)} if rejected else {}) | ({"errorMessage": text} if text else {})
        return json_answer(200, {"partialSuccess": partial} if partial else {})
    partial_bytes = (b"\x08" + _varint(rejected) if rejected else b"") + _text_field(2, text)
    return Answer(200, _bytes_field(1, partial_bytes), {"Content-Type": _TYPE_OF["protobuf"]})


def refused(encoding: Encoding, refusal: Refusal) -> Answer:
    """Return a ``google.rpc.Status`` that says why a request was not taken."""
    code, text = _CODES.get(refusal.status, _INTERNAL), refusal.message[:_MAX_MESSAGE]
    if encoding == "json":
        return json_answer(refusal.status, {"code": code, "message": text}, refusal.headers)
    body = b"\x08" + _varint(code) + _text_field(2, text)
    return Answer(refusal.status, body, {"Content-Type": _TYPE_OF["protobuf"], **refusal.headers})


def json_answer(status: int, value: Any, headers: dict[str, str] | None = None) -> Answer:
    """Return an answer in JSON."""
    return Answer(status, json.dumps(value).encode(), {"Content-Type": _TYPE_OF["json"], **(headers or {})})


def _text_field(number: int, text: str) -> bytes:
    return _bytes_field(number, text.encode("utf-8", "replace"))


def _bytes_field(number: int, value: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(value)) + value if value else b""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
