"""``@trace`` on whatever can be called: one span a call, the right parent, and the consumer's own span left alone."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

import spanbook as sb
from spanbook.tracer import _recorder
from tests.tracing import Tracing

# -- functions


def test_a_call_is_a_span(tracing: Tracing) -> None:
    """Named after the function; its arguments by name, its result as output."""

    @sb.trace
    def add(a: int, b: int = 2, *rest: int, scale: int = 1) -> int:
        """Add."""
        return (a + b + sum(rest)) * scale

    assert add(1, 2, 3, scale=10) == 60
    assert (getattr(add, "__name__", ""), add.__doc__, str(inspect.signature(add))) == (
        "add", "Add.", "(a: 'int', b: 'int' = 2, *rest: 'int', scale: 'int' = 1) -> 'int'",
    )  # fmt: skip
    found = tracing.span("add")
    assert (found.input, found.output) == ({"a": 1, "b": 2, "rest": [3], "scale": 10}, 60)


def test_name_kind_fields_and_what_is_kept_can_be_chosen(tracing: Tracing) -> None:
    """And are the same for each call."""

    @sb.trace(name="search", kind="retriever", capture_input=False, capture_output=False, tags=["x"])
    def find(secret: str) -> str:
        return secret

    find("one")
    find("two")
    first, second = tracing.spans()
    for span in (first, second):
        assert (span.name, span.kind, span.tags, span.input, span.output) == ("search", "retriever", ["x"], None, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "agnet"}, r"kind='agnet' is no span kind.*Did you mean 'agent'\?"),
        ({"metdata": {}}, r"'metdata' is no span field.*Did you mean 'metadata'\?"),
    ],
)
def test_wrong_arguments_are_refused_at_decoration(arguments: dict[str, Any], message: str) -> None:
    """Before anything runs: at definition one can still be strict."""
    with pytest.raises(sb.UsageError, match=message):
        sb.trace(**arguments)(print)


@pytest.mark.parametrize("thing", [5, "text", dict])
def test_only_functions_and_methods_can_be_traced(thing: Any) -> None:
    """A class is not: its methods are."""
    with pytest.raises(sb.UsageError, match="wraps functions and methods"):
        sb.trace(thing)


class Agent:
    """Methods of every kind."""

    @sb.trace
    def method(self, q: str) -> str:
        return q

    @staticmethod
    @sb.trace
    def inner_static(q: str) -> str:
        return q

    @classmethod
    @sb.trace
    def inner_class(cls, q: str) -> str:
        return cls.__name__ + q

    @sb.trace
    @staticmethod
    def outer_static(q: str) -> str:
        return q

    @sb.trace
    @classmethod
    def outer_class(cls, q: str) -> str:
        return cls.__name__ + q

    @property
    @sb.trace
    def prop(self) -> str:
        return "p"

    @sb.trace
    async def asynchronous(self, q: str) -> str:
        return q

    @sb.trace
    def __call__(self, q: str) -> str:
        return q


def test_methods_of_every_kind(tracing: Tracing) -> None:
    """Without ``self`` and ``cls``, named with their class, from the instance and from the class."""
    agent: Any = Agent()
    kind: Any = Agent
    assert agent.method("a") == "a"
    assert kind.inner_static("b") == agent.inner_static("b") == "b"
    assert kind.inner_class("c") == agent.inner_class("c") == "Agentc"
    assert kind.outer_static("d") == agent.outer_static("d") == "d"
    assert kind.outer_class("e") == agent.outer_class("e") == "Agente"
    assert agent.prop == "p"
    assert asyncio.run(agent.asynchronous("f")) == "f"
    assert agent("g") == "g"
    spans = tracing.spans()
    assert [span.name for span in spans] == [
        "Agent.method", *["Agent.inner_static"] * 2, *["Agent.inner_class"] * 2, *["Agent.outer_static"] * 2,
        *["Agent.outer_class"] * 2, "Agent.prop", "Agent.asynchronous", "Agent.__call__",
    ]  # fmt: skip
    assert [span.input for span in spans] == [{"q": q} for q in "abbccddee"] + [{}, {"q": "f"}, {"q": "g"}]


class Callee:
    """An object that is called."""

    def __call__(self, q: str) -> str:
        return q


class AsyncCallee:
    """One that is awaited."""

    async def __call__(self, q: str) -> str:
        return q


def with_two(a: int, b: int) -> tuple[int, int]:
    """A function for partial application."""
    return a, b


@pytest.mark.parametrize(
    ("fn", "call", "name", "given"),
    [
        (Callee(), lambda f: f("x"), "Callee", {"q": "x"}),
        (AsyncCallee(), lambda f: asyncio.run(f("x")), "AsyncCallee", {"q": "x"}),
        (functools.partial(with_two, 1), lambda f: f(2), "with_two", {"b": 2}),
        (functools.partial(with_two, b=1), lambda f: f(2), "with_two", {"a": 2}),
        (functools.lru_cache(with_two), lambda f: f(1, 2), "with_two", {"a": 1, "b": 2}),
        (len, lambda f: f("abc"), "len", {"args": ["abc"]}),
        ("a b".split, lambda f: f(), "str.split", {}),
        (lambda x: x, lambda f: f(1), "<lambda>", {"x": 1}),
    ],
)
def test_callables_that_are_no_functions(
    tracing: Tracing, fn: Any, call: Callable[[Any], Any], name: str, given: Any
) -> None:
    """Objects, partial applications, built-ins."""
    assert call(sb.trace(fn)) == call(fn)
    assert (tracing.span(name).input, tracing.span(name).status) == (given, "ok")


def test_a_call_that_the_function_refuses_is_refused_as_before(tracing: Tracing) -> None:
    """The same error, recorded."""

    @sb.trace
    def one(a: int) -> int:
        return a

    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        one(1, 2)  # type: ignore[call-arg]
    found = tracing.span("one")
    assert (found.error_type, found.input) == ("TypeError", {"a": 1, "args": [2]})


def test_an_exception_is_recorded_and_goes_on_as_it_was(tracing: Tracing) -> None:
    """Its recorded traceback begins in the user's code."""

    @sb.trace
    def fails() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        fails()
    error = tracing.span("fails").error
    assert error is not None
    assert "in wrapper" not in error["traceback"]
    assert 'raise LookupError("gone")' in error["traceback"]


def test_recursion_nests(tracing: Tracing) -> None:
    """Each call below the one that made it."""

    @sb.trace
    def down(n: int) -> int:
        return n if n == 0 else down(n - 1)

    down(3)
    spans = tracing.spans()
    assert [span.parent_id for span in spans] == [None, *(span.span_id for span in spans[:-1])]


# -- coroutines


async def test_tasks_nest_where_they_were_made(tracing: Tracing) -> None:
    """Gathered at once, each below its parent and none below another."""

    @sb.trace
    async def leaf(n: int) -> int:
        await asyncio.sleep(0.001 * (3 - n))
        with sb.span(f"in {n}"):
            await asyncio.sleep(0)
        return n

    @sb.trace
    async def main() -> list[int]:
        return list(await asyncio.gather(*(leaf(n) for n in range(3))))

    assert await main() == [0, 1, 2]
    spans = tracing.spans()
    names = {span.span_id: span for span in spans}
    root = spans[0]
    assert root.name.endswith("main")
    for span in spans[1:]:
        parent = names[span.parent_id or ""]
        if span.name.startswith("in "):
            assert parent.input == {"n": int(span.name[3:])}
        else:
            assert parent is root


async def test_a_cancelled_task_is_recorded(tracing: Tracing) -> None:
    """And stays cancelled."""

    @sb.trace
    async def waits() -> None:
        await asyncio.sleep(60)

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    (found,) = tracing.spans()
    assert found.error_type == "CancelledError"


def test_kinds_of_functions_stay_what_they_are() -> None:
    """Frameworks ask ``inspect``."""

    async def coroutine() -> None: ...
    def generator() -> Iterator[int]:
        yield 1

    async def async_generator() -> AsyncIterator[int]:
        yield 1

    assert inspect.iscoroutinefunction(sb.trace(coroutine))
    assert inspect.isgeneratorfunction(sb.trace(generator))
    assert inspect.isasyncgenfunction(sb.trace(async_generator))


def test_a_coroutine_function_below_another_decorator_is_traced_to_its_end(tracing: Tracing) -> None:
    """A plain wrapper hides that a call only makes a coroutine."""

    def retried(fn: Callable[[int], Awaitable[int]]) -> Callable[[int], Awaitable[int]]:
        return lambda number: fn(number)

    @sb.trace(name="answer")
    @retried
    async def answer(number: int) -> int:
        with sb.span("inside"):
            await asyncio.sleep(0)
        return number + 1

    async def main() -> int:
        waiting = answer(1)
        assert sb.current() is None
        return await waiting

    assert asyncio.run(main()) == 2
    assert tracing.tree() == {"answer": None, "inside": "answer"}
    assert tracing.span("answer").output == 2


@pytest.mark.parametrize("field", ["input", "output"])
def test_what_each_call_gives_cannot_be_given_to_the_decorator(field: str) -> None:
    with pytest.raises(sb.UsageError, match=f"takes the {field} from each call"):
        sb.trace(**{field: 1})  # type: ignore[call-overload]


# -- generators


@sb.trace(name="numbers")
def numbers(count: int) -> Iterator[int]:
    """Each step makes a span; so does the end."""
    for number in range(count):
        with sb.span(f"step {number}"):
            pass
        yield number


def test_a_generator_runs_under_its_span_and_its_consumer_does_not(tracing: Tracing) -> None:
    """What it yielded is its output; the time to the first item is kept."""
    with sb.span("consumer") as consumer:
        for number in numbers(3):
            assert sb.current() is consumer
            with sb.span(f"use {number}"):
                pass
    tree = tracing.tree()
    assert {name: parent for name, parent in tree.items() if name.startswith("step")} == {
        f"step {n}": "numbers" for n in range(3)
    }
    assert {name: parent for name, parent in tree.items() if name.startswith("use")} == {
        f"use {n}": "consumer" for n in range(3)
    }
    found = tracing.span("numbers")
    assert (found.output, found.status) == ([0, 1, 2], "ok")
    assert found.time_to_first_token_ms is not None


def test_a_generator_shares_context_variables_with_its_consumer(tracing: Tracing) -> None:
    """As it does undecorated: a context manager made of one works."""
    variable: ContextVar[int] = ContextVar("variable", default=0)

    @contextlib.contextmanager
    @sb.trace
    def using(value: int) -> Iterator[None]:
        token = variable.set(value)
        yield
        variable.reset(token)

    @sb.trace
    def seen() -> Iterator[int]:
        while True:
            yield variable.get()

    with using(5):
        assert variable.get() == 5
    values = seen()
    variable.set(1)
    first = next(values)
    variable.set(2)
    assert [first, next(values)] == [1, 2]
    values.close()  # type: ignore[attr-defined]
    assert tracing.tree() == {"using": None, "seen": None}


def test_texts_that_are_yielded_are_one_text(tracing: Tracing) -> None:
    """As a stream of tokens is."""

    @sb.trace(name="tokens")
    def tokens() -> Iterator[str]:
        yield from ("Hel", "lo")

    assert list(tokens()) == ["Hel", "lo"]
    assert tracing.span("tokens").output == "Hello"


def test_a_generator_that_was_not_begun_is_no_span(tracing: Tracing) -> None:
    """Nothing ran."""
    numbers(3)
    gc.collect()
    assert tracing.spans() == []


def test_interleaved_generators_keep_their_own_spans(tracing: Tracing) -> None:
    """Held open side by side, ended in any order."""

    @sb.trace
    def walk(name: str) -> Iterator[str]:
        for step in range(2):
            with sb.span(f"{name}{step}"):
                yield name
            with sb.span(f"{name}{step}'"):
                pass

    with sb.span("consumer") as consumer:
        a, b = walk("a"), walk("b")
        for generator in (a, b, b, a, a, b):
            next(generator, None)
            assert sb.current() is consumer
    spans = {span.span_id: span for span in tracing.spans()}
    for span in spans.values():
        if span.name[0] in "ab":
            parent = spans[span.parent_id or ""]
            assert parent.input == {"name": span.name[0]}, span.name
            assert spans[parent.parent_id or ""].name == "consumer"


@pytest.mark.parametrize("how", ["break", "close", "collected", "other thread"])
def test_a_generator_that_is_left_ends_its_span(tracing: Tracing, how: str) -> None:
    """As abandoned, with what it had yielded; nobody's current span changes and nothing is raised."""
    with sb.span("consumer") as consumer:
        generator = numbers(5)
        assert [next(generator), next(generator)] == [0, 1]
        if how == "close":
            generator.close()  # type: ignore[attr-defined]
        elif how == "other thread":
            thread = threading.Thread(target=generator.close)  # type: ignore[attr-defined]
            thread.start()
            thread.join()
        elif how == "break":
            for _ in generator:
                break
        del generator
        gc.collect()
        assert sb.current() is consumer
    found = tracing.span("numbers")
    assert (found.status, found.level, found.parent_id) == ("ok", "warning", consumer.span_id)
    assert found.attributes["generator"] == "abandoned"
    assert found.output == ([0, 1, 2] if how == "break" else [0, 1])


def test_a_generator_is_driven_as_it_was(tracing: Tracing) -> None:
    """``send``, ``throw``, its return value, and clean-up when it is closed."""
    events: list[Any] = []

    @sb.trace
    def echo() -> Any:
        try:
            while True:
                try:
                    events.append((yield len(events)))
                except KeyError as error:
                    events.append(error.args[0])
                if len(events) == 3:
                    return "done"
        finally:
            events.append("cleaned")

    generator: Any = echo()
    assert [next(generator), generator.send("a"), generator.throw(KeyError("b"))] == [0, 1, 2]
    with pytest.raises(StopIteration) as stop:
        generator.send("c")
    assert stop.value.value == "done"
    assert events == ["a", "b", "c", "cleaned"]
    other: Any = echo()
    next(other)
    with pytest.raises(ZeroDivisionError):
        other.throw(ZeroDivisionError)
    first, second = tracing.spans()
    assert (first.status, first.output) == ("ok", [0, 1, 2])
    assert (second.status, second.error_type) == ("error", "ZeroDivisionError")


def test_a_generator_without_items_has_its_return_value_as_output(tracing: Tracing) -> None:
    """And one that delegates hands everything through."""

    @sb.trace
    def empty() -> Any:
        return "nothing"
        yield

    @sb.trace
    def outer() -> Any:
        found = yield from empty()
        yield found

    assert list(outer()) == ["nothing"]
    assert [span.output for span in tracing.spans()] == ["nothing", "nothing"]


def test_a_users_own_block_around_a_yield_never_raises(tracing: Tracing) -> None:
    """Without the decorator nobody can keep the span to the body (PEP 567)."""

    def plain() -> Iterator[int]:
        with sb.span("around"):
            yield 1
            yield 2

    a, b = plain(), plain()
    next(a)
    next(b)
    a.close()  # type: ignore[attr-defined]
    list(b)
    held = plain()
    next(held)
    thread = threading.Thread(target=held.close)  # type: ignore[attr-defined]
    thread.start()
    thread.join()
    assert [span.status for span in tracing.spans()] == ["error", "ok", "error"]
    from spanbook.tracer._span import _set

    _set(None)  # "around" was left current here: that is what cannot be mended


# -- async generators


@sb.trace(name="stream")
async def stream(count: int) -> AsyncIterator[int]:
    """Each item inside a span and a context of the body's own."""
    for number in range(count):
        with sb.context(user_id="body"), sb.span(f"step {number}"):
            await asyncio.sleep(0)
            yield number


async def test_an_async_generator_runs_under_its_span_and_its_consumer_does_not(tracing: Tracing) -> None:
    """Even when it yields inside of blocks of its own: neither span nor context leak out, and both come back."""
    with sb.span("consumer") as consumer:
        async for number in stream(3):
            assert sb.current() is consumer
            with sb.span(f"use {number}"):
                await asyncio.sleep(0)
    tree = tracing.tree()
    assert {tree[f"step {n}"] for n in range(3)} == {"stream"}
    assert {tree[f"use {n}"] for n in range(3)} == {"consumer"}
    assert {span.user_id for span in tracing.spans() if span.name.startswith("use")} == {None}
    assert {span.user_id for span in tracing.spans() if span.name.startswith("step")} == {"body"}
    assert tracing.span("stream").output == [0, 1, 2]


@pytest.mark.parametrize("how", ["break", "aclose", "other task"])
async def test_an_async_generator_that_is_left_ends_its_span(tracing: Tracing, how: str) -> None:
    """Closed where it ran, or elsewhere."""
    generator: Any = stream(5)
    with sb.span("consumer") as consumer:
        async for _ in generator:
            break
        if how == "aclose":
            await generator.aclose()
        elif how == "other task":
            await asyncio.create_task(generator.aclose())
        else:
            del generator
            gc.collect()
            await asyncio.sleep(0.01)
        assert sb.current() is consumer
    found = tracing.span("stream")
    assert (found.status, found.level, found.output) == ("ok", "warning", [0])


def test_an_async_generator_that_outlives_its_loop_is_no_error(tracing: Tracing) -> None:
    """Collected when nothing can await it any more."""

    async def begin() -> Any:
        generator = stream(5)
        await anext(generator)
        return generator

    generator = asyncio.run(begin())
    del generator
    gc.collect()
    assert tracing.span("stream").output == [0]


async def test_interleaved_async_generators_keep_their_own_spans(tracing: Tracing) -> None:
    """Also across tasks."""

    @sb.trace
    async def walk(name: str) -> AsyncIterator[str]:
        for step in range(3):
            async with sb.span(f"{name}{step}"):
                await asyncio.sleep(0)
                yield name

    a, b = walk("a"), walk("b")
    with sb.span("consumer") as consumer:
        for generator in (a, b, b, a, a, b):
            await asyncio.create_task(anext(generator))  # type: ignore[arg-type]
            assert sb.current() is consumer
        for generator in (a, b):
            with contextlib.suppress(StopAsyncIteration):
                await anext(generator)
    spans = {span.span_id: span for span in tracing.spans()}
    steps = [span for span in spans.values() if span.name[0] in "ab"]
    assert len(steps) == 6
    for span in steps:
        assert spans[span.parent_id or ""].input == {"name": span.name[0]}


async def test_an_async_generator_is_driven_as_it_was(tracing: Tracing) -> None:
    """``asend``, ``athrow``, an error of its own."""

    @sb.trace
    async def echo() -> Any:
        got: Any = None
        while True:
            try:
                got = yield got
            except KeyError as error:
                got = error.args[0]
            if got == "stop":
                raise RuntimeError("stopped")

    generator: Any = echo()
    assert await anext(generator) is None
    assert await generator.asend("a") == "a"
    assert await generator.athrow(KeyError("b")) == "b"
    with pytest.raises(RuntimeError, match="stopped"):
        await generator.asend("stop")
    (found,) = tracing.spans()
    assert (found.error_type, found.output) == ("RuntimeError", [None, "a", "b"])


async def test_a_consumer_that_is_cancelled_ends_the_stream(tracing: Tracing) -> None:
    """In the middle of an await of the body."""

    @sb.trace(name="slow")
    async def slow() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(60)

    async def consume() -> None:
        async for _ in slow():
            pass

    task = asyncio.create_task(consume())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tracing.span("slow").error_type == "CancelledError"


# -- traced


async def read_async(made: Awaitable[Any]) -> Any:
    """Await what an async ``traced`` returns."""
    return await made


def plain(n: int) -> int:
    """A function."""
    return n + 1


async def coroutine(n: int) -> int:
    """A coroutine function."""
    return n + 1


def generator(n: int) -> Iterator[int]:
    """A generator."""
    yield n
    yield n + 1


async def async_generator(n: int) -> AsyncIterator[int]:
    """An async generator."""
    yield n
    yield n + 1


@pytest.mark.parametrize(
    ("fn", "expected"), [(plain, 2), (coroutine, 2), (generator, [1, 2]), (async_generator, [1, 2])]
)
def test_traced_gives_the_result_and_its_trace(tracing: Tracing, fn: Any, expected: Any) -> None:
    """Of every kind of function; generators are run to their end."""
    made = sb.trace(name="f", capture_output=False)(fn).traced(1)
    result, trace = asyncio.run(read_async(made)) if inspect.isawaitable(made) else made
    assert result == expected
    assert isinstance(trace, sb.Trace)
    assert (trace.root.name, trace.root.input, trace.root.output, trace.status) == ("f", {"n": 1}, expected, "ok")


def test_traced_of_a_method_takes_the_instance_first(tracing: Tracing) -> None:
    """It belongs to the function, not to the object."""
    result, trace = Agent.method.traced(Agent(), "q")
    assert (result, trace.input) == ("q", {"q": "q"})


def test_traced_without_a_trace(tracing: Tracing) -> None:
    """Tracing is off: the result is there, the trace is None."""
    _recorder.enabled = False
    assert sb.trace(plain).traced(1) == (2, None)


def test_traced_lets_exceptions_through(tracing: Tracing) -> None:
    """As the call itself does."""

    @sb.trace
    def fails() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        fails.traced()
