"""Streams put together again: chunks → the response that the call without streaming would have returned.

Text is kept in pieces and joined when asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

#: Keys of a delta that are pieces of text, to be joined.
_PIECES: Final = ("content", "refusal", "reasoning_content", "reasoning")


class ChatChunks:
    """``chat.completion.chunk`` objects of one stream, any number of choices."""

    def __init__(self) -> None:
        self._base: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}

    @property
    def is_complete(self) -> bool:
        return bool(self._choices) and all(c.finish_reason is not None for c in self._choices.values())

    def add(self, chunk: Mapping[str, Any]) -> bool:
        for key, value in chunk.items():
            if key not in ("choices", "object", "obfuscation") and value:
                self._base[key] = value
        has_content = False
        for choice in chunk.get("choices") or ():
            index = choice.get("index") or 0
            kept = self._choices.get(index)
            if kept is None:
                kept = self._choices[index] = _Choice()
            has_content |= kept.add(choice)
        return has_content

    def text(self) -> str:
        first = self._choices[min(self._choices)] if self._choices else None
        return first.text() if first is not None else ""

    def response(self) -> dict[str, Any] | None:
        if not self._base and not self._choices:
            return None
        choices = [{"index": index, **self._choices[index].result()} for index in sorted(self._choices)]
        return {**self._base, "object": "chat.completion", "choices": choices}


class _Choice:
    """One choice: its message in pieces, tool calls by their index (only the first has id and name)."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self._role = "assistant"
        self._pieces: dict[str, list[str]] = {}
        self._calls: dict[int, dict[str, Any]] = {}
        self._function: dict[str, Any] = {}
        self._audio: dict[str, Any] = {}
        self._logprobs: dict[str, list[Any]] = {}

    def add(self, choice: Mapping[str, Any]) -> bool:
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        for key, value in (choice.get("logprobs") or {}).items():
            if isinstance(value, list):
                self._logprobs.setdefault(key, []).extend(value)
        delta = choice.get("delta") or {}
        self._role = delta.get("role") or self._role
        has_content = False
        for key in _PIECES:
            piece = delta.get(key)
            if piece and isinstance(piece, str):
                self._pieces.setdefault(key, []).append(piece)
                has_content = True
        for position, call in enumerate(delta.get("tool_calls") or ()):
            index = call.get("index")
            self._join_call(self._calls.setdefault(position if index is None else index, {}), call)
            has_content = True
        if delta.get("function_call"):
            _join_text(self._function, delta["function_call"])
            has_content = True
        if delta.get("audio"):
            _join_text(self._audio, delta["audio"])
            has_content = True
        return has_content

    def _join_call(self, kept: dict[str, Any], call: Mapping[str, Any]) -> None:
        for key, value in call.items():
            if isinstance(value, Mapping):
                _join_text(kept.setdefault(key, {}), value)
            elif value and key != "index":
                kept[key] = value

    def text(self) -> str:
        pieces = self._pieces.get("content") or self._pieces.get("reasoning_content") or ()
        return "".join(pieces or self._pieces.get("reasoning") or ())

    def result(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": self._role}
        message.update((key, "".join(pieces)) for key, pieces in self._pieces.items())
        if self._calls:
            message["tool_calls"] = [_joined(self._calls[index]) for index in sorted(self._calls)]
        if self._function:
            message["function_call"] = _joined(self._function)
        if self._audio:
            message["audio"] = _joined(self._audio)
        out: dict[str, Any] = {"message": message, "finish_reason": self.finish_reason}
        if self._logprobs:
            out["logprobs"] = self._logprobs
        return out


#: In the function of a tool call and in audio: text that comes in pieces. Everything else is said once.
_JOINED: Final = frozenset({"arguments", "input", "data", "transcript"})


def _join_text(kept: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if key in _JOINED and isinstance(value, str):
            kept.setdefault(key, []).append(value)
        elif value:
            kept[key] = value


def _joined(kept: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in kept.items():
        if isinstance(value, dict):
            out[key] = _joined(value)
        else:
            out[key] = "".join(value) if key in _JOINED and isinstance(value, list) else value
    return out


class CompletionChunks:
    """Chunks of a legacy completion."""

    def __init__(self) -> None:
        self._base: dict[str, Any] = {}
        self._pieces: dict[int, list[str]] = {}
        self._reasons: dict[int, str] = {}

    @property
    def is_complete(self) -> bool:
        return bool(self._pieces) and self._pieces.keys() <= self._reasons.keys()

    def add(self, chunk: Mapping[str, Any]) -> bool:
        self._base.update((key, value) for key, value in chunk.items() if key != "choices" and value)
        has_content = False
        for choice in chunk.get("choices") or ():
            index = choice.get("index") or 0
            pieces = self._pieces.setdefault(index, [])
            if choice.get("text"):
                pieces.append(choice["text"])
                has_content = True
            if choice.get("finish_reason"):
                self._reasons[index] = choice["finish_reason"]
        return has_content

    def text(self) -> str:
        return "".join(self._pieces[min(self._pieces)]) if self._pieces else ""

    def response(self) -> dict[str, Any] | None:
        if not self._base and not self._pieces:
            return None
        choices = [
            {"index": index, "text": "".join(self._pieces[index]), "finish_reason": self._reasons.get(index)}
            for index in sorted(self._pieces)
        ]
        return {**self._base, "choices": choices}


#: Delta event → (list of the item that it grows, key of its index there, type of the piece, key of its text).
_PIECE_EVENTS: Final = {
    "response.output_text.delta": ("content", "content_index", "output_text", "text"),
    "response.refusal.delta": ("content", "content_index", "refusal", "refusal"),
    "response.reasoning_text.delta": ("content", "content_index", "reasoning_text", "text"),
    "response.reasoning_summary_text.delta": ("summary", "summary_index", "summary_text", "text"),
}
#: Delta event → key of the item whose text it grows.
_ITEM_EVENTS: Final = {
    "response.function_call_arguments.delta": "arguments",
    "response.mcp_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
    "response.code_interpreter_call_code.delta": "code",
}
_FINAL_EVENTS: Final = frozenset({"response.completed", "response.failed", "response.incomplete"})


class ResponsesEvents:
    """Typed events of the Responses API; the last brings the whole response, the others the partial."""

    def __init__(self) -> None:
        self._base: dict[str, Any] | None = None
        self._final: dict[str, Any] | None = None
        self._items: dict[int, dict[str, Any]] = {}
        self._done: set[int] = set()
        self._pieces: dict[tuple[int, str, int, str, str], list[str]] = {}
        self._texts: dict[tuple[int, str], list[str]] = {}

    @property
    def is_complete(self) -> bool:
        return self._final is not None

    def add(self, chunk: Mapping[str, Any]) -> bool:
        kind = str(chunk.get("type") or "")
        index = chunk.get("output_index") or 0
        delta = chunk.get("delta")
        if kind in _PIECE_EVENTS:
            if not isinstance(delta, str) or not delta:
                return False
            where, at, piece, key = _PIECE_EVENTS[kind]
            self._pieces.setdefault((index, where, chunk.get(at) or 0, piece, key), []).append(delta)
            return True
        if kind in _ITEM_EVENTS:
            self._texts.setdefault((index, _ITEM_EVENTS[kind]), []).append(str(delta or ""))
            return bool(delta)
        item, response = chunk.get("item"), chunk.get("response")
        if kind in _FINAL_EVENTS and isinstance(response, dict):
            self._final = response
        elif isinstance(response, dict):
            self._base = response
        elif kind == "response.output_item.added" and isinstance(item, dict):
            self._items[index] = item
        elif kind == "response.output_item.done" and isinstance(item, dict):
            self._items[index] = item
            self._done.add(index)
        elif kind == "error":
            code, message = chunk.get("code"), chunk.get("message")
            self._final = {
                **(self._base or {}),
                "status": "failed",
                "error": {"code": code, "message": message},
            }
        return kind.endswith((".audio.delta", ".audio.transcript.delta", "partial_image"))

    def text(self) -> str:
        pieces = self._pieces.items()
        shown = [text for (_, where, _, _, _), text in pieces if where == "content"] or [t for _, t in pieces]
        return "\n".join("".join(text) for text in shown)

    def response(self) -> dict[str, Any] | None:
        if self._final is None:
            base = self._base
            if base is None and not self._items and not self._pieces and not self._texts:
                return None
            return {**(base or {}), "output": list(self._outputs())}
        if self._final.get("output") or not (self._items or self._pieces):
            return self._final
        return {**self._final, "output": list(self._outputs())}

    def _outputs(self) -> Iterable[dict[str, Any]]:
        grown = {key[0] for key in self._pieces} | {key[0] for key in self._texts}
        for index in sorted(self._items.keys() | grown):
            item = self._items.get(index) or {"type": "message", "role": "assistant"}
            yield item if index in self._done else self._grown(index, item)

    def _grown(self, index: int, item: Mapping[str, Any]) -> dict[str, Any]:
        out = dict(item)
        for (of, key), texts in self._texts.items():
            if of == index:
                out[key] = "".join(texts)
        grown: dict[str, list[Any]] = {}
        for of, where, at, kind, key in sorted(self._pieces):
            if of == index:
                text = "".join(self._pieces[of, where, at, kind, key])
                grown.setdefault(where, []).append({"type": kind, key: text})
        return {**out, **grown}
