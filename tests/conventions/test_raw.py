"""What only the provider's own request or response says; from spans of OpenInference's older instrumentors."""

from __future__ import annotations

from typing import Any

from tests.conventions.spans import PNG, call, dumps, mapped, text

LLM = {"openinference.span.kind": "LLM", "input.mime_type": "application/json", "output.mime_type": "application/json"}
_IN = "llm.input_messages"
_OUT = "llm.output_messages.0.message"
CLAUDE = {
    "id": "msg_1",
    "role": "assistant",
    "type": "message",
    "stop_reason": "tool_use",
    "content": [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}],
    "usage": {"input_tokens": 0, "output_tokens": 12, "cache_read_input_tokens": 2484},
}


def anthropic(**attributes: Any) -> dict[str, Any]:
    """Map a span as openinference-instrumentation-anthropic 0.1.9 sends it."""
    flat = {
        f"{_OUT}.role": "assistant",
        f"{_OUT}.tool_calls.0.tool_call.function.name": "get_weather",
        f"{_OUT}.tool_calls.0.tool_call.function.arguments": '{"city": "Paris"}',
        "llm.token_count.prompt": 0,
        "llm.token_count.completion": 12,
    }
    return mapped({**LLM, **flat, "output.value": dumps(CLAUDE), **attributes})


def test_the_id_of_a_call() -> None:
    assert anthropic()["output"][0]["parts"] == [call("toolu_1", "get_weather", {"city": "Paris"})]


def test_response_id_and_reason_to_stop() -> None:
    fields = anthropic()
    assert (fields["response_id"], fields["finish_reason"]) == ("msg_1", "tool_use")


def test_the_providers_counts_go_before_a_copy_that_leaves_out_the_cache() -> None:
    assert anthropic()["usage"] == {
        "input_tokens": 2484, "output_tokens": 12, "cache_read_tokens": 2484,
    }  # fmt: skip


def test_the_system_among_the_parameters_is_the_first_message() -> None:
    fields = anthropic(**{
        f"{_IN}.0.message.role": "user", f"{_IN}.0.message.content": "Hi",
        "llm.invocation_parameters": dumps({"system": "Be brief.", "max_tokens": 9}),
    })  # fmt: skip
    assert fields["input"] == [text("system", "Be brief."), text("user", "Hi")]
    assert fields["model_parameters"] == {"max_tokens": 9}


def test_a_picture() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    pieces = [{"type": "text", "text": "What?"}, {"type": "image", "source": source}]
    fields = anthropic(**{
        f"{_IN}.0.message.role": "user", f"{_IN}.0.message.content": "What?",
        "input.value": dumps({"model": "claude", "messages": [{"role": "user", "content": pieces}]}),
    })  # fmt: skip
    assert [part["type"] for part in fields["input"][0]["parts"]] == ["text", "blob"]


def test_words_that_were_made_unreadable_stay_so() -> None:
    fields = anthropic(**{
        f"{_IN}.0.message.role": "user", f"{_IN}.0.message.content": "__REDACTED__",
        "input.value": dumps({"messages": [{"role": "user", "content": [{"type": "text", "text": "my secret"}] * 2}]}),
    })  # fmt: skip
    assert fields["input"] == [text("user", "__REDACTED__")]


def test_counts_of_an_older_openai() -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 90}, "completion_tokens_details": {"reasoning_tokens": 64}}
    answer = {
        "id": "chatcmpl-1",
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "Yo"}}],
        "usage": {"prompt_tokens": 99, "completion_tokens": 76, "total_tokens": 175, **details},
    }
    fields = mapped(
        {
            **LLM,
            f"{_OUT}.role": "assistant",
            f"{_OUT}.content": "Yo",
            "llm.model_name": "o4-mini",
            "llm.token_count.prompt": 99,
            "output.value": dumps(answer),
        },
        scope_name="openinference.instrumentation.openai",
    )
    assert fields["usage"] == {
        "input_tokens": 99, "output_tokens": 76, "cache_read_tokens": 90, "reasoning_tokens": 64,
    }  # fmt: skip
    assert (fields["provider"], fields["finish_reason"]) == ("openai", "stop")


def test_a_response_among_the_parameters_of_openais_agents() -> None:
    given = {"id": "resp_1", "created_at": 1.0, "instructions": "Be brief.", "metadata": {}, "temperature": 0.2}
    fields = mapped({**LLM, "llm.invocation_parameters": dumps(given)})
    assert (fields["model_parameters"], fields["response_id"]) == ({"temperature": 0.2}, "resp_1")


def test_arguments_that_were_not_given_are_no_parameters() -> None:
    """As the clients of Mistral (an empty text) and Portkey (an object that stands for it) write them down."""
    given = {"temperature": 0.3, "top_p": "", "seed": "<openai.Omit object at 0x7efede0a5f10>", "stop": None}
    assert mapped({**LLM, "llm.invocation_parameters": dumps(given)})["model_parameters"] == {"temperature": 0.3}


def test_the_options_of_ollama_are_parameters() -> None:
    given = {"stream": False, "options": {"temperature": 0.3}}
    fields = mapped({**LLM, "llm.invocation_parameters": dumps(given)})
    assert fields["model_parameters"] == {"stream": False, "temperature": 0.3}


def test_the_name_of_a_stream_is_not_what_was_answered() -> None:
    fields = mapped({**LLM, "output.value": "<groq.Stream object at 0x7fca566f5690>"})
    assert fields.get("output") is None
    assert fields["attributes"]["output.value"].startswith("<groq.Stream")


def test_a_picture_that_only_the_request_has_beside_the_text() -> None:
    """As Ollama takes it, in a list of the message's own."""
    asked = {"model": "llava", "messages": [{"role": "user", "content": "Look", "images": [PNG]}]}
    flat = {f"{_IN}.0.message.role": "user", f"{_IN}.0.message.content": "Look"}
    parts = mapped({**LLM, **flat, "input.value": dumps(asked)})["input"][0]["parts"]
    assert [(part["type"], part.get("mime_type")) for part in parts] == [("text", None), ("blob", "image/png")]


def test_a_picture_written_out_in_the_text_is_the_one_of_the_request() -> None:
    """As the instrumentor of Cohere joins the pieces of a message."""
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    asked = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look"}, image]}]}
    flat = {f"{_IN}.0.message.role": "user", f"{_IN}.0.message.content": f"Look{dumps(image)}"}
    parts = mapped({**LLM, **flat, "input.value": dumps(asked)})["input"][0]["parts"]
    assert [part["type"] for part in parts] == ["text", "blob"]


def test_cohere_s_counts_are_not_those_that_it_bills() -> None:
    used = {"billed_units": {"input_tokens": 11.0, "output_tokens": 5.0}, "cached_tokens": 3.0,
            "tokens": {"input_tokens": 71.0, "output_tokens": 6.0}}  # fmt: skip
    fields = mapped({**LLM, "llm.token_count.prompt": 71, "output.value": dumps({"id": "co1", "usage": used})})
    assert fields["usage"] == {"input_tokens": 71, "output_tokens": 6, "cache_read_tokens": 3}


def test_tools_and_parameters_among_the_further_arguments() -> None:
    """As the instrumentor of Portkey writes them."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    given = {"temperature": 0.3, "kwargs": {"seed": 1, "tools": [tool]}}
    fields = mapped({**LLM, "llm.invocation_parameters": dumps(given)})
    assert fields["model_parameters"] == {"temperature": 0.3, "seed": 1}
    assert fields["tools"] == [{"type": "function", "name": "f", "parameters": {}}]
