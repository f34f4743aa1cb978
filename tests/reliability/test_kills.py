"""SIGKILL at any moment: no span that had ended is lost, none is there twice, what was running is interrupted."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from zlib import crc32

import pytest

from spanbook.store._connection import open_reader
from tests.reliability.points import WORKS
from tests.reliability.processes import stored
from tests.tracing import journals, rows, start

KILLS = int(os.environ.get("SPANBOOK_KILLS", "500"))
SEED = int(os.environ.get("SPANBOOK_SEED", "1"))

#: Traces in two threads until it is killed; a span is acknowledged behind its block, in a file that outlives us.
WRITER = """
import os, random, sys, threading, time
from zlib import crc32
import spanbook as sb

writer, seed, pause = sys.argv[1], sys.argv[2], float(sys.argv[3])
sys.stderr = open("complaints", "a", buffering=1)
acknowledged = os.open(f"acks.{writer}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def acknowledge(name):
    os.write(acknowledged, f"{name}\\n".encode())

def work(thread):
    chance = random.Random(f"{seed} {writer} {thread}")
    for trace in range(10**9):
        root = f"{writer}.{thread}.{trace}"
        with sb.span(root, "agent", {"q": root}):
            for number in range(chance.randrange(1, 40)):
                name = f"{root}.{number}"
                text = name + "x" * (crc32(name.encode()) % 3_000)
                with sb.span(name, "llm", [{"role": "user", "content": text}], usage={"input_tokens": 1}) as span:
                    span.event("note", number)
                    span.set(output=name)
                acknowledge(name)
                time.sleep(pause * chance.random())
        acknowledge(root)

threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def kill_writers(folder: Path, chance: Random, batch: int, kills: int) -> None:
    """Start up to three writers on the store and kill each at a moment of its own, every third time from the start."""
    pause = chance.choice(("0.0005", "0.002", "0.01"))
    names = [f"{batch}-{number}" for number in range(min(3, kills))]
    running = [start(WRITER, folder, name, str(chance.random()), pause) for name in names]
    began = time.monotonic()
    acks = [folder / f"acks.{name}" for name in names]
    while batch % 3 and not all(path.exists() and path.stat().st_size for path in acks):
        assert time.monotonic() < began + 60, "a writer traces nothing"
        time.sleep(0.01)
    began = time.monotonic()
    moments = sorted(chance.uniform(0.0, 1.5) for _ in running)
    for moment, process in zip(moments, chance.sample(running, len(running)), strict=True):
        time.sleep(max(began + moment - time.monotonic(), 0.0))
        process.send_signal(signal.SIGKILL)
    for process in running:
        process.communicate()
        assert process.returncode == -signal.SIGKILL


def check_nothing_lost(folder: Path, kills: int) -> int:
    """Compare what is stored with what was acknowledged, and return how many spans that were."""
    acked = [line for path in folder.glob("acks.*") for line in path.read_text().splitlines()]
    assert acked, "no writer got as far as its first span"
    assert (folder / "complaints").read_text() == ""
    found: dict[str, str] = dict(stored(folder))
    assert [name for name in acked if found.get(name) != "ok"] == []
    assert set(found.values()) <= {"ok", "interrupted"}
    ended = sum(status == "ok" for status in found.values())
    assert ended - len(acked) <= 2 * kills  # one a thread: it had ended, and was killed before it could say so
    running = Counter(name.count(".") for name, status in found.items() if status == "interrupted")
    assert running[2] <= 2 * kills and running[3] <= 2 * kills
    check_values(folder)
    return len(acked)


def check_values(folder: Path) -> None:
    """Each span has what it was given, one that has ended what it returned, and each its event once."""
    with closing(open_reader(folder / "store.db")) as db:
        for name, status, given, output in db.execute("SELECT name, status, input, output FROM span_view"):
            if name.count(".") == 2:
                assert json.loads(given) == {"q": name}
            else:
                assert name + "x" * (crc32(name.encode()) % 3_000) in given
                assert output == (f'"{name}"' if status == "ok" else None)
    events = """SELECT s.name, count(e.id) FROM spans s LEFT JOIN events e USING (trace_id, span_id)
                WHERE s.kind = 'llm' AND s.status = 'ok' GROUP BY s.id HAVING count(e.id) <> 1"""
    assert rows(folder / "store.db", events) == []


def test_killed_writers_lose_no_span_that_had_ended(folder: Path) -> None:
    """Three at a time on one store, twelve in all; each finds, and folds, what those before it left."""
    chance = Random(SEED)
    for batch in range(4):
        kill_writers(folder, chance, batch, 3)
    assert check_nothing_lost(folder, 12) > 500


@pytest.mark.torture
def test_many_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty to a store."""
    chance, spans, left, batch = Random(SEED), 0, KILLS, 0
    while left > 0:
        folder = tmp_path / str(batch)
        folder.mkdir()
        monkeypatch.setenv("SPANBOOK_JOURNAL", str(folder / "journal"))
        kills = min(30, left)
        for at in range(0, kills, 3):
            kill_writers(folder, chance, batch, kills - at)
            batch += 1
        spans += check_nothing_lost(folder, kills)
        left -= kills
    print(f"\n{KILLS} kills from seed {SEED}: 0 of {spans:,} acknowledged spans lost or doubled")


#: Fills a journal that is not folded, since somebody holds the store's lock.
BACKLOG = """
import os, signal
import spanbook as sb
sb.init()
print("ready", flush=True)
input()
with sb.span("root", input={"q": 1}):
    for number in range(4_000):
        with sb.span(f"s{number}", "llm", f"{number}" * 300) as span:
            span.event("note", number)
    os.kill(os.getpid(), signal.SIGKILL)
"""
RECOVER = """
from pathlib import Path
import spanbook.ingest._fold
from spanbook.api._recover import fold_dead_journals
print("go", flush=True)
assert fold_dead_journals(Path("store.db").absolute()) is None
"""


def test_whoever_recovers_may_be_killed_too(folder: Path) -> None:
    """Again and again, until one of them comes through: each span of the first is there once."""
    writer = start(BACKLOG, folder)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    with closing(sqlite3.connect(folder / "store.db", isolation_level=None)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        writer.communicate("go\n")
    assert writer.returncode == -signal.SIGKILL
    chance, killed = Random(SEED), 0
    seen: set[int] = set()
    while journals(folder):
        process = start(RECOVER, folder)
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        time.sleep(chance.uniform(0.0, 0.3 + 0.3 * killed))
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        seen.add(rows(folder / "store.db", "SELECT count(*) FROM spans")[0][0])
    assert killed > 0 and len(seen) > 1, "no kill came inside; give it more spans"
    assert Counter(stored(folder, "status")) == {("ok",): 4_000, ("interrupted",): 1}
    assert rows(folder / "store.db", "SELECT count(*), count(DISTINCT data) FROM events") == [(4_000, 4_000)]


#: Each so many steps of the work are tried by default; all of them by the long tests.
STRIDES = {"trace": 17, "recover": 11, "create": 5, "migrate": 7}


def kill_at_steps(work: str, stride: int, folder: Path, root: Path) -> int:
    """Return how many steps were tried."""
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.points", work, str(folder), str(stride)],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=7_000,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("work", WORKS)
def test_no_step_is_a_bad_one_to_be_killed_at(work: str, tmp_path: Path, root: Path) -> None:
    """Tracing to an orderly end, recovering, making and migrating a store: killed at some of the steps of each."""
    assert kill_at_steps(work, STRIDES[work], tmp_path, root) > 3


@pytest.mark.torture
@pytest.mark.parametrize("work", WORKS)
def test_none_of_all_steps_is_a_bad_one_to_be_killed_at(work: str, tmp_path: Path, root: Path) -> None:
    """Killed at the n-th for all n."""
    print(f"\n{work}: killed at each of {kill_at_steps(work, 1, tmp_path, root)} steps")
