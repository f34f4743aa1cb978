"""Files of telemetry into a store: OTLP/JSON and our own JSON lines, twice with the same result."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spanbook.frames import span_record
from spanbook.frames._otlp import trace_otlp
from spanbook.ingest._files import import_file
from spanbook.ingest._fold import Fold
from spanbook.ingest._foreign import ingest_spans
from spanbook.model import Span, UsageError
from spanbook.model.prices import PriceTable
from spanbook.model.redaction import make_redactor
from spanbook.store._journal import Journal
from spanbook.store._read import StoreReader
from tests.conventions.corpus import load

New = Callable[[], tuple[Fold, StoreReader]]
SPAN = {"traceId": "1" * 32, "spanId": "2" * 16, "name": "call", "startTimeUnixNano": "5", "endTimeUnixNano": "9"}


@pytest.fixture
def new(tmp_path: Path) -> Iterator[New]:
    made: list[tuple[Fold, StoreReader]] = []

    def make() -> tuple[Fold, StoreReader]:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        journal = Journal(folder / "journal", "store.db")
        fold = Fold(folder / "store.db", journal, folder / "journal", make_redactor("off"), PriceTable())
        made.append((fold, StoreReader(folder / "store.db")))
        return made[-1]

    yield make
    for fold, reader in made:
        reader.close()
        fold.writer.close()
        fold.journal.close(remove=True)


def all_spans(reader: StoreReader) -> list[Span]:
    traces = [row[0] for row in reader.rows("SELECT trace_id FROM traces ORDER BY trace_id")]
    return [span for trace_id in traces for span in reader.spans(trace_id)]


def otlp(*spans: Any) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


@pytest.mark.parametrize("client", ["langfuse-python", "vercel-ai-5"])
def test_our_json_lines_come_back_as_they_were(client: str, new: New, tmp_path: Path) -> None:
    fold, reader = new()
    ingest_spans(fold, load(client)[0])
    written = all_spans(reader)
    path = tmp_path / "spans.jsonl"
    path.write_text("".join(json.dumps(span_record(span)) + "\n" for span in written), encoding="utf-8")

    fold, reader = new()
    report = import_file(fold, path)
    import_file(fold, path)

    assert (report.spans, report.n_rejected) == (len(written), 0)
    assert all_spans(reader) == written


@pytest.mark.parametrize("client", ["openinference-openai", "pydantic-ai", "langfuse-python"])
def test_our_otlp_comes_back_with_the_same_meaning(client: str, new: New, tmp_path: Path) -> None:
    fold, reader = new()
    ingest_spans(fold, load(client)[0])
    written = all_spans(reader)
    path = tmp_path / "traces.json"
    path.write_text(json.dumps(trace_otlp(written), indent=1), encoding="utf-8")

    fold, reader = new()
    assert import_file(fold, path).dialects["spanbook"] == len(written)

    blank: dict[str, Any] = {"attributes": {}, "events": (), "links": (), "scores": (), "error": None}
    for found, want in zip(all_spans(reader), written, strict=True):
        assert replace(found, **blank) == replace(want, **blank)
        assert (found.error or {}).get("message") == (want.error or {}).get("message")


def test_requests_a_line_gzipped(new: New, tmp_path: Path) -> None:
    path = tmp_path / "collector.jsonl.gz"
    lines = [json.dumps(otlp({**SPAN, "spanId": f"{number:016x}"})) for number in (1, 2)]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    fold, reader = new()
    assert import_file(fold, path).spans == len(all_spans(reader)) == 2


def test_logs_in_a_file_join_their_spans(new: New, tmp_path: Path) -> None:
    record = {**SPAN, "timeUnixNano": "6", "eventName": "gen_ai.user.message"}
    body = {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "Hi"}}]}}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{**record, "body": body}]}]}]}
    path = tmp_path / "both.jsonl"
    path.write_text(f"{json.dumps(logs)}\n{json.dumps(otlp(SPAN))}\n")
    fold, reader = new()
    import_file(fold, path)
    assert all_spans(reader)[0].input == [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]


def test_what_is_malformed_is_left_out_and_named(new: New, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    own = {"trace_id": "1" * 32, "span_id": "bad", "name": "x", "start_ns": 5}
    path.write_text(
        "\n".join([json.dumps(otlp({**SPAN, "name": 5}, SPAN)), "{nonsense", json.dumps(own), '{"x": 1}', "7"])
    )
    report = import_file(new()[0], path)
    assert (report.spans, report.n_rejected) == (1, 5)
    for said in ("spans[0].name is 5", "line 2: no JSON", "span_id is 'bad'", "line 4", "line 5"):
        assert any(said in reason for reason in report.rejected), said
    assert "malformed, left out" in str(report)


@pytest.mark.parametrize("content", ["", "hello", "[1, 2]", '{"a": 1}', "\n\n"])
def test_a_file_of_something_else_is_refused(content: str, new: New, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="nothing in .* is OTLP/JSON"):
        import_file(new()[0], path)
