"""Where the SDK's calls are: modules, classes, methods, and what each means."""

from __future__ import annotations

from typing import Final

from .._patch import Target
from .._stainless._clients import Clients
from .._stainless._plain import plain
from .._stainless._sdk import Api, Sdk
from .._stainless._wrappers import RETRIES, wrap_async, wrap_sync
from ._events import MessageEvents
from ._managers import wrap_stream
from ._request import adapt, provider

ANTHROPIC: Final = Sdk(
    name="anthropic",
    label="Anthropic",
    host="api.anthropic.com",
    request_id_header="request-id",
    error_code="type",
    provider=provider,
    adapt=adapt,
)
MESSAGES: Final = Api(ANTHROPIC, "anthropic.messages", "chat", "llm", plain, MessageEvents)


def _messages() -> list[Target]:
    """Return the targets of a class of messages and of its async twin."""
    return [
        Target("Messages", "create", wrap_sync(MESSAGES)),
        Target("Messages", "parse", wrap_sync(MESSAGES)),
        Target("Messages", "stream", wrap_stream(MESSAGES, is_async=False)),
        Target("AsyncMessages", "create", wrap_async(MESSAGES)),
        Target("AsyncMessages", "parse", wrap_async(MESSAGES)),
        Target("AsyncMessages", "stream", wrap_stream(MESSAGES, is_async=True)),
    ]


def _copied_messages() -> list[Target]:
    """Return the same for a platform's class, which holds those of the beta's functions that its version has."""
    return [target._replace(is_optional=True) for target in _messages()]


#: Module → methods. Tool runners call ``parse`` and ``stream``. The platforms' stable messages are the first class of
#: these; their beta messages are classes of their own.
RESOURCES: Final[dict[str, list[Target]]] = {
    "anthropic.resources.messages.messages": _messages(),
    "anthropic.resources.beta.messages.messages": _messages(),
    "anthropic.lib.bedrock._beta_messages": _copied_messages(),
    "anthropic.lib.vertex._beta_messages": _copied_messages(),
}
CLIENTS: Final = Clients((("messages",), ("beta", "messages")), RESOURCES, RETRIES)


def targets() -> dict[str, list[Target]]:
    """Return everything that is patched when all clients are traced."""
    return {**RESOURCES, "anthropic._base_client": list(RETRIES)}
