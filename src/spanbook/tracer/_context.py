"""Who and what a piece of work belongs to: user, session, tags… on every span inside; and carrying it to threads."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from ..model import UsageError
from ._span import _context, _get, _merged, _set

P = ParamSpec("P")
R = TypeVar("R")

_TEXT_FIELDS = ("user_id", "session_id", "environment", "feature", "region", "release", "prompt_name", "prompt_version")


class context:
    """Put these fields on every span started inside the block, in this task or thread and what it awaits.

    ``with sb.context(user_id="ada", session_id="s-1", tags=["beta"], metadata={"tier": "pro"}):``. Blocks nest: inner
    values win, tags add up, metadata is merged by key. Also a decorator's worth of ``async with``.

    Raises:
        UsageError: a text field is not text, ``tags`` is not a list of texts, ``metadata`` is not a mapping.
    """

    __slots__ = ("_before", "_fields")

    def __init__(
        self,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        environment: str | None = None,
        feature: str | None = None,
        region: str | None = None,
        release: str | None = None,
        prompt_name: str | None = None,
        prompt_version: str | int | None = None,
    ) -> None:
        given = {
            "user_id": user_id,
            "session_id": session_id,
            "environment": environment,
            "feature": feature,
            "region": region,
            "release": release,
            "prompt_name": prompt_name,
            "prompt_version": None if prompt_version is None else str(prompt_version),
        }
        fields: dict[str, Any] = {name: _text(name, value) for name, value in given.items() if value is not None}
        if tags is not None:
            fields["tags"] = _tags(tags)
        if metadata is not None:
            if not isinstance(metadata, Mapping):
                raise UsageError(f"metadata={metadata!r} is not a mapping; give a dict such as {{'tier': 'pro'}}.")
            fields["metadata"] = dict(metadata)
        self._fields = fields
        self._before: list[dict[str, Any] | None] = []

    def __enter__(self) -> None:
        before = _context.get()
        self._before.append(before)
        merged = _merged(before, self._fields)
        if before and "tags" in before and "tags" in self._fields:
            merged["tags"] = [*before["tags"], *(t for t in self._fields["tags"] if t not in before["tags"])]
        _context.set(merged)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _context.set(self._before.pop())

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def bind(fn: Callable[P, R]) -> Callable[P, R]:
    """Return ``fn`` tied to the current span and context, for a thread or executor that would not inherit them.

    ``executor.submit(sb.bind(work), item)``. Each call runs in its own copy, so it may be called many times at once.

    Raises:
        UsageError: ``fn`` cannot be called.
    """
    if not callable(fn):
        raise UsageError(f"sb.bind({fn!r:.80}): it binds functions; give the function itself, not what it returns.")
    here = contextvars.copy_context()

    def bound(*args: P.args, **kwargs: P.kwargs) -> R:
        return here.copy().run(fn, *args, **kwargs)

    bound.__name__ = getattr(fn, "__name__", "bound")
    bound.__doc__ = fn.__doc__
    return bound


def carried(fn: Callable[P, R]) -> Callable[P, R] | None:
    """Return ``fn`` below the current span and context, None where there is neither.

    Other than :func:`bind` it carries nothing else of the program's context, and gives the thread its own span back.
    """
    here = _get(), _context.get()
    if here == (None, None):
        return None

    def below(*args: P.args, **kwargs: P.kwargs) -> R:
        before = _get(), _context.get()
        _set(here[0])
        _context.set(here[1])
        try:
            return fn(*args, **kwargs)
        finally:
            _set(before[0])
            _context.set(before[1])

    return below


@contextmanager
def without_span() -> Iterator[None]:
    """Run a block outside of the current span and context."""
    before = _get(), _context.get()
    _set(None)
    _context.set(None)
    try:
        yield
    finally:
        _set(before[0])
        _context.set(before[1])


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{name}={value!r} is a {type(value).__name__}; give text, such as {name}={str(value)!r}.")
    return value


def _tags(value: Any) -> list[str]:
    if not isinstance(value, (list, tuple, set, frozenset)) or not all(isinstance(tag, str) for tag in value):
        raise UsageError(f"tags={value!r} is not a list of texts; give for example tags=['beta'].")
    return list(value)
