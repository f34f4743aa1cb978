"""Files of telemetry into a store: OTLP/JSON and our own JSON lines, twice with the same result."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spanbook.conventions._otlp_json import decode_spans
from spanbook.frames import completer, span_record, trace_otlp
from spanbook.ingest import _files
from spanbook.ingest._files import import_file
from spanbook.ingest._fold import Fold
from spanbook.ingest._foreign import ingest_records, ingest_spans
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

    for found, want in zip(all_spans(reader), written, strict=True):
        assert replace(found, attributes={}) == replace(want, attributes={})


def test_an_attribute_beside_a_field_of_its_name_comes_back(new: New, tmp_path: Path) -> None:
    given = {"gen_ai.tool.name": "look", "x": 1}
    fold, reader = new()
    ingest_records(fold, [{"trace_id": "1" * 32, "span_id": "2" * 16, "name": "running tool", "kind": "tool",
                           "start_ns": 5, "end_ns": 6, "attributes": given}])  # fmt: skip
    path = tmp_path / "export.json"
    path.write_text(json.dumps(trace_otlp(all_spans(reader))), encoding="utf-8")

    fold, reader = new()
    import_file(fold, path)

    (found,) = all_spans(reader)
    assert {name: found.attributes[name] for name in given} == given


@pytest.mark.parametrize("form", ["lines", "otlp"])
def test_an_empty_input_and_the_module_of_an_error_come_back(form: str, new: New, tmp_path: Path) -> None:
    error = {"type": "KeyError", "module": "builtins", "message": "'x'", "traceback": "Traceback…"}
    fold, reader = new()
    ingest_records(fold, [{"trace_id": "1" * 32, "span_id": "2" * 16, "name": "f", "start_ns": 5, "end_ns": 6,
                           "status": "error", "input": {}, "error": error}])  # fmt: skip
    (written,) = all_spans(reader)
    path = tmp_path / "export.jsonl"
    path.write_text(json.dumps(span_record(written) if form == "lines" else trace_otlp([written])), encoding="utf-8")

    fold, reader = new()
    import_file(fold, path)

    (found,) = all_spans(reader)
    assert (found.input, found.error) == ({}, error)


@pytest.mark.parametrize("client", ["openinference-openai", "pydantic-ai", "vercel-ai-5"])
def test_spans_keep_the_program_and_the_library_they_came_from(client: str, new: New, tmp_path: Path) -> None:
    fold, reader = new()
    given = load(client)[0]
    ingest_spans(fold, given)
    request = trace_otlp(all_spans(reader))
    exported = decode_spans(request)
    path = tmp_path / "traces.json"
    path.write_text(json.dumps(request), encoding="utf-8")

    fold, elsewhere = new()
    import_file(fold, path)

    came, went = ({span.span_id: (span.resource, span.scope_name, span.scope_version) for span in spans}
                  for spans in (given, exported))  # fmt: skip
    assert went == came
    names = ("otel.resource", "otel.scope.name", "otel.scope.version")
    for found, want in zip(all_spans(elsewhere), all_spans(reader), strict=True):
        assert [found.attributes.get(name) for name in names] == [want.attributes.get(name) for name in names]


@pytest.mark.parametrize("form", ["lines", "otlp"])
def test_a_picture_goes_with_the_export_and_is_the_same_file_again(form: str, new: New, tmp_path: Path) -> None:
    picture = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0KGgo="}
    call = {"trace_id": "1" * 32, "span_id": "2" * 16, "name": "look", "kind": "llm", "start_ns": 5, "end_ns": 6,
            "input": [{"role": "user", "parts": [{**picture, "filename": "a.png"}]}]}  # fmt: skip
    shot = {**call, "span_id": "3" * 16, "kind": "tool", "input": {"a": {**picture, "$type": "blob"}}}
    fold, reader = new()
    ingest_records(fold, [call, shot])
    written = all_spans(reader)
    complete = completer(reader, written)
    path = tmp_path / "export.jsonl"
    records = [span_record(complete(span)) for span in written] if form == "lines" else [
        trace_otlp(written, complete=complete)]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")

    fold, elsewhere = new()
    import_file(fold, path)

    digest = written[0].input[0]["parts"][0]["digest"]
    assert [span.input for span in all_spans(elsewhere)] == [span.input for span in written]
    assert elsewhere.read_blob(digest) == reader.read_blob(digest) == ("image/png", b"\x89PNG\r\n\x1a\n")


def test_few_lines_with_pictures_are_in_memory_at_a_time(
    new: New, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_files, "_BATCH_SIZE", 3_000_000)
    path = tmp_path / "export.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for at in range(30):
            picture = {"type": "blob", "mime_type": "image/png", "content": f"{at:04}" * 500_000}
            ids = {"trace_id": "1" * 32, "span_id": f"{at + 1:016x}"}
            file.write(json.dumps({**ids, "name": "look", "start_ns": 5, "input": picture}) + "\n")
    fold, reader = new()
    tracemalloc.start()
    try:
        assert import_file(fold, path).spans == len(all_spans(reader)) == 30
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 35_000_000


@pytest.mark.parametrize("form", ["lines", "otlp"])
def test_scores_of_a_trace_and_of_its_session_go_with_its_root(form: str, new: New, tmp_path: Path) -> None:
    span = {"trace_id": "1" * 32, "span_id": "2" * 16, "name": "turn", "start_ns": 5, "end_ns": 6, "session_id": "s"}
    own = {"name": "tone", "value": "warm", "created_ns": 7}
    about: list[dict[str, Any]] = [{"span_id": "2" * 16}, {}, {"session_id": "s"}]
    scores = [{**own, **one, "score_id": str(at)} for at, one in enumerate(about)]
    long = {**own, "name": "corrected_output", "score_id": "4"}
    fold, reader = new()
    ingest_records(fold, [{**span, "scores": [*scores, long]}, {**span, "span_id": "3" * 16, "parent_id": "2" * 16}])
    written = all_spans(reader)
    complete = completer(reader, written)
    records = [span_record(complete(span)) for span in written] if form == "lines" else [
        trace_otlp(written, complete=complete)]  # fmt: skip
    path = tmp_path / "export.jsonl"
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")

    fold, elsewhere = new()
    import_file(fold, path)

    query = "SELECT score_id, trace_id, span_id, session_id, value, value_type FROM scores ORDER BY score_id"
    assert elsewhere.rows(query) == reader.rows(query)
    assert [row[1:4] for row in elsewhere.rows(query)] == [
        ("1" * 32, "2" * 16, None), ("1" * 32, None, None), (None, None, "s"), ("1" * 32, None, None)]  # fmt: skip


def test_requests_a_line_gzipped(new: New, tmp_path: Path) -> None:
    path = tmp_path / "collector.jsonl.gz"
    lines = [json.dumps(otlp({**SPAN, "spanId": f"{number:016x}"})) for number in (1, 2)]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    fold, reader = new()
    assert import_file(fold, path).spans == len(all_spans(reader)) == 2


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: data[:40] + bytes(9) + data[49:]])
def test_a_damaged_gzip_file_is_named(new: New, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "collector.jsonl.gz"
    path.write_bytes(damage(gzip.compress(json.dumps(otlp(SPAN)).encode() + os.urandom(1_000).hex().encode())))
    with pytest.raises(UsageError, match="collector.jsonl.gz' is a damaged gzip file"):
        import_file(new()[0], path)


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
    deep = '{"messages": ' + "[" * 5_000 + "]" * 5_000 + "}"
    path.write_text(
        "\n".join([json.dumps(otlp({**SPAN, "name": 5}, SPAN)), "{nonsense", json.dumps(own), '{"x": 1}', "7", deep])
    )
    report = import_file(new()[0], path)
    assert (report.spans, report.n_rejected) == (1, 6)
    for said in ("spans[0].name is 5", "line 2: no JSON", "span_id is 'bad'", "line 4", "line 5", "nested too deep"):
        assert any(said in reason for reason in report.rejected), said
    assert "malformed, left out" in str(report)


@pytest.mark.parametrize("content", ["", "hello", "[1, 2]", '{"a": 1}', "\n\n"])
def test_a_file_of_something_else_is_refused(content: str, new: New, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="nothing in .* is a trace"):
        import_file(new()[0], path)


# -- other tools' files

TRACE = {"id": "t-1", "timestamp": "2026-03-01T10:00:00.000Z", "name": "support", "userId": "ada", "tags": ["beta"],
         "input": {"question": "price?"}, "output": "29"}  # fmt: skip
CALL = {"id": "o-1", "traceId": "t-1", "type": "GENERATION", "name": "answer", "model": "gpt-4o-mini",
        "startTime": "2026-03-01T10:00:00.100Z", "endTime": "2026-03-01T10:00:01.100Z",
        "input": [{"role": "user", "content": "price?"}], "output": {"role": "assistant", "content": "29"},
        "promptTokens": 12, "completionTokens": 3, "calculatedTotalCost": 0.002}  # fmt: skip
SCORE = {"id": "s-1", "traceId": "t-1", "observationId": "o-1", "name": "correct", "value": 1, "dataType": "NUMERIC"}


def imported(new: New, tmp_path: Path, name: str, text: str) -> list[Span]:
    """The spans of a file, after it was imported twice."""
    fold, reader = new()
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert import_file(fold, path).n_rejected == 0
    import_file(fold, path)
    return all_spans(reader)


def as_csv(*rows: dict[str, Any]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    for row in rows:
        writer.writerow({name: value if isinstance(value, str) else json.dumps(value) for name, value in row.items()})
    return out.getvalue()


def snake(row: dict[str, Any]) -> dict[str, Any]:
    return {re.sub(r"([A-Z])", r"_\1", name).lower(): value for name, value in row.items()}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trace.json", json.dumps({**TRACE, "observations": [CALL], "scores": [SCORE]}, indent=1)),
        ("rows.json", json.dumps([TRACE, CALL, SCORE])),
        ("rows.jsonl", "\n".join(map(json.dumps, [TRACE, CALL, SCORE]))),
        ("blob.jsonl", "\n".join(json.dumps(snake(row)) for row in (TRACE, CALL, SCORE))),
        ("rows.csv", as_csv(TRACE, CALL, SCORE)),
    ],
)
def test_what_langfuse_exports_becomes_a_trace(name: str, text: str, new: New, tmp_path: Path) -> None:
    root, call = imported(new, tmp_path, name, text)

    assert (root.name, root.user_id, root.tags, root.input) == ("support", "ada", ["beta"], {"question": "price?"})
    assert (call.parent_id, call.kind, call.model, call.duration_ms) == (root.span_id, "llm", "gpt-4o-mini", 1000)
    assert call.output == [{"role": "assistant", "parts": [{"type": "text", "content": "29"}]}]
    assert (call.usage, call.cost_usd) == ({"input_tokens": 12, "output_tokens": 3}, 0.002)
    assert [(score.name, score.value) for score in call.scores] == [("correct", 1.0)]


def test_a_page_of_langfuses_api_is_read_as_its_rows(new: New, tmp_path: Path) -> None:
    page = {"data": [TRACE, CALL], "meta": {"page": 1, "limit": 50, "totalItems": 2}}
    assert [span.name for span in imported(new, tmp_path, "page.json", json.dumps(page))] == ["support", "answer"]


def test_who_and_where_of_an_observation_is_kept(new: New, tmp_path: Path) -> None:
    row = {**CALL, "userId": "ada", "sessionId": "s-1", "tags": ["beta"]}
    (call,) = imported(new, tmp_path, "rows.jsonl", json.dumps(row))
    assert (call.user_id, call.session_id, call.tags) == ("ada", "s-1", ["beta"])


@pytest.mark.parametrize("start", [{"startTime": "yesterday"}, {}])
def test_an_observation_without_a_time_is_said_to_be_left_out(start: dict[str, str], new: New, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    row = {"id": "o-2", "type": "SPAN", "name": "when?", **start}
    path.write_text(json.dumps({**TRACE, "observations": [CALL, row]}), encoding="utf-8")
    fold, reader = new()
    report = import_file(fold, path)
    assert [span.name for span in all_spans(reader)] == ["support", "answer"]
    assert report.rejected[0].startswith(f"o-2: startTime is {start.get('startTime')!r}; expected a time")


@pytest.mark.parametrize(
    ("given", "value", "kind"),
    [
        ({"dataType": "CATEGORICAL", "value": 0, "stringValue": "good"}, "good", "label"),
        ({"dataType": "CATEGORICAL", "value": None, "stringValue": "good"}, "good", "label"),
        ({"dataType": "TEXT", "stringValue": "well said"}, "well said", "text"),
        ({"dataType": "BOOLEAN", "value": 1, "stringValue": "True"}, 1, "bool"),
        ({"dataType": "BOOLEAN", "value": None, "stringValue": "False"}, 0, "bool"),
        ({"dataType": "NUMERIC", "value": 0.5, "stringValue": None}, 0.5, "number"),
    ],
)
def test_scores_of_langfuse_say_what_they_say_there(
    given: dict[str, Any], value: Any, kind: str, new: New, tmp_path: Path
) -> None:
    path = tmp_path / "scores.jsonl"
    path.write_text(json.dumps({"id": "s-1", "traceId": "t-1", "name": "tone", **given}), encoding="utf-8")
    fold, reader = new()
    report = import_file(fold, path)
    assert reader.rows("SELECT value, value_type FROM scores") == [(value, kind)]
    assert (report.scores, str(report)) == (1, "0 spans and 1 score")


def test_a_file_that_langfuse_keeps_is_named_though_its_bytes_are_not_in_the_export(new: New, tmp_path: Path) -> None:
    token = "@@@langfuseMedia:type=image/png|id=a3-kNPkqi4CqsC2b8aEuSf|source=bytes@@@"
    content = [{"type": "image_url", "image_url": {"url": token}}]
    row = {**CALL, "input": [{"role": "user", "content": content}], "output": token}
    (call,) = imported(new, tmp_path, "rows.json", json.dumps([row]))

    part = {"type": "blob", "modality": "image", "mime_type": "image/png", "digest": "6b7fa434f92a8b80aab02d9bf1a12e49"}
    assert call.input == [{"role": "user", "parts": [part]}]
    assert call.output == [{"role": "assistant", "parts": [part]}]


ASKED = {"role": "user", "content": "price?"}
SAID = {"role": "assistant", "content": "29"}
BODY = {"id": "r", "model": "gpt-4o-mini", "created": 1_760_000_000, "choices": [{"index": 0, "message": SAID}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}}  # fmt: skip


def test_an_example_for_fine_tuning_is_a_call_with_its_answer(new: New, tmp_path: Path) -> None:
    lines = [json.dumps({"messages": [ASKED, {**SAID, "content": str(at)}]}) for at in range(3)]
    spans = imported(new, tmp_path, "train.jsonl", "\n".join(lines))

    assert [span.kind for span in spans] == ["llm"] * 3
    assert {span.output[0]["parts"][0]["content"] for span in spans} == {"0", "1", "2"}
    assert spans[0].input == [{"role": "user", "parts": [{"type": "text", "content": "price?"}]}]


def test_a_batch_of_openai_tells_its_usage(new: New, tmp_path: Path) -> None:
    line = {"custom_id": "q-7", "response": {"status_code": 200, "body": BODY}, "error": None}
    (span,) = imported(new, tmp_path, "results.jsonl", json.dumps(line))

    assert (span.model, span.usage) == ("gpt-4o-mini", {"input_tokens": 12, "output_tokens": 3})
    assert (span.start_ns, span.metadata) == (1_760_000_000_000_000_000, {"custom_id": "q-7"})


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"response": None, "error": {"code": "batch_expired", "message": "too late"}}, ("batch_expired", "too late")),
        (
            {"response": {"status_code": 400, "body": {"error": {"type": "invalid_request_error", "message": "no"}}}},
            ("invalid_request_error", "no"),
        ),
        ({"response": {"status_code": 500, "body": None}}, ("status_500", "the server answered with status 500")),
    ],
)
def test_a_request_of_a_batch_that_failed_is_a_failed_call(
    told: dict[str, Any], error: tuple[str, str], new: New, tmp_path: Path
) -> None:
    line = {"id": "b", "custom_id": "q-7", "error": None, **told}
    (span,) = imported(new, tmp_path, "results.jsonl", json.dumps(line))

    assert (span.kind, span.status, span.metadata) == ("llm", "error", {"custom_id": "q-7"})
    assert span.error is not None
    assert (span.error["type"], span.error["message"]) == error


def test_requests_and_results_of_responses_in_a_batch_are_read(new: New, tmp_path: Path) -> None:
    asked = {"custom_id": "q", "method": "POST", "url": "/v1/responses", "body": {"model": "m", "input": "price?"}}
    text = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "29"}]}
    body = {"id": "r", "object": "response", "created_at": 1_760_000_000, "status": "completed", "model": "m",
            "output": [text], "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}}  # fmt: skip
    said = {"custom_id": "q", "response": {"status_code": 200, "body": body}, "error": None}
    spans = imported(new, tmp_path, "batch.jsonl", f"{json.dumps(asked)}\n{json.dumps(said)}")

    (request,), (result,) = ([span for span in spans if (span.output is None) is is_open] for is_open in (True, False))
    assert request.input == [{"role": "user", "parts": [{"type": "text", "content": "price?"}]}]
    assert result.output[0]["parts"] == [{"type": "text", "content": "29"}]
    assert (result.usage, result.start_ns) == ({"input_tokens": 3, "output_tokens": 2}, 1_760_000_000_000_000_000)


def test_a_file_of_something_else_says_what_would_do(new: New, tmp_path: Path) -> None:
    fold, _ = new()
    path = tmp_path / "people.csv"
    path.write_text("name,age\nAda,36\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"is a trace \(line 2: .*has name, age; expected a trace.*export of Langfuse"):
        import_file(fold, path)
