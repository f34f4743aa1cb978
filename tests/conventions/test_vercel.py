"""The AI SDK of Vercel, version 5."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conventions.spans import PNG, call, dumps, event, mapped, text


def operation(name: str, **attributes: Any) -> dict[str, Any]:
    """Map a span of an operation; ``__`` in a name stands for a dot."""
    return mapped(
        {"ai.operationId": name, **{f"ai.{key.replace('__', '.')}": value for key, value in attributes.items()}}
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [("ai.generateText", "chain"), ("ai.generateText.doGenerate", "llm"), ("ai.streamText.doStream", "llm"),
     ("ai.embedMany.doEmbed", "embedding"), ("ai.toolCall", "tool")],
)  # fmt: skip
def test_kinds(name: str, kind: str) -> None:
    assert operation(name)["kind"] == kind


def test_the_outer_span_repeats_the_usage_and_does_not_count() -> None:
    fields = operation("ai.generateText", usage__promptTokens=8, usage__completionTokens=5)
    assert (fields["usage"], fields["counted"]) == ({"input_tokens": 8, "output_tokens": 5}, False)


def test_usage_of_a_stream() -> None:
    fields = operation("ai.streamText.doStream", usage__inputTokens=6, usage__outputTokens=5, usage__totalTokens=11,
                       usage__cachedInputTokens=3, usage__reasoningTokens=2)  # fmt: skip
    assert fields["usage"] == {"input_tokens": 6, "output_tokens": 5, "cache_read_tokens": 3, "reasoning_tokens": 2}


def test_usage_of_version_6_has_parts_by_two_names() -> None:
    fields = mapped({
        "ai.operationId": "ai.generateText.doGenerate", "ai.usage.inputTokens": 100, "ai.usage.outputTokens": 5,
        "ai.usage.totalTokens": 105, "ai.usage.cachedInputTokens": 60, "ai.usage.inputTokenDetails.cacheReadTokens": 60,
        "ai.usage.inputTokenDetails.cacheWriteTokens": 30,
    })  # fmt: skip
    assert fields["usage"] == {"input_tokens": 100, "output_tokens": 5, "cache_read_tokens": 60,
                               "cache_write_tokens": 30}  # fmt: skip


def test_what_only_genais_names_say_is_taken_from_these() -> None:
    """As in our own export, whose attributes keep ``ai.operationId``."""
    fields = mapped({
        "ai.operationId": "ai.generateText.doGenerate", "gen_ai.usage.input_tokens": 8, "gen_ai.usage.output_tokens": 5,
        "gen_ai.response.finish_reasons": ["stop"], "gen_ai.system": "openai",
    })  # fmt: skip
    assert fields["usage"] == {"input_tokens": 8, "output_tokens": 5}
    assert (fields["finish_reason"], fields["provider"]) == ("stop", "openai")


def test_messages_of_a_step_with_an_image() -> None:
    content = [{"type": "text", "text": "What?"}, {"type": "file", "mediaType": "image/png", "data": PNG}]
    fields = operation("ai.generateText.doGenerate", prompt__messages=dumps([{"role": "user", "content": content}]))
    said, image = fields["input"][0]["parts"]
    assert (said["content"], image["type"], image["modality"]) == ("What?", "blob", "image")


def test_an_image_as_bytes_written_as_numbers() -> None:
    content = [{"type": "image", "image": {"0": 1, "1": 2}, "mimeType": "image/png"}]
    fields = operation("ai.generateText.doGenerate", prompt__messages=dumps([{"role": "user", "content": content}]))
    assert fields["input"][0]["parts"][0]["content"] == b"\x01\x02"


def test_the_type_of_an_image_of_the_outer_prompt_is_told_from_its_bytes() -> None:
    image = {"type": "Buffer", "data": list(b"\xff\xd8\xff\xe0 and so on")}
    asked = {"messages": [{"role": "user", "content": [{"type": "image", "image": image}]}]}
    fields = operation("ai.generateText", prompt=dumps(asked))
    assert fields["input"][0]["parts"][0]["mime_type"] == "image/jpeg"


def test_the_outer_prompt_with_its_system() -> None:
    fields = operation("ai.generateText", prompt=dumps({"system": "Be brief.", "prompt": "Hi"}))
    assert fields["input"] == [text("system", "Be brief."), text("user", "Hi")]


def test_tool_calls_and_results() -> None:
    asked = [{"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c1", "toolName": "weather",
                                           "output": {"type": "json", "value": {"t": 18}}}]}]  # fmt: skip
    said = [{"toolCallId": "c2", "toolName": "time", "input": '{"city": "Paris"}'}]
    fields = operation("ai.generateText.doGenerate", prompt__messages=dumps(asked), response__toolCalls=dumps(said))
    part = {"type": "tool_call_response", "id": "c1", "response": {"t": 18}, "name": "weather"}
    assert fields["input"] == [{"role": "tool", "parts": [part]}]
    assert fields["output"] == [{"role": "assistant", "parts": [call("c2", "time", {"city": "Paris"})]}]


def test_tools_are_a_list_of_json() -> None:
    fields = operation(
        "ai.generateText.doGenerate", prompt__tools=[dumps({"type": "function", "name": "f", "inputSchema": {}})]
    )
    assert fields["tools"] == [{"type": "function", "name": "f", "parameters": {}}]


def test_an_object_is_an_answer() -> None:
    assert operation("ai.generateObject.doGenerate", response__object='{"a": 1}')["output"] == [
        text("assistant", '{"a": 1}')
    ]


def test_embeddings() -> None:
    fields = operation(
        "ai.embedMany.doEmbed", values=['"alpha"', '"beta"'], embeddings=["[1,2,3]", "[4,5,6]"], usage__tokens=3
    )
    assert (fields["input"], fields["output"]["shape"]) == (["alpha", "beta"], [2, 3])
    assert fields["usage"] == {"input_tokens": 3}


def test_a_tool_and_the_id_of_its_call() -> None:
    fields = operation(
        "ai.toolCall", toolCall__name="weather", toolCall__id="c1", toolCall__args='{"a":1}', toolCall__result="2"
    )
    assert (fields["input"], fields["output"]) == ({"a": 1}, 2)
    assert fields["attributes"]["gen_ai.tool.call.id"] == "c1"


def test_who_is_in_the_metadata() -> None:
    fields = operation("ai.generateText", telemetry__metadata__userId="u", telemetry__metadata__sessionId="s",
                       telemetry__metadata__tags=["t"], telemetry__metadata__plan="pro")  # fmt: skip
    assert (fields["user_id"], fields["session_id"], fields["tags"]) == ("u", "s", ["t"])
    assert fields["metadata"] == {"plan": "pro"}


def test_first_chunk_from_event_or_attribute() -> None:
    begun = mapped({"ai.operationId": "ai.streamText.doStream"}, events=[event("ai.stream.firstChunk", 80)])
    said = operation("ai.streamText.doStream", response__msToFirstChunk=80.0)
    assert begun["first_token_ns"] == said["first_token_ns"] == said["start_ns"] + 80_000_000


def test_the_provider_is_named_without_its_api() -> None:
    fields = operation("ai.generateText.doGenerate", model__provider="openai.responses")
    assert (fields["provider"], fields["attributes"]["ai.model.provider"]) == ("openai", "openai.responses")


def test_what_openinferences_processor_adds() -> None:
    """Its messages have calls of nulls and no picture; the kind and the metadata are its own."""
    asked = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    none = "llm.input_messages.0.message.tool_calls.0.tool_call"
    fields = mapped({
        "ai.operationId": "ai.generateText.doGenerate", "openinference.span.kind": "LLM",
        "ai.prompt.messages": dumps(asked), "ai.telemetry.metadata.userId": "u1",
        "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Hi",
        f"{none}.id": None, f"{none}.function.name": None, f"{none}.function.arguments": None,
        "metadata.userId": "u1", "metadata.plan": "pro",
    })  # fmt: skip
    assert fields["input"] == [text("user", "Hi")]
    assert (fields["user_id"], fields["metadata"]) == ("u1", {"plan": "pro"})


def test_a_call_of_nulls_is_none() -> None:
    one = "llm.input_messages.0.message"
    fields = mapped({
        "openinference.span.kind": "LLM", f"{one}.role": "user", f"{one}.content": "Hi",
        f"{one}.tool_calls.0.tool_call.id": None, f"{one}.tool_calls.0.tool_call.function.name": None,
    })  # fmt: skip
    assert fields["input"] == [text("user", "Hi")]


def test_openinferences_agent_stays_one() -> None:
    assert mapped({"ai.operationId": "ai.generateText", "openinference.span.kind": "AGENT"})["kind"] == "agent"


@pytest.mark.parametrize(
    ("metadata", "usage"),
    [({"anthropic": {"usage": {"input_tokens": 8, "cache_read_input_tokens": 6, "cache_creation_input_tokens": 1}}},
      {"input_tokens": 15, "output_tokens": 5, "cache_read_tokens": 6, "cache_write_tokens": 1}),
     ({"anthropic": {"usage": {"input_tokens": 1, "cache_read_input_tokens": 7}}},  # version 6 has added them up
      {"input_tokens": 8, "output_tokens": 5}),
     ({"anthropic": {"cacheReadInputTokens": 6, "cacheCreationInputTokens": 1}},  # version 4
      {"input_tokens": 15, "output_tokens": 5, "cache_read_tokens": 6, "cache_write_tokens": 1}),
     ({"openai": {"cachedPromptTokens": 6, "reasoningTokens": 2}},
      {"input_tokens": 8, "output_tokens": 5, "cache_read_tokens": 6, "reasoning_tokens": 2}),
     ({"openai": {"cachedPromptTokens": 0}}, {"input_tokens": 8, "output_tokens": 5})],
)  # fmt: skip
def test_counts_that_only_the_provider_s_metadata_has(metadata: Any, usage: dict[str, int]) -> None:
    fields = operation("ai.generateText.doGenerate", usage__promptTokens=8, usage__completionTokens=5,
                       response__providerMetadata=dumps(metadata))  # fmt: skip
    assert fields["usage"] == usage


def test_the_runtime_context_of_version_7_is_the_context() -> None:
    context = {"userId": "ada", "sessionId": "s1", "tags": ["a"], "plan": "pro"}
    given = {f"ai.settings.context.{name}": value for name, value in context.items()}
    for base in ({"ai.operationId": "ai.generateText"}, {"gen_ai.operation.name": "invoke_agent"}):
        fields = mapped({**base, **given}, scope_name="gen_ai")
        assert (fields["user_id"], fields["session_id"], fields["tags"]) == ("ada", "s1", ["a"])
        assert (fields["metadata"], "model_parameters" in fields) == ({"plan": "pro"}, False)


def test_what_version_7_says_beside_genais_attributes() -> None:
    fields = mapped({
        "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 6,
        "gen_ai.usage.cache_read.input_tokens": 4, "ai.usage.outputTokenDetails.reasoningTokens": 5,
    }, scope_name="gen_ai")  # fmt: skip
    assert fields["usage"] == {"input_tokens": 9, "output_tokens": 6, "cache_read_tokens": 4, "reasoning_tokens": 5}
    fields = mapped({
        "gen_ai.operation.name": "embeddings", "ai.values": ['"a"'], "ai.embeddings": ["[0.1, 0.2]"],
    }, scope_name="gen_ai")  # fmt: skip
    assert (fields["kind"], fields["input"], fields["output"]["shape"]) == ("embedding", ["a"], [1, 2])
