"""Captured values become strict JSON."""

import json
import marshal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbook.model.values import MAX_DEPTH, MAX_VALUES, parse_json, to_json


def through_marshal(value: Any) -> Any:
    return marshal.loads(marshal.dumps(value, 4))  # noqa: S302 (written a moment ago)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=40,
)  # fmt: skip
marshal_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()))
    | st.binary() | st.complex_numbers() | st.sampled_from((..., StopIteration))
    | st.integers(0, 20_000).map(lambda bits: 1 << bits),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple)
    | st.dictionaries(st.none() | st.text() | st.integers() | st.binary() | st.booleans() | st.floats(), inner)
    | st.sets(st.integers() | st.text()) | st.frozensets(st.integers() | st.floats()),
    max_leaves=30,
)  # fmt: skip


@given(json_values)
def test_json_is_returned_as_the_same_object(value: Any) -> None:
    restored = through_marshal(value)
    made = to_json(restored)
    assert made == value
    assert made is restored


@given(marshal_values)
def test_whatever_marshal_holds_becomes_strict_json(value: Any) -> None:
    made = to_json(through_marshal(value))
    text = json.dumps(made, ensure_ascii=False, allow_nan=False)
    assert json.loads(text.encode()) == made
    assert to_json(made) == made


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, (2,)), [1, [2]]),
        ({"b", "a"}, ["a", "b"]),
        (frozenset((2, 1.5)), [1.5, 2]),
        ({2: "a", None: "b", True: "c", 1.5: "d"}, {"2": "a", "null": "b", "true": "c", "1.5": "d"}),
        ({1: "a", "1": "b"}, {"1": "a", "1 (str)": "b"}),
        ({(1, "a"): 2}, {"(1, 'a')": 2}),
        (float("nan"), {"$type": "float", "text": "nan"}),
        ([float("-inf")], [{"$type": "float", "text": "-inf"}]),
        ([0.5] * 20 + [float("inf")], [0.5] * 20 + [{"$type": "float", "text": "inf"}]),
        ([1e308] * 20, [1e308] * 20),
        (b"\x00\x01", {"$type": "bytes", "size": 2, "head": "0001"}),
        ("half \ud83d", "half \ufffd"),
        ("\ud83d\ude00", "😀"),
        ({"\udc00": 1}, {"\ufffd": 1}),
        (1j, {"$type": "repr", "class": "builtins.complex", "text": "1j"}),
        (..., {"$type": "repr", "class": "builtins.ellipsis", "text": "Ellipsis"}),
        (object, {"$type": "not_captured", "class": "builtins.type", "reason": "it has no JSON form"}),
        (2**1999, 2**1999),
        ([-(10**40)], [-(10**40)]),
    ],
)
def test_forms_of_what_json_cannot_say(value: Any, expected: Any) -> None:
    assert to_json(value) == expected


def test_integers_too_long_for_decimal_become_hexadecimal() -> None:
    """``json.dumps(1 << 20_000)`` raises: Python limits how many digits it writes."""
    made = to_json([1 << 20_000])[0]
    assert (made["class"], made["text"][:5]) == ("builtins.int", "0x800")
    assert len(made["text"]) <= 2_000


def test_images_become_blobs_and_code_its_name() -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(9)
    made = to_json({"image": png, "part": {"type": "blob", "mime_type": "image/png", "content": png}})
    assert made["image"]["mime_type"] == "image/png"
    assert made["image"]["content"] == made["part"]["content"] == "iVBORw0KGgoAAAAAAAAAAAA="
    assert to_json(to_json.__code__)["text"] == "to_json"


def test_bytes_of_media_stay_bytes_on_their_way_to_a_blob() -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(9)
    blob = {"$type": "blob", "modality": "image", "mime_type": "image/png", "content": png}
    assert to_json({"image": png, "blob": blob, "other": (b"a",)}, keep_media=True) == {
        "image": blob,
        "blob": blob,
        "other": [{"$type": "bytes", "size": 1, "head": "61"}],
    }


def test_cycles_end() -> None:
    cyclic: dict[str, Any] = {"self": [1]}
    cyclic["self"].append(cyclic)
    restored = through_marshal(cyclic)
    assert to_json(restored) == {"self": [1, {"$type": "cycle", "class": "builtins.dict"}]}


def test_shared_parts_are_bounded() -> None:
    """Thirty lists, each ten times in the next, would be 10**30 values."""
    value: Any = [0]
    for _ in range(30):
        value = [value] * 10
    assert json.dumps(to_json(value)).count("cut") >= 1
    wide = to_json([*range(MAX_VALUES + 5), ()])
    assert (wide["$type"], wide["size"]) == ("cut", MAX_VALUES + 6)


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 1_500])
def test_depth_is_bounded(depth: int) -> None:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    text = json.dumps(to_json(through_marshal(value)))
    assert ("nested deeper than 100 levels" in text) is (depth > MAX_DEPTH)


@pytest.mark.parametrize("wrap", ["[%s]", '{"a": %s}'])
@pytest.mark.parametrize(("inner", "depth"), [("[]", 1), ('["[", {}, 1]', 2)])
def test_json_as_deep_as_allowed_is_parsed(wrap: str, inner: str, depth: int) -> None:
    text = inner
    for _ in range(MAX_DEPTH - depth):
        text = wrap % text
    assert json.dumps(parse_json(text, MAX_DEPTH)) == text
    assert parse_json(text.encode(), MAX_DEPTH) == json.loads(text)
    with pytest.raises(ValueError, match="nested too deep: more than 100 levels"):
        parse_json(wrap % text, MAX_DEPTH)


@pytest.mark.parametrize("depth", [1_500, 9_000, 100_000], ids="{:,}".format)
def test_deeper_json_is_refused_by_every_python(depth: int) -> None:
    """They differ in how deep JSON they read: 3.13 reads ten times as deep as code in Python can go."""
    for text in ("[" * depth + "]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        with pytest.raises(ValueError, match="nested too deep"):
            parse_json(text, MAX_DEPTH)


def test_many_brackets_are_not_deep() -> None:
    assert parse_json("[" + "[], " * 5_000 + '"[[["]', 2) == [*([[]] * 5_000), "[[["]
