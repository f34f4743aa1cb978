"""Opening store files: ours are made private, others' are left alone."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from spanbook.model import NewerStoreError, NotAStoreError, StoreError
from spanbook.store import _schema
from spanbook.store._connection import (
    create_if_missing,
    has_wal_reset_bug,
    open_reader,
    open_writer,
    retry_locked,
)


def mode_of(path: Path) -> int:
    """Permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_store_is_private_from_its_first_byte(tmp_path: Path) -> None:
    """0600, its log too; the folder that we make is 0700 and ignored by git."""
    path = tmp_path / ".spanbook" / "store.db"
    with closing(open_writer(path)) as db:
        db.execute("CREATE TABLE mine(x)")
        assert {mode_of(file) for file in path.parent.glob("store.db*")} == {0o600}
        assert len(list(path.parent.glob("store.db*"))) == 3
    assert mode_of(path.parent) == 0o700
    assert (path.parent / ".gitignore").read_text() == "*\n"


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    """Its application id and schema version are SQLite's own fields; nothing in it needs our code."""
    path = tmp_path / "store.db"
    open_writer(path).close()
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA application_id").fetchone() == (_schema.APPLICATION_ID,)
        assert plain.execute("PRAGMA user_version").fetchone() == (_schema.VERSION,)
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert {row[0] for row in plain.execute("SELECT DISTINCT type FROM sqlite_master")} == {"table", "index"}
        assert plain.execute("SELECT count(*) FROM traces").fetchone() == (0,)


def test_a_log_that_belonged_to_another_file_is_moved_aside(tmp_path: Path) -> None:
    """SQLite would replay it into the new file: its tables would appear in our store."""
    path = tmp_path / "store.db"
    alien = sqlite3.connect(path)
    alien.execute("PRAGMA journal_mode = WAL")
    alien.execute("CREATE TABLE alien(x)")
    alien.commit()
    path.unlink()
    assert (tmp_path / "store.db-wal").stat().st_size > 0
    with closing(open_writer(path)) as db:
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'alien'").fetchone() == (0,)
    assert len(list(tmp_path.glob("store.db-wal.stale-*"))) == 1
    alien.close()


def test_a_file_that_is_no_store_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    """Text, or a database of somebody else's."""
    text, foreign = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_bytes(b"dear diary, " * 100)
    with closing(sqlite3.connect(foreign)) as db:
        db.execute("CREATE TABLE theirs(x)")
    for path in (text, foreign):
        before = path.read_bytes()
        for opened in (open_writer, open_reader):
            with pytest.raises(NotAStoreError, match="left untouched.*sb.init"):
                opened(path)
        assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["notes.txt", "other.db"]


def test_what_cannot_be_opened_is_said_with_the_next_step(tmp_path: Path) -> None:
    """A folder, a path below a file, a missing file, an empty one."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be opened"):
        open_writer(tmp_path)
    with pytest.raises(StoreError, match=r"cannot be created .*choose a folder you can write"):
        open_writer(tmp_path / "file" / "store.db")
    with pytest.raises(StoreError, match="there is no store.*trace something first"):
        open_reader(tmp_path / "missing.db")
    with pytest.raises(StoreError, match="empty; nothing was ever traced"):
        open_reader(tmp_path / "file")
    assert not (tmp_path / "missing.db").exists()


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """``touch`` or a process that died between making and filling it."""
    path = tmp_path / "store.db"
    path.touch()
    with closing(open_writer(path)) as db:
        assert db.execute("SELECT count(*) FROM spans").fetchone() == (0,)


def test_a_newer_store_is_read_and_never_written(tmp_path: Path) -> None:
    """Its schema may mean things that this version does not know."""
    path = tmp_path / "store.db"
    with closing(open_writer(path)) as db:
        db.execute(f"PRAGMA user_version = {_schema.VERSION + 1}")
    with pytest.raises(NewerStoreError, match="upgrade spanbook, or read it with"):
        open_writer(path)
    with closing(open_reader(path)) as db:
        assert db.execute("SELECT count(*) FROM span_view").fetchone() == (0,)


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    """Whatever statement comes."""
    path = tmp_path / "store.db"
    open_writer(path).close()
    with closing(open_reader(path)) as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("DELETE FROM traces")


def test_a_damaged_file_names_the_tool_that_helps(tmp_path: Path) -> None:
    """Zeros where the schema was."""
    path = tmp_path / "store.db"
    open_writer(path).close()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 4_000)
    with pytest.raises(StoreError, match="damaged.*spanbook salvage"):
        open_writer(path)


def test_many_processes_make_one_store(tmp_path: Path) -> None:
    """All at the same moment: one creates it, all can use it."""
    path = tmp_path / "store.db"
    program = (
        "import sys, pathlib, time\n"
        "from spanbook.store._connection import open_writer\n"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()))\n"
        "db = open_writer(pathlib.Path(sys.argv[1]))\n"
        "print(db.execute('SELECT count(*) FROM spans').fetchone()[0])\n"
    )
    at = str(time.time() + 1.0)
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(path), at], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate()[0] for process in running] == ["0\n"] * 4


def test_migrations_run_once_when_connections_race(tmp_path: Path) -> None:
    """Each reads the version again under the write lock."""
    path = tmp_path / "store.db"
    create_if_missing(path)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            open_writer(path).close()
        except Exception as error:  # noqa: BLE001 (shown by the assertion below)
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_lock_is_waited_for_up_to_the_time_given(tmp_path: Path) -> None:
    """Then SQLite's own error comes through."""
    path = tmp_path / "store.db"
    with closing(open_writer(path)) as one, closing(open_writer(path)) as two:
        one.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            retry_locked(lambda: two.execute("BEGIN IMMEDIATE"), 0.3)
        assert 0.2 < time.monotonic() - began < 3.0
        one.execute("ROLLBACK")
        retry_locked(lambda: two.execute("BEGIN IMMEDIATE"), 0.3)


@pytest.mark.parametrize(
    ("version", "has_it"),
    [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 50, 7), False), ((3, 50, 6), True),
     ((3, 44, 6), False), ((3, 44, 5), True), ((3, 54, 1), False), ((3, 6, 23), False)],
)  # fmt: skip
def test_the_versions_with_the_wal_reset_bug_are_known(version: tuple[int, int, int], has_it: bool) -> None:
    """3.7.0 to 3.51.2, but for the two lines that got the fix."""
    assert has_wal_reset_bug(version) is has_it


def test_a_path_with_odd_characters_is_a_path(tmp_path: Path) -> None:
    """Opened through a URI, so each of these would mean something."""
    path = tmp_path / "a?b#c%41 d" / "störe&mode=ro.db"
    with closing(open_writer(path)) as db:
        assert os.path.samefile(db.execute("PRAGMA database_list").fetchone()[2], path)
