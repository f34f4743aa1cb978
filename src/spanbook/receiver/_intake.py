"""What becomes of a request whose head and size are in order: decoded, written, answered. On the worker's thread.

Spans are written some hundred at a time, each time in a transaction of its own, and the request is answered when all
are committed. Should one of these fail, the client sends the request again, and what was written already is updated
with the same values.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from ..conventions._otlp_json import decode_logs, decode_spans
from ..conventions.otel import OtelLog, OtelSpan
from ..ingest._fold import Fold
from ..ingest._foreign import ingest_langfuse, ingest_spans
from ..ingest._report import IngestReport
from ..model import OtlpError, StoreError
from ..tracer._report import report_failure
from . import _json
from ._answers import Answer, Encoding, accepted, json_answer, refused
from ._body import inflate
from ._guards import PROJECTS, Head
from ._media import Media
from ._protobuf import read_logs, read_spans
from ._refusal import Refusal
from ._uploads import PATH as MEDIA
from ._uploads import Uploads

#: Records, and bytes of them, in one transaction: bounds memory, and how long the store is held.
_SLICE: Final = 256
_SLICE_BYTES: Final = 1 << 20
#: Seconds to wait for a store that another process has locked, and to let the client wait after that.
_STORE_S: Final = 1.0
_RETRY_STORE_S: Final = 2
_NO_METRICS: Final = "spanbook keeps traces and logs, no metrics; OTEL_METRICS_EXPORTER=none stops sending them"
#: What Langfuse's SDKs are told of where they send to; they refuse an answer without these fields.
_PROJECT: Final = {"id": "spanbook", "name": "spanbook", "organization": {"id": "spanbook", "name": "spanbook"},
                   "metadata": {}}  # fmt: skip
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it is handed to the worker."""

    head: Head
    body: bytes


class _Rejects:
    """How many records of a request were left out, and the first reason."""

    def __init__(self) -> None:
        self.count, self.reason = 0, ""

    def __call__(self, reason: str) -> None:
        self.count, self.reason = self.count + 1, self.reason or reason

    def message(self) -> str:
        """Return the reason for people."""
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        return f"left out: {self.reason}{more}" if self.count else ""


class Intake:
    """Writes what requests bring into the store that is current; one request at a time."""

    def __init__(self, fold: Callable[[], Fold]) -> None:
        self._fold = fold
        self.counts: Counter[str] = Counter()
        self.uploads = Uploads()
        self._media = Media(fold, self.uploads, self.counts, _STORE_S)
        self._paths: dict[str, Callable[[Request, bytes], Answer]] = {
            "/v1/traces": self._traces,
            "/api/public/otel/v1/traces": self._traces,
            "/v1/logs": self._logs,
            "/v1/metrics": self._metrics,
            "/api/public/ingestion": self._langfuse_batch,
            "/api/public/scores": self._langfuse_scores,
            MEDIA: lambda request, body: self._media.announced(request.head, body),
        }

    @property
    def paths(self) -> Iterable[str]:
        """The paths that are served."""
        return self._paths

    def answer(self, request: Request) -> Answer:
        """Return the answer to a request; what it acknowledges is committed. Raises nothing."""
        try:
            head, body = request.head, inflate(request.body, request.head.compression)
            if head.upload is not None:
                return self._media.sent(head.upload, body)
            if head.path == PROJECTS:
                return json_answer(200, {"data": [_PROJECT]})
            if head.path not in self._paths:
                return self._media.reported(body)
            return self._paths[head.path](request, body)
        except Refusal as refusal:
            return refused(request.head.encoding, refusal)
        except OtlpError as error:
            return refused(request.head.encoding, Refusal(400, str(error)))
        except (StoreError, sqlite3.Error) as error:
            why = f"the store cannot be written now ({error}); send it again"
            return refused(request.head.encoding, Refusal(503, why, retry_after_s=_RETRY_STORE_S))
        except Exception as error:  # noqa: BLE001 - no request may stop the receiver
            report_failure("take in a request", error)
            return refused(request.head.encoding, Refusal(500, f"spanbook failed: {type(error).__name__}: {error}"))

    # -- OTLP

    def _traces(self, request: Request, body: bytes) -> Answer:
        rejects, report = _Rejects(), IngestReport()
        for some in _sliced(_spans(request.head.encoding, body, rejects), _texts_of_span, rejects):
            report.add(ingest_spans(self._fold(), some, wait_s=_STORE_S))
        return self._taken(request, "spans", report.spans, "rejectedSpans", rejects, report)

    def _logs(self, request: Request, body: bytes) -> Answer:
        rejects, report = _Rejects(), IngestReport()
        for some in _sliced(_log_records(request.head.encoding, body, rejects), _texts_of_log, rejects):
            report.add(ingest_spans(self._fold(), (), some, wait_s=_STORE_S))
        return self._taken(request, "logs", report.logs, "rejectedLogRecords", rejects, report)

    def _taken(
        self, request: Request, name: str, taken: int, counted: str, rejects: _Rejects, report: IngestReport
    ) -> Answer:
        for reason in report.rejected:
            rejects(reason)
        rejects.count += report.n_rejected - len(report.rejected)
        self.counts[f"rejected_{name}"] += rejects.count
        if rejects.count and taken <= report.n_rejected:
            raise Refusal(400, f"nothing of the request can be read: {rejects.message()}")
        self.counts[name] += taken - report.n_rejected
        return accepted(request.head.encoding, counted, rejects.count, rejects.message())

    def _metrics(self, request: Request, body: bytes) -> Answer:
        return accepted(request.head.encoding, "rejectedDataPoints", 0, _NO_METRICS)

    # -- Langfuse

    def _langfuse_batch(self, request: Request, body: bytes) -> Answer:
        document = _json.parse(body)
        events = document.get("batch") if isinstance(document, dict) else None
        if not isinstance(events, list):
            raise OtlpError("batch", "is missing; expected {'batch': [{'id': …, 'type': …, 'body': …}, …]}")
        accepted_ids, refused_ids = self._write_events(events)
        successes = [{"id": id, "status": 201} for id in accepted_ids]
        errors = [{"id": id, "status": 400, "message": why, "error": why} for id, why in refused_ids.items()]
        return json_answer(207, {"successes": successes, "errors": errors})

    def _langfuse_scores(self, request: Request, body: bytes) -> Answer:
        document = _json.parse(body)
        scores = document if isinstance(document, list) else [document]
        now = datetime.now(UTC).isoformat()
        events = [{"id": _score_id(score, at), "type": "score-create", "timestamp": now, "body": score}
                  for at, score in enumerate(scores)]  # fmt: skip
        accepted_ids, refused_ids = self._write_events(events)
        errors = [{"id": id, "message": why} for id, why in refused_ids.items()]
        if not errors:  # the SDK takes every 207 for a failure
            return json_answer(202, {"message": "Accepted"})
        return json_answer(207, {"accepted": len(accepted_ids), "rejected": len(errors), "errors": errors})

    def _write_events(self, events: list[Any]) -> tuple[list[str], dict[str, str]]:
        accepted_ids: list[str] = []
        refused_ids: dict[str, str] = {}
        _json.check_texts(events)
        for at in range(0, len(events), _SLICE):
            read, report = ingest_langfuse(self._fold(), events[at : at + _SLICE], wait_s=_STORE_S)
            accepted_ids += read.accepted
            refused_ids |= read.refused
            self.counts["spans"] += report.spans
            self.counts["scores"] += len(read.scores)
        self.counts["rejected_events"] += len(refused_ids)
        return accepted_ids, refused_ids


def _score_id(score: Any, at: int) -> str:
    id = score.get("id") if isinstance(score, Mapping) else None
    return id if isinstance(id, str) else f"score {at}"


def _spans(encoding: Encoding, body: bytes, rejects: _Rejects) -> Iterable[tuple[OtelSpan, int]]:
    if encoding == "protobuf":
        return read_spans(body, rejects)
    return _from_json(body, ("resourceSpans", "scopeSpans", "spans"), decode_spans, rejects)


def _log_records(encoding: Encoding, body: bytes, rejects: _Rejects) -> Iterable[tuple[OtelLog, int]]:
    if encoding == "protobuf":
        return read_logs(body, rejects)
    return _from_json(body, ("resourceLogs", "scopeLogs", "logRecords"), decode_logs, rejects)


def _from_json(
    body: bytes, names: tuple[str, str, str], decode: Callable[[Any, list[str]], list[Record]], rejects: _Rejects
) -> list[tuple[Record, int]]:
    request = _json.parse(body)
    _json.check_count(request, names)
    rejected: list[str] = []
    records = decode(request, rejected)
    for reason in rejected:
        rejects(reason)
    size = len(body) // max(len(records), 1)
    return [(record, size) for record in records]


def _texts_of_span(span: OtelSpan) -> list[Any]:
    return [span.attributes, *(event.attributes for event in span.events)]


def _texts_of_log(log: OtelLog) -> list[Any]:
    return [log.attributes, log.body]


def _sliced(
    records: Iterable[tuple[Record, int]], texts_of: Callable[[Record], list[Any]], rejects: _Rejects
) -> Iterator[list[Record]]:
    """Yield the records some at a time, as many as one transaction takes, without those that would become too much."""
    some: list[Record] = []
    size = 0
    for record, bytes_of_it in records:
        try:
            _json.check_texts(*texts_of(record))
        except OtlpError as error:
            rejects(str(error))
            continue
        if some and (len(some) >= _SLICE or size + bytes_of_it > _SLICE_BYTES):
            yield some
            some, size = [], 0
        some.append(record)
        size += bytes_of_it
    if some:
        yield some
