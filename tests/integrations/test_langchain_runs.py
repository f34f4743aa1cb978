"""Chains, tools and retrievers of LangChain: the tree they make with spans of the user's, and what each keeps."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler, dispatch_custom_event
from langchain_core.callbacks.base import BaseCallbackManager
from langchain_core.documents import Document
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableGenerator, RunnableLambda, RunnableParallel, chain
from langchain_core.tools import ToolException, tool

import spanbook as sb
from spanbook.integrations.langchain import _runs
from spanbook.model import Span
from tests.integrations.conftest import Spans

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI


def tree(spans: list[Span]) -> dict[str, str | None]:
    """Name of each span → name of its parent; names must be distinct."""
    names = {span.span_id: span.name for span in spans}
    assert len(set(names.values())) == len(spans), sorted(names.values())
    return {span.name: names[span.parent_id] if span.parent_id else None for span in spans}


@sb.trace
def helper(text: str) -> str:
    """A function of the user's."""
    return text.upper()


def test_steps_of_a_chain_are_below_it(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    prompt = ChatPromptTemplate.from_messages([("system", "Be kind."), ("user", "{question}")])
    answer = (prompt | chat | StrOutputParser()).invoke({"question": "Hello"}, {"run_name": "answer"})

    spans = langchain_traced()
    assert tree(spans) == {
        "answer": None,
        "ChatPromptTemplate": "answer",
        "ChatOpenAI": "answer",
        "chat gpt-4o-mini": "ChatOpenAI",
        "StrOutputParser": "answer",
    }
    assert (spans[0].kind, spans[0].input, spans[0].output) == ("chain", {"question": "Hello"}, answer)
    assert spans[1].output[1] == {"type": "human", "content": "Hello"}


@pytest.mark.parametrize("rows", [pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]})["a"].to_numpy()])
def test_inputs_may_be_what_compares_element_by_element(langchain_traced: Spans, rows: Any) -> None:
    """Frames and arrays, as the input or in it."""
    count = RunnableLambda(lambda given: len(given["input"] if isinstance(given, dict) else given), name="count")
    assert (count.invoke(rows), count.invoke({"input": rows})) == (2, 2)
    assert [(span.name, span.output) for span in langchain_traced()] == [("count", 2), ("count", 2)]


def test_spans_of_the_users_are_below_the_run_they_are_in_and_above_those_they_start(
    langchain_traced: Spans,
) -> None:
    inner = RunnableLambda(helper, name="inner")

    @chain
    def outer(text: str) -> Any:
        with sb.span("block"):
            return inner.invoke(text)

    with sb.span("cell"):
        assert outer.invoke("a") == "A"

    assert tree(langchain_traced()) == {
        "cell": None,
        "outer": "cell",
        "block": "outer",
        "inner": "block",
        "helper": "inner",
    }


async def test_async_runs_too(langchain_traced: Spans) -> None:
    async def work(text: str) -> Any:
        await asyncio.sleep(0)
        return await RunnableLambda(helper, name="inner").ainvoke(text)

    with sb.span("cell") as cell:
        assert await RunnableLambda(work, name="outer").ainvoke("a") == "A"
        assert sb.current() is cell

    assert tree(langchain_traced()) == {"cell": None, "outer": "cell", "inner": "outer", "helper": "inner"}


def test_parallel_branches_in_threads_keep_their_parents(langchain_traced: Spans) -> None:
    def left(text: str) -> str:
        with sb.span("in left"):
            return text

    def right(text: str) -> str:
        with sb.span("in right"):
            return text

    RunnableParallel(left=left, right=right).invoke("a", {"run_name": "both"})

    found = tree(langchain_traced())
    assert found["in left"] == "left" and found["in right"] == "right"
    assert found["left"] == found["right"] == "both"


def test_a_thread_of_the_users_finds_its_parent_by_the_run(langchain_traced: Spans) -> None:
    """A plain thread has no context of ours; what it is handed as ``config`` says whose run it is."""

    def work(text: str, config: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(RunnableLambda(helper, name="inner").invoke, text, config).result()

    RunnableLambda(work, name="outer").invoke("a")

    assert tree(langchain_traced()) == {"outer": None, "inner": "outer", "helper": "inner"}


def test_a_stream_of_a_chain_leaves_its_consumer_alone(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    with sb.span("cell") as cell:
        for _ in (ChatPromptTemplate.from_template("{word}") | chat | StrOutputParser()).stream({"word": "hi"}):
            assert sb.current() is cell

    found = tree(langchain_traced())
    assert found["RunnableSequence"] == "cell"
    assert found["chat gpt-4o-mini"] == "ChatOpenAI"
    top = next(span for span in langchain_traced() if span.name == "RunnableSequence")
    assert top.input == {"word": "hi"}
    assert isinstance(top.output, str) and top.output


async def test_events_of_a_stream_are_one_run(langchain_traced: Spans, achat: ChatOpenAI) -> None:
    steps = ChatPromptTemplate.from_template("{word}") | achat
    names = [event["event"] async for event in steps.astream_events({"word": "hi"}, version="v2")]

    assert "on_chat_model_stream" in names
    assert [span.name for span in langchain_traced() if span.parent_id is None] == ["RunnableSequence"]


def test_a_tool_keeps_arguments_result_and_the_call_it_answers(langchain_traced: Spans) -> None:
    @tool
    def add(a: int, b: int) -> int:
        """Add."""
        helper("x")
        return a + b

    add.invoke({"type": "tool_call", "id": "call_1", "name": "add", "args": {"a": 1, "b": 2}})

    span, inner = langchain_traced()
    assert (span.name, span.kind, span.input, span.output) == ("add", "tool", {"a": 1, "b": 2}, "3")
    assert span.attributes["gen_ai.tool.call.id"] == "call_1"
    assert inner.parent_id == span.span_id


def test_a_tool_that_raises_is_an_error_in_every_run_above(langchain_traced: Spans) -> None:
    @tool
    def broken(x: str) -> str:
        """Break."""
        raise ValueError(f"no {x}")

    with pytest.raises(ValueError, match="no luck"):
        RunnableLambda(lambda x: broken.invoke(x), name="outer").invoke("luck")

    for span in langchain_traced():
        assert span.status == "error" and span.error is not None
        assert (span.error["type"], span.error["message"]) == ("ValueError", "no luck")
        assert 'raise ValueError(f"no {x}")' in span.error["traceback"]


def test_an_error_that_a_tool_hands_to_the_model_is_a_warning(langchain_traced: Spans) -> None:
    @tool
    def shy(x: str) -> str:
        """Fail."""
        raise ToolException("not today")

    shy.handle_tool_error = True
    shy.invoke({"type": "tool_call", "id": "call_1", "name": "shy", "args": {"x": "a"}})

    (span,) = langchain_traced()
    assert (span.status, span.level, span.output) == ("ok", "warning", "not today")


class Shelf(BaseRetriever):
    """A retriever of two documents."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        helper(query)
        return [
            Document("first", id="d1", metadata={"score": 0.9, "source": "a.md"}),
            Document("second", metadata={"source": "b.md"}),
        ]


async def test_a_retriever_keeps_its_documents(langchain_traced: Spans) -> None:
    Shelf().invoke("books")
    await Shelf().ainvoke("books")
    assert sb.current() is None

    first, inner, second, _ = langchain_traced()
    assert (first.name, first.kind, first.input) == ("Shelf", "retriever", "books")
    assert first.output == second.output
    assert first.output == [
        {"id": "d1", "content": "first", "score": 0.9, "metadata": {"score": 0.9, "source": "a.md"}},
        {"content": "second", "metadata": {"source": "b.md"}},
    ]
    assert inner.parent_id == first.span_id


def test_tags_and_metadata_are_the_users_own(langchain_traced: Spans) -> None:
    steps = RunnableLambda(helper, name="one") | RunnableLambda(helper, name="two")
    steps.invoke("a", {"tags": ["beta"], "metadata": {"langfuse_user_id": "ada", "thread_id": "t-1"}})

    for span in langchain_traced():
        if span.name != "helper":
            assert span.tags == ["beta"]
            assert span.metadata == {"langfuse_user_id": "ada", "thread_id": "t-1"}
            assert span.session_id == "t-1"


def test_the_session_that_the_user_set_stays(langchain_traced: Spans) -> None:
    with sb.context(session_id="mine"):
        RunnableLambda(helper).invoke("a", {"metadata": {"thread_id": "t-1"}})
    with sb.span("cell", session_id="mine"):
        RunnableLambda(helper).invoke("a", {"metadata": {"thread_id": "t-1"}})

    assert {span.session_id for span in langchain_traced()} <= {"mine", None}


def test_custom_events_and_retries_are_events(langchain_traced: Spans) -> None:
    tries: list[str] = []

    def flaky(text: str) -> str:
        tries.append(text)
        dispatch_custom_event("try", {"number": len(tries)})
        if len(tries) < 2:
            raise ConnectionError("again")
        return text

    RunnableLambda(flaky, name="flaky").with_retry(wait_exponential_jitter=False).invoke("a")

    top, first, second = langchain_traced()
    assert [span.status for span in (top, first, second)] == ["ok", "error", "ok"]
    assert first.parent_id == second.parent_id == top.span_id
    assert second.attributes["langchain.place"] == ["retry:attempt:2"]
    assert [(event.name, event.data) for event in first.events] == [("try", {"number": 1})]


class Watching(BaseCallbackHandler):
    """A handler of the user's."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        self.seen.append(kwargs.get("name") or "")


def test_handlers_of_the_users_stay_and_nothing_is_doubled(langchain_traced: Spans) -> None:
    mine = Watching()
    callbacks: list[BaseCallbackHandler] = [mine]
    (RunnableLambda(helper, name="one") | RunnableLambda(helper, name="two")).invoke("a", {"callbacks": callbacks})

    assert mine.seen == ["RunnableSequence", "one", "two"]
    assert callbacks == [mine]
    assert [span.name for span in langchain_traced() if span.name != "helper"] == ["RunnableSequence", "one", "two"]


async def test_handlers_of_the_users_hear_of_text_models(langchain_traced: Spans) -> None:
    """LangChain forgets handlers that are not inline for these as soon as there is one that is, as ours."""

    class Hearing(AsyncCallbackHandler):
        def __init__(self) -> None:
            self.prompts: list[str] = []

        async def on_llm_start(self, serialized: Any, prompts: list[str], **kwargs: Any) -> None:
            self.prompts += prompts

    mine = Hearing()
    await FakeListLLM(responses=["yes"]).ainvoke("Sure?", {"callbacks": [mine]})

    assert mine.prompts == ["Sure?"]
    (span,) = langchain_traced()
    assert span.output[0]["parts"][0]["content"] == "yes"


def test_a_run_that_never_ends_is_forgotten_in_time(langchain_traced: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    def forever(items: Iterator[str]) -> Iterator[str]:
        yield from ("a", "b")

    monkeypatch.setattr(_runs, "_MAX_OPEN", 10)
    streams = []
    for _ in range(30):
        stream = RunnableGenerator(forever).stream("x")
        next(stream)
        streams.append(stream)

    assert _runs.count_open() <= 10
    for stream in streams:
        list(stream)
    assert _runs.count_open() == 0


def test_what_a_run_was_given_is_not_kept_alive(langchain_traced: Spans) -> None:
    class Heavy:
        pass

    given = Heavy()
    is_alive = weakref.ref(given)
    RunnableLambda(lambda value: "fine").invoke({"value": given})
    del given
    gc.collect()

    assert is_alive() is None


def test_a_run_that_is_let_go_ends(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    stream = (ChatPromptTemplate.from_template("{word}") | chat).stream({"word": "hi"})
    next(stream)
    del stream

    assert _runs.count_open() == 0
    assert all(span.end_ns is not None for span in langchain_traced())


def test_uninstrument_puts_everything_back(spans: Spans) -> None:
    from langchain_core.runnables import base, config

    before = (vars(BaseCallbackManager)["__init__"], config._set_config_context, base.set_config_context)
    sb.instrument("langchain")
    assert vars(BaseCallbackManager)["__init__"] is not before[0]
    sb.uninstrument("langchain")

    RunnableLambda(helper).invoke("a")
    assert before == (vars(BaseCallbackManager)["__init__"], config._set_config_context, base.set_config_context)
    assert [span.name for span in spans()] == ["helper"]


def test_a_manager_made_while_it_was_on_is_silent_when_it_is_off(spans: Spans) -> None:
    sb.instrument("langchain")

    def work(text: str) -> str:
        sb.uninstrument("langchain")
        return str(RunnableLambda(helper, name="inner").invoke(text))

    RunnableLambda(work, name="outer").invoke("a")

    outer, inner = spans()
    assert (outer.name, outer.status, inner.name, inner.parent_id) == ("outer", "ok", "helper", outer.span_id)


def test_configs_can_be_copied_and_sent(langchain_traced: Spans) -> None:
    def work(text: str, config: Any) -> Any:
        sent = pickle.dumps(config["callbacks"])
        for again in (copy.deepcopy(config["callbacks"]), pickle.loads(sent)):  # noqa: S301 (just made)
            RunnableLambda(helper, name="inner").invoke(text, {"callbacks": again})
        return text

    RunnableLambda(work, name="outer").invoke("a")

    assert [span.name for span in langchain_traced()] == ["outer", "inner", "helper", "inner", "helper"]


def test_a_failure_of_ours_does_not_reach_the_user(langchain_traced: Spans) -> None:
    class Odd(dict[str, Any]):
        def items(self) -> Any:
            raise RuntimeError("no items")

    assert RunnableLambda(lambda value: "fine").invoke(Odd(a=1)) == "fine"


def test_it_is_on_by_default_and_says_what_it_patched(spans: Spans) -> None:
    from spanbook import integrations

    assert "langchain" in sb.instrument()
    row = next(row for row in integrations.integrations() if row["name"] == "langchain")
    sb.uninstrument()
    assert (row["package"], row["state"], row["problems"]) == ("langchain_core", "on", [])
