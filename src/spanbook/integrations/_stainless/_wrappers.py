"""The wrappers that stand in for methods of the SDK. They change no argument and no result."""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

from .._patch import Target
from ._calls import Call, active_call, begin
from ._sdk import Api

Wrapper = Callable[..., Any]


def run(call: Call, request: Callable[[], Any]) -> Any:
    """Return what ``request`` returns, or raise what it raises, recorded by ``call``."""
    __tracebackhide__ = True
    call.enter()
    try:
        result = request()
    except BaseException as error:
        call.fail(error)
        raise
    finally:
        call.leave()
    call.succeed(result)
    return result


async def run_async(call: Call, request: Callable[[], Awaitable[Any]]) -> Any:
    """Return what ``request`` gives when it is awaited, or raise what it raises, recorded by ``call``."""
    __tracebackhide__ = True
    call.enter()
    try:
        result = await request()
    except BaseException as error:
        call.fail(error)
        raise
    finally:
        call.leave()
    call.succeed(result)
    return result


def wrap_sync(api: Api) -> Callable[[Wrapper, Callable[[], bool]], Wrapper]:
    """Return what makes a traced twin of a method."""

    def make(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
        @functools.wraps(original)
        def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            call = begin(api, self, kwargs, is_async=False) if is_on() else None
            if call is None:
                return original(self, *args, **kwargs)
            return run(call, functools.partial(original, self, *args, **kwargs))

        return traced

    return make


def wrap_async(api: Api) -> Callable[[Wrapper, Callable[[], bool]], Wrapper]:
    """Return what makes a traced twin of a method that gives a coroutine.

    The span starts when the coroutine runs, not when it is made: tasks may be cancelled before their
    first step. Some of the SDK's methods are coroutine functions and some only return coroutines; each
    twin is of the same sort.
    """

    def make(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
        from inspect import iscoroutinefunction

        async def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            call = begin(api, self, kwargs, is_async=True) if is_on() else None
            if call is None:
                return await original(self, *args, **kwargs)
            return await run_async(call, functools.partial(original, self, *args, **kwargs))

        if iscoroutinefunction(original):
            return functools.wraps(original)(traced)

        @functools.wraps(original)
        def returning(self: Any, *args: Any, **kwargs: Any) -> Any:
            return traced(self, *args, **kwargs)

        return returning

    return make


def note_retries(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
    """Return a twin of the client's ``_sleep_for_retry`` that notes on the running call why it tries again.

    Private to the SDK, so its absence is no fault: retries are then known from the header of the last
    attempt, where the SDK shows it (errors, streams, raw responses).
    """

    @functools.wraps(original)
    def noting(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = active_call() if is_on() else None
        if call is not None:
            attempt = kwargs.get("retries_taken")
            number = attempt + 1 if isinstance(attempt, int) else call.retries + 1
            call.note_retry(number, kwargs.get("response"), sys.exc_info()[1])
        return original(self, *args, **kwargs)

    return noting


RETRIES: Final = (
    Target("SyncAPIClient", "_sleep_for_retry", note_retries, is_optional=True),
    Target("AsyncAPIClient", "_sleep_for_retry", note_retries, is_optional=True),
)
