"""Genkit: actions with their input and output as JSON."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conventions.spans import PNG, call, dumps, mapped, text


def action(subtype: str, name: str, asked: Any, said: Any) -> dict[str, Any]:
    """Map a span of an action."""
    return mapped(
        {"genkit:type": "action", "genkit:metadata:subtype": subtype, "genkit:input": dumps(asked),
         "genkit:output": dumps(said), "genkit:state": "success"},
        name=name,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("theirs", "ours"), [("flow", "chain"), ("tool", "tool"), ("retriever", "retriever"), ("evaluator", "evaluator")]
)
def test_kinds(theirs: str, ours: str) -> None:
    fields = action(theirs, "f", {"a": 1}, "x")
    assert (fields["kind"], fields["input"], fields["output"]) == (ours, {"a": 1}, "x")


def test_a_step_of_a_flow() -> None:
    assert mapped({"genkit:type": "flowStep", "genkit:output": dumps("x")})["kind"] == "chain"


def test_a_call_of_a_model() -> None:
    asked = {
        "messages": [{"role": "user", "content": [{"text": "Weather?"}]}],
        "config": {"temperature": 0.2},
        "tools": [{"name": "get_weather", "inputSchema": {"type": "object"}}],
    }
    request = {"toolRequest": {"name": "get_weather", "ref": "c1", "input": {"city": "Oslo"}}}
    usage = {"prompt_tokens": 9, "completion_tokens": 6, "prompt_tokens_details": {"cached_tokens": 4}}
    said = {
        "message": {"role": "model", "content": [{"reasoning": "Hm"}, request]}, "finishReason": "stop",
        "usage": {"inputTokens": 9, "outputTokens": 6, "totalTokens": 15},
        "raw": {"id": "r1", "model": "gpt-4o-1", "choices": [{"finish_reason": "tool_calls"}], "usage": usage},
    }  # fmt: skip
    fields = action("model", "openai/gpt-4o", asked, said)
    assert (fields["kind"], fields["model"], fields["provider"]) == ("llm", "gpt-4o-1", "openai")
    assert fields["input"] == [text("user", "Weather?")]
    thought = {"type": "reasoning", "content": "Hm"}
    assert fields["output"] == [{"role": "assistant", "parts": [thought, call("c1", "get_weather", {"city": "Oslo"})]}]
    assert fields["usage"] == {"input_tokens": 9, "output_tokens": 6, "cache_read_tokens": 4}
    assert (fields["finish_reason"], fields["response_id"]) == ("tool_calls", "r1")
    assert fields["tools"][0]["parameters"] == {"type": "object"}
    assert fields["model_parameters"] == {"temperature": 0.2}


def test_counts_of_a_provider_that_keeps_no_response() -> None:
    usage = {"inputTokens": 9, "outputTokens": 6, "totalTokens": 17, "thoughtsTokens": 2, "cachedContentTokens": 4}
    fields = action("model", "googleai/gemini", {}, {"usage": usage})
    assert fields["usage"] == {"input_tokens": 9, "output_tokens": 8, "cache_read_tokens": 4, "reasoning_tokens": 2}


def test_media_results_and_data_in_messages() -> None:
    content = [{"media": {"url": f"data:image/png;base64,{PNG}", "contentType": "image/png"}}]
    result = {"toolResponse": {"name": "f", "ref": "c1", "output": 7}}
    asked = {"messages": [{"role": "user", "content": content}, {"role": "tool", "content": [result]}]}
    fields = mapped({"genkit:type": "util", "genkit:input": dumps(asked),
                     "genkit:output": dumps({"message": {"role": "model", "content": [{"data": {"a": 1}}]}})},
                    name="generate")  # fmt: skip
    image, response = (message["parts"][0] for message in fields["input"])
    assert (image["type"], image["mime_type"]) == ("blob", "image/png")
    assert (response["type"], response["id"], response["response"]) == ("tool_call_response", "c1", 7)
    assert (fields["kind"], fields["output"]) == ("chain", [text("assistant", '{"a": 1}')])


def test_an_embedding() -> None:
    documents = [{"content": [{"text": "a"}]}]
    fields = action("embedder", "openai/small", {"input": documents}, {"embeddings": [{"embedding": [0.1, 0.2]}]})
    assert (fields["kind"], fields["input"], fields["output"]["shape"]) == ("embedding", ["a"], [1, 2])


def test_documents_that_a_retriever_found() -> None:
    found = [{"content": [{"text": "Paris is "}, {"text": "big"}], "metadata": {"id": "a"}}]
    asked: dict[str, Any] = {"query": {"content": [{"text": "Paris?"}]}}
    fields = action("retriever", "mine", asked, {"documents": found})
    assert fields["input"] == "Paris?"
    assert fields["output"] == [{"content": "Paris is big", "metadata": {"id": "a"}}]
    with_options = action("retriever", "mine", {**asked, "options": {"k": 2}}, None)
    assert with_options["input"] == {"query": "Paris?", "options": {"k": 2}}


def test_documents_that_a_reranker_scored() -> None:
    media = [{"media": {"url": "https://e.org/a.png"}}]
    scored = [{"content": [{"text": "a"}], "metadata": {"score": 0.9}}, {"content": media, "metadata": {"score": 0}}]
    asked = {"query": {"content": [{"text": "q"}]}, "documents": [{"content": [{"text": "a"}]}, {"content": media}]}
    fields = action("reranker", "mine", asked, {"documents": scored})
    assert fields["input"] == {"query": "q", "documents": [{"content": "a"}, {"content": media}]}
    assert [(one["content"], one["score"]) for one in fields["output"]] == [("a", 0.9), (media, 0)]


def test_what_an_evaluator_notes_of_each_example() -> None:
    said = {"evaluation": {"score": 1}}
    fields = mapped({"genkit:name": "Test Case 1", "genkit:input": dumps({"input": "a"}), "genkit:output": dumps(said)})
    assert (fields["input"], fields["output"]) == ({"input": "a"}, said)
