"""The extension in a real kernel, run as nbconvert and nbval run notebooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient


def run(cells: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Execute the cells in a new kernel and return each cell's outputs."""
    monkeypatch.setenv("SPANBOOK_STORE", str(folder / "store.db"))
    monkeypatch.setenv("SPANBOOK_JOURNAL", str(folder / "journal"))
    v4: Any = nbformat.v4
    notebook = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True).execute()
    return [cell.outputs for cell in notebook.cells]


def html_of(outputs: list[Any]) -> list[str]:
    return [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]


def test_a_chip_stands_under_a_cell_that_traced_and_under_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = "%load_ext spanbook\nimport spanbook as sb\n"
    first, quiet, traced = run(
        [f"{loads}with sb.span('here'): pass", "1 + 1", "with sb.span('one'): pass"], tmp_path, monkeypatch
    )

    assert html_of(quiet) == []
    for (snapshot,) in (html_of(first), html_of(traced)):
        assert "sb-snap" in snapshot and "1 trace" in snapshot


def test_display_off_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    *_, traced = run(
        ["%load_ext spanbook\nimport spanbook as sb", "%spanbook display off", "with sb.span('one'): pass"],
        tmp_path,
        monkeypatch,
    )
    assert traced == []


def test_a_chip_appears_once_under_a_cell_that_runs_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, traced = run(
        [
            "%load_ext spanbook\nimport spanbook as sb, time",
            "for _ in range(4):\n    with sb.span('step'): time.sleep(0.35)\nprint('done')",
        ],
        tmp_path,
        monkeypatch,
    )
    (snapshot,) = html_of(traced)
    assert "4 traces" in snapshot
    assert "running" not in re.sub("<[^>]+>", "", snapshot.partition("</style>")[2])


def test_the_kernel_loses_nothing_when_it_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import spanbook as sb

    with pytest.raises(Exception, match=r"[Kk]ernel"):
        run(
            [
                "%load_ext spanbook\nimport spanbook as sb, os, signal",
                (
                    "with sb.span('outer', input='what it was given'):\n"
                    "    for n in range(100):\n        with sb.span(f'finished {n}'): pass\n"
                    "    os.kill(os.getpid(), signal.SIGKILL)"
                ),
            ],
            tmp_path,
            monkeypatch,
        )
    from spanbook.api import _runtime

    monkeypatch.setenv("SPANBOOK_JOURNAL", str(tmp_path / "journal"))
    store = sb.init(store=tmp_path / "store.db", instrument=False)
    try:
        store.flush(30)
        trace = store.traces('name == "outer"')[0]
        assert trace.status == "interrupted" and trace.root.input == "what it was given"
        assert sum(span.status == "ok" for span in trace.spans) == 100
    finally:
        _runtime.reset()
