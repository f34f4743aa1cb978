"""The offline model: a local server that answers like OpenAI's and Anthropic's APIs, from scripted rules.

It is not a model.

Notebooks, tests and demos use it so that everything runs with no key and no network:

>>> from spanbook import offline
>>> with offline.start(rules=[offline.Rule(match="refund", text="Within 30 days.")], delays=False) as server:
...     client = server.client()
...     question = [{"role": "user", "content": "How do refunds work?"}]
...     client.chat.completions.create(model="gpt-4o-mini", messages=question).choices[0].message.content
'Within 30 days.'

Rules are asked in order (see `Rule`): yours first, then the built-in ones, which

- call the tools on offer whose words overlap with the question, with arguments taken from the question;
- fill in the JSON schema, when the answer has to follow one, from the question and the retrieved text;
- otherwise answer with the sentences of the prompt (documents, tool results, earlier messages) that share
  most words with the question, or say that they do not know. Models with a small name (``*-mini``,
  ``*-nano``...) answer with one sentence, found by plain word overlap; others with up to three, rare
  words weighing more, each with the mark of its source.

Every answer says where it comes from: ``system_fingerprint`` is ``offline-rules-not-a-model``, the header
``x-spanbook-offline`` is ``not-a-model``, and GET /v1/models names the owner.

Served: chat completions, responses and embeddings (streamed or whole, tools, JSON schema, images counted
but not looked at), the list of models, and Azure's paths for them; Anthropic's messages (``anthropic_client()``), with
thinking when it is asked for, and their count of tokens. Usage follows a stated rule, a quarter of
the bytes (all of it in ``_usage.py``). ``logprobs`` are always null; ``temperature`` and ``seed`` change
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ._handle import OfflineModel
from ._rules import Rule, RuleList
from ._types import Image, Message, Request, Tool

__all__ = ["Image", "Message", "OfflineModel", "Request", "Rule", "RuleList", "Tool", "start"]


def start(
    port: int = 0,
    rules: Iterable[Rule] | None = None,
    *,
    delays: bool | float = True,
    models: Sequence[str] | None = None,
    name: str = "offline",
) -> OfflineModel:
    """Start an offline model on 127.0.0.1 and return its handle; see `OfflineModel` for the arguments.

    Each call starts a server of its own, with its own rules, port and prompt cache.
    """
    return OfflineModel(port, rules, delays=delays, models=models, name=name)
