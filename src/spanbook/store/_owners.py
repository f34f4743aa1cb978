"""Journals of processes that are gone, and whom a journal belongs to."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from . import _platform
from ._checksum import CHECKSUMS
from ._segments import FRAME, HEADER, MAGIC, Position

#: A journal without an owner file is litter only when it is older than this.
NEWBORN_S: Final = 60.0


def write_owner(folder: Path, store: str, policy: str) -> int:
    """Say, in a journal's folder, that this process owns it; returns the descriptor whose lock means that it lives."""
    draft = folder / "owner.draft"  # locked before it gets its name, so that nobody takes a newborn for dead
    fd = _platform.create_private_file(draft)
    pid = os.getpid()
    owner = {"pid": pid, "process_start": _platform.process_start(pid), "boot_id": _platform.boot_id(), "store": store,
             "policy": policy}  # fmt: skip
    try:
        os.write(fd, json.dumps(owner).encode())
        _platform.try_lock(fd)
        draft.rename(folder / "owner.json")
    except BaseException:
        os.close(fd)
        raise
    return fd


def write_policy(fd: int, policy: str) -> None:
    """Say in the owner file of this process by which policy its records are redacted from now on."""
    before = os.pread(fd, 8192, 0)
    owner = json.dumps({**json.loads(before), "policy": policy})
    os.pwrite(fd, owner.encode().ljust(len(before)), 0)  # nothing of what was longer is left behind it


class DeadJournal:
    """The journal of a process that is gone; hold it while its records are folded, then :meth:`remove` it."""

    def __init__(self, folder: Path, fd: int) -> None:
        self.folder, self.id, self._fd = folder, folder.name, fd
        self.pid, self.policy = owner_facts(fd)
        #: Segments whose rest is lost behind damage. A last record that was cut off by the end is none: its call never
        #: returned.
        self.damaged = 0

    def read(self, after: Position) -> Iterator[tuple[bytes, Position]]:
        """Yield (body, place after it) of each intact record behind ``after``. Never raises on damaged bytes."""
        for path in sorted(self.folder.glob("[0-9]*.seg")):
            with contextlib.suppress(OSError):
                data = path.read_bytes()
                format, number = _head(data)
                if not number or number != int(path.stem) or number < after.segment:
                    continue
                for body, offset in self._intact(data, after.start_in(number), CHECKSUMS[format]):
                    yield body, Position(number, offset)

    def _intact(self, data: bytes, at: int, checksum: Callable[[bytes], int]) -> Iterator[tuple[bytes, int]]:
        while at + FRAME.size <= len(data):
            length, expected = FRAME.unpack_from(data, at)
            if length == 0:
                return
            stop = at + FRAME.size + length
            body = data[at + FRAME.size : stop]
            if stop > len(data) or checksum(body) != expected:
                self.damaged += stop > len(data) or data.count(0, stop) < len(data) - stop
                return
            yield body, stop
            at = stop

    def remove(self) -> None:
        """Delete the folder and let go of the lock."""
        _platform.remove_folder(self.folder)
        self.release()

    def release(self) -> None:
        """Let go of the lock and leave the files for the next opener; once, a closed descriptor is somebody else's."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _head(data: bytes) -> tuple[int, int]:
    """Return format and number of a segment; zeros when it is none that we can read."""
    if len(data) < HEADER.size:
        return 0, 0
    magic, format, _, _, _, number = HEADER.unpack_from(data)
    return (format, number) if magic == MAGIC and format in CHECKSUMS else (0, 0)


def dead_journals(root: Path) -> Iterator[DeadJournal]:
    """Yield the journals under ``root`` whose process is gone, each locked for the caller."""
    if not root.is_dir() or not _platform.is_mine(root):
        return
    for folder in sorted(root.iterdir()):
        try:
            fd = os.open(folder / "owner.json", os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError:
            _sweep(folder)
            continue
        except OSError:
            continue
        if _platform.is_mine(folder) and _platform.try_lock(fd) and not owner_lives(fd):
            yield DeadJournal(folder, fd)
        else:
            os.close(fd)


def _sweep(folder: Path) -> None:
    """Remove a journal that has no owner: its process was killed while it made or removed it. Not one of this minute:
    somebody may be doing that just now."""
    with contextlib.suppress(OSError):
        if _platform.is_mine(folder) and time.time() - folder.stat().st_mtime > NEWBORN_S:
            _platform.remove_folder(folder)


def owner_facts(fd: int) -> tuple[int | None, str | None]:
    """Return the process id and the redaction policy of a journal's owner."""
    try:
        owner = json.loads(os.pread(fd, 8192, 0))
        return int(owner["pid"]), str(owner["policy"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, None


def owner_lives(fd: int) -> bool:
    """Whether the owner still runs by its pid; only asked where locks are not offered."""
    if _platform.HAS_LOCKS:
        return False
    try:
        owner = json.loads(os.pread(fd, 4096, 0) if hasattr(os, "pread") else os.read(fd, 4096))
        return _platform.is_process_alive(int(owner["pid"]), int(owner["process_start"]))
    except (OSError, ValueError, KeyError, TypeError):
        return True


def journal_root(store: Path) -> Path:
    """Return the folder of all journals of one store file, by whichever of its paths it is asked for."""
    from hashlib import sha256

    base = os.environ.get("SPANBOOK_JOURNAL")
    folder = Path(base) if base else _platform.local_dir() / "journal"
    return folder / sha256(os.path.realpath(store).encode("utf-8", "surrogateescape")).hexdigest()[:24]
