"""``conversation``: the messages of all llm calls of a trace in order, each shown once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from ..store._read import StoreReader
from ..store._tree import chats
from ._rpc_detail import LONG_AT, exact, shorten

#: Characters of all texts together, since the whole answer travels in one message: many messages have short heads.
_ALL: Final = 4_000_000
_SHORTEST: Final = 160


class Turn(NamedTuple):
    """One llm call: the messages it was given that were not shown before, and what it returned.

    ``skipped`` is how many messages stand before them: a text's place is counted in the call's whole input.
    """

    span_id: str
    skipped: int
    new_input: list[Any]
    output: list[Any]


def conversation(reader: StoreReader, trace_id: str) -> list[dict[str, Any]]:
    """Return ``{span_id, new_input, output}`` of each llm call; long texts as their heads (see ``more``)."""
    turns = list(turns_of(reader, trace_id))
    count = sum(len(turn.new_input) + len(turn.output) for turn in turns)
    long_at = max(_SHORTEST, min(LONG_AT, _ALL // max(count, 1)))
    return [
        {
            "span_id": turn.span_id,
            "new_input": _shortened(turn.new_input, "input", turn.skipped, long_at),
            "output": _shortened(turn.output, "output", 0, long_at),
        }
        for turn in turns
    ]


def turns_of(reader: StoreReader, trace_id: str) -> Iterator[Turn]:
    """Yield the turns of a trace in order of start, in full.

    A call continues an earlier one when its input begins with what that one was given and returned; these messages are
    left out. What matters is who says what: a resent answer need not repeat its finish reason.
    """
    seen: set[int] = set()
    for span_id, given, returned in chats(reader, trace_id):
        inputs = [json.loads(text) for text in given]
        outputs = [json.loads(text) for text in returned]
        chain, shown = 0, 0
        for count, message in enumerate(inputs, start=1):
            chain = hash((chain, message_key(message)))
            if chain in seen and shown == count - 1:
                shown = count
            seen.add(chain)
        for message in outputs:  # with n > 1 any of them may be the one that is answered
            seen.add(hash((chain, message_key(message))))
        yield Turn(span_id, shown, inputs[shown:], outputs)


def message_key(message: Any) -> str:
    """Return what makes two messages the same: role and parts, without what a resent one loses."""
    if not isinstance(message, dict):
        return json.dumps(message, sort_keys=True)
    parts = message.get("parts")
    if isinstance(parts, list):
        parts = [_clean(part) for part in parts if not _is_lost(part)]
    return json.dumps([message.get("role"), parts], sort_keys=True)


def _is_lost(part: Any) -> bool:
    return isinstance(part, dict) and (part.get("type") == "reasoning" or part == {"type": "text", "content": ""})


def _clean(part: Any) -> Any:
    return {key: value for key, value in part.items() if value is not None} if isinstance(part, dict) else part


def _shortened(messages: Sequence[Any], field: str, first: int, long_at: int) -> list[Any]:
    return [exact(shorten(message, field, (first + at,), long_at=long_at)) for at, message in enumerate(messages)]
