"""What the older Langfuse SDKs send, and scores of all of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

import spanbook as sb
from spanbook.receiver import Receiver
from tests.receiver.sending import JSON, TRACE_HEX, Response, post, refuse_spans, stored


def event(kind: str, at: int = 0, /, **body: Any) -> dict[str, Any]:
    stamp = f"2026-01-01T00:00:{at:02}.000Z"
    return {"id": f"{kind} {body.get('id')} {at}", "type": kind, "timestamp": stamp, "body": body}


def send(receiver: Receiver, *events: Any) -> Response:
    body = json.dumps({"batch": events, "metadata": {"sdk_name": "python"}})
    return post(receiver.port, "/api/public/ingestion", body, JSON, Authorization="Basic cGs6c2s=")


def test_a_batch_is_answered_207(receiver: Receiver) -> None:
    """Trace, span, generation, event, score; each event is acknowledged by its id."""
    common = {"traceId": TRACE_HEX}
    events = [
        event("trace-create", id=TRACE_HEX, name="question", userId="ada", sessionId="s"),
        event("span-create", 1, id="a" * 16, name="search", startTime="2026-01-01T00:00:01Z", **common),
        event("generation-create", 2, id="b" * 16, name="chat", model="m", parentObservationId="a" * 16,
              startTime="2026-01-01T00:00:02Z", endTime="2026-01-01T00:00:03Z",
              usage={"input": 3, "output": 4, "total": 7, "unit": "TOKENS"}, **common),
        event("event-create", 3, id="c" * 16, name="note", startTime="2026-01-01T00:00:03Z", **common),
        event("score-create", 4, id="one", name="good", value=0.5, **common),
    ]  # fmt: skip

    answer = send(receiver, *events)

    assert answer.status == 207
    assert answer.json == {"successes": [{"id": one["id"], "status": 201} for one in events], "errors": []}
    trace = sb.last_trace()
    assert [(span.name, span.kind) for span in trace.spans][1:] == [
        ("search", "span"), ("chat", "llm"), ("note", "event"),
    ]  # fmt: skip
    assert (trace.summary.user_id, trace.summary.input_tokens, trace.summary.output_tokens) == ("ada", 3, 4)
    assert list(sb.scores_df()["value"]) == [0.5]


def test_a_client_can_ask_whether_it_is_let_in(store: Path) -> None:
    """``auth_check()`` of the SDKs, which wants a project with all these fields."""
    with sb.receive(port=0, token="t0ken") as receiver:
        answer = post(receiver.port, "/api/public/projects", None, method="GET", Authorization="Bearer t0ken")
        refused = post(receiver.port, "/api/public/projects", None, method="GET", Authorization="Bearer other")
    (project,) = answer.json["data"]
    assert (answer.status, refused.status) == (200, 401)
    assert project.keys() == {"id", "name", "organization", "metadata"}


def test_partial_updates_come_in_any_order(receiver: Receiver) -> None:
    """The end before the start, each in a request of its own."""
    create = event("generation-create", 1, id="b" * 16, traceId=TRACE_HEX, name="chat", input="hi",
                   startTime="2026-01-01T00:00:01Z")  # fmt: skip
    update = event("generation-update", 2, id="b" * 16, traceId=TRACE_HEX, output="hello",
                   endTime="2026-01-01T00:00:03Z", model="m")  # fmt: skip

    assert [send(receiver, one).status for one in (update, create)] == [207, 207]

    (span,) = sb.last_trace().spans
    assert (span.name, span.model, span.status, span.duration_ms) == ("chat", "m", "ok", 2000)
    assert "hi" in json.dumps(span.input) and "hello" in json.dumps(span.output)


@pytest.mark.parametrize("end", [{}, {"endTime": "2026-01-01T00:00:03Z"}])
def test_an_update_with_model_and_usage_is_kept_and_priced(receiver: Receiver, end: dict[str, str]) -> None:
    """As Mastra's exporter sends it: without the start, which an earlier request has said."""
    create = event(
        "generation-create", 1, id="b" * 16, traceId=TRACE_HEX, name="chat", startTime="2026-01-01T00:00:01Z"
    )
    update = event("generation-update", 2, id="b" * 16, traceId=TRACE_HEX, model="gpt-4o", output="hello",
                   usage={"input": 8, "output": 2, "total": 10}, **end)  # fmt: skip

    assert [send(receiver, one).status for one in (create, update)] == [207, 207]

    (span,) = sb.last_trace().spans
    assert span.usage == {"input_tokens": 8, "output_tokens": 2}
    assert span.cost_usd and "spanbook.lost" not in span.attributes


def test_malformed_events_are_refused_by_their_id(receiver: Receiver, store: Path) -> None:
    """The others are kept."""
    answer = send(receiver, event("span-create", name="no id"), 5, event("trace-create", id=TRACE_HEX, name="kept"))

    assert [one["status"] for one in answer.json["successes"]] == [201]
    assert [(one["id"], one["status"]) for one in answer.json["errors"]] == [
        ("span-create None 0", 400), ("event 1", 400),
    ]  # fmt: skip
    assert "body.id" in answer.json["errors"][0]["message"]
    assert stored(store, "SELECT name FROM spans") == [("kept",)]


@pytest.mark.filterwarnings("ignore:.*data the store refuses")
def test_what_the_store_refuses_is_not_acknowledged(receiver: Receiver, store: Path) -> None:
    refuse_spans(store, "bad")
    events = [event("span-create", at, id=f"{at}" * 16, traceId=TRACE_HEX, name=name)
              for at, name in enumerate(("good", "bad"), 1)]  # fmt: skip

    answer = send(receiver, *events)

    assert answer.json["successes"] == []
    assert [one["id"] for one in answer.json["errors"]] == [one["id"] for one in events]
    assert "refused 1 of the batch's rows, the others are kept" in answer.json["errors"][0]["message"]
    assert stored(store, "SELECT name FROM spans") == [("good",)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400], ids=["nan", "inf", "10^400"])
def test_a_score_that_is_no_number_is_refused(receiver: Receiver, store: Path, value: float) -> None:
    """Python's JSON has NaN and Infinity, which no store can compare."""
    answer = send(receiver, event("score-create", id="one", traceId=TRACE_HEX, name="good", value=value))

    assert answer.json["successes"] == []
    assert stored(store, "SELECT count(*) FROM scores") == [(0,)]


def test_scores_of_newer_sdks(receiver: Receiver, store: Path) -> None:
    """A list of scores, or one."""
    one = {"id": "x", "traceId": TRACE_HEX, "name": "good", "value": 1, "dataType": "BOOLEAN"}
    two = {"id": "y", "traceId": TRACE_HEX, "name": "tone", "value": "kind", "dataType": "CATEGORICAL"}
    path = "/api/public/scores"

    answer = post(receiver.port, path, json.dumps([one, {"id": "z", "name": "no value"}]), JSON)
    whole = post(receiver.port, path, json.dumps(two), JSON)

    assert (whole.status, whole.json) == (202, {"message": "Accepted"})
    assert (answer.status, answer.json["accepted"], answer.json["rejected"]) == (207, 1, 1)
    assert answer.json["errors"][0]["id"] == "z"
    rows = stored(store, "SELECT name, value, value_type FROM scores ORDER BY name")
    assert rows == [("good", 1, "bool"), ("tone", "kind", "label")]


def test_a_score_that_is_sent_again_is_the_newer_of_the_two(receiver: Receiver, store: Path) -> None:
    score = {"id": "x", "traceId": TRACE_HEX, "name": "good", "value": 0.5}
    began = time.time_ns()
    for change in ({}, {"value": 0.9, "comment": "better"}, {"value": 0.1, "timestamp": "2020-01-01T00:00:00Z"}):
        post(receiver.port, "/api/public/scores", json.dumps(score | change), JSON)
    ((value, comment, created),) = stored(store, "SELECT value, comment, created_ns FROM scores")
    assert (value, comment) == (0.9, "better")
    assert began // 10**9 <= created // 10**9 <= time.time()


RECORDED = Path(__file__).parent / "data"


def spans_of(receiver: Receiver, name: str) -> dict[str, Any]:
    """Return the spans of a recorded request by their name, as ``spans_df`` has them."""
    body = (RECORDED / f"{name}.json").read_text()
    answer = post(receiver.port, "/api/public/otel/v1/traces", body, JSON, Authorization="Basic cGs6c2s=")
    assert (answer.status, answer.json) == (200, {})
    return {span["name"]: span for span in sb.spans_df().to_dict("records")}


def test_the_openai_wrapper_of_python_4(receiver: Receiver) -> None:
    """A stream says in metadata why it ended; no provider is named, and the embedding has a price all the same."""
    spans = spans_of(receiver, "langfuse-python-4-openai")

    stream, embedding = spans["OpenAI-generation"], spans["OpenAI-embedding"]
    assert (stream["kind"], stream["finish_reason"], stream["input_tokens"], stream["output_tokens"]) == (
        "llm", "stop", 6, 22,
    )  # fmt: skip
    assert stream["time_to_first_token_ms"] == pytest.approx(58.849, abs=0.001)
    assert (stream["user_id"], stream["session_id"], stream["tags"]) == ("ada", "s-1", ["a", "b"])
    assert (embedding["kind"], embedding["input"], embedding["input_tokens"]) == ("embedding", ["one", "two"], 2)
    assert embedding["cost_usd"] == pytest.approx(4e-8)


def test_the_openai_wrapper_of_js_5(receiver: Receiver) -> None:
    """Of ``responses``, it puts the instructions and the tools into metadata."""
    (span,) = spans_of(receiver, "langfuse-js-5-responses").values()

    assert [(said["role"], said["parts"][0]["content"]) for said in span["input"]] == [
        ("system", "short"), ("user", "by responses"),
    ]  # fmt: skip
    assert [tool["name"] for tool in span["tools"]] == ["weather"]
    assert (span["prompt_name"], span["prompt_version"]) == ("greeting", "3")
    assert span["metadata"]["instructions"] == "short"
