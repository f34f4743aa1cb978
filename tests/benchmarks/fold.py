"""What carrying a span from the journal into the store costs, in CPU of the thread that folds.

Machines differ, and one machine differs from one minute to the next: so each part of the spans is also written as the
plainest tool would, one wide row of JSON text each, in the same seconds. A prototype did that in 23 µs where the
budgets of the fold were set to 60 and 100 µs; the budgets in times of it are theirs.
"""

from __future__ import annotations

import json
import marshal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from ._data import llm_spans
from ._table import Row

METADATA = {"tier": "pro", "attempt": 1, "score": 0.5, "cached": False, "note": None}
COUNT = 4000
PART = 500
PROTOTYPE_US = 23.0

Spans = list[tuple[Any, Any]]


def run(folder: Path) -> list[Row]:
    """Return the fold rows: one trace of ten spans each, 3.3 kB a span."""
    spans = llm_spans(COUNT + 700)
    same = [spans[0]] * COUNT
    rows = []
    for name, policy, given, budget in (
        ("new text, redact off", "off", spans, 60.0),
        ("new text, redact secrets", "secrets", spans, 100.0),
        ("same text, redact off", "off", same, 60.0),
        ("same text, redact secrets", "secrets", same, 100.0),
    ):
        figure, times = _fold_us(folder / f"{name}.db", policy, given)
        rows.append(Row(f"fold, 3.3 kB, {name}", figure, "µs", budget))
        rows.append(Row("  times one wide row of JSON text", times, "×", round(budget / PROTOTYPE_US, 1)))
    return rows


def _fold_us(store: Path, policy: str, given: Spans) -> tuple[float, float]:
    """Return the median of all parts: microseconds a span, and how many times a plain row's."""
    import spanbook as sb
    from spanbook.api import _runtime

    sb.init(store=store, redact=policy, instrument=False)
    fold = _runtime.active().fold
    with sb.span("warm", "llm", given[0][0], model="gpt-4o-mini", provider="openai") as span:
        span.set(output=given[0][1], usage={"input_tokens": 1, "output_tokens": 1})
    fold.flush()
    _learn(fold, given[COUNT:])
    figures, times = [], []
    with closing(_plain_store(store.with_suffix(".plain"))) as plain, fold.lock:
        for start in range(0, COUNT, PART):
            part = given[start : start + PART]
            for at in range(0, PART, 10):
                with sb.span("turn", "agent"):
                    for messages, answer in part[at : at + 10]:
                        with sb.span("chat", "llm", messages, model="gpt-4o-mini", provider="openai") as span:
                            usage = {"input_tokens": 512, "output_tokens": 256}
                            span.set(output=answer, usage=usage, metadata=METADATA)
            began = time.thread_time_ns()
            while fold.fold_once():
                pass
            figures.append((time.thread_time_ns() - began) / PART / 1000)
            times.append(figures[-1] / _plain_us(plain, part))
    _runtime.reset()
    return median(figures), median(times)


def _learn(fold: Any, spans: Spans) -> None:
    """Trace the first megabyte, from which the store learns a dictionary; the rest is what is measured."""
    import spanbook as sb

    for messages, answer in spans:
        with sb.span("chat", "llm", messages) as span:
            span.set(output=answer)
    fold.flush(60)
    deadline = time.monotonic() + 30
    while spans and not fold.writer.blobs.has_dictionary and time.monotonic() < deadline:
        time.sleep(0.05)


def _plain_store(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(
        "CREATE TABLE spans(id INTEGER PRIMARY KEY, trace_id TEXT, span_id TEXT, parent_id TEXT, name TEXT, kind TEXT, "
        "start_ns INTEGER, end_ns INTEGER, status TEXT, provider TEXT, model TEXT, input TEXT, output TEXT, "
        "input_tokens INTEGER, output_tokens INTEGER, metadata TEXT)"
    )
    db.execute("CREATE INDEX spans_by_id ON spans(trace_id, span_id)")
    return db


def _plain_us(db: sqlite3.Connection, part: Spans) -> float:
    records = [
        marshal.dumps((at // 10, at, at - 1, "chat", "llm", 10**18 + at, 10**18 + at, "ok", "openai", "gpt-4o-mini",
                       messages, answer, 512, 256, METADATA), 4)
        for at, (messages, answer) in enumerate(part)
    ]  # fmt: skip
    began = time.thread_time_ns()
    rows = []
    for record in records:
        (
            trace,
            span,
            parent,
            name,
            kind,
            start,
            end,
            status,
            provider,
            model,
            given,
            output,
            tokens_in,
            tokens_out,
            meta,
        ) = marshal.loads(record)  # noqa: S302 (just made)
        rows.append((f"{trace:032x}", f"{span:016x}", f"{parent:016x}", name, kind, start, end, status, provider, model,
                     json.dumps(given), json.dumps(output), tokens_in, tokens_out, json.dumps(meta)))  # fmt: skip
    db.execute("BEGIN IMMEDIATE")
    db.executemany(
        "INSERT INTO spans(trace_id, span_id, parent_id, name, kind, start_ns, end_ns, status, provider, model, input, "
        "output, input_tokens, output_tokens, metadata) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        rows,
    )
    db.execute("COMMIT")
    return (time.thread_time_ns() - began) / len(part) / 1000
