"""Spans as users write them: what is kept, what is said, and that nothing ever raises."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

import spanbook as sb
from spanbook.testing import FixedClock, fixed_ids
from spanbook.tracer import SpanbookWarning, _recorder, start_span
from spanbook.tracer._report import errors
from spanbook.tracer._span import FIELDS
from tests.tracing import Tracing


def test_a_block_is_a_span(tracing: Tracing) -> None:
    """Its name, kind, time, input and output, and what was set inside."""
    with FixedClock(), fixed_ids():
        with sb.span("retrieve", kind="retriever", input={"q": "why"}, model="m", tags=["a"]) as span:
            span.set(output=["doc"], metadata={"k": 3})
        found = tracing.span("retrieve")
    assert (found.trace_id, found.span_id, found.parent_id) == (f"{1:032x}", f"{1:016x}", None)
    assert (found.kind, found.status, found.duration_ms) == ("retriever", "ok", 1_000.0)
    assert (found.input, found.output, found.model, found.metadata) == ({"q": "why"}, ["doc"], "m", {"k": 3})
    assert found.tags == ["a"]


def test_blocks_nest(tracing: Tracing) -> None:
    """Siblings share a parent; outside of all, nothing is current."""
    with sb.span("root") as root:
        assert sb.current() is root
        with sb.span("a"), sb.span("a.a"):
            pass
        with sb.span("b"):
            pass
        assert sb.current() is root
    assert tracing.tree() == {"root": None, "a": "root", "a.a": "a", "b": "root"}
    assert len(tracing.store.traces()) == 1


def test_async_blocks_nest(tracing: Tracing) -> None:
    """``async with`` is the same span."""

    async def main() -> None:
        async with sb.span("outer") as outer:
            await asyncio.sleep(0)
            assert sb.current() is outer
            async with sb.span("inner"):
                await asyncio.sleep(0)

    asyncio.run(main())
    assert tracing.tree() == {"outer": None, "inner": "outer"}


def test_the_input_is_kept_as_it_was_at_entry(tracing: Tracing) -> None:
    """An agent that appends to its own messages must not rewrite its past; nor may what comes after the end."""
    messages = [{"role": "user", "content": "hi"}]
    with sb.span("call", input=messages) as span:
        messages.append({"role": "assistant", "content": "ho"})
        span.set(output=messages)
        messages.append({"role": "user", "content": "last"})
    messages.clear()
    found = tracing.span("call")
    assert found.input == [{"role": "user", "content": "hi"}]
    assert [message["content"] for message in found.output] == ["hi", "ho", "last"]


def test_an_exception_is_recorded_and_goes_on_as_it_was(tracing: Tracing) -> None:
    """The same object, its traceback without a frame of ours, its cause kept."""
    error = ValueError("no such thing")
    with pytest.raises(ValueError, match="no such thing") as raised, sb.span("fails"):
        raise error from KeyError("inner")
    assert raised.value is error
    assert isinstance(error.__cause__, KeyError)
    names = [entry.path for entry in raised.traceback]
    assert not [path for path in names if "spanbook/tracer" in str(path)]
    found = tracing.span("fails")
    assert (found.status, found.error_type) == ("error", "ValueError")
    assert found.error is not None
    assert (found.error["type"], found.error["module"], found.error["message"]) == (
        "ValueError", "builtins", "no such thing",
    )  # fmt: skip
    assert "raise error from" in found.error["traceback"]
    assert "KeyError: 'inner'" in found.error["traceback"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_exceptions_that_are_no_errors_are_recorded_too(tracing: Tracing, kind: type[BaseException]) -> None:
    """And come through."""
    with pytest.raises(kind), sb.span("stopped"):
        raise kind
    assert tracing.span("stopped").error_type == kind.__name__


def test_an_error_may_be_set_without_raising(tracing: Tracing) -> None:
    """As an exception or as words."""
    with sb.span("told") as span:
        span.set(error=TimeoutError("slow"))
    with sb.span("said") as span:
        span.set(error="it did not work")
    assert tracing.span("told").error_type == "TimeoutError"
    said = tracing.span("said")
    assert (said.status, said.error and said.error["message"]) == ("error", "it did not work")


def test_what_is_set_later_wins_and_mappings_are_merged(tracing: Tracing) -> None:
    """Metadata, attributes and usage by key; name and kind may change until the end."""
    with sb.span("draft", metadata={"a": 1, "b": 1}, usage={"input_tokens": 1}) as span:
        assert span.set(name="final", kind="llm", metadata={"b": 2}, usage={"output_tokens": 2}) is span
        span.set(attributes={"x": 1})
        span.set(attributes={"y": 2}, output="first")
        span.set(output="second")
    found = tracing.span("final")
    assert (found.kind, found.metadata, found.attributes) == ("llm", {"a": 1, "b": 2}, {"x": 1, "y": 2})
    assert (found.usage, found.output) == ({"input_tokens": 1, "output_tokens": 2}, "second")


def test_fields_given_and_set_do_not_touch_the_users_own_mappings(tracing: Tracing) -> None:
    """They may be shared by many calls."""
    metadata, tags = {"a": 1}, ["t"]
    with sb.context(tags=["c"], metadata={"z": 0}), sb.span("s", metadata=metadata, tags=tags) as span:
        span.set(metadata={"b": 2})
    assert (metadata, tags) == ({"a": 1}, ["t"])
    assert tracing.span("s").metadata == {"a": 1, "b": 2, "z": 0}


def test_one_text_is_one_tag(tracing: Tracing) -> None:
    """Beside those of the context."""
    with sb.context(tags=["c"]), sb.span("s", tags="beta"):
        pass
    with sb.span("set") as span:
        span.set(tags="beta")
    assert (tracing.span("s").tags, tracing.span("set").tags) == (["c", "beta"], ["beta"])


def test_setting_after_the_end_is_said_once(tracing: Tracing) -> None:
    """At the user's own line, and it changes nothing."""
    with sb.span("done") as span:
        span.set(output=1)
    with pytest.warns(SpanbookWarning, match="'done' has ended") as said:
        span.set(output=2)
        span.set(output=3)
    assert len(said) == 1
    assert said[0].filename == __file__
    span.event("late")
    span.end()
    assert tracing.span("done").output == 1
    assert tracing.span("done").events == ()


@pytest.mark.parametrize("how", ["given", "set"])
def test_an_unknown_kind_offers_the_nearest(tracing: Tracing, how: str) -> None:
    """The span is kept as a plain one."""
    with pytest.warns(SpanbookWarning, match="'retreiver' is no span kind; did you mean 'retriever'"):
        if how == "given":
            with sb.span("s", kind="retreiver"):
                pass
        else:
            with sb.span("s") as span:
                span.set(kind="retreiver")
    assert tracing.span("s").kind == "span"


@pytest.mark.parametrize("how", ["given", "set"])
def test_an_unknown_field_offers_the_nearest_and_is_kept(tracing: Tracing, how: str) -> None:
    """Among the attributes, so that nothing is lost."""
    with pytest.warns(SpanbookWarning, match="'metdata' is no span field; did you mean 'metadata'"):
        if how == "given":
            with sb.span("s", metdata={"a": 1}):
                pass
        else:
            with sb.span("s") as span:
                span.set(metdata={"a": 1})
    assert tracing.span("s").attributes == {"metdata": {"a": 1}}


class Hostile:
    """Raises at whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError("str")

    __repr__ = __str__
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __bool__(self) -> bool:
        raise RuntimeError("bool")


ODD: dict[str, Any] = {
    "none": None, "number": 5, "bytes": b"b", "list": [], "dict": {}, "nan": float("nan"), "surrogate": "\ud800",
    "nul": "\0", "hostile": Hostile(), "class": Hostile, "huge": 10**5_000,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::spanbook.tracer._report.SpanbookWarning")
@pytest.mark.parametrize("name", ODD)
def test_no_value_in_any_place_reaches_the_program_or_the_spans_behind_it(tracing: Tracing, name: str) -> None:
    """As name, kind, input or any field, given or set."""
    value = ODD[name]
    with sb.span(value, value, value):
        pass
    for field in sorted(FIELDS - {"name", "kind", "input"}):
        with sb.span(f"given {field}", **{field: value}) as span:
            span.event(value, value)
        with sb.context(tags=["t"], metadata={"k": 1}), sb.span(f"set {field}") as span:
            span.set(**{field: value})
        with sb.span(f"twice {field}", **{field: value}) as span:
            span.set(**{field: value})
    with sb.span("after"):
        pass
    assert len(tracing.spans()) == 2 + 3 * len(FIELDS - {"name", "kind", "input"})
    assert sb.stats()["dropped"] == sb.stats()["unwritable"] == sb.stats()["unreadable"] == 0
    errors.clear()


def test_nothing_of_the_users_is_kept_alive(tracing: Tracing) -> None:
    """Neither input nor output nor errors, however long the span object lives."""

    class Big:
        pass

    value = Big()
    seen = weakref.ref(value)
    with sb.span("s", input=value, metadata={"v": value}) as span:
        span.set(output=value)
    del value
    gc.collect()
    assert seen() is None
    assert span.span_id


def test_a_span_may_start_and_end_by_hand(tracing: Tracing) -> None:
    """It never becomes current by itself; only the first end counts."""
    with sb.span("root"):
        by_hand = start_span("by hand", "tool", input=1)
        with sb.span("beside"):
            pass
        by_hand.end()
        by_hand.end(ValueError("too late"))
    assert tracing.tree() == {"root": None, "by hand": "root", "beside": "root"}
    assert tracing.span("by hand").status == "ok"


def test_events_and_the_first_token_carry_their_moment(tracing: Tracing) -> None:
    """Only the first token counts."""
    with FixedClock(), sb.span("stream") as span:
        span.event("connected", {"try": 1})
        span.first_token()
        span.first_token()
        span.event("done")
    found = tracing.span("stream")
    assert [(event.name, event.data) for event in found.events] == [("connected", {"try": 1}), ("done", None)]
    assert [event.time_ns - found.start_ns for event in found.events] == [10**9, 3 * 10**9]
    assert found.time_to_first_token_ms == 2_000.0


def test_a_partial_output_is_for_live_views_and_never_stored(tracing: Tracing) -> None:
    """It is forgotten when the span has ended."""
    with sb.span("stream") as span:
        span.partial("so f")
        assert _recorder.partials == {(span.trace_id, span.span_int): "so f"}
        assert tracing.span("stream").output is None
    tracing.spans()
    assert _recorder.partials == {}


def test_switched_off_nothing_is_recorded_and_all_works(tracing: Tracing) -> None:
    """Spans, fields, events and scores are no-ops; children of such a span too."""
    _recorder.enabled = False
    with sb.span("off", input=1) as span, sb.span("child"):
        span.set(output=2)
        span.event("e")
        sb.score("correct", True)
        assert not span.is_recording
        assert span.span_id == "0" * 16
        _recorder.enabled = True
        with sb.span("child of an unrecorded one"):
            pass
    assert tracing.spans() == []
    with sb.span("on"):
        pass
    assert [span.name for span in tracing.spans()] == ["on"]


def test_a_share_of_traces_is_kept_whole(tracing: Tracing) -> None:
    """Evenly: of every four, one, with its children."""
    sb.init(store=tracing.path, sample=0.25, instrument=False)
    for _ in range(20):
        with sb.span("root"), sb.span("child"):
            sb.score("s", 1)
    spans = tracing.spans()
    assert [span.name for span in spans] == ["root", "child"] * 5


def test_repr_says_what_and_where(tracing: Tracing) -> None:
    """For debugging."""
    span = sb.span("s", kind="tool")
    assert repr(span) == "<Span 's' tool 0000000000000000 new>"
    with span:
        assert repr(span) == f"<Span 's' tool {span.span_id} open>"
    assert repr(span).endswith("ended>")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        span.nothing  # type: ignore[attr-defined]  # noqa: B018 (an attribute that is not there)


def test_a_span_that_is_entered_twice_is_one_span(tracing: Tracing) -> None:
    """Nested or again: a mistake, but none that may break anything or leave it current."""
    span = sb.span("s")
    with sb.span("outer") as outer:
        with span, span:
            pass
        assert sb.current() is outer
        with span:
            pass
        assert sb.current() is outer
    assert tracing.tree() == {"outer": None, "s": "outer"}
