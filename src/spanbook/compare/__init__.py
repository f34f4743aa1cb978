"""Two traces compared: their trees aligned by structure, and what changed in each step."""

from ._align import Aligned, Step, align
from ._comparison import CHANGES, COMPARED, SIGNS, Change, Comparison, Row, Side, SpanRow, compare, read_comparison
from ._totals import (
    MEASURES,
    difference,
    plain_fields,
    signed_count,
    signed_duration,
    signed_money,
    tokens_of,
    totals,
)

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
    "compare",
    "difference",
    "plain_fields",
    "read_comparison",
    "signed_count",
    "signed_duration",
    "signed_money",
    "tokens_of",
    "totals",
]
