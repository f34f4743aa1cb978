"""Calls of Anthropic's client that fail, are tried again, or are cancelled; and tracing that fails itself."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import spanbook as sb
from spanbook.offline import OfflineModel, Rule
from tests.integrations.claude import ASK, HI, MODEL, message
from tests.integrations.conftest import Spans
from tests.integrations.wire import Reply, Wire

anthropic: Any = None  # set by a fixture, so that only the worker that runs these tests imports it
pytestmark = pytest.mark.usefixtures("anthropic")


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "BadRequestError", "invalid_request_error"),
        (429, "RateLimitError", "rate_limit_error"),
        (500, "InternalServerError", "api_error"),
        (529, "OverloadedError", "overloaded_error"),
    ],
)
@pytest.mark.parametrize("way", ["create", "stream", "helper"])
def test_status_error(
    claude_traced: Spans, model: OfflineModel, claude: Any, status: int, name: str, kind: str, way: str
) -> None:
    model.rules[:] = [Rule(error=(status, "no, sorry"))]

    def ask() -> None:
        if way == "helper":
            with claude.messages.stream(**ASK):
                pass
        else:
            claude.messages.create(**ASK, stream=way == "stream")

    with pytest.raises(anthropic.APIStatusError, match="no, sorry"):
        ask()

    (span,) = claude_traced()
    assert (span.status, span.error_type, span.model) == ("error", name, MODEL)
    assert span.error is not None
    assert "no, sorry" in span.error["message"]
    assert span.attributes["http.response.status_code"] == status
    assert span.attributes["anthropic.error_code"] == kind
    assert span.attributes["anthropic.request_id"].startswith("req_offline")
    assert span.input[0]["parts"][0]["content"] == "Hello"


async def test_async_helper_that_fails(claude_traced: Spans, model: OfflineModel, aclaude: Any) -> None:
    model.rules[:] = [Rule(error=(400, "no, sorry"))]

    with pytest.raises(anthropic.BadRequestError):
        async with aclaude.messages.stream(**ASK):
            pass

    assert [span.status for span in claude_traced()] == ["error"]


def test_connection_cut_before_the_first_byte(claude_traced: Spans, model: OfflineModel, claude: Any) -> None:
    model.rules[:] = [Rule(cut_after=0)]

    with pytest.raises(anthropic.APIConnectionError):
        claude.messages.create(**ASK)

    assert claude_traced()[0].error_type == "APIConnectionError"


def test_retries_are_one_span_with_the_attempts_noted(claude_traced: Spans, model: OfflineModel, claude: Any) -> None:
    model.rules[:] = [
        Rule(error=(429, "slow down"), times=1, retry_after_s=0.01),
        Rule(error=(529, "Overloaded"), times=1, retry_after_s=0.01),
    ]

    claude.with_options(max_retries=3).messages.create(**ASK)

    (span,) = claude_traced()
    assert (span.status, span.attributes["anthropic.retries"]) == ("ok", 2)
    assert [(event.name, event.data["attempt"], event.data["status"]) for event in span.events] == [
        ("retry", 1, 429),
        ("retry", 2, 529),
    ]


async def test_async_retries_that_fail_at_last(claude_traced: Spans, model: OfflineModel, aclaude: Any) -> None:
    model.rules[:] = [Rule(error=(429, "slow down"), retry_after_s=0.01)]

    with pytest.raises(anthropic.RateLimitError):
        await aclaude.with_options(max_retries=1).messages.create(**ASK)

    (span,) = claude_traced()
    assert (span.status, span.attributes["anthropic.retries"]) == ("error", 1)


async def test_cancelled_before_the_answer(claude_traced: Spans, wire: Wire, awclaude: Any) -> None:
    hold = threading.Event()
    wire.replies = [Reply(events=[hold])]

    task = asyncio.create_task(awclaude.messages.create(**ASK))
    while not wire.requests:
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    hold.set()

    (span,) = claude_traced()
    assert (span.status, span.error_type) == ("error", "CancelledError")


async def test_task_cancelled_before_its_first_step(claude_traced: Spans, aclaude: Any) -> None:
    """No span, and no coroutine of the SDK that was never awaited (warnings are errors here)."""
    task = asyncio.create_task(aclaude.messages.create(**ASK))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert claude_traced() == []


def test_wrong_arguments_fail_as_before(claude_traced: Spans, claude: Any) -> None:
    with pytest.raises(TypeError, match="Missing required arguments"):
        claude.messages.create(model=MODEL)

    assert claude_traced()[0].status == "error"


async def test_wrong_arguments_of_an_async_call(claude_traced: Spans, aclaude: Any) -> None:
    with pytest.raises(TypeError, match="Missing required arguments"):
        await aclaude.messages.create(model=MODEL)

    assert claude_traced()[0].status == "error"


def test_manager_of_an_unknown_layout_is_left_alone(spans: Spans, claude: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call goes on untraced, which is said once."""
    from spanbook.integrations.anthropic import _managers
    from spanbook.tracer import _report

    before = _report.errors.copy()
    _report.forget_said()
    monkeypatch.setattr(_managers, "_REQUEST", "__elsewhere")
    sb.instrument("anthropic")
    with pytest.warns(sb.SpanbookWarning, match="keeps its request elsewhere"), claude.messages.stream(**ASK) as stream:
        assert stream.get_final_message().content
    sb.uninstrument("anthropic")

    assert spans() == []
    assert "trace an Anthropic stream" in sb.stats()["failures"]
    _report.errors.clear()
    _report.errors.update(before)


def test_tracing_that_fails_leaves_the_call_alone(
    spans: Spans, wire: Wire, wclaude: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spanbook.integrations._stainless import _calls, _recorders
    from spanbook.tracer import _report

    def broken(*args: Any) -> Any:
        raise RuntimeError("defect")

    before = _report.errors.copy()
    _report.forget_said()
    sb.instrument("anthropic")
    wire.replies = [Reply(json=message("Hi")), Reply(events=HI), Reply(json=message("Hi"))]
    with monkeypatch.context() as patch:
        patch.setattr(_calls, "response_error", broken)
        patch.setattr(_recorders, "plain", broken)
        with pytest.warns(sb.SpanbookWarning, match="your program is unaffected"):
            answer = wclaude.messages.create(**ASK)
        with pytest.warns(sb.SpanbookWarning, match="your program is unaffected"):
            pieces = list(wclaude.messages.create(**ASK, stream=True))
        patch.setattr(_calls, "request_of", broken)
        with pytest.warns(sb.SpanbookWarning, match="your program is unaffected"):
            untraced = wclaude.messages.create(**ASK)
    sb.uninstrument("anthropic")

    assert (answer, len(pieces)) == (untraced, 7)
    assert [span.status for span in spans()] == ["ok", "ok"]
    _report.errors.clear()
    _report.errors.update(before)
