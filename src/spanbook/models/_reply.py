"""What a model answers: whole, and in pieces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..model import ModelAnswerError

#: ``{"role", "parts", "finish_reason"}``, as in every span.
Message = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer of a model.

    ``usage`` has our names (``input_tokens``, ``output_tokens``…, inclusive), and is empty where nobody said.
    ``finish_reason`` is ``stop``, ``length``, ``tool_calls``, ``content_filter``, or a word of the provider's own.
    """

    message: Message
    usage: Mapping[str, int] = field(default_factory=dict)
    finish_reason: str | None = None
    model: str = ""  # as it was asked for: "provider/name"
    answered_by: str | None = None  # the provider's name of what answered, often dated
    response_id: str | None = None
    schema: Any = field(default=None, repr=False)  # the response schema that was asked for

    @property
    def text(self) -> str:
        """What it says, without reasoning and tool calls."""
        return "".join(str(part.get("content", "")) for part in self.message["parts"] if part["type"] == "text")

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The parts that call tools: each with ``id``, ``name`` and ``arguments`` (text where it was no JSON)."""
        return [part for part in self.message["parts"] if part["type"] == "tool_call"]

    @property
    def parsed(self) -> Any:
        """The value that a response schema asked for; of the class that was given, or plain JSON data.

        Raises:
            ModelAnswerError: the answer is not such a value (cut off, refused); ``.reply`` is this answer.
        """
        try:
            if isinstance(self.schema, type):
                return _adapter(self.schema).validate_json(self.text)
            return json.loads(self.text)
        except ValueError as error:  # pydantic's are too
            ended = f"ended with {self.finish_reason!r} and " if self.finish_reason not in (None, "stop") else ""
            wanted = self.schema.__name__ if isinstance(self.schema, type) else "JSON"
            problem = ModelAnswerError(
                f"{self.model} {ended}answered {self.text!r:.120}, which is no {wanted} ({error}). "
                "Give it more max_tokens, a simpler schema, or ask again.",
                model=self.model,
            )
            problem.reply = self
            raise problem from error


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer as it arrives."""

    text: str
    kind: Literal["text", "reasoning", "tool_call"] = "text"
    #: Of a tool call: a number that tells its pieces from those of other calls, and its name with the first of them.
    index: int = 0
    name: str | None = None


def schema_of(schema: Any) -> tuple[str, dict[str, Any]]:
    """Return name and JSON schema of what the answer has to be: a schema, or a class that pydantic can read."""
    if isinstance(schema, Mapping):
        return str(schema.get("title") or "answer"), dict(schema)
    return schema.__name__, _adapter(schema).json_schema()


def _adapter(kind: type) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
