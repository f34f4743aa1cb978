"""What is patched: callback managers get our handler, and runs are current while their code runs."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from copy import copy
from typing import Any, Final, TypeAlias

from ...tracer import report_failure
from .._guard import guard
from .._patch import Target
from ._runs import Scope, enter_run, inside, starting

Original: TypeAlias = Callable[..., Any]
IsOn: TypeAlias = Callable[[], bool]


def _init_manager(original: Original, is_on: IsOn) -> Original:
    """``BaseCallbackManager.__init__``: the manager gets our handler; the user's lists stay as they are."""
    from ._handler import handler_for

    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if is_on():
            try:  # LangChain makes dozens of managers in a run: guard() would be a third of the price
                ours = handler_for(is_on)
                if ours not in self.inheritable_handlers:
                    self.inheritable_handlers = [*self.inheritable_handlers, ours]
                if ours not in self.handlers:
                    self.handlers = [*self.handlers, ours]
            except Exception as error:  # noqa: BLE001 (counted and said, as guard() does)
                report_failure("listen to LangChain", error)

    return init


def _on_llm_start(original: Original, is_on: IsOn) -> Original:
    """``AsyncCallbackManager.on_llm_start``, which forgets handlers that are not inline when there is one that is.

    So the users' are told as if ours were not there. Seen in langchain-core 0.3 to 1.8.
    """
    from ._handler import Listener

    @functools.wraps(original)
    async def on_llm_start(self: Any, serialized: Any, prompts: Any, *args: Any, **kwargs: Any) -> Any:
        ours = next((handler for handler in self.handlers if isinstance(handler, Listener)), None)
        if ours is None or not is_on() or all(handler.run_inline for handler in self.handlers):
            return await original(self, serialized, prompts, *args, **kwargs)
        without = copy(self)
        without.handlers = [handler for handler in self.handlers if handler is not ours]
        managers = await original(without, serialized, prompts, *args, **kwargs)
        with guard("record a LangChain model"):
            for prompt, manager in zip(prompts, managers, strict=False):
                manager.handlers = self.handlers
                about = {"parent_run_id": self.parent_run_id, "tags": self.tags, "metadata": self.metadata}
                ours.on_llm_start(serialized, [prompt], **{**kwargs, **about, "run_id": manager.run_id})
        return managers

    return on_llm_start


def _set_config_context(original: Original, is_on: IsOn) -> Original:
    """``_set_config_context(config)``, which runs in the context that is made for the code of a run."""

    @functools.wraps(original)
    def set_context(config: Any, *args: Any, **kwargs: Any) -> Any:
        if is_on():
            with guard("enter a LangChain run"):
                run_id = getattr(config.get("callbacks"), "parent_run_id", None)
                if run_id is not None:
                    enter_run(run_id)
        return original(config, *args, **kwargs)

    return set_context


def _call(original: Original, is_on: IsOn) -> Original:
    """A method inside of which one run starts and ends."""

    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_on():
            return original(self, *args, **kwargs)
        with starting():
            return original(self, *args, **kwargs)

    return call


def _acall(original: Original, is_on: IsOn) -> Original:
    """The same, async."""

    @functools.wraps(original)
    async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_on():
            return await original(self, *args, **kwargs)
        with starting():
            return await original(self, *args, **kwargs)

    return call


def _part(original: Original, is_on: IsOn) -> Original:
    """A method that gets the manager of its run, or those of several that one request answers."""

    @functools.wraps(original)
    def part(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_on():
            return original(self, *args, **kwargs)
        with inside(_run_id(args, kwargs)):
            return original(self, *args, **kwargs)

    return part


def _apart(original: Original, is_on: IsOn) -> Original:
    """The same, async."""
    from ._handler import give_up

    @functools.wraps(original)
    async def part(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_on():
            return await original(self, *args, **kwargs)
        run_id = _run_id(args, kwargs)
        with inside(run_id):
            try:
                return await original(self, *args, **kwargs)
            except asyncio.CancelledError as error:  # of which LangChain tells nobody
                give_up(run_id, error)
                raise

    return part


def _run_id(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    found = kwargs.get("run_manager")
    for manager in (found, kwargs.get("run_managers"), *args):
        one = manager[0] if isinstance(manager, list) and manager else manager
        run_id = getattr(one, "run_id", None)
        if run_id is not None:
            return run_id
    return None


def _stream(original: Original, is_on: IsOn) -> Original:
    """A generator of which one run starts, or that gets the manager of its run."""

    @functools.wraps(original)
    def stream(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        generator = original(self, *args, **kwargs)
        return _scoped(generator, Scope(_run_id((), kwargs))) if is_on() else generator

    return stream


def _scoped(generator: Any, scope: Scope) -> Iterator[Any]:
    step: Original = generator.__next__
    thrown: tuple[Any, ...] = ()
    try:
        while True:
            with scope:
                chunk = step(*thrown)
            step, thrown = generator.__next__, ()
            try:
                yield chunk
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 (thrown in by the consumer: the stream decides)
                step, thrown = generator.throw, (error,)
    except StopIteration:
        return
    finally:
        with scope:
            generator.close()


def _astream(original: Original, is_on: IsOn) -> Original:
    """The same, async."""

    @functools.wraps(original)
    def stream(self: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        generator = original(self, *args, **kwargs)
        return _ascoped(generator, Scope(_run_id((), kwargs))) if is_on() else generator

    return stream


async def _ascoped(generator: Any, scope: Scope) -> AsyncIterator[Any]:
    step: Original = generator.__anext__
    thrown: tuple[Any, ...] = ()
    try:
        while True:
            with scope:
                chunk = await step(*thrown)
            step, thrown = generator.__anext__, ()
            try:
                yield chunk
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 (as above)
                step, thrown = generator.athrow, (error,)
    except StopAsyncIteration:
        return
    finally:
        with scope:
            await generator.aclose()


def _optional(*targets: Target) -> list[Target]:
    return [target._replace(is_optional=True) for target in targets]


#: Module → methods and functions. Optional is what only some versions have.
TARGETS: Final[dict[str, list[Target]]] = {
    "langchain_core.callbacks.base": [Target("BaseCallbackManager", "__init__", _init_manager)],
    "langchain_core.callbacks.manager": [Target("AsyncCallbackManager", "on_llm_start", _on_llm_start)],
    "langchain_core.runnables.config": [Target("", "_set_config_context", _set_config_context)],
    "langgraph._internal._runnable": _optional(Target("", "_set_config_context", _set_config_context)),
    "langgraph.utils.runnable": _optional(Target("", "_set_config_context", _set_config_context)),
    "langchain_core.language_models.chat_models": [
        Target("BaseChatModel", "_generate_with_cache", _part),
        Target("BaseChatModel", "_agenerate_with_cache", _apart),
        Target("BaseChatModel", "stream", _stream),
        Target("BaseChatModel", "astream", _astream),
        *_optional(
            Target("BaseChatModel", "_iter_v2_events", _stream),
            Target("BaseChatModel", "_aiter_v2_events", _astream),
        ),
    ],
    "langchain_core.language_models.llms": [
        *_optional(
            Target("BaseLLM", "_generate_helper", _part),
            Target("BaseLLM", "_agenerate_helper", _apart),
        ),
        Target("BaseLLM", "stream", _stream),
        Target("BaseLLM", "astream", _astream),
    ],
    "langchain_core.retrievers": [
        Target("BaseRetriever", "invoke", _call),
        Target("BaseRetriever", "ainvoke", _acall),
    ],
    "langchain_classic.chains.base": _optional(
        Target("Chain", "invoke", _call),
        Target("Chain", "ainvoke", _acall),
    ),
    "langchain.chains.base": _optional(
        Target("Chain", "invoke", _call),
        Target("Chain", "ainvoke", _acall),
    ),
}


def targets() -> dict[str, list[Target]]:
    """Return everything that is patched."""
    return TARGETS
