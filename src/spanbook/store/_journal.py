"""The journal: where a span is safe the moment its block ends, even if the process is killed next.

Context (2026-11): an INSERT per span costs 26 µs, a queue in memory loses its tail on SIGKILL. A record written
into a mapped file survives the process and costs half a microsecond, with no lock, system call or released GIL.

A journal is a folder of one process: ``owner.json`` (pid, its start time, boot id, store; locked while the process
lives) and segments ``000001.seg``…, preallocated so that a full disk can never become a SIGBUS. A segment is a
64-byte header (magic, format, pid, process start, boot id, number), then records: length and CRC-32 as little-endian
u32, then the body (``marshal`` format 4, transient by design and never an archive). A zero length ends a segment; so
does a bad CRC, which is counted.

Records are tuples; the first item says which:
``(START, trace, span, parent, name, kind, start_ns, input, fields, provenance)``,
``(END, trace, span, parent, name, kind, start_ns, end_ns, status, output, fields)``,
``(EVENT, trace, span, time_ns, name, data)``, ``(SCORE, {field: value})``, ``(UPDATE, [trace…], {field: value})``.
Trace ids are hex texts, span ids ints.
A start or end without values may be packed shorter (``SHORT_START``, ``SHORT_END``): its first byte is START or END,
which begins no marshalled tuple.
"""

from __future__ import annotations

import contextlib
import json
import marshal
import mmap
import os
import shutil
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, Protocol
from zlib import crc32

from ..model import KINDS
from . import _platform

START, END, EVENT, SCORE, UPDATE = 1, 2, 3, 4, 5

#: A span without values, as most are, needs no marshal: half the price of a bare span. Code, trace id, span, parent
#: (0: none), start, kind code; the name follows as UTF-8. And its end: code, trace id, span, end.
SHORT_START: Final = struct.Struct("<B32sQQQB")
SHORT_END: Final = struct.Struct("<B32sQQ")

MAGIC: Final = b"SPANBOOK"
FORMAT: Final = 1
HEADER: Final = struct.Struct("<8sIIQ32sQ")  # magic, format, pid, process start, boot id, segment number
FRAME: Final = struct.Struct("<II")  # length, CRC-32 of the body
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
#: A journal without an owner file is litter only when it is older than this.
NEWBORN_S: Final = 60.0
#: How often a journal that is in memory tries to get a file again.
RETRY_S: Final = 2.0


class Position(NamedTuple):
    """A place in a journal: segment number, byte offset in it."""

    segment: int
    offset: int


class JournalFullError(Exception):
    """The journal holds as much unfolded data as it may; the record was not written."""


class Segment(Protocol):
    """Where records go: a mapped file, or memory where no file can be had."""

    number: int
    size: int

    def write(self, framed: bytes) -> object: ...
    def seal(self) -> None: ...
    def tell(self) -> int: ...
    def slice(self, start: int, end: int) -> bytes: ...
    def close(self) -> None: ...


class FileSegment:
    """A mapped, preallocated file."""

    def __init__(self, path: Path, number: int, size: int) -> None:
        self.path, self.number, self.size = path, number, size
        self._touched = 0
        fd = _platform.create_private_file(path)
        try:
            _platform.preallocate(fd, size)
            self._map = mmap.mmap(fd, size)
        except BaseException:
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        finally:
            os.close(fd)
        self.write = self._map.write
        self.tell = self._map.tell
        self._write_header()

    def _write_header(self) -> None:
        pid = os.getpid()
        boot = _platform.boot_id().replace("-", "").encode("ascii")
        header = HEADER.pack(MAGIC, FORMAT, pid, _platform.process_start(pid), boot[:32], self.number)
        self._map.seek(0)
        self._map.write(header)

    def slice(self, start: int, end: int) -> bytes:
        return self._map[start:end]

    def seal(self) -> None:
        """Let nothing more be written: a thread may hold ``write`` from before the rotation, the reader moves on."""
        while (left := self.size - self._map.tell()) > 0:
            with contextlib.suppress(ValueError):  # another record came in between; look again
                self._map.write(bytes(left))  # zeros, which are there already: it moves the end

    def touch(self, ahead: int) -> bool:
        """Get the next bytes ready to be written, so that no span pays for their pages; False where that is not had."""
        stop = min(self._map.tell() + ahead, self.size)
        start, self._touched = self._touched, max(stop, self._touched)
        return start >= stop or _platform.touch_pages(self._map, start, stop)

    def wipe(self, end: int | None = None) -> None:
        """Zero the records (or all up to ``end``) in slices (each holds the GIL for about 50 µs), ready for reuse."""
        end = self._map.tell() if end is None else end
        for start in range(0, end, 1 << 16):
            stop = min(start + (1 << 16), end)
            self._map[start:stop] = bytes(stop - start)
        self._touched = max(self._touched, end)

    def reuse(self, path: Path, number: int) -> None:
        """Become segment ``number`` under a new name; it must have been wiped."""
        self.path.rename(path)
        self.path, self.number = path, number
        self._write_header()

    def close(self) -> None:
        with contextlib.suppress(BufferError):
            self._map.close()

    def remove(self) -> None:
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()


class MemorySegment:
    """Records in memory, where no file can be mapped (Pyodide, a full disk): lost with the process, said so."""

    def __init__(self, number: int, size: int) -> None:
        self.number, self.size, self._room = number, size, size
        self._data = bytearray(HEADER.size)

    def write(self, framed: bytes) -> int:
        if len(self._data) + len(framed) > self._room:
            raise ValueError("data out of range")
        self._data += framed
        return len(framed)

    def tell(self) -> int:
        return len(self._data)

    def seal(self) -> None:
        self._room = 0

    def slice(self, start: int, end: int) -> bytes:
        return bytes(self._data[start:end])

    def close(self) -> None:
        self._data, self._room = bytearray(HEADER.size), 0


def decode(body: bytes) -> tuple[Any, ...]:
    """Return the record in a body; a short end leaves out what its start has said (None).

    Raises:
        ValueError, TypeError, EOFError: the body is no record.
    """
    if body[0] == START:
        _, trace, span, parent, start, kind = SHORT_START.unpack_from(body)
        name = body[SHORT_START.size :].decode("utf-8")
        return (START, trace.decode("ascii"), span, parent or None, name, KINDS[kind], start, None, None, None)
    if body[0] == END:
        _, trace, span, end = SHORT_END.unpack(body)
        return (END, trace.decode("ascii"), span, None, None, None, None, end, "ok", None, None)
    record = marshal.loads(body)  # noqa: S302 (ours: from a private folder, its CRC was checked)
    if not isinstance(record, tuple):
        raise TypeError("a record is a tuple")
    return record


def _refuse(framed: bytes) -> NoReturn:
    raise ValueError("only records without values may be written")


def frame(body: bytes) -> bytes:
    """Return ``body`` with its length and CRC-32 before it, as it lies in a segment."""
    return FRAME.pack(len(body), crc32(body)) + body


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
            self._owner_fd = _write_owner(self.folder, *self._owner)
        except OSError as error:
            self.problem = f"{self.folder}: {error.strerror or error}"
            shutil.rmtree(self.folder, ignore_errors=True)

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
        return sum(s.tell() - (self._read.offset if s.number == self._read.segment else HEADER.size)
                   for s in self._segments if s.number >= self._read.segment)  # fmt: skip

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
            for body, end_of_record in _records(data):
                bodies.append(body)
                used = end_of_record
            offset += used
            limit -= used
            if segment is not segments[-1] and _is_end(segment.slice(offset, offset + FRAME.size)):
                offset = end  # what is left of a sealed segment is empty
            if limit <= 0 or offset < end:
                break
        self._read = Position(number, offset)
        return bodies

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
                shutil.rmtree(self.folder, ignore_errors=True)
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


def _is_end(frame_bytes: bytes) -> bool:
    """Whether no record begins here."""
    return len(frame_bytes) < FRAME.size or FRAME.unpack(frame_bytes)[0] == 0


def _records(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield (body, bytes used so far) for whole records at the start of ``data``; CRCs are not checked."""
    at, end = 0, len(data)
    unpack = FRAME.unpack_from
    while at + FRAME.size <= end:
        length = unpack(data, at)[0]
        stop = at + FRAME.size + length
        if length == 0 or stop > end:
            return
        yield data[at + FRAME.size : stop], stop
        at = stop


def _write_owner(folder: Path, store: str, policy: str) -> int:
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


class DeadJournal:
    """The journal of a process that is gone; hold it while its records are folded, then :meth:`remove` it."""

    def __init__(self, folder: Path, fd: int) -> None:
        self.folder, self.id, self._fd = folder, folder.name, fd
        self.pid, self.policy = _owner_facts(fd)
        self.damaged = 0

    def read(self, after: Position) -> Iterator[tuple[bytes, Position]]:
        """Yield (body, place after it) of each intact record behind ``after``. Never raises on damaged bytes."""
        for path in sorted(self.folder.glob("[0-9]*.seg")):
            with contextlib.suppress(OSError):
                data = path.read_bytes()
                number = _segment_number(data)
                if number != int(path.stem) or number < after.segment:
                    continue
                start = after.offset if number == after.segment else HEADER.size
                for body, offset in self._intact(data, start):
                    yield body, Position(number, offset)

    def _intact(self, data: bytes, at: int) -> Iterator[tuple[bytes, int]]:
        while at + FRAME.size <= len(data):
            length, checksum = FRAME.unpack_from(data, at)
            if length == 0:
                return
            stop = at + FRAME.size + length
            body = data[at + FRAME.size : stop]
            if stop > len(data) or crc32(body) != checksum:
                self.damaged += 1
                return
            yield body, stop
            at = stop

    def remove(self) -> None:
        """Delete the folder and let go of the lock."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Let go of the lock and leave the files for the next opener; once, a closed descriptor is somebody else's."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _segment_number(data: bytes) -> int | None:
    if len(data) < HEADER.size:
        return None
    magic, version, _, _, _, number = HEADER.unpack_from(data)
    return number if magic == MAGIC and version == FORMAT and number > 0 else None


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
        if _platform.is_mine(folder) and _platform.try_lock(fd) and not _owner_lives(fd):
            yield DeadJournal(folder, fd)
        else:
            os.close(fd)


def _sweep(folder: Path) -> None:
    """Remove a journal that has no owner: its process was killed while it made or removed it. Not one of this minute:
    somebody may be doing that just now."""
    with contextlib.suppress(OSError):
        if _platform.is_mine(folder) and time.time() - folder.stat().st_mtime > NEWBORN_S:
            shutil.rmtree(folder, ignore_errors=True)


def _owner_facts(fd: int) -> tuple[int | None, str | None]:
    """Return the process id and the redaction policy of a journal's owner."""
    try:
        owner = json.loads(os.pread(fd, 8192, 0))
        return int(owner["pid"]), str(owner["policy"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, None


def _owner_lives(fd: int) -> bool:
    """Whether the owner still runs by its pid; only asked where locks are not offered."""
    if _platform.HAS_LOCKS:
        return False
    try:
        owner = json.loads(os.pread(fd, 4096, 0) if hasattr(os, "pread") else os.read(fd, 4096))
        return _platform.is_process_alive(int(owner["pid"]), int(owner["process_start"]))
    except (OSError, ValueError, KeyError, TypeError):
        return True


def journal_root(store: Path) -> Path:
    """Return the folder of all journals of one store file."""
    from hashlib import sha256

    base = os.environ.get("SPANBOOK_JOURNAL")
    folder = Path(base) if base else _platform.local_dir() / "journal"
    return folder / sha256(str(store).encode("utf-8", "surrogateescape")).hexdigest()[:24]
