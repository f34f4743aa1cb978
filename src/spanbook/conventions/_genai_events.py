"""GenAI messages sent as events, one each (conventions up to 1.36), and their successor, one event for all.

The events come as events of the span, as log records that name it, or as JSON in the attributes ``events`` and
``all_messages_events`` (pydantic-ai). Logs may come before or after their span, in another request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ._draft import Draft
from ._genai import put_contents
from ._messages import flat_tools, is_messages, join_reasoning, run_on, to_message, with_instructions
from ._openai_responses import item_messages
from ._parts import Message, Part, parsed_json

_ROLES: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.content.prompt": "user",
}
_CHOICES: Final = ("gen_ai.choice", "gen_ai.content.completion")
_DETAILS: Final = "gen_ai.client.inference.operation.details"
#: Logfire: an item of the Responses API, or a piece of a message, that it has no event for.
_UNKNOWN: Final = "gen_ai.unknown"
#: Types of pieces → whose they are.
_PIECES: Final = {
    **dict.fromkeys(("input_text", "input_image", "input_file", "input_audio"), "user"),
    **dict.fromkeys(("output_text", "refusal"), "assistant"),
}
#: Names of log records and events that hold content of a call.
CONTENT_EVENTS: Final = frozenset((*_ROLES, *_CHOICES, _DETAILS))


class _Said(NamedTuple):
    name: str
    body: Mapping[str, Any]
    message: Message | None = None  # what it says, where the body is not that of an event


def map_genai_events(draft: Draft) -> None:
    """Set input and output from the events of the span and the logs that belong to it."""
    said = [_Said(event.name, _body(event.attributes)) for event in draft.events if event.name in CONTENT_EVENTS]
    logs = [log for log in draft.logs if log.name in CONTENT_EVENTS]
    said += [
        _Said(log.name, {**log.attributes, **body} if isinstance(body := parsed_json(log.body), Mapping) else
              {**log.attributes, **({} if body is None else {"content": body})})
        for log in sorted(logs, key=lambda log: log.time_ns)
    ]  # fmt: skip
    said += _in_attribute(draft)
    if draft.is_kind("tool"):
        _put_tool(draft, said)
    if said:
        system = _take_system(draft)
        draft.put_messages("input", list(_asked(said)))
        draft.put_messages("output", join_reasoning(list(_answered(said))))
        details: dict[str, Any] = {}
        for one in said:  # Strands: one for the instructions, one for the input, one for the output
            if one.name == _DETAILS:
                details = {**one.body, **details}
        put_contents(draft, details)
        draft.put("tools", flat_tools(details.get("gen_ai.tool.definitions")))
        if system:
            draft.fields["input"] = with_instructions(system, draft.fields.get("input") or [])
        draft.events = [event for event in draft.events if event.name not in CONTENT_EVENTS]


def _take_system(draft: Draft) -> list[Message]:
    """Take the input when it is the instructions alone, which may be an attribute where the rest are events."""
    asked: Any = draft.fields.get("input")
    if not is_messages(asked) or any(message["role"] != "system" for message in asked):
        return []
    del draft.fields["input"]
    return list(asked)


def _put_tool(draft: Draft, said: Iterable[_Said]) -> None:
    """Set what a tool was given and returned (Strands): the one is the tool's message, the other its choice."""
    for name, body, _ in said:
        if name == "gen_ai.tool.message":
            draft.put("input", parsed_json(body.get("content")))
        elif name in _CHOICES:
            draft.put("output", _result(parsed_json(body.get("message"))))


def _result(value: Any) -> Any:
    """Return what a tool returned; pieces that are text alone are joined."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and one.keys() == {"text"} for one in value):
        return "".join(str(one["text"]) for one in value)
    return value


def _in_attribute(draft: Draft) -> list[_Said]:
    """Return the events that the attribute ``events`` holds as JSON, and take them (pydantic-ai, Logfire)."""
    items = parsed_json(draft.left.get("events"))
    if not isinstance(items, list):
        return []
    found: list[_Said] = []
    rest: list[Any] = []
    for item in items:
        if _is_content(item):
            found.append(_Said(item["event.name"], item))
        elif (message := _unknown(item)) is not None:
            _add_message(found, message)
        else:
            rest.append(item)
    if found:
        del draft.left["events"]
        draft.put("kind", "llm")
        if rest:
            draft.left["events"] = rest
    return _with_answer(found)


def _unknown(item: Any) -> Message | None:
    """Return the message of an item that Logfire has no event for; None when we know it no better."""
    data = item.get("data") if isinstance(item, Mapping) and item.get("event.name") == _UNKNOWN else None
    if not isinstance(data, Mapping) or not isinstance(data.get("type"), str):
        return None
    role = _PIECES.get(data["type"])
    messages = item_messages([{"type": "message", "role": role, "content": [data]} if role else data])
    return messages[0] if messages and messages[0]["parts"] else None


def _add_message(said: list[_Said], message: Message) -> None:
    """Add a message to what was said; pieces of the user's that follow one another are one."""
    last = said[-1].message if said else None
    if last is not None and last["role"] == message["role"] == "user":
        last["parts"].extend(message["parts"])
    else:
        said.append(_Said(f"gen_ai.{message['role']}.message", {}, message))


def _with_answer(said: list[_Said]) -> list[_Said]:
    """Return events with what the assistant says last as the answer, where no event is marked as one (Logfire 3)."""
    if any(one.name in (*_CHOICES, _DETAILS) for one in said):
        return said
    start = len(said)
    while start and said[start - 1].name == "gen_ai.assistant.message":
        start -= 1
    return [*said[:start], *(_Said("gen_ai.choice", {"message": one.body}, one.message) for one in said[start:])]


def _is_content(item: Any) -> bool:
    return (
        isinstance(item, Mapping) and isinstance(item.get("event.name"), str) and item["event.name"] in CONTENT_EVENTS
    )


def events_of(items: Iterable[Any]) -> tuple[list[Message], list[Message]]:
    """Return (input, output) of events given as objects with ``event.name`` beside their body."""
    said = [_Said(item["event.name"], item) for item in items if _is_content(item)]
    return list(_asked(said)), list(_answered(said))


def _asked(said: Iterable[_Said]) -> Iterator[Message]:
    for name, body, message in said:
        if name == "gen_ai.content.prompt":
            yield from _listed(body.get("gen_ai.prompt"), "user")
        elif name in _ROLES:
            yield message or _message(body, _ROLES[name])


def _answered(said: Iterable[_Said]) -> Iterator[Message]:
    begun: list[Part] = []  # of Gemini's stream: a choice for each chunk, the last with a reason to stop
    for name, body, known in said:
        if name == "gen_ai.content.completion":
            yield from _listed(body.get("gen_ai.completion"), "assistant")
        elif known is not None and name in _CHOICES:
            yield known
        elif name in _CHOICES:
            inner = parsed_json(body.get("message"))
            message = _message(
                inner if isinstance(inner, Mapping) else {"content": inner} if inner else body, "assistant"
            )
            message["parts"], begun = run_on([*begun, *message["parts"]]) if begun else message["parts"], []
            reason = body.get("finish_reason")
            if isinstance(reason, str) and reason:
                yield {**message, "finish_reason": reason}
            elif isinstance(body.get("content"), Mapping):
                begun = message["parts"]
            else:
                yield message
    if begun:
        yield {"role": "assistant", "parts": begun}


def _listed(value: Any, role: str) -> Iterator[Message]:
    items = parsed_json(value)
    for item in items if isinstance(items, list) else [items]:
        if item is not None:
            yield to_message(item, role)


def _message(body: Mapping[str, Any], role: str) -> Message:
    """Return a message; the id of a tool's message is that of the call it answers."""
    calls = parsed_json(body.get("tool_calls"))
    raw = {
        "role": str(body.get("role") or role),
        "content": parsed_json(body["content"]) if str(body.get("content"))[:2] == "[{" else body.get("content"),
        "tool_calls": calls if isinstance(calls, list) else None,
        "name": body.get("name"),
    }
    if role == "tool":
        raw["tool_call_id"] = body.get("id", body.get("tool_call_id"))
    return to_message(raw, role)


def _body(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a span's event says: in its attributes, or as JSON in one of them (Azure)."""
    inner = parsed_json(attributes.get("gen_ai.event.content", attributes.get("event_body")))
    return inner if isinstance(inner, Mapping) else attributes
