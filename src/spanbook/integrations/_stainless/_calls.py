"""One call of a resource method and its span: from the arguments to the result, an error, a stream's end."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ...conventions._openai_common import response_error
from ...tracer import Span, start_span
from ...tracer._span import _get, _set
from .._guard import guard
from ._plain import plain
from ._request import provider_of, request_of
from ._sdk import Api

#: The call that runs here. A method that calls another of the same resource (a helper) is one call.
_active: ContextVar[Call | None] = ContextVar("spanbook_sdk_call", default=None)


class Call:
    """A span that is current while the request runs, and open until the answer is whole.

    It is never current between the chunks of a stream: that time is the consumer's.
    """

    __slots__ = ("_before", "_outer", "_twin", "api", "is_async", "resource", "retries", "span")

    def __init__(self, api: Api, resource: Any, kwargs: Mapping[str, Any], is_async: bool) -> None:
        self.api, self.resource, self.is_async, self.retries = api, resource, is_async, 0
        self._twin = twin_of(api.kind)
        request = request_of(api.sdk, kwargs)
        model = request.get("model")
        model = model if isinstance(model, str) else None
        provider, host = provider_of(api.sdk, getattr(resource, "_client", None))
        fields: dict[str, Any] = {"format": api.format, "provider": provider}
        if model:
            fields["model"] = model
        if host and host != api.sdk.host:
            fields["attributes"] = {"server.address": host}
        name = f"{api.operation} {model}" if model else api.operation
        self.span = start_span(name, api.kind, request, **fields)

    def enter(self) -> None:
        """Make the span current; call :meth:`leave` in the same context."""
        self._before, self._outer = _get(), _active.get()
        _set(self.span)
        _active.set(self)

    def leave(self) -> None:
        """Make current what was before; the span stays open."""
        if _get() is self.span:
            _set(self._before)
        if _active.get() is self:
            _active.set(self._outer)
        self._before = self._outer = None

    def recording(self, what: str) -> guard:
        """Return the guard for a block that records ``what`` of this call."""
        return guard(f"record an {self.api.sdk.label} {what}")

    def fail(self, error: BaseException) -> None:
        """End the span with the error that the call raised."""
        sdk = self.api.sdk
        with self.recording("error"):
            self.note_retries(getattr(error, "request", None))
            self._settle_twin(False)
            attributes = {
                "http.response.status_code": getattr(error, "status_code", None),
                f"{sdk.name}.request_id": getattr(error, "request_id", None),
                f"{sdk.name}.error_code": getattr(error, sdk.error_code, None),
            }
            attributes = {key: value for key, value in attributes.items() if value is not None}
            if attributes:
                self.span.set(attributes=attributes)
            answer = getattr(error, "completion", None)  # a whole answer that the SDK would not parse
            if answer is not None:
                self.span.set(output=plain(answer))
        self.span.end(error)

    def succeed(self, result: Any) -> None:
        """Record the result and end the span, or leave that to the stream that the result is."""
        from ._streams import watch

        is_watched = False
        with self.recording("response"):
            is_watched = watch(self, result)
            if not is_watched:
                request_id = getattr(result, "_request_id", None)
                fields = {"attributes": {f"{self.api.sdk.name}.request_id": request_id}} if request_id else {}
                self.set_response(self.api.to_plain(result), **fields)
        if not is_watched:
            self.span.end()

    def set_response(self, raw: Any, **fields: Any) -> None:
        """Set the raw response as output, and the error that it may carry in its body."""
        self.span.set(output=raw, **fields)
        self._settle_twin(isinstance(raw, Mapping) and bool(raw.get("usage")))
        error = response_error(raw, self.api.sdk.name)
        if error is not None:
            self.span.set(error=error)

    def _settle_twin(self, tells_usage: bool) -> None:
        """Have one of two spans that tell of one call count: this one if it tells the usage, else the outer one."""
        if self._twin is not None and self._twin.is_recording:
            (self._twin if tells_usage else self.span).set(counted=False)

    def note_retry(self, attempt: int, response: Any, error: BaseException | None) -> None:
        """Record that an attempt failed and another one follows."""
        with self.recording("retry"):
            if attempt <= self.retries:  # seen through the client's own wrapper already
                return
            self.retries = attempt
            status = getattr(response, "status_code", None)
            data = {"attempt": attempt, "status": status, "error": type(error).__name__ if error else None}
            self.span.event("retry", {key: value for key, value in data.items() if value is not None})
            self.span.set(attributes={f"{self.api.sdk.name}.retries": self.retries})

    def note_response(self, response: Any) -> None:
        """Take what the HTTP response says about the call; its body is not touched."""
        self.note_retries(getattr(response, "request", None))
        sdk = self.api.sdk
        request_id = response.headers.get(sdk.request_id_header)
        if request_id:
            self.span.set(attributes={f"{sdk.name}.request_id": request_id})

    def note_retries(self, request: Any) -> None:
        """Take the number of retries from the header that the SDK puts on each attempt."""
        headers = getattr(request, "headers", None)
        count = headers.get("x-stainless-retry-count") if headers is not None else None
        if isinstance(count, str) and count.isdigit() and int(count) > self.retries:
            self.retries = int(count)
            self.span.set(attributes={f"{self.api.sdk.name}.retries": self.retries})


def begin(api: Api, resource: Any, kwargs: Mapping[str, Any], *, is_async: bool) -> Call | None:
    """Start the span of a call; None when it is part of a call that runs already, or nothing is recorded."""
    with guard(f"trace an {api.sdk.label} call"):
        outer = _active.get()
        if outer is not None and outer.resource is resource:
            return None
        call = Call(api, resource, kwargs, is_async)
        if call.span.is_recording:
            return call
    return None


def twin_of(kind: str) -> Span | None:
    """Return the current span if it is of the same kind: a framework's, which tells of the same call.

    As with spans from elsewhere (``conventions._twins``) both stay visible, and one of them counts.
    """
    outer = _get()
    return outer if type(outer) is Span and outer.kind == kind else None


def active_call() -> Call | None:
    """Return the call that runs here."""
    return _active.get()
