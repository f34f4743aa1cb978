"""Logfire on the OpenAI Agents SDK: spans told apart by their templates; the calls carry GenAI's attributes, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._draft import Draft
from ._error import cause_of
from ._messages import flat_tools, to_messages
from ._parts import parsed_json
from ._usage import usage_from

SCOPE: Final = "logfire.openai_agents"
_KINDS: Final = (
    ("Agent run:", "agent"),
    ("Function:", "tool"),
    ("MCP:", "tool"),
    ("Guardrail", "guardrail"),
    ("Responses API", "llm"),
    ("Chat completion", "llm"),
    (("Handoff:", "Turn ", "Task:", "OpenAI Agents trace:"), "chain"),
)


def map_logfire_agents(draft: Draft) -> None:
    """Set kind, a tool's input and output, and what of a call only the SDK's own form says."""
    draft.put("kind", next((kind for start, kind in _KINDS if draft.span.name.startswith(start)), None))
    if draft.is_kind("llm"):
        _put_call(draft)
    elif draft.is_kind("tool"):
        name = draft.text("name")
        if name is not None:
            draft.left.setdefault("gen_ai.tool.name", name)
        draft.put("input", draft.data("input"))
        draft.put("output", draft.data("output"))
    elif draft.span.name.startswith("OpenAI Agents trace:"):
        draft.put("session_id", draft.text("group_id"))
        draft.add("metadata", draft.mapping("metadata"))
    _put_error(draft)


def _put_call(draft: Draft) -> None:
    settings: dict[str, Any] = draft.mapping("model_settings", "model_config")
    draft.add("model_parameters", {name: value for name, value in settings.items() if value not in (None, {}, [])})
    response = parsed_json(draft.left.get("response"))
    if isinstance(response, Mapping):  # it stays, it says more
        draft.put("tools", flat_tools(response.get("tools")))
    draft.put_messages("input", to_messages(draft.items("input"), "user"))
    draft.put_messages("output", to_messages(draft.items("output"), "assistant"))
    draft.put_usage(usage_from(draft.mapping("usage")))


def _put_error(draft: Draft) -> None:
    """Set the error that the SDK noted; an exception of the span, if there is one, says more."""
    noted = parsed_json(draft.left.get("error"))
    if draft.span.status != "error" or not isinstance(noted, Mapping):
        return
    draft.put("error", {"message": cause_of(noted)})
