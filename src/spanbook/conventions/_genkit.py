"""Genkit: each action is a span whose ``genkit:input`` and ``genkit:output`` are JSON of Genkit's own types.

A model's span says all of its call. The span ``generate`` above it says the same of the last step, and is no call.
Source: ``core/src/tracing/instrumentation.ts`` and ``ai/src/model-types.ts`` of genkit 1.42.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._draft import Draft
from ._messages import flat_tools, to_messages
from ._openai_embeddings import vectors_summary
from ._raw import put_response
from ._usage import usage_from

_KINDS: Final = {
    **dict.fromkeys(("model", "background-model"), "llm"),
    "embedder": "embedding",
    **dict.fromkeys(("tool", "tool.v2"), "tool"),
    **{kind: kind for kind in ("retriever", "reranker", "evaluator", "agent")},
}
#: Every span has one of these (no name of Genkit's has a dot); what it notes within an action has no type.
NAMES: Final = frozenset(("genkit:type", "genkit:name"))
_SAME: Final = ("genkit:name", "genkit:state", "genkit:isRoot")


def map_genkit(draft: Draft) -> None:
    """Set what ``genkit:*`` says."""
    kind = _KINDS.get(str(draft.left.get("genkit:metadata:subtype")), "chain")
    draft.put("kind", kind)
    for name in _SAME:  # told by the span, too
        draft.left.pop(name, None)
    asked, said = draft.data("genkit:input"), draft.data("genkit:output")
    if draft.is_kind("llm"):
        _put_call(draft, asked, said)
    elif draft.is_kind("embedding"):
        _put_embedding(draft, asked, said)
    elif draft.is_kind("retriever", "reranker"):
        draft.put("input", _query(asked))
        draft.put(
            "output", _documents(said["documents"]) if isinstance(said, Mapping) and "documents" in said else said
        )
    elif draft.span.name == "generate" and isinstance(asked, Mapping):
        draft.put_messages("input", to_messages(asked.get("messages"), "user"))
        draft.put_messages(
            "output", to_messages(said.get("message") if isinstance(said, Mapping) else said, "assistant")
        )
    else:
        draft.put("input", asked)
        draft.put("output", said)
    draft.put("session_id", draft.text("genkit:metadata:agent:sessionId"))


def _put_model(draft: Draft) -> None:
    """Set provider and model from the action's name, ``provider/model``."""
    provider, slash, model = draft.span.name.partition("/")
    draft.put_provider(provider if slash else None)
    draft.put("model", model if slash else provider)


def _put_call(draft: Draft, asked: Any, said: Any) -> None:
    asked, said = (value if isinstance(value, Mapping) else {} for value in (asked, said))
    raw = next((raw for name in ("raw", "custom") if isinstance(raw := said.get(name), Mapping) and raw), {})
    put_response(draft, raw)
    if isinstance(answered := raw.get("model"), str):
        draft.put("model", answered)
    _put_model(draft)
    config, wanted = asked.get("config"), asked.get("output")
    draft.add("model_parameters", config if isinstance(config, Mapping) else {})
    if isinstance(wanted, Mapping) and wanted.get("schema"):
        draft.add("model_parameters", {"response_format": wanted["schema"]})
    draft.put("tools", flat_tools(asked.get("tools")))
    draft.put_messages("input", to_messages(asked.get("messages"), "user"))
    draft.put_messages("output", to_messages(said.get("message"), "assistant"))
    reason = said.get("finishReason")
    draft.put("finish_reason", reason if isinstance(reason, str) else None)
    draft.put_usage(usage_from(said.get("usage")))


def _put_embedding(draft: Draft, asked: Any, said: Any) -> None:
    _put_model(draft)
    documents = asked.get("input") if isinstance(asked, Mapping) else None
    texts = [_text(one) for one in documents] if isinstance(documents, list) else []
    draft.put("input", texts if texts and all(texts) else asked)
    vectors = said.get("embeddings") if isinstance(said, Mapping) else None
    draft.put("output", vectors_summary(vectors) if isinstance(vectors, list) and vectors else said)


def _query(asked: Any) -> Any:
    """Return what was looked for: its text alone, or beside the options and the documents to rank."""
    if not isinstance(asked, Mapping) or (text := _text(asked.get("query"))) is None:
        return asked
    given = {name: value for name, value in asked.items() if name not in ("query", "documents") and value}
    if "documents" in asked:
        given["documents"] = _documents(asked["documents"])
    return {"query": text, **given} if given else text


def _documents(found: Any) -> Any:
    """Return documents as OpenInference writes them; one of several pieces, or with media, keeps these."""
    if not isinstance(found, list) or not all(isinstance(one, Mapping) and "content" in one for one in found):
        return found
    return [_document(one) for one in found]


def _document(raw: Mapping[str, Any]) -> dict[str, Any]:
    text, metadata = _text(raw), raw.get("metadata")
    score = metadata.get("score") if isinstance(metadata, Mapping) else None  # a reranker's
    found = {**raw, "content": raw["content"] if text is None else text}
    return found if score is None else {**found, "score": score}


def _text(document: Any) -> str | None:
    """Return the text of a document that is nothing else."""
    pieces = document.get("content") if isinstance(document, Mapping) else None
    if not isinstance(pieces, list) or not all(isinstance(one, Mapping) and one.keys() == {"text"} for one in pieces):
        return None
    return "".join(str(one["text"]) for one in pieces)
