"""How much a computing main thread loses to tracing in another thread: 1,000 spans a second of 3.3 kB.

The untraced program is the same two threads with nothing in the place of the span. Measured in turn, several times:
without spans, with spans and no fold (what the caller takes), with spans and the fold. Speed is the main thread's work
per second of wall; and per second of the process's CPU, which other processes do not disturb: that is the wall's loss
if nothing of the fold ran without the GIL, beside the main thread. What is lost is compared within a round, since the
machine's speed changes from one minute to the next; the median of the rounds counts.

And what waits in the end when each span has text of its own: the fold gives way to the cell at first, but not beyond
what is safe; what waits beyond 64 MB loses its content.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from ._data import llm_spans
from ._table import Row
from .tail import RATE, one_span, paced

SECONDS = 0.7
ROUNDS = 21
LONG_S = 8


def run(folder: Path) -> list[Row]:
    """Return the share of its untraced speed that the main thread loses, and who takes it."""
    import spanbook as sb
    from spanbook.api import _runtime

    sb.init(store=folder / "gil.db", instrument=False)
    runtime = _runtime.active()
    speeds: dict[str, list[tuple[float, float]]] = {"bare": [], "no fold": [], "fold": []}
    for _ in range(ROUNDS):
        speeds["bare"].append(_speeds(lambda: None))
        with runtime.fold.lock:
            speeds["no fold"].append(_speeds(lambda: one_span(sb)))
            runtime.journal.read(1 << 30)
        sb.flush(60)
        speeds["fold"].append(_speeds(lambda: one_span(sb)))
        sb.flush(60)
    waiting = _waiting(sb)
    _runtime.reset()
    name = f"computing beside {RATE:,} spans/s"
    rows = [Row(f"{name}: waiting after {LONG_S} s", waiting, "MB", 16.0)]
    for at, by in enumerate(("wall", "CPU")):
        bare, alone, folded = ([speed[at] for speed in found] for found in speeds.values())
        lost = [100 * (1 - after / before) for after, before in zip(folded, bare, strict=True)]
        caller = [100 * (1 - after / before) for after, before in zip(alone, bare, strict=True)]
        rows += [
            Row(f"{name}, {by}: lost", median(lost), "%", 15.0),
            Row(f"{name}, {by}: to the caller", median(caller), "%"),
        ]
    return rows


def _waiting(sb: Any) -> float:
    """Return how much of what another thread traces waits for the fold when it ends, in MB."""
    texts = llm_spans(int(RATE * LONG_S))

    def trace() -> None:
        for number in paced(RATE, LONG_S):
            asked, said = texts[number]
            with sb.span("chat", "llm", asked) as span:
                span.set(output=said)

    thread = threading.Thread(target=trace)
    thread.start()
    while thread.is_alive():
        sum(number * number for number in range(200))
    waiting = sb.stats()["queued_bytes"]
    sb.flush(60)
    return float(waiting / 1e6)


def _speeds(make: Callable[[], object]) -> tuple[float, float]:
    """Return how much work the main thread does while another calls ``make``: by second of wall, and of CPU."""
    started = threading.Event()

    def trace() -> None:
        started.set()
        for _ in paced(RATE, SECONDS + 0.1):
            make()

    thread = threading.Thread(target=trace)
    thread.start()
    started.wait()
    start, cpu = time.perf_counter(), time.process_time()
    done = 0
    while time.perf_counter() - start < SECONDS:
        sum(number * number for number in range(200))
        done += 1
    took, spent = time.perf_counter() - start, time.process_time() - cpu
    thread.join()
    return done / took, done / spent
