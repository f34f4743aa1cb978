"""Two versions of spanbook on one file: migrations only add, so the older one goes on; many at once migrate once."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path

from tests.tracing import rows, run, start

#: Makes a spanbook of the first version.
OLDER = """
from spanbook.store import _schema
_schema.MIGRATIONS = _schema.MIGRATIONS[:1]
_schema.VERSION = 1
"""
#: Makes one that has a migration more; it takes its time, and says when it runs.
NEWER = """
import time
from spanbook.store import _schema
def _add(db):
    db.execute("ALTER TABLE spans ADD COLUMN mood TEXT")
    db.execute("ALTER TABLE traces ADD COLUMN n_moods INTEGER NOT NULL DEFAULT 0")
    db.execute("CREATE TABLE moods(id INTEGER PRIMARY KEY, span INTEGER NOT NULL, mood TEXT) STRICT")
    time.sleep(0.3)
    print("migrated", flush=True)
_schema.MIGRATIONS = (*_schema.MIGRATIONS, _add)
_schema.VERSION = len(_schema.MIGRATIONS)
"""
TRACE = """
import spanbook as sb
def trace(name, count=20):
    for number in range(count):
        with sb.span(name, "llm", [{"role": "user", "content": f"{name} {number} " * 30}]) as span:
            span.set(output=number)
            sb.score("fine", True)
    assert sb.flush(30), sb.stats()
"""


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(process: subprocess.Popen[str]) -> None:
    """Let a process that waits go on."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


OLD_WRITER = """
import os, threading, time, warnings
warnings.simplefilter("error")
done = threading.Event()
def work():
    while not done.is_set():
        with sb.span("meanwhile"):
            time.sleep(0.002)
trace("before")
thread = threading.Thread(target=work, daemon=True)
thread.start()
print("tracing", flush=True)
input()
trace("after")
done.set()
thread.join()
child = os.fork()
if child == 0:
    trace("child")
    sb.flush()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
trace("last")
print(len(sb.spans_df("name != 'meanwhile'")), sb.stats()["errors"], sb.stats()["dropped"], flush=True)
"""


def test_an_old_writer_goes_on_while_and_after_a_new_one_adds_columns(tmp_path: Path) -> None:
    """Also once it has to open the file again (after a fork), and so do its children; both versions read all."""
    newer = f"""{NEWER}{TRACE}
trace('new')
print('traced', flush=True)
input()
trace('newer')
print(len(sb.spans_df("name != 'meanwhile'")), flush=True)
"""
    with start(OLDER + TRACE + OLD_WRITER, tmp_path) as old:
        assert line_of(old) == "tracing"
        with start(newer, tmp_path) as new:
            assert [line_of(new), line_of(new)] == ["migrated", "traced"]
            go(old)
            assert line_of(old) == "100 0 0"
            go(new)
            assert line_of(new) == "120"
    assert old.returncode == new.returncode == 0
    path = tmp_path / "store.db"
    counts = "SELECT name, count(*), count(mood) FROM spans WHERE name != 'meanwhile' GROUP BY name ORDER BY min(id)"
    assert rows(path, counts) == [(name, 20, 0) for name in ("before", "new", "after", "child", "last", "newer")]
    assert rows(path, "PRAGMA user_version") == [(2,)]
    assert rows(path, "SELECT count(*), count(DISTINCT score_id) FROM scores") == [(120, 120)]
    assert sorted(file.name for file in tmp_path.glob("*.db")) == ["store.db"]


def test_an_old_version_that_comes_later_reads_and_traces_beside_it(tmp_path: Path) -> None:
    """Said once."""
    run(NEWER + TRACE + "trace('new')", tmp_path)
    done = run(OLDER + TRACE + "trace('old')\nprint(len(sb.open('store.db').spans_df()), len(sb.spans_df()))", tmp_path)
    assert (done.returncode, done.stdout) == (0, "20 20\n"), done.stderr
    assert done.stderr.count("SpanbookWarning") == done.stderr.count("store.for-this-version.db") == 1
    assert rows(tmp_path / "store.db", "SELECT DISTINCT name FROM spans") == [("new",)]


def test_four_processes_that_migrate_at_once_migrate_once(tmp_path: Path) -> None:
    """All of them wait for the one, then trace; a store that was in use is theirs as it was."""
    run(OLDER + TRACE + "trace('old')", tmp_path)
    program = NEWER + "import sys, warnings\nwarnings.simplefilter('error')" + TRACE
    program += "print('ready', flush=True)\ninput()\ntrace(sys.argv[1])\nprint(sb.stats()['errors'])"
    with ExitStack() as stack:
        running = [stack.enter_context(start(program, tmp_path, str(number))) for number in range(4)]
        assert [line_of(process) for process in running] == ["ready"] * 4
        for process in running:
            go(process)
        said = [process.communicate()[0].split() for process in running]
    assert [process.returncode for process in running] == [0] * 4
    assert sorted(map(tuple, said)) == [("0",), ("0",), ("0",), ("migrated", "0")]
    counts = rows(tmp_path / "store.db", "SELECT name, count(*) FROM spans GROUP BY name ORDER BY name")
    assert counts == [("0", 20), ("1", 20), ("2", 20), ("3", 20), ("old", 20)]
    assert rows(tmp_path / "store.db", "SELECT count(*) FROM pragma_table_info('spans') WHERE name = 'mood'") == [(1,)]
    assert rows(tmp_path / "store.db", "PRAGMA integrity_check") == [("ok",)]
