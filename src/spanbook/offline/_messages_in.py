"""Requests of Anthropic's Messages endpoint: its JSON to `Request`.

Only tools with a schema of their own are ever called; Anthropic's (web search, code execution) are accepted and
ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._keywords import read_schema
from ._parse import (
    Json,
    check_choice,
    check_number,
    decode_image,
    dumps,
    match_tool_results,
    read_count,
    read_function,
    read_list,
    read_mapping,
    read_text,
    read_texts,
    require_model,
)
from ._types import ApiError, Image, Message, Request, Tool, ToolCall

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def parse_messages(body: Json, earlier: Sequence[Message] = (), *, is_count: bool = False) -> Request:
    """Read a Messages request, or with ``is_count`` one that only asks how many tokens it has.

    ``earlier`` are the messages of the thread that it continues.
    """
    for name in ("temperature", "top_p"):
        check_number(body, name, 0.0, 1.0)
    most = read_count(body, "max_tokens")
    if most is None and not is_count:
        raise ApiError(400, "max_tokens: Field required", param="max_tokens")
    tools, choice = _read_tools(body)
    asked = read_mapping(body.get("tool_choice") or {}, "tool_choice")
    thinking = read_mapping(body.get("thinking") or {}, "thinking")
    return Request(
        api="messages",
        model=require_model(body, None),
        messages=(*_read_system(body.get("system")), *_read_messages(body.get("messages"), earlier)),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=asked.get("disable_parallel_tool_use") is not True,
        schema=_read_format(body),
        max_tokens=most,
        stop=read_texts(body.get("stop_sequences") or [], "stop_sequences"),
        stream=body.get("stream") is True,
        wants_summary=thinking.get("type") in ("enabled", "adaptive"),
        body=body,
    )


def _read_system(value: object) -> tuple[Message, ...]:
    if not value:
        return ()
    text, images, _ = _read_blocks(value, "system")
    return (Message(role="system", text=text, images=images),)


def _read_messages(value: object, earlier: Sequence[Message]) -> tuple[Message, ...]:
    raw = read_list(value, "messages")
    if not raw:
        raise ApiError(400, "messages: at least one message is required", param="messages")
    messages = (*earlier, *(one for i, item in enumerate(raw) for one in _read_message(item, f"messages.{i}")))
    stray, missing = match_tool_results(messages)
    if stray is not None:
        text = f"messages: unexpected `tool_use_id` found in `tool_result` blocks: {stray}."
        raise ApiError(400, f"{text} Each must have its `tool_use` block in the previous message.", param="messages")
    if missing:
        text = "messages: `tool_use` ids were found without `tool_result` blocks immediately after"
        raise ApiError(400, f"{text}: {', '.join(missing)}.", param="messages")
    return messages


def _read_message(value: object, name: str) -> list[Message]:
    """One message as the rules see it: results of tools are messages of their own, before what the user says."""
    raw = read_mapping(value, name)
    role = raw.get("role")
    text, images, blocks = _read_blocks(raw.get("content"), f"{name}.content")
    if role == "assistant":
        calls = tuple(_read_call(block) for block in blocks if block.get("type") == "tool_use")
        return [Message(role="assistant", text=text, tool_calls=calls)]
    if role != "user":
        raise ApiError(400, f"{name}.role: {role!r}; expected user or assistant.", param=f"{name}.role")
    results = [_read_result(block, name) for block in blocks if block.get("type") == "tool_result"]
    has_own = bool(text or images) or not results
    return [*results, Message(role="user", text=text, images=images)] if has_own else results


def _read_blocks(content: object, name: str) -> tuple[str, tuple[Image, ...], list[Json]]:
    """Text, images and all blocks of a content."""
    if isinstance(content, str):
        return content, (), []
    blocks = [read_mapping(block, f"{name}.{i}") for i, block in enumerate(read_list(content, name))]
    texts: list[str] = []
    images: list[Image] = []
    for i, block in enumerate(blocks):
        kind = block.get("type")
        if not isinstance(kind, str):
            raise ApiError(400, f"{name}.{i}.type: Field required", param=name)
        if kind == "text":
            texts.append(read_text(block.get("text"), f"{name}.{i}.text"))
        elif kind == "image":
            images.append(_read_image(read_mapping(block.get("source"), f"{name}.{i}.source"), f"{name}.{i}.source"))
        elif kind == "document" and isinstance(block.get("source"), Mapping) and block["source"].get("type") == "text":
            texts.append(read_text(block["source"].get("data"), f"{name}.{i}.source.data"))
    return "\n".join(texts), tuple(images), blocks


def _read_image(source: Json, name: str) -> Image:
    kind = source.get("type")
    if kind == "base64":
        data = decode_image(read_text(source.get("data"), f"{name}.data"), name)
        return Image(read_text(source.get("media_type"), f"{name}.media_type"), data=data)
    if kind == "url":
        return Image("image/*", url=read_text(source.get("url"), f"{name}.url"))
    if kind == "file":
        return Image("image/*", url=f"file:{source.get('file_id')}")
    raise ApiError(400, f"{name}.type: {kind!r}; expected base64, url or file.", param=name)


def _read_call(block: Json) -> ToolCall:
    return ToolCall(str(block.get("name", "")), dumps(block.get("input") or {}), str(block.get("id", "")))


def _read_result(block: Json, name: str) -> Message:
    text, images, _ = _read_blocks(block.get("content") or "", f"{name}.content")
    return Message(role="tool", text=text, images=images, tool_call_id=str(block.get("tool_use_id")))


def _read_tools(body: Json) -> tuple[tuple[Tool, ...], str]:
    tools: list[Tool] = []
    for i, value in enumerate(read_list(body.get("tools") or [], "tools")):
        raw = read_mapping(value, f"tools.{i}")
        if raw.get("type") in (None, "custom"):
            tools.append(read_function({**raw, "parameters": raw.get("input_schema")}, f"tools.{i}"))
    asked = read_mapping(body.get("tool_choice") or {"type": "auto"}, "tool_choice")
    kind = str(asked.get("type"))
    if kind != "tool" and kind not in _CHOICES:
        expected = "auto, any, tool or none"
        raise ApiError(400, f"tool_choice.type: {kind!r}; expected {expected}.", param="tool_choice")
    choice = str(asked.get("name")) if kind == "tool" else _CHOICES[kind]
    return tuple(tools), check_choice(choice, tools)


def _read_format(body: Json) -> Json | None:
    config: Any = read_mapping(body.get("output_config") or {}, "output_config")
    value = config.get("format") or body.get("output_format")
    if not value:
        return None
    raw = read_mapping(value, "output_config.format")
    if raw.get("type") != "json_schema":
        text = f"output_config.format.type: {raw.get('type')!r}; expected json_schema."
        raise ApiError(400, text, param="output_config")
    return read_schema(raw.get("schema") or {}, "output_config.format.schema")
