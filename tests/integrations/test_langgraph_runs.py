"""Graphs of LangGraph and agents: nodes, steps, threads of a conversation, interrupts, subgraphs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

import spanbook as sb
from spanbook.integrations.langchain import _runs
from spanbook.model import Span
from spanbook.offline import OfflineModel, Rule
from tests.integrations.conftest import Spans

try:
    from langchain.agents import create_agent

    KIND, MODEL = "agent", "model"
    ASKED = ["model", "model/ChatOpenAI", "model/ChatOpenAI/chat gpt-4o-mini"]
except ImportError:  # before 1.0 LangGraph made agents, of more runs, which nothing calls agents
    from langgraph.prebuilt import ToolNode, create_react_agent

    def create_agent(model: Any, tools: list[Any], *, name: str | None = None, system_prompt: str | None = None) -> Any:
        """Return an agent that lets errors through, as later ones do."""
        return create_react_agent(model, ToolNode(tools, handle_tool_errors=False), prompt=system_prompt, name=name)

    KIND, MODEL = "chain", "agent"
    ASKED = ["agent", "agent/call_model", "agent/call_model/RunnableSequence"]
    ASKED += [f"{ASKED[-1]}/{run}" for run in ("Prompt", "ChatOpenAI", "ChatOpenAI/chat gpt-4o-mini")]
    ASKED.append("agent/should_continue")

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI


def joined(left: list[str], right: list[str]) -> list[str]:
    return left + right


class State(TypedDict):
    words: Annotated[list[str], joined]


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    with sb.span("look outside"):
        return f"sunny in {city}"


QUESTION: Any = {"messages": [("user", "What is the weather in Paris?")]}


def paths(spans: list[Span]) -> list[str]:
    """The spans as paths of names, in the order they started."""
    known = {span.span_id: span for span in spans}

    def path(span: Span) -> str:
        above = known.get(span.parent_id or "")
        return f"{path(above)}/{span.name}" if above else span.name

    return [path(span) for span in spans]


TOOLS = ["tools", "tools/get_weather", "tools/get_weather/look outside"]
AGENT = ["weather", *(f"weather/{run}" for run in [*ASKED, *TOOLS, *ASKED])]


def test_an_agent_is_a_tree_of_nodes_models_and_tools(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    agent: Any = create_agent(chat, [get_weather], system_prompt="Be brief.", name="weather")
    answer = agent.invoke(QUESTION, {"configurable": {"thread_id": "t-1"}})

    spans = langchain_traced()
    assert paths(spans) == AGENT
    top = spans[0]
    assert (top.kind, top.session_id, top.status) == (KIND, "t-1", "ok")
    assert top.output["messages"][-1]["content"] == answer["messages"][-1].content
    nodes = [span for span in spans if span.parent_id == top.span_id]
    assert [(span.metadata["langgraph_node"], span.metadata["langgraph_step"]) for span in nodes] == [
        (MODEL, 1),
        ("tools", 2),
        (MODEL, 3),
    ]
    asked = next(span for span in spans if span.kind == "tool")
    call = next(span for span in spans if span.name == "ChatOpenAI").output[0]["parts"][0]
    assert (asked.input, asked.output) == ({"city": "Paris"}, "sunny in Paris")
    assert asked.attributes["gen_ai.tool.call.id"] == call["id"]


def test_its_usage_counts_once(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    agent: Any = create_agent(chat, [get_weather])
    answer = agent.invoke(QUESTION)

    spans = langchain_traced()
    (trace,) = sb.traces()
    told = [message.usage_metadata for message in answer["messages"] if getattr(message, "usage_metadata", None)]
    assert trace.summary.input_tokens == sum(one["input_tokens"] for one in told)
    assert sum(span.counted for span in spans if span.kind == "llm") == len(told) == 2


async def test_an_async_agent_is_the_same_tree(langchain_traced: Spans, achat: ChatOpenAI) -> None:
    agent: Any = create_agent(achat, [get_weather], name="weather")
    with sb.span("cell") as cell:
        await agent.ainvoke(QUESTION)
        assert sb.current() is cell

    assert paths(langchain_traced()) == ["cell", *(f"cell/{path}" for path in AGENT)]


@pytest.mark.parametrize("mode", ["values", "updates", "messages"])
def test_a_streamed_agent_is_the_same_tree(langchain_traced: Spans, chat: ChatOpenAI, mode: Any) -> None:
    agent: Any = create_agent(chat, [get_weather], name="weather")
    with sb.span("cell") as cell:
        for _ in agent.stream(QUESTION, stream_mode=mode):
            assert sb.current() is cell

    spans = langchain_traced()
    assert paths(spans) == ["cell", *(f"cell/{path}" for path in AGENT)]
    if mode == "messages":
        assert all(span.first_token_ns for span in spans if span.name == "ChatOpenAI")


async def test_an_agent_streamed_async_is_too(langchain_traced: Spans, achat: ChatOpenAI) -> None:
    agent: Any = create_agent(achat, [get_weather], name="weather")
    with sb.span("cell") as cell:
        async for _ in agent.astream(QUESTION, stream_mode="messages"):
            assert sb.current() is cell

    assert paths(langchain_traced()) == ["cell", *(f"cell/{path}" for path in AGENT)]


async def test_agents_side_by_side_are_traces_of_their_own(langchain_traced: Spans, achat: ChatOpenAI) -> None:
    agent: Any = create_agent(achat, [get_weather], name="weather")
    await asyncio.gather(*(agent.ainvoke(QUESTION) for _ in range(3)))

    spans = langchain_traced()
    for trace_id in {span.trace_id for span in spans}:
        assert paths([span for span in spans if span.trace_id == trace_id]) == AGENT
    assert _runs.count_open() == 0


def test_agents_in_a_batch_of_threads_are_whole(langchain_traced: Spans, chat: ChatOpenAI) -> None:
    agent: Any = create_agent(chat, [get_weather], name="weather")
    with sb.span("cell"):
        agent.batch([QUESTION] * 3)

    found = paths(langchain_traced())
    assert sorted(found) == sorted(["cell", *(f"cell/{path}" for path in AGENT * 3)])


def asking(saver: Any = None) -> Any:
    """A graph that asks somebody in its second node."""

    def ask(state: State) -> State:
        return {"words": [str(interrupt({"question": "which word?"}))]}

    def begin(state: State) -> State:
        return {"words": ["begun"]}

    graph = StateGraph(State)
    graph.add_node("begin", begin)
    graph.add_node("ask", ask)
    graph.add_edge(START, "begin")
    graph.add_edge("begin", "ask")
    graph.add_edge("ask", END)
    return graph.compile(checkpointer=saver, name="asking")


def test_an_interrupt_is_no_error(langchain_traced: Spans, caplog: pytest.LogCaptureFixture) -> None:
    graph, config = asking(InMemorySaver()), {"configurable": {"thread_id": "t-2"}}
    graph.invoke({"words": []}, config)
    first = langchain_traced()
    done = graph.invoke(Command(resume="hello"), config)

    assert done["words"] == ["begun", "hello"]
    assert paths(first) == ["asking", "asking/begin", "asking/ask"]
    assert [span.status for span in first] == ["ok", "ok", "ok"]
    assert [event.name for event in first[2].events] == ["GraphInterrupt"]
    assert first[2].output[0][0]["value"] == {"question": "which word?"}
    again = langchain_traced()[3:]
    assert paths(again) == ["asking", "asking/ask"]
    assert {span.session_id for span in [*first, *again]} == {"t-2"}
    assert caplog.text == ""  # LangChain logs what a handler does not know


def test_a_subgraph_is_below_the_node_that_runs_it(langchain_traced: Spans) -> None:
    graph = StateGraph(State)
    graph.add_node("sub", asking(True))
    graph.add_edge(START, "sub")
    outer = graph.compile(checkpointer=InMemorySaver(), name="outer")
    outer.invoke({"words": []}, {"configurable": {"thread_id": "t-3"}})

    spans = langchain_traced()
    names = ["outer", "outer/sub", "outer/sub/asking", "outer/sub/asking/begin", "outer/sub/asking/ask"]
    assert paths(spans) == names
    assert {span.status for span in spans} == {"ok"}


def test_a_command_to_the_graph_above_is_no_error(langchain_traced: Spans) -> None:
    def leave(state: State) -> Any:
        return Command(goto="after", update={"words": ["left"]}, graph=Command.PARENT)

    inner = StateGraph(State)
    inner.add_node("leave", leave)
    inner.add_edge(START, "leave")
    graph = StateGraph(State)
    graph.add_node("sub", inner.compile(), destinations=("after",))
    graph.add_node("after", lambda state: {"words": ["after"]})
    graph.add_edge(START, "sub")
    done = graph.compile().invoke({"words": []})

    assert done["words"] == ["left", "after"]
    assert {span.status for span in langchain_traced()} == {"ok"}


def test_nodes_that_are_sent_to_run_side_by_side_below_the_graph(langchain_traced: Spans) -> None:
    def work(state: Any) -> State:
        with sb.span(f"work {state['word']}"):
            return {"words": [state["word"]]}

    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_conditional_edges(START, lambda state: [Send("work", {"word": word}) for word in "abc"], ["work"])
    graph.compile(name="fan").invoke({"words": []})

    found = paths(langchain_traced())
    assert {path for path in found if "work " in path} == {f"fan/work/work {word}" for word in "abc"}


def test_internals_of_graphs_are_left_out(langchain_traced: Spans) -> None:
    graph = StateGraph(State)
    graph.add_node("hidden", RunnableLambda(lambda state: {"words": []}).with_config(tags=["langsmith:hidden"]))
    graph.add_node("shown", lambda state: {"words": ["x"]})
    graph.add_edge(START, "hidden")
    graph.add_conditional_edges("hidden", lambda state: "shown")
    graph.compile(name="graph").invoke({"words": []})

    names = [span.name for span in langchain_traced()]
    assert {"__start__", "RunnableLambda"}.isdisjoint(names)
    assert not [name for name in names if name.startswith(("ChannelWrite", "Branch", "_write"))]
    assert {"graph", "shown"} <= set(names)


def test_an_error_in_a_tool_is_seen_up_to_the_graph(
    langchain_traced: Spans, chat: ChatOpenAI, model: OfflineModel
) -> None:
    @tool
    def get_secret(name: str) -> str:
        """Tell the secret of a name."""
        raise PermissionError(f"{name} is not allowed")

    model.rules[:] = [Rule(tool_calls=[("get_secret", {"name": "ada"})], times=1)]
    agent: Any = create_agent(chat, [get_secret], name="secret")
    with pytest.raises(PermissionError):
        agent.invoke({"messages": [("user", "Tell me the secret of ada")]})

    failed = [span.name for span in langchain_traced() if span.status == "error"]
    assert failed == ["secret", "tools", "get_secret"]


def test_what_a_policy_keeps_out_of_traces_stays_out(langchain_traced: Spans) -> None:
    from langgraph import types

    if not hasattr(types, "TracePolicy"):
        pytest.skip("this LangGraph has no policies for traces")
    hide = types.TracePolicy(process_inputs=lambda value: "left out", process_outputs=lambda value: "left out")
    graph = StateGraph(State)
    graph.add_node("quiet", lambda state: {"words": ["secret"]}, trace_policy=hide)
    graph.add_edge(START, "quiet")
    graph.compile().invoke({"words": ["secret"]})

    node = next(span for span in langchain_traced() if span.name == "quiet")
    assert (node.input, node.output) == ("left out", "left out")
