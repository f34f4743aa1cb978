"""Rows that Langfuse exports (JSON, JSON lines, CSV, its API) → the events that its SDKs send.

A row is a trace (perhaps with its observations and scores in it), an observation or a score; names come in camelCase,
or with underscores from exports to blob storage. In CSV every value is text: JSON where the value is structured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

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


def export_events(row: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Return the events that an exported row stands for; None when it is none of Langfuse's.

    Args:
        row: One row of an export, one object of its API, or a batch (or an event) as the SDKs send it.
    """
    if isinstance(row.get("batch"), list):
        return [dict(event) for event in row["batch"] if isinstance(event, Mapping)]
    if isinstance(row.get("type"), str) and isinstance(row.get("body"), Mapping):
        return [dict(row)]
    body = _body(row)
    if not isinstance(body.get("id"), str):
        return None
    if "startTime" in body and "traceId" in body:
        return [_observation(body)]
    if "traceId" in body and "value" in body and "name" in body:
        return [_event("score", body)]
    if "timestamp" in body and "traceId" not in body:
        return _trace(body)
    return None


def _trace(body: dict[str, Any]) -> list[dict[str, Any]]:
    inner = {name: body.pop(name, None) for name in ("observations", "scores")}
    events = [_event("trace", body)]
    for name, rows in inner.items():
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, Mapping):  # else the id of one, as lists of traces have them
                one = {"traceId": body["id"], **_body(row)}
                events.append(_observation(one) if name == "observations" else _event("score", one))
    return events


def _observation(body: dict[str, Any]) -> dict[str, Any]:
    for name, parts in (("usageDetails", _USAGE), ("costDetails", COSTS)):
        found = {ours: number for theirs, ours in parts.items() if (number := _number(body.get(theirs))) is not None}
        if found and not body.get(name) and not (name == "usageDetails" and body.get("usage")):
            body[name] = found
    return _event(str(body.get("type") or "span").lower(), body)


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
