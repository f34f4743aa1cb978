"""OpenInference (Arize Phoenix and its instrumentors): flat attributes with indices.

Through it come LangChain, LlamaIndex, Haystack, CrewAI, DSPy, smolagents, OpenAI agents, litellm and the clients.
Source: https://github.com/Arize-ai/openinference, spec/semantic_conventions.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._draft import Draft, named_text
from ._genai import put_contents, put_kind
from ._messages import ROLES, find_messages, flat_tools, instructions, is_messages, join_reasoning, to_messages
from ._openai_embeddings import vectors_summary
from ._parts import Message, Part, blob_part, media_part, parsed_json, text_parts, tool_call, tool_response
from ._raw import as_given, fuller, is_object, put_response
from ._usage import usage_from

_KINDS: Final = {
    "LLM": "llm",
    "EMBEDDING": "embedding",
    "CHAIN": "chain",
    "PROMPT": "chain",
    "TOOL": "tool",
    "AGENT": "agent",
    "RETRIEVER": "retriever",
    "RERANKER": "reranker",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluator",
}
_USAGE: Final = {
    "prompt": "input",
    "completion": "output",
    "total": "total",
    "prompt_details.cache_read": "cache_read",
    "prompt_details.cache_write": "cache_write",
    "prompt_details.audio": "input_audio",
    "completion_details.reasoning": "output_reasoning",
    "completion_details.audio": "output_audio",
}
_COSTS: Final = {"cost_usd": "total", "input_cost_usd": "prompt", "output_cost_usd": "completion"}
_OF_A_RESPONSE: Final = frozenset(("id", "object", "created_at", "completed_at", "status", "instructions", "metadata"))
_PROVIDERS: Final = ("openai", "anthropic", "groq", "mistralai")
#: What holds parameters among the others: Ollama's, Portkey's.
_NESTED: Final = ("options", "kwargs")
_NOT_PARAMETERS: Final = frozenset(("model", "model_name", "messages", "input", "tools"))


def map_openinference(draft: Draft) -> None:
    """Set what OpenInference's attributes say."""
    kind = draft.left.get("openinference.span.kind")
    if (ours := kind_of(kind)) is not None:
        if ours == "llm":
            put_kind(draft)  # an operation says more: to the processor for Vercel's SDK a step of an agent is a call
        draft.put("kind", ours)
        if str(kind).upper() != "PROMPT":
            del draft.left["openinference.span.kind"]
    _put_model(draft)
    _put_usage(draft)
    _put_context(draft)
    if draft.is_kind("llm", "agent"):
        _put_messages(draft)
    elif draft.is_kind("embedding"):
        _put_embedding(draft)
    elif draft.is_kind("retriever"):
        draft.put("output", _documents(draft, "retrieval.documents"))
    elif draft.is_kind("reranker"):
        draft.put("input", _reranked(draft))
        draft.put("output", _documents(draft, "reranker.output_documents"))
    for side in ("input", "output"):
        _put_value(draft, side)
    first = draft.first_event("First Token Stream Event")
    if first is not None:
        draft.put("first_token_ns", first.time_ns)
        draft.drop_events("First Token Stream Event")


def kind_of(name: Any) -> str | None:
    """Return our kind for OpenInference's."""
    return _KINDS.get(name.upper()) if isinstance(name, str) else None


def _put_model(draft: Draft) -> None:
    parameters = draft.mapping("llm.invocation_parameters", "embedding.invocation_parameters")
    asked = draft.text("llm.request.model_name")
    answered = draft.texts("llm.response.model_name", "llm.model_name", "embedding.model_name", "reranker.model_name")
    named = next((value for name in ("model", "model_name") if isinstance(value := parameters.get(name), str)), None)
    draft.put("model", answered or asked or named)
    asked = asked or named
    if asked and asked != draft.fields.get("model"):
        draft.left["gen_ai.request.model"] = asked
    system, provider = draft.text("llm.system"), draft.text("llm.provider")
    maker = draft.span.scope_name.rpartition(".")[2]  # of the client that is instrumented
    draft.put_provider(provider or system or (maker if maker in _PROVIDERS and draft.fields.get("model") else None))
    if {"id", "created_at"} <= parameters.keys():  # a whole response (OpenAI's agents)
        draft.put("response_id", str(parameters.get("id") or "") or None)
        parameters = {name: value for name, value in parameters.items() if name not in _OF_A_RESPONSE}
    for name in _NESTED:
        if isinstance(inner := parameters.get(name), dict):
            parameters = {**{other: value for other, value in parameters.items() if other != name}, **inner}
    if not draft.has("llm.tools."):
        draft.put("tools", flat_tools(parameters.get("tools")))
    kept = {name: value for name, value in as_given(parameters).items() if name not in _NOT_PARAMETERS}
    draft.add("model_parameters", kept)
    draft.put("finish_reason", draft.text("llm.finish_reason"))
    draft.put("response_id", draft.text("llm.response.id"))


def _put_usage(draft: Draft) -> None:
    draft.put_usage(usage_from(draft.counts("llm.token_count.", _USAGE), draft.fields.get("provider")))
    for field, name in _COSTS.items():
        draft.put(field, draft.number(f"llm.cost.{name}"))


def _put_context(draft: Draft) -> None:
    draft.put("session_id", draft.text("session.id"))
    draft.put("user_id", draft.text("user.id"))
    draft.put_tags(draft.items("tag.tags"))
    metadata = draft.mapping("metadata")
    if draft.fields.get("user_id") is None and (name := named_text(metadata, ("user_id",))) is not None:
        draft.put("user_id", metadata.pop(name))  # LangChain
    draft.add("metadata", metadata)
    if draft.is_kind("llm") and isinstance(provider := metadata.get("ls_provider"), str):  # LangChain
        draft.put_provider(provider)
    if "openinference.span.kind" in draft.span.attributes:  # one each, as its processor for Vercel's SDK writes them
        known = [draft.fields.get(name) for name in ("user_id", "session_id", "tags")]
        given = draft.below("metadata.").items()
        draft.add("metadata", {name: one for name, one in given
                               if one not in known and one != draft.span.attributes.get(name)})  # fmt: skip
    draft.put("prompt_version", draft.text("llm.prompt_template.version"))
    draft.put("prompt_name", draft.text("llm.prompt_template.name", "prompt.id"))


def _put_messages(draft: Draft) -> None:
    if "gen_ai.input.messages" in draft.left:  # the messages that a processor translated: they say more
        put_contents(draft, draft.left)
    tools = [_tool_schema(tool) for tool in draft.indexed("llm.tools")]
    draft.put("tools", flat_tools([tool for tool in tools if tool is not None]))
    asked = _messages(draft.indexed("llm.input_messages")) or _prompts(draft, "llm.prompts", "prompt", "user")
    said = _messages(draft.indexed("llm.output_messages")) or _prompts(draft, "llm.choices", "completion", "assistant")
    parameters = draft.fields.get("model_parameters") or {}
    system = instructions(parameters.get("system", parameters.get("system_instruction")))  # Anthropic, Gemini
    if asked and system:
        asked = asked if asked[0]["role"] == "system" else [*system, *asked]
        rest = {name: value for name, value in parameters.items() if name not in ("system", "system_instruction")}
        draft.fields["model_parameters"] = rest
    draft.put_messages("input", asked)
    draft.put_messages("output", join_reasoning(said))


def _put_value(draft: Draft, side: str) -> None:
    """Set input or output from ``input.value`` or ``output.value``; a call's that repeats its messages is dropped."""
    name = f"{side}.value"
    value = draft.left.get(name)
    if value is None or is_object(value):  # a stream that nobody read for it (Groq, Portkey)
        return
    is_json = draft.left.get(f"{side}.mime_type") == "application/json"
    value = parsed_json(value) if is_json or str(value)[:1] in "{[" else value
    is_call = draft.is_kind("llm")
    if is_call and side == "output" and isinstance(value, Mapping):
        put_response(draft, value)
    if side == "output" and draft.is_kind("tool"):
        value = _tool_output(draft, value)
    role = "user" if side == "input" else "assistant"
    given: Any = draft.fields.get(side)
    if given is None:
        draft.put(side, to_messages(value, role) if is_call else value)
    elif given == value:
        pass
    elif not is_call and not draft.is_kind("embedding"):
        return  # documents do not say all that it says
    elif is_call and (not is_messages(given) or (isinstance(value, str) and not _says(given, value))):
        return  # it says something else than the messages
    elif is_call:
        draft.fields[side] = fuller(given, value, role)
    draft.left.pop(name, None)
    draft.left.pop(f"{side}.mime_type", None)


def _tool_output(draft: Draft, value: Any) -> Any:
    """Return what a tool returned; of a message of LangChain's, which names the call that it answers, the result."""
    said = value["output"] if isinstance(value, Mapping) and value.keys() == {"output"} else value
    parts = [part for message in find_messages([said]) or () for part in message["parts"]]
    if len(parts) != 1 or parts[0]["type"] != "tool_call_response":
        return value
    if isinstance(parts[0]["id"], str):
        draft.left.setdefault("gen_ai.tool.call.id", parts[0]["id"])
    return parts[0]["response"]


def _says(messages: Any, text: Any) -> bool:
    return any(part.get("content") == text for message in messages for part in message["parts"])


def _messages(items: list[Any]) -> list[Message]:
    return [
        _message(item["message"]) for item in items if isinstance(item, dict) and isinstance(item.get("message"), dict)
    ]


def _message(raw: dict[str, Any]) -> Message:
    contents = raw.get("contents")
    role = str(raw.get("role") or ("assistant" if contents else "user"))  # OpenAI's agents: a model's reasoning
    role = ROLES.get(role, role)
    parts: list[Part] = []
    if isinstance(contents, list):
        parts = [part for piece in contents for part in _content_parts(piece)]
    if not parts:
        parts = _text(raw.get("content"))
    if role == "tool" or (role == "user" and raw.get("tool_call_id")):  # Anthropic's and Bedrock's
        parts = _tool_result(raw, parts)
    calls = raw.get("tool_calls")
    parts += [_call(item["tool_call"]) for item in (calls if isinstance(calls, list) else ())
              if isinstance(item, dict) and _is_call(item.get("tool_call"))]  # fmt: skip
    if raw.get("function_call_name"):
        parts.append(tool_call(None, raw["function_call_name"], raw.get("function_call_arguments_json")))
    message: Message = {"role": role, "parts": parts}
    if raw.get("name") and role != "tool":
        message["name"] = str(raw["name"])
    if isinstance(raw.get("finish_reason"), str):
        message["finish_reason"] = raw["finish_reason"]
    return message


def _text(content: Any) -> list[Part]:
    """Return a message's content: text, or the JSON text of pieces (LiteLLM, Haystack)."""
    if isinstance(content, str) and content[:2] == "[{":
        found = to_messages(parsed_json(content), "user")
        if found is not None and len(found) == 1:
            parts: list[Part] = found[0]["parts"]
            return parts
    return text_parts(content)


def _tool_result(raw: dict[str, Any], parts: list[Part]) -> list[Part]:
    texts = [part["content"] for part in parts if part["type"] == "text"]
    media = [part for part in parts if part["type"] != "text"]
    return [tool_response(raw.get("tool_call_id"), "".join(texts), raw.get("name")), *media]


def _content_parts(piece: Any) -> list[Part]:
    raw = piece.get("message_content") if isinstance(piece, dict) else None
    if not isinstance(raw, dict):
        return []
    kind = str(raw.get("type") or "text")
    image = _inner(raw, "image", "image", "url")
    if image is not None:
        return [media_part(image, "image")]
    audio = _inner(raw, "audio", "audio", "url")
    if audio is not None:
        mime = _inner(raw, "audio", "audio", "mime_type")
        is_url = isinstance(audio, str) and ":" in audio[:8]
        return [media_part(audio, "audio", mime) if is_url else blob_part(audio, "audio", mime)]
    if kind in ("reasoning", "thinking"):
        said = raw.get("text") or raw.get("reasoning")
        return [{"type": "reasoning", "content": str(said)}] if said else []
    return text_parts(raw.get("text"))


def _inner(raw: Any, *path: str) -> Any:
    for name in path:
        raw = raw.get(name) if isinstance(raw, dict) else None
    return raw


def _is_call(raw: Any) -> bool:
    """Tell whether it names a call; the processor for Vercel's SDK writes one of nulls for each piece that is none."""
    return isinstance(raw, dict) and (raw.get("id") is not None or _inner(raw, "function", "name") is not None)


def _call(raw: dict[str, Any]) -> Part:
    return tool_call(raw.get("id"), _inner(raw, "function", "name"), _inner(raw, "function", "arguments"))


def _prompts(draft: Draft, prefix: str, name: str, role: str) -> list[Message]:
    found = [_inner(item, name, "text") for item in draft.indexed(prefix)]
    found += [text for text in draft.items(prefix) or () if isinstance(text, str)]  # LlamaIndex
    return [{"role": role, "parts": text_parts(text)} for text in found if text]


def _tool_schema(item: Any) -> Any:
    tool = _inner(item, "tool")
    return tool.get("json_schema", tool) if isinstance(tool, dict) else None


def _put_embedding(draft: Draft) -> None:
    found = [_inner(item, "embedding") for item in draft.indexed("embedding.embeddings")]
    embeddings = [one for one in found if isinstance(one, dict)]
    texts = [one["text"] for one in embeddings if isinstance(one.get("text"), str)]
    draft.put("input", texts or None)
    vectors = [{"embedding": vector} for one in embeddings if (vector := parsed_json(one.get("vector"))) is not None]
    draft.put("output", vectors_summary(vectors) if vectors else None)


def _documents(draft: Draft, prefix: str) -> list[dict[str, Any]] | None:
    found = [_inner(item, "document") for item in draft.indexed(prefix)]
    documents = [
        {name: _document_value(name, value) for name, value in one.items()} for one in found if isinstance(one, dict)
    ]
    return documents or None


def _document_value(name: str, value: Any) -> Any:
    return parsed_json(value) if name == "metadata" else value


def _reranked(draft: Draft) -> dict[str, Any] | None:
    documents = _documents(draft, "reranker.input_documents")
    query = draft.text("reranker.query")
    if documents is None and query is None:
        return None
    return {"query": query, "documents": documents or []}
