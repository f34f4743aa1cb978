"""``find`` and ``complete``: a filter where the query is one, else a text anywhere in the trace."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from ..model import FilterError
from ..store._filter import parse_filter
from ..store._filter_complete import complete as completions
from ..store._filter_names import FUNCTIONS, METHODS, NAMES
from ..store._filter_sql import filter_to_sql
from ..store._known import KnownTexts
from ..store._read import StoreReader
from ..store._tree import matching_spans, spans_that_contain, tree_rows

On: TypeAlias = Literal["spans", "traces"]

#: Proposals at one place; more are not read.
MOST_PROPOSED: Final = 40
_FLAGS: Final = frozenset(name.name for name in NAMES["spans"].values() if name.type == "bool")
_QUOTED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
#: What no plain text has outside of quotes: a comparison, a method, a function, a subscript of one of our names.
_NAME: Final = f"({'|'.join(NAMES['spans'])})"
_OPERATORS: Final = re.compile(
    rf"[=!<>]=|[<>]|\bis\s+(not\s+)?None\b|\.({'|'.join(METHODS)})\(|\b({'|'.join(FUNCTIONS)})\("
    rf"|\b{_NAME}\s*\[|\bin\s+({_NAME}|\[|\()"
)
#: What a filter has that is right but for a slip, and no plain text: a condition that begins with one of our names and
#: goes on with an operator of other languages, or ends behind one of ours.
_SLIP: Final = re.compile(
    rf"(^|\b(and|or|not)\b|&&|\|\||\()\s*{_NAME}\s*(:?=|!?~|\b(not\s+)?i?(like|contains|matches)\s*\"\")"
    rf"|^\s*{_NAME}\s+(not\s+in|in|is|is\s+not)\s*$"
)
_WORDS: Final = frozenset({"and", "or", "not", "(", ")", "&", "|", "!"})


class Found(NamedTuple):
    """Ids of the spans that match; ``error`` says what is wrong with a filter, and where."""

    span_ids: Sequence[str]
    error: dict[str, Any] | None = None


def find(reader: StoreReader, trace_id: str, query: Any) -> Found:
    """Return the spans of a trace that match a filter on spans, or that contain a text.

    The text is looked for in names, models, errors and payloads, whatever its case; in quotes it is always a text.
    """
    text = query if isinstance(query, str) else ""  # unstripped: places in it are those in the page
    if not text.strip():
        return Found(())
    if is_filter(text):
        try:
            sql, values = filter_to_sql(parse_filter(text, on="spans"))
        except FilterError as error:
            return Found((), problem(text, error))
        return Found(matching_spans(reader, trace_id, sql, values))
    text = text.strip()
    if _QUOTED.fullmatch(text):
        text = text[1:-1]
    return Found(_containing(reader, trace_id, text))


def complete(reader: StoreReader, query: Any, at: Any, trace_id: str | None, on: On = "spans") -> dict[str, Any]:
    """Return what may stand at a place of a filter that is being written, and what is wrong with it so far.

    ``{items: [{text, kind, help, start, end}], error?}``; values are those of the trace, or of the whole store. A
    query that is no filter yet is completed too: its first word may become one. On traces every text is a filter.
    """
    text = query if isinstance(query, str) else ""
    cursor = at if isinstance(at, int) and not isinstance(at, bool) else len(text)
    found = completions(text, cursor, on, KnownTexts(reader, on, trace_id))
    items = [asdict(each) for each in found if each.text != text[each.start : each.end]][:MOST_PROPOSED]
    answer: dict[str, Any] = {"items": items}
    if is_filter(text) or (on == "traces" and text.strip()):
        try:
            parse_filter(text, on=on)
        except FilterError as error:
            answer["error"] = problem(text, error)
    return answer


def problem(text: str, error: FilterError) -> dict[str, Any]:
    """Return what is wrong with a filter, where, and whether more text may still mend it."""
    at, length = error.at, error.length
    bare = _QUOTED.sub('""', text)
    is_behind = at is not None and at + length >= len(text.rstrip())
    has_open = any(bare.count(opens) > bare.count(closes) for opens, closes in ("()", "[]", "{}"))
    return {"message": str(error), "at": at, "length": length, "unfinished": is_behind or has_open}


def is_filter(text: str) -> bool:
    """Whether a query means a filter: it has an operator outside of quotes, or is made of yes-or-no names.

    A filter with a slip in it, such as a single ``=``, is meant as one too: it can then be said what is wrong.
    """
    bare = _QUOTED.sub('""', text)
    if _OPERATORS.search(bare) or _SLIP.search(bare):
        return True
    words = set(re.findall(r"\w+|\S", bare))
    return bool(words & _FLAGS) and words <= _FLAGS | _WORDS


def _containing(reader: StoreReader, trace_id: str, text: str) -> list[str]:
    lower = text.lower()
    found = set(spans_that_contain(reader, trace_id, text))
    for span_id, _, name, *_, model, error_type, _ in tree_rows(reader, trace_id):
        if any(lower in (each or "").lower() for each in (name, model, error_type)):
            found.add(span_id)
    return list(found)
