"""The AI SDK of Vercel, versions 3 to 6 (``ai.*``); version 7 speaks GenAI's conventions, with ``ai.*`` beside them.

Each call is two spans, ``ai.generateText`` and within it one ``ai.generateText.doGenerate`` a step; both say the usage,
the inner ones are the calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, Final

from ._draft import Draft
from ._foreign_parts import first, foreign_parts
from ._messages import flat_tools, instructions, to_message, to_messages
from ._openai_embeddings import vectors_summary
from ._openinference import kind_of
from ._parts import Message, Part, parsed_json, text_parts
from ._usage import as_count, usage_from
from .otel import OtelSpan

#: What comes below ``ai.usage.`` → the name that ``usage_from`` reads; version 6 has the parts by two names.
_USAGE: Final = {
    **dict.fromkeys(("inputTokens", "promptTokens", "tokens"), "input"),
    **dict.fromkeys(("outputTokens", "completionTokens"), "output"),
    "totalTokens": "total",
    **dict.fromkeys(("cachedInputTokens", "inputTokenDetails.cacheReadTokens"), "cache_read"),
    "inputTokenDetails.cacheWriteTokens": "cache_write",
    **dict.fromkeys(("reasoningTokens", "outputTokenDetails.reasoningTokens"), "output_reasoning"),
}
_CONTEXT: Final = {"user_id": ("userId", "user_id"), "session_id": ("sessionId", "session_id", "conversationId")}
#: Counts in the metadata of a provider → the names that ``usage_from`` reads: Anthropic's are beside the input.
_PROVIDER_COUNTS: Final = {
    "cacheReadInputTokens": "cache_read_input_tokens",
    "cacheCreationInputTokens": "cache_creation_input_tokens",
    "cachedPromptTokens": "cached_tokens",
    "reasoningTokens": "reasoning_tokens",
}
#: The scope of version 7.
_SCOPE: Final = "gen_ai"


def is_vercel(span: OtelSpan, roots: Set[str]) -> bool:
    """Tell whether the SDK says something of its own about a span."""
    return "ai" in roots and ("ai.operationId" in span.attributes or span.scope_name == _SCOPE)


def map_vercel(draft: Draft) -> None:
    """Set what ``ai.*`` says."""
    if "ai.operationId" not in draft.left:
        _put_beside_genai(draft)
        return
    operation = str(draft.left.get("ai.operationId"))
    draft.put("kind", kind_of(draft.left.get("openinference.span.kind")) or _kind(operation))
    _put_model(draft)
    draft.left.pop("operation.name", None)  # the same, once more
    _put_usage(draft)
    _put_context(draft)
    draft.add("model_parameters", draft.below("ai.settings."))
    if draft.is_kind("tool"):
        _put_tool(draft)
    elif operation.startswith("ai.embed"):
        _put_embedding(draft)
    else:
        _put_call(draft)
    start = draft.first_event("ai.stream.firstChunk")
    draft.put("first_token_ns", start.time_ns if start is not None else None)
    draft.put_ms_to_first_token(draft.number("ai.response.msToFirstChunk"))
    draft.events = [event for event in draft.events if not event.name.startswith("ai.stream.")]


def _put_beside_genai(draft: Draft) -> None:
    """Set what version 7 adds to GenAI's attributes when it is asked to."""
    _put_usage(draft)
    if draft.left.get("gen_ai.operation.name") == "embeddings":
        _put_embedding(draft)
    _put_context(draft)


def _kind(operation: str) -> str:
    if operation == "ai.toolCall":
        return "tool"
    if operation.endswith((".doGenerate", ".doStream")):
        return "llm"
    return "embedding" if operation.endswith(".doEmbed") else "chain"


def _put_usage(draft: Draft) -> None:
    counts = draft.counts("ai.usage.", _USAGE)
    for side in ("input", "output"):
        repeated = draft.count(f"gen_ai.usage.{side}_tokens")
        if repeated is not None:
            counts.setdefault(side, repeated)
    beside = _beside(draft.left.get("ai.response.providerMetadata"), counts)
    if beside and draft.is_kind("llm"):  # the outer spans have that of the last step
        wholes = {f"{side}_tokens": counts[side] for side in ("input", "output") if side in counts}
        draft.put_usage(usage_from({**beside, **wholes}))
    draft.put_usage(usage_from(counts))


def _beside(metadata: Any, counts: Mapping[str, int]) -> dict[str, int]:
    """Return what the provider counted and the SDK, up to version 5, left out, by names that ``usage_from`` reads."""
    given = parsed_json(metadata)
    found = [one for one in given.values() if isinstance(one, Mapping)] if isinstance(given, Mapping) else []
    about = found[0] if found else {}
    usage = about.get("usage")
    if isinstance(usage, Mapping):  # from version 6 on, the input is already the sum
        named = dict(usage) if "input" in counts and as_count(usage.get("input_tokens")) == counts["input"] else {}
    else:
        named = {ours: about.get(name) for name, ours in _PROVIDER_COUNTS.items()}
    return {name: count for name in _PROVIDER_COUNTS.values() if (count := as_count(named.get(name)))}


def _put_model(draft: Draft) -> None:
    asked = draft.texts("ai.model.id", "gen_ai.request.model")
    answered = draft.texts("ai.response.model", "gen_ai.response.model")
    draft.put("model", answered or asked)
    if asked and answered and asked != answered:
        draft.left["gen_ai.request.model"] = asked
    provider = draft.left.get("ai.model.provider")  # "openai.chat": it stays, it says more than the provider
    if isinstance(provider, str) and provider:
        draft.put("provider", provider.partition(".")[0])
        draft.left.pop("gen_ai.system", None)
    draft.put("response_id", draft.texts("ai.response.id", "gen_ai.response.id"))
    reason = draft.text("ai.response.finishReason")
    if reason is not None:
        draft.put("finish_reason", reason)
        draft.left.pop("gen_ai.response.finish_reasons", None)


def _put_call(draft: Draft) -> None:
    asked = draft.items("ai.prompt.messages")
    if asked is not None:
        draft.put_messages("input", [_message(item) for item in asked])
    prompt = draft.data("ai.prompt")
    if prompt is not None and asked is None:
        draft.put_messages("input", _prompt(prompt))
    draft.put("tools", flat_tools(draft.items("ai.prompt.tools")))
    parts: list[Part] = []
    reasoning = draft.data("ai.response.reasoning")
    if reasoning:
        parts += foreign_parts({"type": "reasoning", "content": reasoning})
    parts += text_parts(draft.text("ai.response.text") or draft.text("ai.response.object"))
    for call in draft.items("ai.response.toolCalls") or ():
        if isinstance(call, Mapping):
            parts += foreign_parts({**call, "type": "tool-call"})
    for file in draft.items("ai.response.files") or ():
        parts += foreign_parts({**file, "type": "file"}) if isinstance(file, Mapping) else []
    if parts:
        draft.put("output", [{"role": "assistant", "parts": parts}])


def _prompt(prompt: Any) -> list[Message] | None:
    if not isinstance(prompt, Mapping):
        return to_messages(prompt, "user")
    asked = prompt.get("messages", prompt.get("prompt"))
    items = asked if isinstance(asked, list) else None
    said = [_message(item) for item in items] if items else to_messages(asked, "user") or []
    return [*instructions(prompt.get("system", prompt.get("instructions"))), *said]


def _message(raw: Any) -> Message:
    """Return a message; its pieces name media by ``image`` or ``data``, which may be bytes as a list of numbers."""
    if isinstance(raw, Mapping) and isinstance(raw.get("content"), list):
        return to_message({**raw, "content": [_piece(piece) for piece in raw["content"]]})
    return to_message(raw)


def _piece(piece: Any) -> Any:
    """Return a piece whose bytes, if it has any, are bytes."""
    if not isinstance(piece, Mapping):
        return piece
    for name in ("image", "data"):
        value = piece.get(name)
        if isinstance(value, Mapping) and value.get("type") == "Buffer":
            value = value.get("data")
        elif isinstance(value, Mapping) and value and all(str(key).isdecimal() for key in value):
            value = list(value.values())  # how JSON writes a Uint8Array
        if isinstance(value, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in value):
            return {**piece, name: bytes(value)}
    return piece


def _put_embedding(draft: Draft) -> None:
    values = draft.items("ai.values")
    value = draft.data("ai.value")
    draft.put("input", value if values is None else [parsed_json(text) for text in values])
    vectors = draft.items("ai.embeddings")
    if vectors is None and (vector := draft.data("ai.embedding")) is not None:
        vectors = [vector]
    draft.put("output", vectors_summary([{"embedding": parsed_json(one)} for one in vectors]) if vectors else None)


def _put_tool(draft: Draft) -> None:
    """Set what a tool was given and returned; the id of the call and the tool's name go by GenAI's names."""
    for ours, theirs in (("gen_ai.tool.name", "ai.toolCall.name"), ("gen_ai.tool.call.id", "ai.toolCall.id")):
        text = draft.text(theirs)
        if text is not None:
            draft.left.setdefault(ours, text)
    draft.put("input", draft.data("ai.toolCall.args", "ai.toolCall.input"))
    draft.put("output", draft.data("ai.toolCall.result", "ai.toolCall.output"))


def _put_context(draft: Draft) -> None:
    given = {**draft.below("ai.settings.context."), **draft.below("ai.telemetry.metadata.")}
    for field, names in _CONTEXT.items():
        value = first(given, *names)
        if isinstance(value, str) and value:
            draft.put(field, value)
            given = {name: one for name, one in given.items() if name not in names}
    draft.put_tags(given.pop("tags", None))
    draft.add("metadata", {name: parsed_json(value) for name, value in given.items()})
