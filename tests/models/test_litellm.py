"""LiteLLM behind a model: any of its providers, its router, its errors."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import Any

import pytest

import spanbook as sb
from spanbook.models import Model, Reply
from spanbook.offline import OfflineModel, Rule
from tests.integrations import lite
from tests.integrations.conftest import Spans

#: It builds models of pydantic's while it runs, which complain about its own types.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:pydantic", "ignore::DeprecationWarning"),
    pytest.mark.skipif(not find_spec("litellm"), reason="litellm is not installed"),
]


@pytest.fixture(autouse=True, scope="module")
def _litellm_is_imported() -> None:
    lite.load()


@pytest.fixture
def asked(model: OfflineModel, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model of a provider that only LiteLLM knows."""
    monkeypatch.setenv("DEEPSEEK_API_KEY", "k")
    monkeypatch.setenv("DEEPSEEK_API_BASE", model.base_url)
    return sb.get_model("deepseek/deepseek-chat")


def test_other_providers_are_asked_through_it(asked: Model, model: OfflineModel, spans: Spans) -> None:
    model.rules[:] = [Rule(text="Hello to you.")]

    reply = asked.ask("Hello", temperature=0)

    assert (reply.text, reply.finish_reason) == ("Hello to you.", "stop")
    assert reply.usage["output_tokens"] > 0
    (span,) = [span for span in spans() if span.parent_id is None]
    assert (span.kind, span.provider, span.status) == ("llm", "deepseek", "ok")


def test_streams(asked: Model, model: OfflineModel, spans: Spans) -> None:
    model.rules[:] = [Rule(text="one two three")]

    async def collect() -> list[Any]:
        return [piece async for piece in asked.stream("Count")]

    *deltas, reply = asyncio.run(collect())

    assert isinstance(reply, Reply)
    assert "".join(delta.text for delta in deltas) == reply.text == "one two three"
    (span,) = [span for span in spans() if span.parent_id is None]
    assert span.first_token_ns and span.usage["output_tokens"]


def test_tools(asked: Model, model: OfflineModel) -> None:
    model.rules[:] = [Rule(tool_calls=[("f", {"x": 1})])]
    (call,) = asked.ask("Go", tools=[{"name": "f", "parameters": {"type": "object", "properties": {}}}]).tool_calls
    assert (call["name"], call["arguments"]) == ("f", {"x": 1})


def test_errors(asked: Model, model: OfflineModel, spans: Spans) -> None:
    model.rules[:] = [Rule(error=(429, "slow down"))]
    with pytest.raises(sb.ModelRateLimitError, match="deepseek/deepseek-chat is out of quota"):
        asked.ask("Hi", num_retries=0, max_retries=0)
    (span,) = [span for span in spans() if span.parent_id is None]
    assert span.status == "error"


def test_module_and_router_as_clients(model: OfflineModel) -> None:
    import litellm
    from litellm.router import Router

    model.rules[:] = [Rule(text="Hi")]
    where: dict[str, Any] = {"api_base": model.base_url, "api_key": "k"}
    sb.use_client(litellm)
    assert sb.get_model("litellm/openai/gpt-4o-mini").ask("Hello", **where).text == "Hi"
    listed = [{"model_name": "fast", "litellm_params": {"model": "openai/gpt-4o-mini", **where}}]
    sb.use_client(Router(model_list=listed), provider="router")
    assert sb.get_model("router/fast").ask("Hello").text == "Hi"


def test_unknown_provider_with_the_nearest() -> None:
    with pytest.raises(sb.UsageError, match="Did you mean 'deepseek/x'"):
        sb.get_model("deepseak/x")
