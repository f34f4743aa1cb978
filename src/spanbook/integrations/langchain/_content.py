"""Values of LangChain as plain data: messages, documents, what models were asked and answered.

Only what is theirs is turned here, and only as far as to tell it: the fold puts it into our form
(``conventions._langchain``), and what else a value holds is for the tracer's snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any, Final, TypeAlias

Turn: TypeAlias = Callable[[Any], Any]

_ATOMS: Final = frozenset((type(None), bool, int, float, str))
_MAX_DEPTH: Final = 8
#: Of what models answer beside their content: the words that are a part of the message.
_SAID: Final = ("reasoning_content", "reasoning", "refusal", "function_call", "audio")
#: Of what is known of an answer, what has no field of its own.
_DETAILS: Final = ("system_fingerprint", "service_tier", "logprobs", "safety_ratings", "stop_sequence", "headers")
_FINISH: Final = ("finish_reason", "stop_reason", "done_reason", "stopReason")
#: Arguments that are shown elsewhere, or say nothing.
_NOT_PARAMETERS: Final = frozenset(
    ("model", "model_name", "model_id", "_type", "messages", "tools", "functions", "name", "callbacks", "metadata")
)


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value with the messages, documents and prompts in it as plain data."""
    kind: Any = type(value)  # mypy does not take a type for hashable
    if kind in _ATOMS:
        return value
    if kind is dict:
        if depth >= _MAX_DEPTH:
            return value
        return {key: item if type(item) in _ATOMS else plain(item, depth + 1) for key, item in value.items()}
    if kind is list or kind is tuple:
        if depth >= _MAX_DEPTH:
            return value
        return [item if type(item) in _ATOMS else plain(item, depth + 1) for item in value]
    return _turn_of(kind)(value)


def message(value: Any) -> dict[str, Any]:
    """Return a message: its role by LangChain's name for it, content, tool calls."""
    said = value.__dict__
    kind = said["type"]
    if kind.endswith("MessageChunk"):
        kind = kind.removesuffix("MessageChunk").lower()
    out: dict[str, Any] = {"type": kind, "content": said["content"]}
    if said.get("name"):
        out["name"] = said["name"]
    if kind == "ai":
        calls, invalid = said.get("tool_calls"), said.get("invalid_tool_calls")
        if calls or invalid:
            out["tool_calls"] = [*(calls or ()), *(invalid or ())]
        more = said.get("additional_kwargs")
        if more:
            out |= {name: more[name] for name in _SAID if more.get(name)}
            if "tool_calls" not in out and more.get("tool_calls"):
                out["tool_calls"] = more["tool_calls"]
    elif kind == "tool":
        out["tool_call_id"] = said.get("tool_call_id")
        if said.get("status") == "error":
            out["status"] = "error"
    elif kind == "chat":
        out["role"] = said.get("role")
    return out


def document(value: Any) -> dict[str, Any]:
    """Return a document as other retrievers' are shown: id, content, score, metadata."""
    metadata = value.metadata
    out = {"id": getattr(value, "id", None), "content": value.page_content, "metadata": metadata or None}
    score = next((metadata[name] for name in ("score", "relevance_score", "similarity") if name in metadata), None)
    if score is not None:
        out["score"] = score
    return {name: item for name, item in out.items() if item is not None}


def request(messages: list[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a model was asked: messages, parameters, tools."""
    asked = kwargs.get("invocation_params") or {}
    parameters = {
        name: value
        for name, value in asked.items()
        if value is not None and name not in _NOT_PARAMETERS and "api_key" not in name
    }
    form = (kwargs.get("options") or {}).get("ls_structured_output_format")
    if form and not parameters.keys() & {"response_format", "tool_choice"}:
        parameters["response_format"] = form.get("schema")
    out = {"messages": messages, "parameters": parameters}
    tools = asked.get("tools") or asked.get("functions")
    return {**out, "tools": tools} if tools else out


def asked_of(serialized: Any, kwargs: Mapping[str, Any], metadata: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the model that is asked, and its provider."""
    asked = kwargs.get("invocation_params") or {}
    names = (asked.get("model"), asked.get("model_name"), asked.get("model_id"), metadata.get("ls_model_name"))
    model = next((name for name in names if isinstance(name, str) and name), None)
    provider = metadata.get("ls_provider") or str(asked.get("_type") or "").partition("-")[0]
    if not provider and isinstance(serialized, dict):
        path: list[Any] = serialized.get("id") or []
        provider = path[-2] if len(path) > 2 else ""
    return model, str(provider) or "unknown"


def response(result: Any) -> dict[str, Any]:
    """Return what a model answered; the first choice tells the rest."""
    choices = result.generations[0] if result.generations else []
    out: dict[str, Any] = {"messages": [_choice(choice) for choice in choices]}
    said = choices[0] if choices else None
    about = getattr(getattr(said, "message", None), "response_metadata", None) or {}
    more = {**(result.llm_output or {}), **(getattr(said, "generation_info", None) or {}), **about}
    # a model that several prompts were asked of at once counts them together
    usage = getattr(getattr(said, "message", None), "usage_metadata", None)
    if not usage:
        usage = more.get("token_usage") or more.get("usage") or more.get("usage_metadata")
    id = more.get("id") or getattr(getattr(said, "message", None), "id", None)
    out["id"] = None if str(id).startswith(("run-", "lc_run-")) else id
    out["model"] = more.get("model_name") or more.get("model")
    out["usage"] = plain(usage)
    out["details"] = {name: more[name] for name in _DETAILS if more.get(name)}
    return {name: value for name, value in out.items() if value}


def is_cached(result: Any) -> bool:
    """Tell whether an answer came from LangChain's own cache, which says so by a cost of nothing."""
    first = result.generations[0][0] if result.generations and result.generations[0] else None
    usage = getattr(getattr(first, "message", None), "usage_metadata", None) or {}
    return usage.get("total_cost") == 0


def _choice(choice: Any) -> dict[str, Any]:
    said = getattr(choice, "message", None)
    out = message(said) if said is not None else {"type": "ai", "content": choice.text}
    more = {**(choice.generation_info or {}), **(getattr(said, "response_metadata", None) or {})}
    reason = next((more[name] for name in _FINISH if isinstance(more.get(name), str)), None)
    return {**out, "finish_reason": reason} if reason else out


def _same(value: Any) -> Any:
    return value


def _prompt(value: Any) -> Any:
    return [message(one) for one in value.to_messages()]


def _fields(value: Any) -> dict[str, Any]:
    """Return a dataclass of LangGraph's without what is not set."""
    found = {field.name: getattr(value, field.name, None) for field in fields(value)}
    return {name: plain(item) for name, item in found.items() if item is not None and item != ()}


def _slots(value: Any) -> dict[str, Any]:
    return {name: plain(getattr(value, name, None)) for name in ("node", "arg")}


_TURNS: Final[dict[tuple[str, str], Turn]] = {
    ("langchain_core", "BaseMessage"): message,
    ("langchain_core", "Document"): document,
    ("langchain_core", "PromptValue"): _prompt,
    ("langgraph", "Command"): _fields,
    ("langgraph", "Interrupt"): _fields,
    ("langgraph", "Send"): _slots,
}


@lru_cache(maxsize=256)
def _turn_of(kind: type) -> Turn:
    for base in kind.__mro__:
        turn = _TURNS.get((base.__module__.partition(".")[0], base.__name__))
        if turn is not None:
            return turn
    return _same
