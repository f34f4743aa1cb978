"""Whatever differs between operating systems: locks, preallocation, file modes, process identity, file systems.

Each function works, with less, where a facility is missing; tests remove the facilities one at a time.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, Pyodide
    fcntl = None  # type: ignore[assignment]

#: Whether the system offers file locks that die with their process.
HAS_LOCKS = fcntl is not None
#: File systems on which SQLite's shared memory and locks are not reliable.
NETWORK_FILE_SYSTEMS = frozenset(
    "nfs nfs4 cifs smb smb2 smb3 smbfs 9p virtiofs drvfs lustre gpfs glusterfs ceph afs fuse.sshfs fuse.rclone "
    "fuse.drive fuse.gcsfuse fuse.s3fs fuse.goofys fuse.mergerfs fuse".split()
)


def state_dir() -> Path:
    """Return the user's local state folder for spanbook (not created)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "spanbook"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "spanbook"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "spanbook"


def make_private_dir(path: Path) -> None:
    """Create a folder, and those of its parents that are missing, that only this user can enter."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)


def create_private_file(path: Path) -> int:
    """Create a new file of mode 0600 and return its descriptor; raises FileExistsError if it is there."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)


def is_mine(path: Path) -> bool:
    """Whether this user owns the path; what another user owns is never read."""
    if not hasattr(os, "getuid"):
        return True
    try:
        return path.stat().st_uid == os.getuid()
    except OSError:
        return False


def preallocate(fd: int, size: int) -> None:
    """Reserve ``size`` bytes on disk, so that a full disk is an OSError here and never a SIGBUS later."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(fd, 0, size)
            return
        except OSError as error:
            if error.errno not in (22, 38, 95):  # EINVAL, ENOSYS, EOPNOTSUPP: not offered by this file system
                raise
    chunk = bytes(1 << 20)
    os.lseek(fd, 0, os.SEEK_SET)
    left = size
    while left > 0:
        left -= os.write(fd, chunk[: min(left, len(chunk))])


def try_lock(fd: int) -> bool:
    """Take the exclusive lock of an open file without waiting; True when it is ours (or locks are not offered)."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def boot_id() -> str:
    """Return an id of the running system that changes with each boot, "" where there is none."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def process_start(pid: int) -> int:
    """Return the start time of a process in clock ticks since boot, 0 where it cannot be read."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        return int(stat[stat.rindex(b")") + 2 :].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def is_process_alive(pid: int, started: int) -> bool:
    """Whether the process that had this pid and start time still runs; True when it cannot be told."""
    if Path("/proc/self/stat").exists():
        now = process_start(pid)
        return now != 0 and (started == 0 or now == started)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def file_system(path: Path) -> str:
    """Return the type of the file system that holds ``path`` ("ext4", "nfs4"…), "" where it cannot be told."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        target = str(path.resolve())
    except OSError:
        return ""
    best, kind = "", ""
    for line in mounts:
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        point = fields[4].replace("\\040", " ") if len(fields) > 4 else ""
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split(" ")[0]
    return kind


def is_network_file_system(path: Path) -> bool:
    """Whether ``path`` (or its nearest existing parent) lies on a file system shared with other hosts."""
    probe = path
    while not probe.exists() and probe != probe.parent:
        probe = probe.parent
    return file_system(probe) in NETWORK_FILE_SYSTEMS
