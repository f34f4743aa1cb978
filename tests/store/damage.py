"""A store traced by a process that was killed, where each of its rows lies in the file, and ways to damage it."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spanbook.store._pages import PageFile
from tests.tracing import rows, run

PAGE: Final = 8192
#: Damaged files in the long tests; read now, since fixtures hide the settings of whoever runs the tests.
COUNT: Final = int(os.environ.get("SPANBOOK_DAMAGED", "200"))
TABLES: Final = ("spans", "payloads", "blobs", "traces", "events", "scores")

#: Traces half of its turns, moves them into the file, traces the other half into the log, and is killed.
TRACER = """
import os, random, signal, sys
import spanbook as sb
from spanbook.api import _runtime
random.seed(int(sys.argv[2]))
def words(n):
    return " ".join(f"{random.getrandbits(32):x}" for _ in range(n))
def turn(number):
    with sb.span(f"turn {number}", "agent", user_id=f"user {number % 5}", tags=["t"], metadata={"n": number}) as root:
        for _ in range(7):
            with sb.span("chat", "llm", [{"role": "system", "content": "be brief " * 30},
                                         {"role": "user", "content": words(60)}], model="gpt-4o-mini") as span:
                span.set(output=words(40), usage={"input_tokens": 100, "output_tokens": 50}, cost_usd=0.25)
        root.set(output=words(3000 if number % 10 == 0 else 10))
        root.event("done", {"n": number, "said": words(40)})
        sb.score("fine", number % 2 == 0, comment=words(20))
turns = int(sys.argv[1])
for number in range(turns):
    if number == turns // 2:
        assert sb.flush()
        fold = _runtime.active().fold
        with fold.lock:
            fold.writer.close()  # the last to close moves the log into the file
    turn(number)
assert sb.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def traced(folder: Path, turns: int = 80, seed: int = 1) -> Path:
    """Trace in a process that is killed; returns the store, whose newer half is in its log."""
    folder.mkdir(parents=True, exist_ok=True)
    done = run(TRACER, folder, str(turns), str(seed))
    assert "Error" not in done.stderr, done.stderr
    path = folder / "store.db"
    assert path.with_name("store.db-wal").stat().st_size > PAGE
    return path


def copied(path: Path, target: Path, *, wal: bool = True) -> Path:
    """A copy of a store; with its log beside it, or with what is in the log."""
    shutil.copyfile(path, target)
    log = target.with_name(f"{target.name}-wal")
    shutil.copyfile(path.with_name(f"{path.name}-wal"), log)
    if not wal:
        with closing(sqlite3.connect(target)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert not log.exists()
    return target


def content(path: Path) -> dict[str, dict[int, tuple[Any, ...]]]:
    """All rows of a store by table and row id, as SQLite reads them."""
    return {name: {row[0]: row for row in rows(path, f"SELECT * FROM {name}")} for name in TABLES}  # noqa: S608 (our own)


class Located(PageFile):
    """Notes which pages are read."""

    def __init__(self, path: Path) -> None:
        self.read: set[int] = set()
        super().__init__(path)

    def page(self, number: int) -> bytes | None:
        self.read.add(number)
        return super().page(number)

    def __enter__(self) -> Located:
        return self


def places(path: Path) -> dict[str, dict[int, set[int]]]:
    """The pages on which each row of a whole store lies, by table and row id."""
    roots = dict(rows(path, "SELECT name, rootpage FROM sqlite_master"))
    out: dict[str, dict[int, set[int]]] = {name: {} for name in TABLES}
    with Located(path) as pages:
        for name, found in out.items():
            for number in pages.tree(roots[name], set()):
                page = pages.page(number)
                assert page is not None
                for at in pages._cells(number, page, 8):
                    pages.read = {number}
                    row = pages._row(page, at)
                    assert row is not None
                    found[row.number] = set(pages.read)
    return out


@dataclass(frozen=True)
class Damaged:
    """A damaged file: which pages were hit, and whether rows on them may read as something else."""

    path: Path
    hit: set[int]
    lies: bool = False


Damage = Callable[[Path, random.Random], Damaged]


def flip_bits(path: Path, pick: random.Random) -> Damaged:
    """Twenty bits anywhere."""
    data = bytearray(path.read_bytes())
    at = [pick.randrange(len(data)) for _ in range(20)]
    for place in at:
        data[place] ^= 1 << pick.randrange(8)
    path.write_bytes(data)
    return Damaged(path, {place // PAGE + 1 for place in at}, lies=True)


def zero_a_page(path: Path, pick: random.Random) -> Damaged:
    """One page, not the first."""
    return overwrite(path, {pick.randrange(2, _count(path) + 1)}, lambda: bytes(PAGE))


def overwrite_ten_pages(path: Path, pick: random.Random) -> Damaged:
    """With noise."""
    return overwrite(path, set(pick.sample(range(2, _count(path) + 1), 10)), lambda: pick.randbytes(PAGE))


def cut_in_half(path: Path, pick: random.Random) -> Damaged:
    """Not even at the end of a page."""
    size = path.stat().st_size
    left = size // 2 + pick.randrange(PAGE)
    with path.open("r+b") as file:
        file.truncate(left)
    return Damaged(path, set(range(left // PAGE + 1, _pages_of(size) + 1)), lies=True)


def wipe_the_header(path: Path, pick: random.Random) -> Damaged:
    """The first 100 bytes; the schema behind them stays."""
    with path.open("r+b") as file:
        file.write(bytes(100) if pick.random() < 0.5 else pick.randbytes(100))
    return Damaged(path, {1})


def wipe_the_schema(path: Path, pick: random.Random) -> Damaged:
    """The whole first page: nothing says any more where a table begins."""
    return overwrite(path, {1}, lambda: bytes(PAGE) if pick.random() < 0.5 else pick.randbytes(PAGE))


DAMAGES: Final[dict[str, Damage]] = {
    "bits": flip_bits, "page": zero_a_page, "ten pages": overwrite_ten_pages, "half": cut_in_half,
    "header": wipe_the_header, "schema": wipe_the_schema,
}  # fmt: skip


def overwrite(path: Path, numbers: set[int], body: Callable[[], bytes]) -> Damaged:
    """Overwrite these pages, each with a body of its own."""
    with path.open("r+b") as file:
        for number in sorted(numbers):
            file.seek((number - 1) * PAGE)
            file.write(body())
    return Damaged(path, numbers)


def _count(path: Path) -> int:
    return _pages_of(path.stat().st_size)


def _pages_of(size: int) -> int:
    return size // PAGE


def frames(log: Path) -> Iterator[tuple[int, int, int]]:
    """(offset, page, pages of the file after it: 0 inside a transaction) of each frame of a log."""
    data = log.read_bytes()
    for at in range(32, len(data) - PAGE - 23, PAGE + 24):
        yield at, int.from_bytes(data[at : at + 4], "big"), int.from_bytes(data[at + 4 : at + 8], "big")
