"""``traces_df``, ``scores_df`` and ``sql``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import spanbook as sb
from spanbook.frames import SCORE_FRAME_COLUMNS, TRACE_FRAME_COLUMNS, scores_frame, traces_frame


def _two_traces() -> None:
    call = sb.span("chat", "llm", cost_usd=0.25, usage={"input_tokens": 5, "output_tokens": 1})
    with sb.context(user_id="ada", tags=["a", "b"], metadata={"tier": "pro"}), sb.span("first"), call:
        sb.score("good", True)
    with sb.span("second"):
        sb.score("words", 3.5, comment="few")
        sb.score("verdict", "fine")


def test_traces_come_newest_first_with_their_totals(store: sb.Store) -> None:
    """Columns exactly as promised."""
    _two_traces()
    frame = store.traces_df()
    assert list(frame.columns) == list(TRACE_FRAME_COLUMNS)
    assert frame["name"].tolist() == ["second", "first"]
    line = frame.iloc[1]
    assert (line["n_spans"], line["n_errors"], line["input_tokens"], line["cost_usd"]) == (2, 0, 5, 0.25)
    assert (line["user_id"], line["tags"], line["metadata"]) == ("ada", ["a", "b"], {"tier": "pro"})
    assert (frame["tags"][0], frame["metadata"][0]) == ([], {})
    assert line["duration_ms"] == (line["end"] - line["start"]).total_seconds() * 1000


@pytest.mark.parametrize("method", ["traces_df", "scores_df"])
def test_no_rows_have_the_same_columns_and_dtypes(store: sb.Store, method: str) -> None:
    """Empty results keep everything but rows."""
    read = getattr(store, method)
    with sb.span("warm"):
        pass
    empty = read('name == "nobody"')
    _two_traces()
    pd.testing.assert_series_equal(empty.dtypes, read().dtypes)
    assert len(empty) == 0


def test_every_column_is_documented() -> None:
    """The tables in the docstrings name each."""
    assert [name for name in TRACE_FRAME_COLUMNS if name not in (traces_frame.__doc__ or "")] == []
    assert [name for name in SCORE_FRAME_COLUMNS if name not in (scores_frame.__doc__ or "")] == []


def test_traces_can_be_filtered_and_limited(store: sb.Store) -> None:
    """The filter is on traces."""
    _two_traces()
    assert store.traces_df('any(s.kind == "llm" for s in spans)')["name"].tolist() == ["first"]
    assert store.traces_df(limit=1)["name"].tolist() == ["second"]
    assert store.traces("cost_usd > 0.1").to_frame()["name"].tolist() == ["first"]


@pytest.mark.parametrize("limit", [-1, "3", 2.0, True])
def test_a_limit_that_is_no_number_of_rows_is_refused(store: sb.Store, limit: Any) -> None:
    for read in (store.traces, store.traces_df, store.spans_df, store.scores_df):
        with pytest.raises(sb.UsageError, match="is no number of rows"):
            read(limit=limit)


def test_numpys_numbers_huge_ones_and_none_are_limits(store: sb.Store) -> None:
    _two_traces()
    limits: list[Any] = [np.int64(1), 10**30, None]
    assert [len(store.traces_df(limit=limit)) for limit in limits] == [1, 2, 2]
    assert len(store.traces(limit=None)) == 2


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('"n" in metadata', True),
        ('"m" not in metadata', True),
        ('1 in output["l"]', True),
        ('2 in output["l"]', False),
        ('"x" in output["l"]', True),
        ('1 not in output["l"]', False),
    ],
)
def test_in_means_what_it_means_in_python(store: sb.Store, condition: str, holds: bool) -> None:
    """A key whose value is None is there, and so is a number in a list of a payload."""
    with sb.span("s", metadata={"n": None}, output={"l": [1, "x"]}):
        pass
    assert len(store.spans_df(condition)) == holds


def test_a_trace_that_runs_has_no_end_yet(store: sb.Store) -> None:
    """Whatever of it has ended: in frames, filters, SQL and summaries."""
    with sb.span("agent"):
        with sb.span("done"):
            pass
        with sb.span("hangs"):
            sb.flush()
            line = store.traces_df().iloc[0]
            assert line["status"] == "open"
            assert pd.isna(line["duration_ms"])
            assert pd.isna(line["end"])
            found = store.traces("duration_ms is None and end is None and end_ns is None")
            assert len(found) == 1
            assert (found[0].duration_ms, found[0].summary.end_ns) == (None, None)
            assert len(store.traces("duration_ms < 1e9")) == 0
            assert store.sql("SELECT duration_ms, end_ns FROM trace_view").iloc[0].isna().all()
    assert store.traces_df()["duration_ms"][0] > 0


def test_scores_keep_their_type_and_have_a_number(store: sb.Store) -> None:
    """Bool, number and label; oldest first."""
    _two_traces()
    frame = store.scores_df()
    assert list(frame.columns) == list(SCORE_FRAME_COLUMNS)
    assert frame["value"].tolist() == [True, 3.5, "fine"]
    assert frame["value"][0] is True
    assert frame["number"].tolist()[:2] == [1.0, 3.5]
    assert pd.isna(frame["number"][2])
    assert frame["comment"][1] == "few"
    assert frame["created"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("where", "names"),
    [('name == "good"', ["good"]), ("value > 1", ["words"]), ("value == True", ["good"]), ('source == "llm"', [])],
)
def test_scores_are_filtered_by_their_own_fields(store: sb.Store, where: str, names: list[str]) -> None:
    """A row of ``scores_df`` is a score."""
    _two_traces()
    assert store.scores_df(where)["name"].tolist() == names


@pytest.mark.parametrize("where", ["value >", "nonsense == 1", "x" * 5000, "(" * 60])
def test_bad_filters_of_scores_are_refused_in_our_words(store: sb.Store, where: str) -> None:
    """Never by the parser."""
    with sb.span("a"):
        pass
    with pytest.raises(sb.FilterError):
        store.scores_df(where)


@pytest.mark.parametrize(
    ("query", "dtypes"),
    [
        (
            "SELECT 1 AS a, 2.5 AS b, 'x' AS c, NULL AS d, x'00' AS e",
            ["int64", "float64", "string", "object", "object"],
        ),
        ("SELECT 1 AS a UNION ALL SELECT NULL", ["Int64"]),
        ("SELECT 1 AS a UNION ALL SELECT 2.5", ["float64"]),
        ("SELECT 'x' AS a UNION ALL SELECT NULL", ["string"]),
        ("SELECT -9223372036854775808 AS a UNION ALL SELECT NULL", ["Int64"]),
        ("SELECT name, start_ns FROM spans WHERE 0", ["object", "object"]),
    ],
)
def test_sql_gives_dtypes_that_suit_the_values(store: sb.Store, query: str, dtypes: list[str]) -> None:
    """Integers stay integers, also beside NULL."""
    with sb.span("a"):
        pass
    assert [str(dtype) for dtype in store.sql(query).dtypes] == dtypes


def test_sql_columns_may_have_one_name(store: sb.Store) -> None:
    """As SQL allows."""
    with sb.span("a"):
        pass
    frame = store.sql("SELECT 1 AS a, 2 AS a")
    assert (list(frame.columns), frame.iloc[0].tolist()) == (["a", "a"], [1, 2])


@pytest.mark.parametrize("query", ["DELETE FROM spans", "SELECT ?", "SELECT zzz FROM spans"])
def test_sql_that_does_not_read_is_refused(store: sb.Store, query: str) -> None:
    """In one sentence of ours."""
    with sb.span("a"):
        pass
    with pytest.raises(sb.QueryError):
        store.sql(query)
