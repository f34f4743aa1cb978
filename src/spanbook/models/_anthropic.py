"""Messages: our question → the arguments of ``messages.create``, its events → deltas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..conventions import normalise
from ..conventions._requests import Writer, anthropic_request
from ..tracer import warn_once
from ._asked import Asked, checked
from ._openai import reply_of
from ._reply import Delta, Reply, schema_of

#: The API asks for a limit; all of its models take this one.
_MAX_TOKENS: Final = 4096
_CHOICES: Final = {"auto": "auto", "none": "none", "required": "any"}
#: Parameters of others that it has nothing like.
_NONE_LIKE: Final = frozenset({"seed", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "n"})


def request(name: str, asked: Asked) -> dict[str, Any]:
    """Return the arguments for a question."""
    writer = Writer()
    made = {"model": name, "max_tokens": _MAX_TOKENS, **anthropic_request(asked.messages, writer)}
    checked(writer)
    if asked.tools:
        made["tools"] = [_tool(tool) for tool in asked.tools]
    if asked.is_stream:
        made["stream"] = True
    for key, value in asked.parameters.items():
        if value is None:
            continue
        if key in _NONE_LIKE:
            warn_once(f"anthropic-{key}", f"Anthropic's models take no {key}; it is left out of the requests to them.")
        elif key == "stop":
            made["stop_sequences"] = [value] if isinstance(value, str) else list(value)
        elif key == "max_completion_tokens":
            made["max_tokens"] = value
        elif key not in ("tool_choice", "parallel_tool_calls", "stream_options"):
            made[key] = value
    if choice := _choice(asked):
        made["tool_choice"] = choice
    if asked.schema is not None:
        import anthropic

        schema = anthropic.transform_schema(schema_of(asked.schema)[1])
        made["output_config"] = {**made.get("output_config", {}), "format": {"type": "json_schema", "schema": schema}}
    return made


def reply(raw: Mapping[str, Any], model: str, schema: Any) -> Reply:
    """Return the answer for a raw response. Its reasoning keeps the signature without which it cannot be sent back."""
    found = reply_of(normalise({"format": "anthropic.messages", "output": dict(raw)}), raw, model, schema)
    parts = found.message["parts"]
    thoughts = [block for block in raw.get("content") or () if block.get("type") in ("thinking", "redacted_thinking")]
    if thoughts:
        rest = [part for part in parts if part["type"] not in ("reasoning", "not_captured")]
        found.message["parts"] = [*map(_thought, thoughts), *rest]  # a message's thoughts come first
    return found


def deltas(chunk: Mapping[str, Any]) -> Iterator[Delta]:
    """Yield what an event brings."""
    index = chunk.get("index") or 0
    if chunk.get("type") == "content_block_start":
        block = chunk.get("content_block") or {}
        if block.get("type") == "tool_use":
            yield Delta("", "tool_call", index, block.get("name"))
        return
    said = chunk.get("delta") or {}
    for kind, key in (("text", "text"), ("reasoning", "thinking"), ("tool_call", "partial_json")):
        if isinstance(said.get(key), str) and said[key]:
            yield Delta(said[key], kind, index if kind == "tool_call" else 0)  # type: ignore[arg-type]


def _thought(block: Mapping[str, Any]) -> dict[str, Any]:
    if block["type"] == "redacted_thinking":
        return {"type": "reasoning", "content": "", "encrypted": block.get("data")}
    part = {"type": "reasoning", "content": block.get("thinking") or ""}
    return {**part, "signature": block["signature"]} if block.get("signature") else part


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool.get("type", "function") not in ("function", "custom"):  # of the provider's own
        return dict(tool)
    made = {key: value for key, value in tool.items() if key not in ("type", "parameters", "strict")}
    return {**made, "input_schema": tool.get("parameters") or {"type": "object", "properties": {}}}


def _choice(asked: Asked) -> dict[str, Any] | None:
    choice, parallel = asked.parameters.get("tool_choice"), asked.parameters.get("parallel_tool_calls")
    if choice is None and (parallel is None or not asked.tools):
        return None
    if isinstance(choice, Mapping):
        function = choice.get("function")  # OpenAI's form
        made = {"type": "tool", "name": function.get("name")} if isinstance(function, Mapping) else dict(choice)
    else:
        kind = _CHOICES.get(choice or "auto")
        made = {"type": kind} if kind else {"type": "tool", "name": choice}
    return made if parallel is None else {**made, "disable_parallel_tool_use": not parallel}
