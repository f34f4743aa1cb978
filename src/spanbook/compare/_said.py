"""What a comparison says, as short texts: of its totals, of a row, of a difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..model import TraceSummary
from ..model.format import NOTHING, format_count, format_duration, format_money
from ._comparison import Comparison, Row, SpanRow
from ._totals import difference, tokens_of

_STATES = {"open": "running", "error": "failed", "ok": "finished"}


def rows_to_show(rows: Sequence[Row]) -> set[int]:
    """Return the places of rows that are not the same, and of those above them."""
    kept: set[int] = set()
    for place, row in enumerate(rows):
        at = place if row.change != "same" else -1
        while at >= 0 and at not in kept:
            kept.add(at)
            at = rows[at].parent
    return kept


def counts_text(comparison: Comparison) -> str:
    """Return ``2 changed, 1 added, 9 same``."""
    counts = comparison.counts()
    said = [f"{format_count(counts[each])} {each}" for each in ("changed", "added", "removed", "same") if counts[each]]
    return f"{', '.join(said) or 'no spans'}{'; both are the same trace' if comparison.is_one_trace else ''}"


def total_facts(summary: TraceSummary) -> list[str]:
    """Return name, state and totals of a trace."""
    facts = [summary.name, _STATES.get(summary.status, summary.status), *_own(summary)]
    facts.append(f"{format_count(summary.n_spans)} span{'' if summary.n_spans == 1 else 's'}")
    if summary.n_errors:
        facts.append(f"{format_count(summary.n_errors)} error{'' if summary.n_errors == 1 else 's'}")
    return facts


def row_facts(row: Row) -> list[str]:
    """Return what became of a step: what changed in it, and by how much time, tokens and cost differ."""
    if row.a is None or row.b is None:
        return [row.change, *_own(row.shown)]
    return [*([", ".join(changed_words(row))] if row.fields else []), *delta_facts(row.a, row.b)]


def changed_words(row: Row) -> list[str]:
    """Return what changed in a pair; of a name, status or model both values."""
    words = []
    for field in row.fields:
        word = field.replace("_", " ")
        if field in ("name", "status", "model"):
            old, new = (getattr(span, field) or "none" for span in (row.a, row.b))
            word = f"{word} {old} → {new}"
        words.append(word)
    return words


def delta_facts(a: SpanRow | TraceSummary, b: SpanRow | TraceSummary) -> list[str]:
    """Return what differs in time, tokens and cost; nothing where a value is not known or the same."""
    return [text for text in deltas(a, b) if text[0] in "+-"]


def deltas(a: SpanRow | TraceSummary, b: SpanRow | TraceSummary) -> tuple[str, str, str]:
    """Return b - a of time, tokens and cost, as texts."""
    cost = difference(a.cost_usd, b.cost_usd)
    return (
        _signed(difference(a.duration_ms, b.duration_ms), format_duration),
        f"{_signed(difference(tokens_of(a), tokens_of(b)), format_count)} tok",
        _signed(None if cost is None else round(cost, 7), format_money),  # sums of floats are that exact
    )


def plural_steps(number: int) -> str:
    """Return ``1 step``, ``14 steps``."""
    return f"{format_count(number)} step{'' if number == 1 else 's'}"


def _own(span: SpanRow | TraceSummary) -> list[str]:
    facts = [] if span.duration_ms is None else [format_duration(span.duration_ms)]
    tokens = tokens_of(span)
    if tokens is not None:
        facts.append(f"{format_count(tokens)} tok")
    return facts if span.cost_usd is None else [*facts, format_money(span.cost_usd)]


def _signed(value: float | None, written: Callable[[float], str]) -> str:
    """Return a difference as ``+0.40 s``, ``-12``; ``=`` when it is none to speak of, ``–`` when it is not known."""
    if value is None:
        return NOTHING
    text = written(abs(value))
    return "=" if text in (written(0), "<1 ms", "<$0.0001") else f"{'+' if value > 0 else '-'}{text}"
