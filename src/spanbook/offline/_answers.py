"""Answers built from the text of the prompt.

1. Sentences of the passages are ranked by the words they share with the question (a quarter as much counts
   for words found elsewhere in their passage). Small models count words; large ones weigh rare words more and
   ask for two fifths of the question's weight before they answer.
2. Small models say the best sentence; large ones up to three from within reach of the best, each with the
   mark of its source.
3. The prompt's wording changes this in known ways: *brief, concise, one sentence* → one sentence; *detailed,
   step by step* → up to five; *cite, source* → marks for all models; *bullet* → one bullet a sentence;
   *say "..."* (with what to say when the answer is not there) → those words instead of the usual admission.
4. A tool result of plain fields becomes a sentence (small models name the fields that were asked about);
   documents in a tool result are passages like any others.
5. When nothing matches, it says that it does not know.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._models import size_of
from ._prompt import Passage, passages_of, question_of, tool_passages, tool_results
from ._types import Request
from ._words import sentences, stems

UNKNOWN = "I do not know: nothing in the text I was given answers this."
NOTHING_GIVEN = "I do not know: I was given no text to answer from, and I am scripted rules, not a model."

_BRIEF = re.compile(r"\b(?:brief|briefly|concise|concisely|short|one sentence|single sentence|terse)\b", re.I)
_LONG = re.compile(r"\b(?:detail|details|detailed|thorough|thoroughly|step by step|elaborate|in depth)\b", re.I)
_CITE = re.compile(r"\b(?:cite|cites|citing|citations?|sources?)\b", re.I)
_BULLETS = re.compile(r"\bbullet", re.I)
_SAY = re.compile(
    r"\b(?:say|reply|answer|respond|write)(?: with| that| exactly)?[:,]? "
    r"(?:\"([^\"]{2,160})\"|“([^”]{2,160})”|'(.{2,160}?)'(?=[\s.,;)]|$))"
)
_SUMMARY = re.compile(r"\b(?:summari[sz]e|summary|tl;?dr|main points|overview)\b", re.I)
_AROUND = 0.25  # what a word counts that stands elsewhere in the passage
_REACH = 0.8  # of the best score: what else is worth saying
_ABSENT = 1.0  # weight of a word that no passage holds; one that all hold weighs log(2)
_LEAST = 0.4  # of the question's weight, before a large model answers


@dataclass(frozen=True, slots=True)
class Style:
    """What the wording of a prompt asks of the answer."""

    most: int  # sentences
    cites: bool
    is_bulleted: bool
    unknown: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One sentence with its score and where it stood."""

    text: str
    source: str | None
    score: float
    place: int


def grounded_answer(request: Request) -> str:
    """The answer to a request from its own text; choice k of n leaves out the k best sentences."""
    hits = sorted(picked(request), key=lambda hit: hit.place)
    told = [result for result in tool_results(request) if tool_passages(result[2]) is None]
    if not hits and not told:  # running text that shares no word with the question still answers the call
        told = [(name, given, sentences(text)[0]) for name, given, text in tool_results(request) if _is_prose(text)]
    question, size = question_of(request), size_of(request.model)
    parts = [tool_sentence(*result, question=question, size=size) for result in told]
    if hits or not told:
        parts.append(write(hits, style_of(request)) if hits else unknown(request))
    return " ".join(parts)


def unknown(request: Request) -> str:
    """What to say when nothing answers: the prompt's own words for it, if it has any."""
    style = style_of(request)
    return NOTHING_GIVEN if style.unknown == UNKNOWN and not passages_of(request) else style.unknown


def picked(request: Request) -> list[Hit]:
    """The sentences of the request's passages that answer its question, best first."""
    question, style = question_of(request), style_of(request)
    # once a tool has answered, older text does not count, and the rest only if it really fits
    has_answer = any(tool_passages(text) is None for _, _, text in tool_results(request))
    passages = passages_of(request, is_near=has_answer)
    if _SUMMARY.search(question):
        return _openings(passages or _after_colon(question), style.most)
    is_small = size_of(request.model) == "small" and not has_answer
    hits = best_sentences(question, passages, is_small=is_small, most=style.most + request.choice)
    return hits[request.choice :] or hits[-1:]


def style_of(request: Request) -> Style:
    """The style for a request, from its model's size and the wording of system messages and question."""
    system = request.text_of("system")
    text = f"{system}\n{question_of(request)}"
    is_small = size_of(request.model) == "small"
    most = 1 if is_small or _BRIEF.search(text) else 3
    if _LONG.search(text) and not _BRIEF.search(text):
        most = 2 if is_small else 5
    said = _SAY.search(f"{system}\n{request.text_of('user')}")
    unknown = next((group for group in said.groups() if group), UNKNOWN) if said else UNKNOWN
    return Style(most, not is_small or _CITE.search(text) is not None, _BULLETS.search(text) is not None, unknown)


def best_sentences(question: str, passages: Sequence[Passage], *, is_small: bool, most: int) -> list[Hit]:
    """Up to ``most`` sentences that share words with the question, best first; may be empty."""
    asked = set(stems(question))
    if not asked:
        return []
    weights = dict.fromkeys(asked, 1.0) if is_small else _weights(asked, passages)
    hits, place = [], 0
    for passage in passages:
        around = asked & set(stems(f"{passage.text} {passage.source or ''}"))
        question_score = 0.0
        for sentence in sentences(passage.text):
            here = asked & set(stems(sentence))
            score = sum(weights[w] for w in here) + _AROUND * sum(weights[w] for w in around - here)
            if sentence.endswith("?"):  # a question in the text: what follows is its answer
                question_score = _REACH * score
                continue
            score = max(score, question_score) if here or question_score or not is_small else 0.0
            hits.append(Hit(sentence, passage.source, score, place))
            question_score = 0.0
            place += 1
    hits.sort(key=lambda hit: (-hit.score, hit.place))
    least = 0.0 if is_small else sum(weights.values()) * _LEAST
    if not hits or hits[0].score <= 0 or hits[0].score < least:
        return []
    reach = hits[0].score * _REACH
    return _distinct(hit for hit in hits if hit.score >= reach)[:most]


def write(hits: Sequence[Hit], style: Style) -> str:
    """The sentences in one text, marked with their sources; one mark for a run from the same source."""
    parts = []
    for i, hit in enumerate(hits):
        is_last_of_run = style.is_bulleted or i + 1 == len(hits) or hits[i + 1].source != hit.source
        mark = f" [{hit.source}]" if style.cites and hit.source and is_last_of_run else ""
        text = hit.text if hit.text.endswith((".", "!", "?", ":")) else f"{hit.text}."
        parts.append(f"- {text}{mark}" if style.is_bulleted else f"{text}{mark}")
    return ("\n" if style.is_bulleted else " ").join(parts)


def tool_sentence(name: str, arguments: Mapping[str, Any], result: str, *, question: str, size: str) -> str:
    """One sentence that says what a tool returned; small models name only the fields asked about."""
    called = f"{name}({', '.join(f'{key}={_plain(value)}' for key, value in arguments.items())})"
    try:
        value = json.loads(result)
    except ValueError:
        value = result
    if isinstance(value, dict) and value:
        if isinstance(value.get("error"), (str, dict)):
            return f"{called} failed: {_plain(value['error'])}."
        news = {key: item for key, item in value.items() if arguments.get(key) != item} or value
        fields = _asked_fields(news, question) if size == "small" else news
        told = ", ".join(f"{key.replace('_', ' ')} is {_plain(item)}" for key, item in fields.items())
        return f"According to {called}, {told}."
    return f"According to {called}: {_plain(value)}."


def _asked_fields(value: Mapping[str, Any], question: str) -> Mapping[str, Any]:
    asked = set(stems(question))
    chosen = {key: item for key, item in value.items() if asked & set(stems(f"{key.replace('_', ' ')} {item}"))}
    return chosen or dict(list(value.items())[:2])


def _weights(asked: Iterable[str], passages: Sequence[Passage]) -> dict[str, float]:
    """Weight of each word asked: rarer among the passages is heavier, never 0."""
    counts = Counter(w for p in passages for w in set(stems(f"{p.text} {p.source or ''}")))
    total = len(passages) + 1
    return {word: math.log(1 + total / counts[word]) if counts[word] else _ABSENT for word in asked}


def _distinct(hits: Iterable[Hit]) -> list[Hit]:
    seen: set[str] = set()
    return [hit for hit in hits if not (hit.text in seen or seen.add(hit.text))]  # type: ignore[func-returns-value]


def _openings(passages: Sequence[Passage], most: int) -> list[Hit]:
    told = [(passage, [line for line in sentences(passage.text) if not line.endswith("?")]) for passage in passages]
    firsts = [(lines[0], passage.source) for passage, lines in told if lines]
    if len(firsts) == 1:
        firsts = [(line, passage.source) for passage, lines in told for line in lines]
    return [Hit(text, source, 1.0, place) for place, (text, source) in enumerate(firsts[: max(most, 1)])]


def _after_colon(question: str) -> list[Passage]:
    text = question.partition(":")[2].strip()
    return [Passage(text)] if text else []


def _is_prose(text: str) -> bool:
    return bool(text.strip()) and text.lstrip()[0] not in "[{"


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value.rstrip(".")
    return json.dumps(value, ensure_ascii=False)
