"""A traced call as Python that makes it again: it compiles whatever was said, and it runs."""

from __future__ import annotations

import ast
import base64
import inspect
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.resources.chat.completions import Completions
from openai.resources.completions import Completions as Legacy
from openai.resources.embeddings import Embeddings
from openai.resources.responses import Responses

import spanbook as sb
from spanbook import offline
from spanbook.conventions._requests import Writer, chat_messages
from spanbook.model import Span
from spanbook.widgets import _rpc_code as code_of
from spanbook.widgets._rpc_code import literal, request_code
from tests.ui.png import PNG as PICTURE

PNG = "data:image/png;base64," + base64.b64encode(PICTURE).decode()
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def span(**fields: Any) -> Span:
    given: dict[str, Any] = {"kind": "llm", "name": "chat gpt-4o-mini", "model": "gpt-4o-mini", "provider": "openai"}
    return Span(trace_id="0" * 32, span_id="0" * 16, start_ns=0, **{**given, **fields})


def message(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def text(content: Any) -> dict[str, Any]:
    return {"type": "text", "content": content}


# -- running what is written


@pytest.fixture
def server(store: sb.Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[offline.OfflineModel]:
    """An offline model that traced and repeated calls go to."""
    sb.instrument("openai")
    with offline.start(delays=False) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
        yield server
    sb.uninstrument("openai")


def run_again(store: sb.Store, capsys: pytest.CaptureFixture[str]) -> tuple[str, Span, Span]:
    """Run the code of the last call; return what it printed, the call and its repetition as traced."""
    sb.flush()
    reader = store._reader
    (first,) = reader.latest_trace_ids(1)
    call = reader.spans(first)[0]
    code = request_code(call, reader.read_blob)["code"]
    assert code is not None
    assert "not-a-key" not in code
    exec(compile(code, "request", "exec"), {})  # noqa: S102 (what the code under test is for)
    sb.flush()
    (second,) = reader.latest_trace_ids(1)
    assert second != first
    return capsys.readouterr().out, call, reader.spans(second)[0]


def test_a_chat_with_tools_pictures_and_history(
    store: sb.Store, server: offline.OfflineModel, capsys: pytest.CaptureFixture[str]
) -> None:
    openai.OpenAI().chat.completions.create(
        model="gpt-4o-mini",
        messages=[
            {"role": "system", "content": 'Say "hello"\nand be kind \\ to O\'Hara.'},
            {"role": "user", "content": "What is the weather in Oslo?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "4 degrees, rain"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "And the weather in Paris?"},
                    {"type": "image_url", "image_url": {"url": PNG}},
                ],
            },
        ],
        tools=[TOOL],  # type: ignore[list-item]
        temperature=0.25,
        extra_body={"repetition_penalty": 1.1},
    )
    printed, call, again = run_again(store, capsys)
    assert "get_weather" in printed
    assert again.input == call.input
    assert again.tools == call.tools
    assert again.model_parameters == call.model_parameters == {"temperature": 0.25, "repetition_penalty": 1.1}


def test_a_response(store: sb.Store, server: offline.OfflineModel, capsys: pytest.CaptureFixture[str]) -> None:
    openai.OpenAI().responses.create(
        model="gpt-4o",
        instructions="Be brief.",
        input=[
            {"role": "user", "content": "What is the weather in Oslo?"},
            {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city": "Oslo"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "4 degrees"},
            {"role": "assistant", "content": "It has 4 degrees."},
            {"role": "user", "content": [{"type": "input_text", "text": "Are you sure?"}]},
        ],
        tools=[{"type": "function", **TOOL["function"]}],  # type: ignore[list-item, dict-item]
        max_output_tokens=200,
    )
    _, call, again = run_again(store, capsys)
    assert again.input == call.input
    assert (again.tools, again.model_parameters) == (call.tools, call.model_parameters)


def test_embeddings(store: sb.Store, server: offline.OfflineModel, capsys: pytest.CaptureFixture[str]) -> None:
    openai.OpenAI().embeddings.create(model="text-embedding-3-small", input=["a", 'b"\n'], dimensions=8)
    printed, call, again = run_again(store, capsys)
    assert printed == "[8, 8]\n"
    assert again.input == call.input == ["a", 'b"\n']


def test_a_stream_is_waited_for(
    store: sb.Store, server: offline.OfflineModel, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in openai.OpenAI().chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello?"}], stream=True
    ):
        pass
    _, call, again = run_again(store, capsys)
    assert again.input == call.input
    assert again.output == call.output


# -- any text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(), inner, max_size=8),
    )
)
def test_literals_give_the_value_back(value: Any) -> None:
    assert ast.literal_eval(literal(value)) == value


@given(
    st.text(), st.text(), st.text(), st.sampled_from(["openai", "anthropic", "groq", "azure", "elsewhere"]), st.text()
)
def test_code_is_python_whatever_was_said(said: str, name: str, model: str, provider: str, host: str) -> None:
    parts = [text(said), {"type": "tool_call", "id": said, "name": name, "arguments": said}, {"type": said}]
    answered = message("tool", {"type": "tool_call_response", "response": said})
    call = span(
        provider=provider,
        model=model,
        name=name,
        input=[message(name, *parts), message("assistant", *parts), answered],
        tools=[{"type": "function", "name": name, "description": said, "parameters": {said: said}}],
        model_parameters={name: said, said: {"$type": said}},
        attributes={"server.address": host},
    )
    made = request_code(call)
    for code in (made["code"], made["messages"]):
        assert code is not None
        compile(code, "request", "exec")


def test_no_text_leaves_its_literal() -> None:
    """A line break in a note, a model or a host starts no line of code."""
    evil = "x\nimport os\nos.abort()\n\"\"\" '''"
    call = span(
        model=evil,
        provider=evil,
        input=[message("user", {"type": evil}, {"type": "not_captured", "reason": evil}, text(evil))],
        model_parameters={evil: {"$type": "not_captured"}, "user": evil},
        attributes={"server.address": evil},
    )
    code = request_code(call)["code"] or ""
    assert not [line for line in code.splitlines() if line.startswith(("import os", "os."))]


# -- forms


def test_anthropic() -> None:
    call = span(
        provider="anthropic",
        model="claude-sonnet-4-5",
        input=[
            message("system", text("Be brief.")),
            message("user", text("Weather?")),
            message(
                "assistant", text("I look."), {"type": "tool_call", "id": "t1", "name": "w", "arguments": {"a": 1}}
            ),
            message("tool", {"type": "tool_call_response", "id": "t1", "response": {"deg": 4}}),
        ],
        tools=[{"type": "function", "name": "w", "parameters": {"type": "object"}}],
        model_parameters={"max_tokens": 300},
    )
    seen: dict[str, Any] = {}
    run(call, seen)
    assert seen["system"] == "Be brief."
    assert seen["max_tokens"] == 300
    assert seen["messages"] == [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "t1", "name": "w", "input": {"a": 1}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": '{"deg": 4}'}]},
    ]
    assert seen["tools"] == [{"name": "w", "description": "", "input_schema": {"type": "object"}}]


def run(call: Span, seen: dict[str, Any]) -> None:
    """Run the last statements of a request with a client that only notes its arguments."""

    def create(**arguments: Any) -> Any:
        seen.update(arguments)
        return None

    code = request_code(call)["code"] or ""
    lines = [line for line in code.splitlines() if not line.startswith(("from ", "import ", "client = ", "print("))]
    source = "\n".join(lines).replace("client.messages.create", "create")
    exec(source, {"create": create})  # noqa: S102 (the same)


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ("groq", 'OpenAI(base_url="https://api.groq.com/openai/v1", api_key=os.environ["GROQ_API_KEY"])'),
        ("azure", "client = AzureOpenAI()"),
        ("openai", "client = OpenAI()"),
        ("elsewhere", "# The provider was 'elsewhere'; give OpenAI(base_url=…)"),
    ],
)
def test_the_client_of_a_provider(provider: str, said: str) -> None:
    assert said in (request_code(span(provider=provider, input=[message("user", text("hi"))]))["code"] or "")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kind": "tool", "input": {}}, "of kind 'tool'"),
        ({"input": "just text"}, "no list of messages"),
        ({"input": None}, "no list of messages"),
        ({"kind": "embedding", "input": {"$type": "array"}}, "were not captured"),
    ],
)
def test_what_cannot_be_asked_again_says_why(fields: dict[str, Any], reason: str) -> None:
    made = request_code(span(**fields))
    assert made["code"] is None
    assert reason in (made["reason"] or "")


def test_what_was_not_captured_is_said() -> None:
    given = [message("user", text("a"), {"type": "not_captured", "count": 1, "reason": "image too long to keep"})]
    code = request_code(span(input=given, model=None))["code"] or ""
    assert "# Not captured, and left out: 'image too long to keep'." in code
    assert "# The model was not recorded" in code


def test_calls_without_ids_find_their_results() -> None:
    call = {"type": "tool_call", "id": None, "name": "f", "arguments": None}
    made = chat_messages(
        [message("assistant", call), message("tool", {"type": "tool_call_response", "response": [1]})], Writer(None)
    )
    assert made[0]["tool_calls"][0]["id"] == made[1]["tool_call_id"] == "call_1"
    assert (made[0]["tool_calls"][0]["function"]["arguments"], json.loads(made[1]["content"])) == ("{}", [1])


@pytest.mark.parametrize(
    ("names", "method"),
    [
        (code_of.CHAT_ARGUMENTS, Completions.create),
        (code_of.RESPONSES_ARGUMENTS, Responses.create),
        (code_of.EMBEDDINGS_ARGUMENTS, Embeddings.create),
        (code_of.COMPLETIONS_ARGUMENTS, Legacy.create),
    ],
)
def test_arguments_are_those_of_the_client(names: frozenset[str], method: Any) -> None:
    assert names <= set(inspect.signature(inspect.unwrap(method)).parameters)
