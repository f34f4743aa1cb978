"""``spanbook export``: each form, to standard output and to files."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import spanbook as sb

from .conftest import Run


def test_jsonl_is_one_span_a_line(path: Path, run: Run) -> None:
    """Oldest trace last, as they are listed; each line a whole span."""
    spans = [json.loads(line) for line in run("export", "--all").out.splitlines()]
    assert [span["name"] for span in spans] == ["second", "first", "chat"]
    assert spans[2]["input"] == "hi"


def test_otlp_of_several_traces_is_one_request(path: Path, run: Run) -> None:
    """As an OTLP endpoint takes it."""
    request = json.loads(run("export", "--otlp", "--since", "1h").out)
    spans = [span for resource in request["resourceSpans"] for span in resource["scopeSpans"][0]["spans"]]
    assert [span["name"] for span in spans] == ["second", "first", "chat"]
    assert json.loads(run("export", "--otlp", "--where", "cost_usd > 9").out) == {"resourceSpans": []}


def test_output_goes_to_a_file(path: Path, run: Run, tmp_path: Path) -> None:
    """And nothing to the terminal."""
    target = tmp_path / "spans.jsonl"
    assert run("export", "last", "-o", target).out == ""
    assert json.loads(target.read_text(encoding="utf-8"))["name"] == "second"


def test_an_export_that_fails_leaves_the_file_as_it_was(path: Path, run: Run, tmp_path: Path) -> None:
    """And nothing beside it."""
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / "spans.jsonl"
    target.write_text("of yesterday")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE spans SET tags = '{' WHERE name = 'chat'")  # damage, in the trace that comes last
    assert run("export", "--all", "-o", target).code == 1
    assert [(file.name, file.read_text()) for file in folder.iterdir()] == [("spans.jsonl", "of yesterday")]


def test_plain_takes_the_whole_store_or_some_traces(path: Path, run: Run, tmp_path: Path) -> None:
    """Both are stores again."""
    whole, some = tmp_path / "whole.db", tmp_path / "some.db"
    assert run("export", "--plain", "-o", whole).out == f"{whole}\n"
    assert run("export", "--plain", "--where", 'user_id == "ada"', "-o", some).code == 0
    assert len(sb.open(whole).traces()) == 2
    assert [trace.name for trace in sb.open(some).traces()] == ["first"]
    again = run("export", "--plain", "-o", some)
    assert (again.code, "exists already" in again.err) == (2, True)


def test_html_is_a_page_a_trace(path: Path, run: Run, tmp_path: Path, root: Path) -> None:
    """One file for one, a folder for several."""
    if not (root / "src/spanbook/widgets/static/export.js").exists():
        pytest.skip("the widgets are not built")
    page, folder = tmp_path / "trace.html", tmp_path / "pages"
    assert run("export", "last", "--html", "-o", page).out == f"{page}\n"
    assert "second" in page.read_text(encoding="utf-8")
    assert run("export", "--all", "--html", "-o", folder).code == 0
    assert sorted(p.stem for p in folder.iterdir()) == sorted(t.trace_id for t in sb.open(path).traces())
