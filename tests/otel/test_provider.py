"""Our provider: spans of libraries when nobody has set one, and what it leaves to others."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

import spanbook as sb
from spanbook.integrations import integrations
from spanbook.integrations.otel import untested
from spanbook.tracer import _report
from tests.otel.conftest import Sdk
from tests.tracing import Tracing, run

CALL: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 7,
}


def test_a_librarys_span_is_recorded_in_our_words(otel: Tracing) -> None:
    """Without any SDK; the attributes go through the mappers."""
    with trace.get_tracer("lib", "1.2").start_as_current_span("ask", attributes=CALL):
        pass
    span = otel.span("ask")
    assert (span.kind, span.model, span.usage, span.status) == ("llm", "gpt-4o-mini", {"input_tokens": 7}, "ok")
    assert (span.attributes["otel.scope.name"], span.attributes["otel.scope.version"]) == ("lib", "1.2")


def test_a_bare_span_keeps_the_name_of_its_library(otel: Tracing) -> None:
    """It has the shortest records."""
    trace.get_tracer("lib", "1.2").start_span("step").end()
    span = otel.span("step")
    assert span.attributes == {"otel.scope.name": "lib", "otel.scope.version": "1.2"}
    assert span.end_ns is not None and span.status == "ok"


def test_a_running_span_shows_what_it_was_given(otel: Tracing) -> None:
    """As ours do."""
    running = trace.get_tracer("lib").start_span("ask", attributes=CALL)
    span = otel.span("ask")
    assert (span.status, span.kind, span.model) == ("open", "llm", "gpt-4o-mini")
    running.end()
    assert otel.span("ask").status == "ok"


def test_an_exception_is_the_spans_error(otel: Tracing) -> None:
    """And goes on to the program."""
    with pytest.raises(ZeroDivisionError), trace.get_tracer("lib").start_as_current_span("bad"):
        _ = 1 / 0
    span = otel.span("bad")
    assert span.status == "error" and span.error is not None
    assert span.error["type"] == "ZeroDivisionError" and "1 / 0" in str(span.error["traceback"])


def test_events_links_kind_and_status_are_kept(otel: Tracing) -> None:
    """Everything that the API lets a library say."""
    other = SpanContext(5, 6, False, TraceFlags(1))
    tracer = trace.get_tracer("lib")
    with tracer.start_as_current_span("first", kind=SpanKind.CLIENT, links=[Link(other, {"why": "batch"})]) as span:
        span.add_event("hello", {"n": 1}, timestamp=1_700_000_000_000_000_000)
        span.add_link(SpanContext(7, 8, False), {})
        span.set_status(Status(StatusCode.ERROR, "no luck"))
        span.update_name("second")
    found = otel.span("second")
    assert [(event.name, event.time_ns, event.data) for event in found.events] == [
        ("hello", 1_700_000_000_000_000_000, {"n": 1})
    ]
    assert [link["span_id"] for link in found.links if isinstance(link, dict)] == ["0" * 15 + "6", "0" * 15 + "8"]
    assert found.attributes["otel.kind"] == "client"
    assert found.status == "error" and found.error is not None and found.error["message"] == "no luck"


def test_what_instrumentors_read_of_a_span_is_there(otel: Tracing) -> None:
    """Attributes of the SDK's spans, which some instrumentors need to end theirs."""
    tracer = trace.get_tracer("lib", "1.2")
    with tracer.start_as_current_span("outer"):
        span: Any = tracer.start_span("ask", attributes={"a": [1, 2]}, kind=SpanKind.CLIENT, start_time=1_000)
    assert (span.name, span.kind, span.start_time, span.end_time) == ("ask", SpanKind.CLIENT, 1_000, None)
    assert span.is_recording() and span.status.status_code is StatusCode.UNSET
    span.record_exception(ValueError("x"))
    span.end(end_time=2_000)
    span.end(end_time=3_000)
    assert not span.is_recording() and span.end_time == 2_000
    assert dict(span.attributes) == dict(span._attributes) == {"a": (1, 2)}
    assert [event.name for event in span.events] == ["exception"] and span.links == ()
    assert span.context == span.get_span_context() and span.parent.trace_id == span.context.trace_id
    assert span.instrumentation_scope.name == span.instrumentation_info.name == "lib"
    assert span.resource.attributes["telemetry.sdk.name"] == "spanbook"
    found = otel.span("ask")
    assert (found.start_ns, found.end_ns) == (1_000, 2_000)


async def test_a_decorated_function_has_a_span_for_each_call(otel: Tracing) -> None:
    """Plain and async, as the SDK's tracers do."""
    tracer = trace.get_tracer("lib")

    @tracer.start_as_current_span("plain")
    def plain() -> int:
        return 1

    @tracer.start_as_current_span("async")
    async def later() -> int:
        return 2

    assert [plain(), plain(), await later()] == [1, 1, 2]
    assert [span.name for span in otel.spans()] == ["plain", "plain", "async"]


def test_what_a_library_gets_wrong_reaches_nobody(otel: Tracing) -> None:
    """It is counted and said once; the span is kept."""
    tracer: Any = trace.get_tracer("lib")
    with pytest.warns(sb.SpanbookWarning), tracer.start_as_current_span("odd", links=3, attributes=7) as span:
        span.set_attribute([], 1)
        span.set_attribute("thing", object())
        span.add_link("no context")
        span.set_status(5)
        span.add_event("e", 5)
    assert otel.span("odd").status == "ok"
    sb.stats()["failures"].clear()
    _report.errors.clear()


def test_values_are_redacted_before_the_journal_when_that_is_asked_for(otel: Tracing, tmp_path: Path) -> None:
    """In the thread of the library."""
    sb.init(store=tmp_path / "store.db", instrument=False, redact_before_journal=True)
    secrets = {"api_key": "sk-abcdef0123456789"}
    with otel.runtime.fold.lock:
        with trace.get_tracer("lib").start_as_current_span("ask", attributes=secrets) as span:
            span.add_event("sent", {"authorization": "Bearer abcdef0123456789"})
        journal = b"".join(path.read_bytes() for path in otel.runtime.root.rglob("*") if path.is_file())
    assert b"api_key" in journal and b"sk-abcdef" not in journal and b"Bearer abcdef" not in journal
    assert otel.span("ask").events[0].name == "sent"


def test_a_forked_child_leaves_the_spans_of_its_parent_alone(tmp_path: Path) -> None:
    """Those of an SDK too; its own are recorded."""
    done = run(
        """
        import os, sys, spanbook as sb
        sb.init()
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        trace.set_tracer_provider(TracerProvider())
        tracer = trace.get_tracer("lib")
        span = tracer.start_span("of parent")
        with trace.use_span(span):
            if (child := os.fork()) == 0:
                tracer.start_span("of child").end()
                span.end()
                sb.flush()
                os._exit(0)
            os.waitpid(child, 0)
            sb.flush()
            print(*[(s.name, s.status) for s in sb.last_trace().spans])
        span.end()
        sb.flush()
        print(*[(s.name, s.status) for s in sb.last_trace().spans])
        """,
        tmp_path,
    )
    assert done.stdout.splitlines() == [
        "('of parent', 'open') ('of child', 'ok')", "('of parent', 'ok') ('of child', 'ok')",
    ], done.stderr  # fmt: skip


def test_sampling_and_off_hold_for_librarys_spans(otel: Tracing) -> None:
    """Whether a trace is kept is decided at its root, whoever made it."""
    from spanbook.tracer import _recorder

    _recorder.enabled = False
    with trace.get_tracer("lib").start_as_current_span("off") as span, sb.span("below"):
        assert not span.is_recording()
    _recorder.enabled = True
    assert otel.spans() == []


def test_an_empty_slot_looks_empty_to_those_who_ask(otel: Tracing) -> None:
    """Langfuse, for one, adds to a provider that is there and sets its own when there is none."""
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def test_setting_a_provider_works_and_says_nothing(sdk: Sdk, otel: Tracing, caplog: pytest.LogCaptureFixture) -> None:
    """As if we were not there; both sides get each span once, also from tracers that were made before."""
    early = trace.get_tracer("early")
    with early.start_as_current_span("before"):
        pass
    with caplog.at_level(logging.WARNING):
        sdk.set()
    assert trace.get_tracer_provider() is sdk.provider and caplog.records == []
    with early.start_as_current_span("a"), trace.get_tracer("late").start_as_current_span("b"):
        pass
    assert sdk.names() == ["b", "a"]
    assert [span.name for span in otel.spans()] == ["before", "a", "b"]


def test_a_provider_that_is_set_twice_is_warned_of_as_ever(
    sdk: Sdk, otel: Tracing, caplog: pytest.LogCaptureFixture
) -> None:
    """OpenTelemetry's own rule is not ours to change."""
    sdk.set()
    trace.set_tracer_provider(Sdk().provider)
    assert "Overriding of current TracerProvider" in caplog.text
    assert trace.get_tracer_provider() is sdk.provider


def test_uninstrument_puts_everything_back(otel: Tracing) -> None:
    """The runtime of contexts and the empty slot; what is left of our tracers records nothing."""
    tracer = trace.get_tracer("lib")
    ours: Any = context._RUNTIME_CONTEXT
    sb.uninstrument("otel")
    assert context._RUNTIME_CONTEXT is ours.wrapped and trace._TRACER_PROVIDER is None
    with tracer.start_as_current_span("unseen"), sb.span("seen"):
        pass
    assert [span.name for span in otel.spans()] == ["seen"]
    sb.instrument("otel")
    with tracer.start_as_current_span("again"):
        pass
    assert otel.span("again").kind == "span"


def test_instrumenting_twice_changes_nothing(sdk: Sdk, otel: Tracing) -> None:
    """``%load_ext`` twice."""
    sdk.set()
    sb.instrument("otel")
    sb.instrument("otel")
    with trace.get_tracer("lib").start_as_current_span("once"):
        pass
    assert [span.name for span in otel.spans()] == ["once"] and sdk.names() == ["once"]


def test_a_span_that_ends_after_uninstrument_is_whole(otel: Tracing) -> None:
    """Nothing is left open."""
    span = trace.get_tracer("lib").start_span("late")
    sb.uninstrument("otel")
    span.set_attribute("a", 1)
    span.end()
    assert otel.span("late").attributes["a"] == 1


def test_a_provider_that_takes_no_processors_is_named(otel: Tracing) -> None:
    """In one warning, and in the table of integrations."""

    class Foreign(trace.TracerProvider):
        def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
            return trace.NoOpTracer()

    trace.set_tracer_provider(Foreign())
    with pytest.warns(sb.SpanbookWarning, match="Foreign takes no span processors"):
        trace.get_current_span()
    (row,) = [row for row in integrations() if row["name"] == "otel"]
    assert "Foreign" in row["problems"][0]


def test_untested_versions_are_said() -> None:
    """A line, not an error."""
    assert untested("1.31.0") == untested("1.45.2") == ""
    assert "2.0 is untested" in untested("2.0") and "1.30 to 1.45" in untested("1.2.1")


def test_nothing_of_opentelemetry_is_imported_before_the_program_does(tmp_path: Path) -> None:
    """Once it does, its spans are recorded without anything else."""
    done = run(
        """
        import sys, spanbook as sb
        sb.init()
        assert not any(name.startswith("opentelemetry") for name in sys.modules)
        from opentelemetry import trace
        with trace.get_tracer("lib").start_as_current_span("hello"):
            pass
        print(sb.last_trace().name)
        """,
        tmp_path,
    )
    assert (done.stdout, done.stderr) == ("hello\n", "")


def test_it_works_where_there_is_no_opentelemetry(tmp_path: Path) -> None:
    """The integration is missing, and tracing goes on."""
    done = run(
        """
        import sys
        sys.modules["opentelemetry"] = sys.modules["opentelemetry.trace"] = None
        import spanbook as sb
        sb.init()
        with sb.span("hello"):
            pass
        print(sb.last_trace().name)
        """,
        tmp_path,
    )
    assert (done.stdout, done.stderr) == ("hello\n", "")


def test_the_sdk_is_not_needed(tmp_path: Path) -> None:
    """Our provider is made of the API alone."""
    done = run(
        """
        import sys
        sys.modules["opentelemetry.sdk"] = None
        import spanbook as sb
        sb.init()
        from opentelemetry import trace
        with trace.get_tracer("lib").start_as_current_span("hello") as span:
            span.add_event("x")
        print(sb.last_trace().name, *[name for name in sys.modules if name.startswith("opentelemetry.sdk.")])
        """,
        tmp_path,
    )
    assert (done.stdout, done.stderr) == ("hello\n", "")


def test_a_finished_span_survives_a_kill(tmp_path: Path) -> None:
    """It is in the journal, as ours are; one that had not ended is interrupted."""
    run(
        """
        import os, signal, spanbook as sb
        sb.init()
        from opentelemetry import trace
        tracer = trace.get_tracer("lib")
        tracer.start_span("open", attributes={"gen_ai.request.model": "m"})
        with tracer.start_as_current_span("done", attributes={"gen_ai.operation.name": "chat"}):
            pass
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        tmp_path,
    )
    done = run(
        """
        import spanbook as sb
        sb.init()
        sb.flush()
        print(*sorted((trace.name, trace.status, trace.root.kind) for trace in sb.traces()))
        """,
        tmp_path,
    )
    assert done.stdout == "('done', 'ok', 'llm') ('open', 'interrupted', 'span')\n"
