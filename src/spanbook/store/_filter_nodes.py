"""What a filter means, as plain records that know of no database.

``_filter.parse_filter`` makes them from text, checked (every name known, every type right); ``_filter_sql``
turns them into SQL for SQLite. Another engine is another module beside that one; this one and the parser
stay.

Two sorts of node: a *value* (a number, a text, something inside a JSON payload) and a *test* (true or false).
A value may be missing. A test never is: a comparison with a missing value is false, ``!=`` is the opposite of
``==``, and ``not`` the opposite of whatever it stands before.

Rows are named: ``""`` is the row being filtered, any other name is the variable of an ``any(… for s in
spans)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

#: ``json``: a scalar found inside a payload, its type known only when it is read. ``content``: a whole
#: payload of text and structure (input, output…). ``map``: a payload that is an object (metadata…). ``rows``:
#: other records (spans…).
Type: TypeAlias = Literal["text", "number", "bool", "time", "none", "json", "content", "map", "tags", "scores", "rows"]
Scalar: TypeAlias = str | int | float | bool
PathKey: TypeAlias = str | int
Order: TypeAlias = Literal["==", "<", "<=", ">", ">="]


# ------------------------------------------------------------------------------------------------- values


@dataclass(frozen=True, slots=True)
class Const:
    """A value written in the filter; None only while reading, a comparison with it is ``Missing``."""

    value: Scalar | None

    @property
    def type(self) -> Type:
        if self.value is None:
            return "none"
        if isinstance(self.value, bool):
            return "bool"
        return "text" if isinstance(self.value, str) else "number"


@dataclass(frozen=True, slots=True)
class Instant:
    """A time written in the filter, in nanoseconds since the Unix epoch."""

    ns: int

    @property
    def type(self) -> Type:
        return "time"


@dataclass(frozen=True, slots=True)
class Field:
    """A named field of a row: stored (``cost_usd``) or computed from stored ones (``duration_ms``)."""

    row: str
    name: str
    type: Type
    scope: str  # which records the row is one of: "spans", "traces", "events", "scores"


@dataclass(frozen=True, slots=True)
class Item:
    """A scalar inside a payload: ``input[-1]["role"]``; an empty path is the payload itself."""

    field: Field
    path: tuple[PathKey, ...]

    @property
    def type(self) -> Type:
        return "json"


@dataclass(frozen=True, slots=True)
class Score:
    """The latest score of that name on a span, or on a trace or any of its spans."""

    row: str
    scope: str
    name: str

    @property
    def type(self) -> Type:
        return "json"


@dataclass(frozen=True, slots=True)
class Cased:
    """Text in lower or upper case."""

    value: Value
    case: Literal["lower", "upper"]

    @property
    def type(self) -> Type:
        return "content" if self.value.type == "content" else "text"


@dataclass(frozen=True, slots=True)
class Length:
    """Characters of a text, or number of tags."""

    value: Value

    @property
    def type(self) -> Type:
        return "number"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left op right`` on numbers; missing when either is, or when dividing by zero. ``/`` is Python's."""

    op: Literal["+", "-", "*", "/"]
    left: Value
    right: Value

    @property
    def type(self) -> Type:
        return "number"


@dataclass(frozen=True, slots=True)
class Negative:
    """``-value`` of a number."""

    value: Value

    @property
    def type(self) -> Type:
        return "number"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One number (or time) over the rows that pass ``test``; missing values are left out.

    ``count`` has no ``value``; ``sum`` of nothing is 0, ``min`` and ``max`` of nothing are missing.
    """

    function: Literal["count", "sum", "min", "max"]
    rows: Rows
    test: Test
    value: Value | None = None

    @property
    def type(self) -> Type:
        return "time" if self.value is not None and self.value.type == "time" else "number"


# -------------------------------------------------------------------------------------------------- tests


@dataclass(frozen=True, slots=True)
class Always:
    """``True`` or ``False`` as written."""

    value: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """Whether a value counts as true in Python: there, and not zero or empty."""

    value: Value


@dataclass(frozen=True, slots=True)
class Compare:
    """``left op right``; false when either is missing or their types differ. ``!=`` is ``Not`` of ``==``."""

    op: Order
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Missing:
    """``value is None``."""

    value: Value


@dataclass(frozen=True, slots=True)
class OneOf:
    """``value in [constants]``."""

    value: Value
    options: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Contains:
    """``part in whole``: part of a text or of a payload's texts, a tag, a key, an item, or a score's name."""

    whole: Value
    part: Value


@dataclass(frozen=True, slots=True)
class Affix:
    """``value.startswith(text)`` or ``value.endswith(text)``."""

    value: Value
    text: str
    end: bool


@dataclass(frozen=True, slots=True)
class Matches:
    """``matches(input, "refund policy")``: full-text search in a payload."""

    field: Field
    query: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a test."""

    test: Test


@dataclass(frozen=True, slots=True)
class And:
    """Every test holds."""

    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one test holds."""

    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """``s in spans``: the records of a row, under a name; ``any``, ``all`` and aggregates go over them."""

    variable: str
    owner: str  # the row they belong to
    owner_scope: str
    scope: str  # "spans", "events" or "scores"


@dataclass(frozen=True, slots=True)
class Exists:
    """At least one of the rows passes the test; ``all(…)`` is ``Not(Exists(…, Not(…)))``."""

    rows: Rows
    test: Test


Value: TypeAlias = Const | Instant | Field | Item | Score | Cased | Length | Arithmetic | Negative | Aggregate
Test: TypeAlias = Always | Truth | Compare | Missing | OneOf | Contains | Affix | Matches | Not | And | Or | Exists


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was understood: what it is on, as it was written, and what it means."""

    on: Literal["spans", "traces"]
    text: str
    test: Test
