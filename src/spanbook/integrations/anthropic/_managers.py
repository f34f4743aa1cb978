"""``messages.stream()``: it returns a context manager, which asks the API when it is entered.

The manager and the stream that it gives stay the SDK's own. Only the request that the manager holds is replaced by one
that is recorded. The manager keeps it under a private name; where that is not found, the call is made untraced and
the failure is said once.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any, Final

from .._guard import guard
from .._stainless._calls import begin
from .._stainless._sdk import Api
from .._stainless._wrappers import Wrapper, run, run_async

_REQUEST: Final = "__api_request"  # with the name of the class before it


def wrap_stream(api: Api, *, is_async: bool) -> Callable[[Wrapper, Callable[[], bool]], Wrapper]:
    """Return what makes a traced twin of a ``stream`` method."""

    def make(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
        @functools.wraps(original)
        def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            manager = original(self, *args, **kwargs)
            if is_on():
                with guard(f"trace an {api.sdk.label} stream"):
                    asked = {**kwargs, "stream": True}  # as the SDK sends it
                    _replace(manager, _SentAsync if is_async else _Sent, api, self, asked)
            return manager

        return traced

    return make


def _replace(manager: Any, kind: Callable[..., Any], api: Api, resource: Any, asked: Mapping[str, Any]) -> None:
    """Put a recorded request in place of the one that the manager holds."""
    name = next((name for name in vars(manager) if name.endswith(_REQUEST)), None)
    if name is None:
        raise AttributeError(f"{type(manager).__qualname__} keeps its request elsewhere")
    setattr(manager, name, kind(vars(manager)[name], api, resource, asked))


class _Sent:
    """A request that is made when it is called."""

    def __init__(self, request: Callable[[], Any], api: Api, resource: Any, asked: Mapping[str, Any]) -> None:
        self._request, self._api, self._resource, self._asked = request, api, resource, asked

    def __call__(self) -> Any:
        __tracebackhide__ = True
        call = begin(self._api, self._resource, self._asked, is_async=False)
        return self._request() if call is None else run(call, self._request)


class _SentAsync:
    """A request that is made when it is awaited."""

    def __init__(self, request: Awaitable[Any], api: Api, resource: Any, asked: Mapping[str, Any]) -> None:
        self._request, self._api, self._resource, self._asked = request, api, resource, asked

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._send().__await__()

    async def _send(self) -> Any:
        __tracebackhide__ = True
        call = begin(self._api, self._resource, self._asked, is_async=True)
        return await self._request if call is None else await run_async(call, lambda: self._request)
