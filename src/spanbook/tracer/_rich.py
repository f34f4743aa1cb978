"""How Python's own rich values become plain data, by type.

A type is known by the names of its base classes: (first part of the module, class name), so nothing is imported for
it. Instances are not asked what they are: ``__class__`` and ``__getattr__`` can lie, raise, or open connections.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ..model.values import bytes_form, image_type, not_captured, repr_form, sorted_set
from ._error import describe_error
from ._libraries import LIBRARIES, looks_like_tensor, tensor
from ._limits import MAX_ITEMS, MAX_MEDIA, first_items
from ._types import DROP, Handler, bases_of, class_name, dict_of, module_of, name_of, static

if TYPE_CHECKING:
    from ._capture import Snapshot

__all__ = ["DROP", "class_name", "handler_of"]

_HEAD: Final = 10  # items of an array
_MAX_REPR: Final = 10_000  # characters of a repr that are looked at
_ADDRESS: Final = re.compile(r" at 0x[0-9A-Fa-f]{4,16}\b")  # says nothing, and differs each time


def handler_of(kind: type) -> Handler:
    """Return what describes the values of a type."""
    bases = bases_of(kind)
    for base in bases:
        module = module_of(base)
        if type(module) is str:
            handler = _HANDLERS.get((module.partition(".")[0], name_of(base)))
            if handler is not None:
                return handler
    defined = frozenset[str]().union(*(dict_of(base) for base in bases))
    if "__dataclass_fields__" in defined:
        return _dataclass
    if "__attrs_attrs__" in defined:
        return _attrs
    if "__await__" in defined:
        return _not_read("awaiting it would use it up")
    if "__next__" in defined or "__anext__" in defined:
        return _not_read("reading it would use it up")
    return _unknown


def _not_read(reason: str) -> Handler:
    return lambda value, kind, walk, depth: not_captured(reason, class_name(kind))


def _unknown(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    """The last resort: ``repr``, or the bare class where nobody defined one."""
    if looks_like_tensor(value, kind):
        return tensor(value, kind, walk, depth)
    author = next(base for base in bases_of(kind) if "__repr__" in dict_of(base))
    if author is object:
        return repr_form(class_name(kind), f"<{class_name(kind)} object>")
    return repr_form(class_name(kind), _ADDRESS.sub("", str.__str__(repr(value))[:_MAX_REPR]))


# -- text, numbers, bytes


def _str(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return walk.text(str.__str__(value))


def _int(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return int.__int__(value)


def _float(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return float.__float__(value)


def _bytes(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return walk.binary(bytes.__getitem__(value, slice(None)))


def _text_of(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    """Paths, decimals and others whose ``str`` says all."""
    return walk.text(str.__str__(str(value)))


def _iso(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return walk.text(str.__str__(value.isoformat()))


def _enum(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return walk.take(object.__getattribute__(value, "_value_"), depth)


def _buffer(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    with memoryview(value) as view:
        if not view.contiguous:
            return bytes_form(view[:16].tobytes(), view.nbytes)
        with view.cast("B") as data:
            if len(data) <= MAX_MEDIA and image_type(bytes(data[:16])) is not None:
                return walk.binary(bytes(data))
            return bytes_form(data)


def _array(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return {"$type": "array", "shape": [len(value)], "dtype": value.typecode, "head": list(value[:_HEAD])}


# -- containers


def _mapping(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    """Dicts of other types, by what they hold: their own ``items`` may compute, or lie."""
    from collections import OrderedDict

    own = OrderedDict if issubclass(kind, OrderedDict) else dict
    return walk.mapping(first_items(lambda: own.items(value)), dict.__len__(value), depth)


def _proxy(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return walk.mapping(first_items(value.items), len(value), depth)


def _list(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return walk.sequence(list.__getitem__(value, slice(MAX_ITEMS)), list.__len__(value), depth)


def _tuple(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    size = tuple.__len__(value)
    items = tuple.__getitem__(value, slice(MAX_ITEMS))
    names = static(kind, "_fields")  # of a namedtuple
    if type(names) is tuple and len(names) == size and all(type(name) is str for name in names):
        return walk.mapping(zip(names, items, strict=False), size, depth)
    return walk.sequence(items, size, depth)


def _set(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    own = set if issubclass(kind, set) else frozenset
    items = first_items(lambda: own.__iter__(value))
    return walk.sequence(sorted_set(items), own.__len__(value), depth)


def _collection(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    """Deques and views of dicts."""
    return walk.sequence(first_items(lambda: value), len(value), depth)


def _wrapped(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    """UserDict, UserList, UserString: what they wrap."""
    return walk.take(object.__getattribute__(value, "data"), depth)


# -- objects


def _dataclass(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return walk.fields(value, list(static(kind, "__dataclass_fields__")), depth)


def _attrs(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return walk.fields(value, [field.name for field in static(kind, "__attrs_attrs__")], depth)


def _error(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return describe_error(value)


def _class(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return repr_form(class_name(kind), class_name(value))


def _module(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    return repr_form(class_name(kind), str(object.__getattribute__(value, "__name__")))


def _function(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    """Functions and methods by qualified name; the object a method is bound to is not looked at."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "?")
    return repr_form(class_name(kind), f"{module}.{name}" if module else f"{name}")


def _partial(value: Any, kind: type, walk: Snapshot, depth: int) -> Any:
    made = walk.take(value.func, depth)
    return repr_form(class_name(kind), f"partial of {made.get('text', '?') if type(made) is dict else '?'}")


_HANDLERS: Final[dict[tuple[str, str], Handler]] = {
    ("builtins", "str"): _str,
    ("builtins", "int"): _int,
    ("builtins", "float"): _float,
    ("builtins", "bytes"): _bytes,
    ("builtins", "bytearray"): _buffer,
    ("builtins", "memoryview"): _buffer,
    ("builtins", "dict"): _mapping,
    ("builtins", "list"): _list,
    ("builtins", "tuple"): _tuple,
    ("builtins", "set"): _set,
    ("builtins", "frozenset"): _set,
    ("builtins", "mappingproxy"): _proxy,
    ("builtins", "dict_keys"): _collection,
    ("builtins", "dict_values"): _collection,
    ("builtins", "dict_items"): _collection,
    ("builtins", "BaseException"): _error,
    ("builtins", "type"): _class,
    ("builtins", "module"): _module,
    ("builtins", "function"): _function,
    ("builtins", "builtin_function_or_method"): _function,
    ("builtins", "method"): _function,
    ("builtins", "generator"): _not_read("reading it would use it up"),
    ("builtins", "async_generator"): _not_read("reading it would use it up"),
    ("builtins", "coroutine"): _not_read("awaiting it would use it up"),
    ("_io", "_IOBase"): _not_read("reading an open file would move it"),
    ("os", "_Environ"): _not_read("environment variables are never kept"),
    ("functools", "partial"): _partial,
    ("array", "array"): _array,
    ("collections", "deque"): _collection,
    ("collections", "UserDict"): _wrapped,
    ("collections", "UserList"): _wrapped,
    ("collections", "UserString"): _wrapped,
    ("enum", "Enum"): _enum,
    ("datetime", "date"): _iso,  # and datetime, which is a date
    ("datetime", "time"): _iso,
    ("datetime", "timedelta"): _text_of,
    ("datetime", "tzinfo"): _text_of,
    ("uuid", "UUID"): _text_of,
    ("decimal", "Decimal"): _text_of,
    ("fractions", "Fraction"): _text_of,
    ("pathlib", "PurePath"): _text_of,
    **LIBRARIES,
}
