"""Our processor in somebody's SDK provider."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import spanbook as sb
from tests.otel.conftest import Sdk, empty_slot
from tests.tracing import Tracing


def test_a_provider_that_is_there_already_is_joined(tracing: Tracing) -> None:
    """The program configures its own before ``%load_ext``."""
    empty_slot()
    sdk = Sdk()
    sdk.set()
    before = trace.get_tracer("lib").start_span("open before we came")
    sb.instrument("otel")
    try:
        before.end()
        trace.get_tracer("lib").start_span("after").end()
    finally:
        sb.uninstrument("otel")
        empty_slot()
    assert [span.name for span in tracing.spans()] == ["open before we came", "after"] == sdk.names()


def test_ids_times_and_resource_are_those_of_the_sdk(sdk: Sdk, otel: Tracing) -> None:
    """So that a span can be found on both sides."""
    sdk.provider = TracerProvider(resource=Resource.create({"service.version": "9"}))
    sdk.provider.add_span_processor(SimpleSpanProcessor(sdk.exporter))
    sdk.set()
    with sb.span("native"), trace.get_tracer("lib").start_as_current_span("ask"):
        pass
    (theirs,) = sdk.spans()
    span = otel.span("ask")
    assert theirs.context is not None and theirs.parent is not None
    assert int(span.span_id, 16) == theirs.context.span_id and int(span.trace_id, 16) == theirs.context.trace_id
    assert (span.start_ns, span.end_ns) == (theirs.start_time, theirs.end_time)
    assert int(span.parent_id or "", 16) == theirs.parent.span_id
    assert span.release == "9"


def test_spans_that_the_sdk_does_not_sample_are_no_parents(otel: Tracing) -> None:
    """Ours below them belong to what is above."""
    trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_OFF))
    with sb.span("a"), trace.get_tracer("lib").start_as_current_span("unsampled"), sb.span("b"):
        pass
    assert otel.tree() == {"a": None, "b": "a"}


def test_tracing_that_is_off_leaves_the_others_alone(sdk: Sdk, otel: Tracing) -> None:
    """They get their spans all the same."""
    from spanbook.tracer import _recorder

    sdk.set()
    _recorder.enabled = False
    tracer = trace.get_tracer("lib")
    with tracer.start_as_current_span("a"), sb.span("native"), tracer.start_as_current_span("b"):
        pass
    _recorder.enabled = True
    assert sdk.names() == ["b", "a"] and otel.spans() == []


def test_processors_that_run_in_threads_of_their_own_do(otel: Tracing) -> None:
    """The parent is what the SDK says it is."""
    provider = TracerProvider(active_span_processor=ConcurrentMultiSpanProcessor(2))
    trace.set_tracer_provider(provider)
    with trace.get_tracer("lib").start_as_current_span("a"), trace.get_tracer("lib").start_as_current_span("b"):
        pass
    provider.shutdown()
    assert otel.tree() == {"a": None, "b": "a"}


def test_a_provider_inside_a_wrapper_is_followed(sdk: Sdk, otel: Tracing) -> None:
    """Logfire sets a wrapper, and puts another provider into it when it is configured again."""

    class Wrapper(trace.TracerProvider):
        def __init__(self, provider: TracerProvider) -> None:
            self.provider = provider

        def __eq__(self, other: object) -> bool:  # a dataclass: not hashable
            return self is other

        def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
            return self.provider.get_tracer(*args, **kwargs)

    wrapper = Wrapper(sdk.provider)
    early = trace.get_tracer("early")
    trace.set_tracer_provider(wrapper)
    early.start_span("first").end()
    second = Sdk()
    wrapper.provider = second.provider
    trace.get_tracer("late").start_span("second").end()
    assert [span.name for span in otel.spans()] == ["first", "second"]
    assert (sdk.names(), second.names()) == (["first"], ["second"])


def test_a_provider_that_dropped_our_processor_is_joined_again(sdk: Sdk, otel: Tracing) -> None:
    """Phoenix replaces the list when a processor is added to it."""
    sdk.set()
    trace.get_tracer("lib").start_span("a").end()
    feeder: Any = sdk.provider._active_span_processor
    feeder._span_processors = (SimpleSpanProcessor(sdk.exporter),)
    trace.get_tracer("lib").start_span("b").end()
    assert [span.name for span in otel.spans()] == ["a", "b"]


def test_uninstrument_takes_our_processor_out(sdk: Sdk, otel: Tracing) -> None:
    """Theirs stay."""
    before = sdk.provider._active_span_processor._span_processors
    sdk.set()
    trace.get_tracer("lib").start_span("seen").end()
    sb.uninstrument("otel")
    assert sdk.provider._active_span_processor._span_processors == before
    trace.get_tracer("lib").start_span("unseen").end()
    assert [span.name for span in otel.spans()] == ["seen"] and sdk.names() == ["seen", "unseen"]


def test_a_shutdown_of_their_provider_loses_nothing_of_ours(sdk: Sdk, otel: Tracing) -> None:
    """Logfire shuts the old one down when it is configured."""
    sdk.set()
    span = trace.get_tracer("lib").start_span("late")
    sdk.provider.shutdown()
    span.end()
    assert [found.name for found in otel.spans()] == ["late"]
