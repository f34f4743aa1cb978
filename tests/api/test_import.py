"""``sb.import_traces``: a file of traces in the current store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.frames import span_record


@pytest.mark.usefixtures("tracing")
def test_exported_spans_can_be_imported_where_they_came_from(tmp_path: Path) -> None:
    with sb.span("outer"), sb.span("inner"):
        pass
    trace = sb.last_trace()
    path = tmp_path / "spans.jsonl"
    path.write_text("\n".join(json.dumps(span_record(span)) for span in trace.spans), encoding="utf-8")

    report = sb.import_traces(path)

    assert report.spans == 2
    assert "2 spans" in str(report)
    assert sb.get_trace(trace.trace_id).spans == trace.spans


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(sb.UsageError, match="path=5 is no path"):
        sb.import_traces(5)  # type: ignore[arg-type]


@pytest.mark.usefixtures("tracing")
def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(sb.UsageError, match="there is no file .*nothing.json"):
        sb.import_traces(tmp_path / "nothing.json")
