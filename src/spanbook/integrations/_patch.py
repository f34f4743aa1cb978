"""Methods of classes replaced by wrappers, and put back: the very same function, not an equal one."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

_MISSING: Final = object()
#: Our wrappers → what they stand in for.
_originals: WeakKeyDictionary[Callable[..., Any], Callable[..., Any]] = WeakKeyDictionary()


class Target(NamedTuple):
    """A method to be wrapped when its module is imported."""

    owner: str  # class name in the module
    method: str
    wrap: Callable[[Callable[..., Any], Callable[[], bool]], Callable[..., Any]]
    """Makes the wrapper of (original, is_on); a wrapper that somebody kept must pass through when not on."""
    is_optional: bool = False  # its absence costs a detail, not the calls: nothing is said


class Patch:
    """One wrapped method. ``undo`` restores what stood there; under another's wrapper ours passes through."""

    def __init__(self, owner: type, target: Target, is_on: Callable[[], bool]) -> None:
        self._owner, self._name = owner, target.method
        self._before = owner.__dict__.get(target.method, _MISSING)
        found = getattr(owner, target.method)
        # a class made while ours stood in another one, whose methods it copies, has ours too
        original = _originals.get(found, found) if isinstance(found, FunctionType) else found
        if self._before is found:
            self._before = original
        self._wrapper = target.wrap(original, is_on)
        _originals[self._wrapper] = original
        setattr(owner, target.method, self._wrapper)

    def undo(self) -> None:
        """Put the method back as it was found."""
        if self._owner.__dict__.get(self._name) is not self._wrapper:
            return  # wrapped again by somebody else: taking theirs away is not ours to do
        if self._before is _MISSING:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, self._before)


def apply(module: ModuleType, targets: list[Target], is_on: Callable[[], bool]) -> tuple[list[Patch], list[str]]:
    """Wrap the targets found in ``module``; return (patches, names of methods that are not there).

    ``is_on`` is asked at each call through a wrapper. It outlives the patches: a wrapper that somebody kept (the SDK
    keeps bound methods in its views) passes through while tracing is off and records when it is on again.
    """
    patches: list[Patch] = []
    missing: list[str] = []
    for target in targets:
        owner = getattr(module, target.owner, None)
        if isinstance(owner, type) and callable(getattr(owner, target.method, None)):
            patches.append(Patch(owner, target, is_on))
        elif not target.is_optional:
            missing.append(f"{module.__name__}.{target.owner}.{target.method}")
    return patches, missing
