"""Chat completions and legacy completions: raw request and response → messages.

Source of the forms: the types of the ``openai`` package (``types/chat``), read at 3.54 and 2.54, and what
compatible servers add (``reasoning_content`` of DeepSeek and vLLM, ``reasoning`` of OpenRouter and Groq).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._foreign_parts import foreign_parts
from ._openai_common import put_attributes, put_request, put_response
from ._parts import (
    Message,
    Part,
    audio_mime,
    blob_part,
    captured_parts,
    cut_gap,
    media_part,
    plain_result,
    split_output,
    text_parts,
    tool_call,
    tool_response,
)


def map_chat_input(fields: dict[str, Any]) -> None:
    """Replace the raw request by its messages; set parameters, tools and the model asked for."""
    request = fields["input"]
    put_request(fields, request)
    fields["input"] = chat_messages(request.get("messages"))


def map_chat_output(fields: dict[str, Any]) -> None:
    """Replace the raw response by one message per choice; set usage, finish reason, response id, model."""
    response = fields["output"]
    put_response(fields, response)
    choices = [choice for choice in response.get("choices") or () if isinstance(choice, dict)]
    choices.sort(key=lambda choice: choice.get("index") or 0)
    put_finish_reason(fields, choices)
    put_attributes(fields, _choice_details(choices))
    fields["output"] = [_choice_message(choice) for choice in choices]


def map_completion_input(fields: dict[str, Any]) -> None:
    """Replace a legacy request by one user message per prompt."""
    request = fields["input"]
    put_request(fields, request)
    prompt = request.get("prompt")
    prompts = prompt if isinstance(prompt, list) and all(isinstance(p, str) for p in prompt) else [prompt]
    fields["input"] = [{"role": "user", "parts": text_parts(p)} for p in prompts if p is not None]


def map_completion_output(fields: dict[str, Any]) -> None:
    """Replace a legacy response by one assistant message per choice."""
    response = fields["output"]
    put_response(fields, response)
    choices = [choice for choice in response.get("choices") or () if isinstance(choice, dict)]
    put_finish_reason(fields, choices)
    put_attributes(fields, _choice_details(choices))
    fields["output"] = [
        _finished({"role": "assistant", "parts": text_parts(choice.get("text"))}, choice) for choice in choices
    ]


def put_finish_reason(fields: dict[str, Any], choices: Sequence[Mapping[str, Any]]) -> None:
    """Set the finish reason of the first choice that has one."""
    if not fields.get("finish_reason"):
        reasons = (choice.get("finish_reason") for choice in choices)
        reason = next((reason for reason in reasons if isinstance(reason, str)), None)
        if reason is not None:
            fields["finish_reason"] = reason


def chat_messages(messages: Any) -> list[Message]:
    """Return raw chat messages in our form; what could not be captured is said in their place."""
    if messages is None:
        return []
    if isinstance(messages, dict) and isinstance(messages.get("head"), list):
        gap = cut_gap(messages, "messages")
        return [*map(chat_message, messages["head"]), {"role": "user", "parts": [gap]}]
    if isinstance(messages, dict) and "$type" in messages:
        return [{"role": "user", "parts": captured_parts(messages)}]
    if not isinstance(messages, list | tuple):
        return [{"role": "user", "parts": text_parts(messages)}]
    return [chat_message(message) for message in messages]


def chat_message(raw: Any) -> Message:
    """Return one raw chat message (of a request or a choice) in our form."""
    if not isinstance(raw, dict):
        return {"role": "user", "parts": text_parts(raw)}
    if "$type" in raw and "role" not in raw:
        return {"role": "user", "parts": captured_parts(raw)}
    role = str(raw.get("role") or "user")
    message: Message = {"role": "tool" if role == "function" else role, "parts": []}
    if role in ("tool", "function"):
        content: Any = plain_result(raw.get("content"))
        media: list[Part] = []
        if isinstance(content, list | tuple):
            parts = content_parts(content)
            if any(part["type"] == "tool_call_response" for part in parts):  # each names the call it answers
                message["parts"] = parts
                return message
            content, media = split_output(content, _piece_parts)
        response = tool_response(raw.get("tool_call_id"), "" if content is None else content, raw.get("name"))
        message["parts"] = [response, *media]
        return message
    message["parts"] = [
        *_reasoning_parts(raw),
        *content_parts(raw.get("content")),
        *_image_parts(raw.get("images")),
        *_refusal_parts(raw.get("refusal")),
        *_audio_parts(raw.get("audio")),
    ]
    called = {part["id"] for part in message["parts"] if part["type"] == "tool_call"} - {None}
    # Bedrock and LangChain tell a call in the content, too
    message["parts"] += [part for part in _call_parts(raw) if part["id"] not in called]
    if raw.get("name"):
        message["name"] = str(raw["name"])
    return message


def _image_parts(images: Any) -> list[Part]:
    """Return the pictures that a message has beside its text, as base64 (Ollama)."""
    return [blob_part(image, "image", None) for image in images] if isinstance(images, list | tuple) else []


def content_parts(content: Any) -> list[Part]:
    """Return the parts of a message's ``content``: text, or a list of typed pieces."""
    if isinstance(content, list | tuple):
        return [part for piece in content for part in _piece_parts(piece)]
    return text_parts(content)


def _piece_parts(piece: Any) -> list[Part]:
    if not isinstance(piece, dict):
        return text_parts(piece)
    kind = piece.get("type")
    if kind == "text" and len(piece) > 1:
        return text_parts(piece.get("text", piece.get("content")))
    if kind == "refusal":
        return _refusal_parts(piece.get("refusal", piece.get("content")))
    if kind in ("image_url", "video_url", "audio_url"):
        inner = piece.get(kind)
        url = inner.get("url") if isinstance(inner, dict) and "$type" not in inner else inner
        return [media_part(url, kind.removesuffix("_url"))]
    if kind == "input_audio":
        audio = piece.get("input_audio")
        audio = audio if isinstance(audio, dict) else {}
        return [blob_part(audio.get("data"), "audio", audio_mime(audio.get("format")))]
    if kind == "file" and isinstance(piece.get("file"), dict):
        return [file_part(piece["file"])]
    return foreign_parts(piece)


def file_part(raw: Mapping[str, Any]) -> Part:
    """Return a file given by its data (a blob), its URL, or its id at the provider."""
    if raw.get("file_data"):
        data = raw["file_data"]
        is_url = isinstance(data, str) and data[:5].lower() == "data:"
        part = media_part(data, "document") if is_url else blob_part(data, None, None)
    elif raw.get("file_url"):
        part = media_part(raw["file_url"], "document")
    else:
        part = {"type": "file"}
        if raw.get("file_id"):
            part["file_id"] = str(raw["file_id"])
    if raw.get("filename"):
        part["filename"] = str(raw["filename"])
    return part


def _choice_message(choice: Mapping[str, Any]) -> Message:
    raw = choice.get("message")
    said = raw if isinstance(raw, dict) else {}
    return _finished(chat_message({"role": "assistant", **said}), choice)


def _finished(message: Message, choice: Mapping[str, Any]) -> Message:
    if isinstance(choice.get("finish_reason"), str):
        message["finish_reason"] = choice["finish_reason"]
    return message


def _choice_details(choices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what choices say beyond their message: log probabilities, citations, content filters."""
    details: dict[str, Any] = {}
    for name in ("logprobs", "content_filter_results"):
        if any(choice.get(name) for choice in choices):
            details[f"openai.{name}"] = [choice.get(name) for choice in choices]
    messages = [choice["message"] for choice in choices if isinstance(choice.get("message"), dict)]
    if any(message.get("annotations") for message in messages):
        details["openai.annotations"] = [message.get("annotations") for message in messages]
    return details


def _reasoning_parts(raw: Mapping[str, Any]) -> list[Part]:
    reasoning = raw.get("reasoning_content") or raw.get("reasoning")
    return [{"type": "reasoning", "content": reasoning}] if isinstance(reasoning, str) else []


def _refusal_parts(refusal: Any) -> list[Part]:
    return [{"type": "refusal", "content": refusal}] if isinstance(refusal, str) and refusal else []


def _audio_parts(audio: Any) -> list[Part]:
    if not isinstance(audio, dict):
        return []
    if not audio.get("data"):
        return [{"type": "file", "file_id": str(audio.get("id"))}, *text_parts(audio.get("transcript"))]
    return [blob_part(audio["data"], "audio", None), *text_parts(audio.get("transcript"))]


def _call_parts(raw: Mapping[str, Any]) -> list[Part]:
    parts: list[Part] = []
    for call in raw.get("tool_calls") or ():
        if not isinstance(call, dict):
            continue
        if "name" in call and "function" not in call:  # LangChain's: {"name", "args", "id"}
            parts.append(tool_call(call.get("id"), call["name"], call.get("args", call.get("arguments"))))
            continue
        function, custom = call.get("function"), call.get("custom")
        if isinstance(custom, dict):
            parts.append(tool_call(call.get("id"), custom.get("name"), custom.get("input")))
        elif isinstance(function, dict):
            parts.append(tool_call(call.get("id"), function.get("name"), function.get("arguments")))
        else:
            parts.append(tool_call(call.get("id"), call.get("type"), None))
    legacy = raw.get("function_call")
    if isinstance(legacy, dict):
        parts.append(tool_call(None, legacy.get("name"), legacy.get("arguments")))
    return parts
