"""The bounds of one snapshot of a user's values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

MAX_DEPTH: Final = 24
MAX_ITEMS: Final = 10_000  # of one container
MAX_VALUES: Final = 100_000  # in all
MAX_TEXT: Final = 1 << 20  # characters of one text
MAX_CHARACTERS: Final = 1 << 23  # of all texts
MAX_MEDIA: Final = 20 << 20  # bytes of all images, and of media that are already base64 text


def first_items(make: Callable[[], Iterable[Any]]) -> list[Any]:
    """Return the first ``MAX_ITEMS`` items of what ``make()`` returns; again when it changed while it was read.

    Raises:
        RuntimeError: it changed each time.
    """
    for _ in range(4):
        try:
            return list(islice(make(), MAX_ITEMS))
        except RuntimeError:  # "changed size during iteration": another thread is at work
            continue
    return list(islice(make(), MAX_ITEMS))
