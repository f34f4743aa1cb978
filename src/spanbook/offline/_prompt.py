"""What a prompt asks and what it was given to answer from.

The question is what follows ``Question:`` in the last user message, or its last paragraph or sentence with a
question mark, or all of it. The passages are the rest: tool results of this turn, the other paragraphs of the
message, context in system messages, and what the user stated earlier. A passage keeps the mark of its source,
as in ``[refunds.md] text``, ``Document: refunds.md``, ``# Refunds``, ``<document name="refunds.md">``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._parse import object_of
from ._types import Message, Request
from ._words import sentences, words

_ASKED = re.compile(
    r"^[ \t]*(?:the |my |user )?(?:question|query|q|task|request)[ \t]*:[ \t]*(.+?)"
    r"(?=^[ \t]*[A-Z][a-z]+(?: [A-Z]?[a-z]+)?:|\Z)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_ASKED_TAG = re.compile(r"<(question|query)>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_LABEL = re.compile(
    r"^(?:(?:here (?:is|are)|use|given) (?:the )?(?:following )?)?"
    r"(?:context|documents?|sources?|passages?|background|facts?|notes?|excerpts?|search results|content|"
    r"text|(?:helpful |final |your )?answer)[ \t]*:[ \t]*$",
    re.IGNORECASE,
)
_INLINE_LABEL = re.compile(
    r"^(?:context|content|document|text|background|facts?|notes?|q|a|question|answer)[ \t]*:[ \t]*(?=\S)",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^(?:[-=*_]{3,}|```\w*|</?(?:context|documents?|sources?|passages?|results?)>)$", re.IGNORECASE)
_BULLET = re.compile(r"^[ \t]*(?:[-*•–]|\d{1,3}[.)])[ \t]+")
_MARKS = (
    re.compile(r"^\[(?P<source>[^\]\n]{1,80})\]:?[ \t]*(?P<rest>.*)$"),
    re.compile(
        r"^<(?:document|doc|source|passage)\b[^>]*?(?:name|title|source|id|path)="
        r"[\"'](?P<source>[^\"']+)[\"'][^>]*>(?P<rest>.*)$",
        re.IGNORECASE,
    ),
    re.compile(r"^#{1,6}[ \t]+(?P<source>\S.{0,79})(?P<rest>)$"),
    re.compile(
        r"^(?P<source>[\w./-]+\.(?:md|txt|html?|pdf|py|ipynb|json|csv|rst|docx?))"
        r"[ \t]*[:–-][ \t]*(?P<rest>.*)$"
    ),
    re.compile(
        r"^(?:document|doc|source|file|title|passage|chunk)(?:[ \t]*\#?\d+)?[ \t]*[:–-][ \t]*"
        r"(?P<source>[^\n]{1,60}?)(?P<rest>)$",
        re.IGNORECASE,
    ),
    re.compile(
        r"^(?P<source>(?:document|doc|passage|chunk)[ \t]*\#?\d+)[ \t]*[:–-]?[ \t]*(?P<rest>.*)$",
        re.IGNORECASE,
    ),
)
_TRAILING = re.compile(r"[\[(](?P<source>source:[^\])]{1,80}|[\w./ -]{1,80}\.\w{2,5})[\])]\.?$", re.IGNORECASE)
_CLOSING = re.compile(r"</(?:document|doc|source|passage)>", re.IGNORECASE)
_INSTRUCTION = re.compile(
    r"^(?:you(?:'re)?|your|answer|use|do not|don't|if|be|reply|respond|always|never|only|cite|say|"
    r"please|given|when|write|return|keep|think|follow|make sure|act|help|provide|summari[sz]e|explain|"
    r"list|find|call|note that you)\b",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"\b(?:context|question|passages?|pieces|documents?|following|below|above|sources?|text|excerpts?)\b", re.IGNORECASE
)
_TEXT_KEYS = ("text", "content", "page_content", "snippet", "body", "passage", "chunk")
_SOURCE_KEYS = ("source", "title", "name", "path", "file", "url", "id", "document")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text to answer from, and the mark of its source if it had one."""

    text: str
    source: str | None = None


def question_of(request: Request) -> str:
    """What the last user message asks."""
    return split_prompt(request.text_of("user"))[0]


def passages_of(request: Request, *, is_near: bool = False) -> list[Passage]:
    """Everything the request offers to answer from, nearest first; without earlier turns if ``is_near``."""
    made: list[Passage] = []
    for message in request.turn():
        if message.role == "tool":
            made += tool_passages(message.text) or []
    given = split_prompt(request.text_of("user"))[1]
    made += [passage for passage in read_passages(given) if not _is_instruction(passage)]
    for message in request.messages:
        if message.role == "system":
            told, given = split_instructions(message.text)
            made += [passage for passage in read_passages(told) if not _INSTRUCTION.match(passage.text)]
            made += read_passages(given)
    return made if is_near else made + list(_earlier(request))


def split_prompt(text: str) -> tuple[str, str]:
    """A user message as ``(question, the rest)``."""
    found = _ASKED_TAG.search(text)
    if found:
        return found[2].strip(), text[: found.start()] + text[found.end() :]
    asked = list(_ASKED.finditer(text))
    if asked:
        last = asked[-1]
        head, _, tail = last[1].partition("\n\n")
        return head.strip(), f"{text[: last.start()]}\n\n{tail}{text[last.end() :]}"
    paragraphs = [part for part in re.split(r"\n[ \t]*\n", text) if part.strip()]
    if len(paragraphs) > 1:
        chosen = _asking(paragraphs)
        return paragraphs[chosen].strip(), "\n\n".join(p for i, p in enumerate(paragraphs) if i != chosen)
    lines = [line for line in text.splitlines() if line.strip()]
    parts = lines if len(lines) > 1 else sentences(text)
    asking = [part for part in parts if part.rstrip().endswith("?")]
    if asking and len(asking) < len(parts):
        return " ".join(asking), "\n".join(part for part in parts if part not in asking)
    return text.strip(), ""


def split_instructions(text: str) -> tuple[str, str]:
    """A system message as ``(instructions, context)``.

    The context begins at the first label: a line such as ``Context:``, a fence, or the mark of a source.
    The instructions come one sentence to a paragraph.
    """
    lines = text.splitlines()
    for i, line in enumerate(lines):
        bare = line.strip()
        if _LABEL.match(bare) or _FENCE.match(bare) or _INLINE_LABEL.match(bare) or _mark(bare):
            return "\n\n".join(sentences("\n".join(lines[:i]))), "\n".join(lines[i:])
    return "\n\n".join(sentences(text)), ""


def read_passages(text: str) -> list[Passage]:
    """Passages of a text: its paragraphs and bullets, each with the mark of its source."""
    made: list[Passage] = []
    source: str | None = None
    for block in re.split(r"\n[ \t]*\n", text):
        lines = [line.strip() for line in block.splitlines()]
        kept: list[tuple[str | None, str]] = []
        own = source
        for line in lines:
            line = _CLOSING.sub("", line)
            if not line or _LABEL.match(line) or _FENCE.match(line):
                continue
            trailing = _TRAILING.search(line)
            if trailing and trailing.start() > 0:  # "a fact (refunds.md)" marks this line alone
                kept.append((_trailing_source(trailing), line[: trailing.start()].rstrip()))
                continue
            mark = _mark(_BULLET.sub("", line))
            if mark is None:
                kept.append((own, _INLINE_LABEL.sub("", line)))
                continue
            if kept and not mark[1] and own == source and not line.startswith(("#", "<", "[")):
                kept = [(mark[0], old) for _, old in kept]  # "Source: x" below the text it belongs to
            else:
                own = mark[0]
            if mark[1]:
                kept.append((own, mark[1]))
        if not kept and own != source:
            source = own  # a heading on its own holds for the blocks below
        made += _join(kept)
    return made


def tool_passages(text: str) -> list[Passage] | None:
    """Documents in a tool's result: JSON objects with a text field, or running text; None for neither."""
    try:
        value = json.loads(text)
    except ValueError:
        return read_passages(text) if len(words(text)) >= 8 else None
    if isinstance(value, str):
        return tool_passages(value) if value != text else None
    made = list(_documents(value))
    return made or None


def tool_results(request: Request) -> list[tuple[str, Mapping[str, Any], str]]:
    """Results of this turn as ``(tool name, arguments, result text)``, in the order of the results."""
    made = []
    calls = {call.id: call for message in request.messages for call in message.tool_calls}
    for message in request.turn():
        if message.role == "tool":
            call = calls.get(message.tool_call_id or "")
            arguments = object_of(call.arguments) if call else {}
            made.append((call.name if call else "the tool", arguments, message.text))
    return made


def _earlier(request: Request) -> Iterator[Passage]:
    """What was said before this turn: the user's statements and older tool results."""
    users = [i for i, message in enumerate(request.messages) if message.role == "user"]
    before: Sequence[Message] = request.messages[: users[-1]] if users else ()
    for message in before:
        if message.role == "tool":
            yield from tool_passages(message.text) or ()
        elif message.role == "user":
            rest = [line for line in sentences(message.text) if not line.endswith("?")]
            yield from read_passages("\n".join(rest))


def _asking(paragraphs: Sequence[str]) -> int:
    """Which paragraph asks: the last with a question mark, else a short last one, else a short first one."""
    for i in range(len(paragraphs) - 1, -1, -1):
        if "?" in paragraphs[i] and len(words(paragraphs[i])) <= 60:
            return i
    last = len(paragraphs) - 1
    return 0 if len(words(paragraphs[last])) > 40 and len(words(paragraphs[0])) <= 40 else last


def _mark(line: str) -> tuple[str, str] | None:
    for pattern in _MARKS:
        found = pattern.match(line)
        if found:
            return found["source"].strip(" \"'*"), found["rest"].strip()
    return None


def _is_instruction(passage: Passage) -> bool:
    """True for a paragraph of a user's message that says what to do with the others."""
    return bool(_INSTRUCTION.match(passage.text) and _POINTING.search(passage.text) and not passage.source)


def _trailing_source(found: re.Match[str]) -> str:
    return re.sub(r"^source:", "", found["source"], flags=re.IGNORECASE).strip()


def _join(lines: Sequence[tuple[str | None, str]]) -> list[Passage]:
    """Neighbouring lines of one source as one passage; bullets stand alone."""
    made: list[Passage] = []
    is_open = False
    for source, line in lines:
        bullet = _BULLET.match(line)
        text = line[bullet.end() :] if bullet else line
        if is_open and not bullet and made and made[-1].source == source:
            made[-1] = Passage(f"{made[-1].text}\n{text}", source)
        else:
            made.append(Passage(text, source))
        is_open = True
    return [Passage(" ".join(sentences(passage.text)), passage.source) for passage in made if passage.text]


def _documents(value: object) -> Iterator[Passage]:
    if isinstance(value, list):
        for item in value:
            if isinstance(item, str):
                yield from read_passages(item) if len(words(item)) >= 4 else ()
            else:
                yield from _documents(item)
    elif isinstance(value, dict):
        text = next((value[key] for key in _TEXT_KEYS if isinstance(value.get(key), str)), None)
        if text is not None and len(words(text)) >= 4:
            meta = value.get("metadata")
            fields = {**(meta if isinstance(meta, dict) else {}), **value}
            source = next((str(fields[key]) for key in _SOURCE_KEYS if isinstance(fields.get(key), (str, int))), None)
            yield from (Passage(p.text, p.source or source) for p in read_passages(text))
        else:
            for item in value.values():
                if isinstance(item, (list, dict)):
                    yield from _documents(item)
