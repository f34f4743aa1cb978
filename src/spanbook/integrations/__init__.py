"""Client libraries traced by patching their methods: on for all clients, or for one.

``instrument()`` patches what is imported at once and the rest when it is first imported; ``wrap(client)``
traces one client. Nothing here imports a client library.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from ._instrumentors import Instrumentor
from ._patch import Target
from ._plugins import Untraced, more_integrations, other_rows
from ._registry import Integration, Registry
from ._threads import INTEGRATION as _threads
from .anthropic import INTEGRATION as _anthropic
from .langchain import INTEGRATION as _langchain
from .litellm import INTEGRATION as _litellm
from .llamaindex import INTEGRATION as _llamaindex
from .mcp import INTEGRATION as _mcp
from .openai import INTEGRATION as _openai
from .otel import INTEGRATION as _otel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Integration", "Target", "instrument", "integrations", "is_on", "to_frame", "uninstrument", "unwrap", "wrap"]

C = TypeVar("C")

_registry = Registry([_openai, _anthropic, _langchain, _litellm, _llamaindex, _mcp, _otel, _threads], more_integrations)
_untraced = Untraced()


def instrument(*names: str) -> list[str]:
    """Trace every client of the named libraries (all that spanbook knows by default); return their names.

    ``"otel"`` records the spans that libraries make through OpenTelemetry, and lets them nest with spans of ours. It
    never sets a tracer provider, and is in nobody's way who does.

    Libraries need not be imported yet, nor installed. Doing it twice changes nothing.

    Plugins count as spanbook's own (CONTRIBUTING.md, "Writing a plugin"). Every installed OpenTelemetry instrumentor of
    a library that spanbook does not trace itself is attached when that library is imported, and records through
    ``"otel"``; one of a library that spanbook traces only when it is named. :func:`integrations` has all names.

    ``sb.instrument("threads")`` makes threads and thread pools (``run_in_executor`` too) go on below the span they are
    started in, as tasks do by themselves; it is on only when it is named. Without it, wrap the function: ``sb.bind``.

    Raises:
        UsageError: a name is not an integration; the message offers the nearest.
    """
    on = _registry.instrument(*names)
    if not names:
        _untraced.watch(_registry.hook, _registry.known())
    elif "otel" not in on and any(isinstance(one, Instrumentor) for one in _registry.known() if one.name in on):
        on += _registry.instrument("otel")  # it records through that
    return on


def uninstrument(*names: str) -> list[str]:
    """Put back the methods of the named libraries (all by default); return the names that were on.

    Clients given to :func:`wrap` stay traced; :func:`unwrap` releases them.

    Raises:
        UsageError: a name is not an integration.
    """
    if not names:
        _untraced.forget(_registry.hook)
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


def is_on(name: str) -> bool:
    """Tell whether an integration is on; False for a name that is none."""
    return _registry.is_on(name)


def names_on() -> set[str]:
    """Return the names of the integrations that are on."""
    return {integration.name for integration in _registry.known() if integration.is_on}


def integrations() -> list[dict[str, Any]]:
    """Return one row per integration, plugin and OpenTelemetry instrumentor, and per library that nothing traces.

    ``spanbook.integrations()``, the package called, returns them as a DataFrame. Columns: ``name`` (for
    :func:`instrument`), ``what`` it is (integration, OpenTelemetry instrumentor, dialect, evaluator, library),
    ``package`` that it is for, ``by`` whom, ``tested`` versions, ``state``, ``version`` installed, ``patched`` methods,
    ``problems``, and a ``hint``: what to do to have it traced.

    ``state`` is ``on``, ``waiting`` (for its import), ``missing`` (not installed), ``off``, ``available`` (a plugin
    that nothing uses yet), ``failed``, or ``untraced`` (a library that was imported).
    """
    rows = _registry.rows()
    return [*rows, *other_rows(), *_untraced.rows(_registry.known())]


_COLUMNS = ("name", "state", "what", "package", "version", "tested", "by", "patched", "problems", "hint")


def to_frame() -> pd.DataFrame:
    """Return the rows of :func:`integrations` as a DataFrame; problems as one text."""
    import pandas as pd

    rows = [{**row, "version": row["version"] or "", "problems": "; ".join(row["problems"])} for row in integrations()]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


class _Callable(ModuleType):
    """``sb.integrations()`` is the table: the package stands where users look for the function."""

    def __call__(self) -> pd.DataFrame:
        return to_frame()


sys.modules[__name__].__class__ = _Callable
