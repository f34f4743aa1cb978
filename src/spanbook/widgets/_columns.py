"""The tree of one trace as columns of numbers: what goes over the wire, and how it grows.

Columns of ``n`` entries one after another, little endian, in this order: start f64 (ms from the trace's start),
duration f32 (ms, NaN while running), first_token f32 (ms from the span's start, NaN: none), parent i32 (row, -1: root
or orphan), tokens u32 (0: none), cost f32 (NaN: none), name u16 (u32 when ``wide``), sub u16, kind u8, status u8 (low
two bits; 16: seen twice, not counted). Its twin that decodes is ``js/src/core/columns.ts``.

A row keeps its index for as long as the view lives. Names and subs are numbered texts, sent once each.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ..model import KIND_CODE, STATUS_RANK, STATUSES
from ..store._tree import TREE_COLUMNS
from ._facts import MAX_NAME, shortened

NAN: Final = float("nan")
NOT_COUNTED: Final = 16
STATUS_CODE: Final[dict[str, int]] = {status: code for code, status in enumerate(STATUSES)}
_U16: Final = 0xFFFF
_U32: Final = 0xFFFF_FFFF
#: Attribute and array type of each column but the last four, in wire order.
_WIDE: Final = (
    ("start", "d"),
    ("duration", "f"),
    ("first_token", "f"),
    ("parent", "i"),
    ("tokens", "I"),
    ("cost", "f"),
)


class Encoded(NamedTuple):
    """Columns as bytes; ``wide`` says that names are u32."""

    data: bytes
    wide: bool


class Names:
    """Texts with numbers, in the order they were met."""

    def __init__(self, *first: str, most: int = _U32) -> None:
        self.texts: list[str] = list(first)
        self._numbers = {text: number for number, text in enumerate(first)}
        self._most = most

    def number(self, text: str) -> int:
        """Return the number of a text, a new one when it was not met; 0 once there are too many."""
        number = self._numbers.get(text)
        if number is None:
            if len(self.texts) > self._most:
                return 0
            number = self._numbers[text] = len(self.texts)
            self.texts.append(shortened(text, MAX_NAME))
        return number


class TreeColumns:
    """Rows of one trace; not safe for threads, whoever holds it holds a lock."""

    def __init__(self, rows: Sequence[Sequence[Any]], base_ns: int) -> None:
        """Take rows of ``TREE_COLUMNS`` in order of start; times count from ``base_ns``."""
        self.base_ns = base_ns
        self.names = Names()
        self.subs = Names("", most=_U16)
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(TREE_COLUMNS)
        spans, parents, names, kinds, statuses, starts, ends, firsts = columns[:8]
        inputs, outputs, costs, models, errors, counted = columns[8:]
        self.span_ids = list(spans)
        self.row_of = {span: row for row, span in enumerate(spans)}
        self.start = array("d", [(ns - base_ns) / 1e6 for ns in starts])
        self.duration = array("f", [_after(*two) for two in zip(starts, ends, strict=True)])
        self.first_token = array("f", [_after(*two) for two in zip(starts, firsts, strict=True)])
        row_of = self.row_of.get
        self.parent = array("i", [row_of(parent, -1) for parent in parents])
        self.tokens = array("I", [_tokens(given, made) for given, made in zip(inputs, outputs, strict=True)])
        self.cost = array("f", [NAN if cost is None else cost for cost in costs])
        number = self.names.number
        self.name = array("I", [number(name) for name in names])
        number = self.subs.number
        self.sub = array("H", [number(_sub(*four)) for four in zip(names, statuses, errors, models, strict=True)])
        self.kind = array("B", [KIND_CODE.get(kind, 0) for kind in kinds])
        self.status = array("B", [_status(one, is_counted) for one, is_counted in zip(statuses, counted, strict=True)])
        #: Parents that have not come, and the rows that wait for them.
        self._waiting: dict[str, list[int]] = {}
        for row, (parent, span) in enumerate(zip(parents, spans, strict=True)):
            if parent is not None and self.parent[row] < 0 and parent != span:
                self._waiting.setdefault(parent, []).append(row)

    def __len__(self) -> int:
        return len(self.span_ids)

    def put(self, new: Mapping[str, Any]) -> list[int]:
        """Take one span in, new or changed; return the rows that are different now.

        A state that is behind the one known is left out: what was read from the store may be newer than what a
        listener is told.
        """
        row = self.row_of.get(new["span_id"])
        if row is None:
            return self._append(new)
        before = self.status[row] & 3
        if STATUS_RANK[new["status"]] < STATUS_RANK[STATUSES[before]]:
            return []
        values = self._values(new)
        if all(_same(getattr(self, name)[row], value) for name, value in values.items()):
            return []
        for name, value in values.items():
            getattr(self, name)[row] = value
        return [row]

    def _append(self, new: Mapping[str, Any]) -> list[int]:
        span, row = new["span_id"], len(self.span_ids)
        self.span_ids.append(span)
        self.row_of[span] = row
        for name, value in self._values(new).items():
            getattr(self, name).append(value)
        parent = new["parent_id"]
        if parent is not None and self.parent[row] < 0 and parent != span:
            self._waiting.setdefault(parent, []).append(row)
        children = self._waiting.pop(span, [])
        for child in children:
            self.parent[child] = row
        return [row, *children]

    def _values(self, new: Mapping[str, Any]) -> dict[str, Any]:
        start, end, first = new["start_ns"], new["end_ns"], new["first_token_ns"]
        cost = new["cost_usd"]
        return {
            "start": (start - self.base_ns) / 1e6,
            "duration": _single(_after(start, end)),
            "first_token": _single(_after(start, first)),
            "parent": self.row_of.get(new["parent_id"], -1),
            "tokens": _tokens(new["input_tokens"], new["output_tokens"]),
            "cost": NAN if cost is None else _single(cost),
            "name": self.names.number(new["name"]),
            "sub": self.subs.number(_sub(new["name"], new["status"], new["error_type"], new["model"])),
            "kind": KIND_CODE.get(new["kind"], 0),
            "status": _status(new["status"], new["counted"]),
        }

    def encode(self, rows: Iterable[int] | None = None) -> Encoded:
        """Return the columns of all rows, or of these, in wire order."""
        at = None if rows is None else list(rows)
        wide = len(self.names.texts) > _U16
        parts = [_bytes(_some(getattr(self, name), code, at)) for name, code in _WIDE]
        parts.append(_bytes(_some(self.name, "I" if wide else "H", at)))
        parts.append(_bytes(_some(self.sub, "H", at)))
        parts.append(_some(self.kind, "B", at).tobytes())
        parts.append(_some(self.status, "B", at).tobytes())
        return Encoded(b"".join(parts), wide)

    def is_open(self, row: int) -> bool:
        """Whether the span of a row has not ended."""
        return self.status[row] & 3 == 0


def u32(numbers: Iterable[int]) -> bytes:
    """Return numbers as little-endian u32."""
    return _bytes(array("I", numbers))


def _some(column: array[Any], code: str, rows: list[int] | None) -> array[Any]:
    if rows is not None:
        return array(code, [column[row] for row in rows])
    return column if column.typecode == code else array(code, column)


def _bytes(column: array[Any]) -> bytes:
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()


def _single(value: float) -> float:
    """Round as an f32 column does, so that values can be compared with what is in one."""
    return float(array("f", (value,))[0])


def _same(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)  # NaN is no value here, and equal to itself


def _after(start_ns: int, ns: int | None) -> float:
    return NAN if ns is None else (ns - start_ns) / 1e6


def _tokens(given: int | None, made: int | None) -> int:
    return min(max((given or 0) + (made or 0), 0), _U32)


def _status(status: str, counted: Any) -> int:
    return STATUS_CODE[status] if counted else STATUS_CODE[status] | NOT_COUNTED


def _sub(name: str, status: str, error_type: str | None, model: str | None) -> str:
    """What stands muted after the name: why it failed, else which model answered."""
    if status == "error" and error_type:
        return error_type
    return model if model and model not in name else ""
