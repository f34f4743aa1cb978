"""Messages of other providers and frameworks, told by their keys."""

from __future__ import annotations

from typing import Any

import pytest

from spanbook.conventions._messages import find_messages, join_results, to_message, to_messages
from spanbook.conventions._parts import tool_response
from tests.conventions.spans import PNG, call, text


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "Hi"},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "user", "parts": [{"text": "Hi"}]},  # Gemini
        {"type": "human", "content": "Hi"},  # LangChain
        {"type": "human", "data": {"content": "Hi", "type": "human"}},
        {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "HumanMessage"], "kwargs": {"content": "Hi"}},
        {"role": "user", "blocks": [{"block_type": "text", "text": "Hi"}]},  # LlamaIndex
        {"role": "user", "content": [{"text": "Hi"}]},  # Bedrock
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},  # Responses
    ],
)
def test_one_message_in_many_forms(message: dict[str, Any]) -> None:
    assert find_messages([message]) == [text("user", "Hi")]


@pytest.mark.parametrize(
    "piece",
    [
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
        {"type": "tool-call", "toolCallId": "c1", "toolName": "f", "args": {"a": 1}},
        {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}},
        {"toolUse": {"toolUseId": "c1", "name": "f", "input": {"a": 1}}},
    ],
)
def test_one_tool_call_in_many_forms(piece: dict[str, Any]) -> None:
    assert find_messages([{"role": "assistant", "content": [piece]}]) == [
        {"role": "assistant", "parts": [call("c1", "f", {"a": 1})]}
    ]


def test_tool_calls_of_langchain() -> None:
    message = {
        "type": "ai",
        "content": "",
        "tool_calls": [{"name": "f", "args": {"a": 1}, "id": "c1", "type": "tool_call"}],
    }
    assert find_messages([message]) == [{"role": "assistant", "parts": [call("c1", "f", {"a": 1})]}]


@pytest.mark.parametrize(
    "piece",
    [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {"type": "image", "image": f"data:image/png;base64,{PNG}"},
        {"type": "image", "base64": PNG, "mime_type": "image/png"},
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"type": "image_url", "image_url": f"data:image/png;base64,{PNG}"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
    ],
)
def test_one_image_in_many_forms(piece: dict[str, Any]) -> None:
    found = find_messages([{"role": "user", "content": [piece]}])
    assert found == [{"role": "user", "parts": [
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": PNG}]}]  # fmt: skip


def test_a_call_that_content_and_tool_calls_both_tell_is_one() -> None:
    """As LangChain keeps an answer of Anthropic's."""
    used = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    called = {"type": "tool_call", "id": "t1", "name": "f", "args": {}}
    message = to_message({"role": "assistant", "content": [used], "tool_calls": [called]})
    assert message["parts"] == [call("t1", "f", {})]


def test_a_result_of_vercels_sdk() -> None:
    """As Mastra's exporters send an answer."""
    called = {"toolCallId": "c1", "toolName": "f", "args": {"a": 1}}
    answer = {"role": "assistant", "parts": [*text("assistant", "Yo")["parts"], call("c1", "f", {"a": 1})]}
    assert find_messages({"text": "Yo", "toolCalls": [called], "warnings": []}) == [answer]
    assert find_messages({"text": "Yo"}) is None


def test_a_message_whose_role_is_a_tool_is_its_result() -> None:
    """As Langfuse's handler for LangChain in JavaScript writes it."""
    asked = {"role": "assistant", "parts": [call("c1", "f", {})]}
    said = {"type": "tool_call_response", "id": "c1", "response": {"a": 1}, "name": "f"}
    assert join_results([asked, text("f", '{"a": 1}')]) == [asked, {"role": "tool", "parts": [said]}]
    assert join_results([asked, text("g", "x")]) == [asked, text("g", "x")]


def test_a_result_of_anthropic_names_its_tool() -> None:
    asked = {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "f", "input": {}}]}
    result = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "18C"}]}],
    }
    found = join_results(find_messages([asked, result]) or [])
    assert found[1] == {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "c1", "response": "18C", "name": "f"}],
    }


def test_thinking_of_anthropic() -> None:
    found = find_messages({"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm", "signature": "x"}]})
    assert found == [{"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm"}]}]


def test_a_batch_of_langchain_gives_its_first() -> None:
    assert find_messages({"messages": [[{"type": "human", "content": "Hi"}]]}) == [text("user", "Hi")]


@pytest.mark.parametrize(
    "value", [None, "text", 5, {"city": "Paris"}, [1, 2], [{"city": "Paris"}], [], {"messages": "x"}]
)
def test_what_is_no_messages(value: Any) -> None:
    assert find_messages(value) is None


def test_other_values_are_the_words_of_the_role() -> None:
    assert to_messages({"city": "Paris"}, "user") == [text("user", '{"city": "Paris"}')]
    assert to_messages("", "user") is None


@pytest.mark.parametrize(
    "given",
    [
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "Yo"}], "finish_reason": "stop"},
        {"role": "system", "parts": []},
        {"role": "user", "parts": [{"type": "text", "content": ""}]},
        {"role": "user", "parts": [{"type": "text", "text": "Hi"}]},
        {"role": "human", "parts": [{"type": "text", "content": "Hi"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "Yo"}], "finish_reason": ""},
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}], "name": 5},
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm"}]},
    ],
)
def test_messages_in_our_form_are_taken_as_they_are_only_when_nothing_changes(given: dict[str, Any]) -> None:
    """The short way for most messages ends where the long one does."""
    assert find_messages([given]) == [to_message(given)]


def test_steps_of_geminis_interactions() -> None:
    image = {"type": "image", "data": PNG, "mime_type": "image/png"}
    steps = [
        {"type": "user_input", "content": [{"type": "text", "text": "Weather here?"}, image]},
        {"type": "thought", "summary": [{"type": "text", "text": "Hm"}], "signature": "c2ln"},
        {"type": "function_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
        {"type": "function_result", "call_id": "c1", "name": "f", "result": [{"type": "text", "text": "Sunny"}]},
        {"type": "model_output", "content": [{"type": "text", "text": "It is sunny."}]},
    ]
    found = find_messages({"model": "gemini-3-flash", "input": steps})
    assert found is not None
    assert [message["role"] for message in found] == ["user", "assistant", "assistant", "tool", "assistant"]
    assert [part["type"] for part in found[0]["parts"]] == ["text", "blob"]
    assert [message["parts"] for message in found[1:4]] == [
        [{"type": "reasoning", "content": "Hm"}],
        [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}],
        [{"type": "tool_call_response", "id": "c1", "response": "Sunny", "name": "f"}],
    ]
    answer = {"id": "i1", "object": "interaction", "steps": steps[-1:]}
    assert find_messages(answer) == [{"role": "assistant", "parts": [{"type": "text", "content": "It is sunny."}]}]


def test_results_whose_ids_are_of_no_call_answer_the_calls_in_their_order() -> None:
    """As OpenLLMetry sends OpenAI's agents: calls by the ids of their items, results by those of the calls."""
    asked = {"role": "assistant", "parts": [call("fc_1", "f", {}), call("fc_2", "g", {})]}
    results = [{"role": "tool", "parts": [tool_response(id, "18C")]} for id in ("call_1", "call_2")]
    joined = join_results([asked, *results])
    assert joined[0]["parts"] == [call("call_1", "f", {}), call("call_2", "g", {})]
    assert [(one["parts"][0]["id"], one["parts"][0]["name"]) for one in joined[1:]] == [
        ("call_1", "f"),
        ("call_2", "g"),
    ]


def test_a_result_without_an_id_names_its_tool() -> None:
    """As Ollama has it, whose calls have no ids; of a call that nothing follows there is no result."""
    asked = {"role": "assistant", "parts": [call(None, "f", {})]}
    result = {"role": "tool", "parts": [tool_response(None, "18C")]}
    joined = join_results([asked, text("user", "Go on"), asked, result])
    assert joined[3]["parts"] == [tool_response(None, "18C", "f")]


def test_a_result_of_another_tool_answers_no_call() -> None:
    asked = {"role": "assistant", "parts": [call("c1", "f", {})]}
    result = {"role": "tool", "parts": [tool_response("c2", "18C", "g")]}
    assert join_results([asked, result]) == [asked, result]


@pytest.mark.parametrize("id", [{"a": 1}, [1], 7])
def test_an_id_that_is_no_text_joins_nothing_but_by_order(id: Any) -> None:
    result = {"role": "tool", "parts": [tool_response(id, "18C")]}
    joined = join_results([{"role": "assistant", "parts": [call(id, "f", {})]}, result])
    assert joined[1]["parts"] == [tool_response(id, "18C", "f")]
