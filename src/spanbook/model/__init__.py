"""The data model: frozen records, ids, time, kinds, errors. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._types import (
    CORRECTED_OUTPUT,
    COUNTED_KINDS,
    KIND_CODE,
    KINDS,
    LEVELS,
    SCORE_SOURCES,
    STATUS_RANK,
    STATUSES,
    USAGE_FIELDS,
    Json,
    Level,
    ObservationKind,
    ScoreSource,
    Status,
    text_score_type,
)
from .errors import (
    ExportError,
    FilterError,
    ModelAnswerError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContentError,
    ModelContextError,
    ModelError,
    ModelRateLimitError,
    ModelRequestError,
    ModelServerError,
    ModelTimeoutError,
    NewerStoreError,
    NotAStoreError,
    OtlpError,
    QueryError,
    SpanbookError,
    StoreError,
    TraceNotFoundError,
    UsageError,
    check_port,
)

if TYPE_CHECKING:
    from .span import Event, Provenance, Score, Span, TraceSummary

_RECORDS = frozenset(("Event", "Provenance", "Score", "Span", "TraceSummary"))

__all__ = [
    "CORRECTED_OUTPUT",
    "COUNTED_KINDS",
    "KINDS",
    "KIND_CODE",
    "LEVELS",
    "SCORE_SOURCES",
    "STATUSES",
    "STATUS_RANK",
    "USAGE_FIELDS",
    "Event",
    "ExportError",
    "FilterError",
    "Json",
    "Level",
    "ModelAnswerError",
    "ModelAuthenticationError",
    "ModelConnectionError",
    "ModelContentError",
    "ModelContextError",
    "ModelError",
    "ModelRateLimitError",
    "ModelRequestError",
    "ModelServerError",
    "ModelTimeoutError",
    "NewerStoreError",
    "NotAStoreError",
    "ObservationKind",
    "OtlpError",
    "Provenance",
    "QueryError",
    "Score",
    "ScoreSource",
    "Span",
    "SpanbookError",
    "Status",
    "StoreError",
    "TraceNotFoundError",
    "TraceSummary",
    "UsageError",
    "check_port",
    "text_score_type",
]


def __getattr__(name: str) -> Any:
    """Import the records when first asked for: tracing needs none, and ``dataclasses`` costs 15 ms."""
    if name not in _RECORDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import span

    return getattr(span, name)
