"""Rows that Langfuse exports (JSON, JSON lines, CSV, its API) → the events that its SDKs send.

A row is a trace (perhaps with its observations and scores in it), an observation or a score; names come in camelCase,
or with underscores from exports to blob storage. In CSV every value is text: JSON where the value is structured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ._draft import moment_ns
from ._langfuse_batch import COSTS
from ._parts import parsed_json

#: Names of an exported row → those of the SDKs' events.
_RENAMED: Final = {
    "providedModelName": "model",
    "totalPrice": "totalCost",
    "calculatedInputCost": "inputCost",
    "calculatedOutputCost": "outputCost",
    "calculatedTotalCost": "totalCost",
    "inputUsage": "promptTokens",
    "outputUsage": "completionTokens",
    "totalUsage": "totalTokens",
}
_USAGE: Final = {"promptTokens": "input", "completionTokens": "output", "totalTokens": "total"}
_STRUCTURED: Final = frozenset(
    ("input", "output", "metadata", "tags", "usage", "usageDetails", "costDetails", "modelParameters")
)
_SNAKE: Final = re.compile(r"_([a-z])")


def export_events(row: Mapping[str, Any], rejected: list[str]) -> list[dict[str, Any]] | None:
    """Return the events that an exported row stands for; None when it is none of Langfuse's.

    Args:
        row: One row of an export, one object of its API, or a batch (or an event) as the SDKs send it.
        rejected: Gets the reasons why something in it is left out.
    """
    if isinstance(row.get("batch"), list):
        return [dict(event) for event in row["batch"] if isinstance(event, Mapping)]
    if isinstance(row.get("type"), str) and isinstance(row.get("body"), Mapping):
        return [dict(row)]
    body = _body(row)
    if not isinstance(body.get("id"), str):
        return None
    if "startTime" in body and "traceId" in body:
        return _observation(body, rejected)
    if ("traceId" in body or "sessionId" in body) and ("value" in body or "stringValue" in body) and "name" in body:
        return [_event("score", body)]
    if "timestamp" in body and "traceId" not in body:
        return _trace(body, rejected)
    return None


def _trace(body: dict[str, Any], rejected: list[str]) -> list[dict[str, Any]]:
    inner = {name: body.pop(name, None) for name in ("observations", "scores")}
    events = [_event("trace", body)] if _has_time(body, "timestamp", rejected) else []
    for name, rows in inner.items():
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, Mapping):  # else the id of one, as lists of traces have them
                one = {"traceId": body["id"], **_body(row)}
                events += _observation(one, rejected) if name == "observations" else [_event("score", one)]
    return events


def _has_time(body: Mapping[str, Any], name: str, rejected: list[str]) -> bool:
    """Tell whether a row says when it was: an update may leave that out, but nothing else would say it of a row."""
    if moment_ns(body.get(name)) is not None:
        return True
    rejected.append(f"{body.get('id')}: {name} is {body.get(name)!r:.60}; expected a time such as 2026-11-01T10:00:00Z")
    return False


def _observation(body: dict[str, Any], rejected: list[str]) -> list[dict[str, Any]]:
    if not _has_time(body, "startTime", rejected):
        return []
    for name, parts in (("usageDetails", _USAGE), ("costDetails", COSTS)):
        found = {ours: number for theirs, ours in parts.items() if (number := _number(body.get(theirs))) is not None}
        if found and not body.get(name) and not (name == "usageDetails" and body.get("usage")):
            body[name] = found
    return [_event(str(body.get("type") or "span").lower(), body)]


def _event(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"{kind} {body.get('id', '')}", "type": f"{kind}-create", "body": body}


def _body(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row under the SDKs' names, what is empty left out."""
    body: dict[str, Any] = {}
    for name, value in row.items():
        camel = _SNAKE.sub(lambda letter: letter[1].upper(), str(name))
        if value is None or value == "":
            continue
        body.setdefault(_RENAMED.get(camel, camel), parsed_json(value) if camel in _STRUCTURED else value)
    if isinstance(body.get("value"), str) and body.get("dataType") in ("NUMERIC", "BOOLEAN"):
        body["value"] = _number(body["value"])
    return body


def _number(value: Any) -> float | int | None:
    """Return a number that may be text, as all values of a CSV file are."""
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None
    except ValueError:
        return None
    return int(number) if number is not None and number.is_integer() else number
