"""The open span: what user code holds while a block runs.

Decision (2026-11): a slots object that is its own context manager, one ContextVar, no Token (a token kept across a
yield fails in another context), restored by "if current is me, set what was before". At entry a start record with the
input as it is now, at exit an end record with the output: each one ``marshal`` call and one write into a mapped file,
so a finished span survives SIGKILL and costs microseconds. Nothing here raises into the user's program.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from marshal import dumps
from typing import TYPE_CHECKING, Any, Final

from ..model import KIND_CODE, KINDS, clock, ids
from ..model.values import key_text, to_json
from ..store._checksum import checksum
from ..store._journal import JournalFullError
from ..store._segments import END, EVENT, FRAME, SCORE, SHORT_END, SHORT_START, START, UPDATE
from . import _recorder
from ._capture import describe_error, snapshot
from ._capture import dumps as _dumps_plain
from ._capture import dumps_span as _dumps_span_plain
from ._report import report_failure, warn_once

if TYPE_CHECKING:
    from types import TracebackType

    from ..model.redaction import Redactor

_NEW, _OPEN, _ENDED, _OFF, _INHERITED = 0, 1, 2, 3, 4  # inherited: in a forked child, whose parent will end it
_NO_TRACE: Final = "0" * 32
_NO_KEY: Final = b"0" * 32
_KINDS: Final = frozenset(KINDS)
_pack: Final = FRAME.pack
_pack_start: Final = SHORT_START.pack
_pack_end: Final = SHORT_END.pack
_current: ContextVar[Span | None] = ContextVar("spanbook_span", default=None)
_context: ContextVar[dict[str, Any] | None] = ContextVar("spanbook_context", default=None)
_get = _current.get
_set = _current.set
_get_context = _context.get

#: Writes a record that carries values; replaced when values are redacted before the journal.
dumps_payload: Callable[..., bytes] = _dumps_plain
#: The same for starts and ends, given their value and fields too.
dumps_span: Callable[..., bytes] = _dumps_span_plain

#: What ``span()`` and ``set()`` take beside name, kind and input.
FIELDS: Final = frozenset(
    "input output error usage model provider model_parameters metadata tags tools attributes links level user_id "
    "session_id environment release feature region prompt_name prompt_version response_id finish_reason cost_usd "
    "input_cost_usd output_cost_usd first_token_ns format name kind counted".split()
)


_PLAIN_FIELDS: Final = FIELDS - {"name", "kind"}


class Span:
    """One timed operation, recorded when it starts and when it ends.

    Use it as ``with sb.span("retrieve", kind="retriever", input=question) as s:``; inside, ``s.set(output=…)``.

    Args:
        name: What the operation is called; shown in every view.
        kind: One of ``span llm embedding retriever reranker tool agent chain guardrail evaluator event``.
        input: What the operation was given, kept as it is now (later changes to it are not seen).
        **fields: Any span field: ``model``, ``provider``, ``metadata``, ``tags``, ``user_id``, ``usage``…
    """

    __slots__ = (
        "__weakref__",
        "_before",
        "_fields",
        "_input",
        "_key",
        "_output",
        "_state",
        "kind",
        "name",
        "parent_int",
        "span_int",
        "start_ns",
        "trace_id",
    )

    def __init__(self, name: str, kind: str = "span", input: Any = None, **fields: Any) -> None:
        self.name = name  # whatever it is: the fold makes it a text
        self.kind = kind if type(kind) is str else _text(kind)
        self._input = input
        self._output = None
        self._fields = fields or None
        self._state = _NEW
        # Until start(); a __getattr__ that answers instead makes CPython look up every attribute the slow way.
        self.trace_id: str = _NO_TRACE  # 32 lowercase hex digits; zeros while not started or not sampled
        self.span_int: int = 0
        self.parent_int: int | None = None
        self.start_ns: int = 0  # nanoseconds since the epoch, UTC
        self._before: Span | None = None
        self._key: bytes = _NO_KEY  # the trace id as it stands in short records

    # -- life

    def start(self) -> Span:
        """Start the clock and write the start record; the span does not become the current one."""
        if self._state == _NEW:
            self._start(_get())
        return self

    def _start(self, parent: Span | None) -> None:
        provenance = None
        if parent is None:
            provenance = self._begin_trace(ids.next_trace_id)
        else:
            self.trace_id, self.parent_int = parent.trace_id, parent.span_int
            self._key = parent._key
            self._state = parent._state if parent._state == _OFF else _OPEN
        if self._state != _OFF:
            self.span_int = ids.next_span_id()
            self._record_start(parent is None, provenance, clock.perf_ns() + clock.offset_ns)

    def _record_start(self, is_root: bool, provenance: dict[str, Any] | None, start: int) -> None:
        """Write the start record of a span that has its ids."""
        fields, context = self._fields, _get_context()
        if is_root and _recorder.base_context is not None:
            context = _with_context(_recorder.base_context, context)
        if context is not None:
            self._fields = fields = _with_context(context, fields)
        if fields is not None or self.kind not in _KINDS:
            self._fields = fields = self._checked(fields)
        self.start_ns = start
        given = self._input
        record = (START, self.trace_id, self.span_int, self.parent_int, self.name, self.kind, start, given, fields,
                  provenance)  # fmt: skip
        try:
            body = dumps(record, 4) if given is None and fields is None else dumps_span(record, given, fields)
            _recorder.journal.write(_pack(len(body), checksum(body)) + body)
        except Exception as error:  # noqa: BLE001 (nothing of tracing may reach the user's program)
            _write_slowly(record, error)
        self._input = None  # the record has it; keep nothing of the user's alive

    def _begin_trace(self, next_trace_id: Callable[[], str]) -> dict[str, Any] | None:
        """Become the root of a new trace, or of none when tracing is off or this one is not sampled."""
        if not _recorder.enabled or (_recorder.sample < 1.0 and not _recorder.keep_next()):
            self._state = _OFF
            return None
        self._state = _OPEN
        self.trace_id = _recorder.last_trace = next_trace_id()
        self._key = self.trace_id.encode("ascii")
        if _recorder.cell_traces is not None:
            _recorder.cell_traces.append(self.trace_id)
        return _recorder.provenance

    def end(self, error: BaseException | None = None) -> None:
        """Stop the clock and write the end record. Only the first call counts; never raises."""
        if self._state != _OPEN:
            if self._state == _NEW:
                self.start()
                self.end(error)
            return
        self._state = _ENDED
        end = clock.perf_ns() + clock.offset_ns
        fields, output, status = self._fields, self._output, "ok"
        try:
            if error is not None or (fields is not None and "error" in fields):
                status = "error"
                fields = _with_error(fields, error)
            record = (END, self.trace_id, self.span_int, self.parent_int, self.name, self.kind, self.start_ns, end,
                      status, output, fields)  # fmt: skip
            body = dumps(record, 4) if output is None and fields is None else dumps_span(record, output, fields)
            _recorder.journal.write(_pack(len(body), checksum(body)) + body)
        except Exception as problem:  # noqa: BLE001 (as in start)
            _write_slowly(self._end_record(end, status, output, fields), problem)
        self._output = self._fields = None

    def _end_record(self, end: int, status: str, output: Any, fields: Any) -> tuple[Any, ...]:
        return (END, self.trace_id, self.span_int, self.parent_int, self.name, self.kind, self.start_ns, end, status,
                output, fields)  # fmt: skip

    def __enter__(self) -> Span:
        before = _get()
        if before is not self:
            self._before = before
        if self._state == _NEW:
            if self._fields is None and _get_context() is None and _may_be_short(before):
                # start() for a span without fields, written out: a call costs as much as the clock
                self._state = _OPEN
                if before is None:
                    self.trace_id = _recorder.last_trace = ids.next_trace_id()
                    self._key = key = self.trace_id.encode("ascii")
                    self.parent_int, parent = None, 0
                else:
                    self.trace_id, self._key = before.trace_id, (key := before._key)
                    self.parent_int = parent = before.span_int
                self.span_int = span = ids.next_span_id()
                self.start_ns = start = clock.perf_ns() + clock.offset_ns
                given = self._input
                try:
                    code = KIND_CODE[self.kind]
                    if given is None:
                        body = _pack_start(START, key, span, parent, start, code) + self.name.encode()
                    else:
                        self._input = None  # the record has it; keep nothing of the user's alive
                        body = dumps_span((START, self.trace_id, span, self.parent_int, self.name, self.kind, start,
                                           given, None, None), given, None)  # fmt: skip
                    _recorder.journal.write(_pack(len(body), checksum(body)) + body)
                except Exception as error:  # noqa: BLE001 (as in start)
                    self._check_kind()
                    _write_slowly((START, self.trace_id, span, self.parent_int, self.name, self.kind, start, given,
                                   None, None), error)  # fmt: skip
            else:
                self._start(before)
        _set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if _get() is self:
            before = self._before
            while before is not None and before._state == _ENDED:  # it was ended first, or elsewhere
                before = before._before
            _set(before)
            self._before = None
        if error is None and self._output is None and self._fields is None and self._state == _OPEN:
            self._state = _ENDED  # end() for a span without values, written out
            end = clock.perf_ns() + clock.offset_ns
            try:
                body = _pack_end(END, self._key, self.span_int, end)
                _recorder.journal.write(_pack(len(body), checksum(body)) + body)
            except Exception as problem:  # noqa: BLE001 (as in start)
                _write_slowly(self._end_record(end, "ok", None, None), problem)
        else:
            self.end(error)

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    # -- what user code says about it

    def set(self, **fields: Any) -> Span:
        """Set fields of the span: ``output``, ``usage``, ``model``, ``metadata``, ``tags``, ``level``…

        Returns the span. A later value replaces an earlier one; ``metadata`` and ``attributes`` are merged by key.
        Unknown names are kept in ``attributes`` and said once.
        """
        if self._state > _OPEN and not self._may_be_set():
            return self
        if not _PLAIN_FIELDS.issuperset(fields):
            fields = self._set_name_and_kind(fields)
        if "output" in fields:
            self._output = fields.pop("output")
        before = self._fields
        if not before:
            self._fields = fields  # {} too: the end then says it all
        elif fields:
            self._fields = _merged(before, fields)
        return self

    def _may_be_set(self) -> bool:
        if self._state == _ENDED:
            warn_once("set-after-end", f"span {self.name!r} has ended; set() has no effect after the end of its block.")
        elif self._state == _INHERITED:
            warn_once("set-in-child", f"span {self.name!r} belongs to the parent process; set() has no effect here.")
        return False

    def _set_name_and_kind(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Take name and kind out of the fields; unknown ones go to the attributes."""
        if "name" in fields:
            self.name = _text(fields.pop("name"))
        if "kind" in fields:
            self.kind = _text(fields.pop("kind"))
            self._check_kind()
        return self._checked(fields) or {}

    def event(self, name: str, data: Any = None) -> None:
        """Record something that happens at this moment inside the span."""
        if self._state in (_OPEN, _INHERITED):
            emit((EVENT, self.trace_id, self.span_int, clock.now_ns(), name, data))

    def first_token(self) -> None:
        """Note that the first token has arrived now; only the first call counts."""
        if self._state == _OPEN and (self._fields is None or "first_token_ns" not in self._fields):
            self._fields = _merged(self._fields, {"first_token_ns": clock.now_ns()})

    def partial(self, text: str) -> None:
        """Show ``text`` as the output so far in live views; it is never written to the journal."""
        if self._state == _OPEN:
            _recorder.partials[(self.trace_id, self.span_int)] = text

    # -- identity

    @property
    def span_id(self) -> str:
        """16 lowercase hex digits; all zeros while not started or not sampled."""
        return ids.span_hex(self.span_int)

    @property
    def is_recording(self) -> bool:
        """Whether the span is open and being recorded (in a forked child: by the parent process)."""
        return self._state in (_OPEN, _INHERITED)

    def __repr__(self) -> str:
        state = ("new", "open", "ended", "not sampled", "open in the parent process")[self._state]
        return f"<Span {self.name!r} {self.kind} {self.span_id} {state}>"

    def _checked(self, fields: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the fields with unknown names moved to attributes; a wrong kind becomes "span". Says so once."""
        self._check_kind()
        if fields is None:
            return None
        if "output" in fields:
            self._output = fields["output"]
            fields = {name: value for name, value in fields.items() if name != "output"}
        if fields.keys() <= FIELDS:
            return dict(fields)
        known = {name: value for name, value in fields.items() if name in FIELDS}
        unknown = {name: value for name, value in fields.items() if name not in FIELDS}
        for name in unknown:
            hint = _nearest(name, sorted(FIELDS))
            warn_once(
                f"field-{name}",
                f"{name!r} is no span field{hint} Kept in attributes; metadata={{...}} is for your own.",
            )
        return _merged(known, {"attributes": unknown})

    def _check_kind(self) -> None:
        if self.kind not in _KINDS:
            said = self.kind[:100]
            hint = _nearest(said, KINDS)
            warn_once(f"kind-{said}", f"{said!r} is no span kind{hint} Kinds are {', '.join(KINDS)}.")
            self.kind = "span"


def _may_be_short(parent: Span | None) -> bool:
    """Whether nothing but the parent is to be said of where a span belongs."""
    if parent is not None:
        return parent._state != _OFF
    return (
        _recorder.provenance is None
        and _recorder.base_context is None
        and _recorder.enabled
        and _recorder.sample >= 1.0
    )


def _leave_to_parent() -> None:
    """In a forked child: the spans open here are the parent's to end; here they are only parents of others."""
    span = _get()
    while span is not None:
        if span._state == _OPEN:
            span._state = _INHERITED
        span = span._before


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


def current() -> Span | None:
    """Return the span whose block runs here, None outside of any."""
    return _get()


def start_span(name: str, kind: str = "span", input: Any = None, **fields: Any) -> Span:
    """Start a span as a child of the current one, without making it current; end it with ``end()`` or ``with``."""
    return Span(name, kind, input, **fields).start()


def emit(record: tuple[Any, ...]) -> None:
    """Write one record to the journal; never raises."""
    try:
        body = dumps_payload(record)
        _recorder.journal.write(_pack(len(body), checksum(body)) + body)
    except Exception as error:  # noqa: BLE001 (as in Span.start)
        _write_slowly(record, error)


def set_early_redactor(redactor: Redactor | None) -> None:
    """Redact values in the caller's thread before they reach the journal; None to leave it to the fold."""
    global dumps_payload, dumps_span
    if redactor is None:
        dumps_payload, dumps_span = _dumps_plain, _dumps_span_plain
        return

    def redacted(value: Any, field: str) -> Any:
        if isinstance(value, str) and field not in _PAYLOADS:
            return redactor.text(value)[0]
        return redactor.value(to_json(snapshot(value)), field)[0]

    def dumps_redacted(record: tuple[Any, ...], *_: Any) -> bytes:
        what, clean = record[0], list(record)
        for at, field in _VALUES_AT[what]:
            clean[at] = redacted(record[at], field)
        if what in _FIELDS_AT and record[_FIELDS_AT[what]] is not None:
            clean[_FIELDS_AT[what]] = {name: value if name in _NEVER_REDACTED else redacted(value, name)
                                       for name, value in record[_FIELDS_AT[what]].items()}  # fmt: skip
        return _dumps_plain(tuple(clean))

    dumps_payload = dumps_span = dumps_redacted


#: Where records hold what early redaction looks at: values with the name of their field, and dicts of fields.
_VALUES_AT: Final = {START: ((4, "name"), (7, "input")), END: ((4, "name"), (9, "output")),
                     EVENT: ((4, "name"), (5, "data")), SCORE: (), UPDATE: ()}  # fmt: skip
_FIELDS_AT: Final = {START: 8, END: 10, SCORE: 1}
_PAYLOADS: Final = frozenset(("input", "output", "data"))
_NEVER_REDACTED: Final = frozenset(
    "format kind level counted usage cost_usd input_cost_usd output_cost_usd first_token_ns "
    "score_id trace_id span_id value_type source created_ns".split()
)


#: Where in each kind of record the user's values begin.
_FIRST_VALUE: Final = {START: 7, END: 9, EVENT: 5, SCORE: 1, UPDATE: 2}


def _write_slowly(record: tuple[Any, ...], error: Exception) -> None:
    """Do what the straight way could not: start tracing, go on to a new segment, or count a loss."""
    try:
        try:
            body = dumps_payload(record)
            _recorder.write(_pack(len(body), checksum(body)) + body)
        except JournalFullError:
            _write_light(record, _JOURNAL_FULL)
        except MemoryError:
            _write_light(record, _NO_MEMORY)
    except Exception as problem:  # noqa: BLE001 (as in Span.start)
        _recorder.count_dropped(record)
        report_failure("record a span", problem)


def _write_light(record: tuple[Any, ...], instead: dict[str, str]) -> None:
    """Keep that something happened, when there is no room for what was said."""
    first, what = _FIRST_VALUE[record[0]], record[0]
    values = () if what in (SCORE, UPDATE) else record[first:]
    lost = [instead if at == 0 and isinstance(item, (str, list, dict, bytes)) else None
            for at, item in enumerate(values)]  # fmt: skip
    try:
        body = _dumps_plain((*record[: len(record) - len(values)], *lost))
        _recorder.write(_pack(len(body), checksum(body)) + body, light=True)
        if any(item is not None for item in values):
            _recorder.count_emptied()
    except JournalFullError:
        _recorder.count_dropped(record)


_JOURNAL_FULL: Final = {"$type": "not_captured", "reason": "the journal was full: the store could not keep up"}
_NO_MEMORY: Final = {"$type": "not_captured", "reason": "there was no memory left to keep it"}


def _text(value: Any) -> str:
    """Return a name or kind as plain text, whatever was given: its own ``__str__`` may raise, or never end."""
    return str.__str__(value) if issubclass(type(value), str) else key_text(snapshot(value))


def _nearest(word: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word[:100], known, 1)
    return f"; did you mean {near[0]!r}?" if near else "."


def _merged(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    if old is None:
        return dict(new)
    out = {**old, **new}
    for key in ("metadata", "attributes", "usage"):
        before: Any = old.get(key)
        after: Any = new.get(key)
        if issubclass(type(before), dict) and issubclass(type(after), dict):  # isinstance asks the object, too
            out[key] = {**before, **after}
    return out


def _with_context(context: dict[str, Any], fields: dict[str, Any] | None) -> dict[str, Any]:
    """Fields of the span on top of the context's; tags of both are kept, metadata is merged."""
    if fields is None:
        return context
    out = _merged(context, fields)
    known: Any = context.get("tags")
    tags: Any = fields.get("tags")
    if type(tags) is str:
        tags = [tags]
    if known and issubclass(type(tags), (list, tuple)):
        out["tags"] = [*known, *(tag for tag in tags if type(tag) is not str or tag not in known)]
    return out


def _with_error(fields: dict[str, Any] | None, error: BaseException | None) -> dict[str, Any]:
    out = dict(fields) if fields else {}
    given: Any = error if error is not None else out.get("error")
    out["error"] = describe_error(given) if issubclass(type(given), BaseException) else given
    return out
