"""Several processes on one store, readers that stay and programs that keep the write lock: nothing is lost."""

from __future__ import annotations

import os
import select
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from spanbook.store._connection import WAL_LIMIT
from tests.tracing import journals, rows, start

#: Read here, since tests run without the settings of whoever runs them.
CONTEND_S = float(os.environ.get("SPANBOOK_CONTEND_S", "60"))
WRITER = """
import os, sys, time
import spanbook as sb
seconds, least, size = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
sb.init(redact="off", instrument=False)
with sb.span("first"):
    pass
assert sb.flush()
print("ready", flush=True)
sys.stdin.readline()
ended, end = 1, time.monotonic() + seconds
while time.monotonic() < end or ended < least:
    with sb.span("root"):
        for number in range(20):
            with sb.span("s", input=f"{ended} " + os.urandom(size).hex()):
                pass
        ended += 20
    ended += 1
    while sb.stats()["queued_bytes"] > 1 << 20:  # as fast as the store takes it: a full journal is another test
        time.sleep(0.02)
assert sb.flush(60), sb.stats()
stats = sb.stats()
print(ended, stats["written"], stats["dropped"], stats["emptied"], stats["errors"], flush=True)
sys.stdin.readline()
"""


def writers(
    folder: Path, count: int, size: int, *, seconds: float = 0.0, least: int = 0
) -> list[subprocess.Popen[str]]:
    """Start processes that write for some seconds and some number of spans at least, all from now on."""
    running = [start(WRITER, folder, str(seconds), str(least), str(size)) for _ in range(count)]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return running


def contend(folder: Path, *, seconds: float, pinned: float, hogged: float, size: int) -> tuple[int, int]:
    """Write from several processes beside a reader and a hog; return how many spans ended and the longest log."""
    path, wal = folder / "store.db", folder / "store.db-wal"
    running = writers(folder, 4, size, seconds=seconds)
    longest, began = 0, time.monotonic()
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as reader:
        reader.execute("BEGIN")
        (before,) = reader.execute("SELECT count(*) FROM spans").fetchone()
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as hog:
            time.sleep(0.5)
            hog.execute("BEGIN IMMEDIATE")
            time.sleep(hogged)
            hog.execute("ROLLBACK")
        while time.monotonic() - began < pinned:
            longest = max(longest, wal.stat().st_size)
            time.sleep(0.05)
        assert reader.execute("SELECT count(*) FROM spans").fetchone() == (before,)
        reader.execute("ROLLBACK")
    said = []
    for process in running:
        assert process.stdout is not None
        said.append([int(number) for number in process.stdout.readline().split()])
    deadline = time.monotonic() + 20
    while wal.stat().st_size > 1 << 20 and time.monotonic() < deadline:  # all rest, one of them shortens the log
        time.sleep(0.05)
    at_rest = wal.stat().st_size
    for process in running:
        process.communicate("go\n")
    assert [process.returncode for process in running] == [0] * 4
    for ended, written, dropped, emptied, errors in said:
        assert (written, dropped, emptied, errors) == (ended, 0, 0, 0)
    assert rows(path, "SELECT count(*) FROM spans WHERE status = 'ok'") == [(sum(row[0] for row in said),)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "SELECT count(*) FROM traces t WHERE n_spans != (SELECT count(*) FROM spans s "
                      "WHERE s.trace_id = t.trace_id)") == [(0,)]  # fmt: skip
    assert journals(folder) == []
    assert at_rest <= 1 << 20
    assert not wal.exists()
    return sum(row[0] for row in said), longest


def test_writers_a_pinned_reader_and_a_hog_lose_nothing(tmp_path: Path) -> None:
    """Four writers; a reader stays for the first three seconds, another program keeps the write lock for two."""
    ended, _ = contend(tmp_path, seconds=3.0, pinned=3.0, hogged=2.0, size=500)
    assert ended > 400


@pytest.mark.torture
def test_writers_and_a_pinned_reader_lose_nothing_for_long(tmp_path: Path) -> None:
    """``SPANBOOK_CONTEND_S`` seconds (60), pinned for half of them; the log is short again afterwards."""
    ended, longest = contend(tmp_path, seconds=CONTEND_S, pinned=CONTEND_S / 2, hogged=2.0, size=2_000)
    print(f"{ended} spans of 4 processes, log of at most {longest >> 20} MB while a reader was pinned")


def has_said(process: subprocess.Popen[str]) -> bool:
    """Whether a process has printed something (or ended); by ``poll``, since a long run of tests has high numbers."""
    waiting = select.poll()
    assert process.stdout is not None
    waiting.register(process.stdout, select.POLLIN)
    return bool(waiting.poll(0))


def test_the_log_stays_short_while_several_processes_write(tmp_path: Path) -> None:
    """Whoever finds it long moves it into the file, and one that is killed is followed by another."""
    running = writers(tmp_path, 3, 20_000, least=700)
    wal, longest = tmp_path / "store.db-wal", 0
    killed = None
    while not any(has_said(process) for process in running):
        longest = max(longest, wal.stat().st_size if wal.exists() else 0)
        if killed is None and longest > 8 << 20:
            killed = running.pop()
            killed.kill()
            killed.communicate()
        time.sleep(0.02)
    moved = (tmp_path / "store.db").stat().st_size  # before any of them had a pause
    for process in running:
        said, _ = process.communicate("go\n")
        assert said.split()[2:] == ["0", "0", "0"]
    assert killed is not None
    assert (16 << 20) < longest < WAL_LIMIT
    assert moved > 8 << 20
    assert rows(tmp_path / "store.db", "PRAGMA integrity_check") == [("ok",)]
