"""LangSmith in its OpenTelemetry mode: inputs and outputs as one JSON each, the kind of run, metadata and tags.

What it says in GenAI's terms is derived from these, and partly wrong: the operation of a retriever is "embeddings", the
provider of what it does not know is "langchain".
Source: ``langsmith/_internal/otel/_otel_exporter.py`` of langsmith 0.15.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._draft import Draft, named_text
from ._messages import to_messages
from ._openai_embeddings import readable_vectors
from ._parts import parsed_json
from ._raw import put_request, put_response
from ._usage import usage_from

_KINDS: Final = {
    **{kind: kind for kind in ("llm", "chain", "tool", "retriever", "embedding")},
    **dict.fromkeys(("prompt", "parser"), "chain"),
}
#: What LangSmith groups by → our field; the rest is metadata.
_CONTEXT: Final = (("user_id", ("user_id",)), ("session_id", ("session_id", "thread_id", "conversation_id")))
#: Settings of the process, which it adds to the metadata of each run.
_ENVIRONMENT: Final = "LANGSMITH_"
_PARAMETERS: Final = {"ls_temperature": "temperature", "ls_max_tokens": "max_tokens", "ls_stop": "stop"}


def map_langsmith(draft: Draft) -> None:
    """Set what ``langsmith.*`` says, and what was put in and came out."""
    kind = draft.left.get("langsmith.span.kind")
    if isinstance(kind, str) and kind in _KINDS:
        draft.put("kind", _KINDS[kind])
        draft.left.pop("gen_ai.operation.name", None)
        if kind == _KINDS[kind]:
            del draft.left["langsmith.span.kind"]
    if draft.left.get("langsmith.trace.name") == draft.span.name:
        del draft.left["langsmith.trace.name"]
    tags = draft.left.get("langsmith.span.tags")
    if isinstance(tags, str):
        draft.put_tags([tag for tag in tags.split(", ") if tag])
        del draft.left["langsmith.span.tags"]
    if any(event.name == "exception" for event in draft.events):  # of a run that failed
        draft.put("status", "error")  # JavaScript's sets "ok" when a run starts, which is then final
    _put_metadata(draft)
    asked, said = _value(draft, "gen_ai.prompt"), _value(draft, "gen_ai.completion")
    if draft.is_kind("llm"):
        _put_call(draft, asked, said)
    else:
        draft.put("input", asked)
        draft.put("output", readable_vectors(said) if draft.is_kind("embedding") else said)


def _value(draft: Draft, name: str) -> Any:
    """Take a run's inputs or outputs; LangSmith wraps an output that is no object as ``{"output": …}``."""
    value = parsed_json(draft.left.get(name))
    if not isinstance(value, (dict, list)):
        return None
    del draft.left[name]
    return value["output"] if isinstance(value, dict) and value.keys() == {"output"} else value


def _put_metadata(draft: Draft) -> None:
    given = {name: parsed_json(value) if str(value)[:1] in ("{", "[") else value
             for name, value in draft.below("langsmith.metadata.").items()}  # fmt: skip
    draft.left |= {f"langsmith.metadata.{name}": given.pop(name) for name in list(given)
                   if name.startswith(_ENVIRONMENT)}  # fmt: skip
    for field, names in _CONTEXT:
        name = named_text(given, names)
        if name is not None and draft.fields.get(field) is None:
            draft.put(field, given.pop(name))
    if draft.is_kind("llm", "embedding"):
        provider = given.get("ls_provider")
        draft.put_provider(provider if isinstance(provider, str) else None)
        usage = usage_from(given.get("usage_metadata"))
        if usage:
            draft.put_usage(usage)
            if parsed_json(draft.left.get("langsmith.usage_metadata")) == given.pop("usage_metadata"):
                del draft.left["langsmith.usage_metadata"]
        draft.add("model_parameters", {ours: given.pop(name) for name, ours in _PARAMETERS.items() if name in given})
    if draft.left.get("gen_ai.system") == "langchain":
        del draft.left["gen_ai.system"]
    draft.add("metadata", given)


def _put_call(draft: Draft, asked: Any, said: Any) -> None:
    """Set what a model was asked and answered, in whatever form its client has."""
    if isinstance(asked, Mapping) and "model" in asked:
        put_request(draft, asked)
    streams = draft.left.pop("langsmith.request.streaming", None)
    if isinstance(streams, bool):
        draft.add("model_parameters", {"stream": streams})
    draft.put_messages("input", to_messages(asked, "user"))
    draft.put_messages("output", to_messages(said, "assistant"))
    if isinstance(said, Mapping):
        put_response(draft, said)
        draft.put_usage(usage_from(said.get("usage_metadata")))
    if draft.fields.get("usage"):  # the same, once more, as Python writes it
        for side in ("input", "output"):
            draft.left.pop(f"gen_ai.usage.{side}_token_details", None)
