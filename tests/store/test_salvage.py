"""Damaged stores: what salvage brings back, what it never does, and who notices the damage."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.model import StoreError, UsageError
from spanbook.store._codec import unpack_ids
from spanbook.store._salvage import Salvaged, salvage
from tests.store.damage import (
    COUNT,
    DAMAGES,
    TABLES,
    Damaged,
    content,
    copied,
    frames,
    places,
    traced,
)
from tests.tracing import rows, start

Content = dict[str, dict[int, tuple[object, ...]]]


class Whole:
    """A store without damage: its rows, and the pages that each needs to come back as it was."""

    def __init__(self, folder: Path) -> None:
        self.killed = traced(folder / "killed")  # file and log
        self.path = copied(self.killed, folder / "whole.db", wal=False)
        self.content, self.needs = content(self.path), places(self.path)
        for number, row in self.content["payloads"].items():  # a payload is as it was when its span and blobs are
            self.needs["payloads"][number] |= self.needs["spans"][number]
            for value in row[1:]:
                numbers = unpack_ids(value) if isinstance(value, bytes) else [value] if isinstance(value, int) else []
                for blob in numbers:
                    self.needs["payloads"][number] |= self.needs["blobs"][blob]
        for number, row in self.content["events"].items():
            if isinstance(row[-1], int):
                self.needs["events"][number] |= self.needs["blobs"][row[-1]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """One store for all tests; they damage copies."""
    return Whole(tmp_path_factory.mktemp("whole"))


def check(whole: Whole, damaged: Damaged) -> tuple[Salvaged, float]:
    """Salvage a damaged copy; returns the report and the least share of rows off the hit pages that came back as
    they were, of all tables. Nothing may be invented, the new store must be sound, the old one as it was."""
    before = damaged.path.read_bytes()
    target = damaged.path.with_name("new.db")
    report = salvage(damaged.path, target)
    assert damaged.path.read_bytes() == before
    assert report.path == target
    assert target.stat().st_mode & 0o777 == 0o600
    assert rows(target, "PRAGMA integrity_check") == [("ok",)]
    found, share = content(target), 1.0
    for name in TABLES:
        assert report.rows[name] + (report.rebuilt_traces if name == "traces" else 0) == len(found[name])
        off = [key for key, pages in whole.needs[name].items() if not pages & damaged.hit]
        same = [key for key in off if found[name].get(key) == whole.content[name][key]]
        share = min(share, len(same) / len(off) if off else 1.0)
        if name in ("spans", "scores") and not damaged.lies:
            assert found[name].items() <= whole.content[name].items()
    read_all(target, found)
    assert sorted(path.name for path in target.parent.iterdir()) == sorted({damaged.path.name, "new.db"})
    return report, share


def read_all(path: Path, found: Content) -> None:
    """Everything in a salvaged store can be read by every way of reading it; each trace has its spans."""
    with closing(sb.open(path)) as store:
        assert len(store.spans_df()) == len(found["spans"])
        traces = store.traces(limit=10**6)
        assert len(traces) == len(found["traces"])
        assert sum(len(trace.spans) for trace in traces) == len(found["spans"])
        assert sum(len(span.scores) + len(span.events) for trace in traces for span in trace.spans) <= len(
            found["scores"]
        ) + len(found["events"])


def a_copy(whole: Whole, folder: Path) -> Path:
    """A copy of the whole store, alone in its folder."""
    (folder / "copy").mkdir()
    shutil.copyfile(whole.path, folder / "copy" / "store.db")
    return folder / "copy" / "store.db"


@pytest.mark.parametrize("damage", DAMAGES)
def test_rows_off_the_damaged_pages_come_back(whole: Whole, tmp_path: Path, damage: str) -> None:
    """All tables, nothing invented; the damage is reported."""
    damaged = DAMAGES[damage](a_copy(whole, tmp_path), random.Random(7))
    report, share = check(whole, damaged)
    assert share >= 0.97
    assert report.pages * 8192 >= damaged.path.stat().st_size
    assert report.damaged_pages or sum(report.lost.values()) or damage == "bits"


def test_a_whole_store_comes_back_as_it_was(whole: Whole, tmp_path: Path) -> None:
    """All rows, and nothing is said to be damaged."""
    report, share = check(whole, Damaged(a_copy(whole, tmp_path), set()))
    assert share == 1.0
    assert content(report.path) == whole.content
    assert (report.damaged_pages, report.bad_blobs, report.mended, set(report.lost.values())) == (0, 0, 0, {0})


@pytest.mark.torture
def test_damaged_stores_by_the_hundred(whole: Whole, tmp_path: Path) -> None:
    """Every damage, with a seed of its own each."""
    count, base = COUNT, random.randrange(10**9)
    print(f"SPANBOOK_DAMAGED={count} seed={base}")
    shares: dict[str, list[float]] = {name: [] for name in DAMAGES}
    for number in range(count):
        name = list(DAMAGES)[number % len(DAMAGES)]
        folder = tmp_path / str(number)
        folder.mkdir()
        damaged = DAMAGES[name](a_copy(whole, folder), random.Random(base + number))
        share = check(whole, damaged)[1]
        assert share >= 0.97, f"{name}, seed {base + number}"
        shares[name].append(share)
        shutil.rmtree(folder)
    print({name: min(found, default=1.0) for name, found in shares.items()})


# -- the log


def sqlite_reads(path: Path) -> Content:
    """What SQLite makes of a file and its log, without touching them."""
    with_log = copied(path, path.with_name("as-sqlite.db"))
    try:
        return content(with_log)
    finally:
        for file in path.parent.glob("as-sqlite.db*"):
            file.unlink()


def killed(whole: Whole, folder: Path) -> tuple[Path, Path]:
    """A copy of the file and of the log that the killed process left."""
    path = copied(whole.killed, folder / "store.db")
    return path, path.with_name("store.db-wal")


def test_what_is_in_the_log_is_part_of_the_store(whole: Whole, tmp_path: Path) -> None:
    """And the log is left as it was."""
    path, log = killed(whole, tmp_path)
    before = log.read_bytes()
    assert content(salvage(path, tmp_path / "new.db").path) == whole.content
    assert log.read_bytes() == before


def test_without_its_log_a_store_is_what_was_moved_into_the_file(whole: Whole, tmp_path: Path) -> None:
    """Half of the turns; each of them whole."""
    path, log = killed(whole, tmp_path)
    log.unlink()
    expected = sqlite_reads_alone(path)
    assert 0 < len(expected["spans"]) < len(whole.content["spans"])
    assert content(salvage(path, tmp_path / "new.db").path) == expected


def sqlite_reads_alone(path: Path) -> Content:
    """What SQLite reads of a file without a log."""
    alone = path.with_name("alone.db")
    shutil.copyfile(path, alone)
    found = content(alone)
    alone.unlink()
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_torn_log_counts_up_to_its_last_whole_transaction(whole: Whole, tmp_path: Path, seed: int) -> None:
    """As SQLite sees it."""
    path, log = killed(whole, tmp_path)
    with log.open("r+b") as file:
        file.truncate(random.Random(seed).randrange(log.stat().st_size))
    assert content(salvage(path, tmp_path / "new.db").path) == sqlite_reads(path)


def test_frames_behind_a_damaged_one_are_used(whole: Whole, tmp_path: Path) -> None:
    """SQLite stops there; what only stood in that frame is lost."""
    path, log = killed(whole, tmp_path)
    places = [at for at, *_ in frames(log)]
    data = bytearray(log.read_bytes())
    data[places[len(places) // 3] + 5_000] ^= 1
    log.write_bytes(data)
    found = content(salvage(path, tmp_path / "new.db").path)
    assert len(sqlite_reads(path)["spans"]) < 0.8 * len(whole.content["spans"])
    assert len(found["spans"]) > 0.9 * len(whole.content["spans"])  # a page holds 50 of the 640


def test_a_log_without_its_header_is_used(whole: Whole, tmp_path: Path) -> None:
    """But for its first frame, which nothing vouches for any more."""
    path, log = killed(whole, tmp_path)
    log.write_bytes(bytes(32) + log.read_bytes()[32:])
    found = content(salvage(path, tmp_path / "new.db").path)
    assert len(found["spans"]) > 0.9 * len(whole.content["spans"])  # a page holds 50 of the 640


# -- what rows say


def changed(whole: Whole, folder: Path, *statements: str) -> Path:
    """A copy in which SQL has changed something."""
    path = a_copy(whole, folder)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)
    return path


def test_content_that_does_not_match_its_digest_is_left_out(whole: Whole, tmp_path: Path) -> None:
    """One blob with other bytes, one whose compression broke: the payloads that name them say so."""
    path = changed(
        whole, tmp_path,
        "UPDATE blobs SET codec = 0, body = CAST('\"other\"' AS BLOB) WHERE id = 5",
        "UPDATE blobs SET body = CAST(substr(body, 1, 40) || zeroblob(length(body) - 40) AS BLOB) WHERE id = 9",
    )  # fmt: skip
    report = salvage(path, tmp_path / "new.db")
    assert (report.bad_blobs, report.lost["blobs"]) == (2, 2)
    frame = sb.open(report.path).spans_df()
    assert sum("not_captured" in repr(row) for row in frame[["input", "output"]].to_numpy().tolist()) >= 2
    read_all(report.path, content(report.path))


def test_traces_whose_rows_are_lost_are_summed_up_again(whole: Whole, tmp_path: Path) -> None:
    """To what they were: name, user, tags, metadata, counts, tokens, cost."""
    report = salvage(changed(whole, tmp_path, "DELETE FROM traces WHERE id > 20"), tmp_path / "new.db")
    assert report.rebuilt_traces == len(whole.content["traces"]) - 20
    columns = "SELECT * FROM traces ORDER BY trace_id"
    assert [row[1:] for row in rows(report.path, columns)] == [row[1:] for row in rows(whole.path, columns)]


def test_values_that_no_reader_could_take_are_replaced(whole: Whole, tmp_path: Path) -> None:
    """JSON that is none, words that spanbook does not know: the rest of the row is kept."""
    path = changed(
        whole, tmp_path,
        "UPDATE spans SET tags = '[\"t', status = 'oj', kind = 'lln' WHERE id = 3",
        "UPDATE traces SET metadata = '{', status = '' WHERE id = 2",
        "UPDATE payloads SET metadata = '{\"a\": ' WHERE span = 3",
        "UPDATE events SET data = '\"' WHERE id = 1",
    )  # fmt: skip
    report = salvage(path, tmp_path / "new.db")
    assert report.mended == 7
    read_all(report.path, content(report.path))
    assert rows(report.path, "SELECT status, kind, tags FROM spans WHERE id = 3") == [("interrupted", "span", None)]


def test_tables_of_the_users_come_back(whole: Whole, tmp_path: Path) -> None:
    """With their indexes, also where a row looks like one of ours; what is no ordinary table is named."""
    path = changed(
        whole, tmp_path,
        "CREATE TABLE mine(id INTEGER PRIMARY KEY, journal TEXT)",
        "INSERT INTO mine VALUES (7, 'looks like an open span'), (9, NULL)",
        "CREATE TABLE \"my 'notes\"\"\"(a REAL, b, UNIQUE(a))",
        "INSERT INTO \"my 'notes\"\"\" VALUES (1, x'00'), (2.5, 'b')",
        "CREATE INDEX mine_by_journal ON mine(journal)",
        "CREATE TABLE other(k TEXT PRIMARY KEY) WITHOUT ROWID",
    )  # fmt: skip
    report = salvage(path, tmp_path / "new.db")
    assert report.left_out == ["other"]
    assert report.rows["open_spans"] == 0
    query = 'SELECT id, journal FROM mine UNION ALL SELECT a, b FROM "my \'notes"""'
    assert rows(report.path, query) == [(7, "looks like an open span"), (9, None), (1.0, b"\0"), (2.5, "b")]
    assert rows(report.path, "SELECT 1 FROM sqlite_master WHERE name = 'mine_by_journal'") == [(1,)]


def test_spans_that_nobody_would_ever_end_are_interrupted(whole: Whole, tmp_path: Path) -> None:
    """Those whose journal is known stay open: whoever folds it ends them."""
    path = changed(
        whole, tmp_path,
        "UPDATE spans SET status = 'open', end_ns = NULL WHERE name IN ('turn 1', 'turn 2')",
        "UPDATE traces SET status = 'open', n_open = 1 WHERE name IN ('turn 1', 'turn 2')",
        "INSERT INTO open_spans SELECT id, 'a journal' FROM spans WHERE name = 'turn 2'",
    )  # fmt: skip
    found = rows(
        salvage(path, tmp_path / "new.db").path,
        "SELECT t.name, t.status, t.n_open, s.status FROM traces t JOIN spans s ON s.span_id = t.root_span_id "
        "WHERE t.name IN ('turn 1', 'turn 2') ORDER BY t.name",
    )
    assert found == [("turn 1", "interrupted", 0, "interrupted"), ("turn 2", "open", 1, "open")]


# -- what it refuses


HOLDERS = {
    "it traces": "import spanbook as sb\nwith sb.span('s'): pass\nsb.flush()\nprint('ready', flush=True)\ninput()",
    "it reads": (
        "import os, sqlite3\ndb = sqlite3.connect(os.environ['SPANBOOK_STORE'])\n"
        "db.execute('SELECT count(*) FROM spans').fetchall()\nprint('ready', flush=True)\ninput()"
    ),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_store_that_a_process_has_open_is_refused(
    whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holder: str
) -> None:
    """Named by its process; nothing is made. When it has ended, it can be salvaged."""
    monkeypatch.setenv("SPANBOOK_JOURNAL", str(tmp_path / "journal"))
    path = tmp_path / "store.db"
    shutil.copyfile(whole.path, path)
    process = start(HOLDERS[holder], tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with pytest.raises(StoreError, match=f"process {process.pid} has the store .* open; stop it"):
        salvage(path, tmp_path / "new.db")
    process.communicate("\n")
    assert not list(tmp_path.glob("*new.db*"))
    assert salvage(path, tmp_path / "new.db").rows["spans"] >= len(whole.content["spans"])


def test_what_cannot_be_salvaged_is_said(whole: Whole, tmp_path: Path) -> None:
    """This process reads it, the target is there, there is no file, or nothing in it is ours; nothing is left."""
    path = a_copy(whole, tmp_path)
    with closing(sqlite3.connect(path)), pytest.raises(UsageError, match="in a terminal instead"):
        salvage(path, tmp_path / "new.db")
    with pytest.raises(UsageError, match="exists already"):
        salvage(path, path)
    with pytest.raises(StoreError, match="there is no store"):
        salvage(tmp_path / "none.db", tmp_path / "new.db")
    for body in (b"", b"dear diary, " * 5_000, random.Random(1).randbytes(50_000)):
        (tmp_path / "notes").write_bytes(body)
        with pytest.raises(StoreError, match="nothing that spanbook wrote"):
            salvage(tmp_path / "notes", tmp_path / "new.db")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copy", "notes"]
