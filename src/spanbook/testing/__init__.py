"""Repeatable traces for tests: a clock that ticks by itself, and ids that count 1, 2, 3.

>>> from spanbook.testing import FixedClock, fixed_ids
>>> with FixedClock() as clock, fixed_ids():
...     pass  # spans made here start at 2026-01-01T00:00:00Z, a second per reading, ids from 1

Both are put in force by ``with`` and undone at its end, also when the block fails. They hold for the whole
process, so tests that use them must not run at once in threads.
"""

from ._clock import FixedClock
from ._ids import fixed_ids

__all__ = ["FixedClock", "fixed_ids"]
