"""The ``openai`` client: chat, responses, embeddings and legacy completions, sync and async.

Methods of resources are patched, never the transport: ``openai`` 3 left ``httpx`` for ``httpx2``, and a
tracer that patches either sees nothing of the other. Nothing is added to a request: asking for usage in a
stream would change what the user's own loop gets.
"""

from __future__ import annotations

from .._registry import Integration
from ._clients import unwrap_client, wrap_client
from ._targets import targets

__all__ = ["INTEGRATION"]

INTEGRATION = Integration(
    "openai",
    package="openai",
    tested="2.54 and 3.54",
    targets=targets,
    wrap_client=wrap_client,
    unwrap_client=unwrap_client,
)
