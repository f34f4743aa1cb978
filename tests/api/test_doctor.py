"""``doctor``: what it finds, and that it always answers."""

from __future__ import annotations

import importlib.metadata
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.api import _runtime
from spanbook.api._doctor import Check, doctor, doctor_text
from spanbook.store import _platform
from tests.tracing import fresh_state


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A store with one trace; what earlier tests made fail is not this process's."""
    fresh_state()
    store = sb.init(store=tmp_path / "store.db", instrument=False)
    with sb.span("a"):
        pass
    sb.flush()
    yield store.path
    fresh_state()


def found(checks: list[Check], name: str) -> Check:
    """The one check of this name."""
    (check,) = (check for check in checks if check.name == name)
    return check


def test_it_works_without_a_store_and_makes_none(tmp_path: Path) -> None:
    """Nothing traced yet is no fault."""
    checks = doctor(tmp_path / "none" / "store.db")
    assert found(checks, "store").is_ok
    assert "not there yet" in found(checks, "store").text
    assert list(tmp_path.iterdir()) == []


def test_a_healthy_store_is_described(path: Path) -> None:
    """Size, counts, schema, mode, journal, redaction, integrations."""
    checks = doctor()
    assert "1 traces, 1 spans" in found(checks, "store").text
    names = [check.name for check in checks]
    for name in ("SQLite", "file system", "free space", "schema", "file mode", "write-ahead log", "journal",
                 "this process", "tracing", "redaction", "openai", "ipykernel", "anywidget", "front end"):  # fmt: skip
        assert name in names
    assert found(checks, "pages").text == "no damage found"
    assert {check.name for check in checks if not check.is_ok} <= {"SQLite"}
    deep = doctor(deep=True)
    assert [found(deep, name).is_ok for name in ("pages and indexes", "content")] == [True, True]


def test_every_warning_has_a_next_step(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And every line begins with ok or warn."""
    path.chmod(0o644)
    sb.init(store=path, redact="off", instrument=False)
    checks = doctor()
    warned = [check for check in checks if not check.is_ok]
    assert {"file mode", "redaction"} <= {check.name for check in warned}
    assert all(check.advice for check in warned)
    lines = doctor_text(checks).splitlines()
    assert all(line.startswith(("ok    ", "warn  ", "      ")) for line in lines)


@pytest.mark.parametrize(
    ("version", "bug"),
    [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 50, 7), False), ((3, 44, 6), False)],
)
def test_the_wal_reset_bug_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], bug: bool
) -> None:
    """By the version of the SQLite in this Python."""
    from spanbook.store import _connection

    monkeypatch.setattr(_connection.has_wal_reset_bug, "__defaults__", (version,))
    assert found(doctor(tmp_path / "store.db"), "SQLite").is_ok is not bug


def test_known_bad_and_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ipykernel 7.0 cannot show live views."""

    def version(name: str) -> str:
        if name == "anywidget":
            raise importlib.metadata.PackageNotFoundError(name)
        return {"ipykernel": "7.0.1"}.get(name, "1.0")

    monkeypatch.setattr(importlib.metadata, "version", version)
    checks = doctor(tmp_path / "store.db")
    assert not found(checks, "ipykernel").is_ok
    assert found(checks, "anywidget").advice == "pip install anywidget"


def test_a_network_file_system_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite cannot lock there, and nothing else is to be had."""
    (tmp_path / "mounts").write_text("1 0 0:1 / / rw - nfs4 host:/ rw\n")
    monkeypatch.setattr(_platform, "MOUNTS", tmp_path / "mounts")
    with pytest.warns(sb.SpanbookWarning, match="file system"):
        checks = doctor(tmp_path / "store.db")
    assert not found(checks, "file system").is_ok


@pytest.mark.parametrize("content", [b"hello" * 500, b""])
def test_a_file_that_is_no_store_is_said(tmp_path: Path, content: bytes) -> None:
    """The other lines are there all the same."""
    path = tmp_path / "store.db"
    path.write_bytes(content)
    checks = doctor(path)
    assert not found(checks, "store").is_ok
    assert found(checks, "journal").is_ok


def test_a_newer_store_is_said(path: Path) -> None:
    """It can only be read."""
    _runtime.reset()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA user_version = 99")
    assert not found(doctor(path), "schema").is_ok


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Before the first trace fails."""
    tmp_path.chmod(0o500)
    check = found(doctor(tmp_path / "store.db"), "store")
    tmp_path.chmod(0o700)
    assert not check.is_ok
