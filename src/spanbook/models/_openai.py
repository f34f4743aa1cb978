"""Chat completions: our question → the arguments of ``chat.completions.create``, its chunks → deltas.

LiteLLM takes and gives the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..conventions import normalise
from ..conventions._requests import Writer, chat_messages
from ._asked import Asked, checked
from ._reply import Delta, Reply, schema_of

#: ``max_tokens`` is refused by OpenAI's reasoning models; its new name is unknown to many compatible servers.
_OWN_NAMES: Final = {"max_tokens": "max_completion_tokens"}
_CHOICES: Final = frozenset({"auto", "none", "required"})


def request(name: str, asked: Asked, *, is_own_host: bool = False) -> dict[str, Any]:
    """Return the arguments for a question."""
    writer = Writer()
    made: dict[str, Any] = {"model": name, "messages": chat_messages(asked.messages, writer)}
    checked(writer)
    if asked.tools:
        made["tools"] = [_tool(tool) for tool in asked.tools]
    if asked.schema is not None:
        made["response_format"] = _format(asked.schema)
    if asked.is_stream:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    for key, value in asked.parameters.items():
        if value is not None or key == "stream_options":  # None: the server knows no such option
            made[_OWN_NAMES.get(key, key) if is_own_host else key] = value
    if made.get("stream_options", True) is None:
        del made["stream_options"]
    choice = made.get("tool_choice")
    if isinstance(choice, str) and choice not in _CHOICES:
        made["tool_choice"] = {"type": "function", "function": {"name": choice}}
    return made


def reply(raw: Mapping[str, Any], model: str, schema: Any) -> Reply:
    """Return the answer for a raw response."""
    return reply_of(normalise({"format": "openai.chat", "output": dict(raw)}), raw, model, schema)


def reply_of(fields: Mapping[str, Any], raw: Mapping[str, Any], model: str, schema: Any) -> Reply:
    """Return the answer that normalised fields tell: its first choice."""
    messages = fields.get("output")
    is_read = isinstance(messages, list) and messages
    return Reply(
        message=messages[0] if is_read else {"role": "assistant", "parts": []},  # type: ignore[index]
        usage=fields.get("usage") or {},
        finish_reason=fields.get("finish_reason"),
        model=model,
        answered_by=raw.get("model"),
        response_id=raw.get("id"),
        schema=schema,
    )


def deltas(chunk: Mapping[str, Any]) -> Iterator[Delta]:
    """Yield what a chunk brings to the first choice."""
    for choice in chunk.get("choices") or ():
        if choice.get("index"):
            continue
        said = choice.get("delta") or {}
        thought = said.get("reasoning_content") or said.get("reasoning")
        if isinstance(thought, str) and thought:
            yield Delta(thought, "reasoning")
        if isinstance(said.get("content"), str) and said["content"]:
            yield Delta(said["content"])
        for position, call in enumerate(said.get("tool_calls") or ()):
            function = call.get("function") or {}
            index = call.get("index")
            index = position if index is None else index
            yield Delta(function.get("arguments") or "", "tool_call", index, function.get("name"))


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool.get("type", "function") != "function":  # of the provider's own
        return dict(tool)
    inner = {key: value for key, value in tool.items() if key != "type"}
    return {"type": "function", "function": inner}


def _format(schema: Any) -> dict[str, Any]:
    """Return the native form of a response schema; it is strict where it can be.

    OpenAI's strict mode wants objects without other properties, and all of theirs required. Its library makes that of a
    model of pydantic's. To a schema the first is added: what then comes satisfies the one that was given too.
    """
    if isinstance(schema, type) and hasattr(schema, "model_json_schema"):
        import openai

        made: Any = openai.pydantic_function_tool(schema)["function"].get("parameters")
        name, is_strict = schema.__name__, True
    else:
        name, made = schema_of(schema)
        made = _closed(made)
        is_strict = _is_strict(made)
    clean = "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "_" for char in name)[:64]
    return {"type": "json_schema", "json_schema": {"name": clean, "schema": made, "strict": is_strict}}


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {key: _closed(value) if key not in ("enum", "const", "default", "examples") else value
            for key, value in schema.items()}  # fmt: skip
    if made.get("type") == "object" and isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


def _is_strict(schema: Any) -> bool:
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object":
        names = schema.get("properties")
        if not isinstance(names, Mapping) or schema.get("additionalProperties") is not False:
            return False
        if set(schema.get("required") or ()) != set(names):
            return False
    if "default" in schema or ("$ref" in schema and len(schema) > 1):
        return False
    return all(_is_strict(value) for key, value in schema.items() if key not in ("enum", "const", "examples"))
