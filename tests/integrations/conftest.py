"""A store, an instrumented client and a server for each test."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import spanbook as sb
from spanbook import offline
from spanbook.model import Span as StoredSpan
from tests.integrations.wire import Wire

if TYPE_CHECKING:
    import anthropic
    import openai
    from langchain_openai import ChatOpenAI

Spans = Callable[[], list[StoredSpan]]


@pytest.fixture
def spans(tmp_path: Path) -> Iterator[Spans]:
    """Trace into a store of the test's own; the value reads all its spans in order of start."""
    from spanbook.api import _runtime

    sb.uninstrument("otel")  # another test may have left it on, and clients may trace themselves with it
    sb.init(store=tmp_path / "store.db", instrument=False)
    failures = sb.stats()["failures"]

    def read() -> list[StoredSpan]:
        assert sb.flush()
        found = [span for trace in sb.traces() for span in trace.spans]
        return sorted(found, key=lambda span: span.start_ns)

    yield read
    assert sb.stats()["failures"] == failures
    _runtime.reset()


@pytest.fixture
def instrumented(spans: Spans) -> Iterator[Spans]:
    """The same, with every OpenAI client traced."""
    sb.instrument("openai")
    yield spans
    sb.uninstrument("openai")


@pytest.fixture(scope="module")
def litellm(request: pytest.FixtureRequest) -> None:
    """Give the test module its ``litellm``, which takes seconds to import."""
    from tests.integrations import lite

    request.module.litellm = lite.load()


@pytest.fixture
def claude_traced(spans: Spans) -> Iterator[Spans]:
    """The same, with every Anthropic client traced."""
    sb.instrument("anthropic")
    yield spans
    sb.uninstrument("anthropic")


@pytest.fixture(scope="module")
def leftovers() -> Iterator[None]:
    """Let go of what a framework left open inside the module whose tests ignore warnings of that."""
    yield
    for _ in range(3):
        gc.collect()


@pytest.fixture(scope="module")
def model() -> Iterator[offline.OfflineModel]:
    """An offline model that answers at once; put rules in front of its own with ``model.rules[:] = [...]``."""
    server = offline.start(delays=False)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def model_client(model: offline.OfflineModel) -> Iterator[openai.OpenAI]:
    """One client for the tests of a module: making one loads certificates, which takes longer than a test."""
    with model.client(max_retries=0) as made:
        yield made


@pytest.fixture
def client(model: offline.OfflineModel, model_client: openai.OpenAI) -> openai.OpenAI:
    """A client of the offline model that does not retry."""
    model.rules[:] = []
    return model_client


@pytest.fixture
async def aclient(model: offline.OfflineModel) -> AsyncIterator[openai.AsyncOpenAI]:
    """The same, async."""
    model.rules[:] = []
    async with model.async_client(max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def server() -> Iterator[Wire]:
    """A server that sends what the test says."""
    made = Wire()
    yield made
    made.stop()


@pytest.fixture
def wire(server: Wire) -> Wire:
    """The same, with nothing to send and nothing received."""
    server.replies.clear()
    server.requests.clear()
    return server


@pytest.fixture(scope="module")
def wire_client(server: Wire) -> Iterator[openai.OpenAI]:
    """One client of the wire for the tests of a module, without retries."""
    import openai

    with openai.OpenAI(base_url=server.url, api_key="test", max_retries=0) as made:
        yield made


@pytest.fixture
def wclient(wire: Wire, wire_client: openai.OpenAI) -> openai.OpenAI:
    """A client of the wire, which is empty."""
    return wire_client


@pytest.fixture
async def awclient(wire: Wire) -> AsyncIterator[openai.AsyncOpenAI]:
    """The same, async."""
    import openai

    async with openai.AsyncOpenAI(base_url=wire.url, api_key="test", max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def claude_client(model: offline.OfflineModel) -> Iterator[anthropic.Anthropic]:
    """One Anthropic client of the offline model for the tests of a module, without retries."""
    with model.anthropic_client(max_retries=0) as made:
        yield made


@pytest.fixture
def claude(model: offline.OfflineModel, claude_client: anthropic.Anthropic) -> anthropic.Anthropic:
    """The same, asking a model without rules."""
    model.rules[:] = []
    return claude_client


@pytest.fixture
async def aclaude(model: offline.OfflineModel) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The same, async."""
    model.rules[:] = []
    async with model.async_anthropic_client(max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def wire_claude_client(server: Wire) -> Iterator[anthropic.Anthropic]:
    """One Anthropic client of the wire for the tests of a module, without retries."""
    import anthropic

    with anthropic.Anthropic(base_url=server.url, api_key="test", max_retries=0) as made:
        yield made


@pytest.fixture
def wclaude(wire: Wire, wire_claude_client: anthropic.Anthropic) -> anthropic.Anthropic:
    """An Anthropic client of the wire, which is empty."""
    return wire_claude_client


@pytest.fixture
async def awclaude(wire: Wire) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The same, async."""
    import anthropic

    async with anthropic.AsyncAnthropic(base_url=wire.url, api_key="test", max_retries=0) as made:
        yield made


@pytest.fixture
def langchain_traced(spans: Spans) -> Iterator[Spans]:
    """Trace every run of LangChain, and every OpenAI client."""
    sb.instrument("langchain", "openai")
    yield spans
    sb.uninstrument("langchain", "openai")


@pytest.fixture(scope="module")
def chat_model(model: offline.OfflineModel) -> ChatOpenAI:
    """LangChain's chat model, asking the offline model."""
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(base_url=model.base_url, api_key="test", model="gpt-4o-mini", temperature=0.2, max_retries=0)


@pytest.fixture
def chat(model: offline.OfflineModel, chat_model: ChatOpenAI) -> ChatOpenAI:
    """The same, asking a model without rules."""
    model.rules[:] = []
    return chat_model


@pytest.fixture
async def achat(model: offline.OfflineModel) -> AsyncIterator[ChatOpenAI]:
    """The same for async tests: its connections end with the test's loop."""
    import openai
    from langchain_openai import ChatOpenAI

    model.rules[:] = []
    options = {"base_url": model.base_url, "api_key": "test", "model": "gpt-4o-mini", "max_retries": 0}
    async with openai.DefaultAsyncHttpxClient() as http:
        yield ChatOpenAI(**options, http_async_client=http)
