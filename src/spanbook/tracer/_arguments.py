"""Names for the arguments of a call, without ``inspect.signature``: a traced call pays for this each time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

_VARARGS = 0x04  # CO_VARARGS
_MAX_WRAPPERS = 16


class ArgumentNames:
    """What is to be known of a callable to name its positional arguments; made once, at decoration.

    Args:
        fn: The callable, as it will be called. Wrappers made with ``functools.wraps``, ``functools.partial``, bound
            methods and objects with ``__call__`` are looked through; what has no code of its own (built-ins) has no
            names, so all its positional arguments go under ``args``.
        drop_first: Leave out the first argument. None (the default) leaves it out when it is called ``self`` or
            ``cls`` and the function is written in a class.
    """

    __slots__ = ("count", "first", "names", "rest")

    def __init__(self, fn: Callable[..., Any], *, drop_first: bool | None = None) -> None:
        code, given = _code_of(fn)
        names: tuple[str, ...] = code.co_varnames[given : code.co_argcount] if code is not None else ()
        if drop_first is None:
            drop_first = names[:1] in (("self",), ("cls",)) and given == 0 and _is_in_class(fn)
        self.names = names
        self.count = len(names)
        #: The name to leave out, or None.
        self.first = names[0] if drop_first and names else None
        #: The name of ``*args``.
        self.rest = "args"
        if code is not None and code.co_flags & _VARARGS:
            self.rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]


def bind_arguments(names: ArgumentNames, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of one call by name: those that were passed, defaults are not filled in.

    Surplus positional arguments are a tuple under the name of ``*args``; keyword arguments keep their names. A call
    that the function itself will refuse is described too.
    """
    bound = dict(zip(names.names, args))  # noqa: B905 (calls pass fewer or more than there are names)
    if names.first is not None and args:
        del bound[names.first]
    if kwargs:
        bound |= kwargs
    if len(args) > names.count:
        rest = names.rest if names.rest not in bound else f"*{names.rest}"
        bound[rest] = args[names.count :]
    return bound


def _code_of(fn: Any) -> tuple[Any, int]:
    """Return the code object that names the arguments (None for built-ins) and how many of them are given already."""
    given = 0
    for _ in range(_MAX_WRAPPERS):
        if isinstance(fn, functools.partial):
            given += len(fn.args)
            fn = fn.func
        elif getattr(fn, "__func__", None) is not None and hasattr(fn, "__self__"):  # a bound method
            given += 1
            fn = fn.__func__
        elif getattr(fn, "__wrapped__", None) is not None:
            fn = fn.__wrapped__
        elif not hasattr(fn, "__code__") and hasattr(getattr(type(fn), "__call__", None), "__code__"):  # noqa: B004
            given += 1
            fn = type(fn).__call__
        else:
            break
    return getattr(fn, "__code__", None), given


def _is_in_class(fn: Any) -> bool:
    """Tell whether a function is written in the body of a class, by its qualified name."""
    parts = str(getattr(fn, "__qualname__", "")).split(".")
    return len(parts) > 1 and parts[-2] != "<locals>"
