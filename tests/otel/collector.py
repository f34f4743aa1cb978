"""A collector: a real HTTP server that decodes the OTLP it receives, and answers what the test says."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from spanbook.conventions._otlp_json import decode_spans
from spanbook.conventions.otel import OtelSpan

Reply = tuple[int, Mapping[str, str], bytes]


class Collector:
    """What came, and what is answered: ``replies`` first, then 200."""

    def __init__(self) -> None:
        collector = self
        self.spans: list[dict[str, Any]] = []  # of requests that were answered with 200
        self.requests: list[tuple[str, dict[str, str], int]] = []  # path, headers, number of spans
        self.replies: list[Reply] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, more, reply = collector.take(self.path, headers, body)
                self.send_response(status)
                for name, value in {**more, "content-length": str(len(reply))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply)

            def do_GET(self) -> None:
                self.send_error(404)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Decode a request and say what to answer."""
        spans = _decoded(headers["content-type"], body) if path.endswith("/traces") else []
        self.requests.append((path, headers, len(spans)))
        reply = self.replies.pop(0) if self.replies else (200, {}, b"")
        if reply[0] == 200:
            self.spans += spans
        return reply

    def attributes(self, name: str) -> dict[str, Any]:
        """The attributes of the one span of this name."""
        (found,) = [span for span in self.spans if span["name"] == name]
        return dict(found["attributes"])

    def names(self) -> list[str]:
        """Names of all spans, sorted."""
        return sorted(span["name"] for span in self.spans)

    def stop(self) -> None:
        """Close it."""
        self.server.shutdown()
        self.server.server_close()


def _decoded(content_type: str, body: bytes) -> list[dict[str, Any]]:
    if content_type == "application/json":
        return [_of_json(span) for span in decode_spans(json.loads(body))]
    assert content_type == "application/x-protobuf"
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    return [
        {
            "name": span.name, "span_id": span.span_id.hex(), "parent_id": span.parent_span_id.hex(),
            "trace_id": span.trace_id.hex(), "start_ns": span.start_time_unix_nano, "end_ns": span.end_time_unix_nano,
            "attributes": {item.key: _plain(item.value) for item in span.attributes},
            "events": [event.name for event in span.events], "status": span.status.code,
            "resource": {item.key: _plain(item.value) for item in resource.resource.attributes},
        }
        for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans
    ]  # fmt: skip


def _of_json(span: OtelSpan) -> dict[str, Any]:
    return {"name": span.name, "span_id": span.span_id, "attributes": dict(span.attributes)}


def _plain(value: Any) -> Any:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [_plain(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return {item.key: _plain(item.value) for item in value.kvlist_value.values}
    return getattr(value, which) if which else None


def partly(rejected: int, why: str) -> Reply:
    """An answer that takes all but some of the spans."""
    said = ExportTraceServiceResponse()
    said.partial_success.rejected_spans, said.partial_success.error_message = rejected, why
    return 200, {"content-type": "application/x-protobuf"}, said.SerializeToString()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector with nothing received."""
    made = Collector()
    yield made
    made.stop()
