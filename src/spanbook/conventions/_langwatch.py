"""LangWatch: a type for each span; input, output, contexts and metrics as JSON ``{"type", "value"}`` that says which.

Source: ``LangWatchSpan`` of langwatch 0.16 for JavaScript, whose names are Python's, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._draft import Draft
from ._messages import to_messages
from ._parts import parsed_json
from ._usage import usage_from

_KINDS: Final = {
    **{kind: kind for kind in ("llm", "chain", "tool", "agent", "guardrail")},
    **dict.fromkeys(("prompt", "workflow", "component", "module", "task"), "chain"),
    "rag": "retriever",
    "evaluation": "evaluator",
}


def map_langwatch(draft: Draft) -> None:
    """Set what ``langwatch.*`` says."""
    type = draft.left.get("langwatch.span.type")
    if isinstance(type, str) and type in _KINDS:
        draft.put("kind", _KINDS[type])
        if type == _KINDS[type]:
            del draft.left["langwatch.span.type"]
    draft.put("user_id", draft.text("langwatch.user.id"))
    draft.put("session_id", draft.text("langwatch.thread.id"))
    draft.put_tags(draft.items("langwatch.labels"))
    draft.put("prompt_name", draft.text("langwatch.prompt.handle", "langwatch.prompt.id"))
    version = draft.data("langwatch.prompt.version.number")
    draft.put("prompt_version", None if version is None else str(version))
    metrics = _value(draft, "langwatch.metrics")
    if isinstance(metrics, Mapping):
        draft.put_usage(usage_from({name: count for name, count in metrics.items() if name != "cost"}))
        cost = metrics.get("cost")
        draft.put("cost_usd", cost if isinstance(cost, (int, float)) and not isinstance(cost, bool) else None)
    if draft.is_kind("retriever"):
        draft.put("output", _value(draft, "langwatch.contexts"))
    for side, role in (("input", "user"), ("output", "assistant")):
        if draft.fields.get(side) is not None:
            continue  # the documents; what else came out stays an attribute
        is_messages = "chat_messages" in str(draft.left.get(f"langwatch.{side}"))[:30]
        value = _value(draft, f"langwatch.{side}")
        draft.put(side, to_messages(value, role) if is_messages or draft.is_kind("llm") else value)


def _value(draft: Draft, name: str) -> Any:
    """Take a value out of its wrapping, and those of a list out of theirs."""
    given = parsed_json(draft.left.get(name))
    if not _is_wrapped(given):
        return None
    del draft.left[name]
    value = given["value"]
    if given["type"] == "list" and isinstance(value, list):
        return [one["value"] if _is_wrapped(one) else one for one in value]
    return value


def _is_wrapped(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() == {"type", "value"}
