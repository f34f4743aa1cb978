"""The state of recording in this process: where records go, whether they go anywhere, what was lost.

Module globals, not an object: the hot path reads them, and there is one recorder per process by nature.
``spanbook.api`` installs a journal here; until then the first record starts one (``set_starter``).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from ..model import clock, ids
from ..store._journal import Journal, JournalFullError
from ..store._segments import END


class _NoJournal:
    """Stands where the journal will be; its ``write`` sends the caller to the slow way."""

    def write(self, framed: bytes) -> NoReturn:
        raise ValueError("tracing has not started")


journal: Any = _NoJournal()
enabled: bool = True
sample: float = 1.0
#: Provenance of the cell that runs, put on each root span; a plain dict of marshal-able values. None outside notebooks.
provenance: dict[str, Any] | None = None
#: Ids of the traces that the running cell started; None outside of notebooks.
cell_traces: list[str] | None = None
#: Id of the newest trace started in this process.
last_trace: str = ""
#: (trace, span) -> text so far of running spans, for live views.
partials: dict[tuple[str, int], str] = {}
#: Fields put on every root span (``sb.init(environment=…)``).
base_context: dict[str, Any] | None = None
#: Spans whose end record could not be written.
dropped: int = 0
#: Records that were written without their values because the journal was full.
emptied: int = 0

_starter: Callable[[], None] | None = None
_lock = threading.RLock()
_kept_share = 0.0


def set_base_context(fields: dict[str, Any] | None) -> None:
    """Put these fields on every root span from now on."""
    global base_context
    base_context = fields or None


def set_starter(start: Callable[[], None]) -> None:
    """Say what starts tracing when the first record comes."""
    global _starter
    _starter = start


def install(new: Journal | None) -> None:
    """Send records to ``new`` from now on (None: to nowhere until started again)."""
    global journal
    journal = new if new is not None else _NoJournal()


def write(framed: bytes, *, light: bool = False) -> None:
    """Write a framed record the careful way: start tracing if needed, go on to a new segment.

    ``light`` records carry no values and may use the journal's reserve.

    Raises:
        JournalFullError: the journal holds all it may.
        OSError: tracing could not be started.
    """
    if isinstance(journal, _NoJournal):
        with _lock:
            if isinstance(journal, _NoJournal):
                if _starter is None:
                    raise JournalFullError
                clock.anchor()
                _starter()
    target = journal
    if isinstance(target, _NoJournal):
        raise JournalFullError
    if target.pid != os.getpid() and _in_child is not None:  # a fork that ran no Python hooks (uWSGI)
        _in_child()
        target = journal
    try:
        target.append(framed, light=light)
    except ValueError:
        if journal is target:
            raise
        journal.append(framed, light=light)  # it was closed meanwhile: records go elsewhere now


def count_emptied() -> None:
    """Count a record that was kept without its values."""
    global emptied
    emptied += 1


def count_dropped(record: tuple[Any, ...]) -> None:
    """Count a record that was lost, as one span when it was a span's end."""
    global dropped
    if record[0] == END:
        dropped += 1


def keep_next() -> bool:
    """Decide whether to record the next root span, so that a share of ``sample`` of them is kept, evenly."""
    global _kept_share
    _kept_share += sample
    if _kept_share >= 1.0:
        _kept_share -= 1.0
        return True
    return False


# -- fork

_in_child: Callable[[], None] | None = None


def set_in_child(call: Callable[[], None]) -> None:
    """Say what gives a forked child a journal of its own."""
    global _in_child
    _in_child = call


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()
    partials.clear()
    ids.reseed()
    if _in_child is not None:
        _in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
