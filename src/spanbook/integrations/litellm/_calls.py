"""One call of a function of litellm and its span; what litellm calls inside it is part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...tracer import start_span
from .._guard import guard
from .._stainless._calls import Call, active_call, twin_of
from .._stainless._request import request_of
from .._stainless._sdk import Api
from ._request import provider_named, resolve, who_and_where

#: Arguments that only litellm itself gives: it calls its own functions again.
_INNER: Final = frozenset(
    "acompletion aembedding aresponses atext_completion litellm_call_id litellm_logging_obj "
    "_skip_responses_api_bridge".split()
)


class LiteCall(Call):
    """A call of litellm: like one of a client, but any provider may answer, after any number of attempts."""

    __slots__ = ("_failed", "attempts", "model")

    def __init__(self, api: Api, arguments: Mapping[str, Any], is_async: bool) -> None:
        self.api, self.resource, self.is_async, self.retries = api, None, is_async, 0
        self.attempts, self._twin = 0, twin_of(api.kind)
        self._failed: BaseException | None = None
        request = request_of(api.sdk, arguments)
        self.model, provider = resolve(arguments)
        fields: dict[str, Any] = {"format": api.format, **who_and_where(arguments)}
        if self.model:
            fields["model"] = request["model"] = self.model
        if provider:
            fields.update(_provider(provider))
        name = f"{api.operation} {self.model}" if self.model else api.operation
        self.span = start_span(name, api.kind, request, **fields)

    def recording(self, what: str) -> guard:
        """Return the guard for a block that records ``what`` of this call."""
        return guard(f"record a {self.api.sdk.label} {what}")

    def fail(self, error: BaseException) -> None:
        """End the span with the error, which tells the provider."""
        with self.recording("error"):
            provider = getattr(error, "llm_provider", None)
            if isinstance(provider, str) and provider:
                self.span.set(**_provider(provider))
        super().fail(error)

    def succeed(self, result: Any) -> None:
        """Record the result and end the span, or leave that to the stream that the result is."""
        from ._streams import watch

        is_watched = False
        with self.recording("response"):
            is_watched = watch(self, result)
            if not is_watched:
                self.note_hidden(result)
                self.set_response(self.api.to_plain(result))
        if not is_watched:
            self.span.end()

    def set_response(self, raw: Any, **fields: Any) -> None:
        """Set the raw response as output; some providers' models come with the provider before their name."""
        model = raw.get("model") if isinstance(raw, dict) else None
        if isinstance(model, str) and self.model and model != self.model and model.endswith(f"/{self.model}"):
            raw = {**raw, "model": self.model}
        super().set_response(raw, **fields)

    def note_hidden(self, result: Any) -> None:
        """Take what litellm says beside the answer: who gave it, what it cost, whether it came from its cache."""
        hidden = getattr(result, "_hidden_params", None)
        if not isinstance(hidden, Mapping):
            return
        provider, cost = hidden.get("custom_llm_provider"), hidden.get("response_cost")
        provider = provider or getattr(result, "custom_llm_provider", None)  # of a stream
        is_cached = hidden.get("cache_hit") or provider == "cached_response"
        if isinstance(provider, str) and provider and not is_cached:
            self.span.set(**_provider(provider))
        if is_cached:
            self.span.set(cost_usd=0.0, attributes={"litellm.cache_hit": True})
        elif isinstance(cost, int | float) and cost > 0:  # 0 stands for models without a price, too
            self.span.set(cost_usd=float(cost))
        if self.attempts:
            self.span.set(attributes={"litellm.failed_attempts": self.attempts})

    def note_failed(self, arguments: Mapping[str, Any], error: BaseException) -> None:
        """Record that an attempt inside this call failed; litellm may make another one."""
        with self.recording("retry"):
            if error is self._failed:  # on its way out through another function of litellm
                return
            self._failed = error
            self.attempts += 1
            data = {
                "attempt": self.attempts,
                "model": arguments.get("model"),
                "status": getattr(error, "status_code", None),
                "error": type(error).__name__,
            }
            self.span.event("retry", {key: value for key, value in data.items() if value is not None})

    def leave(self) -> None:
        """Make current what was before; let go of the error, whose traceback holds the user's frames."""
        self._failed = None
        super().leave()


def outer_call(arguments: Mapping[str, Any]) -> LiteCall | None:
    """Return the call inside which litellm makes this one, None when it is the program's own.

    A callback of the user that runs inside a call, or later in the context of it, may call litellm anew.
    """
    call = active_call()
    return call if isinstance(call, LiteCall) and not _INNER.isdisjoint(arguments) else None


def begin(
    api: Api, names: Sequence[str], args: tuple[Any, ...], kwargs: Mapping[str, Any], *, is_async: bool
) -> LiteCall | None:
    """Start the span of a call; None when nothing is recorded."""
    with guard(f"trace a {api.sdk.label} call"):
        call = LiteCall(api, {**dict(zip(names, args, strict=False)), **kwargs}, is_async)
        if call.span.is_recording:
            return call
    return None


def _provider(name: str) -> dict[str, Any]:
    ours = provider_named(name)
    return {"provider": ours} if ours == name else {"provider": ours, "attributes": {"litellm.provider": name}}
