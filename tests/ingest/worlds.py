"""A store, what is written to it, and what is read back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spanbook.conventions.otel import OtelLog, OtelSpan
from spanbook.ingest._fold import Fold
from spanbook.ingest._foreign import ingest_spans
from spanbook.ingest._report import IngestReport
from spanbook.model import Span
from spanbook.model.prices import PriceTable
from spanbook.model.redaction import make_redactor
from spanbook.store._journal import Journal
from spanbook.store._read import StoreReader
from spanbook.tracer import _report
from tests.conventions.spans import TRACE


class World:
    """A store and what is written to it."""

    def __init__(self, folder: Path) -> None:
        journal = Journal(folder / "journal", "store.db")
        self.fold = Fold(folder / "store.db", journal, folder / "journal", make_redactor("secrets"), PriceTable())
        self.reader = StoreReader(folder / "store.db")

    def take(self, *spans: OtelSpan, logs: list[OtelLog] | None = None) -> IngestReport:
        return ingest_spans(self.fold, spans, logs or [])

    def span(self, number: int = 2) -> Span:
        found = self.reader.span(TRACE, f"{number:016x}")
        assert found is not None
        return found

    def totals(self) -> tuple[Any, ...]:
        query = "SELECT sum(input_tokens), sum(output_tokens), sum(n_llm), sum(n_spans) FROM traces"
        return self.reader.rows(query)[0]

    def close(self) -> None:
        self.reader.close()
        self.fold.writer.close()
        self.fold.journal.close(remove=True)


def open_world(folder: Path) -> Iterator[World]:
    """Yield a world; nothing that was said or counted before counts in it."""
    _report.forget_said()
    _report.errors.clear()
    made = World(folder)
    yield made
    _report.errors.clear()
    made.close()
