"""``litellm``: chat, text completions, embeddings and responses of all its providers, and its router's attempts.

Decision (2026-11): the functions are wrapped; litellm's callbacks are not used. Callbacks run in threads and tasks of
litellm's own, after the call has returned, so a span made there starts late, has no cell and no parent, and is lost
when the program ends first; a stream's callback never comes when the stream is not read to its end. What wrapping
costs: a function that somebody took under another name (``from litellm import completion as ask``) before tracing was
on stays untraced; under its own name it is found (``_patch``).

One call is one span: attempts that litellm makes inside it (retries, fallbacks, a responses call answered by a chat
model) are events of it. Each attempt of a ``Router`` is a call.
"""

from __future__ import annotations

from .._registry import Integration
from ._targets import targets

__all__ = ["INTEGRATION"]


INTEGRATION = Integration(
    "litellm",
    package="litellm",
    tested="1.110",
    targets=targets,
)
