"""A disk that loses its power: replays what ``power.c`` logged, and says what may be found afterwards.

What was synced is there. Of what was not, any part may be there: each write is kept, dropped or torn at the sectors of
512 bytes, in any order; each file whose folder was not synced has its name or not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from random import Random
from typing import Final

CREATE, WRITE, TRUNCATE, SYNC, SYNC_FOLDER, RENAME, UNLINK, MKDIR, RMDIR = range(1, 10)
SECTOR: Final = 512
_HEADER: Final = struct.Struct("<IIQQQQ")


@dataclass(frozen=True, slots=True)
class Operation:
    """One call that changed something, or synced it."""

    kind: int
    path: str
    time_ns: int
    inode: int
    offset: int
    data: bytes


def read_log(path: Path) -> list[Operation]:
    """Return what was logged, in order."""

    def operations() -> Iterator[Operation]:
        log, at = path.read_bytes(), 0
        while at + _HEADER.size <= len(log):
            kind, path_length, time_ns, inode, offset, length = _HEADER.unpack_from(log, at)
            at += _HEADER.size
            name, at = log[at : at + path_length].decode(), at + path_length
            data, at = log[at : at + length], at + length
            yield Operation(kind, name, time_ns, inode, offset, data)

    return list(operations())


@dataclass(slots=True)
class File:
    """What is surely on disk, and the writes (or new sizes) since the last sync."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        """Everything written so far is on disk."""
        for offset, data in self.pending:
            _apply(self.synced, offset, data)
        self.pending.clear()


class Folder:
    """A folder; only its name can be lost."""


class Disk:
    """The files of one folder and below, as a process leaves them and as a power cut does."""

    def __init__(self) -> None:
        self.by_inode: dict[int, File] = {}
        #: What each path named since its folder was synced; first is what is on disk.
        self.names: dict[str, list[File | Folder | None]] = {}

    def apply(self, done: Operation) -> None:
        """Do what the process did."""
        if done.kind == CREATE:
            self.by_inode[done.inode] = file = File()
            self._name(done.path, file)
        elif done.kind in (WRITE, TRUNCATE):
            change = (done.offset, done.data if done.kind == WRITE else None)
            self.by_inode[done.inode].pending.append(change)
        elif done.kind == SYNC:
            self.by_inode[done.inode].sync()
        elif done.kind == SYNC_FOLDER:
            for path, known in self.names.items():
                if str(PurePosixPath(path).parent) == done.path:
                    del known[:-1]
        elif done.kind == RENAME:
            self._name(done.data.decode(), self.names.get(done.path, [None])[-1])
            self._name(done.path, None)
        else:
            self._name(done.path, Folder() if done.kind == MKDIR else None)

    def _name(self, path: str, what: File | Folder | None) -> None:
        self.names.setdefault(path, [None]).append(what)

    def after_power_cut(self, random: Random) -> dict[str, bytes]:
        """Return path → content of the files that are found when the power is back."""
        kept = random.choice((0.0, 0.1, 0.5, 0.9, 1.0))  # how much of what was not synced
        torn, reordered, grown = (random.random() < 0.5 for _ in range(3))
        found = {path: known[_survivor(random, kept, len(known))] for path, known in self.names.items()}
        folders = {path for path, what in found.items() if not isinstance(what, Folder)}  # these are not there
        out = {}
        for path, what in found.items():
            if isinstance(what, File) and not any(str(parent) in folders for parent in PurePosixPath(path).parents):
                out[path] = _content(what, random, kept, torn, reordered, grown)
        return out


def _survivor(random: Random, kept: float, count: int) -> int:
    at = 0
    while at < count - 1 and random.random() < kept:
        at += 1
    return at


def _content(file: File, random: Random, kept: float, torn: bool, reordered: bool, grown: bool) -> bytes:
    content = bytearray(file.synced)
    pending = random.sample(file.pending, len(file.pending)) if reordered else file.pending
    for offset, data in pending:
        if random.random() < kept:
            if torn and data is not None and random.random() < 0.3:
                for start, part in _some_sectors(random, offset, data):
                    _apply(content, start, part)
            else:
                _apply(content, offset, data)
        elif grown and data is not None and offset + len(data) > len(content):
            _apply(content, offset + len(data), None)  # the new size was kept, what was written was not
    return bytes(content)


def _some_sectors(random: Random, offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield a part of a write: sectors are kept or dropped whole."""
    share, start, end = random.random(), offset, offset + len(data)
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        if random.random() < share:
            yield start, data[start - offset : stop - offset]
        start = stop


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    """Write, or set the size to ``offset``; gaps are zeros."""
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data
