"""What Langfuse and Phoenix read of a span beside GenAI's attributes, so that they show it rightly.

Langfuse reads ``langfuse.*`` first (https://langfuse.com/docs/opentelemetry), Phoenix OpenInference's names only
(https://github.com/Arize-ai/openinference, ``spec/semantic_conventions.md``). Both add up the tokens of every span that
has some: a span whose usage we do not count (a sum, or a call that another span tells of too) is sent without.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from ..conventions._requests import Writer, chat_piece
from ..model import COUNTED_KINDS, Json, Span

Attributes: TypeAlias = dict[str, Json]
Extra: TypeAlias = Callable[[Span], Attributes]

_LANGFUSE_TYPES: Final = {"llm": "generation", "reranker": "span"}
_OPENINFERENCE_KINDS: Final = {"span": "CHAIN", "event": "CHAIN"}
_DOCUMENTS: Final = {"retriever": "retrieval.documents", "reranker": "reranker.output_documents"}
_USAGE_NAMES: Final = (
    "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.reasoning.output_tokens",
)  # fmt: skip


def is_summed(span: Span) -> bool:
    """Tell whether the usage of a span is part of the sum of its trace."""
    return span.counted and span.kind in COUNTED_KINDS


def langfuse_attributes(span: Span) -> Attributes:
    """Return what Langfuse reads; None takes an attribute away."""
    out: Attributes = {} if is_summed(span) else dict.fromkeys(_USAGE_NAMES)
    kind = "span" if span.kind == "llm" and not span.counted else _LANGFUSE_TYPES.get(span.kind, span.kind)
    prefix = "langfuse.observation."
    out |= {
        f"{prefix}type": kind,
        f"{prefix}input": _shown(span.input),
        f"{prefix}output": _shown(span.output),
        f"{prefix}level": "ERROR" if span.status == "error" else (span.level or "default").upper(),
        f"{prefix}status_message": _error_text(span),
        f"{prefix}prompt.name": span.prompt_name,
        f"{prefix}prompt.version": _whole(span.prompt_version),
        "langfuse.environment": span.environment,
        "langfuse.release": span.release,
        "langfuse.trace.tags": list(span.tags) or None,
        "langfuse.trace.name": span.name if span.is_root else None,
    }
    if is_summed(span):
        out |= {
            f"{prefix}model.name": span.model,
            f"{prefix}model.parameters": _json(span.model_parameters) if span.model_parameters else None,
            f"{prefix}usage_details": _json(disjoint_usage(span.usage)) if span.usage else None,
            f"{prefix}cost_details": _costs(span),
            f"{prefix}completion_start_time": _moment(span.first_token_ns),
        }
    where = "langfuse.trace.metadata" if span.is_root else f"{prefix}metadata"
    if not isinstance(span.metadata, Mapping):  # users may set anything
        return out | {where: _shown(span.metadata)}
    return out | {f"{where}.{name}": _shown(value) for name, value in span.metadata.items()}


def openinference_attributes(span: Span) -> Attributes:
    """Return what Phoenix reads; None takes an attribute away."""
    out: Attributes = {
        "openinference.span.kind": _OPENINFERENCE_KINDS.get(span.kind, span.kind.upper()),
        "metadata": _json(span.metadata) if span.metadata else None,
        "tag.tags": list(span.tags) or None,
        **_value("input", span.input),
        **_value("output", span.output),
    }
    if span.kind == "llm":
        out |= _model_call(span)
    elif span.kind == "embedding":
        out["embedding.model_name"] = span.model
    elif span.kind == "tool":
        out["tool.name"] = span.name
    elif span.kind in ("retriever", "reranker") and isinstance(span.output, list):
        out |= _documents(_DOCUMENTS[span.kind], span.output)
    return out | (_token_counts(span) if is_summed(span) else dict.fromkeys(_USAGE_NAMES))


#: What is added for which kind of receiver.
DIALECTS: Final[Mapping[str, Extra | None]] = {
    "genai": None,
    "langfuse": langfuse_attributes,
    "openinference": openinference_attributes,
}


# -- Langfuse


def disjoint_usage(usage: Mapping[str, int]) -> dict[str, int]:
    """Return usage in buckets that do not overlap, as Langfuse prices them, and their total."""
    have = {name: count for name, count in usage.items() if count}
    inside_input = {
        "input_cached_tokens": have.get("cache_read_tokens", 0),
        "input_cache_creation": have.get("cache_write_tokens", 0),
        "input_audio_tokens": have.get("audio_input_tokens", 0),
    }
    inside_output = {
        "output_reasoning_tokens": have.get("reasoning_tokens", 0),
        "output_audio_tokens": have.get("audio_output_tokens", 0),
    }
    total_in, total_out = have.get("input_tokens", 0), have.get("output_tokens", 0)
    parts = {
        "input": max(total_in - sum(inside_input.values()), 0),
        "output": max(total_out - sum(inside_output.values()), 0),
        **{name: count for name, count in {**inside_input, **inside_output}.items() if count},
    }
    return {**parts, "total": total_in + total_out}


def _costs(span: Span) -> str | None:
    found = {"input": span.input_cost_usd, "output": span.output_cost_usd, "total": span.cost_usd}
    given = {name: value for name, value in found.items() if value is not None}
    return _json(given) if given else None


def _moment(time_ns: int | None) -> str | None:
    """Return a moment as Langfuse's SDKs send it: ISO text in quotes."""
    if time_ns is None:
        return None
    seconds = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    text = seconds.replace(microsecond=time_ns // 1000 % 1_000_000).isoformat(timespec="microseconds")
    return _json(text.replace("+00:00", "Z"))


def _whole(version: str | None) -> int | None:
    return int(version) if version is not None and version.isdecimal() and version.isascii() else None


# -- OpenInference


def _value(side: str, value: Json) -> Attributes:
    if value is None:
        return {}
    kind = "text/plain" if isinstance(value, str) else "application/json"
    return {f"{side}.value": _shown(value), f"{side}.mime_type": kind}


def _model_call(span: Span) -> Attributes:
    out: Attributes = {
        "llm.model_name": span.model,
        "llm.provider": span.provider,
        "llm.invocation_parameters": _json(span.model_parameters) if span.model_parameters else None,
        "llm.finish_reason": span.finish_reason,
    }
    for side, value in (("input", span.input), ("output", span.output)):
        for at, message in enumerate(chat_messages(value) or ()):
            out |= _message(f"llm.{side}_messages.{at}.message", message)
    for at, tool in enumerate(span.tools if isinstance(span.tools, (list, tuple)) else ()):
        out[f"llm.tools.{at}.tool.json_schema"] = _json(tool)
    return out


def _message(prefix: str, message: Mapping[str, Any]) -> Attributes:
    out: Attributes = {f"{prefix}.role": message["role"]}
    content = message.get("content")
    if isinstance(content, str):
        out[f"{prefix}.content"] = content
    for at, part in enumerate(content if isinstance(content, list) else ()):
        where = f"{prefix}.contents.{at}.message_content"
        picture = part.get("image_url")
        if isinstance(picture, Mapping):
            out |= {f"{where}.type": "image", f"{where}.image.image.url": picture.get("url")}
        else:
            out[f"{where}.type"] = part.get("type")
            out[f"{where}.text"] = part["text"] if part.get("type") == "text" else _json(part)
    if "tool_call_id" in message:
        out[f"{prefix}.tool_call_id"] = message["tool_call_id"]
    for at, call in enumerate(message.get("tool_calls") or ()):
        where = f"{prefix}.tool_calls.{at}.tool_call"
        out |= {f"{where}.id": call["id"], f"{where}.function.name": call["function"]["name"],
                f"{where}.function.arguments": call["function"]["arguments"]}  # fmt: skip
    return out


def _documents(prefix: str, documents: list[Any]) -> Attributes:
    out: Attributes = {}
    for at, document in enumerate(documents):
        where = f"{prefix}.{at}.document"
        if not isinstance(document, Mapping):
            out[f"{where}.content"] = _shown(document)
            continue
        content = next((document[name] for name in ("content", "page_content", "text") if name in document), None)
        out[f"{where}.content"] = _shown(document if content is None else content)
        for name in ("id", "score"):
            if isinstance(document.get(name), (str, int, float)):
                out[f"{where}.{name}"] = document[name]
        if isinstance(document.get("metadata"), Mapping):
            out[f"{where}.metadata"] = _json(document["metadata"])
    return out


def _token_counts(span: Span) -> Attributes:
    usage = span.usage
    if not usage:
        return {}
    prefix = "llm.token_count"
    return {
        f"{prefix}.prompt": usage.get("input_tokens"),
        f"{prefix}.completion": usage.get("output_tokens"),
        f"{prefix}.total": usage.get("input_tokens", 0) + usage.get("output_tokens", 0),
        f"{prefix}.prompt_details.cache_read": usage.get("cache_read_tokens"),
        f"{prefix}.prompt_details.cache_write": usage.get("cache_write_tokens"),
        f"{prefix}.prompt_details.audio": usage.get("audio_input_tokens"),
        f"{prefix}.completion_details.reasoning": usage.get("reasoning_tokens"),
        f"{prefix}.completion_details.audio": usage.get("audio_output_tokens"),
        "llm.cost.prompt": span.input_cost_usd,
        "llm.cost.completion": span.output_cost_usd,
        "llm.cost.total": span.cost_usd,
    }


# -- both


def chat_messages(value: Json) -> list[dict[str, Any]] | None:
    """Return messages in parts as messages of OpenAI's chat form, which every tool draws; None for anything else."""
    if not isinstance(value, list) or not value:
        return None
    if not all(isinstance(item, dict) and "role" in item and isinstance(item.get("parts"), list) for item in value):
        return None
    return [message for item in value for message in _chat_forms(item)]


def _chat_forms(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a message, or one for each result of a tool in it."""
    parts = [part for part in item["parts"] if isinstance(part, Mapping)]
    results = [part for part in parts if part.get("type") == "tool_call_response"]
    calls = [part for part in parts if part.get("type") == "tool_call"]
    rest = [part for part in parts if part not in results and part not in calls]
    out: list[dict[str, Any]] = [
        {"role": "tool", "tool_call_id": str(part.get("id") or ""),
         "content": _shown(part.get("response", part.get("result"))) or ""}
        for part in results
    ]  # fmt: skip
    if rest or calls or not out:
        message: dict[str, Any] = {"role": item["role"], "content": _chat_content(rest)}
        if calls:
            message["tool_calls"] = [
                {"id": str(part.get("id") or ""), "type": "function",
                 "function": {"name": str(part.get("name") or ""), "arguments": _shown(part.get("arguments")) or ""}}
                for part in calls
            ]  # fmt: skip
        out.append(message)
    return out


def _chat_content(parts: list[Mapping[str, Any]]) -> Any:
    """Return the content of a message: text where it is nothing but text."""
    if not parts:
        return None
    if all(part.get("type") == "text" and isinstance(part.get("content"), str) for part in parts):
        return "\n".join(part["content"] for part in parts)
    return [chat_piece(part, Writer()) or dict(part) for part in parts]


def _shown(value: Json) -> str | None:
    """Return a value as text: messages in chat form, a text as it is, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    messages: Any = chat_messages(value)
    return _json(value if messages is None else messages)


def _error_text(span: Span) -> str | None:
    message = (span.error or {}).get("message")
    return str(message) if message else span.error_type


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
