"""The requests of ``ClientSession`` and their spans, named and attributed as OpenTelemetry's conventions for MCP say.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/mcp/
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from ...tracer import Span, start_span
from ...tracer._w3c import inject
from .._guard import guard
from .._patch import Target
from .._stainless._plain import plain
from .._stainless._wrappers import Wrapper
from ._content import error_of, shown


class Request(NamedTuple):
    """A method of the session."""

    method: str  # its name in the protocol, the first word of the span's name
    kind: str
    target: str = ""  # parameter that names what is asked for, the rest of the span's name
    attribute: str = ""  # where that stands, too


REQUESTS: Final = {
    "call_tool": Request("tools/call", "tool", "name", "gen_ai.tool.name"),
    "read_resource": Request("resources/read", "tool", "uri", "mcp.resource.uri"),
    "get_prompt": Request("prompts/get", "tool", "name", "gen_ai.prompt.name"),
    "list_tools": Request("tools/list", "span"),
    "list_resources": Request("resources/list", "span"),
    "list_resource_templates": Request("resources/templates/list", "span"),
    "list_prompts": Request("prompts/list", "span"),
    "complete": Request("completion/complete", "span"),
    "initialize": Request("initialize", "span"),
}
#: Arguments about the request and not of it.
_NOT_INPUT: Final = frozenset({"meta", "progress_callback", "read_timeout_seconds"})

#: What servers have said of themselves.
_servers: Final[WeakKeyDictionary[Any, dict[str, str]]] = WeakKeyDictionary()


def targets() -> Mapping[str, list[Target]]:
    """Return everything that is patched."""
    return {"mcp.client.session": [Target("ClientSession", name, _wrap(REQUESTS[name])) for name in REQUESTS]}


def _wrap(request: Request) -> Callable[[Wrapper, Callable[[], bool]], Wrapper]:
    """Return what makes a traced twin of a session's method."""

    def make(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
        _, *names = inspect.signature(original).parameters
        takes_meta = "meta" in names

        @functools.wraps(original)
        async def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            span = _begin(request, self, names, args, kwargs) if is_on() else None
            if span is None:
                return await original(self, *args, **kwargs)
            with span:
                if takes_meta:
                    kwargs["meta"] = _with_parent(kwargs.get("meta"))
                result = await original(self, *args, **kwargs)
                _record(request, span, self, result)
            return result

        return traced

    return make


def _begin(
    request: Request, session: Any, names: Sequence[str], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Span | None:
    with guard("trace an MCP request"):
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        asked = {k: plain(v) for k, v in given.items() if k not in _NOT_INPUT and v is not None}
        attributes: dict[str, Any] = {"mcp.method.name": request.method, **_server(session)}
        name, target = request.method, given.get(request.target)
        if target is not None:
            target = str(target)
            name, attributes[request.attribute] = f"{name} {target}", target
        if request.method == "tools/call":
            attributes["gen_ai.operation.name"] = "execute_tool"
            asked = asked.get("arguments") or {}
        span = start_span(name, request.kind, asked or None, attributes=attributes)
        return span if span.is_recording else None
    return None


def _with_parent(meta: Any) -> Any:
    """Return the request's metadata with the current span in it, unless the caller has put one there."""
    with guard("tell an MCP server of the span"):
        if meta is None or (isinstance(meta, Mapping) and "traceparent" not in meta):
            return {**(meta or {}), **inject({})}
    return meta


def _record(request: Request, span: Span, session: Any, result: Any) -> None:
    with guard("record an MCP result"):
        span.set(output=shown(result))
        if request.method == "initialize":
            _servers[session] = _described_by(result)
            span.set(attributes=_servers[session])
        error = error_of(result)
        if error is not None:
            span.set(error=error)


def _server(session: Any) -> dict[str, str]:
    """Return who the server is, as far as it has said: version 1 of the package does not keep that."""
    known = vars(session)
    if session in _servers:
        return _servers[session]
    result = known.get("_initialize_result")
    found = _described(known.get("_discover_server_info"), known.get("_negotiated_version")) if result is None else {}
    return found or _described_by(result)


def _described_by(result: Any) -> dict[str, str]:
    """Return the same from the result of ``initialize``."""
    info = getattr(result, "server_info", getattr(result, "serverInfo", None))
    return _described(info, getattr(result, "protocol_version", getattr(result, "protocolVersion", None)))


def _described(info: Any, protocol: Any) -> dict[str, str]:
    found = {
        "mcp.server.name": getattr(info, "name", None),
        "mcp.server.version": getattr(info, "version", None),
        "mcp.protocol.version": protocol,
    }
    return {name: str(value) for name, value in found.items() if value}
