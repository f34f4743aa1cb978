"""What a killed process left is brought in by whoever reads next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.api._doctor import doctor
from spanbook.api._recover import fold_dead_journals
from spanbook.store._owners import journal_root

from .killed import trace_and_kill


def test_finished_and_interrupted_spans_are_read_after_a_kill(tmp_path: Path) -> None:
    """Inputs of what was running too; nothing twice, and no journal stays."""
    path = tmp_path / "store.db"
    trace_and_kill(path)
    assert [check.text[:2] for check in doctor(path) if check.name == "left behind"] == ["1 "]
    assert fold_dead_journals(path) is None
    assert fold_dead_journals(path) is None
    frame = sb.open(path).spans_df()
    assert frame[["name", "status"]].to_numpy().tolist() == [
        ["job", "interrupted"], ["done", "ok"], ["stuck", "interrupted"],
    ]  # fmt: skip
    assert frame["input"].tolist() == ["begin", 1, "what it was asked"]
    assert list(journal_root(path).iterdir()) == []


def test_nothing_left_means_nothing_is_made(tmp_path: Path) -> None:
    """Reading a store must not create one."""
    assert fold_dead_journals(tmp_path / "store.db") is None
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_take_them_is_left_alone(tmp_path: Path) -> None:
    """The journal stays, and why is said."""
    path = tmp_path / "store.db"
    trace_and_kill(path)
    path.write_bytes(b"not a database at all" * 100)
    (path.with_name("store.db-wal")).unlink(missing_ok=True)
    problem = fold_dead_journals(path, timeout=0.3)
    assert problem is not None
    assert "no SQLite file" in problem
    assert len(list(journal_root(path).iterdir())) == 1
    assert path.read_bytes().startswith(b"not a database")


def test_a_store_is_the_same_by_any_of_its_paths(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    trace_and_kill(tmp_path / "link" / "store.db")
    path = tmp_path / "real" / "store.db"
    assert fold_dead_journals(path) is None
    assert set(sb.open(path).spans_df()["status"]) == {"ok", "interrupted"}


_CHANGES = """
import os, sys
import spanbook as sb

def nothing(value):
    return "kept nothing"

sb.init(store=sys.argv[1], redact="secrets", instrument=False)
with sb.span("before", input="before"):
    pass
sb.init(store=sys.argv[1], redact={"callable": nothing}.get(sys.argv[2], sys.argv[2]), instrument=False)
with sb.span("after", input="confidential"):
    pass
os._exit(0)
"""


@pytest.mark.parametrize("policy", ["metadata-only", "callable"])
def test_what_was_given_under_a_changed_policy_is_recovered_under_it(tmp_path: Path, policy: str) -> None:
    """And what came before it, under that of before."""
    path = tmp_path / "store.db"
    subprocess.run([sys.executable, "-c", _CHANGES, str(path), policy], check=True)
    assert fold_dead_journals(path) is None
    before, after = sb.open(path).spans_df()["input"]
    assert before == "before"
    assert "confidential" not in str(after)
