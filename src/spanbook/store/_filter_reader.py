"""From Python's syntax tree to the records of a filter, with every name, type and bound checked."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from . import _filter_types as types
from ._filter_hints import Source, refuse_name
from ._filter_names import FUNCTIONS, METHODS, NAMES, nearest
from ._filter_nodes import (
    Affix,
    Aggregate,
    Always,
    And,
    Arithmetic,
    Cased,
    Const,
    Exists,
    Field,
    Item,
    Length,
    Matches,
    Negative,
    Not,
    Or,
    PathKey,
    Rows,
    Score,
    Test,
    Value,
)
from ._filter_types import Operand

#: Conditions inside conditions, and conditions in all. SQLite's parser has a stack of 100 entries and its
#: trees may be 1,000 deep; a test puts the worst filter of these sizes through it.
MAX_DEPTH: Final = 12
MAX_PARTS: Final = 200
#: Records inside records (the events of the spans): each more would multiply the time.
MAX_ROWS: Final = 2

_ORDERS: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_ARITHMETIC: Final[dict[type[ast.operator], Literal["+", "-", "*", "/"]]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}
_CONDITIONS: Final = (ast.BoolOp, ast.Compare)
_REFUSED: Final[dict[type[ast.expr], str]] = {
    ast.List: "write a list only behind in",
    ast.Tuple: "write a list only behind in",
    ast.Set: "write a list only behind in",
    ast.ListComp: "write any(… for s in spans), or len([s for s in spans if …]) > 3",
    ast.GeneratorExp: "write any(… for s in spans)",
    ast.SetComp: "write any(… for s in spans)",
    ast.IfExp: "join conditions with and, or",
}


class Reader:
    """Translates one tree; ``source`` is the filter's text on one line."""

    def __init__(self, source: str, on: str) -> None:
        self._source = Source(source)
        self._rows: dict[str, str] = {"": on}  # what the rows of each variable are
        self._depth = 0
        self._parts = 0
        self._comparing: ast.Compare | None = None  # what is read just now, for hints

    # -------------------------------------------------------------------------------------------- tests

    def test(self, node: ast.expr) -> Test:
        """Translate a condition."""
        with self._level(node):
            if isinstance(node, ast.BoolOp):
                parts = [self.test(part) for part in node.values]
                return _all_of(parts) if isinstance(node.op, ast.And) else _any_of(parts)
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
                return _opposite(self.test(node.operand))
            if isinstance(node, ast.Compare):
                return self._comparisons(node)
            if isinstance(node, ast.Tuple):
                self._source.refuse(node, "conditions joined by a comma", "join them with and, or")
            called = self._test_call(node) if isinstance(node, ast.Call) else None
            return called or types.truth(self._operand(node))

    def _comparisons(self, node: ast.Compare) -> Test:
        """``a < b < c`` is ``a < b and b < c``."""
        self._comparing = node
        self._count(node, len(node.ops) - 1)
        lefts = [node.left, *node.comparators]
        return _all_of(self._comparison(*each) for each in zip(lefts, node.ops, node.comparators, strict=False))

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Test:
        if isinstance(op, ast.In | ast.NotIn):
            test = self._membership(left, right)
            return Not(test) if isinstance(op, ast.NotIn) else test
        first, second = self._operand(left), self._operand(right)
        if isinstance(op, ast.Is | ast.IsNot):
            if second.type not in ("none", "bool"):
                second.refuse(f"is before {second.source}", "write == to compare; is goes with None, True and False")
            test = types.compare("==", first, second)
            return Not(test) if isinstance(op, ast.IsNot) else test
        return types.compare(_ORDERS[type(op)], first, second)

    def _membership(self, left: ast.expr, right: ast.expr) -> Test:
        part = self._operand(left)
        if isinstance(right, ast.List | ast.Tuple | ast.Set):
            return types.one_of(part, [self._operand(option) for option in right.elts])
        return types.contains(part, self._operand(right))

    def _test_call(self, node: ast.Call) -> Test | None:
        """Translate a call that is a condition; None for one that gives a value."""
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in ("startswith", "endswith"):
            return self._affix(node, function)
        if not isinstance(function, ast.Name):
            return None
        if function.id in ("any", "all"):
            return self._quantified(node, every=function.id == "all")
        return self._matches(node) if function.id == "matches" else None

    def _affix(self, node: ast.Call, method: ast.Attribute) -> Test:
        base = self._operand(method.value)
        value = types.text(base, method.attr)
        if value.type == "content":
            if not isinstance(value, Field):
                base.refuse(f".{method.attr}() of {base.source}", f'write "text" in {base.source}')
            value = Item(value, ())
        wanted = self._argument(node, f'{base.source}.{method.attr}("text")')
        options = wanted.elts if isinstance(wanted, ast.Tuple) else [wanted]
        self._count(node, len(options))
        end = method.attr == "endswith"
        return _any_of(Affix(value, self._written_text(option), end) for option in options)

    def _matches(self, node: ast.Call) -> Test:
        usage = 'matches(input, "refund policy")'
        if len(node.args) != 2 or node.keywords:
            self._source.refuse(node, f"matches with {len(node.args)} arguments", f"write {usage}")
        payload = self._operand(node.args[0])
        if not isinstance(payload.value, Field) or payload.type != "content":
            payload.refuse(f"matches on {payload.source}", f"search in a payload: {usage}")
        query = self._written_text(node.args[1])
        if not any(character.isalnum() for character in query):
            self._source.refuse(node.args[1], "a search without a word", f"write the words to find: {usage}")
        return Matches(payload.value, query)

    # ------------------------------------------------------------------------------------- other records

    def _quantified(self, node: ast.Call, *, every: bool) -> Test:
        function = "all" if every else "any"
        comprehension = self._comprehension(node, f'{function}(s.kind == "tool" for s in spans)')
        with self._over(comprehension) as (rows, tests):
            test = self._element_test(comprehension, rows)
            return (
                Not(Exists(rows, _all_of([*tests, _opposite(test)])))
                if every
                else Exists(rows, _all_of([*tests, test]))
            )

    def _aggregate(self, node: ast.Call, function: Literal["sum", "min", "max"]) -> Value:
        comprehension = self._comprehension(node, f"{function}(s.duration_ms for s in spans)")
        element = comprehension.elt
        with self._over(comprehension) as (rows, tests):
            if function == "sum" and isinstance(element, ast.Constant) and element.value == 1:
                return Aggregate("count", rows, _all_of(tests))
            if function == "sum" and isinstance(element, _CONDITIONS):
                return Aggregate("count", rows, _all_of([*tests, self.test(element)]))
            operand = self._operand(element)
            value = operand.value if operand.type == "time" and function != "sum" else types.number(operand)
            return Aggregate(function, rows, _all_of(tests), value)

    def _counted(self, node: ast.Call) -> Value:
        comprehension = self._comprehension(node, 'count(s.kind == "tool" for s in spans)')
        with self._over(comprehension) as (rows, tests):
            return Aggregate("count", rows, _all_of([*tests, self._element_test(comprehension, rows)]))

    def _length(self, node: ast.Call) -> Value:
        argument = self._argument(node, 'len([s for s in spans if s.kind == "tool"])')
        if isinstance(argument, ast.ListComp | ast.GeneratorExp):
            with self._over(argument) as (rows, tests):
                if not isinstance(argument.elt, ast.Name) or argument.elt.id != rows.variable:
                    self._source.refuse(
                        argument.elt,
                        "a condition that len does not look at",
                        "put it behind if, or write count(…)",
                    )
                return Aggregate("count", rows, _all_of(tests))
        operand = self._operand(argument)
        if operand.type in ("rows", "scores") and isinstance(operand.value, Field):
            field = operand.value
            return Aggregate("count", Rows(" ", field.row, field.scope, field.name), Always(True))
        if operand.type not in ("text", "tags"):
            operand.refuse(f"len of {operand.source}", "only texts, tags, spans, events and scores have a length")
        return Length(operand.value)

    @contextmanager
    def _over(self, node: ast.GeneratorExp | ast.ListComp) -> Iterator[tuple[Rows, list[Test]]]:
        """Give what ``for s in spans if …`` goes over and its conditions; ``s`` is known inside."""
        if len(node.generators) != 1:
            self._source.refuse(node, "for behind for", "go over the inner records with another any(…)")
        if len(self._rows) > MAX_ROWS:
            self._source.refuse(node, f"more than {MAX_ROWS} for … in inside each other", "go over fewer records")
        generator = node.generators[0]
        rows = self._collection(generator)
        self._rows[rows.variable] = rows.scope
        try:
            yield rows, [self.test(condition) for condition in generator.ifs]
        finally:
            del self._rows[rows.variable]

    def _collection(self, generator: ast.comprehension) -> Rows:
        target = generator.target
        if not isinstance(target, ast.Name):
            self._source.refuse(target, f"the variable {self._source.quote(target)}", "write one name, such as s")
        if target.id in self._rows or target.id in FUNCTIONS or any(target.id in names for names in NAMES.values()):
            self._source.refuse(target, f"the variable {target.id}, a name already", "choose another, such as s")
        field = self._operand(generator.iter)
        if not isinstance(field.value, Field) or field.type not in ("rows", "scores"):
            field.refuse(f"for {target.id} in {field.source}", "go over spans (of a trace), events or scores")
        return Rows(target.id, field.value.row, field.value.scope, field.value.name)

    def _comprehension(self, node: ast.Call, usage: str) -> ast.GeneratorExp | ast.ListComp:
        argument = self._argument(node, usage)
        if not isinstance(argument, ast.GeneratorExp | ast.ListComp):
            self._source.refuse(argument, f"{self._source.quote(argument)} without for … in", f"write {usage}")
        return argument

    def _element_test(self, node: ast.GeneratorExp | ast.ListComp, rows: Rows) -> Test:
        if isinstance(node.elt, ast.Name) and node.elt.id == rows.variable:
            return Always(True)
        return self.test(node.elt)

    # ------------------------------------------------------------------------------------------- values

    def _operand(self, node: ast.expr) -> Operand:
        with self._level(node, parts=0):
            return Operand(self._value(node), self._source.span(node)[0], self._source.quote(node))

    def _value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name):
            return self._field(node, "", node.id)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Subscript):
            return self._subscript(node)
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            return self._signed(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, (*_CONDITIONS, ast.UnaryOp)):
            self._source.refuse(
                node, "a condition where a value belongs", "join conditions with and, or; negate one with not"
            )
        self._source.refuse(
            node,
            f"unexpected {self._source.quote(node)}",
            _REFUSED.get(type(node), "it is not part of the filter language"),
        )

    def _constant(self, node: ast.Constant) -> Const:
        value = node.value
        if isinstance(value, str):
            if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
                self._source.refuse(
                    node, "a text with a character that stored text never holds", "leave that character out"
                )
            return Const(value)
        if value is None or isinstance(value, bool | int | float):
            return Const(value)
        self._source.refuse(
            node, f"unexpected {self._source.quote(node)}", "write a text, a number, True, False or None"
        )

    def _written_text(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant):
            value = self._constant(node).value
            if isinstance(value, str):
                return value
        self._source.refuse(node, f"{self._source.quote(node)} where a text belongs", "write a text in quotes")

    def _signed(self, node: ast.UnaryOp) -> Value:
        operand = self._operand(node.operand)
        value = types.number(operand)
        if isinstance(node.op, ast.UAdd):
            return value
        if isinstance(value, Const) and isinstance(value.value, int | float):
            return Const(-value.value)
        return Negative(value)

    def _arithmetic(self, node: ast.BinOp) -> Value:
        """A chain such as ``a + b - c`` is read in a loop: it is no deeper for being longer."""
        chain: list[ast.BinOp] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp):
            chain.append(first)
            first = first.left
        self._count(node, len(chain))
        value = types.number(self._operand(first))
        for part in reversed(chain):
            op = _ARITHMETIC.get(type(part.op))
            if op is None:
                self._source.refuse(part, f"unexpected {self._source.quote(part)}", "arithmetic is + - * /")
            value = Arithmetic(op, value, types.number(self._operand(part.right)))
        return value

    def _call(self, node: ast.Call) -> Value:
        function = node.func
        if isinstance(function, ast.Attribute):
            return self._method(node, function)
        name = self._source.quote(function)
        if name == "len":
            return self._length(node)
        if name == "count":
            return self._counted(node)
        if name in ("sum", "min", "max"):
            return self._aggregate(node, "sum" if name == "sum" else "min" if name == "min" else "max")
        if name in FUNCTIONS:
            self._source.refuse(
                node,
                f"{name}(…) where a value belongs",
                f"it is a condition by itself: write {name}(…) or not {name}(…)",
            )
        meant = nearest(name, FUNCTIONS)
        did = f"did you mean {meant}? The names are" if meant else "there are"
        self._source.refuse(function, f"unknown function {name!r}", f"{did} {', '.join(FUNCTIONS)}")

    def _method(self, node: ast.Call, method: ast.Attribute) -> Value:
        base, name = self._source.quote(method.value), method.attr
        if name in ("startswith", "endswith"):
            self._source.refuse(node, f".{name}() where a value belongs", "it is a condition by itself")
        if name not in ("lower", "upper"):
            instead = {
                "contains": f'write "text" in {base}',
                "get": f'write {base}["key"]',
                "casefold": f"write {base}.lower()",
            }
            self._source.refuse(node, f"unknown method {name!r}", instead.get(name, f"there are {', '.join(METHODS)}"))
        if node.args or node.keywords:
            self._source.refuse(node, f".{name}() with an argument", f"write {base}.{name}()")
        return Cased(types.text(self._operand(method.value), name), "lower" if name == "lower" else "upper")

    def _argument(self, node: ast.Call, usage: str) -> ast.expr:
        if len(node.args) != 1 or node.keywords:
            self._source.refuse(
                node, f"{self._source.quote(node.func)} with {len(node.args)} arguments", f"write {usage}"
            )
        return node.args[0]

    # -------------------------------------------------------------------------------------------- names

    def _field(self, node: ast.expr, row: str, word: str) -> Field:
        scope = self._rows[row]
        name = NAMES[scope].get(word)
        if name is None:
            refuse_name(self._source, node, row, word, self._rows, self._comparing)
        return Field(row, word, name.type, scope)

    def _attribute(self, node: ast.Attribute) -> Value:
        base, word = node.value, node.attr
        if isinstance(base, ast.Name) and base.id in self._rows:
            return self._field(node, base.id, word)
        text = self._source.quote(base)
        if isinstance(base, ast.Name) and base.id not in NAMES[self._rows[""]]:
            on_spans = self._rows[""] == "spans"
            step = f"write {word} alone" if on_spans else f"write any({base.id}.{word} … for {base.id} in spans)"
            self._source.refuse(base, f"unknown variable {text!r}", step)
        if word in METHODS:
            self._source.refuse(node, f".{word} without brackets", f"write {text}.{word}(…)")
        operand = self._operand(base)
        if operand.type in ("map", "content", "scores"):
            self._source.refuse(node, f"unexpected .{word}", f'write {text}["{word}"]')
        self._source.refuse(node, f"unknown method {word!r}", f"there are {', '.join(METHODS)}")

    def _subscript(self, node: ast.Subscript) -> Value:
        keys: list[PathKey] = []
        base: ast.expr = node
        while isinstance(base, ast.Subscript):
            keys.append(self._key(base.slice))
            base = base.value
        keys.reverse()
        operand = self._operand(base)
        if operand.type in ("map", "content") and isinstance(operand.value, Field):
            return Item(operand.value, tuple(keys))
        if operand.type == "scores" and isinstance(operand.value, Field):
            if len(keys) == 1 and isinstance(keys[0], str):
                return Score(operand.value.row, operand.value.scope, keys[0])
            self._source.refuse(
                node, f"the score {self._source.quote(node)}", f'write its name: {operand.source}["correct"]'
            )
        operand.refuse_type("before [")

    def _key(self, node: ast.expr) -> PathKey:
        negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
        inner = node.operand if isinstance(node, ast.UnaryOp) and negative else node
        value = self._constant(inner).value if isinstance(inner, ast.Constant) else None
        if isinstance(value, int) and not isinstance(value, bool):
            return -value if negative else value
        if isinstance(value, str) and not negative:
            return value
        self._source.refuse(
            node,
            f"the key {self._source.quote(node)}",
            "write a text in quotes, or a position such as 0 or -1",
        )

    # ------------------------------------------------------------------------------------------- bounds

    @contextmanager
    def _level(self, node: ast.expr, parts: int = 1) -> Iterator[None]:
        self._depth += 1
        self._count(node, parts)
        if self._depth > MAX_DEPTH:
            self._source.refuse(
                node, f"more than {MAX_DEPTH} conditions inside each other", "write a flatter condition"
            )
        try:
            yield
        finally:
            self._depth -= 1

    def _count(self, node: ast.expr, parts: int) -> None:
        self._parts += parts
        if self._parts > MAX_PARTS:
            self._source.refuse(
                node,
                f"more than {MAX_PARTS} conditions",
                "write name in [...], or filter the DataFrame further",
            )


def _opposite(test: Test) -> Test:
    return test.test if isinstance(test, Not) else Not(test)


def _all_of(tests: Iterable[Test]) -> Test:
    flat = [part for test in tests for part in (test.tests if isinstance(test, And) else (test,))]
    flat = [test for test in flat if test != Always(True)] or [Always(True)]
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def _any_of(tests: Iterable[Test]) -> Test:
    flat = [part for test in tests for part in (test.tests if isinstance(test, Or) else (test,))]
    return flat[0] if len(flat) == 1 else Or(tuple(flat))
