"""A stream of messages put together again: events → the message that the call without streaming would have returned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...conventions._parts import parsed_json

#: Type of a delta → the key of the block whose text it grows, which is the delta's own key too.
_PIECES: Final = {"text_delta": "text", "thinking_delta": "thinking"}
#: Blocks that are announced empty; of others the announcement is content already.
_EMPTY_AT_FIRST: Final = frozenset({"text", "thinking"})


class MessageEvents:
    """Events of one message; blocks come one after the other, by their index."""

    def __init__(self) -> None:
        self._base: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._blocks: dict[int, _Block] = {}

    @property
    def is_complete(self) -> bool:
        return self._base.get("stop_reason") is not None

    def add(self, chunk: Mapping[str, Any]) -> bool:
        kind, index = chunk.get("type"), chunk.get("index") or 0
        if kind == "content_block_delta":
            return self._block(index, {}).add(chunk.get("delta") or {})
        if kind == "content_block_start":
            block = chunk.get("content_block") or {}
            self._block(index, block)
            return block.get("type") not in _EMPTY_AT_FIRST
        if kind == "message_start":
            self._add(chunk.get("message") or {})
        elif kind == "message_delta":
            self._add({**(chunk.get("delta") or {}), "usage": chunk.get("usage")})
        elif kind == "error":
            self._base["error"] = chunk.get("error")
        return False

    def text(self) -> str:
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        said = "\n".join(text for block in blocks if (text := block.text("text")))
        return said or "\n".join(text for block in blocks if (text := block.text("thinking")))

    def response(self) -> dict[str, Any] | None:
        if not self._base and not self._blocks:
            return None
        content = [self._blocks[index].result() for index in sorted(self._blocks)]
        return {**self._base, "content": content, "usage": self._usage}

    def _add(self, message: Mapping[str, Any]) -> None:
        """Take what the message says of itself. Counts of usage are totals: a later one replaces an earlier one."""
        self._usage.update((k, v) for k, v in (message.get("usage") or {}).items() if v is not None)
        self._base.update((k, v) for k, v in message.items() if k not in ("content", "usage") and v is not None)

    def _block(self, index: int, opening: Mapping[str, Any]) -> _Block:
        block = self._blocks.get(index)
        if block is None:
            block = self._blocks[index] = _Block(opening)
        return block


class _Block:
    """One block: as it was announced, and the pieces that came for it."""

    def __init__(self, opening: Mapping[str, Any]) -> None:
        self._opening = opening
        self._pieces: dict[str, list[str]] = {}
        self._more: dict[str, Any] = {}

    def add(self, delta: Mapping[str, Any]) -> bool:
        kind = str(delta.get("type"))
        if kind == "input_json_delta":
            return self._grow("input", delta.get("partial_json"))
        if kind in _PIECES:
            return self._grow(_PIECES[kind], delta.get(_PIECES[kind]))
        if kind == "signature_delta":
            self._more["signature"] = delta.get("signature")
        elif kind == "citations_delta":
            self._more.setdefault("citations", []).append(delta.get("citation"))
        return False

    def text(self, key: str) -> str:
        return "".join([str(self._opening.get(key) or ""), *self._pieces.get(key, ())])

    def result(self) -> dict[str, Any]:
        grown: dict[str, Any] = {key: self.text(key) for key in self._pieces if key != "input"}
        if "input" in self._pieces:
            grown["input"] = parsed_json("".join(self._pieces["input"]))
        kind = {"type": "thinking" if "thinking" in grown else "text"}
        return {**kind, **self._opening, **self._more, **grown}

    def _grow(self, key: str, piece: Any) -> bool:
        if not isinstance(piece, str) or not piece:
            return False
        self._pieces.setdefault(key, []).append(piece)
        return True
