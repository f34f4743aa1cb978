"""OTLP/protobuf → the same records that ``conventions._otlp_json`` makes of OTLP/JSON, and as strict.

Records are parsed one at a time, so that no step holds the GIL, or memory, for a whole request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from ..conventions.otel import SPAN_KINDS, STATUS_CODES, Attributes, OtelEvent, OtelLink, OtelLog, OtelSpan
from ..model import OtlpError
from ._refusal import MAX_DEPTH, MAX_RECORD, MAX_VALUES, Budget
from ._wire import Group, check_size, groups

_INT64: Final = 1 << 63
Record = TypeVar("Record")
M = TypeVar("M", bound=Message)


def read_spans(data: bytes, rejected: Callable[[str], None]) -> Iterator[tuple[OtelSpan, int]]:
    """Return the spans of an ``ExportTraceServiceRequest``, each with its encoded size, decoded when asked for.

    Args:
        data: The encoded request.
        rejected: Told why a span is malformed and left out.

    Raises:
        OtlpError: the request is malformed around its spans; raised before the first one is yielded.
        Refusal: it holds too much.
    """
    values = Budget(MAX_VALUES, "values")
    heads = [(group, _head(group, values)) for group in groups(data, ("resourceSpans", "scopeSpans"))]

    def read(raw: bytes, scope: InstrumentationScope, resource: Attributes) -> OtelSpan:
        return _span(_parse(Span, raw, "span"), scope, resource, values)

    return _records(data, heads, "spans", read, rejected)


def read_logs(data: bytes, rejected: Callable[[str], None]) -> Iterator[tuple[OtelLog, int]]:
    """Return the log records of an ``ExportLogsServiceRequest``; as :func:`read_spans`."""
    values = Budget(MAX_VALUES, "values")
    heads = [(group, _head(group, values)) for group in groups(data, ("resourceLogs", "scopeLogs"))]

    def read(raw: bytes, scope: InstrumentationScope, resource: Attributes) -> OtelLog:
        return _log(_parse(LogRecord, raw, "log"), scope, resource, values)

    return _records(data, heads, "logRecords", read, rejected)


_Head = tuple[InstrumentationScope, Attributes]


def _head(group: Group, values: Budget) -> _Head:
    try:
        resource = _parse(Resource, group.resource, "resource")
        scope = _parse(InstrumentationScope, group.scope, "scope")
        return scope, _attributes(resource.attributes, values)
    except OtlpError as error:
        raise _at(f"{group.path}, its resource or scope", error) from None


def _records(
    data: bytes,
    heads: list[tuple[Group, _Head]],
    name: str,
    read: Callable[[bytes, InstrumentationScope, Attributes], Record],
    rejected: Callable[[str], None],
) -> Iterator[tuple[Record, int]]:
    for group, (scope, resource) in heads:
        for number, (start, end) in enumerate(group.records):
            try:
                record = read(data[start:end], scope, resource)
            except OtlpError as error:
                rejected(str(_at(f"{group.path}.{name}[{number}]", error)))
            else:
                yield record, end - start


def _at(path: str, error: OtlpError) -> OtlpError:
    return OtlpError(f"{path}.{error.field}" if error.field else path, error.problem)


def _parse(message: type[M], raw: bytes, name: str) -> M:
    if len(raw) > MAX_RECORD:
        raise OtlpError("", f"has {len(raw):,} bytes; expected at most {MAX_RECORD:,}")
    check_size(raw, name)
    try:
        parsed: M = message.FromString(raw)
    except DecodeError as error:
        raise OtlpError("", f"is no protobuf of OTLP, or cut off ({error})") from None
    return parsed


def _span(raw: Span, scope: InstrumentationScope, resource: Attributes, values: Budget) -> OtelSpan:
    start = _time(raw.start_time_unix_nano, "startTimeUnixNano")
    if start is None:
        raise OtlpError("startTimeUnixNano", "is missing; expected nanoseconds since 1970")
    values.take(len(raw.events) + len(raw.links))
    kind, status = raw.kind, raw.status.code
    return OtelSpan(
        trace_id=_id(raw.trace_id, "traceId", 16),
        span_id=_id(raw.span_id, "spanId", 8),
        parent_id=_id(raw.parent_span_id, "parentSpanId", 8, optional=True) or None,
        name=raw.name,
        otel_kind=SPAN_KINDS[kind if 0 <= kind < len(SPAN_KINDS) else 0],
        start_ns=start,
        end_ns=_time(raw.end_time_unix_nano, "endTimeUnixNano"),
        status=STATUS_CODES[status if 0 <= status < len(STATUS_CODES) else 0],
        status_message=raw.status.message,
        attributes=_attributes(raw.attributes, values),
        events=[
            OtelEvent(
                name=event.name,
                time_ns=_time(event.time_unix_nano, "events.timeUnixNano") or 0,
                attributes=_attributes(event.attributes, values),
            )
            for event in raw.events
        ],
        links=[
            OtelLink(
                trace_id=_id(link.trace_id, "links.traceId", 16),
                span_id=_id(link.span_id, "links.spanId", 8),
                attributes=_attributes(link.attributes, values),
            )
            for link in raw.links
        ],
        trace_state=raw.trace_state,
        scope_name=scope.name,
        scope_version=scope.version,
        resource=resource,
    )


def _log(raw: LogRecord, scope: InstrumentationScope, resource: Attributes, values: Budget) -> OtelLog:
    attributes = _attributes(raw.attributes, values)
    named = attributes.get("event.name")
    time_ns = _time(raw.time_unix_nano, "timeUnixNano")
    return OtelLog(
        trace_id=_id(raw.trace_id, "traceId", 16, optional=True),
        span_id=_id(raw.span_id, "spanId", 8, optional=True),
        name=raw.event_name or (named if isinstance(named, str) else ""),
        time_ns=time_ns or _time(raw.observed_time_unix_nano, "observedTimeUnixNano") or 0,
        severity=raw.severity_text,
        body=_value(raw.body, values, 0) if raw.HasField("body") else None,
        attributes=attributes,
        scope_name=scope.name,
        resource=resource,
    )


def _attributes(pairs: Iterable[KeyValue], values: Budget, depth: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        value = pair.value
        found[pair.key] = value.string_value or _value(value, values, depth)
    values.take(len(found))
    return found


def _value(raw: AnyValue, values: Budget, depth: int) -> Any:
    """Return the value of an ``AnyValue``; None for one that is empty, or of a kind from the future."""
    kind = raw.WhichOneof("value")
    if kind == "string_value":
        return raw.string_value
    if kind in _PLAIN:
        return getattr(raw, kind)
    if kind not in ("array_value", "kvlist_value"):
        return None
    if depth >= MAX_DEPTH:
        raise OtlpError("", f"is nested deeper than {MAX_DEPTH}")
    if kind == "kvlist_value":
        return _attributes(raw.kvlist_value.values, values, depth + 1)
    items = raw.array_value.values
    values.take(len(items))
    return [_value(item, values, depth + 1) for item in items]


_PLAIN: Final = frozenset(("int_value", "double_value", "bool_value", "bytes_value"))


def _id(value: bytes, name: str, size: int, *, optional: bool = False) -> str:
    """Return an id as hex digits; empty when it may be missing and is."""
    if len(value) == size and any(value):
        return value.hex()
    if optional and not any(value):
        return ""
    raise OtlpError(name, f"is {value[:32].hex()!r}; expected {size} bytes, not all zero")


def _time(value: int, name: str) -> int | None:
    """Return a time; None when it is 0, which means that it is not known."""
    if value >= _INT64:
        raise OtlpError(name, f"is {value}; expected nanoseconds since 1970")
    return value or None
