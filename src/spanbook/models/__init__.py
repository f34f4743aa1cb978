"""Models by name: for judges, prompts and experiments, and for a quick question in a cell.

>>> import spanbook as sb
>>> with sb.offline.start(delays=False) as server:
...     _ = sb.use_client(server.client(), provider="offline")
...     reply = sb.get_model("offline/gpt-4o-mini").ask("What is a span?")
>>> reply.finish_reason
'stop'

In a notebook, ``await sb.get_model("openai/gpt-4o-mini")(messages)``. A model is also any async function
``(messages, **parameters)`` that returns a message, a text or a :class:`Reply`.
"""

from __future__ import annotations

from ._clients import get_model, use_client
from ._model import Model
from ._reply import Delta, Message, Reply

__all__ = ["Delta", "Message", "Model", "Reply", "get_model", "use_client"]
