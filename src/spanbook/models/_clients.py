"""Which client a name stands for: one that was given, else one made as its library makes it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final, TypeVar

from ..model import ModelAuthenticationError, UsageError
from ._backends import Backend, FunctionBackend, LitellmBackend, SdkBackend
from ._errors import to_model_error
from ._model import Model

C = TypeVar("C")
#: Libraries whose clients are known → the class that is made when none was given.
_LIBRARIES: Final = {"openai": "AsyncOpenAI", "anthropic": "AsyncAnthropic", "litellm": ""}
#: Beginnings of names → the provider that is meant, for those who leave it out.
_USUAL: Final = (("gpt", "openai"), ("chatgpt", "openai"), ("o1", "openai"), ("o3", "openai"), ("o4", "openai"),
                 ("claude", "anthropic"), ("gemini", "gemini"), ("mistral", "mistral"))  # fmt: skip

_lock = threading.RLock()
_given: dict[str, Backend] = {}
_made: dict[str, Backend] = {}


def use_client(client: C, provider: str | None = None) -> C:
    """Ask models of a provider through this client from now on, and return it.

    ``sb.use_client(openai.AsyncOpenAI(base_url=…), provider="local")`` makes ``"local/name"`` a model. Sync clients
    work too, in threads. A client given later for the same provider replaces it; None takes it away.

    Args:
        client: Of the libraries openai or anthropic (also Azure, Bedrock, Vertex), ``litellm`` itself or its router.
        provider: What stands before the slash; the provider that the client talks to, if it is left out.

    Raises:
        UsageError: it is no such client, or the provider's name cannot stand before a slash.
    """
    if provider is not None and (not isinstance(provider, str) or not provider or "/" in provider):
        raise UsageError(f"provider={provider!r} cannot stand before a slash; give a word such as 'openai'.")
    with _lock:
        if client is None:
            if provider is None:
                raise UsageError("client=None takes away the client of a provider; say which: provider='openai'.")
            _given.pop(provider, None)
            return client
        backend = _backend_of(client, provider)
        _given[backend.provider] = backend
    return client


def get_model(model: str | Callable[..., Any] | Model) -> Model:
    """Return the model that a name or an async function stands for.

    Args:
        model: ``"provider/name"`` such as ``"openai/gpt-4o-mini"``: asked through the client given to
            :func:`use_client`, else through the library of that provider, configured as it configures itself (its
            environment variables), else through LiteLLM where it is installed. Or an async function
            ``(messages, **parameters)`` that returns a message, a text or a :class:`Reply`.

    Raises:
        UsageError: there is no such provider; the message says which there are.
        ModelAuthenticationError: its library finds no key.
    """
    if isinstance(model, Model):
        return model
    if callable(model) and not isinstance(model, type):
        name = getattr(model, "__name__", None) or type(model).__name__
        return Model(name, FunctionBackend(model))
    if not isinstance(model, str):
        raise UsageError(
            f"model={model!r:.80} is neither a name nor an async function; give 'openai/gpt-4o-mini', say."
        )
    provider, _, name = model.partition("/")
    if not provider or not name:
        meant = next((usual for start, usual in _USUAL if model.lower().startswith(start)), "provider")
        raise UsageError(f"{model!r} names no provider; expected 'provider/name', such as '{meant}/{model or 'name'}'.")
    with _lock:
        backend = _given.get(provider) or _made.get(provider)
        if backend is None:
            backend = _made[provider] = _new_backend(provider, model)
    return Model(model, backend)


def _backend_of(client: Any, provider: str | None) -> Backend:
    """Return the backend for a client that was given."""
    if isinstance(client, ModuleType) and client.__name__ == "litellm":
        return LitellmBackend(client, provider or "litellm")
    kinds = {base.__module__.partition(".")[0] for base in type(client).__mro__}
    if "litellm" in kinds and hasattr(client, "acompletion"):
        return LitellmBackend(client, provider or "litellm")
    for library, path in (("openai", "chat"), ("anthropic", "messages")):
        if library in kinds and not isinstance(client, type) and hasattr(client, path):
            return SdkBackend(client, library, provider)
    what = f"the module {client.__name__!r}" if isinstance(client, ModuleType) else _described(client)
    raise UsageError(
        f"{what} is no client that sb.use_client() knows; give one of openai or anthropic, such as "
        "openai.AsyncOpenAI(), or litellm. A model of your own is an async function: it needs no client."
    )


def _new_backend(provider: str, model: str) -> Backend:
    """Return the backend for a provider of which nobody gave a client."""
    if provider in ("openai", "anthropic") and _is_installed(provider):
        return SdkBackend(_new_client(provider, model), provider, provider)
    if _is_installed("litellm"):
        litellm = _litellm()
        providers = _litellm_providers(litellm)
        if provider == "litellm" or provider in providers:
            return LitellmBackend(litellm, provider)
        raise _unknown(provider, model, providers)
    raise _unknown(provider, model, frozenset())


def _new_client(library: str, model: str) -> Any:
    from importlib import import_module

    try:
        return getattr(import_module(library), _LIBRARIES[library])()
    except Exception as error:
        problem = to_model_error(error, model)
        if isinstance(problem, ModelAuthenticationError):
            raise problem from error
        raise


def _unknown(provider: str, model: str, more: frozenset[str]) -> UsageError:
    installed = [name for name in _LIBRARIES if _is_installed(name)]
    known = sorted({*_given, *installed})
    near = get_close_matches(provider, {*known, *more, *_LIBRARIES}, 1)
    if (near and near[0] in known) or (near and near[0] in more):
        hint = f" Did you mean {near[0] + model[len(provider) :]!r}?"
    elif provider in _LIBRARIES or "litellm" not in installed:
        wanted = provider if provider in _LIBRARIES else "litellm"
        hint = f" pip install {wanted} brings it," if wanted == provider else f" pip install {wanted} brings many,"
        hint += f" or give a client: sb.use_client(client, provider={provider!r})."
    else:
        hint = f" Give a client: sb.use_client(client, provider={provider!r})."
    registered = f"registered: {', '.join(sorted(_given))}; " if _given else ""
    return UsageError(
        f"{model!r}: there is no client for the provider {provider!r} ({registered}installed: "
        f"{', '.join(installed) or 'none'}).{hint}"
    )


def _litellm() -> Any:
    """Import LiteLLM; when it is we who do, it takes the prices it brings, and fetches none from the network."""
    name = "LITELLM_LOCAL_MODEL_COST_MAP"
    is_ours = "litellm" not in sys.modules and name not in os.environ
    if is_ours:
        os.environ[name] = "True"
    try:
        import litellm
    finally:
        if is_ours:
            os.environ.pop(name, None)
    return litellm


def _litellm_providers(litellm: Any) -> frozenset[str]:
    listed = getattr(litellm, "provider_list", ())
    return frozenset(str(getattr(name, "value", name)) for name in listed)


@lru_cache(maxsize=16)
def _is_installed(library: str) -> bool:
    return library in sys.modules or find_spec(library) is not None


def _described(value: Any) -> str:
    kind = value if isinstance(value, type) else type(value)
    return f"{'the class' if isinstance(value, type) else 'a'} {kind.__module__}.{kind.__qualname__}"


def forget_clients() -> None:
    """Forget all clients, given and made (for tests)."""
    with _lock:
        _given.clear()
        _made.clear()
