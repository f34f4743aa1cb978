"""A span as spanbook writes it into JSON lines (``frames.span_record``), read back into the fields the fold takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ..model import KINDS, SCORE_SOURCES, STATUSES, USAGE_FIELDS, OtlpError, text_score_type

_ID: Final = {32: re.compile("[0-9a-f]{32}"), 16: re.compile("[0-9a-f]{16}")}
_INT64: Final = 1 << 63
#: Fields of a record that stand under the same name in a span's fields.
_SAME: Final = (
    "name", "level", "first_token_ns", "end_ns", "input", "output", "error", "model", "provider", "response_id",
    "finish_reason", "model_parameters", "tools", "cost_usd", "input_cost_usd", "output_cost_usd", "cost_source",
    "user_id", "session_id", "tags", "metadata", "environment", "release", "feature", "region", "prompt_name",
    "prompt_version", "attributes", "links", "notebook", "cell_id", "execution_count", "cell_hash", "git_commit",
    "process_id", "counted",
)  # fmt: skip


def read_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a span, with its ``events`` and ``scores``.

    Raises:
        OtlpError: the record names no valid ids, name, start, kind or status; the message says which.
    """
    parent = record.get("parent_id")
    fields: dict[str, Any] = {
        "trace": _id(record, "trace_id", 32),
        "span": int(_id(record, "span_id", 16), 16),
        "parent": None if parent is None else int(_id(record, "parent_id", 16), 16),
        "kind": _one_of(record, "kind", KINDS, "span"),
        "status": _one_of(record, "status", STATUSES, "ok"),
        "start_ns": _time(record, "start_ns"),
    }
    if not isinstance(record.get("name"), str):
        raise OtlpError("name", f"is {record.get('name')!r}; expected text")
    fields |= {name: record[name] for name in _SAME if record.get(name) is not None}
    usage = {name: record[name] for name in USAGE_FIELDS if isinstance(record.get(name), int)}
    if usage:
        fields["usage"] = usage
    fields["events"] = [_event(event) for event in _items(record, "events")]
    fields["scores"] = [_score(score, fields["trace"]) for score in _items(record, "scores")]
    return fields


def _id(record: Mapping[str, Any], name: str, digits: int) -> str:
    value = record.get(name)
    if not isinstance(value, str) or _ID[digits].fullmatch(value) is None or not value.strip("0"):
        raise OtlpError(name, f"is {value!r:.60}; expected {digits} lowercase hex digits, not all zero")
    return value


def _one_of(record: Mapping[str, Any], name: str, known: tuple[str, ...], usual: str) -> str:
    value = record.get(name, usual)
    if value not in known:
        raise OtlpError(name, f"is {value!r:.60}; expected one of {', '.join(known)}")
    return str(value)


def _time(record: Mapping[str, Any], name: str) -> int:
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _INT64:
        raise OtlpError(name, f"is {value!r:.60}; expected nanoseconds since 1970")
    return value


def _items(record: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = record.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise OtlpError(name, "is no list of objects")
    return value


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": str(event.get("name") or "event"), "time_ns": _time(event, "time_ns"), "data": event.get("data")}


def _score(score: Mapping[str, Any], trace_id: str) -> dict[str, Any]:
    """Return the row of a score; its kind is told from the type of its value.

    It is about the trace, or a span of it, unless it names a session and no trace.
    """
    name, value, id = (score.get(key) for key in ("name", "value", "score_id"))
    if not isinstance(name, str) or not isinstance(id, str) or not isinstance(value, (bool, int, float, str)):
        raise OtlpError("scores", f"has {dict(score)!r:.60}; expected score_id, name and value")
    kind = "bool" if isinstance(value, bool) else text_score_type(name, value) if isinstance(value, str) else "number"
    source = score.get("source")
    texts = {key: score[key] for key in ("comment", "evaluator", "author", "span_id", "session_id") if score.get(key)}
    return {
        **texts,
        "trace_id": None if "session_id" in texts and score.get("trace_id") is None else trace_id,
        "score_id": id,
        "name": name,
        "value": int(value) if kind == "bool" else float(value) if kind == "number" else value,
        "value_type": kind,
        "source": source if source in SCORE_SOURCES else "code",
        "created_ns": _time(score, "created_ns"),
    }
