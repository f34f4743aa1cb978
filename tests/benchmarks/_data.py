"""Spans as real programs make them: seeded, so that each run measures the same."""

from __future__ import annotations

import random
from typing import Any

_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"


class Texts:
    """Random words with a Zipf law; about 1.9 times smaller by zlib, as English is."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        pick = self._random
        self._words = ["".join(pick.choices(_LETTERS, k=pick.randint(2, 9))) for _ in range(5000)]
        self._weights = [1 / (rank + 2) for rank in range(len(self._words))]

    def of(self, size: int) -> str:
        """Return about ``size`` characters of text."""
        words = self._random.choices(self._words, self._weights, k=size // 5 + 1)
        return " ".join(words)[:size]

    def integer(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``."""
        return self._random.randint(low, high)


def message(role: str, text: str) -> dict[str, Any]:
    """Return a chat message in our form."""
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def llm_spans(count: int) -> list[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Return inputs and outputs of llm spans: 2.1 kB in (a third of it a shared system prompt), 1 kB out."""
    texts = Texts()
    systems = [texts.of(700) for _ in range(12)]
    return [
        (
            [message("system", systems[at % 12]), message("user", texts.of(700)), message("user", texts.of(600))],
            [message("assistant", texts.of(1000))],
        )
        for at in range(count)
    ]
