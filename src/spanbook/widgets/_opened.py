"""What is open inside a view of many traces: traces, with what streams in them, and a comparison of two."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple

from ..compare import read_comparison
from ..store._read import StoreReader
from ._live import Change, hub
from ._requests import Answer, TraceRequests
from ._rpc_compare import ComparisonRequests, comparison_data
from ._state import TraceState
from ._streams import Streams

#: Explorers whose state is kept.
_MAX_OPEN: Final = 4

Message = tuple[dict[str, Any], list[bytes]]


class _Opened(NamedTuple):
    state: TraceState
    requests: TraceRequests
    streams: Streams


class OpenTraces:
    """The explorers of a view; the view holds its lock round every call but ``answer``."""

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._opened: dict[str, _Opened] = {}

    @property
    def is_any_running(self) -> bool:
        """Whether one of them has spans that have not ended."""
        return any(opened.state.is_open for opened in self._opened.values())

    def answer(self, lock: AbstractContextManager[Any], trace_id: str, method: Any, params: dict[str, Any]) -> Answer:
        """Answer a request about one trace, or ``load`` the whole of it, as an explorer begins with it.

        Args:
            lock: The view's; it is held while the trace is opened, not while a request is answered.
            trace_id: One of the view's traces.
            method: What is asked.
            params: What is asked of it.

        Raises:
            LookupError: there is no such request, or not what it asks for.
            SpanbookError: the trace cannot be read.
        """
        with lock:
            opened = self._open(trace_id)
            if method == "load":
                meta, cols = opened.state.whole()
                return meta, [cols]
        return opened.requests.answer(method, params)

    def _open(self, trace_id: str) -> _Opened:
        found = self._opened.get(trace_id)
        if found is None:
            state = TraceState(self._reader, trace_id)
            found = _Opened(state, TraceRequests(state), Streams(state))
            while len(self._opened) >= _MAX_OPEN:
                del self._opened[next(iter(self._opened))]
            self._opened[trace_id] = found
            hub.wake()  # texts may be streaming in it
        return found

    def clear(self) -> None:
        """Forget them; what is asked for again is read again."""
        self._opened.clear()

    def take(self, trace_id: str, change: Change) -> list[Message]:
        """Return the messages that tell an open explorer what was written."""
        opened = self._opened.get(trace_id)
        news = opened.state.apply(change) if opened is not None else []
        return [({**message, "trace": trace_id}, buffers) for message, buffers in news]

    def streamed(self, selected: Any) -> list[Message]:
        """Return the messages that tell open explorers what is being streamed, and whose cell ran again."""
        found: list[Message] = []
        for trace_id, opened in self._opened.items():
            found += [({**message, "trace": trace_id}, []) for message in opened.streams.news(selected)]
        return found


class OpenComparison:
    """The comparison that a view shows; the last one is kept as it was when it was loaded."""

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._last: tuple[list[str], ComparisonRequests] | None = None

    def answer(self, pair: list[str], method: Any, params: dict[str, Any]) -> Answer:
        """Answer a request about the comparison of two traces, or ``load`` it anew.

        Raises:
            LookupError: there is no such request, or no such trace.
            SpanbookError: the store cannot be read.
        """
        last = self._last
        if method != "load" and last is not None and last[0] == pair:
            return last[1].answer(method, params)
        a, b = pair
        comparison = read_comparison((self._reader, a), (self._reader, b))
        requests = ComparisonRequests(comparison)
        self._last = pair, requests
        if method != "load":
            return requests.answer(method, params)
        meta, data = comparison_data(comparison)
        return meta, [data]
