"""``@trace``: one span per call of a function, whatever kind of function it is.

A generator's body runs under the span and its consumer never does: the span (and what the body says by ``sb.context``)
is current only during each step, so that breaking out, interleaving, closing elsewhere and garbage collection leave the
consumer's own current span alone. Other context variables are left to Python: decorated or not, body and consumer share
them. The output of a generator is the list of what it yielded (bounded), its last value when it yielded nothing.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from types import CoroutineType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from ..model import KINDS, UsageError
from ._capture import ArgumentNames, bind_arguments
from ._span import _INHERITED, _OPEN, FIELDS, Span, _context, _get, _set

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

#: How many of a generator's items are kept as its output.
_KEPT_ITEMS = 10_000
_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200  # CO_* flags of code objects

#: Makes the public Trace of a trace id; installed by ``spanbook.api``.
_read_trace: Callable[[str], Any] | None = None


def set_trace_reader(read: Callable[[str], Any]) -> None:
    """Say how ``f.traced`` gets the Trace it returns."""
    global _read_trace
    _read_trace = read


P2 = ParamSpec("P2")
R2 = TypeVar("R2")
S = TypeVar("S")


class Traced(Protocol, Generic[P, R_co]):
    """A function that makes a span of each call; ``traced(*args)`` returns its result and the trace."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    def traced(self, *args: P.args, **kwargs: P.kwargs) -> tuple[R_co, Any]:
        """Call the function and return ``(result, Trace)``; of an async function, something to await for them."""

    @overload
    def __get__(self, instance: None, owner: type, /) -> Traced[P, R_co]: ...
    @overload
    def __get__(
        self: Traced[Concatenate[S, P2], R2], instance: S, owner: type | None = None, /
    ) -> Callable[P2, R2]: ...
    def __get__(self, instance: Any, owner: type | None = None, /) -> Any:
        """Bind to an instance, as any function does in a class."""


@overload
def trace(fn: Callable[P, R], /) -> Traced[P, R]: ...
@overload
def trace(
    fn: None = None,
    /,
    *,
    name: str | None = None,
    kind: str = "span",
    capture_input: bool = True,
    capture_output: bool = True,
    **fields: Any,
) -> Callable[[Callable[P, R]], Traced[P, R]]: ...
def trace(
    fn: Any = None,
    /,
    *,
    name: str | None = None,
    kind: str = "span",
    capture_input: bool = True,
    capture_output: bool = True,
    **fields: Any,
) -> Any:
    """Record a span for each call of a function, coroutine function, generator or async generator.

    Use it as ``@sb.trace`` or ``@sb.trace(name="plan", kind="chain")``, above or below ``@staticmethod`` and
    ``@classmethod``. The arguments (without ``self``) become the input, what is returned or yielded the output, an
    exception the error.

    Args:
        name: Span name; the function's qualified name without ``<locals>`` by default.
        kind: Observation kind of the span.
        capture_input: Keep the arguments.
        capture_output: Keep the result.
        **fields: Any span field for each span: ``metadata``, ``tags``, ``feature``…

    Raises:
        UsageError: the kind is unknown, a field is unknown, or what is decorated is not callable.
    """
    _check_arguments(kind, fields)
    if fn is None:
        return lambda function: trace_function(function, name, kind, capture_input, capture_output, fields)
    return trace_function(fn, name, kind, capture_input, capture_output, fields)


def _check_arguments(kind: str, fields: dict[str, Any]) -> None:
    from difflib import get_close_matches

    if kind not in KINDS:
        near = get_close_matches(str(kind), KINDS, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"kind={kind!r} is no span kind; kinds are {', '.join(KINDS)}.{hint}")
    for field in fields:
        if field in ("input", "output"):
            raise UsageError(
                f"@trace takes the {field} from each call; leave {field}= out, or keep none: capture_{field}=False."
            )
        if field not in FIELDS:
            near = get_close_matches(field, sorted(FIELDS), 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"{field!r} is no span field; use metadata={{...}} for values of your own.{hint}")


def trace_function(fn: Any, name: str | None, kind: str, with_input: bool, with_output: bool, fields: Any) -> Any:
    """Return the wrapper that suits what ``fn`` is."""
    if isinstance(fn, (staticmethod, classmethod)):
        inner = trace_function(fn.__func__, name, kind, with_input, with_output, fields)
        return type(fn)(inner)
    if isinstance(fn, type) or not callable(fn):
        raise UsageError(f"@trace was put on {fn!r}; it wraps functions and methods. Put it on the methods of a class.")
    inner = _unwrapped(fn)
    label = name or getattr(inner, "__qualname__", type(inner).__name__).rpartition("<locals>.")[2]
    flags = _flags(inner)
    names = ArgumentNames(fn) if with_input else None

    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span:
        return Span(label, kind, None if names is None else bind_arguments(names, args, kwargs), **fields)

    make: Callable[..., Any] = _function
    if flags & _ASYNC_GENERATOR:
        make = _async_generator
    elif flags & _COROUTINE:
        make = _coroutine
    elif flags & _GENERATOR:
        make = _generator
    wrapper = make(fn, begin, with_output)
    functools.update_wrapper(wrapper, fn)
    wrapper.traced = _traced(make, fn, begin, flags)
    return wrapper


def _unwrapped(fn: Any) -> Any:
    while isinstance(fn, functools.partial):
        fn = fn.func
    return fn


def _flags(fn: Any) -> int:
    """Return the flags of the code that a call runs: is it a generator, a coroutine?"""
    call = fn if hasattr(fn, "__code__") else getattr(type(fn), "__call__", None)  # noqa: B004 (asked for its code)
    return int(getattr(getattr(call, "__code__", None), "co_flags", 0))


Begin = Callable[[tuple[Any, ...], dict[str, Any]], Span]


def _function(fn: Callable[..., Any], begin: Begin, with_output: bool) -> Any:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        span = begin(args, kwargs)
        with span:
            result = fn(*args, **kwargs)
            if type(result) is CoroutineType and span._state == _OPEN:
                span._state = _INHERITED  # this block does not end it
            elif with_output:
                span._output = result
        if span._state == _INHERITED:
            span._state = _OPEN
            return _awaited(span, result, with_output)
        return result

    return wrapper


async def _awaited(span: Span, coroutine: Awaitable[Any], with_output: bool) -> Any:
    """Go on with the span of a coroutine function that is hidden below another decorator."""
    with span:
        result = await coroutine
        if with_output:
            span._output = result
        return result


def _coroutine(fn: Callable[..., Awaitable[Any]], begin: Begin, with_output: bool) -> Any:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        span = begin(args, kwargs)
        with span:
            result = await fn(*args, **kwargs)
            if with_output:
                span._output = result
            return result

    return wrapper


def _generator(fn: Callable[..., Generator[Any, Any, Any]], begin: Begin, with_output: bool) -> Any:
    def under(own: list[Any], step: Callable[..., Any], *sent: Any) -> Any:
        """Take one step in the body's own span and context, and give the consumer back its own."""
        before = _get(), _context.get()
        _set(own[0])
        _context.set(own[1])
        try:
            return step(*sent)
        finally:
            own[:] = _get(), _context.get()
            _set(before[0])
            _context.set(before[1])

    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        span = begin(args, kwargs)
        span.start()
        span._before = _get()
        body = [span, _context.get()]
        generator = fn(*args, **kwargs)
        kept = _Items(span, with_output)
        step: Callable[..., Any] = generator.send
        sent: Any = None
        try:
            while True:
                item = under(body, step, sent)
                kept.add(item)
                try:
                    step, sent = generator.send, (yield item)
                except GeneratorExit:
                    under(body, generator.close)
                    raise
                except BaseException as error:  # noqa: BLE001 (thrown in by the consumer: the body decides)
                    step, sent = generator.throw, error
        except StopIteration as stop:
            kept.end(stop.value)
            return stop.value
        except GeneratorExit:
            kept.end(None, abandoned=True)
            raise
        except BaseException as error:
            kept.end(None, error=error)
            raise

    return wrapper


def _async_generator(fn: Callable[..., AsyncGenerator[Any, Any]], begin: Begin, with_output: bool) -> Any:
    async def under(own: list[Any], step: Callable[..., Awaitable[Any]], *sent: Any) -> Any:
        """As in :func:`_generator`."""
        before = _get(), _context.get()
        _set(own[0])
        _context.set(own[1])
        try:
            return await step(*sent)
        finally:
            own[:] = _get(), _context.get()
            _set(before[0])
            _context.set(before[1])

    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        span = begin(args, kwargs)
        span.start()
        span._before = _get()
        body = [span, _context.get()]
        generator = fn(*args, **kwargs)
        kept = _Items(span, with_output)
        step: Callable[..., Awaitable[Any]] = generator.asend
        sent: Any = None
        try:
            while True:
                item = await under(body, step, sent)
                kept.add(item)
                try:
                    step, sent = generator.asend, (yield item)
                except GeneratorExit:
                    await under(body, generator.aclose)
                    raise
                except BaseException as error:  # noqa: BLE001 (as above)
                    step, sent = generator.athrow, error
        except StopAsyncIteration:
            kept.end(None)
        except GeneratorExit:
            kept.end(None, abandoned=True)
            raise
        except BaseException as error:
            kept.end(None, error=error)
            raise

    return wrapper


class _Items:
    """What a generator yielded, as its output."""

    def __init__(self, span: Span, with_output: bool) -> None:
        self._span = span
        self._items: list[Any] | None = [] if with_output else None
        self._count = 0

    def add(self, item: Any) -> None:
        self._count += 1
        if self._count == 1:
            self._span.first_token()
        if self._items is not None and self._count <= _KEPT_ITEMS:
            self._items.append(item)

    def end(self, value: Any, *, abandoned: bool = False, error: BaseException | None = None) -> None:
        span = self._span
        if self._items is not None:
            texts = self._items and all(isinstance(item, str) for item in self._items)
            output: Any = "".join(self._items) if texts else self._items
            span.set(output=output if self._items else value)
        if abandoned:
            span.set(level="warning", attributes={"generator": "abandoned", "items": self._count})
        span.end(error)
        span._before = None


def _traced(make: Callable[..., Any], fn: Any, begin: Begin, flags: int) -> Any:
    """Return the ``traced`` method: the same call, watched for the span it makes.

    Of a method it takes the instance first: ``Agent.answer.traced(agent, question)``.
    """

    def watched() -> tuple[Any, list[Span]]:
        made: list[Span] = []

        def begin_and_note(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span:
            made.append(begin(args, kwargs))
            return made[0]

        return make(fn, begin_and_note, True), made

    def traced(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        call, made = watched()
        result = call(*args, **kwargs)
        if flags & _GENERATOR:  # it has to run before there is a trace
            result = list(result)
        return result, _read(made)

    async def traced_async(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        call, made = watched()
        if flags & _ASYNC_GENERATOR:
            result = [item async for item in call(*args, **kwargs)]
        else:
            result = await call(*args, **kwargs)
        return result, _read(made)

    return traced_async if make in (_coroutine, _async_generator) else traced


def _read(made: list[Span]) -> Any:
    if _read_trace is None or not made or not made[0].span_int:
        return None  # not sampled, or tracing is off
    return _read_trace(made[0].trace_id)
