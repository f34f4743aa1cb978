"""Spans of other clients in the store: once each, with their logs, in any order of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spanbook.conventions import registry
from spanbook.conventions.otel import OtelLog, OtelSpan
from spanbook.tracer import SpanbookWarning, _report
from tests.conventions.corpus import CLIENTS, load
from tests.conventions.spans import PNG, START, TRACE, dumps, event, log, span, text
from tests.ingest.worlds import World, open_world

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini"}
#: Token totals as the model that answered counted them (of the calls whose spans carry usage).
TOTALS = {
    "langfuse-js": (60, 50), "langfuse-python": (126, 83), "logfire-openai": (141, 120), "mlflow-openai": (141, 120),
    "openinference-langchain": (92, 66), "openinference-openai": (141, 120), "openllmetry-openai": (141, 120),
    "otel-openai-v2-latest": (95, 80), "pydantic-ai": (48, 39), "vercel-ai-5": (66, 58),
}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield from open_world(tmp_path)


def llm(
    number: int, parent: int | None = None, response: str | None = None, tokens: int | None = 5, **fields: Any
) -> OtelSpan:
    """Return a call by GenAI's conventions."""
    attributes = {**CHAT, **({"gen_ai.response.id": response} if response else {}),
                  **({"gen_ai.usage.input_tokens": tokens} if tokens is not None else {})}  # fmt: skip
    parent_id = None if parent is None else f"{parent:016x}"
    return replace(
        span({**attributes, **fields.pop("more", {})}, span_id=f"{number:016x}", parent_id=parent_id), **fields
    )


@pytest.mark.parametrize("client", CLIENTS)
def test_token_totals_are_the_truth_however_often_spans_are_sent(client: str, world: World) -> None:
    spans, _ = load(client)
    world.take(*spans)
    once = world.totals()
    assert once[:2] == TOTALS[client]
    world.take(*spans[::-1])
    assert world.totals() == once


@pytest.mark.parametrize("client", ["langfuse-python", "logfire-openai"])
def test_totals_do_not_depend_on_how_spans_are_split_into_requests(client: str, world: World) -> None:
    spans, _ = load(client)
    for one in spans:
        world.take(one)
    assert world.totals()[:2] == TOTALS[client]


def test_a_span_is_stored_with_what_is_known_of_it(world: World) -> None:
    messages = dumps([text("user", "Hi")])
    given = llm(2, more={"gen_ai.input.messages": messages, "x": [1], "user.id": "u"}, events=[event("note", 5, a=1)],
                scope_name="lib", resource={"service.name": "app"})  # fmt: skip
    world.take(given)
    found = world.span()
    assert (found.kind, found.model, found.user_id, found.status) == ("llm", "gpt-4o-mini", "u", "ok")
    assert found.input == [text("user", "Hi")]
    assert found.attributes == {"x": [1], "otel.scope.name": "lib", "otel.resource": {"service.name": "app"}}
    assert [(one.name, one.data, one.time_ns - START) for one in found.events] == [("note", {"a": 1}, 5_000_000)]
    assert found.cost_usd and found.cost_source != "client"


def test_an_image_is_kept_as_a_blob(world: World) -> None:
    part = {"type": "blob", "mime_type": "image/png", "modality": "image", "content": PNG}
    world.take(llm(2, more={"gen_ai.input.messages": dumps([{"role": "user", "parts": [part]}])}))
    (stored,) = world.span().input[0]["parts"]
    assert "content" not in stored
    blob = world.reader.read_blob(stored["digest"])
    assert blob is not None and blob[0] == "image/png"


def test_secrets_of_a_traceback_are_redacted(world: World) -> None:
    key = "sk-proj-" + "a1B2" * 12
    raised = event("exception", 5, **{"exception.type": "openai.AuthError", "exception.message": "no",
                                      "exception.stacktrace": f'client = OpenAI(api_key="{key}")'})  # fmt: skip
    world.take(llm(2, status="error", events=[raised]))
    error = world.span().error
    assert error is not None and (error["type"], error["module"]) == ("AuthError", "openai")
    assert key not in error["traceback"]


MESSAGES = [
    log("gen_ai.system.message", {"content": "Be brief."}),
    log("gen_ai.user.message", {"content": "Hi"}),
    log("gen_ai.choice", {"index": 0, "message": {"content": "Yo"}}),
]


@pytest.mark.parametrize("order", ["span first", "logs first", "together", "one by one"])
def test_logs_join_their_span_whichever_comes_first(order: str, world: World) -> None:
    if order == "together":
        world.take(llm(2), logs=MESSAGES)
    elif order == "span first":
        world.take(llm(2))
        world.take(logs=MESSAGES)
    elif order == "logs first":
        world.take(logs=MESSAGES)
        world.take(llm(2))
    else:
        world.take(logs=MESSAGES[:1])
        world.take(llm(2))
        world.take(logs=MESSAGES[1:2])
        world.take(logs=MESSAGES[2:])
    found = world.span()
    assert found.input == [text("system", "Be brief."), text("user", "Hi")]
    assert found.output == [text("assistant", "Yo")]
    assert (found.name, found.kind, found.usage) == ("call", "llm", {"input_tokens": 5})


def test_tools_that_a_log_alone_has_join_their_span_too(world: World) -> None:
    """OpenLIT puts the messages into both, and the tools into the log, which is sent first."""
    tools = [{"type": "function", "name": "weather"}]
    said = {"gen_ai.output.messages": dumps([text("assistant", "Yo")])}
    details = log("gen_ai.client.inference.operation.details", "", **said, **{"gen_ai.tool.definitions": tools})
    world.take(logs=[details])
    world.take(llm(2, more=said))
    assert (world.span().tools, world.span().output) == (tools, [text("assistant", "Yo")])


def test_a_log_that_is_sent_twice_is_there_once(world: World) -> None:
    world.take(llm(2), logs=MESSAGES)
    world.take(logs=MESSAGES)
    world.take(llm(2), logs=[*MESSAGES, *MESSAGES])
    found = world.span()
    assert len(found.events) == 3
    assert (found.input, found.output) == (
        [text("system", "Be brief."), text("user", "Hi")], [text("assistant", "Yo")],
    )  # fmt: skip


def test_a_log_without_a_span_is_counted(world: World) -> None:
    assert world.take(logs=[OtelLog(time_ns=START, body="x")]).stray_logs == 1


@pytest.mark.parametrize("outer_first", [True, False])
def test_twins_count_once_across_requests(outer_first: bool, world: World) -> None:
    pair = [llm(2, response="r"), llm(3, 2, "r")]
    for one in pair if outer_first else pair[::-1]:
        world.take(one)
    assert (world.span(2).counted, world.span(3).counted) == (False, True)
    assert world.totals()[0] == 5


def test_a_child_before_its_parent_is_a_root_until_then(world: World) -> None:
    world.take(llm(3, 2))
    assert world.reader.find_trace(TRACE).root_span_id == f"{3:016x}"  # type: ignore[union-attr]
    world.take(span({}, span_id=f"{2:016x}", name="root"))
    assert world.reader.find_trace(TRACE).name == "root"  # type: ignore[union-attr]


def test_an_open_span_is_closed_by_the_same_span_later(world: World) -> None:
    world.take(replace(llm(2), end_ns=None))
    assert world.span().status == "open"
    world.take(llm(2))
    assert world.span().status == "ok"


@pytest.mark.parametrize("trace", [TRACE, f"{77:032x}"])
def test_the_end_of_a_stream_completes_its_call(trace: str, world: World) -> None:
    """Also when the end came in a trace of its own: there was no span around the call."""
    request = llm(2, 9, tokens=None, more={"logfire.span_type": "span"}, end_ns=START + 10**7)
    ended = START + 5 * 10**8
    end = llm(
        3,
        9,
        tokens=7,
        start_ns=ended,
        end_ns=ended,
        more={"logfire.span_type": "log", "duration": 0.49, "gen_ai.output.messages": dumps([text("assistant", "Yo")])},
    )
    world.take(request)
    for _ in range(2):
        world.take(replace(end, trace_id=trace))
    found, mark = world.span(2), world.reader.span(trace, f"{3:016x}")
    assert mark is not None
    assert (found.output, found.usage, found.end_ns) == ([text("assistant", "Yo")], {"input_tokens": 7}, ended)
    assert (mark.kind, mark.counted) == ("event", False)
    assert world.totals()[:3] == (7, None, 1)


def test_an_evaluation_becomes_a_score_once(world: World) -> None:
    said = event(
        "gen_ai.evaluation.result", 5, **{"gen_ai.evaluation.name": "correct", "gen_ai.evaluation.score.value": 0.5}
    )
    for _ in range(2):
        world.take(llm(2, events=[said]))
    (score,) = world.span().scores
    assert (score.name, score.value) == ("correct", 0.5)


def test_a_failure_is_counted_named_and_said_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(draft: Any) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(registry, "MAPPERS", [registry.SpanMapper("bad", lambda span, roots: True, fail)])
    with pytest.warns(SpanbookWarning, match="bad: ValueError: no such thing"):
        report = world.take(span({"x": 1}))
    assert report.failures == {"bad: ValueError: no such thing": 1}
    assert _report.errors["map a span by bad"] == 1
    assert world.span().attributes["x"] == 1


def test_the_report_names_what_no_mapper_knows(world: World) -> None:
    report = world.take(llm(2, more={"mine": 1}))
    assert (report.spans, report.dialects["genai"], dict(report.unmapped)) == (1, 1, {"mine": 1})


@pytest.mark.parametrize("value", ["\ud800", float("nan"), 1 << 80, b"\xff", {"a": [None]}, "x" * 100_000])
def test_any_attribute_can_be_stored(value: Any, world: World) -> None:
    world.take(llm(2, more={"odd": value}))
    assert "odd" in world.span().attributes


def test_a_time_beyond_64_bits_costs_that_span_alone(world: World) -> None:
    with pytest.warns(SpanbookWarning, match="wrong type"):
        report = world.take(llm(2, start_ns=1 << 64, end_ns=1 << 65), llm(3))
    assert (report.n_rejected, world.totals()[3]) == (1, 1)
