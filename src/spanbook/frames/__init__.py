"""The store as pandas, as text and as OTLP."""

from ._compare import COMPARISON_FRAME_COLUMNS, comparison_frame, comparison_text
from ._otlp import otlp_items, trace_otlp
from ._records import span_record, trace_record
from ._spans import SPAN_FRAME_COLUMNS, spans_frame, trace_frame
from ._tables import SCORE_FRAME_COLUMNS, TRACE_FRAME_COLUMNS, listed_frame, query_frame, scores_frame, traces_frame
from ._text import trace_text, traces_text
from ._whole import completer

__all__ = [
    "COMPARISON_FRAME_COLUMNS",
    "SCORE_FRAME_COLUMNS",
    "SPAN_FRAME_COLUMNS",
    "TRACE_FRAME_COLUMNS",
    "comparison_frame",
    "comparison_text",
    "completer",
    "listed_frame",
    "otlp_items",
    "query_frame",
    "scores_frame",
    "span_record",
    "spans_frame",
    "trace_frame",
    "trace_otlp",
    "trace_record",
    "trace_text",
    "traces_frame",
    "traces_text",
]
