"""Whatever a client sends, nothing is raised and what could not be read is there as it came."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbook.conventions import registry
from spanbook.conventions._draft import Draft
from tests.conventions.spans import event, log, mapped, span, whole

DEEP = "[" * 5_000 + "]" * 5_000
NAMES = """
    openinference.span.kind llm.input_messages.0.message.role llm.input_messages.0.message.contents.0.x
    llm.input_messages.0.message llm.token_count.prompt llm.invocation_parameters input.value metadata
    llm.tools.0.tool.json_schema retrieval.documents.0.document.content embedding.embeddings.0.embedding.vector
    gen_ai.operation.name gen_ai.input.messages gen_ai.output.messages gen_ai.system_instructions
    gen_ai.tool.definitions gen_ai.usage.input_tokens gen_ai.usage.raw gen_ai.response.finish_reasons
    gen_ai.prompt.0.content gen_ai.prompt.0.tool_calls.0.name gen_ai.completion.0.role llm.request.type
    traceloop.span.kind traceloop.entity.input traceloop.association.properties.tags traceloop.prompt.version
    langfuse.observation.type langfuse.observation.input langfuse.observation.usage_details
    langfuse.observation.completion_start_time langfuse.observation.level langfuse.trace.tags ai.operationId
    ai.prompt.messages ai.prompt ai.prompt.tools ai.response.toolCalls ai.embeddings ai.response.msToFirstChunk
    ai.telemetry.metadata.tags logfire.msg logfire.span_type request_data response_data events all_messages_events
    pydantic_ai.all_messages agent_name tool_response model_request_parameters mlflow.spanType mlflow.spanInputs
    mlflow.spanOutputs mlflow.chat.tokenUsage mlflow.chat.tools spanbook.kind spanbook.input spanbook.tags
    spanbook.links spanbook.first_token_ns session.id error.type langsmith.span.kind langsmith.span.tags gen_ai.prompt
    gen_ai.completion langsmith.metadata.usage_metadata langsmith.metadata.ls_provider langsmith.request.streaming
""".split()
SELECT: dict[str, Any] = {
    "openinference.span.kind": "LLM",
    "gen_ai.operation.name": "chat",
    "ai.operationId": "ai.generateText",
    "langfuse.observation.type": "generation",
    "mlflow.spanType": '"LLM"',
    "langsmith.span.kind": "llm",
    "spanbook.kind": "llm",
}
ODD = [
    None,
    True,
    -1,
    1.5,
    float("nan"),
    "",
    "{",
    '{"a":',
    "null",
    "[null]",
    '[{"role": 5}]',
    '{"messages": 3}',
    '{"function_tools": 3, "tools": 4, "choices": [5], "usage": [], "output": [6], "message": 7}',
    DEEP,
    [],
    [None],
    {},
    {"role": "user", "content": {"x": 1}},
    [{"role": "user", "parts": [5, None, {"type": 7}]}],
    b"\xff",
    '[{"type": "tool_call"}]',
    '[{"event.name": "gen_ai.unknown", "data": {"type": "input_image"}}, {"event.name": "gen_ai.unknown", "data": 5}]',
    "\ud800",
    1 << 80,
]


@pytest.mark.parametrize("name", NAMES)
def test_odd_values_raise_nothing(name: str) -> None:
    for value in ODD:
        for selected in ({}, *({key: kind} for key, kind in SELECT.items())):
            found = whole({**selected, name: value})
            assert found.fields["kind"] in ("span", "llm", "chain", "tool", "agent", "embedding", "event")
            assert found.failures == (), (name, value, selected)


@pytest.mark.parametrize("depth", [150, 5_000])
def test_what_is_nested_too_deep_stays_text(depth: int) -> None:
    """As a value it would be cut where the depth of the store ends; as text all of it is kept."""
    deep = "[" * depth + "]" * depth
    assert mapped({"openinference.span.kind": "CHAIN", "input.value": deep})["input"] == deep


def test_a_wrong_type_stays_as_it_came() -> None:
    given = {
        "openinference.span.kind": 7,
        "llm.token_count.prompt": "many",
        "user.id": ["u"],
        "gen_ai.request.model": 5,
    }
    fields = whole(given).fields
    assert {**fields["attributes"], "gen_ai.request.model": 5} == given
    assert "usage" not in fields


def test_a_mapper_that_fails_is_named_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(draft: Draft) -> None:
        draft.put("kind", "tool")
        draft.left.clear()
        raise ValueError("no such thing")

    bad = registry.SpanMapper("bad", lambda span, roots: True, fail)
    monkeypatch.setattr(registry, "MAPPERS", [bad, *registry.MAPPERS])

    found = whole({"gen_ai.operation.name": "chat", "x": 1})

    assert found.failures == (("bad", "ValueError: no such thing"),)
    assert found.fields["kind"] == "llm"
    assert found.fields["attributes"] == {"x": 1, "spanbook.normalise_error": "bad: ValueError: no such thing"}


KEYS = "role content parts type id name tool_calls function message messages text input output usage 0".split()
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), _values, max_size=6), st.sampled_from(sorted(SELECT)), _values)
def test_any_values_raise_nothing(given_: dict[str, Any], selected: str, body: Any) -> None:
    attributes = {selected: SELECT[selected], **given_}
    before = repr(attributes)
    logs = [log("gen_ai.user.message", body), log("gen_ai.choice", body)]
    found = registry.map_span(span(attributes, events=[event("exception", x=body)], status="error"), logs)
    assert found.fields["status"] == "error"
    assert repr(attributes) == before
