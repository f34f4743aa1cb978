"""The pure parts of the OpenAI integration: providers, requests, events in pieces, objects as plain data."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbook.integrations._stainless._plain import plain
from spanbook.integrations._stainless._request import provider_of, request_of
from spanbook.integrations._stainless._sse import EventDecoder
from spanbook.integrations.openai._chunks import ChatChunks, ResponsesEvents
from spanbook.integrations.openai._embeddings import plain_embeddings
from spanbook.integrations.openai._targets import OPENAI


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.openai.com", "openai"),
        ("127.0.0.1", "openai"),
        ("mine.openai.azure.com", "azure"),
        ("api.groq.com", "groq"),
        ("openrouter.ai", "openrouter"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "aws"),
        ("", "openai"),
    ],
)
def test_provider_is_known_by_its_host(host: str, provider: str) -> None:
    assert provider_of(OPENAI, SimpleNamespace(base_url=SimpleNamespace(host=host))) == (provider, host)


def test_client_without_address_is_openai() -> None:
    assert provider_of(OPENAI, None) == ("openai", "")


def test_request_leaves_out_the_connection_and_keeps_the_rest_as_it_is() -> None:
    messages = [{"role": "user", "content": "a"}]

    request = request_of(
        OPENAI, {"messages": messages, "extra_headers": {"k": "v"}, "timeout": 3, "extra_body": {"top_k": 1}}
    )

    assert request == {"messages": messages, "extra_body": {"top_k": 1}}
    assert request["messages"] is messages


def test_dataclass_as_response_format_has_a_schema() -> None:
    @dataclass
    class City:
        name: str

    form = request_of(OPENAI, {"text_format": City, "text": {"verbosity": "low"}})["text"]

    assert form["verbosity"] == "low"
    assert form["format"]["name"] == "City"
    assert form["format"]["schema"]["required"] == ["name"]


EVENTS = st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=8), max_size=2), max_size=5)


@given(EVENTS, st.lists(st.integers(1, 40), min_size=1, max_size=20), st.sampled_from(["\n", "\r\n"]))
def test_events_are_the_same_however_their_bytes_are_cut(
    sent: list[dict[str, str]], cuts: list[int], newline: str
) -> None:
    text = ": ping\n\n" + "".join(f"event: x\ndata: {json.dumps(e, ensure_ascii=False)}\n\n" for e in sent)
    data = (text + "data: [DONE]\n\n").replace("\n", newline).encode()
    decoder, got = EventDecoder(), list[Any]()
    while data:
        size = cuts[len(data) % len(cuts)]
        got += decoder.feed(data[:size])
        data = data[size:]

    assert got == sent


def test_objects_of_the_sdk_become_what_the_server_sent() -> None:
    from openai._models import construct_type
    from openai.types.chat import ChatCompletion

    sent = {
        "id": "c",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "a", "reasoning_content": "r"}}],
        "x_extra": {"a": [1, None, {"b": None}]},
    }

    assert plain(construct_type(type_=ChatCompletion, value=sent)) == {**sent, "x_extra": {"a": [1, None, {}]}}


def test_objects_of_the_user_are_not_read() -> None:
    class Mine:
        def __repr__(self) -> str:
            raise AssertionError("read")

    class Color(enum.StrEnum):
        RED = "red"

    class Answer(pydantic.BaseModel):
        parsed: Any = None
        color: Color = Color.RED
        thing: Any = None

    assert plain(Answer(parsed=Mine(), thing=Mine()))["color"] == "red"
    assert "parsed" not in plain(Answer(parsed=Mine()))


def test_embeddings_of_an_unknown_form_are_kept_raw() -> None:
    assert plain_embeddings({"error": {"message": "no"}}) == {"error": {"message": "no"}}
    assert plain_embeddings({"data": []})["data"] == {"shape": [0, 0], "head": []}


def test_streams_without_chunks_have_no_response() -> None:
    assert ChatChunks().response() is None
    assert ResponsesEvents().response() is None


def test_tool_calls_without_index_keep_their_place() -> None:
    """Some compatible servers send whole calls and no index."""
    chunks = ChatChunks()
    calls = [{"id": name, "function": {"name": name, "arguments": "{}"}} for name in ("f", "g")]

    assert chunks.add({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]})

    response = chunks.response()
    assert response is not None
    made = response["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in made] == ["f", "g"]


def test_audio_and_log_probabilities_are_joined() -> None:
    chunks = ChatChunks()
    for data, word in (("UklG", "Hel"), ("Rg==", "lo")):
        delta = {"audio": {"id": "audio_1", "data": data, "transcript": word}}
        logprobs = {"content": [{"token": word, "logprob": -0.1}]}
        chunks.add({"choices": [{"index": 0, "delta": delta, "logprobs": logprobs}]})

    response = chunks.response()
    assert response is not None
    choice = response["choices"][0]
    assert choice["message"]["audio"] == {"id": "audio_1", "data": "UklGRg==", "transcript": "Hello"}
    assert [item["token"] for item in choice["logprobs"]["content"]] == ["Hel", "lo"]


def test_events_of_all_kinds_of_items_make_the_partial_response() -> None:
    grown = ResponsesEvents()
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "r", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "summary": []}},
        {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "th"},
        {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "ink"},
        {"type": "response.output_item.added", "output_index": 1, "item": {"type": "function_call", "name": "f"}},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"x"'},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": ": 1}"},
    ]
    for event in events:
        grown.add(event)

    assert grown.text() == "think"
    assert grown.response() == {
        "id": "r",
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "think"}]},
            {"type": "function_call", "name": "f", "arguments": '{"x": 1}'},
        ],
    }
    assert not grown.is_complete
