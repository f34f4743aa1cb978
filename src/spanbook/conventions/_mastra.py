"""Mastra: GenAI's attributes on calls of models and of tools, its own on the spans around them.

A call of a model is ``model_inference`` in ``model_step`` in ``model_generation``; the one of them that names the model
has usage and messages, which one depends on version and exporter. What went in and came out of the others stands under
the name of the type of span; before version 1 of the exporter it is just ``input`` and ``output``.
Source: ``gen-ai-semantics.ts`` and ``span-converter.ts`` of ``@mastra/otel-exporter`` 1.4.
"""

from __future__ import annotations

from typing import Final

from ._draft import Draft, moment_ns, named_text
from ._messages import to_messages
from ._parts import parsed_json

_KINDS: Final = {
    "agent_run": "agent",
    **dict.fromkeys(("model_generation", "model_step", "model_inference", "processor_run"), "chain"),
    "model_chunk": "span",
    **dict.fromkeys(("tool_call", "mcp_tool_call", "provider_tool_call", "client_tool_call"), "tool"),
    "rag_embedding": "embedding",
    **dict.fromkeys(("scorer_run", "classifier_evaluation"), "evaluator"),
}
#: Spans whose input and output are messages.
_TALKS: Final = ("agent_run", "model_generation", "model_step", "model_inference")
_MODELS: Final = ("gen_ai.request.model", "llm.model_name")
_CONTEXT: Final = (("user_id", ("userId", "user_id")), ("session_id", ("sessionId", "session_id", "threadId")))
#: What the AI SDK adds to the name of a provider.
_APIS: Final = frozenset(("chat", "responses", "messages", "completion", "generative-ai"))


def map_mastra(draft: Draft) -> None:
    """Set what ``mastra.*`` says."""
    type = str(draft.left.get("mastra.span.type"))
    is_call = type.startswith("model_") and any(name in draft.left for name in _MODELS)
    kind = "chain" if type.startswith("workflow_") else _KINDS.get(type)
    draft.put("kind", "llm" if is_call else kind)
    if "openinference.span.kind" in draft.left:
        for side in ("input", "output"):  # the same, once more
            if draft.left.get(f"mastra.{type}.{side}") == draft.left.get(f"{side}.value"):
                draft.left.pop(f"mastra.{type}.{side}", None)
    else:
        _put_contents(draft, type)
    for name in ("gen_ai.provider.name", "gen_ai.system", "llm.provider"):
        provider, _, api = str(draft.left.get(name, "")).partition(".")
        if api in _APIS:
            draft.put_provider(provider)
    draft.put("first_token_ns", moment_ns(draft.text("mastra.completion_start_time")))
    draft.put_tags(draft.items("mastra.tags"))
    given = draft.below("mastra.metadata.")
    for field, names in _CONTEXT:
        found = named_text(given, names)
        if found is not None:
            draft.put(field, given.pop(found))
        draft.put(field, draft.text(*names))  # before version 1 of the exporter
    draft.add("metadata", {name: parsed_json(value) for name, value in given.items()})


def _put_contents(draft: Draft, type: str) -> None:
    asked, said = (draft.data(f"mastra.{type}.{side}", side) for side in ("input", "output"))
    for again, value in (("prompt", asked), ("completion", said), ("tool.input", asked), ("tool.output", said)):
        if value is not None and parsed_json(draft.left.get(f"gen_ai.{again}")) == value:
            del draft.left[f"gen_ai.{again}"]
    if type in _TALKS:
        draft.put_messages("input", to_messages(asked, "user"))
        draft.put_messages("output", to_messages(said, "assistant"))
    else:
        draft.put("input", asked)
        draft.put("output", said)
