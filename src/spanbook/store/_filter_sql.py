"""A filter as SQL for SQLite: one boolean expression and its bound values.

The expression speaks of the alias ``s`` (spans) or ``t`` (traces). For spans the caller joins the payloads;
SQLite leaves the join out by itself when the filter does not look at them::

    SELECT … FROM spans s LEFT JOIN payloads p ON p.span = s.id WHERE (<expression>)
    SELECT … FROM traces t WHERE (<expression>)

Stored columns stand bare beside ``?``, so their indexes serve. The expression is true, false or NULL; NULL
counts as false (as WHERE takes it), and under ``not`` it is made false first, so a test of a missing value
has an opposite.

What is inside payloads is read by functions that ``_filter_values.register`` gives a connection: ``sb_get``,
``sb_contains``, ``sb_contains_at``, ``sb_has``, ``sb_lower``, ``sb_upper``. ``sb_get`` gives numbers for
numbers and booleans, TEXT for texts, a BLOB (of JSON) for lists and objects, NULL for null and for what is
not there. SQLite orders values of unlike types (numbers < TEXT < BLOB) where Python would refuse; each
comparison here is bounded to its own type.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, NamedTuple

from ._filter_nodes import (
    Affix,
    Aggregate,
    Always,
    And,
    Arithmetic,
    Cased,
    Compare,
    Const,
    Contains,
    Exists,
    Field,
    Filter,
    Instant,
    Item,
    Length,
    Matches,
    Missing,
    Negative,
    Not,
    OneOf,
    Or,
    PathKey,
    Rows,
    Score,
    Test,
    Truth,
    Value,
)
from ._schema import TRACE_END


def filter_to_sql(filter: Filter) -> tuple[str, list[Any]]:
    """Return the SQL expression of a filter and its bound values, in order."""
    sql = _Writer(filter.on).test(filter.test)
    return sql.text, list(sql.values)


def match_sql(column: str) -> str:
    """SQL that is true when a payload column matches a full-text query, whose place is the one ``?``."""
    return f"sb_matches({column}, ?)"


class Sql(NamedTuple):
    """A piece of SQL and the values of its ``?``, in order."""

    text: str
    values: tuple[Any, ...] = ()


@dataclass
class _Row:
    """How the rows of one variable are called in SQL."""

    alias: str
    payloads: str
    uses_payloads: bool = False


#: Fields that are not columns of their own; {0} is the alias.
_COMPUTED: Final[dict[str, dict[str, str]]] = {
    "spans": {
        "start": "{0}.start_ns",
        "end": "{0}.end_ns",
        "first_token": "{0}.first_token_ns",
        "duration_ms": "(({0}.end_ns - {0}.start_ns) / 1e6)",
        "time_to_first_token_ms": "(({0}.first_token_ns - {0}.start_ns) / 1e6)",
        "total_tokens": "coalesce({0}.input_tokens + {0}.output_tokens, {0}.input_tokens, {0}.output_tokens)",
        "has_error": "{0}.status = 'error'",
        "is_root": "{0}.parent_id IS NULL",
        "counted": "{0}.counted <> 0",
    },
    "traces": {
        "start": "{0}.start_ns",
        "end": f"({TRACE_END})",
        "end_ns": f"({TRACE_END})",
        "duration_ms": f"(({TRACE_END} - {{0}}.start_ns) / 1e6)",
        "total_tokens": "coalesce({0}.input_tokens + {0}.output_tokens, {0}.input_tokens, {0}.output_tokens)",
        "has_error": "{0}.n_errors > 0",  # as the partial index on traces with errors says it
    },
    "events": {"time": "{0}.time_ns"},
    "scores": {"created": "{0}.created_ns"},
}
#: Input and output of a trace are its root span's.
_OF_ROOT: Final = (
    "(SELECT rp.{1} FROM spans r JOIN payloads rp ON rp.span = r.id"
    " WHERE r.trace_id = {0}.trace_id AND r.span_id = {0}.root_span_id)"
)
#: The rows of a collection that belong to an outer row; {0} is the inner alias, {1} the outer one.
_BELONGS: Final[dict[str, str]] = {
    "spans": "{0}.trace_id = {1}.trace_id AND {0}.span_id = {1}.span_id",
    "traces": "{0}.trace_id = {1}.trace_id",
}
#: What counts as false; a document that short lies inline.
_EMPTY_JSON: Final = "('{{}}', '[]', '\"\"', 'null', 'false', '0', '0.0')"
_SAFE_IN_JSON: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-.:")


class _Writer:
    def __init__(self, on: str) -> None:
        alias = "s" if on == "spans" else "t"
        self._rows: dict[str, _Row] = {"": _Row(alias, "p")}
        self._made = 0

    # -------------------------------------------------------------------------------------------- tests

    def test(self, node: Test) -> Sql:
        """Write a test; And and Or come without brackets around them."""
        if isinstance(node, And):
            return _join(" AND ", (self._inside(part) for part in sorted(node.tests, key=_cost)))
        if isinstance(node, Or):
            return _join(" OR ", (self._inside(part) for part in sorted(node.tests, key=_cost)))
        return self._TESTS[type(node)](self, node)

    def _inside(self, node: Test) -> Sql:
        """Write a test that others stand beside."""
        sql = self.test(node)
        return _sql("({})", sql) if isinstance(node, And | Or) else sql

    def _always(self, node: Always) -> Sql:
        return Sql("1" if node.value else "0")

    def _not(self, node: Not) -> Sql:
        inner = node.test
        if isinstance(inner, Missing):
            return _sql("{} IS NOT NULL", self.value(inner.value))
        if isinstance(inner, Compare) and inner.op == "==" and isinstance(inner.right, Const | Instant):
            return _sql("{} IS NOT {}", self.value(inner.left), self.value(inner.right))
        return _sql("(({}) IS NOT TRUE)", self.test(inner))

    def _truth(self, node: Truth) -> Sql:
        value = node.value
        if isinstance(value, Field) and value.type in ("rows", "scores"):
            return self._exists(Exists(Rows(" ", value.row, value.scope, value.name), Always(True)))
        sql = self.value(value)
        if value.type == "bool":
            return sql
        if value.type in ("content", "map"):
            return _sql("{} NOT IN " + _EMPTY_JSON, sql)
        if value.type == "tags":
            return _sql("json_array_length({}) > 0", sql)
        if value.type == "json":
            return _sql("{} NOT IN (0, '', x'')", sql)
        return _sql({"text": "{} <> ''", "number": "{} <> 0"}.get(value.type, "{} IS NOT NULL"), sql)

    def _compare(self, node: Compare) -> Sql:
        left, right = self._bare(node.left, node.right), self._bare(node.right, node.left)
        plain = _sql("{} " + node.op.replace("==", "=") + " {}", left, right)
        if node.op == "==":
            return self._sifted(node, plain)
        types = {node.left.type, node.right.type}
        if types == {"json"}:
            # both of one type, and neither a list or object
            alike = "({} AND (typeof({}) = 'text') = (typeof({}) = 'text') AND {} < x'' AND {} < x'')"
            return _sql(alike, plain, left, right, left, right)
        if "json" not in types:
            return plain
        # NULL AND NULL is NULL: a missing value stays missing
        json_side, is_left = (left, True) if node.left.type == "json" else (right, False)
        wants_small = (node.op in ("<", "<=")) == is_left
        if "number" in types:
            return plain if wants_small else _sql("({} AND {} < '')", plain, json_side)
        return _sql("({} AND {} >= '')" if wants_small else "({} AND {} < x'')", plain, json_side)

    def _sifted(self, node: Compare, plain: Sql) -> Sql:
        """Look for the text in the JSON before opening it, where the JSON is a column of its own: ten times as fast."""
        for inner, other in ((node.left, node.right), (node.right, node.left)):
            written = _quoted(other)
            if isinstance(inner, Item) and inner.field.scope == "traces" and inner.field.type == "map" and written:
                return _sql("(instr({}, {}) > 0 AND {})", self.value(inner.field), written, plain)
        return plain

    def _bare(self, node: Value, beside: Value) -> Sql:
        """Write one side; beside a payload's value a column must not lend it its type (TEXT '5' is not 5)."""
        sql = self.value(node)
        return _sql("+{}", sql) if isinstance(node, Field) and beside.type == "json" else sql

    def _missing(self, node: Missing) -> Sql:
        return _sql("{} IS NULL", self.value(node.value))

    def _one_of(self, node: OneOf) -> Sql:
        if not node.options:
            return Sql("0")
        marks = ", ".join("?" * len(node.options))
        return _sql("{} IN ({})", self.value(node.value), Sql(marks, node.options))

    def _contains(self, node: Contains) -> Sql:
        whole, part = node.whole, node.part
        if isinstance(whole, Field) and whole.type == "scores" and isinstance(part, Const):
            return _sql("{} IS NOT NULL", self._score(Score(whole.row, whole.scope, str(part.value))))
        if isinstance(whole, Field) and whole.type == "map" and isinstance(part, Const):
            return _sql("sb_has({}, '[]', ?)", self.value(whole), tail=(str(part.value),))
        needle = self.value(part)
        if whole.type == "tags":
            return self._has_tag(self.value(whole), part, needle)
        case, inner = (whole.case, whole.value) if isinstance(whole, Cased) else ("", whole)
        if isinstance(inner, Field) and inner.type == "content":
            if not case:
                return _sql("sb_contains({}, {})", self.value(inner), needle)
            return _sql("sb_contains_at({}, '[]', {}, ?)", self.value(inner), needle, tail=(case,))
        is_text = not isinstance(part, Const) or isinstance(part.value, str)
        if isinstance(inner, Item) and inner.field.type == "content" and is_text:
            path = Sql("?", (_path(inner.path),))
            return _sql("sb_contains_at({}, {}, {}, ?)", self.value(inner.field), path, needle, tail=(case,))
        if isinstance(whole, Item):
            path = Sql("?", (_path(whole.path),))
            return _sql("sb_has({}, {}, {})", self.value(whole.field), path, needle)
        return _sql("instr({}, {}) > 0", self.value(whole), self._text(part))

    def _has_tag(self, tags: Sql, part: Value, needle: Sql) -> Sql:
        exact = _sql("EXISTS (SELECT 1 FROM json_each({}) WHERE value = {})", tags, needle)
        written = _quoted(part)
        # as above: true of every list that holds the tag
        return _sql("(instr({}, {}) > 0 AND {})", tags, written, exact) if written else exact

    def _affix(self, node: Affix) -> Sql:
        value, text = self.value(node.value), node.text
        if not text:
            return _sql("{} >= ''" if node.value.type != "json" else "typeof({}) = 'text'", value)
        if node.end:
            ends = _sql(f"substr({{}}, -{len(text)}) = {{}}", value, Sql("?", (text,)))
            return ends if node.value.type != "json" else _sql("(typeof({}) = 'text' AND {})", value, ends)
        # a range rather than a function of the column, so that an index on it serves
        above = _above(text)
        upper = Sql("x''") if above is None else Sql("?", (above,))
        return _sql("({} >= {} AND {} < {})", value, Sql("?", (text,)), value, upper)

    def _matches(self, node: Matches) -> Sql:
        column = self.value(node.field)
        return Sql(match_sql(column.text), (*column.values, node.query))

    def _exists(self, node: Exists) -> Sql:
        return _sql("EXISTS ({})", self._select("1", node.rows, node.test))

    # ------------------------------------------------------------------------------------------- values

    def value(self, node: Value) -> Sql:
        """Write a value; it is NULL when it is missing."""
        return self._VALUES[type(node)](self, node)

    def _const(self, node: Const) -> Sql:
        return Sql("?", (int(node.value) if isinstance(node.value, bool) else node.value,))

    def _instant(self, node: Instant) -> Sql:
        return Sql("?", (node.ns,))

    def _field(self, node: Field) -> Sql:
        row = self._rows[node.row]
        computed = _COMPUTED[node.scope].get(node.name)
        if computed is not None:
            return Sql(computed.format(row.alias))
        if node.scope == "traces" and node.type == "content":
            return Sql(_OF_ROOT.format(row.alias, node.name))
        if node.scope == "spans" and node.type in ("content", "map"):
            row.uses_payloads = True
            return Sql(f"{row.payloads}.{node.name}")
        return Sql(f"{row.alias}.{node.name}")

    def _item(self, node: Item) -> Sql:
        return _sql("sb_get({}, {})", self.value(node.field), Sql("?", (_path(node.path),)))

    def _score(self, node: Score) -> Sql:
        belongs = _BELONGS[node.scope].format("c", self._rows[node.row].alias)
        latest = "ORDER BY c.created_ns DESC, c.id DESC LIMIT 1"
        return Sql(f"(SELECT c.value FROM scores c WHERE {belongs} AND c.name = ? {latest})", (node.name,))

    def _cased(self, node: Cased) -> Sql:
        return _sql(f"sb_{node.case}({{}})", self.value(node.value))

    def _length(self, node: Length) -> Sql:
        function = "coalesce(json_array_length({}), 0)" if node.value.type == "tags" else "length({})"
        return _sql(function, self.value(node.value))

    def _arithmetic(self, node: Arithmetic) -> Sql:
        left, right = self._number(node.left), self._number(node.right)
        low = ("+", "-")
        if isinstance(node.left, Arithmetic) and node.left.op in low and node.op not in low:
            left = _sql("({})", left)
        if isinstance(node.right, Arithmetic):
            right = _sql("({})", right)
        return _sql("{} * 1.0 / {}" if node.op == "/" else "{} " + node.op + " {}", left, right)

    def _negative(self, node: Negative) -> Sql:
        return _sql("-({})", self._number(node.value))

    def _aggregate(self, node: Aggregate) -> Sql:
        if node.value is None:
            return _sql("({})", self._select("count(*)", node.rows, node.test))
        # total() is 0 for no rows and does not overflow; sum() is NULL and does
        function = "total" if node.function == "sum" else node.function
        return _sql("({})", self._select(function, node.rows, node.test, node.value))

    def _number(self, node: Value) -> Sql:
        """Write a number of arithmetic; what is in a payload counts only if it is one."""
        sql = self.value(node)
        return sql if node.type != "json" else _sql("CASE WHEN typeof({}) IN ('integer', 'real') THEN {} END", sql, sql)

    def _text(self, node: Value) -> Sql:
        sql = self.value(node)
        return sql if node.type != "json" else _sql("CASE typeof({}) WHEN 'text' THEN {} END", sql, sql)

    def _select(self, what: str, rows: Rows, test: Test, value: Value | None = None) -> Sql:
        """``SELECT what`` (of the value) ``FROM`` the rows that belong to the outer row and pass the test."""
        self._made += 1
        row = _Row(f"q{self._made}", f"q{self._made}p")
        owner = self._rows[rows.owner]
        self._rows[rows.variable] = row
        chosen = Sql(what)
        if value is not None:
            # an aggregate of outer columns alone would be one of the outer query: name a column of these rows
            # (and not in IS NOT NULL, which SQLite takes out again)
            chosen = _sql(f"{what}(CASE WHEN {row.alias}.id <> 0 THEN {{}} END)", self._number(value))
        only = Sql("") if test == Always(True) else _sql(" AND {}", self._inside(test))
        del self._rows[rows.variable]
        join = f" LEFT JOIN payloads {row.payloads} ON {row.payloads}.span = {row.alias}.id"
        source = f"{rows.scope} {row.alias}{join if row.uses_payloads else ''}"
        belongs = _BELONGS[rows.owner_scope].format(row.alias, owner.alias)
        return _sql(f"SELECT {{}} FROM {source} WHERE {belongs}{{}}", chosen, only)

    _TESTS: Final[dict[type, Callable[[Any, Any], Sql]]] = {
        Always: _always,
        Not: _not,
        Truth: _truth,
        Compare: _compare,
        Missing: _missing,
        OneOf: _one_of,
        Contains: _contains,
        Affix: _affix,
        Matches: _matches,
        Exists: _exists,
    }
    _VALUES: Final[dict[type, Callable[[Any, Any], Sql]]] = {
        Const: _const,
        Instant: _instant,
        Field: _field,
        Item: _item,
        Score: _score,
        Cased: _cased,
        Length: _length,
        Arithmetic: _arithmetic,
        Negative: _negative,
        Aggregate: _aggregate,
    }


def _sql(template: str, *parts: Sql, tail: tuple[Any, ...] = ()) -> Sql:
    """Put pieces into the ``{}`` of a template; ``tail`` are the values of ``?`` behind them."""
    values = tuple(value for part in parts for value in part.values)
    return Sql(template.format(*(part.text for part in parts)), values + tail)


def _quoted(node: Value) -> Sql | None:
    """A constant text as every JSON writer writes it, None when there are several ways."""
    if isinstance(node, Const) and isinstance(node.value, str) and _SAFE_IN_JSON.issuperset(node.value):
        return Sql("?", (f'"{node.value}"',))
    return None


def _join(word: str, parts: Iterable[Sql]) -> Sql:
    every = list(parts)
    return Sql(word.join(part.text for part in every), tuple(value for part in every for value in part.values))


def _path(path: tuple[PathKey, ...]) -> str:
    return json.dumps(path, ensure_ascii=False, separators=(",", ":"))


def _above(text: str) -> str | None:
    """Return the least text above every text with this prefix; None when there is none.

    SQLite compares TEXT by its UTF-8 bytes, whose order is that of the code points.
    """
    while text:
        point = ord(text[-1]) + 1
        if point == 0xD800:
            point = 0xE000  # surrogates are no characters
        if point <= 0x10FFFF:
            return text[:-1] + chr(point)
        text = text[:-1]
    return None


def _cost(node: object) -> int:
    """How dear a test is: 0 columns, 1 other tables, 2 payloads. SQLite runs them in our order."""
    own = 0
    if isinstance(node, Item | Matches) or (isinstance(node, Field) and node.type in ("content", "map")):
        own = 2
    elif isinstance(node, Score | Exists | Aggregate):
        own = 1
    if isinstance(node, tuple):
        return max((_cost(part) for part in node), default=0)
    if not is_dataclass(node):
        return 0
    return max([own, *(_cost(getattr(node, field.name)) for field in fields(node))])
