"""What ``spans_df`` costs a span: CPU of this process, 100,000 spans, best of three after a warm-up."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ._data import Texts, llm_spans
from ._table import Row, table

COUNT: Final = 99_999  # three spans a trace
NARROW: Final = (
    "trace_id", "span_id", "parent_id", "name", "kind", "status", "start", "duration_ms", "model", "input_tokens",
    "output_tokens", "cost_usd", "user_id",
)  # fmt: skip


def run(folder: Path, count: int = COUNT) -> list[Row]:
    """Return the ``spans_df`` rows; traces ``count`` spans into a store in ``folder``."""
    import spanbook as sb

    store = folder / "frames.db"
    _trace(store, count)
    reader = sb.open(store)
    if len(reader.spans_df(text=False)) != count:
        raise AssertionError(f"the store does not hold {count} spans")
    cases: list[tuple[str, float, Callable[[], Any]]] = [
        ("13 narrow columns", 5.0, lambda: reader.spans_df(columns=NARROW)),
        ("all narrow columns", 15.0, lambda: reader.spans_df(text=False)),
        ("text as objects too", 40.0, lambda: reader.spans_df()),
    ]
    rows = []
    for name, budget, read in cases:
        figure = min(_cpu_us(read, count) for _ in range(3))
        rows.append(Row(f"spans_df, {name}", figure, "µs", budget))
    reader.close()
    return rows


def main() -> None:
    """Print the table of this part alone."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="spanbook-bench-") as folder:
        print(table(run(Path(folder))))


def _cpu_us(read: Callable[[], Any], count: int) -> float:
    gc.collect()
    start = time.process_time_ns()
    frame = read()
    spent = time.process_time_ns() - start
    del frame
    return spent / count / 1000


def _trace(store: Path, count: int) -> None:
    """Trace what the size benchmark traces, every text a new one: agent, retriever with documents, llm call."""
    import spanbook as sb
    from spanbook.api import _runtime

    sb.init(store=store, redact="off", instrument=False)
    texts, calls = Texts(2), llm_spans(1000)
    documents = [texts.of(600) for _ in range(200)]
    questions = [texts.of(60) for _ in range(500)]
    for number in range(count // 3):
        (system, *said), answer = calls[number % 1000]
        messages = [system, *(_numbered(message, number) for message in said)]
        question = f"{number} {questions[number % 500]}"
        with sb.span("assistant", "agent", {"question": question}, user_id=f"user-{number % 400}") as root:
            with sb.span("search", "retriever", {"query": question}) as found:
                found.set(output=[documents[(number * 7 + k) % 200] for k in range(2)])
            with sb.span("chat", "llm", messages, model="gpt-4o-mini", provider="openai") as call:
                call.set(output=[_numbered(answer[0], number)], usage={"input_tokens": 512, "output_tokens": 256})
            root.set(output=f"{number} {questions[number % 499]}")
        if number % 500 == 0:
            sb.flush(60)
    sb.flush(60)
    _runtime.reset()


def _numbered(message: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the message with a text that no other has."""
    text = message["parts"][0]["content"]
    return {**message, "parts": [{"type": "text", "content": f"{number} {text}"}]}


if __name__ == "__main__":
    main()
