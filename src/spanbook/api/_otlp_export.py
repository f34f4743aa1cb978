"""``sb.export_otlp``: what the store holds, sent to Langfuse, Phoenix or any OpenTelemetry collector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ..frames._otlp import otlp_items
from ..frames._otlp_tools import Extra
from ..frames._otlp_wire import Item, batches
from ..frames._whole import completer
from ..model import ExportError, Span
from ..model.when import When
from ..store._filter import parse_filter
from ..store._filter_sql import filter_to_sql
from ..store._read import StoreReader
from ._otlp_send import ExportReport, Receiver
from ._store import _window, current_store

_PAGE = 500


def export_otlp(
    endpoint: str,
    headers: Mapping[str, str] | None = None,
    *,
    where: str | None = None,
    since: When | None = None,
    until: When | None = None,
    dialect: str | None = None,
) -> ExportReport:
    """Send traces of the current store to an OTLP/HTTP receiver; nothing leaves the machine unless this is called.

    Spans keep their ids, so sending again changes nothing in tools that go by these. What was redacted stays redacted.
    Images, sounds and files go along, up to 20 MB each, unless the receiver takes no request so large.

    Args:
        endpoint: Such as ``"http://localhost:4318"``, ``"http://localhost:6006"`` (Phoenix) or
            ``"https://cloud.langfuse.com/api/public/otel"``; ``/v1/traces`` is added where it is missing.
        headers: Such as ``{"authorization": "Basic …"}``.
        where: A filter on traces, as for ``sb.traces``; whole traces are sent, newest first.
        since: Only traces that started then or later: ``"1h"``, ``"2026-11-01"``, a datetime, a timedelta.
        until: Only traces that started before.
        dialect: What is said besides GenAI's attributes: "langfuse", "openinference" (Phoenix and Arize read nothing
            else) or "genai" (nothing). By the endpoint when None.

    Returns:
        How many spans were ``sent``, ``rejected`` (with ``reasons``), and left out because they are ``open``.

    Raises:
        ExportError: the receiver cannot be reached (five attempts, as far apart as it asks for) or refuses; its
            ``status`` is the HTTP status, its ``report`` what was sent before.
        FilterError, UsageError: an argument is wrong.
    """
    receiver = Receiver(endpoint, headers, dialect)
    report = ExportReport(receiver.url)
    reader = current_store()._read()
    traces = _trace_ids(reader, where, _window(since, until))
    try:
        for batch in batches(_items(reader, traces, receiver.extra, report), receiver.codec):
            receiver.send(batch, report)
    except ExportError as error:
        error.report = report
        raise
    return report


def _trace_ids(
    reader: StoreReader, where: str | None, window: tuple[int | None, int | None], page: int = _PAGE
) -> Iterator[str]:
    """Yield the ids of the traces that match, newest first, a page of summaries in memory at a time."""
    sql, values = filter_to_sql(parse_filter(where, on="traces")) if where else ("1", [])
    since, until = window
    seen: set[str] = set()
    while True:
        found = reader.trace_summaries(sql, values, since_ns=since, until_ns=until, limit=page)
        new = [summary for summary in found if summary.trace_id not in seen]
        yield from (summary.trace_id for summary in new)
        if len(found) < page:
            return
        if not new:
            page *= 2  # so many that started at the same moment
            continue
        last = found[-1].start_ns
        seen = {summary.trace_id for summary in found if summary.start_ns == last}
        until = last + 1


def _items(reader: StoreReader, trace_ids: Iterable[str], extra: Extra | None, report: ExportReport) -> Iterator[Item]:
    for trace_id in trace_ids:
        spans = reader.spans(trace_id)
        ended = ended_spans(spans)
        report.traces += 1
        report.open += len(spans) - len(ended)
        if ended:
            yield from otlp_items(ended, extra, completer(reader, ended))


def ended_spans(spans: Sequence[Span]) -> list[Span]:
    """Return the spans that are over; an interrupted one, whose end nobody saw, ends where it began."""
    return [
        replace(span, end_ns=span.start_ns) if span.end_ns is None else span for span in spans if span.status != "open"
    ]
