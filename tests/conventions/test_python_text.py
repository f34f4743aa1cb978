"""What Python writes for a value is read back, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbook.conventions._python_text import parsed_python

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(_values)
def test_what_python_writes_is_read_back(value: Any) -> None:
    assert parsed_python(repr(value)) == value


@pytest.mark.parametrize("text", ["", "open('x')", "[1, f(2)]", "{1, 2}x", "'a' + 'b'", "[" * 5_000, "(1, 2)", "'open"])
def test_anything_else_is_not_read(text: str) -> None:
    assert parsed_python(text) is None
