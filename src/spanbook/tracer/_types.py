"""What a class says of itself, past whatever its metaclass and its instances say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from ._capture import Snapshot

#: (value, its type, the walk it is met in, depth of what it contains) -> plain data or DROP
Handler: TypeAlias = Callable[[Any, type, "Snapshot", int], Any]

#: Stands for a value that means "not given" and is left out.
DROP: Final = object()

module_of: Final = type.__dict__["__module__"].__get__
name_of: Final = type.__dict__["__name__"].__get__
qualname_of: Final = type.__dict__["__qualname__"].__get__
bases_of: Final = type.__dict__["__mro__"].__get__
dict_of: Final = type.__dict__["__dict__"].__get__


def class_name(kind: type) -> str:
    """Return ``module.Class``; never raises."""
    module = module_of(kind)
    return f"{module if type(module) is str else '?'}.{qualname_of(kind)}"


def static(kind: type, name: str) -> Any:
    """Return an attribute as it is written in a class or its bases, None when there is none."""
    for base in bases_of(kind):
        found = dict_of(base)
        if name in found:
            return found[name]
    return None
