"""LlamaIndex's queries, retrievals, agents and workflows: what stands below what."""

import inspect
import sys
import threading
from typing import Any

import pytest

import spanbook as sb
from spanbook.integrations import integrations
from spanbook.offline import OfflineModel
from tests.integrations import index
from tests.integrations.conftest import Spans
from tests.integrations.index import ASK, TEXTS, hello, llm_of_its_own, shared_llm, traced_llama, tree

__all__ = ["llm_of_its_own", "shared_llm", "traced_llama"]  # fixtures
#: LlamaIndex leaves its clients open, and its event loops.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("leftovers")]


@pytest.fixture(scope="module")
def made(model: OfflineModel) -> Any:
    return index.index(model)


QUERY = [
    "RetrieverQueryEngine.query",
    "  VectorIndexRetriever.retrieve",
    "    embeddings text-embedding-3-small",
    "  CompactAndRefine.synthesize",
    "    chat gpt-4o-mini",
]


def test_a_query(traced: Spans, made: Any, llm: Any) -> None:
    answer = made.as_query_engine(llm=llm).query(ASK)

    spans = traced()
    assert tree(spans) == QUERY
    assert [span.kind for span in spans] == ["chain", "retriever", "embedding", "chain", "llm"]
    assert (spans[0].input, spans[0].output) == (ASK, str(answer))
    assert (spans[3].input, spans[3].output) == (ASK, str(answer))


def test_documents_come_with_their_scores(traced: Spans, made: Any) -> None:
    found = made.as_retriever(similarity_top_k=2).retrieve(ASK)

    span, _ = traced()
    assert span.input == ASK
    assert [document["content"] for document in span.output] == list(TEXTS)
    assert [document["score"] for document in span.output] == [node.score for node in found]
    assert [document["id"] for document in span.output] == [node.node_id for node in found]


async def test_an_async_query(traced: Spans, made: Any, allm: Any) -> None:
    with sb.span("ask"):
        await made.as_query_engine(llm=allm).aquery(ASK)
        assert sb.current() is not None

    names = [name.replace("aquery", "query") for name in tree(traced())]
    names = [name.replace("aretrieve", "retrieve").replace("asynthesize", "synthesize") for name in names]
    assert names == ["ask", *("  " + name for name in QUERY)]


def test_a_streamed_answer_stands_below_its_query(traced: Spans, made: Any, llm: Any) -> None:
    """Newer versions ask the model only when the answer is read, after the query has ended."""
    answer = made.as_query_engine(llm=llm, streaming=True).query(ASK)
    with sb.span("read"):
        said = "".join(answer.response_gen)

    spans = [span for span in traced() if span.name != "read"]
    assert tree(spans) == QUERY
    assert spans[-1].output[0]["parts"][0]["content"] == said


def test_threads_of_llamaindex_stay_below(traced: Spans, made: Any, llm: Any) -> None:
    answer = made.as_chat_engine(chat_mode="context", llm=llm).stream_chat(ASK)
    said = "".join(answer.response_gen)

    spans = traced()
    assert tree(spans) == ["ContextChatEngine.stream_chat", *QUERY[1:]]
    assert spans[-1].output[0]["parts"][0]["content"] == said


def test_threads_of_the_user_are_apart(traced: Spans, llm: Any) -> None:
    threads = [threading.Thread(target=llm.chat, args=(hello(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    spans = traced()
    assert [span.parent_id for span in spans] == [None] * 3
    assert len({span.trace_id for span in spans}) == 3


def test_reranks(traced: Spans, made: Any, llm: Any, model: OfflineModel) -> None:
    from llama_index.core.postprocessor import LLMRerank, SimilarityPostprocessor

    from spanbook.offline import Rule

    model.rules[:] = [Rule(text="Doc: 1, Relevance: 9")]
    ranks = [SimilarityPostprocessor(similarity_cutoff=0.0), LLMRerank(llm=llm, top_n=1)]

    made.as_query_engine(llm=llm, node_postprocessors=ranks).query(ASK)

    found = {span.name: span for span in traced()}
    cut, rerank = (
        found["SimilarityPostprocessor._postprocess_nodes"],
        found["LLMRerank._postprocess_nodes"],
    )
    assert (cut.kind, rerank.kind) == ("chain", "reranker")
    assert (rerank.input["query"], len(rerank.input["documents"])) == (ASK, 2)
    assert [document["content"] for document in rerank.output] == [TEXTS[0]]


async def test_an_agent(traced: Spans, allm: Any) -> None:
    from llama_index.core.agent.workflow import FunctionAgent

    def get_weather(city: str) -> str:
        """Weather of a city."""
        with sb.span("look"):
            return f"sunny in {city}"

    # 0.14.0 forgets the context in the threads that its tools run in
    forgets = "copy_context" not in inspect.getsource(sys.modules["llama_index.core.tools.function_tool"])
    if forgets:
        sb.instrument("threads")
    agent = FunctionAgent(tools=[get_weather], llm=allm, name="forecaster")
    with sb.span("ask"):
        answer = await agent.run("What is the weather in Paris?")
    if forgets:
        sb.uninstrument("threads")

    spans = traced()
    assert tree(spans) == [
        "ask",
        "  forecaster",
        "    chat gpt-4o-mini",
        "    get_weather",
        "      look",
        "    chat gpt-4o-mini",
    ]
    assert (spans[1].kind, spans[1].output) == ("agent", str(answer))
    assert spans[1].input["user_msg"] == "What is the weather in Paris?"


async def test_a_workflow(traced: Spans, allm: Any) -> None:
    from workflows import Workflow, step
    from workflows.events import StartEvent, StopEvent

    class Greeting(Workflow):  # type: ignore[misc]
        @step  # type: ignore[untyped-decorator]
        async def greet(self, ev: StartEvent) -> StopEvent:
            return StopEvent(result=str(await allm.acomplete(ev.get("word"))))

    running = Greeting().run(word="Hello")
    with sb.span("meanwhile"):
        pass
    result = await running

    spans = {span.name: span for span in traced()}
    run, stepped, asked = spans["Greeting.run"], spans["Greeting.greet"], spans["text_completion gpt-4o-mini"]
    assert (run.parent_id, spans["meanwhile"].parent_id) == (None, None)
    assert (stepped.parent_id, asked.parent_id) == (run.span_id, stepped.span_id)
    assert (run.input, run.output, stepped.output) == ({"word": "Hello"}, result, result)


async def test_a_workflow_that_fails(traced: Spans) -> None:
    from workflows import Workflow, step
    from workflows.events import StartEvent, StopEvent

    class Failing(Workflow):  # type: ignore[misc]
        @step  # type: ignore[untyped-decorator]
        async def fail(self, ev: StartEvent) -> StopEvent:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Failing().run()

    run, stepped = traced()
    assert (run.status, stepped.status) == ("error", "error")
    assert stepped.error is not None
    assert stepped.error["type"] == "ValueError"


def test_the_users_tags_are_metadata(traced: Spans, llm: Any) -> None:
    from llama_index.core.instrumentation.dispatcher import instrument_tags

    with instrument_tags({"tier": "pro"}):
        llm.chat(hello())

    assert traced()[0].metadata == {"tier": "pro"}


def test_a_class_of_the_users_own(traced: Spans, llm: Any) -> None:
    """Made after tracing was on, with a stream of its own."""

    class Louder(type(llm)):  # type: ignore[misc]
        def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
            inner = super().stream_chat(messages, **kwargs)

            def read() -> Any:
                with sb.span("louder"):
                    yield from inner

            return read()

    loud = Louder(**{name: getattr(llm, name) for name in ("model", "api_base", "api_key")})
    list(loud.stream_chat(hello()))

    spans = traced()
    assert tree(spans)[:2] == ["chat gpt-4o-mini", "  louder"]
    assert (spans[0].status, len(spans)) == ("ok", 2)


def test_handlers_of_the_user_stay_and_ours_go(spans: Spans, llm: Any) -> None:
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
    from llama_index.core.llms import CustomLLM
    from llama_index.core.llms.function_calling import FunctionCallingLLM

    theirs, root = SimpleSpanHandler(), get_dispatcher()
    root.add_span_handler(theirs)
    before = list(root.span_handlers), list(root.event_handlers)
    methods = vars(type(llm))["stream_chat"], vars(CustomLLM).get("stream_chat"), vars(FunctionCallingLLM)
    try:
        sb.instrument("llama_index")
        sb.instrument("llama_index")
        assert len(root.span_handlers) == len(before[0]) + 1
        assert vars(type(llm))["stream_chat"] is not methods[0]
        sb.uninstrument("llama_index")
        assert (list(root.span_handlers), list(root.event_handlers)) == before
        assert vars(type(llm))["stream_chat"] is methods[0]

        llm.chat(hello())
    finally:
        root.span_handlers.remove(theirs)
    assert spans() == []
    assert len(theirs.completed_spans) == 1


def test_nothing_is_kept_of_what_has_ended(traced: Spans, made: Any, llm: Any) -> None:
    from spanbook.integrations.llamaindex import _listen

    made.as_query_engine(llm=llm).query(ASK)
    list(llm.stream_chat(hello()))
    llm.stream_chat(hello()).close()

    ((_, handler, _),) = _listen._dispatchers
    assert handler.nodes == {}


def test_it_has_a_row_among_the_integrations(traced: Spans) -> None:
    (row,) = [row for row in integrations() if row["name"] == "llama_index"]
    assert (row["state"], row["problems"]) == ("on", [])
