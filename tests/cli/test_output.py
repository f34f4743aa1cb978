"""Printed rows cannot harm the terminal or spreadsheet they end in."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from spanbook.cli._output import csv_lines, json_line, printable, table


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd", "@x", "\tx", "\rx", "\n=x", "\uff1d1"])
def test_csv_texts_are_no_formulas(text: str) -> None:
    """A quote before them; they read back as one field."""
    (_, row) = csv.reader(io.StringIO("".join(csv_lines(["a"], [[text]])), newline=""))
    assert row == [f"'{text}"]


@pytest.mark.parametrize(("value", "field"), [(-5, "-5"), (-1.5, "-1.5"), (None, ""), (b"\x01", "01"), ("a,b", "a,b")])
def test_csv_keeps_numbers_and_plain_text(value: Any, field: str) -> None:
    """A negative number is no formula."""
    (_, row) = csv.reader(io.StringIO("".join(csv_lines(["a"], [[value]]))))
    assert row == [field]


def test_json_has_a_word_for_everything() -> None:
    """Bytes are hex, what is no number is null."""
    value = {"a": float("nan"), "b": b"\xff", "c": [float("inf"), {"d": "ü"}]}
    assert json.loads(json_line(value)) == {"a": None, "b": "ff", "c": [None, {"d": "ü"}]}


def test_tables_are_aligned_and_cut() -> None:
    """Numbers to the right, wide characters counted, long cells cut."""
    assert table(["n", "name"], [[1, "東京"], [None, "x" * 80], [12, "a\x1b[2J"]]).splitlines() == [
        " n  name",
        "──  " + "─" * 60,
        " 1  東京",
        "    " + "x" * 59 + "…",
        "12  a [2J",
    ]


def test_control_characters_are_not_printed() -> None:
    """Neither colours nor reversed writing."""
    assert printable("a\x1b[31mb\u202ec\nd") == "a [31mb c d"
