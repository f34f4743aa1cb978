"""Ids of traces and spans: valid W3C ids that grow with time, so that a B-tree appends instead of splitting.

Random keys cost ten times the write-ahead log of ordered ones. A trace id is 48 bits of time (in units of 2**20 ns,
as of the last :func:`refresh`), 64 that start random in each process and count up, and 16 random ones; the count begins
20 bits below the time, so that 17 digits tell the traces of one moment apart. A span id is 32 bits of seconds at
process start and 32 bits that start random and count up. No call asks the ``random`` module, so ``random.seed`` in user
code repeats nothing; a forked child draws new bases.
"""

from __future__ import annotations

import itertools
import os
import struct
import time
from collections.abc import Callable, Iterable
from itertools import pairwise

_EPOCH_S = 1_577_836_800  # 2020-01-01: 32 bits of seconds from here last until 2156
_STEP = (1 << 44) + 1  # odd: all 2**64 numbers come before one comes again
_MASK = (1 << 64) - 1
_SHORTEST = 12  # digits of a trace id that people are shown


def _span_counter() -> Callable[[], int]:
    base = ((int(time.time()) - _EPOCH_S) & 0xFFFF_FFFF) << 32
    return itertools.count(base | int.from_bytes(os.urandom(4), "big") >> 1 | 1).__next__


def _trace_counter() -> Callable[[], int]:
    return itertools.count(int.from_bytes(os.urandom(8), "big"), _STEP).__next__


def _time() -> str:
    return f"{time.time_ns() >> 20:012x}"


#: Next span id as an int below 2**64. Rebound by :func:`reseed`, so call it as ``ids.next_span_id()``.
next_span_id: Callable[[], int] = _span_counter()
_pack = struct.Struct(">Q").pack
_next_low = _trace_counter()
_end = os.urandom(2).hex()
_high = _time()


def next_trace_id() -> str:
    """Return a new trace id, 32 hex digits; it sorts behind those made before (of a million in one moment, not all)."""
    return _high + _pack(_next_low() & _MASK).hex() + _end  # half the price of formatting


def refresh() -> None:
    """Put the time of now into the trace ids to come; the fold does it five times a second."""
    global _high
    _high = _time()


def reseed() -> None:
    """Draw new bases; called in a forked child so that it never repeats its parent's ids."""
    global next_span_id, _end, _next_low
    next_span_id = _span_counter()
    _next_low, _end = _trace_counter(), os.urandom(2).hex()
    refresh()


def set_source(span_ids: Callable[[], int], trace_ids: Callable[[], str]) -> None:
    """Take ids from elsewhere (``spanbook.testing``): small, repeatable ones."""
    global next_span_id, next_trace_id
    next_span_id, next_trace_id = span_ids, trace_ids


def span_hex(span_id: int) -> str:
    """Return 16 lowercase hex digits."""
    return f"{span_id:016x}"


def digits_apart(trace_ids: Iterable[str]) -> int:
    """Return how many leading digits tell these trace ids apart; 12 at least, which are milliseconds."""
    apart = (_differ_at(*pair) + 1 for pair in pairwise(sorted(set(trace_ids))))
    return max([_SHORTEST, *apart])


def _differ_at(a: str, b: str) -> int:
    return next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
