"""MLflow: every attribute is JSON text; a call's request and response as the client sent and got them.

With its GenAI mode on, MLflow sends GenAI's attributes, which are mapped as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._draft import Draft
from ._messages import flat_tools, to_messages
from ._openai_embeddings import vectors_summary
from ._parts import parsed_json
from ._raw import put_request, put_response
from ._usage import usage_from

KINDS: Final = {
    **dict.fromkeys(("CHAT_MODEL", "LLM"), "llm"),
    **dict.fromkeys(("CHAIN", "PARSER", "WORKFLOW", "TASK"), "chain"),
    "EMBEDDING": "embedding",
    "RETRIEVER": "retriever",
    "RERANKER": "reranker",
    "AGENT": "agent",
    "TOOL": "tool",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluator",
}
#: The instrumentation scope of spans that it exports, whichever mode they are in.
SCOPE: Final = "mlflow.tracing.provider"
_CHUNK: Final = "mlflow.chunk.item."
#: Forms of messages that name the provider; others name a framework.
_PROVIDERS: Final = ("openai", "anthropic", "gemini", "bedrock", "groq", "mistral")


def map_mlflow(draft: Draft) -> None:
    """Set what ``mlflow.*`` says; what else the span has is JSON text, too, and mostly the request's arguments."""
    if not draft.has("mlflow."):
        _put_arguments(draft)
        return
    kind = draft.data("mlflow.spanType")
    draft.put("kind", KINDS.get(kind.upper()) if isinstance(kind, str) else None)
    asked, said = draft.data("mlflow.spanInputs"), draft.data("mlflow.spanOutputs")
    if draft.is_kind("llm", "embedding") and isinstance(asked, Mapping):
        _put_request(draft, asked)
    if draft.is_kind("llm"):
        draft.put_messages("input", to_messages(asked, "user"))
        draft.put_messages("output", to_messages(said, "assistant"))
    elif draft.is_kind("embedding"):
        draft.put("input", asked.get("input", asked) if isinstance(asked, Mapping) else asked)
        data = said.get("data") if isinstance(said, Mapping) else None
        draft.put("output", vectors_summary(data) if isinstance(data, list) else said)
    else:
        draft.put("input", asked)
        draft.put("output", said)
    if draft.is_kind("llm", "embedding"):
        draft.put_usage(usage_from(draft.mapping("mlflow.chat.tokenUsage")))
        if isinstance(said, Mapping):
            put_response(draft, said)
    both = [side.get("model") if isinstance(side, Mapping) else None for side in (asked, said)]
    _put_model(draft, *both)
    _put_context(draft)
    chunks = [event.time_ns for event in draft.events if event.name.startswith(_CHUNK)]
    draft.put("first_token_ns", min(chunks, default=None))


def _put_arguments(draft: Draft) -> None:
    """Set what the arguments of a request say that GenAI's attributes, which are there in that mode, leave out."""
    if draft.left.get("gen_ai.operation.name") in ("chat", "text_completion", "embeddings"):
        names = [name for name in draft.left if "." not in name and name not in ("messages", "input", "prompt")]
        put_request(draft, {name: parsed_json(draft.left.pop(name)) for name in names})


def _put_request(draft: Draft, request: Mapping[str, Any]) -> None:
    draft.put("tools", flat_tools(draft.data("mlflow.chat.tools")))
    put_request(draft, request)
    for name, value in request.items():  # the same, once more, an attribute each
        if name in draft.left and parsed_json(draft.left[name]) == value:
            del draft.left[name]


def _put_model(draft: Draft, asked: Any, answered: Any) -> None:
    """Set the model that answered; the one asked for stays an attribute when it is another."""
    said = draft.data("mlflow.llm.model")
    draft.put("model", next((name for name in (answered, said, asked) if isinstance(name, str) and name), None))
    if isinstance(asked, str) and asked != draft.fields.get("model"):
        draft.left["gen_ai.request.model"] = asked


def _put_context(draft: Draft) -> None:
    draft.put_usage(usage_from(draft.mapping("mlflow.chat.tokenUsage")))
    provider = draft.data("mlflow.llm.provider")
    draft.put("provider", provider if isinstance(provider, str) else None)
    form = draft.data("mlflow.message.format")
    draft.put("provider", form if form in _PROVIDERS else None)
    for field, names in (("user_id", ("mlflow.trace.user", "mlflow.user")), ("session_id", ("mlflow.trace.session",))):
        value = draft.data(*names)
        draft.put(field, value if isinstance(value, str) and value else None)
    cost = draft.mapping("mlflow.llm.cost")
    for field, name in (
        ("cost_usd", "total_cost"),
        ("input_cost_usd", "input_cost"),
        ("output_cost_usd", "output_cost"),
    ):
        number = cost.get(name)
        draft.put(field, float(number) if isinstance(number, (int, float)) else None)
