"""Spans that are not ours, as parents of ours: those OpenTelemetry runs in this process, and those of another one.

An OpenTelemetry span is recorded like one of ours, a start and an end in the journal; the end holds what it says in
OpenTelemetry's words (``format="otel"``), which the fold puts into ours, so that the caller pays for no mapping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from ..model import KIND_CODE, clock, ids
from ..store._checksum import checksum
from ..store._segments import END, OTEL_END, OTEL_FORMAT, START
from . import _recorder, _span
from ._capture import dumps_flat, dumps_span
from ._span import (
    _ENDED,
    _INHERITED,
    _NEW,
    _NO_KEY,
    _NO_TRACE,
    _OFF,
    _OPEN,
    Span,
    _get_context,
    _may_be_short,
    _pack,
    _pack_end,
    _pack_start,
    _with_error,
    _write_slowly,
)

_SPAN_CODE: Final = KIND_CODE["span"]
_FLAT: Final = 4  # format, scope, version, attributes: there is nothing nested but the values of the last
_NOTHING: Final[dict[str, Any]] = {}
_new: Final = object.__new__


class OtelRest(NamedTuple):
    """What an OpenTelemetry span may say beside name, times, ids, attributes and scope; a list in the journal."""

    status: str = "unset"
    message: str = ""
    kind: str = "internal"
    events: Sequence[tuple[str, int, Mapping[str, Any]]] = ()  # name, time in ns, attributes
    links: Sequence[tuple[str, str, Mapping[str, Any]]] = ()  # trace id, span id, attributes
    trace_state: str = ""
    resource: Mapping[str, Any] = {}


class Endable(Protocol):
    """An OpenTelemetry span, as far as its face has to know it."""

    def end(self) -> None: ...


def otel_fields(
    scope: str, version: str, attributes: Mapping[str, Any] | None = None, rest: OtelRest | None = None
) -> dict[str, Any]:
    """Return what an end record says of an OpenTelemetry span; a span says no more than it has."""
    fields: dict[str, Any] = {"format": OTEL_FORMAT, "scope": scope, "scope_version": version}
    if attributes:
        fields["attributes"] = attributes
    if rest is not None:
        fields["otel"] = list(rest)
    return fields


def _fields_of(scope: bytes) -> dict[str, Any]:
    name, _, version = scope.decode("utf-8").partition("\0")
    return otel_fields(name, version)


class ForeignSpan(Span):
    """The face among our spans of one that OpenTelemetry runs: parent of others, and what ``sb.current()`` returns."""

    __slots__ = ("_first_name", "otel")

    otel: Endable | None  # None once it has ended

    def __init__(self, name: str, otel: Endable) -> None:
        self.name = self._first_name = name  # Span.__init__, written out: it is half the price of the object
        self.otel = otel
        self.kind = "span"
        self._input = self._output = self._fields = self._before = self.parent_int = None
        self._state = _NEW
        self.trace_id, self._key = _NO_TRACE, _NO_KEY
        self.span_int = self.start_ns = 0

    @classmethod
    def begun(
        cls,
        name: str,
        otel: Endable,
        parent: Span | None,
        attributes: Mapping[str, Any] | None,
        at_ns: int | None = None,
    ) -> ForeignSpan:
        """Return a span that has started, as a child of ``parent`` or as the root of a new trace."""
        if attributes or at_ns is not None or _get_context() is not None or not _may_be_short(parent):
            span = cls(name, otel)
            span._say(attributes)
            at = clock.perf_ns() + clock.offset_ns if at_ns is None else at_ns
            span._begin(parent, ids.next_trace_id, ids.next_span_id(), at)
            span._fields = None  # from here on: what sb.current().set() says
            return span
        # without values; as in Span.__enter__
        span = _new(cls)
        span.name = span._first_name = name
        span.otel, span.kind, span._state = otel, "span", _OPEN
        span._input = span._output = span._fields = span._before = None
        if parent is None:
            span.trace_id = trace_id = _recorder.last_trace = ids.next_trace_id()
            span._key = key = trace_id.encode("ascii")
            span.parent_int, above = None, 0
        else:
            span.trace_id, span._key = parent.trace_id, (key := parent._key)
            span.parent_int = above = parent.span_int
        span.span_int = number = ids.next_span_id()
        span.start_ns = start = clock.perf_ns() + clock.offset_ns
        try:
            body = _pack_start(START, key, number, above, start, _SPAN_CODE) + name.encode()
            _recorder.journal.write(_pack(len(body), checksum(body)) + body)
        except Exception as error:  # noqa: BLE001 (as in Span.start)
            _write_slowly((START, span.trace_id, number, span.parent_int, name, "span", start, None, None, None),
                          error)  # fmt: skip
        return span

    def begin_as(
        self, parent: Span | None, trace_id: str, span_int: int, attributes: Mapping[str, Any] | None, at_ns: int
    ) -> None:
        """Start with ids that another tracer chose."""
        self._say(attributes)
        self._begin(parent, lambda: trace_id, span_int, at_ns)
        self._fields = None

    def _say(self, attributes: Mapping[str, Any] | None) -> None:
        if attributes:
            self._fields = {"format": OTEL_FORMAT, "attributes": dict(attributes)}

    def _begin(self, parent: Span | None, next_trace_id: Any, span_int: int, at_ns: int) -> None:
        provenance = None
        if parent is None:
            provenance = self._begin_trace(next_trace_id)
        else:
            self.trace_id, self.parent_int, self._key = parent.trace_id, parent.span_int, parent._key
            self._state = _OFF if parent._state == _OFF else _OPEN
        if self._state != _OFF:
            self.span_int = span_int
            self._record_start(parent is None, provenance, at_ns)

    def finish(self, name: str, end_ns: int, fields: dict[str, Any], *, is_error: bool = False) -> None:
        """Write the end record; only the first call counts.

        Args:
            name: What it is called at the end.
            end_ns: Nanoseconds since the epoch.
            fields: Of :func:`otel_fields`; not changed.
            is_error: Whether its status says so.
        """
        if self._state != _OPEN:
            return
        self._state = _ENDED
        output = self._output
        if self._fields or self.name is not self._first_name or self.kind != "span":
            fields = {**fields, "told": self._told()}
        record = (END, self.trace_id, self.span_int, self.parent_int, name, "span", self.start_ns, end_ns,
                  "error" if is_error else "ok", output, fields)  # fmt: skip
        try:
            if output is None and len(fields) <= _FLAT and _span.dumps_span is dumps_span:
                body = dumps_flat(record, fields.get("attributes", _NOTHING).values())
            else:
                body = _span.dumps_span(record, output, fields)
            _recorder.journal.write(_pack(len(body), checksum(body)) + body)
        except Exception as problem:  # noqa: BLE001 (as in Span.start)
            _write_slowly(record, problem)
        self._output = self._fields = self.otel = None  # no cycle is left to the collector

    def finish_short(self, name: str, end_ns: int, scope: bytes) -> None:
        """Write the end of a span that says no more than whose it is: name and version of a library (OTEL_END)."""
        if self._fields or self._output is not None or name is not self._first_name or self.kind != "span":
            self.finish(name, end_ns, _fields_of(scope))
            return
        self._state = _ENDED
        self.otel = None
        try:
            body = _pack_end(OTEL_END, self._key, self.span_int, end_ns) + scope
            _recorder.journal.write(_pack(len(body), checksum(body)) + body)
        except Exception as problem:  # noqa: BLE001 (as in Span.start)
            _write_slowly((END, self.trace_id, self.span_int, self.parent_int, name, "span", self.start_ns, end_ns,
                           "ok", None, _fields_of(scope)), problem)  # fmt: skip

    def _told(self) -> dict[str, Any]:
        """Return what the user said of it in our words."""
        told = dict(self._fields or {})
        if self.name != self._first_name:
            told["name"] = self.name
        if self.kind != "span":
            told["kind"] = self.kind
        return _with_error(told, None) if "error" in told else told

    def end(self, error: BaseException | None = None) -> None:
        """End the OpenTelemetry span; never raises."""
        if self._state == _OPEN and self.otel is not None:
            if error is not None:
                self.set(error=error)
            self.otel.end()


class RemoteSpan(Span):
    """A span of another process (or one that nobody records here): only a parent of others."""

    __slots__ = ("trace_state",)

    def __init__(self, trace_id: str, span_int: int, trace_state: str = "") -> None:
        super().__init__("remote")
        self.trace_state = trace_state
        self.span_int = span_int
        self._begin_trace(lambda: trace_id)  # what is below it is of this process, and of this cell
        if self._state == _OFF:
            self.trace_id, self.span_int = _NO_TRACE, 0
        else:
            self._state = _INHERITED

    def set(self, **fields: Any) -> Span:
        """Do nothing: it is not ours to change."""
        return self

    def leave(self) -> None:
        """Be nobody's parent any more."""
        self._state = _ENDED
