"""Batches of the older Langfuse SDKs (Python 2, JS 3, and scores of later ones): ``POST /api/public/ingestion``.

A batch holds events, each a partial state of a trace, an observation or a score; states of one id are merged, what is
not null wins over what was there, in any order. An observation becomes a span with the attributes that the newer SDKs
send over OTLP, so one mapper reads both. A trace becomes the root span above its observations. Ids that are no W3C ids
(UUIDs) are hashed; the id that was sent stays an attribute.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from ..model import text_score_type
from ._draft import moment_ns
from .otel import OtelSpan
from .registry import MappedSpan, map_span

_HEX: Final = {32: re.compile("[0-9a-f]{32}"), 16: re.compile("[0-9a-f]{16}")}
_O: Final = "langfuse.observation."
#: Fields of an observation → the attribute that says the same over OTLP.
_OBSERVATION: Final = {
    "input": f"{_O}input",
    "output": f"{_O}output",
    "model": f"{_O}model.name",
    "modelParameters": f"{_O}model.parameters",
    "usage": f"{_O}usage_details",
    "usageDetails": f"{_O}usage_details",
    "costDetails": f"{_O}cost_details",
    "level": f"{_O}level",
    "statusMessage": f"{_O}status_message",
    "completionStartTime": f"{_O}completion_start_time",
    "promptName": f"{_O}prompt.name",
    "promptVersion": f"{_O}prompt.version",
    "metadata": f"{_O}metadata",
    "environment": "langfuse.environment",
    "version": "langfuse.version",
    "userId": "user.id",  # these of rows alone: the SDKs say them of traces
    "sessionId": "session.id",
    "tags": "langfuse.trace.tags",
}
_TRACE: Final = {
    "input": f"{_O}input",
    "output": f"{_O}output",
    "userId": "user.id",
    "sessionId": "session.id",
    "tags": "langfuse.trace.tags",
    "metadata": "langfuse.trace.metadata",
    "release": "langfuse.release",
    "version": "langfuse.version",
    "environment": "langfuse.environment",
    "public": "langfuse.trace.public",
}
#: Costs as they stand in a row of their own → in ``costDetails``.
COSTS: Final = {"inputCost": "input", "outputCost": "output", "totalCost": "total"}
_SCORE_KINDS: Final = {"BOOLEAN": "bool", "NUMERIC": "number", "CATEGORICAL": "label", "TEXT": "text"}
_BOOLS: Final = {"true": 1, "false": 0}


@dataclass(slots=True)
class LangfuseBatch:
    """What a batch says."""

    #: Spans; ``name``, ``parent`` and ``start_ns`` are only among the fields of one where an event said them.
    spans: list[MappedSpan] = field(default_factory=list)
    #: When what is unknown of a span began at the latest, in the order of ``spans``.
    seen_ns: list[int] = field(default_factory=list)
    #: Trace id → its root span, and the last end among its observations.
    ends_ns: dict[str, tuple[int, int]] = field(default_factory=dict)
    scores: list[dict[str, Any]] = field(default_factory=list)
    #: Ids of the events that were understood.
    accepted: list[str] = field(default_factory=list)
    #: Id of an event → what is wrong with it.
    refused: dict[str, str] = field(default_factory=dict)


def read_batch(events: Sequence[Any]) -> LangfuseBatch:
    """Return what the events of a batch say; one that is malformed is refused by its id, the others are kept."""
    batch = LangfuseBatch()
    entities: dict[tuple[str, str], dict[str, Any]] = {}
    for at, event in enumerate(events):
        id = event.get("id") if isinstance(event, Mapping) else None
        name = id if isinstance(id, str) else f"event {at}"
        try:
            _take(event, entities, batch)
        except ValueError as error:
            batch.refused[name] = str(error)
        else:
            batch.accepted.append(name)
    for entity in entities.values():
        _add_span(entity, batch)
    return batch


def trace_id_of(id: str) -> str:
    """Return the trace id for an id of Langfuse: itself, or a UUID without its dashes, where that is 32 hex digits."""
    return _as_hex(id, 32)


def span_id_of(id: str) -> str:
    """Return the span id for an id of an observation."""
    return _as_hex(id, 16)


def root_id_of(trace_id: str) -> str:
    """Return the id of the span that stands for a trace."""
    return sha256(f"trace {trace_id}".encode()).hexdigest()[:16]


def _as_hex(id: str, digits: int) -> str:
    bare = id.replace("-", "").lower() if digits == 32 else id
    if _HEX[digits].fullmatch(bare) and bare.strip("0"):
        return bare
    return sha256(id.encode("utf-8", "replace")).hexdigest()[:digits]


def _take(event: Any, entities: dict[tuple[str, str], dict[str, Any]], batch: LangfuseBatch) -> None:
    """Merge an event into its entity.

    Raises:
        ValueError: it is malformed.
    """
    if not isinstance(event, Mapping) or not isinstance(event.get("type"), str):
        raise ValueError("expected an object with a text 'type'")
    body, kind = event.get("body"), event["type"].rpartition("-")[0]
    if not isinstance(body, Mapping):
        raise ValueError(f"body is a {type(body).__name__}; expected an object")
    seen = moment_ns(body.get("timestamp")) or moment_ns(event.get("timestamp")) or 0
    if kind == "score":
        batch.scores.append(_score(body, seen))
        return
    if event["type"] == "sdk-log":
        return
    if not isinstance(body.get("id"), str) or not body["id"]:
        raise ValueError("body.id is missing")
    if kind == "observation":
        kind = str(body.get("type") or "span").lower()
    entity = entities.setdefault(("trace" if kind == "trace" else "observation", body["id"]), {})
    entity |= {name: value for name, value in body.items() if value is not None}
    entity["$kind"], entity["$seen"] = kind, max(seen, entity.get("$seen", 0))


def _add_span(entity: dict[str, Any], batch: LangfuseBatch) -> None:
    kind, seen = entity["$kind"], entity["$seen"]
    mapped = _trace_span(entity, seen) if kind == "trace" else _observation_span(entity, kind)
    batch.spans.append(mapped)
    batch.seen_ns.append(seen)
    trace_id, end = mapped.fields["trace"], mapped.fields.get("end_ns")
    root = int(root_id_of(trace_id), 16)
    if end is not None:
        batch.ends_ns[trace_id] = (root, max(end, batch.ends_ns.get(trace_id, (root, 0))[1]))


def _trace_span(entity: Mapping[str, Any], seen: int) -> MappedSpan:
    trace_id = trace_id_of(entity["id"])
    attributes = {theirs: entity[name] for name, theirs in _TRACE.items() if name in entity}
    span = OtelSpan(
        trace_id=trace_id,
        span_id=root_id_of(trace_id),
        name=_name(entity) or "trace",
        start_ns=seen,
        end_ns=seen,
        status="ok",
        attributes={**attributes, f"{_O}type": "span", **_sent_id(entity, trace_id, "langfuse.trace.id")},
        scope_name="langfuse-sdk",
    )
    return _as_given(map_span(span), entity, says_start="timestamp" in entity)


def _observation_span(entity: Mapping[str, Any], kind: str) -> MappedSpan:
    trace_id = trace_id_of(str(entity.get("traceId") or entity["id"]))
    span_id = span_id_of(entity["id"])
    parent = entity.get("parentObservationId")
    start, end = moment_ns(entity.get("startTime")), moment_ns(entity.get("endTime"))
    attributes = {theirs: entity[name] for name, theirs in _OBSERVATION.items() if name in entity}
    attributes |= _cost(entity)
    span = OtelSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=span_id_of(parent) if isinstance(parent, str) and parent else root_id_of(trace_id),
        name=_name(entity) or kind,
        start_ns=start or 0,
        end_ns=start if kind == "event" else end,
        attributes={**attributes, f"{_O}type": kind, **_sent_id(entity, span_id, f"{_O}id")},
        scope_name="langfuse-sdk",
    )
    found = _as_given(map_span(span), entity, says_start=start is not None)
    if not isinstance(parent, str) and "traceId" not in entity:
        found.fields.pop("parent", None)
    return found


def _as_given(mapped: MappedSpan, entity: Mapping[str, Any], *, says_start: bool) -> MappedSpan:
    """Leave out what no event said: an update must not overwrite it."""
    if _name(entity) is None:
        mapped.fields.pop("name")
    if not says_start:
        mapped.fields.pop("start_ns")
    return mapped


def _name(entity: Mapping[str, Any]) -> str | None:
    name = entity.get("name")
    return name if isinstance(name, str) and name else None


def _sent_id(entity: Mapping[str, Any], id: str, name: str) -> dict[str, str]:
    return {name: entity["id"]} if entity["id"] != id else {}


def _cost(entity: Mapping[str, Any]) -> dict[str, Any]:
    usage = entity.get("usage")
    if "costDetails" in entity or not isinstance(usage, Mapping):
        return {}
    costs = {ours: usage[name] for name, ours in COSTS.items() if usage.get(name) is not None}
    return {f"{_O}cost_details": costs} if costs else {}


def _score(body: Mapping[str, Any], seen: int) -> dict[str, Any]:
    """Return the row of a score.

    Raises:
        ValueError: it has no name or no value.
    """
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError("body.name is missing")
    kind, value = _score_value(name, body)
    trace, observation, session = (body.get(key) for key in ("traceId", "observationId", "sessionId"))
    sent = body.get("id")
    digest = sha256(f"{trace} {observation} {session} {name} {value} {seen}".encode("utf-8", "replace")).hexdigest()
    return {
        "score_id": sent if isinstance(sent, str) and sent else digest[:24],
        "trace_id": trace_id_of(trace) if isinstance(trace, str) and trace else None,
        "span_id": span_id_of(observation) if isinstance(observation, str) and observation else None,
        "session_id": session if isinstance(session, str) and session else None,
        "name": name,
        "value": value,
        "value_type": kind,
        "source": "human" if body.get("source") == "ANNOTATION" else "code",
        "comment": body["comment"] if isinstance(body.get("comment"), str) else None,
        "created_ns": seen,
    }


def _score_value(name: str, body: Mapping[str, Any]) -> tuple[str, float | str]:
    """Return the type and the value of a score; what is read back from Langfuse has the words in ``stringValue``.

    Raises:
        ValueError: it has no value.
    """
    kind = _SCORE_KINDS.get(str(body.get("dataType")), "number")
    value, words = body.get("value"), body.get("stringValue")
    if kind == "bool" and value is None:
        value = _BOOLS.get(str(words).lower())
    elif isinstance(words, str) and words and (kind in ("label", "text") or value is None):
        value = words  # the number beside a category is its place in a list
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"body.value is {value!r:.60}; expected a number or text")
    if isinstance(value, str):
        return ("text" if kind == "text" else text_score_type(name, value)), value
    if not abs(value) <= sys.float_info.max:  # JSON has no NaN; Python's reads it all the same
        raise ValueError(f"body.value is {value!r:.60}; expected a finite number")
    return ("bool", int(bool(value))) if kind == "bool" else ("number", float(value))
