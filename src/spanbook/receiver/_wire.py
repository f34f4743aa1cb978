"""The wire format of protobuf, walked without building objects: a few bytes can ask for a gigabyte of these.

Source: https://protobuf.dev/programming-guides/encoding. Traces and logs nest alike: a request holds groups of one
resource, these hold groups of one scope, these hold records.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..model import OtlpError
from ._refusal import MAX_DEPTH, MAX_RECORDS, MAX_VALUES, Budget

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
#: Number of the field that holds the groups of a request, or the resource or scope of a group; and of its members.
_HEAD: Final = 1
_MEMBERS: Final = 2
#: Messages smaller than this cannot ask for more memory than a request may take.
_SMALL: Final = 64 << 10

#: Message → its fields that are messages (numbers of opentelemetry/proto/{trace,logs,common,resource}/v1).
_NESTED: Final[dict[str, dict[int, str]]] = {
    "span": {9: "pair", 11: "event", 13: "link", 15: "status"},
    "event": {3: "pair"},
    "link": {4: "pair"},
    "log": {5: "value", 6: "pair"},
    "resource": {1: "pair", 3: "entity"},
    "scope": {3: "pair"},
    "pair": {2: "value"},
    "value": {5: "list", 6: "pairs"},
    "list": {1: "value"},
    "pairs": {1: "pair"},
}


@dataclass(frozen=True, slots=True)
class Group:
    """The records of one scope of one resource, still encoded; ``path`` says where they stand in the request."""

    resource: bytes
    scope: bytes
    records: list[tuple[int, int]]
    path: str


def groups(data: bytes, names: tuple[str, str]) -> list[Group]:
    """Return the groups of a request, with the places of their records in ``data``.

    Raises:
        OtlpError: ``data`` is cut off, or no protobuf.
        Refusal: there are more records, groups or fields around them than a request may hold.
    """
    budget = Budget(MAX_RECORDS, "records")
    found = []
    for nth, (start, end) in enumerate(_walk(data, 0, len(data), budget)[_HEAD]):
        resource = _walk(data, start, end, budget)
        for at, (scoped, scoped_end) in enumerate(resource[_MEMBERS]):
            scope = _walk(data, scoped, scoped_end, budget)
            path = f"{names[0]}[{nth}].{names[1]}[{at}]"
            found.append(Group(_joined(data, resource[_HEAD]), _joined(data, scope[_HEAD]), scope[_MEMBERS], path))
    return found


_Places = list[tuple[int, int]]


def _walk(data: bytes, start: int, end: int, budget: Budget) -> dict[int, _Places]:
    """Return where the heads and the members of a group stand; every field counts, so that it takes bounded time."""
    places: dict[int, _Places] = {_HEAD: [], _MEMBERS: []}
    for number, kind, at, stop in fields(data, start, end):
        budget.take()
        if kind == _BYTES and number in places:
            places[number].append((at, stop))
    return places


def _joined(data: bytes, places: _Places) -> bytes:
    """Return a message that may have come in several pieces: they are put together by joining their bytes."""
    return b"".join(data[start:end] for start, end in places)


def check_size(data: bytes, message: str) -> None:
    """See to it that a message can be parsed in bounded memory.

    Args:
        data: The encoded message.
        message: What it is: ``span``, ``log``, ``resource`` or ``scope``.

    Raises:
        OtlpError: it is cut off, no protobuf, or nested too deep.
        Refusal: it holds too many values.
    """
    if len(data) >= _SMALL:
        _count(data, 0, len(data), message, Budget(MAX_VALUES, "values"), 0)


def _count(data: bytes, start: int, end: int, message: str, budget: Budget, depth: int) -> None:
    if depth > 2 * MAX_DEPTH:
        raise OtlpError("", f"is nested deeper than {MAX_DEPTH}")
    nested = _NESTED.get(message, {})
    for number, kind, at, stop in fields(data, start, end):
        budget.take()
        if kind == _BYTES and number in nested:
            _count(data, at, stop, nested[number], budget, depth + 1)


def fields(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield number, wire type, and where the content starts and ends, of each field of a message.

    Raises:
        OtlpError: the message is cut off, or no protobuf.
    """
    at = start
    while at < end:
        tag, at = _varint(data, at, end)
        number, kind = tag >> 3, tag & 7
        if kind == _BYTES:
            size, at = _varint(data, at, end)
        elif kind == _VARINT:
            size = _varint(data, at, end)[1] - at
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise OtlpError("", f"is no protobuf of OTLP: wire type {kind} at byte {at}")
        if number == 0 or size > end - at:
            raise OtlpError("", f"is no protobuf of OTLP, or cut off: a field at byte {at} ends beyond its message")
        yield number, kind, at, at + size
        at += size


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the number that stands at a place, and the place behind it."""
    value = shift = 0
    while at < end and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise OtlpError("", f"is no protobuf of OTLP, or cut off: a number at byte {at} does not end")
