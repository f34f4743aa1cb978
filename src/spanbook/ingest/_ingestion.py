"""One batch of foreign spans and logs on its way into the store: twins told, logs and streams joined, rows made."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

from ..conventions._genai_events import CONTENT_EVENTS
from ..conventions._langfuse_batch import LangfuseBatch
from ..conventions._twins import Call, Key, stream_of, uncounted_twins
from ..conventions.otel import OtelEvent, OtelLog, OtelSpan
from ..conventions.registry import MappedSpan, map_logs, map_span
from ..model import COUNTED_KINDS, SCORE_SOURCES, STATUS_RANK, ids, text_score_type
from ..model.values import to_json
from ..store._related import find_calls, find_events, find_recent_traces, find_silent, find_states
from ..store._write import Batch, SpanRecord
from ..tracer._report import report_failure
from ._otel_records import join_records, otel_span
from ._records import Fields, RecordReader
from ._report import IngestReport

_EVALUATION: Final = "gen_ai.evaluation.result"
#: Attributes that are ours, and say where a span comes from.
_ABOUT: Final = ("otel.", "spanbook.")
#: Of a call with all of these, logs say nothing more.
_CONTENT: Final = frozenset(("gen_ai.output.messages", "gen_ai.tool.definitions"))
_MAX_NAMES: Final = 1_000
_MAX_TRACES: Final = 10_000
#: Where the call of a stream is looked for when it is in none of the traces at hand.
_RECENT_TRACES: Final = 50
#: What the end of a stream tells of the call that it ends.
_FROM_STREAM: Final = (
    "output", "usage", "cost_usd", "input_cost_usd", "output_cost_usd", "response_id", "finish_reason", "model",
)  # fmt: skip


class Ingestion:
    """One batch of foreign spans and logs on its way into the store."""

    def __init__(self, records: RecordReader, db: sqlite3.Connection, batch: Batch | None = None) -> None:
        self._records, self._db = records, db
        self._batch = Batch() if batch is None else batch
        self._mapped: dict[Key, MappedSpan] = {}
        self._own: dict[Key, SpanRecord] = {}  # calls that we traced ourselves, in the same batch
        self._logs: set[str] = set()  # the ids, as events, of the log records of this batch
        self._is_in_process = batch is not None
        self.report = IngestReport()

    def batch_of(self, spans: Sequence[OtelSpan], logs: Sequence[OtelLog]) -> Batch:
        """Return what has to be written."""
        by_span = self._sorted(logs)
        earlier = self._stored_logs(
            {(span.trace_id, span.span_id) for span in spans if _lacks_content(span)} | {*by_span}
        )
        for span in spans:
            key = (span.trace_id, span.span_id)
            mapped = map_span(span, [*earlier.get(key, ()), *by_span.get(key, ())])
            self._keep(_key(mapped), mapped)
            self._note(mapped)
        self._late_logs({key: [*earlier.get(key, ()), *found] for key, found in by_span.items()})
        self._relate()
        for key, mapped in self._mapped.items():
            self._take(key, mapped)
        return self._batch

    def batch_of_langfuse(self, read: LangfuseBatch) -> Batch:
        """Return what has to be written of a batch of Langfuse's."""
        keys = [_key(mapped) for mapped in read.spans]
        roots = {trace_id: (trace_id, ids.span_hex(root)) for trace_id, (root, _) in read.ends_ns.items()}
        stored = find_states(self._db, {*keys, *roots.values()})
        for key, mapped, seen in zip(keys, read.spans, read.seen_ns, strict=True):
            if key not in stored:  # its first event has not come (yet)
                mapped.fields.setdefault("name", mapped.fields["kind"])
                mapped.fields.setdefault("start_ns", mapped.fields.get("end_ns") or seen)
                mapped.fields.setdefault("parent", None)
            elif STATUS_RANK[mapped.fields["status"]] < STATUS_RANK[stored[key][1]]:
                mapped.fields["status"] = stored[key][1]  # a state that came late says what it says all the same
            self._keep(key, mapped)
            self._note(mapped)
        self._relate()
        for key, mapped in self._mapped.items():
            self._take(key, mapped)
        for trace_id, (_, end) in read.ends_ns.items():
            if roots[trace_id] in stored or roots[trace_id] in self._mapped:  # a trace says nothing of its end
                self._update(roots[trace_id], "ok", {"end_ns": end})
        self._batch.scores += [self._records.score(score) for score in read.scores]
        self._batch.replaces_scores = True  # Langfuse's are updated by their id
        return self._batch

    def add_in_process(self, spans: Iterable[tuple[Fields, Fields]]) -> None:
        """Add spans of OpenTelemetry in this process, each given as what its start and its end record say."""
        for begun, said in spans:
            try:
                mapped = map_span(otel_span(begun, said))
                join_records(mapped, begun, said)
                key = _key(mapped)
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - one record must not hold up those behind it
                self._records.unreadable += 1
                report_failure("read a span of OpenTelemetry", error)
                continue
            self._keep(key, mapped)
            self._note(mapped)
        traces = self._records.otel_calls
        if len(traces) > _MAX_TRACES:
            traces.clear()
        traces.update(key[0] for key, mapped in self._mapped.items() if mapped.fields["kind"] in COUNTED_KINDS)
        self._own = {
            key: record for record in self._batch.spans
            if (key := (record.columns["trace_id"], record.columns["span_id"]))[0] in traces
            and record.columns.get("kind") in COUNTED_KINDS
            and None not in (record.columns.get("start_ns"), record.columns.get("end_ns"))
        }  # fmt: skip
        self._relate()
        for key, mapped in self._mapped.items():
            self._take(key, mapped)

    def _keep(self, key: Key, mapped: MappedSpan) -> None:
        """Keep a span; of one that is given twice, what says that it has ended."""
        before = self._mapped.get(key)
        if before is None or STATUS_RANK[mapped.fields["status"]] >= STATUS_RANK[before.fields["status"]]:
            self._mapped[key] = mapped

    def _note(self, mapped: MappedSpan) -> None:
        report = self.report
        report.spans += 1
        for dialect in mapped.dialects:
            report.dialects[dialect] += 1
        for mapper, said in mapped.failures:
            report.failures[f"{mapper}: {said}"] += 1
        unmapped = report.unmapped
        for name in mapped.fields["attributes"]:
            if not name.startswith(_ABOUT) and (name in unmapped or len(unmapped) < _MAX_NAMES):
                unmapped[name] += 1

    # -- logs

    def _sorted(self, logs: Sequence[OtelLog]) -> dict[Key, list[OtelLog]]:
        """Return the logs of each span; each becomes an event of its span, too, for what comes later."""
        by_span: dict[Key, list[OtelLog]] = {}
        for log in logs:
            self.report.logs += 1
            if not log.trace_id or not log.span_id:
                self.report.stray_logs += 1
                continue
            key = (log.trace_id, log.span_id)
            data = {"body": log.body, "attributes": dict(log.attributes)}
            digest = sha256(
                json.dumps([log.name, to_json(data)], sort_keys=True).encode("utf-8", "replace")
            ).hexdigest()
            name = log.name or log.severity or "log"
            number = f"{log.time_ns:x}-{digest[:8]}"
            event = self._records.event(key, number, log.time_ns, name, data, self._batch.media)
            if event["event_id"] not in self._logs:  # a request may be sent again
                self._logs.add(event["event_id"])
                by_span.setdefault(key, []).append(log)
                self._batch.events.append(event)
        return by_span

    def _stored_logs(self, keys: Iterable[Key]) -> dict[Key, list[OtelLog]]:
        """Return the log records with content that came before, and not again now, by span."""
        found: dict[Key, list[OtelLog]] = {}
        for event_id, trace_id, span_id, time_ns, name, data in find_events(self._db, keys, CONTENT_EVENTS):
            if isinstance(data, dict) and "body" in data and event_id not in self._logs:
                attributes = data.get("attributes") or {}
                log = OtelLog(trace_id=trace_id, span_id=span_id, name=name, time_ns=time_ns, body=data["body"],
                              attributes=attributes)  # fmt: skip
                found.setdefault((trace_id, span_id), []).append(log)
        return found

    def _late_logs(self, logs: dict[Key, list[OtelLog]]) -> None:
        """Put the content of logs into spans that are stored already."""
        keys = [key for key in logs if key not in self._mapped]
        states = find_states(self._db, keys) if keys else {}
        for key, (kind, status) in states.items():
            told = map_logs([log for log in logs[key] if log.name in CONTENT_EVENTS])
            if told:
                self._update(key, status, {"kind": kind, **told})

    def _update(self, key: Key, status: str, fields: dict[str, Any]) -> None:
        """Change fields of a stored span; what is not given stays."""
        trace_id, span_id = key
        row = self._records.row({"trace": trace_id, "span": int(span_id, 16), "status": status, **fields}, self._batch)
        if row is not None:
            self._batch.spans.append(row)

    # -- relations

    def _relate(self) -> None:
        """Join the ends of streams with their calls, and mark twins."""
        mine = {key: _call(key, mapped) for key, mapped in self._mapped.items()
                if mapped.fields["kind"] in COUNTED_KINDS}  # fmt: skip
        mine |= {key: _own_call(key, record) for key, record in self._own.items()}
        if not mine:
            return
        stored, statuses = self._stored_calls(mine, {key[0] for key in mine})
        ends = [key for key, mapped in self._mapped.items() if key in mine and mapped.stream_end is not None]
        if ends:
            self._join_streams(ends, mine, stored, statuses)
        calls = [*stored.values(), *mine.values()]
        if self._is_in_process:  # what is open here is looked at again when it ends, and says its usage only then
            calls = [call for call in calls if call.end_ns is not None]
        for key in uncounted_twins(calls):
            self.report.twins += 1
            if key in self._own:
                self._own[key].columns["counted"] = 0
            elif key in mine:
                self._mapped[key].fields["counted"] = False
            elif stored[key].counted:
                self._mark(key, statuses[key])

    def _stored_calls(self, mine: dict[Key, Call], trace_ids: set[str]) -> tuple[dict[Key, Call], dict[Key, str]]:
        """Return the calls of some traces that are stored and not ``mine``, and the status of all; fill in mine."""
        stored: dict[Key, Call] = {}
        statuses: dict[Key, str] = {}
        for row in find_calls(self._db, trace_ids):
            *ids_and_times, response_id, model, has_usage, counted, status = row
            trace_id, span_id, parent_id, kind, start_ns, end_ns = ids_and_times
            call = Call(
                trace_id=trace_id, span_id=span_id, parent_id=parent_id, kind=kind, start_ns=start_ns, end_ns=end_ns,
                response_id=response_id, model=model, has_usage=bool(has_usage), counted=bool(counted),
            )  # fmt: skip
            statuses[call.key] = status
            known = mine.get(call.key)
            if known is None:
                stored[call.key] = call
            else:  # it is sent again, perhaps with other fields
                known.parent_id = known.parent_id or call.parent_id
                known.response_id = known.response_id or call.response_id
                known.has_usage = known.has_usage or call.has_usage
        return stored, statuses

    def _join_streams(
        self, ends: list[Key], mine: dict[Key, Call], stored: dict[Key, Call], statuses: dict[Key, str]
    ) -> None:
        """Let what the end of a stream says be said of its call, which may be in another trace."""
        self._note_silence(stored)
        for key in ends:
            seconds = self._mapped[key].stream_end or 0.0
            call = stream_of(mine[key], seconds, [*mine.values(), *stored.values()])
            if call is None:
                recent = set(find_recent_traces(self._db, mine[key].start_ns, _RECENT_TRACES))
                others, other_statuses = self._stored_calls(mine, recent - {one[0] for one in mine})
                self._note_silence(others)
                statuses |= other_statuses
                call = stream_of(mine[key], seconds, others.values())
            if call is not None:
                self._complete(key, call, mine, statuses)

    def _note_silence(self, stored: dict[Key, Call]) -> None:
        silent = find_silent(self._db, {key[0] for key in stored}) if stored else set()
        for key, call in stored.items():
            call.has_output = key not in silent

    def _complete(self, key: Key, call: Call, mine: dict[Key, Call], statuses: dict[Key, str]) -> None:
        """Put what the end of a stream says into its call; the end stays as an event beside it."""
        end = self._mapped[key]
        told: dict[str, Any] = {name: end.fields[name] for name in _FROM_STREAM if end.fields.get(name) is not None}
        told["end_ns"] = max(end.fields.get("end_ns") or 0, call.end_ns or 0)
        call.has_output, call.end_ns, call.has_usage = True, told["end_ns"], call.has_usage or "usage" in told
        end.fields["kind"], end.fields["counted"] = "event", False  # a moment of the call, not another one
        del mine[key]
        if call.key in self._mapped:
            self._mapped[call.key].fields.update(told)
        elif call.key in statuses:
            self._update(call.key, statuses[call.key], {"kind": "llm", "start_ns": call.start_ns, **told})

    def _mark(self, key: Key, status: str) -> None:
        """Mark a stored span as not counted."""
        trace_id, span_id = key
        self._batch.spans.append(SpanRecord({"trace_id": trace_id, "span_id": span_id, "status": status, "counted": 0}))

    # -- rows

    def _take(self, key: Key, mapped: MappedSpan) -> None:
        row = self._records.row(mapped.fields, self._batch)
        if row is None:  # times beyond 64 bits
            self.report.reject(f"span {key[1]} of trace {key[0]} has values that no store can hold")
            return
        self._batch.spans.append(row)
        for at, event in enumerate(mapped.events):
            if event.name == _EVALUATION and (score := _score(key, event)) is not None:
                self._batch.scores.append(self._records.score(score))
                continue
            number = f"{event.time_ns:x}-{at}"
            data = dict(event.attributes) or None
            self._batch.events.append(
                self._records.event(key, number, event.time_ns, event.name, data, self._batch.media)
            )


def _key(mapped: MappedSpan) -> Key:
    return mapped.fields["trace"], ids.span_hex(mapped.fields["span"])


def _lacks_content(span: OtelSpan) -> bool:
    """Tell whether logs may hold the messages of a span, or the tools that it was offered."""
    return "gen_ai.operation.name" in span.attributes and not span.attributes.keys() >= _CONTENT


def _call(key: Key, mapped: MappedSpan) -> Call:
    fields = mapped.fields
    parent = fields.get("parent")
    return Call(
        trace_id=key[0],
        span_id=key[1],
        parent_id=None if parent is None else ids.span_hex(parent),
        kind=fields["kind"],
        start_ns=fields.get("start_ns", 0),
        end_ns=fields.get("end_ns"),
        response_id=fields.get("response_id"),
        model=fields.get("model"),
        has_usage=bool(fields.get("usage")),
        has_output=bool(fields.get("output")),
        counted=fields.get("counted", True),
    )


def _own_call(key: Key, record: SpanRecord) -> Call:
    columns = record.columns
    return Call(
        trace_id=key[0],
        span_id=key[1],
        parent_id=columns.get("parent_id"),
        kind=columns["kind"],
        start_ns=columns["start_ns"],
        end_ns=columns["end_ns"],
        response_id=columns.get("response_id"),
        model=columns.get("model"),
        has_usage=columns.get("input_tokens") is not None or columns.get("output_tokens") is not None,
        has_output="output" in record.payloads,
        counted=bool(columns.get("counted", 1)),
    )


def _score(key: Key, event: OtelEvent) -> dict[str, Any] | None:
    """Return a score told as the event that GenAI's conventions have for it; None when it names no value."""
    said = event.attributes
    name, value = said.get("gen_ai.evaluation.name"), said.get("spanbook.value")
    if not isinstance(value, bool):
        value = said.get("gen_ai.evaluation.score.value", said.get("gen_ai.evaluation.score.label"))
    if not isinstance(name, str) or not isinstance(value, (bool, int, float, str)):
        return None
    kind = "bool" if isinstance(value, bool) else text_score_type(name, value) if isinstance(value, str) else "number"
    given = said.get("spanbook.score_id")
    digest = sha256(f"{key} {name} {event.time_ns} {value}".encode("utf-8", "replace")).hexdigest()[:24]
    source, about = said.get("spanbook.source"), said.get("spanbook.about")
    return {
        "score_id": given if isinstance(given, str) and given else digest,
        "trace_id": None if about == "session" else key[0],
        "span_id": None if about in ("trace", "session") else key[1],
        "session_id": _text(said.get("session.id")),
        "name": name,
        "value": float(value) if kind == "number" else int(value) if kind == "bool" else value,
        "value_type": kind,
        "source": source if source in SCORE_SOURCES else "code",
        "comment": _text(said.get("gen_ai.evaluation.explanation")),
        "evaluator": _text(said.get("spanbook.evaluator")),
        "author": _text(said.get("spanbook.author")),
        "created_ns": event.time_ns,
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
