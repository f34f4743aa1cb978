"""The formatters agree with the table that their TypeScript twin is held to."""

import json
from pathlib import Path

import pytest

from spanbook.model import format as fmt

TABLE = json.loads((Path(__file__).parents[2] / "js" / "test" / "format.json").read_text(encoding="utf-8"))
FUNCTIONS = {
    "duration_ms": fmt.format_duration,
    "cost_usd": fmt.format_money,
    "count": fmt.format_count,
    "bytes": fmt.format_bytes,
}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['fn']}-{row['value']}")
def test_a_number_reads_as_the_shared_table_says(row: dict[str, object]) -> None:
    assert FUNCTIONS[str(row["fn"])](row["value"]) == row["text"]  # type: ignore[arg-type]


@pytest.mark.parametrize("formatter", FUNCTIONS.values())
def test_what_is_not_a_number_reads_as_a_dash(formatter: object) -> None:
    assert callable(formatter)
    assert [formatter(value) for value in (None, float("nan"), float("inf"))] == [fmt.NOTHING] * 3
