"""Ids of traces and spans: valid W3C ids that grow with time, so that a B-tree appends instead of splitting.

Random keys cost ten times the write-ahead log of ordered ones. A trace id is 48 bits of time (in units of 2**20 ns,
as of the last :func:`refresh`), 16 random bits and 64 that start random in each process and count up; a span id is 32
bits of seconds at process start and 32 bits that start random and count up. No call asks the ``random`` module, so
``random.seed`` in user code repeats nothing; a forked child draws new bases.
"""

from __future__ import annotations

import itertools
import os
import struct
import time
from collections.abc import Callable

_EPOCH_S = 1_577_836_800  # 2020-01-01: 32 bits of seconds from here last until 2156


def _span_counter() -> Callable[[], int]:
    base = ((int(time.time()) - _EPOCH_S) & 0xFFFF_FFFF) << 32
    return itertools.count(base | int.from_bytes(os.urandom(4), "big") >> 1 | 1).__next__


def _trace_counter() -> Callable[[], int]:
    return itertools.count(int.from_bytes(os.urandom(8), "big") >> 1 | 1).__next__


def _time() -> str:
    return f"{time.time_ns() >> 20:012x}"


#: Next span id as an int below 2**64. Rebound by :func:`reseed`, so call it as ``ids.next_span_id()``.
next_span_id: Callable[[], int] = _span_counter()
_pack = struct.Struct(">Q").pack
_next_low = _trace_counter()
_middle = os.urandom(2).hex()
_high = _time() + _middle


def next_trace_id() -> str:
    """Return a new trace id, 32 hex digits; it sorts behind those made before in this process."""
    return _high + _pack(_next_low()).hex()  # half the price of formatting


def refresh() -> None:
    """Put the time of now into the trace ids to come; the fold does it five times a second."""
    global _high
    _high = _time() + _middle


def reseed() -> None:
    """Draw new bases; called in a forked child so that it never repeats its parent's ids."""
    global next_span_id, _middle, _next_low
    next_span_id = _span_counter()
    _next_low, _middle = _trace_counter(), os.urandom(2).hex()
    refresh()


def set_source(span_ids: Callable[[], int], trace_ids: Callable[[], str]) -> None:
    """Take ids from elsewhere (``spanbook.testing``): small, repeatable ones."""
    global next_span_id, next_trace_id
    next_span_id, next_trace_id = span_ids, trace_ids


def span_hex(span_id: int) -> str:
    """Return 16 lowercase hex digits."""
    return f"{span_id:016x}"
