"""One tracer in a process of its own: ``python -m tests.benchmarks._peer NAME FOLDER SINK`` prints its figures as JSON.

Run by the interpreter of the environment that the tracer is installed in; needs nothing else of the project.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

from .caller import MESSAGES, METADATA, OUTPUT, USAGE

#: Spans of a round: a slow tracer makes fewer.
SPANS = {"spanbook": 400, "langfuse": 400, "mlflow": 50}
ROUNDS = 3


class Tracer(NamedTuple):
    """The same spans by the tracer's own means; ``flush`` returns when all of them have arrived."""

    block: Callable[[], object]
    decorated: Callable[[Any], object]
    flush: Callable[[], object]


def spanbook(folder: str, sink: str) -> Tracer:
    """Ours, as it comes: redaction on, the fold beside it."""
    import spanbook as sb

    sb.init(store=os.path.join(folder, "peer.db"), instrument=False)

    def block() -> None:
        with sb.span("chat", "llm", MESSAGES) as span:
            span.set(output=OUTPUT, usage=USAGE, model="gpt-4o-mini", metadata=METADATA)

    @sb.trace(kind="llm")
    def answer(messages: Any) -> str:
        return OUTPUT

    return Tracer(block, answer, lambda: _sure(sb.flush(120)))


def langfuse(folder: str, sink: str) -> Tracer:
    """The SDK with its defaults; the server is a sink that says 200."""
    import langfuse as lf  # type: ignore[import-not-found]  # only in its own environment

    client = lf.Langfuse(public_key="pk-lf-bench", secret_key="sk-lf-bench", base_url=sink)

    def block() -> None:
        with client.start_as_current_observation(name="chat", as_type="generation", input=MESSAGES) as span:
            span.update(output=OUTPUT, usage_details={"input": 512, "output": 256}, model="gpt-4o-mini",
                        metadata=METADATA)  # fmt: skip

    @lf.observe(as_type="generation")  # type: ignore[untyped-decorator]  # as above
    def answer(messages: Any) -> str:
        return OUTPUT

    return Tracer(block, answer, client.flush)


def mlflow(folder: str, sink: str) -> Tracer:
    """Its local store, SQLite."""
    import mlflow as ml  # type: ignore[import-not-found]  # only in its own environment

    ml.set_tracking_uri(f"sqlite:///{os.path.join(folder, 'mlflow.db')}")
    ml.set_experiment("bench")

    def block() -> None:
        with ml.start_span("chat", span_type="LLM") as span:
            span.set_inputs(MESSAGES)
            span.set_outputs(OUTPUT)
            span.set_attributes({**METADATA, "model": "gpt-4o-mini", "mlflow.chat.tokenUsage": USAGE})

    @ml.trace(span_type="LLM")  # type: ignore[untyped-decorator]  # as above
    def answer(messages: Any) -> str:
        return OUTPUT

    return Tracer(block, answer, lambda: ml.flush_trace_async_logging(terminate=False))


def _sure(done: bool) -> None:
    if not done:
        raise RuntimeError("the flush did not end in time")


def measure(work: Callable[[], object], flush: Callable[[], object], count: int) -> tuple[float, float]:
    """Return CPU µs a span of the calling thread, and of the process until all is flushed; the least of the rounds."""
    best = 1e9, 1e9
    for _ in range(ROUNDS + 1):
        flush()
        thread, process = time.thread_time_ns(), time.process_time_ns()
        for _ in range(count):
            work()
        called = time.thread_time_ns() - thread
        flush()
        total = time.process_time_ns() - process
        best = min(best[0], called / count / 1000), min(best[1], total / count / 1000)
    return best


def main(name: str, folder: str, sink: str) -> None:
    """Measure one tracer and print what was found."""
    tracer = {"spanbook": spanbook, "langfuse": langfuse, "mlflow": mlflow}[name](folder, sink)
    works = {"context manager": tracer.block, "decorator": lambda: tracer.decorated(MESSAGES)}
    figures = {how: measure(work, tracer.flush, SPANS[name]) for how, work in works.items()}
    print(json.dumps({"version": version(name), "figures": figures}))


if __name__ == "__main__":
    main(*sys.argv[1:])
