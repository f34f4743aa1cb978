"""Telemetry of the OpenTelemetry SDK's kind, sent over real sockets, and receivers in processes of their own."""

from __future__ import annotations

import http.client
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROTOBUF, JSON = "application/x-protobuf", "application/json"
START = 1_700_000_000_000_000_000
TRACE = bytes.fromhex(f"{1:032x}")
TRACE_HEX = TRACE.hex()


class Response(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def post(
    port: int, path: str, body: Any, kind: str = PROTOBUF, *, method: str = "POST", chunks: Any = None, **headers: str
) -> Response:
    """Send one request to 127.0.0.1; ``chunks`` sends the body in pieces without saying its length."""
    named = {"Content-Type": kind} | {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, body if chunks is None else iter(chunks), named,
                           encode_chunked=chunks is not None)  # fmt: skip
        answer = connection.getresponse()
        return Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())


def traces(*numbers: int, **attributes: Any) -> ExportTraceServiceRequest:
    """Return a request with spans of one trace, numbered, each with these attributes."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    put(group.resource.attributes, {"service.version": "1.2"})
    scoped = group.scope_spans.add()
    scoped.scope.name = "tests"
    for number in numbers:
        span = scoped.spans.add(trace_id=TRACE, span_id=number.to_bytes(8, "big"), name=f"span {number}")
        span.start_time_unix_nano, span.end_time_unix_nano = START + number, START + 10**9
        put(span.attributes, {name.replace("__", "."): value for name, value in attributes.items()})
    return request


def logs(number: int, name: str, body: dict[str, Any]) -> ExportLogsServiceRequest:
    """Return a request with a log record of a span."""
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(
        trace_id=TRACE, span_id=number.to_bytes(8, "big"), event_name=name, time_unix_nano=START
    )  # fmt: skip
    put(record.body.kvlist_value.values, body)
    return request


def put(pairs: Any, values: dict[str, Any]) -> None:
    """Add attributes: texts, whole numbers, bools, floats, lists and objects of these."""
    for name, value in values.items():
        pair = pairs.add(key=name)
        _set(pair.value, value)


def _set(target: Any, value: Any) -> None:
    if isinstance(value, dict):
        put(target.kvlist_value.values, value)
        target.kvlist_value.SetInParent()
    elif isinstance(value, list):
        target.array_value.SetInParent()
        for item in value:
            _set(target.array_value.values.add(), item)
    else:
        kind = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}[type(value)]
        setattr(target, kind, value)


def encoded(number: int, content: bytes) -> bytes:
    """Return a field of protobuf that holds bytes."""
    size, out = len(content), bytearray((number << 3 | 2,))
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes((*out, size)) + content


def stored(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Return rows of a store, read by plain SQLite."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


#: Of tests that ask a process for its ``peak_mb``: elsewhere the peak of another process cannot be read.
reads_peak = pytest.mark.skipif(
    sys.platform != "linux", reason="the peak of another process's memory is read from /proc"
)


class Process:
    """``spanbook receive`` in a process of its own, in a folder of its own; on one core when it is named."""

    def __init__(self, folder: Path, *arguments: str, core: int | None = None) -> None:
        self.store = folder / "store.db"
        command = [sys.executable, "-m", "spanbook", "receive", "--store", str(self.store), "--port", "0", *arguments]
        self.popen = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "SPANBOOK_JOURNAL": str(folder / "journal")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
        )
        assert self.popen.stdout is not None
        said = self.popen.stdout.readline()
        found = re.search(r"http://\S+:(\d+)", said)
        assert found is not None, f"{said!r}, {self.popen.communicate()}"
        self.port = int(found[1])

    def peak_mb(self) -> float:
        """Return the most memory it has had so far."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def close(self) -> None:
        """Kill it, if it still runs."""
        self.popen.kill()
        self.popen.communicate()


def refuse_spans(path: Path, name: str) -> None:
    """Have the store refuse the spans of a name, as a constraint does."""
    stop = f"SELECT RAISE(ABORT, 'no {name}')"
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"CREATE TRIGGER refuse BEFORE INSERT ON spans WHEN NEW.name = '{name}' BEGIN {stop}; END")
