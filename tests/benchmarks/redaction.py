"""What redaction costs: of texts made to be slow, and of the payload that the other figures are about."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.model.hostile_texts import UNITS, hostile

from ._data import llm_spans
from ._table import Row

if TYPE_CHECKING:
    from spanbook.model.redaction import Redactor

Spans = list[tuple[list[dict[str, Any]], list[dict[str, Any]]]]

_KIB = 64
_SPANS = 500


def run(folder: Path) -> list[Row]:
    """Return the worst cost of a hostile text, and the cost of 3.3 kB without secrets, in CPU of the thread."""
    from spanbook.model.redaction import make_redactor

    spans = llm_spans(_SPANS)
    rows = []
    for policy, budget, usual in (("secrets", 1.0, 40.0), ("secrets+pii", 1.0, None)):
        redactor = make_redactor(policy)
        texts = [hostile(unit, _KIB * 1024) for unit in UNITS]
        worst = max(_least(partial(redactor.text, text), 3) for text in texts)
        rows.append(Row(f"redaction, {policy}, worst of {len(texts)} texts", worst * 1000 / _KIB, "ms/KiB", budget))
        cost = _least(partial(_redact_all, redactor, spans), 9)
        rows.append(Row(f"redaction, {policy}, 3.3 kB", cost * 1e6 / _SPANS, "µs", usual))
    return rows


def _redact_all(redactor: Redactor, spans: Spans) -> None:
    """Redact what each span holds, message by message as the fold does."""
    for messages, answer in spans:
        for message in messages:
            redactor.value(message)
        redactor.value(answer)


def _least(call: Callable[[], object], times: int) -> float:
    """Return the least of some runs, in seconds."""

    def once() -> float:
        start = time.thread_time()
        call()
        return time.thread_time() - start

    return min(once() for _ in range(times))
