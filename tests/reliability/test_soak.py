"""Memory stays flat over many spans and many hours; nothing is lost meanwhile."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from spanbook.store._journal import MAX_BYTES
from tests.tracing import journals, rows, start

#: Read here, since tests run without the settings of whoever runs them.
SOAK_SPANS = int(os.environ.get("SPANBOOK_SOAK_SPANS", "10_000_000"))
SOAK_S = float(os.environ.get("SPANBOOK_SOAK_S", "3600"))
#: Traces until ``spans`` have ended and ``seconds`` have passed, in several threads, forking now and then.
PROGRAM = """
import gc, json, os, random, sys, threading, time, tracemalloc
import spanbook as sb

spans, seconds, threads, seed, in_python = json.loads(sys.argv[1])
sb.init(redact="off", instrument=False)
ended, children, journal, lock = 0, 0, 0, threading.Lock()
until = time.monotonic() + seconds

def heap():
    gc.collect()
    if in_python:
        return tracemalloc.get_traced_memory()[0]
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("RssAnon"))

def work(number, least):
    global ended
    chance = random.Random(seed + number)
    mine = 0
    while mine < least or time.monotonic() < until:
        with sb.span("root", input={"number": mine, "thread": number}) as root:
            for _ in range(chance.randrange(20, 60)):
                with sb.span("step"):
                    pass
                mine += 1
            with sb.span("call", "llm", [{"role": "user", "content": chance.randbytes(300).hex()}]) as call:
                call.set(output="done", usage={"input_tokens": 3})
            root.event("note", mine)
            sb.score("fine", True)
        mine += 2
        while sb.stats()["queued_bytes"] > 4 << 20:  # as fast as the store takes it: a full journal is another test
            time.sleep(0.05)
    with lock:
        ended += mine

def all_threads(least):
    global children
    running = [threading.Thread(target=work, args=(number, least // threads)) for number in range(threads)]
    for thread in running:
        thread.start()
    while any(thread.is_alive() for thread in running):
        time.sleep(0.2)
        if seconds and children < (seconds - until + time.monotonic()) / 20:  # each 20 s
            pid = os.fork()
            if pid == 0:
                with sb.span("child"):
                    pass
                os._exit(0)
            os.waitpid(pid, 0)
            children += 1
        look()

def look():
    global journal
    total = 0
    for folder, _, names in os.walk("journal"):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                pass
    journal = max(journal, total)

warm, until = until, 0
all_threads(spans // 10)
assert sb.flush(60)
until = warm
if in_python:
    tracemalloc.start()
before = heap()
all_threads(spans)
assert sb.flush(120), sb.stats()
print(json.dumps({"ended": ended, "children": children, "grown": heap() - before, "journal": journal,
                  "stats": sb.stats()}))
"""


def soak(
    folder: Path, *, spans: int, seconds: float = 0.0, threads: int = 1, in_python: bool = False, most_mb: int = 40
) -> None:
    """Trace, and check what the program says of its memory and what the store holds."""
    seed = int.from_bytes(os.urandom(4), "big")
    process = start(PROGRAM, folder, json.dumps([spans, seconds, threads, seed, in_python]))
    output, _ = process.communicate()
    assert process.returncode == 0
    said: dict[str, Any] = json.loads(output)
    stats = said["stats"]
    print(f"seed {seed}: {said}")
    # Python's own count is exact; the system's also holds what one batch of the fold needed at its largest.
    assert said["grown"] < (20 if in_python else most_mb) << 20
    assert said["journal"] <= MAX_BYTES
    lost = [stats[name] for name in ("dropped", "emptied", "errors", "queued_bytes")]
    assert lost == [0, 0, 0, 0]
    ended = said["ended"] + said["children"]
    assert rows(folder / "store.db", "SELECT count(*), sum(status = 'ok') FROM spans") == [(ended, ended)]
    assert rows(folder / "store.db", "PRAGMA integrity_check") == [("ok",)]
    assert journals(folder) == []


def test_memory_stays_flat_over_many_spans(tmp_path: Path) -> None:
    """50,000 of them: less than 25 MB more, all threads' and all libraries' memory counted."""
    soak(tmp_path, spans=50_000, threads=2, most_mb=25)


@pytest.mark.torture
@pytest.mark.parametrize("in_python", [False, True])
def test_memory_stays_flat_over_millions_of_spans(tmp_path: Path, in_python: bool) -> None:
    """``SPANBOOK_SOAK_SPANS`` (10 million), by what the system says; a tenth of them by Python's own count: 20 MB."""
    soak(tmp_path, spans=SOAK_SPANS // 10 if in_python else SOAK_SPANS, threads=2, in_python=in_python)


@pytest.mark.torture
def test_an_hour_of_tracing_loses_nothing(tmp_path: Path) -> None:
    """``SPANBOOK_SOAK_S`` seconds (3,600) in four threads, and the spans of above, with a fork each 20 seconds."""
    soak(tmp_path, spans=SOAK_SPANS, seconds=SOAK_S, threads=4)  # a tenth of these come first: memories are full then
