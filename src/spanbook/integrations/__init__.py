"""Client libraries traced by patching their methods: on for all clients, or for one.

``instrument()`` patches what is imported at once and the rest when it is first imported; ``wrap(client)``
traces one client. Nothing here imports a client library.
"""

from __future__ import annotations

from typing import Any, TypeVar

from ._registry import Integration, Registry
from ._threads import INTEGRATION as _threads
from .anthropic import INTEGRATION as _anthropic
from .langchain import INTEGRATION as _langchain
from .openai import INTEGRATION as _openai
from .otel import INTEGRATION as _otel

__all__ = ["Integration", "instrument", "integrations", "uninstrument", "unwrap", "wrap"]

C = TypeVar("C")

_registry = Registry([_openai, _anthropic, _langchain, _otel, _threads])


def instrument(*names: str) -> list[str]:
    """Trace every client of the named libraries (all that spanbook knows by default); return their names.

    ``"otel"`` records the spans that libraries make through OpenTelemetry, and lets them nest with spans of ours. It
    never sets a tracer provider, and is in nobody's way who does.

    Libraries need not be imported yet, nor installed. Doing it twice changes nothing.

    ``sb.instrument("threads")`` makes threads and thread pools (``run_in_executor`` too) go on below the span they are
    started in, as tasks do by themselves; it is on only when it is named. Without it, wrap the function: ``sb.bind``.

    Raises:
        UsageError: a name is not an integration; the message offers the nearest.
    """
    return _registry.instrument(*names)


def uninstrument(*names: str) -> list[str]:
    """Put back the methods of the named libraries (all by default); return the names that were on.

    Clients given to :func:`wrap` stay traced; :func:`unwrap` releases them.

    Raises:
        UsageError: a name is not an integration.
    """
    return _registry.uninstrument(*names)


def wrap(client: C) -> C:
    """Trace this one client (and what its ``with_options()`` returns); return the same object.

    Works whether or not its library is instrumented; a call is never recorded twice.

    Raises:
        UsageError: it is not a client of a library that spanbook knows.
    """
    return _registry.wrap(client)


def unwrap(client: C) -> C:
    """Stop tracing a client given to :func:`wrap`; return the same object."""
    return _registry.unwrap(client)


def integrations() -> list[dict[str, Any]]:
    """Return one row per integration: ``name``, ``package``, ``state``, ``version``, ``patched``, ``problems``.

    ``state`` is ``on``, ``waiting`` (for its import), ``missing`` (not installed) or ``off``.
    """
    return _registry.rows()
