"""A store that cannot be written for long: memory is bounded, spans stay fast, what is lost is counted and shown."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.tracing import journals, rows, start

#: Read here, since tests run without the settings of whoever runs them.
BLOCKED_S = float(os.environ.get("SPANBOOK_BLOCKED_S", "8"))
PROGRAM = """
import json, os, sys, time
import spanbook as sb

def memory():
    with open("/proc/self/status") as file:
        facts = dict(line.split(":", 1) for line in file)
    return {name: int(facts[name].split()[0]) << 10 for name in ("RssAnon", "RssFile", "RssShmem")}

rate, size, seconds = (float(argument) for argument in sys.argv[1:])
sb.init(redact="off", instrument=False)
with sb.span("first", input="x" * int(size)):
    pass
assert sb.flush()
print("ready", flush=True)
sys.stdin.readline()
value, took, before, highest = "x" * int(size), [], memory(), {}
began = time.monotonic()
while (passed := time.monotonic() - began) < seconds:
    while len(took) < passed * rate:
        start = time.perf_counter()
        with sb.span("s", input=f"{len(took)} {value}"):
            pass
        took.append(time.perf_counter() - start)
        if len(took) % 500 == 0:
            highest = {name: max(n, highest.get(name, 0)) for name, n in memory().items()}
    time.sleep(0.001)
grown = {name: highest[name] - before[name] for name in before}
blocked = sb.stats()
print("blocked", flush=True)
sys.stdin.readline()
flushed = sb.flush(60)
took.sort()
print(json.dumps({
    "ended": len(took) + 1, "flushed": flushed, "grown": grown, "blocked": blocked, "stats": sb.stats(),
    "p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100], "worst": took[-1],
}))
"""


def block(folder: Path, *, rate: float, size: int, seconds: float) -> dict[str, Any]:
    """Trace at a rate while another program holds the store's write lock; return what the program says."""
    process = start(PROGRAM, folder, str(rate), str(size), str(seconds))
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with closing(sqlite3.connect(folder / "store.db", isolation_level=None, timeout=30)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "blocked\n"
        hog.execute("ROLLBACK")
    said: dict[str, Any] = json.loads(process.communicate("go\n")[0])
    assert process.returncode == 0
    return said


def check(folder: Path, said: dict[str, Any]) -> None:
    """Everything that ended is stored or counted as lost; memory and the time of a span were bounded."""
    stats = said["stats"]
    print({name: value for name, value in said.items() if name != "blocked"})
    assert said["flushed"]
    assert stats["written"] + stats["dropped"] == said["ended"]
    assert rows(folder / "store.db", "SELECT count(*) FROM spans WHERE status = 'ok'") == [(stats["written"],)]
    # What is not file-backed counts: the journal's pages are the kernel's to take back.
    assert said["grown"]["RssAnon"] < 60 << 20
    assert sum(said["grown"].values()) < 150 << 20
    assert said["p99"] < 0.02  # 2 ms on a machine that does nothing else
    assert journals(folder) == []


def test_a_blocked_store_costs_neither_memory_nor_time(tmp_path: Path) -> None:
    """64 MB wait, then spans are kept without their values: those are counted, and nothing else is lost."""
    said = block(tmp_path, rate=4_000, size=8_000, seconds=3.0)
    check(tmp_path, said)
    assert said["stats"]["emptied"] > 0
    empty = "SELECT count(*) FROM payloads WHERE input LIKE '%the journal was full%'"
    assert rows(tmp_path / "store.db", empty) == [(said["stats"]["emptied"],)]


@pytest.mark.torture
def test_a_store_that_is_blocked_for_long_costs_neither_memory_nor_time(tmp_path: Path) -> None:
    """``SPANBOOK_BLOCKED_S`` seconds (8) at 3,000 spans of 4 kB a second; then until spans are dropped."""
    (tmp_path / "a").mkdir()
    check(tmp_path / "a", block(tmp_path / "a", rate=3_000, size=4_000, seconds=BLOCKED_S))
    (tmp_path / "b").mkdir()
    said = block(tmp_path / "b", rate=10_000, size=8_000, seconds=BLOCKED_S * 3)
    check(tmp_path / "b", said)
    assert said["stats"]["dropped"] > 0
