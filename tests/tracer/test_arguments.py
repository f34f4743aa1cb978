"""Arguments of a call get the names of the function's parameters."""

import functools
from typing import Any

import pytest

from spanbook.tracer._capture import ArgumentNames, bind_arguments


def plain(a: Any, b: Any = 2, *rest: Any, c: Any = 3, **more: Any) -> None: ...


def positional(a: Any, /, *numbers: Any) -> None: ...


class Agent:
    def ask(self, question: Any, *, k: int = 3) -> None: ...

    @classmethod
    def make(cls, name: Any) -> None: ...

    def __call__(self, question: Any) -> None: ...


@functools.wraps(plain)
def wrapper(*args: Any, **kwargs: Any) -> None: ...


def outer() -> Any:
    def inner(self: Any, x: Any) -> None: ...

    return inner


@pytest.mark.parametrize(
    ("fn", "args", "kwargs", "expected"),
    [
        (plain, (1,), {}, {"a": 1}),
        (plain, (1, 2), {"c": 4}, {"a": 1, "b": 2, "c": 4}),
        (plain, (1, 2, 3, 4), {"z": 5}, {"a": 1, "b": 2, "rest": (3, 4), "z": 5}),
        (plain, (1, 2, 3), {"rest": 5}, {"a": 1, "b": 2, "rest": 5, "*rest": (3,)}),
        (plain, (), {"a": 1}, {"a": 1}),
        (positional, (1, 2), {"a": 3}, {"a": 3, "numbers": (2,)}),
        (wrapper, (1, 2), {}, {"a": 1, "b": 2}),
        (Agent.ask, ("agent", "why?"), {"k": 1}, {"question": "why?", "k": 1}),
        (Agent.make.__func__, (Agent, "x"), {}, {"name": "x"}),  # type: ignore[attr-defined]
        (Agent().ask, ("why?",), {}, {"question": "why?"}),
        (Agent(), ("why?",), {}, {"question": "why?"}),
        (outer(), (1, 2), {}, {"self": 1, "x": 2}),
        (functools.partial(plain, 1), (2,), {"c": 3}, {"b": 2, "c": 3}),
        (print, (1, 2), {"sep": ""}, {"args": (1, 2), "sep": ""}),
        (dict.get, (1,), {}, {"args": (1,)}),
        (Agent.ask, (), {}, {}),
        (Agent.ask, ("agent", 1, 2), {}, {"question": 1, "args": (2,)}),
    ],
)
def test_arguments_by_name(fn: Any, args: Any, kwargs: Any, expected: Any) -> None:
    assert bind_arguments(ArgumentNames(fn), args, kwargs) == expected


def test_the_first_argument_is_left_out_when_asked() -> None:
    names = ArgumentNames(outer(), drop_first=True)
    assert bind_arguments(names, (1, 2), {}) == {"x": 2}
