"""Scripted rules: which request gets which reply."""

from __future__ import annotations

import fnmatch
import json
import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, SupportsIndex, overload

from ..model import UsageError
from ._types import Reply, Request, ToolCall

Where = Literal["user", "system", "tool", "any"]
Arguments = Mapping[str, Any] | str
Calls = Sequence[tuple[str, Arguments]]

_WHERE = ("user", "system", "tool", "any")
_APIS = ("*", "chat", "responses", "messages", "embeddings")
_TIMES = ("retry_after_s", "delay_s", "first_token_delay_s", "token_delay_s")


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule:
    """What the offline model does when a request matches; the first rule that matches wins.

    A request matches when its model, its endpoint and its text do. What a rule leaves open (no text, no
    tool calls, no refusal, no error: only a delay, say) is filled in by the built-in rules. Rules are
    compared by identity, so one rule object has one count of ``times``.

    Args:
        match: Regular expression searched for, case ignored (a compiled pattern is used as it is), or a
            callable ``Request -> bool``. The pattern runs as given: one that backtracks without end
            hangs the server's thread, and that is the writer's own risk.
        where: The text searched: the last ``user`` message (the input of an embedding), all ``system``
            messages, the last ``tool`` results, or ``any`` message.
        model: Glob on the model's name, or on the Azure deployment's.
        api: ``chat``, ``responses``, ``messages`` (Anthropic's), ``embeddings`` or ``*``. Embeddings only look
            at rules without a reply.
        text: The reply, or a callable ``Request -> str``.
        tool_calls: Pairs ``(name, arguments)``, arguments a dict or raw JSON text (which may be broken, to
            see what happens), or a callable that returns such pairs; an empty list means: no calls.
        refusal: The text of a refusal, in place of a reply.
        reasoning: Text of the reasoning summary (Responses, when a summary is asked for) or of the thinking block
            (Messages, when thinking is).
        finish_reason: What to report in place of ``stop`` or ``tool_calls``, such as ``content_filter``.
        error: ``(status, message)``: answer with this HTTP status, 400 to 599, in the provider's error form.
        error_after: With ``error`` and a streaming request: stream this many pieces of the reply first.
        retry_after_s: What a 429, 503 or 529 asks the client to wait, in seconds.
        delay_s: Seconds before anything is sent.
        first_token_delay_s: Seconds before the first piece of the reply; None leaves it to the model's name.
        token_delay_s: Seconds between pieces; None leaves it to the model's name.
        times: Apply at most this many times, so that ``error=(429, "slow down"), times=2`` fails twice
            and then lets the next rule answer. Retries of the client count.
        cut_after: Cut the connection after this many streamed pieces; without streaming, before the reply.

    Raises:
        UsageError: An argument is out of range; the message says which and what was expected.
    """

    match: str | re.Pattern[str] | Callable[[Request], bool] = ".*"
    where: Where = "user"
    model: str = "*"
    api: str = "*"
    text: str | Callable[[Request], str] | None = None
    tool_calls: Calls | Callable[[Request], Calls] | None = None
    refusal: str | None = None
    reasoning: str | None = None
    finish_reason: str | None = None
    error: tuple[int, str] | None = None
    error_after: int | None = None
    retry_after_s: float = 0.05
    delay_s: float = 0.0
    first_token_delay_s: float | None = None
    token_delay_s: float | None = None
    times: int | None = None
    cut_after: int | None = None
    _pattern: re.Pattern[str] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pattern", _compile(self.match))
        if self.where not in _WHERE:
            raise UsageError(f"where={self.where!r} of a rule is not known; use one of {', '.join(_WHERE)}.")
        if self.api not in _APIS:
            raise UsageError(f"api={self.api!r} of a rule is not known; use one of {', '.join(_APIS)}.")
        _check_error(self.error, self.error_after)
        for name in _TIMES:
            _check_seconds(name, getattr(self, name))
        for name, least in (("times", 1), ("cut_after", 0), ("error_after", 0)):
            _check_count(name, getattr(self, name), least)
        if self.tool_calls is not None and not callable(self.tool_calls):
            to_calls(self.tool_calls)

    @property
    def has_reply(self) -> bool:
        """True when the rule says what to answer, False when it only delays, cuts or fails."""
        return self.text is not None or self.tool_calls is not None or self.refusal is not None

    def matches(self, request: Request) -> bool:
        """True when model, endpoint and text of ``request`` match; ``times`` is not looked at."""
        if not fnmatch.fnmatchcase(request.model, self.model) or self.api not in ("*", request.api):
            return False
        if request.api == "embeddings" and self.has_reply:
            return False
        if self._pattern is None:
            return callable(self.match) and bool(self.match(request))
        return self._pattern.search(request.text_of(self.where)) is not None

    def reply(self, request: Request) -> Reply:
        """The reply this rule gives to ``request``; call only when `has_reply`."""
        text = self.text(request) if callable(self.text) else self.text
        calls = self.tool_calls(request) if callable(self.tool_calls) else self.tool_calls
        tool_calls = to_calls(calls or ())
        finish = self.finish_reason or ("tool_calls" if tool_calls else "stop")
        return Reply(
            text=str(text) if text is not None else "",
            tool_calls=tool_calls,
            refusal=self.refusal,
            reasoning=self.reasoning,
            finish_reason=finish,
        )


class RuleList(MutableSequence[Rule]):
    """The rules of one server, first match first; it refuses anything that is not a `Rule`."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._rules: list[Rule] = []
        self._used: dict[Rule, int] = {}
        self._lock = threading.Lock()
        self.extend(rules)

    @overload
    def __getitem__(self, index: int) -> Rule: ...
    @overload
    def __getitem__(self, index: slice) -> RuleList: ...
    def __getitem__(self, index: int | slice) -> Rule | RuleList:
        return RuleList(self._rules[index]) if isinstance(index, slice) else self._rules[index]

    @overload
    def __setitem__(self, index: int, value: Rule) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[Rule]) -> None: ...
    def __setitem__(self, index: int | slice, value: Rule | Iterable[Rule]) -> None:
        with self._lock:
            if isinstance(index, slice):
                self._rules[index] = [_checked(rule) for rule in _iterable(value)]
            else:
                self._rules[index] = _checked(value)

    def __delitem__(self, index: int | slice) -> None:
        with self._lock:
            del self._rules[index]

    def __len__(self) -> int:
        return len(self._rules)

    def __repr__(self) -> str:
        return f"RuleList({self._rules!r})"

    def insert(self, index: SupportsIndex, value: Rule) -> None:
        """Insert a rule before ``index``; an earlier rule wins."""
        rule = _checked(value)
        with self._lock:
            self._rules.insert(index, rule)

    def find(self, request: Request) -> Rule | None:
        """The first rule that matches and is not used up; using it counts."""
        for rule in tuple(self._rules):
            if not self._is_used_up(rule) and rule.matches(request) and self._use(rule):
                return rule
        return None

    def used(self, rule: Rule) -> int:
        """How many times a rule has been applied by this server."""
        return self._used.get(rule, 0)

    def _is_used_up(self, rule: Rule) -> bool:
        return rule.times is not None and self._used.get(rule, 0) >= rule.times

    def _use(self, rule: Rule) -> bool:
        with self._lock:  # two requests at once must not both take the last use
            if self._is_used_up(rule):
                return False
            self._used[rule] = self._used.get(rule, 0) + 1
            return True


def to_calls(calls: Calls) -> tuple[ToolCall, ...]:
    """Tool calls in wire form; raises UsageError for anything but (name, arguments) pairs."""
    made = []
    for call in calls:
        if not (isinstance(call, (tuple, list)) and len(call) == 2 and isinstance(call[0], str)):
            raise UsageError(f"{call!r} is not a tool call; give pairs (name, arguments), arguments a dict.")
        name, arguments = call
        if not isinstance(arguments, (str, Mapping)):
            raise UsageError(
                f"the arguments {arguments!r} of tool call {name!r} are neither a dict nor JSON text; give one of them."
            )
        text = arguments if isinstance(arguments, str) else json.dumps(dict(arguments), ensure_ascii=False)
        made.append(ToolCall(name, text))
    return tuple(made)


def _compile(match: object) -> re.Pattern[str] | None:
    if isinstance(match, re.Pattern):
        return match
    if callable(match):
        return None
    if not isinstance(match, str):
        raise UsageError(f"match={match!r} of a rule is neither text, a pattern nor a callable; give one of them.")
    try:
        return re.compile(match, re.IGNORECASE | re.DOTALL)
    except re.error as error:
        raise UsageError(
            f"match={match!r} of a rule is not a regular expression ({error}); "
            "mend it, or use re.escape() for plain text."
        ) from None


def _check_error(error: object, after: int | None) -> None:
    if error is None:
        if after is not None:
            raise UsageError(f"error_after={after!r} says when to fail but not how; add error=(500, 'message').")
        return
    shape = isinstance(error, tuple) and len(error) == 2 and isinstance(error[1], str)
    if not shape or type(error[0]) is not int or not 400 <= error[0] <= 599:  # type: ignore[index]
        raise UsageError(f"error={error!r} of a rule is not (status 400 to 599, message); e.g. (429, 'slow down').")


def _check_seconds(name: str, value: object) -> None:
    if value is None and name in ("first_token_delay_s", "token_delay_s"):
        return
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value < math.inf:  # type: ignore[operator]
        raise UsageError(f"{name}={value!r} of a rule is not a time; give seconds, 0 or more.")


def _check_count(name: str, value: object, least: int) -> None:
    if value is not None and (type(value) is not int or value < least):
        raise UsageError(f"{name}={value!r} of a rule is not a count; give a whole number from {least}, or None.")


def _checked(rule: object) -> Rule:
    if not isinstance(rule, Rule):
        raise UsageError(f"{rule!r} is not a rule; add spanbook.offline.Rule(match=..., text=...).")
    return rule


def _iterable(value: object) -> Iterable[object]:
    if not isinstance(value, Iterable):
        raise UsageError(f"{value!r} is not a list of rules; give spanbook.offline.Rule objects.")
    return value
