"""What the offline model reads and writes, in one form for every endpoint.

The wire modules (``_chat``, ``_responses_*``, ``_messages_*``, ``_embeddings``) translate the provider's JSON into a
`Request` and a `Reply` back into that JSON; rules, answers and usage see only these.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Api = Literal["chat", "responses", "messages", "embeddings"]


@dataclass(frozen=True, slots=True)
class Image:
    """One image of the input; ``data`` is None when only an address was given."""

    mime_type: str
    data: bytes | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool; ``arguments`` is JSON text, as OpenAI sends it."""

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of the input, its text parts joined by line breaks."""

    role: Literal["system", "user", "assistant", "tool"]  # "developer" is read as "system"
    text: str = ""
    images: tuple[Image, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()  # assistant messages
    tool_call_id: str | None = None  # tool messages


@dataclass(frozen=True, slots=True)
class Tool:
    """A function offered by the caller; ``parameters`` is its JSON schema."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked, as rules see it (the argument of every callable in a `Rule`)."""

    api: Api
    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"  # auto | none | required | the name of one tool
    parallel_tool_calls: bool = True
    schema: Mapping[str, Any] | None = None  # JSON schema the answer must satisfy
    is_json: bool = False  # json_object mode: any JSON object
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    choice: int = 0  # which of the n answers is being made
    stream: bool = False
    include_usage: bool = False
    effort: str = "medium"  # reasoning effort
    wants_summary: bool = False  # a reasoning summary (or thinking) was asked for
    body: Mapping[str, Any] = field(default_factory=dict)  # the JSON body as it came

    def text_of(self, where: str) -> str:
        """Text of the last user message, all system messages, this turn's tool results, or everything."""
        if where == "user":
            return next((m.text for m in reversed(self.messages) if m.role == "user"), "")
        if where == "tool":
            return "\n".join(m.text for m in self.turn() if m.role == "tool")
        if where == "system":
            return "\n".join(m.text for m in self.messages if m.role == "system")
        return "\n".join(m.text for m in self.messages)

    def turn(self) -> Sequence[Message]:
        """Messages after the last one of the user: the tool calls and results of this turn."""
        for i in range(len(self.messages) - 1, -1, -1):
            if self.messages[i].role == "user":
                return self.messages[i + 1 :]
        return self.messages

    def for_choice(self, choice: int) -> Request:
        """This request, asking for answer number ``choice``."""
        return dataclasses.replace(self, choice=choice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer before it takes an endpoint's form."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    reasoning: str | None = None
    finish_reason: str = "stop"  # stop | length | tool_calls | content_filter
    stopped_by: str | None = None  # the caller's stop sequence that ended the text


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts by the rule stated in ``_usage``; the parts are included in the totals."""

    input_tokens: int
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event; ``is_piece``: it carries a piece of the answer, so it is paced and counted."""

    data: Mapping[str, Any]
    name: str | None = None
    is_piece: bool = False


class ApiError(Exception):
    """A request that is answered with an error; never leaves the offline model."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        self.status, self.message, self.param, self.code = status, message, param, code
        super().__init__(message)

    def body(self) -> dict[str, Any]:
        """The JSON body OpenAI sends with this status."""
        code = self.code if self.code is not None else _CODES.get(self.status)
        kind = _TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": code}}


_TYPES = {429: "requests", 500: "server_error", 503: "server_error"}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
