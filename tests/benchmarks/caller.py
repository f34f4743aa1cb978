"""What a span costs the thread that makes it, against the OTel SDK with a no-op exporter in the same run.

CPU of the calling thread: the machine is shared, wall times lie. Both are warmed up and measured in turn, several
times; the least of each is compared. To fall asleep and wake up costs CPU, too, here more than a span does: what the
pauses of the paced workload take by themselves is taken off both.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from ._table import Row

MESSAGES = [
    {"role": "system", "content": "You are a careful assistant. " * 24},
    {"role": "user", "content": "Which plan lets me export invoices? " * 20},
    {"role": "assistant", "content": "The Team plan, as far as I know. " * 20},
]
OUTPUT = "It costs 29 euros a month and includes the export of invoices. " * 16
USAGE = {"input_tokens": 512, "output_tokens": 256}
Workload: TypeAlias = Callable[[int], None]
_PACED = "3.3 kB span, one per 300 µs"
METADATA = {"tier": "pro", "attempt": 1, "score": 0.5, "cached": False, "note": None}


def run(folder: Path) -> list[Row]:
    """Return the caller rows; traces into a store in ``folder``."""
    import spanbook as sb
    from spanbook.api import _runtime

    sb.init(store=folder / "caller.db", instrument=False)
    runtime = _runtime.active()
    otel = _otel()
    rows = []
    with runtime.fold.lock:  # the fold is another row: here only the caller's part
        for name, n, ours, theirs, budget, at_least in _workloads(sb, otel):
            best_ours, best_theirs, pause = 1e9, 1e9, 1e9 if name == _PACED else 0.0
            for _ in range(9):
                runtime.journal.read(1 << 30)
                runtime.journal.tidy()
                best_ours = min(best_ours, _cpu_us(ours, n))
                best_theirs = min(best_theirs, _cpu_us(theirs, n))
                pause = min(pause, _cpu_us(_pauses, n)) if pause else 0.0
            best_ours, best_theirs = best_ours - pause, best_theirs - pause
            ratio = best_theirs / best_ours
            rows.append(Row(f"caller, {name}", best_ours, "µs", budget, ratio, at_least, "OTel SDK, no-op exporter"))
        runtime.journal.read(1 << 30)
    _runtime.reset()
    return rows


def _cpu_us(work: Callable[[int], None], n: int) -> float:
    start = time.thread_time_ns()
    work(n)
    return (time.thread_time_ns() - start) / n / 1000


def _pauses(n: int) -> None:
    for _ in range(n):
        time.sleep(0.0003)


def _otel() -> Any:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class NoExport(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(NoExport()))
    return provider.get_tracer("bench")


def _workloads(sb: Any, otel: Any) -> list[tuple[str, int, Workload, Workload, float | None, float | None]]:
    import json

    def otel_payload(span: Any) -> None:
        span.set_attribute("gen_ai.input.messages", json.dumps(MESSAGES))
        span.set_attribute("gen_ai.output.messages", OUTPUT)
        span.set_attribute("gen_ai.usage.input_tokens", 512)
        span.set_attribute("gen_ai.usage.output_tokens", 256)
        span.set_attribute("gen_ai.request.model", "gpt-4o-mini")
        for key, value in METADATA.items():
            if value is not None:
                span.set_attribute(key, value)

    def bare(n: int) -> None:
        span = sb.span
        for _ in range(n):
            with span("step"):
                pass

    def bare_otel(n: int) -> None:
        for _ in range(n):
            with otel.start_as_current_span("step"):
                pass

    def payload(n: int) -> None:
        span = sb.span
        for _ in range(n):
            with span("chat", "llm", MESSAGES) as s:
                s.set(output=OUTPUT, usage=USAGE, model="gpt-4o-mini", metadata=METADATA)

    def beside_numpy(n: int) -> None:
        import numpy  # noqa: F401 (its numbers look like bytes to marshal: values are looked at more closely)

        payload(n)

    def payload_otel(n: int) -> None:
        for _ in range(n):
            with otel.start_as_current_span("chat") as s:
                otel_payload(s)

    def answer(messages: Any) -> str:
        return OUTPUT

    decorated = sb.trace(kind="llm")(answer)

    def decorator(n: int) -> None:
        for _ in range(n):
            decorated(MESSAGES)

    def answer_otel(messages: Any) -> str:
        from opentelemetry import trace

        otel_payload(trace.get_current_span())
        return OUTPUT

    decorated_otel = otel.start_as_current_span("decorated")(answer_otel)

    def decorator_otel(n: int) -> None:
        for _ in range(n):
            decorated_otel(MESSAGES)

    def paced(one: Callable[[int], None]) -> Callable[[int], None]:
        def work(n: int) -> None:
            for _ in range(n):
                _pauses(1)
                one(1)

        return work

    def in_tasks(one: Callable[[int], None]) -> Callable[[int], None]:
        async def work(n: int) -> None:
            async def task() -> None:
                for _ in range(n // 100):
                    one(1)
                    await asyncio.sleep(0)

            await asyncio.gather(*(task() for _ in range(100)))

        return lambda n: asyncio.run(work(n))

    return [
        ("bare span, hot", 2000, bare, bare_otel, 2.5, 6.0),
        ("3.3 kB span, hot", 300, payload, payload_otel, 6.0, 6.0),
        ("3.3 kB span, burst of 2,000", 2000, payload, payload_otel, 10.0, 4.0),
        ("3.3 kB span, decorator", 300, decorator, decorator_otel, 6.0, 6.0),
        (_PACED, 300, paced(payload), paced(payload_otel), 30.0, 2.5),
        ("3.3 kB span, 100 tasks", 500, in_tasks(payload), in_tasks(payload_otel), 30.0, 3.0),
        ("3.3 kB span, hot, numpy loaded", 300, beside_numpy, payload_otel, None, None),
    ]


def threads(work: Callable[[int], None], n: int, count: int = 8) -> float:
    """Return wall µs a span of ``count`` threads that run ``work`` at once."""
    pool = [threading.Thread(target=work, args=(n,)) for _ in range(count)]
    start = time.perf_counter()
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    return (time.perf_counter() - start) / (n * count) * 1e6
