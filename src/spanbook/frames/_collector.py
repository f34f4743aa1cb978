"""Python's cycle collector, held back while many values are made at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """Run the block without cycle collection.

    Decoding a hundred thousand payloads makes millions of lists and dicts and no garbage; the collector would walk
    them, and all else in the kernel, again and again (an eighth of the time here, far more beside a large model).
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
