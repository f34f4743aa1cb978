"""The filter language: a Python boolean expression, read into our own records and never run.

    kind == "llm" and cost_usd > 0.01 and "refund" in input and metadata["tier"] == "pro"
    scores["correct"] < 0.5 or any(s.kind == "tool" and s.has_error for s in spans)

Names are those of ``filter_names("spans")`` and ``filter_names("traces")``. Operators are those of Python: comparisons,
chained ones too, ``in``, ``not in``, ``is None``, ``is not None``, ``and``, ``or``, ``not`` and the four of arithmetic;
texts have ``startswith``, ``endswith``, ``lower``, ``upper``. A comparison with a missing value is false (``!=`` is
true). ``any``, ``all``, ``count``, ``len``, ``sum``, ``min`` and ``max`` go over the spans of a trace, and over the
events and scores of both. Times are compared with ISO texts, in UTC unless they name a zone.

Python's own parser reads the text, after ``_filter_lex`` has looked at each token, and ``_filter_reader``
translates its tree node by node, refusing what it does not know. So nothing in a filter can run, and every
failure is a ``FilterError`` with the position of what is wrong.
"""

from __future__ import annotations

import ast
from itertools import pairwise
from typing import Final, Literal, NoReturn

from ..model import FilterError, UsageError
from ._filter_lex import Token, fail, lex, python_source
from ._filter_nodes import Filter
from ._filter_reader import Reader

_EXAMPLE: Final = 'write a condition such as kind == "llm" and cost_usd > 0.01'
_OPERATORS: Final = frozenset({"and", "or", "not", "in", "is", "if", "for"})


def parse_filter(text: str, on: Literal["spans", "traces"] = "spans") -> Filter:
    """Read a filter on spans or on traces.

    Raises:
        FilterError: it cannot be understood; ``at`` and ``length`` say which characters are wrong.
    """
    if on not in ("spans", "traces"):
        raise UsageError(f'a filter is on "spans" or "traces", not {on!r}; give one of these two.')
    tokens = lex(text)
    source = python_source(text, tokens)
    try:
        # in brackets, so that leading spaces are no indentation
        tree = ast.parse(f"({source})", mode="eval")
        return Filter(on, text, Reader(source, on).test(tree.body))
    except FilterError:
        raise
    except SyntaxError as error:
        _refuse_syntax(tokens, source, error)
    except (RecursionError, MemoryError, ValueError):
        fail("the filter is nested too deeply", "write a flatter condition", 0, len(text))


def _refuse_syntax(tokens: list[Token], source: str, error: SyntaxError) -> NoReturn:
    """Say what is wrong in terms of the filter: Python's own words speak of Python."""
    for before, after in pairwise(tokens):
        called = after.text == "(" and before.kind == "name"
        if _ends_operand(before) and _is_operand(after) and not called:
            fail(f"unexpected {after.text}", "join conditions with and, or", after.at, len(after.text))
    at = (error.offset or 0) - 2  # Python counts from 1 and sees our bracket
    for token in tokens:
        if token.at >= at >= 0:
            fail(f"unexpected {token.text}", _EXAMPLE, token.at, len(token.text))
    fail("the end of an unfinished filter", _EXAMPLE, len(source))


def _is_operand(token: Token) -> bool:
    return token.kind in ("number", "string") or token.text == "(" or _is_name(token)


def _ends_operand(token: Token) -> bool:
    return token.kind in ("number", "string") or token.text in (")", "]") or _is_name(token)


def _is_name(token: Token) -> bool:
    return token.kind == "name" and token.text not in _OPERATORS
