"""Values that a tracer meets in the wild, and some that nobody would write on purpose."""

import array
import collections
import collections.abc
import contextvars
import ctypes
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import itertools
import json
import mmap
import os
import pathlib
import re
import socket
import sys
import threading
import types
import unittest.mock
import uuid
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import attrs
import numpy as np
import openai
import pandas as pd
import PIL.Image
import pydantic


def raising(*names: str) -> Any:
    """Return an object whose special methods raise."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("hostile")

    return type("Hostile", (), dict.fromkeys(names, refuse))()


def raising_property(name: str) -> Any:
    def refuse(self: object) -> Any:
        raise RuntimeError("hostile")

    return type("Hostile", (), {name: property(refuse)})()


class Metaclass(type):
    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError("hostile")


class OfMetaclass(metaclass=Metaclass):
    pass


class NotText:
    def __repr__(self) -> str:
        return 3  # type: ignore[return-value]


class LongRepr:
    def __repr__(self) -> str:
        return "r" * 50_000_000


class Recursive:
    def __repr__(self) -> str:
        return f"<{self!r}>"


class LyingDict(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("hostile")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("hostile")

    def __len__(self) -> int:
        return -1


class LyingList(list[Any]):
    def __getitem__(self, index: Any) -> Any:
        raise RuntimeError("hostile")

    def __len__(self) -> int:
        return 10**18


class LyingText(str):
    def __str__(self) -> str:
        raise RuntimeError("hostile")

    def __len__(self) -> int:
        raise RuntimeError("hostile")


class Color(str, enum.Enum):  # noqa: UP042 (the form that people wrote before 3.11)
    RED = "red"


class Weight(enum.IntEnum):
    LIGHT = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: Any


@dataclasses.dataclass
class Record:
    name: str
    inner: Any = None
    unset: int = dataclasses.field(init=False)


@dataclasses.dataclass(slots=True)
class Slotted:
    name: str


@attrs.define
class Attrs:
    name: str


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True, extra="allow")
    name: str
    inner: Any = None
    hidden: str = pydantic.Field(default="secret", exclude=True)


class Refusing(pydantic.BaseModel):
    name: str

    @pydantic.model_serializer
    def refuse(self) -> Any:
        raise RuntimeError("hostile")


class HasSecret(pydantic.BaseModel):
    key: pydantic.SecretStr


class TensorLike:
    def __init__(self) -> None:
        self.shape, self.dtype, self.device = (2, 3), "float32", "cuda:0"

    def __repr__(self) -> str:
        raise RuntimeError("would copy from the device")


class Appending:
    """Changes the list it is in while it is described."""

    def __init__(self, owner: list[Any]) -> None:
        self.owner = owner

    def __repr__(self) -> str:
        self.owner.append(self)
        return "appending"


class BadError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("hostile")


def cyclic_list() -> Any:
    value: list[Any] = [1]
    value += [value, {"again": value}]
    return value


def cyclic_record() -> Any:
    value = Record("a")
    value.inner = [value]
    return value


def cyclic_model() -> Any:
    value = Model(name="a")
    value.inner = {"again": value}
    return value


def nested(depth: int, wrap: Callable[[Any], Any] = lambda value: [value]) -> Any:
    value: Any = "bottom"
    for _ in range(depth):
        value = wrap(value)
    return value


def appending() -> Any:
    value: list[Any] = [object]
    value.append(Appending(value))
    return value


def shared() -> Any:
    value: Any = [0]
    for _ in range(30):
        value = [value] * 10
    return value


def released_view() -> Any:
    view = memoryview(b"abc")
    view.release()
    return view


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 (whatever was raised is the value)
        return caught


async def coroutine() -> None:
    pass


async def async_generator() -> Any:
    yield 1


class Awaitable:
    def __await__(self) -> Any:
        raise RuntimeError("hostile")


class BrokenZone(datetime.tzinfo):
    def tzname(self, when: Any) -> Any:
        return None

    def dst(self, when: Any) -> Any:
        return None

    def utcoffset(self, when: Any) -> Any:
        raise RuntimeError("hostile")


class WrongZone(BrokenZone):
    def utcoffset(self, when: Any) -> Any:
        return datetime.timedelta(days=3)


class HugeRepr:
    """Its ``__repr__`` builds 100 MB, however little of it is kept."""

    def __repr__(self) -> str:
        return "h" * 100_000_000


class Fickle:
    """Has another class, another length and other items each time it is asked."""

    asked = 0

    def __getattr__(self, name: str) -> Any:
        Fickle.asked += 1
        return Fickle.asked if Fickle.asked % 2 else str(Fickle.asked)

    def __len__(self) -> int:
        Fickle.asked += 1
        return Fickle.asked


class MutatingKey:
    """Changes the dict it is a key of whenever it is hashed."""

    def __init__(self) -> None:
        self.owner: dict[Any, Any] = {}

    def __hash__(self) -> int:
        self.owner[len(self.owner)] = "added"
        return 1

    def __eq__(self, other: object) -> bool:
        return self is other


class TorchLike:
    """As torch's tensors are: what is read has to be detached, and moved to the processor, first."""

    shape, dtype, requires_grad, device = (2, 2), "torch.float32", True, "cuda:0"

    def detach(self) -> "TorchLike":
        raise RuntimeError("hostile")

    def numpy(self) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def __array__(self, *args: Any) -> Any:
        raise RuntimeError("hostile")

    def __len__(self) -> int:
        raise RuntimeError("hostile")


class Described(NamedTuple):
    x: Any


@dataclasses.dataclass
class WithFactory:
    items: list[Any] = dataclasses.field(default_factory=list)
    table: dict[str, Any] = dataclasses.field(default_factory=lambda: {"a": {1}})


class AbstractLike(collections.abc.Mapping):  # type: ignore[type-arg]  # of nothing that can be said
    """A mapping whose every answer raises."""

    def __getitem__(self, key: Any) -> Any:
        raise RuntimeError("hostile")

    def __iter__(self) -> Any:
        raise RuntimeError("hostile")

    def __len__(self) -> int:
        raise RuntimeError("hostile")


class SlowGetattr:
    """Answers any attribute with itself, so that whoever looks for a method finds one."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self

    def __iter__(self) -> Any:
        return iter([self])


def mutating_dict() -> Any:
    key = MutatingKey()
    table: dict[Any, Any] = {key: 1, "a": 2}
    key.owner = table
    return table


def cyclic_cause() -> BaseException:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first
    first.__context__, second.__context__ = second, first
    return first


def grouped_errors() -> BaseException:
    error: Exception = ValueError("deep")
    for _ in range(200):
        error = ExceptionGroup("level", [error, error])
    return error


def unclosed_socket() -> Any:
    left, right = socket.socketpair()
    right.close()
    left.close()
    return left


def changing_elsewhere() -> Any:
    """A dict that another thread fills and empties for a while."""
    table: dict[int, Any] = {0: Color.RED}

    def change() -> None:
        for number in range(200_000):
            table[number % 512] = Color.RED
            if number % 512 == 0:
                table.clear()

    threading.Thread(target=change, daemon=True).start()
    return table


PNG = b"\x89PNG\r\n\x1a\n" + bytes(50)


def dead_proxy() -> Any:
    return weakref.proxy(Record("gone"))


REPR, GONE = "repr", "not_captured"

#: name -> (how to make it, what it becomes: a value, a "$type", or a test)
KINDS: dict[str, tuple[Callable[[], Any], Any]] = {
    "deep lists": (lambda: nested(1_500), None),
    "deeper than marshal goes": (lambda: nested(5_000), None),
    "deeper than Python goes": (lambda: nested(100_000), None),
    "deep tuples": (lambda: nested(3_000, lambda value: (value,)), None),
    "deep dicts": (lambda: nested(3_000, lambda value: {"a": value}), None),
    "deep dataclasses": (lambda: nested(3_000, lambda value: Record("a", value)), None),
    "cyclic list": (
        cyclic_list,
        [1, {"$type": "cycle", "class": "builtins.list"}, {"again": {"$type": "cycle", "class": "builtins.list"}}],
    ),
    "cyclic dataclass": (cyclic_record, {"name": "a", "inner": [{"$type": "cycle", "class": f"{__name__}.Record"}]}),
    "cyclic model": (cyclic_model, lambda made: made["name"] == "a" and "cycle" in json.dumps(made)),
    "shared lists": (shared, None),
    "long text": (lambda: "x" * 50_000_000, lambda made: (made["size"], len(made["head"])) == (50_000_000, 1 << 20)),
    "long list": (lambda: [0] * 3_000_000, lambda made: (made["size"], len(made["head"])) == (3_000_000, 10_000)),
    "long dict": (
        lambda: dict.fromkeys(range(100_000), 1),
        lambda made: (made["size"], len(made["head"])) == (100_000, 10_000),
    ),
    "many long texts": (lambda: [f"{i}" + "y" * 1_000_000 for i in range(40)], None),
    "many long keys": (lambda: {"k" * 5_000 + str(i): i for i in range(9_000)}, None),
    "long bytes": (lambda: bytes(50_000_000), {"$type": "bytes", "size": 50_000_000, "head": "00" * 16}),
    "long integer": (lambda: 1 << 1_000_000, REPR),
    "lone surrogate": (lambda: "a\ud800b", "a\ufffdb"),
    "surrogate key": (lambda: {"\udfff": "\ud800"}, {"\ufffd": "\ufffd"}),
    "nul text": (lambda: "a\x00b", "a\x00b"),
    "nan": (
        lambda: [float("nan"), float("inf")],
        [{"$type": "float", "text": "nan"}, {"$type": "float", "text": "inf"}],
    ),
    "complex": (lambda: 1 + 2j, REPR),
    "ellipsis": (lambda: ..., REPR),
    "not implemented": (lambda: NotImplemented, REPR),
    "set": (lambda: {3, 1, 2}, [1, 2, 3]),
    "mixed set": (lambda: {"a", 1}, lambda made: sorted(map(str, made)) == ["1", "a"]),
    "frozenset": (lambda: frozenset("ba"), ["a", "b"]),
    "text enum": (lambda: {"c": Color.RED, Color.RED: 1}, {"c": "red", "red": 1}),
    "integer enum": (lambda: [Weight.LIGHT], [1]),
    "flag": (lambda: Access.READ | Access.WRITE, 3),
    "text subclass": (lambda: {"t": LyingText("abc")}, {"t": "abc"}),
    "dict subclass": (lambda: LyingDict(a=1), {"a": 1}),
    "list subclass": (lambda: LyingList((1, 2)), [1, 2]),
    "ordered dict": (lambda: collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    "default dict": (lambda: collections.defaultdict(list, a=[1]), {"a": [1]}),
    "counter": (lambda: collections.Counter("aab"), {"a": 2, "b": 1}),
    "deque": (lambda: collections.deque([1, 2]), [1, 2]),
    "chain map": (lambda: collections.ChainMap({"a": 1}), REPR),
    "user dict": (lambda: collections.UserDict(a=1), {"a": 1}),
    "mapping proxy": (lambda: types.MappingProxyType({"a": 1}), {"a": 1}),
    "dict views": (lambda: [{"a": 1}.keys(), {"a": 1}.items()], [["a"], [["a", 1]]]),
    "simple namespace": (lambda: types.SimpleNamespace(a=1), REPR),
    "named tuple": (lambda: Point(1, Point(2, 3)), {"x": 1, "y": {"x": 2, "y": 3}}),
    "dataclass": (lambda: Record("a", Slotted("b")), {"name": "a", "inner": {"name": "b"}}),
    "attrs": (lambda: Attrs("a"), {"name": "a"}),
    "pydantic": (
        lambda: Model.model_validate({"name": "a", "inner": Color.RED, "more": 1}),
        {"name": "a", "inner": "red", "more": 1},
    ),
    "pydantic that refuses": (lambda: Refusing(name="a"), {"name": "a"}),
    "large pydantic": (lambda: Model(name="a", inner=[1] * 20_000), lambda made: set(made) == {"name", "inner"}),
    "pydantic secret": (
        lambda: HasSecret(key=pydantic.SecretStr("hunter2")),
        lambda made: "hunter2" not in json.dumps(made),
    ),
    "pydantic generator": (
        lambda: Model(name="a", inner=(item for item in [1])),
        lambda made: made["inner"]["$type"] == GONE,
    ),
    "not given": (lambda: {"a": openai.NOT_GIVEN, "b": openai.omit, "c": [openai.omit]}, {"c": []}),
    "not given at all": (lambda: openai.NOT_GIVEN, None),
    "datetime": (lambda: datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), "2026-01-02T00:00:00+00:00"),
    "date, time, delta": (
        lambda: [datetime.date(2026, 1, 2), datetime.time(1), datetime.timedelta(1)],
        ["2026-01-02", "01:00:00", "1 day, 0:00:00"],
    ),
    "uuid": (lambda: uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "decimal": (lambda: [decimal.Decimal("1.10"), decimal.Decimal("sNaN")], ["1.10", "sNaN"]),
    "fraction": (lambda: fractions.Fraction(1, 3), "1/3"),
    "path": (lambda: pathlib.PurePosixPath("/a/b"), "/a/b"),
    "odd keys": (
        lambda: {(1, "a"): 1, b"k": 2, Point(1, 2): 3, None: 4, pathlib.PurePosixPath("/a"): 5},
        lambda made: {"(1, 'a')", "b'k'", "null", "/a"} < set(made),
    ),
    "equal keys": (lambda: {1: "a", "1": "b"}, {"1": "a", "1 (str)": "b"}),
    "raising key": (lambda: {Recursive(): 1, raising("__repr__"): 2}, lambda made: len(made) == 2),
    "generator": (lambda: (i for i in itertools.count()), GONE),
    "iterators": (
        lambda: [iter([1]), map(str, [1]), zip(), itertools.count()],
        lambda made: {item["$type"] for item in made} == {GONE},
    ),
    "async generator": (async_generator, GONE),
    "awaitable": (Awaitable, GONE),
    "open file": (lambda: io.BytesIO(b"abc"), GONE),
    "closed file": (lambda: open(os.devnull).close(), None),
    "lock": (threading.Lock, REPR),
    "condition": (threading.Condition, REPR),
    "thread": (threading.current_thread, REPR),
    "context variable": (lambda: contextvars.ContextVar("v"), REPR),
    "environment": (lambda: os.environ, GONE),
    "module": (lambda: json, {"$type": REPR, "class": "builtins.module", "text": "json"}),
    "function": (lambda: nested, {"$type": REPR, "class": "builtins.function", "text": f"{__name__}.nested"}),
    "lambda": (lambda: lambda: 1, REPR),
    "method": (lambda: Recursive().__repr__, REPR),
    "partial": (lambda: functools.partial(print, LongRepr()), REPR),
    "class": (lambda: Record, {"$type": REPR, "class": "builtins.type", "text": f"{__name__}.Record"}),
    "generic alias": (lambda: list[int], REPR),
    "code": (lambda: nested.__code__, REPR),
    "frame": (sys._getframe, REPR),
    "pattern": (lambda: re.compile("a"), REPR),
    "range": (lambda: range(10**12), REPR),
    "mock": (unittest.mock.MagicMock, None),
    "lying class": (lambda: unittest.mock.Mock(spec=dict), None),
    "dead proxy": (dead_proxy, None),
    "raising repr": (lambda: raising("__repr__", "__str__"), GONE),
    "raising everything": (
        lambda: raising(
            "__repr__",
            "__getattribute__",
            "__getattr__",
            "__hash__",
            "__eq__",
            "__len__",
            "__iter__",
            "__bool__",
            "__reduce_ex__",
        ),
        None,
    ),
    "raising class": (lambda: raising_property("__class__"), None),
    "raising dict": (lambda: raising_property("__dict__"), None),
    "raising metaclass": (OfMetaclass, REPR),
    "repr that is no text": (NotText, GONE),
    "long repr": (LongRepr, lambda made: len(made["text"]) == 2_000),
    "endless repr": (Recursive, GONE),
    "object without repr": (
        lambda: type("Plain", (), {"__module__": "m"})(),
        {"$type": REPR, "class": "m.Plain", "text": "<m.Plain object>"},
    ),
    "changing list": (appending, lambda made: made[1]["text"] == "appending"),
    "exception": (
        lambda: raised(ValueError("no")),
        lambda made: (made["type"], made["message"]) == ("ValueError", "no") and "raise error" in made["traceback"],
    ),
    "raising exception": (lambda: raised(BadError()), lambda made: "could not be read" in made["message"]),
    "exception group": (
        lambda: raised(ExceptionGroup("many", [ValueError(str(i)) for i in range(500)])),
        lambda made: len(made["traceback"]) < 70_000,
    ),
    "long exception": (lambda: ValueError("e" * 9_000_000), lambda made: len(made["message"]) < 70_000),
    "bytearray": (lambda: [bytearray(b"ab")], [{"$type": "bytes", "size": 2, "head": "6162"}]),
    "memoryview": (lambda: memoryview(b"abcd")[::2], {"$type": "bytes", "size": 2, "head": "6163"}),
    "released view": (released_view, GONE),
    "array": (lambda: array.array("d", [1.5, 2]), {"$type": "array", "shape": [2], "dtype": "d", "head": [1.5, 2.0]}),
    "mapped memory": (lambda: mmap.mmap(-1, 4096), REPR),
    "ctypes": (lambda: (ctypes.c_int * 3)(), REPR),
    "numpy scalars": (
        lambda: [np.float32(0.5), np.int64(3), np.bool_(True), np.float64("nan"), np.str_("s")],
        [0.5, 3, True, {"$type": "float", "text": "nan"}, "s"],
    ),
    "numpy dates": (lambda: [np.datetime64("2026-01-02"), np.timedelta64(3, "D")], ["2026-01-02", "3 days"]),
    "numpy array": (
        lambda: np.arange(6).reshape(2, 3),
        {"$type": "array", "shape": [2, 3], "dtype": "int64", "head": [0, 1, 2, 3, 4, 5], "min": 0, "max": 5},
    ),
    "numpy nan array": (
        lambda: np.array([1.0, np.nan]),
        {"$type": "array", "shape": [2], "dtype": "float64", "head": [1.0, {"$type": "float", "text": "nan"}]},
    ),
    "numpy large array": (
        lambda: np.zeros((4_000, 4_000)).T,
        lambda made: made["shape"] == [4_000, 4_000] and len(made["head"]) == 10,
    ),
    "numpy objects": (lambda: np.array([{"a": 1}, LongRepr()], dtype=object), lambda made: made["head"][0] == {"a": 1}),
    "numpy records": (lambda: np.zeros(2, dtype=[("a", "i4")]), lambda made: made["head"] == ["(0,)", "(0,)"]),
    "numpy scalar array": (lambda: np.array(3), lambda made: (made["shape"], made["head"]) == ([], [3])),
    "numpy empty": (lambda: np.zeros((0, 3)), lambda made: (made["shape"], made["head"]) == ([0, 3], [])),
    "data frame": (
        lambda: pd.DataFrame({"a": [1.5, None], "b": ["x", None]}),
        {
            "$type": "dataframe",
            "shape": [2, 2],
            "columns": ["a", "b"],
            "dtypes": {"a": "float64", "b": str(pd.Series(["x"]).dtype)},  # "object" before pandas 3
            "head": [{"a": 1.5, "b": "x"}, {"a": {"$type": "float", "text": "nan"}, "b": None}],
        },
    ),
    "wide data frame": (
        lambda: pd.DataFrame(np.zeros((1_000, 3_000))),
        lambda made: (made["shape"], len(made["columns"]), len(made["head"])) == ([1_000, 3_000], 200, 10),
    ),
    "odd data frame": (
        lambda: pd.DataFrame([[1, LongRepr(), "z" * 5_000]], columns=["a", "a", ("b", 1)]),
        lambda made: made["columns"][:2] == ["a", "a (str)"] and made["head"][0]["('b', 1)"]["size"] == 5_000,
    ),
    "many data frames": (
        lambda: [pd.DataFrame(np.zeros((10, 200)))] * 70,
        lambda made: made["$type"] == "cut" and made["head"][-1]["head"] == [],
    ),
    "empty data frame": (lambda: pd.DataFrame(), lambda made: (made["shape"], made["head"]) == ([0, 0], [])),
    "series": (
        lambda: pd.Series([1, 2], name="n"),
        {"$type": "series", "name": "n", "dtype": "int64", "size": 2, "head": [1, 2]},
    ),
    "index": (lambda: pd.date_range("2026-01-02", periods=1), lambda made: made["head"] == ["2026-01-02T00:00:00"]),
    "pandas nothings": (lambda: [pd.NaT, pd.NA, pd.Timestamp(0)], [None, None, "1970-01-01T00:00:00"]),
    "tensor": (
        TensorLike,
        {
            "$type": "array",
            "class": f"{__name__}.TensorLike",
            "shape": [2, 3],
            "dtype": "float32",
            "device": "cuda:0",
            "head": [],
        },
    ),
    "picture": (
        lambda: PIL.Image.new("RGB", (3, 2)),
        lambda made: (made["mime_type"], made["width"], made["height"]) == ("image/png", 3, 2),
    ),
    "odd pictures": (
        lambda: [PIL.Image.new(mode, (3, 2)) for mode in ("1", "P", "F", "CMYK", "I;16", "LAB", "RGBA")],
        lambda made: {item["$type"] for item in made} == {"blob"},
    ),
    "large picture": (
        lambda: PIL.Image.new("L", (5_000, 3_000)),
        lambda made: (made["width"], len(made["content"]) < 1_000_000) == (5_000, True),
    ),
    "broken time zone": (lambda: datetime.datetime(2026, 1, 2, tzinfo=BrokenZone()), None),
    "wrong time zone": (lambda: [datetime.datetime(2026, 1, 2, tzinfo=WrongZone())], None),
    "least and last dates": (lambda: [datetime.datetime.min, datetime.date.max], ["0001-01-01T00:00:00", "9999-12-31"]),
    "repr of 100 MB": (HugeRepr, lambda made: len(made["text"]) == 2_000),
    "many reprs of 100 MB": (lambda: [HugeRepr() for _ in range(3)], lambda made: len(made) == 3),
    "fickle": (Fickle, None),
    "dict that its key changes": (mutating_dict, None),
    "torch-like": (TorchLike, lambda made: (made["$type"], made["shape"], made["head"]) == ("array", [2, 2], [])),
    "mapping that raises": (AbstractLike, None),
    "any attribute": (SlowGetattr, None),
    "any attribute in a list": (lambda: [SlowGetattr()], None),
    "default factories": (WithFactory, {"items": [], "table": {"a": [1]}}),
    "named tuple of nan": (lambda: Described(float("nan")), {"x": {"$type": "float", "text": "nan"}}),
    "cyclic cause": (cyclic_cause, lambda made: made["type"] == "ValueError" and len(json.dumps(made)) < 100_000),
    "groups of the same errors": (grouped_errors, lambda made: "it holds too much" in made["traceback"]),
    "traceback": (lambda: raised(ValueError("no")).__traceback__, REPR),
    "system exit": (lambda: SystemExit(3), lambda made: made["type"] == "SystemExit"),
    "socket": (unclosed_socket, None),
    "weak reference": (lambda: weakref.ref(Record), REPR),
    "weak dict": (lambda: weakref.WeakValueDictionary(a=Record), None),
    "changing in another thread": (changing_elsewhere, lambda made: isinstance(made, dict)),
    "image bytes": (lambda: [PNG, bytearray(PNG)], lambda made: [item["$type"] for item in made] == ["blob"] * 2),
    "data url": (lambda: "data:image/png;base64," + "A" * 4_000, "data:image/png;base64," + "A" * 4_000),
    "bad data url": (lambda: "data:image/png;base64,%%%", "data:image/png;base64,%%%"),
    "autospec mock": (lambda: unittest.mock.create_autospec(Record), None),
    "async mock": (unittest.mock.AsyncMock, None),
    "big integers": (lambda: [2**63, -(2**64), 10**400], lambda made: len(made) == 3),
    "huge floats": (lambda: [1e308 * 10, -0.0, 5e-324], lambda made: made[1:] == [-0.0, 5e-324]),
    "numpy void": (lambda: np.void(b"abcd"), None),
    "numpy unicode": (lambda: np.array(["a\ud800", "b"]), lambda made: made["shape"] == [2]),
    "numpy masked": (lambda: np.ma.array([1, 2], mask=[False, True]), None),
    "pandas categories": (lambda: pd.Series(["a", "b", None], dtype="category"), lambda made: made["size"] == 3),
    "pandas multi-index": (
        lambda: pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y")])),
        lambda made: made["shape"] == [2, 1],
    ),
    "pandas time zones": (lambda: pd.Timestamp("2026-01-02", tz="Europe/Berlin"), "2026-01-02T00:00:00+01:00"),
    "pandas interval": (lambda: [pd.Interval(0, 1), pd.Period("2026-01")], None),
    "ctypes structure": (lambda: type("S", (ctypes.Structure,), {"_fields_": [("a", ctypes.c_int)]})(), None),
    "memory of ctypes": (lambda: memoryview((ctypes.c_double * 2)(1.0, 2.0)), None),
    "huge picture": (lambda: PIL.Image.new("1", (6_000, 4_000)), GONE),
}
