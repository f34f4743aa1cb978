"""What a span of an OpenTelemetry library costs through our provider, against the SDK with a no-op exporter.

As in ``caller``: CPU of the calling thread, both in turn in one run, the least of each. The SDK runs as it does without
spanbook: in its turns ``sb.uninstrument("otel")`` has put everything back.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ._table import Row
from .caller import MESSAGES, OUTPUT, _cpu_us, _otel

_ROUNDS = 15


def run(folder: Path) -> list[Row]:
    """Return one row a workload."""
    import json

    from opentelemetry import trace

    import spanbook as sb
    from spanbook.api import _runtime

    sb.init(store=folder / "otel.db", instrument=False)
    runtime = _runtime.active()
    sb.instrument("otel")
    ours, theirs = trace.get_tracer("bench"), _otel()
    content = {"gen_ai.input.messages": json.dumps(MESSAGES), "gen_ai.output.messages": OUTPUT}
    rows = []
    with runtime.fold.lock:  # the fold is another row: here only the caller's part
        for name, n, work, at_least in _workloads(content):
            least = [1e9, 1e9]
            for _ in range(_ROUNDS):
                runtime.journal.read(1 << 30)
                runtime.journal.tidy()
                sb.instrument("otel")
                least[0] = min(least[0], _cpu_us(work(ours), n))
                sb.uninstrument("otel")
                least[1] = min(least[1], _cpu_us(work(theirs), n))
            ratio = least[1] / least[0]
            rows.append(Row(f"OTel library, {name}", least[0], "µs", None, ratio, at_least, "OTel SDK, no-op exporter"))
        runtime.journal.read(1 << 30)
    _runtime.reset()
    return rows


Work = Callable[[Any], Callable[[int], None]]


def _workloads(content: dict[str, str]) -> list[tuple[str, int, Work, float | None]]:
    from opentelemetry import trace

    def bare(tracer: Any) -> Callable[[int], None]:
        def work(n: int) -> None:
            for _ in range(n):
                with tracer.start_as_current_span("step"):
                    pass

        return work

    def call(tracer: Any) -> Callable[[int], None]:
        def work(n: int) -> None:
            for _ in range(n):
                with tracer.start_as_current_span("chat") as span:
                    span.set_attribute("gen_ai.operation.name", "chat")
                    span.set_attribute("gen_ai.request.model", "gpt-4o-mini")
                    span.set_attributes(content)
                    span.set_attribute("gen_ai.usage.input_tokens", 512)
                    span.set_attribute("gen_ai.usage.output_tokens", 256)

        return work

    def used(tracer: Any) -> Callable[[int], None]:
        def work(n: int) -> None:
            for _ in range(n):
                with trace.use_span(tracer.start_span("step"), end_on_exit=True):
                    pass

        return work

    def started(tracer: Any) -> Callable[[int], None]:
        def work(n: int) -> None:
            for _ in range(n):
                tracer.start_span("step").end()

        return work

    return [
        ("start_span and end", 500, started, 4.0),
        ("bare span", 500, bare, 4.0),
        ("3.3 kB call of a model", 200, call, None),
        ("start_span and use_span", 500, used, None),  # most of it is the API's own use_span
    ]
