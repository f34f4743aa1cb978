"""Checks and small readers shared by the endpoints' request parsers."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ._keywords import read_schema
from ._types import ApiError, Image, Message, Tool

Json = Mapping[str, Any]

_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.=+-]+)*),(.*)", re.DOTALL)


def require_model(body: Json, deployment: str | None) -> str:
    """The model asked for; on an Azure path the deployment's name."""
    if deployment is not None:
        return deployment
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise ApiError(400, "you must provide a model parameter", param="model")
    return model


def read_count(body: Json, name: str, *, least: int = 1, most: int | None = None) -> int | None:
    """An optional whole number of the body, checked against its range."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or value < least or (most is not None and value > most):
        limit = f" and at most {most}" if most is not None else ""
        raise ApiError(400, f"Invalid '{name}': {value!r}; expected a whole number >= {least}{limit}.", param=name)
    return value


def check_number(body: Json, name: str, least: float, most: float) -> None:
    """Refuse an optional number outside its range (temperature, top_p)."""
    value = body.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        message = f"Invalid '{name}': {value!r}; expected a number between {least:g} and {most:g}."
        raise ApiError(400, message, param=name)


def read_mapping(value: object, name: str) -> Json:
    """``value`` when it is a JSON object, else an error that names the parameter."""
    if not isinstance(value, Mapping):
        raise ApiError(400, f"Invalid type for '{name}': expected an object, got {_kind(value)}.", param=name)
    return value


def read_list(value: object, name: str) -> Sequence[Any]:
    """``value`` when it is a JSON array, else an error that names the parameter."""
    if not isinstance(value, list):
        raise ApiError(400, f"Invalid type for '{name}': expected an array, got {_kind(value)}.", param=name)
    return value


def read_text(value: object, name: str) -> str:
    """``value`` when it is a string, else an error that names the parameter."""
    if not isinstance(value, str):
        raise ApiError(400, f"Invalid type for '{name}': expected a string, got {_kind(value)}.", param=name)
    return value


def read_image(url: object, name: str) -> Image:
    """An image given as an address or as a data URI."""
    text = read_text(url, name)
    found = _DATA_URI.match(text)
    if found is None:
        return Image("image/*", url=text)
    mime, flags, data = found.groups()
    if ";base64" not in flags:
        return Image(mime or "text/plain", data=data.encode())
    return Image(mime or "image/*", data=decode_image(data, name))


def decode_image(data: str, name: str) -> bytes:
    """The bytes of an image given in base64."""
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise ApiError(400, f"Invalid base64 image in '{name}': {error}.", param=name) from None


def read_texts(value: object, name: str) -> tuple[str, ...]:
    """One string or an array of strings, as a tuple."""
    return (value,) if isinstance(value, str) else tuple(read_text(item, name) for item in read_list(value, name))


def read_function(value: Json, name: str) -> Tool:
    """One function offered as a tool: its name, description and JSON schema."""
    label = read_text(value.get("name"), f"{name}.name")
    parameters = value.get("parameters")
    description = value.get("description")
    return Tool(
        label,
        description if isinstance(description, str) else "",
        read_schema(parameters, f"{name}.parameters") if parameters is not None else {},
    )


def check_choice(choice: str, tools: Sequence[Tool]) -> str:
    """``tool_choice`` in one word, refused when it names a tool that is not offered."""
    if choice in ("auto", "none", "required"):
        if choice == "required" and not tools:
            raise ApiError(400, "'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice")
        return choice
    if choice not in {tool.name for tool in tools}:
        raise ApiError(400, f"Tool choice '{choice}' not found in 'tools' parameter.", param="tool_choice")
    return choice


def match_tool_results(messages: Sequence[Message]) -> tuple[str | None, list[str]]:
    """What is wrong with tool calls and results, each call to be answered before the next message.

    Returns:
        The id of a result that answers no call before it, or None; the ids of calls without a result.
    """
    waiting: set[str] = set()
    known: set[str] = set()
    for message in messages:
        if message.role == "tool":
            if message.tool_call_id not in known:
                return str(message.tool_call_id), []
            waiting.discard(message.tool_call_id)
            continue
        if waiting:
            break
        waiting = {call.id for call in message.tool_calls}
        known = set(waiting)
    return None, sorted(waiting)


def object_of(text: str) -> Json:
    """The JSON object that a text is; empty when it is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def dumps(value: object) -> str:
    """Compact JSON text that keeps every letter as it is, lone surrogates escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def _kind(value: object) -> str:
    names = {type(None): "null", str: "a string", list: "an array", dict: "an object", bool: "a boolean"}
    return names.get(type(value), "a number")
