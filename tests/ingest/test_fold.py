"""The fold: everything that was journalled is in the store once, whatever the store did meanwhile."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from spanbook.ingest._fold import Fold
from spanbook.model.prices import PriceTable
from spanbook.model.redaction import make_redactor
from spanbook.store._journal import Journal
from spanbook.store._owners import dead_journals
from spanbook.store._read import StoreReader
from spanbook.store._segments import END, EVENT, SCORE, START, frame
from spanbook.store._write import Written
from spanbook.tracer import SpanbookWarning, _recorder, _report
from spanbook.tracer._capture import dumps
from tests.tracing import rows

TRACE = f"{1:032x}"
Start = Callable[[], Fold]


@pytest.fixture
def new_fold(tmp_path: Path) -> Iterator[Start]:
    """Makes the fold of a process: a journal of its own, one store for all. Its thread is not started."""
    made: list[Fold] = []

    def make() -> Fold:
        root = tmp_path / "journal"
        journal = Journal(root, "store.db")
        made.append(Fold(tmp_path / "store.db", journal, root, make_redactor("off"), PriceTable()))
        return made[-1]

    _report.forget_said()
    _report.errors.clear()
    yield make
    for fold in made:
        fold._stopped = True
        fold.park(5.0)  # its thread ends before what it reads from goes, else the next test finds its failure
        fold.journal.close(remove=True)
        fold.writer.close()
    _report.errors.clear()


@pytest.fixture
def fold(new_fold: Start) -> Fold:
    """The fold of this process."""
    return new_fold()


@contextmanager
def free_descriptors(count: int) -> Iterator[None]:
    """Leave this process so many descriptors to open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def begin(fold: Fold, number: int, given: Any = None, **fields: Any) -> None:
    """Journal a start; span 1 is the root."""
    parent = None if number == 1 else 1
    record = (START, TRACE, number, parent, f"s{number}", "span", number, given, fields or None, None)
    fold.journal.append(frame(dumps(record)))


def finish(fold: Fold, number: int, output: Any = None, **fields: Any) -> None:
    """Journal an end."""
    parent = None if number == 1 else 1
    record = (END, TRACE, number, parent, f"s{number}", "span", number, number + 5, "ok", output, fields or None)
    fold.journal.append(frame(dumps(record)))


def statuses(fold: Fold) -> dict[str, str]:
    """Name → status of all spans, as any tool reads them."""
    return dict(rows(fold.writer.path, "SELECT name, status FROM spans ORDER BY span_id"))


def test_what_was_journalled_is_readable_after_a_flush(fold: Fold) -> None:
    """Spans, an event and a score; then there is nothing to do."""
    begin(fold, 1, "in")
    fold.journal.append(frame(dumps((EVENT, TRACE, 1, 3, "note", {"a": 1}))))
    fold.journal.append(frame(dumps((SCORE, {"score_id": "x", "name": "ok", "value": 1.0, "value_type": "number",
                                             "source": "code", "trace_id": TRACE, "created_ns": 4}))))  # fmt: skip
    finish(fold, 1, "out")
    assert fold.flush()
    (span,) = StoreReader(fold.writer.path).spans(TRACE)
    assert (span.input, span.output, span.status, span.events[0].data) == ("in", "out", "ok", {"a": 1})
    assert rows(fold.writer.path, "SELECT name, value FROM scores") == [("ok", 1.0)]
    assert fold.stats()["queued_bytes"] == 0
    assert fold.fold_once() is False


def test_a_running_span_is_visible_before_it_ends(fold: Fold) -> None:
    """With what it was given."""
    begin(fold, 1, "in")
    assert fold.flush()
    assert rows(fold.writer.path, "SELECT status, n_open FROM traces") == [("open", 1)]
    finish(fold, 1, "out")
    assert fold.flush()
    assert rows(fold.writer.path, "SELECT status, n_open FROM traces") == [("ok", 0)]
    assert rows(fold.writer.path, "SELECT count(*) FROM open_spans") == [(0,)]


def test_the_thread_folds_by_itself(fold: Fold) -> None:
    """Within a fraction of a second; listeners hear what changed."""
    heard: list[Written] = []
    fold.listeners.append(heard.append)
    fold.start()
    begin(fold, 1)
    finish(fold, 1)
    deadline = time.monotonic() + 10
    while not heard and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [row["name"] for row in heard[0].spans] == ["s1"]


def test_much_at_once_goes_in_batches(fold: Fold) -> None:
    """5,000 spans of 1 kB: several transactions, one row each."""
    for number in range(1, 5_001):
        begin(fold, number, "x" * 1_000)
        finish(fold, number)
    assert fold.fold_once() is True
    assert fold.flush(60)
    assert rows(fold.writer.path, "SELECT count(*), count(DISTINCT span_id) FROM spans") == [(5_000, 5_000)]
    assert fold.written == 5_000


def test_threads_take_short_turns_only_when_much_waits(fold: Fold) -> None:
    """Beside a cell that computes, each statement else waits for a whole turn; a little that waits is in no danger."""
    usual = sys.getswitchinterval()
    seen: list[float] = []
    fold.writer.connection().set_trace_callback(lambda sql: seen.append(sys.getswitchinterval()))
    finish(fold, 1)
    fold.fold_once()
    assert set(seen) == {usual}
    for number in range(2, 14):
        finish(fold, number, "x" * 1_000_000)
    fold.fold_once()
    assert min(seen) < usual / 10
    assert fold.flush()
    assert seen[-1] == sys.getswitchinterval() == usual


# -- the store misbehaves


def test_a_locked_store_is_waited_for(fold: Fold) -> None:
    """``flush`` keeps to its time and says False; later everything is there."""
    assert fold.flush()
    begin(fold, 1)
    fold.writer.connection()
    with closing(sqlite3.connect(fold.writer.path, isolation_level=None)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        finish(fold, 1)
        began = time.monotonic()
        assert fold.flush(0.4) is False
        assert 0.3 < time.monotonic() - began < 3.0
        assert "locked" in fold.stats()["problem"]
    begin(fold, 2)
    assert fold.flush()
    assert statuses(fold) == {"s1": "ok", "s2": "open"}
    assert fold.stats()["problem"] is None
    assert _report.errors == {}


def test_where_no_journals_of_others_can_be_listed_its_own_is_folded(fold: Fold) -> None:
    """As when no descriptor is free."""
    begin(fold, 1)
    assert fold.flush()
    finish(fold, 1)
    with free_descriptors(0), pytest.warns(SpanbookWarning, match="look for journals"):
        assert fold.flush()
    assert statuses(fold) == {"s1": "ok"}


def test_what_only_memory_held_is_counted_when_it_is_lost(tmp_path: Path) -> None:
    """The journal could not be written, nor the store until the end."""
    (tmp_path / "file").touch()
    journal = Journal(tmp_path / "file", "store.db")
    fold = Fold(tmp_path / "store.db", journal, tmp_path / "file", make_redactor("off"), PriceTable())
    fold.writer.connection()
    before = _recorder.dropped
    with closing(sqlite3.connect(fold.writer.path, isolation_level=None)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        begin(fold, 1)
        finish(fold, 1)
        begin(fold, 2)
        with pytest.warns(SpanbookWarning, match="1 span is lost: neither the journal .*locked"):
            assert fold.close(0.1) is False
    assert _recorder.dropped == before + 1


def test_a_number_that_fits_no_column_costs_its_field_only(fold: Fold) -> None:
    """Not its row, and not those behind it."""
    begin(fold, 1)
    finish(fold, 1, "out", execution_count=2**80)
    begin(fold, 2)
    with pytest.warns(SpanbookWarning, match="a field of span 's1' is of a wrong type"):
        assert fold.flush()
    assert statuses(fold) == {"s1": "ok", "s2": "open"}
    assert rows(fold.writer.path, "SELECT output, attributes FROM payloads WHERE output IS NOT NULL") == [
        ('"out"', '{"execution_count":1208925819614629174706176}')
    ]


def test_a_row_that_breaks_a_constraint_is_left_out_and_counted(fold: Fold) -> None:
    """A defect of ours or of another writer; events and scores of the batch are kept."""
    begin(fold, 1)
    for score in ({"value": None}, {"value": 1.0}):
        record = {"score_id": str(score), "name": "n", "value_type": "number", "source": "code", "created_ns": 1}
        fold.journal.append(frame(dumps((SCORE, {**record, **score, "trace_id": TRACE}))))
    with pytest.warns(SpanbookWarning, match="data the store refuses"):
        assert fold.flush()
    assert statuses(fold) == {"s1": "open"}
    assert rows(fold.writer.path, "SELECT count(*) FROM scores") == [(1,)]
    assert fold.stats()["unwritable"] == 1


def test_a_store_that_cannot_be_opened_keeps_spans_in_the_journal(new_fold: Start, tmp_path: Path) -> None:
    """It goes on trying, and says so once."""
    (tmp_path / "store.db").write_text("this is no database at all")
    fold = new_fold()
    begin(fold, 1)
    with pytest.warns(SpanbookWarning, match=r"could not write to the store.*no SQLite file"):
        assert fold.flush(0.2) is False
    (tmp_path / "store.db").unlink()
    finish(fold, 1)
    assert fold.flush()
    assert statuses(fold) == {"s1": "ok"}


@pytest.mark.filterwarnings("ignore:.*was removed or replaced")
def test_a_store_deleted_while_tracing_loses_nothing_that_was_not_in_it(fold: Fold) -> None:
    """The new file holds what is open with its input, and what comes; nothing doubled."""
    begin(fold, 1, "root in")
    begin(fold, 2, "x" * 1_000)
    begin(fold, 3)
    finish(fold, 3)
    assert fold.flush()
    for path in fold.writer.path.parent.glob("store.db*"):
        path.unlink()
    begin(fold, 4, "x" * 1_000)
    finish(fold, 2, "done")
    assert fold.flush()
    finish(fold, 1)
    finish(fold, 4)
    assert fold.flush()
    assert statuses(fold) == {"s1": "ok", "s2": "ok", "s4": "ok"}
    reader = StoreReader(fold.writer.path)
    assert [span.input for span in reader.spans(TRACE)] == ["root in", "x" * 1_000, "x" * 1_000]
    assert rows(fold.writer.path, "SELECT n_spans, n_open FROM traces") == [(3, 0)]


@pytest.mark.filterwarnings("ignore:.*was removed or replaced")
@pytest.mark.parametrize("put", [os.replace, shutil.copyfile])
def test_a_store_replaced_by_another_is_traced_into_without_mixing_their_blobs(
    fold: Fold, tmp_path: Path, put: Callable[[Path, Path], Any]
) -> None:
    """Numbers of blobs in one file mean nothing in another, though it has the inode of the one that is gone."""
    begin(fold, 1, "mine " * 100)
    assert fold.flush()
    other = Fold(tmp_path / "other.db", fold.journal, tmp_path / "nowhere", make_redactor("off"), PriceTable())
    blob = other.writer.blobs.text('"theirs"')
    from spanbook.store._write import Batch, SpanRecord

    alien = {"trace_id": "f" * 32, "span_id": "f" * 16, "name": "alien", "kind": "span", "status": "ok", "start_ns": 1}
    other.writer.write(Batch(spans=[SpanRecord({**alien, "end_ns": 2}, {"input": blob})]))
    other.writer.close()
    fold.writer.close()
    put(tmp_path / "other.db", fold.writer.path)
    begin(fold, 2, "mine " * 100)
    assert fold.flush()
    reader = StoreReader(fold.writer.path)
    assert [span.input for span in reader.spans(TRACE)] == ["mine " * 100] * 2
    assert reader.spans("f" * 32)[0].input == "theirs"


# -- code of others, and interruptions


def test_a_view_that_fails_does_not_stop_the_fold(fold: Fold) -> None:
    """It is said once."""

    def broken(written: Written) -> None:
        raise RuntimeError("no comm")

    fold.listeners.append(broken)
    begin(fold, 1)
    with pytest.warns(SpanbookWarning, match="could not update a live view .RuntimeError: no comm"):
        assert fold.flush()
    begin(fold, 2)
    assert fold.flush()
    assert statuses(fold) == {"s1": "open", "s2": "open"}


def test_a_view_may_read_and_flush(fold: Fold) -> None:
    """It is told outside of the transaction; each change once."""
    heard: list[list[str]] = []

    def listen(written: Written) -> None:
        heard.append([row["name"] for row in written.spans])
        assert fold.flush(0.1)

    fold.listeners.append(listen)
    begin(fold, 1)
    begin(fold, 2)
    assert fold.flush()
    assert heard == [["s1", "s2"]]


def test_exceptions_thrown_into_the_thread_do_not_end_it(fold: Fold) -> None:
    """As debuggers and some timeouts do."""
    fold.start()
    thread = fold._thread
    assert thread is not None
    for number in range(1, 30):
        begin(fold, number)
        finish(fold, number)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
        time.sleep(0.01)
    assert fold.flush()
    assert len(statuses(fold)) == 29
    assert rows(fold.writer.path, "SELECT n_spans FROM traces") == [(29,)]
    fold.park(10.0)  # the last one may not have been raised yet
    _report.errors.clear()


def test_an_interrupt_of_the_users_own_flush_is_theirs(fold: Fold) -> None:
    """Ctrl-C comes through, and nothing is lost or doubled by it."""
    begin(fold, 1)
    finish(fold, 1)

    def interrupt(written: Written) -> None:
        fold.listeners.clear()
        raise KeyboardInterrupt

    fold.listeners.append(interrupt)
    with pytest.raises(KeyboardInterrupt):
        fold.flush()
    assert fold.flush()
    assert rows(fold.writer.path, "SELECT n_spans FROM traces") == [(1,)]


# -- what dead processes left


def test_the_journal_of_a_dead_process_is_folded_by_the_next(new_fold: Start) -> None:
    """What was folded before is not doubled; what never ended is interrupted."""
    dead = new_fold()
    for number in (1, 2, 3):
        begin(dead, number, f"in {number}")
    finish(dead, 2)
    assert dead.flush()
    finish(dead, 3, "out 3")
    begin(dead, 4, "in 4")
    dead.journal.close(remove=False)
    dead.writer.close()

    heir = new_fold()
    assert heir.flush()
    assert statuses(heir) == {"s1": "interrupted", "s2": "ok", "s3": "ok", "s4": "interrupted"}
    spans = {span.name: span for span in StoreReader(heir.writer.path).spans(TRACE)}
    assert (spans["s3"].input, spans["s3"].output, spans["s4"].input) == ("in 3", "out 3", "in 4")
    assert not dead.journal.folder.exists()
    assert rows(heir.writer.path, "SELECT count(*) FROM journals WHERE journal_id = ?", dead.journal.id) == [(0,)]
    assert heir.flush()
    assert rows(heir.writer.path, "SELECT n_spans, n_open, status FROM traces") == [(4, 0, "interrupted")]


def test_what_is_lost_in_a_damaged_journal_is_counted_and_said(new_fold: Start) -> None:
    """Of a process that is gone: what lies behind the damage cannot be had."""
    dead = new_fold()
    begin(dead, 1, "in 1")
    damaged = dead.journal.end.offset
    finish(dead, 1)
    begin(dead, 2)
    dead.journal.close(remove=False)
    segment = dead.journal.folder / "000001.seg"
    content = bytearray(segment.read_bytes())
    content[damaged + 12] ^= 1
    segment.write_bytes(content)
    heir = new_fold()
    with pytest.warns(SpanbookWarning, match="the journal of a process that is gone .* was damaged in 1 place"):
        assert heir.flush()
    assert (statuses(heir), heir.stats()["unreadable"]) == ({"s1": "interrupted"}, 1)


def test_several_openers_fold_each_dead_journal_once(new_fold: Start) -> None:
    """They race for its lock."""
    for number in range(1, 9):
        dead = new_fold()
        begin(dead, number)
        finish(dead, number)
        dead.journal.close(remove=False)
    heirs = [new_fold() for _ in range(3)]
    threads = [threading.Thread(target=heir.flush) for heir in heirs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses(heirs[0])) == 8
    assert rows(heirs[0].writer.path, "SELECT n_spans FROM traces") == [(8,)]
    assert sum(heir.written for heir in heirs) == 8


def test_a_damaged_journal_gives_what_is_intact(new_fold: Start) -> None:
    """And is not looked at again."""
    dead = new_fold()
    begin(dead, 1)
    finish(dead, 1)
    at = dead.journal.end.offset
    begin(dead, 2)
    dead.journal.close(remove=False)
    with (dead.journal.folder / "000001.seg").open("r+b") as file:
        file.seek(at + 20)
        file.write(b"\xff\xff\xff")
    heir = new_fold()
    assert heir.flush()
    assert statuses(heir) == {"s1": "ok"}
    assert list(dead_journals(heir._root)) == []


# -- ends


def test_a_closed_fold_leaves_one_file_and_no_journal(fold: Fold) -> None:
    """What is open is interrupted; an end that comes later is written at once."""
    begin(fold, 1, "in")
    assert fold.close()
    assert statuses(fold) == {"s1": "interrupted"}
    assert [path.name for path in fold.writer.path.parent.glob("store.db*")] == ["store.db"]
    assert not fold.journal.folder.exists()
    fold.write_now(frame(dumps((END, TRACE, 1, None, "s1", "span", 1, 6, "ok", "out", None))))
    assert rows(fold.writer.path, "SELECT status, n_open FROM traces") == [("ok", 0)]


def test_a_span_that_begins_after_the_end_is_interrupted_until_it_ends(fold: Fold) -> None:
    """A daemon thread that is stopped with the process: nobody would ever correct an open one."""
    assert fold.close()
    fold.write_now(frame(dumps((START, TRACE, 1, None, "s1", "span", 1, "in", None, None))))
    assert statuses(fold) == {"s1": "interrupted"}
    fold.write_now(frame(dumps((END, TRACE, 1, None, "s1", "span", 1, 6, "ok", "out", None))))
    assert statuses(fold) == {"s1": "ok"}


def test_what_could_not_be_folded_at_the_end_stays_for_the_next(new_fold: Start) -> None:
    """The store was locked all the time."""
    fold = new_fold()
    assert fold.flush()
    begin(fold, 1)
    finish(fold, 1)
    with closing(sqlite3.connect(fold.writer.path, isolation_level=None)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        assert fold.close(timeout=0.2) is False
    heir = new_fold()
    assert heir.flush()
    assert statuses(heir) == {"s1": "ok"}


def test_durable_means_on_disk(fold: Fold) -> None:
    """One commit with full synchronisation, also when everything was folded before."""
    begin(fold, 1)
    assert fold.flush()
    said: list[str] = []
    fold.writer.connection().set_trace_callback(said.append)
    assert fold.flush(durable=True)
    assert [text for text in said if "synchronous" in text or text == "COMMIT"] == [
        "PRAGMA synchronous = FULL", "COMMIT", "PRAGMA synchronous = NORMAL",
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*was removed or replaced")
def test_a_store_deleted_in_a_pause_is_made_anew_without_a_word_of_failure(fold: Fold) -> None:
    """The sync that was still to come finds it gone."""
    begin(fold, 1)
    assert fold.flush()
    finish(fold, 1)
    begin(fold, 2)
    assert fold.flush()  # within the second: not synced yet
    assert fold._unsynced
    for path in fold.writer.path.parent.glob("store.db*"):
        path.unlink()
    fold._last_sync -= 2.0
    assert fold.fold_once() is False
    assert statuses(fold) == {"s2": "open"}
    assert _report.errors == {} and not fold._unsynced


def test_what_was_folded_last_is_synced_in_the_pause_that_follows(fold: Fold) -> None:
    """Nothing has to come for that; once is enough."""
    begin(fold, 1)
    assert fold.flush()
    finish(fold, 1)
    assert fold.flush()
    said: list[str] = []
    fold.writer.connection().set_trace_callback(said.append)
    for _ in range(3):
        fold._last_sync -= 2.0
        assert fold.fold_once() is False
    assert said.count("PRAGMA synchronous = FULL") == said.count("COMMIT") == 1
