"""Errors of every library as one family, each with the model, what happened and the next step."""

from __future__ import annotations

from typing import Any

import pytest

import spanbook as sb
from spanbook.models import Model
from spanbook.offline import OfflineModel, Rule
from tests.integrations.conftest import Spans
from tests.integrations.wire import CUT, Reply, Wire

anthropic: Any = None  # set by a fixture, so that only the worker that runs these tests imports it
pytestmark = pytest.mark.usefixtures("anthropic")


def openai_model(url: str, **options: Any) -> Model:
    """Return a model asked through OpenAI's sync client."""
    import openai

    client = openai.OpenAI(base_url=url, api_key="test", max_retries=0, **options)
    sb.use_client(client, provider="mine")
    return sb.get_model("mine/gpt-4o-mini")


def claude_model(url: str, **options: Any) -> Model:
    """Return a model asked through Anthropic's."""
    sb.use_client(anthropic.Anthropic(base_url=url, api_key="test", max_retries=0, **options), provider="mine")
    return sb.get_model("mine/claude-sonnet-5")


def openai_error(message: str, code: str | None = None) -> dict[str, Any]:
    """Return the body of an error of OpenAI's."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def claude_error(kind: str, message: str) -> dict[str, Any]:
    """Return the body of an error of Anthropic's."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (401, openai_error("Incorrect API key", "invalid_api_key"), sb.ModelAuthenticationError, "Set the key of mine"),
        (403, openai_error("Not yours"), sb.ModelAuthenticationError, "Set the key"),
        (404, openai_error("No such model", "model_not_found"), sb.ModelRequestError, "Look the name up"),
        (400, openai_error("Bad temperature"), sb.ModelRequestError, "Correct what it names"),
        (400, openai_error("Too long", "context_length_exceeded"), sb.ModelContextError, "larger context"),
        (400, openai_error("This model's maximum context length is 8 tokens"), sb.ModelContextError, "larger context"),
        (400, openai_error("Filtered", "content_filter"), sb.ModelContentError, "Change the messages"),
        (429, openai_error("Slow down", "rate_limit_exceeded"), sb.ModelRateLimitError, "Wait and ask again"),
        (500, openai_error("Oops"), sb.ModelServerError, "Ask again"),
        (504, openai_error("Too slow"), sb.ModelTimeoutError, "timeout=seconds"),
    ],
)
def test_errors_of_openai(wire: Wire, status: int, body: Any, kind: type[sb.ModelError], said: str) -> None:
    wire.replies = [Reply(json=body, status=status, headers={"x-request-id": "req_9"})]

    with pytest.raises(kind, match=rf"mine/gpt-4o-mini .*\({status}\): .*{said}") as caught:
        openai_model(wire.url).ask("Hi")

    error = caught.value
    assert (error.model, error.status, error.request_id) == ("mine/gpt-4o-mini", status, "req_9")
    assert body["error"]["message"] in str(error)
    assert type(error.__cause__).__module__ == "openai"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, claude_error("authentication_error", "invalid x-api-key"), sb.ModelAuthenticationError),
        (400, claude_error("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"), sb.ModelContextError),
        (413, claude_error("request_too_large", "Request too large"), sb.ModelContextError),
        (400, claude_error("invalid_request_error", "messages: roles must alternate"), sb.ModelRequestError),
        (429, claude_error("rate_limit_error", "Slow down"), sb.ModelRateLimitError),
        (529, claude_error("overloaded_error", "Overloaded"), sb.ModelServerError),
    ],
)
def test_errors_of_anthropic(wire: Wire, status: int, body: Any, kind: type[sb.ModelError]) -> None:
    wire.replies = [Reply(json=body, status=status)]

    with pytest.raises(kind) as caught:
        claude_model(wire.url.removesuffix("/v1")).ask("Hi")

    assert caught.value.code == body["error"]["type"]
    assert type(caught.value.__cause__).__module__.startswith("anthropic")


@pytest.mark.parametrize("headers", [{"retry-after": "7"}, {"retry-after-ms": "7000"}])
def test_how_long_to_wait(wire: Wire, headers: dict[str, str]) -> None:
    wire.replies = [Reply(json=openai_error("Slow down"), status=429, headers=headers)]

    with pytest.raises(sb.ModelRateLimitError, match="Wait 7 s and ask again") as caught:
        openai_model(wire.url).ask("Hi")

    assert (caught.value.retry_after_s, caught.value.can_retry) == (7.0, True)


@pytest.mark.parametrize("make", [openai_model, claude_model])
def test_nobody_listens(make: Any) -> None:
    with pytest.raises(sb.ModelConnectionError, match=r"could not be reached: .*refused.*base_url") as caught:
        make("http://127.0.0.1:9/v1").ask("Hi")
    assert isinstance(caught.value, ConnectionError)


@pytest.mark.parametrize("make", [openai_model, claude_model])
def test_too_slow(model: OfflineModel, make: Any) -> None:
    model.rules[:] = [Rule(delay_s=5)]
    url = model.base_url if make is openai_model else model.anthropic_url

    with pytest.raises(sb.ModelTimeoutError, match="did not answer in time") as caught:
        make(url).ask("Hi", timeout=0.05)

    assert isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("make", [openai_model, claude_model])
async def test_a_stream_that_breaks(model: OfflineModel, make: Any) -> None:
    model.rules[:] = [Rule(text="one two three four", cut_after=2)]
    url = model.base_url if make is openai_model else model.anthropic_url

    with pytest.raises(sb.ModelConnectionError):
        _ = [piece async for piece in make(url).stream("Hi")]


@pytest.mark.parametrize("make", [openai_model, claude_model])
async def test_an_error_in_a_stream(model: OfflineModel, make: Any) -> None:
    model.rules[:] = [Rule(text="one two three four", error=(529, "Overloaded"), error_after=1)]
    url = model.base_url if make is openai_model else model.anthropic_url

    with pytest.raises(sb.ModelServerError, match="Overloaded"):
        _ = [piece async for piece in make(url).stream("Hi")]


def test_the_span_has_the_clients_error(spans: Spans, wire: Wire) -> None:
    wire.replies = [Reply(json=openai_error("Bad temperature"), status=400)]

    with pytest.raises(sb.ModelRequestError):
        openai_model(wire.url).ask("Hi")

    (span,) = spans()
    assert span.status == "error" and span.error is not None and span.error["type"] == "BadRequestError"


@pytest.mark.parametrize("library", ["openai", "anthropic"])
def test_no_key(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(sb.ModelAuthenticationError, match=rf"Set {library.upper()}_API_KEY in the environment"):
        sb.get_model(f"{library}/some-model").ask("Hi")


def test_a_bug_stays_what_it_is() -> None:
    async def broken(messages: Any) -> str:
        raise TypeError("unexpected keyword argument 'api_key'")

    with pytest.raises(TypeError, match="unexpected keyword"):
        sb.get_model(broken).ask("Hi")


def test_a_cut_before_the_answer(wire: Wire) -> None:
    wire.replies = [Reply(events=[CUT])]
    with pytest.raises(sb.ModelError):
        openai_model(wire.url).ask("Hi")


def test_more_tokens_than_can_be_waited_for(model: OfflineModel) -> None:
    with pytest.raises(sb.ModelRequestError, match="Streaming is"):
        claude_model(model.anthropic_url).ask("Hi", max_tokens=200_000)
