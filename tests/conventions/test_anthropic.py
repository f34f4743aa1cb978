"""Raw requests and responses of Anthropic's Messages API, as its integration records them."""

from __future__ import annotations

from typing import Any

import pytest

from spanbook.conventions import normalise


def asked(*messages: Any, **request: Any) -> dict[str, Any]:
    return normalise({"format": "anthropic.messages", "input": {"model": "claude", "messages": [*messages], **request}})


def answered(*content: Any, **response: Any) -> dict[str, Any]:
    raw = {"id": "msg_1", "model": "claude-1", "role": "assistant", "content": [*content], **response}
    return normalise({"format": "anthropic.messages", "model": "claude", "output": raw})


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": [*content]}


def test_system_parameters_and_tools() -> None:
    tool = {"name": "f", "description": "d", "input_schema": {"type": "object"}}

    fields = asked({"role": "user", "content": "Hi"}, system="Be brief.", max_tokens=9, tools=[tool], timeout=3)

    assert fields["input"] == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
    ]
    assert fields["model_parameters"] == {"max_tokens": 9}
    assert fields["tools"] == [
        {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}},
    ]
    assert fields["provider"] == "anthropic"


def test_results_of_tools_are_messages_that_name_their_tool() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "no"}], "is_error": True}

    fields = asked({"role": "assistant", "content": [call]}, user(result, {"type": "text", "text": "And?"}))

    assert [message["role"] for message in fields["input"]] == ["assistant", "tool", "user"]
    assert fields["input"][1]["parts"] == [
        {"type": "tool_call_response", "id": "t1", "response": "no", "name": "f", "is_error": True}
    ]


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0KGgo="},
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://x.org/a.png"}},
            {"type": "uri", "modality": "image", "uri": "https://x.org/a.png"},
        ),
        (
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}, "title": "T"},
            {"type": "file", "modality": "document", "file_id": "file_1", "filename": "T"},
        ),
        (
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Once"}},
            {"type": "text", "content": "Once"},
        ),
        (
            {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "Once"}]}},
            {"type": "text", "content": "Once"},
        ),
        ({"type": "thinking", "thinking": "Hm", "signature": "s"}, {"type": "reasoning", "content": "Hm"}),
        (
            {"type": "thinking", "thinking": "", "signature": "s"},
            {"type": "not_captured", "count": 1, "reason": "encrypted reasoning"},
        ),
        (
            {"type": "redacted_thinking", "data": "x"},
            {"type": "not_captured", "count": 1, "reason": "encrypted reasoning"},
        ),
        (
            {
                "type": "web_search_tool_result",
                "tool_use_id": "s1",
                "content": [{"type": "web_search_result", "url": "u"}],
            },
            {
                "type": "tool_call_response",
                "id": "s1",
                "response": [{"type": "web_search_result", "url": "u"}],
                "name": "web_search",
            },
        ),
        (
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
            {"type": "tool_call", "id": "s1", "name": "web_search", "arguments": {"query": "q"}},
        ),
    ],
)
def test_blocks(block: Any, part: Any) -> None:
    assert answered(block)["output"][0]["parts"] == [part]


def test_usage_is_made_inclusive() -> None:
    usage = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 4},
        "server_tool_use": {"web_search_requests": 2},
        "service_tier": "standard",
    }

    fields = answered({"type": "text", "text": "Hi"}, usage=usage)

    assert fields["usage"] == {
        "input_tokens": 60,
        "output_tokens": 7,
        "cache_write_tokens": 20,
        "cache_read_tokens": 30,
        "reasoning_tokens": 4,
    }
    assert fields["attributes"]["anthropic.usage.server_tool_use"] == {"web_search_requests": 2}


@pytest.mark.parametrize(
    ("stopped", "reason"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
    ],
)
def test_reasons_to_stop_are_in_the_words_of_chat(stopped: str, reason: str) -> None:
    fields = answered({"type": "text", "text": "Hi"}, stop_reason=stopped)

    assert fields["finish_reason"] == fields["output"][0]["finish_reason"] == reason
    assert fields["attributes"]["anthropic.response.stop_reason"] == stopped
    assert (fields["model"], fields["response_id"]) == ("claude-1", "msg_1")
    assert fields["attributes"]["gen_ai.request.model"] == "claude"


def test_citations_are_kept() -> None:
    cited = {"type": "text", "text": "Hi", "citations": [{"cited_text": "Hi"}]}

    assert answered(cited)["attributes"]["anthropic.citations"] == [[{"cited_text": "Hi"}]]


def test_what_the_tracer_did_not_keep_is_said() -> None:
    cut = {"$type": "cut", "size": 3, "head": [{"role": "user", "content": "Hi"}]}

    fields = normalise({"format": "anthropic.messages", "input": {"messages": cut}})

    assert fields["input"][1]["parts"][0]["count"] == 2


@pytest.mark.parametrize("raw", [{"messages": 3}, {"messages": [None]}, {"system": {"a": 1}}, {"tools": "no"}])
def test_malformed_requests_raise_nothing(raw: Any) -> None:
    normalise({"format": "anthropic.messages", "input": raw})
