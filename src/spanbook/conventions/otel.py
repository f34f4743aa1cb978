"""A span, and what belongs to it, as OpenTelemetry says it: what decoders produce and mappers read.

Values are decoded Python (text, bool, int, float, bytes, lists, dicts with text keys); ids are lowercase hex.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

Attributes: TypeAlias = Mapping[str, Any]
StatusCode: TypeAlias = Literal["unset", "ok", "error"]
#: By the number of each in OTLP.
SPAN_KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUS_CODES: Final[tuple[StatusCode, ...]] = ("unset", "ok", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class OtelEvent:
    """Something that happened at one moment inside a span."""

    name: str
    time_ns: int
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtelLink:
    """A span of this or another trace that has to do with this one."""

    trace_id: str
    span_id: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtelLog:
    """A log record; ``trace_id`` and ``span_id`` are empty when it belongs to no span."""

    trace_id: str = ""
    span_id: str = ""
    name: str = ""  # the event's name, from ``eventName`` or the attribute ``event.name``
    time_ns: int
    severity: str = ""
    body: Any = None
    attributes: Attributes = field(default_factory=dict)
    scope_name: str = ""
    resource: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtelSpan:
    """One span of any client."""

    trace_id: str  # 32 lowercase hex digits
    span_id: str  # 16 lowercase hex digits
    parent_id: str | None = None
    name: str
    otel_kind: str = "internal"  # unspecified, internal, server, client, producer, consumer
    start_ns: int  # nanoseconds since the Unix epoch, UTC
    end_ns: int | None = None  # None while it is open
    status: StatusCode = "unset"
    status_message: str = ""
    attributes: Attributes = field(default_factory=dict)
    events: Sequence[OtelEvent] = ()
    links: Sequence[OtelLink] = ()
    trace_state: str = ""
    scope_name: str = ""
    scope_version: str = ""
    resource: Attributes = field(default_factory=dict)
