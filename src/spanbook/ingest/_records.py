"""From journal records to span rows: start and end of one span joined, dialects normalised, values encoded, priced."""

from __future__ import annotations

import json
import marshal
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..conventions import normalise
from ..model import COUNTED_KINDS, KINDS, LEVELS, USAGE_FIELDS, ids
from ..model.prices import PriceTable
from ..store._blobs import Blob
from ..store._journal import END, EVENT, SCORE, START, UPDATE
from ..store._schema import PAYLOAD_COLUMNS
from ..store._write import Batch, SpanRecord
from ._encode import Encoder

Fields = dict[str, Any]

_TEXTS: Final = (
    "model", "provider", "response_id", "finish_reason", "user_id", "session_id", "environment", "release", "feature",
    "region", "prompt_name", "prompt_version", "notebook", "cell_id", "cell_hash", "git_commit",
)  # fmt: skip
_NUMBERS: Final = ("first_token_ns", "execution_count", "process_id")
_KINDS: Final = frozenset(KINDS)
_PLAIN: Final = tuple(name for name in PAYLOAD_COLUMNS if name not in ("input", "output"))


class RecordReader:
    """Reads journal bodies into batches; remembers what open spans began with."""

    def __init__(self, encoder: Encoder, prices: PriceTable) -> None:
        self.encoder, self._prices = encoder, prices
        #: (trace, span) -> fields at start of spans that have not ended.
        self.open: dict[tuple[str, int], Fields] = {}
        self._closed: dict[tuple[str, int], Fields] = {}
        self.unreadable = 0

    def read(self, bodies: Iterable[bytes]) -> Batch:
        """Return the batch of these records, in order; a record that cannot be read is counted and left out."""
        batch = Batch()
        self._closed = {}
        spans: dict[tuple[str, int], Fields] = {}
        for body in bodies:
            try:
                self._take(marshal.loads(body), spans, batch)
            except (ValueError, TypeError, EOFError, KeyError, IndexError):
                self.unreadable += 1
        for fields in spans.values():
            batch.spans.append(self._record(fields, batch.media))
        return batch

    def _take(self, record: tuple[Any, ...], spans: dict[tuple[str, int], Fields], batch: Batch) -> None:
        what = record[0]
        if what == START:
            _, trace, span, parent, name, kind, start, given, fields, provenance = record
            begun = {**(provenance or {}), **(fields or {}), "trace": trace, "span": span, "parent": parent,
                     "name": name, "kind": kind, "status": "open", "start_ns": start, "input": given}  # fmt: skip
            spans[(trace, span)] = self.open[(trace, span)] = begun
        elif what == END:
            _, trace, span, parent, name, kind, start, end, status, output, fields = record
            key = (trace, span)
            begun = self.open.pop(key, None)
            if begun is None:
                begun = {}
            else:
                self._closed[key] = begun
            ended = {**(fields or {}), "trace": trace, "span": span, "parent": parent, "name": name, "kind": kind,
                     "start_ns": start, "end_ns": end, "status": status, "output": output}  # fmt: skip
            joined = {**begun, **ended}
            if "input" not in (fields or {}):
                joined["input"] = begun.get("input")
            spans[key] = joined
        elif what == EVENT:
            batch.events.append(self._event(record, len(batch.events), batch.media))
        elif what == SCORE:
            batch.scores.append(self._score(record[1]))
        elif what == UPDATE:
            batch.trace_updates.append((list(record[1]), record[2]))

    def undo(self) -> None:
        """Take back what the last :meth:`read` noted: its records will be read again."""
        self.open.update(self._closed)
        self._closed = {}

    def reopen(self, batch: Batch) -> None:
        """Add the start of every open span to a batch: the store that held them is gone."""
        have = {(record.columns["trace_id"], record.columns["span_id"]) for record in batch.spans}
        for (trace, span), fields in self.open.items():
            if (trace, ids.span_hex(span)) not in have:
                batch.spans.append(self._record(fields, batch.media))

    # -- one span

    def _record(self, fields: Fields, media: list[Blob]) -> SpanRecord:
        if "format" in fields:
            fields = normalise(fields)
        columns: Fields = {
            "trace_id": fields["trace"],
            "span_id": ids.span_hex(fields["span"]),
            "parent_id": None if fields["parent"] is None else ids.span_hex(fields["parent"]),
            "name": self._name(fields["name"]),
            "kind": fields["kind"] if fields["kind"] in _KINDS else "span",
            "status": fields["status"],
            "start_ns": fields["start_ns"],
            "end_ns": fields.get("end_ns"),
            "counted": fields.get("counted", True),
        }
        for name in _TEXTS:
            value = fields.get(name)
            if value is not None:
                columns[name] = value if isinstance(value, str) and value.isascii() and len(value) < 200 else self._name(value)
        for name in _NUMBERS:
            value = fields.get(name)
            if value is not None:
                columns[name] = int(value)
        self._odd_columns(fields, columns)
        usage = _usage(fields.get("usage"))
        columns.update(usage)
        self._price(fields, columns, usage)
        return SpanRecord(columns, self._payloads(fields, media), self._metadata(fields))

    def _odd_columns(self, fields: Fields, columns: Fields) -> None:
        level = fields.get("level")
        if level is not None:
            columns["level"] = level if level in LEVELS else "default"
        tags = fields.get("tags")
        if tags:
            columns["tags"] = json.dumps([self._name(tag) for tag in tags][:100], ensure_ascii=False)
        error = fields.get("error")
        if isinstance(error, Mapping):
            columns["error_type"] = self._name(error.get("type") or "Error")
        elif error is not None:
            fields["error"] = {"type": "Error", "module": "", "message": str(error), "traceback": ""}
            columns["error_type"] = "Error"

    def _price(self, fields: Fields, columns: Fields, usage: Mapping[str, int]) -> None:
        given = fields.get("cost_usd")
        if given is not None:
            columns.update(cost_usd=float(given), cost_source="client")
            for name in ("input_cost_usd", "output_cost_usd"):
                if fields.get(name) is not None:
                    columns[name] = float(fields[name])
        elif usage and columns["kind"] in COUNTED_KINDS:
            cost = self._prices.cost(columns.get("provider"), columns.get("model"), usage, columns["start_ns"])
            if cost is not None:
                columns.update(cost_usd=cost.total_usd, input_cost_usd=cost.input_usd, output_cost_usd=cost.output_usd,
                               cost_source=cost.source)  # fmt: skip

    def _payloads(self, fields: Fields, media: list[Blob]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name in ("input", "output"):
            value = fields.get(name)
            if value is not None:
                chat = isinstance(value, list) and fields["kind"] == "llm" and _is_messages(value)
                out[name] = self.encoder.messages(value, media) if chat else self.encoder.value(value, media)
        for name in _PLAIN:
            value = fields.get(name)
            if value:
                out[name] = self.encoder.value(value, media)
        return out

    def _metadata(self, fields: Fields) -> Mapping[str, Any] | None:
        metadata = fields.get("metadata")
        if not isinstance(metadata, Mapping) or not metadata or fields["parent"] is not None:
            return None
        clean = self.encoder.json(metadata)[0]
        return clean if isinstance(clean, dict) else None

    def _name(self, value: Any) -> str:
        return self.encoder.text(value if isinstance(value, str) else str(value))[:1000]

    # -- events and scores

    def _event(self, record: tuple[Any, ...], number: int, media: list[Blob]) -> Fields:
        _, trace, span, time_ns, name, data = record
        return {"event_id": f"{span:016x}-{time_ns:x}-{number}", "trace_id": trace,
                "span_id": ids.span_hex(span), "time_ns": time_ns, "name": self._name(name),
                "data": self.encoder.value(data, media)}  # fmt: skip

    def _score(self, fields: Fields) -> Fields:
        out = dict(fields)
        for name in ("name", "comment", "value", "evaluator", "author"):
            if isinstance(out.get(name), str):
                out[name] = self.encoder.text(out[name])
        return out


def _is_messages(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(item, dict) and "role" in item for item in value)


def _usage(value: Any) -> dict[str, int]:
    if not isinstance(value, Mapping):
        return {}
    return {name: int(value[name]) for name in USAGE_FIELDS if isinstance(value.get(name), (int, float))}


