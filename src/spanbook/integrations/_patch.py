"""Methods and functions replaced by wrappers, and put back: the very same function, not an equal one.

A function of a module is replaced wherever a module has it under its name, too: a notebook may have said
``from litellm import completion`` before tracing was on, and packages hand functions of their modules on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
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
    """One wrapped method, also in the modules that took it from its owner.

    Under another's wrapper ours passes through.
    """

    def __init__(
        self, owner: type | ModuleType, target: Target, is_on: Callable[[], bool], takers: Iterable[ModuleType] = ()
    ) -> None:
        self.name = target.method
        found = getattr(owner, target.method)
        # a class made while ours stood in another one, whose methods it copies, has ours too
        self.original = _originals.get(found, found) if isinstance(found, FunctionType) else found
        self.wrapper = target.wrap(self.original, is_on)
        _originals[self.wrapper] = self.original
        self._before: list[tuple[type | ModuleType, Any]] = []
        for each in (owner, *(taker for taker in takers if taker is not owner)):
            before = vars(each).get(self.name, _MISSING)
            self._before.append((each, self.original if before is found else before))
            setattr(each, self.name, self.wrapper)
        self.is_of_module = isinstance(owner, ModuleType)

    def put_back(self) -> None:
        """Put back what was found, wherever it was."""
        for owner, before in self._before:
            if vars(owner).get(self.name) is not self.wrapper:
                continue  # wrapped again by somebody else: taking theirs away is not ours to do
            if before is _MISSING:
                delattr(owner, self.name)
            else:
                setattr(owner, self.name, before)


def undo(patches: list[Patch]) -> None:
    """Put every method back as it was found, the last one first, and empty the list."""
    of_modules = [patch for patch in patches if patch.is_of_module]
    while patches:
        patches.pop().put_back()
    takers = _holders([(patch.name, patch.wrapper) for patch in of_modules])  # those that took ours meanwhile
    for patch, modules in zip(of_modules, takers, strict=True):
        for module in modules:
            setattr(module, patch.name, patch.original)


def _holders(sought: list[tuple[str, Any]]) -> list[list[ModuleType]]:
    """For each (name, value): the modules that have this very value under the name; no code of theirs runs."""
    found: list[list[ModuleType]] = [[] for _ in sought]
    pairs = list(zip(found, sought, strict=True))
    # once through thousands of modules, for all that is sought
    for module in list(sys.modules.values()) if sought else ():
        if type(module) is ModuleType:
            names = module.__dict__
            for holders, (name, value) in pairs:
                if names.get(name) is value:
                    holders.append(module)
    return found


def apply(module: ModuleType, targets: list[Target], is_on: Callable[[], bool]) -> tuple[list[Patch], list[str]]:
    """Wrap the targets found in ``module``; return (patches, names of methods that are not there).

    ``is_on`` is asked at each call through a wrapper. It outlives the patches: a wrapper that somebody kept (the SDK
    keeps bound methods in its views) passes through while tracing is off and records when it is on again.
    """
    found: list[tuple[type | ModuleType, Target]] = []
    missing: list[str] = []
    for target in targets:
        owner = getattr(module, target.owner, None) if target.owner else module
        if isinstance(owner, type | ModuleType) and callable(getattr(owner, target.method, None)):
            found.append((owner, target))
        elif not target.is_optional:
            missing.append(".".join(filter(None, (module.__name__, target.owner, target.method))))
    sought = [(each.method, getattr(owner, each.method)) for owner, each in found if isinstance(owner, ModuleType)]
    takers = iter(_holders(sought))
    patches = [
        Patch(owner, target, is_on, next(takers) if isinstance(owner, ModuleType) else ()) for owner, target in found
    ]
    return patches, missing
