"""Recordings of real clients: their spans as they sent them, and what a good reading of each shows."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spanbook.conventions.otel import OtelEvent, OtelLink, OtelSpan

DATA = Path(__file__).parent / "data"
CLIENTS = sorted(path.name.removesuffix(".json.gz") for path in DATA.glob("*.json.gz"))


def load(client: str) -> tuple[list[OtelSpan], list[dict[str, Any]]]:
    """Return the spans of a client, and the expected reading of each."""
    with gzip.open(DATA / f"{client}.json.gz", "rt", encoding="utf-8") as file:
        recorded = json.load(file)
    return [span_of(raw) for raw in recorded["spans"]], recorded["expected"]


def span_of(raw: Mapping[str, Any]) -> OtelSpan:
    """Return a recorded span; recordings hold times as text, and enums by number or by name."""
    code = raw["status"].get("code", 0)
    return OtelSpan(
        trace_id=raw["trace_id"],
        span_id=raw["span_id"],
        parent_id=raw["parent_id"],
        name=raw["name"],
        otel_kind=str(raw.get("otel_kind", "")),
        start_ns=int(raw["start"]),
        end_ns=int(raw["end"]),
        status={1: "ok", "STATUS_CODE_OK": "ok", 2: "error", "STATUS_CODE_ERROR": "error"}.get(code, "unset"),  # type: ignore[arg-type]
        status_message=raw["status"].get("message", ""),
        attributes=raw["attributes"],
        events=[
            OtelEvent(name=event["name"], time_ns=int(event["time"]), attributes=event["attributes"])
            for event in raw["events"]
        ],
        links=[OtelLink(trace_id=link["trace_id"], span_id=link["span_id"]) for link in raw.get("links", ())],
        scope_name=raw["scope"]["name"] or "",
        scope_version=raw["scope"]["version"] or "",
        resource=raw.get("resource", {}),
    )


def shown(messages: Any) -> list[dict[str, Any]]:
    """Return messages in the short form of the recordings' expectations: role, content, images, tool calls."""
    return [_short(message) for message in messages] if isinstance(messages, list) else []


def _short(message: Mapping[str, Any]) -> dict[str, Any]:
    parts = message["parts"]
    short: dict[str, Any] = {"role": message["role"]}
    content = "".join(_texts(parts))
    if content:
        short["content"] = content
    images = [part for part in parts if part["type"] in ("blob", "uri") and part.get("modality") == "image"]
    if images:
        short["images"] = len(images)
    calls = [part for part in parts if part["type"] == "tool_call"]
    if calls:
        short["tool_calls"] = [{name: call[name] for name in ("id", "name", "arguments")} for call in calls]
    answered = [part["id"] for part in parts if part["type"] == "tool_call_response"]
    if answered:
        short["tool_call_id"] = answered[0]
    return short


def _texts(parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        if part["type"] == "text":
            yield part["content"]
        elif part["type"] == "tool_call_response":
            response = part["response"]
            yield response if isinstance(response, str) else json.dumps(response)
