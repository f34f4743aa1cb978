"""Stopping a running span from another thread: its own task, no other, and never one that merely knows it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

import spanbook as sb
from spanbook.tracer import Span
from spanbook.tracer._cancel import cancel_span
from tests.tracing import Tracing


def stop(span: Span, results: list[Any]) -> None:
    """Ask from a thread, as a front end does while the loop runs."""
    results.append(cancel_span(span.trace_id, span.span_id, "stopped by a test"))


async def stopped_by_thread(span: Span) -> Any:
    """Have a thread stop the span, and return what it was told."""
    results: list[Any] = []
    thread = threading.Thread(target=stop, args=(span, results))
    thread.start()
    while not results:
        await asyncio.sleep(0.001)
    thread.join()
    return results[0]


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 20))


def test_the_span_s_own_task_is_cancelled_and_no_other(tracing: Tracing) -> None:
    """Two tasks run under one agent: stopping one of them leaves the other and the agent alone."""
    spans: dict[str, Span] = {}
    ended: list[str] = []

    async def step(name: str) -> None:
        with sb.span(name) as span:
            spans[name] = span
            await asyncio.sleep(0.3 if name == "kept" else 30)
            ended.append(name)

    async def main() -> None:
        with sb.span("agent"):
            tasks = [asyncio.create_task(step(name), name=f"task of {name}") for name in ("stopped", "kept")]
            await asyncio.sleep(0.01)
            done = await stopped_by_thread(spans["stopped"])
            assert done is not None
            assert done.task == "task of stopped"
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(each) for each in results] == [asyncio.CancelledError, type(None)]

    run(main)
    assert ended == ["kept"]
    assert sb.flush()
    statuses = {span.name: span.status for span in sb.last_trace().spans}
    assert statuses == {"agent": "ok", "stopped": "error", "kept": "ok"}


def test_stopping_the_agent_reaches_its_task_not_one_that_inherited_its_span(tracing: Tracing) -> None:
    """Child tasks have the agent as their current span, and one is even handed it."""
    agents: list[Span] = []

    async def child(agent: Span) -> None:
        await asyncio.sleep(30)
        agent.event("never")

    async def agent() -> None:
        with sb.span("agent") as span:
            agents.append(span)
            await asyncio.gather(child(span), child(span), child(span))

    async def main() -> None:
        task = asyncio.create_task(agent(), name="the agent's")
        await asyncio.sleep(0.01)
        done = await stopped_by_thread(agents[0])
        assert done is not None
        assert done.task == "the agent's"
        with pytest.raises(asyncio.CancelledError, match="stopped by a test"):
            await task

    run(main)


def test_decorated_functions_and_async_generators_are_found(tracing: Tracing) -> None:
    seen: list[Span] = []

    @sb.trace
    async def inner() -> None:
        span = sb.current()
        assert span is not None
        seen.append(span)
        await asyncio.sleep(30)

    @sb.trace
    async def items() -> AsyncIterator[int]:
        yield 1
        await inner()

    async def outer() -> None:
        async for _ in items():
            pass

    async def main() -> None:
        task = asyncio.create_task(outer(), name="outer")
        while not seen:
            await asyncio.sleep(0.001)
        generator = seen[0]._before
        assert generator is not None
        for span in (seen[0], generator):
            assert span.name.split(".")[-1] in ("inner", "items")
        assert (await stopped_by_thread(generator)).task == "outer"
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


def test_a_streamed_call_is_found_while_it_waits_for_the_next_chunk(tracing: Tracing) -> None:
    """Its span is current nowhere: the stream's recorder holds it."""
    from openai import AsyncOpenAI

    sb.instrument("openai")
    said: list[str] = []

    async def ask(server: Any) -> None:
        async with AsyncOpenAI(base_url=server.base_url, api_key="none") as client:
            question: Any = [{"role": "user", "content": "Tell me everything about refunds."}]
            stream = await client.chat.completions.create(model="gpt-4o-mini", messages=question, stream=True)
            async for chunk in stream:
                said.append(str(chunk))

    async def main() -> None:
        rule = sb.offline.Rule(match="refunds", text="word " * 400, token_delay_s=0.02)
        with sb.offline.start(rules=[rule]) as server:
            task = asyncio.create_task(ask(server), name="asking")
            while len(said) < 3:
                await asyncio.sleep(0.005)
            assert sb.flush()
            (span,) = [each for each in sb.last_trace().spans if each.kind == "llm"]
            assert span.status == "open"
            done = await asyncio.to_thread(cancel_span, span.trace_id, span.span_id, "stopped by a test")
            assert done is not None
            assert done.task == "asking"
            with pytest.raises(asyncio.CancelledError):
                await task

    try:
        run(main)
    finally:
        sb.uninstrument()
    assert len(said) < 400


def test_plain_code_inside_a_task_is_not_its_task_s(tracing: Tracing) -> None:
    """A cell that is not awaited runs inside a task of the kernel, which must live on."""
    results: list[Any] = []

    def cell() -> None:
        with sb.span("plain") as span:
            thread = threading.Thread(target=stop, args=(span, results))
            thread.start()
            thread.join()

    async def kernel() -> None:
        await asyncio.sleep(0)
        cell()
        await asyncio.sleep(0.01)

    run(kernel)
    assert results == [None]


def test_a_span_left_open_in_a_task_is_not_its_block(tracing: Tracing) -> None:
    """Entered by hand and never left: the task that did so, maybe the kernel's, does not run it."""

    async def main() -> None:
        sb.span("left open").__enter__()
        current = sb.current()
        assert current is not None
        assert await stopped_by_thread(current) is None

    asyncio.run(main())


def test_threads_and_ended_spans_cannot_be_stopped(tracing: Tracing) -> None:
    with sb.span("done") as done:
        pass
    assert cancel_span(done.trace_id, done.span_id, "") is None
    with sb.span("in plain code") as span:
        assert cancel_span(span.trace_id, span.span_id, "") is None


def test_a_task_that_only_watches_a_span_is_left_alone(tracing: Tracing) -> None:
    """The span runs in a thread; a task that was handed it is not what runs it."""
    spans: list[Span] = []
    go_on = threading.Event()

    def work() -> None:
        with sb.span("in a thread") as span:
            spans.append(span)
            go_on.wait(20)

    async def watch() -> None:
        thread = threading.Thread(target=work)
        thread.start()
        while not spans:
            await asyncio.sleep(0.001)
        span = spans[0]
        assert await stopped_by_thread(span) is None
        go_on.set()
        thread.join()
        assert span.name == "in a thread"

    run(watch)
