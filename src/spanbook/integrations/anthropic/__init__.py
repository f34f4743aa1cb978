"""The ``anthropic`` client: messages (``create``, ``parse``, ``stream``), sync and async, stable and beta.

Bedrock, Vertex and Foundry clients hold the same resources or copies of their methods. The client can trace itself
through OpenTelemetry too; such a span of the same call stands inside ours and is counted once.
"""

from __future__ import annotations

from .._registry import Integration
from ._targets import CLIENTS, targets

__all__ = ["INTEGRATION"]

INTEGRATION = Integration(
    "anthropic",
    package="anthropic",
    tested="1.5 to 2.14",
    targets=targets,
    wrap_client=CLIENTS.wrap,
    unwrap_client=CLIENTS.unwrap,
)
