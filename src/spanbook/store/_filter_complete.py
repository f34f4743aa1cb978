"""What may stand at the cursor of a filter that is being written, for filter bars and shells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ._filter_lex import Token, lex_unfinished
from ._filter_names import FUNCTIONS, METHODS, NAMES, Name
from ._filter_nodes import Type

CompletionKind: TypeAlias = Literal["name", "value", "key", "function", "method", "operator"]


@dataclass(frozen=True, slots=True)
class Completion:
    """One proposal: put ``text`` in place of the characters from ``start`` to ``end``."""

    text: str
    kind: CompletionKind
    help: str
    start: int
    end: int


_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_NO_OPERAND: Final = frozenset({"and", "or", "not", "in", "is", "if", "for"})
_CALCULATING: Final = frozenset({"+", "-", "*", "/"})
_CONSTANTS: Final = frozenset({"None", "True", "False"})
#: What each type is compared with.
_FITTING: Final[dict[Type, frozenset[Type]]] = {
    "text": frozenset({"text"}),
    "number": frozenset({"number"}),
    "time": frozenset({"time"}),
    "content": frozenset({"content", "text", "number"}),
    "json": frozenset({"json", "text", "number", "content"}),
}
_SEARCHED: Final = frozenset[Type]({"content", "map", "tags", "scores", "text"})  # a text is looked for in them
_HOLDING: Final = frozenset[Type]({"content", "tags", "text"})  # what a field has is looked for in them
_ROWS: Final = frozenset[Type]({"rows", "scores"})
_JOIN: Final = {"and": "both must hold", "or": "one must hold"}
_OPERATORS: Final[dict[Type, dict[str, str]]] = {
    "text": {
        "==": "is equal to",
        "!=": "is not equal to",
        "in": 'is one of ["a", "b"]',
        "not in": "is none of",
        "is None": "is missing",
    },
    "number": {
        ">": "is above",
        ">=": "is at least",
        "<": "is below",
        "<=": "is at most",
        "==": "is equal to",
        "!=": "is not equal to",
        "is None": "is missing",
    },
    "time": {">=": "not before", "<": "before", "is None": "is missing"},
    "content": {"is None": "is missing", "==": "is equal to"},
    "map": {"is None": "is missing"},
    "tags": {"is None": "is missing"},
    "json": {
        "==": "is equal to",
        "!=": "is not equal to",
        ">": "is above",
        "<": "is below",
        "is None": "is missing",
    },
}


def complete(
    text: str,
    cursor: int,
    on: Literal["spans", "traces"] = "spans",
    known: Mapping[str, Sequence[str]] | None = None,
) -> list[Completion]:
    """Return what may stand at the cursor, likeliest first; empty where nothing can be proposed.

    Args:
        text: The filter as written so far; it need not be complete.
        cursor: Where to complete, in characters from the start.
        on: What is filtered.
        known: Texts seen in the store, by name: values for columns and tags (``{"model": ["gpt-5"]}``), keys
            for ``metadata``, ``attributes``, ``model_parameters`` and ``scores``.
    """
    cursor = max(0, min(cursor, len(text)))
    completer = _Completer(text, cursor, on, known or {})
    return sorted(completer.proposals(), key=lambda item: not item.text.lower().startswith(completer.word))


class _Completer:
    def __init__(self, text: str, cursor: int, on: str, known: Mapping[str, Sequence[str]]) -> None:
        self._text, self._cursor, self._on, self._known = text, cursor, on, known
        self._tokens, self._open = lex_unfinished(text[:cursor])
        word = ""
        if self._open is None and self._tokens and self._tokens[-1].kind == "name" and self._tokens[-1].end == cursor:
            word = self._tokens.pop().text
        self.word = word.lower()  # what is written of the word at the cursor
        self._scopes = {"": on} | _variables(lex_unfinished(text)[0])

    def proposals(self) -> Iterator[Completion]:
        if self._open is not None:
            return self._texts(self._open)
        last = self._tokens[-1] if self._tokens else None
        if last is None:
            return self._operands()
        if last.text == ".":
            return self._after_dot()
        if _ends_operand(last):
            return self._operators() if last.kind != "name" or self._is_known() else iter(())
        return self._operands() if last.text.isascii() else iter(())  # else a letter that no name has

    # ------------------------------------------------------------------------------------------- places

    def _texts(self, at: int) -> Iterator[Completion]:
        """Inside quotes: keys behind a bracket, else values of the name it is compared with."""
        quote, written = self._text[at], self._text[at + 1 : self._cursor]
        end = self._cursor + (self._text[self._cursor : self._cursor + 1] == quote)
        last = self._tokens[-1].text if self._tokens else ""
        name = self._name_before(len(self._tokens) - 1)
        if last == "[" and name is not None and name.type in ("map", "scores"):
            choices, kind = self._known.get(name.name, ()), "key"
        else:
            name = self._compared_name()
            choices, kind = ((name.choices or self._known.get(name.name, ())) if name else ()), "value"
        for choice in _matching(written, choices):
            escaped = choice.replace("\\", "\\\\").replace(quote, "\\" + quote)
            if choice.isprintable():
                yield Completion(quote + escaped + quote, "key" if kind == "key" else "value", "", at, end)

    def _after_dot(self) -> Iterator[Completion]:
        owner = self._tokens[-2] if len(self._tokens) > 1 else None
        scope = self._scope_of(owner.text) if owner is not None and owner.kind == "name" else None
        if scope is not None:
            yield from self._names(self._fitting(NAMES[scope].values(), len(self._tokens) - 2))
            return
        for method in _matching(self.word, METHODS):
            brackets = "()" if method in ("lower", "upper") else "("
            yield self._completion(method + brackets, "method", METHODS[method])

    def _operators(self) -> Iterator[Completion]:
        name = self._name_before(len(self._tokens))
        comparing = any(token.text in _COMPARISONS or token.text == "in" for token in self._condition())
        closed = self._tokens[-1].text == "]"
        operators = dict(_JOIN)
        if not comparing and (name is not None or closed):
            operators = _OPERATORS.get(name.type if name else "json", {}) | operators
        for operator in _matching(self.word, operators):
            yield self._completion(operator, "operator", operators[operator])

    def _operands(self) -> Iterator[Completion]:
        last = self._tokens[-1].text if self._tokens else ""
        name = self._compared_name() if last in _COMPARISONS or last in ("[", "(", ",", "in") else None
        if name is not None and not self.word and last != "in":
            for value in name.choices or self._known.get(name.name, ()):
                if '"' not in value and "\\" not in value and value.isprintable():
                    yield self._completion(f'"{value}"', "value", "")
        if last == "is" or (name is not None and name.type == "bool"):
            values = ("None", "not None") if last == "is" else ("True", "False")
            yield from (self._completion(each, "value", "") for each in _matching(self.word, values))
            return
        variables = [variable for variable in self._scopes if variable]
        for variable in _matching(self.word, variables):
            yield self._completion(variable + ".", "name", f"one of {self._scopes[variable]}")
        yield from self._names(self._fitting(NAMES[self._on].values(), len(self._tokens)))
        if last in ("", "(", "and", "or", "not"):
            for function in _matching(self.word, FUNCTIONS):
                yield self._completion(function + "(", "function", FUNCTIONS[function])
            if last != "not":
                yield from (
                    self._completion(each, "operator", "the opposite") for each in _matching(self.word, ["not"])
                )

    # ------------------------------------------------------------------------------------------ helpers

    def _is_known(self) -> bool:
        """Whether the word before the cursor is a name, a variable or a constant, and not just any word."""
        word = self._tokens[-1].text
        return word in _CONSTANTS or word in self._scopes or self._name_before(len(self._tokens)) is not None

    def _fitting(self, names: Iterable[Name], at: int) -> Iterable[Name]:
        """Those of the names that can stand at a token's place, by the operator in front of it."""
        before = self._tokens[at - 1].text if at else ""
        if before not in _COMPARISONS | _CALCULATING | {"in", "for"}:
            return names
        types = self._types(before, at - 1)
        return (each for each in names if each.type in types)

    def _types(self, operator: str, at: int) -> frozenset[Type]:
        """The types that can stand behind the operator at a token's place, by what is in front of it."""
        left, name = self._tokens[at - 1] if at else None, self._name_before(at)
        if operator == "for" or left is None:
            return frozenset()
        if operator == "in":
            if at > 1 and self._tokens[at - 2].text == "for":
                return _ROWS
            is_text = left.text == "]" or (name is not None and name.type == "text")
            return _SEARCHED if left.kind == "string" else _HOLDING if is_text else frozenset()
        if operator in _CALCULATING or left.kind == "number":
            return _FITTING["number"]
        if left.kind == "name":
            return _FITTING.get(name.type, frozenset()) if name is not None else frozenset()
        return _FITTING["json"]

    def _names(self, names: Iterable[Name]) -> Iterator[Completion]:
        by_name = {name.name: name for name in names}
        for word in _matching(self.word, by_name):
            yield self._completion(word, "name", by_name[word].help)

    def _completion(self, text: str, kind: CompletionKind, help: str) -> Completion:
        return Completion(text, kind, help, self._cursor - len(self.word), self._cursor)

    def _condition(self) -> list[Token]:
        """The tokens of the condition at the cursor: those behind the last word that joins conditions."""
        at = len(self._tokens)
        while at and self._tokens[at - 1].text not in ("and", "or", "not", "if"):
            at -= 1
        return self._tokens[at:]

    def _compared_name(self) -> Name | None:
        """The name that stands before the comparison, or before ``in`` and its list."""
        at = len(self._tokens) - 1
        if at >= 0 and self._tokens[at].text in _COMPARISONS:
            return self._name_before(at)
        while at >= 0 and (self._tokens[at].kind == "string" or self._tokens[at].text in ("[", "(", "{", ",")):
            at -= 1
        if at >= 0 and self._tokens[at].text == "in":
            return self._name_before(at - (self._tokens[at - 1].text == "not"))
        return None

    def _name_before(self, at: int) -> Name | None:
        """The name whose last token is the one before position ``at``."""
        if at < 1 or self._tokens[at - 1].kind != "name":
            return None
        word, scope = self._tokens[at - 1].text, self._on
        if at >= 3 and self._tokens[at - 2].text == ".":
            scope = self._scope_of(self._tokens[at - 3].text) or ""
        return NAMES.get(scope, {}).get(word)

    def _scope_of(self, variable: str) -> str | None:
        """What a variable goes over; one that no ``for`` has named yet is taken for a span of the trace."""
        if variable in self._scopes:
            return self._scopes[variable]
        if variable in NAMES[self._on] or not any(token.text in ("any", "all", "count") for token in self._tokens):
            return None
        return "spans" if self._on == "traces" else "events"


def _variables(tokens: list[Token]) -> dict[str, str]:
    """The variables of every ``for x in spans`` in the text, also of those behind the cursor."""
    found = {}
    for at in range(len(tokens) - 3):
        word, variable, inside, rows = tokens[at : at + 4]
        if at + 5 < len(tokens) and tokens[at + 4].text == "." and tokens[at + 5].kind == "name":
            rows = tokens[at + 5]  # for e in s.events
        if (word.text, inside.text) == ("for", "in") and variable.kind == "name" and rows.text in NAMES:
            found[variable.text] = rows.text
    return found


def _ends_operand(token: Token) -> bool:
    if token.kind == "name":
        return token.text not in _NO_OPERAND
    return token.kind in ("number", "string") or token.text in (")", "]")


def _matching(written: str, words: Iterable[str]) -> list[str]:
    """Words that begin with what is written, then those that hold it; letter case does not count."""
    wanted = written.lower()
    every = [word for word in words if wanted in word.lower()]
    return sorted(every, key=lambda word: not word.lower().startswith(wanted))
