"""Calls that fail, are tried again, or are cancelled; and tracing that fails itself."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pydantic
import pytest

import spanbook as sb
from spanbook.offline import OfflineModel, Rule
from tests.integrations.conftest import Spans
from tests.integrations.wire import CUT, CUT_ERRORS, DONE, Reply, Wire, chunk, completion

if TYPE_CHECKING:
    import openai

MODEL = "gpt-4o-mini"
ASK: Any = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize(
    ("status", "name"), [(400, "BadRequestError"), (429, "RateLimitError"), (500, "InternalServerError")]
)
@pytest.mark.parametrize("stream", [False, True])
def test_status_error(
    instrumented: Spans, model: OfflineModel, client: openai.OpenAI, status: int, name: str, stream: bool
) -> None:
    import openai

    model.rules[:] = [Rule(error=(status, "no, sorry"))]

    with pytest.raises(openai.APIStatusError, match="no, sorry"):
        client.chat.completions.create(**ASK, stream=stream)

    (span,) = instrumented()
    assert (span.status, span.error_type) == ("error", name)
    assert span.error is not None
    assert "no, sorry" in span.error["message"]
    assert span.attributes["http.response.status_code"] == status
    assert span.model == MODEL
    assert span.input[0]["parts"][0]["content"] == "Hello"


def test_connection_cut_before_the_first_byte(instrumented: Spans, model: OfflineModel, client: openai.OpenAI) -> None:
    import openai

    model.rules[:] = [Rule(cut_after=0)]

    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(**ASK)

    (span,) = instrumented()
    assert (span.status, span.error_type) == ("error", "APIConnectionError")


async def test_async_error(instrumented: Spans, model: OfflineModel, aclient: openai.AsyncOpenAI) -> None:
    import openai

    model.rules[:] = [Rule(error=(400, "no, sorry"))]

    with pytest.raises(openai.BadRequestError):
        await aclient.responses.create(model=MODEL, input="Hello")

    (span,) = instrumented()
    assert (span.name, span.status) == ("responses gpt-4o-mini", "error")


def test_retries_are_one_span_with_the_attempts_noted(
    instrumented: Spans, model: OfflineModel, client: openai.OpenAI
) -> None:
    model.rules[:] = [
        Rule(error=(429, "slow down"), times=1, retry_after_s=0.01),
        Rule(error=(503, "busy"), times=1, retry_after_s=0.01),
    ]

    client.with_options(max_retries=3).chat.completions.create(**ASK)

    (span,) = instrumented()
    assert span.status == "ok"
    assert span.attributes["openai.retries"] == 2
    assert [(event.name, event.data["attempt"], event.data["status"]) for event in span.events] == [
        ("retry", 1, 429),
        ("retry", 2, 503),
    ]


async def test_async_retries_that_fail_at_last(
    instrumented: Spans, model: OfflineModel, aclient: openai.AsyncOpenAI
) -> None:
    import openai

    model.rules[:] = [Rule(error=(429, "slow down"), retry_after_s=0.01)]

    with pytest.raises(openai.RateLimitError):
        await aclient.with_options(max_retries=1).chat.completions.create(**ASK)

    (span,) = instrumented()
    assert (span.status, span.attributes["openai.retries"]) == ("error", 1)


def test_retries_are_known_without_the_private_hook(
    spans: Spans, model: OfflineModel, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the header of the last attempt, where the SDK shows it."""
    from spanbook.integrations.openai import _targets

    monkeypatch.setattr(_targets, "RETRIES", [])
    model.rules[:] = [Rule(error=(429, "slow down"), times=1, retry_after_s=0.01)]

    sb.instrument("openai")
    list(client.with_options(max_retries=2).chat.completions.create(**ASK, stream=True))
    sb.uninstrument("openai")

    (span,) = spans()
    assert span.attributes["openai.retries"] == 1


def test_answer_that_cannot_be_parsed(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    """The SDK refuses an answer cut off by its length, and hands it over with the error."""
    import openai

    class City(pydantic.BaseModel):
        name: str

    cut = completion('{"na')
    cut["choices"][0]["finish_reason"] = "length"
    wire.replies = [Reply(json=cut)]

    with pytest.raises(openai.LengthFinishReasonError):
        wclient.chat.completions.parse(**ASK, response_format=City)

    (span,) = instrumented()
    assert (span.status, span.finish_reason) == ("error", "length")
    assert span.output[0]["parts"][0]["content"] == '{"na'
    assert span.usage["input_tokens"] == 7


async def test_cancelled_before_the_answer(instrumented: Spans, wire: Wire, awclient: openai.AsyncOpenAI) -> None:
    hold = threading.Event()
    wire.replies = [Reply(events=[hold, DONE])]

    task = asyncio.create_task(awclient.chat.completions.create(**ASK))
    while not wire.requests:
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    hold.set()

    (span,) = instrumented()
    assert (span.status, span.error_type) == ("error", "CancelledError")


async def test_task_cancelled_before_its_first_step(spans: Spans, aclient: openai.AsyncOpenAI) -> None:
    """No span, and no coroutine of the SDK that was never awaited (warnings are errors here)."""
    sb.instrument("openai")
    task = asyncio.create_task(aclient.chat.completions.create(**ASK))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    sb.uninstrument("openai")

    assert spans() == []


def test_wrong_arguments_fail_as_before(instrumented: Spans, client: openai.OpenAI) -> None:
    with pytest.raises(TypeError, match="Missing required arguments"):
        client.chat.completions.create(model=MODEL)  # type: ignore[call-overload]

    (span,) = instrumented()
    assert span.status == "error"


def test_tracing_that_fails_leaves_the_call_alone(
    spans: Spans, wire: Wire, wclient: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place that looks at the user's data breaks; answers are the same, failures are counted and said."""
    from spanbook.integrations._stainless import _calls, _recorders
    from spanbook.tracer import _report

    def broken(*args: Any) -> Any:
        raise RuntimeError("defect")

    before = _report.errors.copy()
    _report.forget_said()
    sb.instrument("openai")
    wire.replies = [
        Reply(json=completion("Hi")),
        Reply(events=[chunk("Hi", finish="stop"), DONE]),
        Reply(json=completion("Hi")),
    ]

    with monkeypatch.context() as patch:
        patch.setattr(_calls, "response_error", broken)
        patch.setattr(_recorders, "plain", broken)
        with pytest.warns(sb.SpanbookWarning, match="your program is unaffected"):
            answer = wclient.chat.completions.create(**ASK)
        with pytest.warns(sb.SpanbookWarning, match="your program is unaffected"):
            pieces = list(wclient.chat.completions.create(**ASK, stream=True))
        patch.setattr(_calls, "request_of", broken)
        with pytest.warns(sb.SpanbookWarning, match="your program is unaffected"):
            untraced = wclient.chat.completions.create(**ASK)
    sb.uninstrument("openai")

    assert answer == untraced
    assert len(pieces) == 1
    assert [span.status for span in spans()] == ["ok", "ok"]
    assert sb.stats()["failures"].keys() >= {
        "trace an OpenAI call",
        "record an OpenAI response",
        "record an OpenAI stream",
    }
    _report.errors.clear()
    _report.errors.update(before)


def test_connection_cut_after_headers(instrumented: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(events=[CUT])]

    with pytest.raises(CUT_ERRORS):
        list(wclient.chat.completions.create(**ASK, stream=True))

    (span,) = instrumented()
    assert span.status == "error"
    assert span.output is None
