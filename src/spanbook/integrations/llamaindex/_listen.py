"""Our handlers on the root dispatcher, and the methods whose generators are driven."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from .._guard import guard
from .._patch import Patch, Target, undo
from ._driven import wrap_method
from ._handlers import EventHandler, SpanHandler

#: Methods that return generators; the request to the model is made when these are read.
_STREAMING: Final = (
    "stream_chat",
    "astream_chat",
    "stream_complete",
    "astream_complete",
    "get_response",
    "aget_response",
)
_dispatchers: list[tuple[Any, SpanHandler, EventHandler]] = []
_patches: list[Patch] = []
_hooks: list[tuple[type, Any, Any]] = []  # class, its own __init_subclass__, ours


def listen(module: ModuleType) -> list[str]:
    """Add the handlers to the dispatcher that ``module`` has; return what was not found in it."""
    root = getattr(module, "root_dispatcher", None)
    if root is None or not isinstance(getattr(root, "span_handlers", None), list):
        return [f"{module.__name__}.root_dispatcher"]
    if all(root is not known for known, _, _ in _dispatchers):
        spans = SpanHandler()
        events = EventHandler(spans)
        root.span_handlers.append(spans)
        root.event_handlers.append(events)
        _dispatchers.append((root, spans, events))
    mixin = getattr(module, "DispatcherSpanMixin", None)
    if isinstance(mixin, type) and all(mixin is not known for known, _, _ in _hooks):
        _drive_all(mixin)
        _drive_new(mixin)
    return []


def forget() -> None:
    """Take off what is ours, and only that."""
    while _dispatchers:
        root, spans, events = _dispatchers.pop()
        root.span_handlers[:] = [handler for handler in root.span_handlers if handler is not spans]
        root.event_handlers[:] = [handler for handler in root.event_handlers if handler is not events]
    while _hooks:
        mixin, before, ours = _hooks.pop()
        if vars(mixin).get("__init_subclass__") is ours:
            mixin.__init_subclass__ = before  # type: ignore[method-assign]
    undo(_patches)


def what_is_on() -> int:
    """Return how many dispatchers we listen to."""
    return len(_dispatchers)


def _drive_all(kind: type) -> None:
    below: type
    for below in list(kind.__subclasses__()):
        _drive(below)
        _drive_all(below)


def _drive_new(mixin: type) -> None:
    """Drive the methods of classes that are made from now on."""
    before = vars(mixin).get("__init_subclass__")
    if before is None:
        return

    def hooked(cls: Any, /, **kwargs: Any) -> None:
        before.__get__(None, cls)(**kwargs)
        with guard("trace a class of LlamaIndex"):
            if _dispatchers:
                _drive(cls)

    ours: Any = classmethod(hooked)
    mixin.__init_subclass__ = ours  # type: ignore[method-assign]
    _hooks.append((mixin, before, ours))


def _drive(kind: type) -> None:
    """Wrap the methods that a class has of its own. Several parents lead to one class: once is enough."""
    for name in _STREAMING:
        own = vars(kind).get(name)
        if callable(own) and not getattr(own, "__isabstractmethod__", False) and not _is_driven(own):
            _patches.append(Patch(kind, Target(kind.__name__, name, wrap_method), lambda: bool(_dispatchers)))


def _is_driven(method: Any) -> bool:
    return getattr(method, "__module__", "") == wrap_method.__module__ or "_spanbook_driven" in vars(method)
