"""Where the SDK's calls are: modules, classes, methods, and what each means."""

from __future__ import annotations

from typing import Final

from .._patch import Target
from .._stainless._clients import Clients
from .._stainless._plain import plain
from .._stainless._sdk import Api, Sdk
from .._stainless._wrappers import RETRIES, wrap_async, wrap_sync
from ._chunks import ChatChunks, CompletionChunks, ResponsesEvents
from ._embeddings import plain_embeddings
from ._request import adapt, provider

OPENAI: Final = Sdk(
    name="openai",
    label="OpenAI",
    host="api.openai.com",
    request_id_header="x-request-id",
    error_code="code",
    provider=provider,
    adapt=adapt,
)
CHAT: Final = Api(OPENAI, "openai.chat", "chat", "llm", plain, ChatChunks)
RESPONSES: Final = Api(OPENAI, "openai.responses", "responses", "llm", plain, ResponsesEvents)
COMPLETIONS: Final = Api(OPENAI, "openai.completions", "text_completion", "llm", plain, CompletionChunks)
EMBEDDINGS: Final = Api(OPENAI, "openai.embeddings", "embeddings", "embedding", plain_embeddings)


def _both(api: Api, name: str, *methods: str) -> list[Target]:
    """Return the targets of a resource class and of its async twin."""
    sync = [Target(name, method, wrap_sync(api)) for method in methods]
    return sync + [Target(f"Async{name}", method, wrap_async(api)) for method in methods]


#: Module → methods. The ``stream()`` helpers call ``create`` and are traced by it; ``client.beta.chat`` is an
#: instance of the same classes as ``client.chat``; Azure's clients hold the same resources.
RESOURCES: Final[dict[str, list[Target]]] = {
    "openai.resources.chat.completions.completions": _both(CHAT, "Completions", "create", "parse"),
    "openai.resources.responses.responses": _both(RESPONSES, "Responses", "create", "parse"),
    "openai.resources.beta.responses.responses": _both(RESPONSES, "Responses", "create"),
    "openai.resources.embeddings": _both(EMBEDDINGS, "Embeddings", "create"),
    "openai.resources.completions": _both(COMPLETIONS, "Completions", "create"),
}
#: ``beta.chat`` is an instance of its own of the same class as ``chat``.
CLIENTS: Final = Clients(
    (
        ("chat", "completions"),
        ("responses",),
        ("embeddings",),
        ("completions",),
        ("beta", "chat", "completions"),
        ("beta", "responses"),
    ),
    RESOURCES,
    RETRIES,
)


def targets() -> dict[str, list[Target]]:
    """Return everything that is patched when all clients are traced."""
    return {**RESOURCES, "openai._base_client": list(RETRIES)}
