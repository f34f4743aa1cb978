"""LangWatch: values in a wrapping that says of what type they are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conventions.spans import call, dumps, mapped, text


def span(kind: str, **attributes: Any) -> dict[str, Any]:
    """Map a span of a type; ``__`` in a name stands for a dot, and a value is wrapped unless it is text."""
    given = {f"langwatch.{name.replace('__', '.')}": value if isinstance(value, str) else dumps(value)
             for name, value in attributes.items()}  # fmt: skip
    return mapped({"langwatch.span.type": kind, **given})


def wrapped(type: str, value: Any) -> dict[str, Any]:
    """Return a value as LangWatch's SDK writes it."""
    return {"type": type, "value": value}


@pytest.mark.parametrize(
    ("theirs", "ours"), [("tool", "tool"), ("workflow", "chain"), ("evaluation", "evaluator"), ("client", "span")]
)
def test_kinds(theirs: str, ours: str) -> None:
    fields = span(theirs, input=wrapped("json", {"a": 1}), output=wrapped("text", "b"))
    assert (fields["kind"], fields["input"], fields["output"]) == (ours, {"a": 1}, "b")


def test_a_call() -> None:
    tool_calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    fields = span(
        "llm", input=wrapped("chat_messages", [{"role": "user", "content": "Hi"}]),
        output=wrapped("chat_messages", [{"role": "assistant", "content": "", "tool_calls": tool_calls}]),
        metrics=wrapped("json", {"promptTokens": 10, "completionTokens": 5, "cost": 0.01}),
    )  # fmt: skip
    assert fields["input"] == [text("user", "Hi")]
    assert fields["output"] == [{"role": "assistant", "parts": [call("c1", "f", {})]}]
    assert (fields["usage"], fields["cost_usd"]) == ({"input_tokens": 10, "output_tokens": 5}, 0.01)
    assert fields["attributes"] == {}
    assert span("llm", input=wrapped("text", "Hi"))["input"] == [text("user", "Hi")]


def test_documents_of_a_retriever_go_before_its_output() -> None:
    found = [{"document_id": "d1", "chunk_id": "c1", "content": "Paris"}]
    fields = span("rag", input=wrapped("text", "q"), contexts=wrapped("json", found), output=wrapped("text", "x"))
    assert (fields["kind"], fields["input"], fields["output"]) == ("retriever", "q", found)
    assert fields["attributes"]["langwatch.output"] == dumps(wrapped("text", "x"))
    listed = span("rag", output=wrapped("list", [wrapped("text", "a"), wrapped("text", "b")]))
    assert listed["output"] == ["a", "b"]


def test_user_session_tags_and_prompt() -> None:
    fields = span("span", user__id="u1", thread__id="t1", labels='["a"]', prompt__handle="p", prompt__version__number=3)
    assert (fields["user_id"], fields["session_id"], fields["tags"]) == ("u1", "t1", ["a"])
    assert (fields["prompt_name"], fields["prompt_version"]) == ("p", "3")
