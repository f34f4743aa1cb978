"""Failures of tracing itself: counted, and said once, at the caller's line. Never raised."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections import Counter

from ..model.errors import SpanbookError

_lock = threading.RLock()  # a span may end, and fail, from the garbage collector or a signal handler
_said: set[str] = set()
#: How often each place failed since the process started.
errors: Counter[str] = Counter()
_INSIDE = __name__.split(".", maxsplit=1)[0]


class SpanbookWarning(UserWarning):
    """Something that tracing could not do; the traced program is unaffected."""


def report_failure(where: str, error: BaseException) -> None:
    """Count a failure of tracing and say it once per place; what our own errors say, which is whole, once at all."""
    try:
        errors[where] += 1
        text = f"{type(error).__name__}: {_text(error)}"
        with _lock:
            is_known = where not in _said and text in _said
            if isinstance(error, SpanbookError):
                _said.add(text)
        if not is_known:
            warn_once(where, f"spanbook could not {where} ({text}); your program is unaffected.")
    except MemoryError:  # there is nothing left to say it with
        return


def warn_once(key: str, message: str) -> None:
    """Warn at the first line outside spanbook, once per ``key``; never raises, even under ``-W error``."""
    with _lock:
        if key in _said:
            return
        _said.add(key)
    try:
        warnings.warn(message, SpanbookWarning, stacklevel=_caller_level())
    except SpanbookWarning:  # the user turned warnings into errors: theirs to see, not to break their program
        print(f"SpanbookWarning: {message}", file=sys.stderr)


def forget_said() -> None:
    """Let each failure be said again (a new store, a new test)."""
    with _lock:
        _said.clear()


def _in_child() -> None:
    """Get a new lock: another thread may have held it when the process forked."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def _caller_level() -> int:
    """Return the ``stacklevel`` of the nearest frame outside this package, seen from ``warn_once``."""
    level, frame = 1, sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] != _INSIDE:
            return level
        if frame.f_back is None:
            break
        level, frame = level + 1, frame.f_back
    return level


def _text(error: BaseException) -> str:
    try:
        return str(error)[:300]
    except Exception:  # noqa: BLE001 (a user's exception whose __str__ raises)
        return "its text could not be read"
