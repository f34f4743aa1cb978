"""OTLP requests as bytes, in batches of bounded size: protobuf where ``opentelemetry-proto`` is there, else JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

MAX_SPANS: Final = 512
MAX_BYTES: Final = 4_000_000  # before compression; collectors take 4 MiB or more


class Item(NamedTuple):
    """The resource and the scope of a span, and the span, as OTLP/JSON has them."""

    resource: Mapping[str, Any]
    scope: Mapping[str, Any]
    span: Mapping[str, Any]
    #: Makes the span without files, for a receiver that does not take one with them.
    without_files: Callable[[], Mapping[str, Any]] | None = None


@dataclass(slots=True)
class Encoded:
    """One request: its items, for another attempt in smaller ones, and how large it is."""

    items: list[Item] = field(default_factory=list)
    parts: list[Any] = field(default_factory=list)  # each item as the codec made it
    size: int = 0


class Codec(Protocol):
    """One encoding of OTLP."""

    content_type: str

    def part(self, item: Item) -> tuple[Any, int]: ...
    def body(self, parts: Sequence[Any], items: Sequence[Item]) -> bytes: ...
    def rejected(self, reply: bytes) -> tuple[int, str]: ...


def batches(items: Iterable[Item], codec: Codec, max_spans: int = MAX_SPANS) -> Iterator[Encoded]:
    """Yield batches of at most ``max_spans`` spans and about ``MAX_BYTES``; a larger span has one of its own."""
    batch = Encoded()
    for item in items:
        part, size = codec.part(item)
        if batch.items and (len(batch.items) >= max_spans or batch.size + size > MAX_BYTES):
            yield batch
            batch = Encoded()
        batch.items.append(item)
        batch.parts.append(part)
        batch.size += size
    if batch.items:
        yield batch


def _grouped(parts: Sequence[Any], items: Sequence[Item]) -> Iterator[tuple[Item, list[Any]]]:
    """Yield the first item of each run with the same resource and scope, and the parts of the run."""
    first: Item | None = None
    run: list[Any] = []
    for part, item in zip(parts, items, strict=True):
        if first is not None and (item.resource, item.scope) != (first.resource, first.scope):
            yield first, run
            first, run = None, []
        first = first or item
        run.append(part)
    if first is not None:
        yield first, run


class JsonCodec:
    """OTLP/JSON."""

    content_type = "application/json"

    def part(self, item: Item) -> tuple[str, int]:
        """Return a span as text, and its size."""
        text = _json(item.span)
        return text, len(text)

    def body(self, parts: Sequence[str], items: Sequence[Item]) -> bytes:
        """Return the request."""
        groups = (
            f'{{"resource":{_json(first.resource)},"scopeSpans":[{{"scope":{_json(first.scope)},"spans":[{",".join(run)}]}}]}}'
            for first, run in _grouped(parts, items)
        )
        return f'{{"resourceSpans":[{",".join(groups)}]}}'.encode("utf-8", "replace")

    def rejected(self, reply: bytes) -> tuple[int, str]:
        """Return how many spans a reply says were rejected, and why."""
        try:
            said = json.loads(reply or b"{}").get("partialSuccess") or {}
            return int(said.get("rejectedSpans") or 0), str(said.get("errorMessage") or "")
        except (ValueError, TypeError, AttributeError):
            return 0, ""  # some answer with a page of their own


class ProtobufCodec:
    """OTLP/protobuf, through ``opentelemetry-proto``."""

    content_type = "application/x-protobuf"

    def __init__(self) -> None:
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
        from opentelemetry.proto.common.v1 import common_pb2
        from opentelemetry.proto.trace.v1 import trace_pb2

        self._service, self._common, self._trace = trace_service_pb2, common_pb2, trace_pb2

    def part(self, item: Item) -> tuple[Any, int]:
        """Return a span as a message, and its size."""
        message = self._span(item.span)
        return message, message.ByteSize()

    def body(self, parts: Sequence[Any], items: Sequence[Item]) -> bytes:
        """Return the request."""
        request = self._service.ExportTraceServiceRequest()
        for first, run in _grouped(parts, items):
            group = request.resource_spans.add()
            group.resource.attributes.extend(self._attributes(first.resource.get("attributes")))
            scoped = group.scope_spans.add()
            scoped.scope.name, scoped.scope.version = first.scope.get("name", ""), first.scope.get("version", "")
            scoped.spans.extend(run)
        return bytes(request.SerializeToString())

    def rejected(self, reply: bytes) -> tuple[int, str]:
        """Return how many spans a reply says were rejected, and why."""
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

        said = self._service.ExportTraceServiceResponse()
        try:
            said.ParseFromString(reply)
        except DecodeError:
            return 0, ""
        return said.partial_success.rejected_spans, said.partial_success.error_message

    def _span(self, raw: Mapping[str, Any]) -> Any:
        status = raw.get("status", {})
        return self._trace.Span(
            trace_id=bytes.fromhex(raw["traceId"]),
            span_id=bytes.fromhex(raw["spanId"]),
            parent_span_id=bytes.fromhex(raw.get("parentSpanId", "")),
            trace_state=_encodable(raw.get("traceState", "")),
            name=_encodable(raw["name"]),
            kind=raw["kind"],
            start_time_unix_nano=int(raw["startTimeUnixNano"]),
            end_time_unix_nano=int(raw.get("endTimeUnixNano", 0)),
            attributes=self._attributes(raw.get("attributes")),
            events=[
                self._trace.Span.Event(
                    name=_encodable(event["name"]), time_unix_nano=int(event["timeUnixNano"]),
                    attributes=self._attributes(event.get("attributes")),
                )
                for event in raw.get("events", ())
            ],
            links=[
                self._trace.Span.Link(
                    trace_id=bytes.fromhex(link["traceId"]), span_id=bytes.fromhex(link["spanId"]),
                    attributes=self._attributes(link.get("attributes")),
                )
                for link in raw.get("links", ())
            ],
            status=self._trace.Status(code=status.get("code", 0), message=_encodable(status.get("message", ""))),
        )  # fmt: skip

    def _attributes(self, items: Iterable[Mapping[str, Any]] | None) -> list[Any]:
        return [
            self._common.KeyValue(key=_encodable(item["key"]), value=self._value(item["value"])) for item in items or ()
        ]

    def _value(self, raw: Mapping[str, Any]) -> Any:
        make = self._common.AnyValue
        for name, value in raw.items():
            if name == "stringValue":
                return make(string_value=_encodable(value))
            if name == "boolValue":
                return make(bool_value=value)
            if name == "intValue":
                return make(int_value=int(value))
            if name == "doubleValue":
                return make(double_value=value)
            if name == "arrayValue":
                return make(array_value=self._common.ArrayValue(values=[self._value(one) for one in value["values"]]))
            return make(kvlist_value=self._common.KeyValueList(values=self._attributes(value["values"])))
        return make()


def best_codec() -> Codec:
    """Return protobuf where its library is installed, else JSON."""
    try:
        return ProtobufCodec()
    except ImportError:
        return JsonCodec()


def _encodable(text: str) -> str:
    """Return text without lone surrogates, which neither encoding can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
