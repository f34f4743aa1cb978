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
from spanbook.store._journal import Journal
from spanbook.store._owners import dead_journals
from spanbook.store._segments import Position, frame


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


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    """A kernel's list of mounts, as it may look."""
    lines = [
        "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw",
        "30 22 0:30 / /home rw - autofs systemd-1 rw,fd=29",
        "31 30 0:44 / /home rw - nfs4 server:/home rw,vers=4.2",
        "32 22 0:45 / /mnt/a\\040b\\134c rw - cifs //server/share rw",
        "33 22 0:46 / /mnt rw - tmpfs tmpfs rw",
        "34 22 0:47 / /media/usb rw - fuseblk /dev/sdb1 rw",
        "35 22 0:48 / /drive rw - fuse.rclone drive: rw",
        "36 22 0:49 / /secret rw - fuse.gocryptfs /dev/vda1 rw",
        "37 22 0:50 / /somewhere rw - fuse.some-new-thing x rw",
        "38 22 0:51 / /c rw - 9p C:\\134 rw",
        "damaged line",
    ]
    path = tmp_path / "mountinfo"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("path", "kind", "is_network"),
    [("/x/y", "ext4", False), ("/home/me/work", "nfs4", True), ("/homes", "ext4", False), ("/mnt/x", "tmpfs", False),
     ("/mnt/a b\\c/not/there/yet", "cifs", True), ("/media/usb/x", "fuseblk", False), ("/drive", "fuse.rclone", True),
     ("/secret/x", "fuse.gocryptfs", False), ("/somewhere/x", "fuse.some-new-thing", True), ("/c/Users", "9p", True)],
)  # fmt: skip
def test_a_path_is_on_the_file_system_mounted_nearest_above_it(
    mounts: Path, path: str, kind: str, is_network: bool
) -> None:
    """Also when it does not exist yet; of what FUSE serves, only disks of this machine are its own."""
    assert _platform.file_system(Path(path), mounts) == kind
    assert _platform.is_network_file_system(Path(path), mounts) is is_network


@pytest.mark.parametrize(
    "kind",
    ["nfs", "nfs4", "cifs", "smb3", "fuse", "fuse.sshfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.mergerfs", "9p",
     "virtiofs", "drvfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "afs", "vboxsf"],
)  # fmt: skip
def test_file_systems_that_are_served_by_others_are_known(tmp_path: Path, kind: str) -> None:
    """By the name that the kernel gives them."""
    (tmp_path / "mounts").write_text(f"1 0 0:1 / / rw - {kind} x rw\n")
    assert _platform.is_network_file_system(Path("/x"), tmp_path / "mounts")


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs", "ecryptfs", "fuseblk",
                                  "fuse.fuse-overlayfs", "fuse.encfs"])  # fmt: skip
def test_disks_of_this_machine_are_not(tmp_path: Path, kind: str) -> None:
    """Encrypted homes, NTFS disks and containers among them; and where nothing can be told."""
    (tmp_path / "mounts").write_text(f"1 0 0:1 / / rw - {kind} x rw\n")
    assert not _platform.is_network_file_system(Path("/x"), tmp_path / "mounts")
    assert not _platform.is_network_file_system(Path("/x"), tmp_path / "missing")


def test_where_homes_are_on_the_network_a_private_local_folder_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless somebody else was there before."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "mounts").write_text(
        f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {tmp_path}/home rw - nfs4 x rw\n3 1 0:3 / /var/tmp rw - nfs4 x rw\n"
    )
    monkeypatch.setattr(_platform, "MOUNTS", tmp_path / "mounts")
    found = _platform.local_dir()
    assert found == tmp_path / "tmp" / f"spanbook-{os.getuid()}"
    assert stat.S_IMODE(found.stat().st_mode) == 0o700
    assert _platform.local_dir() == found
    found.chmod(0o755)
    assert _platform.local_dir() == _platform.state_dir()
    found.rmdir()
    found.symlink_to(tmp_path)
    assert _platform.local_dir() == _platform.state_dir()


def test_a_call_can_be_left_for_the_moment_after_a_fork() -> None:
    """Once per fork, in the parent, when all hooks have run."""
    program = (
        "import os, sys\n"
        "from spanbook.store import _platform\n"
        "order = []\n"
        "assert _platform.register_after_fork(lambda: order.append(sys._getframe(2).f_lineno))\n"
        "for _ in range(2):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        os._exit(len(order))\n"
        "    order.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
        "print(order)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[6, 0, 6, 2]\n", done.stderr
