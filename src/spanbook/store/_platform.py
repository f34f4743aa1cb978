"""Whatever differs between operating systems: locks, preallocation, file modes, process identity, file systems.

Each function works, with less, where a facility is missing; tests remove the facilities one at a time.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import stat
import struct
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

try:
    import fcntl
except ImportError:  # Windows, Pyodide
    fcntl = None  # type: ignore[assignment]

_MADV_POPULATE_WRITE = 23  # has no name in mmap yet
_TOUCHED_AT_ONCE = 1 << 16  # bytes: each call holds the GIL for some 30 µs
#: Whether the system offers file locks that die with their process.
HAS_LOCKS = fcntl is not None
#: File systems shared with other hosts, or served from outside the kernel, where SQLite's shared memory and locks are
#: not reliable.
NETWORK_FILE_SYSTEMS = frozenset(
    "nfs nfs4 cifs smb smb2 smb3 smbfs ncpfs 9p virtiofs drvfs vboxsf vmhgfs prl_fs grpcfuse osxfs lustre gpfs beegfs "
    "panfs wekafs orangefs pvfs2 glusterfs ceph afs coda ocfs2 gfs2 acfs fuse".split()
)
#: What is behind FUSE is somewhere else (Drive, S3, SSH…), but for these: local disks, encrypted or layered. FUSE on a
#: block device (NTFS) is a type of its own, "fuseblk".
LOCAL_FUSE = frozenset(
    f"fuse.{name}"
    for name in "encfs gocryptfs cryfs securefs ecryptfs bindfs fuse-overlayfs overlayfs unionfs "
    "unionfs-fuse ntfs ntfs-3g exfat fuse-ext2 zfs-fuse lxcfs".split()
)
#: Where the kernel lists what is mounted.
MOUNTS = Path("/proc/self/mountinfo")


def state_dir() -> Path:
    """Return the user's local state folder for spanbook (not created)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "spanbook"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "spanbook"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "spanbook"


def local_dir() -> Path:
    """Return where stores and journals can be locked and mapped: the state folder if it is on a disk of this machine.

    Where homes are on the network, a private folder in ``/var/tmp`` (made here, before anybody else makes it) or in
    the temporary folder; the state folder again where neither can be had.
    """
    home = state_dir()
    if not is_network_file_system(home):
        return home
    from tempfile import gettempdir

    for base in ("/var/tmp", gettempdir()):  # noqa: S108 (checked to be ours alone)
        folder = Path(base) / f"spanbook-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
        if not is_network_file_system(folder) and _is_private(folder):
            return folder
    return home


def _is_private(folder: Path) -> bool:
    """Make the folder if it is missing; whether only this user can enter it."""
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_mode & 0o077 == 0 and is_mine(folder)


def make_private_dir(path: Path) -> None:
    """Create a folder, and those of its parents that are missing, that only this user can enter."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder of files, as far as that can be done (`shutil` takes milliseconds to import)."""
    with contextlib.suppress(OSError):
        for path in os.scandir(folder):
            with contextlib.suppress(OSError):
                os.unlink(path)
        folder.rmdir()


def make_dirs(path: Path) -> None:
    """Create a folder, and those of its parents that are missing, so that a power cut cannot take their names.

    What lies in a folder is synced with it; that the folder is there, with the one above.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, mode=0o700, exist_ok=True)
    for folder in missing:
        sync_dir(folder.parent)


def sync_dir(path: Path) -> None:
    """Write the names in a folder to disk; where folders cannot be synced (Windows), the system does it in time."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


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


def touch_pages(mapping: mmap.mmap, start: int, stop: int) -> bool:
    """Get pages of a mapped file ready to be written, without changing them; False where the system cannot do that.

    A page's first write costs microseconds, in a virtual machine more than all else that a span does.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        for at in range(start - start % mmap.PAGESIZE, stop, _TOUCHED_AT_ONCE):
            mapping.madvise(_MADV_POPULATE_WRITE, at, min(_TOUCHED_AT_ONCE, stop - at))
    except (OSError, ValueError):  # before Linux 5.14; closed meanwhile
        return False
    return True


def try_lock(fd: int) -> bool:
    """Take the exclusive lock of an open file without waiting; True when it is ours (or locks are not offered)."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


#: ``struct flock`` where its layout is known: (format, place of the process id, of the type).
_FLOCK = {"linux": ("hhqqi4x", 4, 0), "darwin": ("qqihh", 2, 3)}
#: The bytes that a connection to a SQLite file in WAL mode holds a shared lock on for as long as it is open.
_SQLITE_SHARED = (0x40000002, 510)


def lock_holder(path: Path) -> int | None:
    """Return the id of another process with a SQLite connection on a file; None: there is none, or it cannot be told.

    Never call it while this process has such a connection itself: closing the file would drop its locks.
    """
    layout = _FLOCK.get(sys.platform)
    if fcntl is None or layout is None or sys.maxsize < 2**32:
        return None
    form, pid_at, type_at = layout
    start, length = _SQLITE_SHARED
    by_name = {"linux": (fcntl.F_WRLCK, os.SEEK_SET, start, length, 0),
               "darwin": (start, length, 0, fcntl.F_WRLCK, os.SEEK_SET)}  # fmt: skip
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        answer = struct.unpack(form, fcntl.fcntl(fd, fcntl.F_GETLK, struct.pack(form, *by_name[sys.platform])))
    except OSError:
        return None
    finally:
        os.close(fd)
    return None if answer[type_at] == fcntl.F_UNLCK else int(answer[pid_at])


def is_open_here(path: Path) -> bool:
    """Whether this process has the file open; False where that cannot be told."""
    with contextlib.suppress(OSError):
        mine = path.stat()
        for descriptor in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                other = os.stat(f"/proc/self/fd/{descriptor}")
                if (other.st_dev, other.st_ino) == (mine.st_dev, mine.st_ino):
                    return True
    return False


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


def wait_for_thread(native_id: int | None, seconds: float = 0.05) -> None:
    """Return when the system, too, has ended a thread that was joined: before Python 3.13 it goes on a little."""
    deadline = time.monotonic() + seconds
    while os.path.exists(f"/proc/self/task/{native_id}") and time.monotonic() < deadline:
        time.sleep(0.0002)


def register_after_fork(call: Callable[[], None]) -> bool:
    """Have ``call`` made in the main thread right after each ``os.fork()`` of it has returned; True if that works.

    From Python 3.13 on a fork counts the threads (to warn of them) after the parent's hooks: what a hook starts is
    counted. A hook without Python code in it can leave the interpreter a call to make at its next instruction.
    """
    try:
        import ctypes
        from functools import partial

        def pending(_: int | None) -> int:
            call()
            return 0

        callback = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(pending)
        os.register_at_fork(after_in_parent=partial(ctypes.pythonapi.Py_AddPendingCall, callback, None))
    except (ImportError, AttributeError, OSError):
        return False
    return True


_listening: weakref.WeakSet[socket.socket] = weakref.WeakSet()


def close_in_child(listening: socket.socket) -> None:
    """Have forked children close a socket they inherit: else the port would outlive the server, and be deaf."""
    _listening.add(listening)


def _close_listening() -> None:
    for one in tuple(_listening):
        one.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_listening)


def file_system(path: Path, mounts: Path | None = None) -> str:
    """Return the type of the file system that holds ``path`` ("ext4", "nfs4"…), "" where it cannot be told."""
    try:
        lines = (mounts or MOUNTS).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        target = os.path.realpath(path)
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4]) if len(fields) > 4 else ""
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split(" ")[0]
    return kind


_ESCAPED = re.compile(r"\\([0-7]{3})")  # space, tab, newline and backslash, in the kernel's list


def is_network_file_system(path: Path, mounts: Path | None = None) -> bool:
    """Whether ``path`` (or its nearest existing parent) lies where SQLite cannot lock reliably."""
    kind = file_system(path, mounts)
    return kind in NETWORK_FILE_SYSTEMS or (kind.startswith("fuse.") and kind not in LOCAL_FUSE)
