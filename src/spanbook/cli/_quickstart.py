"""``spanbook demo``: the quickstart notebook where there is a checkout, else the same idea as a small program."""

from __future__ import annotations

import os
import tomllib
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import spanbook as sb

from ..model import SpanbookError, clock
from ._commands import heading, open_store
from ._output import printable, width

if TYPE_CHECKING:
    import nbformat
    from nbclient import NotebookClient

#: The demo must never spend somebody's money: the notebook uses a real provider where it finds a key.
_KEYS: Final = ("OPENAI_", "AZURE_OPENAI_", "ANTHROPIC_")
_MODEL: Final = "offline model (scripted rules, not a model)"
_CELL_TIMEOUT_S: Final = 120
_SHOWN: Final = 3


class DemoError(SpanbookError):
    """A cell of the demo failed."""


def demo(given: Namespace) -> int:
    """Trace a small assistant into the store and show what was traced."""
    notebook = find_notebook(Path.cwd())
    began = clock.now_ns() / 1e9  # seconds, as `since` takes numbers
    if notebook is not None and find_spec("nbclient") is not None:
        path = store_of(notebook, given.store)
        print(f"Running {notebook.relative_to(notebook.parents[1])} with the {_MODEL}.\n")
        run_notebook(notebook, path)
    else:
        path = store_of(None, given.store)
        print(f"Running a small assistant with the {_MODEL}.\n")
        run_program(path)
    show_traces(path, began, has_lab=notebook is not None)
    return 0


def find_notebook(folder: Path) -> Path | None:
    """Return the quickstart of the spanbook checkout that ``folder`` is in, None outside of one."""
    for place in (folder, *folder.parents):
        notebook = place / "notebooks" / "quickstart.ipynb"
        if notebook.is_file() and _is_checkout(place):
            return notebook
    return None


def _is_checkout(folder: Path) -> bool:
    """Whether it is spanbook's own: no other project's notebook is run because it happens to have that name."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(project.get("project", {}).get("name") == "spanbook")


def store_of(notebook: Path | None, given: str | None) -> Path:
    """Return the store to trace into: the one asked for, else where a kernel started beside the notebook puts it."""
    from ..api._runtime import DEFAULT_STORE, store_path

    if given is None and "SPANBOOK_STORE" not in os.environ and notebook is not None:
        return store_path(notebook.parent / DEFAULT_STORE)
    return store_path(given)


# -- the notebook


def run_notebook(path: Path, store: Path) -> None:
    """Execute a notebook with a kernel of this environment, and print its headings and what its cells print.

    Raises:
        DemoError: a cell failed.
    """
    import nbformat
    from nbclient import NotebookClient

    environment = {name: value for name, value in os.environ.items() if not name.startswith(_KEYS)}
    environment["SPANBOOK_STORE"] = str(store)
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook,
        timeout=_CELL_TIMEOUT_S,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=40"],  # errors only
    )
    with client.setup_kernel(env=environment):
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type == "markdown":
                _print_headings(cell.source)
            elif cell.cell_type == "code":
                _run_cell(client, cell, number)


def _run_cell(client: NotebookClient, cell: nbformat.NotebookNode, number: int) -> None:
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    try:
        client.execute_cell(cell, number)
    except CellExecutionError as error:
        what = printable(f"{error.ename}: {error.evalue}").rstrip(": ")
        raise DemoError(f"cell {number} of the notebook failed with {what}.") from error
    except CellTimeoutError as error:
        raise DemoError(f"cell {number} did not end within {_CELL_TIMEOUT_S} s.") from error
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stdout":
            _print_indented(output.text)


def _print_headings(text: str) -> None:
    for line in text.splitlines():
        if line.startswith("#"):
            print(line.lstrip("#").strip(), flush=True)


def _print_indented(text: str) -> None:
    for line in text.splitlines():
        clean = "".join(c if c.isprintable() else " " for c in line)
        print(f"    {clean}", flush=True)


# -- the program


def run_program(store: Path) -> None:
    """Run the packaged assistant in this process."""
    from ._assistant import converse

    sb.init(store, display="off")
    with sb.offline.start() as model:
        for question, answer in converse(model.client()):
            print(f"    {question}\n      {printable(answer)}", flush=True)
    sb.flush()


# -- what was traced


def show_traces(path: Path, began: float, *, has_lab: bool) -> None:
    """Print the last traces as trees, and where to go on."""
    traces = open_store(str(path)).traces(since=began, limit=_SHOWN)
    if not traces:
        raise DemoError("nothing was traced; `spanbook doctor` may say why.")
    print("\nThe last traces:\n")
    for trace in reversed(list(traces)):
        print(f"{heading(trace)}\n{trace.to_text(width=width())}\n")
    where = "" if path == _default() else f" --store {_shown(path)}"
    steps = [
        (f"spanbook{where} ls", "lists all traces"),
        (f"spanbook{where} show {traces[0].trace_id}", "prints one as a tree"),
        ("make lab", "opens the same in JupyterLab: a live trace under each cell")
        if has_lab
        else ("jupyter lab", "and there, in a notebook: %load_ext spanbook"),
    ]
    wide = max(len(step) for step, _ in steps)
    print(f"Everything is in {_shown(path)}. Next:")
    for step, text in steps:
        print(f"  {step:{wide}}  {text}")


def _default() -> Path:
    from ..api._runtime import store_path

    return store_path(None)


def _shown(path: Path) -> str:
    """Return the path as it can be typed here."""
    import shlex

    try:
        return shlex.quote(str(path.relative_to(Path.cwd())))
    except ValueError:
        return shlex.quote(str(path))
