"""The write-ahead log stays short, and nobody checkpoints while another one writes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.store._checkpoint import Checkpointer
from spanbook.store._connection import open_reader, open_writer

FILL = "INSERT INTO blobs(digest, codec, size, body) VALUES (randomblob(32), 0, 1000000, zeroblob(1000000))"


class Clock:
    """Seconds that pass when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The checkpointer's."""
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "store.db"


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    """A writing connection."""
    with closing(open_writer(path)) as opened:
        yield opened


@pytest.fixture
def log(path: Path, db: sqlite3.Connection, clock: Clock) -> Checkpointer:
    """What keeps its log short."""
    return Checkpointer(path, clock)


def fill(db: sqlite3.Connection, megabytes: int) -> None:
    """Make the log longer."""
    for _ in range(megabytes):
        db.execute(FILL)


def size(path: Path) -> int:
    """Bytes of log."""
    return os.stat(f"{path}-wal").st_size


def test_a_long_log_is_moved_and_the_next_batch_starts_it_anew(
    db: sqlite3.Connection, log: Checkpointer, path: Path
) -> None:
    """No connection does so by itself."""
    fill(db, 15)
    before = path.stat().st_size
    log.after_batch(db)
    assert path.stat().st_size == before
    fill(db, 30)
    assert size(path) > 40_000_000
    assert path.stat().st_size == before
    log.after_batch(db)
    assert path.stat().st_size > 40_000_000
    fill(db, 1)
    assert size(path) < 2_000_000


def test_a_pause_shortens_the_log(db: sqlite3.Connection, log: Checkpointer, path: Path, clock: Clock) -> None:
    """After two seconds without a batch; what is short already is left alone."""
    fill(db, 5)
    log.after_batch(db)
    log.in_pause(db)
    assert size(path) > 5_000_000
    clock.now += 2.5
    log.in_pause(db)
    assert size(path) < 20_000
    at = path.stat().st_mtime_ns
    clock.now += 2.5
    log.in_pause(db)
    assert path.stat().st_mtime_ns == at


def test_while_another_writes_nobody_checkpoints(
    db: sqlite3.Connection, log: Checkpointer, path: Path, clock: Clock
) -> None:
    """Not even a checkpoint that SQLite would allow: that is how the WAL-reset bug comes about."""
    fill(db, 17)
    with closing(open_writer(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        before = path.stat().st_size
        log.after_batch(db)
        clock.now += 3
        log.in_pause(db)
        assert path.stat().st_size == before
        other.execute("ROLLBACK")
    log.after_batch(db)
    assert path.stat().st_size > before
    assert log.problem is None


def test_the_checkpointing_connection_keeps_others_from_committing(
    db: sqlite3.Connection, log: Checkpointer, path: Path
) -> None:
    """Seen from the moment at which the second connection checkpoints."""
    fill(db, 17)
    met: list[str] = []
    with closing(open_writer(path)) as other:
        other.execute("PRAGMA busy_timeout = 0")

        def begin(statement: str) -> None:
            if "wal_checkpoint" in statement or "ROLLBACK" in statement:
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    other.execute("BEGIN IMMEDIATE")
                met.append(statement)

        db.set_trace_callback(begin)
        log.after_batch(db)
        db.set_trace_callback(None)
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    assert met == ["ROLLBACK"]


def test_a_reader_delays_the_restart_not_the_writer(
    db: sqlite3.Connection, log: Checkpointer, path: Path, clock: Clock
) -> None:
    """The log grows while it is pinned, is looked at seldom, said when it is very long, and short soon after."""
    with closing(open_reader(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM blobs").fetchone()
        tried: list[str] = []
        db.set_trace_callback(lambda text: tried.append(text) if text == "BEGIN IMMEDIATE" else None)
        for _ in range(70):
            fill(db, 1)
            log.after_batch(db)
        db.set_trace_callback(None)
        assert 5 <= len(tried) <= 16
        assert size(path) > 64 << 20
        assert log.problem is not None
        assert "a reader keeps it" in log.problem
        reader.execute("ROLLBACK")
    clock.now += 6
    log.after_batch(db)
    assert log.problem is None
    fill(db, 1)
    assert size(path) < 2_000_000


def test_a_failed_checkpoint_is_said_and_costs_nothing(db: sqlite3.Connection, log: Checkpointer, path: Path) -> None:
    """The writer goes on; the next one that works takes the word back."""
    fill(db, 17)
    path.rename(path.with_name("elsewhere"))
    log.after_batch(db)
    assert log.problem is not None
    assert "cannot be moved into" in log.problem
    path.with_name("elsewhere").rename(path)
    fill(db, 5)
    log.after_batch(db)
    assert log.problem is None


def test_the_work_of_a_checkpointer_that_is_killed_is_taken_over(
    db: sqlite3.Connection, log: Checkpointer, path: Path
) -> None:
    """In the midst of it: the kernel frees its lock."""
    fill(db, 17)
    program = (
        "import os, pathlib, signal, sys\n"
        "from spanbook.store import _checkpoint\n"
        "from spanbook.store._connection import open_writer\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "db = open_writer(path)\n"
        "db.set_trace_callback(lambda text: os.kill(os.getpid(), signal.SIGKILL) if text == 'ROLLBACK' else None)\n"
        "_checkpoint.Checkpointer(path).after_batch(db)\n"
        "print('lived')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (-9, ""), done.stderr
    fill(db, 17)
    log.after_batch(db)
    fill(db, 1)
    assert size(path) < 2_000_000
    assert db.execute("SELECT count(*) FROM blobs").fetchone() == (35,)


def test_closing_checkpoints_only_where_nobody_else_has_the_file_open(path: Path) -> None:
    """SQLite's own, under an exclusive lock; a reader that closes last leaves the log as it is."""
    writer = open_writer(path)
    fill(writer, 3)
    reader = open_reader(path)
    reader.execute("SELECT count(*) FROM blobs").fetchone()
    before = path.stat().st_size, size(path)
    writer.close()
    assert (path.stat().st_size, size(path)) == before
    reader.close()
    assert (path.stat().st_size, size(path)) == before
    open_writer(path).close()
    assert path.stat().st_size > before[0]
    assert not path.with_name("store.db-wal").exists()


def test_tables_of_the_users_own_are_not_checkpointed_beside_the_fold(path: Path) -> None:
    """``store.utils`` writes into the same file."""
    open_writer(path).close()
    store = sb.open(path, readonly=False)
    with closing(store.utils.conn) as mine, closing(open_reader(path)):
        assert mine.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
