"""Google's Agent Development Kit: requests and responses of Gemini's API in attributes."""

from __future__ import annotations

from tests.conventions.spans import call, dumps, mapped, text

REQUEST = {
    "model": "gemini-2.5-flash",
    "config": {"http_options": {}, "system_instruction": "Be brief.", "temperature": 0.2, "max_output_tokens": 99,
               "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object"}}]}]},
    "contents": [{"parts": [{"text": "Hi"}], "role": "user"}],
}  # fmt: skip
RESPONSE = {
    "model_version": "gemini-2.5-flash-001",
    "content": {"parts": [{"function_call": {"id": "c1", "args": {"a": 1}, "name": "f"}}], "role": "model"},
    "finish_reason": "STOP",
    "usage_metadata": {"prompt_token_count": 100, "candidates_token_count": 20, "thoughts_token_count": 30,
                       "cached_content_token_count": 40, "total_token_count": 150},
}  # fmt: skip


def test_a_call() -> None:
    fields = mapped({
        "gen_ai.system": "gcp.vertex.agent", "gen_ai.request.model": "gemini-2.5-flash",
        "gen_ai.request.max_tokens": 99, "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20,
        "gcp.vertex.agent.session_id": "s", "gcp.vertex.agent.event_id": "e",
        "gcp.vertex.agent.llm_request": dumps(REQUEST), "gcp.vertex.agent.llm_response": dumps(RESPONSE),
    }, name="call_llm")  # fmt: skip
    assert (fields["kind"], fields["model"], fields["session_id"]) == ("llm", "gemini-2.5-flash-001", "s")
    assert fields["input"] == [text("system", "Be brief."), text("user", "Hi")]
    assert fields["output"] == [{"role": "assistant", "parts": [call("c1", "f", {"a": 1})]}]
    assert fields["tools"] == [{"type": "function", "name": "f", "parameters": {"type": "object"}}]
    assert fields["model_parameters"] == {"temperature": 0.2, "max_tokens": 99}
    assert fields["usage"] == {
        "input_tokens": 100, "output_tokens": 50, "cache_read_tokens": 40, "reasoning_tokens": 30}  # fmt: skip
    assert fields["finish_reason"] == "STOP"
    assert fields["attributes"] == {"gcp.vertex.agent.event_id": "e", "gen_ai.request.model": "gemini-2.5-flash"}


def test_an_answer_that_was_refused_and_says_more() -> None:
    response = dumps({"error_code": "SAFETY", "error_message": "blocked", "grounding_metadata": {"a": 1}})
    fields = mapped({"gcp.vertex.agent.llm_request": "{}", "gcp.vertex.agent.llm_response": response}, name="call_llm")
    assert (fields["status"], fields["error"]["type"], fields["error"]["message"]) == ("error", "SAFETY", "blocked")
    assert fields["attributes"] == {"gcp.vertex.agent.llm_response": response}


def test_a_tool_and_an_agent() -> None:
    fields = mapped({
        "gcp.vertex.agent.llm_request": "{}", "gcp.vertex.agent.llm_response": "{}",
        "gcp.vertex.agent.tool_call_args": '{"city": "Rome"}', "gcp.vertex.agent.tool_response": '{"result": "18C"}',
    }, name="execute_tool weather")  # fmt: skip
    assert (fields["kind"], fields["input"], fields["output"]) == ("tool", {"city": "Rome"}, {"result": "18C"})
    assert fields["attributes"] == {}
    assert mapped(name="agent_run [helper]", scope_name="gcp.vertex.agent")["kind"] == "agent"
    assert mapped(name="agent_run [helper]")["kind"] == "span"


def test_a_call_of_javascript_s() -> None:
    config = {"systemInstruction": "Be brief.", "topP": 0.9, "maxOutputTokens": 50}
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "cachedContentTokenCount": 4}
    said = {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}}]}
    request = {"config": config, "contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    response = {"content": said, "usageMetadata": usage, "finishReason": "STOP"}
    fields = mapped({"gcp.vertex.agent.llm_request": dumps(request), "gcp.vertex.agent.llm_response": dumps(response),
                     "gen_ai.request.top_p": 0.9, "gen_ai.usage.output_tokens": 5}, name="call_llm")  # fmt: skip
    assert fields["input"] == [text("system", "Be brief."), text("user", "Hi")]
    assert fields["output"] == [{"role": "assistant", "parts": [call("c1", "f", {"a": 1})]}]
    assert fields["model_parameters"] == {"top_p": 0.9, "max_tokens": 50}
    assert fields["usage"] == {
        "input_tokens": 10, "output_tokens": 8, "cache_read_tokens": 4, "reasoning_tokens": 3}  # fmt: skip
    assert (fields["finish_reason"], fields["attributes"]) == ("STOP", {})
