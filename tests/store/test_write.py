"""The one write rule: whatever comes in whatever order, rows only move forward and totals are sums of rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from spanbook.model import COUNTED_KINDS
from spanbook.store._connection import open_reader
from spanbook.store._read import StoreReader
from spanbook.store._schema import PAYLOAD_COLUMNS
from spanbook.store._segments import Position
from spanbook.store._write import Batch, SpanRecord, StoreReplacedError, StoreWriter, Written

TRACE = "0" * 31 + "1"


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[StoreWriter]:
    """The writing end of a new store."""
    made = StoreWriter(tmp_path / "store.db")
    yield made
    made.close()


def record(number: int, status: str = "ok", *, trace: str = TRACE, payloads: Any = None, **columns: Any) -> SpanRecord:
    """A span record; span 1 is the root and the parent of all others."""
    base = {
        "trace_id": trace, "span_id": f"{number:016x}", "parent_id": None if number == 1 else f"{1:016x}",
        "name": f"span {number}", "kind": "span", "status": status, "start_ns": number,
    }  # fmt: skip
    if status in ("ok", "error"):
        base["end_ns"] = number + 100
    metadata = columns.pop("metadata", None)
    return SpanRecord({**base, **columns}, payloads or {}, metadata)


def write(writer: StoreWriter, *records: SpanRecord, **more: Any) -> Written:
    """One transaction."""
    return writer.write(Batch(spans=list(records), **more))


def rows(writer: StoreWriter, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Read back through a connection of its own."""
    with closing(open_reader(writer.path)) as db:
        return db.execute(sql, values).fetchall()


# -- the rule, for any order

STATUSES = ("open", "interrupted", "ok", "error")


@dataclass(frozen=True)
class Story:
    """What happens to the spans of one trace, each step a record; and an order, repetitions and cuts of the steps."""

    steps: list[SpanRecord]
    order: list[int]
    cuts: list[int]

    def batches(self) -> list[list[SpanRecord]]:
        """The steps as they arrive."""
        arriving = [self.steps[index] for index in self.order]
        edges = [0, *sorted(self.cuts), len(arriving)]
        return [arriving[a:b] for a, b in pairwise(edges)]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Up to seven spans: nested, orphaned, left open, interrupted, failed, with usage and cost at start or at end."""
    count = draw(st.integers(1, 7))
    steps: list[SpanRecord] = []
    for number in range(1, count + 1):
        parent = draw(st.sampled_from([None, *range(1, number), 99]))
        usage = draw(st.fixed_dictionaries({}, optional={
            "input_tokens": st.integers(0, 1_000), "output_tokens": st.integers(0, 1_000),
            "cache_read_tokens": st.integers(0, 9), "cost_usd": st.integers(0, 64).map(lambda n: n / 64),
        }))  # fmt: skip
        begun: dict[str, Any] = {
            "parent_id": None if parent is None else f"{parent:016x}",
            "kind": draw(st.sampled_from(["span", "llm", "embedding", "tool"])),
            "user_id": draw(st.sampled_from([None, "ada"])),
        }
        if draw(st.booleans()):
            begun["counted"] = 0
        ended = {**begun, "name": draw(st.sampled_from([f"span {number}", "renamed"])), **usage}
        said: dict[str, Any] = {"metadata": {"number": number}} if draw(st.booleans()) else {}
        steps.append(record(number, "open", payloads={"input": f'"in {number}"'}, **begun, **said))
        if draw(st.booleans()):
            steps.append(SpanRecord({**steps[-1].columns, "status": "interrupted"}))
        if draw(st.integers(0, 5)):
            final = draw(st.sampled_from(["ok", "error"]))
            steps.append(record(number, final, payloads={"output": f'"out {number}"'}, **ended, **said))
    order = draw(st.permutations(range(len(steps))))
    order = [*order, *draw(st.lists(st.integers(0, len(steps) - 1), max_size=5))]
    return Story(steps, order, draw(st.lists(st.integers(0, len(order)), max_size=4)))


def stored(writer: StoreWriter, trace: str) -> tuple[list[Any], dict[str, Any]]:
    """Span rows with payloads, and the trace row; without what numbers them."""
    with closing(open_reader(writer.path)) as db:
        db.row_factory = sqlite3.Row
        spans = db.execute("SELECT * FROM span_view WHERE trace_id = ? ORDER BY span_id", (trace,)).fetchall()
        (summary,) = db.execute("SELECT * FROM traces WHERE trace_id = ?", (trace,)).fetchall()
    hidden = ("id", "trace_id")
    plain = [{key: row[key] for key in row.keys() if key not in hidden} for row in spans]  # noqa: SIM118 (sqlite3.Row)
    return plain, {key: summary[key] for key in summary.keys() if key not in hidden}  # noqa: SIM118


def tell(writer: StoreWriter, trace: str, batches: Sequence[Sequence[SpanRecord]]) -> None:
    """Write the records as those of one trace."""
    for batch in batches:
        write(writer, *(SpanRecord({**r.columns, "trace_id": trace}, r.payloads, r.metadata) for r in batch))


@given(story=stories())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_order_repetition_and_batching_do_not_matter(writer: StoreWriter, story: Story) -> None:
    """The same rows and the same totals as when each record comes once, in order, in a transaction of its own."""
    number = writer.connection().execute("SELECT count(*) FROM traces").fetchone()[0]
    plain, mixed = f"{2 * number + 1:032x}", f"{2 * number + 2:032x}"
    tell(writer, plain, [[step] for step in story.steps])
    tell(writer, mixed, story.batches())
    assert stored(writer, mixed) == stored(writer, plain)
    check_totals(writer, mixed)


def check_totals(writer: StoreWriter, trace: str) -> None:
    """The trace row says what its span rows add up to, and open spans are known as such."""
    spans, summary = stored(writer, trace)
    counted = [span for span in spans if span["counted"] and span["kind"] in COUNTED_KINDS]
    for name in ("input_tokens", "output_tokens", "cache_read_tokens", "cost_usd"):
        assert (summary[name] or 0) == sum(span[name] or 0 for span in counted), name
    assert summary["n_spans"] == len(spans)
    assert summary["n_open"] == sum(span["status"] == "open" for span in spans)
    assert summary["n_errors"] == sum(span["status"] == "error" for span in spans)
    assert summary["n_llm"] == sum(span["kind"] == "llm" for span in counted)
    assert summary["start_ns"] == min(span["start_ns"] for span in spans)
    assert summary["end_ns"] == max((span["end_ns"] for span in spans if span["end_ns"]), default=None)
    (root,) = [span for span in spans if span["span_id"] == summary["root_span_id"]]
    assert (root["parent_id"] is None) == any(span["parent_id"] is None for span in spans)
    assert summary["name"] == root["name"]
    assert summary["status"] == ("open" if summary["n_open"] else root["status"])


# -- single cases of it


def test_a_span_only_moves_forward(writer: StoreWriter) -> None:
    """A start that comes late fills what is missing and changes nothing else."""
    write(writer, record(1, "error", name="end", payloads={"output": '"out"'}))
    write(writer, record(1, "open", name="start", model="m", payloads={"input": '"in"', "output": '"old"'}))
    write(writer, record(1, "interrupted"))
    found = rows(writer, "SELECT name, status, model, end_ns, input, output FROM span_view")
    assert found == [("end", "error", "m", 101, '"in"', '"out"')]


def test_the_later_of_two_ends_wins_field_by_field(writer: StoreWriter) -> None:
    """An exporter that sends a batch again with more in it."""
    write(writer, record(1, model="m", input_tokens=5))
    write(writer, record(1, "error", input_tokens=7, error_type="ValueError"))
    found = rows(writer, "SELECT status, model, input_tokens, error_type FROM spans")
    assert found == [("error", "m", 7, "ValueError")]


def test_a_root_that_comes_late_takes_its_orphans_back(writer: StoreWriter) -> None:
    """Until then the earliest orphan stands for the trace."""
    write(writer, record(3, name="grandchild", parent_id=f"{2:016x}"))
    write(writer, record(2, name="child"))
    assert rows(writer, "SELECT name, root_span_id FROM traces") == [("child", f"{2:016x}")]
    write(writer, record(1, name="root", user_id="ada"))
    assert rows(writer, "SELECT name, root_span_id, user_id, n_spans FROM traces") == [("root", f"{1:016x}", "ada", 3)]


def test_a_trace_takes_user_and_session_from_its_root_or_else_from_any_span(writer: StoreWriter) -> None:
    """Tags of all spans add up; metadata is the root's."""
    write(writer, record(1, tags='["a"]', metadata={"tier": "pro"}), record(2, user_id="bob", tags='["b", "a"]'))
    assert rows(writer, "SELECT user_id, tags, metadata FROM traces") == [("bob", '["a", "b"]', '{"tier": "pro"}')]
    write(writer, record(1, user_id="ada"), record(3, user_id="eve"))
    assert rows(writer, "SELECT user_id FROM traces") == [("ada",)]


def test_only_calls_of_models_are_summed(writer: StoreWriter) -> None:
    """An agent's span may repeat the total of its calls; a call seen twice counts once."""
    usage: dict[str, Any] = {"input_tokens": 10, "cost_usd": 0.5}
    write(writer, record(1, kind="agent", **usage), record(2, kind="llm", **usage),
          record(3, kind="llm", counted=0, **usage), record(4, kind="embedding", input_tokens=1))  # fmt: skip
    assert rows(writer, "SELECT input_tokens, cost_usd, n_llm FROM traces") == [(11, 0.5, 1)]


def test_a_span_that_turns_out_not_to_count_is_taken_off_the_total(writer: StoreWriter) -> None:
    """Totals change by new row minus old row."""
    write(writer, record(1), record(2, "open", kind="llm", input_tokens=10))
    write(writer, record(2, kind="llm", counted=0))
    assert rows(writer, "SELECT input_tokens FROM traces") == [(0,)]
    assert rows(writer, "SELECT input_tokens, counted FROM spans WHERE span_id LIKE '%2'") == [(10, 0)]


# -- journals


def test_the_position_of_a_journal_is_written_with_its_rows(writer: StoreWriter) -> None:
    """All of a transaction or nothing: a position without its rows would lose them."""
    write(writer, record(1), journal=("j", Position(1, 500)))
    assert writer.position("j") == Position(1, 500)
    with pytest.raises(sqlite3.IntegrityError):
        write(writer, record(2), record(3, kind=None), journal=("j", Position(1, 900)))
    assert writer.position("j") == Position(1, 500)
    assert rows(writer, "SELECT count(*) FROM spans") == [(1,)]
    writer.forget_journal("j")
    assert writer.position("j") is None


def test_open_spans_of_a_journal_that_ended_are_interrupted(writer: StoreWriter) -> None:
    """Those of other journals are not; an end that still comes moves them forward."""
    write(writer, record(1, "open"), record(2, "open"), record(3), journal=("dead", Position(1, 1)))
    write(writer, record(4, "open"), journal=("alive", Position(1, 1)))
    write(writer, record(2), journal=("dead", Position(1, 2)), ended_journal="dead")
    statuses = "SELECT status FROM spans ORDER BY span_id"
    assert rows(writer, statuses) == [("interrupted",), ("ok",), ("ok",), ("open",)]
    assert rows(writer, "SELECT status, n_open FROM traces") == [("open", 1)]
    assert rows(writer, "SELECT journal_id FROM open_spans") == [("alive",)]
    write(writer, record(1), record(4), journal=("alive", Position(1, 2)))
    assert rows(writer, statuses) == [("ok",)] * 4
    assert rows(writer, "SELECT count(*) FROM open_spans") == [(0,)]


def test_a_span_that_began_in_the_last_batch_is_interrupted_too(writer: StoreWriter) -> None:
    """Its row is made and interrupted in one transaction."""
    write(writer, record(1, "open"), journal=("dead", Position(1, 1)), ended_journal="dead")
    assert rows(writer, "SELECT status FROM spans") == [("interrupted",)]


# -- events, scores, what is said of traces later


def test_events_and_scores_are_written_once(writer: StoreWriter) -> None:
    """Under their own ids."""
    event = {"event_id": "e", "trace_id": TRACE, "span_id": f"{1:016x}", "time_ns": 5, "name": "note", "data": "[1]"}
    score = {"score_id": "s", "trace_id": TRACE, "span_id": None, "session_id": None, "name": "correct", "value": 1,
             "value_type": "bool", "source": "code", "created_ns": 6}  # fmt: skip
    for _ in range(2):
        write(writer, record(1), events=[event], scores=[score])
    assert rows(writer, "SELECT event_id, name, data FROM events") == [("e", "note", "[1]")]
    assert rows(writer, "SELECT name, value, value_type FROM scores") == [("correct", 1, "bool")]


def test_the_execution_count_is_filled_in_after_the_cell(writer: StoreWriter) -> None:
    """On the trace and its root; traces that are not there are passed over."""
    write(writer, record(1), record(2), trace_updates=[([TRACE, "f" * 32], {"execution_count": 7})])
    assert rows(writer, "SELECT execution_count FROM traces") == [(7,)]
    assert rows(writer, "SELECT execution_count FROM spans ORDER BY span_id") == [(7,), (None,)]


def test_what_changed_is_told(writer: StoreWriter) -> None:
    """Rows as they are now, for live views."""
    written = write(writer, record(1, "open"), record(2))
    assert [(row["name"], row["status"]) for row in written.spans] == [("span 1", "open"), ("span 2", "ok")]
    assert [(row["n_spans"], row["status"]) for row in written.traces] == [(2, "open")]


# -- the file under it


def test_a_removed_store_is_noticed_before_anything_goes_into_it(writer: StoreWriter) -> None:
    """The batch was made for a file that is gone: it has to be made again."""
    write(writer, record(1))
    writer.path.unlink()
    with pytest.raises(StoreReplacedError):
        write(writer, record(2))
    assert writer.generation == 1
    write(writer, record(2))
    assert rows(writer, "SELECT name FROM spans") == [("span 2",)]


def test_a_removed_log_is_noticed_and_what_was_in_it_is_saved(writer: StoreWriter) -> None:
    """``rm store.db*`` may take the log of a file that was made meanwhile."""
    write(writer, record(1))
    writer.path.with_name("store.db-wal").unlink()
    writer.path.with_name("store.db-shm").unlink()
    write(writer, record(2))
    assert rows(writer, "SELECT name FROM spans ORDER BY span_id") == [("span 1",), ("span 2",)]


def test_a_reader_follows_to_the_new_file(writer: StoreWriter) -> None:
    """Its connection is opened anew."""
    reader = StoreReader(writer.path)
    write(writer, record(1))
    assert len(reader.spans(TRACE)) == 1
    writer.path.unlink()
    with pytest.raises(StoreReplacedError):
        write(writer, record(2))
    write(writer, record(2), record(3))
    assert [span.name for span in reader.spans(TRACE)] == ["span 2", "span 3"]
    reader.close()


def test_two_writers_share_a_file(writer: StoreWriter) -> None:
    """Rows of one trace from both; ids of rows and blobs do not collide."""
    other = StoreWriter(writer.path)
    for number in range(1, 20):
        end = writer if number % 2 else other
        blob = end.blobs.text(json.dumps("x" * 300 + str(number)))
        write(end, record(number, kind="llm", input_tokens=1, payloads={"input": blob}))
    other.close()
    assert rows(writer, "SELECT n_spans, input_tokens FROM traces") == [(19, 19)]
    assert rows(writer, "SELECT count(DISTINCT sb_json(input)) FROM payloads") == [(19,)]


def test_a_writer_waits_for_another_and_then_says_locked(writer: StoreWriter) -> None:
    """Nothing of the batch is written; the next try may succeed."""
    write(writer, record(1))
    with closing(sqlite3.connect(writer.path, isolation_level=None)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            writer.write(Batch(spans=[record(2)]), wait_s=0.05)
    write(writer, record(2))
    assert rows(writer, "SELECT n_spans FROM traces") == [(2,)]


def test_values_that_a_column_cannot_hold_fail_the_whole_batch(writer: StoreWriter) -> None:
    """Which leaves the store, and the writer, as they were."""
    with pytest.raises(OverflowError):
        write(writer, record(1), record(2, input_tokens=2**70))
    with pytest.raises(UnicodeEncodeError):
        write(writer, record(1, name="\ud800"))
    write(writer, record(1))
    assert rows(writer, "SELECT name FROM spans") == [("span 1",)]


@given(payloads=st.dictionaries(st.sampled_from(PAYLOAD_COLUMNS), st.text(max_size=400).map(json.dumps)))
@example(payloads={})
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_payloads_come_back(writer: StoreWriter, payloads: dict[str, str]) -> None:
    """Inline or as a blob."""
    number = writer.connection().execute("SELECT count(*) FROM traces").fetchone()[0]
    trace = f"{number + 1:032x}"
    kept = {name: writer.blobs.text(text) if len(text) > 100 else text for name, text in payloads.items()}
    write(writer, record(1, trace=trace, payloads=kept))
    (found,) = stored(writer, trace)[0]
    assert {name: found[name] for name in PAYLOAD_COLUMNS if found[name] is not None} == payloads


def test_spans_deleted_by_sql_are_no_hindrance(writer: StoreWriter) -> None:
    """Their payloads stay, and SQLite gives their numbers anew."""
    write(writer, record(1, payloads={"input": "old", "output": "said"}))
    writer.connection().execute("DELETE FROM spans")
    write(writer, record(1, trace="0" * 31 + "2", payloads={"input": "new"}))
    assert rows(writer, "SELECT s.trace_id, p.input, p.output FROM spans s JOIN payloads p ON p.span = s.id") == [
        ("0" * 31 + "2", "new", None)
    ]
