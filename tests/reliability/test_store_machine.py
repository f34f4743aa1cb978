"""Tracing in a real process against a dict: whatever is done to the process, its children and the store file.

The journal is small here, so that a few spans fill its segments and a burst beside a locked store fills all of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import tempfile
import warnings
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import spanbook as sb
from spanbook.api import _runtime
from spanbook.model import STATUS_RANK
from spanbook.store import _journal
from spanbook.store._connection import open_reader
from spanbook.tracer import _recorder
from spanbook.tracer._span import _set
from tests.reliability.machines import check_trace, run_many, run_same
from tests.tracing import fresh_state, start

Key = tuple[str, str]
ENDED = ("ok", "error")

#: As an older version writes: columns by name, those that it knows.
_OLD_SPAN = "INSERT INTO spans(trace_id, span_id, name, kind, status, start_ns, end_ns) VALUES (?,?,?,?,?,?,?)"
_OLD_TRACE = (
    "INSERT INTO traces(trace_id, name, root_span_id, status, start_ns, end_ns, n_spans, n_open, n_errors, n_llm) "
    "VALUES (?,?,?,?,?,?,1,?,?,0)"
)

PROGRAM = """
import sys
import spanbook as sb
with sb.span("program") as root:
    print("open", root.trace_id, root.span_id)
    for number in range(int(sys.argv[1])):
        with sb.span("step", input="x" * number * 50) as span:
            pass
        print("ok", span.trace_id, span.span_id)
    print("ready", flush=True)
    sys.stdin.readline()
"""


@dataclass
class Entry:
    """A span that was traced, and what is known of it."""

    name: str
    parent: str | None
    status: str = "open"  # what it must be once it is readable and settled
    output: Any = None
    is_ours: bool = True  # traced by this process: its counters count it
    is_sure: bool = True  # it must be readable; not once the file it may have been in is deleted, nor in a burst
    is_deleted: bool = False  # the file it may have been in is
    is_whole: bool = True  # its start and its values are in the store; not after a burst
    runtime: int = 0  # which runtime of this process knows its start


class StoreMachine(RuleBasedStateMachine):
    """Everything that a process, its children and others do to one store."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="spanbook-machine-")
        self.path = Path(self.folder.name) / "store.db"
        self.patch = pytest.MonkeyPatch()
        self.patch.setenv("SPANBOOK_JOURNAL", str(Path(self.folder.name) / "journal"))
        for name, size in (
            ("FIRST_SEGMENT", 1 << 14),
            ("SEGMENT", 1 << 16),
            ("MAX_BYTES", 1 << 19),
            ("RESERVE", 1 << 16),
        ):
            self.patch.setattr(_journal, name, size)
        self.quiet = warnings.catch_warnings()
        self.quiet.__enter__()
        warnings.simplefilter("ignore")  # that the store was replaced; that a process with threads forks
        fresh_state()
        sb.init(store=self.path, instrument=False)
        self.entries: dict[Key, Entry] = {}
        self.open: list[tuple[sb.Span, Entry]] = []
        self.notes: dict[str, bool] = {}  # events and scores by name: are they sure to be there
        self.acknowledged: set[Key] = set()
        self.seen: dict[Key, str] = {}
        self.runtimes = self.programs = 0
        self.dropped_before = _recorder.dropped

    # -- spans

    @rule(values=st.sampled_from([None, None, "in", "x" * 900, "long"]), is_current=st.booleans(),
          kind=st.sampled_from(["span", "llm"]))  # fmt: skip
    def start_a_span(self, values: Any, is_current: bool, kind: str) -> None:
        """Below the current one; it becomes the current one, or not."""
        name, above = f"span {len(self.entries)}", sb.current()
        span = sb.span(name, kind, values * 2_000 if values == "long" else values)
        span = span.__enter__() if is_current else span.start()
        entry = Entry(name, None if above is None else above.span_id, runtime=self.runtimes)
        self.entries[span.trace_id, span.span_id] = entry
        self.open.append((span, entry))

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 99), output=st.sampled_from([None, 7, "out", ["x" * 500]]), is_error=st.booleans())
    def end_a_span(self, which: int, output: Any, is_error: bool) -> None:
        """Any that is open, not only the innermost."""
        span, entry = self.open.pop(which % len(self.open))
        if output is not None:
            span.set(output=output)
            entry.output = output
        error = ValueError("no") if is_error else None
        span.__exit__(type(error) if error else None, error, None)
        entry.status = "error" if is_error else "ok"
        entry.is_sure, entry.is_deleted = True, False  # an end is written wherever its start was

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 99), tokens=st.integers(0, 99))
    def set_fields(self, which: int, tokens: int) -> None:
        """They come with the end."""
        span, _ = self.open[which % len(self.open)]
        span.set(usage={"input_tokens": tokens}, cost_usd=tokens / 64, metadata={"tokens": tokens})

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 99))
    def note_an_event(self, which: int) -> None:
        name = f"event {len(self.notes)}"
        self.open[which % len(self.open)][0].event(name, {"at": which})
        self.notes[name] = True

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 99), value=st.one_of(st.booleans(), st.integers(0, 9), st.just("fine")))
    def score_a_span(self, which: int, value: Any) -> None:
        name, span = f"score {len(self.notes)}", self.open[which % len(self.open)][0]
        sb.score(name, value, trace_id=span.trace_id, span_id=span.span_id)
        self.notes[name] = True

    @rule(durable=st.booleans())
    def flush(self, durable: bool) -> None:
        """It says True: all that was said before is readable now, once."""
        assert sb.flush(20, durable=durable), sb.stats()
        self._check_settled()

    # -- children

    @rule(count=st.integers(1, 4), ending=st.sampled_from(["exit", "flush", "leave one open", "kill", "fork again"]))
    def fork(self, count: int, ending: str) -> None:
        """A child traces below the current span and goes without a word; what it ended is its parent's to find."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                _be_a_child(count, ending, writer)
            os.kill(os.getpid(), signal.SIGKILL)
        os.close(writer)
        with open(reader) as lines:
            said = [json.loads(line) for line in lines]
        os.waitpid(pid, 0)
        assert len(said) == count + (ending == "leave one open") + (2 if ending == "fork again" else 0)
        for trace, span, parent, name, status in said:
            self.entries[trace, span] = Entry(name, parent, status, is_ours=False)

    @precondition(lambda self: self.programs < 1)
    @rule(count=st.integers(0, 40))
    def kill_a_program(self, count: int) -> None:
        """It traced into the same store and ended nothing in order."""
        self.programs += 1
        process = start(PROGRAM, self.path.parent, str(count))
        assert process.stdin is not None
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "ready\n")
        said = [line.split() for line in lines]
        process.kill()
        process.communicate()
        root = said[0][2]
        for status, trace, span in said:
            name, parent = ("program", None) if status == "open" else ("step", root)
            settled = "interrupted" if status == "open" else "ok"
            self.entries[trace, span] = Entry(name, parent, settled, is_ours=False)

    # -- the process and its store

    @rule(is_at_exit=st.booleans())
    def reopen(self, is_at_exit: bool) -> None:
        """Tracing ends and begins again; what is open then is interrupted until it ends."""
        _runtime.close()
        if is_at_exit:  # a hook that runs after ours
            self._trace_one("late")
        _runtime.reset()
        sb.init(store=self.path, instrument=False)
        self.runtimes += 1
        for entry in self.entries.values():
            entry.is_whole = entry.is_whole and entry.is_sure

    @rule(how=st.sampled_from(["PASSIVE", "FULL", "TRUNCATE"]))
    def checkpoint(self, how: str) -> None:
        """By another connection."""
        if not self.path.exists():
            return  # deleted; no precondition, which would have to be the same in each run
        with closing(sqlite3.connect(self.path, timeout=10)) as db:
            db.execute(f"PRAGMA wal_checkpoint({how})")

    @rule(is_flushed=st.booleans(), chance=st.integers(0, 2))
    def delete_the_store(self, is_flushed: bool, chance: int) -> None:
        """What was in it is gone, what is open comes again; of the rest nobody can tell."""
        if chance:
            return
        if is_flushed:
            self.flush(durable=False)
        # the log first: between two of these steps the fold may make a new store, whose log is not ours to take
        for path in sorted(self.path.parent.glob("store.db*"), reverse=True):
            path.unlink(missing_ok=True)
        self.acknowledged, self.seen = set(), {}
        self.dropped_before = _recorder.dropped  # from now on they are among those that are gone
        self.notes = dict.fromkeys(self.notes, False)
        for entry in self.entries.values():
            entry.is_sure = False  # what is open comes again with the next thing that is written
            entry.is_deleted = True
            entry.is_whole = entry.is_whole and entry.status == "open" and entry.runtime == self.runtimes

    @rule(status=st.sampled_from(["open", "ok", "error"]))
    def write_by_sql(self, status: str) -> None:
        """An older version: a span and its trace, columns by name."""
        if not self.path.exists():
            return
        number = len(self.entries)
        trace, span = f"{number:032x}", f"{number:016x}"
        end = None if status == "open" else number + 5
        with closing(sqlite3.connect(self.path, isolation_level=None, timeout=20)) as db:
            if not db.execute("PRAGMA user_version").fetchone()[0]:
                return  # a file that is being made
            db.execute("BEGIN IMMEDIATE")
            db.execute(_OLD_SPAN, (trace, span, "old", "span", status, number, end))
            n_open, n_errors = status == "open", status == "error"
            db.execute(_OLD_TRACE, (trace, "old", span, status, number, end, n_open, n_errors))
            db.execute("COMMIT")
        # a file that was deleted and is not yet made again takes it along
        self.entries[trace, span] = Entry(
            "old", None, status, is_ours=False, is_sure=self._is_the_store_of_this_process()
        )

    @rule()
    def end_by_sql(self) -> None:
        """What the older version left open."""
        if not self.path.exists():
            return
        with closing(sqlite3.connect(self.path, isolation_level=None, timeout=20)) as db:
            if not db.execute("PRAGMA user_version").fetchone()[0]:
                return
            db.execute("BEGIN IMMEDIATE")
            found = db.execute("SELECT trace_id, span_id FROM spans WHERE name = 'old' AND status = 'open'").fetchall()
            db.execute("UPDATE spans SET status = 'ok', end_ns = start_ns + 9 WHERE name = 'old' AND status = 'open'")
            db.execute(
                "UPDATE traces SET status = 'ok', end_ns = start_ns + 9, n_open = 0 WHERE name = 'old' AND n_open = 1"
            )
            db.execute("COMMIT")
        for key in found:
            self.entries[key].status = "ok"

    @rule(count=st.integers(1, 300), size=st.sampled_from([0, 20_000]))
    def trace_beside_a_locked_store(self, count: int, size: int) -> None:
        """More than the journal holds, perhaps: values are left out first, then spans; each is counted."""
        if not self.path.exists():
            return
        with closing(sqlite3.connect(self.path, isolation_level=None, timeout=20)) as hog:
            hog.execute("BEGIN IMMEDIATE")
            for number in range(count):
                self._trace_one(f"burst {number}", "x" * size or None, is_sure=False)
            hog.execute("ROLLBACK")
        self.flush(durable=False)  # a journal that is still full would keep no values of what comes next

    def _trace_one(self, name: str, given: Any = None, *, is_sure: bool = True) -> None:
        above = sb.current()
        with sb.span(name, input=given) as span:
            pass
        parent = None if above is None else above.span_id
        self.entries[span.trace_id, span.span_id] = Entry(name, parent, "ok", is_sure=is_sure, is_whole=is_sure)

    def _is_the_store_of_this_process(self) -> bool:
        """Whether the file at the path is the one that the fold has open."""
        from spanbook.store._connection import is_same

        return is_same(_runtime.active().fold.writer._identity, self.path)

    # -- what must hold

    @invariant()
    def what_was_acknowledged_is_there(self) -> None:
        """Whatever else happens; each span once, none moved backward, and every trace is the sum of its spans."""
        found = self._readable()
        assert self.acknowledged <= found.keys()
        assert found.keys() <= self.entries.keys()
        for key, row in found.items():
            before = self.seen.get(key, "open")
            assert STATUS_RANK[row["status"]] >= STATUS_RANK[before], (key, before, row["status"])
            self.seen[key] = row["status"]

    def _readable(self) -> dict[Key, sqlite3.Row]:
        if not self.path.exists():
            return {}
        try:
            with closing(open_reader(self.path)) as db:
                db.row_factory = sqlite3.Row
                db.execute("BEGIN")  # one moment for both
                rows = db.execute("SELECT * FROM span_view").fetchall()
                traces = db.execute("SELECT * FROM traces").fetchall()
        except (sqlite3.Error, sb.SpanbookError):
            assert not self.acknowledged  # it is being made
            return {}
        spans: dict[str, list[sqlite3.Row]] = {}
        for row in rows:
            spans.setdefault(row["trace_id"], []).append(row)
        assert {row["trace_id"] for row in traces} == spans.keys()
        for trace in traces:
            check_trace(trace, spans[trace["trace_id"]])
        found = {(row["trace_id"], row["span_id"]): row for row in rows}
        assert len(found) == len(rows), "a span is there twice"
        return found

    def _check_settled(self) -> None:
        """After a flush: readable + dropped + queued = ended, and what is sure is there as it was said."""
        found, stats = self._readable(), sb.stats()
        assert stats["queued_bytes"] == stats["unwritable"] == stats["unreadable"] == 0
        assert stats["failures"] == {}
        ended = {key for key, entry in self.entries.items() if entry.is_ours and entry.status in ENDED}
        readable = {key for key in ended if key in found and found[key]["status"] in ENDED}
        gone = {key for key in ended - readable if self.entries[key].is_deleted}
        dropped = _recorder.dropped - self.dropped_before
        assert len(readable) + dropped + len(gone) == len(ended)
        for key, entry in self.entries.items():
            if entry.is_sure:
                self._check_entry(entry, found[key])
        self.acknowledged = {key for key, entry in self.entries.items() if entry.is_sure}
        if not self.path.exists():
            return  # it was deleted, and nothing was to be written since
        with closing(open_reader(self.path)) as db:
            noted = [name for (name,) in db.execute("SELECT name FROM events UNION ALL SELECT name FROM scores")]
        assert len(noted) == len(set(noted))
        assert {name for name, is_sure in self.notes.items() if is_sure} <= set(noted) <= self.notes.keys()

    def _check_entry(self, entry: Entry, row: sqlite3.Row) -> None:
        allowed = ("open", "interrupted") if entry.status == "open" and entry.is_ours else (entry.status,)
        assert row["status"] in allowed
        if entry.is_whole:
            assert (row["name"], row["parent_id"]) == (entry.name, entry.parent)
        if entry.status in ENDED and entry.output is not None:
            assert json.loads(row["output"]) == entry.output

    def teardown(self) -> None:
        try:
            while self.open:
                self.end_a_span(len(self.open) - 1, None, False)
            _set(None)
            self.flush(durable=False)
            self.what_was_acknowledged_is_there()
            fresh_state()
            with closing(sqlite3.connect(self.path)) as db:
                assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        finally:
            _set(None)
            fresh_state()
            self.patch.undo()
            self.quiet.__exit__(None, None, None)
            self.folder.cleanup()


def _be_a_child(count: int, ending: str, pipe: int) -> None:
    """Trace, say what was traced, and end without any hook at exit."""
    said: list[tuple[str, str, str | None, str, str]] = []

    def note(span: sb.Span, parent: sb.Span | None, status: str) -> None:
        said.append((span.trace_id, span.span_id, None if parent is None else parent.span_id, span.name, status))

    above = sb.current()
    for number in range(count):
        with sb.span(f"child {number}", input="x" * number * 4_000) as span:
            pass
        note(span, above, "ok")
    if ending == "leave one open":
        note(sb.span("left open").start(), above, "interrupted")
    if ending == "flush":
        assert sb.flush(20)
    if ending == "fork again":
        with sb.span("parent of a grandchild") as middle:
            grandchild = os.fork()
            if grandchild == 0:
                with sb.span("grandchild") as span:
                    pass
                note(span, middle, "ok")
                _say(said[-1:], pipe)
                os._exit(0)
            os.waitpid(grandchild, 0)
        note(middle, above, "ok")
    _say(said, pipe)
    if ending != "kill":
        os._exit(0)


def _say(said: list[Any], pipe: int) -> None:
    os.write(pipe, "".join(json.dumps(line) + "\n" for line in said).encode())


def test_a_process_keeps_what_it_acknowledged_whatever_happens() -> None:
    """Spans, forks, kills, reopening, a deleted file, an older writer, a store locked for long."""
    run_same(StoreMachine, examples=12, steps=20)


@pytest.mark.torture
@pytest.mark.timeout(3_600)
def test_a_process_keeps_what_it_acknowledged_for_long() -> None:
    """300 examples, or ``$SPANBOOK_EXAMPLES``."""
    run_many(StoreMachine, examples=300, steps=50)
