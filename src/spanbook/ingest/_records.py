"""From journal records to span rows: start and end of one span joined, dialects normalised, values encoded, priced."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from types import NoneType
from typing import Any, Final

from ..conventions import normalise
from ..model import COUNTED_KINDS, KINDS, LEVELS, USAGE_FIELDS, ids
from ..model.prices import PriceTable
from ..model.values import is_text_tree, key_text
from ..store._blobs import Blob, Payload
from ..store._schema import PAYLOAD_COLUMNS
from ..store._segments import END, EVENT, OTEL_FORMAT, SCORE, START, UPDATE, decode
from ..store._write import Batch, SpanRecord
from ..tracer import _recorder
from ..tracer._report import errors, warn_once
from ._encode import Encoder

Fields = dict[str, Any]
_Started = tuple[tuple[Any, ...], str | None]
_Rows = dict[tuple[str, int], SpanRecord | None]

_TEXTS: Final = frozenset(
    "name model provider response_id finish_reason user_id session_id environment release feature region "
    "prompt_name prompt_version notebook git_commit".split()
)
#: Words and digests of our own: no policy may change what they mean.
_OURS: Final = frozenset(("kind", "status", "cell_id", "cell_hash"))
_NUMBERS: Final = frozenset(("start_ns", "end_ns", "first_token_ns", "execution_count", "process_id"))
_KINDS: Final = frozenset(KINDS)
_are_objects: Final = frozenset((dict,)).issuperset
_USAGE: Final = frozenset(USAGE_FIELDS)
_PAYLOADS: Final = frozenset(PAYLOAD_COLUMNS) - {"error"}
_GIVEN: Final = frozenset(("input", "output"))
_REST: Final = frozenset(("usage", "error", "level", "tags", "counted", "cost_usd"))
#: Name of a field → which of these it is.
_HOW: Final = {name: each for each in (_TEXTS, _OURS, _NUMBERS, _PAYLOADS, _REST) for name in each}
_MAX_KNOWN: Final = 10_000  # texts, shapes
_MAX_AMOUNT: Final = 10**12  # tokens, dollars: what is more is no amount, and its sums fit no column


class _Shape:
    """Where the values of a record go, worked out once for all records with the same names and types of fields."""

    __slots__ = ("columns", "is_start_known", "numbers", "odd", "payloads", "rest", "texts", "words")

    def __init__(self, names: tuple[str, ...], kinds: tuple[type, ...]) -> None:
        known = [(name, _HOW[name], kind) for name, kind in zip(names, kinds, strict=True)
                 if name in _HOW and kind is not NoneType]  # fmt: skip
        texts = [name for name, how, kind in known if how is _TEXTS and kind is str]
        words = [name for name, how, kind in known if how is _OURS and kind is str]
        self.columns = ("trace_id", "span_id", *texts, *words)
        self.texts, self.words = _getter(texts), _getter(words)
        self.numbers = tuple(name for name, how, _ in known if how is _NUMBERS)
        self.payloads = tuple(name for name, how, _ in known if how is _PAYLOADS)
        self.rest = frozenset(name for name, how, _ in known if how is _REST)
        #: Fields that should be text and are not, and whether they are of our own words.
        self.odd = tuple((name, how is _OURS) for name, how, kind in known
                         if how in (_TEXTS, _OURS) and kind is not str)  # fmt: skip
        self.is_start_known = "name" in names  # else an end alone: its start is in the store


def _getter(names: list[str]) -> Callable[[Fields], tuple[Any, ...]]:
    """Return what gives the values of these fields, as a tuple whatever their number."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda fields: tuple([fields[name] for name in names])


class RecordReader:
    """Reads journal bodies into batches; remembers what open spans began with."""

    def __init__(self, encoder: Encoder, prices: PriceTable, process_id: int | None) -> None:
        self.encoder, self.prices, self._process_id = encoder, prices, process_id
        #: (trace, span) -> start record of spans that have not ended, and the environment they are in.
        self.open: dict[tuple[str, int], _Started] = {}
        self._closed: dict[tuple[str, int], _Started] = {}
        self._clean: set[str] = set()  # texts that redaction leaves as they are
        self._shapes: dict[tuple[tuple[str, ...], tuple[type, ...]], _Shape] = {}
        self.unreadable = 0
        #: Fields of the OpenTelemetry spans in what was read last, as their start and their end have them.
        self.otel: list[tuple[Fields, Fields]] = []
        #: Traces in which OpenTelemetry told of a call: one of ours there may be the same call.
        self.otel_calls: set[str] = set()

    def read(self, bodies: Iterable[bytes]) -> Batch:
        """Return the batch of these records, in order; a record that cannot be read is counted and left out.

        A span whose end is here becomes a row at once: what it holds is let go of while it is in the caches.
        """
        batch = Batch()
        self._closed, self.otel = {}, []
        rows: _Rows = {}  # None: the place of a span whose end is not here yet
        for body in bodies:
            try:
                self._take(decode(body), rows, batch)
            except (ValueError, TypeError, EOFError, KeyError, IndexError, struct.error):
                self.unreadable += 1
        for key, row in rows.items():
            if row is None and key in self.open:
                begun = _begun(*self.open[key])
                if begun.get("format") == OTEL_FORMAT:
                    self.otel.append((begun, {}))
                else:
                    rows[key] = self.row(begun, batch)
        batch.spans = [row for row in rows.values() if row is not None]
        return batch

    def _take(self, record: tuple[Any, ...], rows: _Rows, batch: Batch) -> None:
        what = record[0]
        if what == START:
            _, trace, span, parent, _, _, _, _, fields, provenance = record
            _check_fields(fields, provenance)
            environment = fields.get("environment") if fields else None
            if environment is None and parent is not None:  # said once, at the root
                above = self.open.get((trace, parent))
                environment = None if above is None else above[1]
            self.open[trace, span] = record, environment
            rows.setdefault((trace, span), None)
        elif what == END:
            _, trace, span, parent, name, kind, start, end, status, output, fields = record
            _check_fields(fields)
            key = (trace, span)
            begun = self.open.pop(key, None)
            joined: Fields = {}
            if begun is not None:
                if key not in rows:  # else its start is in these records, too, and read again with them
                    self._closed[key] = begun
                joined = _begun(*begun)
            if _recorder.partials:
                _recorder.partials.pop(key, None)
            if fields and fields.get("format") == OTEL_FORMAT:
                if name is None:  # a short one, which leaves out what its start has said
                    parent, name, start = joined["parent"], joined["name"], joined["start_ns"]
                said = {**fields, "trace": trace, "span": span, "parent": parent, "name": name, "start_ns": start,
                        "end_ns": max(end, start), "status": status, "output": output}  # fmt: skip
                self.otel.append((joined, said))
                rows.pop(key, None)
                return
            if fields:
                joined.update(fields)
            if name is not None:  # a short end leaves out what its start has said
                joined["parent"], joined["name"], joined["kind"], joined["start_ns"] = parent, name, kind, start
            elif begun is not None:
                start = joined["start_ns"]
            joined["trace"], joined["span"], joined["status"], joined["output"] = trace, span, status, output
            joined["end_ns"] = end if start is None or end > start else start
            rows[key] = self.row(joined, batch)
        elif what == EVENT:
            batch.events.append(self._event(record, len(batch.events), batch.media))
        elif what == SCORE:
            batch.scores.append(self.score(record[1]))
        elif what == UPDATE:
            batch.trace_updates.append((list(record[1]), record[2]))

    def undo(self) -> None:
        """Take back what the last :meth:`read` noted: its records will be read again."""
        self.open.update(self._closed)
        self._closed = {}

    def reopen(self, batch: Batch) -> None:
        """Add the start of every open span to a batch: the store that held them is gone."""
        have = {(record.columns["trace_id"], record.columns["span_id"]) for record in batch.spans}
        for (trace, span), started in self.open.items():
            if (trace, ids.span_hex(span)) not in have:
                row = self.row(_begun(*started), batch)
                if row is not None:
                    batch.spans.append(row)

    # -- one span

    def row(self, fields: Fields, batch: Batch) -> SpanRecord | None:
        """Return the row of a span: whole, else without fields of a wrong type, else as the bare operation.

        Users may set anything, and one value that cannot be converted must not hold up the spans behind it.
        """
        found = len(batch.media)
        for attempt in (_same, _well_typed, _bare):
            try:
                return self._record(attempt(fields), batch.media)
            except Exception as error:
                if attempt is _bare and isinstance(error, MemoryError):
                    raise  # there is none for anything: the batch is read again
                del batch.media[found:]
                errors["keep a field of a span as given"] += 1
                said = f"{type(error).__name__}: {str(error)[:200]}"
                name = key_text(fields.get("name"))[:100]
                warn_once("odd-field", f"a field of span {name!r} is of a wrong type ({said}); it is in attributes.")
        self.unreadable += 1
        return None

    def _record(self, fields: Fields, media: list[Blob]) -> SpanRecord:
        if "format" in fields:
            fields = normalise(fields)
        shape = self._shape_of(fields)
        texts = shape.texts(fields)
        if not self._clean.issuperset(texts):
            texts = tuple([text if text in self._clean else self._name(text) for text in texts])
        ids_ = (fields["trace"], f"{fields['span']:016x}")
        columns: Fields = dict(zip(shape.columns, ids_ + texts + shape.words(fields), strict=True))
        for name in shape.numbers:
            columns[name] = _int64(name, fields[name])
        for name, is_ours in shape.odd:
            columns[name] = str(fields[name]) if is_ours else self._name(fields[name])
        if columns.get("kind", "span") not in _KINDS:
            columns["kind"] = "span"
        parent = fields.get("parent")
        if shape.is_start_known:
            columns["parent_id"] = None if parent is None else f"{parent:016x}"
            columns.setdefault("name", "None")  # what a span without a name is called
            columns.setdefault("kind", "span")
            if parent is None:
                columns.setdefault("process_id", self._process_id)
        payloads = self._payloads(shape, fields, media)
        if shape.rest:
            self._rest(shape.rest, fields, columns, payloads, media)
        return SpanRecord(columns, payloads, self._metadata(fields) if parent is None else None)

    def _shape_of(self, fields: Fields) -> _Shape:
        key = tuple(fields), tuple(map(type, fields.values()))
        shape = self._shapes.get(key)
        if shape is None:
            if len(self._shapes) > _MAX_KNOWN:
                self._shapes.clear()
            shape = self._shapes[key] = _Shape(*key)
        return shape

    def _payloads(self, shape: _Shape, fields: Fields, media: list[Blob]) -> dict[str, Payload]:
        payloads: dict[str, Payload] = {}
        is_llm = fields.get("kind") == "llm"
        plain = is_llm and is_text_tree([fields[name] for name in shape.payloads if name in _GIVEN])
        for name in shape.payloads:
            value = fields[name]
            if name not in _GIVEN:
                if value:
                    payloads[name] = self.encoder.value(value, media, name)
            elif is_llm and _is_messages(value):
                payloads[name] = self.encoder.messages(value, media, plain=plain)
            else:
                payloads[name] = self.encoder.value(value, media, plain=plain)
        return payloads

    def _rest(
        self,
        names: frozenset[str],
        fields: Fields,
        columns: Fields,
        payloads: dict[str, Payload],
        media: list[Blob],
    ) -> None:
        usage: dict[str, int] = {}
        if "usage" in names:
            usage = _usage(fields["usage"])
            columns.update(usage)
        if "error" in names:
            self._error(fields["error"], columns, payloads, media)
        if "level" in names:
            level = fields["level"]
            columns["level"] = level if level in LEVELS else "default"
        if "tags" in names and fields["tags"]:
            tags = [fields["tags"]] if isinstance(fields["tags"], str) else fields["tags"]
            columns["tags"] = json.dumps([self._name(tag) for tag in tags][:100], ensure_ascii=False)
        if "counted" in names:
            columns["counted"] = 1 if fields["counted"] else 0
        if usage or "cost_usd" in names:
            self._price(fields, columns, usage)

    def _error(self, error: Any, columns: Fields, payloads: dict[str, Payload], media: list[Blob]) -> None:
        if not isinstance(error, Mapping):
            error = {"type": "Error", "module": "", "message": str(error), "traceback": ""}
        columns["error_type"] = self._name(error.get("type") or "Error")
        payloads["error"] = self.encoder.value(error, media)

    def _price(self, fields: Fields, columns: Fields, usage: Mapping[str, int]) -> None:
        given = fields.get("cost_usd")
        if given is not None:
            source = fields.get("cost_source")  # said where a store is read back
            columns.update(cost_usd=_dollars(given), cost_source=source if isinstance(source, str) else "client")
            for name in ("input_cost_usd", "output_cost_usd"):
                if fields.get(name) is not None:
                    columns[name] = _dollars(fields[name])
        elif usage and columns.get("kind") in COUNTED_KINDS:
            at_ns = columns.get("start_ns") or columns.get("end_ns") or time.time_ns()  # an update may say neither
            cost = self.prices.cost(columns.get("provider"), columns.get("model"), usage, at_ns)
            if cost is not None:
                columns.update(cost_usd=cost.total_usd, input_cost_usd=cost.input_usd, output_cost_usd=cost.output_usd,
                               cost_source=cost.source)  # fmt: skip

    def _metadata(self, fields: Fields) -> Mapping[str, Any] | None:
        metadata = fields.get("metadata")
        if not isinstance(metadata, Mapping) or not metadata:
            return None
        clean = self.encoder.json(metadata, "metadata")[0]
        return clean if isinstance(clean, dict) else None

    def _name(self, value: Any) -> str:
        """Return a text column's value: redacted, at most 1,000 characters. Names repeat, so they are remembered."""
        text = value if isinstance(value, str) else key_text(value)
        if text in self._clean:
            return text
        found = self.encoder.text(text)[:1000]
        if found == text:  # what was redacted is counted each time
            if len(self._clean) > _MAX_KNOWN:
                self._clean.clear()
            self._clean.add(text)
        return found

    # -- events and scores

    def _event(self, record: tuple[Any, ...], number: int, media: list[Blob]) -> Fields:
        _, trace, span, time_ns, name, data = record
        return self.event((trace, ids.span_hex(span)), f"{time_ns:x}-{number}", time_ns, name, data, media)

    def event(self, key: tuple[str, str], number: str, time_ns: int, name: Any, data: Any, media: list[Blob]) -> Fields:
        """Return the row of an event of the span ``key`` (trace id, span id); ``number`` tells it from the others."""
        trace_id, span_id = key
        return {"event_id": f"{span_id}-{number}", "trace_id": trace_id, "span_id": span_id, "time_ns": time_ns,
                "name": self._name(name), "data": self.encoder.value(data, media)}  # fmt: skip

    def score(self, fields: Fields) -> Fields:
        """Return the row of a score, its texts redacted."""
        out = dict(fields)
        for name in ("name", "comment", "value", "evaluator", "author"):
            if isinstance(out.get(name), str):
                out[name] = self.encoder.text(out[name])
        return out


def _check_fields(*given: Any) -> None:
    """Raise TypeError for fields that are none: what a defect or another version wrote."""
    for fields in given:
        if fields is not None and not isinstance(fields, dict):
            raise TypeError("fields of a span are no dict")


def _begun(record: tuple[Any, ...], environment: str | None) -> Fields:
    """Return the fields of a span as its start record says them."""
    _, trace, span, parent, name, kind, start, given, fields, provenance = record
    begun = {**(provenance or {}), **(fields or {}), "trace": trace, "span": span, "parent": parent, "name": name,
             "kind": kind, "status": "open", "start_ns": start, "input": given}  # fmt: skip
    if environment is not None:
        begun["environment"] = environment
    return begun


def _same(fields: Fields) -> Fields:
    return fields


def _well_typed(fields: Fields) -> Fields:
    """Return the fields with values of a wrong type, and amounts that are none, moved to attributes."""
    odd = {name: value for name, value in fields.items() if value is not None and not _fits(name, value)}
    if "start_ns" in odd:
        raise TypeError("the start of a span is no time")  # without it there is no operation
    kept = {name: value for name, value in fields.items() if name not in odd}
    usage = kept.get("usage") or {}
    if odd_usage := {name: count for name, count in usage.items() if not _is_usage(name, count)}:
        odd["usage"] = odd_usage
        kept["usage"] = {name: count for name, count in usage.items() if name not in odd_usage}
    given = kept.get("attributes")
    return {**kept, "attributes": {**(given if isinstance(given, dict) else {}), **odd}}


def _bare(fields: Fields) -> Fields:
    """Return what says that, and when, the operation took place."""
    kept = {name: fields[name] for name in _BARE if name in fields}
    return {**kept, "attributes": {"spanbook.lost": "the values of this span could not be stored"}}


_BARE: Final[tuple[str, ...]] = ("trace", "span", "parent", "name", "kind", "status", "start_ns", "end_ns")


def _fits(name: str, value: Any) -> bool:
    if name in _NUMBERS:
        return _is_number(value)
    if name.endswith("cost_usd"):
        return _is_amount(value)
    if name == "usage":
        return isinstance(value, Mapping)
    if name == "tags":
        return isinstance(value, (list, tuple))
    if name in ("model", "provider", "format"):
        return isinstance(value, str)
    return True


def _is_number(value: Any) -> bool:
    """Whether a column takes it: SQLite's integers have 64 bits, and NaN is no number."""
    return isinstance(value, (int, float)) and -(2**63) <= value < 2**63


def _is_amount(value: Any) -> bool:
    return isinstance(value, (int, float)) and -_MAX_AMOUNT <= value <= _MAX_AMOUNT


def _is_usage(name: Any, count: Any) -> bool:
    return name not in _USAGE or count is None or _is_amount(count)


def _dollars(value: Any) -> float:
    number = float(value)
    if not _is_amount(number):
        raise OverflowError(f"a cost of {number:g} is no amount")
    return number


def _int64(name: str, value: Any) -> int:
    number = int(value)
    if not _is_number(number):
        raise OverflowError(f"{name} does not fit in 64 bits")
    return number


def _is_messages(value: Any) -> bool:
    if type(value) is not list or not value or not _are_objects(map(type, value)):
        return False
    return all("role" in item for item in value)


def _usage(value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    counts: dict[str, int] = {}
    for name, count in value.items():
        if not _is_usage(name, count):
            raise OverflowError(f"{name} of {count!r:.60} is no amount")
        if name in _USAGE and count is not None:
            counts[name] = count if type(count) is int else int(count)
    return counts
