"""What a call of litellm asks for: the request body, the model and the provider that its name tells."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from ..openai._request import adapt as adapt_openai

#: Arguments that steer litellm or hold keys, where the installed litellm does not tell its own.
_NOT_BODY: Final = frozenset(
    "api_base api_key api_version azure_ad_token base_url cache caching client custom_llm_provider default_headers "
    "extra_headers fallbacks headers litellm_metadata logger_fn max_retries metadata num_retries retry_policy "
    "retry_strategy timeout shared_session".split()
)
#: Start of a provider's name at litellm → its name in the price table, where they differ.
_PROVIDERS: Final = (
    ("azure", "azure"),
    ("bedrock", "aws"),
    ("sagemaker", "aws"),
    ("vertex_ai", "google"),
    ("gemini", "google"),
    ("text-completion-openai", "openai"),
    ("custom_openai", "openai"),
    ("anthropic", "anthropic"),
    ("codestral", "mistral"),
    ("text-completion-codestral", "mistral"),
    ("cohere", "cohere"),
    ("fireworks_ai", "fireworks"),
    ("moonshot", "moonshotai"),
    ("together_ai", "together"),
    ("xai", "x-ai"),
)


#: What a ``Router`` adds to the metadata that is of no use outside of it, or is the deployment's.
_ROUTING: Final = frozenset("api_base caching_groups kubernetes_pod_routing model_info model_group_alias".split())


def adapt(request: dict[str, Any]) -> None:
    """Leave in a copy of a call's arguments what goes to the model."""
    own = getattr(sys.modules.get("litellm.types.utils"), "all_litellm_params", ())
    for name in (*_NOT_BODY, *own):
        request.pop(name, None)
    adapt_openai(request)


def provider_named(name: str) -> str:
    """Return the provider that litellm calls ``name``, as the price table names it."""
    return next((ours for start, ours in _PROVIDERS if name.startswith(start)), name)


def resolve(arguments: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the model without its provider, and the provider as litellm names it; None where nothing tells.

    litellm's own ``get_llm_provider`` prints and raises on what it does not know, so its tables are read here.
    """
    model, given = arguments.get("model"), arguments.get("custom_llm_provider")
    if not isinstance(model, str):
        return None, given if isinstance(given, str) else None
    prefix, _, rest = model.partition("/")
    if isinstance(given, str) and given:
        return (rest if rest and prefix == given else model), given
    litellm: Any = sys.modules.get("litellm")
    if rest and prefix in getattr(litellm, "provider_list", ()):
        return rest, prefix
    entry = getattr(litellm, "model_cost", {}).get(model)
    provider = entry.get("litellm_provider") if isinstance(entry, Mapping) else None
    return model, provider if isinstance(provider, str) else None


def who_and_where(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a span that litellm's ``metadata`` tells: user, session, tags, and all of it as metadata."""
    found: dict[str, Any] = {}
    for name in ("metadata", "litellm_metadata"):
        given = arguments.get(name)
        if isinstance(given, Mapping):
            found.update((key, value) for key, value in given.items() if _is_users(key))
    fields: dict[str, Any] = {"metadata": found} if found else {}
    for field, names in (("session_id", ("session_id",)), ("user_id", ("user_id", "trace_user_id"))):
        value = next((found[name] for name in names if isinstance(found.get(name), str)), None)
        if value:
            fields[field] = value
    tags = found.get("tags")
    if isinstance(tags, list) and tags and all(isinstance(tag, str) for tag in tags):
        fields["tags"] = tags
    return fields


def _is_users(key: Any) -> bool:
    return isinstance(key, str) and not key.startswith("_") and key not in _ROUTING
