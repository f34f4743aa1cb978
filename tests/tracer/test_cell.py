"""Where a trace came from: the cell that ran, also for the threads it started."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.tracer import _cell, _recorder
from tests.tracing import Tracing


@pytest.fixture(autouse=True)
def _no_cell() -> Iterator[None]:
    yield
    _recorder.provenance = _recorder.cell_traces = None
    _cell._commit = None


def test_root_spans_of_a_cell_carry_it(tracing: Tracing) -> None:
    """Threads too; the execution count is filled in when the cell has ended."""
    traces = _cell.begin_cell(cell_id="abc", source="work()", notebook="demo.ipynb")

    def thread() -> None:
        with sb.span("in thread"):
            pass

    with sb.span("root"), sb.span("child"):
        worker = threading.Thread(target=thread)
        worker.start()
        worker.join()
    _cell.end_cell(traces, 7)
    spans = {span.name: span.provenance for span in tracing.spans()}
    for name in ("root", "in thread"):
        found = spans[name]
        assert (found.notebook, found.cell_id, found.execution_count) == ("demo.ipynb", "abc", 7)
        assert found.cell_hash is not None
        assert len(found.cell_hash) == 16
    assert spans["child"].cell_id is None
    assert {trace.trace_id for trace in tracing.store.traces()} == set(traces)
    assert {trace.summary.provenance.execution_count for trace in tracing.store.traces()} == {7}


def test_what_runs_after_the_cell_is_still_of_it(tracing: Tracing) -> None:
    """A thread that goes on; until the next cell begins."""
    traces = _cell.begin_cell(cell_id="one", source="1", notebook=None)
    _cell.end_cell(traces, 1)
    with sb.span("late"):
        pass
    _cell.end_cell(_cell.begin_cell(cell_id="two", source="2", notebook=None), 2)
    with sb.span("later"):
        pass
    found = {span.name: span.provenance for span in tracing.spans()}
    assert (found["late"].cell_id, found["late"].execution_count) == ("one", 1)
    assert (found["later"].cell_id, found["later"].execution_count) == ("two", 2)


def test_equal_source_has_an_equal_hash(tracing: Tracing) -> None:
    """Also with text that UTF-8 cannot carry."""
    for source in ("a = 1", "a = 1", "a = '\ud800'"):
        _cell.begin_cell(cell_id=None, source=source, notebook=None)
        with sb.span("s"):
            pass
    first, second, third = (span.provenance.cell_hash for span in tracing.spans())
    assert first == second != third


def test_outside_of_notebooks_only_the_process_is_known(tracing: Tracing) -> None:
    """And again after leaving one."""
    _cell.begin_cell(cell_id="one", source="1", notebook="n.ipynb")
    _cell.leave_notebook()
    with sb.span("s"):
        pass
    found = tracing.span("s").provenance
    assert (found.notebook, found.cell_id, found.cell_hash) == (None, None, None)
    assert found.process_id is not None


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder as nobody in particular."""
    who = ("-c", "user.name=n", "-c", "user.email=e@example.invalid")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_of_the_work_tree_is_looked_up_in_the_background(tracing: Tracing, tmp_path: Path) -> None:
    """Changes to tracked files make it dirty; outside of git there is none."""
    work = tmp_path / "work"
    work.mkdir()
    _cell.refresh_git_commit(str(work)).join()
    assert _cell._commit is None or tmp_path.is_relative_to(Path.cwd())
    git(work, "init", "-q")
    (work / "a").write_text("1")
    git(work, "add", "a")
    git(work, "commit", "-qm", "first")
    head = git(work, "rev-parse", "--short=12", "HEAD")
    _cell.begin_cell(cell_id=None, source="", notebook=None)
    _cell.refresh_git_commit(str(work)).join()
    with sb.span("clean"):
        pass
    (work / "a").write_text("2")
    _cell.refresh_git_commit(str(work)).join()
    with sb.span("dirty"):
        pass
    assert [span.provenance.git_commit for span in tracing.spans()] == [head, f"{head}-dirty"]


def test_the_notebook_is_named_by_the_front_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """VS Code by a name in the user's namespace, Jupyter by the environment; relative where it lies below."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert _cell.notebook_path({}) is None
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "a" / "demo.ipynb"))
    assert _cell.notebook_path({}) == str(Path("a") / "demo.ipynb")
    assert _cell.notebook_path({"__vsc_ipynb_file__": "/elsewhere/x.ipynb"}) == "/elsewhere/x.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", "console-1")
    assert _cell.notebook_path({}) is None
