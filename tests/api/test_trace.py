"""``Trace`` and ``Traces``: what reading gives back."""

from __future__ import annotations

import re

import pytest

import spanbook as sb
from spanbook.store._write import Batch, SpanRecord
from spanbook.testing import FixedClock, fixed_ids
from tests.tracing import Tracing


def agent() -> sb.Trace:
    """A trace of three spans: an agent, a call that costs, and a tool that fails."""
    with FixedClock(), fixed_ids(), sb.span("agent", "agent", input="ask") as root:
        with sb.span("call", "llm", usage={"input_tokens": 10}, cost_usd=0.25):
            pass
        with pytest.raises(LookupError), sb.span("tool", "tool"):
            raise LookupError
        root.set(output="answer")
    return sb.last_trace()


def test_a_trace_knows_its_spans_and_totals(tracing: Tracing) -> None:
    """From the summary row where it can."""
    found = agent()
    assert (found.trace_id, found.name, found.status, found.duration_ms) == (f"{1:032x}", "agent", "ok", 5_000.0)
    totals = found.summary
    assert (found.cost_usd, totals.n_spans, totals.n_errors, totals.input_tokens) == (0.25, 3, 1, 10)
    assert (found.input, found.output, found.root.span_id) == ("ask", "answer", f"{1:016x}")
    assert [span.name for span in found.spans] == ["agent", "call", "tool"]
    assert [span.name for span in found.children(found.root.span_id)] == ["call", "tool"]
    assert [span.name for span in found.children(None)] == ["agent"]
    assert re.fullmatch(r"<Trace 0{31}1 'agent' 3 spans · ok · 5\.\d+ s · \$0\.25\d*>", repr(found))


def test_a_trace_that_is_read_twice_is_the_same(tracing: Tracing) -> None:
    """So ``in`` and ``index`` work on what ``sb.traces`` returns."""
    found = agent()
    with sb.span("other"):
        pass
    assert found == sb.get_trace(found.trace_id)
    assert found != sb.last_trace()
    assert (found in sb.traces(), sb.traces().index(found)) == (True, 1)
    assert len({found, sb.get_trace(found.trace_id)}) == 1


def test_the_tree_is_readable_as_text(tracing: Tracing) -> None:
    """``print(trace)`` and ``to_text`` are the same."""
    found = agent()
    assert str(found) == found.to_text()
    assert [line.split("  ")[0] for line in str(found).splitlines() if line[0] in "✓├└"] == [
        "✓ agent", "├─ ✓ call", "└─ ✗ tool",
    ]  # fmt: skip


def test_orphans_are_roots_until_their_parent_comes(tracing: Tracing) -> None:
    """Late parents re-attach."""

    def record(number: int, parent: int | None) -> SpanRecord:
        return SpanRecord({
            "trace_id": "a" * 32, "span_id": f"{number:016x}", "parent_id": parent and f"{parent:016x}",
            "name": f"s{number}", "kind": "span", "status": "ok", "start_ns": number, "end_ns": number + 1,
        })  # fmt: skip

    writer = tracing.runtime.fold.writer
    with tracing.runtime.fold.lock:
        writer.write(Batch(spans=[record(3, 2), record(4, 9)]))
    early = sb.get_trace("a" * 32)
    assert [span.name for span in early.children(None)] == ["s3", "s4"]
    assert early.root.name == "s3"
    with tracing.runtime.fold.lock:
        writer.write(Batch(spans=[record(1, None), record(2, 1)]))
    late = sb.get_trace("a" * 32)
    assert [span.name for span in late.children(None)] == ["s1", "s4"]
    assert [span.name for span in late.children(f"{2:016x}")] == ["s3"]
    assert (late.root.name, late.name) == ("s1", "s1")


def test_a_running_trace_is_read_as_it_is(tracing: Tracing) -> None:
    """Once; reading it again gives the rest."""
    with sb.span("root", input="in") as root:
        with sb.span("child"):
            pass
        running = sb.get_trace(root.trace_id)
        assert (running.status, running.duration_ms, running.root.output) == ("open", None, None)
        assert [(span.name, span.status) for span in running.spans] == [("root", "open"), ("child", "ok")]
        root.set(output="out")
    assert running.root.output is None
    assert sb.get_trace(root.trace_id).root.output == "out"


def test_traces_are_a_sequence(tracing: Tracing) -> None:
    """Newest first, with slices."""
    for number in range(5):
        with sb.span(f"s{number}"):
            pass
    found = sb.traces(limit=4)
    assert len(found) == 4
    assert [trace.name for trace in found] == ["s4", "s3", "s2", "s1"]
    assert (found[0].name, found[-1].name, [t.name for t in found[1:3]]) == ("s4", "s1", ["s3", "s2"])
    with pytest.raises(IndexError):
        found[4]
    assert "s4" in repr(found)


def test_no_traces_say_so(tracing: Tracing) -> None:
    """In words, not with an empty line."""
    assert len(sb.traces()) == 0
    assert list(sb.traces()) == []
    assert repr(sb.traces())


def test_scores_of_spans_and_of_the_trace_are_apart(tracing: Tracing) -> None:
    """The trace's own are about the whole of it."""
    with sb.span("s") as span:
        sb.score("of the span", 1)
    sb.score("of the trace", 2, trace_id=span.trace_id)
    found = sb.get_trace(span.trace_id)
    assert [score.name for score in found.scores] == ["of the trace"]
    assert [score.name for score in found.root.scores] == ["of the span"]
