"""What goes wrong with litellm's calls, what it tries instead, and how it is patched."""

from __future__ import annotations

import asyncio
import threading
import types
from collections.abc import Iterator
from typing import Any

import pytest

import spanbook as sb
from spanbook.integrations import integrations
from spanbook.offline import OfflineModel
from tests.integrations import lite
from tests.integrations.conftest import Spans
from tests.integrations.lite import HELLO, MODEL, UNKNOWN

litellm: Any = None  # set by a fixture, so that only the worker that runs these tests imports it
#: litellm warns of itself, and leaves tasks and clients to the event loop.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("leftovers", "litellm")]


@pytest.fixture
def traced(spans: Spans, model: OfflineModel) -> Iterator[Spans]:
    model.rules[:] = []
    with lite.traced(spans) as reading:
        yield reading


@pytest.fixture
def ask(model: OfflineModel) -> dict[str, Any]:
    return {"messages": HELLO, **lite.openai_at(model)}


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_error(traced: Spans, ask: dict[str, Any], is_async: bool) -> None:
    with pytest.raises(litellm.exceptions.NotFoundError):
        await litellm.acompletion(UNKNOWN, **ask) if is_async else litellm.completion(UNKNOWN, **ask)

    (span,) = traced()
    assert (span.status, span.provider, span.attributes["http.response.status_code"]) == ("error", "openai", 404)
    assert span.error is not None
    assert (span.error["type"], span.error["module"]) == ("NotFoundError", "litellm.exceptions")
    assert "Traceback" in span.error["traceback"]


def test_an_error_before_anything_is_sent(traced: Spans) -> None:
    with pytest.raises(litellm.exceptions.BadRequestError):
        litellm.completion("nobody/knows", HELLO)

    (span,) = traced()
    assert (span.status, span.model) == ("error", "nobody/knows")


def test_retries_are_events_of_one_call(traced: Spans, ask: dict[str, Any]) -> None:
    with pytest.raises(litellm.exceptions.NotFoundError):
        litellm.completion(UNKNOWN, num_retries=2, **ask)

    (span,) = traced()
    assert [(event.name, event.data["status"]) for event in span.events] == [("retry", 404), ("retry", 404)]


@pytest.mark.parametrize("in_loop", [False, True])
def test_a_fallback_is_part_of_the_call(traced: Spans, ask: dict[str, Any], in_loop: bool) -> None:
    """Inside a running loop litellm makes the attempts in a thread of its own."""

    async def inside() -> None:
        litellm.completion(UNKNOWN, fallbacks=[MODEL], **ask)

    with sb.span("ask"):
        asyncio.run(inside()) if in_loop else litellm.completion(UNKNOWN, fallbacks=[MODEL], **ask)

    _, span = traced()
    assert (span.status, span.model, span.attributes["gen_ai.request.model"]) == ("ok", "gpt-4o-mini", "no-such-model")
    assert [event.data["error"] for event in span.events] == ["NotFoundError"]
    assert span.attributes["litellm.failed_attempts"] == 1


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_router_is_a_chain_of_its_attempts(traced: Spans, ask: dict[str, Any], is_async: bool) -> None:
    messages = ask.pop("messages")
    router = litellm.Router(
        model_list=[
            {"model_name": "first", "litellm_params": {"model": UNKNOWN, **ask}},
            {"model_name": "second", "litellm_params": {"model": MODEL, **ask}},
        ],
        fallbacks=[{"first": ["second"]}],
        num_retries=0,
    )

    if is_async:
        answer = await router.acompletion("first", messages)
    else:
        answer = router.completion("first", messages)

    chain, failed, answered = traced()
    assert [(span.name, span.kind, span.status) for span in (chain, failed, answered)] == [
        ("router first", "chain", "ok"),
        ("chat no-such-model", "llm", "error"),
        ("chat gpt-4o-mini", "llm", "ok"),
    ]
    assert {failed.parent_id, answered.parent_id} == {chain.span_id}
    assert chain.output == answered.output
    assert sb.traces()[0].summary.input_tokens == answer.usage.prompt_tokens
    assert answered.metadata["model_group"] == "second"


async def test_a_stream_of_a_router(traced: Spans, ask: dict[str, Any]) -> None:
    messages = ask.pop("messages")
    router = litellm.Router(model_list=[{"model_name": "only", "litellm_params": {"model": MODEL, **ask}}])

    said = [
        piece.choices[0].delta.content or "" async for piece in await router.acompletion("only", messages, stream=True)
    ]

    chain, span = traced()
    assert (chain.kind, span.parent_id, span.level) == ("chain", chain.span_id, None)
    assert lite.text_of(span) == "".join(said)


def test_a_callback_of_the_user_that_asks_a_model_is_a_call_of_its_own(
    traced: Spans, ask: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    has_asked = threading.Event()

    def judge(*_: Any) -> None:
        monkeypatch.setattr(litellm, "success_callback", [])
        litellm.embedding("openai/text-embedding-3-small", input=["x"], **{k: v for k, v in ask.items() if "api" in k})
        has_asked.set()

    monkeypatch.setattr(litellm, "success_callback", [judge])
    litellm.completion(MODEL, **ask)
    assert has_asked.wait(10)

    first, second = traced()
    assert [first.kind, second.kind] == ["llm", "embedding"]


def test_a_name_taken_before_tracing_was_on_is_traced(
    spans: Spans, ask: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    notebook: Any = types.ModuleType("notebook_of_the_user")
    notebook.completion = litellm.completion
    monkeypatch.setitem(sys.modules, "notebook_of_the_user", notebook)
    original = litellm.completion

    with lite.traced(spans):
        notebook.completion(MODEL, **ask)

    assert len(spans()) == 1
    assert notebook.completion is litellm.completion is original


def test_a_name_taken_while_tracing_was_on_is_given_back(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    original, notebook = litellm.acompletion, types.ModuleType("notebook_of_the_user")
    monkeypatch.setitem(sys.modules, "notebook_of_the_user", notebook)
    with lite.traced(spans):
        vars(notebook)["acompletion"] = litellm.acompletion

    assert vars(notebook)["acompletion"] is original


def test_everything_is_put_back(spans: Spans) -> None:
    from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
    from litellm.router_rust.core import RustCore

    owners = (litellm, litellm.main, CustomStreamWrapper, RustCore)
    before = [dict(vars(owner)) for owner in owners]
    with lite.traced(spans):
        during = [dict(vars(owner)) for owner in owners]

    assert all(a != b for a, b in zip(before, during, strict=True))
    assert [dict(vars(owner)) for owner in owners] == before


def test_it_has_a_row_among_the_integrations(traced: Spans) -> None:
    (row,) = [row for row in integrations() if row["name"] == "litellm"]
    assert (row["state"], row["problems"]) == ("on", [])
