"""Traces as text: a tree for one, a table for many. Pure functions of what a store gives back."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from ..model import Span, TraceSummary, ids
from ..model.format import NOTHING, format_count, format_duration, format_money

_MARKS: Final = {"ok": "✓", "error": "✗", "open": "◌", "interrupted": "⊘"}
_STATES: Final = {"open": "running", "interrupted": "interrupted"}
_SHORTEST_NAME: Final = 12
_LONGEST_NAME: Final = 36


def trace_text(summary: TraceSummary, spans: Sequence[Span], width: int = 100) -> str:
    """Return the spans of a trace as a tree, one a line, no line wider than ``width`` columns of a terminal.

    A line says how the span ended (✓ ok, ✗ error, ◌ running, ⊘ interrupted), its name, kind, model, duration, tokens
    and cost; the root's tokens and cost are those of the whole trace. Orphans stand beside the root.

    Args:
        summary: The totals of the trace.
        spans: Its spans in order of start.
        width: Columns; wide characters count as two.
    """
    if not spans:
        return _fit("", _MARKS[summary.status], summary.name, [f"{format_count(summary.n_spans)} spans"], "", width)
    lines = []
    for span, guide, depth in _walk(spans):
        tokens: int | None
        if span.span_id == summary.root_span_id:
            tokens, cost = _sum(summary.input_tokens, summary.output_tokens), summary.cost_usd
        else:
            tokens, cost = _sum(span.usage.get("input_tokens"), span.usage.get("output_tokens")), span.cost_usd
        facts = _facts(span, tokens, cost)
        lines.append(_fit(_shortened(guide, depth, width), _MARKS[span.status], span.name, facts, _note(span), width))
    return "\n".join(lines)


def traces_text(summaries: Sequence[TraceSummary], width: int = 100, digits: int = 0) -> str:
    """Return traces as a table, one a line, in the order given; ``no traces`` when there are none.

    Ids are cut to as many digits as tell these traces apart, and to no less than ``digits``; ``get_trace`` takes the
    beginning of an id.
    """
    if not summaries:
        return "no traces"
    digits = max(digits, ids.digits_apart(s.trace_id for s in summaries))
    rows = [_trace_row(summary, digits) for summary in summaries]
    head = ("", "trace", "started (UTC)", "name", "duration", "spans", "errors", "tokens", "cost", "user")
    table = [head, *rows]
    if not any(row[-1] for row in rows):
        table = [row[:-1] for row in table]
    widths = [max(_columns_of(cell) for cell in column) for column in zip(*table, strict=True)]
    return "\n".join(_cut(_table_line(row, widths), width) for row in table)


# -- the tree


def _walk(spans: Sequence[Span]) -> Iterator[tuple[Span, str, int]]:
    """Yield (span, guide, depth) depth first, each span once whatever their parents say."""
    at = {span.span_id: number for number, span in enumerate(spans)}
    children: dict[int, list[int]] = {}
    roots = []
    for number, span in enumerate(spans):
        parent = at.get(span.parent_id) if span.parent_id is not None else None
        if parent is None or parent == number:
            roots.append(number)
        else:
            children.setdefault(parent, []).append(number)
    seen: set[int] = set()
    for root in [*roots, *range(len(spans))]:  # what no root leads to is in a cycle: its earliest span begins it
        if root in seen:
            continue
        waiting = [(root, "", "", 0)]
        while waiting:
            number, guide, below, depth = waiting.pop()
            if number in seen:
                continue
            seen.add(number)
            yield spans[number], guide, depth
            own = [child for child in children.get(number, ()) if child not in seen]
            for child in reversed(own):
                turn, on = ("└─ ", "   ") if child == own[-1] else ("├─ ", "│  ")
                waiting.append((child, below + turn, below + on, depth + 1))


def _shortened(guide: str, depth: int, width: int) -> str:
    """Return the guide, or its end behind the depth as a number when it would take more than half the line."""
    room = max(width // 2, 0)
    if len(guide) <= room:
        return guide
    number = f"⋯{depth} "
    return number + guide[len(guide) - max((room - len(number)) // 3 * 3, 3) :]


def _facts(span: Span, tokens: int | None, cost: float | None) -> list[str]:
    facts: list[str] = [] if span.kind == "span" else [span.kind]
    if span.model and span.model not in span.name:
        facts.append(_clean(span.model))
    if span.status in _STATES:
        facts.append(_STATES[span.status])
    if span.duration_ms is not None:
        facts.append(format_duration(span.duration_ms))
    if tokens is not None:
        facts.append(f"{format_count(tokens)} tok")
    if cost is not None:
        facts.append(format_money(cost))
    return facts


def _note(span: Span) -> str:
    """Return what went wrong, on one line."""
    if span.status != "error":
        return ""
    error = span.error or {}
    kind = span.error_type or error.get("type") or "error"
    message = error.get("message")
    return _clean(f"{kind}: {message}" if isinstance(message, str) and message else str(kind))


def _fit(guide: str, mark: str, name: str, facts: Sequence[str], note: str, width: int) -> str:
    """Put a line together; what has no room goes: first the note, then kind and model, then the end of the name."""
    before, title = f"{guide}{mark} ", _clean(name)
    after = [f"  {fact}" for fact in facts]
    room = width - _columns_of(before)
    while len(after) > 1 and room - _columns_of("".join(after)) < min(_columns_of(title), _SHORTEST_NAME):
        del after[0]
    title = _cut(title, max(room - _columns_of("".join(after)), 1))
    line = f"{before}{title}{''.join(after)}"
    if note and width - _columns_of(line) - 2 >= min(_columns_of(note), _SHORTEST_NAME):
        line += f"  {note}"
    return _cut(line, width)


# -- the table


def _trace_row(summary: TraceSummary, digits: int) -> tuple[str, ...]:
    started = datetime.fromtimestamp(summary.start_ns // 1_000_000_000, UTC)
    tokens = _sum(summary.input_tokens, summary.output_tokens)
    return (
        _MARKS[summary.status],
        summary.trace_id[:digits],
        f"{started:%Y-%m-%d %H:%M:%S}",
        _cut(_clean(summary.name), _LONGEST_NAME),
        _STATES.get(summary.status) or format_duration(summary.duration_ms),
        format_count(summary.n_spans),
        format_count(summary.n_errors),
        format_count(tokens) if tokens is not None else NOTHING,
        format_money(summary.cost_usd),
        _cut(_clean(summary.user_id or ""), 20),
    )


def _table_line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = []
    for number, (cell, wide) in enumerate(zip(row, widths, strict=True)):
        space = " " * (wide - _columns_of(cell))
        cells.append(space + cell if 4 <= number <= 8 else cell + space)  # numbers to the right
    return "  ".join(cells).rstrip()


# -- characters


def _clean(text: str) -> str:
    """Return text on one line without what would move a terminal's cursor or reverse its direction."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _columns_of(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns_of_character(c) for c in text)


def _columns_of_character(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, width: int) -> str:
    """Return the text, cut with an ellipsis when it takes more columns."""
    if _columns_of(text) <= width:
        return text
    kept, room = [], max(width - 1, 0)
    for character in text:
        room -= _columns_of_character(character)
        if room < 0:
            break
        kept.append(character)
    return ("".join(kept).rstrip() + "…")[: max(width, 0)]


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None and second is None else (first or 0) + (second or 0)
