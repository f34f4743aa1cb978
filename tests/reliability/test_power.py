"""A power cut never damages the store, and takes at most the spans of the last second; none that were durable."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from spanbook.ingest._fold import _SYNC_EVERY_S, TICK_S
from spanbook.store import _schema
from spanbook.store._connection import open_writer
from tests.reliability.disk import Disk, Operation, read_log
from tests.reliability.processes import check
from tests.tracing import rows

CUTS = int(os.environ.get("SPANBOOK_CUTS", "500"))
SEED = int(os.environ.get("SPANBOOK_SEED", "1"))
#: What a span may wait for on a busy machine before it is folded and synced, on top of the interval of syncs.
SLACK_S = TICK_S + 2.0
_SECOND = 1_000_000_000

#: What each program begins with: ``notes`` is a file outside of the folder that loses its power.
BEGIN = """
import os, random, sys, time
import spanbook as sb

sb.init()
notes = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
chance, number = random.Random(int(sys.argv[2])), 0

def note(what, name=""):
    os.write(notes, f"{time.monotonic_ns()} {what} {name}\\n".encode())

def work(seconds, size=2_000, pause=0.002):
    global number
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        number += 1
        name = f"{os.getpid()}.{number}"
        with sb.span(name, "llm", chance.randbytes(chance.randrange(size)).hex(), usage={"input_tokens": 1}) as span:
            span.set(output="y" * chance.randrange(200))
            span.event("note", number)
        note("ended", name)
        time.sleep(pause)
"""

#: A notebook: cells, with pauses between them in which nothing is traced; the store in a new folder.
NOTEBOOK = (
    BEGIN
    + """
busy = float(sys.argv[3])
with sb.span("root", input="in"):
    work(busy)
    time.sleep(4.2)  # longer than what is asked for below
    work(0.2)
    assert sb.flush(30)
    time.sleep(0.05)
    assert sb.flush(30, durable=True)
    note("durable")
    work(busy / 2)
    if os.fork() == 0:  # closes the connection: the log is moved into the file and removed
        work(0.1)
        os._exit(0)
    os.wait()
    work(busy, int(sys.argv[4]), float(sys.argv[5]))
work(0.5)
"""
)

#: Any SQLite tool that has the store open, so that no closing connection moves the log into the file.
READER = """
import os, sqlite3, sys
db = sqlite3.connect(os.environ["SPANBOOK_STORE"])
db.execute("SELECT count(*) FROM spans").fetchone()
print("reading", flush=True)
sys.stdin.readline()
os._exit(0)
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that logs what a process does to its files."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("power cuts are simulated on Linux, with a C compiler: install gcc")
    built = tmp_path_factory.mktemp("shim") / "power.so"
    source = Path(__file__).with_name("power.c")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", built, source, "-ldl", "-lpthread"], check=True)
    return built


@dataclass
class Machine:
    """A folder whose disk will lose its power, and the programs that traced there."""

    folder: Path
    shim: Path
    seed: int

    @property
    def store(self) -> Path:
        """In a folder that is made with it, as in a notebook's."""
        return self.folder / "work" / ".spanbook" / "store.db"

    def start(self, program: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a program whose calls are logged; the journal is on another disk."""
        (self.folder / "work").mkdir(exist_ok=True)
        ours = {"LD_PRELOAD": str(self.shim), "POWER_FOLDER": str(self.folder / "work"),
                "POWER_LOG": str(self.folder / "log"), "SPANBOOK_STORE": str(self.store),
                "SPANBOOK_JOURNAL": str(self.folder / "work" / "journal")}  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program), str(self.folder / "notes"), str(self.seed), *arguments],
            cwd=self.folder, env={**os.environ, **ours}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, program: str, *arguments: str) -> None:
        """Run a program to its end."""
        process = self.start(program, *arguments)
        process.communicate()
        assert process.returncode == 0

    def note_durable(self) -> None:
        """What has ended by now must survive."""
        with (self.folder / "notes").open("a") as notes:
            notes.write(f"{time.monotonic_ns()} durable \n")

    def notes(self) -> list[tuple[int, str, str]]:
        """(time, what, name) of what the programs noted."""
        lines = (self.folder / "notes").read_text().splitlines()
        return [(int(time_ns), what, name) for time_ns, what, name in (line.split(" ") for line in lines)]


@dataclass
class Findings:
    """What many cuts did."""

    cuts: int = 0
    without_store: int = 0
    lost: int = 0
    oldest_lost_s: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def add(self, more: Findings) -> None:
        """Count these, too."""
        self.cuts, self.without_store = self.cuts + more.cuts, self.without_store + more.without_store
        self.lost, self.wrong = self.lost + more.lost, self.wrong + more.wrong
        self.oldest_lost_s = max(self.oldest_lost_s, more.oldest_lost_s)


def cuts(operations: list[Operation], count: int, random: Random) -> list[int]:
    """Return moments: half of them just after some call, half at any time, up to well after the end."""
    first, last = operations[0].time_ns, operations[-1].time_ns + 3 * _SECOND
    after_a_call = [random.choice(operations).time_ns for _ in range(count - count // 2)]
    return sorted(after_a_call + [random.randint(first, last) for _ in range(count // 2)])


def cut(machine: Machine, count: int) -> Findings:
    """Cut the power ``count`` times and look at what is there."""
    random = Random(machine.seed)
    operations = [done for done in read_log(machine.folder / "log") if "/journal" not in done.path]
    ended = [(time_ns, name) for time_ns, what, name in machine.notes() if what == "ended"]
    durable = [time_ns for time_ns, what, _ in machine.notes() if what == "durable"]
    disk, at, findings = Disk(), 0, Findings()
    for now in cuts(operations, count, random):
        while at < len(operations) and operations[at].time_ns <= now:
            disk.apply(operations[at])
            at += 1
        found = _names_after(disk.after_power_cut(random), machine, findings)
        sure_until = max([now - round((_SYNC_EVERY_S + SLACK_S) * _SECOND), *(t for t in durable if t <= now)])
        lost = [(time_ns, name) for time_ns, name in ended if time_ns <= now and name not in found]
        findings.lost += len(lost)
        oldest = max(((now - time_ns) / _SECOND for time_ns, _ in lost), default=0.0)
        findings.oldest_lost_s = max(findings.oldest_lost_s, oldest)
        missing = [name for time_ns, name in lost if time_ns < sure_until]
        if missing:
            findings.wrong.append(f"after {at} calls {len(missing)} spans are missing, lost for {oldest:.2f} s")
        findings.cuts += 1
    return findings


def _names_after(files: dict[str, bytes], machine: Machine, findings: Findings) -> set[str]:
    """Put the files where they were, open the store as the next process does, and return the names of its spans."""
    store = machine.store
    shutil.rmtree(machine.folder / "work")
    store.parent.mkdir(parents=True)
    for path, content in files.items():
        if path.startswith(str(store)):
            Path(path).write_bytes(content)
    findings.without_store += not store.exists()
    with closing(open_writer(store)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (_schema.VERSION,)
        assert db.execute("SELECT count(*) FROM span_view WHERE input IS NULL AND name = 'root'").fetchone() == (0,)
    check(store)
    return {name for (name,) in rows(store, "SELECT name FROM spans WHERE status = 'ok'")}


@pytest.fixture
def machine(tmp_path: Path, shim: Path) -> Machine:
    """A new one."""
    return Machine(tmp_path, shim, SEED)


def test_a_power_cut_costs_the_last_second_at_most(machine: Machine) -> None:
    """Nothing that was durable, nothing that lay idle for longer, and never the file."""
    machine.run(NOTEBOOK, "0.4", "2000", "0.002")
    findings = cut(machine, 40)
    assert findings.wrong == [], findings


def leave_something(machine: Machine) -> None:
    """Let one process end, and another be killed and recovered, while a third has the store open."""
    machine.run(BEGIN + "work(0.1)")
    reader = machine.start(READER)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "reading\n"
    machine.run(BEGIN + "work(0.4)")
    machine.note_durable()
    machine.start(BEGIN + "work(0.4)\nos.kill(os.getpid(), 9)").communicate()
    machine.run(BEGIN + "assert sb.flush(30)\nnote('durable')\nos._exit(0)")
    reader.communicate("end\n")


def test_what_a_process_leaves_is_on_disk_though_another_has_the_store_open(machine: Machine) -> None:
    """At an orderly end, and before the journal of a killed one is removed: nobody would sync it later."""
    leave_something(machine)
    findings = cut(machine, 30)
    assert findings.wrong == [], findings


@pytest.mark.torture
def test_many_power_cuts(tmp_path: Path, shim: Path) -> None:
    """Of programs that differ by their seed; every second one writes enough to move the log into the file by itself."""
    total = Findings()
    for number in range(-(-CUTS // 50)):
        machine = Machine(tmp_path / str(number), shim, SEED + number)
        machine.folder.mkdir()
        if number % 3 == 2:
            leave_something(machine)
        else:
            machine.run(NOTEBOOK, *(("5", "100000", "0.008") if number % 3 else ("0.5", "2000", "0.002")))
        total.add(cut(machine, min(50, CUTS - total.cuts)))
        shutil.rmtree(machine.folder)
    print(f"\n{total.cuts} power cuts from seed {SEED}: {len(total.wrong)} wrong, {total.without_store} before "
          f"there was a store; the oldest span that was lost had ended {total.oldest_lost_s:.3f} s before")  # fmt: skip
    assert total.wrong == []
