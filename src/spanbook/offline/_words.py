"""Words, stems and sentences of English text, as simple stated rules."""

from __future__ import annotations

import functools
import re

#: Function words, and the small talk of questions ("how long", "I want to know"): they carry no subject.
STOPWORDS = frozenset(
    "a about after again all also am an and any are as ask at be because been before being between but by "
    "can could did do does doing don't during each explain for from further get give had has have having "
    "he help her here hers him his how i i'd i'm if in into is it it's its just know let long many me "
    "more most much my need no nor not now of off often on once only or other our ours out over own "
    "please same she should so some such tell than that the their theirs them then there these they this "
    "those through to too under until up us use very want was we were what what's when where where's "
    "which while who who's whom whose why will with would you your yours".split()
)

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“\u2018(\[]?[A-Z0-9À-Þ])|\n+")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|No|vs|etc|e\.g|i\.e|approx|Fig|Inc|Ltd)|\b[A-Z])\.$")


def words(text: str) -> list[str]:
    """All words in lower case, in order; numbers count as words."""
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


@functools.lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A word without its commonest English endings: refunds, refunded, refunding → refund."""
    if len(word) <= 3 or any(letter.isdigit() for letter in word):
        return word
    if word.endswith("'s"):
        word = word[:-2]
    for ending, replacement in (("ies", "y"), ("ied", "y"), ("sses", "ss"), ("ing", ""), ("ed", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + replacement
            break
    else:
        if word.endswith("s") and not word.endswith(("ss", "us", "is")):
            word = word[:-1]
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]  # shipped → shipp → ship
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order."""
    return [stem(word) for word in words(text) if word not in STOPWORDS]


def sentences(text: str) -> list[str]:
    """Sentences of a text; a line break always ends one, an abbreviation's dot does not."""
    made: list[str] = []
    joined = False
    for piece in _split(text):
        sentence = piece.strip()
        if not sentence:
            continue
        if joined:
            made[-1] = f"{made[-1]} {sentence}"
        else:
            made.append(sentence)
        joined = _ABBREVIATION.search(sentence) is not None and not piece.endswith("\n")
    return made


def _split(text: str) -> list[str]:
    parts, start = [], 0
    for found in _SENTENCE_END.finditer(text):
        end = found.end() if "\n" in found.group() else found.start() + len(found.group().rstrip())
        parts.append(text[start:end])
        start = found.end()
    parts.append(text[start:])
    return parts
