"""The ``openai`` client: chat, responses, embeddings and legacy completions, sync and async.

Nothing is added to a request: asking for usage in a stream would change what the user's own loop gets.
"""

from __future__ import annotations

from .._registry import Integration
from ._targets import CLIENTS, targets

__all__ = ["INTEGRATION"]

INTEGRATION = Integration(
    "openai",
    package="openai",
    tested="2.0 to 3.57",
    targets=targets,
    wrap_client=CLIENTS.wrap,
    unwrap_client=CLIENTS.unwrap,
    # Whenever a client is made, openai takes httpx2 from sys.modules if it is there, perhaps half imported: the table
    # of prices needs it, too, and is imported by the thread that writes.
    companion="httpx2",
)
