"""From a path and a JSON body to a planned answer; no sockets and no waiting here."""

from __future__ import annotations

import dataclasses
import itertools
import re
import threading
import time
import urllib.parse
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from . import _chat, _embeddings, _messages_in, _messages_out, _responses_in, _responses_out
from ._defaults import DEFAULT_RULES
from ._models import LISTED, Timing, check_served, model_json, timing_of
from ._rules import Rule, RuleList
from ._types import ApiError, Event, Message, Reply, Request, ToolCall
from ._usage import PromptCache, count_tokens, cut_text, input_tokens, reasoning_tokens, usage_of, with_thinking

_ROOT = r"/(?:openai/v1|openai|v1)"
_POST = re.compile(_ROOT + r"(?:/deployments/(?P<deployment>[^/]+))?/(?P<api>chat/completions|responses|embeddings)/?")
_ANTHROPIC = re.compile(r"/v1/messages(?P<count>/count_tokens)?/?")
_MODELS = re.compile(_ROOT + r"/models(?:/(?P<model>.+))?/?")
_STORED = re.compile(_ROOT + r"/responses/(?P<id>[^/]+)/?")
T = TypeVar("T")
_KEPT = 256  # responses kept for previous_response_id


@dataclass(kw_only=True)
class Plan:
    """One answer, ready to be sent: a JSON body or stream events, with its times and its accident."""

    status: int = 200
    body: Mapping[str, Any] = field(default_factory=dict)
    events: Iterable[Event] | None = None
    is_quiet_at_first: bool = False  # chat streams say nothing, not even the role, before the first piece
    ends_with_done: bool = False  # chat streams close with "data: [DONE]"
    timing: Timing = field(default_factory=Timing)
    pieces: int = 0  # of a whole reply: how long it takes to make
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None


class Engine:
    """The state of one offline model: rules, prompts seen, responses kept, running numbers."""

    def __init__(self, rules: Iterable[Rule], *, models: Sequence[str] | None, factor: float, name: str) -> None:
        self.rules = RuleList(rules)
        self._models = None if models is None else tuple(models)
        self._factor = factor
        self._name = name
        self._cache = PromptCache()
        self._numbers = itertools.count(1)
        self._call_numbers = itertools.count(1)
        self._kept: OrderedDict[str, tuple[dict[str, Any], tuple[Message, ...]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: str) -> Plan:
        """Answer a GET: the list of models, one model, a kept response."""
        found = _MODELS.fullmatch(path)
        if found:
            if found["model"] is None:
                return Plan(body={"object": "list", "data": [model_json(name) for name in self._listed()]})
            name = urllib.parse.unquote(found["model"])
            check_served(name, self._models)
            return Plan(body=model_json(name))
        found = _STORED.fullmatch(path)
        if found:
            return Plan(body=self._recall(found["id"])[0])
        raise _unknown("GET", path)

    def post(self, path: str, body: object) -> Plan:
        """Answer a POST; raises ApiError for what is answered in the provider's error form."""
        found = _POST.fullmatch(path) or _ANTHROPIC.fullmatch(path)
        if found is None:
            raise _unknown("POST", path)
        if not isinstance(body, Mapping):
            raise ApiError(400, "The body of the request is not a JSON object.")
        if found.re is _ANTHROPIC:
            if found["count"] is not None:
                return self._count(_messages_in.parse_messages(body, is_count=True))
            return self._messages(self._parse_messages(body))
        deployment = found["deployment"]
        name = urllib.parse.unquote(deployment) if deployment else None
        if found["api"] == "embeddings":
            return self._embeddings(_embeddings.parse_embeddings(body, name))
        if found["api"] == "responses":
            return self._responses(self._parse_responses(body, name))
        return self._chat(_chat.parse_chat(body, name), is_azure=name is not None)

    def _chat(self, request: Request, *, is_azure: bool) -> Plan:
        rule = self._begin(request)
        replies = [self._reply(request.for_choice(i), rule) for i in range(request.n)]
        usage = usage_of(request, replies, self._cache.read(request))
        number = self._number()
        head = {"id": f"chatcmpl-{number}", "created": int(time.time()), "model": request.model}
        plan = self._plan(request, rule)
        if not request.stream:
            plan.body = _chat.completion(head, replies, usage)
            plan.pieces = max(len(_chat.pieces(_all_text(reply))) for reply in replies)
            return plan
        events: Iterator[Event] = _chat.chunks(
            head, replies, usage, include_usage=request.include_usage, is_azure=is_azure
        )
        failure = _failure(rule)
        plan.events = events if failure is None else _broken_off(events, failure[0], Event(failure[1].body()))
        plan.ends_with_done = failure is None
        plan.is_quiet_at_first = True
        return plan

    def _responses(self, request: Request) -> Plan:
        rule = self._begin(request)
        reply = self._reply(request, rule)
        usage = usage_of(request, [reply], self._cache.read(request))
        number = self._number()
        head = {"id": f"resp_{number}", "created_at": int(time.time()), "model": request.model}
        output = _responses_out.output_items(request, reply, number)
        status = _responses_out.status_of(reply)
        body = _responses_out.response(head, request, output, usage, status=status)
        failure = _failure(rule) if request.stream else None
        if failure is None and request.body.get("store") is not False:
            self._keep(f"resp_{number}", body, request, reply)
        plan = self._plan(request, rule)
        if request.stream:
            plan.events = _responses_out.events(head, request, reply, number, usage, failure)
        else:
            plan.body, plan.pieces = body, len(_chat.pieces(_all_text(reply)))
        return plan

    def _messages(self, request: Request) -> Plan:
        rule = self._begin(request)
        reply = self._reply(request, rule)
        thinking = _messages_out.thinking_of(request, reply)
        usage = with_thinking(usage_of(request, [reply], self._cache.read(request)), thinking)
        head = {"id": f"msg_{self._number()}", "model": request.model}
        if request.body.get("thread"):
            self._keep(head["id"], dict(request.body), request, reply)
        plan = self._plan(request, rule)
        if not request.stream:
            plan.body = _messages_out.message(head, request, reply, usage)
            plan.pieces = len(_chat.pieces(f"{thinking} {_all_text(reply)}"))
            return plan
        events = _messages_out.events(head, request, reply, usage)
        failure = _failure(rule)
        plan.events = (
            events if failure is None else _broken_off(events, failure[0], _messages_out.error_event(failure[1]))
        )
        return plan

    def _count(self, request: Request) -> Plan:
        """How many tokens an input has; rules are not asked."""
        check_served(request.model, self._models)
        return Plan(body={"input_tokens": input_tokens(request)})

    def _embeddings(self, request: Request) -> Plan:
        rule = self._begin(request)
        plan = self._plan(request, rule)
        plan.body = _embeddings.embeddings(request)
        return plan

    def _begin(self, request: Request) -> Rule | None:
        """Check the model and find the caller's rule; a rule that fails at once raises here."""
        check_served(request.model, self._models)
        rule = self._guard(lambda: self.rules.find(request), "match")
        if rule is not None and rule.error is not None and (rule.error_after is None or not request.stream):
            raise RuleError(rule, timing_of(request, rule, self._factor))
        return rule

    def _reply(self, request: Request, rule: Rule | None) -> Reply:
        source = rule if rule is not None and rule.has_reply else None
        if source is None:
            source = next(default for default in DEFAULT_RULES if default.matches(request))
        reply = self._guard(lambda: source.reply(request), "reply")
        if rule is not None and source is not rule:
            reply = dataclasses.replace(
                reply,
                reasoning=rule.reasoning or reply.reasoning,
                finish_reason=rule.finish_reason or reply.finish_reason,
            )
        prefix = "toolu" if request.api == "messages" else "call"
        calls = tuple(
            dataclasses.replace(call, id=f"{prefix}_{self._name}_{next(self._call_numbers):06d}")
            for call in reply.tool_calls
        )
        return limit_reply(dataclasses.replace(reply, tool_calls=calls), request)

    def _guard(self, work: Callable[[], T], part: str) -> T:
        """Run the caller's own callables: what they raise becomes an answer, never a lost connection."""
        try:
            return work()
        except ApiError:
            raise
        except Exception as error:
            message = f"The {part} of an offline rule raised {type(error).__name__}: {error}"
            raise ApiError(500, message) from error

    def _plan(self, request: Request, rule: Rule | None) -> Plan:
        timing = timing_of(request, rule, self._factor)
        return Plan(timing=timing, cut_after=None if rule is None else rule.cut_after)

    def _parse_responses(self, body: Mapping[str, Any], deployment: str | None) -> Request:
        previous = body.get("previous_response_id")
        earlier = self._recall(str(previous))[1] if previous else ()
        given = body.get("input")
        if isinstance(given, list):
            body = {**body, "input": [self._dereferenced(item) for item in given]}
        return _responses_in.parse_responses(body, earlier, deployment)

    def _dereferenced(self, item: Any) -> Any:
        """The item itself in place of a reference to what a kept response holds (as Vercel's AI SDK 5 sends)."""
        if not isinstance(item, Mapping) or item.get("type") != "item_reference":
            return item
        with self._lock:
            kept = [body.get("output") or () for body, _ in reversed(self._kept.values())]
        found = next((one for output in kept for one in output if one["id"] == item.get("id")), None)
        if found is None:
            raise ApiError(404, f"Item with id '{item.get('id')}' not found.", param="input")
        return found

    def _parse_messages(self, body: Mapping[str, Any]) -> Request:
        """Read a request of a thread (the SDK's tool runner makes one) with what its earlier turns said and offered."""
        thread = body.get("thread")
        previous = thread.get("previous_message_id") if isinstance(thread, Mapping) else None
        if not previous:
            return _messages_in.parse_messages(body)
        begun, earlier = self._recall(str(previous))
        offered: dict[str, Any] = {name: begun[name] for name in ("system", "tools") if name in begun}
        return _messages_in.parse_messages({**offered, **body}, earlier)

    def _recall(self, response_id: str) -> tuple[dict[str, Any], tuple[Message, ...]]:
        with self._lock:
            kept = self._kept.get(response_id)
        if kept is None:
            raise ApiError(404, f"Response with id '{response_id}' not found.", code="response_not_found")
        return kept

    def _keep(self, key: str, body: dict[str, Any], request: Request, reply: Reply) -> None:
        has_head = bool(request.body.get("instructions") or request.body.get("system"))  # said again each time
        messages = (*request.messages[1 if has_head else 0 :], *_responses_out.reply_messages(reply))
        with self._lock:
            self._kept[key] = (body, messages)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def _number(self) -> str:
        return f"{self._name}-{next(self._numbers):06d}"

    def _listed(self) -> list[str]:
        if self._models is None:
            return list(LISTED)
        return [name for name in self._models if not set(name) & set("*?[")]


class RuleError(ApiError):
    """The error a rule asks for, with the time to wait before it and the headers it carries."""

    def __init__(self, rule: Rule, timing: Timing) -> None:
        super().__init__(*(rule.error or (500, "")))
        self.delay_s = timing.delay_s
        self.cut = rule.cut_after is not None
        self.headers: dict[str, str] = {}
        if self.status in (429, 503, 529):
            self.headers["retry-after-ms"] = str(round(rule.retry_after_s * 1000))
            self.headers["retry-after"] = str(-int(-rule.retry_after_s // 1))


def error_body(path: str, error: ApiError) -> dict[str, Any]:
    """The JSON body of an error in the form of the provider whose path was asked."""
    return _messages_out.error_json(error) if is_anthropic(path) else error.body()


def is_anthropic(path: str) -> bool:
    """True for the paths of Anthropic's API."""
    return _ANTHROPIC.fullmatch(path.partition("?")[0]) is not None


def limit_reply(reply: Reply, request: Request) -> Reply:
    """The reply cut at the first stop sequence and at the caller's token limit (finish reason ``length``)."""
    text, stopped_by = reply.text, None
    for stop in request.stop:
        if stop and stop in text:
            text, stopped_by = text.split(stop, 1)[0], stop
    reply = dataclasses.replace(reply, text=text, stopped_by=stopped_by)
    if request.max_tokens is None:
        return reply
    left = request.max_tokens - reasoning_tokens(request)
    kept = cut_text(text, left)
    refusal = reply.refusal if reply.refusal is None else cut_text(reply.refusal, left)
    left -= count_tokens(kept) + count_tokens(refusal or "")
    calls: list[ToolCall] = []
    for call in reply.tool_calls:
        if left < count_tokens(call.name):
            break
        arguments = cut_text(call.arguments, left - count_tokens(call.name))
        left -= count_tokens(call.name) + count_tokens(arguments)
        calls.append(dataclasses.replace(call, arguments=arguments))
    limited = dataclasses.replace(reply, text=kept, refusal=refusal, tool_calls=tuple(calls))
    return reply if limited == reply else dataclasses.replace(limited, finish_reason="length")


def _failure(rule: Rule | None) -> tuple[int, ApiError] | None:
    if rule is None or rule.error is None or rule.error_after is None:
        return None
    return rule.error_after, ApiError(*rule.error)


def _broken_off(events: Iterable[Event], after: int, last: Event) -> Iterator[Event]:
    """A stream that says an error after so many pieces, as providers do once a stream has begun."""
    for event in events:
        if event.is_piece:
            if after == 0:
                break
            after -= 1
        yield event
    yield last


def _all_text(reply: Reply) -> str:
    return " ".join([reply.text, reply.refusal or "", *(call.arguments for call in reply.tool_calls)])


def _unknown(method: str, path: str) -> ApiError:
    text = f"Unknown request URL: {method} {path}. The offline model serves chat/completions, responses,"
    return ApiError(404, f"{text} embeddings and models under /v1 and /openai, and /v1/messages.", code="unknown_url")
