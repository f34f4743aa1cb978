"""``score``, ``scoring`` and ``cancel``: what a person says about a span, and stopping one that runs."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from ..model import CORRECTED_OUTPUT, UsageError
from ..store._known import score_names
from ..store._read import StoreReader
from ..tracer._cancel import cancel_span
from ..tracer._score import keep_score, score_record
from ._live import source
from ._rpc_detail import scores_of

_CLIENT_ID: Final = re.compile(r"[0-9A-Za-z_-]{8,64}")
#: Seconds that the page waits for what was said to be readable; it is kept all the same.
_WAIT_S: Final = 5.0
#: Characters of one value or comment.
_LONGEST: Final = 1_000_000
_INTERRUPT: Final = "Interrupt the kernel to stop the cell that runs it."


def scoring(reader: StoreReader) -> dict[str, Any]:
    """Return ``{names: [[name, type]], readonly}``; ``readonly`` says why no score can be kept, None when it can."""
    names = [[name, kind] for name, kind in score_names(reader) if name != CORRECTED_OUTPUT]
    return {"names": names, "readonly": _readonly(reader)}


def score(reader: StoreReader, trace_id: str, span_id: str, params: dict[str, Any]) -> dict[str, Any]:
    """Keep a score of source "human", and return the scores of the span as ``detail`` has them.

    Args:
        reader: Of the store that holds the span.
        trace_id: Its trace.
        span_id: The span.
        params: ``name``, ``value``, ``comment``, and ``client_id``: the page's name for this score, so that a
            request sent twice is kept once.

    Raises:
        UsageError: a value of the wrong type, or a store that may not be written.
        StoreError: the store cannot be written.
    """
    reason = _readonly(reader)
    if reason is not None:
        raise UsageError(reason)
    client_id = params.get("client_id")
    if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
        raise UsageError(f"client_id={client_id!r} is no id; send 8 to 64 letters, digits, - or _.")
    for field in ("value", "comment"):
        if isinstance(params.get(field), str) and len(params[field]) > _LONGEST:
            raise UsageError(f"this {field} has {len(params[field]):,} characters; give at most {_LONGEST:,}.")
    score_id = hashlib.sha256(f"{trace_id} {span_id} {client_id}".encode()).hexdigest()[:24]
    record = score_record(params.get("name"), params.get("value"), "human", params.get("comment") or None, score_id)
    record.update(name=record["name"].strip(), trace_id=trace_id, span_id=span_id)
    running = source()
    keep_score(record, reader.path, None if running is None else running.path)
    is_kept = running is None or running.path != reader.path or running.fold.flush(_WAIT_S)
    return {"scores": scores_of(reader, trace_id, span_id), "is_readable": bool(is_kept)}


def cancel(reader: StoreReader, trace_id: str, span_id: str) -> dict[str, Any]:
    """Cancel the task that runs a span; return ``{"task": its name}``.

    Raises:
        LookupError: nothing can be stopped, and why.
    """
    span = reader.span(trace_id, span_id)
    if span is not None and span.status != "open":
        raise LookupError(f"{span.name!r} has ended already.")
    done = cancel_span(trace_id, span_id, "stopped in the trace explorer")
    if done is None:
        name = "this span" if span is None else repr(span.name)
        raise LookupError(
            f"{name} does not run in an asyncio task of this kernel, and threads and plain calls cannot be stopped "
            f"one by one. {_INTERRUPT}"
        )
    return {"task": done.task}


def _readonly(reader: StoreReader) -> str | None:
    """Say why nothing can be written beside what this reader reads; None when it can."""
    if reader.is_readonly:
        return "This store was opened read-only; open it with sb.open(path, readonly=False) to score and correct."
    return None
