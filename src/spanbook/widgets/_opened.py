"""Traces that are open inside a view of many: their state, what answers their requests, and what streams in them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ..store._read import StoreReader
from ._live import Change, hub
from ._requests import Answer, TraceRequests
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
    """The explorers of a view; the view holds its lock round every call."""

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._opened: dict[str, _Opened] = {}

    @property
    def is_any_running(self) -> bool:
        """Whether one of them has spans that have not ended."""
        return any(opened.state.is_open for opened in self._opened.values())

    def open(self, trace_id: str) -> TraceRequests:
        """Return what answers the requests about one trace.

        Raises:
            SpanbookError: it cannot be read.
        """
        return self._open(trace_id).requests

    def load(self, trace_id: str) -> Answer:
        """Return the whole trace, as an explorer begins with it."""
        meta, cols = self._open(trace_id).state.whole()
        return meta, [cols]

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
        news = opened.state.apply(change.spans, change.trace) if opened is not None else None
        return [] if news is None else [({**news[0], "trace": trace_id}, list(news[1]))]

    def streamed(self, selected: Any) -> list[Message]:
        """Return the messages that tell open explorers what is being streamed, and whose cell ran again."""
        found: list[Message] = []
        for trace_id, opened in self._opened.items():
            news = opened.streams.news(selected)
            if (ran := opened.state.cell_news()) is not None:
                news.append(ran)
            found += [({**message, "trace": trace_id}, []) for message in news]
        return found
