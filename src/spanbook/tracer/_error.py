"""An exception as text."""

from __future__ import annotations

from typing import Any, Final

from ._types import class_name, module_of, name_of, qualname_of, static

_MAX_TEXT = 1 << 16
_MAX_FRAMES = 50
#: Of an exception with more others in it (causes, groups of groups) only its own traceback is kept.
_MAX_ERRORS = 1_000
_CONTAINERS: Final = (list, dict, tuple)
#: Items of containers that its arguments may hold.
_MAX_ITEMS: Final = 100_000
#: How exceptions tell what they were raised with, unless they know better.
_TELL_ARGUMENTS: Final = (BaseException.__dict__["__str__"], KeyError.__dict__["__str__"])
_args_of: Any = BaseException.__dict__["args"].__get__


def describe_error(error: BaseException) -> dict[str, str]:
    """Return ``type``, ``module``, ``message`` and ``traceback`` of an exception; never raises an ``Exception``.

    Values of local variables are never read: they may hold keys. Frames of the tracer itself are left out. A message
    or traceback of more than 65,536 characters loses its middle.
    """
    kind = type(error)
    module = module_of(kind)
    try:
        message = _shortened(_bounded(error) if _is_wild(error) else str.__str__(str(error)))
    except Exception as problem:  # noqa: BLE001 (an exception whose __str__ raises)
        message = f"<its text could not be read: {name_of(type(problem))}>"
    frames = error.__traceback__
    while frames is not None and str(frames.tb_frame.f_globals.get("__name__")).startswith("spanbook."):
        frames = frames.tb_next
    try:
        import traceback  # here: where no file can be opened any more, this fails too

        if _is_small(error):
            lines = traceback.format_exception(kind, error, frames, limit=-_MAX_FRAMES)
        else:  # the standard library would go through all of it, however often it holds the same
            lines = ["Traceback (most recent call last):\n", *traceback.format_tb(frames, -_MAX_FRAMES)]
            lines += [f"{name_of(kind)}: {message}\n", "… it holds too much: no cause, context or group is shown …\n"]
        text = _shortened("".join(lines))
    except Exception as problem:  # noqa: BLE001 (the same, met inside the traceback)
        text = f"<its traceback could not be read: {name_of(type(problem))}>"
    return {
        "type": qualname_of(kind),
        "module": module if type(module) is str else "?",
        "message": message,
        "traceback": text,
    }


def _is_small(error: BaseException) -> bool:
    """Whether its whole traceback is short: at most ``_MAX_ERRORS`` exceptions, one in several groups being several."""
    waiting, seen, left = [error], set(), _MAX_ERRORS
    while waiting:
        left -= 1
        error = waiting.pop()
        if left < 0 or _is_wild(error):
            return False
        seen.add(id(error))
        waiting += [
            other for other in (error.__cause__, error.__context__) if other is not None and id(other) not in seen
        ]
        if isinstance(error, BaseExceptionGroup):
            waiting += error.exceptions[: left + 1]
    return True


def _is_wild(error: BaseException) -> bool:
    """Whether its text would be that of containers in containers without end, as no better text is known."""
    if static(type(error), "__str__") not in _TELL_ARGUMENTS:
        return False
    waiting, left = list(_args_of(error)), _MAX_ITEMS
    while waiting:
        item = waiting.pop()
        if type(item) in _CONTAINERS:
            left -= len(item)
            if left < 0:
                return True
            waiting += item.values() if type(item) is dict else item
    return False


def _bounded(error: BaseException) -> str:
    """Return what it was raised with, in short."""
    names = [(class_name(type(item)), item) for item in _args_of(error)]
    return ", ".join(f"<{n} of {len(i):,} items>" if type(i) in _CONTAINERS else f"<{n}>" for n, i in names)


def _shortened(text: str) -> str:
    """Return a text, its middle left out when it is very long: both ends matter."""
    if len(text) <= _MAX_TEXT:
        return text
    half = _MAX_TEXT // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"
