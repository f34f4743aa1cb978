"""The words and signs of a filter, checked before Python's parser sees them.

What the filter language does not have is refused here, where the message can say what to write instead; the
parser then gets only harmless tokens, brackets that match and little depth, whatever the text was.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from typing import Final, Literal, NoReturn, TypeAlias

from ..model import FilterError

MAX_BYTES: Final = 4096
#: Brackets inside brackets. SQLite's own parser has a stack of 100 entries, and a nested condition takes
#: several.
MAX_BRACKETS: Final = 24
_MAX_PREFIXES: Final = 8

Kind: TypeAlias = Literal["name", "number", "string", "sign"]
_KINDS: Final[dict[str, Kind]] = {"name": "name", "number": "number", "string": "string", "sign": "sign"}


@dataclass(frozen=True, slots=True)
class Token:
    """One word or sign; ``at`` is its first character's position in the filter."""

    kind: Kind
    text: str
    at: int

    @property
    def end(self) -> int:
        return self.at + len(self.text)


_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\r\n\f\u00a0]+)
  | (?P<comment>\#[^\n]*)
  | (?P<string>[rR]?(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''
                      |"(?:[^"\\\r\n]|\\[^\r\n])*"|'(?:[^'\\\r\n]|\\[^\r\n])*'))
  | (?P<number>(?:[0-9]+(?:_[0-9]+)*(?:\.(?:[0-9]+(?:_[0-9]+)*)?)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign>===|!==|==|!=|<=|>=|<>|&&|\|\||=~|!~|:=|\*\*|//|<<|>>|->|[-+*/%@&|^~<>=!()\[\]{},.:;?$`\\])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(
    r"""\\(?:[\\'"abfnrtv]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})"""
)
_SIGNS: Final = frozenset("== != < <= > >= + - * / ( ) [ ] { } , .".split())
_WORDS: Final = frozenset({"and", "or", "not", "in", "is", "if", "for", "None", "True", "False"})
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}
_PREFIXES: Final = frozenset({"b", "u", "f", "t", "br", "rb", "fr", "rf", "tr", "rt"})

_COMPARES: Final = "write == to compare"
_JOINS: Final = "a filter is one condition; join conditions with and, or"
_CALCULATES: Final = "arithmetic is + - * /"
_INSTEAD_OF_SIGN: Final = {
    "=": _COMPARES,
    "===": _COMPARES,
    ":=": _COMPARES,
    "!==": "write != for not equal",
    "<>": "write != for not equal",
    "&&": "write and",
    "&": "write and",
    "||": "write or",
    "|": "write or",
    "!": "write not",
    "~": "write not",
    "=~": 'write "text" in name, or name.startswith("text")',
    "!~": 'write "text" not in name',
    ";": _JOINS,
    ":": 'write name == "value" to compare',
    "%": _CALCULATES,
    "**": _CALCULATES,
    "//": _CALCULATES,
    "^": _CALCULATES,
    "<<": _CALCULATES,
    ">>": _CALCULATES,
    "@": _CALCULATES,
    "`": "write names without quotes and texts in straight quotes",
    "?": "write the value itself",
    "$": "write names without a sign before them",
}
_CONTAINS: Final = 'write "text" in name'
_INSTEAD_OF_WORD: Final = {
    "and": "write and, in small letters",
    "or": "write or, in small letters",
    "not": "write not, in small letters",
    "in": "write in, in small letters",
    "is": "write is None",
    "null": "write None",
    "nil": "write None",
    "none": "write None",
    "undefined": "write None",
    "true": "write True",
    "false": "write False",
    "like": _CONTAINS,
    "ilike": 'write "text" in name.lower()',
    "contains": _CONTAINS,
    "between": "write low <= name <= high",
    "exists": "write name is not None",
    "where": "write only the condition",
}
_QUOTES: Final = "“”‘’„«»"


def fail(problem: str, next_step: str, at: int, length: int = 1) -> NoReturn:
    """Raise the one error of the filter language; the message counts characters from 1."""
    raise FilterError(f"{problem} at character {at + 1}; {next_step}.", at=at, length=max(length, 1))


def lex(text: str) -> list[Token]:
    """Return the tokens of a filter.

    Raises:
        FilterError: it is empty, longer than ``MAX_BYTES``, or holds what the language does not have.
    """
    _check_text(text)
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            _refuse_character(text, at)
        if found.lastgroup not in ("space", "comment"):
            token = _token(found)
            _check(token, text, tokens)
            tokens.append(token)
        at = found.end()
    if not tokens:
        fail("the filter is empty", 'write a condition such as kind == "llm", or leave the filter out', 0)
    _check_brackets(tokens)
    _check_prefixes(tokens)
    return tokens


def lex_unfinished(text: str) -> tuple[list[Token], int | None]:
    """Return the tokens of what is being written, and where a text without its closing quote begins.

    Unlike :func:`lex` it takes anything: what is half written is no error yet, a letter of no name is a sign.
    """
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None and text[at] in "\"'":
            return tokens, at
        if found is None:
            tokens.append(Token("sign", text[at], at))
        elif found.lastgroup not in ("space", "comment"):
            tokens.append(_token(found))
        at = found.end() if found is not None else at + 1
    return tokens, None


def python_source(text: str, tokens: list[Token]) -> str:
    """Return the filter on one line, each token where it was: line breaks and comments become spaces."""
    out = [" "] * len(text)
    for token in tokens:
        out[token.at : token.end] = token.text
    return "".join(out)


def _token(found: re.Match[str]) -> Token:
    return Token(_KINDS[found.lastgroup or ""], found.group(), found.start())


def _check_text(text: str) -> None:
    if not isinstance(text, str):
        raise FilterError(
            f"a filter is a text such as 'kind == \"llm\"', not {type(text).__name__}; put the condition in quotes."
        )
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise FilterError(
            f"the filter has {size:,} bytes and may have {MAX_BYTES:,}; shorten it, or filter the DataFrame further.",
            at=0,
            length=len(text),
        )
    for at, character in enumerate(text):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            fail(f"the character {character!r} that stored text never holds", "leave it out", at)


def _refuse_character(text: str, at: int) -> NoReturn:
    character = text[at]
    if character in "\"'":
        fail("a text whose quote is not closed", f"close it with {character}", at, len(text) - at)
    if character in _QUOTES:
        fail(f"the typographic quote {character}", "write straight quotes", at)
    fail(f"unexpected {character!r}", "letters outside a-z belong in quotes", at)


def _check(token: Token, text: str, before: list[Token]) -> None:
    if token.kind == "sign" and token.text not in _SIGNS:
        step = _INSTEAD_OF_SIGN.get(token.text, "it is not part of the filter language")
        fail(f"unexpected {token.text}", step, token.at, len(token.text))
    if token.kind == "name":
        _check_word(token, text, before)
    if token.kind == "number":
        _check_number(token, text)
    if token.kind == "string":
        _check_string(token)


def _check_word(token: Token, text: str, before: list[Token]) -> None:
    word = token.text
    if text[token.end : token.end + 1] in ("'", '"') and word.lower() in _PREFIXES:
        fail(f"the text prefix {word}", "write plain quotes", token.at, len(word) + 1)
    if word in _WORDS or (before and before[-1].text == "."):
        return
    step = _INSTEAD_OF_WORD.get(word.lower())
    if step is not None:
        fail(f"unexpected {word}", step, token.at, len(word))
    if keyword.iskeyword(word) or word.startswith("__"):
        fail(f"unexpected {word}", "it is not part of the filter language", token.at, len(word))


def _check_number(token: Token, text: str) -> None:
    following = text[token.end : token.end + 1]
    if following.isalnum() or following == "_" or (following == "." and token.text[-1] == "."):
        _refuse_token(token, f"the number {token.text}{following}", "write a space behind it, or a decimal number")
    digits = token.text.replace("_", "")
    if digits.isdigit():
        if len(digits) > 1 and digits[0] == "0":
            _refuse_token(token, f"the number {token.text}", "write it without zeros in front")
        too_large = len(digits) > 19 or int(digits) >= 1 << 63
    else:
        too_large = float(digits) == float("inf")
    if too_large:
        _refuse_token(token, "a number too large to compare with", "write one below 9.2e18, or a decimal below 1e308")


def _refuse_token(token: Token, problem: str, next_step: str) -> NoReturn:
    fail(problem, next_step, token.at, len(token.text))


def _check_string(token: Token) -> None:
    raw = token.text[0] in "rR"
    if token.text[raw : raw + 3] in ('"""', "'''"):
        fail("a text in triple quotes", "write plain quotes", token.at, len(token.text))
    if raw:
        return
    for escape in re.finditer(r"\\.", token.text):
        if _ESCAPE.match(token.text, escape.start()) is None:
            wrong = escape.group()
            fail(f"the escape {wrong}", f"write \\{wrong} for a backslash", token.at + escape.start(), 2)


def _check_brackets(tokens: list[Token]) -> None:
    opened: list[Token] = []
    for token in tokens:
        if token.kind != "sign":
            continue
        if token.text in "([{":
            opened.append(token)
            if len(opened) > MAX_BRACKETS:
                fail(
                    f"more than {MAX_BRACKETS} brackets inside each other",
                    "write a flatter condition",
                    token.at,
                )
        elif token.text in _PAIRS:
            if not opened:
                fail(f"{token.text} without {_PAIRS[token.text]}", f"remove {token.text}", token.at)
            last = opened.pop()
            if last.text != _PAIRS[token.text]:
                fail(f"{token.text} where {last.text} was opened", "make the brackets match", token.at)
    if opened:
        last = opened[-1]
        fail(f"{last.text} that is never closed", "close it", last.at)


def _check_prefixes(tokens: list[Token]) -> None:
    run = 0
    for token in tokens:
        run = run + 1 if token.text in ("not", "-", "+") else 0
        if run > _MAX_PREFIXES:
            fail(f"more than {_MAX_PREFIXES} signs before a value", "write at most one not or -", token.at)
