"""Chat completions: OpenAI's JSON to `Request`, `Reply` to OpenAI's JSON, whole and streamed.

``logprobs`` may be asked for and are always null: there are no probabilities behind scripted rules.
``temperature``, ``seed`` and penalties are checked or accepted, and change nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from ._keywords import read_schema
from ._parse import (
    Json,
    check_choice,
    check_number,
    match_tool_results,
    read_count,
    read_function,
    read_image,
    read_list,
    read_mapping,
    read_text,
    read_texts,
    require_model,
)
from ._types import ApiError, Event, Image, Message, Reply, Request, Tool, ToolCall, Usage

FINGERPRINT = "offline-rules-not-a-model"
_ROLES: Mapping[str, Literal["system", "user", "assistant", "tool"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_PIECE = re.compile(r"\s*\S{1,16}|\s+")


def parse_chat(body: Json, deployment: str | None = None) -> Request:
    """Read a chat completion request; raises ApiError 400 for what OpenAI would refuse."""
    for name, most in (("temperature", 2.0), ("top_p", 1.0)):
        check_number(body, name, 0.0, most)
    messages = _read_messages(body)
    tools, choice = _read_tools(body)
    schema, is_json = _read_format(body.get("response_format"), messages)
    options = read_mapping(body.get("stream_options") or {}, "stream_options")
    effort = body.get("reasoning_effort")
    if "audio" in read_texts(body.get("modalities") or [], "modalities"):
        raise ApiError(400, "The offline model does not speak: drop 'audio' from 'modalities'.", param="modalities")
    return Request(
        api="chat",
        model=require_model(body, deployment),
        messages=messages,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=body.get("parallel_tool_calls") is not False,
        schema=schema,
        is_json=is_json,
        max_tokens=read_count(body, "max_completion_tokens") or read_count(body, "max_tokens"),
        stop=read_texts(body.get("stop") or [], "stop"),
        n=read_count(body, "n", most=128) or 1,
        stream=body.get("stream") is True,
        include_usage=options.get("include_usage") is True,
        effort=effort if isinstance(effort, str) else "medium",
        body=body,
    )


def completion(head: Json, replies: Sequence[Reply], usage: Usage) -> dict[str, Any]:
    """The whole answer; ``head`` holds id, created and model."""
    choices = [
        {"index": i, "message": _message(reply), "logprobs": None, "finish_reason": reply.finish_reason}
        for i, reply in enumerate(replies)
    ]
    return {
        **head,
        "object": "chat.completion",
        "choices": choices,
        "usage": usage_json(usage),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }


def chunks(
    head: Json, replies: Sequence[Reply], usage: Usage, *, include_usage: bool, is_azure: bool = False
) -> Iterator[Event]:
    """The answer as stream events: role, pieces, finish reason; choices take turns, usage comes last.

    With ``include_usage`` every chunk carries ``usage: null`` and one more chunk follows with no choices
    and the usage. Azure opens with a chunk that has no choices either.
    """
    base = {**head, "object": "chat.completion.chunk", "service_tier": "default"}
    base["system_fingerprint"] = FINGERPRINT
    if include_usage:
        base["usage"] = None
    if is_azure:
        results = [{"prompt_index": 0, "content_filter_results": {}}]
        yield Event({**base, "choices": [], "prompt_filter_results": results})
    turns = itertools.zip_longest(*(_deltas(i, reply) for i, reply in enumerate(replies)))
    for turn in turns:
        for step in turn:
            if step is not None:
                choice, is_piece = step
                yield Event({**base, "choices": [choice]}, is_piece=is_piece)
    if include_usage:
        yield Event({**base, "choices": [], "usage": usage_json(usage)})


def pieces(text: str) -> list[str]:
    """Text cut as it is streamed: a word with the space before it, long words in runs of 16 letters."""
    return _PIECE.findall(text)


def usage_json(usage: Usage) -> dict[str, Any]:
    """Usage in the form of chat completions."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _message(reply: Reply) -> dict[str, Any]:
    has_text = bool(reply.text) or not (reply.tool_calls or reply.refusal)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": reply.text if has_text else None,
        "refusal": reply.refusal,
        "annotations": [],
    }
    if reply.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in reply.tool_calls
        ]
    return message


def _deltas(index: int, reply: Reply) -> Iterator[tuple[dict[str, Any], bool]]:
    """Choices of one answer's chunks, each with whether it carries a piece of the answer."""

    def choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}

    opening = "" if reply.text or not reply.tool_calls else None
    yield choice({"role": "assistant", "content": opening, "refusal": None}), False
    for piece in pieces(reply.refusal or ""):
        yield choice({"refusal": piece}), True
    for piece in pieces(reply.text):
        yield choice({"content": piece}), True
    for i, call in enumerate(reply.tool_calls):
        function = {"name": call.name, "arguments": ""}
        opened = {"index": i, "id": call.id, "type": "function", "function": function}
        yield choice({"tool_calls": [opened]}), True
        for piece in pieces(call.arguments):
            yield choice({"tool_calls": [{"index": i, "function": {"arguments": piece}}]}), True
    yield choice({}, reply.finish_reason), False


def _read_messages(body: Json) -> tuple[Message, ...]:
    raw = read_list(body.get("messages"), "messages")
    if not raw:
        raise ApiError(400, "Invalid 'messages': empty array; expected at least one message.", param="messages")
    messages = tuple(_read_message(m, f"messages[{i}]") for i, m in enumerate(raw))
    _check_tool_results(messages)
    return messages


def _read_message(value: object, name: str) -> Message:
    raw = read_mapping(value, name)
    role = _ROLES.get(str(raw.get("role")))
    if role is None:
        expected = "system, developer, user, assistant or tool"
        raise ApiError(400, f"Invalid '{name}.role': {raw.get('role')!r}; expected {expected}.", param=name)
    content = raw.get("content")
    if content is None and role != "assistant":
        raise ApiError(400, f"Invalid value for '{name}.content': expected a string, got null.", param=name)
    text, images = _read_content(content, f"{name}.content")
    calls = tuple(
        _read_call(call, f"{name}.tool_calls") for call in read_list(raw.get("tool_calls") or [], f"{name}.tool_calls")
    )
    call_id = raw.get("tool_call_id") or raw.get("name") if role == "tool" else None
    if call_id is not None:
        read_text(call_id, f"{name}.tool_call_id")
    return Message(role=role, text=text, images=images, tool_calls=calls, tool_call_id=call_id)


def _read_content(content: object, name: str) -> tuple[str, tuple[Image, ...]]:
    if content is None or isinstance(content, str):
        return content or "", ()
    texts, images = [], []
    for i, value in enumerate(read_list(content, name)):
        part = read_mapping(value, f"{name}[{i}]")
        kind = part.get("type")
        if kind in ("text", "refusal"):
            texts.append(read_text(part.get(kind), f"{name}[{i}].{kind}"))
        elif kind == "image_url":
            address = read_mapping(part.get("image_url"), f"{name}[{i}].image_url").get("url")
            images.append(read_image(address, f"{name}[{i}].image_url.url"))
        elif kind not in ("input_audio", "file"):  # accepted, and neither heard nor opened
            raise ApiError(400, f"Invalid '{name}[{i}].type': {kind!r}; expected text or image_url.", param=name)
    return "\n".join(texts), tuple(images)


def _read_call(value: object, name: str) -> ToolCall:
    raw = read_mapping(value, name)
    function = read_mapping(raw.get("function") or raw.get("custom") or {}, f"{name}.function")
    arguments = function.get("arguments", function.get("input", ""))
    return ToolCall(str(function.get("name", "")), read_text(arguments, name), str(raw.get("id", "")))


def _check_tool_results(messages: Sequence[Message]) -> None:
    """Every tool call must be answered before the next message, and nothing else may be."""
    stray, missing = match_tool_results(messages)
    if stray is not None:
        text = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
        raise ApiError(400, f"Invalid parameter: {text}.", param="messages")
    if missing:
        text = "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
        raise ApiError(400, f"{text} 'tool_call_id'; missing: {', '.join(missing)}.", param="messages")


def _read_tools(body: Json) -> tuple[tuple[Tool, ...], str]:
    tools = []
    for i, value in enumerate(read_list(body.get("tools") or [], "tools")):
        raw = read_mapping(value, f"tools[{i}]")
        if raw.get("type") == "function":  # custom tools take free text; the rules never call them
            tools.append(read_function(read_mapping(raw.get("function"), f"tools[{i}].function"), f"tools[{i}]"))
    choice = body.get("tool_choice") or "auto"
    if isinstance(choice, Mapping):
        allowed = choice.get("allowed_tools")
        if isinstance(allowed, Mapping):
            names = allowed_names(allowed)
            tools = [tool for tool in tools if tool.name in names]
            choice = allowed.get("mode", "auto")
        else:
            function = read_mapping(choice.get("function") or {}, "tool_choice.function")
            choice = function.get("name", "auto")
    return tuple(tools), check_choice(str(choice), tools)


def allowed_names(allowed: Json) -> set[str]:
    """Names of the functions in a ``tool_choice`` of type ``allowed_tools``, of either endpoint."""
    names = set()
    for i, value in enumerate(read_list(allowed.get("tools") or [], "tool_choice.tools")):
        tool = read_mapping(value, f"tool_choice.tools[{i}]")
        function = read_mapping(tool.get("function") or tool, f"tool_choice.tools[{i}].function")
        names.add(str(function.get("name")))
    return names


def _read_format(value: object, messages: Sequence[Message]) -> tuple[Json | None, bool]:
    if value is None:
        return None, False
    raw = read_mapping(value, "response_format")
    kind = raw.get("type")
    if kind == "json_schema":
        spec = read_mapping(raw.get("json_schema"), "response_format.json_schema")
        return read_schema(spec.get("schema") or {}, "response_format.json_schema.schema"), False
    if kind == "json_object":
        require_word_json(messages)
        return None, True
    if kind != "text":
        expected = "text, json_object or json_schema"
        raise ApiError(400, f"Invalid 'response_format.type': {kind!r}; expected {expected}.", param="response_format")
    return None, False


def require_word_json(messages: Sequence[Message]) -> None:
    """OpenAI refuses json_object mode unless some message says JSON; so does this server."""
    if not any("json" in message.text.lower() for message in messages):
        text = "'messages' must contain the word 'json' in some form, to get an answer in json_object format."
        raise ApiError(400, text, param="messages")
