"""What LlamaIndex's dispatcher calls: when a method is entered, left or failed, and what happens in it.

They have the methods of LlamaIndex's handlers and not their base classes, which are models that would have to be made
after its import, and keep every finished span.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...tracer import start_span
from ...tracer._w3c import inject
from .._guard import guard
from . import _content
from ._driven import is_stream, pending
from ._node import Node
from ._roles import Role, provider_of, role_of

_ID_DIGITS: Final = 37  # "-" and a UUID, after the method's name
#: First arguments of methods by kind, which are their input.
_INPUT: Final = {
    "embedding": ("query", "text", "texts", "queries", "img_file_path", "img_file_paths"),
    "retriever": ("str_or_query_bundle", "query_bundle"),
    "agent": ("message", "str_or_query_bundle", "query_bundle"),
    "chain": ("str_or_query_bundle", "query_bundle", "query", "query_str", "message", "prompt_args", "ev", "nodes"),
}


class SpanHandler:
    """Makes spans of methods. ``open_spans`` is what LlamaIndex drops when it shuts down."""

    def __init__(self) -> None:
        self.open_spans: dict[str, Any] = {}
        self.nodes: dict[str, Node] = {}  # LlamaIndex's id → the span that it is, or is part of

    def span_enter(
        self,
        id_: str,
        bound_args: Any,
        instance: Any = None,
        parent_id: str | None = None,
        tags: Any = None,
        **more: Any,
    ) -> None:
        """Start a span, or note that this is part of one."""
        with guard("start a span of LlamaIndex"):
            name = id_[:-_ID_DIGITS]
            role, outer = role_of(instance, name, tags), self.nodes.get(parent_id or "")
            is_same = outer is not None and role is not None and (outer.instance, outer.kind) == (instance, role.kind)
            if role is None or is_same:
                if outer is not None:
                    self.nodes[id_] = outer
                    outer.ids.append(id_)
                return
            span = _started(role, name, instance, bound_args.arguments, tags)
            node = Node(span, role.kind, instance, self.nodes)
            if node.span.is_recording:
                node.ids.append(id_)
                self.nodes[id_] = node
                node.enter()

    def span_exit(self, id_: str, bound_args: Any, instance: Any = None, result: Any = None, **more: Any) -> None:
        """End the span, unless a stream goes on."""
        with guard("end a span of LlamaIndex"):
            node = self.nodes.get(id_)
            if node is None:
                return
            is_own = node.ids[0] == id_
            if is_own:
                node.leave()
            if is_stream(result):
                pending[result] = node, is_own and node.kind == "llm"
                if node.kind == "llm":
                    node.is_left = node.is_left or is_own
                    return
            if is_own:
                _record(node, bound_args.arguments, result)
                node.end()
            else:
                del self.nodes[id_]

    def span_drop(
        self, id_: str, bound_args: Any, instance: Any = None, err: BaseException | None = None, **more: Any
    ) -> None:
        """End the span with the error."""
        with guard("end a span of LlamaIndex"):
            node = self.nodes.get(id_)
            if node is not None and node.ids[0] == id_:
                node.leave()
                node.end(err)
            elif node is not None:
                del self.nodes[id_]

    def capture_propagation_context(self) -> dict[str, Any]:
        """Return the current span for a workflow that goes on elsewhere."""
        with guard("pass on a span of LlamaIndex"):
            headers = dict(inject({}))
            return {"spanbook": headers} if headers else {}
        return {}

    def restore_propagation_context(self, context: dict[str, Any]) -> None:
        """In this process the context is inherited."""

    def close(self) -> None:
        """Nothing is held back."""


class EventHandler:
    """Takes from events what methods' arguments and results do not tell, and the pieces of streams."""

    def __init__(self, spans: SpanHandler) -> None:
        self._spans = spans

    async def ahandle(self, event: Any, **more: Any) -> None:
        """Take an event of an async method."""
        self.handle(event)

    def handle(self, event: Any, **more: Any) -> None:
        """Take an event."""
        take = _EVENTS.get(type(event).__name__)
        if take is None:
            return
        with guard("record an event of LlamaIndex"):
            node = self._spans.nodes.get(event.span_id or "")
            if node is not None and not node.has_ended:
                take(node, event)


def _started(role: Role, name: str, instance: Any, arguments: Mapping[str, Any], tags: Any) -> Any:
    fields: dict[str, Any] = {}
    own = {key: value for key, value in (tags or {}).items() if not str(key).startswith("llamaindex.")}
    if own:
        fields["metadata"] = own
    given: Any = None
    if role.kind in ("llm", "embedding"):
        model = _content.own(instance, "model_name") or _content.own(instance, "model")
        made_by: Any = type(instance)
        provider = provider_of(made_by)
        fields.update({"model": model} if isinstance(model, str) else {})
        fields.update({"provider": provider} if provider else {})
        name = f"{role.operation} {model}" if isinstance(model, str) else role.operation
    if role.kind == "llm":
        fields["format"] = "openai.chat"
        given = _content.request(instance, arguments)
    elif role.kind == "tool":
        metadata = _content.own(instance, "metadata")
        name = str(getattr(metadata, "name", None) or name)
        given = _tool_arguments(arguments)
    elif role.kind == "reranker":
        query = _content.query_text(arguments.get("query_bundle") or arguments.get("query_str"))
        given = {"query": query, "documents": _content.documents(arguments.get("nodes") or ())}
    elif "start_event" in arguments:
        given = _event(arguments["start_event"])
        name = str(_content.own(instance, "name") or name) if role.kind == "agent" else name
    else:
        names = _INPUT.get(role.kind, _INPUT["chain"])
        given = _content.query_text(next((arguments[name] for name in names if name in arguments), None))
        given = _event(given) if "ev" in arguments else given
        if given is None and role.kind == "evaluator":
            given = {name: value for name, value in arguments.items() if value is not None}
    return start_span(".".join(name.split(".")[-2:]) if instance is None else name, role.kind, given, **fields)


def _record(node: Node, arguments: Mapping[str, Any], result: Any) -> None:
    """Set the output of a method that has returned."""
    span, kind = node.span, node.kind
    if kind in ("retriever", "reranker") or (isinstance(result, list) and "nodes" in arguments):
        span.set(output=_content.documents(result or ()))
    elif kind == "tool":
        span.set(output=getattr(result, "raw_output", result))
        if getattr(result, "is_error", False):
            failed = getattr(result, "exception", None)
            message = str(getattr(result, "content", ""))
            span.set(
                error=failed or {"type": "ToolError", "module": "llama_index", "message": message, "traceback": ""}
            )
    elif kind == "embedding":
        if not node.vectors[0]:
            _count(node, result)
        span.set(output={"$type": "array", "shape": list(node.vectors), "dtype": "float32", "head": []})
    elif "start_event" in arguments or type(result).__name__ == "StopEvent":
        span.set(output=_content.stopped(result))
    elif kind != "llm":
        span.set(output=_event(_content.said(result)))


def _tool_arguments(arguments: Mapping[str, Any]) -> Any:
    """Return what a tool was called with: its keywords, and what came by position."""
    named = {key: value for key, value in arguments.items() if key not in ("args", "kwargs")}
    named.update(arguments.get("kwargs") or {})
    args = arguments.get("args")
    if not args:
        return named
    return {"args": list(args), **named} if named else list(args)


def _event(value: Any) -> Any:
    """Return a workflow's event as its fields; other values as they are."""
    dump = getattr(value, "_data", None)
    if isinstance(dump, dict) and hasattr(value, "__pydantic_fields__"):
        fields = {name: getattr(value, name, None) for name in type(value).model_fields}
        return {name: item for name, item in {**fields, **dump}.items() if item is not None}
    return value


def _count(node: Node, vectors: Any) -> None:
    """Add vectors to those that a span has made: one list of numbers, or a list of these."""
    if not isinstance(vectors, list) or not vectors:
        return
    many = vectors if isinstance(vectors[0], list | dict) else [vectors]
    node.vectors = [node.vectors[0] + len(many), len(many[0])]


def _progress(node: Node, event: Any) -> None:
    node.take(event.response)


def _answered(node: Node, event: Any) -> None:
    if event.response is not None:
        node.last = event.response
    if node.is_left and not node.is_driven:
        node.end()


def _failed(node: Node, event: Any) -> None:
    if node.is_left and not node.is_driven:
        node.end(event.exception)


def _embedded(node: Node, event: Any) -> None:
    _count(node, event.embeddings)


def _reranking(node: Node, event: Any) -> None:
    if node.kind == "chain":
        node.kind = "reranker"
        node.span.set(kind="reranker")
    node.span.set(model=event.model_name)


_EVENTS: Final = {
    "LLMChatInProgressEvent": _progress,
    "LLMChatEndEvent": _answered,
    "LLMCompletionInProgressEvent": _progress,
    "LLMCompletionEndEvent": _answered,
    "EmbeddingEndEvent": _embedded,
    "SparseEmbeddingEndEvent": _embedded,
    "ReRankStartEvent": _reranking,
    "ExceptionEvent": _failed,
}
