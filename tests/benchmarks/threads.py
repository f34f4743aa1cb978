"""What a span costs when eight threads make them at once, against the OTel SDK with a no-op exporter."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from . import caller
from ._table import Row

COUNT = 8
SPANS = 200  # of each thread
ROUNDS = 7


def run(folder: Path) -> list[Row]:
    """Return wall and CPU of all threads, a span; without the fold, which is another row."""
    import spanbook as sb
    from spanbook.api import _runtime

    sb.init(store=folder / "threads.db", instrument=False)
    runtime = _runtime.active()
    otel = caller._otel()
    rows = []
    with runtime.fold.lock:
        for name, _, ours, theirs, _, _ in caller._workloads(sb, otel):
            if name not in ("bare span, hot", "3.3 kB span, hot"):
                continue
            best = {"ours": (1e9, 1e9), "theirs": (1e9, 1e9)}
            for _ in range(ROUNDS):
                runtime.journal.read(1 << 30)
                runtime.journal.tidy()
                for who, work in (("ours", ours), ("theirs", theirs)):
                    wall, cpu = _wall_and_cpu_us(work)
                    best[who] = min(best[who][0], wall), min(best[who][1], cpu)
            what = f"8 threads, {name.removesuffix(', hot')}"
            for at, unit_of in enumerate(("wall", "CPU of the process")):
                ratio = best["theirs"][at] / best["ours"][at]
                rows.append(
                    Row(f"{what}, {unit_of}", best["ours"][at], "µs", None, ratio, None, "OTel SDK, no-op exporter")
                )
        runtime.journal.read(1 << 30)
    _runtime.reset()
    return rows


def _wall_and_cpu_us(work: Callable[[int], None]) -> tuple[float, float]:
    start = time.process_time_ns()
    wall = caller.threads(work, SPANS, COUNT)
    return wall, (time.process_time_ns() - start) / (SPANS * COUNT) / 1000
