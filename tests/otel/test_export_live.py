"""``sb.export_live``: spans leave as they end, and nobody waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import spanbook as sb
from spanbook.api import _otlp_live
from tests.otel.collector import Collector, collector
from tests.tracing import Tracing, run

__all__ = ["collector"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_otlp_live, "_GATHER_S", 0.02)
    monkeypatch.setattr(_otlp_live, "_MAX_PAUSE_S", 0.05)


def until(holds: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait for something that a thread does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def test_spans_are_sent_as_they_end(tracing: Tracing, collector: Collector) -> None:
    """Those of before and those that are open are not; each once."""
    with sb.span("before"):
        pass
    assert sb.flush()
    live = sb.export_live(collector.url, {"x-key": "1"})
    with sb.span("root"):
        with sb.span("inner"):
            pass
        until(lambda: collector.names() == ["inner"])
    until(lambda: collector.names() == ["inner", "root"])
    assert live.stop() and live.stats["sent"] == 2 and not live.stats["is_running"]
    with sb.span("after"):
        pass
    assert sb.flush() and collector.names() == ["inner", "root"]
    assert collector.requests[0][1]["x-key"] == "1"


def test_stop_sends_what_has_ended(tracing: Tracing, collector: Collector) -> None:
    """Also what was not folded yet."""
    live = sb.export_live(collector.url)
    for _ in range(30):
        with sb.span("a"):
            pass
    assert live.stop()
    assert len(collector.spans) == 30 and live.stats["queued"] == 0


def test_a_receiver_that_comes_back_gets_what_it_missed(tracing: Tracing, collector: Collector) -> None:
    """Whatever it answered meanwhile; said once."""
    collector.replies += [(503, {"retry-after": "0"}, b""), (401, {}, b"no"), (500, {}, b"")]
    live = sb.export_live(collector.url)
    with pytest.warns(sb.SpanbookWarning, match="live export: .* status 503"):
        with sb.span("a"):
            pass
        until(lambda: collector.names() == ["a"])
    live.stop()
    assert (live.stats["sent"], live.stats["problem"], live.stats["requests"]) == (1, None, 4)


def test_spans_that_are_refused_do_not_hold_up_the_others(tracing: Tracing, collector: Collector) -> None:
    """Status 400 is about them, not about the receiver."""
    collector.replies.append((400, {}, b"bad"))
    live = sb.export_live(collector.url)
    with pytest.warns(sb.SpanbookWarning, match="status 400"):
        with sb.span("bad"):
            pass
        until(lambda: live.stats["rejected"] == 1)
    with sb.span("good"):
        pass
    assert live.stop() and collector.names() == ["good"]
    assert "status 400 (bad)" in live.stats["reasons"][0]


def test_the_queue_is_bounded(tracing: Tracing, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are left to ``sb.export_otlp``, counted and said once."""
    monkeypatch.setattr(_otlp_live, "_MAX_QUEUE", 3)
    collector.replies += [(503, {}, b"")] * 1000
    live = sb.export_live(collector.url)
    with pytest.warns(sb.SpanbookWarning):
        for _ in range(10):
            with sb.span("a"):
                pass
        assert sb.flush()
        until(lambda: live.stats["dropped"] == 7)
    assert live.stats["queued"] == 3 and not live.stop(0.2)


def test_the_program_does_not_wait_for_a_receiver_that_hangs(tracing: Tracing, collector: Collector) -> None:
    """Nor does a flush."""
    held = collector.take

    def slow(*given: Any) -> Any:
        time.sleep(1.0)
        return held(*given)

    collector.take = slow  # type: ignore[method-assign, assignment]
    live = sb.export_live(collector.url)
    started = time.monotonic()
    for _ in range(100):
        with sb.span("a"):
            pass
    assert sb.flush() and time.monotonic() - started < 0.9
    assert live.stop(10.0)


def test_a_program_that_ends_sends_the_rest(tracing: Tracing, collector: Collector, tmp_path: Any) -> None:
    """Without ``stop()``."""
    done = run(
        """
        import sys, spanbook as sb
        sb.init()
        sb.export_live(sys.argv[1])
        with sb.span("last"):
            pass
        """,
        tmp_path,
        collector.url,
    )
    assert (done.returncode, done.stderr, collector.names()) == (0, "", ["last"])


def test_nothing_is_sent_unless_it_is_asked_for(tracing: Tracing, collector: Collector, tmp_path: Any) -> None:
    """Not even where OpenTelemetry's own variables name a receiver."""
    run(
        """
        import spanbook as sb
        sb.init()
        from opentelemetry import trace
        with sb.span("a"), trace.get_tracer("lib").start_as_current_span("b"):
            pass
        """,
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
    )
    assert collector.requests == []
