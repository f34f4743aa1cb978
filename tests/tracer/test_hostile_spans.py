"""Any value through a whole span: given, returned, set, as a name, in an exception; down to the store."""

from __future__ import annotations

import collections
import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import pytest

import spanbook as sb
from spanbook.tracer import _recorder
from tests.tracer.hostile_values import KINDS, Record
from tests.tracing import Tracing, rows

#: Values that take a second and more in all parts of a span: in whole spans only under torture.
_LONG = frozenset((
    "many long texts", "shared lists", "many data frames", "many long keys", "large picture", "deeper than Python goes",
    "many reprs of 100 MB", "long text", "long list", "deep dataclasses", "numpy objects", "repr of 100 MB",
    "long bytes", "odd data frame", "long repr", "partial", "long exception", "long dict",
))  # fmt: skip
_SECONDS = 30.0  # for one value, on a machine that does much else
#: What all of them may take in the store.
_BYTES = 100 << 20


@sb.trace(name="given and returned")
def give_back(value: Any) -> Any:
    """Return what was given."""
    return value


def raise_it(value: Any) -> None:
    """An exception whose argument it is."""
    with sb.span("raised"):
        raise LookupError(value)


#: ``str()`` of it never ends, so neither does that of an exception with it, whoever asks.
_ENDLESS = "changing list"


def every_part(value: Any, *, is_raised: bool) -> None:
    """Use a value wherever a span takes one; whatever is not as without tracing fails."""
    assert give_back(value) is value
    with sb.span("set", input=[value], metadata={"value": value}, tags=["t"]) as span:
        span.set(output={"value": value}, attributes={"value": value})
        span.event("event", value)
    with sb.span(value), sb.context(metadata={"value": value}), sb.span("in a context", kind=value):
        pass
    if not is_raised:
        return
    with pytest.raises(LookupError) as caught:
        raise_it(value)
    assert caught.value.args[0] is value


@pytest.mark.parametrize("kinds", [
    pytest.param([kind for kind in KINDS if kind not in _LONG], id="quick"),
    pytest.param(sorted(_LONG), id="long", marks=[pytest.mark.torture, pytest.mark.timeout(1_200)]),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning",
                            "ignore::spanbook.SpanbookWarning", "ignore::ResourceWarning")  # fmt: skip
def test_no_value_disturbs_the_traced_program(tracing: Tracing, kinds: list[str]) -> None:
    """Nothing raises or hangs, results are the very same objects, each span is stored, and the store stays small."""
    slow: dict[str, float] = {}
    for kind in kinds:
        value = KINDS[kind][0]()
        began = time.monotonic()
        every_part(value, is_raised=kind != _ENDLESS)
        slow[kind] = time.monotonic() - began
        del value
        if _recorder.journal.waiting_bytes > 8 << 20:
            assert sb.flush(60)
    assert sb.flush(60)
    assert {kind: took for kind, took in slow.items() if took > _SECONDS} == {}
    stats = sb.stats()
    assert (stats["dropped"], stats["emptied"], stats["unreadable"], stats["unwritable"]) == (0, 0, 0, 0)
    found = rows(tracing.path, "SELECT status, count(*) FROM spans GROUP BY status ORDER BY status")
    assert found == [("error", len(kinds) - (_ENDLESS in kinds)), ("ok", 4 * len(kinds))]
    assert sum(path.stat().st_size for path in tracing.path.parent.glob("store.db*")) < _BYTES


def test_there_are_enough_kinds_of_values() -> None:
    """As many as are promised, in whole spans."""
    assert len(KINDS) - len(_LONG) >= 60


def test_frames_and_pictures_are_kept_as_what_they_are(tracing: Tracing) -> None:
    """As input, output and metadata: shape and head of a frame, the bytes of a picture in a blob."""
    frame, picture = pd.DataFrame({"x": range(1_000)}), PIL.Image.new("RGB", (30, 20), "red")
    with sb.span("s", input={"frame": frame}, metadata={"picture": picture}) as span:
        span.set(output=picture)
    found = tracing.span("s")
    assert (found.input["frame"]["$type"], found.input["frame"]["shape"]) == ("dataframe", [1_000, 1])
    assert len(found.input["frame"]["head"]) == 10
    for kept in (found.output, found.metadata["picture"]):
        assert (kept["$type"], kept["mime_type"], kept["width"], kept["height"]) == ("blob", "image/png", 30, 20)
    media = rows(tracing.path, "SELECT mime_type, substr(body, 2, 3) FROM blobs WHERE mime_type IS NOT NULL")
    assert media == [("image/png", b"PNG")]  # once, however often it was given


def _changing() -> Iterator[tuple[str, Any, Callable[[Any], object]]]:
    yield "list", ["a"], lambda value: value.append("b")
    yield "dict", {"a": {"b": 1}}, lambda value: value["a"].update(b=2)
    yield "set", {"a"}, lambda value: value.clear()
    yield "deque", collections.deque(["a"]), lambda value: value.append("b")
    yield "dataclass", Record("a"), lambda value: setattr(value, "name", "b")
    yield "array", np.array([1, 2]), lambda value: value.fill(9)
    yield "frame", pd.DataFrame({"a": [1]}), lambda value: value.__setitem__("a", 9)
    yield "bytearray", bytearray(b"ab"), lambda value: value.reverse()
    yield "picture", PIL.Image.new("L", (1, 1)), lambda value: value.putpixel((0, 0), 9)
    yield "ordered dict", collections.OrderedDict(a=1), lambda value: value.clear()


@pytest.mark.parametrize(("value", "change"), [pytest.param(v, c, id=name) for name, v, c in _changing()])
def test_a_change_after_entry_is_not_seen(tracing: Tracing, value: Any, change: Callable[[Any], object]) -> None:
    """What a span was given stays as it was when the block began; its output is as it was at the end of the block."""
    with sb.span("before", input=value):
        pass
    with sb.span("changed", input=value) as span:
        change(value)
        span.set(output=value)
    with sb.span("after", input=value):
        pass
    before, changed, after = (tracing.span(name) for name in ("before", "changed", "after"))
    assert changed.input == before.input != after.input
    assert changed.output == after.input
    assert json.dumps(changed.input) == json.dumps(before.input)


def test_a_traced_call_keeps_the_identity_of_what_goes_through(tracing: Tracing) -> None:
    """Arguments reach the function as they are: no copy, no wrapper; generators are not begun."""
    seen: list[Any] = []

    @sb.trace
    def take(*args: Any, **kwargs: Any) -> Any:
        seen.extend([*args, *kwargs.values()])
        return kwargs["generator"]

    generator, record = (number for number in range(3)), dataclasses.replace(Record("a"))
    assert take(record, generator=generator) is generator
    assert seen[0] is record
    assert seen[1] is generator
    assert list(generator) == [0, 1, 2]
