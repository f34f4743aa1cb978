"""Small ids for tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from ..model import ids


@contextmanager
def fixed_ids() -> Iterator[None]:
    """Number spans 1, 2, 3... and traces 1, 2, 3... inside ``with``, in the order they are made.

    Span ids are 16 hex digits (``0000000000000001``), trace ids 32.
    """
    before = ids.next_span_id, ids.next_trace_id
    trace_numbers = itertools.count(1)
    ids.set_source(itertools.count(1).__next__, lambda: f"{next(trace_numbers):032x}")
    try:
        yield
    finally:
        ids.set_source(*before)
