"""The journal: where a span is safe the moment its block ends, even if the process is killed next.

Context (2026-11): an INSERT per span costs 26 µs, a queue in memory loses its tail on SIGKILL. A record written
into a mapped file survives the process and costs half a microsecond, with no lock, system call or released GIL.

A journal is a folder of one process: ``owner.json`` (pid, its start time, boot id, store; locked while the process
lives, see ``_owners``) and segments ``000001.seg``… (see ``_segments``).
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

from . import _platform
from ._owners import write_owner, write_policy
from ._segments import FRAME, HEADER, FileSegment, MemorySegment, Position, Segment, is_end, whole_records

FIRST_SEGMENT: Final = 1 << 20
SEGMENT: Final = 8 << 20
MAX_BYTES: Final = 64 << 20
#: Beyond that, room for records without their values: what happened is kept longer than what was said.
RESERVE: Final = 8 << 20
#: The fold keeps so many bytes ahead ready to be written; a new segment begins with fewer.
TOUCH_AHEAD: Final = 2 << 20
TOUCH_FIRST: Final = 1 << 18
#: A segment left behind is reused only this long after its last write: a thread may have been stopped
#: between fetching the segment's ``write`` and calling it.
GRACE_S: Final = 1.0
#: How often a journal that is in memory tries to get a file again.
RETRY_S: Final = 2.0


class JournalFullError(Exception):
    """The journal holds as much unfolded data as it may; the record was not written."""


def _refuse(framed: bytes) -> NoReturn:
    raise ValueError("only records without values may be written")


class Journal:
    """The journal of this process: any thread writes, one folder reads."""

    def __init__(self, root: Path, store: str, policy: str = "secrets") -> None:
        self.pid = os.getpid()
        self.id = f"{time.time_ns():x}-{self.pid}-{os.urandom(4).hex()}"
        self.folder = root / self.id
        self.problem: str | None = None  # why records are in memory only, when they are
        self._lock = threading.RLock()  # a span may end from the garbage collector, inside a rotation
        self._owner_fd = -1
        self._segments: list[Segment] = []
        self._retired: list[tuple[float, FileSegment]] = []
        self._spare: FileSegment | None = None
        self._number = 0
        self._closed = False
        self._reserve: set[int] = set()  # numbers of the segments that only records without values may use
        self._read = Position(1, HEADER.size)
        self._owner, self._tried = (store, policy), time.monotonic()
        self._make_folder()
        self._segments.append(self._new_segment(FIRST_SEGMENT))
        #: Writes one framed record; ValueError when the segment is full. Rebound on rotation: fetch it each time.
        self.write: Callable[[bytes], object] = self._segments[-1].write

    def _make_folder(self) -> None:
        try:
            _platform.make_private_dir(self.folder)
            self._owner_fd = write_owner(self.folder, *self._owner)
        except OSError as error:
            self.problem = f"{self.folder}: {error.strerror or error}"
            _platform.remove_folder(self.folder)

    def change_policy(self, policy: str) -> None:
        """Have what is written from now on redacted by this policy, should another process fold it."""
        with self._lock:
            self._owner = (self._owner[0], policy)
            if self._owner_fd >= 0 and hasattr(os, "pwrite"):
                write_policy(self._owner_fd, policy)

    # -- writing

    def append(self, framed: bytes, *, light: bool = False) -> None:
        """Write a framed record, going on to a new segment when needed.

        Args:
            framed: The record.
            light: It carries no values, so it may use the reserve.

        Raises:
            JournalFullError: 64 MB (with the reserve: 72) wait to be folded already.
        """
        while True:
            current = self._segments[-1]
            try:
                if light or current.number not in self._reserve:
                    current.write(framed)
                    return
            except ValueError:  # full, or closed by a rotation that happened meanwhile
                pass
            self._rotate(current, len(framed), light)  # out of the reserve, too, once there is room again

    def _rotate(self, full: Segment, need: int, light: bool) -> None:
        with self._lock:
            if self._closed:
                raise ValueError("the journal is closed")
            if self._segments[-1] is not full:
                return
            size = max(SEGMENT, need + HEADER.size)
            held = sum(s.size for s in self._segments)
            if held + size > MAX_BYTES + (RESERVE if light else 0):
                raise JournalFullError
            if held + size > MAX_BYTES:
                self._reserve.add(self._number + 1)
            full.seal()
            new = self._new_segment(size)
            if self._segments[-1] is not full:  # rotated meanwhile, by a span that the garbage collector ended
                self._discard(new)
                return
            self._segments.append(new)
            # In the reserve the straight way is closed: each record has to ask.
            self.write = _refuse if self._number in self._reserve else self._segments[-1].write

    def _discard(self, segment: Segment) -> None:
        if isinstance(segment, FileSegment):
            segment.remove()

    def _new_segment(self, size: int) -> Segment:
        self._number += 1
        path = self.folder / f"{self._number:06d}.seg"
        spare, self._spare = self._spare, None
        try:
            if spare is not None and spare.size >= size:
                spare.reuse(path, self._number)
                self.problem = None
                return spare
            if spare is not None:
                spare.remove()
            if self._owner_fd >= 0:
                segment = FileSegment(path, self._number, size)
                segment.touch(TOUCH_FIRST)
                self.problem = None
                return segment
        except (OSError, ValueError) as error:
            self.problem = f"{path}: {getattr(error, 'strerror', None) or error}"
        return MemorySegment(self._number, size)

    # -- reading (one reader at a time; the caller holds the fold's lock)

    @property
    def end(self) -> Position:
        """The place just after the newest record."""
        last = self._segments[-1]
        return Position(last.number, last.tell())

    @property
    def position(self) -> Position:
        """The place up to which records were handed out by :meth:`read`."""
        return self._read

    @property
    def waiting_bytes(self) -> int:
        """Bytes written and not yet read."""
        return sum(s.tell() - self._read.start_in(s.number) for s in self._segments if s.number >= self._read.segment)

    def read(self, limit: int) -> list[bytes]:
        """Return bodies written since the last call, at most about ``limit`` bytes of them (one at least)."""
        bodies: list[bytes] = []
        number, offset = self._read
        segments = list(self._segments)
        for segment in segments:
            if segment.number < number:
                continue
            if segment.number > number:
                number, offset = segment.number, HEADER.size
            end = segment.tell()
            data = segment.slice(offset, min(end, offset + max(limit, 1)))
            if len(data) >= FRAME.size:
                need = FRAME.size + FRAME.unpack_from(data)[0]
                if need > len(data):  # one record larger than the limit
                    data = segment.slice(offset, offset + need)
            used = 0
            for body, end_of_record in whole_records(data):
                bodies.append(body)
                used = end_of_record
            offset += used
            limit -= used
            if segment is not segments[-1] and is_end(segment.slice(offset, offset + FRAME.size)):
                offset = end  # what is left of a sealed segment is empty
            if limit <= 0 or offset < end:
                break
        self._read = Position(number, offset)
        return bodies

    def only_in_memory(self, after: Position) -> list[bytes]:
        """Return bodies behind a place that no file holds: they are lost with the process."""
        found: list[bytes] = []
        for segment in self._segments:
            if isinstance(segment, MemorySegment) and segment.number >= after.segment:
                data = segment.slice(after.start_in(segment.number), segment.tell())
                found += [body for body, _ in whole_records(data)]
        return found

    def rewind(self, position: Position) -> None:
        """Hand out records again from ``position``: the transaction that held them failed."""
        self._read = position

    def tidy(self) -> None:
        """Free segments that were read to the end and get a spare ready; called by the fold between batches."""
        now = time.monotonic()
        with self._lock:
            while len(self._segments) > 1 and self._segments[0].number < self._read.segment:
                done = self._segments.pop(0)
                if isinstance(done, FileSegment):
                    self._retired.append((now, done))
                else:
                    done.close()
            ready = [s for t, s in self._retired if now - t > GRACE_S]
            self._retired = [(t, s) for t, s in self._retired if now - t <= GRACE_S]
            active = self._segments[-1]
            wants_spare = self._spare is None and active.tell() > active.size // 2
        for segment in ready:
            if self._spare is None and segment.size == SEGMENT and len(ready) == 1:
                segment.wipe()
                self._spare = segment
            else:
                segment.remove()
        if isinstance(active, FileSegment):
            active.touch(TOUCH_AHEAD)
            if wants_spare and self._spare is None and self._owner_fd >= 0:
                self._make_spare()
        if now - self._tried > RETRY_S and not self._closed:
            self._tried = now
            self._return_to_files(active)

    def _return_to_files(self, active: Segment) -> None:
        """Go on in a file when there is none, or none that others see: what is in memory is lost with the process."""
        if self._owner_fd >= 0 and not (self.folder / "owner.json").exists():  # someone removed the folder
            os.close(self._owner_fd)
            self._owner_fd = -1
            spare, self._spare = self._spare, None
            if spare is not None:
                spare.remove()
        elif isinstance(active, FileSegment):
            return
        if self._owner_fd < 0:
            self._make_folder()
        if self._owner_fd >= 0 and self._spare is None:
            self._make_spare()
        if self._spare is not None:
            with contextlib.suppress(JournalFullError):
                self._rotate(active, 0, light=False)

    def _make_spare(self) -> None:
        try:
            spare = FileSegment(self.folder / "spare.seg", 0, SEGMENT)
        except OSError:  # the next rotation tries again and says so
            return
        if not spare.touch(SEGMENT):
            spare.wipe(SEGMENT)
        with self._lock:
            self._spare = spare

    # -- ends

    def close(self, *, remove: bool) -> None:
        """Let go of all files; ``remove`` deletes the folder, once everything in it is in the store."""
        with self._lock:
            for segment in [*self._segments, *(s for _, s in self._retired), *([self._spare] if self._spare else [])]:
                segment.close()
            self._retired, self._spare, self._closed = [], None, True
            if remove:
                _platform.remove_folder(self.folder)
            if self._owner_fd >= 0:
                os.close(self._owner_fd)
                self._owner_fd = -1

    def abandon_in_child(self) -> None:
        """In a forked child: close what was inherited, so that the parent's lock dies with the parent.

        Never unlocks: the lock belongs to the open file that both share.
        """
        for segment in [*self._segments, *(s for _, s in self._retired), *([self._spare] if self._spare else [])]:
            if isinstance(segment, FileSegment):
                segment.close()
        if self._owner_fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._owner_fd)
            self._owner_fd = -1
