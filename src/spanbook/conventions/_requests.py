"""Messages of ours in the forms that providers take: the other way round of the mappers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

Part: TypeAlias = Mapping[str, Any]
ReadBlob: TypeAlias = Callable[[str], tuple[str, bytes] | None]

#: Bytes of files that are written into the code, in all.
_MOST_BYTES: Final = 4_000_000
_AUDIO: Final = {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/x-wav": "wav"}


class Writer:
    """Collects what cannot be said in the request, and reads files: those of stored messages by their digest."""

    def __init__(self, read_blob: ReadBlob | None = None) -> None:
        self.notes: list[str] = []
        self._read, self._left, self._calls = read_blob, _MOST_BYTES, 0
        self._waiting: list[str] = []

    def note(self, text: str) -> None:
        """Say something above the code, once."""
        if text not in self.notes:
            self.notes.append(text)

    def data(self, part: Part) -> tuple[str, str] | None:
        """Return (MIME type, base64) of a file in a message; None, with a note, when it is not there."""
        digest, mime = part.get("digest"), str(part.get("mime_type") or "application/octet-stream")
        given = part.get("content")
        if isinstance(given, str) and given:  # it was never stored
            return mime, given
        found = self._read(digest) if self._read is not None and isinstance(digest, str) else None
        if found is None:
            self.note(f"A file ({mime!r}) is not at hand and is left out.")
            return None
        self._left -= len(found[1])
        if self._left < 0:
            self.note(f"A file ({mime!r}) is left out: files of more than {_MOST_BYTES // 1_000_000} MB in all.")
            return None
        return mime, base64.b64encode(found[1]).decode("ascii")

    def data_url(self, part: Part) -> str | None:
        """Return a file as ``data:`` URL."""
        found = self.data(part)
        return None if found is None else f"data:{found[0]};base64,{found[1]}"

    def call_id(self, part: Part) -> str:
        """Return the id of a tool call; old forms have none, and get one that their result finds."""
        if isinstance(part.get("id"), str) and part["id"]:
            return str(part["id"])
        if part.get("type") == "tool_call":
            self._calls += 1
            self._waiting.append(f"call_{self._calls}")
            return self._waiting[-1]
        return self._waiting.pop(0) if self._waiting else "call_0"

    def missing(self, part: Part) -> None:
        """Say of a part that it was not kept, or has no place in a request."""
        kind = part.get("type")
        if kind == "not_captured":
            self.note(f"Not captured, and left out: {part.get('reason')!r}.")
        elif kind != "reasoning":
            self.note(f"A part of type {kind!r} has no place in this request and is left out.")


def text_of(value: Any) -> str:
    """Return text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _arguments(part: Part) -> str:
    value = part.get("arguments")
    return "{}" if value is None or value == "" else text_of(value)


def _parts(message: Mapping[str, Any]) -> list[Part]:
    parts = message.get("parts")
    return [part for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []


def _named(message: Mapping[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    return {**made, "name": message["name"]} if isinstance(message.get("name"), str) else made


# -- chat completions


def chat_messages(messages: Any, writer: Writer) -> list[dict[str, Any]]:
    """Return stored messages as OpenAI's chat completions take them."""
    made: list[dict[str, Any]] = []
    for message in messages:
        role, parts = str(message.get("role") or "user"), _parts(message)
        if role == "tool":
            made += _chat_results(parts, writer)
        elif role == "assistant":
            made += _chat_answer(message, parts, writer)
        else:
            content = _content(parts, writer, chat_piece)
            made.append(_named(message, {"role": role, "content": content or ""}))
    return made


def _chat_answer(message: Mapping[str, Any], parts: list[Part], writer: Writer) -> Iterator[dict[str, Any]]:
    calls = [part for part in parts if part.get("type") == "tool_call"]
    texts = [text_of(part.get("content")) for part in parts if part.get("type") == "text"]
    refusals = [text_of(part.get("content")) for part in parts if part.get("type") == "refusal"]
    made: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts or not calls else None}
    if refusals:
        made["refusal"] = "".join(refusals)
    if calls:
        made["tool_calls"] = [
            {
                "id": writer.call_id(part),
                "type": "function",
                "function": {"name": str(part.get("name") or ""), "arguments": _arguments(part)},
            }
            for part in calls
        ]
    for part in parts:
        if part.get("type") not in ("tool_call", "text", "refusal", "tool_call_response"):
            writer.missing(part)
    yield _named(message, made)
    yield from _chat_results([part for part in parts if part.get("type") == "tool_call_response"], writer)


def _chat_results(parts: list[Part], writer: Writer) -> Iterator[dict[str, Any]]:
    """Yield a message per result; pictures in it follow as the user's, since results are text."""
    rest = [part for part in parts if part.get("type") != "tool_call_response"]
    for part in parts:
        if part.get("type") == "tool_call_response":
            content = text_of(part.get("response"))
            yield {"role": "tool", "tool_call_id": writer.call_id(part), "content": content}
    if rest and (content := _content(rest, writer, chat_piece)):
        yield {"role": "user", "content": content}


Piece: TypeAlias = Callable[[Part, Writer], dict[str, Any] | None]


def _content(parts: Iterable[Part], writer: Writer, piece: Piece) -> Any:
    """Text where a message is one text, else a list of typed pieces."""
    found = list(parts)
    if all(part.get("type") == "text" for part in found) and len(found) <= 1:
        return text_of(found[0].get("content")) if found else ""
    return [made for part in found if (made := piece(part, writer)) is not None]


def chat_piece(part: Part, writer: Writer) -> dict[str, Any] | None:
    """Return a part as a piece of a chat message's content; None, with a note, when there is no such piece."""
    kind, mime = part.get("type"), str(part.get("mime_type") or "")
    if kind == "text":
        return {"type": "text", "text": text_of(part.get("content"))}
    if kind == "blob" and part.get("modality") == "audio":
        found = writer.data(part)
        return found and {"type": "input_audio", "input_audio": {"data": found[1], "format": _AUDIO.get(mime, "wav")}}
    if kind == "blob":
        url = writer.data_url(part)
        if url is None:
            return None
        if part.get("modality") == "image":
            return {"type": "image_url", "image_url": {"url": url}}
        return {"type": "file", "file": {"filename": str(part.get("filename") or "file"), "file_data": url}}
    if kind == "uri" and part.get("modality") in ("image", "video", "audio"):
        name = f"{part['modality']}_url"
        return {"type": name, name: {"url": str(part.get("uri"))}}
    if kind == "file" and part.get("file_id"):
        return {"type": "file", "file": {"file_id": str(part["file_id"])}}
    writer.missing(part)
    return None


# -- responses


def responses_input(messages: Any, writer: Writer) -> dict[str, Any]:
    """Return ``instructions`` and ``input`` of OpenAI's responses; a leading system text becomes instructions."""
    made: dict[str, Any] = {}
    found = list(messages)
    first = _parts(found[0])
    if found[0].get("role") == "system" and len(first) == 1 and first[0].get("type") == "text":
        made["instructions"] = text_of(first[0].get("content"))
        found = found[1:]
    made["input"] = [item for message in found for item in _items(message, writer)]
    return made


def _items(message: Mapping[str, Any], writer: Writer) -> Iterator[dict[str, Any]]:
    role, said = str(message.get("role") or "user"), list[Part]()
    for part in _parts(message):
        if part.get("type") == "tool_call":
            yield from _said(role, said, writer)
            said = []
            name = str(part.get("name") or "")
            yield {
                "type": "function_call",
                "call_id": writer.call_id(part),
                "name": name,
                "arguments": _arguments(part),
            }
        elif part.get("type") == "tool_call_response":
            output = text_of(part.get("response"))
            yield {"type": "function_call_output", "call_id": writer.call_id(part), "output": output}
        elif part.get("type") == "reasoning":
            continue
        else:
            said.append(part)
    yield from _said(role, said, writer)


def _said(role: str, parts: list[Part], writer: Writer) -> Iterator[dict[str, Any]]:
    if not parts:
        return
    if role == "assistant":
        texts = [text_of(part.get("content")) for part in parts if part.get("type") in ("text", "refusal")]
        for part in parts:
            if part.get("type") not in ("text", "refusal"):
                writer.missing(part)
        if texts:
            yield {"role": role, "content": "".join(texts)}
        return
    content = _content(parts, writer, _responses_piece)
    yield {"role": "user" if role == "tool" else role, "content": content or ""}


def _responses_piece(part: Part, writer: Writer) -> dict[str, Any] | None:
    kind = part.get("type")
    if kind == "text":
        return {"type": "input_text", "text": text_of(part.get("content"))}
    if kind == "blob" and part.get("modality") != "audio":
        url = writer.data_url(part)
        if url is None:
            return None
        if part.get("modality") == "image":
            return {"type": "input_image", "image_url": url}
        return {"type": "input_file", "filename": str(part.get("filename") or "file"), "file_data": url}
    if kind == "uri":
        name = "input_image" if part.get("modality") == "image" else "input_file"
        return {"type": name, "image_url" if name == "input_image" else "file_url": str(part.get("uri"))}
    if kind == "file" and part.get("file_id"):
        is_image = str(part.get("mime_type") or "").startswith("image/")
        return {"type": "input_image" if is_image else "input_file", "file_id": str(part["file_id"])}
    writer.missing(part)
    return None


# -- Anthropic


def anthropic_request(messages: Any, writer: Writer) -> dict[str, Any]:
    """Return ``system`` and ``messages`` as Anthropic's client takes them."""
    system: list[str] = []
    made: list[dict[str, Any]] = []
    for message in messages:
        role, parts = str(message.get("role") or "user"), _parts(message)
        if role in ("system", "developer"):
            system += [text_of(part.get("content")) for part in parts if part.get("type") == "text"]
            continue
        role = "assistant" if role == "assistant" else "user"
        content = _content(parts, writer, _anthropic_piece)
        if content:
            made.append({"role": role, "content": content})
    return {**({"system": "\n\n".join(system)} if system else {}), "messages": made}


def _anthropic_piece(part: Part, writer: Writer) -> dict[str, Any] | None:
    kind = part.get("type")
    name = "image" if part.get("modality") == "image" else "document"
    if kind == "text":
        return {"type": "text", "text": text_of(part.get("content"))}
    if kind == "tool_call":
        given = part.get("arguments")
        return {
            "type": "tool_use",
            "id": writer.call_id(part),
            "name": str(part.get("name") or ""),
            "input": dict(given) if isinstance(given, Mapping) else {},
        }
    if kind == "tool_call_response":
        made = {"type": "tool_result", "tool_use_id": writer.call_id(part), "content": text_of(part.get("response"))}
        return {**made, "is_error": True} if part.get("is_error") is True else made
    if kind == "reasoning" and isinstance(part.get("signature"), str):
        return {"type": "thinking", "thinking": text_of(part.get("content")), "signature": part["signature"]}
    if kind == "reasoning" and isinstance(part.get("encrypted"), str):
        return {"type": "redacted_thinking", "data": part["encrypted"]}
    if kind == "refusal":
        return {"type": "text", "text": text_of(part.get("content"))}
    if kind == "file" and part.get("file_id"):
        return {"type": name, "source": {"type": "file", "file_id": str(part["file_id"])}}
    if kind == "blob" and part.get("modality") != "audio":
        found = writer.data(part)
        return found and {"type": name, "source": {"type": "base64", "media_type": found[0], "data": found[1]}}
    if kind == "uri":
        return {"type": name, "source": {"type": "url", "url": str(part.get("uri"))}}
    writer.missing(part)
    return None
