"""Where spans hang, through threads, pools, tasks and generators: a list of named cases, each with its whole tree.

Each case runs inside of a span called "root" and makes the rest. After it, in the same thread, "root" is still the
current span: nothing leaks into the consumer, whatever became of the thread, task or generator.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import inspect
import multiprocessing.pool
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import spanbook as sb
from tests.tracing import Tracing

Tree = dict[str, str | None]
#: name -> (what is done inside of "root", the parent of each span that it makes)
CASES: dict[str, tuple[Callable[[], Any], Tree]] = {}


def case(name: str, **tree: str | None) -> Callable[[Callable[[], Any]], None]:
    """Put a case into the list."""

    def add(run: Callable[[], Any]) -> None:
        assert name not in CASES
        CASES[name] = run, tree

    return add


def mark(name: str) -> None:
    """A span wherever this runs."""
    with sb.span(name):
        pass


def in_thread(work: Callable[..., Any], *args: Any) -> None:
    thread = threading.Thread(target=work, args=args)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


@contextlib.contextmanager
def threads_instrumented() -> Iterator[None]:
    sb.instrument("threads")
    try:
        yield
    finally:
        sb.uninstrument("threads")


@sb.trace(name="numbers")
def numbers(prefix: str = "step") -> Iterator[int]:
    for number in range(2):
        with sb.span(f"{prefix}{number}"):
            yield number


@sb.trace(name="stream")
async def stream(prefix: str = "step") -> AsyncIterator[int]:
    for number in range(2):
        with sb.span(f"{prefix}{number}"):
            await asyncio.sleep(0)
            yield number
            await asyncio.sleep(0)


# -- threads


@case("a thread begins a trace of its own", loose=None)
def _() -> None:
    in_thread(mark, "loose")


@case("a bound thread is below", bound="root")
def _() -> None:
    in_thread(sb.bind(mark), "bound")


@case("an instrumented thread is below", child="root", after="root")
def _() -> None:
    with threads_instrumented():
        in_thread(mark, "child")
    mark("after")


@case("a thread class of one's own is below", own="root")
def _() -> None:
    class Own(threading.Thread):
        def run(self) -> None:
            mark("own")

    with threads_instrumented():
        thread = Own()
        thread.start()
        thread.join(10)


@case("a timer is below", timer="root")
def _() -> None:
    with threads_instrumented():
        timer = threading.Timer(0.001, mark, ("timer",))
        timer.start()
        timer.join(10)


@case("a thread of a thread is below that", outer="root", inner="outer")
def _() -> None:
    def work() -> None:
        with sb.span("outer"):
            in_thread(mark, "inner")

    with threads_instrumented():
        in_thread(work)


@case("a span that is ended in another thread", handed="root", next="root")
def _() -> None:
    span = sb.span("handed").__enter__()
    in_thread(lambda: span.__exit__(None, None, None))
    span.__exit__(None, None, None)
    mark("next")


# -- pools


@case("an executor begins traces of its own", loose=None)
def _() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(mark, "loose").result(10)


@case("a bound call in an executor is below", bound="root", loose=None)
def _() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(sb.bind(mark), "bound").result(10)
        pool.submit(mark, "loose").result(10)


@case("an instrumented executor is below, and its threads are not", one="root", two="inner", inner="root", own=None)
def _() -> None:
    with threads_instrumented(), ThreadPoolExecutor(1) as pool:
        pool.submit(mark, "one").result(10)
        with sb.span("inner"):
            pool.submit(mark, "two").result(10)
        outside = contextvars.Context()
        future: Future[None] = outside.run(pool.submit, mark, "own")
        future.result(10)


@case("map of an instrumented executor is below", **dict.fromkeys("abc", "root"))
def _() -> None:
    with threads_instrumented(), ThreadPoolExecutor(2) as pool:
        list(pool.map(mark, "abc"))


@case("a call that submits another", outer="root", inner="outer")
def _() -> None:
    def work(pool: ThreadPoolExecutor) -> None:
        with sb.span("outer"):
            pool.submit(mark, "inner").result(10)

    with threads_instrumented(), ThreadPoolExecutor(2) as pool:
        pool.submit(work, pool).result(10)


@case("a callback of a future", done="root")
def _() -> None:
    future: Future[None] = Future()

    def done(future: Future[None]) -> None:
        mark("done")

    future.add_done_callback(sb.bind(done))
    in_thread(future.set_result, None)


@case("a bound call in a thread pool of multiprocessing", bound="root", loose=None)
def _() -> None:
    with multiprocessing.pool.ThreadPool(1) as pool:
        pool.apply(sb.bind(mark), ("bound",))
        pool.apply(mark, ("loose",))


# -- tasks


@case("gathered coroutines", **dict.fromkeys("abc", "root"))
async def _() -> None:
    async def work(name: str) -> None:
        async with sb.span(name):
            await asyncio.sleep(0.001)

    await asyncio.gather(*map(work, "abc"))


@case("a task that outlives the span it was made in", short="root", late="short")
async def _() -> None:
    async def work() -> None:
        await asyncio.sleep(0.005)
        mark("late")

    with sb.span("short"):
        task = asyncio.create_task(work())
    await task


@case("a task group of which one fails", good="root", bad="root", cancelled="root")
async def _() -> None:
    async def work(name: str, seconds: float, error: Exception | None = None) -> None:
        with sb.span(name):
            await asyncio.sleep(seconds)
            if error is not None:
                raise error

    with contextlib.suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(work("good", 0))
            group.create_task(work("bad", 0.002, ValueError()))
            group.create_task(work("cancelled", 60))


@case("a span that times out", slow="root", next="root")
async def _() -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.001):
            with sb.span("slow"):
                await asyncio.sleep(60)
    mark("next")


@case("run_in_executor begins traces of its own", loose=None)
async def _() -> None:
    await asyncio.get_running_loop().run_in_executor(None, mark, "loose")


@case("run_in_executor of what is bound", bound="root")
async def _() -> None:
    await asyncio.get_running_loop().run_in_executor(None, sb.bind(mark), "bound")


@case("run_in_executor when threads are instrumented", child="root")
async def _() -> None:
    with threads_instrumented():
        await asyncio.get_running_loop().run_in_executor(None, mark, "child")


@case("to_thread", child="root", again="root")
async def _() -> None:
    await asyncio.to_thread(mark, "child")
    with threads_instrumented():
        await asyncio.to_thread(mark, "again")


@case("a callback of the loop", soon="root", later="root")
async def _() -> None:
    loop = asyncio.get_running_loop()
    loop.call_soon(mark, "soon")
    loop.call_later(0.001, mark, "later")
    await asyncio.sleep(0.01)


@case("a loop of its own in a bound thread", outer="root", inner="outer")
def _() -> None:
    async def main() -> None:
        with sb.span("outer"):
            await asyncio.create_task(asyncio.to_thread(mark, "inner"))

    in_thread(sb.bind(asyncio.run), main())


@case("a coroutine that is thrown away half way", begun="root", next="root")
def _() -> None:
    class Pause:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def work() -> None:
        with sb.span("begun"):
            await Pause()

    coroutine = work()
    coroutine.send(None)
    coroutine.close()
    mark("next")


# -- generators


@case("a generator that is held open", numbers="root", step0="numbers", use="root")
def _() -> None:
    held = numbers()
    next(held)
    mark("use")
    held.close()  # type: ignore[attr-defined]


@case("a generator that is run to its end", numbers="root", step0="numbers", step1="numbers", use0="root", use1="root")
def _() -> None:
    for number in numbers():
        mark(f"use{number}")


@case("generators side by side", a0="a", a1="a", b0="b", b1="b", a="root", b="root")
def _() -> None:
    first, second = (sb.trace(name=name)(inspect.unwrap(numbers))(name) for name in "ab")
    for generator in (first, second, second, first, first, second):
        next(generator, None)
        assert _name() == "root"


@case("a generator that is broken out of", numbers="root", step0="numbers", next="root")
def _() -> None:
    for _number in numbers():
        break
    mark("next")


@case("a generator that another thread closes", numbers="root", step0="numbers", next="root")
def _() -> None:
    held = numbers()
    next(held)
    in_thread(held.close)  # type: ignore[attr-defined]
    mark("next")


@case("a generator whose steps run in other threads", numbers="root", step0="numbers", step1="numbers")
def _() -> None:
    held = numbers()
    next(held)
    in_thread(next, held)
    in_thread(next, held, None)


@case("a generator that is collected in a cycle", numbers="root", step0="numbers", other="root")
def _() -> None:
    held = numbers()
    next(held)
    cycle: list[Any] = [held]
    cycle.append(cycle)
    del held, cycle
    with sb.span("other") as other:
        gc.collect()
        assert sb.current() is other


@case("a generator that delegates", outer="root", numbers="outer", step0="numbers", step1="numbers", use="root")
def _() -> None:
    @sb.trace(name="outer")
    def outer() -> Iterator[int]:
        yield from numbers()

    held = outer()
    next(held)
    mark("use")
    list(held)


@case("a generator that is driven below another span", later="root", numbers="root", step0="numbers", step1="numbers")
def _() -> None:
    held = numbers()
    next(held)
    with sb.span("later"):
        list(held)


@case("a block of the user's own around a yield", around="root", next="root")
def _() -> None:
    def plain() -> Iterator[int]:
        with sb.span("around"):
            yield 1

    list(plain())
    mark("next")


# -- async generators


@case("an async generator that is run to its end",
      stream="root", step0="stream", step1="stream", use0="root", use1="root")  # fmt: skip
async def _() -> None:
    async for number in stream():
        mark(f"use{number}")


@case("async generators side by side in tasks", a0="a", a1="a", b0="b", b1="b", a="root", b="root")
async def _() -> None:
    first, second = (sb.trace(name=name)(inspect.unwrap(stream))(name) for name in "ab")
    for generator in (first, second, second, first, first, second):
        with contextlib.suppress(StopAsyncIteration):
            await asyncio.create_task(anext(generator))
        assert _name() == "root"


@case("an async generator that is broken out of", stream="root", step0="stream", next="root")
async def _() -> None:
    async for _number in stream():
        break
    mark("next")
    gc.collect()
    await asyncio.sleep(0.005)


@case("an async generator that another task closes", stream="root", step0="stream", next="root")
async def _() -> None:
    held: Any = stream()
    await anext(held)
    await asyncio.create_task(held.aclose())
    mark("next")


@case("an async generator that another context closes", stream="root", step0="stream", next="root")
async def _() -> None:
    held: Any = stream()
    await anext(held)
    empty = contextvars.Context()
    await asyncio.create_task(held.aclose(), context=empty)
    mark("next")


@case("an async generator that its loop closes at the end", stream="root", step0="stream", next="root")
def _() -> None:
    kept: list[Any] = []

    async def main() -> None:
        kept.append(stream())
        await anext(kept[0])

    asyncio.run(main())
    mark("next")


@case("an async generator that nobody can close", stream="root", step0="stream", next="root")
def _() -> None:
    held: Any = stream()
    step = anext(held).__await__()
    with contextlib.suppress(StopIteration):
        step.send(None)
        step.send(None)
    del step, held
    gc.collect()
    mark("next")


@case("an async generator whose consumer is cancelled", stream="root", step0="stream", waiting="root")
async def _() -> None:
    async def consume() -> None:
        async for _number in stream():
            with sb.span("waiting"):
                await asyncio.sleep(60)

    task = asyncio.create_task(consume())
    await asyncio.sleep(0.005)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    gc.collect()
    await asyncio.sleep(0.005)


# -- one thread, odd order


@case("spans that are ended in the wrong order", a="root", b="a", next="root")
def _() -> None:
    a = sb.span("a").__enter__()
    b = sb.span("b").__enter__()
    a.__exit__(None, None, None)
    b.__exit__(None, None, None)
    mark("next")


@case("a copied context", inside="root", deeper="inside", next="root")
def _() -> None:
    copied = contextvars.copy_context()
    span = copied.run(sb.span("inside").__enter__)
    copied.run(mark, "deeper")
    span.__exit__(None, None, None)
    mark("next")


@case("an exit stack", a="root", b="a", next="root")
def _() -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(sb.span("a"))
        stack.enter_context(sb.span("b"))
    mark("next")


def _name() -> str | None:
    current = sb.current()
    return None if current is None else current.name


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore:.*was never awaited:RuntimeWarning")
def test_each_span_hangs_where_it_belongs(tracing: Tracing, name: str) -> None:
    """The whole tree of the case, and "root" is the current span again behind it."""
    run, tree = CASES[name]

    async def in_a_loop() -> None:
        with sb.span("root") as root:
            await run()
            assert sb.current() is root

    if inspect.iscoroutinefunction(run):
        asyncio.run(in_a_loop())
    else:
        with sb.span("root") as root:
            run()
            assert sb.current() is root
    assert tracing.tree() == {"root": None, **tree}
    assert all(span.status != "open" for span in tracing.spans())


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 22


def test_threads_and_pools_are_put_back() -> None:
    """The very same functions; and nothing is carried unless threads are named."""
    before = threading.Thread.start, ThreadPoolExecutor.submit
    assert "threads" not in sb.instrument()
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == before
    assert sb.instrument("threads") == ["threads"]
    assert threading.Thread.start is not before[0]
    assert (threading.Thread.start.__name__, threading.Thread.start.__doc__) == ("start", before[0].__doc__)
    assert set(sb.uninstrument()) == {"openai", "otel", "threads"}
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == before


def test_a_thread_that_cannot_be_started_says_so_as_before(tracing: Tracing) -> None:
    """Twice started, called with too little, a pool that is closed: the same errors."""
    with threads_instrumented(), sb.span("root"):
        thread = threading.Thread(target=mark, args=("child",))
        thread.start()
        thread.join(10)
        with pytest.raises(RuntimeError, match="threads can only be started once"):
            thread.start()
        pool = ThreadPoolExecutor(1)
        with pytest.raises(TypeError, match="positional argument"):
            pool.submit()  # type: ignore[call-arg]
        pool.shutdown()
        with pytest.raises(RuntimeError, match="after shutdown"):
            pool.submit(mark, "never")
    assert tracing.tree() == {"root": None, "child": "root"}


def test_a_thread_carries_the_span_and_nothing_else(tracing: Tracing) -> None:
    """Other context variables of the program stay behind, as they do without us; ``sb.context`` is carried."""
    other: contextvars.ContextVar[str] = contextvars.ContextVar("other", default="unset")
    seen: list[str] = []

    def look() -> None:
        seen.append(other.get())
        mark("child")

    other.set("set")
    with threads_instrumented(), sb.context(user_id="ada"):
        in_thread(look)
    assert seen == ["unset"]
    assert tracing.span("child").user_id == "ada"
