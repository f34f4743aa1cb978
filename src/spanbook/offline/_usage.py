"""Usage of the offline model, by a stated rule (these are not the counts of any tokenizer).

- A text of n UTF-8 bytes counts ceil(n / 4) tokens; a message 3 more, an image 85, tool calls and the tools
  offered as the JSON text they are.
- ``cached_tokens``: the longest run of whole messages from the start of the prompt (the tools offered come
  first) that this server has seen before for this model, when it is 64 tokens or more; else 0.
- ``reasoning_tokens``: only models named ``o1*``, ``o3*``, ``o4*``, ``gpt-5*`` (not ``*chat*``): 0, 32, 64,
  128 or 256 for effort none or minimal, low, medium, high, xhigh. They count towards ``output_tokens`` and
  towards the caller's limit, as a real provider has it. On the Messages endpoint the thinking block, when thinking is
  asked for, counts as the text it is.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

from ._types import Message, Reply, Request, Tool, Usage

PER_MESSAGE = 3
PER_IMAGE = 85
CACHE_FROM = 64  # tokens; a shorter prefix is never said to be cached
_REMEMBERED = 20_000  # prefixes a server keeps before it forgets the oldest

_EFFORT = {"none": 0, "minimal": 0, "low": 32, "medium": 64, "high": 128, "xhigh": 256}
_REASONING = re.compile(r"(?:^|/)(?:o[134](?![a-z0-9])|gpt-5(?!\d))(?!.*chat)")


def count_tokens(text: str) -> int:
    """Tokens of one text: a quarter of its UTF-8 bytes, rounded up."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // 4)


def message_tokens(message: Message) -> int:
    """Tokens of one message with its images and tool calls."""
    calls = sum(count_tokens(call.name) + count_tokens(call.arguments) for call in message.tool_calls)
    return PER_MESSAGE + count_tokens(message.text) + PER_IMAGE * len(message.images) + calls


def tools_tokens(tools: Sequence[Tool]) -> int:
    """Tokens of the tools offered, counted as JSON text."""
    return sum(count_tokens(_tool_text(tool)) for tool in tools)


def is_reasoning_model(model: str) -> bool:
    """True for the names this server treats as reasoning models."""
    return _REASONING.search(model) is not None


def reasoning_tokens(request: Request) -> int:
    """Tokens this request spends on reasoning: fixed by the model's name and the effort."""
    if not is_reasoning_model(request.model):
        return 0
    spent = _EFFORT.get(request.effort, _EFFORT["medium"])
    return spent if request.max_tokens is None else min(spent, request.max_tokens)


def cut_text(text: str, tokens: int) -> str:
    """The longest start of ``text`` that counts no more than ``tokens``."""
    if count_tokens(text) <= tokens:
        return text
    return text.encode("utf-8", "surrogatepass")[: 4 * max(tokens, 0)].decode("utf-8", "ignore")


def reply_tokens(reply: Reply) -> int:
    """Output tokens of one answer, reasoning apart."""
    calls = sum(count_tokens(call.name) + count_tokens(call.arguments) for call in reply.tool_calls)
    return count_tokens(reply.text) + count_tokens(reply.refusal or "") + calls


class PromptCache:
    """The prompts one server has seen, so that a repeated beginning is reported as cached."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, request: Request) -> tuple[int, int]:
        """Count the input and remember it: ``(input_tokens, cached_tokens)``."""
        total = tools_tokens(request.tools)
        chain = hashlib.blake2b(request.model.encode(), digest_size=16)
        for tool in request.tools:
            chain.update(_tool_text(tool).encode("utf-8", "surrogatepass"))
        cached = 0
        with self._lock:
            for message in request.messages:
                total += message_tokens(message)
                chain.update(_fingerprint(message))
                if self._touch(chain.digest()):
                    cached = total
        return total, cached if cached >= CACHE_FROM else 0

    def _touch(self, key: bytes) -> bool:
        known = key in self._seen
        self._seen[key] = None
        self._seen.move_to_end(key)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return known


def input_tokens(request: Request) -> int:
    """Tokens of the whole input, whatever of it was seen before."""
    return tools_tokens(request.tools) + sum(map(message_tokens, request.messages))


def with_thinking(usage: Usage, text: str) -> Usage:
    """Usage with the text of a thinking block counted as output."""
    spent = count_tokens(text)
    return dataclasses.replace(
        usage, output_tokens=usage.output_tokens + spent, reasoning_tokens=usage.reasoning_tokens + spent
    )


def usage_of(request: Request, replies: Iterable[Reply], counted: tuple[int, int]) -> Usage:
    """Usage of one request: ``counted`` is what `PromptCache.read` said about its input."""
    replies = tuple(replies)
    thinking = reasoning_tokens(request) * len(replies)
    return Usage(
        input_tokens=counted[0],
        cached_tokens=counted[1],
        output_tokens=thinking + sum(map(reply_tokens, replies)),
        reasoning_tokens=thinking,
    )


def _fingerprint(message: Message) -> bytes:
    parts: list[Any] = [message.role, message.text, message.tool_call_id]
    parts += [[call.name, call.arguments] for call in message.tool_calls]
    text = json.dumps(parts).encode()
    for image in message.images:
        text += hashlib.blake2b(image.data or (image.url or "").encode(), digest_size=16).digest()
    return text


def _tool_text(tool: Tool) -> str:
    return json.dumps([tool.name, tool.description, tool.parameters], separators=(",", ":"), default=str)
