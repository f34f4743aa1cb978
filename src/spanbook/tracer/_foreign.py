"""Spans that are not ours, as parents of ours: those OpenTelemetry runs in this process, and those of another one.

An OpenTelemetry span is recorded like one of ours, a start and an end in the journal; the end holds what it says in
OpenTelemetry's words (``format="otel"``), which the fold puts into ours, so that the caller pays for no mapping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol
from zlib import crc32

from ..model import ids
from ..store._segments import END
from . import _recorder, _span
from ._span import _ENDED, _INHERITED, _NO_TRACE, _OFF, _OPEN, Span, _pack, _with_error, _write_slowly

#: What ``format`` says of records that hold an OpenTelemetry span.
OTEL_FORMAT: Final = "otel"


class OtelRest(NamedTuple):
    """What an OpenTelemetry span says beside name, times, ids and attributes: plain values, a list in the journal."""

    status: str = "unset"
    message: str = ""
    kind: str = "internal"
    events: Sequence[tuple[str, int, Mapping[str, Any]]] = ()  # name, time in ns, attributes
    links: Sequence[tuple[str, str, Mapping[str, Any]]] = ()  # trace id, span id, attributes
    trace_state: str = ""
    scope_name: str = ""
    scope_version: str = ""
    resource: Mapping[str, Any] = {}


class Endable(Protocol):
    """An OpenTelemetry span, as far as its face has to know it."""

    def end(self) -> None: ...


class ForeignSpan(Span):
    """The face among our spans of one that OpenTelemetry runs: parent of others, and what ``sb.current()`` returns."""

    __slots__ = ("_first_name", "otel")

    def __init__(self, name: str, otel: Endable) -> None:
        super().__init__(name)
        self._first_name = name
        self.otel = otel

    def begin(self, parent: Span | None, attributes: Mapping[str, Any] | None, at_ns: int | None = None) -> None:
        """Start as a child of ``parent``, or as the root of a new trace, and write that."""
        self._say(attributes)
        if at_ns is None:
            self._start(parent)
        else:
            self._begin(parent, ids.next_trace_id, ids.next_span_id(), at_ns)
        self._fields = None  # from here on: what sb.current().set() says

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

    def finish(self, name: str, end_ns: int, attributes: Mapping[str, Any] | None, rest: OtelRest) -> None:
        """Write the end record; only the first call counts."""
        if self._state != _OPEN:
            return
        self._state = _ENDED
        fields = {"format": OTEL_FORMAT, "attributes": attributes, "otel": list(rest)}
        if self._fields or self.name != self._first_name or self.kind != "span":
            fields |= {"told": self._told()}
        status, output = "error" if rest.status == "error" else "ok", self._output
        record = (END, self.trace_id, self.span_int, self.parent_int, name, "span", self.start_ns, end_ns, status,
                  output, fields)  # fmt: skip
        try:
            body = _span.dumps_span(record, output, fields)
            _recorder.journal.write(_pack(len(body), crc32(body)) + body)
        except Exception as problem:  # noqa: BLE001 (as in Span.start)
            _write_slowly(record, problem)
        self._output = self._fields = None

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
        if self._state == _OPEN:
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
