"""The requests of an explorer, answered from the state of its trace."""

from __future__ import annotations

from typing import Any, Final

from ._rpc_act import cancel, score, scoring
from ._rpc_code import request_code
from ._rpc_conversation import conversation
from ._rpc_detail import detail, events, more, read_span
from ._rpc_diff import diff
from ._rpc_files import asset, blob
from ._rpc_find import complete, find
from ._rpc_log import LogRequests, whole_number
from ._state import TraceState

Params = dict[str, Any]
#: A JSON value, and buffers that go with it.
Answer = tuple[Any, list[bytes]]

#: What a page may ask an explorer; each is a method of ``TraceRequests``.
REQUESTS: Final = frozenset(
    {"reload", "detail", "more", "events", "diff", "request_code", "find", "complete", "conversation", "log", "blob",
     "asset", "cancel", "score", "scoring"}
)  # fmt: skip


class TraceRequests:
    """Answers requests about one trace; every method may run on any thread."""

    def __init__(self, state: TraceState) -> None:
        self._state = state
        self._log = LogRequests(state)

    def answer(self, method: Any, params: Any) -> Answer:
        """Answer one request.

        Raises:
            LookupError: there is no such request, or not what it asks for.
            SpanbookError: the store cannot be read.
        """
        if not isinstance(method, str) or method not in REQUESTS:
            raise unknown_request(method)
        found: Answer = getattr(self, method)(params if isinstance(params, dict) else {})
        return found

    def reload(self, params: Params) -> Answer:
        """Return the whole trace, with what was missed, and with ``more`` of the rows that were left out."""
        meta, cols = self._state.read_again(more=params.get("more") is True)
        return meta, [cols]

    def detail(self, params: Params) -> Answer:
        """Return all there is to know of the span in ``row``."""
        state = self._state
        return detail(state.reader, state.trace_id, state.span_id(params.get("row"))), []

    def more(self, params: Params) -> Answer:
        """Return a slice of a long text: ``row``, ``field``, ``path``, ``offset``."""
        state, place = self._state, [params.get(name) for name in ("field", "path", "offset")]
        return more(state.reader, state.trace_id, state.span_id(params.get("row")), *place), []

    def events(self, params: Params) -> Answer:
        """Return the events of the span in ``row`` from ``offset`` on, all or at most ``limit``."""
        state, offset = self._state, whole_number(params, "offset", 0)
        limit = whole_number(params, "limit", 0) if "limit" in params else None
        return events(state.reader, state.trace_id, state.span_id(params.get("row")), offset, limit), []

    def diff(self, params: Params) -> Answer:
        """Return the messages of the llm call in ``row`` beside those of the call before it."""
        state = self._state
        found = diff(state.reader, state.trace_id, state.span_id(params.get("row")))
        rows = state.rows_of([found.pop("span_id")])
        return {"row": rows[0] if rows else None, **found}, []

    def request_code(self, params: Params) -> Answer:
        """Return the call in ``row`` as Python that makes it again."""
        state = self._state
        span = read_span(state.reader, state.trace_id, state.span_id(params.get("row")))
        return request_code(span, state.reader.read_blob), []

    def find(self, params: Params) -> Answer:
        """Return the rows that match ``query``, a filter or a text."""
        found = find(self._state.reader, self._state.trace_id, params.get("query"))
        answer: Params = {"rows": self._state.rows_of(found.span_ids)}
        if found.error is not None:
            answer["error"] = found.error
        return answer, []

    def complete(self, params: Params) -> Answer:
        """Return what may stand ``at`` a place of ``query``, and what is wrong with it."""
        return complete(self._state.reader, params.get("query"), params.get("at"), self._state.trace_id), []

    def scoring(self, params: Params) -> Answer:
        """Return what a form for scores needs: names given before, and why nothing can be said here."""
        return scoring(self._state.reader), []

    def score(self, params: Params) -> Answer:
        """Keep what a person says about the span in ``row``; repeated with the same ``client_id``, it is kept once."""
        state = self._state
        return score(state.reader, state.trace_id, state.span_id(params.get("row")), params), []

    def cancel(self, params: Params) -> Answer:
        """Cancel the asyncio task that runs the span in ``row``."""
        state = self._state
        return cancel(state.reader, state.trace_id, state.span_id(params.get("row"))), []

    def conversation(self, params: Params) -> Answer:
        """Return the messages of the trace in order, each once."""
        turns = []
        for turn in conversation(self._state.reader, self._state.trace_id):
            for row in self._state.rows_of([turn.pop("span_id")]):
                turns.append({"row": row, **turn})
        return {"turns": turns}, []

    def log(self, params: Params) -> Answer:
        """Return a page of what happened in order (``offset``, ``limit``, ``kinds``), or the place of ``row``."""
        return self._log.answer(params), []

    def blob(self, params: Params) -> Answer:
        """Return the bytes of an image, sound or file by its ``digest``."""
        mime_type, data = blob(self._state.reader, params.get("digest"))
        return {"mime_type": mime_type, "size": len(data)}, [data]

    def asset(self, params: Params) -> Answer:
        """Return a file of the package by its ``name``."""
        return asset(params.get("name"))


def unknown_request(method: Any) -> LookupError:
    """Return the error for a request that no view answers."""
    return LookupError(f"{method!r} is no request of this view; it knows {', '.join(sorted(REQUESTS))}.")
