"""LlamaIndex for tests: a small index in memory, models and embeddings of the offline model, no downloads.

It takes seconds to import, so only what runs a test imports it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

import spanbook as sb
from spanbook.model import Span
from spanbook.offline import OfflineModel
from tests.integrations.conftest import Spans

TEXTS = ("Refunds take 30 days.", "Paris is sunny.")
ASK = "How long do refunds take?"


def hello() -> Any:
    """Return the messages of a chat."""
    from llama_index.core.llms import ChatMessage

    return [ChatMessage(role="user", content="Hello")]


def llm(model: OfflineModel, path: str = "", **more: Any) -> Any:
    """Return a language model that does not retry; with a path that is not there it gets 404."""
    from llama_index.core import Settings
    from llama_index.llms.openai import OpenAI

    Settings.tokenizer = str.split
    return OpenAI(model="gpt-4o-mini", api_base=model.base_url + path, api_key="sk-offline", max_retries=0, **more)


def embedding(model: OfflineModel) -> Any:
    """Return an embedding model."""
    from llama_index.embeddings.openai import OpenAIEmbedding

    return OpenAIEmbedding(model_name="text-embedding-3-small", api_base=model.base_url, api_key="sk-offline")


def index(model: OfflineModel) -> Any:
    """Return an index of two texts."""
    from llama_index.core import Document, Settings, VectorStoreIndex

    Settings.tokenizer = str.split
    return VectorStoreIndex.from_documents([Document(text=text) for text in TEXTS], embed_model=embedding(model))


def tree(spans: Sequence[Span]) -> list[str]:
    """Return the names of spans, below one another, in order of start."""
    parents = {span.span_id: span.parent_id for span in spans}

    def depth(span_id: str | None) -> int:
        return -1 if span_id not in parents else 1 + depth(parents[span_id])

    return ["  " * depth(span.span_id) + span.name for span in spans]


@pytest.fixture(name="traced")
def traced_llama(spans: Spans, model: OfflineModel) -> Iterator[Spans]:
    """The spans of a test in which LlamaIndex is traced."""
    model.rules[:] = []
    sb.instrument("llama_index")
    yield spans
    sb.uninstrument("llama_index")


@pytest.fixture(name="llm", scope="module")
def shared_llm(model: OfflineModel) -> Any:
    """A language model that the tests of a file share."""
    return llm(model)


@pytest.fixture(name="allm")
def llm_of_its_own(model: OfflineModel) -> Any:
    """A language model of its own for each event loop."""
    return llm(model)
