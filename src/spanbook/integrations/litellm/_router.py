"""A ``Router``'s call as a ``chain``: the attempts it makes, on whichever deployments, stand below it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from ...tracer import Span, start_span
from .._guard import guard
from .._stainless._plain import is_model
from .._stainless._request import request_of
from .._stainless._sdk import Api
from .._stainless._wrappers import Wrapper
from ._request import who_and_where

#: The attempt below says these of itself; here they would look like a call of their own.
_OF_ATTEMPT: Final = frozenset({"id", "usage", "model"})


def wrap_router(api: Api) -> Callable[[Wrapper, Callable[[], bool]], Wrapper]:
    """Return what makes a traced twin of a router's method, of the same sort."""

    def make(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
        @functools.wraps(original)
        def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            span = _begin(api, args, kwargs) if is_on() else None
            if span is None:
                return original(self, *args, **kwargs)
            with span:
                result = original(self, *args, **kwargs)
                _record(api, span, result)
            return result

        @functools.wraps(original)
        async def atraced(self: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            span = _begin(api, args, kwargs) if is_on() else None
            if span is None:
                return await original(self, *args, **kwargs)
            with span:
                result = await original(self, *args, **kwargs)
                _record(api, span, result)
            return result

        return atraced if inspect.iscoroutinefunction(original) else traced

    return make


def _begin(api: Api, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Span | None:
    with guard("trace a LiteLLM router"):
        arguments = {**dict(zip(("model", "messages"), args, strict=False)), **kwargs}
        model = arguments.get("model")
        fields = {"format": api.format, "provider": "litellm", **who_and_where(arguments)}
        name = f"router {model}" if isinstance(model, str) else "router"
        return start_span(name, "chain", request_of(api.sdk, arguments), **fields)
    return None


def _record(api: Api, span: Span, result: Any) -> None:
    """Take the answer; a stream is recorded by the attempt that it comes from."""
    with guard("record a LiteLLM router's answer"):
        if is_model(type(result)):
            raw = api.to_plain(result)
            span.set(output={key: value for key, value in raw.items() if key not in _OF_ATTEMPT})
