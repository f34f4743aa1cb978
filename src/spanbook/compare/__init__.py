"""Two traces compared: their trees aligned by structure, and what changed in each step."""

from ._align import Aligned, Step, align
from ._comparison import CHANGES, COMPARED, SIGNS, Change, Comparison, Row, Side, SpanRow, compare, read_comparison
from ._said import changed_words, counts_text, delta_facts, deltas, plural_steps, row_facts, rows_to_show, total_facts
from ._totals import MEASURES, difference, tokens_of, totals

__all__ = [
    "CHANGES",
    "COMPARED",
    "MEASURES",
    "SIGNS",
    "Aligned",
    "Change",
    "Comparison",
    "Row",
    "Side",
    "SpanRow",
    "Step",
    "align",
    "changed_words",
    "compare",
    "counts_text",
    "delta_facts",
    "deltas",
    "difference",
    "plural_steps",
    "read_comparison",
    "row_facts",
    "rows_to_show",
    "tokens_of",
    "total_facts",
    "totals",
]
