"""Two compared traces as pandas, and as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ..compare import (
    MEASURES,
    SIGNS,
    Comparison,
    Row,
    SpanRow,
    counts_text,
    delta_facts,
    difference,
    plural_steps,
    row_facts,
    rows_to_show,
    total_facts,
)
from ..model import ids
from ..store._columns import MISSING
from ._columns import Column, Form, make_frame
from ._text import _clean, _cut, _fit, _shortened

if TYPE_CHECKING:
    import pandas as pd

_FORMS: Final[dict[str, Form]] = {
    "path": "text",
    "name": "label",
    "kind": "label",
    "change": "label",
    "changed": "object",
    "span_id_a": "text",
    "span_id_b": "text",
    "model_a": "label",
    "model_b": "label",
}
_MEASURE_FORMS: Final[dict[str, Form]] = {
    "duration_ms": "float",
    "cost_usd": "float",
    "input_tokens": "count",
    "output_tokens": "count",
}
COMPARISON_FRAME_COLUMNS: Final = (
    "path", "name", "kind", "change", "changed", "span_id_a", "span_id_b", "model_a", "model_b",
    *(f"{name}_{side}" for name in MEASURES for side in ("a", "b", "delta")),
    "input_changed", "output_changed",
)  # fmt: skip
#: Characters of the lines that lead to a row; of a tree that is deeper only the last can be seen.
_LONGEST_LEAD: Final = 300


def comparison_frame(comparison: Comparison) -> pd.DataFrame:
    """Return one row a pair of spans, or a span that only one trace has, depth first.

    =============================  ====================  ==========================================================
    columns                        dtype                 what they hold
    =============================  ====================  ==========================================================
    path                           string                names from the root joined by "/"; ``lookup[2]`` is the
                                                         second lookup of its parent
    name, kind                     string                of the span in b, in a where b has none
    change                         string                same, changed, added (only b has it) or removed (only a)
    changed                        object                list of str, which of name, status, error, model, provider,
                                                         model_parameters, tools, prompt, input and output changed
    span_id_a, span_id_b           string                16 hex digits; missing where that trace has no such span
    model_a, model_b               string
    duration_ms_a, …_b, …_delta    float64               milliseconds; delta is b - a; NaN where a value is missing
    cost_usd_a, …_b, …_delta       float64               US dollars
    input_tokens_a, …_b, …_delta   Int64
    output_tokens_a, …_b, …_delta  Int64
    input_changed, output_changed  boolean               missing where only one trace has the span
    =============================  ====================  ==========================================================

    The dtypes are the same for any rows, also for none.
    """
    import pandas as pd

    rows = comparison.rows
    sides: dict[str, list[SpanRow | None]] = {"a": [row.a for row in rows], "b": [row.b for row in rows]}
    values: dict[str, list[Any]] = {
        "path": comparison.paths(),
        "name": [row.shown.name for row in rows],
        "kind": [row.shown.kind for row in rows],
        "change": [row.change for row in rows],
        "changed": [list(row.fields) for row in rows],
    }
    for side, spans in sides.items():
        values[f"span_id_{side}"] = [None if span is None else span.span_id for span in spans]
        values[f"model_{side}"] = [None if span is None else span.model for span in spans]
    made = {name: _array(values[name], form) for name, form in _FORMS.items()}
    for name, form in _MEASURE_FORMS.items():
        a, b = ([None if span is None else getattr(span, name) for span in spans] for spans in sides.values())
        made[f"{name}_a"], made[f"{name}_b"] = _array(a, form), _array(b, form)
        made[f"{name}_delta"] = _array([difference(*pair) for pair in zip(a, b, strict=True)], form)
    for name in ("input", "output"):
        is_changed = [None if row.a is None or row.b is None else name in row.fields for row in rows]
        made[f"{name}_changed"] = pd.array(is_changed, dtype="boolean")
    return make_frame((name, made[name]) for name in COMPARISON_FRAME_COLUMNS)


def _array(values: Sequence[Any], form: Form) -> Any:
    column = Column(form)
    column.extend([MISSING if value is None else value for value in values] if form == "count" else values)
    return column.array()


def comparison_text(comparison: Comparison, width: int = 100, *, only_changes: bool = False) -> str:
    """Return two compared traces as a tree, no line wider than ``width`` columns of a terminal.

    A line says what became of a step (``~`` changed, ``+`` only in b, ``-`` only in a), its name and kind, what changed
    in it, and how its duration, tokens and cost differ. Above the tree stand the totals of both traces.

    Args:
        comparison: What to write.
        width: Columns; wide characters count as two.
        only_changes: Leave out steps that are the same, but for those that lead to one that is not.
    """
    rows = comparison.rows
    kept = rows_to_show(rows) if only_changes else set(range(len(rows)))
    lines = [_cut(line, width) for line in _head(comparison)]
    for place, guide in _guides(rows, kept):
        row = rows[place]
        lines.append(_line(f"{SIGNS[row.change]} {_shortened(guide, row.depth, width)}", row, width))
    if len(kept) < len(rows):
        lines.append(_cut(f"  … {plural_steps(len(rows) - len(kept))} the same", width))
    return "\n".join(line.rstrip() for line in lines)


def _head(comparison: Comparison) -> list[str]:
    a, b = comparison.a.summary, comparison.b.summary
    deltas = delta_facts(a, b)
    digits = ids.digits_apart((a.trace_id, b.trace_id))
    totals = ["  ".join([each.trace_id[:digits], *map(_clean, total_facts(each))]) for each in (a, b)]
    return [
        *(f"{side}  {text}" for side, text in zip("ab", totals, strict=True)),
        f"   b - a: {'  '.join(deltas) if deltas else 'no difference in time, tokens or cost'}",
        f"   {counts_text(comparison)}",
    ]


def _line(before: str, row: Row, width: int) -> str:
    kind = row.shown.kind
    facts = [*([] if kind == "span" else [kind]), *map(_clean, row_facts(row))]
    return _fit(before[:-1], "", row.shown.name, facts, "", width)


def _guides(rows: Sequence[Row], kept: set[int]) -> list[tuple[int, str]]:
    """Return the places of the rows that are drawn, in order, with the lines that lead to each."""
    last: dict[int, int] = {}
    for place in sorted(kept):
        last[rows[place].parent] = place
    found = []
    below: dict[int, str] = {-1: ""}
    for place in sorted(kept):
        parent = rows[place].parent
        lead = below.get(parent, "")[-_LONGEST_LEAD:]
        if parent < 0:
            found.append((place, ""))
            below[place] = ""
            continue
        is_last = last[parent] == place
        found.append((place, lead + ("└─ " if is_last else "├─ ")))
        below[place] = lead + ("   " if is_last else "│  ")
    return found
