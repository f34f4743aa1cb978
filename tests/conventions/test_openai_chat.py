"""Chat completions, raw request and response, become messages and usage."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from spanbook.conventions import normalise

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def chat(**fields: Any) -> dict[str, Any]:
    return normalise({"format": "openai.chat", **fields})


def user(content: Any) -> list[dict[str, Any]]:
    """Return the parts of one user message."""
    parts = chat(input={"messages": [{"role": "user", "content": content}]})["input"][0]["parts"]
    assert isinstance(parts, list)
    return parts


def answer(message: dict[str, Any], **response: Any) -> dict[str, Any]:
    """Normalise a response of one choice."""
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return chat(output={"id": "chatcmpl-1", "model": "gpt-4o-mini", "choices": [choice], **response})


def test_request_becomes_messages_parameters_and_tools() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    request = {
        "model": "gpt-4o-mini",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": schema}}],
        "temperature": 0.2,
        "seed": None,
        "extra_body": {"top_k": 5},
    }

    fields = chat(input=request)

    assert fields["input"] == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Hello"}]},
    ]
    assert fields["model_parameters"] == {"temperature": 0.2, "top_k": 5}
    assert fields["tools"] == [{"type": "function", "name": "get_weather", "parameters": schema}]
    assert fields["model"] == "gpt-4o-mini"
    assert fields["provider"] == "openai"


def test_response_sets_model_usage_and_reason() -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 6,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 1},
    }
    response = {
        "id": "chatcmpl-7",
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}},
        ],
        "usage": usage,
        "service_tier": "default",
    }

    fields = chat(model="gpt-4o-mini", output=response)

    assert fields["output"] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hi"}], "finish_reason": "stop"}
    ]
    assert fields["usage"] == {
        "input_tokens": 9,
        "output_tokens": 6,
        "cache_read_tokens": 3,
        "cache_write_tokens": 2,
        "reasoning_tokens": 2,
        "audio_input_tokens": 0,
        "audio_output_tokens": 1,
    }
    assert (fields["model"], fields["finish_reason"], fields["response_id"]) == (
        "gpt-4o-mini-2024-07-18",
        "stop",
        "chatcmpl-7",
    )
    assert fields["attributes"] == {
        "gen_ai.request.model": "gpt-4o-mini",
        "openai.response.service_tier": "default",
    }


def test_missing_usage_stays_unknown() -> None:
    assert "usage" not in answer({"role": "assistant", "content": "Hi"})


def test_tool_calls_are_parsed_when_they_parse() -> None:
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": '{"x": '}},
        {"id": "c3", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}},
    ]

    fields = answer({"role": "assistant", "content": None, "tool_calls": calls})

    assert fields["output"][0]["parts"] == [
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}},
        {"type": "tool_call", "id": "c2", "name": "g", "arguments": '{"x": '},
        {"type": "tool_call", "id": "c3", "name": "sql", "arguments": "SELECT 1"},
    ]


def test_tool_results_keep_text_and_parse_objects() -> None:
    messages = [
        {"role": "tool", "tool_call_id": "c1", "content": '{"degrees": 18}'},
        {"role": "tool", "tool_call_id": "c2", "content": "18"},
        {"role": "tool", "tool_call_id": "c3", "content": [{"type": "text", "text": "sunny"}]},
        {"role": "function", "name": "old", "content": "ok"},
    ]

    parts = [message["parts"][0] for message in chat(input={"messages": messages})["input"]]

    assert [part["response"] for part in parts] == [{"degrees": 18}, "18", "sunny", "ok"]
    assert parts[0]["id"] == "c1"
    assert parts[3]["name"] == "old"


def test_each_choice_is_a_message() -> None:
    choices = [
        {"index": 1, "finish_reason": "length", "message": {"role": "assistant", "content": "b"}},
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a"}},
    ]

    fields = chat(output={"choices": choices})

    assert [message["parts"][0]["content"] for message in fields["output"]] == ["a", "b"]
    assert [message["finish_reason"] for message in fields["output"]] == ["stop", "length"]
    assert fields["finish_reason"] == "stop"


def test_images_are_blobs_or_references() -> None:
    parts = user(
        [
            {"type": "text", "text": "Look"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg", "detail": "low"}},
            {"type": "image_url", "image_url": "https://example.com/b.jpg"},
        ]
    )

    assert parts == [
        {"type": "text", "content": "Look"},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": PNG},
        {"type": "uri", "modality": "image", "uri": "https://example.com/a.jpg"},
        {"type": "uri", "modality": "image", "uri": "https://example.com/b.jpg"},
    ]


def test_audio_and_files_are_kept() -> None:
    parts = user(
        [
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "mp3"}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {
                "type": "file",
                "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
            },
        ]
    )

    assert parts == [
        {"type": "blob", "modality": "audio", "mime_type": "audio/mpeg", "content": "UklGRg=="},
        {"type": "file", "file_id": "file-1"},
        {
            "type": "blob",
            "modality": "document",
            "mime_type": "application/pdf",
            "content": "JVBERi0=",
            "filename": "a.pdf",
        },
    ]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("data:image/png;base64,%%%", "image that is not base64"),
        ("data:image/png", "image in a data URL without data"),
        ("", "image without data"),
        ({"$type": "cut", "size": 9, "head": "data:image"}, "image too long to keep"),
    ],
)
def test_unusable_image_leaves_a_gap_that_says_why(url: Any, reason: str) -> None:
    parts = user([{"type": "image_url", "image_url": {"url": url}}])

    assert parts == [{"type": "not_captured", "count": 1, "reason": reason}]


def test_percent_encoded_data_url_becomes_a_blob() -> None:
    (part,) = user([{"type": "image_url", "image_url": {"url": "data:image/svg+xml,%3Csvg/%3E"}}])

    assert part == {
        "type": "blob",
        "modality": "image",
        "mime_type": "image/svg+xml",
        "content": "PHN2Zy8+",
    }


def test_refusal_reasoning_and_audio_answers() -> None:
    fields = answer(
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "hm",
            "refusal": "I cannot.",
            "audio": {"id": "audio_1", "data": "UklGRg==", "transcript": "Hello"},
        }
    )

    assert fields["output"][0]["parts"] == [
        {"type": "reasoning", "content": "hm"},
        {"type": "refusal", "content": "I cannot."},
        {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "UklGRg=="},
        {"type": "text", "content": "Hello"},
    ]


def test_unknown_piece_is_shown_as_json() -> None:
    assert user([{"type": "hologram", "data": 1}]) == [{"type": "text", "content": '{"type": "hologram", "data": 1}'}]


def test_messages_that_were_cut_or_not_captured_say_so() -> None:
    cut = {"$type": "cut", "size": 12, "head": [{"role": "user", "content": "a"}]}
    generator = {
        "$type": "not_captured",
        "class": "builtins.generator",
        "reason": "reading it would use it up",
    }

    assert chat(input={"messages": cut})["input"][-1]["parts"] == [
        {"type": "not_captured", "count": 11, "reason": "messages beyond the limit were cut"}
    ]
    assert chat(input={"messages": generator})["input"][0]["parts"] == [
        {"type": "not_captured", "count": 1, "reason": "reading it would use it up"}
    ]


def test_long_text_that_was_cut_keeps_its_head() -> None:
    assert user({"$type": "cut", "size": 1_000, "head": "abc"}) == [
        {"type": "text", "content": "abc"},
        {"type": "not_captured", "count": 997, "reason": "characters after the first 3 were cut"},
    ]


def test_error_in_the_body_is_an_error() -> None:
    fields = chat(output={"error": {"code": "overloaded", "message": "try later"}})

    assert fields["error"] == {
        "type": "overloaded",
        "module": "openai",
        "message": "try later",
        "traceback": "",
    }


def test_openrouter_says_what_it_charged() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.0042}

    assert chat(provider="openrouter", output={"usage": usage})["cost_usd"] == 0.0042
    assert "cost_usd" not in chat(provider="openai", output={"usage": usage})


def test_what_the_user_set_stays() -> None:
    fields = chat(
        usage={"input_tokens": 1},
        finish_reason="mine",
        output={"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 5}},
    )

    assert fields["usage"] == {"input_tokens": 1}
    assert fields["finish_reason"] == "mine"


def test_arguments_are_not_changed_and_a_second_pass_changes_nothing() -> None:
    given = {
        "format": "openai.chat",
        "input": {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]},
        "output": {"choices": [{"index": 0, "message": {"role": "assistant", "content": "b"}}]},
    }
    before = copy.deepcopy(given)

    once = normalise(given)

    assert given == before
    assert normalise(once) == once


def test_raw_value_is_kept_when_it_cannot_be_read() -> None:
    odd = {"choices": 5}

    fields = chat(input={"messages": [{"role": "user", "content": "a"}]}, output=odd)

    assert fields["output"] == odd
    assert fields["attributes"]["spanbook.normalise_error"].startswith("output: TypeError")
    assert fields["input"][0]["role"] == "user"


def test_other_formats_come_back_as_they_are() -> None:
    fields = {"format": "acme.chat", "input": {"messages": []}}

    assert normalise(fields) is fields
    assert normalise({"input": 1}) == {"input": 1}


def test_legacy_completion() -> None:
    fields = normalise(
        {
            "format": "openai.completions",
            "input": {"model": "davinci-002", "prompt": ["a", "b"], "max_tokens": 3},
            "output": {"choices": [{"index": 0, "text": "c", "finish_reason": "length"}]},
        }
    )

    assert [message["parts"][0]["content"] for message in fields["input"]] == ["a", "b"]
    assert fields["output"] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "c"}], "finish_reason": "length"}
    ]
    assert fields["model_parameters"] == {"max_tokens": 3}
