"""The Responses API and embeddings, raw, become messages, usage and shapes."""

from __future__ import annotations

from typing import Any

import pytest

from spanbook.conventions import normalise


def responses(**fields: Any) -> dict[str, Any]:
    return normalise({"format": "openai.responses", **fields})


def embeddings(**fields: Any) -> dict[str, Any]:
    return normalise({"format": "openai.embeddings", **fields})


def test_instructions_come_first_as_system_message() -> None:
    fields = responses(input={"model": "gpt-4o", "instructions": "Be brief.", "input": "Hello"})

    assert fields["input"] == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Hello"}]},
    ]


def test_a_turn_of_the_assistant_is_one_message() -> None:
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "think"}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"x": 1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "18C"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "18C"}]},
    ]

    messages = responses(input={"input": items})["input"]

    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert messages[1]["parts"] == [
        {"type": "reasoning", "content": "think"},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}},
    ]
    assert messages[2]["parts"] == [{"type": "tool_call_response", "id": "c1", "response": "18C"}]


def test_response_sets_usage_reason_and_model() -> None:
    response = {
        "id": "resp_1",
        "model": "gpt-4o-2024-08-06",
        "status": "completed",
        "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}],
        "usage": {
            "input_tokens": 9,
            "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
            "output_tokens": 6,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 15,
        },
    }

    fields = responses(model="gpt-4o", output=response)

    assert fields["output"] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hi"}], "finish_reason": "stop"}
    ]
    assert fields["usage"] == {
        "input_tokens": 9,
        "output_tokens": 6,
        "cache_read_tokens": 3,
        "cache_write_tokens": 0,
        "reasoning_tokens": 2,
    }
    assert (fields["model"], fields["response_id"]) == ("gpt-4o-2024-08-06", "resp_1")


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({"status": "completed", "output": [{"type": "function_call", "name": "f"}]}, "tool_calls"),
        ({"status": "completed", "output": [{"type": "web_search_call", "id": "ws"}]}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "queued", "output": []}, None),
    ],
)
def test_finish_reason_is_in_the_words_of_chat(response: dict[str, Any], reason: str | None) -> None:
    assert responses(output=response).get("finish_reason") == reason


def test_failed_response_is_an_error_and_says_its_status() -> None:
    fields = responses(output={"status": "failed", "error": {"code": "server_error", "message": "boom"}, "output": []})

    assert fields["error"]["type"] == "server_error"
    assert fields["attributes"]["openai.response.status"] == "failed"


def test_media_items_become_blobs_references_and_files() -> None:
    content = [
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,YQ=="},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
    ]

    parts = responses(input={"input": [{"role": "user", "content": content}]})["input"][0]["parts"]

    assert [part["type"] for part in parts] == ["blob", "uri", "file", "blob", "uri"]
    assert parts[3]["filename"] == "a.txt"


def test_generated_image_and_screenshot_are_blobs() -> None:
    items = [
        {
            "type": "image_generation_call",
            "id": "ig",
            "result": "iVBORw0KGgo=",
            "status": "completed",
            "output_format": "png",
            "revised_prompt": "a cat",
        },
        {
            "type": "computer_call_output",
            "call_id": "cc",
            "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64,iVBORw0KGgo="},
        },
    ]

    made, seen = responses(input={"input": items})["input"]

    assert made["parts"][0]["name"] == "image_generation_call"
    assert made["parts"][1]["mime_type"] == "image/png"
    assert [part["type"] for part in seen["parts"]] == ["tool_call_response", "blob"]
    assert "base64" not in str(seen["parts"][0])


def test_tool_that_the_server_ran_has_call_and_result() -> None:
    item = {
        "type": "mcp_call",
        "id": "m1",
        "name": "lookup",
        "server_label": "crm",
        "arguments": '{"id": 7}',
        "output": '{"name": "Ada"}',
    }

    (message,) = responses(output={"status": "completed", "output": [item]})["output"]

    assert message["parts"] == [
        {"type": "tool_call", "id": "m1", "name": "lookup", "arguments": {"id": 7}},
        {"type": "tool_call_response", "id": "m1", "name": "lookup", "response": {"name": "Ada"}},
    ]


def test_encrypted_reasoning_and_references_say_what_is_missing() -> None:
    items = [
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"},
        {"type": "item_reference", "id": "rs_1"},
    ]

    parts = [message["parts"][0] for message in responses(input={"input": items})["input"]]

    assert [part["reason"] for part in parts] == ["encrypted reasoning", "item rs_1 is held by the server"]


def test_embedded_texts_are_kept_and_vectors_are_not() -> None:
    rows = [{"object": "embedding", "index": i, "embedding": [0.5, 0.25, float(i)] * 512} for i in range(2)]

    fields = embeddings(
        input={"model": "text-embedding-3-small", "input": ["alpha beta", "gamma"], "dimensions": 1536},
        output={
            "model": "text-embedding-3-small",
            "data": rows,
            "usage": {"prompt_tokens": 3, "total_tokens": 3},
        },
    )

    assert fields["input"] == ["alpha beta", "gamma"]
    assert fields["model_parameters"] == {"dimensions": 1536}
    assert fields["output"] == {
        "$type": "array",
        "shape": [2, 1536],
        "dtype": "float32",
        "head": [0.5, 0.25, 0.0, 0.5, 0.25, 0.0, 0.5, 0.25, 0.0, 0.5],
    }
    assert fields["usage"] == {"input_tokens": 3}


def test_base64_vectors_and_token_inputs_have_a_shape() -> None:
    fields = embeddings(input={"input": [[1, 2, 3], [4]]}, output={"data": [{"embedding": "AAAAAAAAgD8="}]})

    assert fields["output"]["shape"] == [1, 2]
    assert [array["shape"] for array in fields["input"]] == [[3], [1]]
