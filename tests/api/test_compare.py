"""``sb.compare_traces``: what changed from one trace to another, in Python, as pandas and as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import spanbook as sb
from spanbook.frames import COMPARISON_FRAME_COLUMNS
from tests.compare.sample import run_version
from tests.tracing import Tracing


@pytest.fixture
def pair(tracing: Tracing) -> sb.TraceComparison:
    return sb.compare_traces(run_version(1), run_version(2, step_s=0.2))


def changes(comparison: sb.TraceComparison) -> list[tuple[str, str, tuple[str, ...]]]:
    frame = comparison.to_frame()
    return [
        (path, change, tuple(fields))
        for path, change, fields in zip(frame.path, frame.change, frame.changed, strict=True)
    ]


def test_steps_are_aligned_and_what_changed_is_named(pair: sb.TraceComparison) -> None:
    """Ids of tool calls differ in every run, and are no change."""
    assert changes(pair) == [
        ("assistant", "changed", ("output",)),
        ("assistant/search", "same", ()),
        ("assistant/rerank", "added", ()),
        ("assistant/plan", "changed", ("model", "model_parameters", "input")),
        ("assistant/price", "removed", ()),
        ("assistant/price[2]", "same", ()),
        ("assistant/answer", "changed", ("model", "model_parameters", "input", "output")),
    ]


def test_the_frame_has_both_values_and_their_difference(pair: sb.TraceComparison) -> None:
    frame = pair.to_frame().set_index("path")
    answer, added, removed = (frame.loc[f"assistant/{name}"] for name in ("answer", "rerank", "price"))
    assert (answer.cost_usd_a, answer.cost_usd_b, answer.cost_usd_delta) == (0.5, 1.5, 1.0)
    assert (answer.output_tokens_a, answer.output_tokens_b, answer.output_tokens_delta) == (25, 48, 23)
    assert answer.duration_ms_delta == pytest.approx(100)
    assert (answer.model_a, answer.model_b, answer.kind) == ("gpt-4o-mini", "gpt-4o", "llm")
    assert (answer.input_changed, answer.output_changed) == (True, True)
    assert added[["span_id_a", "duration_ms_a", "duration_ms_delta", "input_changed"]].isna().all()
    assert added.span_id_b == pair.b.spans[2].span_id
    assert removed[["span_id_b", "output_changed"]].isna().all()
    assert removed.span_id_a == pair.a.spans[3].span_id


def test_every_span_of_both_is_in_the_frame_once(pair: sb.TraceComparison) -> None:
    frame = pair.to_frame()
    for side, trace in (("a", pair.a), ("b", pair.b)):
        assert sorted(frame[f"span_id_{side}"].dropna()) == sorted(span.span_id for span in trace.spans)


def test_dtypes_are_as_documented_also_for_no_rows(pair: sb.TraceComparison) -> None:
    from dataclasses import replace

    from spanbook.frames import comparison_frame

    frame, empty = pair.to_frame(), comparison_frame(replace(pair._found, rows=[]))
    assert tuple(frame.columns) == tuple(empty.columns) == COMPARISON_FRAME_COLUMNS
    assert len(empty) == 0
    assert dict(frame.dtypes.astype(str)) == dict(empty.dtypes.astype(str))
    kinds = {str(dtype) for dtype in frame.dtypes}
    assert kinds == {"string", "object", "float64", "Int64", "boolean"}
    assert "input_tokens_a, …_b, …_delta" in (sb.TraceComparison.to_frame.__doc__ or "")


def test_the_summary_has_totals_and_differences(pair: sb.TraceComparison) -> None:
    found = pair.summary
    assert {name: found[name] for name in ("same", "changed", "added", "removed")} == {
        "same": 2, "changed": 3, "added": 1, "removed": 1,
    }  # fmt: skip
    assert found["a"]["trace_id"] == pair.a.trace_id
    assert (found["a"]["cost_usd"], found["b"]["cost_usd"], found["delta"]["cost_usd"]) == (1.0, 3.0, 2.0)
    assert found["delta"] | {"duration_ms": 0} == {
        "duration_ms": 0, "cost_usd": 2.0, "input_tokens": 0, "output_tokens": 23, "n_spans": 0, "n_llm": 0,
        "n_errors": -1,
    }  # fmt: skip
    assert found["delta"]["duration_ms"] == pytest.approx(found["b"]["duration_ms"] - found["a"]["duration_ms"])


def test_it_is_readable_as_text(pair: sb.TraceComparison) -> None:
    lines = str(pair).splitlines()
    assert str(pair) == pair.to_text()
    assert [line[:20].rstrip() for line in lines[4:]] == [
        "~ assistant  agent",
        "  ├─ search  retriev",
        "+ ├─ rerank  reranke",
        "~ ├─ plan  llm  mode",
        "- ├─ price  tool  re",
        "  ├─ price  tool  +0",
        "~ └─ answer  model g",
    ]
    assert lines[2].split() == ["b", "-", "a:", "+1.10", "s", "+23", "tok", "+$2.00"]
    assert lines[3].strip() == "3 changed, 1 added, 1 removed, 2 same"
    assert "model gpt-4o-mini → gpt-4o" in str(pair)
    assert all(len(line) <= 40 for line in pair.to_text(width=40).splitlines())
    assert repr(pair).endswith("'assistant': 2 same, 3 changed, 1 added, 1 removed>")


def test_only_changes_leave_the_rest_out(pair: sb.TraceComparison) -> None:
    text = pair.to_text(only_changes=True)
    assert "search" not in text
    assert "rerank" in text
    assert text.splitlines()[-1] == "  … 2 steps the same"


def test_turned_round_added_is_removed(pair: sb.TraceComparison) -> None:
    turned = {"added": "removed", "removed": "added"}
    there, back = pair.to_frame(), sb.compare_traces(pair.b, pair.a).to_frame()
    assert sorted(zip(there.path, (turned.get(each, each) for each in there.change), strict=True)) == sorted(
        zip(back.path, back.change, strict=True)
    )


def test_a_trace_is_the_same_as_itself(tracing: Tracing) -> None:
    """By object or by the beginning of its id; and it is said that both are one."""
    trace = run_version(1)
    found = sb.compare_traces(trace, trace.trace_id[:14])
    assert set(found.to_frame().change) == {"same"}
    assert "both are the same trace" in str(found)
    assert "no difference in time, tokens or cost" in str(found)
    assert found.to_text(only_changes=True).splitlines()[-1] == "  … 6 steps the same"


def test_traces_of_two_stores_are_compared(tracing: Tracing, tmp_path: Path) -> None:
    """Payloads are compared by what they say, not by where they are stored."""
    old = run_version(1)
    sb.flush()
    other = sb.init(tmp_path / "other.db", instrument=False)
    with sb.span("other", input=[{"n": place} for place in range(90)]):  # so that numbers of payloads differ
        pass
    new = run_version(1)
    assert set(sb.compare_traces(old, new).to_frame().change) == {"same"}
    assert set(sb.compare_traces(old, run_version(2)).to_frame().change) == {"same", "changed", "added", "removed"}
    assert other.compare_traces(new, new.trace_id).summary["same"] == 6


def test_a_long_history_that_is_sent_again_is_compared_by_its_messages(tracing: Tracing) -> None:
    def run(tag: str) -> sb.Trace:
        history: list[Any] = []
        with sb.span("agent", kind="agent"):
            for turn in range(6):
                history.append({"role": "user", "parts": [{"type": "text", "content": f"turn {turn} {'word ' * 60}"}]})
                if turn == 4:
                    history[-1]["parts"][0]["content"] += tag
                with sb.span("call", kind="llm", input=list(history)):
                    pass
        return sb.last_trace()

    found = changes(sb.compare_traces(run("one"), run("two")))
    assert [change for _, change, _ in found] == ["same", *["same"] * 4, "changed", "changed"]
    assert found[-1] == ("agent/call[6]", "changed", ("input",))


def test_a_trace_that_runs_is_compared_as_it_is(tracing: Tracing) -> None:
    before = run_version(1)
    with sb.span("assistant", kind="agent", input={"question": "?"}) as running:
        sb.flush()
        found = sb.compare_traces(before, running.trace_id)
    assert found.summary["b"]["status"] == "open"
    assert found.summary["delta"]["duration_ms"] is None
    assert "running" in str(found)
    assert changes(found)[0][2] == ("status", "input", "output")


@pytest.mark.parametrize("wrong", [5, None, ["id"], 3.5])
def test_what_is_no_trace_is_refused(tracing: Tracing, wrong: Any) -> None:
    trace = run_version(1)
    with pytest.raises(sb.UsageError, match=r"^b=.* is a \w+; give a Trace, such as sb.last_trace\(\), or the id"):
        sb.compare_traces(trace, wrong)
    with pytest.raises(sb.UsageError, match="^a="):
        sb.compare_traces(wrong, trace)


def test_an_unknown_trace_is_refused(tracing: Tracing) -> None:
    trace = run_version(1)
    with pytest.raises(sb.TraceNotFoundError, match=f"no trace '{'f' * 32}' in this store"):
        sb.compare_traces(trace, "f" * 32)
    with pytest.raises(sb.UsageError, match="is no trace id"):
        sb.compare_traces(trace, "  ")
