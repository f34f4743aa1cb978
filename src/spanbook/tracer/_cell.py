"""Which cell runs: process-wide, since a ContextVar set before a cell would not reach the threads it starts."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from pathlib import Path
from typing import Any, Literal

from ..model import clock
from ..store._segments import UPDATE
from . import _recorder
from ._span import emit

#: At most so many traces of one cell are shown and back-filled; more are stored all the same.
MAX_TRACES = 10_000

#: Cell id -> (hash of its source, when it began) of its last run in this process.
_last_runs: dict[str, tuple[str, int]] = {}
_commit: str | None = None
_commit_of: str | None = None


def begin_cell(*, cell_id: str | None, source: str, notebook: str | None) -> list[str]:
    """Say that a cell starts: its traces carry where they came from. Returns the list that its trace ids go to."""
    cell_hash = hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:16]
    if cell_id is not None:
        _last_runs[cell_id] = (cell_hash, clock.now_ns())
    _recorder.provenance = {
        "process_id": os.getpid(),
        "notebook": notebook,
        "cell_id": cell_id,
        "cell_hash": cell_hash,
        "git_commit": _commit,
    }
    traces: list[str] = []
    _recorder.cell_traces = traces
    return traces


def end_cell(traces: list[str], execution_count: int | None) -> None:
    """Say that the cell has ended, and fill its execution count in: it is not known for certain before."""
    if traces and execution_count is not None:
        emit((UPDATE, list(dict.fromkeys(traces[:MAX_TRACES])), {"execution_count": execution_count}))
    if _recorder.provenance is not None:
        _recorder.provenance = {**_recorder.provenance, "execution_count": execution_count}


def staleness(cell_id: str | None, cell_hash: str | None, start_ns: int) -> Literal["changed", "again"] | None:
    """Say what became of the cell that made a trace: run since with another source, or again with the same.

    None when this process has not run it since: what stands in the notebook but was not run is not known here.
    """
    last = _last_runs.get(cell_id) if cell_id is not None else None
    if last is None or start_ns >= last[1]:
        return None
    return "changed" if cell_hash is not None and cell_hash != last[0] else "again"


def leave_notebook() -> None:
    """Forget the cell: spans are no longer those of a notebook."""
    _recorder.provenance = None
    _recorder.cell_traces = None


def refresh_git_commit(folder: str | None = None) -> threading.Thread:
    """Look up the commit of the work tree in the background ("-dirty" when it has changes) and return the thread."""
    thread = threading.Thread(target=_look_up_commit, args=(folder or os.getcwd(),), name="spanbook-git", daemon=True)
    thread.start()
    return thread


def _look_up_commit(folder: str) -> None:
    global _commit, _commit_of
    commit = _git(folder, "rev-parse", "--short=12", "HEAD")
    if commit:
        changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
        commit += "-dirty" if changes else ""
    _commit, _commit_of = commit or None, folder
    if _recorder.provenance is not None:
        _recorder.provenance = {**_recorder.provenance, "git_commit": _commit}


def _git(folder: str, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 (no shell, fixed arguments)
            ["git", "--no-optional-locks", "-C", folder, *arguments],  # noqa: S607 (git is wherever the user has it)
            capture_output=True, text=True, timeout=5, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def notebook_path(user_names: dict[str, Any]) -> str | None:
    """Return the notebook's path where the front end tells it: VS Code by a name, Jupyter by the environment."""
    named = user_names.get("__vsc_ipynb_file__")
    if isinstance(named, str) and named:
        return _relative(named)
    session = os.environ.get("JPY_SESSION_NAME")
    return _relative(session) if session and session.endswith(".ipynb") else None


def _relative(path: str) -> str:
    """Return the path relative to the working directory when it lies in it: shorter, and tells less."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
