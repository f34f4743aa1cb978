"""Spans and traces as plain JSON objects."""

from __future__ import annotations

import json

import spanbook as sb
from spanbook.frames import span_record, trace_record


def test_a_record_holds_what_is_there_and_nothing_else(store: sb.Store) -> None:
    """Flat, by the names of the store; falsy values are values."""
    with sb.span("call", "llm", 0, metadata={"a": 1}, counted=False) as span:
        span.set(output=False, usage={"input_tokens": 0})
        span.event("retry", 2)
        sb.score("good", False)
    (made,) = store.get_trace(span.trace_id).spans
    record = json.loads(json.dumps(span_record(made)))
    (score,) = record.pop("scores")
    assert record.pop("events") == [{"name": "retry", "time_ns": made.events[0].time_ns, "data": 2}]
    assert (score["name"], score["value"]) == ("good", False)
    assert record == {
        "trace_id": span.trace_id, "span_id": span.span_id, "name": "call", "kind": "llm", "status": "ok",
        "start_ns": made.start_ns, "end_ns": made.end_ns, "input": 0, "output": False, "input_tokens": 0,
        "metadata": {"a": 1}, "counted": False,
    } | {"process_id": made.provenance.process_id}  # fmt: skip


def test_a_trace_record_has_its_duration(store: sb.Store) -> None:
    """And the totals of the summary."""
    with sb.span("a") as span:
        pass
    record = trace_record(store.get_trace(span.trace_id).summary)
    assert (record["n_spans"], record["duration_ms"], record["name"]) == (1, 1000.0, "a")
