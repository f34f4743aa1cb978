"""Threads and executors that go on below the span they were started in, without ``sb.bind``.

Opt-in (``sb.instrument("threads")``): it touches every thread of the process. Only the current span and what
``sb.context`` set are carried, never the other context variables of the program.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..tracer import carried, without_span
from ._guard import guard
from ._patch import Target
from ._registry import Integration

OriginalStart = Callable[..., None]


def _start(original: OriginalStart, is_on: Callable[[], bool]) -> OriginalStart:
    """``Thread.start``: what the thread runs is below the span that starts it."""

    @functools.wraps(original)
    def start(self: threading.Thread, *args: Any, **kwargs: Any) -> None:
        if is_on():
            with guard("carry the span to a thread"):
                _carry(self)
        original(self, *args, **kwargs)

    return start


def _carry(thread: threading.Thread) -> None:
    run = carried(thread.run)
    if run is None or thread.ident is not None:
        return

    def run_below() -> None:
        vars(thread).pop("run", None)  # a thread that refers to itself would wait for the garbage collector
        run()

    vars(thread)["run"] = run_below


def _submit(original: Callable[..., Any], is_on: Callable[[], bool]) -> Callable[..., Any]:
    """``ThreadPoolExecutor.submit``: the call is below the span that submits it; the pool's threads are below none."""

    @functools.wraps(original)
    def submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        call = carried(fn) if is_on() else None
        if call is None:
            return original(self, fn, *args, **kwargs)
        with without_span():  # the threads that it may start belong to the pool
            return original(self, call, *args, **kwargs)

    return submit


def _targets() -> Mapping[str, list[Target]]:
    return {
        "threading": [Target("Thread", "start", _start)],
        "concurrent.futures.thread": [Target("ThreadPoolExecutor", "submit", _submit)],
    }


INTEGRATION = Integration(
    "threads",
    package="threading",
    tested="of Python 3.11 to 3.13",
    targets=_targets,
    is_default=False,
)
