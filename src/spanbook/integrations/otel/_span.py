"""The spans that OpenTelemetry libraries get: one of our provider, and one of ours in OpenTelemetry's words.

Beside the API they have what instrumentors read of the SDK's spans, because some end no span that lacks it:
``name context parent kind start_time end_time status attributes events links resource instrumentation_scope``.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any, Final, NamedTuple

from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from ..._version import __version__
from ...model import clock
from ...store._segments import EVENT
from ...tracer import Span as NativeSpan
from ...tracer import emit, report_failure
from ...tracer._foreign import ForeignSpan, OtelRest, otel_fields
from ...tracer._span import _OPEN
from ...tracer._w3c import trace_state_of
from .._guard import guard

_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_NOT_SAMPLED: Final = TraceFlags(TraceFlags.DEFAULT)
_UNSET: Final = Status()
_INTERNAL: Final = SpanKind.INTERNAL
KIND_NAMES: Final = {kind: kind.name.lower() for kind in SpanKind}
STATUS_NAMES: Final = {code: code.name.lower() for code in StatusCode}
_CODES: Final = {"error": StatusCode.ERROR, "ok": StatusCode.OK}
#: In place of what nobody gave; never changed.
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Resource(NamedTuple):
    """What the spans of our provider are of; the SDK's has more, which only exporters read."""

    attributes: Mapping[str, Any]
    schema_url: str = ""


class Scope:
    """The library that makes a span."""

    __slots__ = ("attributes", "fields", "name", "schema_url", "short", "version")

    def __init__(
        self, name: str, version: str = "", schema_url: str = "", attributes: Mapping[str, Any] = _NOTHING
    ) -> None:
        self.name, self.version, self.schema_url, self.attributes = name, version, schema_url, attributes
        self.fields = otel_fields(name, version)
        self.short = f"{name}\0{version}".encode("utf-8", "replace")  # in the end of a span that says nothing else


class Event(NamedTuple):
    """Something that happened at one moment (ns since the epoch) inside a span."""

    name: str
    timestamp: int
    attributes: Mapping[str, Any]


RESOURCE: Final = Resource(
    MappingProxyType(
        {
            "telemetry.sdk.name": "spanbook",
            "telemetry.sdk.language": "python",
            "telemetry.sdk.version": __version__,
            "service.name": "unknown_service",
        }
    )
)
NATIVE_SCOPE: Final = Scope("spanbook", __version__)


def context_of(span: NativeSpan) -> SpanContext:
    """Return the context of one of our spans; an invalid one when it is not recorded."""
    flags = _SAMPLED if span.span_int else _NOT_SAMPLED
    said = trace_state_of(span)
    state = TraceState.from_header([said]) if said else None
    return SpanContext(int(span.trace_id, 16), span.span_int, False, flags, state)


class _Readable(Span):
    """What both kinds of spans have in common for those who read them."""

    face: NativeSpan
    _context: SpanContext | None
    dropped_attributes = dropped_events = dropped_links = 0
    instrumentation_scope: Any
    resource: Any = RESOURCE

    def get_span_context(self) -> SpanContext:
        if self._context is None:
            self._context = context_of(self.face)
        return self._context

    @property
    def context(self) -> SpanContext:
        """Trace id, span id and flags."""
        return self.get_span_context()

    @property
    def parent(self) -> SpanContext | None:
        """The context of its parent; None for a root."""
        face = self.face
        if not face.parent_int:
            return None
        return SpanContext(int(face.trace_id, 16), face.parent_int, False, _SAMPLED)

    @property
    def start_time(self) -> int | None:
        """Nanoseconds since the epoch."""
        return self.face.start_ns or None

    @property
    def instrumentation_info(self) -> Any:
        """The scope, by its name of old."""
        return self.instrumentation_scope

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        with guard("record an exception of an OpenTelemetry span"):
            self.add_event("exception", {**described(exception, escaped), **(attributes or {})}, timestamp)


def described(error: BaseException, escaped: bool) -> dict[str, Any]:
    """Return an exception by OpenTelemetry's names, its own ``__str__`` failing or not."""
    kind = type(error)
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - theirs to fail
        message = "<its text cannot be read>"
    try:
        stack = "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - the same, of what it quotes
        stack = ""
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return {"exception.type": name, "exception.message": message, "exception.stacktrace": stack,
            "exception.escaped": str(escaped)}  # fmt: skip


class OtelSpan(_Readable):
    """A span of an OpenTelemetry library, recorded by us.

    Attributes:
        face: What it is among our spans.
        on_exception: Whether an exception that leaves its block is recorded, and whether it sets the status.
    """

    face: ForeignSpan
    kind = _INTERNAL
    on_exception = (True, True)
    _context = None
    _end_time: int | None = None
    _events: list[Event] | None = None
    _links: list[Link] | None = None
    _status = _UNSET

    _attributes: Mapping[str, Any] = _NOTHING  # a dict once there is one

    def __init__(self, name: str, scope: Scope) -> None:
        self.name, self.instrumentation_scope = name, scope

    # -- what is said of it

    def is_recording(self) -> bool:
        return self.face._state == _OPEN

    def set_attribute(self, key: str, value: Any) -> None:
        if self.face._state == _OPEN:
            try:
                self._own()[key] = tuple(value) if type(value) is list else value
            except Exception as error:  # noqa: BLE001 - a key that is none
                report_failure("set an attribute of an OpenTelemetry span", error)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        if self.face._state == _OPEN and attributes:
            with guard("set attributes of an OpenTelemetry span"):
                own = self._own()
                own.update(attributes)
                for name, value in attributes.items():
                    if type(value) is list:
                        own[name] = tuple(value)

    def _own(self) -> dict[str, Any]:
        own = self._attributes
        if type(own) is not dict:
            self._attributes = own = {}
        return own

    def update_name(self, name: str) -> None:
        if self.face._state == _OPEN:
            self.name = name

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        if self.face._state == _OPEN:
            with guard("record an event of an OpenTelemetry span"):
                event = Event(name, clock.now_ns() if timestamp is None else timestamp, dict(attributes or {}))
                if self._events is None:
                    self._events = []
                self._events.append(event)

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        if self.face._state == _OPEN and context is not None:
            with guard("add a link to an OpenTelemetry span"):
                self.link_to([Link(context, attributes)])

    def link_to(self, links: Sequence[Link]) -> None:
        """Add links to other spans."""
        self._links = [*(self._links or ()), *links]

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        if self.face._state != _OPEN or self._status.status_code is StatusCode.OK:
            return  # OK is final
        with guard("set the status of an OpenTelemetry span"):
            if not isinstance(status, Status):
                status = Status(status, description if status is StatusCode.ERROR else None)
            if status.status_code is not StatusCode.UNSET:
                self._status = status

    def end(self, end_time: int | None = None) -> None:
        """End it; only the first call counts."""
        face = self.face
        if face._state != _OPEN:
            face.otel = None
            return
        self._end_time = end = clock.perf_ns() + clock.offset_ns if end_time is None else end_time
        status, scope = self._status, self.instrumentation_scope
        if status is not _UNSET or self._events is not None or self._links is not None or self.kind is not _INTERNAL:
            rest: OtelRest | None = None
            with guard("record all that an OpenTelemetry span says"):
                rest = self._rest()
            fields = otel_fields(scope.name, scope.version, self._attributes, rest)
            face.finish(self.name, end, fields, is_error=status.status_code is StatusCode.ERROR)
        elif self._attributes:
            face.finish(self.name, end, {**scope.fields, "attributes": self._attributes})
        else:
            face.finish_short(self.name, end, scope.short)

    def _rest(self) -> OtelRest:
        status = self._status
        return OtelRest(
            STATUS_NAMES.get(status.status_code, "unset"),
            status.description or "",
            KIND_NAMES.get(self.kind, "internal"),
            [(event.name, event.timestamp, event.attributes) for event in self._events or ()],
            plain_links(self._links or ()),
        )

    # -- what is read of it

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What was set so far."""
        return MappingProxyType(self._attributes)

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened so far."""
        return tuple(self._events or ())

    @property
    def links(self) -> tuple[Link, ...]:
        """Spans that have to do with this one."""
        return tuple(self._links or ())

    @property
    def status(self) -> Status:
        """Unset until somebody says more."""
        return self._status

    @property
    def end_time(self) -> int | None:
        """Nanoseconds since the epoch; None while it is open."""
        return self._end_time

    def note(self, error: BaseException) -> None:
        """Record an exception that left the span's block, as far as the span was asked to."""
        recorded, sets_status = self.on_exception
        if recorded and isinstance(error, Exception):
            self.record_exception(error)
        if sets_status and isinstance(error, Exception):
            with guard("set the status of an OpenTelemetry span"):
                said = described(error, True)["exception.message"]
                self.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {said}"))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and self.is_recording():
            self.note(error)
        self.end()

    def __repr__(self) -> str:
        return f"<OtelSpan {self.name!r} {self.face.span_id}>"


def plain_links(links: Sequence[Link]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return links as the journal holds them."""
    return [(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}", dict(link.attributes or {}))
            for link in links]  # fmt: skip


class NativeView(_Readable):
    """One of our own spans as OpenTelemetry sees it; what is said of it goes to our span."""

    instrumentation_scope = NATIVE_SCOPE
    kind = SpanKind.INTERNAL
    end_time = None
    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()

    def __init__(self, face: NativeSpan) -> None:
        self.face = face
        self._context = None

    def is_recording(self) -> bool:
        return self.face.is_recording

    def set_attribute(self, key: str, value: Any) -> None:
        if self.face._state == _OPEN:
            self.face.set(attributes={key: value})

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        if self.face._state == _OPEN and attributes:
            self.face.set(attributes=dict(attributes))

    def update_name(self, name: str) -> None:
        if self.face._state == _OPEN:
            self.face.set(name=name)

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        face = self.face
        if face.is_recording:
            at = clock.now_ns() if timestamp is None else timestamp
            emit((EVENT, face.trace_id, face.span_int, at, name, dict(attributes) if attributes else None))

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        if self.face._state == _OPEN and context is not None:
            trace_id, span_id, said = plain_links([Link(context, attributes)])[0]
            before = (self.face._fields or {}).get("links") or []
            self.face.set(links=[*before, {"trace_id": trace_id, "span_id": span_id, "attributes": said}])

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        if self.face._state != _OPEN:
            return
        code, said = (status.status_code, status.description) if isinstance(status, Status) else (status, description)
        if code is StatusCode.ERROR:
            self.face.set(error={"type": "Error", "module": "", "message": said or "", "traceback": ""})

    def end(self, end_time: int | None = None) -> None:
        self.face.end()

    @property
    def name(self) -> str:
        """What the operation is called."""
        return self.face.name

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What OpenTelemetry libraries set on it so far."""
        found = (self.face._fields or {}).get("attributes")
        return MappingProxyType(found if isinstance(found, dict) else {})

    _attributes = attributes

    @property
    def status(self) -> Status:
        """An error when one was set."""
        return Status(StatusCode.ERROR) if "error" in (self.face._fields or {}) else _UNSET
