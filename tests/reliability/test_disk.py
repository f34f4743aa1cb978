"""A disk that is full, broken, read-only or pulled away: the program goes on, and what it costs is counted."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanbook.api._recover import fold_dead_journals
from tests.tracing import environment, journals, rows, run

#: Every how many calls a fault is tried; read here, since tests run without the settings of whoever runs them.
STEP = int(os.environ.get("SPANBOOK_FAULT_STEP", "1"))
#: Runs one body per fault: imported once, each in a forked child that ends as any program does.
MANY = """
import ctypes, json, os, sys, tempfile
import spanbook as sb
import spanbook.api._store, spanbook.ingest._fold  # else each child would
shim = ctypes.CDLL(None)
path, calls, error, once, *numbers = json.loads(sys.argv[1])

def body(arm, lift):
    ended, acknowledged = 0, 0
    arm()
    for number in range(24):
        try:
            with sb.span(f"s{number}", input=f"{number} " + "x" * 30_000) as span:
                span.set(output=number)
                if number % 5 == 4:
                    {}["missing"]
        except KeyError as problem:
            print(number, "KeyError", *problem.args)
        ended += 1
        if number in (7, 15) and sb.flush(0.03, durable=number == 15):
            acknowledged = ended
    fired = lift()
    assert sb.flush(30), sb.stats()
    stats, readable = sb.stats(), len(sb.traces(limit=1000))
    with sb.span("after"):
        pass
    json.dump([fired, ended, acknowledged, stats, readable], open("result", "w"))
    sys.exit(4)

for number in numbers:
    folder = os.path.abspath(f"{number}")
    os.makedirs(folder + "/ours")
    if os.fork() == 0:
        os.chdir(folder)
        os.environ.update(SPANBOOK_STORE=folder + "/ours/store.db", SPANBOOK_JOURNAL=folder + "/ours/journal")
        os.dup2(os.open("stdout", os.O_WRONLY | os.O_CREAT), 1)
        os.dup2(os.open("stderr", os.O_WRONLY | os.O_CREAT), 2)
        def arm():
            shim.faults_arm(f"/{number}/ours/{path}".encode(), calls.encode(), error, number, once)
        def lift():
            shim.faults_lift()
            return shim.faults_fired()
        body(arm, lift)
    _, status = os.wait()
    open(f"{folder}/code", "w").write(str(os.waitstatus_to_exitcode(status)))
    if os.path.exists(f"{folder}/result") and json.load(open(f"{folder}/result"))[0] == 0:
        break
"""
EXPECTED = "".join(f"{number} KeyError missing\n" for number in range(4, 24, 5))


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled ``faults.c``."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("faults are put in by a C library: that needs Linux and a C compiler (cc)")
    made = tmp_path_factory.mktemp("faults") / "faults.so"
    source = Path(__file__).with_name("faults.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], check=True)
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Working directory of a program, with its store and its journal."""
    monkeypatch.setenv("SPANBOOK_JOURNAL", str(tmp_path / "journal"))
    yield tmp_path
    assert not (tmp_path / "store.db").exists() or rows(tmp_path / "store.db", "PRAGMA integrity_check") == [("ok",)]


def sweep(folder: Path, shim: Path, path: str, calls: str, error: int, *, once: bool, numbers: list[int]) -> int:
    """Run with the fault at each of ``numbers`` until one run meets none; check each, return how many met it."""
    done = subprocess.run(
        [sys.executable, "-c", MANY, json.dumps([path, calls, error, once, *numbers])],
        cwd=folder, env={**environment(folder), "LD_PRELOAD": str(shim)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), f"{calls} {os.strerror(error)}"
    met = 0
    for number in numbers:
        if not (folder / f"{number}").exists():
            break
        met += _check(folder / f"{number}", f"{calls} on {path!r} fails at {number}: {os.strerror(error)}, {once=}")
        shutil.rmtree(folder / f"{number}")
    return met


def _check(folder: Path, what: str) -> bool:
    said = (folder / "stderr").read_text()
    assert (folder / "code").read_text() == "4", f"{what}\n{said}"
    assert (folder / "stdout").read_text() == EXPECTED, f"{what}\n{said}"
    assert "Traceback" not in said, f"{what}\n{said}"
    fired, ended, acknowledged, stats, readable = json.loads((folder / "result").read_text())
    assert stats["written"] + stats["dropped"] == ended, f"{what}\n{stats}"
    assert readable == ended - stats["dropped"] >= acknowledged, f"{what}\n{stats}"
    assert stats["unwritable"] == stats["unreadable"] == 0, f"{what}\n{stats}"
    store = folder / "ours" / "store.db"
    assert rows(store, "PRAGMA integrity_check") == [("ok",)], what
    assert rows(store, "SELECT count(*) FROM spans WHERE name = 'after' AND status = 'ok'") == [(1,)], what
    sums = "SELECT count(*) FROM traces WHERE n_open != 0 OR n_spans != 1 OR n_errors != (status = 'error')"
    assert rows(store, sums) == [(0,)], what
    assert journals(folder) == [], what
    lines = [line for line in said.splitlines() if "SpanbookWarning" in line]
    assert len(lines) == len(set(lines)), f"{what}\n{said}"
    return bool(fired)


ALL = "write sync truncate allocate"


SOME = [*range(1, 7), 9, 14, 25, 40, 60, 90]


@pytest.mark.parametrize(
    ("path", "calls", "error", "once", "numbers"),
    [("", ALL, errno.ENOSPC, False, SOME), ("", ALL, errno.EIO, True, SOME),
     ("store.db-wal", "sync", errno.EIO, False, [1, 2])],
    ids=["full", "broken once", "never synced"],
)  # fmt: skip
def test_a_failing_disk_never_reaches_the_program(
    folder: Path, shim: Path, path: str, calls: str, error: int, once: bool, numbers: list[int]
) -> None:
    """Opening and the first batches, failing at the n-th call or from it on; then all that waited is stored."""
    assert sweep(folder, shim, path, calls, error, once=once, numbers=numbers) >= len(numbers) - 2


@pytest.mark.torture
@pytest.mark.parametrize(
    ("path", "calls"),
    [*((path, calls) for path in ("store.db", "store.db-wal", "journal") for calls in ALL.split()), ("", ALL)],
)
def test_a_failing_disk_never_reaches_the_program_wherever_it_fails(
    folder: Path, shim: Path, path: str, calls: str
) -> None:
    """Each n (each ``SPANBOOK_FAULT_STEP``-th, 1) until a run passes cleanly; with each error, once and for good."""
    for error, once in itertools.product((errno.ENOSPC, errno.EIO), (True, False)):
        met = sweep(folder, shim, path, calls, error, once=once, numbers=list(range(1, 2_000, STEP)))
        print(f"{calls} on {path or 'all'!r}, {os.strerror(error)}, {once=}: {met} faults")


# -- real disks


def test_a_full_file_system_costs_the_program_nothing(folder: Path) -> None:
    """Store and journal on 5 MB: no exception, no SIGBUS; memory holds what waits; with space again, all goes on."""
    disk = folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "none", disk], capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here: that needs root")
    try:
        done = run(
            """
            import os, subprocess, sys
            import spanbook as sb
            for number in range(600):
                with sb.span("s", input=f"{number} " + os.urandom(12_000).hex()):
                    pass
            before = sb.flush(3), sb.stats()["problem"] is None
            subprocess.run(["mount", "-o", "remount,size=400m", "disk"], check=True)
            assert sb.flush(30), sb.stats()
            with sb.span("after", input="in"):
                pass
            assert sb.flush(30)
            stats = sb.stats()
            print(*before, stats["written"], stats["dropped"], stats["emptied"], stats["queued_bytes"])
            print(len(sb.traces(limit=10_000)), sb.last_trace().spans[0].input)
            """,
            folder, SPANBOOK_STORE=str(disk / "store.db"), SPANBOOK_JOURNAL=str(disk / "journal"),
        )  # fmt: skip
        assert done.stdout == "False False 601 0 0 0\n601 in\n", done.stdout + done.stderr
        assert done.returncode == 0
        assert "Traceback" not in done.stderr
        said = [line for line in done.stderr.splitlines() if "SpanbookWarning" in line]
        assert len(said) == len(set(said)) == 2, done.stderr
        assert rows(disk / "store.db", "PRAGMA integrity_check") == [("ok",)]
    finally:
        subprocess.run(["umount", disk], check=True)


AS_NOBODY = """
import os, sys
import spanbook as sb
import spanbook.api._store, spanbook.ingest._fold, spanbook.cli._commands
if os.getuid() == 0:  # root may write everywhere
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user can reach, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o777)  # noqa: S103 (for the user "nobody", whom the test becomes)
        yield Path(made)


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_folder_that_cannot_be_written_keeps_spans_in_the_journal(public: Path, mode: int) -> None:
    """It is said with the next step; when it can be written, what waited is stored."""
    closed = public / "closed"
    closed.mkdir()
    closed.chmod(mode)
    with subprocess.Popen(
        [sys.executable, "-c", AS_NOBODY + """
for number in range(50):
    with sb.span(f"s{number}", input="x" * 1000):
        pass
print(sb.flush(0.2), sb.stats()["dropped"], flush=True)
sys.stdin.readline()
print(sb.flush(30), sb.stats()["written"])
"""],
        cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "SPANBOOK_STORE": str(closed / "store.db"), "SPANBOOK_JOURNAL": str(public / "journal")},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.readline()
        closed.chmod(0o777)
        rest, said = process.communicate("go\n")
    assert (first, rest) == ("False 0\n", "True 50\n"), said
    assert said.count("cannot be created (Permission denied); choose a folder you can write") == 1
    assert rows(closed / "store.db", "SELECT count(*) FROM spans") == [(50,)]


def test_a_log_that_is_removed_costs_nothing(folder: Path) -> None:
    """``rm store.db-wal``: what was only in it is saved, what comes is written to a log that others see."""
    done = run(
        """
        import os
        import spanbook as sb
        for number in range(200):
            with sb.span(f"s{number}", input="x" * 500):
                pass
            if number % 50 == 49:
                assert sb.flush()
                os.unlink("store.db-wal")
        assert sb.flush()
        print(len(sb.traces(limit=1000)), sb.stats()["written"], sb.stats()["errors"])
        """,
        folder,
    )
    assert done.stdout == "200 200 0\n", done.stderr
    assert rows(folder / "store.db", "SELECT count(*) FROM spans") == [(200,)]


def test_a_journal_that_is_removed_is_made_anew(folder: Path) -> None:
    """By a program that tidies up: spans that end after it is back survive a kill; all the others were folded."""
    done = run(
        """
        import os, shutil, signal, time
        import spanbook as sb
        with sb.span("before"):
            pass
        shutil.rmtree("journal")
        with sb.span("between"):
            pass
        deadline = time.monotonic() + 20
        while not os.path.exists("journal") and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.1)
        with sb._runtime.active().fold.lock:  # nothing is folded any more
            with sb.span("after"):
                pass
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        folder,
    )
    assert done.returncode == -9, done.stderr
    assert fold_dead_journals(folder / "store.db") is None
    assert rows(folder / "store.db", "SELECT name FROM spans ORDER BY start_ns") == [
        ("before",), ("between",), ("after",),
    ]  # fmt: skip
    assert journals(folder) == []
