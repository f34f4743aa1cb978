"""``detail``, ``more``, ``events``: all there is to know of one span, what is long in parts. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any, Final

from ..model import USAGE_FIELDS, Score, Span
from ..model.prices import TABLE, PriceTable
from ..store._read import StoreReader
from ._facts import to_ms

#: Characters of a text that come with the detail; the rest is asked for with ``more``.
LONG_AT: Final = 4_000
#: Characters of the first slice; the next are as long as what came before, up to ``MAX_SLICE``, so that a text of
#: 10 MB takes a dozen readings of the span and not hundreds.
SLICE: Final = 64 * 1024
MAX_SLICE: Final = 1024 * 1024
#: Characters of JSON beyond which an input or output is sent as text, in slices, instead of as a tree.
MAX_TREE: Final = 2_000_000
#: Integers up to this are the same in JavaScript.
_MAX_INT: Final = (1 << 53) - 1
#: Events that come with the detail; the rest is asked for with ``events``.
MOST_EVENTS: Final = 100
#: Fields of a span that can be long.
FIELDS: Final = (
    "input", "output", "error", "metadata", "model_parameters", "tools", "attributes", "events", "links",
)  # fmt: skip

_FACTS: Final = (
    "span_id", "parent_id", "name", "kind", "status", "level", "duration_ms", "time_to_first_token_ms", "model",
    "provider", "finish_reason", "response_id", "cost_usd", "input_cost_usd", "output_cost_usd", "cost_source",
    "error_type", "user_id", "session_id", "environment", "release", "feature", "region", "prompt_name",
    "prompt_version", "counted",
)  # fmt: skip


def detail(reader: StoreReader, trace_id: str, span_id: str) -> dict[str, Any]:
    """Return a span as ``Detail`` in js/src/core/types.ts.

    Raises:
        LookupError: the span is not in the store.
    """
    span = read_span(reader, trace_id, span_id)
    return span_detail(span, _scores(reader, span))


def scores_of(reader: StoreReader, trace_id: str, span_id: str) -> list[dict[str, Any]]:
    """Return what was said about a span, as ``detail`` has it.

    Raises:
        LookupError: the span is not in the store.
    """
    return [_score(score) for score in _scores(reader, read_span(reader, trace_id, span_id))]


def _scores(reader: StoreReader, span: Span) -> list[Score]:
    scores, found = list(span.scores), reader.find_trace(span.trace_id)
    if found is not None and found.root_span_id == span.span_id:  # said of the trace as a whole: stands at its root
        scores += reader.scores("trace_id = ? AND span_id IS NULL", [span.trace_id])
    return scores


def span_detail(span: Span, scores: Sequence[Score] = (), *, long_at: int | None = LONG_AT) -> dict[str, Any]:
    """Return what ``detail`` answers for a span; with ``long_at=None`` nothing is cut."""
    values = {name: _field(span, name) for name in FIELDS}
    n_events = len(span.events)
    if long_at is not None:
        values["events"] = values["events"][:MOST_EVENTS]
    short = {name: shorten(value, name, long_at=long_at) for name, value in values.items()}
    facts = {name: getattr(span, name) for name in _FACTS}
    provenance = span.provenance
    facts |= {
        "start_ms": to_ms(span.start_ns),
        "usage": {name: span.usage.get(name) for name in USAGE_FIELDS},
        "tags": list(span.tags),
        "notebook": provenance.notebook,
        "cell_id": provenance.cell_id,
        "execution_count": provenance.execution_count,
    }
    for name in ("input", "output"):
        short[name] = payload(values[name], short[name])
        if long_at is not None and short[name] is not None and short[name]["kind"] != "text":
            short[name] = _in_slices(short[name], values[name], name)
    short |= {name: exact(short[name]) for name in FIELDS if name != "events"}  # whose times are the page's own
    if len(values["events"]) < n_events:
        short["n_events"] = n_events
    return {"span": facts, **short, "price": price(span), "scores": [_score(score) for score in scores]}


#: The installed table alone: with it what a call cost is looked up once more, to say at which price.
_PRICES: Final = PriceTable()


def price(span: Span) -> dict[str, Any] | None:
    """Return the prices that a span's cost was computed with, in US dollars per million tokens.

    None where they are not in the installed table: the client said what it cost, the price depends on the size of the
    call, or the table has changed so that it gives another cost.
    """
    if span.cost_usd is None or span.cost_source != TABLE:
        return None
    rates = _PRICES.rates(span.provider, span.model, span.start_ns)
    if rates is None or not isclose(rates.cost(span.usage).total_usd, span.cost_usd, rel_tol=0.005, abs_tol=1e-9):
        return None
    return {name: getattr(rates, name) for name in
            ("input", "output", "cache_read", "cache_write", "audio_input", "audio_output", "source")}  # fmt: skip


def more(reader: StoreReader, trace_id: str, span_id: str, field: Any, path: Any, offset: Any) -> dict[str, Any]:
    """Return the slice of a long text that begins at a character, and where the next one does (None: nowhere).

    Raises:
        LookupError: there is no such text in the span.
    """
    span = read_span(reader, trace_id, span_id)
    at: Any = _field(span, field) if field in FIELDS else None
    for key in path if isinstance(path, list) else []:
        if isinstance(at, dict) and isinstance(key, str):
            at = at.get(key)
        elif isinstance(at, list) and isinstance(key, int) and 0 <= key < len(at):
            at = at[key]
        else:
            at = None
    if path == [] and isinstance(at, (dict, list)):
        at = _as_text(at)
    if not isinstance(at, str) or not isinstance(offset, int) or isinstance(offset, bool) or offset < 0:
        raise LookupError(f"{field} of this span has no text at {path!r}; open the span again.")
    end = offset + min(max(SLICE, offset), MAX_SLICE)
    return {"text": at[offset:end], "next": end if end < len(at) else None}


def events(reader: StoreReader, trace_id: str, span_id: str, offset: int, limit: int | None) -> list[dict[str, Any]]:
    """Return ``limit`` events of a span from the one at ``offset`` on (None: all of them), as ``detail`` has them.

    Raises:
        LookupError: the span is not in the store.
    """
    every = _field(read_span(reader, trace_id, span_id), "events")
    page = every[offset:] if limit is None else every[offset : offset + limit]
    return [shorten(event, "events", (at,)) for at, event in enumerate(page, offset)]


def is_messages(value: Any) -> bool:
    """Whether a value is a list of messages: objects with a role and parts."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and "role" in item and isinstance(item.get("parts"), list) for item in value)
    )


def payload(value: Any, shown: Any) -> dict[str, Any] | None:
    """Return ``shown`` with the word that says how to draw it, judged by the whole ``value``."""
    if value is None:
        return None
    kind = "messages" if is_messages(value) else "text" if isinstance(value, str) else "json"
    return {"kind": kind, "value": shown}


def _in_slices(shown: dict[str, Any], value: Any, field: str) -> dict[str, Any]:
    """Return a payload as it is, or as the head of its JSON when the whole of it would stall the page."""
    if len(json.dumps(shown["value"], ensure_ascii=False)) <= MAX_TREE:
        return shown
    return {"kind": "json", "value": shorten(_as_text(value), field)}


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def shorten(value: Any, field: str, path: tuple[str | int, ...] = (), *, long_at: int | None = LONG_AT) -> Any:
    """Return the value with each text of more than ``long_at`` characters replaced by its head and its place."""
    if long_at is None:
        return value
    if isinstance(value, str):
        if len(value) <= long_at:
            return value
        return {"$long": True, "size": len(value), "head": value[:long_at], "path": list(path), "field": field}
    if isinstance(value, Mapping):
        return {key: shorten(item, field, (*path, key), long_at=long_at) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [shorten(item, field, (*path, at), long_at=long_at) for at, item in enumerate(value)]
    return value


def exact(value: Any) -> Any:
    """Return the value with each number that JavaScript would read as another one as a form that has its digits.

    ``{"$type": "number", "text": …}``: integers beyond 53 bits, which it rounds, and whole floats, of which it loses
    that they are floats. The store knows no such form.
    """
    kind = type(value)
    if kind is int:
        return value if -_MAX_INT <= value <= _MAX_INT else {"$type": "number", "text": str(value)}
    if kind is float:
        return {"$type": "number", "text": repr(value)} if value.is_integer() else value
    if isinstance(value, Mapping):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [exact(item) for item in value]
    return value


def read_span(reader: StoreReader, trace_id: str, span_id: str) -> Span:
    """Return a span.

    Raises:
        LookupError: the span is not in the store.
    """
    span = reader.span(trace_id, span_id)
    if span is None:
        raise LookupError(f"span {span_id!r} is not in the store any more; re-run this cell.")
    return span


def _field(span: Span, name: str) -> Any:
    if name == "events":
        return [
            {"time_ms": to_ms(event.time_ns), "name": event.name, "data": exact(event.data)} for event in span.events
        ]
    value = getattr(span, name)
    return None if name in ("metadata", "attributes", "links") and not value else value


def _score(score: Score) -> dict[str, Any]:
    value = score.value
    if isinstance(value, bool):
        kind = "bool"
    elif isinstance(value, (int, float)):
        kind = "number"
    else:
        kind = "label" if len(value) <= 64 and "\n" not in value else "text"
    return {"name": score.name, "value": value, "value_type": kind, "source": score.source, "comment": score.comment}
