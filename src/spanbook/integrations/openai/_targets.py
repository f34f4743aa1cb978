"""Where the SDK's calls are: modules, classes, methods, and what each means."""

from __future__ import annotations

from typing import Final

from .._patch import Target
from ._calls import Api
from ._chunks import ChatChunks, CompletionChunks, ResponsesEvents
from ._plain import plain, plain_embeddings
from ._wrappers import note_retries, wrap_async, wrap_sync

CHAT: Final = Api("openai.chat", "chat", "llm", plain, ChatChunks)
RESPONSES: Final = Api("openai.responses", "responses", "llm", plain, ResponsesEvents)
COMPLETIONS: Final = Api("openai.completions", "text_completion", "llm", plain, CompletionChunks)
EMBEDDINGS: Final = Api("openai.embeddings", "embeddings", "embedding", plain_embeddings)


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
RETRIES: Final = [
    Target("SyncAPIClient", "_sleep_for_retry", note_retries, is_optional=True),
    Target("AsyncAPIClient", "_sleep_for_retry", note_retries, is_optional=True),
]


def targets() -> dict[str, list[Target]]:
    """Return everything that is patched when all clients are traced."""
    return {**RESOURCES, "openai._base_client": RETRIES}
