"""``diff``: the messages of an llm call beside those of the call before it. Pure functions over a reader."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from ..store._read import StoreReader
from ..store._tree import TREE_COLUMNS, chats, tree_rows
from ._rpc_conversation import message_key
from ._rpc_detail import LONG_AT, exact, shorten

#: Characters of a text that come whole when it has changed: its words are compared in the page.
_COMPARED: Final = 400_000
#: Characters of all texts of one answer.
_ALL: Final = 8_000_000

#: How a call is told to be the one before: this one's messages begin with its messages; it is the last llm call
#: beside this one; it is the last call of the same name and model.
Reason: TypeAlias = Literal["continued", "beside", "same name"]


class Previous(NamedTuple):
    """The call before another one."""

    span_id: str
    reason: Reason


class _Keys(dict[str, int]):
    """What makes messages, given as JSON text, the same; each text is read once, since calls repeat their history."""

    def __missing__(self, text: str) -> int:
        made = self[text] = hash(message_key(json.loads(text)))
        return made


class _Call(NamedTuple):
    span_id: str
    parent_id: str | None
    name: tuple[str, str | None]
    given: list[str]
    returned: list[str]

    @property
    def texts(self) -> list[str]:
        """All its messages as JSON texts."""
        return [*self.given, *self.returned]


def diff(reader: StoreReader, trace_id: str, span_id: str) -> dict[str, Any]:
    """Return ``{span_id, reason, before, after}``: the previous call, its messages with its answer, and this one's.

    Without a previous call ``span_id`` is None and there is nothing else. Texts that both calls hold are shortened.
    """
    calls, keys = _calls(reader, trace_id), _Keys()
    found = dict(_previous(calls, keys)).get(span_id)
    if found is None:
        return {"span_id": None}
    by_id = {call.span_id: call for call in calls}
    before, after = by_id[found.span_id], by_id[span_id]
    shared = {keys[text] for text in before.texts} & {keys[text] for text in after.texts}
    left = _ALL
    answer: dict[str, Any] = {"span_id": found.span_id, "reason": found.reason}
    for side, call in (("before", before), ("after", after)):
        shown = answer[side] = []
        for at, text in enumerate(call.texts):
            is_compared = left > 0 and keys[text] not in shared
            left -= len(text) if is_compared else 0
            field, place = ("input", at) if at < len(call.given) else ("output", at - len(call.given))
            long_at = _COMPARED if is_compared else LONG_AT
            shown.append(exact(shorten(json.loads(text), field, (place,), long_at=long_at)))
    return answer


def previous_calls(reader: StoreReader, trace_id: str) -> dict[str, Previous]:
    """Return the call before each llm call of a trace that has one, by span id."""
    return dict(_previous(_calls(reader, trace_id), _Keys()))


def _calls(reader: StoreReader, trace_id: str) -> list[_Call]:
    at = [TREE_COLUMNS.index(name) for name in ("span_id", "parent_id", "name", "model")]
    facts = {row[at[0]]: [row[place] for place in at[1:]] for row in tree_rows(reader, trace_id)}
    calls = []
    for span_id, given, returned in chats(reader, trace_id):
        if span_id in facts and given:
            parent_id, name, model = facts[span_id]
            calls.append(_Call(span_id, parent_id, (name, model), given, returned))
    return calls


def _previous(calls: Sequence[_Call], keys: _Keys) -> Iterator[tuple[str, Previous]]:
    """Yield (span id, the call before it) for calls in order of start."""
    ends: dict[int, str] = {}  # hash of all that a call was given and returned -> the call
    beside: dict[str | None, str] = {}
    named: dict[tuple[str, str | None], str] = {}
    for call in calls:
        chains = list(accumulate((keys[text] for text in call.given), lambda chain, key: hash((chain, key))))
        continued = [ends[chain] for chain in chains if chain in ends]
        if continued:
            yield call.span_id, Previous(continued[-1], "continued")
        elif call.parent_id in beside:
            yield call.span_id, Previous(beside[call.parent_id], "beside")
        elif call.name in named:
            yield call.span_id, Previous(named[call.name], "same name")
        ends[chains[-1]] = call.span_id  # a call that is tried again, or whose answer was not kept
        for text in call.returned:  # with n > 1 any of them may be the one that is answered
            ends[hash((chains[-1], keys[text]))] = call.span_id
        beside[call.parent_id] = named[call.name] = call.span_id
