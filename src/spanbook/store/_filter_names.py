"""The names a filter may use: what each is, for the parser's checks, for error hints and for completion."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ..model import KINDS, LEVELS, SCORE_SOURCES, STATUSES, UsageError
from ._filter_nodes import Type


@dataclass(frozen=True, slots=True)
class Name:
    """One name: its type, one line of help, and the only texts it can hold where these are known."""

    name: str
    type: Type
    help: str
    choices: tuple[str, ...] = ()


def _table(*names: Name) -> dict[str, Name]:
    return {name.name: name for name in names}


def _usage(of: str) -> tuple[Name, ...]:
    return (
        Name("input_tokens", "number", f"tokens sent, cached ones included{of}"),
        Name("output_tokens", "number", f"tokens received, reasoning included{of}"),
        Name("total_tokens", "number", f"input_tokens + output_tokens{of}"),
        Name("cache_read_tokens", "number", f"part of input_tokens read from the provider's cache{of}"),
        Name("reasoning_tokens", "number", f"part of output_tokens spent on reasoning{of}"),
        Name("cost_usd", "number", f"cost in US dollars{of}"),
    )


def _times(what: str) -> tuple[Name, ...]:
    return (
        Name("start", "time", f'when {what} began: start >= "2026-11-01", UTC'),
        Name("end", "time", f"when {what} ended; None while it is open"),
        Name("duration_ms", "number", "end - start in milliseconds; None while it is open"),
        Name("start_ns", "number", "start in nanoseconds since the Unix epoch"),
        Name("end_ns", "number", "end in nanoseconds since the Unix epoch"),
    )


_WHO: Final = (
    Name("user_id", "text", "the user it was done for"),
    Name("session_id", "text", "the conversation or session it belongs to"),
    Name("tags", "tags", '"beta" in tags'),
    Name("environment", "text", "such as production or test"),
    Name("release", "text", "version of the traced program"),
    Name("feature", "text", "the feature it was done for"),
    Name("region", "text", "where it ran"),
)
_WHERE: Final = (
    Name("notebook", "text", "path of the notebook"),
    Name("cell_id", "text", "id of the notebook cell"),
    Name("execution_count", "number", "the number in the cell's In[…]"),
    Name("cell_hash", "text", "hash of the cell's source"),
    Name("git_commit", "text", "commit the notebook's folder was at"),
    Name("process_id", "number", "operating-system process that made it"),
)
_SCORES: Final = Name("scores", "scores", 'scores["correct"] < 0.5: the latest score of that name')
_EVENTS: Final = Name("events", "rows", 'any(e.name == "retry" for e in events)')

_SPANS: Final = _table(
    Name("name", "text", "what the span is called"),
    Name("kind", "text", "what the span did", KINDS),
    Name("status", "text", "how far it got", STATUSES),
    Name("level", "text", "its importance", LEVELS),
    Name("has_error", "bool", 'status == "error"'),
    Name("is_root", "bool", "it has no parent"),
    *_times("it"),
    Name("first_token", "time", "when the first token arrived"),
    Name("first_token_ns", "number", "first_token in nanoseconds since the Unix epoch"),
    Name("time_to_first_token_ms", "number", "first_token - start in milliseconds"),
    Name("model", "text", "the model that answered"),
    Name("provider", "text", "who serves the model"),
    Name("finish_reason", "text", "why the model stopped"),
    Name("response_id", "text", "the provider's id of the response"),
    *_usage(""),
    Name("cache_write_tokens", "number", "part of input_tokens written to the provider's cache"),
    Name("audio_input_tokens", "number", "part of input_tokens that was audio"),
    Name("audio_output_tokens", "number", "part of output_tokens that was audio"),
    Name("input_cost_usd", "number", "the input's part of cost_usd"),
    Name("output_cost_usd", "number", "the output's part of cost_usd"),
    Name("cost_source", "text", "where cost_usd comes from: the client or a price table"),
    Name("counted", "bool", "its usage is in its trace's totals"),
    Name("input", "content", '"refund" in input; input[-1]["role"] == "user"; matches(input, "refund")'),
    Name("output", "content", '"sorry" in output; output["answer"] == "yes"; output is None'),
    Name("error", "content", '"timeout" in error; error["type"] == "ValueError"'),
    Name("error_type", "text", "class of the exception, such as ValueError"),
    Name("metadata", "map", 'metadata["tier"] == "pro"; "tier" in metadata'),
    Name("model_parameters", "map", 'model_parameters["temperature"] > 0.5'),
    Name("attributes", "map", 'attributes["gen_ai.system"] == "openai": what no other field holds'),
    Name("tools", "content", '"search" in tools: the tools offered to the model'),
    Name("links", "content", "links to other spans"),
    _SCORES,
    _EVENTS,
    Name("prompt_name", "text", "the prompt it used"),
    Name("prompt_version", "text", "that prompt's version"),
    *_WHO,
    *_WHERE,
    Name("trace_id", "text", "32 hex digits"),
    Name("span_id", "text", "16 hex digits"),
    Name("parent_id", "text", "span_id of the parent; None for a root"),
)
_TRACES: Final = _table(
    Name("name", "text", "name of the root span"),
    Name("status", "text", "how far it got", STATUSES),
    Name("has_error", "bool", "at least one span failed"),
    *_times("it"),
    Name("n_spans", "number", "how many spans it has"),
    Name("n_open", "number", "how many spans have not ended"),
    Name("n_errors", "number", "how many spans failed"),
    Name("n_llm", "number", "how many llm calls it made"),
    *_usage(", summed over its llm and embedding spans"),
    Name("input", "content", 'the root span\'s input: "refund" in input'),
    Name("output", "content", 'the root span\'s output: output["answer"] == "yes"'),
    Name("metadata", "map", 'metadata["tier"] == "pro"; "tier" in metadata'),
    Name("spans", "rows", 'any(s.kind == "tool" and s.has_error for s in spans)'),
    _SCORES,
    _EVENTS,
    *_WHO,
    *_WHERE,
    Name("trace_id", "text", "32 hex digits"),
    Name("root_span_id", "text", "16 hex digits"),
)
_EVENT_FIELDS: Final = _table(
    Name("name", "text", "what the event is called"),
    Name("time", "time", "when it happened"),
    Name("time_ns", "number", "when it happened, in nanoseconds since the Unix epoch"),
    Name("data", "map", 'data["attempt"] > 1: what it carries'),
    Name("span_id", "text", "the span it happened in"),
    Name("event_id", "text", "its id"),
)
_SCORE_FIELDS: Final = _table(
    Name("name", "text", "what was scored"),
    Name("value", "json", "the number, label, True, False or text"),
    Name("value_type", "text", "what sort of value it is", ("number", "label", "bool", "text")),
    Name("source", "text", "who scored", SCORE_SOURCES),
    Name("comment", "text", "why"),
    Name("evaluator", "text", "the evaluator that scored"),
    Name("author", "text", "the person who scored"),
    Name("created", "time", "when it was scored"),
    Name("created_ns", "number", "when it was scored, in nanoseconds since the Unix epoch"),
    Name("span_id", "text", "the span it is about; None when it is about the whole trace"),
    Name("score_id", "text", "its id"),
)

#: Names by what the row is. A filter is on spans or traces; ``any(… for e in events)`` goes over the others.
NAMES: Final[dict[str, dict[str, Name]]] = {
    "spans": _SPANS,
    "traces": _TRACES,
    "events": _EVENT_FIELDS,
    "scores": _SCORE_FIELDS,
}

FUNCTIONS: Final[dict[str, str]] = {
    "any": 'any(s.kind == "tool" for s in spans): at least one passes',
    "all": 'all(s.status == "ok" for s in spans): every one passes',
    "count": 'count(s.kind == "tool" for s in spans) > 3: how many pass',
    "len": 'len([s for s in spans if s.kind == "tool"]) > 3; len(tags); len(name)',
    "sum": 'sum(s.cost_usd for s in spans if s.kind == "llm") > 0.1',
    "min": "min(s.duration_ms for s in spans) < 5",
    "max": "max(s.duration_ms for s in spans) > 5000",
    "matches": 'matches(input, "refund policy"): full-text search',
}
METHODS: Final[dict[str, str]] = {
    "startswith": 'name.startswith("retrieve")',
    "endswith": 'model.endswith("-mini")',
    "lower": 'name.lower() == "plan"; "refund" in input.lower()',
    "upper": 'region.upper() == "EU"',
}

#: What people write who come from other tools, and the name here.
_ALIASES: Final[dict[str, str]] = {
    "completion_tokens": "output_tokens",
    "cost": "cost_usd",
    "created_at": "start",
    "duration": "duration_ms",
    "duration_s": "duration_ms",
    "end_time": "end",
    "errors": "n_errors",
    "exception": "error",
    "failed": "has_error",
    "inputs": "input",
    "latency": "duration_ms",
    "latency_ms": "duration_ms",
    "observation_type": "kind",
    "outputs": "output",
    "parent_span_id": "parent_id",
    "price": "cost_usd",
    "prompt": "prompt_name",
    "prompt_tokens": "input_tokens",
    "run_type": "kind",
    "score": "scores",
    "session": "session_id",
    "span_kind": "kind",
    "start_time": "start",
    "tag": "tags",
    "tokens": "total_tokens",
    "total_cost": "cost_usd",
    "ttft": "time_to_first_token_ms",
    "type": "kind",
    "user": "user_id",
    "version": "release",
}


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the word most like this one, None when none is much like it; letter case does not count."""
    by_lower = {candidate.lower(): candidate for candidate in words}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def nearest_name(word: str, scope: str) -> str | None:
    """Return the name somebody who wrote ``word`` probably meant."""
    meant = _ALIASES.get(word.lower())
    return meant if meant in NAMES[scope] else nearest(word, NAMES[scope])


def filter_names(on: str = "spans") -> dict[str, str]:
    """Return every name a filter on ``"spans"`` or ``"traces"`` may use, with one line of help each.

    ``"events"`` and ``"scores"`` give the names of what ``any(… for e in events)`` goes over.
    """
    if not isinstance(on, str) or on not in NAMES:
        raise UsageError(f"on={on!r} has no names; give one of {', '.join(map(repr, NAMES))}.")
    return {name.name: _with_choices(name) for name in NAMES[on].values()}


def where_listed(scope: str) -> str:
    """Return the sentence that says where all names can be seen."""
    return f'sb.filter_names("{scope}") lists them all'


def _with_choices(name: Name) -> str:
    return f"{name.help}: {', '.join(name.choices)}" if name.choices else name.help
