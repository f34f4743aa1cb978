"""Requests of the Responses endpoint: OpenAI's JSON to `Request`.

Only function tools are ever called; the built-in ones (web search, files, code) are accepted and ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._chat import allowed_names, require_word_json
from ._keywords import read_schema
from ._parse import (
    Json,
    check_choice,
    check_number,
    read_count,
    read_function,
    read_image,
    read_list,
    read_mapping,
    read_text,
    require_model,
)
from ._types import ApiError, Image, Message, Request, Tool, ToolCall

_TEXTS = ("input_text", "output_text", "text", "refusal", "summary_text")


def parse_responses(body: Json, earlier: Sequence[Message] = (), deployment: str | None = None) -> Request:
    """Read a Responses request; ``earlier`` are the messages of ``previous_response_id``."""
    for name, most in (("temperature", 2.0), ("top_p", 1.0)):
        check_number(body, name, 0.0, most)
    if body.get("background") is True:
        raise ApiError(400, "The offline model answers at once: drop 'background'.", param="background")
    instructions = body.get("instructions")
    head = (Message(role="system", text=read_text(instructions, "instructions")),) if instructions else ()
    messages = (*head, *earlier, *read_input(body.get("input")))
    _check_outputs(messages)
    tools, choice = _read_tools(body)
    schema, is_json = _read_format(body, messages)
    thinking = read_mapping(body.get("reasoning") or {}, "reasoning")
    return Request(
        api="responses",
        model=require_model(body, deployment),
        messages=messages,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=body.get("parallel_tool_calls") is not False,
        schema=schema,
        is_json=is_json,
        max_tokens=read_count(body, "max_output_tokens"),
        stream=body.get("stream") is True,
        effort=str(thinking.get("effort") or "medium"),
        wants_summary=bool(thinking.get("summary") or thinking.get("generate_summary")),
        body=body,
    )


def read_input(value: object) -> tuple[Message, ...]:
    """Messages of ``input``: one text, or a list of messages, function calls and their outputs."""
    if isinstance(value, str):
        return (Message(role="user", text=value),)
    items = read_list(value, "input")
    if not items:
        raise ApiError(400, "Invalid 'input': empty array; expected text or at least one item.", param="input")
    messages: list[Message] = []
    for i, item in enumerate(items):
        message = _read_item(read_mapping(item, f"input[{i}]"), f"input[{i}]")
        if message is None:
            continue
        last = messages[-1] if messages else None
        if message.tool_calls and last is not None and last.tool_calls:
            # calls made together arrive as items of their own: put them back in one message
            message = Message(role="assistant", text=last.text, tool_calls=last.tool_calls + message.tool_calls)
            messages.pop()
        messages.append(message)
    return tuple(messages)


def _read_item(item: Json, name: str) -> Message | None:
    kind = item.get("type") or "message"
    if kind == "message":
        return _read_message(item, name)
    if kind == "function_call":
        arguments = read_text(item.get("arguments"), f"{name}.arguments")
        call = ToolCall(read_text(item.get("name"), f"{name}.name"), arguments, str(item.get("call_id")))
        return Message(role="assistant", tool_calls=(call,))
    if kind == "function_call_output":
        text, images = _read_content(item.get("output"), f"{name}.output")
        return Message(role="tool", text=text, images=images, tool_call_id=str(item.get("call_id")))
    return None  # reasoning and items of built-in tools say nothing the rules could read


def _read_message(item: Json, name: str) -> Message:
    role = item.get("role")
    text, images = _read_content(item.get("content"), f"{name}.content")
    if role in ("system", "developer"):
        return Message(role="system", text=text, images=images)
    if role == "assistant":
        return Message(role="assistant", text=text)
    if role == "user":
        return Message(role="user", text=text, images=images)
    expected = "system, developer, user or assistant"
    raise ApiError(400, f"Invalid '{name}.role': {role!r}; expected {expected}.", param=f"{name}.role")


def _read_content(content: object, name: str) -> tuple[str, tuple[Image, ...]]:
    if isinstance(content, str):
        return content, ()
    texts, images = [], []
    for i, value in enumerate(read_list(content, name)):
        part = read_mapping(value, f"{name}[{i}]")
        kind = part.get("type")
        if kind in _TEXTS:
            key = "refusal" if kind == "refusal" else "text"
            texts.append(read_text(part.get(key), f"{name}[{i}].{key}"))
        elif kind == "input_image":
            if part.get("image_url") is not None:
                images.append(read_image(part["image_url"], f"{name}[{i}].image_url"))
            else:
                images.append(Image("image/*", url=f"file:{part.get('file_id')}"))
        elif kind not in ("input_file", "input_audio"):  # accepted, and neither opened nor heard
            expected = "input_text or input_image"
            raise ApiError(400, f"Invalid '{name}[{i}].type': {kind!r}; expected {expected}.", param=name)
    return "\n".join(texts), tuple(images)


def _check_outputs(messages: Sequence[Message]) -> None:
    """Every function call needs its output in the same input, and every output its call."""
    calls = {call.id for message in messages for call in message.tool_calls}
    outputs = {m.tool_call_id for m in messages if m.role == "tool"}
    for missing in sorted(calls - outputs):
        raise ApiError(400, f"No tool output found for function call {missing}.", param="input")
    for stray in sorted(str(o) for o in outputs - calls):
        raise ApiError(400, f"No tool call found for function call output with call_id {stray}.", param="input")


def _read_tools(body: Json) -> tuple[tuple[Tool, ...], str]:
    tools: list[Tool] = []
    for i, value in enumerate(read_list(body.get("tools") or [], "tools")):
        raw = read_mapping(value, f"tools[{i}]")
        if raw.get("type") == "function":
            tools.append(read_function(raw, f"tools[{i}]"))
    choice: Any = body.get("tool_choice") or "auto"
    if isinstance(choice, Mapping):
        if choice.get("type") == "allowed_tools":
            names = allowed_names(choice)
            tools = [tool for tool in tools if tool.name in names]
            choice = choice.get("mode", "auto")
        else:
            choice = str(choice.get("name", "auto"))
    return tuple(tools), check_choice(str(choice), tools)


def _read_format(body: Json, messages: Sequence[Message]) -> tuple[Json | None, bool]:
    text = read_mapping(body.get("text") or {}, "text")
    value = read_mapping(text.get("format") or {"type": "text"}, "text.format")
    kind = value.get("type")
    if kind == "json_schema":
        return read_schema(value.get("schema") or {}, "text.format.schema"), False
    if kind == "json_object":
        require_word_json(messages)
        return None, True
    if kind != "text":
        expected = "text, json_object or json_schema"
        raise ApiError(400, f"Invalid 'text.format.type': {kind!r}; expected {expected}.", param="text.format")
    return None, False
