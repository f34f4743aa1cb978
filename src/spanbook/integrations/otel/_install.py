"""Where our provider, our processor and the bridge are put in, looked after, and taken out again."""

from __future__ import annotations

import threading
from typing import Any

from opentelemetry import trace as otel_trace

from ...tracer import warn_once
from .._guard import guard
from . import _bridge
from ._processor import SpanbookSpanProcessor
from ._provider import SpanbookTracerProvider

_MAX_WRAPPED = 4
_provider = SpanbookTracerProvider()
_processor = SpanbookSpanProcessor()
_lock = threading.RLock()
_problems: dict[str, str] = {}
#: The global provider when we looked last, the one inside it, and its processors, whose tuple changes with them.
_seen: tuple[Any, Any, Any] = (None, None, None)
_joined: list[Any] = []  # what feeds our processor


def install() -> None:
    """Go between OpenTelemetry and its users; a second time changes nothing."""
    with _lock:
        _problems.clear()
        _provider.is_on = _processor.is_on = True
        _note("context", _bridge.wrap(look))
        _provider.is_followed = _bridge.is_wrapped()
        if hasattr(otel_trace, "_TRACER_PROVIDER"):
            _provider.stand_in()
            look()
        else:
            _note("provider", "its global provider cannot be found: only spans of an SDK provider that is set are seen")


def uninstall() -> None:
    """Take everything out again; spans that are open still record their end."""
    global _seen
    with _lock:
        _provider.is_on = _processor.is_on = False
        _bridge.unwrap()
        if getattr(otel_trace, "_TRACER_PROVIDER", None) is _provider:
            otel_trace._TRACER_PROVIDER = None
        for feeder in _joined:
            with guard("leave an OpenTelemetry provider"):
                _leave(feeder)
        _joined.clear()
        _problems.clear()
        _seen = (None, None, None)


def look() -> None:
    """See whether somebody has set a provider, or taken our processor out of it; asked at each span of theirs."""
    provider = getattr(otel_trace, "_TRACER_PROVIDER", None)
    if provider is _provider:
        return
    known, inner, processors = _seen
    if provider is known and _inner_of(provider) is inner and _processors_of(inner) is processors:
        return
    with _lock, guard("join an OpenTelemetry provider"):
        _join(provider)


def provider() -> SpanbookTracerProvider:
    """Return the provider for instrumentors that are attached here; it passes on to whoever is set after it."""
    return _provider


def problems_now() -> list[str]:
    """Return what hinders us, in words."""
    return list(_problems.values())


def what_is_on() -> list[str]:
    """Return which parts are in place: "context", "provider" (ours), "processor" (in somebody's)."""
    parts = {
        "context": _bridge.is_wrapped(),
        "provider": getattr(otel_trace, "_TRACER_PROVIDER", None) is _provider,
        "processor": bool(_joined),
    }
    return [name for name, is_on in parts.items() if is_on]


def _note(what: str, problem: str) -> None:
    if problem:
        _problems[what] = problem
        warn_once(f"otel-{what}", f"OpenTelemetry: {problem}.")
    else:
        _problems.pop(what, None)


def _join(provider: Any) -> None:
    """Add our processor to a provider that somebody has set."""
    global _seen
    if not _processor.is_on:
        return
    if provider is None:
        _provider.stand_in()
        return
    inner = _inner_of(provider)
    feeder: Any = getattr(inner, "_active_span_processor", None)
    processors = _processors_of(inner)
    problem = ""
    if isinstance(processors, tuple) and hasattr(feeder, "add_span_processor"):
        # Not through the provider: Phoenix's takes its own exporter out when one is added.
        if _processor not in processors:
            feeder.add_span_processor(_processor)
        if not _has_joined(feeder):
            _joined.append(feeder)
    elif hasattr(inner, "add_span_processor"):
        if not _has_joined(inner):
            inner.add_span_processor(_processor)
            _joined.append(inner)
    elif not isinstance(inner, otel_trace.NoOpTracerProvider):
        problem = f"the tracer provider {type(inner).__name__} takes no span processors; its spans are not recorded"
    _note("provider", problem)
    _seen = (provider, inner, _processors_of(inner))


def _has_joined(feeder: Any) -> bool:
    return any(known is feeder for known in _joined)


def _inner_of(provider: Any) -> Any:
    """Return the provider inside wrappers such as Logfire's, which may get another one later."""
    for _ in range(_MAX_WRAPPED):
        inner = getattr(provider, "provider", None)
        if not hasattr(inner, "get_tracer"):
            break
        provider = inner
    return provider


def _processors_of(inner: Any) -> Any:
    return getattr(getattr(inner, "_active_span_processor", None), "_span_processors", None)


def _leave(feeder: Any) -> None:
    """Take our processor out; where that is not possible it stays and does nothing."""
    processors = getattr(feeder, "_span_processors", None)
    lock = getattr(feeder, "_lock", None)
    if isinstance(processors, tuple) and lock is not None:
        with lock:
            feeder._span_processors = tuple(one for one in feeder._span_processors if one is not _processor)
