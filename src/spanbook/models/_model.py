"""One model: asked with ``await``, as a stream, or from where nothing can be awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from ._asked import Asked, as_messages, as_tools
from ._backends import Backend
from ._errors import to_model_error
from ._loops import run
from ._reply import Delta, Reply


class Model:
    """A model that answers messages; made by :func:`spanbook.get_model`.

    ``await model(messages)`` returns a :class:`Reply`, ``model.stream(messages)`` yields it in pieces, and
    ``model.ask(messages)`` is the first without ``await``, also where a notebook's loop runs.

    All three take:

    - ``messages``: a text, or messages (ours, ``{"role", "parts"}``, or as OpenAI and Anthropic write them);
    - ``tools``: what the model may call, each ``{"name", "description", "parameters": JSON schema}``;
    - ``response_schema``: a JSON schema, or a class that pydantic reads; ``reply.parsed`` is then such a value. The
      provider's own structured output is used;
    - parameters by the names that OpenAI has: ``temperature``, ``top_p``, ``max_tokens``, ``stop``, ``seed``,
      ``tool_choice`` (``"auto"``, ``"none"``, ``"required"``, a tool's name), ``parallel_tool_calls``, ``timeout``.
      They are translated for Anthropic; whatever else is given is passed on to the provider.

    Each call is one span. What goes wrong is a :class:`spanbook.ModelError`, whatever the library.
    """

    def __init__(self, name: str, backend: Backend) -> None:
        self.name = name  # "provider/name"
        self.provider = backend.provider
        self._short = name.partition("/")[2] or name
        self._backend = backend

    async def __call__(
        self,
        messages: str | Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        response_schema: Any = None,
        **parameters: Any,
    ) -> Reply:
        """Return the model's answer.

        Raises:
            ModelError: it did not answer; the class says why.
            UsageError: an argument is wrong, or holds what cannot be sent.
        """
        asked = _asked(messages, tools, response_schema, parameters)
        try:
            return await self._backend.ask(self._short, asked, self.name)
        except Exception as error:
            problem = to_model_error(error, self.name)
            if problem is None:
                raise
            raise problem from error

    async def stream(
        self,
        messages: str | Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        response_schema: Any = None,
        **parameters: Any,
    ) -> AsyncIterator[Delta | Reply]:
        """Yield a :class:`Delta` for each piece, and at last the whole :class:`Reply`; errors as when called."""
        asked = _asked(messages, tools, response_schema, parameters, is_stream=True)
        pieces: Any = self._backend.stream(self._short, asked, self.name)
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece
        except Exception as error:
            problem = to_model_error(error, self.name)
            if problem is None:
                raise
            raise problem from error

    def ask(
        self,
        messages: str | Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        response_schema: Any = None,
        **parameters: Any,
    ) -> Reply:
        """Return the model's answer without ``await``; errors as when called."""
        return run(self(messages, tools=tools, response_schema=response_schema, **parameters))

    def __repr__(self) -> str:
        return f"<Model {self.name!r}>"


def _asked(messages: Any, tools: Any, schema: Any, parameters: Mapping[str, Any], *, is_stream: bool = False) -> Asked:
    if schema is not None and not isinstance(schema, Mapping | type):
        from ..model import UsageError

        raise UsageError(f"response_schema={schema!r:.80} is neither a JSON schema nor a class; give one of them.")
    return Asked(
        messages=as_messages(messages), tools=as_tools(tools), schema=schema, parameters=parameters,
        is_stream=is_stream,
    )  # fmt: skip
