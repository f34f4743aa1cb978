"""One call seen by two instruments: which of its spans counts, and which span the end of a stream belongs to.

Two spans of one trace are the same call when they carry the same response id, or when one is directly inside the other
and their response ids do not contradict. Both stay visible. The marked twin is the outer one, the instrumentor's: it
may sum up several attempts, and what it lacks the inner one has. Only when nothing inside tells the usage and the outer
one does, the inner one is marked.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Key: TypeAlias = tuple[str, str]  # trace id, span id
#: Logfire notices the first chunk some time after the request span has ended.
_STREAM_SLACK_NS: Final = 1_000_000_000
_ABANDONED_SLACK_NS: Final = 50_000_000


@dataclass(slots=True)
class Call:
    """What of an llm or embedding span tells whether it is the same call as another."""

    trace_id: str
    span_id: str
    parent_id: str | None
    kind: str
    start_ns: int
    end_ns: int | None
    response_id: str | None
    model: str | None
    has_usage: bool
    has_output: bool = True
    counted: bool = True
    _inner: list[Call] = field(default_factory=list)

    @property
    def key(self) -> Key:
        """Trace and span id."""
        return self.trace_id, self.span_id


def uncounted_twins(calls: Iterable[Call]) -> set[Key]:
    """Return which of these calls must not be counted because another span tells of the same one.

    Args:
        calls: The llm and embedding spans of some traces, new and stored ones; their order does not matter.
    """
    known = {call.key: call for call in calls}
    for call in known.values():
        call._inner = []
    pairs = [*_nested(known), *_same_response(known)]
    for outer, inner in pairs:
        outer._inner.append(inner)
    return {(inner if outer.has_usage and not _tells(inner, set()) else outer).key for outer, inner in pairs}


def stream_of(end: Call, seconds: float, calls: Iterable[Call]) -> Call | None:
    """Return the call whose stream a span reports the end of: that with its model that ended when the stream began.

    Args:
        end: The span that reports it, at the end of the stream.
        seconds: How long the stream took.
        calls: Where to look; a call that has an output is not waiting for one.
    """
    began = end.start_ns - round(seconds * 1e9)
    known = list(calls)
    for call in known:
        is_joined = call.has_output and call.end_ns == end.end_ns and call.start_ns < end.start_ns
        if is_joined and call.key != end.key and _is_same_model(call, end):
            return call  # by an earlier request: this is sent again
    waiting = [
        (abs(call.end_ns - began), call)
        for call in known
        if not call.has_output and call.end_ns is not None and call.key != end.key and _is_same_model(call, end)
    ]
    beside = [one for one in waiting if (one[1].trace_id, one[1].parent_id) == (end.trace_id, end.parent_id)]
    for near, slack in ((beside, _STREAM_SLACK_NS), (waiting, _ABANDONED_SLACK_NS)):
        distance, found = min(near, key=lambda one: one[0], default=(slack, None))
        if found is not None and distance < slack:
            return found
    return None


def _is_same_model(one: Call, other: Call) -> bool:
    """Tell whether two names may be those of one model: as asked for (``gpt-4o``) and as it answered, dated."""
    if not one.model or not other.model:
        return True
    return one.model.startswith(other.model) or other.model.startswith(one.model)


def _nested(known: dict[Key, Call]) -> list[tuple[Call, Call]]:
    found = []
    for inner in known.values():
        outer = known.get((inner.trace_id, inner.parent_id or ""))
        if outer is None or outer.kind != inner.kind or outer is inner:
            continue
        if outer.response_id and inner.response_id and outer.response_id != inner.response_id:
            continue
        found.append((outer, inner))
    return found


def _same_response(known: dict[Key, Call]) -> list[tuple[Call, Call]]:
    """Return neighbours among the calls with one response id, the outer first."""
    groups: dict[tuple[str, str, str], list[Call]] = {}
    for call in known.values():
        if call.response_id:
            groups.setdefault((call.trace_id, call.kind, call.response_id), []).append(call)
    found: list[tuple[Call, Call]] = []
    for group in groups.values():
        ordered = sorted(group, key=lambda call: (call.start_ns, -(call.end_ns or 0), call.span_id))
        inside = {call.key for call in group if any(call.parent_id == other.span_id for other in group)}
        ordered.sort(key=lambda call: call.key in inside)  # what is inside another one comes after it
        found += itertools.pairwise(ordered)
    return found


def _tells(call: Call, seen: set[Key]) -> bool:
    """Tell whether a call, or one inside it, says its usage."""
    if call.has_usage:
        return True
    seen.add(call.key)
    return any(_tells(inner, seen) for inner in call._inner if inner.key not in seen)
