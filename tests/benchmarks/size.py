"""How large the store gets."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from ._data import Texts, llm_spans, message
from ._table import Row


def run(folder: Path) -> list[Row]:
    """Return bytes a span of the synthetic set, and of an agent that sends its history again with each call."""
    return [_synthetic(folder / "synthetic.db"), _agent(folder / "agent.db")]


def _synthetic(store: Path) -> Row:
    import spanbook as sb
    from spanbook.api import _runtime

    sb.init(store=store, redact="off", instrument=False)
    texts, count = Texts(2), 0
    documents = [texts.of(600) for _ in range(200)]
    for number, (messages, answer) in enumerate(llm_spans(4000)):
        with sb.span("assistant", "agent", {"question": texts.of(60)}, user_id=f"user-{number % 400}") as root:
            with sb.span("search", "retriever", {"query": texts.of(60)}) as found:
                found.set(output=[documents[(number * 7 + k) % 200] for k in range(2)])
            with sb.span("chat", "llm", messages, model="gpt-4o-mini", provider="openai") as call:
                call.set(output=answer, usage={"input_tokens": 512, "output_tokens": 256})
            root.set(output=texts.of(120))
        count += 3
        if number % 500 == 0:
            sb.flush(60)
    sb.flush(60)
    _runtime.reset()
    return Row("size of a span, synthetic set", _bytes(store) / count / 1000, "kB", 0.9)


def _agent(store: Path) -> Row:
    import spanbook as sb
    from spanbook.api import _runtime

    sb.init(store=store, redact="off", instrument=False)
    empty = _bytes(store)
    texts = Texts(3)
    history = [message("system", texts.of(900))]
    distinct = 0
    with sb.span("agent", "agent"):
        for _ in range(100):
            history.append(message("user", texts.of(texts.integer(150, 600))))
            answer = message("assistant", texts.of(texts.integer(200, 900)))
            with sb.span("chat", "llm", history, model="gpt-4o-mini", provider="openai") as call:
                call.set(output=[answer], usage={"input_tokens": 512, "output_tokens": 256})
            history.append(answer)
    distinct = sum(len(json.dumps(item, ensure_ascii=False).encode()) for item in history)
    sb.flush(60)
    _runtime.reset()
    return Row("100-turn agent, times its distinct messages", (_bytes(store) - empty) / distinct, "×", 2.0)


def _bytes(store: Path) -> int:
    with sqlite3.connect(store) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free, size = (
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    db.close()
    return int((pages - free) * size)
