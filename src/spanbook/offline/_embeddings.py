"""Embeddings without a model: hashed bags of words, so that texts sharing words point the same way.

A text becomes counts of its word stems (function words weigh a fifth) and, lighter, of the letter triples
inside them, which brings spellings of one word near. Each is hashed to one dimension and a sign; the sum is
scaled to length 1. The same text gives the same vector everywhere and always.
"""

from __future__ import annotations

import array
import base64
import hashlib
import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ._parse import Json, read_count, require_model
from ._types import ApiError, Message, Request
from ._usage import count_tokens
from ._words import STOPWORDS, stem, words

_TRIPLE_WEIGHT = 0.15
_MOST_INPUTS = 2048


def parse_embeddings(body: Json, deployment: str | None = None) -> Request:
    """Read an embeddings request; every input text becomes one message."""
    if body.get("encoding_format", "float") not in ("float", "base64"):
        text = f"Invalid 'encoding_format': {body['encoding_format']!r}; expected float or base64."
        raise ApiError(400, text, param="encoding_format")
    texts = _read_input(body.get("input"))
    return Request(
        api="embeddings",
        model=require_model(body, deployment),
        messages=tuple(Message(role="user", text=text) for text in texts),
        body=body,
    )


def embeddings(request: Request) -> dict[str, Any]:
    """The answer: one unit vector per text, in the encoding asked for (base64 is little-endian float32)."""
    size = dimensions(request)
    encode = _base64 if request.body.get("encoding_format") == "base64" else list
    data = [
        {"object": "embedding", "index": i, "embedding": encode(vector(message.text, size))}
        for i, message in enumerate(request.messages)
    ]
    tokens = sum(count_tokens(message.text) for message in request.messages)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": request.model, "usage": usage}


def dimensions(request: Request) -> int:
    """Length of the vectors: as asked for, at most 3072 for models named ``*large*``, 1536 for others."""
    most = 3072 if "large" in request.model else 1536
    return read_count(request.body, "dimensions", most=most) or most


def vector(text: str, size: int) -> array.array[float]:
    """Unit vector of ``size`` float32 numbers for one text."""
    totals: dict[int, float] = {}
    for feature, weight in _features(text):
        digest = hashlib.blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        place = int.from_bytes(digest[:7], "little") % size
        totals[place] = totals.get(place, 0.0) + (weight if digest[7] & 1 else -weight)
    length = math.sqrt(sum(value * value for value in totals.values()))
    made = array.array("f", bytes(4 * size))
    if length == 0:  # every feature met its opposite: still one unit vector per text
        made[0] = 1.0
    else:
        for place, value in totals.items():
            made[place] = value / length
    return made


def _features(text: str) -> Iterator[tuple[str, float]]:
    counts = Counter(words(text))
    if not counts:
        yield f"text:{text}", 1.0
    for word, count in counts.items():
        root = stem(word)
        weight = (1 + math.log(count)) * (0.2 if word in STOPWORDS else 1.0)
        yield f"word:{root}", weight
        padded = f"^{root}$"
        for i in range(len(padded) - 2):
            yield f"triple:{padded[i : i + 3]}", weight * _TRIPLE_WEIGHT


def _base64(numbers: array.array[float]) -> str:
    if sys.byteorder == "big":
        numbers = array.array("f", numbers)
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode("ascii")


def _read_input(value: object) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, Sequence) and texts and all(type(token) is int for token in texts):
        texts = [texts]
    if not isinstance(texts, Sequence) or isinstance(texts, Mapping) or not texts:
        text = "Invalid 'input': expected a text, a list of texts, or lists of token numbers."
        raise ApiError(400, text, param="input")
    if len(texts) > _MOST_INPUTS:
        raise ApiError(400, f"Invalid 'input': {len(texts)} texts; at most {_MOST_INPUTS} at once.", param="input")
    return [_read_one(item, f"input[{i}]") for i, item in enumerate(texts)]


def _read_one(value: object, name: str) -> str:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, list) and value and all(type(token) is int for token in value):
        return " ".join(map(str, value))  # token numbers stand for words that cannot be known here
    raise ApiError(400, f"Invalid '{name}': expected a text that is not empty, or token numbers.", param="input")
