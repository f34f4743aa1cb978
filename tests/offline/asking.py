"""Requests as rules see them, made in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spanbook.offline import Message, Request, Tool
from spanbook.offline._defaults import DEFAULT_RULES
from spanbook.offline._types import Reply, ToolCall

HANDBOOK = """[refunds.md] Refunds are made within 30 days of purchase. Sale items are not refunded.

[shipping.md] Standard shipping takes 3 to 5 working days. Express shipping takes one day.

[warranty.md] Every lamp has a warranty of two years. The warranty does not cover broken glass."""


def request(
    text: str,
    *,
    system: str = "",
    model: str = "gpt-4o",
    tools: Sequence[Tool] = (),
    schema: dict[str, Any] | None = None,
    after: Sequence[Message] = (),
    **fields: Any,
) -> Request:
    """A chat request with one user message, ``after`` being the messages of the turn so far."""
    head = [Message(role="system", text=system)] if system else []
    messages = (*head, Message(role="user", text=text), *after)
    return Request(api="chat", model=model, messages=messages, tools=tuple(tools), schema=schema, **fields)


def result(text: str, name: str = "look_up", arguments: str = "{}") -> list[Message]:
    """A tool call and its result."""
    call = ToolCall(name, arguments, "call_1")
    return [
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", text=text, tool_call_id="call_1"),
    ]


def reply(asked: Request) -> Reply:
    """What the built-in rules answer."""
    return next(rule for rule in DEFAULT_RULES if rule.matches(asked)).reply(asked)


def answer(text: str, **fields: Any) -> str:
    """The text of the built-in answer."""
    return reply(request(text, **fields)).text


def ask_handbook(question: str, **fields: Any) -> str:
    """The built-in answer to a question about the handbook."""
    return answer(f"Context:\n{HANDBOOK}\n\nQuestion: {question}", **fields)
