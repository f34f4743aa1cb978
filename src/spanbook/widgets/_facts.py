"""What the header of a view says: totals of one trace, totals of a cell. Pure functions over trace rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..model import KIND_CODE
from ..tracer._cell import staleness

Row = Mapping[str, Any]

#: What a bar needs to know of a span.
BAR_FIELDS: Final = ("span_id", "parent_id", "kind", "status", "start_ns", "end_ns")

#: Traces that a chip names, and bars of its miniature.
MAX_TRACES: Final = 50
MAX_BARS: Final = 40
#: Characters of a name in a tree or a list; its detail has all of it.
MAX_NAME: Final = 160


def to_ms(ns: int) -> float:
    """Return nanoseconds as milliseconds."""
    return ns / 1e6


def trace_facts(trace: Row, dropped: int) -> dict[str, Any]:
    """Return the totals of a trace as the explorer takes them (``Summary`` in js/src/core/types.ts)."""
    end = trace["end_ns"]
    cell = {name: trace[column] for name, column in
            (("id", "cell_id"), ("execution_count", "execution_count"), ("notebook", "notebook"))}  # fmt: skip
    return {
        "trace_id": trace["trace_id"],
        "name": trace["name"],
        "status": trace["status"],
        "start_ms": to_ms(trace["start_ns"]),
        "duration_ms": None if end is None else to_ms(end - trace["start_ns"]),
        "n_spans": trace["n_spans"],
        "n_open": trace["n_open"],
        "n_llm": trace["n_llm"],
        "n_errors": trace["n_errors"],
        "input_tokens": trace["input_tokens"] or 0,
        "output_tokens": trace["output_tokens"] or 0,
        "cost_usd": trace["cost_usd"],
        "cell": {**cell, "stale": staleness(trace["cell_id"], trace["cell_hash"], trace["start_ns"])}
        if any(value is not None for value in cell.values())
        else None,
        "user_id": trace["user_id"],
        "session_id": trace["session_id"],
        "tags": json.loads(trace["tags"]) if trace["tags"] else [],
        "dropped": dropped,
    }


def chip_facts(traces: Sequence[Row], n_traces: int, *, running: bool, dropped: int, now_ns: int) -> dict[str, Any]:
    """Return the totals of a cell's traces as the chip takes them (``ChipSummary`` in js/src/widgets/chip.ts).

    ``duration_ms`` is from the first start to the last end, or until now while something runs.
    """
    costs = [trace["cost_usd"] for trace in traces if trace["cost_usd"] is not None]
    starts = [trace["start_ns"] for trace in traces]
    ends = [now_ns] if running else [trace["end_ns"] for trace in traces if trace["end_ns"] is not None]
    return {
        "n_traces": n_traces,
        "n_spans": _sum(traces, "n_spans"),
        "n_llm": _sum(traces, "n_llm"),
        "duration_ms": to_ms(max(max(ends) - min(starts), 0)) if starts and ends else None,
        "tokens": _sum(traces, "input_tokens") + _sum(traces, "output_tokens"),
        "cost_usd": sum(costs) if costs else None,
        "n_errors": _sum(traces, "n_errors"),
        "running": running,
        "dropped": dropped,
        "traces": [_named(trace) for trace in traces[:MAX_TRACES]],
    }


def bars(spans: Iterable[Row], now_ns: int) -> list[list[float]]:
    """Return the miniature of a waterfall: ``[left 0..1, width 0..1, lane, kind code, failed 0|1]``.

    Lanes are the first three levels below the roots; of the spans in them the longest are drawn, in order of start.
    """
    found = list(spans)
    lanes = _lanes(found)
    drawn = [span for span in found if lanes.get(span["span_id"], 3) < 3]
    if not drawn:
        return []
    first = min(span["start_ns"] for span in drawn)
    last = max(_end(span, now_ns) for span in drawn)
    whole = max(last - first, 1)
    drawn.sort(key=lambda span: span["start_ns"] - _end(span, now_ns))
    return [
        [round((span["start_ns"] - first) / whole, 3), round((_end(span, now_ns) - span["start_ns"]) / whole, 3),
         lanes[span["span_id"]], KIND_CODE.get(span["kind"], 0), int(span["status"] == "error")]
        for span in sorted(drawn[:MAX_BARS], key=lambda span: span["start_ns"])
    ]  # fmt: skip


def _lanes(spans: Sequence[Row]) -> dict[str, int]:
    """Depth of each span below its root; a parent may come after its children, and what hangs in a loop has none."""
    parents = {span["span_id"]: span["parent_id"] for span in spans}
    lanes: dict[str, int] = {}
    for span_id in parents:
        depth, at = 0, parents[span_id]
        while at in parents and depth < 3:
            depth, at = depth + 1, parents[at]
        lanes[span_id] = depth
    return lanes


def _named(trace: Row) -> dict[str, Any]:
    facts = trace_facts(trace, 0)
    named = {name: facts[name] for name in ("trace_id", "status", "start_ms", "duration_ms", "cost_usd")}
    return {
        **named,
        "name": shortened(facts["name"], MAX_NAME),
        "tokens": facts["input_tokens"] + facts["output_tokens"],
    }


def shortened(text: str, most: int) -> str:
    """Return at most ``most`` characters, the last one "…" when some are missing."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _end(span: Row, now_ns: int) -> int:
    start, end = int(span["start_ns"]), span["end_ns"]
    if end is None:  # of an interrupted span only the beginning is known
        end = now_ns if span["status"] == "open" else start
    return max(int(end), start)


def _sum(traces: Iterable[Row], name: str) -> int:
    return sum(trace[name] or 0 for trace in traces)
