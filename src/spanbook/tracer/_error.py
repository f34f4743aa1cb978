"""An exception as text."""

from __future__ import annotations

from ._types import module_of, name_of, qualname_of

_MAX_TEXT = 1 << 16
_MAX_FRAMES = 50


def describe_error(error: BaseException) -> dict[str, str]:
    """Return ``type``, ``module``, ``message`` and ``traceback`` of an exception; never raises an ``Exception``.

    Values of local variables are never read: they may hold keys. Frames of the tracer itself are left out. A message
    or traceback of more than 65,536 characters loses its middle.
    """
    import traceback

    kind = type(error)
    module = module_of(kind)
    try:
        message = _shortened(str.__str__(str(error)))
    except Exception as problem:  # noqa: BLE001 (an exception whose __str__ raises)
        message = f"<its text could not be read: {name_of(type(problem))}>"
    frames = error.__traceback__
    while frames is not None and str(frames.tb_frame.f_globals.get("__name__")).startswith("spanbook."):
        frames = frames.tb_next
    try:
        text = _shortened("".join(traceback.format_exception(kind, error, frames, limit=-_MAX_FRAMES)))
    except Exception as problem:  # noqa: BLE001 (the same, met inside the traceback)
        text = f"<its traceback could not be read: {name_of(type(problem))}>"
    return {
        "type": qualname_of(kind),
        "module": module if type(module) is str else "?",
        "message": message,
        "traceback": text,
    }


def _shortened(text: str) -> str:
    """Return a text, its middle left out when it is very long: both ends matter."""
    if len(text) <= _MAX_TEXT:
        return text
    half = _MAX_TEXT // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"
