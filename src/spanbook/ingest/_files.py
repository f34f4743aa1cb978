"""Files of telemetry → the store: OTLP/JSON (one request, or one a line), and the JSON lines that spanbook exports."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from ..conventions._otlp_json import decode_logs, decode_spans
from ..conventions.otel import OtelLog, OtelSpan
from ..model import OtlpError, UsageError
from ._fold import Fold
from ._foreign import IngestReport, ingest_records, ingest_spans

_BATCH: Final = 500
_MAX_REASONS: Final = 100
_GZIP: Final = b"\x1f\x8b"


def import_file(fold: Fold, path: Path) -> IngestReport:
    """Write the spans of a file; those that are stored already are updated, so a file may be imported twice.

    Args:
        fold: Of the store to write to.
        path: OTLP/JSON, as one object or one a line (as collectors write), or JSON lines as ``spanbook export`` makes
            them; either may be gzipped.

    Returns:
        What was mapped, what was not, and why anything was left out.

    Raises:
        OSError: the file cannot be read.
        UsageError: there is nothing in it that is one of these.
        StoreError, sqlite3.Error: the store cannot be written; what was written before stays.
    """
    report = IngestReport()
    waiting = _Waiting(fold, report)
    for where, document in _documents(path, report):
        try:
            waiting.take(document)
        except OtlpError as error:
            _reject(report, f"{where}: {error}")
    waiting.write()
    if not report.spans and not report.logs:
        said = f" ({report.rejected[0]})" if report.rejected else ""
        raise UsageError(
            f"nothing in {str(path)!r} is OTLP/JSON or a span of `spanbook export --jsonl`{said}; "
            "give such a file, gzipped or not."
        )
    return report


class _Waiting:
    """Records on their way into the store, some hundred at a time."""

    def __init__(self, fold: Fold, report: IngestReport) -> None:
        self._fold, self._report = fold, report
        self._spans: list[OtelSpan] = []
        self._logs: list[OtelLog] = []
        self._records: list[Mapping[str, Any]] = []

    def take(self, document: Any) -> None:
        """Take what is in one document: a request, or a span of ours.

        Raises:
            OtlpError: it is neither.
        """
        rejected: list[str] = []
        if not isinstance(document, Mapping):
            raise OtlpError("", f"is a {type(document).__name__}; expected an object")
        if "resourceSpans" in document or "resourceLogs" in document:
            self._spans += decode_spans(document, rejected) if "resourceSpans" in document else []
            self._logs += decode_logs(document, rejected) if "resourceLogs" in document else []
        elif isinstance(document.get("spans"), list):  # a trace of ours
            self._records += [span for span in document["spans"] if isinstance(span, Mapping)]
        elif {"trace_id", "span_id"} <= document.keys():
            self._records.append(document)
        else:
            raise OtlpError("", f"has {', '.join(map(str, document))[:80]}; expected resourceSpans or a span of ours")
        for reason in rejected:
            _reject(self._report, reason)
        if len(self._spans) + len(self._logs) + len(self._records) >= _BATCH:
            self.write()

    def write(self) -> None:
        """Write what waits."""
        for at in range(0, len(self._spans), _BATCH):
            self._report.add(ingest_spans(self._fold, self._spans[at : at + _BATCH]))
        for at in range(0, len(self._logs), _BATCH):
            self._report.add(ingest_spans(self._fold, (), self._logs[at : at + _BATCH]))
        for at in range(0, len(self._records), _BATCH):
            self._report.add(ingest_records(self._fold, self._records[at : at + _BATCH]))
        self._spans, self._logs, self._records = [], [], []


def _documents(path: Path, report: IngestReport) -> Iterator[tuple[str, Any]]:
    """Yield the JSON documents of a file, each with the words for where it stands."""
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                document = json.loads(line)
            except (ValueError, RecursionError) as error:
                if number == 1:
                    yield from _whole(path, report)
                    return
                _reject(report, f"line {number}: no JSON ({error})")
            else:
                yield from _items(f"line {number}", document)


def _whole(path: Path, report: IngestReport) -> Iterator[tuple[str, Any]]:
    """Yield the one document of a file that spans several lines, or what is in it when it is a list."""
    with _opened(path) as file:
        try:
            document = json.load(file)
        except (ValueError, RecursionError) as error:
            _reject(report, f"no JSON ({error})")
            return
    yield from _items("the file", document)


def _items(where: str, document: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(document, list):
        yield from ((f"{where}, item {number}", item) for number, item in enumerate(document, 1))
    else:
        yield where, document


def _opened(path: Path) -> IO[str]:
    with path.open("rb") as file:
        is_gzip = file.read(2) == _GZIP
    if is_gzip:
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace")
    return path.open(encoding="utf-8-sig", errors="replace")


def _reject(report: IngestReport, reason: str) -> None:
    report.n_rejected += 1
    if len(report.rejected) < _MAX_REASONS:
        report.rejected.append(reason)
