"""A trace as lines of a tree, for everything that is not the live widget: snapshot, text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ..model import Span
from ..model.format import format_count, format_duration, format_money
from ..store._read import StoreReader
from ..store._tree import TREE_COLUMNS, tree_links, tree_rows_of, tree_times
from ._facts import shortened
from ._rpc_detail import is_messages

#: Lines of an outline; what is beyond is counted.
MAX_LINES: Final = 25
#: Levels that are indented; deeper lines stand as far right as these.
MAX_INDENT: Final = 12
_MAX_NAME: Final = 60
_MAX_EXCERPT: Final = 300


class Line(NamedTuple):
    """One span of an outline; ``branch`` says for each level above whether another span follows there."""

    span_id: str
    branch: tuple[bool, ...]
    name: str
    sub: str
    kind: str
    status: str
    tokens: int
    cost_usd: float | None
    duration_ms: float | None
    start: float  # 0..1 of the trace's time
    end: float

    @property
    def depth(self) -> int:
        """Levels below the root."""
        return len(self.branch)


class Outline(NamedTuple):
    """The first lines of a trace, in the order of its tree, and how many spans are not among them."""

    lines: list[Line]
    more: int


def outline(reader: StoreReader, trace_id: str, now_ns: int, most: int = MAX_LINES) -> Outline:
    """Return the tree of a trace, depth first, children in order of start; orphans stand as roots."""
    links = tree_links(reader, trace_id)
    have = {span_id for span_id, _ in links}
    children: dict[str | None, list[str]] = {}
    for span_id, parent in links:
        children.setdefault(parent if parent in have and parent != span_id else None, []).append(span_id)
    found: list[tuple[str, tuple[bool, ...]]] = []
    todo: list[tuple[str, tuple[bool, ...]]] = [(span_id, ()) for span_id in reversed(children.get(None, []))]
    while todo and len(found) < most:
        span_id, branch = todo.pop()
        found.append((span_id, branch))
        below = reversed(children.get(span_id, []))
        todo += [(child, (*branch, at > 0)) for at, child in enumerate(below)]
    if not found:
        return Outline([], len(links))
    rows = tree_rows_of(reader, trace_id, [span_id for span_id, _ in found])
    first, last = tree_times(reader, trace_id, now_ns)
    lines = [_line(rows[span_id], branch, first, last) for span_id, branch in found if span_id in rows]
    return Outline(lines, len(links) - len(lines))


def _line(row: Sequence[Any], branch: tuple[bool, ...], first: int, last: int) -> Line:
    span = dict(zip(TREE_COLUMNS, row, strict=True))
    end = span["end_ns"] if span["end_ns"] is not None else last
    whole = max(last - first, 1)
    failed = span["status"] == "error"
    sub = span["error_type"] if failed and span["error_type"] else span["model"]
    return Line(
        span_id=span["span_id"],
        branch=branch,
        name=shortened(span["name"], _MAX_NAME),
        sub="" if not sub or sub in span["name"] else shortened(sub, _MAX_NAME),
        kind=span["kind"],
        status=span["status"],
        tokens=(span["input_tokens"] or 0) + (span["output_tokens"] or 0),
        cost_usd=span["cost_usd"],
        duration_ms=None if span["end_ns"] is None else (span["end_ns"] - span["start_ns"]) / 1e6,
        start=(span["start_ns"] - first) / whole,
        end=(end - first) / whole,
    )


def facts_text(facts: dict[str, Any]) -> list[str]:
    """Return the totals of a trace or a cell as short texts, in the order of the live widgets."""
    out = []
    if facts.get("running") or facts.get("status") == "open":
        out.append("running")
    elif facts.get("status") == "interrupted":
        out.append("interrupted")
    if facts["duration_ms"] is not None:
        out.append(format_duration(facts["duration_ms"]))
    tokens = facts["tokens"] if "tokens" in facts else facts["input_tokens"] + facts["output_tokens"]
    if tokens:
        out.append(f"{format_count(tokens)} tok")
    if facts["cost_usd"]:
        out.append(format_money(facts["cost_usd"]))
    out.append(plural(facts["n_spans"], "span"))
    if facts["n_llm"]:
        out.append(f"{format_count(facts['n_llm'])} llm")
    return out


def troubles_text(facts: dict[str, Any]) -> list[str]:
    """Return what went wrong as short texts, nothing when nothing did."""
    out = [plural(facts["n_errors"], "error")] if facts["n_errors"] else []
    return [*out, f"{format_count(facts['dropped'])} dropped"] if facts["dropped"] else out


def plural(number: int, noun: str) -> str:
    """Return ``1 span``, ``14 spans``."""
    return f"{format_count(number)} {noun}{'' if number == 1 else 's'}"


def duration_text(line: Line) -> str:
    """Return how long a span took, or that it runs; of an interrupted one nobody knows."""
    if line.duration_ms is not None:
        return format_duration(line.duration_ms)
    return "running" if line.status == "open" else ""


def status_mark(status: str) -> str:
    """Return the sign of a status: it says without colour what a colour would."""
    return {"error": "✗", "open": "…", "interrupted": "!"}.get(status, "")


def bar(line: Line, width: int) -> str:
    """Return a span's place in time as block characters, ``··████··``."""
    left = min(int(line.start * width), width - 1)
    right = max(left + 1, min(round(line.end * width), width))
    fill = "▒" if line.status in ("open", "interrupted") else "█"
    return "·" * left + fill * (right - left) + "·" * (width - right)


def excerpt(value: Any) -> str:
    """Return the start of a payload as one line: of messages, what the last one says."""
    if value is None:
        return ""
    if is_messages(value):
        value = _last_words(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shortened(" ".join(text[: 4 * _MAX_EXCERPT].split()), _MAX_EXCERPT)


def _last_words(messages: Sequence[Any]) -> str:
    said = []
    for part in messages[-1]["parts"]:
        if part.get("type") == "text":
            said.append(str(part.get("content") or ""))
        elif part.get("type") == "tool_call":
            said.append(f"{part.get('name')}({json.dumps(part.get('arguments'), ensure_ascii=False)})")
        elif part.get("type") == "tool_call_response":
            said.append(json.dumps(part.get("response"), ensure_ascii=False))
        elif part.get("type") in ("blob", "uri", "file"):
            said.append(f"[{part.get('modality') or 'file'}]")
    return " ".join(said)


def error_line(span: Span) -> str:
    """Return why a span failed, in one line."""
    error = span.error or {}
    said = " ".join(str(error.get("message") or "").split())
    return shortened(f"{error.get('type') or span.error_type or 'Error'}: {said}".rstrip(": "), _MAX_EXCERPT)
