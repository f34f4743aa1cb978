"""The trace table from Python: what it shows, what is set and read, what a page asks it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

import spanbook as sb
from spanbook.frames import listed_frame
from spanbook.widgets import TraceTable, _export
from tests.widgets.page import CapturedTable, wait_for


def work(n: int = 6) -> None:
    """Traces of two users, three sessions and two models; every third fails."""
    for at in range(n):
        with (
            sb.context(user_id=f"user {at % 2}", session_id=f"session {at % 3}", tags=["even"] if at % 2 == 0 else []),
            sb.span(f"ask {at}"),
        ):
            try:
                with sb.span("call", kind="llm", model=f"model-{at % 2}", provider="openai") as call:
                    call.set(usage={"input_tokens": 100 * (at + 1), "output_tokens": 10})
                    if at % 3 == 0:
                        raise TimeoutError("slow")
            except TimeoutError:
                pass
    sb.flush()


def table(store: sb.Store, where: str | None = None, **given: Any) -> CapturedTable:
    return CapturedTable(store._reader, where, frame=listed_frame, **given)


def ask(widget: TraceTable, method: str, **params: Any) -> Any:
    return widget._answer(method, params)[0]


def names(widget: TraceTable) -> list[str]:
    return [row["name"] for row in ask(widget, "window", offset=0, limit=100)["rows"]]


def test_traces_show_a_table(store: sb.Store) -> None:
    work()
    widget = store.traces('user_id == "user 0"', limit=2).view()
    assert isinstance(widget, TraceTable)
    assert names(widget) == ["ask 4", "ask 2"]
    assert (widget.filter, widget.sort, widget.limit) == ('user_id == "user 0"', "-start", 2)
    assert repr(widget) == "<TraceTable of 2 traces>"
    assert str(widget).startswith("2 traces · ")
    assert "<details open>" in widget._repr_html_()


def test_an_empty_table_says_so(store: sb.Store) -> None:
    sb.flush()
    work(0)
    with sb.span("one"):
        pass
    widget = store.traces('name == "none"').view()
    assert str(widget).startswith("0 traces")
    assert widget.selected_df.empty and widget.to_frame().empty
    assert ask(widget, "facets")["facets"] == []


def test_every_column_sorts_both_ways(store: sb.Store) -> None:
    work(2)
    widget = table(store)
    for column in widget._head["all_columns"]:
        for sort in (column, f"-{column}"):
            widget.sort = sort
            assert len(names(widget)) == 2, sort


def test_missing_values_come_last_both_ways(store: sb.Store) -> None:
    work(3)
    with sb.span("no tokens"):
        pass
    sb.flush()
    widget = table(store)
    widget.sort = "total_tokens"
    assert names(widget) == ["ask 0", "ask 1", "ask 2", "no tokens"]
    widget.sort = "-total_tokens"
    assert names(widget) == ["ask 2", "ask 1", "ask 0", "no tokens"]
    assert widget.trace_ids == list(widget.to_frame()["trace_id"])


def test_windows_are_slices_of_one_order(store: sb.Store) -> None:
    work(7)
    widget = table(store)
    found = [row["name"] for at in (0, 3, 6) for row in ask(widget, "window", offset=at, limit=3)["rows"]]
    assert found == [f"ask {at}" for at in reversed(range(7))]
    assert len(ask(widget, "window", offset=0, limit=10_000)["rows"]) == 7
    assert ask(widget, "window", offset=50, limit=3)["rows"] == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("filter", "kin == 1", "kin"),
        ("filter", 5, "None for all"),
        ("sort", "costs", "-cost_usd"),
        ("sort", None, "give one of"),
        ("columns", ["name", "costs"], "'costs'"),
        ("columns", "name", "give a list"),
        ("columns", [], "shows nothing"),
        ("limit", -1, "None for all"),
        ("selected", "abc", "a list of trace ids"),
        ("selected", [1], "no text"),
        ("selected", ["abc"], "no trace 'abc'"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(store: sb.Store, name: str, value: Any, said: str) -> None:
    work(2)
    widget = table(store)
    before = (widget.filter, widget.sort, widget.columns, widget.limit, widget.selected, names(widget))
    with pytest.raises(sb.SpanbookError, match=said):
        setattr(widget, name, value)
    assert before == (widget.filter, widget.sort, widget.columns, widget.limit, widget.selected, names(widget))


def test_selection_is_read_and_set_from_python(store: sb.Store) -> None:
    work()
    widget = table(store)
    ids = widget.trace_ids
    widget.selected = [ids[2], ids[0], ids[2]]
    assert widget.selected == [ids[2], ids[0]]
    assert list(widget.selected_df["name"]) == ["ask 3", "ask 5"]
    assert widget.updates()[-1]["_selected"] == [ids[2], ids[0]]
    assert list(widget.selected_df.columns) == list(sb.traces_df().columns)


def test_the_page_selects_ranges(store: sb.Store) -> None:
    work()
    widget = table(store)
    ids = widget.trace_ids
    rev = widget._head["rev"]
    ask(widget, "pick", **{"from": 3, "to": 1, "on": True, "rev": rev})
    assert widget.selected == ids[1:4]
    ask(widget, "pick", **{"from": 2, "to": 2, "on": False, "rev": rev})
    assert widget.selected == [ids[1], ids[3]]
    with pytest.raises(LookupError, match="changed since"):
        ask(widget, "pick", **{"from": 2, "to": 2, "on": False, "rev": rev - 1})


def test_a_filter_that_is_written_is_completed_and_checked(store: sb.Store) -> None:
    work(2)
    widget = table(store)
    found = ask(widget, "complete", query="user_id == ", at=11)
    assert [each["text"] for each in found["items"]][:2] == ['"user 0"', '"user 1"']
    assert found["error"]["unfinished"]
    error = ask(widget, "set", filter="n_spans > costs")["error"]
    assert (error["at"], error["length"], widget.filter) == (10, 5, None)


def test_facets_count_and_narrow(store: sb.Store) -> None:
    work()
    widget = table(store)
    found = {facet["name"]: facet["values"] for facet in ask(widget, "facets")["facets"]}
    assert [(each["value"], each["count"]) for each in found["model"]] == [("model-0", 3), ("model-1", 3)]
    assert [(each["value"], each["count"]) for each in found["error_type"]] == [("TimeoutError", 2)]
    assert [(each["value"], each["count"]) for each in found["tags"]] == [("even", 3)]
    assert [(each["value"], each["count"]) for each in found["has_error"]] == [
        ("without errors", 4),
        ("with errors", 2),
    ]
    for values in list(found.values()):
        for each in values:
            ask(widget, "toggle", term=each["term"])
            assert len(widget) == each["count"], each
            again = [one for facet in ask(widget, "facets")["facets"] for one in facet["values"]]
            assert [one["term"] for one in again if one["is_on"]] == [each["term"]]
            ask(widget, "toggle", term=each["term"])
            assert widget.filter is None


def test_facets_keep_what_the_filter_says(store: sb.Store) -> None:
    work()
    widget = table(store, 'name == "ask 0" or name == "ask 1"')
    (first,) = [f["values"][0] for f in ask(widget, "facets")["facets"] if f["name"] == "user_id"]
    ask(widget, "toggle", term=first["term"])
    assert widget.filter == '(name == "ask 0" or name == "ask 1") and user_id == "user 0"'
    assert names(widget) == ["ask 0"]
    (first,) = [f["values"][0] for f in ask(widget, "facets")["facets"] if f["name"] == "user_id"]
    assert first["is_on"]
    ask(widget, "toggle", term=first["term"])
    assert widget.filter == '(name == "ask 0" or name == "ask 1")'


def test_facets_read_before_the_filter_changed_change_the_one_there_is(store: sb.Store) -> None:
    """Whoever clicks before the new counts are there loses nothing."""
    work()
    widget = table(store)
    terms = {facet["name"]: facet["values"][0]["term"] for facet in ask(widget, "facets")["facets"]}
    ask(widget, "toggle", term=terms["user_id"])
    ask(widget, "toggle", term=terms["has_error"])
    assert widget.filter == f"{terms['user_id']} and {terms['has_error']}"
    ask(widget, "toggle", term=terms["user_id"])
    assert widget.filter == terms["has_error"]


def test_the_first_window_does_not_wait_for_the_order_of_all(store: sb.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does anything in Python see that only the first were read."""
    monkeypatch.setattr("spanbook.widgets.table._FIRST", 3)
    work(6)
    widget = table(store)
    assert widget._head["is_partial"] and widget._head["n"] == 3
    ask(widget, "pick", **{"from": 0, "to": None, "on": True, "rev": 1})
    assert len(widget.selected) == 6
    widget.sort = "name"
    assert widget._head["is_partial"]
    ask(widget, "rest")
    assert (widget._head["is_partial"], widget._head["n"]) == (False, 6)
    widget.sort = "-name"
    assert len(widget) == len(widget.trace_ids) == 6
    assert names(widget)[5] == "ask 0"


def test_what_is_written_before_the_rest_is_read_moves_the_rows(
    store: sb.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spanbook.widgets.table._FIRST", 2)
    work(3)
    widget = table(store)
    rev = widget._head["rev"]
    with sb.span("newest"):
        pass
    sb.flush()
    ask(widget, "rest")
    assert (widget._head["rev"], names(widget)[0]) == (rev + 1, "newest")


def test_facets_of_a_sample_say_how_many_were_counted(store: sb.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    work(6)
    monkeypatch.setattr("spanbook.store._listing._IDS_AT_ONCE", 2)
    monkeypatch.setattr("spanbook.widgets.table._COUNT_S", 0)
    widget = table(store)
    assert ask(widget, "facets")["n_counted"] == 2
    assert ask(widget, "facets", all=True)["n_counted"] == 6


@pytest.mark.parametrize("user", ['"', "\\", "' or 1 == 1 or '", "über 🙂", "a\nb", "{}", "x" * 300])
def test_any_value_can_be_asked_for_by_a_facet(store: sb.Store, user: str) -> None:
    with sb.context(user_id=user), sb.span("one"):
        pass
    work(1)
    widget = table(store)
    values = next(f["values"] for f in ask(widget, "facets")["facets"] if f["name"] == "user_id")
    wanted = next(each for each in values if each["value"] != "user 0")
    ask(widget, "toggle", term=wanted["term"])
    assert names(widget) == ["one"]


def test_a_session_is_shown_oldest_first(store: sb.Store) -> None:
    work()
    widget = table(store, limit=2)
    ask(widget, "session", of=widget.trace_ids[0])
    assert (names(widget), widget.sort, widget.filter) == (["ask 2", "ask 5"], "start", 'session_id == "session 2"')
    with sb.span("alone") as alone:
        pass
    sb.flush()
    with pytest.raises(LookupError, match="no session"):
        ask(widget, "session", of=alone.trace_id)


def test_new_traces_are_counted_and_come_when_asked_for(store: sb.Store) -> None:
    work(2)
    widget = table(store, 'name.startswith("ask")')
    with sb.span("other"):
        pass
    work(3)
    wait_for(lambda: widget.get_state()["_head"]["n_new"] == 3)
    assert len(widget) == 2
    assert [message["kind"] for message, _ in widget.messages()][-1] == "traces"
    ask(widget, "refresh")
    assert (len(widget), widget._head["n_new"]) == (5, 0)


def test_a_trace_that_is_shown_while_it_runs_is_followed(store: sb.Store) -> None:
    with sb.span("long"):
        sb.flush()
        widget = table(store)
        assert ask(widget, "window", offset=0, limit=1)["rows"][0]["status"] == "open"
    sb.flush()
    wait_for(lambda: any(row["status"] == "ok" for message, _ in widget.messages() for row in message.get("rows", ())))


def test_a_trace_that_runs_has_no_time_yet_and_is_sorted_last(store: sb.Store) -> None:
    work(1)
    with sb.span("long"):
        with sb.span("ended"):
            pass
        sb.flush()
        widget = table(store)
        ask(widget, "set", sort="duration_ms")
        rows = ask(widget, "window", offset=0, limit=2)["rows"]
        assert [(row["name"], row["duration_ms"] is None) for row in rows] == [("ask 0", False), ("long", True)]


def test_a_trace_opens_in_it(store: sb.Store) -> None:
    work(1)
    widget = table(store)
    (trace_id,) = widget.trace_ids
    meta, (cols,) = widget._answer("load", {"trace": trace_id})
    assert meta["summary"]["name"] == "ask 0" and cols
    assert ask(widget, "detail", trace=trace_id, row=0)
    with pytest.raises(LookupError, match="no trace 'zz'"):
        ask(widget, "load", trace="zz")
    with pytest.raises(LookupError, match="answers no request 'fly'"):
        ask(widget, "fly")


def test_two_traces_are_compared_in_it(store: sb.Store) -> None:
    work(2)
    widget = table(store)
    ids = widget.trace_ids
    with pytest.raises(LookupError, match="select two"):
        ask(widget, "pair")
    widget.selected = ids
    pair = ask(widget, "pair")["pair"]
    assert pair == ids[::-1]
    meta, (data,) = widget._answer("load", {"compare": pair})
    assert meta["v"] == 1 and data
    assert ask(widget, "detail", compare=pair, row=1)["a"]["span"]["name"] == "call"


def test_a_file_holds_the_table_as_it_is_shown(store: sb.Store, tmp_path: Path) -> None:
    work(3)
    widget = table(store, 'user_id == "user 0"')
    widget.columns, widget.sort = ["name", "total_tokens"], "name"
    page = widget.export_html(tmp_path / "traces.html", traces=1).read_text(encoding="utf-8")
    found = re.search(r"data-spanbook-traces>(.*?)</script>", page)
    data = json.loads(found[1] if found else "")
    assert [row["name"] for row in data["rows"]] == ["ask 0", "ask 2"]
    assert (data["head"]["columns"], data["head"]["filter"]) == (["name", "total_tokens"], 'user_id == "user 0"')
    assert list(data["traces"]) == widget.trace_ids[:1]
    assert "Only the first trace can be opened in this file." in page
    with pytest.raises(sb.UsageError, match="is a folder"):
        widget.export_html(tmp_path)
    with pytest.raises(sb.UsageError, match="no number of traces"):
        widget.export_html(tmp_path / "x.html", traces=-1)


def test_the_traces_of_a_file_share_its_room(store: sb.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        with sb.span("ask", input="hello"):
            pass
    sb.flush()
    monkeypatch.setattr(_export, "MAX_TEXT", 1)
    page = table(store).export_html(tmp_path / "traces.html").read_text(encoding="utf-8")
    assert "Only the first trace can be opened in this file." in page


def test_csv_has_the_columns_shown_and_no_formula(store: sb.Store, tmp_path: Path) -> None:
    for name in ("=1+1", "@a", "-b", "+c", "\td", "plain, with comma"):
        with sb.context(tags=["=x", "y"]), sb.span(name):
            pass
    sb.flush()
    widget = table(store)
    widget.columns, widget.sort = ["name", "n_spans", "tags", "cost_usd"], "start"
    path = widget.to_csv(tmp_path / "traces.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["name", "n_spans", "tags", "cost_usd"]
    assert [row[0] for row in rows[1:]] == ["'=1+1", "'@a", "'-b", "'+c", "'\td", "plain, with comma"]
    assert rows[1][1:] == ["1", "'=x, y", ""]
    with pytest.raises(sb.UsageError, match="cannot be written"):
        widget.to_csv(tmp_path)
