"""The built-in rules, asked after the user's own."""

from __future__ import annotations

import json
import struct

from ._answers import grounded_answer, picked, unknown
from ._calls import next_calls
from ._document import Evidence, document
from ._prompt import passages_of, question_of, tool_results
from ._rules import Rule
from ._types import Image, Request

WHO = (
    "I am the offline model of spanbook: scripted rules on this machine, not a model. I answer with "
    "sentences from the text I am given, call the tools whose words are in the question, and know "
    "nothing else."
)
_LOOKS_AT = "I am scripted rules, not a model: I read an image's header and cannot see what it shows."


def asks_for_tools(request: Request) -> bool:
    """True when a tool is to be called now."""
    return bool(next_calls(request))


def asks_for_document(request: Request) -> bool:
    """True when the answer has to be JSON."""
    return request.schema is not None or request.is_json


def shows_image(request: Request) -> bool:
    """True when the last user message holds an image."""
    return bool(_images(request))


def json_answer(request: Request) -> str:
    """The JSON document for a request with a schema, or a free one with answer and sources."""
    evidence = _evidence(request)
    if request.schema is not None:
        return json.dumps(document(request.schema, evidence), ensure_ascii=False)
    return json.dumps({"answer": evidence.answer, "sources": list(evidence.sources)}, ensure_ascii=False)


def image_answer(request: Request) -> str:
    """What can be read from the images' headers, followed by what the text answers, if it does."""
    images = _images(request)
    told = "; ".join(describe_image(image) for image in images)
    count = "1 image" if len(images) == 1 else f"{len(images)} images"
    answer = f"I was given {count} ({told}). {_LOOKS_AT}"
    return f"{answer} {grounded_answer(request)}" if picked(request) else answer


def describe_image(image: Image) -> str:
    """Type, size in pixels (PNG, GIF, JPEG) and bytes of an image."""
    if image.data is None:
        return f"by address, {image.url}"
    size = image_size(image.data)
    pixels = f", {size[0]} × {size[1]} pixels" if size else ""
    return f"{image.mime_type}{pixels}, {len(image.data):,} bytes"


def image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from the header of a PNG, GIF or JPEG; None for anything else."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data[:4] == b"GIF8" and len(data) >= 10:
        width, height = struct.unpack("<HH", data[6:10])
        return width, height
    if data[:2] == b"\xff\xd8":
        return _jpeg_size(data)
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # the start of a frame, of any kind
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def _images(request: Request) -> tuple[Image, ...]:
    last = next((message for message in reversed(request.messages) if message.role == "user"), None)
    return last.images if last is not None else ()


def _evidence(request: Request) -> Evidence:
    hits = picked(request)
    passages = passages_of(request)
    sources = dict.fromkeys(hit.source for hit in hits if hit.source)
    if hits:
        answer = " ".join(hit.text for hit in sorted(hits, key=lambda hit: hit.place))
    elif tool_results(request):
        answer = grounded_answer(request)
    else:
        answer = unknown(request)
    return Evidence(
        question=question_of(request),
        answer=answer,
        passages=passages,
        sources=list(sources),
        is_known=bool(hits),
    )


#: Asked in this order after the user's rules; the last one matches everything.
DEFAULT_RULES: tuple[Rule, ...] = (
    Rule(match=asks_for_tools, tool_calls=next_calls),
    Rule(match=asks_for_document, text=json_answer),
    Rule(match=shows_image, text=image_answer),
    Rule(
        match=r"\b(?:who|what) are you\b|\bare you (?:a |an )?(?:real |actual )?(?:ai|llm|model|bot|human)\b",
        text=WHO,
    ),
    Rule(match=r"^\s*(?:hi|hello|hey|good (?:morning|afternoon|evening))\b[^?]{0,40}$", text=f"Hello! {WHO}"),
    Rule(match=r"^\s*(?:thanks|thank you|thx)\b[^?]{0,40}$", text="You are welcome."),
    Rule(text=grounded_answer),
)
