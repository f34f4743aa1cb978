"""Async calls from where nothing can be awaited, and calls that block from where they must not."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Final, TypeVar

from ..model import UsageError

T = TypeVar("T")
#: Calls of sync clients at one time; the loop's own pool has a few threads for each core.
_MOST_THREADS: Final = 64
_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_pool: ThreadPoolExecutor | None = None
_pid = 0


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns, run beside whatever loop runs here (a notebook's), below the current span."""
    loop, done = _background(), Future[T]()
    if asyncio._get_running_loop() is loop:
        coroutine.close()
        raise UsageError(
            "ask() waits for an answer that can only come after it; inside a model, await model(messages)."
        )

    async def follow() -> None:
        try:
            result = await coroutine
        except asyncio.CancelledError:
            done.cancel()
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            done.set_exception(error)
        else:
            done.set_result(result)

    tasks: list[asyncio.Task[None]] = []
    context = copy_context()
    loop.call_soon_threadsafe(lambda: tasks.append(loop.create_task(follow(), context=context)))
    try:
        return done.result()
    except BaseException:
        if not done.done():  # the user gave up
            loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
        raise


async def in_thread(function: Callable[[], T]) -> T:
    """Return what a function returns that blocks, run in a thread below the current span."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads(), copy_context().run, function)


def is_background(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a loop is that of our own thread."""
    return loop is _loop


def _background() -> asyncio.AbstractEventLoop:
    """Return the loop of our own thread, a new one in a forked child."""
    global _loop
    with _lock:
        _forget_parents()
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="spanbook-models", daemon=True).start()
        return _loop


def _threads() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        _forget_parents()
        if _pool is None:
            _pool = ThreadPoolExecutor(_MOST_THREADS, "spanbook-models")
        return _pool


def _forget_parents() -> None:
    global _loop, _pool, _pid
    if os.getpid() != _pid:
        _loop, _pool, _pid = None, None, os.getpid()
