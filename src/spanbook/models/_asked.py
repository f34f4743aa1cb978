"""What a model is asked, in our words, before it takes a provider's form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..conventions._messages import flat_tools, is_messages, to_message
from ..conventions._requests import Writer
from ..model import UsageError
from ._reply import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question to a model."""

    messages: list[Message]
    tools: list[dict[str, Any]] = field(default_factory=list)  # each with name, description, parameters at the top
    schema: Any = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    is_stream: bool = False


def as_messages(given: Any) -> list[Message]:
    """Return messages in our form: from text, one message or several, ours or in a provider's form.

    Raises:
        UsageError: it is none of these.
    """
    if isinstance(given, str):
        return [{"role": "user", "parts": [{"type": "text", "content": given}]}]
    found = [given] if isinstance(given, Mapping) else given
    if not isinstance(found, Sequence) or isinstance(found, bytes) or not found:
        raise UsageError(
            f"messages={given!r:.80} are no messages; give a text, or a list such as "
            '[{"role": "user", "content": "Hello"}].'
        )
    for number, message in enumerate(found):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise UsageError(
                f"messages[{number}] is {message!r:.80}; expected a message with a role, such as "
                '{"role": "user", "content": "Hello"}.'
            )
    # ours stay as they are: they may hold what to_message does not know, such as signatures of reasoning
    return [dict(message) if is_messages([message]) else to_message(message) for message in found]


def as_tools(given: Any) -> list[dict[str, Any]]:
    """Return tools with name, description and parameters (a JSON schema) at the top; any provider's form will do.

    Raises:
        UsageError: one of them has no name.
    """
    if given is None:
        return []
    if isinstance(given, Mapping) or not isinstance(given, Sequence):
        raise UsageError(f"tools={given!r:.80} is no list; give [{{'name': …, 'description': …, 'parameters': …}}].")
    tools = flat_tools(given) or []
    for number, tool in enumerate(tools):
        if not isinstance(tool, Mapping) or not (tool.get("name") or tool.get("type") not in (None, "function")):
            raise UsageError(
                f"tools[{number}] is {given[number]!r:.80}; expected a name, a description and the JSON schema of its "
                "parameters."
            )
    return [dict(tool) for tool in tools]


def checked(writer: Writer) -> None:
    """Refuse what has no place in a request: sending less than was given would be a silent change.

    Raises:
        UsageError: the first thing that would be left out.
    """
    if writer.notes:
        raise UsageError(f"The messages cannot be sent as they are. {' '.join(writer.notes)}")
