"""How long a span takes at worst: 1,000 a second for some seconds, with the fold at work beside them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ._table import Row
from .caller import MESSAGES, METADATA, OUTPUT, USAGE

RATE = 1_000
SECONDS = 8


def run(folder: Path) -> list[Row]:
    """Return percentiles of the wall time of one span of 3.3 kB, its block being empty."""
    import spanbook as sb
    from spanbook.api import _runtime

    sb.init(store=folder / "tail.db", instrument=False)
    for _ in paced(RATE, 1):
        one_span(sb)
    took = _percentiles(lambda: one_span(sb))
    _runtime.reset()
    nothing = _percentiles(lambda: None)
    budgets = {"p99.9": 1_000.0}
    name = f"3.3 kB span at {RATE:,}/s with the fold"
    return [
        Row(f"{name}, {p}", took[p], "µs", budgets.get(p), against=f"nothing in its place: {nothing[p]:.0f} µs")
        for p in took
    ]


def _percentiles(work: Callable[[], object]) -> dict[str, float]:
    """Return how many µs ``work`` takes, at a steady pace; that of doing nothing is the machine's own."""
    took = []
    for _ in paced(RATE, SECONDS):
        start = time.perf_counter_ns()
        work()
        took.append((time.perf_counter_ns() - start) / 1000)
    took.sort()
    shares = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    return {name: took[int(len(took) * share)] for name, share in shares.items()}


def paced(rate: int, seconds: float) -> Iterator[int]:
    """Yield at a steady rate; what comes late is made up for."""
    start = time.perf_counter()
    for number in range(int(rate * seconds)):
        left = start + number / rate - time.perf_counter()
        if left > 0:
            time.sleep(left)
        yield number


def one_span(sb: Any) -> None:
    """Make the span that the caller rows are about."""
    with sb.span("chat", "llm", MESSAGES) as span:
        span.set(output=OUTPUT, usage=USAGE, model="gpt-4o-mini", metadata=METADATA)
