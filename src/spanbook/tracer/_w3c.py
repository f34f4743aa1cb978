"""W3C Trace Context in and out: ``traceparent`` and ``tracestate`` of HTTP requests.

Source: https://www.w3.org/TR/trace-context-1/ §3 (a malformed ``traceparent`` is ignored with its ``tracestate``, a
malformed ``tracestate`` alone) and https://www.w3.org/TR/baggage/ §3. Nothing of OpenTelemetry is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from ..model import UsageError
from ._foreign import RemoteSpan
from ._report import report_failure
from ._span import _OFF, _context, _get, _merged, _set

Headers: TypeAlias = Mapping[Any, Any] | Iterable[tuple[Any, Any]]

_PARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII | re.DOTALL)
_KEY: Final = r"[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}"
_MEMBER: Final = re.compile(
    rf"(?:{_KEY})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{{0,255}}[\x21-\x2b\x2d-\x3c\x3e-\x7e]", re.ASCII
)
_MAX_MEMBERS: Final = 32
_MAX_BAGGAGE: Final = 8192
#: Entries of baggage that say whose work this is, and the fields they become.
BAGGAGE_FIELDS: Final = {
    f"{prefix}{name}{sep}id": f"{name}_id"
    for name in ("user", "session") for prefix in ("", "langfuse.", "langfuse_") for sep in ("_", ".")
}  # fmt: skip


def inject(headers: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Put the current span into the headers of an outgoing request, and return them.

    Sets ``traceparent`` (and ``tracestate``, when one came in with :func:`extract`); outside of any recorded span the
    headers stay as they are. Nothing else of the context leaves the process.

    Args:
        headers: Changed in place; a new dict when None.

    Raises:
        UsageError: ``headers`` cannot be changed by key.
    """
    target: MutableMapping[str, str] = {} if headers is None else headers
    if not isinstance(target, MutableMapping):
        raise UsageError(f"headers={headers!r} is a {type(headers).__name__}; give a dict, such as inject({{}}).")
    span = _get()
    if span is None or span._state == _OFF or not span.span_int:
        return target
    for name in [name for name in target if str(name).lower() in ("traceparent", "tracestate")]:
        del target[name]
    target["traceparent"] = f"00-{span.trace_id}-{span.span_id}-01"
    state = trace_state_of(span)
    if state:
        target["tracestate"] = state
    return target


def trace_state_of(span: Any) -> str:
    """Return the ``tracestate`` that came with the remote parent of a span, as far as it is still at hand."""
    seen = 0
    while span is not None and seen < 1000:
        if isinstance(span, RemoteSpan):
            return span.trace_state
        span, seen = span._before, seen + 1
    return ""


class extract:
    """Go on, inside the block, below the span that the headers of an incoming request name.

    ``with sb.extract(request.headers):`` (``async with`` too). Without a valid ``traceparent`` the block runs as if it
    were not there. ``user_id`` and ``session_id`` in the ``baggage`` header are put on the spans inside.

    Args:
        headers: A mapping, or pairs of name and value, texts or bytes; names in any case.
    """

    __slots__ = ("_before", "_fields_before", "_headers", "_parent")

    def __init__(self, headers: Headers) -> None:
        self._headers = headers
        self._parent: RemoteSpan | None = None

    def __enter__(self) -> None:
        self._before, self._fields_before = _get(), _context.get()
        try:
            found = _named(self._headers)
            parent = parse_traceparent(found.get("traceparent"))
            if parent is not None:
                self._parent = RemoteSpan(*parent, parse_tracestate(found.get("tracestate")))
                self._parent._before = self._before
                _set(self._parent)
            fields = fields_of_baggage(parse_baggage(found.get("baggage")))
            if fields:
                _context.set(_merged(self._fields_before, fields))
        except Exception as error:  # noqa: BLE001 - anybody may send these
            report_failure("read the headers of a request", error)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._parent is not None:
            if _get() is self._parent:
                _set(self._before)
            self._parent.leave()
            self._parent = None
        _context.set(self._fields_before)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def _named(headers: Any) -> dict[str, list[str]]:
    """Return the values of the headers that matter, by name in lower case."""
    pairs: Any = headers.items() if hasattr(headers, "items") else headers
    found: dict[str, list[str]] = {}
    for name, value in pairs or ():
        low = _text(name).lower()
        if low in ("traceparent", "tracestate", "baggage"):
            values = value if isinstance(value, (list, tuple)) else [value]
            found.setdefault(low, []).extend(_text(one).strip(" \t") for one in values)
    return found


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def parse_traceparent(values: list[str] | None) -> tuple[str, int] | None:
    """Return trace id and span id of a valid ``traceparent``; None when it is missing, malformed or given twice."""
    if values is None or len(values) != 1:
        return None
    match = _PARENT.fullmatch(values[0])
    if match is None:
        return None
    version, trace_id, span_id, _, more = match.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    span_int = int(span_id, 16)
    return (trace_id, span_int) if span_int and trace_id.strip("0") else None


def parse_tracestate(values: list[str] | None) -> str:
    """Return a valid ``tracestate`` as one text; empty when there is none, or it is malformed."""
    members = [member.strip(" \t") for value in values or () for member in value.split(",")]
    members = [member for member in members if member]
    keys = {member.partition("=")[0] for member in members}
    if len(members) > _MAX_MEMBERS or len(keys) < len(members):
        return ""
    return ",".join(members) if all(map(_MEMBER.fullmatch, members)) else ""


def parse_baggage(values: list[str] | None) -> dict[str, str]:
    """Return the entries of ``baggage`` headers, decoded; what is malformed is left out."""
    found = {}
    for entry in ",".join(values or ())[:_MAX_BAGGAGE].split(","):
        name, is_pair, value = entry.partition(";")[0].partition("=")
        if is_pair and name.strip():
            found[name.strip()] = unquote(value.strip())
    return found


def fields_of_baggage(baggage: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a span that baggage tells."""
    return {
        field: value for name, field in BAGGAGE_FIELDS.items()
        if isinstance(value := baggage.get(name), str) and value
    }  # fmt: skip
