"""What the LangChain integration notes of models → messages."""

from __future__ import annotations

from typing import Any

from spanbook.conventions import normalise


def answered(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    return normalise(
        {"format": "langchain.model", "provider": "x", "output": {"messages": [{"type": "ai", **message}], **more}}
    )


def test_calls_that_stand_in_content_and_beside_it_are_shown_once() -> None:
    """Anthropic's answers have both."""
    content = [{"type": "text", "text": "Let me see."}, {"type": "tool_use", "id": "t1", "name": "see", "input": {}}]
    call = {"name": "see", "args": {"x": 1}, "id": "t1", "type": "tool_call"}

    (message,) = answered({"content": content, "tool_calls": [call]})["output"]

    assert message["parts"] == [
        {"type": "text", "content": "Let me see."},
        {"type": "tool_call", "id": "t1", "name": "see", "arguments": {"x": 1}},
    ]


def test_reasons_to_stop_are_in_the_words_of_chat() -> None:
    found = [answered({"content": "a", "finish_reason": said}) for said in ("end_turn", "tool_use", "STOP", "length")]

    assert [one["finish_reason"] for one in found] == ["stop", "tool_calls", "stop", "length"]


def test_arguments_that_are_no_json_are_kept_as_text() -> None:
    call = {"name": "see", "args": '{"x": ', "id": "t1", "error": None, "type": "invalid_tool_call"}

    (message,) = answered({"content": "", "tool_calls": [call]})["output"]

    assert message["parts"] == [{"type": "tool_call", "id": "t1", "name": "see", "arguments": '{"x": '}]


def test_a_failed_tool_says_so_in_what_the_model_is_told() -> None:
    tool = {"type": "tool", "content": "no", "tool_call_id": "t1", "name": "see", "status": "error"}
    asked = normalise({"format": "langchain.model", "provider": "x", "input": {"messages": [tool]}})

    assert asked["input"][0]["parts"][0]["is_error"] is True


def test_a_conversation_that_was_cut_says_what_is_missing() -> None:
    cut = {"$type": "cut", "size": 3, "head": [{"type": "human", "content": "hi"}]}
    asked = normalise({"format": "langchain.model", "provider": "x", "input": {"messages": cut}})

    first, gap = asked["input"]
    assert first["parts"] == [{"type": "text", "content": "hi"}]
    assert (gap["parts"][0]["type"], gap["parts"][0]["count"]) == ("not_captured", 2)
