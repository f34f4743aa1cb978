"""Langfuse SDKs over OTLP."""

from __future__ import annotations

import pytest

from tests.conventions.spans import START, call, dumps, mapped, text

O = "langfuse.observation."  # noqa: E741 - reads as their prefix
GENERATION = {f"{O}type": "generation"}


@pytest.mark.parametrize(("theirs", "ours"), [("generation", "llm"), ("agent", "agent"), ("event", "event")])
def test_kinds(theirs: str, ours: str) -> None:
    assert mapped({f"{O}type": theirs})["kind"] == ours


def test_a_request_with_tools_and_an_answer_that_calls_one() -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {}}}
    asked = {"tools": [tool], "messages": [{"role": "user", "content": "Hi"}], "tool_choice": "auto"}
    answer = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
    }
    fields = mapped({**GENERATION, f"{O}input": dumps(asked), f"{O}output": dumps(answer)})
    assert fields["input"] == [text("user", "Hi")]
    assert fields["output"] == [{"role": "assistant", "parts": [call("c1", "weather", {})]}]
    assert fields["tools"] == [{"type": "function", "name": "weather", "parameters": {}}]
    assert fields["attributes"] == {f"{O}input": {"tool_choice": "auto"}}


def test_plain_text_is_a_message_of_a_generation_and_itself_elsewhere() -> None:
    given = {f"{O}input": "Hi", f"{O}output": "Yo"}
    assert mapped({**GENERATION, **given})["output"] == [text("assistant", "Yo")]
    assert mapped({f"{O}type": "span", **given})["output"] == "Yo"


@pytest.mark.parametrize(
    ("details", "usage"),
    [
        ({"input": 10, "output": 5, "cache_read_input_tokens": 3, "total": 18}, (13, 5)),
        ({"input": 4, "output": 3, "total": 12, "input_cached_tokens": 3, "output_reasoning_tokens": 2}, (7, 5)),
        ({"input": 7, "output": 5, "total": 12, "input_cached_tokens": 3}, (7, 5)),
        ({"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15,
          "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0}}, (9, 6)),
    ],
)  # fmt: skip
def test_usage_becomes_inclusive(details: dict[str, int], usage: tuple[int, int]) -> None:
    found = mapped({**GENERATION, f"{O}usage_details": dumps(details)})["usage"]
    assert (found["input_tokens"], found["output_tokens"]) == usage
    assert found["cache_read_tokens"] == 3


def test_level_error_is_an_error_though_the_status_is_not() -> None:
    fields = mapped({**GENERATION, f"{O}level": "ERROR", f"{O}status_message": "429"})
    assert (fields["status"], fields["level"], fields["error"]["message"]) == ("error", "error", "429")


def test_a_warning_is_no_error() -> None:
    fields = mapped({f"{O}type": "event", f"{O}level": "WARNING", f"{O}status_message": "look"})
    assert (fields["status"], fields["level"]) == ("ok", "warning")
    assert fields["attributes"] == {f"{O}status_message": "look"}


def test_parameters_never_asked_for_are_dropped() -> None:
    parameters = dumps({"temperature": 0.1, "max_tokens": "Infinity", "response_format": ""})
    assert mapped({**GENERATION, f"{O}model.parameters": parameters})["model_parameters"] == {"temperature": 0.1}


def test_first_token_from_a_quoted_moment() -> None:
    fields = mapped({**GENERATION, f"{O}completion_start_time": '"2023-11-14T22:13:20.250Z"'})
    assert fields["first_token_ns"] == START + 250_000_000


def test_prompt_link_and_cost() -> None:
    fields = mapped({**GENERATION, f"{O}prompt.name": "greeting", f"{O}prompt.version": 2,
                     f"{O}cost_details": dumps({"input": 0.1, "output": 0.2})})  # fmt: skip
    assert (fields["prompt_name"], fields["prompt_version"]) == ("greeting", "2")
    assert fields["cost_usd"] == pytest.approx(0.3)


def test_what_any_span_says_of_its_trace() -> None:
    fields = mapped({"user.id": "u", "session.id": "s", "langfuse.trace.tags": ["a"], "langfuse.environment": "staging",
                     "langfuse.release": "v1", "langfuse.trace.metadata.plan": '"pro"'})  # fmt: skip
    assert (fields["user_id"], fields["session_id"], fields["tags"]) == ("u", "s", ["a"])
    assert (fields["environment"], fields["release"], fields["metadata"]) == ("staging", "v1", {"plan": "pro"})


@pytest.mark.parametrize(("version", "value"), [("3.15.0", "007"), ("5.0.4", 7)])
def test_version_3_writes_metadata_as_it_is(version: str, value: object) -> None:
    fields = mapped({f"{O}metadata.i": "7" if version[0] == "5" else "007"}, scope_version=version)
    assert fields["metadata"] == {"i": value}


PNG_ID, PNG_DIGEST = "a3-kNPkqi4CqsC2b8aEuSf", "6b7fa434f92a8b80aab02d9bf1a12e49"  # of one and the same hash
TOKEN = f"@@@langfuseMedia:type=image/png|id={PNG_ID}|source=base64_data_uri@@@"
IMAGE = {"modality": "image", "mime_type": "image/png", "digest": PNG_DIGEST}


def parts_of(content: object) -> list[dict[str, object]]:
    (message,) = mapped({**GENERATION, f"{O}input": dumps([{"role": "user", "content": content}])})["input"]
    assert message["role"] == "user"
    parts: list[dict[str, object]] = message["parts"]
    return parts


@pytest.mark.parametrize(
    "piece",
    [
        TOKEN,
        {"type": "image_url", "image_url": {"url": TOKEN}},
        {"type": "input_image", "image_url": TOKEN},
        {"type": "input_audio", "input_audio": {"data": TOKEN, "format": "wav"}},
        {"type": "file", "file": {"file_data": TOKEN}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": TOKEN}},
        {"type": "media", "mime_type": "image/png", "data": TOKEN},
        {"inline_data": {"mime_type": "image/png", "data": TOKEN}},
        {"type": "file", "mediaType": "image/png", "data": TOKEN},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": TOKEN},
        {"type": "uri", "modality": "image", "uri": TOKEN},
    ],
    ids=lambda piece: "text" if isinstance(piece, str) else "-".join(piece),
)
def test_an_uploaded_file_is_named_by_its_digest(piece: object) -> None:
    """In the forms of OpenAI, Anthropic, Gemini, Vercel and OpenTelemetry."""
    assert parts_of([piece]) == [{"type": "blob", **IMAGE}]


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "chat", "gen_ai.input.messages": dumps([{"role": "user", "parts": [
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": TOKEN}]}])},
        {"ai.operationId": "ai.generateText.doGenerate", "ai.prompt.messages": dumps([{"role": "user", "content": [
            {"type": "file", "mediaType": "image/png", "data": TOKEN}]}])},
        {"openinference.span.kind": "LLM", "llm.input_messages.0.message.role": "user",
         "llm.input_messages.0.message.contents.0.message_content.type": "image",
         "llm.input_messages.0.message.contents.0.message_content.image.image.url": TOKEN},
        {"traceloop.span.kind": "llm", "gen_ai.operation.name": "chat", "gen_ai.prompt.0.role": "user",
         "gen_ai.prompt.0.content": dumps([{"type": "image_url", "image_url": {"url": TOKEN}}])},
    ],
    ids=["genai", "vercel", "openinference", "openllmetry"],
)  # fmt: skip
def test_files_that_langfuse_takes_out_of_the_spans_of_others(attributes: dict[str, object]) -> None:
    """Its processor of spans does this to all that it exports."""
    fields = mapped(attributes)
    assert fields["input"] == [{"role": "user", "parts": [{"type": "blob", **IMAGE}]}]


def test_files_in_the_middle_of_a_text_stand_where_they_were() -> None:
    other = TOKEN.replace("image/png", "Audio/WAV")
    assert parts_of(f"see {TOKEN} and{other}{TOKEN}") == [
        {"type": "text", "content": "see "},
        {"type": "blob", **IMAGE},
        {"type": "text", "content": " and"},
        {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "digest": PNG_DIGEST},
        {"type": "blob", **IMAGE},
    ]


def test_files_of_a_tool() -> None:
    """What it was asked and what it gave."""
    asked = {"id": "c1", "type": "function", "function": {"name": "crop", "arguments": dumps({"image": TOKEN})}}
    messages = [{"role": "assistant", "tool_calls": [asked]}, {"role": "tool", "tool_call_id": "c1", "content": TOKEN}]
    given, got = mapped({**GENERATION, f"{O}input": dumps(messages)})["input"]
    assert given["parts"][0]["arguments"] == {"image": {"$type": "blob", **IMAGE}}
    assert got["parts"][0]["response"] == {"$type": "blob", **IMAGE}


@pytest.mark.parametrize("metadata", [TOKEN, dumps(TOKEN)])
def test_files_in_plain_values(metadata: str) -> None:
    """Version 3 of the SDK quotes metadata once more than the others."""
    fields = mapped({f"{O}type": "span", f"{O}input": dumps({"deep": [1, TOKEN]}), f"{O}output": dumps(TOKEN),
                     f"{O}metadata.pic": metadata}, scope_version="3.15.0")  # fmt: skip
    assert fields["input"] == {"deep": [1, {"$type": "blob", **IMAGE}]}
    assert fields["output"] == fields["metadata"]["pic"] == {"$type": "blob", **IMAGE}


def test_a_file_in_the_middle_of_a_plain_text_stays_text() -> None:
    fields = mapped({f"{O}type": "span", f"{O}input": f"see {TOKEN}"})
    assert fields["input"] == f"see {TOKEN}"


@pytest.mark.parametrize(
    "token",
    [
        TOKEN.replace(PNG_ID, "abc"),
        TOKEN.replace(PNG_ID, "../../../../../etc/pass"),
        TOKEN.replace(PNG_ID, PNG_ID[:-1] + "é"),
        TOKEN.replace("image/png", "image"),
        TOKEN.replace("image/png", "text/html;charset=x"),
        TOKEN.replace("image/png", "image/png\n"),
        TOKEN.replace("image/png", "a" * 200 + "/b"),
        TOKEN.replace("source=base64_data_uri", "source=<b>"),
        TOKEN[:-1],
        "@@@langfuseMedia:" * 3,
    ],
)
def test_what_is_no_token_to_the_letter_stays_as_it_is(token: str) -> None:
    assert parts_of(token) == [{"type": "text", "content": token}]
    assert parts_of([{"type": "image_url", "image_url": {"url": token}}]) == [
        {"type": "uri", "modality": "image", "uri": token}
    ]
    assert mapped({f"{O}type": "span", f"{O}output": dumps([token])})["output"] == [token]


def test_langfuse_says_the_kind_where_another_convention_does_too() -> None:
    fields = mapped({f"{O}type": "tool", "openinference.span.kind": "LLM", "input.value": "x"})
    assert (fields["kind"], fields["input"]) == ("tool", "x")


def test_metadata_of_the_user_is_no_response() -> None:
    """Only with a status and a list of tools it comes from the wrapper of ``responses``."""
    given = {**GENERATION, f"{O}input": "Hi", f"{O}metadata": dumps({"instructions": "be kind", "finish_reason": 5})}
    fields = mapped(given)
    assert fields["input"] == [text("user", "Hi")]
    assert "finish_reason" not in fields
    assert fields["metadata"] == {"instructions": "be kind", "finish_reason": 5}


def test_tools_that_the_handler_for_langchain_adds_to_the_messages() -> None:
    """As langfuse 3 and 4 send them."""
    tool = {"type": "function", "function": {"name": "weather", "parameters": {}}}
    asked = [{"role": "user", "content": "Hi"}, {"role": "tool", "content": tool}]
    fields = mapped({**GENERATION, f"{O}input": dumps(asked)})
    assert fields["input"] == [text("user", "Hi")]
    assert fields["tools"] == [{"type": "function", "name": "weather", "parameters": {}}]


def test_streamed_calls_without_a_role() -> None:
    """As @langfuse/openai 4 sends them."""
    said = {"tool_calls": [{"function": {"name": "weather", "arguments": '{"city": "Paris"}'}}]}
    fields = mapped({**GENERATION, f"{O}output": dumps(said)})
    assert fields["output"] == [{"role": "assistant", "parts": [call(None, "weather", {"city": "Paris"})]}]


def test_the_provider_that_langchain_names() -> None:
    assert mapped({**GENERATION, f"{O}metadata.ls_provider": "openai"})["provider"] == "openai"
