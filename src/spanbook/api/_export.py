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
    from ..frames import otlp_items

    yield '{"resourceSpans":['
    last = None
    for trace in traces:
        for item in otlp_items(trace.spans, complete=trace._completer()):
            if item.resource is last:
                yield ",\n"
            else:
                yield ("" if last is None else "]}]},\n") + f'{{"resource":{_json(item.resource)},'
                yield f'"scopeSpans":[{{"scope":{_json(item.scope)},"spans":['
            yield _json(item.span)
            last = item.resource
    yield "]}\n" if last is None else "]}]}]}\n"


def jsonl_chunks(traces: Iterable[Trace]) -> Iterator[str]:
    """Yield one line of JSON a span, with the fields of ``spans_df``; times in nanoseconds, missing ones left out.

    Files in its messages stand as base64, up to 20 MB each.
    """
    from ..frames import span_record

    for trace in traces:
        complete = trace._completer()
        for span in trace.spans:
            yield _json(span_record(complete(span))) + "\n"


def trace_json(trace: Trace) -> dict[str, Any]:
    """Return a trace as one JSON object: its summary, and its spans with all they hold."""
    from ..frames import span_record, trace_record

    return {**trace_record(trace.summary), "spans": [span_record(span) for span in trace.spans]}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
