"""Methods and functions replaced by wrappers, and put back: the very same function, not an equal one.

A function of a module is replaced wherever a module has it under its name, too: a notebook may have said
``from litellm import completion`` before tracing was on, and packages hand functions of their modules on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

_MISSING: Final = object()
#: Our wrappers → what they stand in for.
_originals: WeakKeyDictionary[Callable[..., Any], Callable[..., Any]] = WeakKeyDictionary()


class Target(NamedTuple):
    """A method to be wrapped when its module is imported."""

    owner: str  # class name in the module; "" for a function of the module itself
    method: str
    wrap: Callable[[Callable[..., Any], Callable[[], bool]], Callable[..., Any]]
    """Makes the wrapper of (original, is_on); a wrapper that somebody kept must pass through when not on."""
    is_optional: bool = False  # its absence costs a detail, not the calls: nothing is said


class Patch:
    """One wrapped method. ``undo`` restores what stood there; under another's wrapper ours passes through."""

    def __init__(self, owner: type | ModuleType, target: Target, is_on: Callable[[], bool]) -> None:
        self._name = target.method
        found = getattr(owner, target.method)
        # a class made while ours stood in another one, whose methods it copies, has ours too
        original = _originals.get(found, found) if isinstance(found, FunctionType) else found
        self._wrapper = target.wrap(original, is_on)
        _originals[self._wrapper] = original
        self._before: list[tuple[type | ModuleType, Any]] = []
        self._replace(owner, found, original)
        if isinstance(owner, ModuleType):
            for module in list(sys.modules.values()):
                if _has(module, self._name, found):
                    self._replace(module, found, original)

    def undo(self) -> None:
        """Put the method back as it was found."""
        for owner, before in self._before:
            if vars(owner).get(self._name) is not self._wrapper:
                continue  # wrapped again by somebody else: taking theirs away is not ours to do
            if before is _MISSING:
                delattr(owner, self._name)
            else:
                setattr(owner, self._name, before)
        if self._before and isinstance(self._before[0][0], ModuleType):
            original = _originals[self._wrapper]
            for module in list(sys.modules.values()):  # those that took ours meanwhile
                if _has(module, self._name, self._wrapper):
                    setattr(module, self._name, original)

    def _replace(self, owner: type | ModuleType, found: Any, original: Any) -> None:
        before = vars(owner).get(self._name, _MISSING)
        self._before.append((owner, original if before is found else before))
        setattr(owner, self._name, self._wrapper)


def _has(module: Any, name: str, value: Any) -> bool:
    """Whether it is a module that has this very value under the name; no code of its own runs."""
    names = getattr(module, "__dict__", None) if type(module) is ModuleType else None
    return names is not None and names.get(name) is value


def apply(module: ModuleType, targets: list[Target], is_on: Callable[[], bool]) -> tuple[list[Patch], list[str]]:
    """Wrap the targets found in ``module``; return (patches, names of methods that are not there).

    ``is_on`` is asked at each call through a wrapper. It outlives the patches: a wrapper that somebody kept (the SDK
    keeps bound methods in its views) passes through while tracing is off and records when it is on again.
    """
    patches: list[Patch] = []
    missing: list[str] = []
    for target in targets:
        owner = getattr(module, target.owner, None) if target.owner else module
        if isinstance(owner, type | ModuleType) and callable(getattr(owner, target.method, None)):
            patches.append(Patch(owner, target, is_on))
        elif not target.is_optional:
            missing.append(".".join(filter(None, (module.__name__, target.owner, target.method))))
    return patches, missing
