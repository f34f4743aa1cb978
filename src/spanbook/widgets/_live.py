"""What keeps open views up to date: one thread for all of them, at most ten times a second.

The fold tells what it wrote (``Fold.listeners``, on its own thread, inside its lock): that is only noted here. The
thread below hands it to the views, and looks at the texts that are being streamed. Messages to the page are few,
because Jupyter drops those beyond a thousand a second, the user's own output among them. Where no thread can be
started (Pyodide) views are told at once, on the thread that folds.

This module imports no widget library: tracing may connect it long before a widget is shown.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from ..store._write import Written
from ..tracer import report_failure

#: Seconds between two rounds of messages.
TICK_S: Final = 0.1
#: Seconds per message sent, so that a hundred views of one notebook stay far below Jupyter's limit.
_PER_MESSAGE_S: Final = 0.005


class Change(NamedTuple):
    """What happened to one trace since the last round."""

    spans: list[dict[str, Any]]  # their rows, in order
    trace: dict[str, Any] | None  # its summary row as it is now, None when that is as it was
    scored: list[str | None]  # span ids; None for the trace as a whole


class View(Protocol):
    """What the hub asks of a widget."""

    def take(self, changes: dict[str, Change]) -> int:
        """Tell the page what concerns it; return how many messages were sent."""

    def tick(self, *, later: bool) -> tuple[int, bool]:
        """Do what time brings; return how many messages were sent, and whether to be asked again soon.

        With ``later=False`` nobody will ask again: nothing may be put off.
        """


class Folding(Protocol):
    """The part of ``ingest._fold.Fold`` that is used here."""

    listeners: list[Callable[[Written], None]]


class Source(Protocol):
    """The tracing of this process (``api._runtime.Runtime``)."""

    path: Path
    redact: Any
    fold: Any


_source: Callable[[], Source | None] | None = None


def set_source(started: Callable[[], Source | None]) -> None:
    """Say what returns the tracing of this process, None while there is none; ``spanbook.api`` does."""
    global _source
    _source = started


def source() -> Source | None:
    """Return the tracing of this process, None when nothing is traced."""
    return _source() if _source is not None else None


class Hub:
    """Views that are open, and what they have not been told."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._views: weakref.WeakSet[Any] = weakref.WeakSet()
        self._pending: dict[str, Change] = {}
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._can_thread = True
        #: Messages that could not be sent.
        self.lost = 0

    def forget(self) -> None:
        """In a forked child: the views are the parent's, and so is the thread."""
        self.__dict__.update(Hub().__dict__)

    def add(self, view: View) -> None:
        """Keep a view up to date until it is removed or nobody holds it any more."""
        with self._lock:
            self._views.add(view)
        self._listen()
        self._start()
        self._wake.set()

    def wake(self) -> None:
        """Ask every view soon: one of them has something to follow that is not written."""
        self._wake.set()

    def remove(self, view: View) -> None:
        """Leave a view alone."""
        with self._lock:
            self._views.discard(view)

    def views(self) -> list[View]:
        """Return the views that are kept up to date."""
        with self._lock:
            return list(self._views)

    def _listen(self) -> None:
        running = source()
        if running is not None and self.written not in running.fold.listeners:
            running.fold.listeners.append(self.written)

    def _start(self) -> None:
        with self._lock:
            if not self._can_thread or (self._thread is not None and self._thread.is_alive()):
                return
            thread = threading.Thread(target=self._run, name="spanbook-views", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                self._can_thread = False
                return
            self._thread = thread

    def written(self, written: Written) -> None:
        """Note what a transaction changed; called by the fold."""
        with self._lock:
            if not self._views:
                return
            for row in written.spans:
                self._of(row["trace_id"]).spans.append(row)
            for trace in written.traces:
                before = self._of(trace["trace_id"])
                self._pending[trace["trace_id"]] = before._replace(trace=trace)
            for trace_id, span_id in written.scored:
                self._of(trace_id).scored.append(span_id)
        if self._can_thread:
            self._wake.set()
        else:
            self.round()

    def _of(self, trace_id: str) -> Change:
        return self._pending.setdefault(trace_id, Change([], None, []))

    def round(self) -> tuple[int, bool]:
        """Tell every view what is new; return how many messages were sent, and whether one wants to be asked soon."""
        with self._lock:
            changes, self._pending = self._pending, {}
        sent, soon = 0, False
        for view in self.views():
            try:
                if changes:
                    sent += view.take(changes)
                count, wants = view.tick(later=self._can_thread)
                sent, soon = sent + count, soon or wants
            except Exception as error:  # noqa: BLE001 - a lost message must not end the messages of all views
                self.lost += 1
                report_failure("update a view", error)
        return sent, soon

    def _run(self) -> None:
        soon = True
        while True:
            if not soon:
                self._wake.wait()
            self._wake.clear()
            if not self._views:  # nobody looks any more; the next view starts a thread again
                with self._lock:
                    if not self._views:
                        self._thread = None
                        return
            sent, soon = self.round()
            time.sleep(TICK_S + sent * _PER_MESSAGE_S)


hub: Final = Hub()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=hub.forget)
