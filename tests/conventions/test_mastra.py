"""Mastra's spans, as its exporters for OpenTelemetry and for Phoenix send them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conventions.spans import call, dumps, mapped, text


def span(type: str, asked: Any = None, said: Any = None, **given: Any) -> dict[str, Any]:
    """Map a span of a type; ``__`` in a name stands for a dot."""
    attributes = {name.replace("__", "."): value for name, value in given.items()}
    sides = {f"mastra.{type}.input": asked, f"mastra.{type}.output": said}
    texts = {name: value if isinstance(value, str) else dumps(value) for name, value in sides.items() if value}
    return mapped({"mastra.span.type": type, **texts, **attributes})


@pytest.mark.parametrize(
    ("theirs", "ours"), [("workflow_run", "chain"), ("workflow_step", "chain"), ("mcp_tool_call", "tool"),
                         ("scorer_run", "evaluator"), ("model_chunk", "span"), ("generic", "span")],
)  # fmt: skip
def test_kinds(theirs: str, ours: str) -> None:
    fields = span(theirs, {"q": 1}, {"a": 2}, gen_ai__operation__name=theirs)
    assert (fields["kind"], fields["input"], fields["output"]) == (ours, {"q": 1}, {"a": 2})


def test_an_agent_with_its_instructions() -> None:
    fields = span("agent_run", "Weather?", {"text": "Sun.", "files": []}, gen_ai__operation__name="invoke_agent",
                  gen_ai__system_instructions="Be short", mastra__tags='["a"]', mastra__metadata__userId="ada",
                  mastra__metadata__sessionId="s1", mastra__metadata__plan="pro")  # fmt: skip
    assert (fields["kind"], fields["input"]) == ("agent", [text("system", "Be short"), text("user", "Weather?")])
    assert fields["output"] == [text("assistant", "Sun.")]
    assert (fields["user_id"], fields["session_id"], fields["tags"]) == ("ada", "s1", ["a"])
    assert fields["metadata"] == {"plan": "pro"}


def test_a_step_is_no_call_and_says_which_tools_were_called() -> None:
    called = {"toolCallId": "c1", "toolName": "f", "args": {"a": 1}}
    fields = span("model_step", [{"role": "user", "content": "Hi"}], {"text": "", "toolCalls": [called]})
    assert (fields["kind"], fields["input"]) == ("chain", [text("user", "Hi")])
    assert fields["output"] == [{"role": "assistant", "parts": [call("c1", "f", {"a": 1})]}]


@pytest.mark.parametrize("type", ["model_inference", "model_generation"])
def test_the_span_that_names_the_model_is_the_call(type: str) -> None:
    fields = span(type, gen_ai__operation__name="chat", gen_ai__request__model="gpt", gen_ai__usage__input_tokens=9,
                  gen_ai__provider__name="openai.chat", mastra__completion_start_time="2023-11-14T22:13:20.500Z",
                  gen_ai__output__messages=dumps([text("assistant", "Yo")]))  # fmt: skip
    assert (fields["kind"], fields["model"], fields["provider"]) == ("llm", "gpt", "openai")
    assert (fields["output"], fields["usage"]) == ([text("assistant", "Yo")], {"input_tokens": 9})
    assert fields["first_token_ns"] - fields["start_ns"] == 5 * 10**8


def test_parts_of_a_call_are_none_for_phoenix_either() -> None:
    kind = {"openinference__span__kind": "LLM"}
    assert span("model_inference", **kind)["kind"] == "chain"
    fields = span("model_generation", "Hi", **kind, llm__model_name="gpt", input__value="Hi")
    assert (fields["kind"], fields["input"]) == ("llm", [text("user", "Hi")])
    assert fields["attributes"] == {"mastra.span.type": "model_generation"}


def test_a_call_before_version_1_of_the_exporter() -> None:
    asked, said = dumps({"messages": [{"role": "user", "content": "Hi"}]}), dumps({"text": "Yo", "files": []})
    fields = span("model_generation", gen_ai__operation__name="chat", gen_ai__request__model="gpt", input=asked,
                  gen_ai__prompt=asked, output=said, gen_ai__completion=said, gen_ai__system="openai.chat",
                  userId="ada", sessionId="s1")  # fmt: skip
    assert (fields["kind"], fields["provider"]) == ("llm", "openai")
    assert (fields["input"], fields["output"]) == ([text("user", "Hi")], [text("assistant", "Yo")])
    assert (fields["user_id"], fields["session_id"]) == ("ada", "s1")
    assert fields["attributes"] == {"mastra.span.type": "model_generation"}
