"""What is kept of the values that spans are given: nothing raises, hangs, is used up or is unbounded."""

import asyncio
import collections
import gc
import io
import itertools
import json
import marshal
import pathlib
import re
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbook.model.values import to_json
from spanbook.tracer._capture import describe_error, dumps, snapshot
from tests.tracer.hostile_values import KINDS, Color, Model, Record, TensorLike, coroutine, raising


def restored(data: bytes) -> Any:
    return marshal.loads(data)  # noqa: S302 (written a moment ago)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_any_value_is_kept_within_bounds(kind: str) -> None:
    """At the top of a record and deep inside: it never raises, and what is kept is strict JSON."""
    make, expected = KINDS[kind]
    top, inside = (to_json(restored(dumps(record))) for record in ((make(),), (1, [{"a": {"b": {"c": make()}}}])))
    for kept in (top, inside):
        assert len(json.dumps(kept, allow_nan=False).encode()) < 12 << 20
    made = top[0]
    if kind not in ("changing in another thread", "odd pictures"):  # Pillow writes the time into what was in LAB
        assert _without_ids(made) == _without_ids(to_json(snapshot(make())))
    if callable(expected):
        assert expected(made)
    elif isinstance(expected, str) and isinstance(made, dict):
        assert made["$type"] == expected
    elif expected is not None or kind == "not given at all":
        assert made == expected


def _without_ids(value: Any) -> str:
    return re.sub(r"id='\d+'|line \d+", "", json.dumps(value))


def test_there_are_enough_kinds() -> None:
    assert len(KINDS) >= 60


# -- properties

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=40,
)  # fmt: skip


@given(json_values)
def test_json_comes_back_equal(value: Any) -> None:
    record = (1, "name", value, {"metadata": value})
    assert to_json(list(restored(dumps(record)))) == list(record)
    assert snapshot(value) == value


@given(json_values)
def test_a_careful_record_keeps_its_plain_parts(value: Any) -> None:
    """One value that is not plain does not change the others."""
    made = restored(dumps((value, Color.RED)))
    assert made == (value, "red")


# -- behaviour


def test_later_changes_are_not_seen() -> None:
    messages = [{"role": "user", "content": "one"}]
    data = dumps((1, messages, Record("a", messages)))
    messages[0]["content"] = "two"
    messages.append({"role": "user", "content": "three"})
    assert restored(data) == (
        1,
        [{"role": "user", "content": "one"}],
        {"name": "a", "inner": [{"role": "user", "content": "one"}]},
    )


def test_numbers_of_numpy_are_numbers_at_any_depth() -> None:
    """marshal alone would write each as eight raw bytes."""
    hits = {"results": [{"hits": [("doc", np.float32(0.5))], "ids": {np.int64(7): 1}}]}
    assert restored(dumps((1, hits)))[1] == {"results": [{"hits": [["doc", 0.5]], "ids": {"7": 1}}]}


def test_buffers_of_the_standard_library_are_found_near_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numpy")
    made = to_json(restored(dumps((1, {"a": bytearray(b"ab"), "b": [[memoryview(b"ab")]]}))))
    form = {"$type": "bytes", "size": 2, "head": "6162"}
    assert made[1] == {"a": form, "b": [[form]]}


@pytest.mark.parametrize("make", [lambda: iter([1, 2]), lambda: (i for i in (1, 2)), lambda: io.StringIO("1\n2")])
def test_nothing_is_used_up(make: Callable[[], Any]) -> None:
    value = make()
    dumps((1, {"x": value, "y": [value], "z": Model(name="a", inner=value)}))
    assert len(list(value)) == 2


def test_no_reference_is_kept() -> None:
    value = [Record("a"), Model(name="b"), raising("__repr__"), TensorLike()]
    watched = [weakref.ref(item) for item in value]
    kept = snapshot(value), dumps((1, value))
    del value
    gc.collect()
    assert [watch() for watch in watched] == [None] * 4
    assert kept


def test_values_that_change_while_they_are_read() -> None:
    """Another thread grows and empties a dict, a set and a deque all the time."""
    table: dict[int, Any] = {0: Color.RED}
    items = {0}
    queue: collections.deque[Any] = collections.deque([Color.RED])
    stop = threading.Event()

    def change() -> None:
        for number in itertools.count():
            table[number % 999] = Color.RED
            items.add(number % 999)
            queue.append(number)
            if number % 500 == 0:
                table.clear()
                items.clear()
                queue.clear()
            if stop.is_set():
                return

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            made = restored(dumps((1, {"table": table, "items": items, "queue": queue})))
            assert type(made[1]["table"]) is dict
    finally:
        stop.set()
        thread.join()


def test_an_interrupt_passes() -> None:
    class Interrupted:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dumps((1, Interrupted()))


def test_an_image_keeps_its_bytes_and_other_bytes_their_size() -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(100)
    made = restored(dumps((1, {"image": png, "view": memoryview(png), "other": b"abc"})))[1]
    blob = {"$type": "blob", "modality": "image", "mime_type": "image/png", "content": png}
    assert made == {"image": blob, "view": blob, "other": {"$type": "bytes", "size": 3, "head": "616263"}}


def test_images_beyond_twenty_megabytes_are_not_kept() -> None:
    jpeg = b"\xff\xd8\xff" + bytes(11 << 20)
    made = snapshot([jpeg, bytearray(jpeg), jpeg[: 1 << 20]])
    assert [item["$type"] for item in made] == ["blob", "bytes", "blob"]


def test_an_image_as_text_is_longer_than_other_text_may_be() -> None:
    url = "data:image/png;base64," + "A" * (3 << 20)
    made = restored(dumps((1, {"url": url, "text": "word " * (1 << 20)})))[1]
    assert made["url"] == url
    assert made["text"]["$type"] == "cut"


def test_a_picture_that_was_not_read_yet_stays_unread(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "picture.jpg"
    PIL.Image.new("RGB", (40, 30), "red").save(path)
    with PIL.Image.open(path) as picture:
        stood = picture.fp.tell()  # type: ignore[union-attr]
        made = snapshot(picture)
        assert picture.tile
        assert picture.fp.tell() == stood  # type: ignore[union-attr]
        picture.load()
    assert (made["mime_type"], made["content"]) == ("image/jpeg", path.read_bytes())


def test_large_records_are_kept_whole_within_the_bounds() -> None:
    history = [{"role": "user", "content": f"{number} " + "x" * 900} for number in range(2_000)]
    assert restored(dumps((1, history)))[1] == history


def test_an_error_is_text_without_locals() -> None:
    def fail() -> None:
        password = "hunter" + "2"
        raise ValueError(len(password))

    with pytest.raises(ValueError, match="7") as caught:
        fail()
    made = describe_error(caught.value)
    assert (made["type"], made["module"], made["message"]) == ("ValueError", "builtins", "7")
    assert "in fail" in made["traceback"]
    assert "hunter2" not in json.dumps(made)


def test_a_coroutine_is_not_awaited() -> None:
    value = coroutine()
    made = snapshot({"x": value})
    asyncio.run(value)
    assert made["x"]["reason"] == "awaiting it would use it up"


def test_the_text_of_an_error_is_bounded_when_its_arguments_are_not() -> None:
    """``str`` of lists within lists within lists would never end; small ones are told as Python tells them."""
    wide: list[object] = [0]
    for _ in range(30):
        wide = [wide] * 10
    inner = LookupError(wide)
    outer = ValueError({"a": [1, "b"]})
    outer.__cause__ = inner
    assert describe_error(inner)["message"] == "<builtins.list of 10 items>"
    made = describe_error(outer)
    assert made["message"] == "{'a': [1, 'b']}"
    assert made["traceback"].splitlines()[1:] == [
        "ValueError: {'a': [1, 'b']}", "… it holds too much: no cause, context or group is shown …",
    ]  # fmt: skip
