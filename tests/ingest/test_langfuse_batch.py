"""Batches of the older Langfuse SDKs: partial states of traces, observations and scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spanbook.conventions._langfuse_batch import root_id_of, span_id_of, trace_id_of
from spanbook.ingest._foreign import ingest_langfuse
from spanbook.model import Span
from tests.conventions.spans import text
from tests.ingest.worlds import World, open_world

TRACE_ID = "3f2a1b0c-0000-4000-8000-000000000001"
SPAN_ID = "3f2a1b0c-0000-4000-8000-000000000002"
CALL_ID = "3f2a1b0c-0000-4000-8000-000000000003"
AT = "2023-11-14T22:13:20"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield from open_world(tmp_path)


def event(kind: str, **body: Any) -> dict[str, Any]:
    return {"id": f"{kind}-{len(body)}", "type": kind, "timestamp": f"{AT}.500Z", "body": body}


EVENTS = [
    event("trace-create", id=TRACE_ID, timestamp=f"{AT}Z", name="request", userId="u", sessionId="s", tags=["t"]),
    event("span-create", id=SPAN_ID, traceId=TRACE_ID, name="step", startTime=f"{AT}.100Z", input={"q": 1}),
    event("generation-create", id=CALL_ID, traceId=TRACE_ID, parentObservationId=SPAN_ID, name="call", model="gpt-4o",
          startTime=f"{AT}.200Z", input=[{"role": "user", "content": "Hi"}]),
    event("generation-update", id=CALL_ID, output={"role": "assistant", "content": "Yo"}, endTime=f"{AT}.900Z",
          traceId=TRACE_ID, usage={"input": 9, "output": 6, "total": 15, "totalCost": 0.25, "unit": "TOKENS"},
          completionStartTime=f"{AT}.300Z"),
    event("span-update", id=SPAN_ID, traceId=TRACE_ID, output="done", endTime=f"{AT}.950Z"),
    event("score-create", traceId=TRACE_ID, observationId=CALL_ID, name="good", value=1, dataType="BOOLEAN", id="s1"),
]  # fmt: skip


def spans(world: World) -> dict[str, Span]:
    return {span.name: span for span in world.reader.spans(trace_id_of(TRACE_ID))}


@pytest.mark.parametrize("split", ["together", "one by one"])
def test_a_trace_of_partial_states(split: str, world: World) -> None:
    for part in [EVENTS] if split == "together" else [[one] for one in EVENTS]:
        read, _ = ingest_langfuse(world.fold, part)
        assert not read.refused
    found = spans(world)
    root, step, call = found["request"], found["step"], found["call"]
    assert (root.span_id, root.parent_id, root.user_id) == (root_id_of(root.trace_id), None, "u")
    assert (step.parent_id, call.parent_id) == (root.span_id, span_id_of(SPAN_ID))
    assert (step.input, step.output, step.status) == ({"q": 1}, "done", "ok")
    assert (call.kind, call.input, call.output) == ("llm", [text("user", "Hi")], [text("assistant", "Yo")])
    assert (call.usage, call.cost_usd) == ({"input_tokens": 9, "output_tokens": 6}, 0.25)
    assert (call.duration_ms, call.time_to_first_token_ms) == (700.0, 100.0)
    assert root.duration_ms == 950.0
    assert [(score.name, score.value) for score in call.scores] == [("good", True)]
    assert world.totals()[:2] == (9, 6)


def test_a_batch_sent_again_changes_nothing(world: World) -> None:
    ingest_langfuse(world.fold, EVENTS)
    before = spans(world)
    ingest_langfuse(world.fold, EVENTS)
    assert spans(world) == before


def test_an_update_before_its_creation_ends_the_same(world: World) -> None:
    ingest_langfuse(world.fold, EVENTS[3:4])
    ingest_langfuse(world.fold, EVENTS[:3])
    call = spans(world)["call"]
    assert (call.status, call.output, call.duration_ms) == ("ok", [text("assistant", "Yo")], 700.0)
    assert call.parent_id == span_id_of(SPAN_ID)


def test_malformed_events_are_refused_by_their_id(world: World) -> None:
    bad = [
        {"id": "a", "type": "span-create", "body": {}},
        {"id": "b", "type": "score-create", "body": {"name": "x"}},
        7,
    ]
    read, _ = ingest_langfuse(world.fold, [*bad, EVENTS[0]])
    assert (set(read.refused), read.accepted) == ({"a", "b", "event 2"}, [EVENTS[0]["id"]])
    assert list(spans(world)) == ["request"]


def test_nested_generations_count_once(world: World) -> None:
    inner = event(
        "generation-create",
        id="inner",
        traceId=TRACE_ID,
        parentObservationId=CALL_ID,
        name="inner",
        startTime=f"{AT}.300Z",
        endTime=f"{AT}.800Z",
        usage={"input": 9, "output": 6, "total": 15},
    )
    for one in [*EVENTS, inner]:
        ingest_langfuse(world.fold, [one])
    assert (spans(world)["call"].counted, spans(world)["inner"].counted) == (False, True)
    assert world.totals()[:2] == (9, 6)


def test_ids_that_are_w3c_ids_stay() -> None:
    assert trace_id_of("0AF7651916cd43dd8448eb211c80319c") == "0af7651916cd43dd8448eb211c80319c"
    assert span_id_of("b7ad6b7169203331") == "b7ad6b7169203331"
    assert len(trace_id_of("anything")) == 32 and len(span_id_of("anything")) == 16
