"""Spans of ours and of OpenTelemetry in one tree, in threads and tasks too."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context, use_span

import spanbook as sb
from tests.otel.conftest import Sdk
from tests.tracing import Tracing


@pytest.fixture(params=["ours", "sdk"])
def tracer(request: pytest.FixtureRequest, sdk: Sdk) -> trace.Tracer:
    """A library's tracer, of our provider and of an SDK's."""
    if request.param == "sdk":
        sdk.set()
    return trace.get_tracer("lib")


def test_spans_nest_both_ways(tracer: trace.Tracer, otel: Tracing) -> None:
    """Whichever is made current in whichever way."""
    with sb.span("a"), tracer.start_as_current_span("b"), sb.span("c"):
        started = tracer.start_span("d")
        with use_span(started, end_on_exit=True), sb.span("e"):
            pass
        with sb.span("f"):
            pass
    assert otel.tree() == {"a": None, "b": "a", "c": "b", "d": "c", "e": "d", "f": "c"}
    assert len({span.trace_id for span in otel.spans()}) == 1


async def test_tasks_keep_their_own_spans(tracer: trace.Tracer, otel: Tracing) -> None:
    """Siblings that run at once do not inherit each other's."""

    async def work(name: str) -> None:
        with tracer.start_as_current_span(name):
            await asyncio.sleep(0.001)
            with sb.span(f"{name}.native"):
                await asyncio.sleep(0.001)
                with tracer.start_as_current_span(f"{name}.inner"):
                    await asyncio.sleep(0)

    with sb.span("root"):
        await asyncio.gather(work("x"), work("y"))
    assert otel.tree() == {
        "root": None, "x": "root", "y": "root", "x.native": "x", "y.native": "y",
        "x.inner": "x.native", "y.inner": "y.native",
    }  # fmt: skip


def test_a_context_that_is_attached_in_a_thread_is_ours_there(tracer: trace.Tracer, otel: Tracing) -> None:
    """How OpenTelemetry's own instrumentation of threads does it."""

    def work(given: Any) -> None:
        token = context.attach(given)
        with sb.span("native below"), tracer.start_as_current_span("otel below"):
            pass
        context.detach(token)
        assert sb.current() is None

    with sb.span("root"):
        thread = threading.Thread(target=work, args=(context.get_current(),))
        thread.start()
        thread.join()
    assert otel.tree() == {"root": None, "native below": "root", "otel below": "native below"}


def test_sb_bind_carries_opentelemetrys_span(tracer: trace.Tracer, otel: Tracing) -> None:
    """Both are context variables."""

    def work() -> None:
        with tracer.start_as_current_span("in thread"):
            pass

    with ThreadPoolExecutor(1) as pool, tracer.start_as_current_span("root"):
        pool.submit(sb.bind(work)).result()
    assert otel.tree() == {"root": None, "in thread": "root"}


def test_an_explicit_context_decides_the_parent(tracer: trace.Tracer, otel: Tracing) -> None:
    """Not the span that is current."""
    with sb.span("a"):
        given = context.get_current()
    with sb.span("b"):
        tracer.start_span("of a", context=given).end()
        tracer.start_span("of nobody", context=context.Context()).end()
    assert otel.tree() == {"a": None, "b": None, "of a": "a", "of nobody": None}


def test_an_empty_context_that_is_attached_begins_anew(tracer: trace.Tracer, otel: Tracing) -> None:
    """As a server does for a request without a parent; afterwards all is as before."""
    with sb.span("a"):
        token = context.attach(context.Context())
        assert not trace.get_current_span().get_span_context().is_valid
        with sb.span("b"), tracer.start_as_current_span("c"):
            pass
        context.detach(token)
        with tracer.start_as_current_span("d"):
            pass
    assert otel.tree() == {"a": None, "b": None, "c": "b", "d": "a"}


def test_a_span_of_another_process_is_the_parent_of_ours(tracer: trace.Tracer, otel: Tracing) -> None:
    """What propagators put into a context."""
    remote = NonRecordingSpan(SpanContext(0xA, 0xB, True, TraceFlags(1)))
    with use_span(remote), sb.span("native"), tracer.start_as_current_span("otel"):
        pass
    native, inner = otel.spans()
    assert (native.trace_id, native.parent_id) == (f"{0xA:032x}", f"{0xB:016x}")
    assert (inner.trace_id, inner.parent_id) == (native.trace_id, native.span_id)


def test_opentelemetry_sees_our_current_span(otel: Tracing) -> None:
    """Its ids, always the same object; what is said of it goes to ours."""
    with sb.span("a") as span:
        seen: Any = trace.get_current_span()
        is_same = seen is trace.get_current_span()
        assert f"{seen.get_span_context().trace_id:032x}" == span.trace_id
        assert is_same and seen.is_recording() and seen.name == "a" and seen.end_time is None
        seen.set_attribute("k", "v")
        seen.set_attributes({"n": 1})
        seen.add_event("hello", {"x": 1})
        assert dict(seen.attributes) == {"k": "v", "n": 1}
    found = otel.span("a")
    assert found.attributes == {"k": "v", "n": 1} and [event.name for event in found.events] == ["hello"]


def test_a_wrapper_that_a_library_made_current_stays_current(tracer: trace.Tracer, otel: Tracing) -> None:
    """Logfire's spans are wrappers, which do more than what they wrap."""

    class Wrapper(NonRecordingSpan):
        pass

    inner = tracer.start_span("a")
    wrapper = Wrapper(inner.get_span_context())
    with use_span(wrapper):
        is_current = trace.get_current_span() is wrapper
        with sb.span("b"):
            pass
        assert is_current and trace.get_current_span() is wrapper
    inner.end()
    assert otel.span("b").trace_id == f"{inner.get_span_context().trace_id:032x}"


def test_what_is_set_on_the_current_span_is_kept_whoever_runs_it(tracer: trace.Tracer, otel: Tracing) -> None:
    """``sb.current()`` inside a span of a library."""
    with tracer.start_as_current_span("ask", attributes={"gen_ai.operation.name": "chat"}):
        current = sb.current()
        assert current is not None
        current.set(metadata={"tier": "pro"}, output="hi", tags=["x"], kind="tool")
        current.event("noted", 1)
    span = otel.span("ask")
    assert (span.metadata, span.output, list(span.tags), span.kind) == ({"tier": "pro"}, "hi", ["x"], "tool")
    assert [event.name for event in span.events] == ["noted"]


def test_the_context_of_ours_is_on_librarys_spans(tracer: trace.Tracer, otel: Tracing) -> None:
    """A user, tags… that ``sb.context`` says; what the span says itself goes before."""
    with sb.context(user_id="ada", session_id="s-1", tags=["beta"]):
        tracer.start_span("a", attributes={"session.id": "s-2"}).end()
    span = otel.span("a")
    assert (span.user_id, span.session_id, list(span.tags)) == ("ada", "s-2", ["beta"])


@pytest.mark.parametrize("key", ["user_id", "user.id", "langfuse.user.id", "langfuse_user_id"])
def test_baggage_says_whose_work_it_is(key: str, tracer: trace.Tracer, otel: Tracing) -> None:
    """On spans of both kinds, for as long as it is attached."""
    token = context.attach(baggage.set_baggage(key, "ada"))
    with sb.span("native"), tracer.start_as_current_span("otel"):
        pass
    context.detach(token)
    tracer.start_span("given", context=baggage.set_baggage("session_id", "s-1")).end()
    with sb.span("after"):
        pass
    assert {span.name: (span.user_id, span.session_id) for span in otel.spans()} == {
        "native": ("ada", None), "otel": ("ada", None), "given": (None, "s-1"), "after": (None, None),
    }  # fmt: skip


def test_librarys_traces_are_the_cells(otel: Tracing) -> None:
    """What a notebook shows under the cell."""
    from spanbook.tracer import _recorder

    with trace.get_tracer("lib").start_as_current_span("a") as span:
        pass
    assert _recorder.last_trace == f"{span.get_span_context().trace_id:032x}"
    assert sb.last_trace().name == "a"


def test_a_native_span_open_across_a_detach_leaves_nothing_current(tracer: trace.Tracer, otel: Tracing) -> None:
    """Blocks that do not nest."""
    token = context.attach(set_span_in_context(tracer.start_span("a")))
    inner = sb.span("b")
    inner.__enter__()
    context.detach(token)
    inner.__exit__(None, None, None)
    assert sb.current() is None


def test_spans_inside_of_wrappers_nest(otel: Tracing) -> None:
    """OpenInference's tracers make current a wrapper of each span, which passes itself off as it."""
    instrumentation = pytest.importorskip("openinference.instrumentation")
    tracer = instrumentation.OITracer(trace.get_tracer("lib"), config=instrumentation.TraceConfig())
    with tracer.start_as_current_span("outer"), tracer.start_as_current_span("middle"), sb.span("native"):
        tracer.start_span("inner").end()

    assert otel.tree() == {"outer": None, "middle": "outer", "native": "middle", "inner": "native"}
