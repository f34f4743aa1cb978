"""Haystack's own tracer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conventions.spans import call, dumps, mapped, text

USAGE = {"prompt_tokens": 51, "completion_tokens": 8, "total_tokens": 59}
META = {"model": "gpt-4o-mini", "index": 0, "finish_reason": "tool_calls", "usage": USAGE}
CALL = {"tool_name": "weather", "arguments": {"city": "Paris"}, "id": "c1", "extra": None}


def component(type: str, input: Any, output: Any = None) -> dict[str, Any]:
    """Return the fields of a component's run."""
    contents = {"haystack.component.input": dumps(input), "haystack.component.output": dumps(output)}
    attributes = {"haystack.component.name": "mine", "haystack.component.type": type, **contents}
    return mapped(attributes, name="haystack.component.run", scope_name="haystack")


@pytest.mark.parametrize(
    ("type", "kind"),
    [("OpenAIChatGenerator", "llm"), ("OpenAITextEmbedder", "embedding"), ("InMemoryBM25Retriever", "retriever"),
     ("CohereRanker", "reranker"), ("Agent", "agent"), ("ChatPromptBuilder", "chain")],
)  # fmt: skip
def test_a_component_is_named_as_in_its_pipeline_and_its_class_tells_the_kind(type: str, kind: str) -> None:
    fields = component(type, {})
    assert (fields["name"], fields["kind"]) == ("mine", kind)


def test_a_generator_s_reply_tells_model_usage_and_why_it_stopped() -> None:
    reply = {"role": "assistant", "meta": META, "name": None, "content": [{"text": "Yo"}]}
    asked = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "generation_kwargs": {"seed": 1}}
    fields = component("OpenAIChatGenerator", asked, {"replies": [reply]})
    assert (fields["input"], fields["output"]) == ([text("user", "Hi")], [text("assistant", "Yo")])
    assert (fields["model"], fields["finish_reason"]) == ("gpt-4o-mini", "tool_calls")
    assert fields["usage"] == {"input_tokens": 51, "output_tokens": 8}
    assert fields["model_parameters"] == {"seed": 1}


def test_a_generator_of_texts_has_what_it_tells_beside_them() -> None:
    fields = component("OpenAIGenerator", {"prompt": "Hi"}, {"replies": ["Yo"], "meta": [META]})
    assert (fields["input"], fields["output"]) == ([text("user", "Hi")], [text("assistant", "Yo")])
    assert fields["model"] == "gpt-4o-mini"


def test_an_agent_s_step_calls_a_tool_and_sees_its_result() -> None:
    name = "haystack.agent.step.llm"
    result = {"tool_call_result": {"result": "18C", "origin": CALL, "error": False}}
    asked = {
        "messages": [
            {"role": "assistant", "content": [{"tool_call": CALL}]},
            {"role": "tool", "content": [result]},
        ],
        "tools": [{"type": "haystack.tools.tool.Tool", "data": {"name": "weather", "parameters": {}, "function": "f"}}],
    }
    fields = mapped({f"{name}.input": dumps(asked)}, name=name)
    assert fields["input"][0]["parts"] == [call("c1", "weather", {"city": "Paris"})]
    assert fields["input"][1]["parts"] == [
        {"type": "tool_call_response", "id": "c1", "response": "18C", "name": "weather"}
    ]
    assert (fields["kind"], fields["tools"]) == ("llm", [{"type": "function", "name": "weather", "parameters": {}}])


def test_a_tool_of_an_agent() -> None:
    name = "haystack.agent.step.tool"
    fields = mapped({"haystack.tool.name": "f", f"{name}.input": '{"a": 1}', f"{name}.output": "18C"}, name=name)
    assert (fields["kind"], fields["name"], fields["input"], fields["output"]) == ("tool", "f", {"a": 1}, "18C")


def test_documents_come_without_vectors_and_vectors_as_their_shape() -> None:
    document = {"id": "1", "content": "Paris", "blob": None, "score": 0.5, "embedding": [0.1]}
    found = component("InMemoryBM25Retriever", {"query": "Paris", "top_k": None}, {"documents": [document]})
    assert (found["input"], found["output"]) == ("Paris", [{"id": "1", "content": "Paris", "score": 0.5}])
    embedded = component("OpenAITextEmbedder", {"text": "hi"}, {"embedding": [0.1, 0.2], "meta": META})
    assert (embedded["input"], embedded["output"]["shape"], embedded["model"]) == ("hi", [1, 2], "gpt-4o-mini")


def test_an_image_of_a_message() -> None:
    image = {"image": {"base64_image": "iVBORw0KGgo=", "mime_type": "image/png", "detail": None}}
    asked = component("OpenAIChatGenerator", {"messages": [{"role": "user", "content": [image]}]})["input"]
    assert asked[0]["parts"][0]["mime_type"] == "image/png"


@pytest.mark.parametrize("type", ["OpenAIChatGenerator", "OpenAITextEmbedder", "InMemoryBM25Retriever", "Agent"])
@pytest.mark.parametrize("odd", [5, "x", [1], {"data": 1}, [{"data": 1}]])
def test_contents_of_another_shape_fail_nothing(type: str, odd: Any) -> None:
    given = dict.fromkeys(("tools", "messages", "documents", "replies", "meta", "embedding"), odd)
    assert component(type, given, given)["name"] == "mine"
