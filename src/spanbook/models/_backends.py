"""How each library is asked: its client (sync or async), its form, and that each call is traced once.

A call of OpenAI's or Anthropic's client goes through the machinery of their integrations: where the library is
instrumented too, or the client wrapped, the inner one sees that its call is being recorded and passes through. So there
is one span however much is on, and one too when nothing is.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from types import ModuleType
from typing import Any, Final
from weakref import WeakKeyDictionary

from ..conventions._messages import to_message
from ..integrations import is_on
from ..integrations._stainless._calls import begin
from ..integrations._stainless._plain import plain
from ..integrations._stainless._request import provider_of
from ..integrations._stainless._sdk import Accumulator, Api
from ..integrations._stainless._wrappers import run, run_async
from ..integrations.anthropic._events import MessageEvents
from ..integrations.anthropic._targets import MESSAGES
from ..integrations.openai._chunks import ChatChunks
from ..integrations.openai._targets import CHAT
from ..model import UsageError
from ..tracer import Span
from . import _anthropic, _openai
from ._asked import Asked
from ._loops import in_thread, is_background
from ._reply import Delta, Reply
from ._spans import own_span, recorded, recorded_stream

_END: Final = object()


class Backend(ABC):
    """Where the models of one provider are asked."""

    provider: str

    @abstractmethod
    async def ask(self, name: str, asked: Asked, model: str) -> Reply:
        """Return the whole answer."""

    @abstractmethod
    def stream(self, name: str, asked: Asked, model: str) -> AsyncIterator[Delta | Reply]:
        """Yield the answer in pieces, and at the end the whole."""


class SdkBackend(Backend):
    """A client of OpenAI's or Anthropic's library."""

    def __init__(self, client: Any, library: str, provider: str | None = None) -> None:
        self.client, self._library = client, library
        self.api: Api = CHAT if library == "openai" else MESSAGES
        host_provider, self._host = provider_of(self.api.sdk, client)
        self.provider = provider or host_provider
        self._is_async = any(base.__name__ == "AsyncAPIClient" for base in type(client).__mro__)
        self._form: Any = _openai if library == "openai" else _anthropic
        self._new_chunks: Callable[[], Accumulator] = ChatChunks if library == "openai" else MessageEvents
        self._copies: WeakKeyDictionary[AbstractEventLoop, Any] = WeakKeyDictionary()  # loop → the client there
        self._is_taken = False  # a loop has the client itself

    async def ask(self, name: str, asked: Asked, model: str) -> Reply:
        answer = await self._send(name, asked)
        reply: Reply = self._form.reply(self.api.to_plain(answer), model, asked.schema)
        return reply

    async def stream(self, name: str, asked: Asked, model: str) -> AsyncIterator[Delta | Reply]:
        chunks = self._new_chunks()
        answer = await self._send(name, asked)
        try:
            async for raw in self._chunks_of(answer):
                chunk = self.api.to_plain(raw)
                chunks.add(chunk)
                for delta in self._form.deltas(chunk):
                    yield delta
        finally:
            await (answer.close() if self._is_async else in_thread(answer.close))
        yield self._form.reply(chunks.response() or {}, model, asked.schema)

    async def _send(self, name: str, asked: Asked) -> Any:
        client = self._client_here()
        resource = client.chat.completions if self._library == "openai" else client.messages
        if self._library == "openai":
            is_own_host = self._host == self.api.sdk.host or self.provider == "azure"
            made = _openai.request(name, asked, is_own_host=is_own_host)
        else:
            made = _anthropic.request(name, asked)
        made = _with_extra(resource.create, made)
        request = partial(resource.create, **made)
        if self._is_async:
            call = begin(self.api, resource, made, is_async=True)
            return await (request() if call is None else run_async(call, request))

        def send() -> Any:
            call = begin(self.api, resource, made, is_async=False)
            return request() if call is None else run(call, request)

        return await in_thread(send)

    async def _chunks_of(self, answer: Any) -> AsyncIterator[Any]:
        if self._is_async:
            async for chunk in answer:
                yield chunk
            return
        pieces: Iterator[Any] = iter(answer)
        while (chunk := await in_thread(partial(next, pieces, _END))) is not _END:
            yield chunk

    def _client_here(self) -> Any:
        """Return the client, or on another loop than its first one a copy with connections of its own.

        A connection belongs to the loop that opened it. A client with a transport that is not the library's usual one
        is left alone.
        """
        if not self._is_async:
            return self.client
        loop = get_running_loop()
        if loop not in self._copies:
            is_usual = type(getattr(self.client, "_client", None)).__name__ == "AsyncHttpxClientWrapper"
            is_copied = is_usual and (self._is_taken or is_background(loop))
            self._is_taken = self._is_taken or not is_copied
            self._copies[loop] = self._copy() if is_copied else self.client
        return self._copies[loop]

    def _copy(self) -> Any:
        from importlib import import_module

        new = import_module(self._library).DefaultAsyncHttpxClient
        return self.client.copy(http_client=new(base_url=self.client.base_url, timeout=self.client.timeout))


class LitellmBackend(Backend):
    """LiteLLM: the module, or a router of its."""

    def __init__(self, client: Any, provider: str) -> None:
        self.client, self.provider = client, provider

    async def ask(self, name: str, asked: Asked, model: str) -> Reply:
        answer = self._answer(name, asked, model)
        return await (answer if is_on("litellm") else recorded(self._span(model, asked), answer))

    def stream(self, name: str, asked: Asked, model: str) -> AsyncIterator[Delta | Reply]:
        pieces = self._pieces(name, asked, model)
        return pieces if is_on("litellm") else recorded_stream(self._span(model, asked), pieces)

    async def _answer(self, name: str, asked: Asked, model: str) -> Reply:
        made = _openai.request(self._name(name), asked)
        return _openai.reply(plain(await self.client.acompletion(**made)), model, asked.schema)

    async def _pieces(self, name: str, asked: Asked, model: str) -> AsyncIterator[Delta | Reply]:
        made = _openai.request(self._name(name), asked)
        chunks = ChatChunks()
        async for piece in await self.client.acompletion(**made):
            chunk = plain(piece)
            chunks.add(chunk)
            for delta in _openai.deltas(chunk):
                yield delta
        yield _openai.reply(chunks.response() or {}, model, asked.schema)

    def _name(self, name: str) -> str:
        """Return the name as LiteLLM knows it: with the provider, unless that is LiteLLM's own or a router's."""
        is_prefixed = isinstance(self.client, ModuleType) and self.provider != "litellm"
        return f"{self.provider}/{name}" if is_prefixed else name

    def _span(self, model: str, asked: Asked) -> Span:
        provider, _, name = model.removeprefix("litellm/").partition("/")
        return own_span(name or provider, provider if name else self.provider, asked)


class FunctionBackend(Backend):
    """An async function that answers: a model of the user's own."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function, self.provider = function, "function"

    async def ask(self, name: str, asked: Asked, model: str) -> Reply:
        return await recorded(own_span(name, self.provider, asked), self._answer(name, asked, model))

    async def stream(self, name: str, asked: Asked, model: str) -> AsyncIterator[Delta | Reply]:
        reply = await self.ask(name, asked, model)
        if reply.text:
            yield Delta(reply.text)
        yield reply

    async def _answer(self, name: str, asked: Asked, model: str) -> Reply:
        given: dict[str, Any] = dict(asked.parameters)
        given |= {"tools": asked.tools} if asked.tools else {}
        given |= {"response_schema": asked.schema} if asked.schema is not None else {}
        answer = self._function(asked.messages, **given)
        if not inspect.isawaitable(answer):
            raise UsageError(f"{name} is no async function: it returned a {type(answer).__name__}. Write `async def`.")
        said = await answer
        if isinstance(said, Reply):
            return replace(said, model=said.model or model, schema=asked.schema)
        if not isinstance(said, str | Mapping):
            raise UsageError(f"{name} answered with a {type(said).__name__}; expected a message, a text or a Reply.")
        message = to_message(said, "assistant")
        return Reply(message=message, finish_reason=message.get("finish_reason"), model=model, schema=asked.schema)


@lru_cache(maxsize=64)
def _arguments(method: Any) -> frozenset[str] | None:
    """Return the names that a method of the library takes; None when it takes any."""
    parameters = inspect.signature(method).parameters.values()
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters):
        return None
    return frozenset(one.name for one in parameters)


def _with_extra(method: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Return a request with what the library does not know in ``extra_body``, which it sends as it is."""
    known = _arguments(getattr(method, "__func__", method))
    if known is None or request.keys() <= known:
        return request
    extra = {key: value for key, value in request.items() if key not in known}
    rest = {key: value for key, value in request.items() if key in known}
    return {**rest, "extra_body": {**extra, **(rest.get("extra_body") or {})}}
