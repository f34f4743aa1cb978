"""Values taken out of text by simple rules, for tool arguments and JSON documents.

For text: an enum value that occurs; ``name: value`` or ``name is value``; then by the field's name: dates,
e-mail and web addresses, identifiers (a word with a digit), queries (the whole question), expressions
(the arithmetic in it), people and places (capitalised words; for places those after *in, at, from, to*
first); quoted text before all of these in tool arguments. For numbers: the one beside the field's name,
else those in order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ._words import STOPWORDS, sentences, stem, stems, words

_QUOTED = re.compile(r"\"([^\"\n]{1,200})\"|“([^”\n]{1,200})”|(?<!\w)'([^'\n]{1,200})'(?!\w)|`([^`\n]{1,200})`")
_NUMBER = re.compile(
    r"(?<![\w.])[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"
    r"|(?<![\w.,])(?<!\w-)[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?!\w)"
    r"|(?<=[$€£#])\d+(?:\.\d+)?"
)
_LONGEST = 15  # digits; longer runs are no quantities
_AMOUNT = r"(?<![\d,.])([-+]?\d[\d,]{0,14}(?:\.\d{1,15})?)(?!\d)"
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?\b")
_EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_URL = re.compile(r"\bhttps?://[^\s<>\"')\]]+[^\s<>\"')\].,;!?]")
_ID = re.compile(r"(?<![\w.,$€£-])#?(?=[\w-]*\d)[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*\b(?!\.\d)")
_NAME = re.compile(r"[A-ZÀ-Þ][\w’'-]*(?:\s+(?:(?:of|de|da|van|von|la|le|del|the)\s+)?[A-ZÀ-Þ][\w’'-]*)*")
_PLACED = re.compile(r"\b(?:in|at|for|from|to|near|of|with|and|or|,)\s+$", re.IGNORECASE)
_MATH = re.compile(r"[\d(][\d\s+\-*/%^().,]*[\d)]")
_NEGATED = re.compile(
    r"\b(?:not|no|never|none|without|cannot|can't|won't|isn't|aren't|don't|doesn't|n't)\b", re.IGNORECASE
)


def roots(text: str) -> frozenset[str]:
    """Stems of a list of words, to compare with the words of a field's name."""
    return frozenset(map(stem, text.split()))


_ID_NAMES = roots("id ids number code sku order ticket invoice account reference ref key isbn")
_QUERY_NAMES = roots("query question q text search term prompt message input topic keyword request")
_MATH_NAMES = roots("expression formula equation calculation math")
_PLACES = roots("city town country state region place location where destination origin address airport station")
_PEOPLE = roots(
    "name person people author customer user who company organisation organization team product brand "
    "language currency department employee"
)


def name_words(name: str) -> list[str]:
    """Words of an identifier: ``getOrderStatus``, ``get_order_status`` → get, order, status."""
    return words(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\-.]", " ", name))


def contains(text: str, value: str) -> int | None:
    """Where ``value`` stands in ``text`` as whole words, case and underscores ignored, or None."""
    pattern = r"[\s_-]+".join(re.escape(part) for part in re.split(r"[\s_-]+", value.strip()) if part)
    found = re.search(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE) if pattern else None
    return found.start() if found else None


def enum_values(values: Sequence[Any], text: str) -> list[Any]:
    """The enum values that occur in the text, in the order of the text."""
    found = [(contains(text, str(value)), i) for i, value in enumerate(values) if isinstance(value, (str, int, float))]
    return [values[i] for _, i in sorted((at, i) for at, i in found if at is not None)]


def numbers(text: str) -> list[float]:
    """Numbers of the text in order; digits inside dates and identifiers do not count."""
    found = _NUMBER.findall(_DATE.sub(" ", text))
    return [float(digits.replace(",", "")) for digits in found if len(digits) <= _LONGEST]


def number_for(name: str, text: str) -> float | None:
    """The number that stands beside one of the name's words, as in ``limit 5`` or ``5 days``."""
    for word in name_words(name):
        if word in STOPWORDS or len(word) < 3:
            continue
        root = re.escape(stem(word))
        after = re.search(rf"\b{root}\w*\W{{1,4}}(?:(?:of|is|to|at|was|be)\s+)?[$€£#]?{_AMOUNT}", text, re.I)
        found = after or re.search(rf"{_AMOUNT}\W{{0,2}}\s?{root}", text, re.I)
        if found:
            return float(found[1].replace(",", ""))
    return None


def strings_for(name: str, schema: Mapping[str, Any], text: str) -> list[str]:
    """Texts that could fill a field of this name, best first; several mean that several were mentioned.

    Empty when the text holds nothing of the kind, or when the name does not say of what kind it is.
    """
    parts = {stem(word) for word in name_words(name)}
    shape = schema.get("format")
    if shape in ("date", "date-time") or "date" in parts:
        dates = _DATE.findall(text)
        return [date[:10] for date in dates] if shape == "date" else dates
    if shape == "email" or "email" in parts:
        return _EMAIL.findall(text)
    if shape == "uri" or "url" in parts:
        return _URL.findall(text)
    labelled = _labelled(name, text)
    if labelled:
        return [labelled]
    if parts & _MATH_NAMES:
        found = [match.strip() for match in _MATH.findall(text) if re.search(r"\d\s*[-+*/%^]", match)]
        return found[:1] or [text.strip()]
    if parts & _ID_NAMES:
        ids = identifiers(name, text)
        if ids:
            return ids
    if parts & _QUERY_NAMES:
        return [text.strip()]
    return names(text, is_place=bool(parts & _PLACES)) if parts & (_PLACES | _PEOPLE) else []


def quoted(text: str) -> list[str]:
    """Texts in quotation marks or backticks, in order."""
    return [next(group for group in groups if group) for groups in _QUOTED.findall(text)]


def is_identifier(name: str) -> bool:
    """True for names such as ``order_id`` or ``ticketNumber``."""
    return not _ID_NAMES.isdisjoint(stem(word) for word in name_words(name))


def identifiers(name: str, text: str) -> list[str]:
    """Words with a digit: those beside the name's words (``order 1042``, ``orders 7 and 9``), else all."""
    text = _DATE.sub(" ", text)
    for word in name_words(name):
        if len(word) < 4:
            continue
        beside = re.search(
            rf"\b{re.escape(stem(word))}\w*\W{{1,3}}(?:(?:number|no|id|nr)\b\W{{1,2}})?(?=\S*\d)", text, re.I
        )
        if beside:
            run = re.match(rf"(?:{_ID.pattern}(?:[\s,&]|\band\b|\bor\b)*)+", text[beside.end() :])
            if run:
                return [found.lstrip("#") for found in _ID.findall(run.group())]
    return [found.lstrip("#") for found in _ID.findall(text)]


def names(text: str, *, is_place: bool = False) -> list[str]:
    """Capitalised words of the text: for a place those after a preposition first, else the others first.

    A sentence opens with a capital too, so its first word counts only in a name of several words of a
    person or thing, or when the sentence is nothing else.
    """
    placed: list[str] = []
    others: list[str] = []
    for sentence in sentences(text):
        for found in _NAME.finditer(sentence):
            name = re.sub(r"['’]s$", "", found.group())
            head, _, tail = name.partition(" ")
            opens = found.start() == 0 and len(words(sentence)) > len(words(name))
            if opens and (is_place or not tail or head.lower() in STOPWORDS):
                name = tail
            if name and name.lower() not in STOPWORDS:
                (placed if _PLACED.search(sentence[: found.start()]) else others).append(name)
    first, second = (placed, others) if is_place else (others, placed)
    return list(dict.fromkeys(first)) or list(dict.fromkeys(second))


def boolean_for(name: str, description: str, text: str) -> bool | None:
    """True or False when a sentence speaks of the field, by whether it is negated; None when none does."""
    roots = {stem(word) for word in name_words(name) if word not in STOPWORDS} or set(stems(description))
    for sentence in sentences(text):
        if roots & set(stems(sentence)):
            return _NEGATED.search(sentence) is None
    return None


def sentence_for(name: str, description: str, text: str) -> str | None:
    """The sentence of the text nearest to a field's name and description; None when none shares a word."""
    roots = {stem(word) for word in name_words(name) if word not in STOPWORDS} | set(stems(description))
    ranked = [(len(roots & set(stems(sentence))), -i, sentence) for i, sentence in enumerate(sentences(text))]
    best = max(ranked, default=(0, 0, ""))
    return best[2] if best[0] else None


def _labelled(name: str, text: str) -> str | None:
    label = r"[\s_-]+".join(re.escape(word) for word in name_words(name))
    found = (
        re.search(rf"(?<!\w){label}\s*(?::|=)\s*([^\n,;]+?)(?=[\n,;]|\.\s|\.?$)", text, re.IGNORECASE)
        if label
        else None
    )
    return found[1].strip() if found else None
