"""What filters see inside a payload."""

import json
from typing import Any

import pytest

from spanbook.store._filter_values import contains, get, has, read_texts

CHAT = json.dumps(
    [
        {"role": "user", "parts": [{"type": "text", "content": 'She said "größe"\nto\tme'}]},
        {
            "role": "assistant",
            "finish_reason": "stop",
            "parts": [{"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"type": "text", "n": 42}}],
        },
    ]
)


def test_the_texts_of_a_chat_are_what_was_said_and_passed_on() -> None:
    assert list(read_texts(CHAT)) == ['She said "größe"\nto\tme', "search", "text", "42"]


@pytest.mark.parametrize("document", [CHAT, json.dumps(json.loads(CHAT), ensure_ascii=False)])
@pytest.mark.parametrize(
    ("needle", "there"),
    [
        ('said "größe"', 1),
        ("größe", 1),
        ("\nto\t", 1),
        ("search", 1),
        ("42", 1),
        ("user", 0),  # a role, not a text
        ("tool_call", 0),
        ("arguments", 0),  # a key
        ('"role"', 0),
        ("She Said", 0),
        ("", 1),
    ],
)
def test_a_text_is_found_however_its_json_is_written(document: str, needle: str, there: int) -> None:
    assert contains(document, needle) == there


def test_case_and_path_narrow_the_search() -> None:
    assert contains(CHAT, "SHE SAID", case="upper") == 1
    assert contains(CHAT, "search", "[0]") == 0
    assert contains(CHAT, "search", "[-1]") == 1


@pytest.mark.parametrize(
    ("value", "path", "scalar"),
    [
        ({"a": {"b": "x"}}, ["a", "b"], "x"),
        ([1, 2.5], [-1], 2.5),
        (True, [], 1),
        ({"a": None}, ["a"], None),
        ({"a": 1}, ["b"], None),
        ("abc", [0], None),
        ({"0": 1}, [0], None),
        ({"a": []}, ["a"], b""),
        ({"a": [1]}, ["a"], b"[1]"),
        ({"a": 10**30}, ["a"], 1e30),
        ({"a": -(2**63) + 1}, ["a"], -(2**63) + 1),
        ({"a": "\ud800"}, ["a"], "?"),
    ],
)
def test_a_path_leads_to_a_scalar_as_sqlite_holds_it(value: Any, path: list[Any], scalar: object) -> None:
    found = get(json.dumps(value), json.dumps(path))

    assert found == scalar
    assert type(found) is type(scalar)


@pytest.mark.parametrize(
    ("item", "there"),
    [("a", 1), ("b", 0), (5, 1), (None, 0)],
)
def test_membership_in_a_list_is_pythons(item: object, there: int) -> None:
    assert has('{"k": ["a", 5, "bc"]}', '["k"]', item) == there


@pytest.mark.parametrize("document", ["[" * 50_000 + "]" * 50_000, "no json", '{"a": ', "9" * 5_000, None, ""])
def test_an_odd_document_fails_no_query(document: str | None) -> None:
    assert get(document, '["a"]') is None
    assert has(document, '["a"]', "x") == 0
    assert contains(document, "absent") == 0
