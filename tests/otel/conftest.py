"""OpenTelemetry as a fresh process has it, and a store for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once

import spanbook as sb
from tests.tracing import Tracing, tracing

__all__ = ["tracing"]


class Sdk:
    """Somebody's SDK provider that exports to memory."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def set(self) -> None:
        """Make it the global one, as its owner does."""
        trace.set_tracer_provider(self.provider)

    def names(self) -> list[str]:
        """Names of the spans that it exported, in order of their end."""
        return [span.name for span in self.spans()]

    def spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that it exported."""
        return self.exporter.get_finished_spans()


def empty_slot() -> None:
    """Let no provider be set, as in a fresh process."""
    trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE = None, Once()


@pytest.fixture
def otel(tracing: Tracing) -> Iterator[Tracing]:
    """Trace into a store of the test's own, with OpenTelemetry's spans recorded and no provider set."""
    sb.uninstrument("otel")  # another test may have left it on
    empty_slot()
    sb.instrument("otel")
    yield tracing
    sb.uninstrument("otel")
    empty_slot()


@pytest.fixture
def sdk(otel: Tracing) -> Sdk:
    """An SDK provider, not set yet."""
    return Sdk()
