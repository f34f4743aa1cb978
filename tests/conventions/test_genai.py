"""OpenTelemetry GenAI: messages in parts, in attributes, events and logs."""

from __future__ import annotations

from typing import Any

import pytest

from spanbook.conventions.registry import map_logs
from tests.conventions.spans import PNG, call, dumps, event, log, mapped, text, whole

CHAT = {"gen_ai.operation.name": "chat"}


def messages(*parts: dict[str, Any], role: str = "user") -> list[Any]:
    """Return the parts of one message after mapping."""
    fields = mapped({**CHAT, "gen_ai.input.messages": dumps([{"role": role, "parts": parts}])})
    return [part for message in fields["input"] for part in message["parts"]]


@pytest.mark.parametrize(
    ("operation", "kind"),
    [("chat", "llm"), ("acompletion", "llm"), ("interactions.create", "llm"), ("embeddings", "embedding"),
     ("execute_tool", "tool"), ("invoke_agent", "agent"), ("invoke_workflow", "chain"), ("something_new", "span")],
)  # fmt: skip
def test_kinds(operation: str, kind: str) -> None:
    assert mapped({"gen_ai.operation.name": operation})["kind"] == kind


def test_the_model_that_answered_and_the_one_asked_for() -> None:
    fields = mapped(
        {
            **CHAT,
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024",
            "gen_ai.system": "x",
            "gen_ai.provider.name": "openai",
        }
    )
    assert (fields["model"], fields["provider"]) == ("gpt-4o-2024", "openai")
    assert fields["attributes"] == {"gen_ai.request.model": "gpt-4o"}


def test_instructions_come_first() -> None:
    fields = mapped(
        {
            **CHAT,
            "gen_ai.system_instructions": dumps([{"type": "text", "content": "Be brief."}]),
            "gen_ai.input.messages": dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]),
        }
    )
    assert fields["input"] == [text("system", "Be brief."), text("user", "Hi")]


@pytest.mark.parametrize(
    ("said", "shown"),
    [("Be brief.", ["Be kind.", "Be brief."]), ("Be brief.\n\nBe kind.", ["Be brief.\n\nBe kind."])],
)
def test_instructions_stand_beside_a_system_message_that_says_something_else(said: str, shown: list[str]) -> None:
    fields = mapped(
        {
            **CHAT,
            "gen_ai.system_instructions": dumps([{"type": "text", "content": "Be kind."}]),
            "gen_ai.input.messages": dumps([text("system", said), text("user", "Hi")]),
        }
    )
    assert fields["input"] == [*(text("system", one) for one in shown), text("user", "Hi")]


def test_instructions_of_what_has_no_messages_stay_an_attribute() -> None:
    fields = mapped({"gen_ai.operation.name": "invoke_workflow", "gen_ai.input.messages": '{"q": 1}',
                     "gen_ai.system_instructions": "Be brief."})  # fmt: skip
    assert fields["attributes"]["gen_ai.system_instructions"] == "Be brief."


@pytest.mark.parametrize("arguments", [{"city": "Paris"}, '{"city": "Paris"}'])
def test_arguments_as_object_and_as_json(arguments: Any) -> None:
    part = {"type": "tool_call", "id": "c1", "name": "weather", "arguments": arguments}
    assert messages(part, role="assistant") == [call("c1", "weather", {"city": "Paris"})]


@pytest.mark.parametrize("key", ["response", "result"])
def test_a_result_in_the_users_message_becomes_a_tool_message(key: str) -> None:
    parts = [{"type": "tool_call_response", "id": "c1", key: "18C"}, {"type": "text", "content": "and?"}]
    fields = mapped({**CHAT, "gen_ai.input.messages": dumps([{"role": "user", "parts": parts}])})
    assert [message["role"] for message in fields["input"]] == ["tool", "user"]
    assert fields["input"][0]["parts"][0]["response"] == "18C"


def test_a_blob_keeps_its_data() -> None:
    (part,) = messages({"type": "blob", "mime_type": "image/png", "modality": "image", "content": PNG})
    assert (part["type"], part["content"]) == ("blob", PNG)


@pytest.mark.parametrize("parts", [[], [{"type": "anthropic_image"}]])
def test_what_the_client_dropped_is_said(parts: list[Any]) -> None:
    (part,) = messages(*parts)
    assert (part["type"], part["count"]) == ("not_captured", 1)


def test_an_answer_without_what_was_asked_says_so() -> None:
    fields = mapped({**CHAT, "gen_ai.output.messages": dumps([text("assistant", "I see")])})
    assert fields["input"][0]["parts"][0]["type"] == "not_captured"


def test_nothing_is_said_of_content_where_none_is_captured() -> None:
    assert "input" not in mapped(CHAT)


def test_reasoning_that_is_json_becomes_its_text() -> None:
    said = dumps([{"type": "summary_text", "text": "Hm"}])
    assert messages({"type": "reasoning", "content": said}, role="assistant") == [
        {"type": "reasoning", "content": "Hm"}
    ]


@pytest.mark.parametrize(
    "definition",
    [
        {"type": "function", "name": "f", "parameters": {}},
        {"type": "function", "function": {"name": "f", "parameters": {}}},
        {"type": "function", "name": "f", "inputSchema": {}},
    ],
)
def test_tools_in_three_shapes(definition: dict[str, Any]) -> None:
    fields = mapped({**CHAT, "gen_ai.tool.definitions": dumps([definition])})
    assert fields["tools"] == [{"type": "function", "name": "f", "parameters": {}}]


@pytest.mark.parametrize("reasons", [["stop"], '["stop"]', ["FinishReason.STOP"]])
def test_finish_reason_as_list_and_as_json(reasons: Any) -> None:
    assert mapped({**CHAT, "gen_ai.response.finish_reasons": reasons})["finish_reason"] == "stop"


def test_usage_by_its_many_names() -> None:
    usage = mapped({**CHAT, "gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 5,
                    "gen_ai.usage.cache_read.input_tokens": 3, "gen_ai.usage.cache_creation.input_tokens": 1,
                    "gen_ai.usage.details.reasoning_tokens": 2})["usage"]  # fmt: skip
    assert usage == {"input_tokens": 9, "output_tokens": 5, "cache_read_tokens": 3, "cache_write_tokens": 1,
                     "reasoning_tokens": 2}  # fmt: skip


def test_parameters() -> None:
    fields = mapped({**CHAT, "gen_ai.request.temperature": 0.2, "gen_ai.request.choice.count": 2,
                     "gen_ai.request.stop_sequences": '["END"]', "gen_ai.is_streaming": True})  # fmt: skip
    assert fields["model_parameters"] == {"temperature": 0.2, "n": 2, "stop": ["END"], "stream": True}


def test_cost_by_client() -> None:
    fields = mapped(
        {**CHAT, "gen_ai.cost.total_cost": 0.3, "gen_ai.cost.input_cost": 0.1, "gen_ai.cost.output_cost": 0.2}
    )
    assert (fields["cost_usd"], fields["input_cost_usd"], fields["output_cost_usd"]) == (0.3, 0.1, 0.2)


def test_a_tool_keeps_the_id_that_joins_it_to_its_call() -> None:
    fields = mapped({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.arguments": '{"a": 1}',
                     "gen_ai.tool.call.result": "18C in Paris", "gen_ai.tool.call.id": "c1"})  # fmt: skip
    assert (fields["input"], fields["output"]) == ({"a": 1}, "18C in Paris")
    assert fields["attributes"] == {"gen_ai.tool.call.id": "c1"}


def test_time_to_first_chunk_is_in_seconds() -> None:
    fields = mapped({**CHAT, "gen_ai.response.time_to_first_chunk": 0.25})
    assert fields["first_token_ns"] - fields["start_ns"] == 250_000_000


def test_a_session_set_by_the_user_goes_before_the_conversation() -> None:
    assert mapped({**CHAT, "session.id": "s", "gen_ai.conversation.id": "c"})["session_id"] == "s"


OLD: list[tuple[str, dict[str, Any]]] = [
    ("gen_ai.system.message", {"content": "Be brief."}),
    ("gen_ai.user.message", {"content": "Weather?"}),
    ("gen_ai.assistant.message", {"tool_calls": [{"id": "c1", "type": "function",
                                                  "function": {"name": "weather", "arguments": "{}"}}]}),
    ("gen_ai.tool.message", {"content": "18C", "id": "c1"}),
    ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "18 degrees"}}),
]  # fmt: skip
OLD_INPUT = [
    text("system", "Be brief."),
    text("user", "Weather?"),
    {"role": "assistant", "parts": [call("c1", "weather", {})]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "18C", "name": "weather"}]},
]
OLD_OUTPUT = [{**text("assistant", "18 degrees"), "finish_reason": "stop"}]


def test_old_messages_from_log_records() -> None:
    fields = mapped(CHAT, [log(name, body) for name, body in OLD])
    assert (fields["input"], fields["output"]) == (OLD_INPUT, OLD_OUTPUT)


def test_old_messages_from_span_events() -> None:
    events = [
        event(name, **{key: value if isinstance(value, str | int) else dumps(value) for key, value in body.items()})
        for name, body in OLD
    ]
    fields = mapped(CHAT, events=events)
    assert (fields["input"], fields["output"]) == (OLD_INPUT, OLD_OUTPUT)


def test_old_messages_from_the_attribute_of_pydantic_ai() -> None:
    items = [{"event.name": name, **body} for name, body in OLD]
    fields = mapped({**CHAT, "events": dumps(items), "model_request_parameters": "{}"})
    assert (fields["input"], fields["output"]) == (OLD_INPUT, OLD_OUTPUT)


def test_contents_of_gemini_in_events() -> None:
    """As OpenTelemetry's instrumentation before 1.0 has them: as the API does, or one piece alone."""
    picture = {"inline_data": {"data": PNG, "mime_type": "image/png"}, "function_call": None, "text": None}
    asked = {"role": "model", "parts": [{"text": None, "function_call": {"id": "c1", "name": "f", "args": {}}}]}
    fields = mapped(CHAT, [log("gen_ai.user.message", {"content": one}) for one in (picture, asked)])
    assert fields["input"][0]["parts"][0]["content"] == PNG
    assert fields["input"][1] == {"role": "assistant", "parts": [call("c1", "f", {})]}


def test_a_picture_that_is_stored_already() -> None:
    """The log that brought it came before its span."""
    stored = {"$type": "blob", "modality": "image", "mime_type": "image/png", "digest": "ab", "size": 70}
    fields = mapped(CHAT, [log("gen_ai.user.message", {"content": {"inline_data": {"data": stored}}})])
    (part,) = fields["input"][0]["parts"]
    assert part == {"type": "blob", "modality": "image", "mime_type": "image/png", "digest": "ab", "size": 70}


def test_bedrock_tells_calls_and_results_twice() -> None:
    """As OpenTelemetry's instrumentation of botocore has them."""
    use = {"toolUse": {"toolUseId": "c1", "name": "f", "input": {"a": 1}}}
    called = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
    result = {"toolResult": {"toolUseId": "c1", "content": [{"json": {"b": 2}}], "status": "success"}}
    fields = mapped(CHAT, [
        log("gen_ai.assistant.message", {"content": [{"text": "So"}, use], "tool_calls": [called]}),
        log("gen_ai.tool.message", {"id": "c1", "content": [{"json": {"b": 2}}]}),
        log("gen_ai.user.message", {"content": [result]}),
    ])  # fmt: skip
    assert fields["input"] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "So"}, call("c1", "f", {"a": 1})]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": {"b": 2}, "name": "f"}]},
    ]


def test_a_result_of_bedrock_as_text() -> None:
    """As OpenLLMetry has it."""
    for given, result in (([{"json": {"b": 2}}], {"b": 2}), ([{"text": "1"}, {"text": "8C"}], "18C")):
        (part,) = messages({"type": "tool_call_response", "id": "c1", "response": dumps(given)}, role="tool")
        assert part["response"] == result


@pytest.mark.parametrize(("kind", "into"), [("botocore.bedrock-runtime", 100), ("bedrock", 100), ("openai", 60)])
def test_the_cache_is_beside_the_input_of_bedrock(kind: str, into: int) -> None:
    counts = {"input_tokens": 60, "output_tokens": 20, "cache_read.input_tokens": 30, "cache_creation.input_tokens": 10}
    usage = mapped({f"gen_ai.usage.{name}": count for name, count in counts.items()} | CHAT,
                   scope_name=f"opentelemetry.instrumentation.{kind}")["usage"]  # fmt: skip
    assert (usage["input_tokens"], usage["output_tokens"]) == (into, 20)


def test_chunks_of_gemini_are_one_answer() -> None:
    said: list[dict[str, Any]] = [{"text": "Hm", "thought": True}, {"text": "Yo "}, {"text": "there"}]
    chunks = [{"index": index, "content": {"role": "model", "parts": [one]}} for index, one in enumerate(said)]
    chunks[-1]["finish_reason"] = "STOP"
    for given, reason in ((chunks, {"finish_reason": "STOP"}), (chunks[:2], {})):
        fields = mapped(CHAT, [log("gen_ai.choice", chunk) for chunk in given])
        (answer,) = fields["output"]
        words = "Yo there" if reason else "Yo "
        assert answer == {"role": "assistant", **reason, "parts": [
            {"type": "reasoning", "content": "Hm"}, {"type": "text", "content": words}]}  # fmt: skip


def test_arguments_of_a_tool_one_attribute_each() -> None:
    fields = mapped({"gen_ai.operation.name": "execute_tool", "code.function.parameters.city.value": "Rome",
                     "code.function.return.value": "18C"})  # fmt: skip
    assert (fields["input"], fields["output"], fields["attributes"]) == ({"city": "Rome"}, "18C", {})


def test_one_event_for_all() -> None:
    fields = mapped(
        CHAT,
        events=[
            event(
                "gen_ai.client.inference.operation.details",
                **{
                    "gen_ai.input.messages": dumps([text("user", "Hi")]),
                    "gen_ai.output.messages": dumps([text("assistant", "Yo")]),
                },
            )
        ],
    )
    assert (fields["input"], fields["output"]) == ([text("user", "Hi")], [text("assistant", "Yo")])


def test_finish_reason_of_the_anthropic_sdk() -> None:
    assert mapped({"gen_ai.operation.name": "chat", "anthropic.message.stop_reason": "end_turn"})["finish_reason"] == (
        "end_turn"
    )


@pytest.mark.parametrize("prefix", ["gen_ai.openai.request", "openai.request"])
def test_parameters_of_openai_alone(prefix: str) -> None:
    fields = mapped({"gen_ai.operation.name": "chat", f"{prefix}.seed": 7})
    assert (fields["model_parameters"], fields["attributes"]) == ({"seed": 7}, {})


def test_a_streamed_answer_of_unknown_role_is_the_assistants() -> None:
    """As OpenLLMetry 0.62 writes it for LangChain."""
    said = [{"role": "unknown", "parts": [{"type": "text", "content": "Yo"}]}]
    fields = mapped({"gen_ai.operation.name": "chat", "gen_ai.output.messages": dumps(said)})
    assert fields["output"] == [text("assistant", "Yo")]


def test_a_part_that_is_its_type_alone_was_not_captured() -> None:
    """As pydantic-ai writes it with ``include_content=False``."""
    said = [{"role": "assistant", "parts": [{"type": "text"}]}]
    fields = mapped({"gen_ai.operation.name": "chat", "gen_ai.output.messages": dumps(said)})
    assert fields["output"][0]["parts"][0]["type"] == "not_captured"


def test_logs_that_come_alone_say_why_the_model_stopped() -> None:
    choice = log("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"content": "Yo"}})
    assert map_logs([choice])["finish_reason"] == "stop"


_DETAILS = "gen_ai.client.inference.operation.details"


def test_details_in_an_event_each() -> None:
    """As Strands writes them with the latest conventions; an agent has its instructions as an attribute."""
    system = {"gen_ai.system_instructions": dumps([{"type": "text", "content": "Be brief."}])}
    asked = {"gen_ai.input.messages": dumps([text("user", "Hi")])}
    said = {"gen_ai.output.messages": dumps([{**text("assistant", "Yo"), "finish_reason": "stop"}])}
    as_events = mapped({"gen_ai.operation.name": "chat"},
                       events=[event(_DETAILS, ms, **one) for ms, one in enumerate((system, asked, said))])  # fmt: skip
    as_attribute = mapped({"gen_ai.operation.name": "invoke_agent", **system}, events=[event(_DETAILS, 1, **asked)])
    assert as_events["input"] == as_attribute["input"] == [text("system", "Be brief."), text("user", "Hi")]
    assert as_events["finish_reason"] == "stop"


def test_a_cost_of_nothing_is_none_where_it_stands_for_no_price() -> None:
    """As OpenLIT has it; what the call costs is then looked up as that of others."""
    fields = mapped({**CHAT, "gen_ai.usage.cost": 0.0})
    assert ("cost_usd" in fields, fields["attributes"]) == (False, {"gen_ai.usage.cost": 0.0})
    assert mapped({**CHAT, "gen_ai.usage.cost": 0.5})["cost_usd"] == 0.5


def test_thoughts_that_only_the_total_of_gemini_counts() -> None:
    """As OpenLLMetry has them; tools are declared together."""
    tools = [{"function_declarations": [{"name": "f"}, {"name": "g"}]}]
    counts = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 150}
    given: dict[str, Any] = {f"gen_ai.usage.{name}": count for name, count in counts.items()} | CHAT
    fields = mapped({**given, "gen_ai.provider.name": "gcp.gen_ai", "gen_ai.tool.definitions": dumps(tools)})
    assert fields["usage"] == {"input_tokens": 100, "output_tokens": 50}
    assert [tool["name"] for tool in fields["tools"]] == ["f", "g"]
    assert mapped({**given, "gen_ai.provider.name": "openai"})["usage"]["output_tokens"] == 20


def test_the_answer_before_is_no_session() -> None:
    """As Microsoft's agent-framework has it for the Responses API."""
    before = {"gen_ai.conversation.id": "resp_1"}
    fields = mapped(CHAT | before)
    assert ("session_id" in fields, fields["attributes"]) == (False, before)
    assert mapped({**CHAT, "gen_ai.conversation.id": "conv_1"})["session_id"] == "conv_1"


def test_tools_offered_may_be_in_the_log_of_a_call() -> None:
    """As OpenTelemetry's instrumentation of Gemini has it when contents go to events alone."""
    tools = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]
    one = log(_DETAILS, None, **{"gen_ai.input.messages": [text("user", "Hi")], "gen_ai.tool.definitions": tools})
    assert mapped({"gen_ai.operation.name": "generate_content"}, [one])["tools"] == tools
    assert map_logs([one])["tools"] == tools


def test_a_modality_that_is_half_a_media_type_is_none() -> None:
    part = {"type": "uri", "modality": "application", "mime_type": "application/pdf", "uri": "gs://b/x.pdf"}
    assert messages(part) == [{**part, "modality": "document"}]


def test_a_tool_of_strands() -> None:
    fields = mapped(
        {"gen_ai.operation.name": "execute_tool"},
        events=[
            event("gen_ai.tool.message", 0, role="tool", id="c1", content='{"city": "Paris"}'),
            event("gen_ai.choice", 1, id="c1", message='[{"text": "18C"}]'),
        ],
    )
    assert (fields["input"], fields["output"]) == ({"city": "Paris"}, "18C")


@pytest.mark.parametrize(
    ("scope", "given"), [("strands.telemetry.tracer", 250), ("@openlit/instrumentation-openai", 0.25)]
)
def test_time_to_first_token_of_a_server_is_in_seconds_but_for_strands(scope: str, given: float) -> None:
    fields = mapped({**CHAT, "gen_ai.server.time_to_first_token": given}, scope_name=scope)
    assert fields["first_token_ns"] - fields["start_ns"] == 250_000_000


def test_a_cycle_and_a_call_of_a_tool_in_strands_for_javascript() -> None:
    assert mapped({"agent_loop.cycle_id": "cycle-1", "gen_ai.event.start_time": "2026"})["kind"] == "chain"
    said = dumps([{"type": "toolUse", "name": "f", "toolUseId": "c1", "input": {"a": 1}}])
    fields = mapped(CHAT, events=[event("gen_ai.choice", 1, finish_reason="toolUse", message=said)])
    assert fields["output"][0]["parts"] == [call("c1", "f", {"a": 1})]


def test_whether_a_call_streams_by_openlits_name() -> None:
    assert mapped({**CHAT, "gen_ai.request.is_stream": True})["model_parameters"] == {"stream": True}


def test_a_model_that_embeds_is_no_call_whatever_its_operation() -> None:
    """As with Bedrock's InvokeModel."""
    asked = {"gen_ai.operation.name": "text_completion", "gen_ai.request.model": "amazon.titan-embed-text-v2:0"}
    assert mapped({**asked, "gen_ai.usage.input_tokens": 4})["kind"] == "embedding"


SENTRYS_CALLS = (
    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
    {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
    {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
    {"type": "tool_call", "id": "c1", "name": "f", "args": {"a": 1}},
)


@pytest.mark.parametrize("theirs", SENTRYS_CALLS)
def test_the_answer_of_a_call_in_sentry(theirs: dict[str, Any]) -> None:
    """Its calls of tools are those of the client that it traces: chat, Responses, Anthropic, LangChain."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    fields = mapped({
        **CHAT, "gen_ai.request.messages": dumps([{"role": "user", "content": "Hi"}]), "gen_ai.request.seed": 2,
        "gen_ai.request.available_tools": dumps(tools), "gen_ai.response.text": dumps(["Wait."]),
        "gen_ai.response.tool_calls": dumps([theirs]), "gen_ai.response.stop_reason": "tool_calls",
    })  # fmt: skip
    assert fields["input"] == [text("user", "Hi")]
    said = text("assistant", "Wait.")
    assert fields["output"] == [{**said, "parts": [*said["parts"], call("c1", "f", {"a": 1})]}]
    assert fields["tools"] == [{"type": "function", "name": "f", "parameters": {"type": "object"}}]
    assert (fields["model_parameters"], fields["finish_reason"]) == ({"seed": 2}, "tool_calls")


def test_an_agent_a_tool_and_an_embedding_in_sentry() -> None:
    agent = mapped({"gen_ai.operation.name": "invoke_agent", "gen_ai.response.text": "Sunny."})
    assert agent["output"] == [text("assistant", "Sunny.")]
    tool = mapped({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.input": '{"a": 1}', "gen_ai.tool.output": "b"})
    assert (tool["input"], tool["output"]) == ({"a": 1}, "b")
    assert mapped({"gen_ai.operation.name": "embeddings", "gen_ai.embeddings.input": '["a"]'})["input"] == ["a"]


def test_usage_of_sentry_names_the_parts_after_their_wholes() -> None:
    prefix = "gen_ai.usage"
    fields = mapped({**CHAT, f"{prefix}.input_tokens": 9, f"{prefix}.input_tokens.cached": 4,
                     f"{prefix}.output_tokens": 6, f"{prefix}.output_tokens.reasoning": 2})  # fmt: skip
    assert fields["usage"] == {"input_tokens": 9, "output_tokens": 6, "cache_read_tokens": 4, "reasoning_tokens": 2}


def test_a_parameter_without_a_value_is_none() -> None:
    """As OpenLLMetry sends those that LlamaIndex does not know."""
    fields = mapped({"gen_ai.operation.name": "chat", "gen_ai.request.temperature": None, "gen_ai.request.seed": 1})
    assert fields["model_parameters"] == {"seed": 1}


def test_usage_alone_makes_no_call() -> None:
    """Mistral's client before version 2 says no operation; most often another instrumentor counts the same call."""
    assert mapped({"gen_ai.request.model": "mistral-small", "gen_ai.usage.prompt_tokens": 11})["counted"] is False


@pytest.mark.parametrize(("operation", "kind"), [("guardrail_check", "guardrail"), ("agent_handoff", "chain")])
def test_operations_of_openai_s_agents(operation: str, kind: str) -> None:
    assert mapped({"gen_ai.operation.name": operation})["kind"] == kind


def test_a_call_of_a_tool_over_mcp() -> None:
    assert mapped({"mcp.method.name": "tools/call"})["kind"] == "tool"
    assert mapped({"mcp.method.name": "tools/list"})["kind"] == "span"


def test_an_error_that_openai_s_agents_noted_is_its_cause() -> None:
    noted = "{'message': 'Error running tool', 'data': {'tool_name': 'f', 'error': 'boom'}}"
    error = mapped({"error.type": "_OTHER"}, status="error", status_message=noted)["error"]
    assert (error["type"], error["message"]) == ("Error", "boom")


def test_a_search_in_a_vector_database_is_a_retriever_and_its_results_are_documents() -> None:
    """As OpenLLMetry traces Chroma."""
    found = {"id": "1", "distance": 0.1, "metadata": '{"a": 1}', "document": "Paris", "vector": "[1, 0]"}
    result = event("db.query.result", **{f"db.query.result.{name}": value for name, value in found.items()})
    mapped_span = whole({"db.system": "chroma", "db.chroma.query.n_results": 1}, events=[result])
    fields = mapped_span.fields
    assert (fields["kind"], mapped_span.events) == ("retriever", [])
    assert fields["output"] == [{"id": "1", "distance": 0.1, "metadata": {"a": 1}, "content": "Paris"}]
    assert mapped({"db.system": "chroma", "db.chroma.add.ids_count": 2})["kind"] == "span"


@pytest.mark.parametrize("start", ["models/", "projects/p/locations/us-central1/publishers/google/models/"])
def test_a_model_of_google_s_goes_by_its_short_name(start: str) -> None:
    """As Vertex AI names it, and its instrumentors; models of others may have slashes of their own."""
    fields = mapped({"gen_ai.operation.name": "chat", "gen_ai.request.model": f"{start}gemini-2.5-flash"})
    assert fields["model"] == "gemini-2.5-flash"
    assert fields["attributes"] == {"gen_ai.request.model": f"{start}gemini-2.5-flash"}
    other = mapped({"gen_ai.operation.name": "chat", "gen_ai.request.model": "meta-llama/Llama-3"})
    assert other["model"] == "meta-llama/Llama-3"


def test_the_kind_that_loongsuite_names_and_its_time_of_the_first_token() -> None:
    assert mapped({"gen_ai.operation.name": "chain", "gen_ai.span.kind": "CHAIN"})["kind"] == "chain"
    called = {"gen_ai.operation.name": "chat", "gen_ai.span.kind": "LLM"}
    fields = mapped({**called, "gen_ai.response.time_to_first_token": 6_772_711})
    assert (fields["first_token_ns"] - fields["start_ns"], fields["attributes"]) == (6_772_711, {})
