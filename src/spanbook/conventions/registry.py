"""Which mapper reads which span, in which order, and what becomes of the rest.

A span may carry several conventions (a Langfuse SDK adds its own to OpenInference's, Logfire to GenAI's). All mappers
whose attributes are present are tried in the order of ``MAPPERS``: those that say most about the span first, then those
they build on. The first to set a field wins; each takes the attributes it used, and what nobody took is kept. A mapper
that fails is undone and named, and the others go on, so that no span is lost for a value that none of us foresaw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ..model import COUNTED_KINDS
from ..tracer._plugins import CONVENTIONS, NotAPlugin, Plugin, find_plugins, load_plugin, refuse
from ._common import map_common
from ._draft import Draft
from ._error import put_error
from ._genai import map_genai
from ._genai_events import CONTENT_EVENTS, map_genai_events
from ._genkit import NAMES as GENKIT
from ._genkit import map_genkit
from ._google_adk import SCOPE as GOOGLE_ADK
from ._google_adk import map_google_adk
from ._haystack import map_haystack
from ._langfuse import map_langfuse
from ._langfuse_media import map_media, refers_to_media
from ._langsmith import map_langsmith
from ._langwatch import map_langwatch
from ._litellm import map_litellm
from ._logfire import map_logfire, without_pending
from ._logfire_agents import SCOPE, map_logfire_agents
from ._mastra import map_mastra
from ._messages import is_messages, join_results, say_gaps
from ._mirascope import map_mirascope
from ._mlflow import SCOPE as MLFLOW
from ._mlflow import map_mlflow
from ._openinference import map_openinference
from ._openllmetry import is_flat, map_openllmetry
from ._pydantic_ai import map_pydantic_ai
from ._spanbook import map_spanbook
from ._vector_db import is_search, map_vector_db
from ._vercel import is_vercel, map_vercel
from ._voltagent import SCOPE as VOLTAGENT
from ._voltagent import map_voltagent
from .otel import OtelEvent, OtelLog, OtelSpan


class SpanMapper(NamedTuple):
    """A dialect: whether it may have something to say of a span, and what it says."""

    name: str
    #: Gets the span, and the first names (up to the dot) of its attributes: to look there first is cheap.
    detects: Callable[[OtelSpan, Set[str]], bool]
    map: Callable[[Draft], None]


@dataclass(slots=True)
class MappedSpan:
    """A span in our terms; ``fields`` are what the fold takes: ids, times, and any field of a span."""

    fields: dict[str, Any]
    events: list[OtelEvent]
    dialects: tuple[str, ...]
    failures: tuple[tuple[str, str], ...] = ()  # name of the mapper, what happened
    stream_end: float | None = None  # it reports the end of a stream whose span ended so many seconds before


def _any_of(*names: str) -> Callable[[OtelSpan, Set[str]], bool]:
    wanted = frozenset(names)
    return lambda span, roots: not wanted.isdisjoint(roots)


def _always(span: OtelSpan, roots: Set[str]) -> bool:
    return True


def _is_openinference(span: OtelSpan, roots: Set[str]) -> bool:
    named = "openinference" in roots or "llm" in roots
    return named or "input.value" in span.attributes or "output.value" in span.attributes


def _is_openllmetry(span: OtelSpan, roots: Set[str]) -> bool:
    named = "traceloop" in roots or "llm" in roots or span.scope_name.startswith("@traceloop/")
    return named or ("gen_ai" in roots and is_flat(span.attributes))


def _is_litellm(span: OtelSpan, roots: Set[str]) -> bool:
    return span.scope_name == "litellm" or "hidden_params" in roots


def _is_pydantic_ai(span: OtelSpan, roots: Set[str]) -> bool:
    return span.scope_name in ("pydantic-ai", "pydantic_ai") or not roots.isdisjoint(_PYDANTIC_AI)


_PYDANTIC_AI: Final = frozenset(
    ("agent_name", "tool_response", "tool_arguments", "model_request_parameters", "all_messages_events")
)
MAPPERS: Final[list[SpanMapper]] = [
    SpanMapper("spanbook", _any_of("spanbook"), map_spanbook),
    SpanMapper("langfuse", _any_of("langfuse"), map_langfuse),
    SpanMapper("mlflow", lambda span, roots: "mlflow" in roots or span.scope_name == MLFLOW, map_mlflow),
    SpanMapper("vercel", is_vercel, map_vercel),
    SpanMapper("genkit", lambda span, roots: not GENKIT.isdisjoint(roots), map_genkit),
    SpanMapper("mastra", _any_of("mastra"), map_mastra),
    SpanMapper("voltagent", lambda span, roots: span.scope_name.startswith(VOLTAGENT), map_voltagent),
    SpanMapper("haystack", _any_of("haystack"), map_haystack),
    SpanMapper("mirascope", _any_of("mirascope"), map_mirascope),
    SpanMapper("langsmith", _any_of("langsmith"), map_langsmith),
    SpanMapper("langwatch", _any_of("langwatch"), map_langwatch),
    SpanMapper("openinference", _is_openinference, map_openinference),
    SpanMapper("litellm", _is_litellm, map_litellm),
    SpanMapper("openllmetry", _is_openllmetry, map_openllmetry),
    SpanMapper("logfire-agents", lambda span, roots: span.scope_name == SCOPE, map_logfire_agents),
    SpanMapper("google-adk", lambda span, roots: "gcp" in roots or span.scope_name == GOOGLE_ADK, map_google_adk),
    SpanMapper("pydantic-ai", _is_pydantic_ai, map_pydantic_ai),
    SpanMapper("logfire", _any_of("logfire"), map_logfire),
    SpanMapper("vector-db", is_search, map_vector_db),
    SpanMapper("otel", _always, map_common),
    SpanMapper("genai", _any_of("gen_ai", "operation"), map_genai),
]
_from_plugins: tuple[SpanMapper, ...] | None = None
_EVENTS: Final = SpanMapper("genai-events", _always, map_genai_events)


def plugin_mappers() -> tuple[SpanMapper, ...]:
    """Return the mappers that installed packages bring (entry points ``spanbook.conventions``), loaded once.

    Each names a ``SpanMapper`` whose name is nobody else's. They come before ours: they say most about their spans.
    """
    global _from_plugins
    if _from_plugins is None:
        found: dict[str, SpanMapper] = {}
        taken = {mapper.name for mapper in MAPPERS}
        for plugin in find_plugins(CONVENTIONS):
            mapper = load_plugin(plugin, _checked)
            if mapper is None or found.get(mapper.name) is mapper:
                continue
            if mapper.name in taken or mapper.name in found:
                refuse(plugin, f"brings a mapper {mapper.name!r}, which is the name of another one")
            else:
                found[mapper.name] = mapper
        _from_plugins = tuple(found.values())
    return _from_plugins


def plugins_found() -> list[Plugin]:
    """Return the plugins of this group, loaded or not."""
    plugin_mappers()
    return find_plugins(CONVENTIONS)


def _checked(value: Any) -> SpanMapper:
    if not isinstance(value, SpanMapper) or not (callable(value.detects) and callable(value.map)):
        raise NotAPlugin(f"is a {type(value).__name__}; expected a spanbook.conventions.SpanMapper")
    return value


def _settle_messages(draft: Draft) -> None:
    """Join tools' results with their calls, say where a call's input has gaps, and why the model stopped."""
    is_call = draft.is_kind("llm")
    for side in ("input", "output"):
        given: Any = draft.fields.get(side)
        if not is_messages(given):
            continue
        messages = join_results(given)
        draft.fields[side] = say_gaps(messages) if side == "input" and is_call else messages
        if side == "output" and is_call:
            reasons = (message.get("finish_reason") for message in messages)
            draft.put("finish_reason", next((reason for reason in reasons if isinstance(reason, str) and reason), None))


#: What the name of a resource of Google's begins with.
_RESOURCES: Final = ("projects/", "publishers/", "models/")
#: Of no dialect: what is the same for all of them.
_LAST: Final = (
    SpanMapper("media", refers_to_media, map_media),
    SpanMapper("messages", _always, _settle_messages),
)
_OF_NO_DIALECT: Final = frozenset((map_common, map_media, _settle_messages))


def map_span(span: OtelSpan, logs: Sequence[OtelLog] = ()) -> MappedSpan:
    """Return a span in our terms.

    Args:
        span: A span of any client.
        logs: The log records that belong to it, as far as they are known.

    Returns:
        Its fields, the events nobody used, and which mappers failed. Nothing is raised.
    """
    span = without_pending(span)
    roots = {name.partition(".")[0] for name in span.attributes}
    mappers = (*plugin_mappers(), *MAPPERS, *([_EVENTS] if _has_content(span, logs) else []), *_LAST)
    failures: dict[str, str] = {}
    while True:  # again without the mapper that failed, as often as one does: so each leaves nothing behind
        draft = Draft(span, logs)
        dialects: list[str] = []
        for mapper in mappers:
            if mapper.name in failures:
                continue
            try:
                if not mapper.detects(span, roots):
                    continue
                mapper.map(draft)
            except Exception as error:  # noqa: BLE001 - clients send anything; the span is kept as it came
                failures[mapper.name] = f"{type(error).__name__}: {error}"[:300]
                break
            if mapper.map not in _OF_NO_DIALECT:
                dialects.append(mapper.name)
        else:
            return _finished(draft, tuple(dialects), tuple(failures.items()))


def map_logs(logs: Sequence[OtelLog]) -> dict[str, Any]:
    """Return what log records tell of a call that is not at hand (any more, or yet): contents, tools, finish reason."""
    stand_in = OtelSpan(trace_id="", span_id="", name="", start_ns=0, attributes={"gen_ai.operation.name": "chat"})
    mapped = map_span(stand_in, logs).fields
    return {
        name: mapped[name] for name in ("input", "output", "tools", "finish_reason") if mapped.get(name) is not None
    }


def _has_content(span: OtelSpan, logs: Sequence[OtelLog]) -> bool:
    return (
        "events" in span.attributes
        or any(event.name in CONTENT_EVENTS for event in span.events)
        or any(log.name in CONTENT_EVENTS for log in logs)
    )


def _finished(draft: Draft, dialects: tuple[str, ...], failures: tuple[tuple[str, str], ...]) -> MappedSpan:
    """Return the span with all that is the same for every dialect: ids, times, errors, what is left."""
    span, fields = draft.span, draft.fields
    put_error(draft)
    _check_first_token(draft)
    _shorten_model(draft)
    draft.put("kind", "span")
    draft.put("name", span.name)
    if fields.get("usage") and fields["kind"] not in COUNTED_KINDS:
        fields.setdefault("counted", False)  # the sum of what it called
    if span.links:
        fields.setdefault("links", [_link(link) for link in span.links])
    attributes = {**draft.left, **_about(span)}
    if failures:
        attributes["spanbook.normalise_error"] = "; ".join(f"{name}: {said}" for name, said in failures)
    ours = {name: value for name, value in fields.items() if value is not None}
    ids = {"trace": span.trace_id, "span": int(span.span_id, 16) if span.span_id else 0}
    parent = None if not span.parent_id else int(span.parent_id, 16)
    whole = {**ids, "parent": parent, "start_ns": span.start_ns, **ours, "attributes": attributes}
    if span.end_ns is not None:
        whole["end_ns"] = max(span.end_ns, span.start_ns)
    return MappedSpan(whole, draft.events, dialects, failures, draft.stream_end)


def _check_first_token(draft: Draft) -> None:
    """Drop a first token outside of its span: mlflow-skinny 3.9 times its chunks in microseconds."""
    span, first = draft.span, draft.fields.get("first_token_ns")
    if isinstance(first, int) and (first < span.start_ns or (span.end_ns is not None and first > span.end_ns)):
        del draft.fields["first_token_ns"]


def _shorten_model(draft: Draft) -> None:
    """Call a model of Google's by its name: the last part of the name of a resource, which stays an attribute."""
    model: Any = draft.fields.get("model")
    if isinstance(model, str) and model.startswith(_RESOURCES):
        draft.left.setdefault("gen_ai.request.model", model)
        draft.fields["model"] = model.rpartition("/")[2]


def _about(span: OtelSpan) -> Mapping[str, Any]:
    """Return where the span comes from, by the names that OpenTelemetry gives these outside of OTLP."""
    found = {
        "otel.scope.name": span.scope_name,
        "otel.scope.version": span.scope_version,
        "otel.kind": span.otel_kind if span.otel_kind not in ("internal", "unspecified") else "",
        "otel.trace_state": span.trace_state,
        "otel.resource": dict(span.resource),
    }
    return {name: value for name, value in found.items() if value}


def _link(link: Any) -> dict[str, Any]:
    form: dict[str, Any] = {"trace_id": link.trace_id, "span_id": link.span_id}
    return {**form, "attributes": dict(link.attributes)} if link.attributes else form
