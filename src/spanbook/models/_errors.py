"""Errors of the clients → ours. One function for all: LiteLLM's are OpenAI's, Anthropic's are named alike."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, Final

from ..model import (
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContentError,
    ModelContextError,
    ModelError,
    ModelRateLimitError,
    ModelRequestError,
    ModelServerError,
    ModelTimeoutError,
    SpanbookError,
)

#: Codes of OpenAI and Azure, and names of LiteLLM's classes.
_CONTEXT: Final = frozenset({"context_length_exceeded", "ContextWindowExceededError", "string_above_max_length"})
_CONTENT: Final = frozenset({"content_filter", "content_policy_violation", "ContentPolicyViolationError"})
#: For providers that say it in words only; Anthropic: "prompt is too long: 210000 tokens > 200000 maximum".
_TOO_LONG: Final = re.compile(
    r"prompt is too long|context (length|window|limit)|maximum context|too many (input )?tokens"
    r"|input (is|length).{0,40}(too long|exceeds)",
    re.IGNORECASE,
)
_NO_KEY: Final = re.compile(r"api_key|API key|credentials", re.IGNORECASE)
_KEYS: Final = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}


def to_model_error(error: Exception, model: str) -> ModelError | None:
    """Return what to raise for an error of a client; None when it is not about the model (a bug, ours or theirs)."""
    if isinstance(error, SpanbookError):  # of a model inside of this one, or about our own arguments
        return None
    kinds = {kind.__name__ for kind in type(error).__mro__}
    status, code = _status(error), _code(error)
    said = _said(error)
    kind = _kind(kinds, status, code, said)
    if kind is None:
        return None
    retry_after_s = _retry_after(error) if kind in (ModelRateLimitError, ModelServerError) else None
    happened = f"{_HAPPENED[kind]} ({status})" if status else _HAPPENED[kind]
    text = f"{model} {happened}: {said.rstrip('.')}. {_next_step(kind, model, retry_after_s, status)}"
    return kind(
        text, model=model, status=status, code=code, retry_after_s=retry_after_s,
        request_id=_text(getattr(error, "request_id", None)),
    )  # fmt: skip


def _kind(kinds: set[str], status: int | None, code: str | None, said: str) -> type[ModelError] | None:
    """Return our class: by theirs, by the status, and by what is said where these are one for several things."""
    if code in _CONTENT or kinds & _CONTENT:
        return ModelContentError
    if code in _CONTEXT or kinds & _CONTEXT or status == 413 or (status in (400, 422) and _TOO_LONG.search(said)):
        return ModelContextError
    if kinds & {"APITimeoutError", "Timeout"} or status in (408, 504):
        return ModelTimeoutError
    if status in (401, 403) or kinds & {"AuthenticationError", "PermissionDeniedError", "CredentialsError"}:
        return ModelAuthenticationError
    if status in (402, 429):
        return ModelRateLimitError
    if status is not None and status >= 500 and "APIConnectionError" not in kinds:
        return ModelServerError
    if status is not None and 400 <= status < 500:
        return ModelRequestError
    if kinds & {"TimeoutException", "TimeoutError"}:
        return ModelTimeoutError
    if kinds & {"APIConnectionError", "TransportError", "ConnectionError"}:
        return ModelConnectionError
    if ("TypeError" in kinds and "authentication method" in said) or (
        kinds & {"OpenAIError", "AnthropicError"} and _NO_KEY.search(said)
    ):
        return ModelAuthenticationError  # the clients look for the key themselves, Anthropic's with a TypeError
    if "ValueError" in kinds and said.startswith("Streaming is"):
        return ModelRequestError  # Anthropic's client: so many max_tokens may take ten minutes
    if kinds & {"APIError", "OpenAIError", "AnthropicError"}:  # in a stream, an error has no status
        return {"overloaded_error": ModelServerError, "api_error": ModelServerError, "server_error": ModelServerError,
                "rate_limit_error": ModelRateLimitError, "rate_limit_exceeded": ModelRateLimitError,
                "timeout_error": ModelTimeoutError}.get(code or "", ModelServerError)  # fmt: skip
    return None


_HAPPENED: Final = {
    ModelAuthenticationError: "did not accept the key",
    ModelRateLimitError: "is out of quota",
    ModelContextError: "got more than it can read",
    ModelContentError: "refused the content",
    ModelRequestError: "refused the request",
    ModelTimeoutError: "did not answer in time",
    ModelConnectionError: "could not be reached",
    ModelServerError: "failed",
}


def _next_step(kind: type[ModelError], model: str, retry_after_s: float | None, status: int | None) -> str:
    provider = model.partition("/")[0]
    if kind is ModelAuthenticationError:
        key = _KEYS.get(provider, f"the key of {provider}")
        return f"Set {key} in the environment, or give a client that has one: sb.use_client(client)."
    if kind is ModelRateLimitError:
        wait = f"Wait {retry_after_s:g} s" if retry_after_s is not None else "Wait"
        return f"{wait} and ask again, with fewer calls at a time, or see whether there is credit left."
    if kind is ModelRequestError and status == 404:
        return f"Look the name up in the list of models of {provider}, and whether the key may use it."
    return {
        ModelContextError: "Send fewer or shorter messages, lower max_tokens, or take a model with a larger context.",
        ModelContentError: "Change the messages, or the filter's settings at the provider.",
        ModelRequestError: "Correct what it names; arguments that spanbook does not know are passed on as given.",
        ModelTimeoutError: "Ask again, or allow more time: timeout=seconds.",
        ModelConnectionError: "See whether the address (base_url) is right and the network is up, and ask again.",
    }.get(kind, "Ask again in a moment.")


def _said(error: Exception) -> str:
    """Return the provider's own words; the clients put the status and the whole body around them."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    said = inner.get("message") if isinstance(inner, dict) else None
    text = said if isinstance(said, str) and said else str(error) or type(error).__name__
    cause = error.__cause__
    if cause is not None and said is None and str(cause) and str(cause) not in text:
        text = f"{text.rstrip('.')} ({cause})"  # "Connection error." alone says little
    return text[:500]


def _status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) and hasattr(error, "response") else None


def _code(error: Exception) -> str | None:
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    found = inner if isinstance(inner, dict) else {}
    return _text(getattr(error, "code", None)) or _text(found.get("code")) or _text(found.get("type"))


def _retry_after(error: Exception) -> float | None:
    """Return the seconds that the headers ask to wait; a date is one that is still to come."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(float(headers.get(name) or "") / scale, 0.0)
        except ValueError:
            continue
    try:
        return max(parsedate_to_datetime(headers["retry-after"]).timestamp() - time(), 0.0)
    except (KeyError, TypeError, ValueError):
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
