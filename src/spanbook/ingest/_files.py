"""Files of telemetry → the store: OTLP/JSON, our own JSON lines, Langfuse's exports, OpenAI's files of chats."""

from __future__ import annotations

import csv
import gzip
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from ..conventions._langfuse_export import export_events
from ..conventions._openai_file import chat_record
from ..conventions._otlp_json import decode_logs, decode_spans
from ..conventions.otel import OtelLog, OtelSpan
from ..model import OtlpError, UsageError
from ..model.values import MAX_DOCUMENT_DEPTH, parse_json
from ._fold import Fold
from ._foreign import ingest_langfuse, ingest_records, ingest_spans
from ._report import IngestReport

_BATCH: Final = 500
#: Characters of lines that wait to be written: with pictures in them, some hundred lines are much.
_BATCH_SIZE: Final = 32_000_000
_GZIP: Final = b"\x1f\x8b"


def import_file(fold: Fold, path: Path) -> IngestReport:
    """Write the spans of a file; those that are stored already are updated, so a file may be imported twice.

    Args:
        fold: Of the store to write to.
        path: OTLP/JSON, as one object or one a line (as collectors write); JSON lines as ``spanbook export`` makes
            them; traces, observations or scores that Langfuse exports (JSON, JSON lines, CSV); JSON lines of chats as
            OpenAI takes and gives them. Each may be gzipped.

    Returns:
        What was mapped, what was not, and why anything was left out.

    Raises:
        OSError: the file cannot be read.
        UsageError: there is nothing in it that is one of these.
        StoreError, sqlite3.Error: the store cannot be written; what was written before stays.
    """
    report = IngestReport()
    waiting = _Waiting(fold, report, path.stat().st_mtime_ns)
    for where, document, size in _documents(path, report):
        try:
            waiting.take(document, size)
        except OtlpError as error:
            report.reject(f"{where}: {error}")
    waiting.write()
    if not report.spans and not report.logs and not report.scores:
        said = f" ({report.rejected[0]})" if report.rejected else ""
        raise UsageError(
            f"nothing in {str(path)!r} is a trace{said}; give OTLP/JSON, the lines of `spanbook export --jsonl`, "
            "an export of Langfuse (JSON, JSON lines, CSV) or JSON lines of OpenAI chats, gzipped or not."
        )
    return report


class _Waiting:
    """Records on their way into the store, some hundred at a time."""

    def __init__(self, fold: Fold, report: IngestReport, written_ns: int) -> None:
        self._fold, self._report, self._written_ns = fold, report, written_ns
        self._spans: list[OtelSpan] = []
        self._logs: list[OtelLog] = []
        self._records: list[Mapping[str, Any]] = []
        self._events: list[Mapping[str, Any]] = []
        self._size = 0

    def take(self, document: Any, size: int) -> None:
        """Take what is in one document of so many characters: a request, a span, a row of an export, a chat.

        Raises:
            OtlpError: it is neither.
        """
        rejected: list[str] = []
        if not isinstance(document, Mapping):
            raise OtlpError("it", f"is a {type(document).__name__}; expected an object")
        if "resourceSpans" in document or "resourceLogs" in document:
            self._spans += decode_spans(document, rejected) if "resourceSpans" in document else []
            self._logs += decode_logs(document, rejected) if "resourceLogs" in document else []
        elif isinstance(document.get("spans"), list):  # a trace of ours
            self._records += [span for span in document["spans"] if isinstance(span, Mapping)]
        elif {"trace_id", "span_id"} <= document.keys():
            self._records.append(document)
        elif (events := export_events(document, rejected)) is not None:
            self._events += events
        elif (record := chat_record(document, self._written_ns)) is not None:
            self._records.append(record)
        else:
            said = f"has {', '.join(map(str, document))[:80]}" if document else "is empty"
            raise OtlpError("it", f"{said}; expected a trace, a span or a chat")
        for reason in rejected:
            self._report.reject(reason)
        self._size += size
        count = len(self._spans) + len(self._logs) + len(self._records) + len(self._events)
        if count >= _BATCH or self._size >= _BATCH_SIZE:
            self.write()

    def write(self) -> None:
        """Write what waits."""
        for at in range(0, len(self._spans), _BATCH):
            self._report.add(ingest_spans(self._fold, self._spans[at : at + _BATCH]))
        for at in range(0, len(self._logs), _BATCH):
            self._report.add(ingest_spans(self._fold, (), self._logs[at : at + _BATCH]))
        for at in range(0, len(self._records), _BATCH):
            self._report.add(ingest_records(self._fold, self._records[at : at + _BATCH]))
        for at in range(0, len(self._events), _BATCH):
            read, written = ingest_langfuse(self._fold, self._events[at : at + _BATCH])
            self._report.add(written)
            for id, reason in read.refused.items():
                self._report.reject(f"{id}: {reason}")
        self._spans, self._logs, self._records, self._events = [], [], [], []
        self._size = 0


def _documents(path: Path, report: IngestReport) -> Iterator[tuple[str, Any, int]]:
    """Yield the documents of a file, each with the words for where it stands before and its characters behind it."""
    if path.name.lower().removesuffix(".gz").endswith(".csv"):
        yield from _rows(path, report)
        return
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                document = parse_json(line, MAX_DOCUMENT_DEPTH)
            except ValueError as error:
                if number == 1:
                    yield from _whole(path, report)
                    return
                report.reject(f"line {number}: no JSON that can be read ({error})")
            else:
                yield from _items(f"line {number}", document, len(line))


def _rows(path: Path, report: IngestReport) -> Iterator[tuple[str, Any, int]]:
    """Yield the rows of a CSV file by the names in its first line."""
    csv.field_size_limit(min(sys.maxsize, (1 << 31) - 1))
    with _opened(path) as file:
        reader = csv.DictReader(file, restkey="$more", restval=None)
        try:
            for row in reader:
                yield f"line {reader.line_num}", row, sum(len(value) for value in row.values() if value)
        except csv.Error as error:
            report.reject(f"line {reader.line_num}: no CSV ({error})")


def _whole(path: Path, report: IngestReport) -> Iterator[tuple[str, Any, int]]:
    """Yield the one document of a file that spans several lines, or what is in it when it is a list."""
    with _opened(path) as file:
        try:
            document = parse_json(file.read(), MAX_DOCUMENT_DEPTH)
        except ValueError as error:
            report.reject(f"no JSON that can be read ({error})")
            return
    yield from _items("the file", document, path.stat().st_size)


def _items(where: str, document: Any, size: int) -> Iterator[tuple[str, Any, int]]:
    if isinstance(document, Mapping) and "meta" in document and isinstance(document.get("data"), list):
        document = document["data"]  # a page as Langfuse's API gives it
    if isinstance(document, list):
        each = size // max(len(document), 1)
        yield from ((f"{where}, item {number}", item, each) for number, item in enumerate(document, 1))
    else:
        yield where, document, size


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """Open a file, unpacked where it is packed.

    Raises:
        UsageError: it cannot be unpacked.
    """
    with path.open("rb") as file:
        is_gzip = file.read(2) == _GZIP
    opener: Any = gzip.open if is_gzip else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", errors="replace") as text:
            yield text
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"{str(path)!r} is a damaged gzip file ({error}); export or copy it again.") from None
