"""OTLP over HTTP: what is sent is in the store when the answer comes."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

import spanbook as sb
from spanbook.conventions._otlp_json import decode_logs, decode_spans
from spanbook.receiver import Receiver
from spanbook.receiver._protobuf import read_logs, read_spans
from tests.receiver.sending import JSON, PROTOBUF, START, TRACE_HEX, logs, post, put, refuse_spans, stored, traces

SPANS = "SELECT name, status, kind FROM spans ORDER BY start_ns"


def as_json(message: Any) -> bytes:
    return str(json_format.MessageToJson(message)).encode()


def spans_of(path: Path) -> list[str]:
    return [row[0] for row in stored(path, SPANS)]


@pytest.mark.parametrize("path", ["/v1/traces", "/api/public/otel/v1/traces"])
def test_protobuf_is_stored_before_the_answer(receiver: Receiver, store: Path, path: str) -> None:
    """Committed: another connection reads it at once."""
    answer = post(receiver.port, path, traces(1, 2).SerializeToString())

    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", PROTOBUF)
    assert spans_of(store) == ["span 1", "span 2"]


def test_json_is_answered_in_json(receiver: Receiver, store: Path) -> None:
    """Ids in base64, as protobuf's own JSON has them, are read as well."""
    answer = post(receiver.port, "/v1/traces", as_json(traces(1)), JSON + "; charset=utf-8")

    assert (answer.status, answer.json, answer.headers["content-type"]) == (200, {}, JSON)
    assert stored(store, "SELECT trace_id, span_id FROM spans") == [(TRACE_HEX, f"{1:016x}")]


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_bodies_are_read(receiver: Receiver, store: Path, encoding: str, compress: Any) -> None:
    """Both that exporters know."""
    body = compress(traces(1).SerializeToString())

    assert post(receiver.port, "/v1/traces", body, Content_Encoding=encoding).status == 200
    assert spans_of(store) == ["span 1"]


def test_chunked_bodies_are_read(receiver: Receiver, store: Path) -> None:
    """Some clients do not say how long the body is."""
    body = traces(1, 2).SerializeToString()

    assert post(receiver.port, "/v1/traces", None, chunks=[body[:10], body[10:]]).status == 200
    assert spans_of(store) == ["span 1", "span 2"]


def test_protobuf_and_json_become_the_same_records() -> None:
    """One decoder is the measure of the other."""
    values = {"text": "é", "n": -5, "f": 0.5, "yes": True, "list": ["a", 1, []], "map": {"x": {"y": "z"}}}
    request = traces(1, 2)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    put(span.attributes, values)
    span.parent_span_id, span.kind, span.trace_state = b"\1" * 8, 3, "a=b"
    span.status.code, span.status.message = 2, "went wrong"
    put(span.events.add(name="note", time_unix_nano=START).attributes, values)
    put(span.links.add(trace_id=b"\2" * 16, span_id=b"\3" * 8).attributes, values)
    log = logs(1, "gen_ai.choice", values)

    read = [span for span, _ in read_spans(request.SerializeToString(), pytest.fail)]
    assert read == decode_spans(json.loads(as_json(request)))
    assert [found for found, _ in read_logs(log.SerializeToString(), pytest.fail)] == decode_logs(
        json.loads(as_json(log))
    )


def test_logs_become_messages_of_their_span(receiver: Receiver, store: Path) -> None:
    """Content may come in log records, before the span or after it."""
    choice = logs(1, "gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"content": "Hello!"}})
    span = traces(1, gen_ai__operation__name="chat", gen_ai__request__model="m")

    answer = post(receiver.port, "/v1/logs", choice.SerializeToString())
    post(receiver.port, "/v1/traces", span.SerializeToString())

    assert ExportLogsServiceResponse.FromString(answer.body) == ExportLogsServiceResponse()
    assert "Hello!" in json.dumps(sb.last_trace().root.output)
    assert receiver.stats["logs"] == 1


def test_a_malformed_span_is_left_out_and_said(receiver: Receiver, store: Path) -> None:
    """OTLP's partial success, in protobuf: the others are kept."""
    request = traces(1, 2)
    request.resource_spans[0].scope_spans[0].spans[0].span_id = b"short"

    answer = post(receiver.port, "/v1/traces", request.SerializeToString())

    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_spans) == (200, 1)
    assert "spans[0].spanId is" in partial.error_message
    assert spans_of(store) == ["span 2"]


def test_partial_success_in_json(receiver: Receiver, store: Path) -> None:
    """The count is text, as 64-bit numbers are in JSON."""
    request = json.loads(as_json(traces(1, 2)))
    request["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["traceId"] = "no hex"

    answer = post(receiver.port, "/v1/traces", json.dumps(request), JSON)

    assert answer.json["partialSuccess"]["rejectedSpans"] == "1"
    assert "traceId is 'no hex'" in answer.json["partialSuccess"]["errorMessage"]


def test_what_is_no_span_at_all_is_left_out_of_json(receiver: Receiver, store: Path) -> None:
    """As a span with a wrong value is."""
    request = json.loads(as_json(traces(1, 2)))
    request["resourceSpans"][0]["scopeSpans"][0]["spans"][1:1] = [5, None]

    answer = post(receiver.port, "/v1/traces", json.dumps(request), JSON)

    assert answer.json["partialSuccess"]["rejectedSpans"] == "2"
    assert "spans[1] is 5; expected an object" in answer.json["partialSuccess"]["errorMessage"]
    assert spans_of(store) == ["span 1", "span 2"]


@pytest.mark.filterwarnings("ignore:.*data the store refuses")
def test_what_the_store_refuses_is_not_acknowledged(receiver: Receiver, store: Path) -> None:
    """A row that breaks a constraint is said to be rejected; the others of its request are kept."""
    refuse_spans(store, "span 2")

    answer = post(receiver.port, "/v1/traces", traces(1, 2, 3).SerializeToString())

    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_spans) == (200, 1)
    assert "span_id='0000000000000002'" in partial.error_message and "no span 2" in partial.error_message
    assert spans_of(store) == ["span 1", "span 3"]
    assert receiver.stats["spans"] == 2


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (traces(1).SerializeToString()[:-3], PROTOBUF, "cut off"),
        (b"\xff" * 40, PROTOBUF, "no protobuf"),
        (b'{"resourceSpans": [', JSON, "no JSON"),
        (b'{"resourceSpans": 5}', JSON, "resourceSpans is 5"),
        (b"[]", JSON, "expected an object"),
        (b"[" * 100_000, JSON, "nested too deep"),
        (b'{"resourceSpans": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", JSON, "nested too deep"),
        (b'{"resourceSpans": ' + b"9" * 10_000 + b"}", JSON, "no JSON"),
    ],
    ids=["truncated", "garbage", "truncated JSON", "wrong type", "no object", "deep without end", "deep", "big number"],
)
def test_what_is_not_otlp_gets_400_with_a_reason(receiver: Receiver, body: bytes, kind: str, reason: str) -> None:
    """And the next request is served as ever."""
    answer = post(receiver.port, "/v1/traces", body, kind)

    assert (answer.status, answer.headers["content-type"]) == (400, kind)
    assert reason.encode() in answer.body
    assert post(receiver.port, "/v1/traces", traces(1).SerializeToString()).status == 200


def test_a_request_of_malformed_spans_alone_gets_400(receiver: Receiver) -> None:
    """The answer has the form of google.rpc.Status."""
    request = json.loads(as_json(traces(1)))
    request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["spanId"] = "0" * 16

    answer = post(receiver.port, "/v1/traces", json.dumps(request), JSON)

    assert (answer.status, answer.json["code"]) == (400, 3)
    assert "spanId is '0000" in answer.json["message"]


def test_gzip_in_several_members_is_read(receiver: Receiver, store: Path) -> None:
    """RFC 1952 allows it: what is in them is put together."""
    one, two = (gzip.compress(traces(number).SerializeToString()) for number in (1, 2))

    assert post(receiver.port, "/v1/traces", one + two, Content_Encoding="gzip").status == 200

    assert spans_of(store) == ["span 1", "span 2"]


def test_gzip_that_is_cut_off_or_goes_on_gets_400(receiver: Receiver) -> None:
    """Whole members are a body, and not without end."""
    body = gzip.compress(traces(1).SerializeToString())
    bad = [body[:-9], body + body[:-9], body + b"x", b"no gzip", gzip.compress(b"") * 2_000]

    answers = [post(receiver.port, "/v1/traces", one, Content_Encoding="gzip").status for one in bad]

    assert answers == [400] * 5


def test_a_batch_sent_twice_is_stored_once(receiver: Receiver, store: Path) -> None:
    """Exporters send again what was not answered in time."""
    body = traces(1, 2).SerializeToString()
    assert [post(receiver.port, "/v1/traces", body).status for _ in range(2)] == [200, 200]
    assert spans_of(store) == ["span 1", "span 2"]


def test_metrics_are_answered_with_a_warning(receiver: Receiver) -> None:
    """An exporter for all signals is not to fail."""
    answer = post(receiver.port, "/v1/metrics", b"{}", JSON)
    assert (answer.status, list(answer.json["partialSuccess"])) == (200, ["errorMessage"])
    assert "no metrics" in answer.json["partialSuccess"]["errorMessage"]


def test_secrets_are_redacted(receiver: Receiver, store: Path) -> None:
    """What comes in is redacted like what is traced here."""
    post(receiver.port, "/v1/traces", traces(1, note="key sk-proj-" + "a1B2" * 12).SerializeToString())
    assert "a1B2" not in json.dumps(dict(sb.last_trace().root.attributes))


def test_a_locked_store_is_answered_with_503(receiver: Receiver, store: Path) -> None:
    """The exporter sends again; what it sends then is stored."""
    import sqlite3
    from contextlib import closing

    body = traces(1).SerializeToString()
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = post(receiver.port, "/v1/traces", body)
        other.execute("ROLLBACK")

    assert (answer.status, int(answer.headers["retry-after"]) > 0) == (503, True)
    assert post(receiver.port, "/v1/traces", body).status == 200
    assert spans_of(store) == ["span 1"]
