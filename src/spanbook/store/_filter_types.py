"""Which values of a filter may be compared with which, and what to write where they may not."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn

from ._filter_lex import fail
from ._filter_names import NAMES, Name, nearest
from ._filter_nodes import (
    Always,
    Compare,
    Const,
    Contains,
    Field,
    Instant,
    Item,
    Missing,
    Not,
    OneOf,
    Or,
    Order,
    Scalar,
    Test,
    Truth,
    Type,
    Value,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SQLITE_MAX: Final = (1 << 63) - 1
_ORDERS: Final[dict[str, Order]] = {"==": "==", "<": "<", "<=": "<=", ">": ">", ">=": ">="}

_IS: Final[dict[Type, str]] = {
    "text": "a text",
    "number": "a number",
    "bool": "True or False",
    "time": "a time",
    "none": "None",
    "json": "a value inside a payload",
    "content": "a payload",
    "map": "an object with keys",
    "tags": "a list of tags",
    "scores": "a set of scores",
    "rows": "a set of records",
}
_SUCH_AS: Final[dict[Type, str]] = {
    "text": 'compare it with a text in quotes, such as "refund"',
    "number": "compare it with a number, such as 0.01",
    "bool": "write the name alone, or not and the name",
    "time": 'compare it with a time in quotes, such as "2026-11-01" or "2026-11-01T12:30" (UTC)',
    "none": "write is None or is not None",
    "json": "compare it with a text, a number, True, False or None",
    "content": "compare it with a text, or search in it",
    "map": 'take one value of it, such as {}["key"]',
    "tags": 'write "beta" in {}',
    "scores": 'take one score, such as {}["correct"]',
    "rows": "write any(x.name == … for x in {})",
}


@dataclass(frozen=True, slots=True)
class Operand:
    """A value and where it is written."""

    value: Value
    at: int
    source: str

    @property
    def type(self) -> Type:
        return self.value.type

    def refuse(self, problem: str, next_step: str) -> NoReturn:
        """Raise the error that points here."""
        fail(problem, next_step, self.at, len(self.source))

    def refuse_type(self, problem: str) -> NoReturn:
        """Raise the error that says what a value of this type is good for."""
        self.refuse(f"{self.source}, {_IS[self.type]}, {problem}", _SUCH_AS[self.type].format(self.source))


def is_missing(operand: Operand) -> Test:
    """``operand is None``."""
    if operand.type == "none":
        return Always(True)
    if operand.type in ("bool", "scores", "rows") or isinstance(operand.value, Const | Instant):
        operand.refuse(f"{operand.source} is never None", "leave this comparison out")
    return Missing(operand.value)


def truth(operand: Operand) -> Test:
    """The operand alone as a condition."""
    if not isinstance(operand.value, Const):
        return Truth(operand.value)
    if isinstance(operand.value.value, bool):
        return Always(operand.value.value)
    operand.refuse(
        f"{operand.source} alone is no condition", f"compare a name with it, such as name == {operand.source}"
    )


def compare(op: str, left: Operand, right: Operand) -> Test:
    """``left op right`` for ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``."""
    if op == "!=":
        return Not(compare("==", left, right))
    if "none" in (left.type, right.type):
        known = right if left.type == "none" else left
        if op != "==":
            known.refuse(f"{left.source} {op} {right.source} has no order", "write is None or is not None")
        return is_missing(known)
    if "bool" in (left.type, right.type):
        return _compare_bools(op, left, right)
    first, second = _side_by_side(left, right)
    _check_types(first, second)
    _check_choices(op, first, second)
    return Compare(_ORDERS[op], first.value, second.value)


def one_of(part: Operand, options: list[Operand]) -> Test:
    """``part in [constants]``."""
    if part.type in ("none", "bool", "time", "map", "tags", "scores", "rows"):
        part.refuse_type("before in and a list")
    constants = [_option(part, option) for option in options if option.type != "none"]
    test = OneOf(_scalar(part.value), tuple(constants))
    return test if len(constants) == len(options) else Or((test, is_missing(part)))


def _option(part: Operand, option: Operand) -> Scalar:
    if not isinstance(option.value, Const) or option.value.value is None:
        option.refuse(f"{option.source} in a list", "a list holds texts, numbers, True, False and None only")
    if option.type != "bool" or part.type not in ("json", "content"):
        first, second = _side_by_side(part, option)
        _check_types(first, second)
        _check_choices("==", first, second)
    return option.value.value


def contains(part: Operand, whole: Operand) -> Test:
    """``part in whole`` where the whole is no list of constants."""
    if isinstance(whole.value, Const) and whole.type != "none":
        one = whole.source
        whole.refuse(f"in before the single value {one}", f"write {part.source} == {one}, or {part.source} in [{one}]")
    if whole.type in ("none", "number", "bool", "time", "rows"):
        whole.refuse_type("after in")
    if whole.type in ("map", "scores") and not (isinstance(part.value, Const) and part.type == "text"):
        part.refuse(f"{part.source} in {whole.source}", "write the key as a text in quotes")
    if part.type not in ("text", "json") and not (part.type == "number" and whole.type == "json"):
        part.refuse(f"{part.source}, {_IS[part.type]}, in {whole.source}", 'search for a text, such as "refund"')
    return Contains(whole.value, part.value)


def number(operand: Operand) -> Value:
    """The operand of arithmetic or of ``sum``: a number, or what may be one inside a payload."""
    if operand.type not in ("number", "json", "content"):
        operand.refuse(f"{operand.source}, {_IS[operand.type]}, in arithmetic", "calculate with numbers only")
    return _scalar(operand.value)


def text(operand: Operand, method: str) -> Value:
    """The operand of a text method: a text, or what may be one inside a payload."""
    if operand.type not in ("text", "json", "content"):
        operand.refuse(f".{method}() of {operand.source}, {_IS[operand.type]}", "only texts have it")
    return operand.value


def time_ns(operand: Operand, written: str) -> int:
    """Nanoseconds since the Unix epoch of a time written as ISO 8601; UTC when it names no zone."""
    # datetime keeps microseconds, so up to three digits behind them are read here
    below = re.search(r"[.,][0-9]{6}([0-9]{1,3})[0-9]*", written)
    shorter = written[: below.start(1)] + written[below.end() :] if below else written
    try:
        moment = datetime.fromisoformat(shorter)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        nanoseconds = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
    except (ValueError, OverflowError):
        operand.refuse(f"{operand.source} is no time", 'write it as "2026-11-01" or "2026-11-01T12:30" (UTC)')
    nanoseconds += int(below.group(1).ljust(3, "0")) if below else 0
    if abs(nanoseconds) > _SQLITE_MAX:
        operand.refuse(f"{operand.source} is outside the years 1678 to 2262", "write a time within them")
    return nanoseconds


def _side_by_side(left: Operand, right: Operand) -> tuple[Operand, Operand]:
    """Whole payloads become the scalar they hold, and ISO texts beside a time become instants."""
    for operand in (left, right):
        if operand.type in ("map", "tags", "scores", "rows"):
            operand.refuse_type("in a comparison")
        if operand.type == "content" and not isinstance(operand.value, Field):
            operand.refuse(f"{operand.source} in a comparison", f'write "text" in {operand.source}')
    return _beside(left, right), _beside(right, left)


def _beside(operand: Operand, other: Operand) -> Operand:
    if other.type == "time" and isinstance(operand.value, Const) and isinstance(operand.value.value, str):
        return replace(operand, value=Instant(time_ns(operand, operand.value.value)))
    return replace(operand, value=_scalar(operand.value))


def _scalar(value: Value) -> Value:
    return Item(value, ()) if isinstance(value, Field) and value.type == "content" else value


def _check_types(left: Operand, right: Operand) -> None:
    types = {left.type, right.type}
    if len(types) > 1 and types not in ({"json", "text"}, {"json", "number"}):
        _mismatch(left, right)


def _mismatch(left: Operand, right: Operand) -> NoReturn:
    known, wrong = (right, left) if isinstance(left.value, Const) else (left, right)
    step = _SUCH_AS[known.type].format(known.source)
    if known.type == "text" and isinstance(wrong.value, Const) and wrong.type == "number":
        step = f'write it in quotes, "{wrong.source}"'
    wrong.refuse(f"{known.source} is {_IS[known.type]} and {wrong.source} is {_IS[wrong.type]}", step)


def _compare_bools(op: str, left: Operand, right: Operand) -> Test:
    known, other = (right, left) if isinstance(left.value, Const) else (left, right)
    if known.type not in ("bool", "json", "content") or not isinstance(other.value, Const) or other.type != "bool":
        _mismatch(left, right)
    if op != "==":
        known.refuse(f"{left.source} {op} {right.source} has no order", "compare True and False with ==")
    if known.type == "bool":
        test = truth(known)
        return test if other.value.value else Not(test)
    return Compare("==", _side_by_side(known, known)[0].value, other.value)


def _check_choices(op: str, left: Operand, right: Operand) -> None:
    """A text that no such field can hold is a slip of the pen: say so rather than find nothing."""
    for field, other in ((left, right), (right, left)):
        name = _name_of(field.value)
        if name is None or not name.choices:
            continue
        listed = ", ".join(name.choices)
        if op != "==":
            field.refuse(f"{field.source} has no order", f"compare it with == or in; it is one of {listed}")
        if isinstance(other.value, Const) and other.value.value not in name.choices:
            meant = nearest(str(other.value.value), name.choices)
            step = f'did you mean "{meant}"? It is' if meant else f"{name.name} is"
            other.refuse(f"no {name.name} is called {other.source}", f"{step} one of {listed}")


def _name_of(value: Value) -> Name | None:
    return NAMES[value.scope][value.name] if isinstance(value, Field) else None
