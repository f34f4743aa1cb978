"""The callback handler that LangChain tells of its runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import new_class
from typing import Any, Final, NamedTuple

from ...tracer import Span
from .._guard import guard
from ._content import asked_of, document, is_cached, message, plain, request, response
from ._runs import Run, add_run, began_here, end_run, find_run, parent_for, session_of

_HIDDEN: Final = "langsmith:hidden"
#: Tags by which LangChain and LangGraph say where in their structure a run is: what the tree shows, and what not.
_NODE: Final = "graph:step:"
_STEP: Final = (_NODE, "seq:step:")
_PLACE: Final = ("map:key:", "condition:", "branch:", "retry:attempt:")
_NOT_THE_USERS: Final = (*_STEP, *_PLACE)
#: Metadata that LangChain and LangGraph add; the first two of a graph are kept among the user's.
_THEIRS: Final = ("ls_", "lc_", "langgraph_", "checkpoint_", "__")
_KEPT: Final = ("langgraph_node", "langgraph_step")
#: Why a node ran. Where its checkpoints are is left out: no two runs of a node share it, and it names nothing else.
_OF_NODE: Final = ("langgraph_triggers", "langgraph_path")
_SHOW_EVERY_S: Final = 0.1


class Listener:
    """Makes a span of each run. Called by LangChain in any thread; nothing that happens here reaches the user."""

    raise_error = False
    run_inline = True  # in the task that runs it, not in an executor

    is_on: Callable[[], bool] | None = None

    # -- models

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: Any, **kwargs: Any) -> None:
        with guard("record a LangChain model"):
            self._start_model(serialized, [message(one) for one in messages[0]], run_id, kwargs)

    def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: Any, **kwargs: Any) -> None:
        with guard("record a LangChain model"):
            self._start_model(serialized, [{"type": "human", "content": prompts[0]}], run_id, kwargs)

    def _start_model(self, serialized: Any, messages: list[Any], run_id: Any, kwargs: dict[str, Any]) -> None:
        metadata = kwargs.get("metadata") or {}
        model, provider = asked_of(serialized, kwargs, metadata)
        fields = {"format": "langchain.model", "provider": provider}
        if model:
            fields["model"] = model
        self._start("llm", serialized, run_id, kwargs, request(messages, kwargs), fields)

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, run_id: Any, **kwargs: Any) -> None:
        with guard("record a LangChain stream"):
            run = find_run(run_id)
            if run is not None and run.span is not None:
                said = getattr(chunk, "message", None)
                if token or getattr(said, "tool_call_chunks", None):
                    self._token(run, run.span, token if type(token) is str else getattr(chunk, "text", ""))

    def on_stream_event(self, event: Any, *, run_id: Any, **kwargs: Any) -> None:
        with guard("record a LangChain stream"):
            run = find_run(run_id)
            if run is not None and run.span is not None and event.get("event") == "content-block-delta":
                delta = event.get("delta") or {}
                self._token(run, run.span, str(delta.get("text") or ""))

    def _token(self, run: Run, span: Span, text: Any) -> None:
        """Note the first token, and show the text so far now and then."""
        if run.shown < 0:
            span.first_token()
            run.shown = 0.0
        if type(text) is str and text:
            run.texts.append(text)
            now = time.monotonic()
            if now - run.shown >= _SHOW_EVERY_S:
                run.shown = now
                run.texts = ["".join(run.texts)]
                span.partial(run.texts[0])

    def on_llm_end(self, result: Any, *, run_id: Any, **kwargs: Any) -> None:
        def say(span: Span) -> None:
            span.set(output=response(result))
            if is_cached(result):
                span.set(counted=False, attributes={"langchain.cached": True})

        self._end(run_id, say)

    def on_llm_error(self, error: BaseException, *, run_id: Any, **kwargs: Any) -> None:
        def say(span: Span) -> None:
            partial = kwargs.get("response")
            said = response(partial) if partial is not None and partial.generations else {}
            if any(one.get("content") or one.get("tool_calls") for one in said.get("messages", ())):
                span.set(output=said)
            status = getattr(error, "status_code", None)
            if isinstance(status, int):
                span.set(attributes={"http.response.status_code": status})

        self._fail(run_id, error, say)

    # -- chains, agents, graphs

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: Any, **kwargs: Any) -> None:
        with guard("record a LangChain run"):
            self._start("chain", serialized, run_id, kwargs, None if _is_told_later(inputs) else inputs)

    def on_chain_end(self, outputs: Any, *, run_id: Any, **kwargs: Any) -> None:
        def say(span: Span) -> None:
            span.set(output=plain(outputs))
            given = kwargs.get("inputs")
            if given is not None and not _is_told_later(given):
                span.set(input=plain(given))

        self._end(run_id, say)

    def on_chain_error(self, error: BaseException, *, run_id: Any, **kwargs: Any) -> None:
        def say(span: Span) -> None:
            given = kwargs.get("inputs")
            if given is not None and not _is_told_later(given):
                span.set(input=plain(given))

        self._fail(run_id, error, say)

    def on_agent_action(self, action: Any, *, run_id: Any, **kwargs: Any) -> None:
        self._event(
            run_id, "agent_action", {"tool": getattr(action, "tool", None), "log": getattr(action, "log", None)}
        )

    def on_agent_finish(self, finish: Any, *, run_id: Any, **kwargs: Any) -> None:
        self._event(run_id, "agent_finish", {"log": getattr(finish, "log", None)})

    # -- tools

    def on_tool_start(self, serialized: Any, input_str: Any, *, run_id: Any, inputs: Any = None, **kwargs: Any) -> None:
        with guard("record a LangChain tool"):
            attributes = {"gen_ai.tool.name": _name(serialized, kwargs)}
            if kwargs.get("tool_call_id"):
                attributes["gen_ai.tool.call.id"] = kwargs["tool_call_id"]
            given = inputs if inputs is not None else input_str
            self._start("tool", serialized, run_id, kwargs, given, {"attributes": attributes})

    def on_tool_end(self, output: Any, *, run_id: Any, **kwargs: Any) -> None:
        def say(span: Span) -> None:
            said = plain(output)
            if isinstance(said, dict) and said.get("type") == "tool" and "tool_call_id" in said:
                span.set(attributes={"gen_ai.tool.call.id": said["tool_call_id"]})
                if said.get("status") == "error":  # the tool failed, and says so to the model
                    span.set(level="warning")
                said = said["content"]
            span.set(output=said)

        self._end(run_id, say)

    def on_tool_error(self, error: BaseException, *, run_id: Any, **kwargs: Any) -> None:
        self._fail(run_id, error)

    # -- retrievers

    def on_retriever_start(self, serialized: Any, query: Any, *, run_id: Any, **kwargs: Any) -> None:
        with guard("record a LangChain retriever"):
            self._start("retriever", serialized, run_id, kwargs, query)

    def on_retriever_end(self, documents: Any, *, run_id: Any, **kwargs: Any) -> None:
        self._end(run_id, lambda span: span.set(output=[document(one) for one in documents]))

    def on_retriever_error(self, error: BaseException, *, run_id: Any, **kwargs: Any) -> None:
        self._fail(run_id, error)

    # -- what happens in any

    def on_text(self, text: str, **kwargs: Any) -> None:
        """Do nothing: it is what a chain of the older kind prints."""

    def on_retry(self, retry_state: Any, *, run_id: Any, **kwargs: Any) -> None:
        with guard("record a LangChain retry"):
            outcome = getattr(retry_state, "outcome", None)
            error = outcome.exception() if outcome is not None and outcome.failed else None
            self._event(run_id, "retry", {"attempt": retry_state.attempt_number, "error": error and repr(error)})

    def on_custom_event(self, name: str, data: Any, *, run_id: Any, **kwargs: Any) -> None:
        self._event(run_id, name, data)

    def on_interrupt(self, event: Any) -> None:
        """Do nothing: the node that waits has told it as its end. LangGraph asks each handler for this and the next."""

    def on_resume(self, event: Any) -> None:
        """Do nothing: what goes on is a run of its own."""

    def __reduce__(self) -> Any:
        """Be the one handler of a process in copies of a config, too, also where it is sent to."""
        return _same_handler, ()

    def _persist_run(self, run: Any) -> None:
        """Do nothing: a tracer has to have it."""

    # -- spans

    def _start(
        self,
        kind: str,
        serialized: Any,
        run_id: Any,
        kwargs: dict[str, Any],
        given: Any,
        fields: dict[str, Any] | None = None,
    ) -> None:
        """Start the span of a run, unless it is hidden or known already."""
        if self.is_on is None or not self.is_on() or find_run(run_id) is not None:
            return
        tags, metadata = kwargs.get("tags") or [], kwargs.get("metadata") or {}
        parent, above = parent_for(kwargs.get("parent_run_id"))
        session = above.session if above is not None else session_of(metadata)
        if _HIDDEN in tags:
            add_run(run_id, Run(parent, session, is_hidden=True))
            began_here(parent)
            return
        name = _name(serialized, kwargs)
        told = _told_by(tuple(tags)) if tags else _NOTHING_TOLD
        more = _about(told, metadata, fields or {})
        if session is not None:
            more["session_id"] = session
        if kind == "chain" and not told.is_node and _is_agent(name, serialized, metadata):
            kind = "agent"
        span = Span(name, kind, given if kind == "llm" else plain(given), **more)
        span._start(parent)
        add_run(run_id, Run(span, session))
        began_here(span)

    def _end(self, run_id: Any, say: Callable[[Span], Any]) -> None:
        run = end_run(run_id)
        if run is None or run.is_hidden or run.span is None:
            return
        with guard("record the end of a LangChain run"):
            say(run.span)
        run.span.end()

    def _fail(self, run_id: Any, error: BaseException, say: Callable[[Span], Any] | None = None) -> None:
        run = end_run(run_id)
        if run is None or run.is_hidden or run.span is None:
            return
        span = run.span
        is_failure = True
        with guard("record the end of a LangChain run"):
            if say is not None:
                say(span)
            if _is_control(error):  # a graph waits for somebody, or goes on elsewhere
                is_failure = False
                span.event(type(error).__name__, plain(list(error.args)))
                span.set(output=plain(list(error.args)))
            elif not isinstance(error, Exception | KeyboardInterrupt | SystemExit):  # as of a client's stream
                is_failure = False
                reason = "closed" if isinstance(error, GeneratorExit) else "cancelled"
                span.set(level="warning", attributes={"stream": "abandoned", "stream.reason": reason})
        span.end(error if is_failure else None)

    def _event(self, run_id: Any, name: str, data: Any) -> None:
        with guard("record a LangChain event"):
            run = find_run(run_id)
            if run is not None and run.span is not None:
                run.span.event(name, plain(data))


def _is_told_later(value: Any) -> bool:
    """Tell what a chain that streams says of its input when it starts from inputs; it tells the input at the end.

    By types first: arrays and frames compare element by element.
    """
    return type(value) is dict and len(value) == 1 and type(value.get("input")) is str and not value["input"]


def _name(serialized: Any, kwargs: Mapping[str, Any]) -> str:
    name = kwargs.get("name")
    if not name and isinstance(serialized, dict):
        path = serialized.get("id")
        name = serialized.get("name") or (path[-1] if path else None)
    return str(name or "Runnable")


class _Told(NamedTuple):
    """What the tags of a run tell."""

    own: tuple[str, ...] = ()  # the user's
    place: tuple[str, ...] = ()
    is_node: bool = False


_NOTHING_TOLD: Final = _Told()


@lru_cache(maxsize=1_000)
def _told_by(tags: tuple[str, ...]) -> _Told:
    return _Told(
        own=tuple([tag for tag in tags if not tag.startswith(_NOT_THE_USERS)]),
        place=tuple([tag for tag in tags if tag.startswith(_PLACE)]),
        is_node=any(tag.startswith(_NODE) for tag in tags),
    )


def _about(told: _Told, metadata: Mapping[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields with what the user said of a run, and where in its graph it is."""
    attributes: dict[str, Any] = fields.get("attributes") or {}
    if told.own:
        fields["tags"] = list(told.own)
    if told.place:
        attributes["langchain.place"] = list(told.place)
    if told.is_node:
        attributes |= {name: metadata[name] for name in _OF_NODE if name in metadata}
    if metadata:
        kept = _kept_names(tuple(metadata))
        if kept:
            fields["metadata"] = {name: metadata[name] for name in kept}
    if attributes:
        fields["attributes"] = attributes
    return fields


@lru_cache(maxsize=1_000)
def _kept_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([name for name in names if not name.startswith(_THEIRS) or name in _KEPT])


def _is_agent(name: str, serialized: Any, metadata: Mapping[str, Any]) -> bool:
    """Tell whether a chain, no node of a graph, is an agent: a graph of ``create_agent``, or one that is called so."""
    is_first = "langgraph_node" not in metadata
    is_called_so = name.lower().endswith(("agent", "agentexecutor"))
    if not (is_first or is_called_so or metadata.get("lc_agent_name") == name):
        return False
    if metadata.get("ls_integration") == "langchain_create_agent" and is_first:
        return True
    return metadata.get("lc_agent_name") == name or (is_called_so and (serialized is None or is_first))


def _is_control(error: BaseException) -> bool:
    """Tell whether an exception is how LangGraph leaves a node: an interrupt, a command to the graph above."""
    return any(kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__)


_handler: Any = None


def handler_for(is_on: Callable[[], bool]) -> Any:
    """Return our handler, made when LangChain is there.

    It is one of LangChain's tracers, since LangGraph gives those what a node's policy says may be recorded.
    """
    global _handler
    if _handler is None:
        from langchain_core.tracers.base import BaseTracer

        _handler = new_class("SpanbookTracer", (Listener, BaseTracer))()
    if _handler.is_on is not is_on:
        _handler.is_on = is_on
    return _handler


def give_up(run_id: Any, error: BaseException) -> None:
    """End the run of a call that was cancelled."""
    if _handler is not None:
        _handler._fail(run_id, error)


def _same_handler() -> Any:
    return _handler if _handler is not None else handler_for(_never)


def _never() -> bool:
    return False
