"""What tells one library from another, and what its methods do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class Accumulator(Protocol):
    """Takes the chunks of one stream as plain dicts, so that those seen as objects and as bytes go the same way."""

    @property
    def is_complete(self) -> bool:
        """Whether the server said that the answer is whole."""

    def add(self, chunk: Mapping[str, Any]) -> bool:
        """Take a chunk; return whether it brought content (text, reasoning, arguments, audio)."""

    def text(self) -> str:
        """Return the text so far, for live views."""

    def response(self) -> dict[str, Any] | None:
        """Return the raw response so far, None when no chunk came."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sdk:
    """One library."""

    name: str  # its package; attributes that it alone knows begin so
    label: str  # its name in prose
    host: str  # where its clients go unless they are told otherwise
    request_id_header: str
    error_code: str  # attribute of its errors
    provider: Callable[[type, str], str]
    """Class of a client and host it talks to → provider, as the price table names it."""
    adapt: Callable[[dict[str, Any]], None]
    """Puts into a copy of a call's arguments what the library makes of them before it sends them."""


class Api(NamedTuple):
    """What a resource method does, in spanbook's words."""

    sdk: Sdk
    format: str  # how its raw input and output are read, see spanbook.conventions
    operation: str  # first word of the span's name
    kind: str
    to_plain: Callable[[Any], Any]
    new_chunks: Callable[[], Accumulator] | None = None  # None: it has no streams
