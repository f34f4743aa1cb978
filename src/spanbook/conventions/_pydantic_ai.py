"""pydantic-ai: agents, tools and embedders of all its versions; the calls follow GenAI's conventions, old or new."""

from __future__ import annotations

from typing import Any

from ._draft import Draft
from ._genai_events import events_of
from ._messages import flat_tools, to_messages
from ._openai_embeddings import vectors_summary
from ._parts import parsed_json

_NAMES = ("pydantic-ai", "pydantic_ai")


def map_pydantic_ai(draft: Draft) -> None:
    """Set what its own attributes say."""
    operation = draft.left.get("gen_ai.operation.name")
    if draft.left.get("agent_name") is not None and operation in (None, "invoke_agent"):
        draft.put("kind", "agent")
    elif draft.has("tool_arguments", "tool_response") or draft.span.name.startswith("running tool: "):
        draft.put("kind", "tool")
    elif draft.span.scope_name in _NAMES and draft.span.name.startswith("running ") and draft.has("tools"):
        draft.put("kind", "chain")
    if draft.is_kind("agent"):
        _put_agent(draft)
    elif draft.is_kind("tool"):
        draft.put("input", draft.data("tool_arguments"))
        draft.put("output", draft.data("tool_response"))
    elif operation == "embeddings":
        draft.put("input", draft.items("inputs"))
        vectors = draft.items("embeddings")
        draft.put("output", vectors_summary([{"embedding": one} for one in vectors]) if vectors else None)
    if not draft.has("gen_ai.tool.definitions"):
        offered = _offered(parsed_json(draft.left.get("model_request_parameters")))
        if offered and not any("name" in tool for tool in draft.fields.get("tools") or ()):
            draft.fields["tools"] = offered  # OpenInference's processor gives parameters alone


def _offered(parameters: Any) -> list[Any] | None:
    """Return the tools among a request's parameters; these stay, they say more."""
    if not isinstance(parameters, dict):
        return None
    groups = [parameters.get(name) for name in ("function_tools", "output_tools")]
    return flat_tools([tool for group in groups if isinstance(group, list) for tool in group])


def _put_agent(draft: Draft) -> None:
    """Set what an agent was asked and answered; all its messages stay, they are the calls' together."""
    items = parsed_json(draft.left.get("all_messages_events"))
    if isinstance(items, list):
        asked, _ = events_of(items)
    else:
        asked = to_messages(parsed_json(draft.left.get("pydantic_ai.all_messages")), "user") or []
    start = next((at for at, message in enumerate(asked) if message["role"] == "assistant"), len(asked))
    draft.put_messages("input", asked[:start])
    draft.put("output", draft.data("final_result"))
    draft.put("model", draft.text("model_name"))
    name = draft.text("agent_name")
    if name is not None:
        draft.left.setdefault("gen_ai.agent.name", name)
