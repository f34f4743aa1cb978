"""OpenInference: flat attributes with indices."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conventions.spans import PNG, call, dumps, event, mapped, text

LLM = {"openinference.span.kind": "LLM"}
_IN = "llm.input_messages"
_OUT = "llm.output_messages"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("LLM", "llm"), ("RERANKER", "reranker"), ("GUARDRAIL", "guardrail"), ("PROMPT", "chain"), ("UNKNOWN", "span")],
)
def test_kinds(theirs: str, ours: str) -> None:
    assert mapped({"openinference.span.kind": theirs})["kind"] == ours


def test_indices_with_gaps_are_sorted_as_numbers() -> None:
    fields = mapped({
        **LLM,
        f"{_IN}.10.message.role": "user", f"{_IN}.10.message.content": "last",
        f"{_IN}.2.message.role": "system", f"{_IN}.2.message.content": "first",
    })  # fmt: skip
    assert fields["input"] == [text("system", "first"), text("user", "last")]


def test_tool_calls_and_their_results_are_joined() -> None:
    one = f"{_IN}.0.message.tool_calls.0.tool_call"
    fields = mapped({
        **LLM,
        f"{_IN}.0.message.role": "assistant",
        f"{one}.id": "c1", f"{one}.function.name": "weather", f"{one}.function.arguments": '{"city": "Paris"}',
        f"{_IN}.1.message.role": "tool", f"{_IN}.1.message.tool_call_id": "c1", f"{_IN}.1.message.content": "18C",
    })  # fmt: skip
    assert fields["input"] == [
        {"role": "assistant", "parts": [call("c1", "weather", {"city": "Paris"})]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "18C", "name": "weather"}]},
    ]


def test_a_tool_as_bedrock_has_it() -> None:
    spec = {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}
    fields = mapped({**LLM, "llm.tools.0.tool.json_schema": dumps(spec)})
    assert fields["tools"] == [{"type": "function", "name": "f", "parameters": {"type": "object"}}]


def test_instructions_and_thoughts_of_gemini() -> None:
    """As its instrumentor has them at version 0.1: beside their message, and in the total alone (of a stream)."""
    fields = mapped({
        **LLM, "llm.provider": "google", "llm.invocation_parameters": '{"system_instruction": "Be brief.", "top_k": 5}',
        f"{_IN}.0.message.role": "system", f"{_IN}.0.message.content": "Be brief.",
        "llm.token_count.prompt": 100, "llm.token_count.completion": 20, "llm.token_count.total": 150,
    })  # fmt: skip
    assert (fields["input"], fields["model_parameters"]) == ([text("system", "Be brief.")], {"top_k": 5})
    assert fields["usage"] == {"input_tokens": 100, "output_tokens": 50}


def test_the_models_own_role_is_the_assistants() -> None:
    fields = mapped({**LLM, f"{_OUT}.0.message.role": "model", f"{_OUT}.0.message.content": "Hello"})
    assert fields["output"] == [text("assistant", "Hello")]


def test_an_image_becomes_a_blob() -> None:
    piece = f"{_IN}.0.message.contents.0.message_content"
    fields = mapped({**LLM, f"{piece}.type": "image", f"{piece}.image.image.url": f"data:image/png;base64,{PNG}"})
    (part,) = fields["input"][0]["parts"]
    assert (part["type"], part["mime_type"], part["content"]) == ("blob", "image/png", PNG)


def test_contents_are_taken_where_content_repeats_them() -> None:
    piece = f"{_OUT}.0.message.contents.0.message_content"
    fields = mapped({**LLM, f"{_OUT}.0.message.role": "assistant", f"{_OUT}.0.message.content": "Hi",
                     f"{piece}.type": "output_text", f"{piece}.text": "Hi"})  # fmt: skip
    assert fields["output"] == [text("assistant", "Hi")]


def test_reasoning_sent_as_a_message_joins_the_answer() -> None:
    piece = "message.contents.0.message_content"
    fields = mapped({
        **LLM,
        f"{_OUT}.0.message.role": "assistant", f"{_OUT}.0.{piece}.type": "reasoning", f"{_OUT}.0.{piece}.text": "Hm",
        f"{_OUT}.1.message.role": "assistant", f"{_OUT}.1.message.content": "Yes",
    })  # fmt: skip
    assert [part["type"] for part in fields["output"][0]["parts"]] == ["reasoning", "text"]


def test_a_failed_call_takes_its_model_from_the_parameters() -> None:
    fields = mapped({**LLM, "llm.invocation_parameters": dumps({"model": "gpt-4o", "temperature": 0})}, status="error")
    assert (fields["model"], fields["model_parameters"]) == ("gpt-4o", {"temperature": 0})


def test_usage_and_its_parts() -> None:
    counts = {"prompt": 9, "completion": 6, "total": 15, "prompt_details.cache_read": 3, "prompt_details.audio": 0,
              "completion_details.reasoning": 2}  # fmt: skip
    usage = mapped({**LLM, **{f"llm.token_count.{name}": count for name, count in counts.items()}})["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (9, 6)
    assert (usage["cache_read_tokens"], usage["reasoning_tokens"]) == (3, 2)


def test_an_agents_summed_usage_does_not_count() -> None:
    fields = mapped({"openinference.span.kind": "AGENT", "llm.token_count.prompt": 9})
    assert (fields["usage"], fields["counted"]) == ({"input_tokens": 9}, False)


def test_documents_of_a_retriever() -> None:
    fields = mapped({
        "openinference.span.kind": "RETRIEVER", "input.value": "France",
        "retrieval.documents.0.document.content": "Paris", "retrieval.documents.0.document.score": 0.5,
        "retrieval.documents.0.document.metadata": dumps({"id": "d1"}),
    })  # fmt: skip
    assert fields["input"] == "France"
    assert fields["output"] == [{"content": "Paris", "score": 0.5, "metadata": {"id": "d1"}}]


def test_embeddings_keep_texts_and_the_shape_of_vectors() -> None:
    one = "embedding.embeddings.0.embedding"
    fields = mapped({"openinference.span.kind": "EMBEDDING", f"{one}.text": "alpha", f"{one}.vector": [0.5, 1.0, 0.0]})
    assert (fields["input"], fields["output"]["shape"]) == (["alpha"], [1, 3])


def test_who_where_and_which_prompt() -> None:
    fields = mapped({**LLM, "session.id": "s", "user.id": "u", "tag.tags": ["a"], "metadata": dumps({"plan": "pro"}),
                     "llm.prompt_template.version": "v2"})  # fmt: skip
    assert (fields["session_id"], fields["user_id"], fields["tags"]) == ("s", "u", ["a"])
    assert (fields["metadata"], fields["prompt_version"]) == ({"plan": "pro"}, "v2")


def test_first_token_event() -> None:
    fields = mapped(LLM, events=[event("First Token Stream Event", 61)])
    assert fields["first_token_ns"] - fields["start_ns"] == 61_000_000


def test_a_request_that_messages_repeat_is_dropped_and_gives_the_response_id() -> None:
    fields = mapped(
        {
            **LLM,
            f"{_OUT}.0.message.role": "assistant",
            f"{_OUT}.0.message.content": "Hi",
            "output.value": dumps({"id": "chatcmpl-1", "choices": []}),
            "output.mime_type": "application/json",
        }
    )
    assert (fields["response_id"], fields["attributes"]) == ("chatcmpl-1", {})


def test_prompts_as_a_list_of_texts() -> None:
    """As the instrumentor of LlamaIndex writes them."""
    assert mapped({**LLM, "llm.prompts": ["Say a poem"]})["input"] == [text("user", "Say a poem")]


def test_results_of_tools_of_which_the_attributes_keep_one() -> None:
    """As the instrumentor of Anthropic's client for JavaScript writes them: in the user's message, the last one."""
    results = [{"type": "tool_result", "tool_use_id": id, "content": "7"} for id in ("t1", "t2")]
    attributes = {
        **LLM, f"{_IN}.0.message.role": "user", f"{_IN}.0.message.tool_call_id": "t2",
        f"{_IN}.0.message.content": "7",
    }  # fmt: skip
    assert [part["id"] for part in _parts(mapped(attributes)["input"])] == ["t2"]
    request = dumps({"messages": [{"role": "user", "content": results}]})
    asked = mapped({**attributes, "input.value": request, "input.mime_type": "application/json"})["input"]
    assert [(part["type"], part["id"]) for part in _parts(asked)] == [
        ("tool_call_response", "t1"), ("tool_call_response", "t2"),
    ]  # fmt: skip


def test_a_result_of_a_tool_that_only_the_request_has() -> None:
    """As the instrumentor of Bedrock for JavaScript writes it."""
    result = {"toolResult": {"toolUseId": "t1", "content": [{"json": {"temp": 7}}]}}
    asked = mapped({
        **LLM, f"{_IN}.0.message.role": "user", f"{_IN}.0.message.tool_call_id": "t1",
        "input.value": dumps({"messages": [{"role": "user", "content": [result]}]}),
    })["input"]  # fmt: skip
    assert [(part["id"], part["response"]) for part in _parts(asked)] == [("t1", {"temp": 7})]


def test_reasoning_that_only_the_response_has() -> None:
    """As the instrumentor of OpenAI's agents for JavaScript writes an answer: one message a call."""
    calls = [{"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"} for id in ("c1", "c2")]
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]}
    attributes = {**LLM, "output.value": dumps({"object": "response", "output": [thought, *calls]})}
    for index, id in enumerate(("c1", "c2")):
        attributes |= {
            f"{_OUT}.{index}.message.role": "assistant",
            f"{_OUT}.{index}.message.tool_calls.0.tool_call.id": id,
            f"{_OUT}.{index}.message.tool_calls.0.tool_call.function.name": "f",
        }
    said = mapped(attributes)["output"]
    assert [part["type"] for part in _parts(said)] == ["reasoning", "tool_call", "tool_call"]
    contents = f"{_IN}.0.message.contents.0.message_content"
    asked = mapped({**LLM, f"{contents}.type": "text", f"{contents}.text": "Hm"})["input"]
    assert asked == [text("assistant", "Hm")]


def test_the_provider_that_langchain_names() -> None:
    assert mapped({**LLM, "metadata": dumps({"ls_provider": "openai"})})["provider"] == "openai"


def test_a_tool_of_bedrock() -> None:
    tool = {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}
    fields = mapped({**LLM, "llm.tools.0.tool.json_schema": dumps(tool)})
    assert [(one["name"], one["parameters"]) for one in fields["tools"]] == [("f", {"type": "object"})]


def test_an_error_whose_message_ends_with_its_stack() -> None:
    """As LangChain for JavaScript keeps it."""
    raised = event("exception", **{"exception.message": "boom\n\nError: boom\n    at f (a.js:1:2)"})
    error = mapped(LLM, events=[raised], status="error")["error"]
    assert (error["message"], error["traceback"]) == ("boom", "Error: boom\n    at f (a.js:1:2)")


def _parts(messages: Any) -> list[Any]:
    return [part for message in messages for part in message["parts"]]


# -- our own export for Phoenix


def test_a_call_whose_input_and_output_are_plain_text() -> None:
    fields = mapped({
        "openinference.span.kind": "LLM", "spanbook.kind": "llm",
        "spanbook.input": '"Hi"', "input.value": "Hi", "input.mime_type": "text/plain",
        "spanbook.output": '"Yo"', "output.value": "something else",
    })  # fmt: skip
    assert (fields["input"], fields["output"]) == ("Hi", "Yo")
    assert fields["attributes"] == {"output.value": "something else"}


def test_a_picture_is_the_one_that_genais_messages_have() -> None:
    blob = {"type": "blob", "modality": "image", "mime_type": "image/png", "digest": "00", "size": 1}
    asked = [{"role": "user", "parts": [blob]}]
    piece = "llm.input_messages.0.message.contents.0.message_content"
    fields = mapped({
        "openinference.span.kind": "LLM", "spanbook.kind": "llm", "gen_ai.input.messages": dumps(asked),
        "llm.input_messages.0.message.role": "user", f"{piece}.type": "blob", f"{piece}.text": dumps(blob),
    })  # fmt: skip
    assert (fields["input"], fields["attributes"]) == (asked, {})


def test_roles_of_smolagents_are_those_of_everybody() -> None:
    said = {"tool-call": "Calling tools: []", "tool-response": "Observation: 4"}
    attributes: dict[str, Any] = {}
    for at, (role, content) in enumerate(said.items()):
        attributes[f"llm.input_messages.{at}.message.role"] = role
        attributes[f"llm.input_messages.{at}.message.content"] = content
    assert [message["role"] for message in mapped({**LLM, **attributes})["input"]] == ["assistant", "tool"]


def test_what_a_processor_translated_is_taken_from_the_original() -> None:
    """Of Vercel's SDK 7: to its processor an image is text, and a step of an agent a call of a model."""
    image = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": PNG}
    fields = mapped({
        "openinference.span.kind": "LLM", "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": dumps([{"role": "user", "parts": [image]}]),
        "gen_ai.output.messages": dumps([{"role": "assistant", "parts": [{"type": "text", "content": "A dot"}]}]),
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.contents.0.message_content.type": "blob",
        "llm.input_messages.0.message.contents.0.message_content.text": dumps(image),
        "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": "A dot",
    })  # fmt: skip
    assert fields["input"] == [{"role": "user", "parts": [image]}]
    assert (fields["kind"], fields["output"]) == ("llm", [text("assistant", "A dot")])
    assert fields["attributes"] == {}
    step = mapped({"openinference.span.kind": "LLM", "gen_ai.operation.name": "agent_step"})
    assert step["kind"] == "chain"


def test_metadata_that_repeats_an_attribute_is_none() -> None:
    fields = mapped({
        "ai.operationId": "ai.streamText.doStream", "openinference.span.kind": "LLM", "ai.response.msToFinish": 16.5,
        "metadata.ai.response.msToFinish": 16.5, "metadata.plan": "pro",
    })  # fmt: skip
    assert fields["metadata"] == {"plan": "pro"}


def test_a_tool_that_returned_a_message_of_langchain() -> None:
    said = {"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "ToolMessage"],
            "kwargs": {"status": "success", "content": "Sunny", "tool_call_id": "c1", "name": "f"}}  # fmt: skip
    fields = mapped({"openinference.span.kind": "TOOL", "metadata": dumps({"user_id": "u1", "plan": "pro"}),
                     "output.value": dumps({"output": said}), "output.mime_type": "application/json"})  # fmt: skip
    assert (fields["output"], fields["attributes"]) == ("Sunny", {"gen_ai.tool.call.id": "c1"})
    assert (fields["user_id"], fields["metadata"]) == ("u1", {"plan": "pro"})


def test_the_class_of_an_error_that_langchain_for_javascript_keeps_as_text() -> None:
    said = "broken tool\n\nTypeError: broken tool\n    at f (a.mjs:8:183)"
    raised = event("exception", **{"exception.message": said})
    fields = mapped({"openinference.span.kind": "TOOL"}, status="error", events=[raised])
    assert (fields["error"]["type"], fields["error"]["message"]) == ("TypeError", "broken tool")


def test_messages_of_an_agent() -> None:
    fields = mapped({"openinference.span.kind": "AGENT", f"{_IN}.0.message.role": "user",
                     f"{_IN}.0.message.content": "Hi", f"{_OUT}.0.message.role": "assistant",
                     f"{_OUT}.0.message.content": "Yo", "output.value": "Yo"})  # fmt: skip
    assert (fields["input"], fields["output"]) == ([text("user", "Hi")], [text("assistant", "Yo")])


def test_a_tools_result_in_pieces_of_text_is_their_text() -> None:
    pieces = [{"type": "text", "text": "Sunny"}, {"type": "text", "text": "."}]
    fields = mapped({**LLM, f"{_IN}.0.message.role": "tool", f"{_IN}.0.message.tool_call_id": "c1",
                     f"{_IN}.0.message.content": pieces})  # fmt: skip
    assert fields["input"][0]["parts"][0]["response"] == "Sunny."


@pytest.mark.parametrize("is_step", [False, True])
def test_documents_that_only_the_request_has(is_step: bool) -> None:
    """In the input of Gemini's Interactions: a list of pieces, or of steps."""
    document = {"type": "document", "uri": "https://e.org/a.pdf", "mime_type": "application/pdf"}
    asked: list[Any] = [{"type": "text", "text": "Read"}, document]
    value = dumps([{"type": "user_input", "content": asked}] if is_step else asked)
    fields = mapped({**LLM, f"{_IN}.0.message.role": "user", f"{_IN}.0.message.contents.0.message_content.text": "Read",
                     "input.value": value, "input.mime_type": "application/json"})  # fmt: skip
    assert [part["type"] for part in fields["input"][0]["parts"]] == ["text", "uri"]


def test_input_and_output_of_a_span_without_a_kind() -> None:
    """As Guardrails traces the call of a function."""
    fields = mapped({"input.value": '{"args": ["hi"]}', "input.mime_type": "application/json", "output.value": "ho"})
    assert (fields["kind"], fields["input"], fields["output"]) == ("span", {"args": ["hi"]}, "ho")
