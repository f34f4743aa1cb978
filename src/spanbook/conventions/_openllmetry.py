"""OpenLLMetry (Traceloop): flat prompts and completions up to 0.4x, GenAI's attributes since; workflows and tasks.

litellm's own telemetry writes the flat form, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._draft import Draft, named_text
from ._genai import lost_input, put_kind
from ._messages import flat_tools, join_reasoning, to_message, to_messages
from ._parts import Message, parsed_json

_KINDS: Final = {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"}
_REQUESTS: Final = {
    **dict.fromkeys(("chat", "completion", "acompletion", "text_completion", "atext_completion", "responses"), "llm"),
    **dict.fromkeys(("embedding", "aembedding"), "embedding"),
    **dict.fromkeys(("rerank", "arerank"), "reranker"),
}
#: What associates a trace → our field; the rest is metadata.
_ASSOCIATED: Final = (
    ("user_id", ("user_id", "userId", "user.id")),
    ("session_id", ("session_id", "sessionId", "session.id", "thread_id", "conversation_id")),
)
_PARAMETERS: Final = {
    "llm.frequency_penalty": "frequency_penalty",
    "llm.presence_penalty": "presence_penalty",
    "llm.top_k": "top_k",
    "llm.chat.stop_sequences": "stop",
    "llm.is_streaming": "stream",
}
_FLAT: Final = ("gen_ai.prompt.", "gen_ai.completion.", "gen_ai.is_streaming")
_CHUNKS: Final = ("gen_ai.content.completion.chunk", "llm.content.completion.chunk")
#: OpenLLMetry's names of counts → GenAI's, which the mapper of those reads.
_USAGE: Final = {"llm.usage.total_tokens": "gen_ai.usage.total_tokens"}


def is_flat(attributes: Mapping[str, Any]) -> bool:
    """Tell whether messages stand in attributes of their own, or another name of OpenLLMetry is among GenAI's."""
    for name in attributes:  # noqa: SIM110 (of every span: a generator takes twice as long)
        if name.startswith(_FLAT):
            return True
    return False


def map_openllmetry(draft: Draft) -> None:
    """Set what Traceloop's attributes say, and the flat messages of a call."""
    _put_entity(draft)
    request = draft.left.get("llm.request.type")
    if isinstance(request, str) and request in _REQUESTS:
        draft.put("kind", _REQUESTS[request])
        del draft.left["llm.request.type"]
    prompts, completions = draft.indexed("gen_ai.prompt"), draft.indexed("gen_ai.completion")
    if draft.is_kind("embedding"):
        draft.put("input", [one["content"] for one in prompts if isinstance(one, dict) and "content" in one] or None)
    elif draft.is_kind("reranker"):
        _put_ranking(draft, prompts, completions)
    elif prompts or completions:
        draft.put("kind", "llm")
        if not draft.has("gen_ai.input.messages"):  # these say more
            draft.put_messages("input", _messages(prompts, "user") or [lost_input()])
        said = join_reasoning(_messages(completions, "assistant"))
        listed = to_messages(parsed_json(draft.left.get("gen_ai.output.messages")), "assistant")
        draft.put_messages("output", said if listed is None else _with_calls(listed, said))
    tools = [_tool(one) for one in draft.indexed("llm.request.functions")]
    draft.put("tools", flat_tools(tools or draft.items("llm.request.functions")))
    for name, ours in _USAGE.items():
        count = draft.count(name)
        if count is not None:
            draft.left.setdefault(ours, count)
    names = [name for name in _PARAMETERS if draft.left.get(name) is not None]
    draft.add("model_parameters", {_PARAMETERS[name]: draft.left.pop(name) for name in names})
    draft.put("finish_reason", draft.texts("llm.response.finish_reason", "llm.response.stop_reason"))
    _put_associated(draft)
    _put_found(draft)
    first = draft.first_event(*_CHUNKS)
    if first is not None:
        draft.put("first_token_ns", first.time_ns)
        draft.drop_events(*_CHUNKS)


def _put_entity(draft: Draft) -> None:
    kind = draft.left.get("traceloop.span.kind")
    if isinstance(kind, str) and kind in _KINDS:
        if kind == "task":
            put_kind(draft)  # an operation says more: JavaScript's tools of LangChain are tasks
        draft.put("kind", _KINDS[kind])
        if kind != "task":
            del draft.left["traceloop.span.kind"]
    for side in ("input", "output"):
        names = (f"traceloop.entity.{side}", f"gen_ai.task.{side}")
        value = draft.data(*names)
        draft.put(side, value)
        for name in names:  # the same, once more
            if value is not None and parsed_json(draft.left.get(name)) == value:
                del draft.left[name]
    draft.put("prompt_name", draft.text("traceloop.prompt.key"))
    version = draft.data("traceloop.prompt.version")
    draft.put("prompt_version", None if version is None else str(version))


def _put_associated(draft: Draft) -> None:
    given = draft.below("traceloop.association.properties.")
    for field, names in _ASSOCIATED:
        name = named_text(given, names)
        if name is not None and draft.fields.get(field) is None:
            draft.put(field, given.pop(name))
    draft.put_tags(given.pop("tags", None) if isinstance(given.get("tags"), (list, tuple)) else None)
    draft.add("metadata", {name: parsed_json(value) for name, value in given.items()})


def _put_ranking(draft: Draft, asked: list[Any], ranked: list[Any]) -> None:
    """Set the query, the documents, and these again by their scores (Cohere's, of Node)."""
    given = [one.get("index") for one in draft.indexed("documents") if isinstance(one, dict)]
    query = next((_own_text(one) for one in asked if isinstance(one, dict)), None)
    draft.put("input", {"query": query, "documents": [{"content": one} for one in given]})
    count = draft.count("topN")
    draft.add("model_parameters", {} if count is None else {"top_n": count})
    draft.put("output", [_ranked(one, given) for one in ranked if isinstance(one, dict)])


def _ranked(raw: Mapping[str, Any], given: list[Any]) -> dict[str, Any]:
    """Return a document with its score; one that came back without its text is told by its place."""
    content, score = raw.get("content"), raw.get("relevanceScore")
    if isinstance(content, int) and 0 <= content < len(given):
        content = given[content]
    return {"content": content, "score": score}


def _put_found(draft: Draft) -> None:
    """Set what a search in a database of vectors found."""
    found = [one for one in draft.indexed("db.vector.query.result") if isinstance(one, dict)]
    if found:
        draft.put("kind", "retriever")
        documents = [{**one, "metadata": parsed_json(one["metadata"])} if "metadata" in one else one for one in found]
        draft.put("output", documents)


def _own_text(raw: Mapping[str, Any]) -> Any:
    """Return the text of a message; that of the user has the role's name where Node's asks Cohere."""
    return raw.get("content", raw.get(str(raw.get("role"))))


def _messages(items: list[Any], role: str) -> list[Message]:
    return [_message(item, role) for item in items if isinstance(item, dict)]


def _message(raw: dict[str, Any], role: str) -> Message:
    """Return a message; content of several pieces is JSON text, a refusal or reasoning has a name of its own."""
    if raw.get("role") == "thinking":  # Anthropic
        return {"role": "assistant", "parts": [{"type": "reasoning", "content": str(raw.get("content") or "")}]}
    calls = parsed_json(raw.get("tool_calls"))
    given = {**raw, "content": _own_text(raw), "tool_calls": calls if isinstance(calls, list) else None}
    if given.get("content") == "null":  # JavaScript's, of a message without any
        given["content"] = None
    legacy = raw.get("function_call")
    given["function_call"] = legacy if isinstance(legacy, dict) and not given["tool_calls"] else None  # told by both
    return to_message(given, role)


def _with_calls(listed: list[Message], flat: list[Message]) -> list[Message]:
    """Return the answer; calls that only the flat form has are added (litellm from 1.108 on)."""
    calls = [[part for part in message["parts"] if part["type"] == "tool_call"] for message in flat]
    if len(listed) != len(flat) or any(part["type"] == "tool_call" for one in listed for part in one["parts"]):
        return listed
    return [
        {**one, "parts": [*one["parts"], *more]} if one.get("finish_reason") == "tool_calls" else one
        for one, more in zip(listed, calls, strict=True)
    ]


def _tool(raw: Any) -> Any:
    if not isinstance(raw, dict):
        return raw
    names = {"arguments": "parameters"} if "parameters" not in raw else {}  # as the JS one writes it
    tool = {names.get(name, name): value for name, value in raw.items()}
    return {
        name: parsed_json(value) if name in ("parameters", "input_schema") else value for name, value in tool.items()
    }
