"""Stopping a running span: finding the asyncio task whose code opened it, and cancelling that.

Decision (2026-11): nothing is noted when a span starts; the task is looked for when somebody asks. A registry would
cost every span for the one that is stopped in an hour. Python's collector knows every task of every loop and every
thread (some 100 ms in a large process), and a suspended coroutine refers to what its ``with`` block will close. Context
variables would not do: a task inherits its parent's span, so one cannot tell whose it is, and a cell that is not
``await``\\ ed runs inside a task of the kernel, which must not be cancelled.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import Iterator
from types import AsyncGeneratorType, CellType, CoroutineType, GeneratorType, MethodType
from typing import Any, Final, NamedTuple

from ._span import Span

#: How far from a coroutine's frame a span may be held by objects of ours (a recorder of a stream…).
_DEPTH: Final = 6
_MOST_LINKS: Final = 10_000
#: So often it is looked for while a task is at work.
_TRIES: Final = 10
_PAUSE_S: Final = 0.01
_PLAIN: Final = (dict, list, tuple, CellType, MethodType)
#: Where code of ours is.
_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
#: From Python 3.14 on the stack of a ``with`` block holds the manager, not a method of it.
_STACK_HAS_SPANS: Final = sys.version_info >= (3, 14)


class Cancelled(NamedTuple):
    """The task that was told to stop."""

    task: str


def cancel_span(trace_id: str, span_id: str, reason: str) -> Cancelled | None:
    """Cancel the asyncio task whose code opened a span; None when no task's code did.

    May be called from any thread. The task gets ``CancelledError`` where it waits, and may still clean up.
    """
    found = _find_task(trace_id, span_id)
    if found is None:
        return None
    try:
        found.get_loop().call_soon_threadsafe(found.cancel, reason)
    except RuntimeError:  # its loop was closed
        return None
    return Cancelled(found.get_name())


def _find_task(trace_id: str, span_id: str) -> asyncio.Task[Any] | None:
    for _ in range(_TRIES):
        tasks = _tasks()
        found = _task_of(tasks, trace_id, span_id)
        if found is not None or not any(_is_at_work(task) for task in tasks):
            return found
        time.sleep(_PAUSE_S)
    return None


def _is_at_work(task: asyncio.Task[Any]) -> bool:
    """Whether another thread is running a step of it, during which nobody can see what it will close."""
    try:
        mine = asyncio.current_task()
    except RuntimeError:  # no loop in this thread
        mine = None
    return task is not mine and bool(getattr(task.get_coro(), "cr_running", False))


def _task_of(tasks: list[asyncio.Task[Any]], trace_id: str, span_id: str) -> asyncio.Task[Any] | None:
    """Return the task that has the span to close; of several that know it, the one that is inside its block."""
    found: tuple[int, asyncio.Task[Any] | None] = (0, None)
    is_alone = False
    for task in tasks:
        rank = _holds(task, trace_id, span_id)
        if rank > found[0]:
            found, is_alone = (rank, task), True
        elif rank and rank == found[0]:
            is_alone = False
    return found[1] if is_alone else None


def _tasks() -> list[asyncio.Task[Any]]:
    """Return the tasks of all loops that have not ended; ``asyncio.all_tasks`` would have to be told the loops."""
    tasks = [each for each in gc.get_objects() if issubclass(type(each), asyncio.Task)]
    return [task for task in tasks if not task.done()]


def _holds(task: asyncio.Task[Any], trace_id: str, span_id: str) -> int:
    """Return 2 when the task will leave the span's block, 1 when code of ours in it will end the span, else 0."""
    best = 0
    for link in _awaiting(task.get_coro()):
        for span, rank in _spans_of(link):
            if rank > best and span.trace_id == trace_id and span.span_id == span_id and span.is_recording:
                best = rank
    return best


def _awaiting(first: Any) -> Iterator[Any]:
    """Yield the coroutine of a task and what it awaits, down to the future at the end."""
    link: Any = first
    for _ in range(_MOST_LINKS):
        if isinstance(link, CoroutineType):
            yield link
            link = link.cr_await
        elif isinstance(link, AsyncGeneratorType):
            yield link
            link = link.ag_await
        elif isinstance(link, GeneratorType):
            yield link
            link = link.gi_yieldfrom
        else:  # a step of an async generator, or what __await__ gave: it refers to what it drives
            inner = [each for each in gc.get_referents(link) if isinstance(each, (CoroutineType, AsyncGeneratorType))]
            if link is None or isinstance(link, asyncio.Future) or len(inner) != 1:
                return
            link = inner[0]


def _spans_of(link: Any) -> Iterator[tuple[Span, int]]:
    """Yield the spans that a suspended coroutine will end: 2 for those of its ``with`` blocks, 1 for others.

    The end of a block stands on its stack (from Python 3.14 on as the span itself); what our own code will end stands
    in variables of it, or of its objects. A variable of the user's that holds a span says nothing.
    """
    code = getattr(link, "cr_code", None) or getattr(link, "ag_code", None) or getattr(link, "gi_code", None)
    is_ours = code is not None and code.co_filename.startswith(_PACKAGE)
    queue = [(each, 0, is_ours or _STACK_HAS_SPANS) for each in gc.get_referents(link)]
    seen: set[int] = set()
    while queue:
        held, depth, is_ours = queue.pop()
        if type(held) is Span:
            if is_ours:
                yield held, 1
            continue
        if id(held) in seen or depth > _DEPTH:
            continue
        seen.add(id(held))
        if type(held) is MethodType and type(held.__self__) is Span:
            if held.__name__ in ("__exit__", "__aexit__"):
                yield held.__self__, 2
        elif _is_ours(held) or (depth and type(held) in _PLAIN):  # plain values of an object of ours
            queue += [(each, depth + 1, True) for each in gc.get_referents(held)]
        elif type(held) is AsyncGeneratorType:  # between two of its steps
            yield from _spans_of(held)


def _is_ours(held: Any) -> bool:
    module = type(held).__module__
    return type(module) is str and module.startswith("spanbook.")
