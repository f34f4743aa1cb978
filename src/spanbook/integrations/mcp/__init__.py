"""``mcp``: what a client asks of a server. Calls of tools, resources and prompts read are tools; lists are plain spans.

The session's methods are wrapped, so every transport and ``Client`` are covered. The current span goes to the server
as ``traceparent`` in ``_meta``, which is where the protocol has it (SEP-414) and what the package's own OpenTelemetry
support writes: a server that traces joins the trace, any other server passes over it.
"""

from __future__ import annotations

from .._registry import Integration
from ._targets import targets

__all__ = ["INTEGRATION"]


INTEGRATION = Integration(
    "mcp",
    package="mcp",
    tested="1.30 and 2.3",
    targets=targets,
)
