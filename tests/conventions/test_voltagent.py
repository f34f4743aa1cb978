"""VoltAgent's agents, workflows and what they do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conventions.spans import dumps, mapped, text

SCOPE = "@voltagent/core"
ASKED = [{"role": "system", "content": "Short."}, {"role": "user", "content": [{"type": "text", "text": "Weather?"}]}]


def span(**attributes: Any) -> dict[str, Any]:
    """Map a span; ``__`` in a name stands for a dot."""
    return mapped({name.replace("__", "."): value for name, value in attributes.items()}, scope_name=SCOPE)


@pytest.mark.parametrize(
    ("theirs", "ours"), [("retriever", "retriever"), ("guardrail", "guardrail"), ("workflow-step", "chain"),
                         ("scorer", "evaluator"), ("memory", "span")],
)  # fmt: skip
def test_kinds(theirs: str, ours: str) -> None:
    fields = span(span__type=theirs, entity__type="agent", input=dumps({"n": 2}), output="Paris")
    assert (fields["kind"], fields["input"], fields["output"]) == (ours, {"n": 2}, "Paris")


def test_a_workflow() -> None:
    fields = span(entity__type="workflow", input=dumps({"n": 2}), output=dumps({"m": 4}))
    assert (fields["kind"], fields["input"], fields["output"]) == ("chain", {"n": 2}, {"m": 4})


def test_an_agent_sums_what_it_used() -> None:
    fields = span(
        entity__type="agent", input="Weather?", agent__messages=dumps(ASKED), output="Sunny.",
        ai__model__name="gpt-4o-mini", ai__model__temperature=0.2, ai__response__finish_reason="stop",
        usage__prompt_tokens=139, usage__completion_tokens=22, usage__total_tokens=161, usage__cached_tokens=71,
        conversation__id="s1", voltagent__conversation_id="s1", user__id="u1",
    )  # fmt: skip
    assert (fields["kind"], fields["model"], fields["model_parameters"]) == (
        "agent",
        "gpt-4o-mini",
        {"temperature": 0.2},
    )
    assert fields["input"] == [text("system", "Short."), text("user", "Weather?")]
    assert fields["output"] == [text("assistant", "Sunny.")]
    assert fields["usage"] == {"input_tokens": 139, "output_tokens": 22, "cache_read_tokens": 71}
    assert (fields["counted"], fields["finish_reason"]) == (False, "stop")
    assert (fields["session_id"], fields["user_id"]) == ("s1", "u1")


def test_a_call_of_a_model() -> None:
    fields = span(
        span__type="llm", entity__type="agent", llm__model="gpt-4o-mini", llm__stream=True, llm__temperature=0.2,
        llm__messages=dumps(ASKED), llm__tools="get_weather,search", llm__finish_reason="stop",
        llm__usage__prompt_tokens=78, llm__usage__completion_tokens=14, llm__usage__total_tokens=92,
    )  # fmt: skip
    assert (fields["kind"], fields["model"], fields["finish_reason"]) == ("llm", "gpt-4o-mini", "stop")
    assert fields["input"] == [text("system", "Short."), text("user", "Weather?")]
    assert fields["model_parameters"] == {"temperature": 0.2, "stream": True}
    assert [tool["name"] for tool in fields["tools"]] == ["get_weather", "search"]
    assert (fields["usage"], fields.get("counted")) == ({"input_tokens": 78, "output_tokens": 14}, None)


def test_a_tool_is_joined_to_its_call() -> None:
    fields = span(span__type="tool", tool__name="f", tool__call__id="c1", input=dumps({"a": 1}), output="b")
    assert (fields["kind"], fields["input"], fields["output"]) == ("tool", {"a": 1}, "b")
    assert fields["attributes"]["gen_ai.tool.name"] == "f"
    assert fields["attributes"]["gen_ai.tool.call.id"] == "c1"
