"""Our tracer provider, on OpenTelemetry's API alone: for as long as nobody sets another."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry import trace as otel_trace
from opentelemetry.context.context import Context
from opentelemetry.trace import INVALID_SPAN, Link, ProxyTracerProvider, Span, SpanKind, Tracer

from ...tracer import Span as NativeSpan
from ...tracer._span import _ENDED, _get, _set
from .._guard import guard
from . import _bridge
from ._span import RESOURCE, OtelSpan, Scope

_INTERNAL = SpanKind.INTERNAL
_BOTH = (True, True)


class SpanbookTracerProvider(ProxyTracerProvider):
    """Gives tracers whose spans spanbook records, or passes on to the provider that was set after it.

    It is a ``ProxyTracerProvider`` because that is how others tell that nobody has set one yet.
    """

    resource = RESOURCE

    def __init__(self) -> None:
        self.is_on = False
        self.is_followed = True  # whether OpenTelemetry's context is kept in step with our current span

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> Tracer:
        """Return a tracer for a library."""
        scope = Scope(
            str(instrumenting_module_name or ""), str(instrumenting_library_version or ""), schema_url or "",
            dict(attributes or {}),
        )  # fmt: skip
        return SpanbookTracer(self, scope)

    def successor(self) -> Any:
        """Return the provider that stands in our place; None while that is ours."""
        current = otel_trace._TRACER_PROVIDER
        return None if current is self else current

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Answer those who take it for an SDK's; what ended is in the journal already."""
        return True

    def shutdown(self) -> None:
        """Answer the same."""


class SpanbookTracer(Tracer):
    """Makes the spans of one library."""

    def __init__(self, provider: SpanbookTracerProvider, scope: Scope) -> None:
        self._provider, self._scope = provider, scope
        self._theirs: WeakKeyDictionary[Any, Tracer] = WeakKeyDictionary()

    def _successor(self) -> Tracer | None:
        """Return the tracer of whoever was set after us."""
        provider = self._provider.successor()
        if provider is None:
            return None
        tracer: Tracer | None = self._theirs.get(provider)
        if tracer is None:
            scope = self._scope
            tracer = provider.get_tracer(scope.name, scope.version or None, scope.schema_url or None)
            self._theirs[provider] = tracer
        return tracer

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = _INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """Start a span below the current one, or below that of ``context``."""
        theirs = self._successor()
        if theirs is not None:
            return theirs.start_span(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )
        if not self._provider.is_on:
            return INVALID_SPAN if context is None else otel_trace.get_current_span(context)
        on_exception = _BOTH if record_exception and set_status_on_exception else (
            record_exception, set_status_on_exception)  # fmt: skip
        return self._start(name, context, kind, attributes, links, start_time, on_exception)

    def _start(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = _INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        on_exception: tuple[bool, bool] = _BOTH,
    ) -> OtelSpan:
        span = OtelSpan(name, kind, self._scope, None, on_exception)
        with guard("start an OpenTelemetry span"):
            if attributes:
                span._attributes.update(attributes)
            if context is None:
                span.face.begin(_get() or _bridge.here(), span._attributes, start_time)
            else:
                parent, fields = _bridge.of_context(context)
                with _bridge.with_fields(fields):
                    span.face.begin(parent, span._attributes, start_time)
            if links:
                span.link_to(links)
        return span

    def start_as_current_span(  # type: ignore[override]
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = _INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> AbstractContextManager[Span]:
        """Start a span and make it current for a ``with`` block, or for each call of a decorated function."""
        theirs = self._successor()
        if theirs is not None:
            return theirs.start_as_current_span(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception,
                end_on_exit,
            )  # fmt: skip
        if not self._provider.is_followed:
            span = self.start_span(name, context, kind, attributes, links, start_time)
            return otel_trace.use_span(span, end_on_exit, record_exception, set_status_on_exception)
        on_exception = (record_exception, set_status_on_exception)
        return _Block(self, (name, context, kind, attributes, links, start_time, on_exception), end_on_exit)


class _Block(AbstractContextManager[Span]):
    """A span that is current in a block; used as a decorator, one for each call."""

    __slots__ = ("_arguments", "_before", "_ends", "_span", "_tracer")

    def __init__(self, tracer: SpanbookTracer, arguments: tuple[Any, ...], ends: bool) -> None:
        self._tracer, self._arguments, self._ends = tracer, arguments, ends

    def __enter__(self) -> Span:
        tracer = self._tracer
        if not tracer._provider.is_on:
            self._span = None
            return INVALID_SPAN
        self._span = span = tracer._start(*self._arguments)
        self._before = before = _get()
        face = span.face
        if face._before is None:
            face._before = before
        _set(face)
        return span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        span = self._span
        if span is None:
            return
        if _get() is span.face:
            before: NativeSpan | None = self._before
            while before is not None and before._state == _ENDED:
                before = before._before
            _set(before)
        if error is not None:
            span.note(error)
        if self._ends:
            span.end()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Run each call of the function in a span of its own."""
        tracer, arguments, ends = self._tracer, self._arguments, self._ends
        names = ("name", "context", "kind", "attributes", "links", "start_time")
        given = dict(zip(names, arguments, strict=False))
        recorded, sets_status = arguments[6]

        def block() -> AbstractContextManager[Span]:  # asked of the tracer each time: another provider may be set
            return tracer.start_as_current_span(
                **given, record_exception=recorded, set_status_on_exception=sets_status, end_on_exit=ends
            )

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def in_span_async(*args: Any, **kwargs: Any) -> Any:
                with block():
                    return await function(*args, **kwargs)

            return in_span_async

        @functools.wraps(function)
        def in_span(*args: Any, **kwargs: Any) -> Any:
            with block():
                return function(*args, **kwargs)

        return in_span
