"""What the receiver takes in, and what it takes from the cell that runs beside it.

Spans of 3.7 kB as the GenAI conventions have them, fifty a request, from another process. On its own: two clients that
send as fast as they are answered, the receiver on one core; each answer means that its spans are committed. Machines
differ, so its CPU is also given in times of one wide row of JSON text, as for the fold: 3,000 spans a second are 333 µs
a span, where a prototype wrote the plain row in 23. In the kernel: 500 spans a second beside a main thread that
computes; compared within a round, as in ``gil``.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median, quantiles

import psutil  # type: ignore[import-untyped]

from tests.receiver.sending import Process, put

from ._data import llm_spans
from ._table import Row
from .fold import PROTOTYPE_US, _plain_store, _plain_us

PER_REQUEST = 50
REQUESTS = 120
WARM = 20
CLIENTS = 2
CELL_RATE = 500
CELL_S = 0.7
ROUNDS = 15


def run(folder: Path) -> list[Row]:
    """Return throughput, latency, and the speed that a computing cell loses."""
    return [*_alone(folder / "alone"), *_beside_a_cell(folder)]


def _alone(folder: Path) -> list[Row]:
    folder.mkdir()
    bodies = list(_bodies(REQUESTS + WARM))
    process = Process(folder, core=0)
    try:
        _send_all(process.port, bodies[:WARM])
        used = psutil.Process(process.popen.pid)
        before, began = sum(used.cpu_times()[:2]), time.perf_counter()
        seconds = _send_all(process.port, bodies[WARM:])
        wall, cpu = time.perf_counter() - began, sum(used.cpu_times()[:2]) - before
    finally:
        process.close()
    spans = REQUESTS * PER_REQUEST
    with closing(_plain_store(folder / "plain.db")) as plain:
        row_us = median(_plain_us(plain, llm_spans(500)) for _ in range(5))
    return [
        Row("receiver, spans/s of 3.7 kB on one core", spans / wall, "/s", None, spans / wall / 3000, 1.0, "3,000/s"),
        Row("  p99 of a request of 50, answered", 1000 * quantiles(seconds, n=100)[98], "ms", 100.0),
        Row("  CPU a span", 1e6 * cpu / spans, "µs", 333.0),
        Row("  times one wide row of JSON text", 1e6 * cpu / spans / row_us, "×", round(333 / PROTOTYPE_US, 1)),
    ]


def _beside_a_cell(folder: Path) -> list[Row]:
    import spanbook as sb
    from spanbook.api import _runtime

    sb.init(store=folder / "cell.db", instrument=False)
    lost = []
    with sb.receive(0) as receiver, _sender(receiver.port) as sender:
        for _ in range(ROUNDS):
            bare = _speed()
            _command(sender, "go")
            lost.append(100 * (1 - _speed() / bare))
            _command(sender, "rest")
        took = receiver.stats["spans"]
    _runtime.reset()
    return [
        Row(f"cell beside {CELL_RATE} received spans/s: lost", median(lost), "%", 20.0),
        Row(
            "  spans/s received meanwhile",
            took / ROUNDS / CELL_S,
            "/s",
            None,
            took / ROUNDS / CELL_S / CELL_RATE,
            0.9,
            "what is sent",
        ),
    ]


def _speed() -> float:
    """Return how much work a second the main thread does."""
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < CELL_S:
        sum(number * number for number in range(200))
        done += 1
    return done / (time.perf_counter() - began)


def _send_all(port: int, bodies: list[bytes]) -> list[float]:
    """Send from some clients at once; return how long each request took."""

    def client(number: int) -> list[float]:
        with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
            return [_send(connection, body) for body in bodies[number::CLIENTS]]

    with ThreadPoolExecutor(CLIENTS) as clients:
        return [seconds for found in clients.map(client, range(CLIENTS)) for seconds in found]


def _send(connection: http.client.HTTPConnection, body: bytes) -> float:
    began = time.perf_counter()
    connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200
    return time.perf_counter() - began


def _bodies(count: int) -> Iterator[bytes]:
    """Yield encoded requests, ten spans a trace."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    pick = random.Random(1)
    texts = llm_spans(2_000)
    for number in range(count):
        request = ExportTraceServiceRequest()
        scoped = request.resource_spans.add().scope_spans.add()
        scoped.scope.name = "opentelemetry.instrumentation.openai_v2"
        traces = [pick.randbytes(16) for _ in range(PER_REQUEST // 10)]
        for at in range(PER_REQUEST):
            asked, (said,) = texts[(number * PER_REQUEST + at) % len(texts)]
            span = scoped.spans.add(
                trace_id=traces[at // 10], span_id=pick.randbytes(8), name="chat gpt-4o-mini", kind=3
            )
            span.start_time_unix_nano = 1_700_000_000_000_000_000 + at
            span.end_time_unix_nano = span.start_time_unix_nano + 10**9
            put(span.attributes, {
                "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o-mini", "gen_ai.response.id": pick.randbytes(8).hex(),
                "gen_ai.request.temperature": 0.5, "gen_ai.usage.input_tokens": 512,
                "gen_ai.usage.output_tokens": 256, "gen_ai.input.messages": json.dumps(asked),
                "gen_ai.output.messages": json.dumps([{**said, "finish_reason": "stop"}]),
            })  # fmt: skip
        yield request.SerializeToString()


@contextmanager
def _sender(port: int) -> Iterator[subprocess.Popen[str]]:
    """Run this module in another process: it sends while it is told to."""
    command = [sys.executable, "-m", "tests.benchmarks.receiver", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        sender.stdout.readline()
        yield sender
        assert sender.stdin is not None
        sender.stdin.close()


def _command(sender: subprocess.Popen[str], word: str) -> None:
    assert sender.stdin is not None and sender.stdout is not None
    print(word, file=sender.stdin, flush=True)
    sender.stdout.readline()


def _send_when_told(port: int) -> None:
    """Send at the rate between the lines "go" and "rest"."""
    import select

    bodies = list(_bodies(40))
    print("ready", flush=True)
    pause, at, is_sending = PER_REQUEST / CELL_RATE, 0, False
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        due = time.monotonic()
        while True:
            left = max(due - time.monotonic(), 0.0) if is_sending else None
            if select.select([sys.stdin], [], [], left)[0]:
                line = os.read(0, 100).decode().strip()
                if not line:
                    return
                is_sending, due = line == "go", time.monotonic()
                print(line, flush=True)
            elif is_sending:
                _send(connection, bodies[at % len(bodies)])
                at, due = at + 1, due + pause


if __name__ == "__main__":
    _send_when_told(int(sys.argv[1]))
