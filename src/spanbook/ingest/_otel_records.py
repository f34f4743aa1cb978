"""What the journal's records of OpenTelemetry's spans say, and what we know besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..conventions.otel import OtelEvent, OtelLink, OtelSpan
from ..conventions.registry import MappedSpan
from ..model import ids
from ..tracer._foreign import OtelRest
from ..tracer._span import _merged, _with_context
from ._records import Fields

#: What a start record says for itself: the mapped span has it from the same place, or better.
_OF_START: Final = ("format", "attributes", "input", "status", "name", "kind")


def otel_span(begun: Fields, said: Fields) -> OtelSpan:
    """Return the span that the records of a start and an end tell of; without the latter it is open."""
    fields = said or begun
    rest = OtelRest(*fields.get("otel", ()))
    parent = fields["parent"]
    status: Any = rest.status
    return OtelSpan(
        trace_id=fields["trace"],
        span_id=ids.span_hex(fields["span"]),
        parent_id=None if parent is None else ids.span_hex(parent),
        name=fields["name"],
        otel_kind=rest.kind,
        start_ns=fields["start_ns"],
        end_ns=fields.get("end_ns"),
        status=status,
        status_message=rest.message,
        attributes=_listed(fields.get("attributes")),
        events=[OtelEvent(name=name, time_ns=at, attributes=_listed(about)) for name, at, about in rest.events],
        links=[OtelLink(trace_id=trace, span_id=span, attributes=_listed(about)) for trace, span, about in rest.links],
        trace_state=rest.trace_state,
        scope_name=fields.get("scope", ""),
        scope_version=fields.get("scope_version", ""),
        resource=rest.resource,
    )


def _listed(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return attributes with lists in place of tuples, which OpenTelemetry has for them."""
    return {name: list(value) if type(value) is tuple else value for name, value in (attributes or {}).items()}


def join_records(mapped: MappedSpan, begun: Fields, said: Fields) -> None:
    """Put around what was mapped what we know besides: the context it started in, what the user said of it."""
    around = {name: value for name, value in begun.items() if name not in _OF_START}
    fields = _with_context(around, mapped.fields)
    told = dict(said.get("told") or {})
    if said.get("output") is not None:
        told["output"] = said["output"]
    if "error" in told:
        told["status"] = "error"
    mapped.fields = _merged(fields, told) if told else fields
