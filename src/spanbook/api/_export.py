"""Many traces at once, as files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ._store import Store
from ._trace import Trace


def export_plain(store: Store, path: str | os.PathLike[str], trace_ids: Sequence[str] | None = None) -> Path:
    """Write a copy of a store, or of some of its traces, whose text any SQLite tool can read; return its path.

    Raises:
        UsageError: the file exists already.
        StoreError: the store cannot be read, or the file not be written.
    """
    from ..store._plain import export_plain as write

    target = Path(os.path.abspath(Path(path).expanduser()))
    write(store.path, target, trace_ids)
    return target


def otlp_chunks(traces: Iterable[Trace]) -> Iterator[str]:
    """Yield one OTLP/JSON ``ExportTraceServiceRequest`` of all traces, piece by piece."""
    yield '{"resourceSpans":['
    before = ""
    for trace in traces:
        for resource in trace.to_otlp()["resourceSpans"]:
            yield before + _json(resource)
            before = ",\n"
    yield "]}\n"


def jsonl_chunks(traces: Iterable[Trace]) -> Iterator[str]:
    """Yield one line of JSON a span, with the fields of ``spans_df``; times in nanoseconds, missing ones left out."""
    from ..frames import span_record

    for trace in traces:
        for span in trace.spans:
            yield _json(span_record(span)) + "\n"


def trace_json(trace: Trace) -> dict[str, Any]:
    """Return a trace as one JSON object: its summary, and its spans with all they hold."""
    from ..frames import span_record, trace_record

    return {**trace_record(trace.summary), "spans": [span_record(span) for span in trace.spans]}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
