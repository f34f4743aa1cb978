"""One call seen twice counts once, and a stream's end finds its call."""

from __future__ import annotations

from dataclasses import replace

from spanbook.conventions._twins import Call, stream_of, uncounted_twins

S = 10**9


def call(
    span: str, parent: str | None = None, response: str | None = None, start: int = 0, end: int = 9, **more: bool
) -> Call:
    return Call(
        trace_id="t", span_id=span, parent_id=parent, kind="llm", start_ns=start * S, end_ns=end * S,
        response_id=response, model="m", has_usage=more.get("usage", True), has_output=more.get("output", True),
    )  # fmt: skip


def marked(*calls: Call) -> set[str]:
    return {span for _, span in uncounted_twins(calls)}


def test_the_outer_of_two_nested_spans_is_marked() -> None:
    assert marked(call("inner", "outer"), call("outer")) == {"outer"}


def test_the_inner_is_marked_when_only_the_outer_knows_the_usage() -> None:
    assert marked(call("outer"), call("inner", "outer", usage=False)) == {"inner"}


def test_three_nested_spans_count_once() -> None:
    assert marked(call("a"), call("b", "a", usage=False), call("c", "b")) == {"a", "b"}


def test_an_outer_span_that_tried_twice_is_marked_and_both_attempts_count() -> None:
    assert marked(call("outer"), call("first", "outer"), call("second", "outer")) == {"outer"}


def test_siblings_with_one_response_id_count_once() -> None:
    assert marked(call("inside", start=1, end=8, response="r"), call("around", response="r")) == {"around"}


def test_nested_calls_with_different_response_ids_both_count() -> None:
    assert marked(call("a", response="r1"), call("b", "a", response="r2")) == set()


def test_two_real_calls_in_a_row_both_count() -> None:
    assert marked(call("a", "p", "r1", 0, 1), call("b", "p", "r2", 1, 2), call("c", "p", None, 2, 3)) == set()


def test_equal_response_ids_in_other_traces_are_other_calls() -> None:
    assert uncounted_twins([call("a", response="r"), replace(call("b", response="r"), trace_id="u")]) == set()


def test_a_streams_end_finds_the_call_that_ended_when_it_began() -> None:
    near, far = call("near", "p", None, 1, 2, output=False), call("far", "p", None, 4, 5, output=False)
    assert stream_of(call("end", "p", None, 6, 6), 3.9, [far, near]) is near


def test_a_streams_end_leaves_calls_alone_that_have_an_answer_or_another_model() -> None:
    done = call("done", "p", None, 1, 2)
    other = replace(call("other", "p", None, 1, 2, output=False), model="n")
    assert stream_of(call("end", "p", None, 6, 6), 4.0, [done, other]) is None


def test_a_streams_end_that_is_sent_again_finds_the_same_call() -> None:
    joined = call("call", "p", None, 1, 6)
    assert stream_of(call("end", "p", None, 6, 6), 4.0, [joined]) is joined
