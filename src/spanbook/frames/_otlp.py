"""A trace as OTLP/JSON with OpenTelemetry's GenAI attributes.

Form: the JSON encoding of ``ExportTraceServiceRequest`` (OTLP 1.x): ids in hex, 64-bit integers as decimal strings,
enums as numbers. Attributes: semantic conventions for GenAI (``gen_ai.*``; content as JSON strings, as the conventions
ask of span attributes), for exceptions, users and sessions. What they have no name for is under ``spanbook.*``, and
what a span's ``attributes`` hold is passed on as it is, so nothing is lost. Each payload is said once: as
``gen_ai.input.messages`` when it is messages, under the names of tools and retrieval where these apply, else as
``spanbook.input`` (JSON). Files stand in them as base64, where the spans were completed with them (``_whole``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from .._version import __version__
from ..conventions.otel import SPAN_KINDS
from ..model import Event, Json, Score, Span
from ._otlp_tools import Extra
from ._otlp_wire import Item
from ._whole import Complete

_INT64: Final = 1 << 63
_INTERNAL, _CLIENT = 1, 3  # SpanKind
_STATUS_CODES: Final = {"open": 0, "interrupted": 0, "ok": 1, "error": 2}
_OPERATIONS: Final = {
    "llm": "chat",
    "embedding": "embeddings",
    "retriever": "retrieval",
    "tool": "execute_tool",
    "agent": "invoke_agent",
}
_USAGE: Final = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
}
#: Parameters the conventions name; ours on the left. The others go under ``spanbook.model_parameters``.
_PARAMETERS: Final = {
    "model": "gen_ai.request.model",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
    "stream": "gen_ai.request.stream",
    "dimensions": "gen_ai.embeddings.dimension.count",
}
#: Fields without a name in the conventions.
_OWN: Final = (
    "level", "cost_usd", "input_cost_usd", "output_cost_usd", "cost_source", "feature", "region", "prompt_version",
)  # fmt: skip
_SCOPE: Final = {"name": "spanbook", "version": __version__}
#: Attributes by which spans say where they come from (``conventions.registry``) → the type that OTLP has a place for.
_PLACED: Final = {
    "otel.resource": Mapping,
    "otel.scope.name": str,
    "otel.scope.version": str,
    "otel.kind": str,
    "otel.trace_state": str,
}
_PROVENANCE: Final = ("notebook", "cell_id", "execution_count", "cell_hash", "git_commit")


def trace_otlp(spans: Sequence[Span], extra: Extra | None = None, complete: Complete | None = None) -> dict[str, Any]:
    """Return the spans of a trace as an OTLP/JSON ``ExportTraceServiceRequest``, ready for ``POST /v1/traces``.

    The arguments are those of :func:`otlp_items`.
    """
    groups: list[dict[str, Any]] = []
    for item in otlp_items(spans, extra, complete):
        if not groups or groups[-1]["resource"] is not item.resource:
            groups.append({"resource": item.resource, "scopeSpans": [{"scope": item.scope, "spans": []}]})
        groups[-1]["scopeSpans"][0]["spans"].append(item.span)
    return {"resourceSpans": groups}


def otlp_items(spans: Sequence[Span], extra: Extra | None = None, complete: Complete | None = None) -> Iterator[Item]:
    """Yield the spans of a trace as OTLP/JSON, each with its resource and its scope; those that share them together.

    A span of another program has the resource and the scope it came with. Of ours, those of one process, environment
    and release share a resource; one that does not say its own has those of the first that does. An open span has no
    ``endTimeUnixNano``; ``spanbook.status`` tells open and interrupted apart.

    Args:
        spans: Of one trace.
        extra: Gives attributes that one tool needs besides; None as the value of one takes it away.
        complete: Puts into a span what the store keeps apart from it, when its turn has come (``completer``).
    """
    said = [(span.environment, span.release, span.provenance.process_id) for span in spans]
    first = [next((value for value in values if value is not None), None) for values in zip(*said, strict=True)]
    groups: dict[str, tuple[Mapping[str, Json], dict[str, Json], list[Span]]] = {}
    for span, own in zip(spans, said, strict=True):
        resource, scope = _origin(span)
        if resource is None:
            facts: Any = [usual if value is None else value for value, usual in zip(own, first, strict=True)]
            resource = _resource(*facts)
        groups.setdefault(_text([resource, scope]), (resource, scope, []))[2].append(span)
    for resource, scope, group in groups.values():
        form = {"attributes": attributes(resource)}
        make = partial(_span, resource, extra)
        for span in group:
            if complete is None:
                yield Item(form, scope, make(span))
            else:
                yield Item(form, scope, make(complete(span)), partial(_without_files, make, complete, span))


def _without_files(make: Callable[[Span], dict[str, Any]], complete: Complete, span: Span) -> dict[str, Any]:
    return make(complete(span, "the receiver takes no request so large"))


def _origin(span: Span) -> tuple[Mapping[str, Json] | None, dict[str, Json]]:
    """Return the resource that a span came with, None for ours, and its scope."""
    given = _given(span)
    resource, name, version = (given.get(f"otel.{key}") for key in ("resource", "scope.name", "scope.version"))
    if not isinstance(resource, Mapping):
        resource = None
    if not isinstance(name, str):
        return resource, (dict(_SCOPE) if resource is None else {})
    return resource, {"name": name, "version": version} if isinstance(version, str) else {"name": name}


def _given(span: Span) -> Mapping[str, Json]:
    """Return the attributes of a span; users may have set anything."""
    return span.attributes if isinstance(span.attributes, Mapping) else {"spanbook.attributes": span.attributes}


def _resource(environment: str | None, release: str | None, process_id: int | None) -> dict[str, Any]:
    found = {
        "service.name": "unknown_service:python",  # what the specification asks of those who are not told
        "service.version": release,
        "deployment.environment.name": environment,
        "process.pid": process_id,
        "telemetry.sdk.name": "spanbook",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": __version__,
    }
    return {name: value for name, value in found.items() if value is not None}


def _span(resource: Mapping[str, Json], extra: Extra | None, span: Span) -> dict[str, Any]:
    given = _given(span)
    out: dict[str, Any] = {"traceId": span.trace_id, "spanId": span.span_id}
    if span.parent_id is not None:
        out["parentSpanId"] = span.parent_id
    out["name"] = span.name
    out["kind"] = _otel_kind(span, given)
    if isinstance(given.get("otel.trace_state"), str):
        out["traceState"] = given["otel.trace_state"]
    out["startTimeUnixNano"] = str(span.start_ns)
    if span.end_ns is not None:
        out["endTimeUnixNano"] = str(span.end_ns)
    linked = span.links if isinstance(span.links, (list, tuple)) else [span.links]
    links = [link for link in map(_link, linked) if link is not None]
    named = _attributes(span, extra, all_linked=len(links) == len(linked)) | _unsaid(span, resource)
    out["attributes"] = attributes(named)
    out["events"] = [*_exception(span), *map(_event, span.events), *map(_evaluation, span.scores)]
    if links:
        out["links"] = links
    out["status"] = {"code": _STATUS_CODES[span.status]}
    message = (span.error or {}).get("message")
    if span.status == "error" and message:
        out["status"]["message"] = str(message)
    return out


def _otel_kind(span: Span, given: Mapping[str, Json]) -> int:
    """Return the number of the kind that a span came with, or that one of its sort has."""
    kind = given.get("otel.kind")
    if kind in SPAN_KINDS:
        return SPAN_KINDS.index(kind)
    is_ours = "otel.resource" not in given and "otel.scope.name" not in given
    return _CLIENT if is_ours and span.kind in ("llm", "embedding") else _INTERNAL


# -- attributes


def _unsaid(span: Span, resource: Mapping[str, Json]) -> dict[str, Json]:
    """Return what a span knows of its process that the resource it came with does not say."""
    environment = resource.get("deployment.environment.name", resource.get("deployment.environment"))
    facts = (
        ("environment", span.environment, environment),
        ("release", span.release, resource.get("service.version")),
        ("process_id", span.provenance.process_id, resource.get("process.pid")),
    )
    return {f"spanbook.{name}": own for name, own, said in facts if own is not None and own != said}


def _attributes(span: Span, extra: Extra | None, *, all_linked: bool) -> dict[str, Json]:
    """Return the attributes of a span by name; those it came with keep their names and values.

    Users may set anything, so a field that is not of its type is said as it is. What has a place of its own in OTLP is
    left out.
    """
    found: dict[str, Json] = {"spanbook.kind": span.kind, "spanbook.status": span.status}
    if span.kind in _OPERATIONS:
        found["gen_ai.operation.name"] = _OPERATIONS[span.kind]
    found |= _call(span)
    found |= _content(span)
    found |= {
        "user.id": span.user_id,
        "session.id": span.session_id,
        "gen_ai.conversation.id": span.session_id if span.kind in _OPERATIONS else None,
        "gen_ai.prompt.name": span.prompt_name,
        "error.type": span.error_type,
        "spanbook.tags": list(span.tags) or None,
        "spanbook.metadata": _text(span.metadata) if span.metadata else None,
        "spanbook.counted": None if span.counted else False,
        "spanbook.links": None if all_linked else _text(span.links),
    }
    found |= {f"spanbook.{name}": getattr(span, name) for name in _OWN}
    found |= {f"spanbook.{name}": getattr(span.provenance, name) for name in _PROVENANCE}
    if extra is not None:
        found |= extra(span)
    out = {name: value for name, value in found.items() if value is not None}
    for name, value in _given(span).items():
        if name in _PLACED and isinstance(value, _PLACED[name]):
            continue
        taken = name in out and out[name] != value
        out[f"spanbook.attributes.{name}" if taken else name] = value
    return out


def _call(span: Span) -> dict[str, Json]:
    """Return what is said about a call of a model: names, parameters, usage, finish."""
    found: dict[str, Json] = {"gen_ai.provider.name": span.provider, "gen_ai.response.id": span.response_id}
    if span.model is not None:
        found["gen_ai.request.model"] = span.model
        if span.end_ns is not None:
            found["gen_ai.response.model"] = span.model
    if span.finish_reason is not None:
        found["gen_ai.response.finish_reasons"] = [span.finish_reason]
    if span.first_token_ns is not None:
        found["gen_ai.response.time_to_first_chunk"] = (span.first_token_ns - span.start_ns) / 1e9  # seconds
        found["spanbook.first_token_ns"] = span.first_token_ns
    for name, value in span.usage.items():
        found[_USAGE.get(name, f"spanbook.usage.{name}")] = value
    if isinstance(span.model_parameters, Mapping):
        found |= _parameters(span.model_parameters)
    elif span.model_parameters is not None:
        found["spanbook.model_parameters"] = _text(span.model_parameters)
    if span.tools is not None:
        found["gen_ai.tool.definitions"] = _text(span.tools)
    return found


def _parameters(parameters: Mapping[str, Json]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    rest: dict[str, Json] = {}
    for name, value in parameters.items():
        if name == "stop" and value is not None:
            found["gen_ai.request.stop_sequences"] = value if isinstance(value, list) else [value]
        elif name in _PARAMETERS and isinstance(value, (str, int, float)) and _PARAMETERS[name] not in found:
            found[_PARAMETERS[name]] = value
        else:
            rest[name] = value
    if rest:
        found["spanbook.model_parameters"] = _text(rest)
    return found


def _content(span: Span) -> dict[str, Json]:
    """Return input and output under the names of their kind of operation."""
    found: dict[str, Json] = {}
    names = {"input": "spanbook.input", "output": "spanbook.output"}
    if span.kind == "tool":
        names = {"input": "gen_ai.tool.call.arguments", "output": "gen_ai.tool.call.result"}
        found["gen_ai.tool.name"] = span.name
    elif span.kind == "agent":
        found["gen_ai.agent.name"] = span.name
    elif span.kind == "retriever":
        if isinstance(span.input, str):
            names["input"] = "gen_ai.retrieval.query.text"
        if isinstance(span.output, list):
            names["output"] = "gen_ai.retrieval.documents"
    for side, value in (("input", span.input), ("output", span.output)):
        if value is None:
            continue
        if _are_messages(value):
            found[f"gen_ai.{side}.messages"] = _text(value)
        else:
            is_query = names[side] == "gen_ai.retrieval.query.text"
            found[names[side]] = value if is_query else _text(value)
    return found


def _are_messages(value: Json) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and "role" in item and "parts" in item for item in value)
    )


# -- events and links


def _exception(span: Span) -> list[dict[str, Any]]:
    if not span.error:
        return []
    kind, module = span.error.get("type"), span.error.get("module")
    found = {
        "exception.type": f"{module}.{kind}" if module and module != "builtins" else kind,
        "exception.message": span.error.get("message"),
        "exception.stacktrace": span.error.get("traceback"),
        "spanbook.module": module if module == "builtins" else None,  # which the type leaves out, as is usual
    }
    given = {name: value for name, value in found.items() if value}
    return [_event_form("exception", span.start_ns if span.end_ns is None else span.end_ns, given)]


def _event(event: Event) -> dict[str, Any]:
    data = event.data if isinstance(event.data, dict) else {"spanbook.data": event.data}
    return _event_form(event.name, event.time_ns, {name: value for name, value in data.items() if value is not None})


def _evaluation(score: Score) -> dict[str, Any]:
    """Return a score as the event that the conventions have for it; the root bears those of its trace and session."""
    whole = None if score.span_id is not None else "trace" if score.trace_id is not None else "session"
    is_number = isinstance(score.value, (int, float))  # bool too
    found = {
        "gen_ai.evaluation.name": score.name,
        "gen_ai.evaluation.score.value": float(score.value) if is_number else None,
        "gen_ai.evaluation.score.label": None if is_number else score.value,
        "gen_ai.evaluation.explanation": score.comment,
        "session.id": score.session_id,
        "spanbook.about": whole if score.trace_id or score.session_id else None,
        "spanbook.score_id": score.score_id,
        "spanbook.source": score.source,
        "spanbook.evaluator": score.evaluator,
        "spanbook.author": score.author,
        "spanbook.value": score.value if isinstance(score.value, bool) else None,
    }
    given = {name: value for name, value in found.items() if value is not None}
    return _event_form("gen_ai.evaluation.result", score.created_ns, given)


def _event_form(name: str, time_ns: int, data: Mapping[str, Json]) -> dict[str, Any]:
    return {"timeUnixNano": str(time_ns), "name": name, "attributes": attributes(data)}


def _link(link: Json) -> dict[str, Any] | None:
    """Return a link that names a span; None for one that does not."""
    if not isinstance(link, dict):
        return None
    trace_id, span_id = link.get("trace_id"), link.get("span_id")
    if not (_is_hex(trace_id, 32) and _is_hex(span_id, 16)):
        return None
    rest = link.get("attributes")
    return {"traceId": trace_id, "spanId": span_id, "attributes": attributes(rest if isinstance(rest, dict) else {})}


def _is_hex(value: Json, length: int) -> bool:
    return isinstance(value, str) and len(value) == length and not set(value) - set("0123456789abcdef")


# -- values


def attributes(values: Mapping[str, Json]) -> list[dict[str, Any]]:
    """Return OTLP ``KeyValue`` items."""
    return [{"key": str(name), "value": any_value(value)} for name, value in values.items()]


def any_value(value: Json) -> dict[str, Any]:
    """Return the OTLP ``AnyValue`` of a JSON value; None is the empty one, an integer beyond 64 bits is text."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if -_INT64 <= value < _INT64 else {"stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": attributes(value)}}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    return {"stringValue": value if isinstance(value, str) else str(value)}


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
