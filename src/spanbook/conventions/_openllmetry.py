"""OpenLLMetry (Traceloop): flat prompts and completions up to 0.4x, GenAI's attributes since; workflows and tasks.

litellm's own telemetry writes the flat form, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._draft import Draft, named_text
from ._genai import lost_input, put_kind
from ._messages import flat_tools, join_reasoning, to_message, to_messages
from ._openai_embeddings import readable_vectors
from ._parts import Message, parsed_json
from ._raw import fuller

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
    _put_kind(draft)
    prompts, completions = draft.indexed("gen_ai.prompt"), draft.indexed("gen_ai.completion")
    if draft.is_kind("embedding"):
        draft.put("input", [text for message in _messages(prompts, "user") for text in _texts(message)] or None)
    elif draft.is_kind("reranker"):
        _put_ranking(draft, _messages(prompts, "user"), completions)
    elif prompts or completions:
        draft.put("kind", "llm")
        if not draft.has("gen_ai.input.messages"):  # these say more
            draft.put_messages("input", _messages(prompts, "user") or [lost_input()])
        said = join_reasoning(_messages(completions, "assistant"))
        listed = to_messages(parsed_json(draft.left.get("gen_ai.output.messages")), "assistant")
        draft.put_messages("output", said if listed is None else _with_calls(listed, said))
    _put_entity(draft)
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
    first = draft.first_event(*_CHUNKS)
    if first is not None:
        draft.put("first_token_ns", first.time_ns)
        draft.drop_events(*_CHUNKS)


def _put_kind(draft: Draft) -> None:
    kind, request = draft.left.get("traceloop.span.kind"), draft.left.get("llm.request.type")
    if isinstance(kind, str) and kind in _KINDS:
        put_kind(draft)  # an operation says more: JavaScript's tools of LangChain are tasks
        tool = draft.text("tool.name") if kind in ("task", "tool") else None  # LlamaIndex, Agno
        if tool is not None:
            draft.left.setdefault("gen_ai.tool.name", tool)
            draft.put("input", draft.data("tool.arguments"))
        draft.put("kind", _KINDS[kind] if tool is None else "tool")
        if kind != "task":
            del draft.left["traceloop.span.kind"]
    if isinstance(request, str) and request in _REQUESTS:
        draft.put("kind", _REQUESTS[request])
        del draft.left["llm.request.type"]


def _put_entity(draft: Draft) -> None:
    """Set what went in and came out; a call's messages only where it says more than they do."""
    for side, role in (("input", "user"), ("output", "assistant")):
        names = (f"traceloop.entity.{side}", f"gen_ai.task.{side}")
        value = draft.data(*names)
        if value is None:
            continue
        if draft.is_kind("llm"):
            given: Any = draft.fields.get(side) or to_messages(
                parsed_json(draft.left.get(f"gen_ai.{side}.messages")), role
            )
            draft.fields[side] = fuller(given, value, role) if given else to_messages(value, role)
        else:
            draft.put(side, readable_vectors(value) if draft.is_kind("embedding") else value)
        for name in names:  # the same, once more
            if parsed_json(draft.left.get(name)) == value:
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


def _put_ranking(draft: Draft, asked: list[Message], ranked: list[Any]) -> None:
    """Set the query, the documents, and these again by their scores (Cohere).

    The query is the user's message. Documents are attributes of their own (Node), or the system's messages.
    """
    texts = {
        role: [text for one in asked if one["role"] == role for text in _texts(one)] for role in ("user", "system")
    }
    given = [one.get("index") for one in draft.indexed("documents") if isinstance(one, dict)] or texts["system"]
    if asked:
        draft.put("input", {"query": "".join(texts["user"]), "documents": [{"content": one} for one in given]})
    count = draft.count("topN")
    draft.add("model_parameters", {} if count is None else {"top_n": count})
    draft.put("output", [_ranked(one, given) for one in ranked if isinstance(one, dict)] or None)


def _ranked(raw: Mapping[str, Any], given: list[Any]) -> Any:
    """Return a document with its score; one that came back without its text is told by its place."""
    content = raw.get("content")
    if "relevanceScore" not in raw:
        return content
    if isinstance(content, int) and 0 <= content < len(given):
        content = given[content]
    return {"content": content, "score": raw["relevanceScore"]}


def _texts(message: Message) -> list[str]:
    return [part["content"] for part in message["parts"] if part["type"] == "text"]


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
