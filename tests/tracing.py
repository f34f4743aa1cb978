"""What tests of real tracing share: a store of their own, programs in processes of their own, plain SQL."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import spanbook as sb
from spanbook.api import _runtime
from spanbook.api._runtime import Runtime
from spanbook.model import Span
from spanbook.tracer import _recorder, _report, _span


@contextmanager
def tracing_into(path: Path, **options: Any) -> Iterator[sb.Store]:
    """Trace into a new store; at the end every widget is closed, and nothing is traced any more."""
    yield sb.init(path, instrument=False, **options)
    import ipywidgets

    ipywidgets.Widget.close_all()
    _runtime.reset()


class Tracing:
    """Where a test traces to, and what it reads back."""

    def __init__(self, store: sb.Store) -> None:
        self.store, self.path = store, store.path

    @property
    def runtime(self) -> Runtime:
        """The machinery behind it."""
        return _runtime.active()

    def spans(self) -> list[Span]:
        """All spans, in order of start; what has ended, and only that, is complete."""
        assert sb.flush()
        found = [span for trace in self.store.traces(limit=100_000) for span in trace.spans]
        return sorted(found, key=lambda span: (span.start_ns, span.span_id))

    def span(self, name: str) -> Span:
        """The one span of this name."""
        (found,) = [span for span in self.spans() if span.name == name]
        return found

    def tree(self) -> dict[str, str | None]:
        """Name of each span → name of its parent; names must be distinct."""
        spans = self.spans()
        names = {span.span_id: span.name for span in spans}
        assert len(set(names.values())) == len(spans), names
        return {span.name: None if span.parent_id is None else names[span.parent_id] for span in spans}


def fresh_state() -> None:
    """Undo what ``sb.init`` and failures leave behind for the rest of the process."""
    _runtime.reset()
    _recorder.enabled, _recorder.sample, _recorder.last_trace = True, 1.0, ""
    _recorder.set_base_context({})
    _span.set_early_redactor(None)
    _report.forget_said()
    _report.errors.clear()


@pytest.fixture
def tracing(tmp_path: Path) -> Iterator[Tracing]:
    """Trace into a store of the test's own; no span may stay current, and nothing of tracing may fail."""
    fresh_state()
    yield Tracing(sb.init(store=tmp_path / "store.db", instrument=False))
    assert sb.current() is None
    assert sb.stats()["failures"] == {}
    fresh_state()


@pytest.fixture
def untraced() -> Iterator[None]:
    """No tracing yet; whatever the test starts is ended."""
    fresh_state()
    yield
    fresh_state()


def rows(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Read a store file the way any SQLite tool would."""
    with closing(sqlite3.connect(path, timeout=10)) as db:
        return db.execute(sql, values).fetchall()


def environment(folder: Path) -> dict[str, str]:
    """The environment of a process that traces into ``folder/store.db``."""
    ours = {"SPANBOOK_STORE": str(folder / "store.db"), "SPANBOOK_JOURNAL": str(folder / "journal")}
    return {**os.environ, **ours}


def run(
    program: str, folder: Path, *arguments: str, options: tuple[str, ...] = (), **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a program in a Python of its own to its end; ``folder`` is its working directory and holds its store."""
    return subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(program), *arguments],
        cwd=folder, env={**environment(folder), **more}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def start(program: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a program in a Python of its own, its output a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
    )  # fmt: skip


def journals(folder: Path) -> list[Path]:
    """The journal folders that are left below ``folder``."""
    return [path.parent for path in folder.rglob("owner.json")]
