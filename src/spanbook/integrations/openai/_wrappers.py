"""The wrappers that stand in for methods of the SDK. They change no argument and no result."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from ._calls import Api, active_call, begin

Wrapper = Callable[..., Any]


def wrap_sync(api: Api) -> Callable[[Wrapper, Callable[[], bool]], Wrapper]:
    """Return what makes a traced twin of a method."""

    def make(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
        @functools.wraps(original)
        def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            call = begin(api, self, kwargs, is_async=False) if is_on() else None
            if call is None:
                return original(self, *args, **kwargs)
            call.enter()
            try:
                result = original(self, *args, **kwargs)
            except BaseException as error:
                call.fail(error)
                raise
            finally:
                call.leave()
            call.succeed(result)
            return result

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
            call.enter()
            try:
                result = await original(self, *args, **kwargs)
            except BaseException as error:
                call.fail(error)
                raise
            finally:
                call.leave()
            call.succeed(result)
            return result

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
