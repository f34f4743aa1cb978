"""What a call asks for, as plain data: the request body, its name, the provider it goes to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from weakref import WeakKeyDictionary

from .._guard import guard
from ._sdk import Sdk

#: About the connection, and headers carry keys.
_NOT_BODY: Final = frozenset({"extra_headers", "extra_query", "timeout"})
#: The SDK's marks for "not given"; they are no JSON. By name, so that this works before the SDK is
#: imported.
_SENTINELS: Final = frozenset({"NotGiven", "Omit"})
#: Ends of host names → provider, as the price table names it.
_PROVIDERS: Final = (
    (".openai.azure.com", "azure"),
    (".azure-api.net", "azure"),
    (".cognitiveservices.azure.com", "azure"),
    (".services.ai.azure.com", "azure"),
    (".amazonaws.com", "aws"),
    (".googleapis.com", "google"),
    ("api.anthropic.com", "anthropic"),
    ("api.cerebras.ai", "cerebras"),
    ("api.deepseek.com", "deepseek"),
    ("api.fireworks.ai", "fireworks"),
    ("api.groq.com", "groq"),
    ("api.mistral.ai", "mistral"),
    ("api.moonshot.ai", "moonshotai"),
    ("api.novita.ai", "novita"),
    ("openrouter.ai", "openrouter"),
    ("api.perplexity.ai", "perplexity"),
    ("api.together.xyz", "together"),
    ("api.x.ai", "x-ai"),
    ("api.z.ai", "zai"),
)
_schemas: WeakKeyDictionary[type, Any] = WeakKeyDictionary()


def request_of(sdk: Sdk, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call that make up its request body; values are the caller's own, not copies.

    Iterators are named instead of read: reading would leave nothing for the call itself.
    """
    request = {
        name: value
        for name, value in kwargs.items()
        if name not in _NOT_BODY and type(value).__name__ not in _SENTINELS
    }
    for name, value in request.items():
        if hasattr(value, "__next__"):
            request[name] = _unread(value)
    sdk.adapt(request)
    return request


def provider_of(sdk: Sdk, client: Any) -> tuple[str, str]:
    """Return (provider, host) that a client talks to; the library's own for hosts that only speak its language."""
    host = str(getattr(getattr(client, "base_url", None), "host", "") or "")
    kind: Any = type(client)
    return _provider(sdk, kind, host), host


@lru_cache(maxsize=64)
def _provider(sdk: Sdk, kind: type, host: str) -> str:
    return sdk.provider(kind, host)


def provider_at(host: str) -> str | None:
    """Return the provider whose host this is, None when it is nobody's that is known."""
    return next((name for end, name in _PROVIDERS if host.endswith(end)), None)


def _unread(value: Any) -> dict[str, Any]:
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    return {"$type": "not_captured", "class": name, "reason": "reading an iterator would use it up"}


def schema_of(kind: type) -> dict[str, Any]:
    """Return name and JSON schema of a class that pydantic can read; made once per class."""
    known = _schemas.get(kind)
    if known is None:
        known = {"name": kind.__name__}
        with guard("read the schema of a response format"):
            if hasattr(kind, "model_json_schema"):
                known["schema"] = kind.model_json_schema()
            elif hasattr(kind, "__dataclass_fields__"):
                from pydantic import TypeAdapter

                known["schema"] = TypeAdapter(kind).json_schema()
        _schemas[kind] = known
    return dict(known)
