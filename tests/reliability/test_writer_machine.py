"""Two writers of one store against a dict: batches late, doubled, split and out of order, an older writer beside them.

The model says of each span which of its records have arrived. From that follows all that the store may hold: one row a
span, in the highest state that was said, with everything that was said of it, and trace rows that are sums of rows.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from spanbook.model import STATUS_RANK
from spanbook.store._connection import open_reader
from spanbook.store._segments import Position
from spanbook.store._write import Batch, SpanRecord, StoreReplacedError, StoreWriter
from tests.reliability.machines import SUMS, check_trace, run_many, run_same

Key = tuple[str, str]
TRACES = [f"{number:032x}" for number in (1, 2, 3)]
JOURNALS = ("journal a", "journal b")


@dataclass
class Known:
    """A span as it was traced: its columns, and the records that say them."""

    columns: dict[str, Any]
    usage: dict[str, Any]
    final: str | None = None  # how it ended, None while it is open

    @property
    def key(self) -> Key:
        return self.columns["trace_id"], self.columns["span_id"]

    def said(self, status: str) -> tuple[dict[str, Any], dict[str, str]]:
        """Columns and payloads of the record that brings the span to this state."""
        number = self.columns["start_ns"]
        if status == "open":
            return {**self.columns, "status": "open"}, {
                "input": json.dumps(f"in {number} " + "x" * (number * 97 % 700))
            }
        ended = {**self.columns, **self.usage, "status": status, "end_ns": number + 50}
        return ended, {"output": json.dumps(f"out {number}")}


@dataclass
class Stored:
    """What the store has been told of a span."""

    statuses: set[str] = field(default_factory=set)
    journal: str | None = None  # whose end interrupts it

    @property
    def status(self) -> str:
        return max(self.statuses, key=STATUS_RANK.__getitem__)


class WriterMachine(RuleBasedStateMachine):
    """Writers ``StoreWriter.write`` on one file; each example in a folder of its own."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="spanbook-machine-")
        self.path = Path(self.folder.name) / "store.db"
        self.writers = [StoreWriter(self.path), StoreWriter(self.path)]
        self.traced: dict[Key, Known] = {}
        self.stored: dict[Key, Stored] = {}
        self.seen: dict[Key, str] = {}
        self.batches = 0

    # -- what is traced

    @rule(
        trace=st.sampled_from(TRACES),
        parent=st.integers(0, 99),
        kind=st.sampled_from(["llm", "span", "embedding", "llm", "agent"]),
        usage=st.fixed_dictionaries({}, optional={"input_tokens": st.integers(0, 500), "output_tokens":
              st.integers(0, 500), "cost_usd": st.integers(0, 64).map(lambda n: n / 64)}),
        counted=st.sampled_from([1, 1, 1, 0]),
    )  # fmt: skip
    def trace_a_span(self, trace: str, parent: int, kind: str, usage: dict[str, Any], counted: int) -> None:
        """Below any span of its trace, or none; nothing is written yet."""
        number = len(self.traced) + 1
        above = [key[1] for key in self.traced if key[0] == trace]
        columns = {"trace_id": trace, "span_id": f"{number:016x}", "name": f"span {number}", "kind": kind,
                   "parent_id": above[parent % len(above)] if above and parent else None, "start_ns": number,
                   "counted": counted}  # fmt: skip
        known = Known(columns, usage)
        self.traced[known.key] = known

    @precondition(lambda self: self.traced)
    @rule(which=st.integers(0, 99), how=st.sampled_from(["ok", "error"]))
    def end_spans(self, which: int, how: str) -> None:
        for known in list(self.traced.values())[which % len(self.traced) :]:
            known.final = known.final or how

    # -- what arrives

    @precondition(lambda self: self.traced)
    @rule(
        writer=st.integers(0, 1),
        journal=st.sampled_from([None, *JOURNALS]),
        order=st.lists(st.tuples(st.integers(0, 9), st.sampled_from([True, True, False])), min_size=1, max_size=12),
        cuts=st.lists(st.integers(0, 12), max_size=3),
        is_durable=st.booleans(),
    )
    def write_batches(
        self, writer: int, journal: str | None, order: list[tuple[int, bool]], cuts: list[int], is_durable: bool
    ) -> None:
        """Any records in any order, as often as you like, cut into transactions anywhere."""
        spans = list(self.traced.values())
        arriving = [(spans[at % len(spans)], is_end) for at, is_end in order]
        records = [(known, known.final if is_end and known.final else "open") for known, is_end in arriving]
        edges = sorted({0, len(records), *(cut for cut in cuts if cut < len(records))})
        for start, stop in pairwise(edges):
            self._write(self.writers[writer], records[start:stop], journal, is_durable)

    @rule(writer=st.integers(0, 1), journal=st.sampled_from(JOURNALS))
    def end_a_journal(self, writer: int, journal: str) -> None:
        """Its process is gone: what it left open is interrupted, and may still end through another."""
        self._retry(lambda: self.writers[writer].write(Batch(ended_journal=journal)))
        for stored in self.stored.values():
            if stored.journal == journal and stored.status == "open":
                stored.statuses.add("interrupted")

    def _write(self, writer: StoreWriter, records: list[tuple[Known, str]], journal: str | None, durable: bool) -> None:
        self.batches += 1
        position = None if journal is None else (journal, Position(1, self.batches))
        self._retry(lambda: writer.write(self._batch(writer, records, position), durable=durable))
        for known, status in records:
            stored = self.stored.setdefault(known.key, Stored())
            if not stored.statuses and status == "open":
                stored.journal = journal
            stored.statuses.add(status)

    def _batch(self, writer: StoreWriter, records: list[tuple[Known, str]], position: Any) -> Batch:
        batch = Batch(journal=position)
        for known, status in records:
            columns, texts = known.said(status)
            payloads: dict[str, Any] = {name: writer.blobs.text(t) if len(t) > 99 else t for name, t in texts.items()}
            batch.spans.append(SpanRecord(dict(columns), payloads))
        return batch

    def _retry(self, write: Any) -> None:
        """As the fold does: a batch made for a file that is gone is made again."""
        try:
            write()
        except StoreReplacedError:
            write()

    # -- an older version of spanbook, or anybody with SQL

    @precondition(lambda self: self.path.exists() and self._unstored())
    @rule(which=st.integers(0, 99), is_ended=st.booleans())
    def insert_by_sql(self, which: int, is_ended: bool) -> None:
        """The columns it knows, by name; and the trace's sums."""
        unstored = self._unstored()
        known = unstored[which % len(unstored)]
        status = known.final if is_ended and known.final else "open"
        columns, texts = known.said(status)
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        with self._by_sql() as db:
            number = db.execute(f"INSERT INTO spans({names}) VALUES ({marks})", tuple(columns.values())).lastrowid  # noqa: S608 (names of our own)
            for name, text in texts.items():
                db.execute(f"INSERT INTO payloads(span, {name}) VALUES (?, ?)", (number, text))  # noqa: S608 (the same)
            self._sum_by_sql(db, known.key[0])
        self.stored[known.key] = Stored({status})

    @precondition(lambda self: self._to_be_ended())
    @rule(which=st.integers(0, 99))
    def end_by_sql(self, which: int) -> None:
        """It knows the write rule, too."""
        ending = self._to_be_ended()
        known = ending[which % len(ending)]
        assert known.final is not None
        columns, texts = known.said(known.final)
        with self._by_sql() as db:
            sets = ", ".join(f"{name} = ?" for name in columns)
            db.execute(f"UPDATE spans SET {sets} WHERE trace_id = ? AND span_id = ?", (*columns.values(), *known.key))  # noqa: S608 (names of our own)
            db.execute("DELETE FROM open_spans WHERE span IN (SELECT id FROM spans WHERE trace_id = ? AND span_id = ?)",
                       known.key)  # fmt: skip
            output = "INSERT INTO payloads(span, output) SELECT id, ? FROM spans WHERE trace_id = ? AND span_id = ?"
            output += " ON CONFLICT(span) DO UPDATE SET output = excluded.output"
            db.execute(output, (texts["output"], *known.key))
            self._sum_by_sql(db, known.key[0])
        self.stored[known.key].statuses.add(known.final)

    def _unstored(self) -> list[Known]:
        return [known for key, known in self.traced.items() if key not in self.stored]

    def _to_be_ended(self) -> list[Known]:
        open_ones = [key for key, stored in self.stored.items() if STATUS_RANK[stored.status] < STATUS_RANK["ok"]]
        return [self.traced[key] for key in open_ones if self.traced[key].final]

    @contextlib.contextmanager
    def _by_sql(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, isolation_level=None, timeout=10)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    def _sum_by_sql(self, db: sqlite3.Connection, trace: str) -> None:
        root = ("SELECT span_id, name, status FROM spans WHERE trace_id = ? "
                "ORDER BY parent_id IS NOT NULL, start_ns, span_id LIMIT 1")  # fmt: skip
        span_id, name, status = db.execute(root, (trace,)).fetchone()
        counted = ", ".join(f"sum({column}) FILTER (WHERE counted AND kind IN ('llm', 'embedding'))" for column in SUMS)
        sums = db.execute(
            "SELECT min(start_ns), max(end_ns), count(*), sum(status = 'open'), sum(status = 'error'), "  # noqa: S608 (the same)
            f"sum(kind = 'llm' AND counted), {counted} FROM spans WHERE trace_id = ?", (trace,)
        ).fetchone()  # fmt: skip
        row = {"trace_id": trace, "name": name, "root_span_id": span_id, "status": "open" if sums[3] else status}
        row |= dict(zip(("start_ns", "end_ns", "n_spans", "n_open", "n_errors", "n_llm", *SUMS), sums, strict=True))
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        sets = ", ".join(f"{column} = excluded.{column}" for column in row)
        db.execute(f"INSERT INTO traces({names}) VALUES ({marks}) ON CONFLICT(trace_id) DO UPDATE SET {sets}",  # noqa: S608 (the same)
                   tuple(row.values()))  # fmt: skip

    # -- the file

    @rule(writer=st.integers(0, 1), is_new=st.booleans())
    def reopen(self, writer: int, is_new: bool) -> None:
        self.writers[writer].close()
        if is_new:
            self.writers[writer] = StoreWriter(self.path)

    @rule(writer=st.integers(0, 1))
    def pause(self, writer: int) -> None:
        self.writers[writer].rest()

    @precondition(lambda self: self.path.exists())
    @rule()
    def checkpoint_by_another(self) -> None:
        with closing(sqlite3.connect(self.path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @precondition(lambda self: self.stored)
    @rule(chance=st.integers(0, 3))
    def delete_the_file(self, chance: int) -> None:
        """Everything in it is gone; the writers are not told."""
        if chance:
            return
        for path in self.path.parent.glob("store.db*"):
            path.unlink()
        self.stored, self.seen = {}, {}

    # -- what must hold

    @invariant()
    def the_store_is_what_was_said(self) -> None:
        if not self.path.exists():
            return
        with closing(open_reader(self.path)) as db:
            db.row_factory = sqlite3.Row
            spans = db.execute("SELECT * FROM span_view ORDER BY id").fetchall()
            traces = db.execute("SELECT * FROM traces").fetchall()
            waiting = db.execute("SELECT trace_id, span_id, journal_id FROM open_spans o JOIN spans s ON s.id = o.span"
                                 ).fetchall()  # fmt: skip
        keys = [(row["trace_id"], row["span_id"]) for row in spans]
        assert len(keys) == len(set(keys)), "a span is there twice"
        assert set(keys) == set(self.stored)
        for key, row in zip(keys, spans, strict=True):
            self._check_span(key, row)
        assert {row["trace_id"] for row in traces} == {trace for trace, _ in keys}
        for row in traces:
            check_trace(row, [span for span in spans if span["trace_id"] == row["trace_id"]])
        assert {(trace, span): journal for trace, span, journal in waiting} == {
            key: stored.journal for key, stored in self.stored.items() if stored.journal and stored.status == "open"
        }

    def _check_span(self, key: Key, row: sqlite3.Row) -> None:
        stored, known = self.stored[key], self.traced[key]
        assert row["status"] == stored.status
        assert STATUS_RANK[row["status"]] >= STATUS_RANK[self.seen.get(key, "open")], "it moved backward"
        self.seen[key] = row["status"]
        for status in stored.statuses - {"interrupted"}:
            columns, texts = known.said(status)
            for name, value in (columns | texts).items():
                assert name == "status" or row[name] == value, (key, name)

    def teardown(self) -> None:
        """At last everything arrives, ends before starts, by both writers."""
        for known in self.traced.values():
            known.final = known.final or "ok"
        for writer in self.writers if self.traced else ():
            records = [(known, status) for known in self.traced.values() for status in (str(known.final), "open")]
            self._write(writer, records, JOURNALS[0], False)
            self.the_store_is_what_was_said()
        for writer in self.writers:
            writer.close()
        if self.path.exists():
            with closing(sqlite3.connect(self.path)) as db:
                assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        self.folder.cleanup()


def test_two_writers_and_an_older_one_keep_what_they_were_told() -> None:
    """Whatever order their records come in, and whatever happens to the file between."""
    run_same(WriterMachine, examples=60, steps=25)


@pytest.mark.torture
def test_two_writers_and_an_older_one_for_long() -> None:
    """1,000 examples, or ``$SPANBOOK_EXAMPLES``."""
    run_many(WriterMachine, examples=1_000, steps=60)
