"""Generators that LlamaIndex's methods return, read inside the span of the method that made them.

They stay generators. Before each step the span is made current, after it what was: the consumer's time is its own.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from types import AsyncGeneratorType, GeneratorType
from typing import Any, Final

from ...tracer._span import _get, _set
from .._stainless._wrappers import Wrapper
from ._node import Node

#: Generators that methods have just returned → (their span, whether it ends with them). Weak: not all are driven.
pending: Final[weakref.WeakKeyDictionary[Any, tuple[Node, bool]]] = weakref.WeakKeyDictionary()


def is_stream(value: Any) -> bool:
    """Whether it is a generator."""
    return isinstance(value, GeneratorType | AsyncGeneratorType)


def wrap_method(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
    """Return a twin of a method whose generator is driven; other results pass through.

    LlamaIndex's decorator tells methods from functions by how they are called, so it is called as one.
    """
    bind = original.__get__

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return _driven(bind(self, type(self))(*args, **kwargs))

    @functools.wraps(original)
    async def amethod(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return _driven(await bind(self, type(self))(*args, **kwargs))

    made = amethod if inspect.iscoroutinefunction(original) else method
    vars(made)["_spanbook_driven"] = True
    return made


def _driven(result: Any) -> Any:
    known = pending.pop(result, None) if is_stream(result) else None
    if known is None:
        return result
    node, ends = known
    drive: Any = _drive if isinstance(result, GeneratorType) else _adrive
    generator = drive(node if ends else None, node.span, result)
    if ends:
        node.is_driven = True
        # a generator that is never started runs none of its code
        weakref.finalize(generator, node.end, None, "let go").atexit = False
    return generator


def _drive(node: Node | None, span: Any, inner: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    __tracebackhide__ = True
    try:
        while True:
            before = _get()
            _set(span)
            try:
                item = next(inner)
            except StopIteration as stop:
                if node is not None:
                    node.end()
                return stop.value
            finally:
                _set(before)
            yield item
    except BaseException as error:
        inner.close()
        if node is not None:
            node.end(error)
        raise


async def _adrive(node: Node | None, span: Any, inner: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
    __tracebackhide__ = True
    try:
        while True:
            before = _get()
            _set(span)
            try:
                item = await anext(inner)
            except StopAsyncIteration:
                if node is not None:
                    node.end()
                return
            finally:
                _set(before)
            yield item
    except BaseException as error:
        await inner.aclose()
        if node is not None:
            node.end(error)
        raise
