"""VoltAgent: agents and workflows are roots, what they do are spans of a type each; input and output are plain names.

A call of a model is one span for all of its steps, with the usage of the last one and without the answer, which only
the agent's span has.
Source: ``AgentTraceContext`` and ``createLLMSpan`` of ``@voltagent/core`` 2.10.
"""

from __future__ import annotations

from typing import Any, Final

from ._draft import Draft
from ._messages import flat_tools, to_messages
from ._usage import usage_from

#: The beginning of the names of its scopes.
SCOPE: Final = "@voltagent/"
#: The type of a span, or of what is the root of a trace → our kind.
_KINDS: Final = {
    **{kind: kind for kind in ("llm", "embedding", "retriever", "tool", "guardrail", "agent")},
    **dict.fromkeys(("workflow", "workflow-step"), "chain"),
    "scorer": "evaluator",
}
_USAGE: Final = {
    "prompt_tokens": "input",
    "completion_tokens": "output",
    "total_tokens": "total",
    "cached_tokens": "cache_read",
    "reasoning_tokens": "output_reasoning",
}
_PARAMETERS: Final = ("temperature", "top_p", "top_k", "max_tokens", "max_output_tokens", "frequency_penalty",
                      "presence_penalty", "seed", "stop_sequences", "max_retries", "max_steps", "stream")  # fmt: skip


def map_voltagent(draft: Draft) -> None:
    """Set what VoltAgent's attributes say."""
    type = draft.left.get("span.type", draft.left.get("entity.type"))
    draft.put("kind", _KINDS.get(type) if isinstance(type, str) else None)
    draft.put("model", draft.text("llm.model", "ai.model.name", "embedding.model"))
    draft.put_provider(draft.text("llm.provider", "ai.model.provider"))
    for prefix in ("llm.", "ai.model."):
        names = [name for name in _PARAMETERS if draft.left.get(f"{prefix}{name}") is not None]
        draft.add("model_parameters", {name: draft.left.pop(f"{prefix}{name}") for name in names})
    for prefix in ("llm.usage.", "usage."):
        draft.put_usage(usage_from(draft.counts(prefix, _USAGE)))
    draft.put("cost_usd", draft.number("usage.cost"))
    draft.put("finish_reason", draft.text("llm.finish_reason", "ai.response.finish_reason"))
    draft.put("session_id", draft.texts("conversation.id", "voltagent.conversation_id"))
    if draft.is_kind("tool"):
        for name in ("name", "call.id"):
            if (text := draft.text(f"tool.{name}")) is not None:
                draft.left.setdefault(f"gen_ai.tool.{name}", text)
    _put_contents(draft)


def _put_contents(draft: Draft) -> None:
    if draft.is_kind("llm", "agent"):
        asked, said = draft.data("input"), draft.text("output")
        messages: Any = draft.items("llm.messages", "agent.messages")
        draft.put_messages("input", to_messages(messages or asked, "user"))
        draft.put_messages("output", to_messages(said, "assistant"))
        if (names := draft.text("llm.tools")) is not None:
            draft.put("tools", flat_tools(names.split(",")))
    draft.put("input", draft.data("input"))
    draft.put("output", draft.data("output"))
