"""OpenTelemetry's context and our current span, kept in step.

Ours is a ContextVar with the current span; theirs a runtime with an immutable context that holds their current span.
The runtime is wrapped: ``attach()`` makes the span of the new context our current one, ``detach()`` puts back what was
there, ``get_current()`` puts our current span into the context when it is another than the context's. So a native span
pays nothing, and both see the same tree, in tasks and threads too. Tokens stay those of the wrapped runtime.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from opentelemetry import context as otel_context
from opentelemetry.baggage import get_all
from opentelemetry.context.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags, TraceState
from opentelemetry.trace.propagation import _SPAN_KEY

from ...tracer import Span as NativeSpan
from ...tracer import report_failure
from ...tracer._foreign import ForeignSpan, RemoteSpan
from ...tracer._span import _ENDED, _INHERITED, _OPEN, _context, _get, _merged, _set
from ...tracer._w3c import fields_of_baggage
from ._span import NativeView, OtelSpan

_get_fields = _context.get


#: What was current before a context was attached: the context, the span it made current, the one before, the fields
#: before, the frame below. A plain tuple, because one is made each time that a library makes a span current.
_Frame: TypeAlias = tuple[Context, NativeSpan | None, NativeSpan | None, dict[str, Any] | None, Any]
_frames: Final[ContextVar[_Frame | None]] = ContextVar("spanbook_otel_frames", default=None)
_views: Final[WeakKeyDictionary[NativeSpan, Span]] = WeakKeyDictionary()
#: (trace id, span id) -> face of spans that an SDK runs and our processor records.
sdk_faces: Final[dict[tuple[int, int], ForeignSpan]] = {}
_MAX_FACES: Final = 10_000  # beyond that, the oldest are taken for abandoned


class Runtime:
    """Stands for the context runtime of OpenTelemetry, which still holds the contexts."""

    def __init__(self, wrapped: Any, look: Callable[[], None]) -> None:
        self.wrapped = wrapped
        self._look = look  # whether somebody set a provider
        self._get_current = wrapped.get_current

    def get_current(self) -> Context:
        """Return the current context, with the span that is current here in it."""
        try:
            self._look()
        except Exception as error:  # noqa: BLE001 - somebody's provider may answer anything
            report_failure("look for an OpenTelemetry provider", error)
        context: Context = self._get_current()
        span = _get()
        if span is None:
            return context if _frames.get() is None or _SPAN_KEY not in context else _without_span(context)
        theirs, view = context.get(_SPAN_KEY), view_of(span)
        if theirs is view or (isinstance(theirs, Span) and theirs.get_span_context().span_id == span.span_int):
            return context  # theirs may be a wrapper of it, such as Logfire's
        return Context({**context, _SPAN_KEY: view})

    def attach(self, context: Context) -> Token[Context]:
        """Make a context the current one, and its span our current span."""
        token: Token[Context] = self.wrapped.attach(context)
        try:
            _enter(context)
        except Exception as error:  # noqa: BLE001 - their context is attached; ours stays what it was
            report_failure("follow OpenTelemetry's context", error)
        return token

    def detach(self, token: Token[Context]) -> None:
        """Go back to what was current before."""
        attached = self._get_current()
        self.wrapped.detach(token)
        try:
            _leave(attached)
        except Exception as error:  # noqa: BLE001 - as in attach
            report_failure("follow OpenTelemetry's context", error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wrapped, name)


def _without_span(context: Context) -> Context:
    return Context({name: value for name, value in context.items() if name != _SPAN_KEY})


def _enter(context: Context) -> None:
    before, fields = _get(), _get_fields()
    span = native_of(context.get(_SPAN_KEY), before)
    _frames.set((context, span, before, fields, _frames.get()))
    if span is not before:
        if isinstance(span, (ForeignSpan, RemoteSpan)) and span._before is None:
            span._before = before
        _set(span)
    told = fields_of_baggage(get_all(context)) if len(context) > 1 or span is None else None  # else it is just a span
    if told and (fields is None or not told.items() <= fields.items()):
        _context.set(_merged(fields, told))


def _leave(attached: Context) -> None:
    frame = _frames.get()
    if frame is None or frame[0] is not attached:
        return
    _, span, before, fields_before, below = frame
    _frames.set(below)
    now = _get()
    if now is span or (now is not None and now._state == _ENDED):
        _set(before)
    elif span is not before:
        _splice(now, span, before)
    if type(span) is RemoteSpan and span is not before:
        span.leave()
    if _get_fields() is not fields_before:
        _context.set(fields_before)


def _splice(now: NativeSpan | None, span: NativeSpan | None, before: NativeSpan | None) -> None:
    """Let the block of ours that is still open, begun below ``span``, go back to what was before that."""
    while now is not None and now._before is not span:
        now = now._before
    if now is not None:
        now._before = before


def native_of(span: Any, here: NativeSpan | None) -> NativeSpan | None:
    """Return what stands among our spans for a span of OpenTelemetry.

    Args:
        span: What a context holds; anything but a span means that there is none.
        here: Our current span; what is above a span that nobody records, when both are of one trace.
    """
    kind = type(span)
    if kind is OtelSpan or kind is NativeView:
        return span.face  # type: ignore[no-any-return]
    if isinstance(span, OtelSpan):  # a wrapper of one that passes itself off as it, such as OpenInference's
        return span.face
    if not isinstance(span, Span):
        return None
    context = span.get_span_context()
    if here is not None and int(here.trace_id, 16) == context.trace_id and here.span_int == context.span_id:
        return here
    face = sdk_faces.get((context.trace_id, context.span_id))
    if face is not None:
        return face
    if not context.is_valid:
        return None
    if here is not None and not context.is_remote and int(here.trace_id, 16) == context.trace_id:
        return here  # not recorded: what is below it belongs to what is above it
    return remote_of(context)


def keep_face(key: tuple[int, int], face: ForeignSpan) -> None:
    """Remember the face of a span of an SDK until that ends; not for ever, as some spans never do."""
    if len(sdk_faces) >= _MAX_FACES:
        sdk_faces.pop(next(iter(sdk_faces)), None)
    sdk_faces[key] = face


def _leave_faces_to_parent() -> None:
    """In a forked child: the SDK's spans that are open here are the parent's to end."""
    for face in sdk_faces.values():
        if face._state == _OPEN:
            face._state = _INHERITED


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_faces_to_parent)


def remote_of(context: SpanContext) -> RemoteSpan:
    """Return a parent that is somewhere else."""
    state = context.trace_state.to_header() if context.trace_state else ""
    return RemoteSpan(f"{context.trace_id:032x}", context.span_id, state)


def view_of(span: NativeSpan) -> Span:
    """Return a span of ours as OpenTelemetry sees it; always the same object."""
    if isinstance(span, ForeignSpan) and span.otel is not None:
        return span.otel  # type: ignore[return-value] # one of the two kinds that we get
    view = _views.get(span)
    if view is None:
        view = _remote_view(span) if isinstance(span, RemoteSpan) else NativeView(span)
        _views[span] = view
    return view


def _remote_view(span: RemoteSpan) -> Span:
    state = TraceState.from_header([span.trace_state]) if span.trace_state else None
    flags = TraceFlags(TraceFlags.SAMPLED)
    return NonRecordingSpan(SpanContext(int(span.trace_id, 16), span.span_int, True, flags, state))


def outside() -> NativeSpan | None:
    """Return, where no span of ours is current, what stands for OpenTelemetry's: attached before we came, if at all."""
    if _frames.get() is not None:
        return None
    theirs = _raw_current().get(_SPAN_KEY)
    return None if theirs is None else native_of(theirs, None)


def of_context(context: Context) -> tuple[NativeSpan | None, dict[str, str]]:
    """Return what an explicit context says: the parent among our spans, fields from its baggage."""
    return native_of(context.get(_SPAN_KEY), _get()), fields_of_baggage(get_all(context))


@contextmanager
def with_fields(fields: dict[str, str]) -> Iterator[None]:
    """Put fields on what starts inside the block."""
    before = _get_fields()
    if fields:
        _context.set(_merged(before, fields))
    try:
        yield
    finally:
        _context.set(before)


#: What the wrapped runtime holds, without our current span in it.
_raw_current: Callable[[], Context] = otel_context.get_current


def wrap(look: Callable[[], None]) -> str:
    """Wrap the runtime; return what hinders it, empty when nothing does. A second time changes nothing."""
    global _raw_current
    runtime = getattr(otel_context, "_RUNTIME_CONTEXT", None)
    if isinstance(runtime, Runtime):
        return ""
    if not all(callable(getattr(runtime, name, None)) for name in ("attach", "detach", "get_current")):
        return "its context cannot be followed: spans of ours and of OpenTelemetry do not nest"
    _raw_current = runtime.get_current  # type: ignore[union-attr] # it has one
    otel_context._RUNTIME_CONTEXT = Runtime(runtime, look)  # type: ignore[assignment] # it answers as one
    return ""


def unwrap() -> None:
    """Put the wrapped runtime back, unless somebody has wrapped ours."""
    runtime = getattr(otel_context, "_RUNTIME_CONTEXT", None)
    if isinstance(runtime, Runtime):
        otel_context._RUNTIME_CONTEXT = runtime.wrapped


def is_wrapped() -> bool:
    """Whether both contexts are in step."""
    return isinstance(getattr(otel_context, "_RUNTIME_CONTEXT", None), Runtime)
