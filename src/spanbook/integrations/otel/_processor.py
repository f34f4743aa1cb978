"""Our span processor: hears of each span of somebody's SDK provider, beside whatever else that provider feeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from opentelemetry import trace as otel_trace
from opentelemetry.baggage import get_all
from opentelemetry.context.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from ...tracer import Span as NativeSpan
from ...tracer._foreign import ForeignSpan, OtelRest, otel_fields
from ...tracer._span import _OFF, _get
from ...tracer._w3c import fields_of_baggage
from .._guard import guard
from ._bridge import keep_face, native_of, remote_of, sdk_faces, with_fields
from ._span import KIND_NAMES, STATUS_NAMES, plain_links


class SdkSpan(Protocol):
    """What we read of the SDK's spans (``ReadableSpan``)."""

    name: str
    kind: SpanKind
    parent: SpanContext | None
    start_time: int | None
    end_time: int | None
    status: Status
    attributes: Mapping[str, Any] | None
    events: Sequence[Any]
    links: Sequence[Link]
    resource: Any
    instrumentation_scope: Any

    def get_span_context(self) -> SpanContext: ...
    def end(self) -> None: ...


class SpanbookSpanProcessor:
    """Records the spans of an SDK provider; it has nothing to flush, and survives a shutdown of the provider."""

    def __init__(self) -> None:
        self.is_on = False

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        """Record that a span has started."""
        if self.is_on:
            told = fields_of_baggage(get_all(parent_context))
            with guard("record the start of an OpenTelemetry span"), with_fields(told):
                _begin(span, _parent(span.parent, parent_context))

    def _on_ending(self, span: SdkSpan) -> None:
        """Hear that a span is about to end, which newer SDKs tell."""

    def on_end(self, span: SdkSpan) -> None:
        """Record that a span has ended, also one that had started before we came."""
        context = span.get_span_context()
        face = sdk_faces.pop((context.trace_id, context.span_id), None)
        if face is None and not self.is_on:
            return
        with guard("record the end of an OpenTelemetry span"):
            if face is None:
                face = _begin(span, None if span.parent is None else remote_of(span.parent))
                sdk_faces.pop((context.trace_id, context.span_id), None)
            is_error = span.status.status_code is StatusCode.ERROR
            face.finish(span.name, span.end_time or face.start_ns, _fields(span, context), is_error=is_error)

    def shutdown(self) -> None:
        """Do nothing: what has ended is in the journal."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing, for the same reason."""
        return True


def _begin(span: SdkSpan, parent: NativeSpan | None) -> ForeignSpan:
    context = span.get_span_context()
    face = ForeignSpan(span.name, span)
    face.begin_as(parent, f"{context.trace_id:032x}", context.span_id, span.attributes, span.start_time or 0)
    keep_face((context.trace_id, context.span_id), face)
    return face


def _parent(parent: SpanContext | None, given: Context | None) -> NativeSpan | None:
    """Return the parent of a new span among our spans; None when it is a root."""
    here = _get()
    if parent is None:
        return here if given is None and here is not None and here._state == _OFF else None
    found = native_of(otel_trace.get_current_span(given), here)
    return remote_of(parent) if found is None else found


def _fields(span: SdkSpan, context: SpanContext) -> dict[str, Any]:
    scope, status = span.instrumentation_scope, span.status
    rest = OtelRest(
        STATUS_NAMES.get(status.status_code, "unset"),
        status.description or "",
        KIND_NAMES.get(span.kind, "internal"),
        [(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events],
        plain_links(span.links),
        context.trace_state.to_header() if context.trace_state else "",
        dict(getattr(span.resource, "attributes", None) or {}),
    )
    name, version = getattr(scope, "name", None), getattr(scope, "version", None)
    return otel_fields(name or "", version or "", dict(span.attributes or {}), rest)
