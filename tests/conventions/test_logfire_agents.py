"""Logfire 5 on the OpenAI Agents SDK."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conventions.spans import call, dumps, mapped, text


def agents(template: str, **fields: Any) -> dict[str, Any]:
    """Map a span of the instrumentation; ``fields`` may be attributes, or fields of the span."""
    own = {name: fields.pop(name) for name in ("status",) if name in fields}
    return mapped({"gen_ai.system": "openai", **fields}, name=template, scope_name="logfire.openai_agents", **own)


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        ("OpenAI Agents trace: {name}", "chain"),
        ("Agent run: {name!r}", "agent"),
        ("Turn {turn} for agent wx", "chain"),
        ("Responses API with {gen_ai.request.model!r}", "llm"),
        ("Guardrail {name!r} {triggered=}", "guardrail"),
        ("Custom span: {name}", "span"),
    ],
)
def test_kinds(template: str, kind: str) -> None:
    assert agents(template, agent_name="wx" if template.startswith("Turn") else None)["kind"] == kind


def test_a_function() -> None:
    fields = agents("Function: {name}", name="get_weather", input='{"city": "Paris"}', output="18C")
    assert (fields["kind"], fields["input"], fields["output"]) == ("tool", {"city": "Paris"}, "18C")
    assert fields["attributes"]["gen_ai.tool.name"] == "get_weather"


def test_the_group_is_the_session() -> None:
    fields = agents("OpenAI Agents trace: {name}", group_id="s1", metadata='{"plan": "pro"}')
    assert (fields["session_id"], fields["metadata"]) == ("s1", {"plan": "pro"})


def test_a_chat_completion_repeats_the_answer_in_its_request() -> None:
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather?"}]
    one = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
    answer = {"role": "assistant", "content": None, "tool_calls": [one]}
    fields = agents(
        "Chat completion with {gen_ai.request.model!r}",
        input=dumps(asked),
        output=dumps([answer]),
        request_data=dumps({"messages": [*asked, answer], "model": "gpt-4o-mini"}),
        usage=dumps({"input_tokens": 60, "output_tokens": 8, "input_tokens_details": {"cached_tokens": 9}}),
        model_config=dumps({"temperature": 0.2, "top_p": None}),
    )
    assert fields["input"] == [text("system", "Be brief."), text("user", "Weather?")]
    assert fields["output"] == [{"role": "assistant", "parts": [call("c1", "get_weather", {"city": "Paris"})]}]
    assert fields["usage"] == {"input_tokens": 60, "output_tokens": 8, "cache_read_tokens": 9}
    assert fields["model_parameters"] == {"temperature": 0.2}


def test_the_error_that_the_sdk_noted() -> None:
    noted = {"message": "Error in agent run", "data": {"error": "Error code: 500"}}
    assert agents("Agent run: {name!r}", status="error", error=dumps(noted))["error"]["message"] == "Error code: 500"


def test_the_tools_of_a_response() -> None:
    tool = {"type": "function", "name": "get_weather", "parameters": {}}
    assert agents("Responses API", response=dumps({"id": "resp_1", "tools": [tool]}))["tools"] == [tool]
