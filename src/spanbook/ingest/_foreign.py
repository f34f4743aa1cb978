"""Spans of other clients into the store: mapped, told from their twins, joined with their logs, written.

The receiver, the import and OpenTelemetry in process all call :func:`ingest_spans`. Spans and logs may come in any
order, more than once and in several requests: rows are keyed by span id, the content of log records is kept as events
of the span, so that it can be put together again with what comes later.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..conventions._langfuse_batch import LangfuseBatch, read_batch
from ..conventions._record import read_record
from ..conventions.otel import OtelLog, OtelSpan
from ..model import OtlpError, ids
from ..store._write import Batch
from ..tracer._report import errors, warn_once
from ._ingestion import Ingestion
from ._records import RecordReader
from ._report import IngestReport

if TYPE_CHECKING:
    from ._fold import Fold


def ingest_spans(
    fold: Fold,
    spans: Iterable[OtelSpan],
    logs: Iterable[OtelLog] = (),
    *,
    durable: bool = False,
    wait_s: float = 5.0,
) -> IngestReport:
    """Map spans of any client and write them, in one transaction that is committed when this returns.

    Args:
        fold: Of the store to write to.
        spans: Decoded spans; those already stored are updated.
        logs: Decoded log records, of these spans, of stored ones, or of spans still to come.
        durable: Also wait until it is on disk.
        wait_s: Seconds to wait for another process that has the store locked.

    Returns:
        What was mapped, and what was not.

    Raises:
        StoreError, sqlite3.Error: nothing was written; the same spans may be given again.
    """
    given, said = list(spans), list(logs)
    report = IngestReport()

    def make(records: RecordReader, db: sqlite3.Connection) -> Batch:
        nonlocal report
        one = Ingestion(records, db)
        batch = one.batch_of(given, said)
        report = one.report
        return batch

    if given or said:
        refused = fold.write_foreign(make, durable=durable, wait_s=wait_s)
        _reject_all(report, refused)
        _say_failures(report)
    return report


def add_otel(records: RecordReader, db: sqlite3.Connection, batch: Batch) -> None:
    """Add the OpenTelemetry spans that ``records`` has read last to its batch, and mark twins among its calls."""
    ingestion = Ingestion(records, db, batch)
    ingestion.add_in_process(records.otel)
    _say_failures(ingestion.report)


def ingest_langfuse(
    fold: Fold, events: Sequence[Any], *, durable: bool = False, wait_s: float = 5.0
) -> tuple[LangfuseBatch, IngestReport]:
    """Write a batch of the older Langfuse SDKs, in one transaction that is committed when this returns.

    Args:
        fold: Of the store to write to.
        events: The ``batch`` of ``POST /api/public/ingestion``; partial states of what is stored update it.
        durable: Also wait until it is on disk.
        wait_s: Seconds to wait for another process that has the store locked.

    Returns:
        What the batch says (``accepted`` and ``refused`` ids for the answer 207), and what was mapped.

    Raises:
        StoreError, sqlite3.Error: nothing was written; the same batch may be given again.
    """
    report = IngestReport()

    def make(records: RecordReader, db: sqlite3.Connection) -> Batch:
        nonlocal report
        one = Ingestion(records, db)
        batch = one.batch_of_langfuse(read)
        report = one.report
        report.scores = len(read.scores)
        return batch

    read = read_batch(events)
    if read.spans or read.scores:
        refused = fold.write_foreign(make, durable=durable, wait_s=wait_s)
        _reject_all(report, refused)
        if refused:  # several events may have told of a row; which, is not known any more
            why = f"the store refused {len(refused)} of the batch's rows, the others are kept; {refused[0]}"
            read.refused |= dict.fromkeys(read.accepted, why)
            read.accepted.clear()
        _say_failures(report)
    return read, report


def _reject_all(report: IngestReport, reasons: Iterable[str]) -> None:
    for reason in reasons:
        report.reject(reason)


def ingest_records(fold: Fold, records: Iterable[Mapping[str, Any]]) -> IngestReport:
    """Write spans as spanbook exports them (``frames.span_record``), in one transaction.

    A record that names no valid ids, name or start is left out, with the reason in the report.

    Raises:
        StoreError, sqlite3.Error: nothing was written; the same records may be given again.
    """
    given = list(records)
    report = IngestReport()

    def make(reader: RecordReader, db: sqlite3.Connection) -> Batch:
        nonlocal report
        report, batch = IngestReport(), Batch()
        for record in given:
            try:
                fields = read_record(record)
            except OtlpError as error:
                report.reject(str(error))
            else:
                _take_own(reader, batch, fields)
                report.spans += 1
                report.dialects["spanbook"] += 1
        return batch

    _reject_all(report, fold.write_foreign(make))
    return report


def _take_own(reader: RecordReader, batch: Batch, fields: dict[str, Any]) -> None:
    """Add a span of ours to a batch, with its events and scores."""
    key = (fields["trace"], ids.span_hex(fields["span"]))
    events, scores = fields.pop("events"), fields.pop("scores")
    row = reader.row(fields, batch)
    if row is not None:
        batch.spans.append(row)
    for at, event in enumerate(events):
        number = f"{event['time_ns']:x}-{at}"
        batch.events.append(reader.event(key, number, event["time_ns"], event["name"], event.get("data"), batch.media))
    batch.scores += map(reader.score, scores)


def _say_failures(report: IngestReport) -> None:
    for said, count in report.failures.items():
        mapper = said.partition(":")[0]
        errors[f"map a span by {mapper}"] += count
        warn_once(f"mapper-{mapper}", f"a span could not be mapped by {said}; it is kept as it came.")
