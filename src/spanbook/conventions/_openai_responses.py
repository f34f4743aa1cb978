"""The Responses API: items of a request or response → messages.

Items of the assistant that follow one another (reasoning, text, tool calls) become one message, so that a
turn reads as one turn and an agent's history is made of the same messages each time it is sent again.

Source of the forms: the types of the ``openai`` package (``types/responses``), read at 3.54 and 2.54.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._foreign_parts import foreign_parts
from ._openai_chat import file_part
from ._openai_common import put_attributes, put_request, put_response
from ._parts import (
    Message,
    Part,
    audio_mime,
    blob_part,
    captured_parts,
    cut_gap,
    media_part,
    not_captured,
    parsed_json,
    split_output,
    text_parts,
    tool_call,
    tool_response,
)

#: Keys of a tool item that say what it is, not what was asked of the tool.
_ITEM_KEYS: Final = frozenset("id type status call_id name output error results result".split())
#: Items by which the model asks the caller to run something; other calls were run by the server.
_CALLER_RUNS: Final = frozenset(
    "function_call custom_tool_call computer_call local_shell_call shell_call apply_patch_call "
    "mcp_approval_request".split()
)
#: Why a response is incomplete → finish reason, in the words of chat.
_INCOMPLETE: Final = {"max_output_tokens": "length", "content_filter": "content_filter"}


def map_responses_input(fields: dict[str, Any]) -> None:
    """Replace the raw request by its messages (``instructions`` first); set parameters, tools, model."""
    request = fields["input"]
    put_request(fields, request)
    messages: list[Message] = []
    if request.get("instructions"):
        messages.append({"role": "system", "parts": text_parts(request["instructions"])})
    messages.extend(_input_messages(request.get("input")))
    fields["input"] = messages


def map_responses_output(fields: dict[str, Any]) -> None:
    """Replace the raw response by the assistant's message; set usage, finish reason, ids, model, error."""
    response = fields["output"]
    put_response(fields, response)
    status = response.get("status")
    if isinstance(status, str) and status != "completed":
        put_attributes(fields, {"openai.response.status": status})
    messages = item_messages(response.get("output"))
    reason = finish_reason(response)
    if reason is not None:
        if not fields.get("finish_reason"):
            fields["finish_reason"] = reason
        if messages:
            messages[-1]["finish_reason"] = reason
    fields["output"] = messages


def finish_reason(response: Mapping[str, Any]) -> str | None:
    """Return why the model stopped, in the words of chat (``stop``, ``length``…); None: it has not."""
    details = response.get("incomplete_details")
    if isinstance(details, Mapping) and isinstance(details.get("reason"), str):
        return _INCOMPLETE.get(details["reason"], details["reason"])
    if response.get("status") != "completed":
        return None
    kinds = {item.get("type") for item in response.get("output") or () if isinstance(item, Mapping)}
    return "tool_calls" if kinds & _CALLER_RUNS else "stop"


def item_messages(items: Any) -> list[Message]:
    """Return items as messages; the assistant's neighbouring items are joined into one."""
    messages: list[Message] = []
    for item in items if isinstance(items, list | tuple) else ():
        for message in _item_messages(item):
            last = messages[-1] if messages else None
            if last is not None and message["role"] == last["role"] == "assistant":
                last["parts"].extend(message["parts"])
            else:
                messages.append(message)
    return messages


def _input_messages(value: Any) -> list[Message]:
    if value is None:
        return []
    if isinstance(value, Mapping) and isinstance(value.get("head"), list):
        return [*item_messages(value["head"]), {"role": "user", "parts": [cut_gap(value, "items")]}]
    if isinstance(value, list | tuple):
        return item_messages(value)
    return [{"role": "user", "parts": text_parts(value)}]


def _item_messages(item: Any) -> list[Message]:
    if not isinstance(item, Mapping):
        return [{"role": "user", "parts": text_parts(item)}]
    if "$type" in item:
        return [{"role": "user", "parts": captured_parts(item)}]
    kind = item.get("type") or ("message" if "role" in item else "item_reference")
    if kind == "message":
        role = str(item.get("role") or "assistant")
        return [{"role": role, "parts": _content_parts(item.get("content"))}]
    if kind == "reasoning":
        return [{"role": "assistant", "parts": _reasoning_parts(item)}]
    if kind in ("function_call", "custom_tool_call"):
        arguments = item.get("arguments") if kind == "function_call" else item.get("input")
        return [{"role": "assistant", "parts": [tool_call(item.get("call_id"), item.get("name"), arguments)]}]
    if kind == "image_generation_call":
        return [{"role": "assistant", "parts": _image_parts(item)}]
    if kind == "item_reference":
        return [{"role": "user", "parts": [not_captured(1, f"item {item.get('id')} is held by the server")]}]
    if kind.endswith(("_output", "_response")):
        name = kind.removesuffix("_output").removesuffix("_response")
        return [{"role": "tool", "parts": _output_parts(item, None if name == "function_call" else name)}]
    return [{"role": "assistant", "parts": _server_tool_parts(item, kind)}]


def _content_parts(content: Any) -> list[Part]:
    if not isinstance(content, list | tuple):
        return text_parts(content)
    return [part for piece in content for part in _piece_parts(piece)]


def _piece_parts(piece: Any) -> list[Part]:
    if not isinstance(piece, Mapping):
        return text_parts(piece)
    kind = piece.get("type")
    if kind in ("input_text", "output_text", "text", "summary_text"):
        return text_parts(piece.get("text"))
    if kind == "refusal":
        return [{"type": "refusal", "content": str(piece.get("refusal") or "")}]
    if kind == "input_image":
        if piece.get("image_url"):
            return [media_part(piece["image_url"], "image")]
        return [{"type": "file", "file_id": str(piece.get("file_id")), "mime_type": "image/*"}]
    if kind == "input_file":
        return [file_part(piece)]
    if kind in ("input_audio", "output_audio"):
        audio = piece["input_audio"] if isinstance(piece.get("input_audio"), Mapping) else piece
        part = blob_part(audio.get("data"), "audio", audio_mime(audio.get("format")))
        return [part, *text_parts(piece.get("transcript"))]
    return foreign_parts(piece)


def _reasoning_parts(item: Mapping[str, Any]) -> list[Part]:
    pieces = [*(item.get("summary") or ()), *(item.get("content") or ())]
    texts = [piece.get("text") for piece in pieces if isinstance(piece, Mapping)]
    parts: list[Part] = [{"type": "reasoning", "content": str(text)} for text in texts if text]
    if not parts:
        why = "encrypted reasoning" if item.get("encrypted_content") else "reasoning kept by the server"
        parts.append(not_captured(1, why))
    return parts


def _image_parts(item: Mapping[str, Any]) -> list[Part]:
    part = tool_call(item.get("id"), "image_generation_call", _asked(item))
    if not item.get("result"):
        return [part]
    name = item.get("output_format")
    mime = f"image/{'svg+xml' if name == 'svg' else name}" if isinstance(name, str) else None
    return [part, blob_part(item["result"], "image", mime)]


def _output_parts(item: Mapping[str, Any], name: str | None) -> list[Part]:
    """Return a tool's result; pictures and files in it follow as parts of their own."""
    output = item.get("output", item.get("result"))
    media: list[Part] = []
    if isinstance(output, Mapping) and output.get("image_url"):  # a screenshot
        media = [media_part(output["image_url"], "image")]
        output = {key: value for key, value in output.items() if key != "image_url"}
    elif isinstance(output, list | tuple):
        output, media = split_output(output, _piece_parts)
    elif output is None:
        output = _asked(item)
    return [tool_response(item.get("call_id") or item.get("id"), output, item.get("name") or name), *media]


def _server_tool_parts(item: Mapping[str, Any], kind: str) -> list[Part]:
    """Return any other tool (search, code, MCP…): the call and, when the server ran it itself, its result."""
    id, name = item.get("call_id") or item.get("id"), item.get("name") or kind
    part = tool_call(id, name, item["arguments"] if "arguments" in item else _asked(item))
    found = item.get("output") or item.get("results") or item.get("error")
    if not found:
        return [part]
    return [part, tool_response(id, parsed_json(found) if isinstance(found, str) else found, name)]


def _asked(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in _ITEM_KEYS and value is not None}
