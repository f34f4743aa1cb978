"""Promises about whole processes: what they import, how they share a store, and how they fork."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.reliability.processes import BODY, parents, stored
from tests.tracing import environment, journals, rows, run, start

# -- import

HEAVY = ("pandas", "ipywidgets", "anywidget", "plotly", "openai", "sqlite_utils", "genai_prices", "IPython", "numpy",
         "asyncio", "sqlalchemy", "traitlets")  # fmt: skip


def test_import_makes_nothing_and_imports_nothing_heavy(folder: Path) -> None:
    """No file, no thread, no connection, no library that takes long."""
    done = run(
        f"""
        import sys, threading, warnings
        import spanbook as sb
        print([name for name in {HEAVY!r} if name in sys.modules], threading.active_count(), "sqlite3" in sys.modules)
        """,
        folder,
    )
    assert done.stdout.startswith("[] 1 "), done.stdout + done.stderr
    assert list(folder.iterdir()) == []


def test_tracing_and_reading_work_without_any_heavy_library(folder: Path) -> None:
    """Each import of one would fail."""
    done = run(
        f"""
        import sys
        for name in {HEAVY!r}:
            sys.modules[name] = None
        import spanbook as sb
        @sb.trace
        def add(a, b):
            return a + b
        with sb.span("call", "llm", model="gpt-4o", input=[{{"role": "user", "content": "hi"}}]) as span:
            add(1, b=2)
            span.set(output="ho")
            sb.score("fine", True)
        assert sb.flush(), sb.stats()
        print([(s.name, s.output) for s in sb.last_trace().spans], len(sb.traces("kind" and 'n_spans == 2')))
        """,
        folder,
    )
    assert done.stdout == "[('call', 'ho'), ('add', 3)] 1\n", done.stdout + done.stderr
    assert done.stderr == ""


def test_it_works_without_docstrings_and_asserts(folder: Path) -> None:
    """``python -OO``."""
    done = run("import spanbook as sb\nwith sb.span('s'): pass\nprint(sb.flush(), sb.last_trace().name)", folder,
               options=("-OO",))  # fmt: skip
    assert (done.stdout, done.stderr) == ("True s\n", "")


# -- one store, several processes


def test_two_living_processes_share_a_store(folder: Path) -> None:
    """Neither takes the other's journal; both see the spans of both."""
    program = """
    import sys
    import spanbook as sb
    for number in range(300):
        with sb.span(f"{sys.argv[1]}{number}", input="x" * 500):
            pass
    assert sb.flush()
    print("done", flush=True)
    sys.stdin.readline()
    print(len(sb.traces(limit=1000)), sb.stats()["errors"])
    """
    running = [start(program, folder, name) for name in "ab"]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
    assert len(journals(folder)) == 2
    assert [process.communicate("go\n")[0] for process in running] == ["600 0\n"] * 2
    assert len(stored(folder)) == 600


def test_a_store_locked_for_two_seconds_loses_nothing_and_holds_up_nobody(folder: Path) -> None:
    """Another process sits on the write lock; spans go on at their own pace."""
    run(BODY, folder)
    with closing(sqlite3.connect(folder / "store.db", isolation_level=None)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        process = start(
            """
            import time
            import spanbook as sb
            sb.init()
            slowest = 0.0
            for number in range(500):
                began = time.perf_counter()
                with sb.span("s", input="x" * 1000):
                    pass
                slowest = max(slowest, time.perf_counter() - began)
            print(sb.flush(0.3), flush=True)
            print(sb.flush(30), sb.stats()["dropped"], sb.stats()["errors"], slowest < 1.0)
            """,
            folder,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "False\n"
        time.sleep(2.0)
        hog.execute("ROLLBACK")
    assert process.communicate()[0] == "True 0 0 True\n"
    assert len(stored(folder)) == 501


def test_a_store_that_is_locked_until_the_end_is_folded_by_the_next(folder: Path) -> None:
    """The process ends all the same, after a second; its journal waits."""
    run(BODY, folder)
    with closing(sqlite3.connect(folder / "store.db", isolation_level=None)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        done = run(BODY.replace("before", "while locked") + "import time\nprint(time.time(), flush=True)", folder)
        assert time.time() - float(done.stdout) < 4.0
        assert (done.returncode, done.stderr) == (0, "")
    assert len(journals(folder)) == 1
    assert stored(folder) == [("before", "ok"), ("while locked", "ok")]


def test_a_store_removed_by_another_process_is_made_anew(folder: Path) -> None:
    """``rm store.db*`` in a terminal: what is open, and what comes, is in the new file; once."""
    process = start(
        """
        import sys
        import spanbook as sb
        with sb.span("open", input="in"):
            with sb.span("gone"):
                pass
            assert sb.flush()
            print("ready", flush=True)
            sys.stdin.readline()
            for number in range(200):
                with sb.span(f"after {number}", input="x" * 200):
                    pass
            assert sb.flush()
            print(len(sb.last_trace().spans), flush=True)
        """,
        folder,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    for path in folder.glob("store.db*"):
        path.unlink()
    process.stdin.write("go\n")
    process.stdin.flush()
    assert process.stdout.readline() == "201\n"
    process.communicate()
    found = stored(folder)
    assert found[0] == ("open", "ok")
    assert sorted(name for name, _ in found[1:]) == sorted(f"after {number}" for number in range(200))


def test_a_full_disk_costs_spans_not_the_program(folder: Path) -> None:
    """No exception; what was lost is counted; with space again, tracing goes on."""
    done = run(
        """
        import resource
        import spanbook as sb
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, -1))
        for number in range(3000):
            with sb.span("s", input=str(number) * 3000):
                pass
        sb.flush(2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
        assert sb.flush(30), sb.stats()
        with sb.span("after"):
            pass
        assert sb.flush(30)
        print(len(sb.traces(limit=10000)) + sb.stats()["dropped"])
        """,
        folder,
    )
    assert done.stdout == "3001\n", done.stderr
    assert "Traceback" not in done.stderr


def test_spans_are_seen_while_a_cell_computes(folder: Path) -> None:
    """Each statement of the fold gives the GIL to a busy thread for milliseconds, so it makes do with few."""
    done = run(
        """
        import time
        import spanbook as sb
        fold = sb._runtime.active().fold
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            for number in range(10):
                with sb.span("s", input=number):
                    pass
            sum(range(20_000))
        print(fold.written)
        """,
        folder,
    )
    assert int(done.stdout) > 100, done.stderr


# -- fork

FORKS = """
import os, sys, random, threading, time
import spanbook as sb

def child(name, then=lambda: None):
    pid = os.fork()
    if pid == 0:
        random.seed(1)
        with sb.span(name, input=name):
            then()
        os._exit(0)
    return pid

def wait(*pids):
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
"""


def test_forked_children_trace_below_the_span_they_were_forked_in(folder: Path) -> None:
    """Nested ones too, each span once, whoever of them ends first; ids never repeat, whatever seeds ``random``."""
    done = run(
        FORKS
        + """
with sb.span("root", input="in") as root:
    with sb.span("early"):
        pass
    wait(child("one"), child("two", lambda: wait(child("two.one"), child("two.two"))))
    root.set(output="out")
print(sb.flush(), sb.last_trace().status, sb.last_trace().summary.n_spans)
""",
        folder,
    )
    assert done.stdout == "True ok 6\n", done.stderr
    assert parents(folder) == {
        "root": None, "early": "root", "one": "root", "two": "root", "two.one": "two", "two.two": "two",
    }  # fmt: skip


def test_a_child_leaves_its_parents_spans_to_the_parent(folder: Path) -> None:
    """A child that returns through the parent's blocks, fails there, sets and scores: the parent's word counts."""
    done = run(
        FORKS
        + """
import warnings
warnings.simplefilter("ignore")
code = 0
try:
    with sb.span("root", input="in") as root:
        pid = os.fork()
        if pid == 0:
            root.set(output="from the child")
            root.event("seen by the child")
            sb.score("from the child", 1)
            raise SystemExit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        root.set(output="out")
finally:
    if pid:
        sb.flush()
        (span,) = sb.last_trace().spans
        print(span.status, span.error, span.output, [e.name for e in span.events], [s.name for s in span.scores])
""",
        folder,
    )
    assert done.stdout == "ok None out ['seen by the child'] ['from the child']\n", done.stderr


def test_forking_while_threads_trace_hangs_nobody(folder: Path) -> None:
    """Twelve children, the parent's threads hot and reading; each span exactly once."""
    done = run(
        FORKS
        + """
stop = threading.Event()
def hot():
    while not stop.is_set():
        with sb.span("hot", input="x" * 500):
            time.sleep(0.0002)  # as fast as the fold on a busy machine: a full journal is another test
def reads():
    while not stop.is_set():
        sb.traces(limit=5)
threads = [threading.Thread(target=hot), threading.Thread(target=reads)]
for thread in threads:
    thread.start()
with sb.span("root"):
    wait(*[child(f"child {number}", lambda: sb.span("in child").start().end()) for number in range(12)])
stop.set()
for thread in threads:
    thread.join()
print(sb.flush(30), sb.stats()["errors"])
""",
        folder,
    )
    assert done.stdout == "True 0\n", done.stderr
    found = Counter(name for name, _ in stored(folder))
    assert found["in child"] == 12
    assert sum(count for name, count in found.items() if name.startswith("child ")) == 12
    assert set(stored(folder, "status")) == {("ok",)}


def test_forking_beside_a_users_own_sqlite_hangs_nobody(folder: Path) -> None:
    """A thread inside SQLite may leave a mutex locked in the child: its spans are folded by the parent, then."""
    done = run(
        FORKS
        + """
import sqlite3
stop = threading.Event()
def churn():
    while not stop.is_set():
        db = sqlite3.connect(":memory:")
        db.execute("CREATE TABLE t(x)")
        db.close()
thread = threading.Thread(target=churn)
thread.start()
with sb.span("root"):
    wait(*[child(f"child {number}") for number in range(12)])
stop.set()
thread.join()
print(sb.flush(30), sb.last_trace().summary.n_spans)
""",
        folder,
    )
    assert done.stdout == "True 13\n", done.stderr


def test_a_fork_meets_no_thread_of_ours(folder: Path) -> None:
    """From Python 3.12 on a fork beside threads is warned of. The thread is back when the fork has returned."""
    done = run(
        """
        import os, threading
        counts = []
        os.register_at_fork(before=lambda: counts.append(len(os.listdir("/proc/self/task"))))  # runs after ours
        import spanbook as sb
        for number in range(20):
            with sb.span("s", input="x" * 1000):
                pass
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
        print(set(counts), [thread.name for thread in threading.enumerate()], sb.flush())
        """,
        folder, options=("-W", "always"),
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("{1} ['MainThread', 'spanbook-fold'] True\n", "")


def test_forking_ever_again_does_not_keep_spans_from_the_store(folder: Path) -> None:
    """Each fork stops the fold for a moment; it gets its turn all the same."""
    done = run(
        FORKS
        + """
fold = sb._runtime.active().fold
deadline = time.monotonic() + 3
while time.monotonic() < deadline:
    with sb.span("s", input="x" * 50_000):
        wait(child("c"))
print(fold.written > 5 or fold.written)
""",
        folder,
    )
    assert done.stdout == "True\n", done.stderr


POOL = """
import os, signal, sys, time
import multiprocessing
import spanbook as sb

def work(number):
    with sb.span(f"work {number}"):
        return os.getpid()

with sb.span("parent", input="in"):
    pool = multiprocessing.get_context("fork").Pool(1)
    (pid,) = pool.map(work, [0])
    pool.apply_async(time.sleep, [60])  # an idle worker would end with its parent
    with sb.span("last"):
        pass
    sys.stdout.write(f"{pid}\\n")
    sys.stdout.flush()
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_pool_brings_in_the_spans_of_its_killed_parent(folder: Path) -> None:
    """Within about two seconds, for whoever reads: a worker that lives on folds what its parent left."""
    process = start(POOL, folder)
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    process.wait()
    try:
        began = time.monotonic()
        query = "SELECT name, status FROM spans ORDER BY start_ns"
        expected = [("parent", "interrupted"), ("work 0", "ok"), ("last", "ok")]
        while (found := rows(folder / "store.db", query)) != expected and time.monotonic() - began < 10:
            time.sleep(0.02)
        assert found == expected
        assert time.monotonic() - began < 15  # 2 s on a machine that does nothing else
    finally:
        os.kill(worker, signal.SIGKILL)
        process.communicate()


def test_a_child_that_outlives_its_parent_keeps_its_spans(folder: Path) -> None:
    """A daemon: the parent's end must not take the log away that the child writes to."""
    done = run(
        FORKS
        + """
with sb.span("parent"):
    pass
sb.flush()
if os.fork():
    sys.exit()
quiet = os.open(os.devnull, os.O_WRONLY)
os.dup2(quiet, 1), os.dup2(quiet, 2)  # whoever started us waits for these to close
with sb.span("early"):
    pass
sb.flush()
deadline = time.time() + 30
while not os.path.exists("go") and time.time() < deadline:
    time.sleep(0.01)
with sb.span("late"):
    pass
open("flushed", "w").write(str(sb.flush()))
while os.path.exists("go") and time.time() < deadline:
    time.sleep(0.01)
os._exit(0)
""",
        folder,
    )
    assert done.returncode == 0, done.stderr
    run(BODY.replace("before", "other"), folder)
    (folder / "go").touch()
    deadline = time.monotonic() + 20
    while not ((folder / "flushed").exists() and (folder / "flushed").read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (folder / "flushed").read_text() == "True"
    assert rows(folder / "store.db", "SELECT name FROM spans ORDER BY start_ns") == [
        ("parent",), ("early",), ("other",), ("late",),
    ]  # fmt: skip
    (folder / "go").unlink()


MULTI = """
import sys
import spanbook as sb

def work(number):
    with sb.span(f"work {number}", input=number):
        return number

if __name__ == "__main__":
    import concurrent.futures, multiprocessing
    method, how = sys.argv[1:]
    context = multiprocessing.get_context(method)
    with sb.span("root"):
        if how == "process":
            running = [context.Process(target=work, args=(number,)) for number in range(3)]
            for process in running: process.start()
            for process in running: process.join()
            assert [process.exitcode for process in running] == [0, 0, 0]
        elif how == "pool":
            with context.Pool(2) as pool:
                assert pool.map(work, range(3)) == [0, 1, 2]
        else:
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                assert list(pool.map(work, range(3))) == [0, 1, 2]
    print(sb.flush(30), sb.stats()["errors"])
"""


@pytest.mark.parametrize(
    ("method", "how"),
    [("fork", "process"), ("fork", "pool"), ("fork", "executor"), ("spawn", "process"), ("spawn", "pool"),
     ("forkserver", "process"), ("forkserver", "pool")],
)  # fmt: skip
def test_multiprocessing_traces_each_span_once(folder: Path, method: str, how: str) -> None:
    """Forked workers trace below the span they were made in; started ones begin traces of their own."""
    script = folder / "script.py"
    script.write_text(MULTI)
    done = subprocess.run(
        [sys.executable, str(script), method, how],
        cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "True 0\n", done.stderr
    assert "Traceback" not in done.stderr
    assert parents(folder) == {
        "root": None, **{f"work {number}": "root" if method == "fork" else None for number in range(3)},
    }  # fmt: skip


def test_subprocesses_share_nothing(folder: Path) -> None:
    """A program started by a traced one holds none of its files or locks."""
    done = run(
        """
        import os, subprocess, sys
        import spanbook as sb
        with sb.span("s"):
            held = subprocess.run([sys.executable, "-c", "import os; print(len(os.listdir('/proc/self/fd')))"],
                                  capture_output=True, text=True, close_fds=False).stdout
        print(held.strip())
        """,
        folder,
    )
    assert int(done.stdout) <= 4 + len(os.listdir("/proc/self/fd")), done.stderr
    assert stored(folder) == [("s", "ok")]
