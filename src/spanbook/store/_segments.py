"""Segments of a journal, and the records in them.

A segment is preallocated, so that a full disk can never become a SIGBUS: a 64-byte header (magic, format, pid, process
start, boot id, number), then records: length and checksum (which one, the format says: ``_checksum``) as little-endian
u32, then the body (``marshal`` format 4, transient by design and never an archive). A zero length ends a segment; so
does a wrong checksum.

Records are tuples; the first item says which:
``(START, trace, span, parent, name, kind, start_ns, input, fields, provenance)``,
``(END, trace, span, parent, name, kind, start_ns, end_ns, status, output, fields)``,
``(EVENT, trace, span, time_ns, name, data)``, ``(SCORE, {field: value})``, ``(UPDATE, [trace…], {field: value})``.
Trace ids are hex texts, span ids ints.
A start or end without values may be packed shorter (``SHORT_START``, ``SHORT_END``): its first byte is START, END or
OTEL_END, which begin no marshalled tuple. OTEL_END is the end of an OpenTelemetry span that says no more than whose it
is; the name and version of that library follow as UTF-8, a zero byte between them.
"""

from __future__ import annotations

import contextlib
import marshal
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from ..model import KINDS
from . import _platform
from ._checksum import FORMAT, checksum

START, END, EVENT, SCORE, UPDATE = 1, 2, 3, 4, 5
OTEL_END: Final = 6
#: What ``format`` says of records that hold an OpenTelemetry span.
OTEL_FORMAT: Final = "otel"

#: A span without values, as most are, needs no marshal: half the price of a bare span. Code, trace id, span, parent
#: (0: none), start, kind code; the name follows as UTF-8. And its end: code, trace id, span, end.
SHORT_START: Final = struct.Struct("<B32sQQQB")
SHORT_END: Final = struct.Struct("<B32sQQ")

MAGIC: Final = b"SPANBOOK"
HEADER: Final = struct.Struct("<8sIIQ32sQ")  # magic, format, pid, process start, boot id, segment number
FRAME: Final = struct.Struct("<II")  # length, checksum of the body


class Position(NamedTuple):
    """A place in a journal: segment number, byte offset in it."""

    segment: int
    offset: int

    def start_in(self, number: int) -> int:
        """Return where what is behind this place begins in a segment, this one's or a later one."""
        return self.offset if number == self.segment else HEADER.size


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
    if body[0] == OTEL_END:
        _, trace, span, end = SHORT_END.unpack_from(body)
        scope, _, version = body[SHORT_END.size :].decode("utf-8").partition("\0")
        fields = {"format": OTEL_FORMAT, "scope": scope, "scope_version": version}
        return (END, trace.decode("ascii"), span, None, None, None, None, end, "ok", None, fields)
    record = marshal.loads(body)  # noqa: S302 (ours: from a private folder, its checksum was checked)
    if not isinstance(record, tuple):
        raise TypeError("a record is a tuple")
    return record


def frame(body: bytes) -> bytes:
    """Return ``body`` with its length and checksum before it, as it lies in a segment."""
    return FRAME.pack(len(body), checksum(body)) + body


def is_end(frame_bytes: bytes) -> bool:
    """Whether no record begins here."""
    return len(frame_bytes) < FRAME.size or FRAME.unpack(frame_bytes)[0] == 0


def whole_records(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield (body, bytes used so far) for whole records at the start of ``data``; checksums are not looked at."""
    at, end = 0, len(data)
    unpack = FRAME.unpack_from
    while at + FRAME.size <= end:
        length = unpack(data, at)[0]
        stop = at + FRAME.size + length
        if length == 0 or stop > end:
            return
        yield data[at + FRAME.size : stop], stop
        at = stop
