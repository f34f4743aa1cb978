"""OTLP/JSON → records: ``ExportTraceServiceRequest`` and ``ExportLogsServiceRequest``.

Strict about types, because a wrong one means that something else than OTLP came; unknown names are passed over, as the
protocol asks. Ids are hex (OTLP) or base64 (plain protobuf JSON), 64-bit integers text or numbers, enums numbers or
names.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from ..model import OtlpError
from .otel import SPAN_KINDS, STATUS_CODES, OtelEvent, OtelLink, OtelLog, OtelSpan

_MAX_DEPTH: Final = 64
_INT64: Final = 1 << 63
_FLOATS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_HEX: Final = frozenset("0123456789abcdef")
Record = TypeVar("Record")


def decode_spans(request: Any, rejected: list[str] | None = None) -> list[OtelSpan]:
    """Return the spans of an ``ExportTraceServiceRequest``, in order.

    Args:
        request: The parsed JSON.
        rejected: When given, a span that is malformed is left out and the reason appended, so that the others of its
            request can be kept (OTLP's partial success). What is wrong above spans is raised all the same.

    Raises:
        OtlpError: a value is not what OTLP says; the message names the field.
    """
    return list(_records(request, ("resourceSpans", "scopeSpans", "spans"), _span, rejected))


def decode_logs(request: Any, rejected: list[str] | None = None) -> list[OtelLog]:
    """Return the log records of an ``ExportLogsServiceRequest``; as :func:`decode_spans`.

    Raises:
        OtlpError: a value is not what OTLP says; the message names the field.
    """
    return list(_records(request, ("resourceLogs", "scopeLogs", "logRecords"), _log, rejected))


_Read = Callable[[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]], Record]


def _records(
    request: Any, names: tuple[str, str, str], read: _Read[Record], rejected: list[str] | None
) -> Iterator[Record]:
    outer, middle, inner = names
    for at, group in enumerate(_objects(request, outer)):
        resource = _in_field(f"{outer}[{at}].resource", _resource, group)
        for nth, scoped in enumerate(_in_field(f"{outer}[{at}]", _objects, group, middle)):
            path = f"{outer}[{at}].{middle}[{nth}]"
            scope = _in_field(path, _object, scoped, "scope")
            for number, raw in enumerate(_in_field(path, _list, scoped.get(inner), inner)):
                try:
                    record = _in_field(f"{path}.{inner}[{number}]", _read_one, raw, read, scope, resource)
                except OtlpError as error:
                    if rejected is None:
                        raise
                    rejected.append(str(error))
                else:
                    yield record


def _read_one(raw: Any, read: _Read[Record], scope: Mapping[str, Any], resource: Mapping[str, Any]) -> Record:
    return read(_mapping(raw), scope, resource)


def _resource(group: Mapping[str, Any]) -> dict[str, Any]:
    return _attributes(_object(group, "resource"))


# -- spans and logs


def _span(raw: Mapping[str, Any], scope: Mapping[str, Any], resource: Mapping[str, Any]) -> OtelSpan:
    status = _object(raw, "status")
    start = _time(raw, "startTimeUnixNano")
    if start is None:
        raise OtlpError("startTimeUnixNano", "is missing; expected nanoseconds since 1970")
    return OtelSpan(
        trace_id=_id(raw, "traceId", 32),
        span_id=_id(raw, "spanId", 16),
        parent_id=_id(raw, "parentSpanId", 16, optional=True) or None,
        name=_text(raw, "name"),
        otel_kind=SPAN_KINDS[_enum(raw, "kind", SPAN_KINDS, "SPAN_KIND_")],
        start_ns=start,
        end_ns=_time(raw, "endTimeUnixNano"),
        status=STATUS_CODES[_enum(status, "code", STATUS_CODES, "STATUS_CODE_")],
        status_message=_text(status, "message"),
        attributes=_attributes(raw),
        events=[_in_field(f"events[{at}]", _event, one) for at, one in enumerate(_objects(raw, "events"))],
        links=[_in_field(f"links[{at}]", _link, one) for at, one in enumerate(_objects(raw, "links"))],
        trace_state=_text(raw, "traceState"),
        scope_name=_text(scope, "name"),
        scope_version=_text(scope, "version"),
        resource=resource,
    )


def _log(raw: Mapping[str, Any], scope: Mapping[str, Any], resource: Mapping[str, Any]) -> OtelLog:
    attributes = _attributes(raw)
    named = attributes.get("event.name")
    body = raw.get("body")
    return OtelLog(
        trace_id=_id(raw, "traceId", 32, optional=True),
        span_id=_id(raw, "spanId", 16, optional=True),
        name=_text(raw, "eventName") or (named if isinstance(named, str) else ""),
        time_ns=_time(raw, "timeUnixNano") or _time(raw, "observedTimeUnixNano") or 0,
        severity=_text(raw, "severityText"),
        body=None if body is None else _in_field("body", _value, body, 0),
        attributes=attributes,
        scope_name=_text(scope, "name"),
        resource=resource,
    )


def _event(raw: Mapping[str, Any]) -> OtelEvent:
    return OtelEvent(name=_text(raw, "name"), time_ns=_time(raw, "timeUnixNano") or 0, attributes=_attributes(raw))


def _link(raw: Mapping[str, Any]) -> OtelLink:
    ids = _id(raw, "traceId", 32), _id(raw, "spanId", 16)
    return OtelLink(trace_id=ids[0], span_id=ids[1], attributes=_attributes(raw))


# -- values


def _attributes(raw: Mapping[str, Any]) -> dict[str, Any]:
    return _in_field("attributes", _key_values, raw.get("attributes"), 0)


def _key_values(items: Any, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for at, item in enumerate(_list(items, "")):
        if not isinstance(item, Mapping) or not isinstance(item.get("key"), str):
            raise OtlpError(f"[{at}].key", f"is {_said(item)}; expected an object with a text 'key'")
        value = item.get("value")
        found[item["key"]] = None if value is None else _in_field(at, _value, value, depth)
    return found


def _value(raw: Any, depth: int) -> Any:
    """Return the value of an ``AnyValue``."""
    if not isinstance(raw, Mapping):
        raise OtlpError("", f"is {_said(raw)}; expected an object such as {{'stringValue': …}}")
    if depth > _MAX_DEPTH:
        raise OtlpError("", f"is nested deeper than {_MAX_DEPTH}")
    name = next((name for name in raw if name in _VALUES), None)
    if name is not None:
        return _in_field(name, _VALUES[name], raw[name], depth)
    if raw:
        raise OtlpError("", f"has {', '.join(map(str, raw))[:80]}; expected one of {', '.join(_VALUES)}")
    return None


def _string(value: Any, depth: int) -> str:
    if not isinstance(value, str):
        raise OtlpError("", f"is {_said(value)}; expected text")
    return value


def _bool(value: Any, depth: int) -> bool:
    if not isinstance(value, bool):
        raise OtlpError("", f"is {_said(value)}; expected true or false")
    return value


def _int(value: Any, depth: int = 0) -> int:
    if isinstance(value, str) and len(value) < 21 and value.removeprefix("-").isdecimal() and value.isascii():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -_INT64 <= value < _INT64:
        raise OtlpError("", f"is {_said(value)}; expected a 64-bit integer")
    return value


def _double(value: Any, depth: int) -> float:
    if isinstance(value, str) and value in _FLOATS:
        return _FLOATS[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e308:
        raise OtlpError("", f"is {_said(value)}; expected a number")
    return float(value)


def _bytes(value: Any, depth: int) -> bytes:
    try:
        return base64.b64decode(_string(value, depth), validate=True)
    except (binascii.Error, ValueError):
        raise OtlpError("", f"is {_said(value)}; expected base64") from None


def _array(value: Any, depth: int) -> list[Any]:
    items = _list(_mapping(value).get("values"), "values")
    return [_in_field(at, _value, one, depth + 1) for at, one in enumerate(items)]


def _kvlist(value: Any, depth: int) -> dict[str, Any]:
    return _in_field("values", _key_values, _mapping(value).get("values"), depth + 1)


_VALUES: Final[dict[str, Callable[[Any, int], Any]]] = {
    "stringValue": _string,
    "intValue": _int,
    "doubleValue": _double,
    "boolValue": _bool,
    "arrayValue": _array,
    "kvlistValue": _kvlist,
    "bytesValue": _bytes,
}


# -- fields


def _id(raw: Mapping[str, Any], name: str, digits: int, *, optional: bool = False) -> str:
    """Return an id as hex digits; empty when it may be missing and is."""
    value = raw.get(name)
    if (optional and value in (None, "")) or (optional and value == "0" * digits):
        return ""
    if isinstance(value, str):
        low = value.lower()
        found = low if len(low) == digits else _from_base64(value, digits)
        if len(found) == digits and not set(found) - _HEX and found.strip("0"):
            return found
    raise OtlpError(name, f"is {_said(value)}; expected {digits} hex digits, not all zero (or base64 of the bytes)")


def _from_base64(value: str, digits: int) -> str:
    if len(value) > digits:
        return ""
    try:
        return base64.b64decode(value, validate=True).hex()
    except (binascii.Error, ValueError):
        return ""


def _time(raw: Mapping[str, Any], name: str) -> int | None:
    """Return a time; None when it is missing or 0, which means that it is not known."""
    value = raw.get(name)
    if value is None:
        return None
    number = _in_field(name, _int, value)
    if number < 0:
        raise OtlpError(name, f"is {number}; expected nanoseconds since 1970")
    return number or None


def _enum(raw: Mapping[str, Any], name: str, known: tuple[str, ...], prefix: str) -> int:
    """Return the number of an enum given by number or name; a number from the future is unspecified."""
    value = raw.get(name)
    if value is None:
        return 0
    if isinstance(value, str) and value.startswith(prefix):
        low = value.removeprefix(prefix).lower()
        return known.index(low) if low in known else 0
    number = _in_field(name, _int, value)
    return number if 0 <= number < len(known) else 0


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    if value is None:
        return ""
    return _in_field(name, _string, value, 0)


def _object(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return {} if value is None else _in_field(name, _mapping, value)


def _objects(raw: Any, name: str) -> list[Mapping[str, Any]]:
    if not isinstance(raw, Mapping):
        raise OtlpError("", f"is {_said(raw)}; expected an object with {name!r}")
    items = _list(raw.get(name), name)
    for at, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise OtlpError(f"{name}[{at}]", f"is {_said(item)}; expected an object")
    return items


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise OtlpError("", f"is {_said(value)}; expected an object")
    return value


def _list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise OtlpError(name, f"is {_said(value)}; expected a list")
    return value


def _in_field(name: str | int, read: Callable[..., Record], *values: Any) -> Record:
    """Read a value; an error in it names the field, or the place in a list, before its own."""
    try:
        return read(*values)
    except OtlpError as error:
        here = name if isinstance(name, str) else f"[{name}]"
        dot = "." if error.field and error.field[0] != "[" else ""
        raise OtlpError(f"{here}{dot}{error.field}", error.problem) from None


def _said(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
