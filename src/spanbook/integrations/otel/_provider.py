"""Our tracer provider, on OpenTelemetry's API alone: for as long as nobody sets another."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final

from opentelemetry import trace as otel_trace
from opentelemetry.context.context import Context
from opentelemetry.environment_variables import OTEL_PYTHON_TRACER_PROVIDER
from opentelemetry.trace import Link, ProxyTracerProvider, Span, SpanKind, Tracer

from ...tracer import Span as NativeSpan
from ...tracer import report_failure
from ...tracer._foreign import ForeignSpan
from ...tracer._span import _ENDED, _get, _set
from .._guard import guard
from .._stainless._calls import active_call
from . import _bridge
from ._span import RESOURCE, OtelSpan, Scope

_INTERNAL: Final = SpanKind.INTERNAL
#: Clients that trace themselves, and that we trace: below our span of a call theirs would tell the same once more.
_CLIENTS: Final = frozenset({"com.anthropic.sdk.python"})
_ARGUMENTS: Final = (
    "name", "context", "kind", "attributes", "links", "start_time", "record_exception", "set_status_on_exception",
    "end_on_exit",
)  # fmt: skip


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
        """Return the provider that stands in our place; None while that is ours, or empty."""
        current = otel_trace._TRACER_PROVIDER
        return None if current is self else current

    def stand_in(self) -> None:
        """Take the empty slot, without using up the one time that ``set_tracer_provider`` works."""
        if otel_trace._TRACER_PROVIDER is None and OTEL_PYTHON_TRACER_PROVIDER not in os.environ:
            otel_trace._TRACER_PROVIDER = self

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Answer those who take it for an SDK's; what ended is in the journal already."""
        return True

    def shutdown(self) -> None:
        """Answer the same."""


class SpanbookTracer(Tracer):
    """Makes the spans of one library."""

    def __init__(self, provider: SpanbookTracerProvider, scope: Scope) -> None:
        self._provider, self._scope, self._is_client = provider, scope, scope.name in _CLIENTS
        self._theirs: tuple[Any, Tracer] | None = None  # a provider, and its tracer for the same library

    def _successor(self) -> Tracer | None:
        """Return the tracer of whoever was set after us."""
        provider = self._provider.successor()
        if provider is None:
            return None
        if self._theirs is None or self._theirs[0] is not provider:
            scope = self._scope
            tracer = provider.get_tracer(scope.name, scope.version or None, scope.schema_url or None)
            self._theirs = (provider, tracer)
        return self._theirs[1]

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
        provider = self._provider
        if otel_trace._TRACER_PROVIDER is not provider or not provider.is_on:
            return self._start_elsewhere(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )
        if self._is_client and active_call() is not None:
            return otel_trace.NonRecordingSpan(otel_trace.get_current_span(context).get_span_context())
        span = OtelSpan(name, self._scope)
        if kind is not _INTERNAL:
            span.kind = kind
        if not (record_exception and set_status_on_exception):
            span.on_exception = (record_exception, set_status_on_exception)
        said, parent, told = None, None, None
        try:
            if attributes:
                span._attributes = said = {key: tuple(value) if type(value) is list else value
                                           for key, value in attributes.items()}  # fmt: skip
            if context is None:
                parent = _get() or _bridge.outside()
            else:
                parent, told = _bridge.of_context(context)
            if links:
                span.link_to(links)
        except Exception as error:  # noqa: BLE001 - what a library gives is not the program's fault
            report_failure("start an OpenTelemetry span", error)
        if told:
            with _bridge.with_fields(told):
                span.face = ForeignSpan.begun(name, span, parent, said, start_time)
        else:
            span.face = ForeignSpan.begun(name, span, parent, said, start_time)
        return span

    def _start_elsewhere(self, name: str, context: Context | None, *rest: Any) -> Span:
        """Start a span of whoever was set after us; none when nobody records."""
        theirs = self._successor()
        if theirs is not None:
            return theirs.start_span(name, context, *rest)
        if self._provider.is_on:  # the slot was emptied
            with guard("join OpenTelemetry"):
                self._provider.stand_in()
            if self._provider.successor() is None and otel_trace._TRACER_PROVIDER is self._provider:
                return self.start_span(name, context, *rest)
        return otel_trace.NonRecordingSpan(otel_trace.get_current_span(context).get_span_context())

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
        theirs = None if otel_trace._TRACER_PROVIDER is self._provider else self._successor()
        if theirs is not None:
            return theirs.start_as_current_span(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception,
                end_on_exit,
            )  # fmt: skip
        if not self._provider.is_followed:
            span = self.start_span(name, context, kind, attributes, links, start_time)
            return otel_trace.use_span(span, end_on_exit, record_exception, set_status_on_exception)
        arguments = (name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception)
        return _Block(self, arguments, end_on_exit)


class _Block(AbstractContextManager[Span]):
    """A span that is current in a block; used as a decorator, one for each call."""

    __slots__ = ("_arguments", "_before", "_ends", "_other", "_span", "_tracer")

    def __init__(self, tracer: SpanbookTracer, arguments: tuple[Any, ...], ends: bool) -> None:
        self._tracer, self._arguments, self._ends = tracer, arguments, ends
        self._span: OtelSpan | None = None

    def __enter__(self) -> Span:
        span: Any = self._tracer.start_span(*self._arguments)
        if type(span) is not OtelSpan:  # tracing was turned off, or another provider set, since this was made
            return self._enter_other(span)
        self._span = span
        self._before = before = _get()
        face = span.face
        if face._before is None:
            face._before = before
        _set(face)
        return span

    def _enter_other(self, span: Span) -> Span:
        recorded, sets_status = self._arguments[6:]
        self._other = otel_trace.use_span(span, self._ends, recorded, sets_status)
        return self._other.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        span = self._span
        if span is None:
            return self._other.__exit__(kind, error, traceback)
        if _get() is span.face:
            before: NativeSpan | None = self._before
            while before is not None and before._state == _ENDED:
                before = before._before
            _set(before)
        if error is not None:
            span.note(error)
        if self._ends:
            span.end()
        return None

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Run each call of the function in a span of its own."""
        tracer, given = self._tracer, dict(zip(_ARGUMENTS, (*self._arguments, self._ends), strict=True))

        def block() -> AbstractContextManager[Span]:  # asked of the tracer each time: another provider may be set
            return tracer.start_as_current_span(**given)

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
