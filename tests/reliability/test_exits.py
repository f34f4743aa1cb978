"""How processes end: orderly or not, no span is lost, and the program ends as it would without us."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.reliability.processes import BODY, stored
from tests.tracing import journals, rows, run

# what a script starts in the background ignores it
HEEDS_INT = "import os, signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
ENDINGS = {
    "normal": ("", 0),
    "sys.exit": ("import sys\nwith sb.span('last'):\n    sys.exit(3)", 3),
    "exception": ("with sb.span('last'):\n    {}['missing']", 1),
    "syntax error in an import": ("import ast\nwith sb.span('last'):\n    ast.parse('1 +')", 1),
    "interrupt": (f"{HEEDS_INT}with sb.span('last'):\n    os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
    "interrupt outside": (f"{HEEDS_INT}os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
    "a thread that goes on": (
        ("import threading, time\ndef work():\n    time.sleep(0.1)\n    with sb.span('last'): pass\n"
         "threading.Thread(target=work).start()"), 0,
    ),
    "a daemon thread": (
        ("import threading, time\ndef work():\n    while True:\n        with sb.span('many'): time.sleep(0.001)\n"
         "threading.Thread(target=work, daemon=True).start()\ntime.sleep(0.05)"), 0,
    ),
    "os._exit": ("import os\nwith sb.span('last'): pass\nos._exit(5)", 5),
    "SIGTERM": ("import os, signal\nwith sb.span('last'): pass\nos.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    "SIGHUP": (  # whoever runs the tests under nohup ignores it
        ("import os, signal\nsignal.signal(signal.SIGHUP, signal.SIG_DFL)\nwith sb.span('last'): pass\n"
         "os.kill(os.getpid(), signal.SIGHUP)"), -signal.SIGHUP,
    ),
    "a real segfault": ("import ctypes\nwith sb.span('last'): pass\nctypes.string_at(0)", -signal.SIGSEGV),
    "abort": ("import os\nwith sb.span('last'): pass\nos.abort()", -signal.SIGABRT),
    "another program": (
        "import os, sys\nwith sb.span('last'): pass\nos.execv(sys.executable, [sys.executable, '-c', 'exit(4)'])", 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_ending_loses_a_span_or_changes_how_the_program_ends(folder: Path, ending: str) -> None:
    """Its exit code and its traceback are those of the same program without tracing."""
    tail, code = ENDINGS[ending]
    done = run(BODY + tail, folder)
    without = "class sb:\n    from contextlib import nullcontext as span"
    bare = run(BODY.replace("import spanbook as sb", without) + tail, folder)
    assert done.returncode == code
    lines = [[line for line in text.splitlines() if "line " not in line] for text in (done.stderr, bare.stderr)]
    assert lines[0] == lines[1]
    found = stored(folder)
    assert ("before", "ok") in found
    if "'last'" in tail:
        assert found[-1][0] == "last"
        assert found[-1][1] == ("error" if code in (3, 1, -signal.SIGINT) else "ok")
    else:
        assert {status for _, status in found} <= {"ok", "interrupted"}


CRASHES = {
    "os._exit": ("import os; os._exit(3)", 3),
    "a segfault": ("import faulthandler; faulthandler._sigsegv()", -signal.SIGSEGV),
    "SIGKILL": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    "in a thread": ("import os, threading as t; t.Thread(target=os._exit, args=(3,)).start(); t.Event().wait()", 3),
}


@pytest.mark.parametrize("crash", CRASHES)
def test_what_ran_when_a_process_crashed_comes_back_interrupted(folder: Path, crash: str) -> None:
    """With what it was given; what had ended has ended."""
    how, code = CRASHES[crash]
    program = f"""
    import spanbook as sb
    with sb.span("outer", input={{"q": 1}}):
        with sb.span("done", input=2) as span:
            span.set(output="out")
        with sb.span("inner", "llm", "in"):
            {how}
    """
    done = run(program, folder)
    assert (done.returncode, done.stderr) == (code, "")
    assert stored(folder) == [("outer", "interrupted"), ("done", "ok"), ("inner", "interrupted")]
    given = "SELECT input, output FROM payloads p JOIN spans s ON s.id = p.span ORDER BY start_ns"
    assert rows(folder / "store.db", given) == [('{"q":1}', None), ("2", '"out"'), ('"in"', None)]
    assert rows(folder / "store.db", "SELECT status, n_open FROM traces") == [("interrupted", 0)]


def test_an_end_with_much_to_fold_takes_no_longer_than_folding(folder: Path) -> None:
    """2,000 spans in the last moment: all of them are there when the process has ended, within a second or so."""
    program = """
    import time
    import spanbook as sb
    sb.init()
    for number in range(2_000):
        with sb.span("s", input="x" * 500):
            pass
    print(time.time(), flush=True)
    """
    done = run(program, folder)
    assert time.time() - float(done.stdout) < 5.0, "expected: about 0.3 s on an idle machine"
    assert rows(folder / "store.db", "SELECT status, count(*) FROM spans GROUP BY 1") == [("ok", 2_000)]


def test_exceptions_thrown_into_our_thread_lose_nothing(folder: Path) -> None:
    """As debuggers and time limits do; until the very end."""
    done = run(
        """
        import ctypes, threading, time
        import spanbook as sb
        sb.init()
        (fold,) = [thread for thread in threading.enumerate() if thread.name == "spanbook-fold"]
        def throw():
            while True:
                for error in (SystemExit, KeyboardInterrupt, MemoryError):
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(fold.ident), ctypes.py_object(error))
                    time.sleep(0.002)
        threading.Thread(target=throw, daemon=True).start()
        began, number = time.monotonic(), 0
        while time.monotonic() - began < 1.0:
            number += 1
            with sb.span(f"s{number}", input=number) as span:
                span.event("note", number)
            time.sleep(0.001)
        print(number, flush=True)
        """,
        folder, options=("-W", "ignore"),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(stored(folder)) == int(done.stdout)
    assert rows(folder / "store.db", "SELECT count(*), count(DISTINCT span_id) FROM events") == [
        (int(done.stdout),) * 2
    ]


def test_hooks_at_exit_may_trace_whenever_they_were_registered(folder: Path) -> None:
    """Those registered before our import run after ours; one open span ends in one."""
    done = run(
        """
        import atexit
        def first():
            with sb.span("hook before", input=1):
                opened.end()
            print([s.name for t in sb.traces() for s in t.spans], sb.flush(), sb.stats()["dropped"])
        atexit.register(first)
        import spanbook as sb
        opened = sb.span("opened", input="in").start()
        @atexit.register
        def second():
            with sb.span("hook after"):
                pass
        """,
        folder,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout == "['hook before', 'hook after', 'opened'] True 0\n"
    assert stored(folder) == [("opened", "ok"), ("hook after", "ok"), ("hook before", "ok")]


def test_a_first_span_in_a_hook_at_exit_is_kept(folder: Path) -> None:
    """Tracing starts and ends there; also where a thread can no more be started."""
    done = run(
        """
        import atexit, threading
        @atexit.register
        def last():
            threading.Thread.start = lambda self: (_ for _ in ()).throw(RuntimeError("can't start new thread"))
            with sb.span("last"):
                pass
        import spanbook as sb
        """,
        folder,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert rows(folder / "store.db", "SELECT name, status FROM spans") == [("last", "ok")]


def test_an_orderly_end_leaves_one_whole_file(folder: Path) -> None:
    """No log beside it and no journal: a copy of the file is a copy of the store. All of it private."""
    run(BODY, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["journal", "store.db"]
    assert journals(folder) == []
    assert (folder / "store.db").stat().st_mode & 0o777 == 0o600
    assert {path.stat().st_mode & 0o777 for path in (folder / "journal").rglob("*")} <= {0o700}


def test_without_threads_everything_is_there_at_the_end(folder: Path) -> None:
    """As in a browser."""
    done = run(
        """
        import threading
        def refuse(self):
            raise RuntimeError("can't start new thread")
        threading.Thread.start = refuse
        import spanbook as sb
        with sb.span("s"):
            pass
        print(sb.flush(), sb.last_trace().name)
        """,
        folder,
    )
    assert (done.stdout, done.stderr) == ("True s\n", "")


def test_warnings_as_errors_never_break_a_program(folder: Path) -> None:
    """``python -W error`` with everything that we warn about."""
    done = run(
        """
        import spanbook as sb
        with sb.span("a", kind="nonsense", nonsense=1, tags=5) as span:
            span.set(metadta={})
        span.set(output=1)
        assert sb.flush()
        for path in __import__("glob").glob("store.db*"):
            __import__("os").unlink(path)
        with sb.span("b"):
            pass
        assert sb.flush()
        print("done")
        """,
        folder, options=("-W", "error"),
    )  # fmt: skip
    assert done.stdout == "done\n", done.stderr
    assert done.returncode == 0
    assert done.stderr.count("SpanbookWarning: ") == 6
    assert "Traceback" not in done.stderr
