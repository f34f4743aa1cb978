"""What counts as the same, and how alike two inputs are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spanbook.compare import SpanRow
from spanbook.compare._equal import Payloads, likeness
from spanbook.store._compare import COMPARED_COLUMNS


def texts() -> Payloads:
    """Payloads of two stores, each given as its JSON text."""
    return Payloads(_itself, _itself, is_one_store=False)


def _itself(stored: Any) -> str:
    return stored if isinstance(stored, str) else "null"


def message(call_id: str, city: str = "Oslo") -> dict[str, Any]:
    call = {"type": "tool_call", "id": call_id, "name": "weather", "arguments": {"city": city}}
    return {"role": "assistant", "parts": [{"type": "text", "content": "A moment."}, call]}


@pytest.mark.parametrize(
    ("a", "b", "is_same"),
    [
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, True),
        ("text", "text ", False),
        (None, None, True),
        ([], None, False),
        ([message("call_1")], [message("call_99")], True),
        (message("call_1"), message("x"), True),
        ([message("call_1")], [message("call_1", "Rome")], False),
        ({"id": 1}, {"id": 2}, False),
        ({"parts": [{"type": "tool_call", "id": 1}]}, {"parts": [{"type": "tool_call", "id": 22}]}, False),
    ],
    ids=[
        "order of keys",
        "text",
        "nothing",
        "empty",
        "ids of calls",
        "one message",
        "arguments",
        "other ids",
        "no role",
    ],
)
def test_what_is_the_same(a: Any, b: Any, is_same: bool) -> None:
    stored = [None if value is None else json.dumps(value) for value in (a, b)]
    assert texts().is_same(*stored) is is_same


def test_tracebacks_are_not_compared() -> None:
    errors = [json.dumps({"type": "E", "message": "no", "traceback": f"line {n}"}) for n in (1, 2)]
    assert texts().is_same_error(*errors)
    assert not texts().is_same_error(errors[0], json.dumps({"type": "E", "message": "yes"}))
    assert not texts().is_same_error(errors[0], None)


def test_damaged_text_is_compared_as_it_stands() -> None:
    assert texts().is_same("{not json", "{not json")
    assert not texts().is_same("{not json", "{nor json")


def test_more_shared_words_are_more_alike() -> None:
    payloads = texts()
    asked, near, far = (payloads.sketch(0, json.dumps(text)) for text in
                        ("what does Team cost", "what does Solo cost", "export all invoices"))  # fmt: skip
    assert likeness(asked, asked) == 1.0
    assert likeness(asked, near) > likeness(asked, far)
    assert likeness(asked, far) == likeness(far, asked)


def test_a_row_has_the_columns_that_are_read() -> None:
    assert SpanRow._fields == COMPARED_COLUMNS
