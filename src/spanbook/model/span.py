"""What a store gives back: frozen records without behaviour that needs a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._types import Json, ObservationKind, ScoreSource, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where in the notebook a trace came from; every field is None outside of one."""

    notebook: str | None = None  # path as the front end names it
    cell_id: str | None = None
    execution_count: int | None = None
    cell_hash: str | None = None  # first 16 hex digits of the SHA-256 of the cell's source
    git_commit: str | None = None  # "-dirty" is appended when the work tree has changes
    process_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at one moment inside a span."""

    name: str
    time_ns: int
    data: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A named value about a span, trace or session."""

    score_id: str
    name: str
    value: float | bool | str
    source: ScoreSource = "code"
    comment: str | None = None
    evaluator: str | None = None
    author: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    session_id: str | None = None
    created_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One timed operation in a trace; ``end_ns`` is None while it is open.

    ``input`` and ``output`` of an llm span are lists of messages
    ``{"role", "parts": [{"type": "text", "content": …}, …], "finish_reason"?}``; of any other span, the
    JSON form of what the function was given and returned.
    """

    trace_id: str  # 32 lowercase hex digits
    span_id: str  # 16 lowercase hex digits
    parent_id: str | None = None  # None for a root
    name: str
    kind: ObservationKind = "span"
    status: Status = "open"
    level: str | None = None
    start_ns: int  # nanoseconds since the Unix epoch, UTC
    end_ns: int | None = None
    first_token_ns: int | None = None
    input: Json = None
    output: Json = None
    error: Mapping[str, Any] | None = None  # type, module, message, traceback
    model: str | None = None
    provider: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    model_parameters: Mapping[str, Any] | None = None
    tools: Sequence[Any] | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    cost_usd: float | None = None
    input_cost_usd: float | None = None
    output_cost_usd: float | None = None
    cost_source: str | None = None  # "client" or the name of the price table
    error_type: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    environment: str | None = None
    release: str | None = None
    feature: str | None = None
    region: str | None = None
    prompt_name: str | None = None
    prompt_version: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Event] = ()
    links: Sequence[Any] = ()
    scores: Sequence[Score] = ()
    provenance: Provenance = field(default_factory=Provenance)
    counted: bool = True

    @property
    def duration_ms(self) -> float | None:
        """Milliseconds from start to end, None while open."""
        return None if self.end_ns is None else (self.end_ns - self.start_ns) / 1e6

    @property
    def time_to_first_token_ms(self) -> float | None:
        """Milliseconds from start to the first token, None when nothing was streamed."""
        return None if self.first_token_ns is None else (self.first_token_ns - self.start_ns) / 1e6

    @property
    def is_root(self) -> bool:
        """Whether the span names no parent."""
        return self.parent_id is None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSummary:
    """The maintained summary row of one trace."""

    trace_id: str
    name: str
    root_span_id: str | None
    status: Status
    start_ns: int
    end_ns: int | None  # None while a span is open
    n_spans: int
    n_open: int
    n_errors: int
    n_llm: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    user_id: str | None
    session_id: str | None
    tags: Sequence[str]
    metadata: Mapping[str, Any]
    environment: str | None
    release: str | None
    feature: str | None
    region: str | None
    provenance: Provenance

    @property
    def duration_ms(self) -> float | None:
        """Milliseconds from the first start to the last end, None while a span is open."""
        return None if self.end_ns is None else (self.end_ns - self.start_ns) / 1e6
