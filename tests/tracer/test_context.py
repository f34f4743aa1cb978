"""Users, sessions, tags: on every span inside; and current spans in threads, executors and tasks."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
from typing import Any

import pytest

import spanbook as sb
from tests.tracing import Tracing


def fields(span: Any) -> tuple[Any, ...]:
    """What a context sets."""
    return span.user_id, span.session_id, list(span.tags), span.metadata


def test_a_context_is_on_every_span_inside(tracing: Tracing) -> None:
    """Not on those around it; every field it takes is a column."""
    everything = {"environment": "e", "feature": "f", "region": "r", "release": "1", "prompt_name": "p"}
    with sb.span("outside"):
        ours = sb.context(user_id="ada", session_id="s", tags=["t"], metadata={"k": 1}, prompt_version=3, **everything)
        with ours, sb.span("inside"), sb.span("deeper", input=1):
            pass
        with sb.span("after"):
            pass
    for name in ("inside", "deeper"):
        found = tracing.span(name)
        assert fields(found) == ("ada", "s", ["t"], {"k": 1})
        assert {key: getattr(found, key) for key in everything} == everything
        assert found.prompt_version == "3"
    for name in ("outside", "after"):
        assert fields(tracing.span(name)) == (None, None, [], {})


def test_contexts_nest(tracing: Tracing) -> None:
    """Inner values win, tags add up once each, metadata is merged by key; afterwards all is as before."""
    with sb.context(user_id="ada", tags=["a"], metadata={"x": 1, "y": 1}):
        with sb.context(user_id="bob", tags=["b", "a"], metadata={"y": 2}), sb.span("inner"):
            pass
        with sb.span("outer"):
            pass
    assert fields(tracing.span("inner")) == ("bob", None, ["a", "b"], {"x": 1, "y": 2})
    assert fields(tracing.span("outer")) == ("ada", None, ["a"], {"x": 1, "y": 1})


def test_what_a_span_says_itself_comes_first(tracing: Tracing) -> None:
    """Its tags are added, its metadata merged."""
    with (
        sb.context(user_id="ada", tags=["a"], metadata={"x": 1}),
        sb.span("s", user_id="own", tags=["b"], metadata={"x": 2}),
    ):
        pass
    assert fields(tracing.span("s")) == ("own", None, ["a", "b"], {"x": 2})


def test_a_context_may_be_reused_and_awaited(tracing: Tracing) -> None:
    """One object, several blocks, nested in itself too; ``async with`` as well."""
    ada = sb.context(user_id="ada")

    async def main() -> None:
        async with ada:
            await asyncio.sleep(0)
            with ada, sb.span("async"):
                pass

    with ada, sb.span("first"):
        pass
    asyncio.run(main())
    with sb.span("after"):
        pass
    assert [span.user_id for span in tracing.spans()] == ["ada", "ada", None]


def test_a_failing_block_gives_the_context_back(tracing: Tracing) -> None:
    """Exceptions go through."""
    with pytest.raises(ZeroDivisionError), sb.context(user_id="ada"):
        raise ZeroDivisionError
    with sb.span("s"):
        pass
    assert tracing.span("s").user_id is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"user_id": 5}, r"user_id=5 is a int; give text, such as user_id='5'"),
        ({"tags": "beta"}, r"tags='beta' is not a list of texts"),
        ({"tags": 5}, r"tags=5 is not a list of texts"),
        ({"tags": [1]}, r"tags=\[1\] is not a list of texts"),
        ({"metadata": [1]}, r"metadata=\[1\] is not a mapping"),
    ],
)
def test_wrong_values_are_refused_in_one_sentence(given: dict[str, Any], message: str) -> None:
    """Before the block begins."""
    with pytest.raises(sb.UsageError, match=message):
        sb.context(**given)


def test_only_what_can_be_called_is_bound() -> None:
    with pytest.raises(sb.UsageError, match="give the function itself, not what it returns"):
        sb.bind("the result")  # type: ignore[arg-type]


# -- where the current span goes


def work(name: str) -> str | None:
    """A span in whatever thread this runs."""
    with sb.span(name):
        current = sb.current()
        return None if current is None else current.name


def test_a_thread_begins_a_trace_of_its_own_unless_it_is_bound(tracing: Tracing) -> None:
    """``sb.bind`` ties a function to the span and the context it was bound in."""
    with sb.span("root"), sb.context(user_id="ada"):
        for target, name in ((work, "loose"), (sb.bind(work), "bound")):
            thread = threading.Thread(target=target, args=(name,))
            thread.start()
            thread.join()
    assert tracing.tree() == {"root": None, "loose": None, "bound": "root"}
    assert (tracing.span("loose").user_id, tracing.span("bound").user_id) == (None, "ada")


def test_a_bound_function_runs_in_many_threads_at_once(tracing: Tracing) -> None:
    """Each call in a copy of its own; what it changes stays there."""
    seen = contextvars.ContextVar("seen", default=0)
    barrier = threading.Barrier(4)

    def step(number: int) -> int:
        before = seen.get()
        seen.set(number)
        barrier.wait(10)
        work(f"step {number}")
        return before

    with sb.span("root"), concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(sb.bind(step), range(1, 5))) == [0, 0, 0, 0]
        assert seen.get() == 0
    assert set(tracing.tree().values()) == {None, "root"}
    assert len(tracing.spans()) == 5


def test_bind_keeps_arguments_results_and_errors(tracing: Tracing) -> None:
    """And the name."""

    def divide(a: int, *, by: int) -> float:
        """Divide."""
        return a / by

    bound = sb.bind(divide)
    assert (bound(6, by=3), bound.__name__, bound.__doc__) == (2.0, "divide", "Divide.")
    with pytest.raises(ZeroDivisionError):
        bound(1, by=0)


async def test_executors_and_to_thread(tracing: Tracing) -> None:
    """``asyncio.to_thread`` carries the context itself; ``run_in_executor`` needs ``bind``."""
    loop = asyncio.get_running_loop()
    with sb.span("root"):
        await asyncio.to_thread(work, "to_thread")
        await loop.run_in_executor(None, work, "executor")
        await loop.run_in_executor(None, sb.bind(work), "bound executor")
    assert tracing.tree() == {"root": None, "to_thread": "root", "executor": None, "bound executor": "root"}


async def test_tasks_and_callbacks_keep_the_span_they_were_made_in(tracing: Tracing) -> None:
    """Even when they run after it has ended; the task that made them is not disturbed."""
    done = asyncio.Event()

    async def later() -> None:
        await done.wait()
        work("in task")

    with sb.span("root"):
        task = asyncio.create_task(later())
        asyncio.get_running_loop().call_later(0.001, work, "in callback")
    await asyncio.sleep(0.02)
    assert sb.current() is None
    done.set()
    await task
    assert tracing.tree() == {"root": None, "in task": "root", "in callback": "root"}


def test_a_span_may_be_ended_in_another_thread(tracing: Tracing) -> None:
    """Nothing is raised, and neither thread is left with a current span that is not its own."""
    span = sb.span("handed over").__enter__()
    seen: list[Any] = []

    def end() -> None:
        span.__exit__(None, None, None)
        seen.append(sb.current())

    thread = threading.Thread(target=end)
    thread.start()
    thread.join()
    assert seen == [None]
    assert sb.current() is span
    span.__exit__(None, None, None)
    assert tracing.span("handed over").status == "ok"
