"""Ids: valid, ordered by time, never twice."""

from __future__ import annotations

import itertools
import os
import random
import re
import time

from spanbook.model import ids


def test_ids_are_valid_w3c_ids() -> None:
    """Hex digits of the right number, and never all zeros."""
    for _ in range(100):
        assert re.fullmatch("(?!0+$)[0-9a-f]{32}", ids.next_trace_id())
        assert re.fullmatch("(?!0+$)[0-9a-f]{16}", ids.span_hex(ids.next_span_id()))


def test_ids_grow_so_that_an_index_is_appended_to() -> None:
    """Span ids with each call; trace ids with time, and within a process with each call."""
    spans = [ids.next_span_id() for _ in range(1_000)]
    assert all(a < b for a, b in itertools.pairwise(spans))
    first = ids.next_trace_id()
    time.sleep(0.003)
    assert first < ids.next_trace_id()
    assert len({ids.next_trace_id() for _ in range(10_000)}) == 10_000


def test_seeding_random_repeats_nothing() -> None:
    """Notebooks seed ``random`` in each run; ids do not come from there."""
    random.seed(1)
    before = {ids.next_trace_id()} | {ids.span_hex(ids.next_span_id())}
    ids.reseed()
    random.seed(1)
    assert before.isdisjoint({ids.next_trace_id(), ids.span_hex(ids.next_span_id())})


def test_a_forked_child_draws_other_ids() -> None:
    """Each child's first hundred are its own, though all begin from the same state."""
    seen = {ids.next_span_id() for _ in range(100)} | {int(ids.next_trace_id(), 16) for _ in range(100)}
    for _ in range(4):
        there, here = os.pipe()
        child = os.fork()
        if child == 0:
            made = [*(ids.next_span_id() for _ in range(100)), *(int(ids.next_trace_id(), 16) for _ in range(100))]
            os.write(here, b"".join(number.to_bytes(16, "big") for number in made))
            os._exit(0)
        os.close(here)
        with os.fdopen(there, "rb") as pipe:
            data = pipe.read()
        os.waitpid(child, 0)
        made = [int.from_bytes(data[at : at + 16], "big") for at in range(0, len(data), 16)]
        assert len(made) == 200
        assert seen.isdisjoint(made)
        seen.update(made)
