"""OTLP/JSON becomes records; what is not OTLP is refused with the field named."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from spanbook.conventions._otlp_json import decode_logs, decode_spans
from spanbook.model import OtlpError

IDS = {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"}
SPAN: dict[str, Any] = {**IDS, "name": "call", "startTimeUnixNano": "1700000000000000000"}


def request(*spans: Any, scope: Any = None, resource: Any = None) -> dict[str, Any]:
    return {
        "resourceSpans": [{"resource": resource or {}, "scopeSpans": [{"scope": scope or {}, "spans": list(spans)}]}]
    }


def attribute(value: Any) -> Any:
    """Return the value of an attribute after decoding."""
    (span,) = decode_spans(request({**SPAN, "attributes": [{"key": "a", "value": value}]}))
    return span.attributes["a"]


def refused(raw: Any) -> str:
    with pytest.raises(OtlpError) as raised:
        decode_spans(raw)
    return str(raised.value)


def test_a_whole_span() -> None:
    raw = {
        **SPAN, "parentSpanId": "00f067aa0ba902b7", "kind": 3, "endTimeUnixNano": 1700000001000000000,
        "status": {"code": 2, "message": "bad"}, "traceState": "a=b", "unknown": [1],
        "events": [{"name": "exception", "timeUnixNano": "1700000000500000000",
                    "attributes": [{"key": "exception.type", "value": {"stringValue": "E"}}]}],
        "links": [IDS],
    }  # fmt: skip
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "app"}}]}
    (span,) = decode_spans(request(raw, scope={"name": "ai", "version": "1"}, resource=resource))
    assert (span.trace_id, span.span_id, span.parent_id) == (IDS["traceId"], IDS["spanId"], "00f067aa0ba902b7")
    assert (span.otel_kind, span.status, span.status_message) == ("client", "error", "bad")
    assert (span.end_ns or 0) - span.start_ns == 10**9
    assert (span.scope_name, span.scope_version, span.resource) == ("ai", "1", {"service.name": "app"})
    assert span.events[0].attributes == {"exception.type": "E"}
    assert span.links[0].span_id == IDS["spanId"]


def test_ids_in_base64_and_in_capitals() -> None:
    raw = {**SPAN, "traceId": IDS["traceId"].upper(), "spanId": base64.b64encode(bytes.fromhex(IDS["spanId"])).decode()}
    (span,) = decode_spans(request(raw))
    assert (span.trace_id, span.span_id) == (IDS["traceId"], IDS["spanId"])


@pytest.mark.parametrize("parent", [None, "", "0000000000000000"])
def test_a_root_has_no_parent(parent: str | None) -> None:
    assert decode_spans(request({**SPAN, "parentSpanId": parent}))[0].parent_id is None


def test_enums_by_name_and_from_the_future() -> None:
    named = {**SPAN, "kind": "SPAN_KIND_SERVER", "status": {"code": "STATUS_CODE_OK"}}
    newer = {**SPAN, "kind": 99, "status": {"code": "STATUS_CODE_NEW"}}
    found = decode_spans(request(named, newer))
    assert [(span.otel_kind, span.status) for span in found] == [("server", "ok"), ("unspecified", "unset")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"stringValue": "x"}, "x"),
        ({"intValue": "-9223372036854775808"}, -(1 << 63)),
        ({"intValue": 5}, 5),
        ({"doubleValue": 1}, 1.0),
        ({"doubleValue": "Infinity"}, float("inf")),
        ({"boolValue": False}, False),
        ({"bytesValue": "AQI="}, b"\x01\x02"),
        ({"arrayValue": {"values": [{"intValue": "1"}, {}]}}, [1, None]),
        ({"arrayValue": {}}, []),
        ({"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}}, {"k": "v"}),
        ({}, None),
    ],
)
def test_values(value: Any, expected: Any) -> None:
    assert attribute(value) == expected


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"traceId": "xyz"}, "traceId is 'xyz'; expected 32 hex digits"),
        ({"traceId": "0" * 32}, "traceId"),
        ({"spanId": None}, "spanId is None; expected 16 hex digits"),
        ({"name": 5}, "name is 5; expected text"),
        ({"startTimeUnixNano": "soon"}, "startTimeUnixNano is 'soon'; expected a 64-bit integer"),
        ({"startTimeUnixNano": None}, "startTimeUnixNano is missing"),
        ({"endTimeUnixNano": str(1 << 64)}, "endTimeUnixNano"),
        ({"attributes": {}}, "attributes is {}; expected a list"),
        ({"attributes": [{"key": 1}]}, "attributes[0].key"),
        ({"attributes": [{"key": "a", "value": {"boolValue": "yes"}}]}, "attributes[0].boolValue is 'yes'"),
        ({"attributes": [{"key": "a", "value": {"odd": 1}}]}, "attributes[0] has odd; expected one of stringValue"),
        ({"events": [{"name": []}]}, "events[0].name is []"),
        ({"links": ["x"]}, "links[0] is 'x'; expected an object"),
        ({"status": 2}, "status is 2; expected an object"),
    ],
)
def test_a_wrong_type_is_refused_with_the_field_named(change: dict[str, Any], field: str) -> None:
    assert refused(request(SPAN, {**SPAN, **change})).startswith(f"resourceSpans[0].scopeSpans[0].spans[1].{field}")


@pytest.mark.parametrize("raw", [[], None, 5, "x", {"resourceSpans": {}}, {"resourceSpans": [5]}])
def test_what_is_no_request_is_refused(raw: Any) -> None:
    assert "expected" in refused(raw)


def test_deep_nesting_is_refused() -> None:
    value: Any = {"stringValue": "x"}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}
    assert "nested deeper than" in refused(request({**SPAN, "attributes": [{"key": "a", "value": value}]}))


def test_the_good_spans_of_a_request_can_be_kept() -> None:
    rejected: list[str] = []
    assert len(decode_spans(request({**SPAN, "spanId": "?"}, SPAN), rejected)) == 1
    assert rejected[0].startswith("resourceSpans[0].scopeSpans[0].spans[0].spanId")


def test_logs_by_their_event_name() -> None:
    body = {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "Hi"}}]}}
    named = {**IDS, "timeUnixNano": "5", "eventName": "gen_ai.user.message", "body": body}
    older = {"observedTimeUnixNano": "6", "body": {"stringValue": "x"},
             "attributes": [{"key": "event.name", "value": {"stringValue": "gen_ai.choice"}}]}  # fmt: skip
    logs = decode_logs({"resourceLogs": [{"scopeLogs": [{"logRecords": [named, older]}]}]})
    assert [(log.name, log.time_ns, log.span_id) for log in logs] == [
        ("gen_ai.user.message", 5, IDS["spanId"]), ("gen_ai.choice", 6, "")]  # fmt: skip
    assert (logs[0].body, logs[1].body) == ({"content": "Hi"}, "x")


def test_what_json_holds_is_decoded() -> None:
    assert decode_spans(json.loads(json.dumps(request(SPAN))))[0].name == "call"
