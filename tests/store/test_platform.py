"""Each facility of the operating system, and what happens where it is missing."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from spanbook.store import _platform
from spanbook.store._journal import Journal, Position, dead_journals, frame


def test_folders_are_private_all_the_way_down(tmp_path: Path) -> None:
    """Those that were there stay as they were."""
    tmp_path.chmod(0o755)
    _platform.make_private_dir(tmp_path / "a" / "b")
    _platform.make_private_dir(tmp_path / "a" / "b")
    assert [stat.S_IMODE(p.stat().st_mode) for p in (tmp_path, tmp_path / "a", tmp_path / "a" / "b")] == [
        0o755, 0o700, 0o700,
    ]  # fmt: skip


def test_a_file_is_reserved_on_disk_with_or_without_fallocate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never sparse: writing to a mapping of a full disk would kill the process."""
    for name in ("with", "without"):
        fd = _platform.create_private_file(tmp_path / name)
        _platform.preallocate(fd, 3 << 20)
        os.close(fd)
        found = (tmp_path / name).stat()
        assert (found.st_size, found.st_blocks * 512 >= 3 << 20, stat.S_IMODE(found.st_mode)) == (3 << 20, True, 0o600)
        monkeypatch.delattr(os, "posix_fallocate", raising=False)


def test_a_file_is_made_by_one_only(tmp_path: Path) -> None:
    """Whoever comes second is told."""
    os.close(_platform.create_private_file(tmp_path / "a"))
    with pytest.raises(FileExistsError):
        _platform.create_private_file(tmp_path / "a")


def test_without_locks_a_process_is_known_by_pid_and_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own journal is alive; that of a pid that is gone, or was given to another process, is dead."""
    monkeypatch.setattr(_platform, "fcntl", None)
    monkeypatch.setattr(_platform, "HAS_LOCKS", False)
    journal = Journal(tmp_path, "store.db")
    journal.append(frame(b"one"))
    assert list(dead_journals(tmp_path)) == []
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    owner = journal.folder / "owner.json"
    said = json.loads(owner.read_text())
    for change in ({"pid": gone.pid}, {"process_start": said["process_start"] - 1}):
        owner.write_text(json.dumps({**said, **change}))
        (dead,) = dead_journals(tmp_path)
        assert [body for body, _ in dead.read(Position(0, 0))] == [b"one"]
        dead.release()
    owner.write_text("damaged")
    assert list(dead_journals(tmp_path)) == []
    journal.close(remove=True)


def test_processes_and_boots_have_an_identity() -> None:
    """So that a pid that comes again is not taken for the process that had it."""
    mine = _platform.process_start(os.getpid())
    assert mine > 0
    assert _platform.is_process_alive(os.getpid(), mine)
    assert not _platform.is_process_alive(os.getpid(), mine + 1)
    assert not _platform.is_process_alive(2**22 + 1, 0)
    assert _platform.boot_id() == _platform.boot_id() != ""


def test_where_users_are_unknown_everything_is_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows; elsewhere what is missing is nobody's."""
    assert _platform.is_mine(tmp_path)
    assert not _platform.is_mine(tmp_path / "missing")
    monkeypatch.delattr(os, "getuid")
    assert _platform.is_mine(tmp_path / "missing")


def test_the_state_folder_follows_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG, macOS, Windows."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert _platform.state_dir() == tmp_path / ".local" / "state" / "spanbook"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert _platform.state_dir() == tmp_path / "xdg" / "spanbook"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert _platform.state_dir() == tmp_path / "Library" / "Application Support" / "spanbook"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert _platform.state_dir() == tmp_path / "local" / "spanbook"


def test_a_path_is_on_the_file_system_mounted_nearest_above_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it does not exist yet; shared file systems are known by name."""
    mounts = (
        "1 0 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / /mnt/a\\040b rw - nfs4 host:/ rw\n3 1 0:3 / /mnt rw - tmpfs t rw\n"
    )
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda self, *a, **k: mounts if self.name == "mountinfo" else read(self))
    monkeypatch.setattr(Path, "exists", lambda self: str(self) in ("/", "/mnt", "/mnt/a b"))
    assert _platform.file_system(Path("/home/x")) == "ext4"
    assert _platform.file_system(Path("/mnt/x")) == "tmpfs"
    assert _platform.is_network_file_system(Path("/mnt/a b/c/d"))
    assert not _platform.is_network_file_system(Path("/mnt/ab"))
