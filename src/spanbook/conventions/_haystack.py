"""Haystack's own tracer: pipelines, their components, and the steps of agents, with what went in and came out as JSON.

What a component does is told by the last word of its class. Contents are there when ``is_content_tracing_enabled``.
Source: ``haystack/core/pipeline`` and ``haystack/components/agents/agent.py`` of haystack-ai 3.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._draft import Draft, moment_ns, named_text
from ._messages import flat_tools, to_messages
from ._openai_embeddings import readable_vectors
from ._usage import usage_from

#: What the class of a component ends with → kind.
_COMPONENTS: Final = {
    "Generator": "llm",
    "Embedder": "embedding",
    "Retriever": "retriever",
    "Ranker": "reranker",
    "Evaluator": "evaluator",
    "Agent": "agent",
}
_SPANS: Final = {
    "haystack.pipeline.run": "chain",
    "haystack.agent.run": "agent",
    "haystack.agent.step": "chain",
    "haystack.agent.step.llm": "llm",
    "haystack.agent.step.tool": "tool",
}
#: What the names of input and output begin with.
_CONTENTS: Final = ("haystack.component.", "haystack.agent.step.llm.", "haystack.agent.step.tool.", "haystack.agent.")
#: Of a reply's ``meta``, what is shown elsewhere.
_KNOWN: Final = ("model", "finish_reason", "usage", "completion_start_time", "index")
_OF_A_TOOL: Final = ("name", "description", "parameters")


def map_haystack(draft: Draft) -> None:
    """Set kind and name, and what went in and came out."""
    component = draft.left.get("haystack.component.type")
    if isinstance(component, str):
        draft.put("kind", next((kind for end, kind in _COMPONENTS.items() if component.endswith(end)), "chain"))
    draft.put("kind", _SPANS.get(draft.span.name))
    name = named_text(draft.left, ("haystack.component.name", "haystack.tool.name"))
    draft.put("name", draft.left[name] if name is not None else None)
    asked = draft.data(*(f"{start}input" for start in _CONTENTS), "haystack.pipeline.input_data")
    said = draft.data(*(f"{start}output" for start in _CONTENTS), "haystack.pipeline.output_data")
    tools = draft.items("haystack.agent.tools")
    if isinstance(asked, Mapping):
        tools = tools or asked.get("tools")
        asked = {name: value for name, value in asked.items() if value is not None}
    draft.put("tools", _tools(tools))
    if draft.is_kind("llm") and isinstance(asked, Mapping):
        _put_call(draft, asked)
    elif draft.is_kind("embedding") and isinstance(asked, Mapping):
        draft.put("input", asked.get("text", _texts(asked.get("documents")) or asked))
    elif draft.is_kind("retriever") and isinstance(asked, Mapping):
        draft.put("input", asked["query"] if asked.keys() == {"query"} else asked)
    elif draft.is_kind("agent") and isinstance(asked, Mapping) and "messages" in asked:
        draft.put_messages("input", to_messages(asked["messages"], "user"))
    draft.put("input", asked)
    if isinstance(said, Mapping):
        _put_answer(draft, said)
    draft.put("output", said)


def _put_call(draft: Draft, asked: Mapping[str, Any]) -> None:
    parameters = asked.get("generation_kwargs")
    draft.add("model_parameters", parameters if isinstance(parameters, dict) else {})
    draft.put_messages("input", to_messages(asked.get("messages", asked.get("prompt")), "user"))


def _put_answer(draft: Draft, said: Mapping[str, Any]) -> None:
    replies, documents, meta = said.get("replies"), said.get("documents"), said.get("meta")
    if draft.is_kind("llm"):
        draft.put_messages("output", to_messages(replies, "assistant"))
        if meta is None and isinstance(replies, list):  # of a chat: each message has its own
            meta = [reply.get("meta") for reply in _mappings(replies)]
    elif draft.is_kind("embedding"):
        vectors = [one.get("embedding") for one in _mappings(documents) or [said]]
        draft.put("output", readable_vectors(vectors))
    elif draft.is_kind("retriever", "reranker") and isinstance(documents, list):
        draft.put("output", [_document(one) for one in documents])
    elif draft.is_kind("agent") and isinstance(said.get("messages"), list):
        draft.put_messages("output", to_messages(said["messages"][-1:], "assistant"))
    meta = meta[0] if isinstance(meta, list) and meta else meta
    if isinstance(meta, Mapping) and draft.is_kind("llm", "embedding"):
        for field in ("model", "finish_reason"):
            draft.put(field, meta[field] if named_text(meta, (field,)) else None)
        draft.put_usage(usage_from(meta.get("usage")))
        draft.put("first_token_ns", moment_ns(meta.get("completion_start_time")))
        draft.add("metadata", {name: value for name, value in meta.items() if name not in _KNOWN and value is not None})


def _tools(tools: Any) -> list[Any] | None:
    found = _mappings([tool.get("data", tool) for tool in _mappings(tools)])
    return flat_tools([{name: tool[name] for name in _OF_A_TOOL if name in tool} for tool in found])


def _texts(documents: Any) -> list[Any]:
    return [one.get("content") for one in _mappings(documents)]


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, (list, tuple)) else []


def _document(one: Any) -> Any:
    """Return a document without what it has not, and without its vector."""
    if not isinstance(one, Mapping):
        return one
    return {name: value for name, value in one.items() if value is not None and not name.endswith("embedding")}
