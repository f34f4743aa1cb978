"""OpenLLMetry (old form), litellm, Logfire, pydantic-ai and MLflow."""

from __future__ import annotations

from typing import Any

import pytest

from spanbook.conventions.otel import OtelEvent
from tests.conventions.spans import PNG, START, call, dumps, event, mapped, text, whole

# -- OpenLLMetry and litellm


def test_flat_prompts_and_completions() -> None:
    fields = mapped({
        "llm.request.type": "chat", "gen_ai.system": "OpenAI",
        "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "Be brief.",
        "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": "Hi",
        "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "Yo",
        "gen_ai.completion.0.finish_reason": "stop",
    })  # fmt: skip
    assert (fields["kind"], fields["attributes"]) == ("llm", {})
    assert fields["input"] == [text("system", "Be brief."), text("user", "Hi")]
    assert fields["output"] == [{**text("assistant", "Yo"), "finish_reason": "stop"}]


def test_flat_tool_calls_and_results() -> None:
    one = "gen_ai.prompt.0.tool_calls.0"
    fields = mapped({
        "llm.request.type": "chat", "gen_ai.prompt.0.role": "assistant",
        f"{one}.id": "c1", f"{one}.name": "weather", f"{one}.arguments": '{"a": 1}',
        "gen_ai.prompt.1.role": "tool", "gen_ai.prompt.1.content": "18C", "gen_ai.prompt.1.tool_call_id": "c1",
    })  # fmt: skip
    assert fields["input"][0]["parts"] == [call("c1", "weather", {"a": 1})]
    assert fields["input"][1]["parts"][0] == {
        "type": "tool_call_response",
        "id": "c1",
        "response": "18C",
        "name": "weather",
    }


def test_flat_content_of_several_pieces_is_json() -> None:
    pieces = [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "https://img.example/a.png"}},
    ]
    fields = mapped({"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": dumps(pieces)})
    assert [part["type"] for part in fields["input"][0]["parts"]] == ["text", "uri"]


def test_flat_usage_and_tools() -> None:
    fields = mapped({
        "llm.request.type": "chat", "gen_ai.usage.prompt_tokens": 9, "gen_ai.usage.completion_tokens": 5,
        "llm.usage.total_tokens": 14, "gen_ai.usage.cache_read_input_tokens": 3, "llm.is_streaming": True,
        "llm.request.functions.0.name": "f", "llm.request.functions.0.parameters": "{}",
    })  # fmt: skip
    assert fields["usage"] == {"input_tokens": 9, "output_tokens": 5, "cache_read_tokens": 3}
    assert fields["tools"] == [{"type": "function", "name": "f", "parameters": {}}]
    assert fields["model_parameters"] == {"stream": True}


@pytest.mark.parametrize(
    ("theirs", "ours"), [("workflow", "chain"), ("task", "chain"), ("agent", "agent"), ("tool", "tool")]
)
def test_traceloop_entities(theirs: str, ours: str) -> None:
    fields = mapped(
        {"traceloop.span.kind": theirs, "traceloop.entity.input": '{"args": [1]}', "traceloop.entity.output": "2"}
    )
    assert (fields["kind"], fields["input"], fields["output"]) == (ours, {"args": [1]}, 2)


def test_node_s_openllmetry_counts_anthropics_cache_beside_the_input() -> None:
    counts = {"input_tokens": 20, "output_tokens": 12, "total_tokens": 32, "cache_read.input_tokens": 16}
    attributes = {"gen_ai.operation.name": "chat", **{f"gen_ai.usage.{name}": count for name, count in counts.items()}}
    node = mapped(attributes, scope_name="@traceloop/instrumentation-anthropic")
    assert node["usage"] == {"input_tokens": 36, "output_tokens": 12, "cache_read_tokens": 16}
    assert mapped(attributes)["usage"]["input_tokens"] == 20


def test_a_message_without_content_is_a_gap() -> None:
    """As OpenLLMetry 0.14 for JavaScript writes a message of calls alone, and without the calls."""
    asked = mapped({"gen_ai.prompt.0.role": "assistant", "gen_ai.prompt.0.content": "null"})["input"]
    assert [part["type"] for part in asked[0]["parts"]] == ["not_captured"]


def test_cohere_of_node_writes_what_the_user_said_by_the_name_of_the_role() -> None:
    fields = mapped({
        "llm.request.type": "chat", "gen_ai.prompt.0.role": "CHATBOT", "gen_ai.prompt.0.content": "Hello",
        "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.user": "Weather?",
    })  # fmt: skip
    assert fields["input"] == [text("assistant", "Hello"), text("user", "Weather?")]


def test_a_ranking_of_node_s_openllmetry() -> None:
    """The second document came back as its place alone."""
    fields = mapped({
        "llm.request.type": "rerank", "topN": 2, "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.user": "Paris?",
        "documents.0.index": "Rome", "documents.1.index": "Paris is big",
        "gen_ai.completion.0.relevanceScore": 0.9, "gen_ai.completion.0.content": "Paris is big",
        "gen_ai.completion.1.relevanceScore": 0.1, "gen_ai.completion.1.content": 0,
    })  # fmt: skip
    documents = [{"content": "Rome"}, {"content": "Paris is big"}]
    assert (fields["kind"], fields["input"]) == ("reranker", {"query": "Paris?", "documents": documents})
    assert fields["output"] == [{"content": "Paris is big", "score": 0.9}, {"content": "Rome", "score": 0.1}]
    assert fields["model_parameters"] == {"top_n": 2}


def test_a_call_that_is_told_by_both_names_is_one() -> None:
    fields = mapped({
        "llm.request.type": "chat", "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.function_call.name": "f", "gen_ai.completion.0.function_call.arguments": '{"a": 1}',
        "gen_ai.completion.0.tool_calls.0.name": "f", "gen_ai.completion.0.tool_calls.0.arguments": '{"a": 1}',
    })  # fmt: skip
    assert fields["output"] == [{"role": "assistant", "parts": [call(None, "f", {"a": 1})]}]


def test_what_a_search_of_vectors_found() -> None:
    prefix = "db.vector.query.result"
    found = {f"{prefix}.0.id": 1, f"{prefix}.0.score": 0.9, f"{prefix}.0.metadata": '{"text": "Paris"}'}
    fields = mapped({"db.system": "Qdrant", **found}, scope_name="@traceloop/instrumentation-qdrant")
    assert fields["kind"] == "retriever"
    assert fields["output"] == [{"id": 1, "score": 0.9, "metadata": {"text": "Paris"}}]


def test_a_task_that_executes_a_tool_is_a_tool() -> None:
    assert mapped({"traceloop.span.kind": "task", "gen_ai.operation.name": "execute_tool"})["kind"] == "tool"


def test_a_generated_image_is_a_call_of_a_model() -> None:
    fields = mapped({"gen_ai.operation.name": "image_generation", "gen_ai.usage.input_tokens": 2})
    assert (fields["kind"], "counted" in fields) == ("llm", False)


def test_traceloop_associations() -> None:
    prefix = "traceloop.association.properties."
    fields = mapped({f"{prefix}user_id": "u", f"{prefix}thread_id": "t", f"{prefix}langgraph_step": 1})
    assert (fields["user_id"], fields["session_id"], fields["metadata"]) == ("u", "t", {"langgraph_step": 1})


@pytest.mark.parametrize("name", ["gen_ai.content.completion.chunk", "llm.content.completion.chunk"])
def test_the_first_chunk_is_the_first_token(name: str) -> None:
    chunks = [event(name, ms) for ms in (70, 57, 80)]
    found = whole({"llm.request.type": "chat"}, events=chunks)
    assert found.fields["first_token_ns"] - found.fields["start_ns"] == 57_000_000
    assert found.events == []


def test_flat_tool_calls_as_json_and_thinking_as_a_message() -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    fields = mapped(
        {
            "gen_ai.system": "Anthropic",
            "gen_ai.completion.0.role": "thinking",
            "gen_ai.completion.0.content": "Hm",
            "gen_ai.completion.1.role": "assistant",
            "gen_ai.completion.1.tool_calls": dumps(calls),
        }
    )
    assert fields["provider"] == "anthropic"
    (message,) = fields["output"]
    assert message["parts"] == [{"type": "reasoning", "content": "Hm"}, call("c1", "f", {})]


def test_an_old_flat_answer_without_what_was_asked_says_so() -> None:
    """As 0.38 sends a call with a picture to Anthropic."""
    fields = mapped({"llm.request.type": "completion", "gen_ai.completion.0.content": "A cat."})
    assert [part["type"] for part in fields["input"][0]["parts"]] == ["not_captured"]


# -- Logfire


def test_a_template_is_shown_as_its_message() -> None:
    given = {"logfire.msg": "Chat Completion with 'gpt'", "logfire.tags": ["LLM"]}
    fields = mapped(given, name="Chat Completion with {request_data[model]!r}")
    assert (fields["name"], fields["tags"]) == ("Chat Completion with 'gpt'", ["LLM"])


@pytest.mark.parametrize(("number", "level"), [(5, "debug"), (9, "default"), (13, "warning"), (17, "error")])
def test_levels(number: int, level: str) -> None:
    assert mapped({"logfire.level_num": number})["level"] == level


def test_a_stream_of_responses_in_logfire_3_ends_with_its_events() -> None:
    said = {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "Yo"}}
    found = whole({"logfire.span_type": "log", "duration": 0.5, "events": dumps([said])})
    assert (found.stream_end, found.fields["kind"]) == (0.5, "llm")
    assert found.fields["output"] == [text("assistant", "Yo")]


def test_the_last_words_of_the_assistant_are_the_answer_where_no_event_says_so() -> None:
    said = [("user", "Hi"), ("assistant", "Yo")]
    events = [{"event.name": f"gen_ai.{role}.message", "role": role, "content": content} for role, content in said]
    fields = mapped({"events": dumps(events)}, scope_name="logfire.openai")
    assert (fields["input"], fields["output"]) == ([text("user", "Hi")], [text("assistant", "Yo")])


def test_the_provider_is_that_of_the_scope() -> None:
    assert mapped({"logfire.msg": "x"}, scope_name="logfire.anthropic")["provider"] == "anthropic"


def test_request_and_response_of_logfire_3() -> None:
    request = {"model": "gpt", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0}
    response = {
        "message": {"role": "assistant", "content": "Yo"},
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
    fields = mapped({"logfire.msg": "x", "request_data": dumps(request), "response_data": dumps(response)})
    assert (fields["kind"], fields["model"], fields["model_parameters"]) == ("llm", "gpt", {"temperature": 0})
    assert (fields["input"], fields["output"]) == ([text("user", "Hi")], [text("assistant", "Yo")])
    assert fields["usage"] == {"input_tokens": 1, "output_tokens": 2}


def test_the_end_of_a_stream_says_how_long_it_took() -> None:
    response = {"combined_chunk_content": "Yo", "chunk_count": 2}
    found = whole({"logfire.span_type": "log", "duration": 0.5, "response_data": dumps(response)})
    assert (found.stream_end, found.fields["output"]) == (0.5, [text("assistant", "Yo")])
    assert found.fields["attributes"]["response_data"] == {"chunk_count": 2}


def test_logfire_3_wraps_the_arguments_of_anthropics_calls() -> None:
    one = {"function": {"name": "get_weather", "arguments": '{"input":{"city":"Paris"}}'}}
    asked = {"system": "Be brief.", "max_tokens": 9, "messages": [{"role": "user", "content": "Weather?"}]}
    fields = mapped(
        {
            "logfire.msg": "x",
            "request_data": dumps(asked),
            "response_data": dumps({"message": {"role": "assistant", "content": None, "tool_calls": [one]}}),
        },
        scope_name="logfire.anthropic",
    )
    assert fields["output"][0]["parts"] == [call(None, "get_weather", {"city": "Paris"})]
    assert fields["model_parameters"] == {"max_tokens": 9}


# -- pydantic-ai


def test_an_agent_and_its_totals() -> None:
    asked = [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
             {"role": "assistant", "parts": [{"type": "text", "content": "Yo"}]}]  # fmt: skip
    fields = mapped(
        {
            "gen_ai.operation.name": "invoke_agent",
            "agent_name": "a",
            "model_name": "gpt",
            "final_result": "Yo",
            "pydantic_ai.all_messages": dumps(asked),
            "gen_ai.aggregated_usage.input_tokens": 21,
        }
    )
    assert (fields["kind"], fields["input"], fields["output"]) == ("agent", [text("user", "Hi")], "Yo")
    assert "usage" not in fields


def test_an_agent_of_version_0_repeats_the_usage_of_its_calls() -> None:
    fields = mapped(
        {
            "agent_name": "a",
            "gen_ai.usage.input_tokens": 21,
            "final_result": "Yo",
            "all_messages_events": dumps([{"event.name": "gen_ai.user.message", "content": "Hi", "role": "user"}]),
        }
    )
    assert (fields["kind"], fields["counted"], fields["input"]) == ("agent", False, [text("user", "Hi")])


def test_a_picture_in_an_event_of_version_0() -> None:
    picture = {"kind": "binary", "media_type": "image/png", "binary_content": PNG}
    said = {"event.name": "gen_ai.user.message", "role": "user", "content": ["Look", picture]}
    fields = mapped({"gen_ai.operation.name": "chat", "events": dumps([said])}, scope_name="pydantic-ai")
    words, blob = fields["input"][0]["parts"]
    assert (words["content"], blob["type"], blob["content"]) == ("Look", "blob", PNG)


def test_a_tool_of_version_0() -> None:
    fields = mapped(
        {"gen_ai.tool.name": "f", "tool_arguments": '{"a": 1}', "tool_response": "18C"}, name="running tool"
    )
    assert (fields["kind"], fields["input"], fields["output"]) == ("tool", {"a": 1}, "18C")


def test_instructions_of_an_agent_stand_beside_its_messages() -> None:
    fields = mapped({
        "agent_name": "wx", "gen_ai.operation.name": "invoke_agent",
        "gen_ai.system_instructions": dumps([{"type": "text", "content": "Short please."}]),
        "pydantic_ai.all_messages": dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]),
    })  # fmt: skip
    assert fields["input"] == [text("system", "Short please."), text("user", "Hi")]


def test_a_system_prompt_and_instructions_of_an_agent_are_both_kept() -> None:
    fields = mapped({
        "agent_name": "wx", "gen_ai.operation.name": "invoke_agent",
        "gen_ai.system_instructions": dumps([{"type": "text", "content": "Be kind."}]),
        "pydantic_ai.all_messages": dumps([text("system", "Be brief."), text("user", "Hi")]),
    })  # fmt: skip
    assert fields["input"] == [text("system", "Be kind."), text("system", "Be brief."), text("user", "Hi")]


def test_an_embedder_and_its_vectors() -> None:
    fields = mapped({"gen_ai.operation.name": "embeddings", "inputs": '["Hi", "Yo"]', "embeddings": "[[0.5], [0.25]]"},
                    scope_name="pydantic-ai")  # fmt: skip
    assert (fields["kind"], fields["input"], fields["attributes"].keys()) == (
        "embedding", ["Hi", "Yo"], {"otel.scope.name"})  # fmt: skip
    assert fields["output"]["shape"] == [2, 1]


def test_thoughts_of_gemini_are_reasoning() -> None:
    fields = mapped({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 5,
                     "gen_ai.usage.details.thoughts_tokens": 3}, scope_name="pydantic-ai")  # fmt: skip
    assert fields["usage"] == {"input_tokens": 9, "output_tokens": 5, "reasoning_tokens": 3}


def test_details_of_usage_and_tools_of_version_0() -> None:
    tool = {"name": "get_weather", "parameters_json_schema": {"type": "object"}}
    fields = mapped({
        "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 90, "gen_ai.usage.details.cached_tokens": 80,
        "model_request_parameters": dumps({"function_tools": [tool], "output_tools": []}),
    })  # fmt: skip
    assert fields["usage"] == {"input_tokens": 90, "cache_read_tokens": 80}
    assert fields["tools"] == [{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}]


# -- Logfire


def unknown(**data: Any) -> dict[str, Any]:
    """Return an event for what Logfire has no event for."""
    return {"event.name": "gen_ai.unknown", "role": "unknown", "content": "See JSON for details", "data": data}


def test_items_of_the_responses_api_that_logfire_has_no_event_for() -> None:
    url = f"data:image/png;base64,{PNG}"
    said = [
        unknown(type="input_text", text="What?"), unknown(type="input_image", image_url=url),
        unknown(type="reasoning", summary=[{"type": "summary_text", "text": "Hm"}]),
        {"event.name": "gen_ai.assistant.message", "role": "assistant", "content": "42"},
    ]  # fmt: skip
    fields = mapped({"events": dumps(said)}, scope_name="logfire.openai")
    assert [part["type"] for part in fields["input"][0]["parts"]] == ["text", "blob"]
    assert fields["output"][0]["parts"] == [{"type": "reasoning", "content": "Hm"}, {"type": "text", "content": "42"}]


@pytest.mark.parametrize("absent", ["<anthropic.Omit object at 0x7f00>", "NOT_GIVEN"])
def test_arguments_of_a_request_that_were_not_given_are_left_out(absent: str) -> None:
    """As Logfire 4 writes them down for Anthropic's client."""
    asked = [{"role": "user", "content": "Hi"}]
    request = {"messages": asked, "max_tokens": 9, "system": absent, "tools": absent, "top_k": absent}
    fields = mapped({"logfire.span_type": "span", "request_data": dumps(request)}, scope_name="logfire.anthropic")
    assert (fields["input"], fields["model_parameters"]) == ([text("user", "Hi")], {"max_tokens": 9})
    assert "tools" not in fields


def test_events_that_nobody_understands_stay() -> None:
    other = {"event.name": "gen_ai.unknown", "data": 7}
    fields = mapped({"events": dumps([{"event.name": "gen_ai.user.message", "content": "Hi"}, other])})
    assert (fields["input"], fields["attributes"]["events"]) == ([text("user", "Hi")], [other])


def test_a_request_of_the_responses_api_is_a_call_whatever_its_events() -> None:
    given = {"logfire.span_type": "span", "events": dumps([{"event.name": "gen_ai.unknown"}])}
    assert mapped(given, name="Responses API with 'gpt'", scope_name="logfire.openai")["kind"] == "llm"


# -- MLflow


def test_request_and_response_as_the_client_had_them() -> None:
    request = {"model": "gpt", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.2}
    response = {"id": "r1", "model": "gpt-1", "choices": [{"finish_reason": "stop", "message": {"content": "Yo"}}]}
    usage = {"input_tokens": 9, "output_tokens": 6, "total_tokens": 15, "cache_read_input_tokens": 3}
    fields = mapped(
        {
            "mlflow.spanType": '"CHAT_MODEL"',
            "mlflow.spanInputs": dumps(request),
            "temperature": "0.2",
            "mlflow.spanOutputs": dumps(response),
            "mlflow.chat.tokenUsage": dumps(usage),
            "mine": '"1"',
        }
    )
    assert (fields["model"], fields["response_id"], fields["finish_reason"]) == ("gpt-1", "r1", "stop")
    assert fields["output"] == [{**text("assistant", "Yo"), "finish_reason": "stop"}]
    assert fields["usage"] == {"input_tokens": 9, "output_tokens": 6, "cache_read_tokens": 3}
    assert fields["attributes"] == {"gen_ai.request.model": "gpt", "mine": '"1"'}


def test_instructions_of_a_request_are_a_message_and_no_parameter() -> None:
    """As Anthropic's are."""
    asked = [{"role": "user", "content": "Hi"}]
    request = {"model": "claude", "max_tokens": 9, "system": "Be brief.", "messages": asked}
    fields = mapped({"mlflow.spanType": '"CHAT_MODEL"', "mlflow.spanInputs": dumps(request), "system": '"Be brief."'})
    assert fields["input"] == [text("system", "Be brief."), text("user", "Hi")]
    assert (fields["model_parameters"], fields["attributes"]) == ({"max_tokens": 9}, {})


def test_responses_in_and_out() -> None:
    request = {"model": "gpt", "input": "Hi", "stream": True}
    output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yo"}]}]
    fields = mapped({"mlflow.spanType": '"CHAT_MODEL"', "mlflow.spanInputs": dumps(request),
                     "mlflow.spanOutputs": dumps({"id": "r", "output": output})})  # fmt: skip
    assert (fields["input"], fields["output"]) == ([text("user", "Hi")], [text("assistant", "Yo")])


def test_the_first_of_the_chunks_is_the_first_token_and_they_stay() -> None:
    chunks = [event(f"mlflow.chunk.item.{at}", 56 + at, **{"mlflow.chunk.value": "{}"}) for at in range(2)]
    found = whole({"mlflow.spanType": '"LLM"'}, events=chunks)
    assert found.fields["first_token_ns"] - found.fields["start_ns"] == 56_000_000
    assert len(found.events) == 2


@pytest.mark.parametrize("time_ns", [START // 1_000, START + 2 * 10**9])
def test_a_first_token_outside_of_its_span_is_none(time_ns: int) -> None:
    """As mlflow-skinny 3.9 times it, in microseconds."""
    chunk = OtelEvent(name="mlflow.chunk.item.0", time_ns=time_ns)
    assert "first_token_ns" not in mapped({"mlflow.spanType": '"LLM"'}, events=[chunk])


def test_genai_mode_carries_the_request_as_it_was_made() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    request = {"model": "gpt", "messages": [{"role": "user", "content": "Hi"}], "tools": [tool]}
    response = {"id": "r1", "choices": [{"message": {"content": "Yo"}}], "usage": {"prompt_tokens": 9}}
    fields = mapped(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": dumps(request),
            "gen_ai.output.messages": dumps(response),
        }
    )
    assert (fields["input"], fields["output"]) == ([text("user", "Hi")], [text("assistant", "Yo")])
    assert (fields["tools"][0]["name"], fields["response_id"], fields["usage"]) == ("f", "r1", {"input_tokens": 9})


def test_genai_mode_of_a_chain_carries_any_value() -> None:
    fields = mapped({"gen_ai.input.messages": '{"q": 1}', "gen_ai.output.messages": '{"ok": true}'})
    assert (fields["kind"], fields["input"], fields["output"]) == ("span", {"q": 1}, {"ok": True})


# -- litellm


def test_litellm_puts_calls_and_ids_beside_the_parts() -> None:
    function = {"name": "weather", "arguments": '{"a": 1}'}
    asked = [
        {"role": "assistant", "parts": [], "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
        {"role": "tool", "parts": [{"type": "text", "content": "18C"}], "tool_call_id": "c1"},
    ]
    fields = mapped({"gen_ai.operation.name": "acompletion", "gen_ai.input.messages": dumps(asked)})
    result = {"type": "tool_call_response", "id": "c1", "response": "18C", "name": "weather"}
    assert [message["parts"] for message in fields["input"]] == [[call("c1", "weather", {"a": 1})], [result]]


def test_litellm_flat_calls_that_repeat_the_answer_are_passed_over() -> None:
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": "Yo"}], "finish_reason": "stop"}]
    fields = mapped(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.output.messages": dumps(answer),
            "gen_ai.completion.0.function_call.name": "f",
            "gen_ai.completion.0.function_call.arguments": "{}",
        }
    )
    assert fields["output"] == [{**text("assistant", "Yo"), "finish_reason": "stop"}]


def test_litellm_metadata_and_streaming() -> None:
    given = {"llm.request.type": "acompletion", "llm.is_streaming": "True", "metadata.team": "a", "metadata.empty": ""}
    fields = mapped({**given, "llm.user": "u", "hidden_params": "{'x': 1}"}, scope_name="litellm")
    assert (fields["kind"], fields["user_id"], fields["metadata"]) == ("llm", "u", {"team": "a"})
    assert fields["model_parameters"] == {"stream": True}
    assert fields["attributes"]["hidden_params"] == "{'x': 1}"


def test_a_pending_span_of_logfire_is_the_open_span_above_it() -> None:
    given = {"logfire.span_type": "pending_span", "logfire.pending_parent_id": f"{7:016x}"}
    fields = mapped(given, parent_id=f"{5:016x}")
    assert (fields["span"], fields["parent"], fields["status"]) == (5, 7, "open")
    assert "end_ns" not in fields


def test_litellm_writes_pieces_and_counts_as_python_does() -> None:
    pieces = [
        {"type": "text", "text": "It's"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    used = {"prompt_tokens": 89, "completion_tokens": 37, "prompt_tokens_details": {"cached_tokens": 9, "audio": None}}
    fields = mapped(
        {
            "llm.request.type": "completion",
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": str(pieces),
            "metadata.usage_object": str(used),
        },
        scope_name="litellm",
    )
    said, picture = fields["input"][0]["parts"]
    assert (said["content"], picture["type"]) == ("It's", "blob")
    assert fields["usage"] == {"input_tokens": 89, "output_tokens": 37, "cache_read_tokens": 9}


def test_the_reason_to_stop_is_taken_from_the_answer() -> None:
    given = {"gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.finish_reason": "length"}
    assert mapped(given)["finish_reason"] == "length"


def test_tools_by_name_go_before_parameters_alone() -> None:
    """As openinference-instrumentation-pydantic-ai adds them."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = {"name": "get_weather", "parameters_json_schema": schema}
    fields = mapped({
        "openinference.span.kind": "LLM", "llm.tools.0.tool.json_schema": dumps(schema),
        "model_request_parameters": dumps({"function_tools": [tool]}),
    })  # fmt: skip
    assert fields["tools"] == [{"type": "function", "name": "get_weather", "parameters": schema}]


def test_litellm_flat_calls_that_the_answer_lacks() -> None:
    """As 1.108 sends them."""
    one = "gen_ai.completion.0.function_call"
    said = [{"role": "assistant", "parts": [], "finish_reason": "tool_calls"}]
    fields = mapped({
        "gen_ai.operation.name": "chat", "gen_ai.output.messages": dumps(said),
        f"{one}.name": "get_weather", f"{one}.arguments": '{"city": "Paris"}',
    })  # fmt: skip
    calls = [call(None, "get_weather", {"city": "Paris"})]
    assert fields["output"] == [{"role": "assistant", "parts": calls, "finish_reason": "tool_calls"}]


def test_genai_mode_of_mlflow_names_its_own_types() -> None:
    assert mapped({"gen_ai.operation.name": "CHAIN"})["kind"] == "chain"


def test_genai_mode_of_mlflow_has_the_arguments_beside() -> None:
    fields = mapped(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o-mini",
            "model": '"gpt-4o-mini"',
            "seed": "7",
            "stream": "true",
        },
        scope_name="mlflow.tracing.provider",
    )
    assert (fields["model"], fields["model_parameters"]) == ("gpt-4o-mini", {"seed": 7, "stream": True})
    assert fields["attributes"] == {"otel.scope.name": "mlflow.tracing.provider"}


def test_a_task_of_openllmetry_that_has_genais_names_alone() -> None:
    fields = mapped({"traceloop.span.kind": "task", "gen_ai.task.input": '{"q": 1}', "gen_ai.task.output": "2"})
    assert (fields["input"], fields["output"]) == ({"q": 1}, 2)


@pytest.mark.parametrize(("again", "left"), [('{"q": 1}', {}), ('{"q": 2}', {"gen_ai.task.input": '{"q": 2}'})])
def test_a_task_that_says_its_input_by_both_names_keeps_it_once(again: str, left: dict[str, str]) -> None:
    fields = mapped({"traceloop.entity.input": '{"q": 1}', "gen_ai.task.input": again})
    assert (fields["input"], fields["attributes"]) == ({"q": 1}, left)


# -- LlamaIndex, Cohere and rerankers through OpenLLMetry


def llama_index(asked: Any, said: Any, **attributes: Any) -> dict[str, Any]:
    """Return the fields of a task that OpenLLMetry traces in LlamaIndex."""
    entity = {"traceloop.entity.input": dumps(asked), "traceloop.entity.output": dumps(said)}
    return mapped({"traceloop.span.kind": "task", **entity, **attributes})


def test_a_call_in_a_task_shows_its_messages_and_the_calls_that_only_the_task_s_output_has() -> None:
    block = {"block_type": "tool_call", "tool_call_id": "c1", "tool_name": "f", "tool_kwargs": {"a": 1}}
    asked = {"messages": [{"role": "user", "blocks": [{"block_type": "text", "text": "Hi"}]}]}
    said = {"message": {"role": "assistant", "blocks": [block]}, "raw": {"id": "r1"}}
    messages = {
        "gen_ai.input.messages": dumps([text("user", "Hi")]),
        "gen_ai.output.messages": dumps([{"role": "assistant", "parts": [], "finish_reason": "tool_call"}]),
    }
    fields = llama_index(asked, said, **{"gen_ai.operation.name": "chat", **messages})
    assert fields["input"] == [text("user", "Hi")]
    assert fields["output"][0]["parts"] == [call("c1", "f", {"a": 1})]


def test_a_workflow_that_embeds_shows_the_shape_of_its_vectors() -> None:
    attributes = {"traceloop.span.kind": "workflow", "gen_ai.operation.name": "embeddings"}
    fields = mapped({**attributes, "traceloop.entity.output": "[[0.1, 0.2], [0.3, 0.4]]"})
    assert (fields["kind"], fields["output"]["shape"]) == ("embedding", [2, 2])


def test_a_task_with_the_name_of_a_tool_calls_it() -> None:
    fields = llama_index({}, "18C", **{"tool.name": "weather", "tool.arguments": '{"city": "Paris"}'})
    assert (fields["kind"], fields["input"], fields["output"]) == ("tool", {"city": "Paris"}, "18C")
    assert fields["attributes"]["gen_ai.tool.name"] == "weather"


def test_what_was_ranked_is_told_from_the_query() -> None:
    fields = mapped({
        "llm.request.type": "rerank", "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "doc a",
        "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": "q", "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "Doc 0, Score: 0.9",
    })  # fmt: skip
    assert fields["input"] == {"query": "q", "documents": [{"content": "doc a"}]}
    assert (fields["kind"], fields["output"]) == ("reranker", ["Doc 0, Score: 0.9"])


def test_embedded_texts_may_be_pieces_of_one_message() -> None:
    pieces = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    fields = mapped({"llm.request.type": "embedding", "gen_ai.prompt.0.content": dumps(pieces)})
    assert fields["input"] == ["a", "b"]


def test_a_tool_s_result_may_be_a_document() -> None:
    document = [{"type": "document", "document": {"data": "18C"}}]
    fields = mapped({"gen_ai.prompt.0.role": "tool", "gen_ai.prompt.0.content": dumps(document)})
    assert fields["input"][0]["parts"] == [{"type": "tool_call_response", "id": None, "response": "18C"}]


def test_litellm_names_the_provider_with_the_model_where_it_names_none() -> None:
    attributes = {"gen_ai.provider.name": "", "litellm.provider.model": "openai/gpt-4o-mini"}
    assert mapped(attributes, scope_name="litellm")["provider"] == "openai"


def test_a_traced_function_of_mirascope() -> None:
    fields = mapped({
        "mirascope.type": "trace", "mirascope.trace.arg_values": '{"a": 1}', "mirascope.trace.output": '{"x": 1}',
        "mirascope.trace.tags": ["t"], "tags": ["t"], "mirascope.trace.metadata": '{"k": "v"}', "metadata.k": "v",
        "mirascope.ops.session.id": "s1",
    })  # fmt: skip
    assert (fields["kind"], fields["input"], fields["output"]) == ("chain", {"a": 1}, {"x": 1})
    assert (fields["tags"], fields["metadata"], fields["session_id"]) == (["t"], {"k": "v"}, "s1")
    assert fields["attributes"] == {"mirascope.type": "trace"}


def test_the_counts_that_only_mirascope_has() -> None:
    used = {"input_tokens": 5, "output_tokens": 22, "reasoning_tokens": 3, "cache_read_tokens": 1, "total_tokens": 27}
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 22}
    fields = mapped({**attributes, "mirascope.response.usage": dumps(used)})
    assert fields["usage"] == {"input_tokens": 5, "output_tokens": 22, "reasoning_tokens": 3, "cache_read_tokens": 1}
