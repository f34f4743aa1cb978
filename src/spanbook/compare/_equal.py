"""Whether two spans were given, and gave, the same; and how alike two inputs are.

Decision (2026-11): ids of tool calls are not compared. A client makes new ones for every run, so that otherwise no two
runs of an agent would have an input in common.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from heapq import nsmallest
from typing import Any, Final
from zlib import crc32

from ..store._compare import item_numbers

#: Characters of an input that are looked at for its likeness, and how many of its words are kept.
_LOOKED_AT: Final = 20_000
_KEPT: Final = 64

Sketch = tuple[int, frozenset[int]]


class Payloads:
    """Compares stored payloads of two stores, which may be one; what is known of a payload is kept."""

    def __init__(self, a: Callable[[Any], str], b: Callable[[Any], str], *, is_one_store: bool) -> None:
        """Compare what two stores hold; ``a`` and ``b`` give the JSON text of a stored payload."""
        self._texts = (a, b)
        self._is_one_store = is_one_store
        self._items: dict[tuple[int, int], bool] = {}

    def is_known_same(self, a: Any, b: Any) -> bool:
        """Whether two stored payloads are the same without a look at them."""
        return a is None and b is None if not self._is_one_store or None in (a, b) else bool(a == b)

    def is_same(self, a: Any, b: Any) -> bool:
        """Whether two payloads say the same, whatever the order of keys and the ids of tool calls."""
        if self.is_known_same(a, b):
            return True
        if a is None or b is None:
            return False
        items_a, items_b = item_numbers(a), item_numbers(b)
        if items_a is None or items_b is None:
            return self._says_same(a, b)
        return len(items_a) == len(items_b) and all(map(self._is_same_item, items_a, items_b))

    def is_same_error(self, a: Any, b: Any) -> bool:
        """Whether two errors have one type and message; tracebacks name lines and addresses, and are not compared."""
        return self.is_known_same(a, b) or _error(self._texts[0](a)) == _error(self._texts[1](b))

    def sketch(self, side: int, stored: Any) -> Sketch:
        """Return what an input is recognised by: its size, and some of its words or messages."""
        items = item_numbers(stored) if self._is_one_store else None
        if items is not None:
            return len(items), frozenset(nsmallest(_KEPT, {number * 2_654_435_761 % 2**32 for number in items}))
        text = self._texts[side](stored)
        words = {crc32(word.encode("utf-8", "replace")) for word in text[:_LOOKED_AT].split()}
        return len(text), frozenset(nsmallest(_KEPT, words))

    def _is_same_item(self, a: int, b: int) -> bool:
        if self._is_one_store and a == b:
            return True
        known = self._items.get((a, b))
        if known is None:
            known = self._items[a, b] = self._says_same(a, b)
        return known

    def _says_same(self, a: Any, b: Any) -> bool:
        one, other = self._texts[0](a), self._texts[1](b)
        if one == other:
            return True
        # The same value in another order of keys is as long: most that differ need not be parsed.
        if len(one) != len(other) and not ('"tool_call' in one and '"tool_call' in other):
            return False
        return bool(_parsed(one) == _parsed(other))


def likeness(a: Sketch, b: Sketch) -> float:
    """Return how alike two sketched inputs are, 0 to 1; half of it is what they share, half their size."""
    (size_a, words_a), (size_b, words_b) = a, b
    shared = len(words_a & words_b) / (len(words_a | words_b) or 1)
    return (shared + min(size_a, size_b) / (max(size_a, size_b) or 1)) / 2


def without_call_ids(value: Any) -> Any:
    """Return a message, a list of them, or any other value, with the ids of tool calls left out."""
    if isinstance(value, list):
        return [without_call_ids(item) for item in value]
    if isinstance(value, dict) and "role" in value and isinstance(value.get("parts"), list):
        return {**value, "parts": [_without_id(part) for part in value["parts"]]}
    return value


def _without_id(part: Any) -> Any:
    if isinstance(part, dict) and part.get("type") in ("tool_call", "tool_call_response"):
        return {name: value for name, value in part.items() if name != "id"}
    return part


def _parsed(text: str) -> Any:
    try:
        return without_call_ids(json.loads(text))
    except (ValueError, RecursionError):
        return text  # it is damaged: then it is compared as it stands


def _error(text: str) -> Any:
    value = _parsed(text)
    return (value.get("type"), value.get("message")) if isinstance(value, dict) else value
