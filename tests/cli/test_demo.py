"""``spanbook demo``: what it runs, where it traces to, and what it says in the end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import spanbook as sb
from spanbook.cli._quickstart import DemoError, find_notebook, run_notebook, show_traces, store_of


def test_outside_of_a_checkout_the_packaged_program_is_traced(tmp_path: Path) -> None:
    """Offline, into the default store of the folder; trees and next steps are printed."""
    done = subprocess.run(
        [sys.executable, "-m", "spanbook", "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "euros a month is 29" in done.stdout
    assert "✗ lookup_price  tool" in done.stdout
    assert "Everything is in .spanbook/store.db" in done.stdout
    store = sb.open(tmp_path / ".spanbook" / "store.db")
    assert [trace.summary.user_id for trace in store.traces()] == ["grace", "ada", "ada"]
    store.close()


def test_a_notebook_runs_with_a_kernel_of_its_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Without the user's keys, in the notebook's folder; headings and what cells print are shown."""
    code = (
        "import os, pathlib, spanbook as sb\n"
        "with sb.span('in the kernel'): print(os.environ.get('OPENAI_API_KEY'), pathlib.Path.cwd().name)"
    )
    notebook = _notebook(tmp_path / "books" / "small.ipynb", "# A title\n\ntext", code)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-must-not-be-used")
        run_notebook(notebook, tmp_path / "store.db")
    show_traces(tmp_path / "store.db", 0.0, has_lab=True)
    out, err = capfd.readouterr()
    assert out.startswith("A title\n    None books\n")
    assert "✓ in the kernel  " in out
    assert "make lab" in out
    assert err == ""


def test_a_cell_that_fails_is_one_sentence(tmp_path: Path) -> None:
    """Which cell, and how."""
    notebook = _notebook(tmp_path / "bad.ipynb", "# A title", "1 / 0")
    with pytest.raises(DemoError, match=r"^cell 1 of the notebook failed with ZeroDivisionError: division by zero\.$"):
        run_notebook(notebook, tmp_path / "store.db")


def test_only_the_notebook_of_spanbooks_checkout_is_run(tmp_path: Path, root: Path) -> None:
    """Another project's quickstart is its own."""
    folder = tmp_path / "project" / "deep"
    folder.mkdir(parents=True)
    _notebook(tmp_path / "project" / "notebooks" / "quickstart.ipynb", "# Not ours")
    assert find_notebook(folder) is None
    (tmp_path / "project" / "pyproject.toml").write_text('[project]\nname = "other"\n')
    assert find_notebook(folder) is None
    (tmp_path / "project" / "pyproject.toml").write_text('[project]\nname = "spanbook"\n')
    assert find_notebook(folder) == tmp_path / "project" / "notebooks" / "quickstart.ipynb"


def test_the_store_is_where_a_kernel_beside_the_notebook_would_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that ``make lab`` shows the same; what is asked for wins."""
    notebook = tmp_path / "notebooks" / "quickstart.ipynb"
    assert store_of(notebook, None) == tmp_path / "notebooks" / ".spanbook" / "store.db"
    monkeypatch.setenv("SPANBOOK_STORE", str(tmp_path / "mine.db"))
    assert store_of(notebook, None) == tmp_path / "mine.db"
    assert store_of(notebook, str(tmp_path / "other.db")) == tmp_path / "other.db"


def _notebook(path: Path, markdown: str, *cells: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    notebook.cells = [nbformat.v4.new_markdown_cell(markdown), *map(nbformat.v4.new_code_cell, cells)]  # type: ignore[no-untyped-call]
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
    return path
