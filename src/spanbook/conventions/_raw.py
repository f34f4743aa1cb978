"""What a provider's request or response, sent along whole, says that a client's own attributes leave out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ._draft import Draft
from ._messages import INSTRUCTIONS, find_messages, flat_tools, join_results, to_messages
from ._openai_common import put_request as put_asked
from ._openai_responses import finish_reason
from ._parts import Message, Part
from ._usage import usage_from

#: How Python writes what stands for an argument that was not given, in OpenAI's client and those made like it; empty
#: in Mistral's.
_ABSENT: Final = re.compile(r"(?:NOT_GIVEN|<(?:\w+\.)*(?:Omit|NotGiven) object at 0x[0-9a-fA-F]+>)?")
#: How Python writes an object that says nothing of what it holds.
_OBJECT: Final = re.compile(r"<[\w.]+ object at 0x[0-9a-fA-F]+>")


def as_given(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request without the arguments that were not given, which some instrumentors write down all the same."""
    return {name: value for name, value in request.items()
            if value is not None and not (isinstance(value, str) and _ABSENT.fullmatch(value))}  # fmt: skip


def is_object(value: Any) -> bool:
    """Tell whether a value is just the name of a Python object, not what it holds."""
    return isinstance(value, str) and value.startswith("<") and _OBJECT.fullmatch(value) is not None


def put_request(draft: Draft, request: Mapping[str, Any]) -> None:
    """Set parameters and tools; instructions are none, they are shown as a message."""
    fields: dict[str, Any] = {}
    put_asked(fields, {name: value for name, value in request.items() if name not in INSTRUCTIONS})
    draft.add("model_parameters", fields.get("model_parameters") or {})
    draft.put("tools", flat_tools(fields.get("tools")))


def put_response(draft: Draft, response: Mapping[str, Any]) -> None:
    """Set response id, finish reason and usage; the provider's own counts go before a client's copy of them."""
    id, choices, reason = response.get("id"), response.get("choices"), response.get("stop_reason")  # Anthropic's
    draft.put("response_id", id if isinstance(id, str) else None)
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        reason = choices[0].get("finish_reason")
    elif response.get("object") == "response":
        reason = finish_reason(response)
    draft.put("finish_reason", reason if isinstance(reason, str) and reason else None)
    usage = usage_from(response.get("usage"))
    if usage:
        draft.fields["usage"] = {**(draft.fields.get("usage") or {}), **usage}


def fuller(messages: Sequence[Message], raw: Any, role: str) -> list[Message]:
    """Return messages, those replaced of which the raw form has more: media, ids of calls, the system's.

    Args:
        messages: As a client's attributes tell them.
        raw: The request or response that they were taken from; anything that is none changes nothing.
        role: Whose words a raw message without a role are.
    """
    is_pieces = isinstance(raw, list) and all(isinstance(one, dict) and "type" in one for one in raw)
    found = find_messages(raw, role) or (to_messages(raw, role) if is_pieces else None)  # of one message, in Gemini's
    ours, theirs = _turns(messages), _turns(found or ())
    system = theirs[:1] if len(theirs) == len(ours) + 1 and theirs[0][0]["role"] == "system" else []
    theirs = theirs[len(system) :]
    if len(ours) != len(theirs) or (system and ours[0][0]["role"] == "system"):
        return list(messages)
    turns = [_fuller_turn(our, their) for our, their in zip(ours, theirs, strict=True)]
    return [message for turn in [*system, *turns] for message in turn]


def _turns(messages: Sequence[Message]) -> list[list[Message]]:
    """Return messages by whose turn it is, but each of the user's alone: some clients write one message a part."""
    turns: list[list[Message]] = []
    for message in join_results(messages):
        if turns and message["role"] == turns[-1][0]["role"] and message["role"] in ("tool", "assistant"):
            turns[-1].append(message)
        else:
            turns.append([message])
    return turns


def _fuller_turn(ours: list[Message], theirs: list[Message]) -> list[Message]:
    if len(ours) == len(theirs):
        return [their if _says_more(their, our) else our for our, their in zip(ours, theirs, strict=True)]
    ours_joined, theirs_joined = (
        {**turn[0], "parts": [part for message in turn for part in message["parts"]]} for turn in (ours, theirs)
    )
    return theirs if _says_more(theirs_joined, ours_joined) else ours


def _says_more(their: Message, our: Message) -> bool:
    if their["role"] != our["role"]:
        return False
    if not _texts(our) <= _texts(their):  # something else, or made unreadable
        return _is_written_out(their, our)
    more = len(their["parts"]) - len(our["parts"])
    return more > 0 or (more == 0 and any(map(_is_partial, our["parts"])))


def _is_written_out(their: Message, our: Message) -> bool:
    """Tell whether our one text is all their pieces, those that are none as JSON (Cohere, by OpenInference)."""
    begun = "".join(part["content"] for part in their["parts"][:1] if part["type"] == "text")
    ours = our["parts"]
    return len(ours) == 1 and len(their["parts"]) > 1 and str(ours[0].get("content")).startswith(f'{begun}{{"type": "')


def _is_partial(part: Part) -> bool:
    return ("id" in part and part["id"] is None) or part.get("response") == ""


def _texts(message: Message) -> set[str]:
    return {part["content"] for part in message["parts"] if part["type"] in ("text", "reasoning")}
