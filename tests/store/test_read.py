"""Reading: what was stored comes back unchanged, from any thread."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanbook.ingest._encode import Encoder
from spanbook.ingest._records import RecordReader
from spanbook.model import StoreError
from spanbook.model.prices import PriceTable
from spanbook.model.redaction import make_redactor
from spanbook.model.values import to_json
from spanbook.store._read import StoreReader
from spanbook.store._segments import END, EVENT, SCORE, START
from spanbook.store._write import Batch, StoreWriter
from spanbook.tracer._capture import dumps

PRICES = PriceTable()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
TRACE = f"{1:032x}"


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[StoreWriter]:
    """The writing end of a new store."""
    made = StoreWriter(tmp_path / "store.db")
    yield made
    made.close()


@pytest.fixture
def reader(writer: StoreWriter) -> Iterator[StoreReader]:
    """The reading end."""
    made = StoreReader(writer.path)
    yield made
    made.close()


def fold(writer: StoreWriter, *records: tuple[Any, ...], redact: str = "off") -> Batch:
    """Bring journal records into the store the way the fold does."""
    batch = RecordReader(Encoder(writer.blobs, make_redactor(redact)), PRICES, 7).read([dumps(r) for r in records])
    writer.write(batch)
    return batch


def begun(number: int, *, name: str = "s", kind: str = "span", given: Any = None, **fields: Any) -> tuple[Any, ...]:
    """A start record; span 1 is the root."""
    return (START, TRACE, number, None if number == 1 else 1, name, kind, number * 1_000, given, fields or None, None)


def ended(number: int, *, name: str = "s", kind: str = "span", output: Any = None, **fields: Any) -> tuple[Any, ...]:
    """An end record."""
    parent = None if number == 1 else 1
    status = "error" if "error" in fields else "ok"
    start = number * 1_000
    return (END, TRACE, number, parent, name, kind, start, start + 500, status, output, fields or None)


@given(values=st.tuples(VALUES, VALUES, st.dictionaries(st.text(), VALUES, max_size=3)))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stored_values_come_back_unchanged(writer: StoreWriter, values: tuple[Any, Any, Any]) -> None:
    """Any JSON, and floats and texts that JSON has no word for in their own form."""
    number = writer.connection().execute("SELECT count(*) FROM spans").fetchone()[0] + 1
    reader = StoreReader(writer.path)
    given_, returned, metadata = values
    fold(writer, begun(number, given=given_, metadata=metadata), ended(number, output=returned))
    found = reader.span(TRACE, f"{number:016x}")
    reader.close()
    assert found is not None
    # an absent value and None are one; JSON text in between, since NaN is not equal to itself
    kept = [json.dumps(value) for value in (found.input, found.output, found.metadata)]
    assert kept == [json.dumps(to_json(value)) for value in (given_, returned, metadata)]


def test_every_field_of_a_span_is_read(writer: StoreWriter, reader: StoreReader) -> None:
    """Columns, payloads, usage, tags, events, scores, provenance."""
    error = {"type": "ValueError", "module": "builtins", "message": "no", "traceback": "…"}
    fold(
        writer,
        (START, TRACE, 1, None, "root", "agent", 1_000, {"q": 1}, {"user_id": "ada", "tags": ["a", "b"]},
         {"notebook": "n.ipynb", "cell_id": "c", "cell_hash": "h", "git_commit": "g", "process_id": 5}),
        begun(2, name="call", kind="llm", given=[{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]),
        (EVENT, TRACE, 2, 2_100, "retry", {"after_s": 1}),
        (SCORE, {"score_id": "x", "name": "correct", "value": 1, "value_type": "bool", "source": "human",
                 "comment": "yes", "trace_id": TRACE, "span_id": f"{2:016x}", "created_ns": 9}),
        ended(2, name="call", kind="llm", output=[{"role": "assistant", "parts": []}], model="m", provider="p",
              usage={"input_tokens": 3, "output_tokens": 4, "reasoning_tokens": 1}, cost_usd=0.5, response_id="r",
              finish_reason="stop", first_token_ns=2_200, level="warning", error=error, model_parameters={"t": 0},
              tools=[{"name": "f"}], attributes={"a": 1}, links=[{"trace_id": "t"}], prompt_name="pn",
              prompt_version="3", session_id="s", environment="e", release="1", feature="f", region="eu"),
    )  # fmt: skip
    root, call = reader.spans(TRACE)
    assert (root.status, root.user_id, root.tags, root.input) == ("open", "ada", ["a", "b"], {"q": 1})
    assert (root.provenance.notebook, root.provenance.cell_hash, root.provenance.process_id) == ("n.ipynb", "h", 5)
    assert (call.parent_id, call.kind, call.status, call.level) == (root.span_id, "llm", "error", "warning")
    assert (call.start_ns, call.end_ns, call.duration_ms, call.time_to_first_token_ms) == (2_000, 2_500, 5e-4, 2e-4)
    assert call.input == [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    assert (call.usage, call.cost_usd, call.cost_source) == (
        {"input_tokens": 3, "output_tokens": 4, "reasoning_tokens": 1}, 0.5, "client",
    )  # fmt: skip
    assert (call.model, call.provider, call.response_id, call.finish_reason) == ("m", "p", "r", "stop")
    assert (call.error, call.error_type) == (error, "ValueError")
    assert (call.model_parameters, call.tools, call.attributes, call.links) == (
        {"t": 0}, [{"name": "f"}], {"a": 1}, [{"trace_id": "t"}],
    )  # fmt: skip
    assert (call.prompt_name, call.prompt_version, call.session_id, call.environment) == ("pn", "3", "s", "e")
    assert (call.release, call.feature, call.region) == ("1", "f", "eu")
    assert [(event.name, event.time_ns, event.data) for event in call.events] == [("retry", 2_100, {"after_s": 1})]
    assert [(score.name, score.value, score.source, score.comment) for score in call.scores] == [
        ("correct", True, "human", "yes")
    ]
    assert reader.span(TRACE, call.span_id) == call
    assert reader.span(TRACE, "0" * 16) is None


def test_summaries_are_newest_first_and_within_a_window(writer: StoreWriter, reader: StoreReader) -> None:
    """``since`` is inclusive, ``until`` is not."""
    for number in range(1, 6):
        trace = f"{number:032x}"
        fold(writer, (START, trace, 1, None, f"t{number}", "span", number * 1_000, None, None, None))
    assert [t.name for t in reader.trace_summaries()] == ["t5", "t4", "t3", "t2", "t1"]
    assert [t.name for t in reader.trace_summaries(since_ns=2_000, until_ns=4_000)] == ["t3", "t2"]
    assert [t.name for t in reader.trace_summaries("t.name <> ?", ["t5"], limit=2)] == ["t4", "t3"]
    assert reader.latest_trace_ids(2) == [f"{5:032x}", f"{4:032x}"]
    assert reader.find_trace("nothing") is None
    assert reader.trace_ids_like("0000") == [f"{1:032x}", f"{2:032x}"]


def test_media_are_read_by_their_digest(writer: StoreWriter, reader: StoreReader) -> None:
    """Bytes live in a blob, never base64 in a row."""
    image = b"\x89PNG\r\n\x1a\n" + bytes(500)
    fold(writer, begun(1, given={"picture": image}))
    part = reader.spans(TRACE)[0].input["picture"]
    assert {key: part[key] for key in ("mime_type", "size")} == {"mime_type": "image/png", "size": len(image)}
    assert reader.read_blob(part["digest"]) == ("image/png", image)
    assert reader.read_blob("0" * 32) is None
    assert reader.read_blob("no digest") is None


def test_each_thread_has_a_connection_and_closes_it(writer: StoreWriter, reader: StoreReader) -> None:
    """Many at once, while the writer goes on."""
    from spanbook.store._read import _all_held

    fold(writer, begun(1))
    before = sum(held.db is not None for held in _all_held)
    seen: list[int] = []
    connections: list[int] = []

    def read() -> None:
        for _ in range(20):
            seen.append(len(reader.spans(TRACE)))
        connections.append(id(reader.connection()))

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for number in range(2, 30):
        fold(writer, begun(number))
    for thread in threads:
        thread.join()
    assert set(seen) <= set(range(1, 30))
    assert len(reader.spans(TRACE)) == 29
    del threads, thread
    gc.collect()
    assert sum(held.db is not None for held in _all_held) <= before + 1


def test_a_store_that_is_gone_is_said(writer: StoreWriter, reader: StoreReader) -> None:
    """And read again when it is back."""
    fold(writer, begun(1))
    assert len(reader.spans(TRACE)) == 1
    aside = writer.path.with_name("aside.db")
    writer.close()
    writer.path.rename(aside)
    with pytest.raises(StoreError, match="there is no store"):
        reader.spans(TRACE)
    aside.rename(writer.path)
    assert len(reader.spans(TRACE)) == 1
