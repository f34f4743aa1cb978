"""OpenTelemetry's conventions for GenAI: attributes of spans, messages in parts.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/ as of 1.38, and what clients send beside it (openai-v2,
OpenLLMetry 0.62, Logfire 5, pydantic-ai 2, Vercel AI 7, the Anthropic SDK, litellm). The messages of older versions,
one event each, are in ``_genai_events``.
"""

from __future__ import annotations

from typing import Any, Final

from ._draft import Draft
from ._messages import (
    find_messages,
    flat_tools,
    instructions,
    is_messages,
    to_message,
    to_messages,
    with_instructions,
)
from ._mlflow import KINDS
from ._openai_chat import content_parts
from ._parts import Message, Part, not_captured, parsed_json
from ._raw import put_response
from ._usage import usage_from

_KINDS: Final = {
    **dict.fromkeys(
        ("chat", "text_completion", "generate_content", "completion", "acompletion", "atext_completion"), "llm"
    ),
    **dict.fromkeys(("responses", "aresponses", "message", "generate", "fill_in_middle"), "llm"),
    **dict.fromkeys(("image_generation", "image_edit", "image_variation"), "llm"),
    "interactions.create": "llm",  # Gemini
    **dict.fromkeys(("embeddings", "embedding", "aembedding"), "embedding"),
    **dict.fromkeys(("execute_tool", "tool", "call_tool"), "tool"),
    **dict.fromkeys(("invoke_agent", "create_agent"), "agent"),
    **dict.fromkeys(("execute_task", "agent_step", "invoke_workflow", "handoff", "agent_handoff", "plan"), "chain"),
    "execute_event_loop_cycle": "chain",  # Strands
    **dict.fromkeys(("retrieval", "retrieve", "search_memory"), "retriever"),
    **dict.fromkeys(("rerank", "arerank"), "reranker"),
    "guardrail_check": "guardrail",
}
#: Kinds of spans as LoongSuite names them beside the operation.
_SPAN_KINDS: Final = {
    **{kind.upper(): kind for kind in ("llm", "embedding", "retriever", "reranker", "tool", "agent", "chain")},
    **dict.fromkeys(("TASK", "STEP", "ENTRY"), "chain"),
}
#: The last part of ``gen_ai.usage.<name>`` or more → the name that ``usage_from`` reads.
_USAGE: Final = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
    "total_tokens": "total_tokens",
    "cache_read.input_tokens": "cache_read",
    "cache_read_input_tokens": "cache_read",
    "cached_tokens": "cache_read",
    "cached_input_tokens": "cache_read",
    "cache_creation.input_tokens": "cache_write",
    "cache_creation_input_tokens": "cache_write",
    "cache_write.input_tokens": "cache_write",
    "cache_write_input_tokens": "cache_write",
    "reasoning_tokens": "output_reasoning",
    "reasoning.output_tokens": "output_reasoning",
    **dict.fromkeys(
        ("details.cache_read_tokens", "details.cached_tokens", "details.cache_read_input_tokens"), "cache_read"
    ),
    **dict.fromkeys(("details.cache_write_tokens", "details.cache_creation_input_tokens"), "cache_write"),
    **dict.fromkeys(("details.reasoning_tokens", "details.thoughts_tokens"), "output_reasoning"),
    "details.input_audio_tokens": "input_audio",
    "details.output_audio_tokens": "output_audio",
    "input_tokens.cached": "cache_read",
    "input_tokens.cache_write": "cache_write",
    "output_tokens.reasoning": "output_reasoning",
}
_COSTS: Final = {
    "cost_usd": ("gen_ai.usage.cost", "gen_ai.cost.total_cost", "operation.cost"),
    "input_cost_usd": ("gen_ai.cost.input_cost",),
    "output_cost_usd": ("gen_ai.cost.output_cost",),
}
_COST_NAMES: Final = frozenset(name for names in _COSTS.values() for name in names)
#: Instrumentations that pass on a count of the input which leaves the cache out: Bedrock's, Anthropic's.
_CACHE_BESIDE: Final = (
    "opentelemetry.instrumentation.botocore.bedrock-runtime",
    "opentelemetry.instrumentation.bedrock",
    "@traceloop/instrumentation-anthropic",  # of Node; that of Python adds them up
)
#: The beginning of the names of Strands' scopes, which takes milliseconds where OpenTelemetry has seconds.
_STRANDS: Final = "strands"
#: Names of the tools offered before OpenTelemetry had one; the second is Sentry's.
_TOOLS: Final = ("gen_ai.request.tools", "gen_ai.request.available_tools")
#: Attributes of a request that are shown elsewhere.
_NOT_PARAMETERS: Final = frozenset(("model", "structured_output_schema"))
_RENAMED: Final = {"choice.count": "n", "stop_sequences": "stop", "is_stream": "stream"}


def map_genai(draft: Draft) -> None:
    """Set what attributes say by the GenAI conventions."""
    put_kind(draft)
    put_model(draft)
    draft.put("tools", flat_tools(draft.data("gen_ai.tool.definitions", *_TOOLS)))
    if "gen_ai.request.messages" in draft.left:  # Sentry's older name
        draft.left.setdefault("gen_ai.input.messages", draft.left.pop("gen_ai.request.messages"))
    _put_parameters(draft)
    put_usage(draft)
    _put_cost(draft)
    _put_finish(draft)
    put_contents(draft, draft.left)
    _put_answer(draft)
    if draft.is_kind("tool"):
        _put_tool(draft)
    elif draft.is_kind("retriever"):
        draft.put("input", draft.text("gen_ai.retrieval.query.text"))
        draft.put("output", draft.items("gen_ai.retrieval.documents"))
    if not str(draft.left.get("gen_ai.conversation.id")).startswith("resp_"):  # the answer before (agent-framework)
        draft.put("session_id", draft.text("gen_ai.conversation.id"))
    draft.put("prompt_name", draft.text("gen_ai.prompt.name"))
    draft.put("prompt_version", draft.text("gen_ai.prompt.version"))
    _put_first_token(draft)


def put_kind(draft: Draft) -> None:
    """Set the kind from the name of the operation; the operation itself stays when it says more than the kind."""
    operation = draft.left.get("gen_ai.operation.name")
    kind = _KINDS.get(operation, KINDS.get(operation)) if isinstance(operation, str) else None
    if kind == "llm" and "embed" in str(draft.left.get("gen_ai.request.model")):
        kind = "embedding"  # Bedrock's InvokeModel, which serves both, is a completion to its instrumentor
    if operation is None and "agent_loop.cycle_id" in draft.left:
        kind = "chain"  # Strands' for JavaScript
    if kind is not None:
        draft.put("kind", kind)
        if operation in ("chat", "embeddings", "execute_tool", "invoke_agent", "retrieval"):
            del draft.left["gen_ai.operation.name"]
    named = _SPAN_KINDS.get(str(draft.left.get("gen_ai.span.kind")))
    if named is not None:
        draft.put("kind", named)
        del draft.left["gen_ai.span.kind"]


def put_model(draft: Draft) -> None:
    """Set model and provider; the model asked for stays an attribute when another one answered."""
    asked, answered = draft.text("gen_ai.request.model"), draft.text("gen_ai.response.model")
    draft.put("model", answered or asked)
    if asked and asked != draft.fields.get("model"):
        draft.left["gen_ai.request.model"] = asked
    draft.put_provider(draft.texts("gen_ai.provider.name", "gen_ai.system"))
    draft.put("response_id", draft.text("gen_ai.response.id"))


def put_usage(draft: Draft) -> None:
    """Set usage; what a client repeats in its raw form only adds what is missing."""
    counts = draft.counts("gen_ai.usage.", _USAGE)
    if draft.span.scope_name in _CACHE_BESIDE and "input_tokens" in counts:
        counts["input_tokens"] += counts.get("cache_read", 0) + counts.get("cache_write", 0)
        counts.pop("total_tokens", None)
    draft.put_usage(usage_from(counts, draft.fields.get("provider")))
    draft.put_usage(usage_from(draft.mapping("gen_ai.usage.raw")))


def put_contents(draft: Draft, attributes: dict[str, Any]) -> None:
    """Set input and output from messages in parts; ``attributes`` are the span's, or an event's."""
    asked = parsed_json(attributes.pop("gen_ai.input.messages", None))
    said = parsed_json(attributes.pop("gen_ai.output.messages", None))
    if draft.is_kind("embedding"):
        draft.put("input", _embedded(asked))
        return
    if isinstance(asked, dict) and "role" not in asked:  # the request as it was made (MLflow)
        draft.put("tools", flat_tools(asked.get("tools")))
    if isinstance(said, dict) and "role" not in said:
        put_response(draft, said)
    if not draft.is_kind("llm", "agent") and find_messages(asked) is None:
        draft.put("input", asked)
        draft.put("output", said)
        return
    draft.put_messages("input", to_messages(asked, "user"))
    _put_instructions(draft, attributes)
    answer = [
        {**message, "role": "assistant"} if message["role"] == "unknown" else message  # a streamed one (OpenLLMetry)
        for message in to_messages(said, "assistant") or ()
    ]
    if answer and draft.is_kind("llm"):
        draft.put("input", [lost_input()])
    draft.put_messages("output", answer)


def _put_answer(draft: Draft) -> None:
    """Set what Sentry tells apart: the texts of an answer, its calls of tools, and the texts that were embedded."""
    if draft.is_kind("llm", "agent"):
        answer = to_messages(draft.data("gen_ai.response.text"), "assistant") or []
        calls = draft.items("gen_ai.response.tool_calls")
        if calls:
            said, *others = answer or [{"role": "assistant", "parts": []}]
            answer = [{**said, "parts": [*said["parts"], *_called(calls)]}, *others]
        draft.put_messages("output", answer)
    elif draft.is_kind("embedding"):
        draft.put("input", draft.data("gen_ai.embeddings.input"))


def _called(calls: list[Any]) -> list[Part]:
    """Return calls of tools: items of OpenAI's Responses API, its chat's, or pieces of content."""
    found = find_messages(calls, "assistant")
    if found is None and any(isinstance(call, dict) and "function" in call for call in calls):
        found = [to_message({"role": "assistant", "tool_calls": calls})]
    return content_parts(calls) if found is None else [part for message in found for part in message["parts"]]


def _put_instructions(draft: Draft, attributes: dict[str, Any]) -> None:
    """Add the system's instructions to the messages of the input, whichever mapper set these."""
    system = instructions(attributes.get("gen_ai.system_instructions"))
    asked: Any = draft.fields.get("input") or []
    if system and (not asked or is_messages(asked)):
        draft.fields["input"] = with_instructions(system, asked)
        del attributes["gen_ai.system_instructions"]


def lost_input() -> Message:
    """Return what stands for the messages that a client did not send although it sent the answer."""
    return {"role": "user", "parts": [not_captured(1, "the client sent the answer without what was asked")]}


def _embedded(asked: Any) -> Any:
    """Return the texts that were embedded, given one message each."""
    messages = to_messages(asked, "user")
    if messages is None:
        return None
    return [part["content"] for message in messages for part in message["parts"] if part["type"] == "text"]


def _put_parameters(draft: Draft) -> None:
    given = draft.below("gen_ai.request.")
    for prefix in ("gen_ai.openai.request.", "openai.request."):
        given |= draft.below(prefix)
    parameters: dict[str, Any] = {}
    for name, value in given.items():
        if name in _NOT_PARAMETERS:
            draft.left[f"gen_ai.request.{name}"] = value
        elif value is not None:
            parameters[_RENAMED.get(name, name)] = parsed_json(value) if name == "stop_sequences" else value
    streams = draft.left.pop("gen_ai.is_streaming", None)
    if isinstance(streams, bool):
        parameters.setdefault("stream", streams)
    schema = draft.data("gen_ai.request.structured_output_schema")
    if schema is not None:
        parameters["response_format"] = schema
    draft.add("model_parameters", parameters)


def _put_cost(draft: Draft) -> None:
    if not _COST_NAMES.isdisjoint(draft.left):
        unknown = draft.left.get("gen_ai.usage.cost") == 0  # what OpenLIT says of a model without a price
        for field, names in _COSTS.items():
            draft.put(field, draft.number(*(name for name in names if not (unknown and name == "gen_ai.usage.cost"))))


def _put_finish(draft: Draft) -> None:
    reasons = draft.data(
        "gen_ai.response.finish_reasons",
        "gen_ai.response.finish_reason",
        "gen_ai.response.stop_reason",
        "anthropic.message.stop_reason",
    )
    if isinstance(reasons, (list, tuple)):
        reasons = next((reason for reason in reasons if reason), None)
    if isinstance(reasons, str) and reasons:
        name, _, member = reasons.partition(".")  # of Python's enum, as Semantic Kernel writes it
        draft.put("finish_reason", member.lower() if name == "FinishReason" and member else reasons)


def _put_first_token(draft: Draft) -> None:
    seconds = draft.number("gen_ai.response.time_to_first_chunk", "gen_ai.client.operation.time_to_first_chunk")
    draft.put_ms_to_first_token(None if seconds is None else seconds * 1e3)
    nanoseconds = draft.count("gen_ai.response.time_to_first_token")  # LoongSuite
    draft.put_ms_to_first_token(None if nanoseconds is None else nanoseconds / 1e6)
    first = draft.number("gen_ai.server.time_to_first_token")
    if first is not None and not draft.span.scope_name.startswith(_STRANDS):
        first *= 1e3
    draft.put_ms_to_first_token(first)


def _put_tool(draft: Draft) -> None:
    """Set what a tool was given and returned; its name and the id of its call stay, they join it to the message."""
    draft.put("input", draft.data("gen_ai.tool.call.arguments", "gen_ai.tool.input"))
    draft.put("output", draft.data("gen_ai.tool.call.result", "gen_ai.tool.output"))
    start, end = "code.function.parameters.", ".value"  # OpenTelemetry's for Gemini before 1.0
    names = [name for name in draft.left if name.startswith(start) and name.endswith(end)]
    if names:
        draft.put("input", {name[len(start) : -len(end)]: draft.left.pop(name) for name in names})
    draft.put("output", draft.data("code.function.return.value"))
