"""Kills a process at its n-th step for all n, until it passes: no step of the work may be a bad one to be killed at.

A step is a SQL statement, each hundred of SQLite's instructions inside of one, and each call of Python's that opens,
makes, renames or removes a file. ``python -m tests.reliability.points WORK FOLDER STRIDE`` does one of the works below
in forked processes, tries every ``STRIDE``-th step, looks at what is left after each, and prints how many there were.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import spanbook as sb
from spanbook.api import _runtime
from spanbook.api._recover import fold_dead_journals
from spanbook.store import _schema
from spanbook.store._connection import open_writer
from spanbook.store._owners import dead_journals
from tests.reliability.processes import check, stored
from tests.tracing import rows

_FILE_CALLS = ("open", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "mmap.__new__", "sqlite3.connect")


def arm(step: int) -> None:
    """Let SIGKILL come at this step from now on."""
    left = step

    def count(*_: object) -> int:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    def audit(event: str, _: object) -> None:
        if event in _FILE_CALLS:
            count()

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        db: sqlite3.Connection = really_connect(*arguments, **options)
        db.set_trace_callback(count)
        db.set_progress_handler(count, 100)
        return db

    really_connect = sqlite3.connect
    sqlite3.connect = connect  # type: ignore[assignment]  # an overloaded function
    sys.addaudithook(audit)


def fork(work: Callable[[], object]) -> int:
    """Do it in a forked process, and return how that ended."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - it must not go on as the parent; its code says that it failed
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# -- works: what is there before, what is killed, and what must be true after


def trace(folder: Path, name: str, count: int) -> None:
    """Trace into the folder's store; ``acks`` names each span that has ended."""
    with (folder / "acks").open("a", buffering=1) as acks:
        with sb.span(name, "agent", {"q": name}):
            for number in range(count):
                with sb.span(f"{name}.{number}", "llm", "x" * 300 * number, usage={"input_tokens": number}) as span:
                    span.event("note", number)
                    span.set(output=number)
                acks.write(f"{name}.{number}\n")
        acks.write(f"{name}\n")


def check_spans(folder: Path) -> None:
    """Each span that had ended is there with its values and its event, each open one is interrupted."""
    found: dict[str, str] = dict(stored(folder))
    acked = (folder / "acks").read_text().split() if (folder / "acks").exists() else []
    assert {name: found.get(name) for name in acked} == dict.fromkeys(acked, "ok")
    assert set(found.values()) <= {"ok", "interrupted"}, found
    store = folder / "store.db"
    children = [name for name in acked if "." in name]
    events = rows(store, "SELECT s.name FROM events e JOIN spans s USING (trace_id, span_id) WHERE s.status = 'ok'")
    assert sorted(name for (name,) in events if name in children) == sorted(children)
    for span in (span for trace in sb.open(store).traces(limit=1_000) for span in trace.spans):
        number = span.name.partition(".")[2]
        assert span.input == ("x" * 300 * int(number) if number else {"q": span.name})
        assert span.status != "ok" or not number or (span.output, span.usage["input_tokens"]) == (int(number),) * 2


def init(folder: Path) -> None:
    """Trace into the folder's store from now on."""
    sb.init(store=folder / "store.db", instrument=False)


def trace_and_end(folder: Path) -> None:
    """A short life: spans, a flush, spans, an orderly end while one is open."""
    init(folder)
    trace(folder, "one", 3)
    assert sb.flush(30)
    trace(folder, "two", 3)
    sb.span("open", input={"q": "open"}).start()
    _runtime.close()


def leave_journals(folder: Path) -> None:
    """Two processes are killed: one with everything in its journal, one with a part of it folded."""

    def killed(name: str) -> None:
        init(folder)
        for number in range(2):
            trace(folder, f"{name}{number}", 2)
            if name == "b":
                assert sb.flush(30)
        with _runtime.active().fold.lock:  # nothing more is folded
            trace(folder, f"{name}2", 3)
            sb.span(f"{name}3", input={"q": f"{name}3"}).start()
            os.kill(os.getpid(), signal.SIGKILL)

    for name in "ab":
        assert fork(lambda name=name: killed(name)) == -signal.SIGKILL  # type: ignore[misc]  # mypy: a lambda's default


def recover(folder: Path) -> None:
    """Fold what they left."""
    assert fold_dead_journals(folder / "store.db") is None


def check_recovered(folder: Path) -> None:
    """And nothing of their journals stays, whoever was killed on the way."""
    check_spans(folder)
    (root,) = (folder / "journal").iterdir()
    for path in root.iterdir():
        os.utime(path, (0, 0))  # a minute later
    assert list(dead_journals(root)) == []
    assert list(root.iterdir()) == []


def create(folder: Path) -> None:
    """Make a store."""
    open_writer(folder / "store.db").close()


def check_created(folder: Path) -> None:
    """The next process makes it, or finds it whole."""
    create(folder)
    check(folder / "store.db")
    with closing(sqlite3.connect(folder / "made.db", isolation_level=None)) as db:
        _schema.migrate(db)
    schema = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
    assert rows(folder / "store.db", schema) == rows(folder / "made.db", schema)
    assert rows(folder / "store.db", "PRAGMA journal_mode") == [("wal",)]


def a_later_version(db: sqlite3.Connection) -> None:
    """The next migration, as a later release may have it."""
    db.execute("ALTER TABLE spans ADD COLUMN mood TEXT")
    db.execute("UPDATE spans SET mood = name")
    db.execute("CREATE TABLE moods(id INTEGER PRIMARY KEY, mood TEXT) STRICT")
    db.execute("INSERT INTO moods SELECT id, mood FROM spans")
    db.execute("CREATE INDEX spans_by_mood ON spans(mood)")


def old_store(folder: Path) -> None:
    """A store of this version, with spans, as a killed process leaves it: its log is beside it."""
    leave_journals(folder)


def migrate(folder: Path) -> None:
    """Open it with the later version."""
    _schema.MIGRATIONS = (*_schema.MIGRATIONS, a_later_version)  # type: ignore[misc]  # a later release, simulated
    _schema.VERSION = len(_schema.MIGRATIONS)  # type: ignore[misc]  # the same
    open_writer(folder / "store.db").close()


def check_migrated(folder: Path) -> None:
    """It is the old or the new one, never half; the next process migrates it."""
    half = rows(folder / "store.db", "SELECT count(*) FROM sqlite_master WHERE name LIKE '%mood%'")
    assert (half, rows(folder / "store.db", "PRAGMA user_version")) in [([(0,)], [(1,)]), ([(2,)], [(2,)])]
    migrate(folder)
    assert rows(folder / "store.db", "SELECT count(*) FROM spans WHERE mood IS NOT name") == [(0,)]
    assert rows(folder / "store.db", "SELECT id, mood FROM spans EXCEPT SELECT id, mood FROM moods") == []
    check_spans(folder)


class Work(NamedTuple):
    """One thing to be killed in."""

    before: Callable[[Path], object]
    killed: Callable[[Path], object]
    after: Callable[[Path], object]


WORKS = {
    "trace": Work(create, trace_and_end, check_spans),
    "recover": Work(leave_journals, recover, check_recovered),
    "create": Work(lambda _: None, create, check_created),
    "migrate": Work(old_store, migrate, check_migrated),
}


def kill_at_every_step(work: Work, base: Path, stride: int) -> int:
    """Return how many steps were tried; each begins with the same files at the same path."""
    folder, template, step = base / "work", base / "template", 1
    folder.mkdir()
    os.environ["SPANBOOK_JOURNAL"] = str(folder / "journal")
    assert fork(lambda: work.before(folder)) == 0
    folder.rename(template)
    while True:
        shutil.copytree(template, folder)

        def killed(at: int = step) -> None:
            arm(at)
            work.killed(folder)

        ended = fork(killed)
        assert ended in (0, -signal.SIGKILL), f"step {step}: the process ended with {ended}"
        assert fork(lambda: work.after(folder)) == 0, f"killed at step {step}: {folder} is not as it should be"
        if ended == 0:
            return step // stride
        shutil.rmtree(folder)
        step += stride


if __name__ == "__main__":
    for module in ("ingest._fold", "conventions", "api._store", "api._trace"):
        importlib.import_module(f"spanbook.{module}")  # once here, not in each forked process
    print(kill_at_every_step(WORKS[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3])))
