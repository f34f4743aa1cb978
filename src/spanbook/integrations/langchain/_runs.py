"""The runs that are open, by LangChain's ids, and which of their spans is current where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from ...tracer import Span
from ...tracer._span import _get, _get_context, _set

#: Beyond that, the oldest are taken for abandoned: some runs never end (a stream that nobody reads to its end).
_MAX_OPEN: Final = 10_000
#: What LangSmith takes for the name of a conversation, in this order; LangGraph's checkpoints go by the first.
_SESSION: Final = ("thread_id", "session_id", "conversation_id")


class Run:
    """An open run: its span, or of a hidden run the span that stands in for it."""

    __slots__ = ("is_hidden", "session", "shown", "span", "texts")

    def __init__(self, span: Span | None, session: str | None, *, is_hidden: bool = False) -> None:
        self.span, self.session, self.is_hidden = span, session, is_hidden
        self.texts: list[str] = []  # of a streamed answer
        self.shown = -1.0  # when it was shown last; negative before the first token


_open: Final[dict[Any, Run]] = {}


def find_run(run_id: Any) -> Run | None:
    """Return an open run."""
    return _open.get(run_id)


def add_run(run_id: Any, run: Run) -> None:
    """Note that a run has begun."""
    while len(_open) >= _MAX_OPEN:
        _open.pop(next(iter(_open), None), None)
    _open[run_id] = run


def end_run(run_id: Any) -> Run | None:
    """Return an open run that ends now; None when it has ended, or never began here."""
    return _open.pop(run_id, None)


def count_open() -> int:
    """Return how many runs are open."""
    return len(_open)


def parent_for(parent_run_id: Any) -> tuple[Span | None, Run | None]:
    """Return the span below which a new run belongs, and the run above it.

    That is the current span if it is inside of the parent run (a function of the user's that calls LangChain again).
    """
    here = _get()
    above = _open.get(parent_run_id) if parent_run_id is not None else None
    if above is None or above.span is None or is_inside(here, above.span):
        return here, above
    return above.span, above


def is_inside(span: Span | None, outer: Span) -> bool:
    """Tell whether a span is another one, or was entered below it."""
    while span is not None:
        if span is outer or (span.parent_int == outer.span_int and span.trace_id == outer.trace_id):
            return True
        span = span._before
    return False


def session_of(metadata: dict[str, Any]) -> str | None:
    """Return the conversation that a first run belongs to, unless the user has said of which session this is."""
    name = next((metadata[key] for key in _SESSION if metadata.get(key)), None)
    if name is None or "session_id" in (_get_context() or ()):
        return None
    span = _get()
    while span is not None:
        if span._fields and span._fields.get("session_id"):
            return None
        span = span._before
    return str(name)


# -- being current


class Start:
    """Says that the next run that starts here is to be current; used once."""

    __slots__ = ("is_used",)

    def __init__(self) -> None:
        self.is_used = False


_start: ContextVar[Start | None] = ContextVar("spanbook_langchain_start", default=None)


def began_here(span: Span | None) -> None:
    """Make the span of a run current if the code around is going to put back what was before."""
    start = _start.get()
    if start is not None and not start.is_used:
        start.is_used = True
        _set(span)


def enter_run(run_id: Any) -> None:
    """Make the span of a run current, for good: the context is a copy made for the code of this run."""
    run = _open.get(run_id)
    if run is not None and run.span is not None and not is_inside(_get(), run.span):
        _set(run.span)


@contextmanager
def inside(run_id: Any) -> Iterator[None]:
    """Have the span of a run current in a block."""
    before = _get()
    enter_run(run_id)
    try:
        yield
    finally:
        _set(before)


@contextmanager
def starting() -> Iterator[None]:
    """Have the span of the run that starts in a block current from then on to its end."""
    before, outer = _get(), _start.get()
    _start.set(Start())
    try:
        yield
    finally:
        _set(before)
        _start.set(outer)


class Scope:
    """What is current inside of a generator, which never is while its consumer has the turn: ``with scope:``."""

    __slots__ = ("_before", "_here", "_outer", "_run_id", "_start")

    def __init__(self, run_id: Any = None) -> None:
        self._run_id = run_id
        self._start = Start()
        self._here: Span | None = None
        self._before: Span | None = None
        self._outer: Start | None = None

    def __enter__(self) -> None:
        self._before, self._outer = _get(), _start.get()
        if self._here is not None:
            _set(self._here)
        elif self._run_id is not None:
            enter_run(self._run_id)
        _start.set(self._start)

    def __exit__(self, *_: object) -> None:
        here = _get()
        self._here = here if here is not self._before else None
        _set(self._before)
        _start.set(self._outer)
        self._before = None
