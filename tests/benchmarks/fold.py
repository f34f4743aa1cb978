"""What carrying a span from the journal into the store costs, in CPU of the thread that folds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ._data import llm_spans
from ._table import Row

METADATA = {"tier": "pro", "attempt": 1, "score": 0.5, "cached": False, "note": None}
COUNT = 4000


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
        figure = _fold_us(folder / f"{name}.db", policy, given)
        rows.append(Row(f"fold, 3.3 kB, {name}", figure, "µs", budget))
    return rows


def _fold_us(store: Path, policy: str, given: Any) -> float:
    import spanbook as sb
    from spanbook.api import _runtime

    sb.init(store=store, redact=policy, instrument=False)
    fold = _runtime.active().fold
    with sb.span("warm", "llm", given[0][0], model="gpt-4o-mini", provider="openai") as span:
        span.set(output=given[0][1], usage={"input_tokens": 1, "output_tokens": 1})
    fold.flush()
    _learn(fold, given[COUNT:])
    with fold.lock:
        for at in range(0, COUNT, 10):
            with sb.span("turn", "agent"):
                for messages, answer in given[at : at + 10]:
                    with sb.span("chat", "llm", messages, model="gpt-4o-mini", provider="openai") as span:
                        span.set(output=answer, usage={"input_tokens": 512, "output_tokens": 256}, metadata=METADATA)
        start = time.thread_time_ns()
        while fold.fold_once():
            pass
        spent = time.thread_time_ns() - start
    _runtime.reset()
    return spent / COUNT / 1000


def _learn(fold: Any, spans: Any) -> None:
    """Trace the first megabyte, from which the store learns a dictionary; the rest is what is measured."""
    import spanbook as sb

    for messages, answer in spans:
        with sb.span("chat", "llm", messages) as span:
            span.set(output=answer)
    fold.flush(60)
    deadline = time.monotonic() + 30
    while spans and not fold.writer.blobs.has_dictionary and time.monotonic() < deadline:
        time.sleep(0.05)
