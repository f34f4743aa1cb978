"""Langfuse SDKs that speak OTLP (Python 3 to 5, JS 4 and 5).

The older ones send the same observations as batches; ``_langfuse_batch`` gives those the same attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..model import LEVELS
from ._draft import Draft, moment_ns
from ._messages import find_messages, flat_tools, instructions, is_messages, to_messages
from ._parts import parsed_json
from ._usage import usage_from

_KINDS: Final = {
    "generation": "llm",
    **{name: name for name in "embedding span agent tool chain retriever evaluator guardrail event reranker".split()},
}
_COSTS: Final = {
    "cost_usd": ("total",),
    "input_cost_usd": ("input", "input_cost"),
    "output_cost_usd": ("output", "output_cost"),
}
_O: Final = "langfuse.observation."


def map_langfuse(draft: Draft) -> None:
    """Set what ``langfuse.*`` says of the observation and, on whatever span it stands, of the trace."""
    kind = draft.text(f"{_O}type")
    draft.put("kind", _KINDS.get(kind.lower()) if kind else None)
    draft.put("model", draft.text(f"{_O}model.name"))
    parameters = draft.mapping(f"{_O}model.parameters")
    draft.add(
        "model_parameters", {name: value for name, value in parameters.items() if value not in ("", None, "Infinity")}
    )
    draft.put_usage(usage_from(draft.mapping(f"{_O}usage_details")))
    _put_contents(draft)
    _put_level(draft)
    _put_cost(draft)
    draft.put("first_token_ns", moment_ns(draft.text(f"{_O}completion_start_time")))
    draft.put("prompt_name", draft.text(f"{_O}prompt.name"))
    version = draft.data(f"{_O}prompt.version")
    draft.put("prompt_version", None if version is None else str(version))
    _put_trace(draft)
    _put_response(draft)


def _put_contents(draft: Draft) -> None:
    asked, said = draft.data(f"{_O}input"), draft.data(f"{_O}output")
    if not draft.is_kind("llm"):
        draft.put("input", asked)
        draft.put("output", said)
        return
    if isinstance(asked, Mapping):
        draft.put("tools", flat_tools(asked.get("tools")) or flat_tools(asked.get("functions")))
        rest = {name: value for name, value in asked.items() if name not in ("messages", "input", "tools", "functions")}
        if rest and find_messages(asked) is not None and "role" not in asked:
            draft.left[f"{_O}input"] = rest
    if isinstance(asked, list) and (offered := [tool for item in asked if (tool := _offered(item))]):
        draft.put("tools", flat_tools(offered))
        asked = [item for item in asked if not _offered(item)]
    draft.put_messages("input", to_messages(asked, "user"))
    draft.put_messages("output", to_messages(said, "assistant"))


def _offered(item: Any) -> Any:
    """Return the tool that an item of the input describes: the handler for LangChain adds these to the messages."""
    if not isinstance(item, Mapping) or item.get("role") != "tool" or "tool_call_id" in item:
        return None
    said = item.get("content")
    return said if isinstance(said, Mapping) and isinstance(said.get("function"), Mapping) else None


def _put_level(draft: Draft) -> None:
    level = draft.text(f"{_O}level")
    if level is not None and level.lower() in LEVELS:
        draft.put("level", level.lower())
    if draft.fields.get("level") == "error":
        message = draft.text(f"{_O}status_message") or "the observation has level ERROR"
        draft.put("error", {"type": "Error", "module": "", "message": message, "traceback": ""})


def _put_cost(draft: Draft) -> None:
    costs = draft.mapping(f"{_O}cost_details")
    given = {name: float(value) for name, value in costs.items()
             if isinstance(value, (int, float)) and not isinstance(value, bool)}  # fmt: skip
    if given:
        given.setdefault("total", sum(given.values()))
    for field, names in _COSTS.items():
        draft.put(field, next((given[name] for name in names if name in given), None))


def _put_trace(draft: Draft) -> None:
    """Set what belongs to the trace; any of its spans may say it."""
    draft.put("user_id", draft.text("user.id", "langfuse.user.id"))
    draft.put("session_id", draft.text("session.id", "langfuse.session.id"))
    for name in ("langfuse.trace.tags", "langfuse.tags"):
        draft.put_tags(draft.items(name))
    draft.put("environment", draft.text("langfuse.environment"))
    draft.put("release", draft.text("langfuse.release"))
    for field, name in (("environment", "langfuse.environment"), ("release", "langfuse.release")):
        value = draft.span.resource.get(name)
        draft.put(field, value if isinstance(value, str) and value else None)
    plain = draft.span.scope_version.startswith("3.")  # texts as they are; later versions quote them
    for prefix in (f"{_O}metadata", "langfuse.trace.metadata"):
        draft.add("metadata", {name: _value(value, plain) for name, value in draft.below(f"{prefix}.").items()})
        draft.add("metadata", draft.mapping(prefix))


def _put_response(draft: Draft) -> None:
    """Set what wrappers say in metadata: provider, why a stream ended, what OpenAI's ``responses`` was told."""
    said = draft.fields.get("metadata")
    if not said or not draft.is_kind("llm"):
        return
    provider = said.get("ls_provider")  # of LangChain's models
    draft.put_provider(provider if isinstance(provider, str) else None)
    reason = said.get("finish_reason")
    draft.put("finish_reason", reason if isinstance(reason, str) and reason else None)
    if not isinstance(said.get("status"), str) or not isinstance(said.get("tools"), list):
        return  # no response of theirs
    draft.put("tools", flat_tools(said["tools"]))
    system = instructions(said.get("instructions"))
    asked: Any = draft.fields.get("input")
    if system and is_messages(asked) and asked[0]["role"] not in ("system", "developer"):
        draft.fields["input"] = [*system, *asked]


def _value(value: Any, plain: bool) -> Any:
    if plain and isinstance(value, str) and value[:1] not in ("{", "["):
        return value
    return parsed_json(value)
