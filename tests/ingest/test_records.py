"""From journal records to rows: joined, converted, priced; nothing a user sets can hold up the others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spanbook.ingest._encode import Encoder
from spanbook.ingest._records import RecordReader
from spanbook.model.prices import PriceTable, Rates
from spanbook.model.redaction import make_redactor
from spanbook.store._blobs import BlobSet
from spanbook.store._segments import END, EVENT, SCORE, START, UPDATE
from spanbook.store._write import Batch, SpanRecord
from spanbook.tracer import SpanbookWarning, _report
from spanbook.tracer._capture import dumps

TRACE = f"{1:032x}"


@pytest.fixture
def reader() -> RecordReader:
    """A reader that redacts nothing and knows one price of its own."""
    prices = PriceTable()
    prices.add("m", Rates(input=2.0, output=10.0))
    return RecordReader(Encoder(BlobSet(), make_redactor("off")), prices, 7)


@pytest.fixture(autouse=True)
def _say_everything() -> Iterator[None]:
    _report.forget_said()
    yield
    _report.errors.clear()


def start(span: int = 1, *, given: Any = None, kind: str = "span", name: str = "s", **fields: Any) -> bytes:
    """A start record."""
    return dumps((START, TRACE, span, None if span == 1 else 1, name, kind, 100, given, fields or None, None))


def end(span: int = 1, *, output: Any = None, kind: str = "span", name: str = "s", **fields: Any) -> bytes:
    """An end record."""
    parent = None if span == 1 else 1
    return dumps((END, TRACE, span, parent, name, kind, 100, 200, "ok", output, fields or None))


def only(batch: Batch) -> SpanRecord:
    """The one span of a batch."""
    (record,) = batch.spans
    return record


def test_start_and_end_in_one_batch_are_one_row(reader: RecordReader) -> None:
    """With the input of the start and the output of the end."""
    record = only(reader.read([start(given={"q": 1}, user_id="ada"), end(output="yes", model="x")]))
    assert (record.columns["status"], record.columns["user_id"], record.columns["model"]) == ("ok", "ada", "x")
    assert record.payloads == {"input": '{"q":1}', "output": '"yes"'}
    assert reader.open == {}


def test_a_start_alone_is_open_and_is_remembered_for_its_end(reader: RecordReader) -> None:
    """The end comes in a later batch."""
    assert only(reader.read([start(given=1)])).columns["status"] == "open"
    record = only(reader.read([end()]))
    assert (record.columns["status"], record.payloads["input"]) == ("ok", "1")


def test_an_end_alone_says_what_it_knows(reader: RecordReader) -> None:
    """Its start was folded by a process that is gone."""
    record = only(reader.read([end(output=2)]))
    assert record.payloads == {"output": "2"}
    assert (record.columns["name"], record.columns["start_ns"], record.columns["end_ns"]) == ("s", 100, 200)


def test_time_never_runs_backwards_inside_a_span(reader: RecordReader) -> None:
    """The clock may have been set while it was open."""
    body = dumps((END, TRACE, 1, None, "s", "span", 500, 200, "ok", None, None))
    assert only(reader.read([body])).columns["end_ns"] == 500


def test_what_was_read_can_be_read_again(reader: RecordReader) -> None:
    """Its transaction failed: the spans that it ended are open again."""
    reader.read([start(given="in")])
    reader.read([end()])
    reader.undo()
    assert only(reader.read([end()])).payloads["input"] == '"in"'


def test_a_span_that_began_and_ended_in_what_was_read_is_read_again_whole(reader: RecordReader) -> None:
    reader.read([start(given="in"), end()])
    reader.undo()
    assert not reader.open
    assert only(reader.read([start(given="in"), end()])).payloads["input"] == '"in"'
    assert not reader.open


def test_open_spans_go_into_a_new_store_whole(reader: RecordReader) -> None:
    """With the input they began with; those that are in the batch already are left alone."""
    reader.read([start(1, given="in"), start(2)])
    batch = reader.read([start(2)])
    reader.reopen(batch)
    assert [record.columns["span_id"][-1] for record in batch.spans] == ["2", "1"]
    assert batch.spans[1].payloads["input"] == '"in"'


def test_a_record_that_cannot_be_read_is_counted_and_left_out(reader: RecordReader) -> None:
    """A newer spanbook's, or a defect: those around it are read."""
    odd = [dumps((99, 1, 2)), dumps((START, TRACE)), b"\xff\xff", bytes([START]), bytes([END]), dumps((SCORE, 5))]
    batch = reader.read([start(1), *odd, end(1), start(2)])
    assert [record.columns["span_id"][-1] for record in batch.spans] == ["1", "2"]
    assert reader.unreadable >= 5


# -- what users set

ODD = {
    "tags": 5,
    "cost_usd": "much",
    "first_token_ns": "soon",
    "usage": [1, 2],
    "level": ["high"],
    "counted": "perhaps",
    "user_id": 5,
    "model": {"name": "m"},
    "provider": 7,
    "metadata": ["no", "mapping"],
    "attributes": "none",
    "error": "boom",
    "format": ["openai"],
    "links": "x",
    "prompt_version": 3.5,
    "environment": None,
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.filterwarnings("ignore::spanbook.tracer._report.SpanbookWarning")
def test_a_field_of_a_wrong_type_holds_up_nobody(reader: RecordReader, name: str) -> None:
    """Its span is stored with its other values, and so are the spans around it."""
    fields: dict[str, Any] = {name: ODD[name]}
    odd = end(2, kind="llm", output="kept", **fields)
    batch = reader.read([end(1), odd, end(3)])
    assert [record.columns["span_id"][-1] for record in batch.spans] == ["1", "2", "3"]
    assert batch.spans[1].payloads["output"] == '"kept"'
    assert reader.unreadable == 0


def test_what_a_column_cannot_hold_is_kept_in_attributes_and_said(reader: RecordReader) -> None:
    """Nothing is lost silently."""
    with pytest.warns(SpanbookWarning, match="a field of span .s. is of a wrong type"):
        record = only(reader.read([end(tags=5, cost_usd="much", attributes={"mine": 1})]))
    assert record.payloads["attributes"] == '{"mine":1,"tags":5,"cost_usd":"much"}'


@pytest.mark.parametrize("count", [math.nan, math.inf, 2**70, 2**52, "3", None])
def test_counts_that_are_no_amounts_are_kept_in_attributes(reader: RecordReader, count: Any) -> None:
    """A trace's sum of them would fit no column. The others of the same usage stay."""
    record = only(reader.read([end(kind="llm", usage={"input_tokens": count, "output_tokens": 2.0, "mine": 1})]))
    assert record.columns.get("input_tokens") is None
    assert record.columns["output_tokens"] == 2
    assert ("input_tokens" in str(record.payloads.get("attributes"))) is (count is not None)


@pytest.mark.parametrize("name", ["cost_usd", "output_cost_usd"])
@pytest.mark.parametrize("usd", [math.nan, math.inf, -1e300, 1e13])
def test_a_cost_that_is_no_amount_is_kept_in_attributes(reader: RecordReader, name: str, usd: float) -> None:
    costs: dict[str, Any] = {"cost_usd": 1.0, name: usd}
    record = only(reader.read([end(kind="llm", **costs)]))
    assert record.columns.get(name) is None
    assert name in str(record.payloads["attributes"])


@pytest.mark.parametrize("name", [5, b"bytes", "lone \ud800 half", "", "x" * 5_000, ["list"], "nul \0"])
def test_any_name_becomes_text(reader: RecordReader, name: Any) -> None:
    """At most a thousand characters of it, fit for UTF-8."""
    kept = only(reader.read([end(name=name)])).columns["name"]
    assert isinstance(kept, str)
    assert len(kept.encode()) <= 1_000


def test_kinds_levels_and_tags_are_those_we_know(reader: RecordReader) -> None:
    """Foreign ones become the plain kind and level; a hundred tags at most."""
    columns = only(reader.read([end(kind="alien", level="fatal", tags=[1, *"abc"] * 50)])).columns
    assert (columns["kind"], columns["level"]) == ("span", "default")
    assert columns["tags"].startswith('["1", "a", "b", "c"')
    assert columns["tags"].count(",") == 99


@pytest.mark.parametrize("usage", [{"input_tokens": 2**70, "output_tokens": 2}, {"input_tokens": -(2**64)}])
def test_counts_beyond_64_bits_do_not_cost_the_span(reader: RecordReader, usage: dict[str, int]) -> None:
    """Though all of them are whole numbers."""
    columns = only(reader.read([end(kind="llm", usage=usage)])).columns
    assert columns.get("input_tokens") is None
    assert columns.get("output_tokens") == usage.get("output_tokens")


def test_a_number_that_does_not_fit_is_named(reader: RecordReader) -> None:
    """It is in attributes; the rest of the span stays."""
    with pytest.warns(SpanbookWarning, match="execution_count does not fit in 64 bits"):
        record = only(reader.read([end(execution_count=2**70, output=1)]))
    assert record.payloads == {"output": "1", "attributes": f'{{"execution_count":{2**70}}}'}


# -- cost


def test_usage_is_priced_by_the_model(reader: RecordReader) -> None:
    """100 in at 2 USD and 10 out at 10 USD a million."""
    columns = only(reader.read([end(kind="llm", model="m", usage={"input_tokens": 100, "output_tokens": 10})])).columns
    assert columns["cost_usd"] == pytest.approx(300e-6)
    assert (columns["input_cost_usd"], columns["cost_source"]) == (pytest.approx(200e-6), "own")


def test_what_the_client_says_it_cost_is_believed(reader: RecordReader) -> None:
    """Nothing too: a hit of a cache costs 0."""
    columns = only(reader.read([end(kind="llm", model="m", usage={"input_tokens": 9}, cost_usd=0)])).columns
    assert (columns["cost_usd"], columns["cost_source"]) == (0.0, "client")


def test_only_calls_of_models_are_priced(reader: RecordReader) -> None:
    """An agent that repeats the usage of its calls has no price of its own; an unknown model has none."""
    for kind, model in (("agent", "m"), ("llm", "nobody-knows-it")):
        columns = only(reader.read([end(kind=kind, model=model, usage={"input_tokens": 9})])).columns
        assert "cost_usd" not in columns
        assert columns["input_tokens"] == 9


# -- the rest


def test_events_scores_and_updates_are_read(reader: RecordReader) -> None:
    """Each as a row of its own."""
    score = {"score_id": "x", "name": "n\ud800", "value": "v", "trace_id": TRACE}
    batch = reader.read([
        dumps((EVENT, TRACE, 1, 5, "a", {"k": 1})), dumps((EVENT, TRACE, 1, 5, "a", {"k": 1})),
        dumps((SCORE, score)), dumps((UPDATE, [TRACE], {"execution_count": 3})),
    ])  # fmt: skip
    assert [(event["name"], event["time_ns"], event["data"]) for event in batch.events] == [("a", 5, '{"k":1}')] * 2
    assert len({event["event_id"] for event in batch.events}) == 2
    assert [(found["name"], found["value"]) for found in batch.scores] == [("n?", "v")]
    assert batch.trace_updates == [([TRACE], {"execution_count": 3})]


def test_names_and_comments_are_redacted_too() -> None:
    """A key in a span's name is a key in the store."""
    key = "sk-" + "a1B2c3D4" * 6
    reader = RecordReader(Encoder(BlobSet(), make_redactor("secrets")), PriceTable(), 7)
    batch = reader.read([
        end(name=f"call with {key}", user_id=key, output={"text": f"key {key}"}, metadata={"note": key}),
        dumps((SCORE, {"score_id": "x", "name": "n", "value": key, "comment": key, "trace_id": TRACE})),
        dumps((EVENT, TRACE, 1, 5, key, key)),
    ])  # fmt: skip
    assert key not in repr((batch.spans, batch.events, batch.scores))
    assert reader.encoder.redacted >= 7


def test_a_root_carries_its_process_and_cell(reader: RecordReader, tmp_path: Path) -> None:
    """From the start record; the process from the journal when there is no notebook."""
    provenance = {"notebook": "n.ipynb", "cell_id": "c", "process_id": 9}
    body = dumps((START, TRACE, 1, None, "s", "span", 100, None, None, provenance))
    columns = only(reader.read([body])).columns
    assert (columns["notebook"], columns["cell_id"], columns["process_id"]) == ("n.ipynb", "c", 9)
    assert only(reader.read([start(1)])).columns["process_id"] == 7
