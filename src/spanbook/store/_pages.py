"""A SQLite file read page by page, as far as its bytes make sense: what salvage stands on.

SQLite itself gives up at the first page it cannot understand, and at once when the header or the schema is gone. Here
a page is taken by itself: the newest intact copy of it in the write-ahead log, else the one in the file. Only what rows
of tables need is understood: table b-trees, records, overflow chains, the list of free pages. Formats are those of
https://sqlite.org/fileformat2.html; sections are named where they matter. Everything here works on copies that no
SQLite has open, never changes them, and never raises for what their bytes say.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

MAGIC: Final = b"SQLite format 3\x00"
INTERIOR, LEAF = 0x05, 0x0D  # pages of table b-trees
_KINDS: Final = frozenset((0x00, 0x02, INTERIOR, 0x0A, LEAF))  # 0: an overflow or free page begins with a page number
#: Page sizes to try where nothing says it; ours first.
_PAGE_SIZES: Final = (8192, 4096, 1024, 2048, 16384, 32768, 65536, 512)

_WAL_HEADER: Final = struct.Struct(">8I")
_FRAME_HEADER: Final = struct.Struct(">6I")
_WAL_MAGICS: Final = {0x377F0682: "little", 0x377F0683: "big"}
_MASK: Final = 0xFFFFFFFF

#: Kinds of values in a record (section 2.1, "serial types"): those without bytes, and the bytes of the other numbers.
_CONSTANTS: Final[dict[int, int | None]] = {0: None, 8: 0, 9: 1}
_WIDTHS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8}
_REAL: Final = struct.Struct(">d")


class Row(NamedTuple):
    """A row of a table: its row id, and its values in the order of the columns (the row id's own column is None)."""

    number: int
    values: list[Any]


class PageFile:
    """The pages of a database and its log; use as a context manager."""

    def __init__(self, path: Path, wal: Path | None = None) -> None:
        self._file = path.open("rb")
        size = os.fstat(self._file.fileno()).st_size
        self._data: mmap.mmap | bytes = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        log = _Log(wal) if wal is not None and wal.exists() else None
        self.page_size = _page_size(self._data[:100]) or (log.page_size if log else 0) or _guess_size(self._data)
        self._newer = log.pages(self.page_size) if log else {}
        #: How many pages there are; of the last one, a part is enough.
        self.count = max(-(-size // self.page_size), max(self._newer, default=0))
        #: Pages that are not what they should be: unreadable, or cut off.
        self.damaged: set[int] = set()
        header = self.page(1) or b""
        self.has_header = header.startswith(MAGIC) and _page_size(header[:100]) == self.page_size
        if not self.has_header:
            self.damaged.add(1)
        # Some builds of SQLite keep 12 bytes at the end of each page for themselves; any other number is damage.
        self._usable = self.page_size - (12 if self.has_header and header[20] == 12 else 0)

    def __enter__(self) -> PageFile:
        return self

    def __exit__(self, *exc: object) -> None:
        if isinstance(self._data, mmap.mmap):
            self._data.close()
        self._file.close()

    def page(self, number: int) -> bytes | None:
        """Return a page, None when there is none of this number; one that is cut off ends in zeros."""
        newer = self._newer.get(number)
        if newer is not None:
            return newer
        start = (number - 1) * self.page_size
        if number < 1 or start >= len(self._data):
            return None
        page = bytes(self._data[start : start + self.page_size])
        if len(page) < self.page_size:
            self.damaged.add(number)
        return page.ljust(self.page_size, b"\0")

    def free_pages(self) -> set[int]:
        """Return the pages of the freelist: what stands in them was deleted. Empty when it is damaged (section 1.5)."""
        header = self.page(1) if self.has_header else None
        free: set[int] = set()
        trunk, total = struct.unpack_from(">2I", header, 32) if header else (0, 0)
        while trunk and len(free) < total and (page := self.page(trunk)) is not None:
            free.add(trunk)
            trunk, leaves = struct.unpack_from(">2I", page)
            free.update(struct.unpack_from(f">{min(leaves, self._usable // 4 - 2)}I", page, 8))
        is_sound = len(free) == total and all(1 < number <= self.count for number in free)
        return free if is_sound else set()

    def tree(self, root: int, seen: set[int]) -> Iterator[int]:
        """Yield the leaf pages of a table's b-tree as far as it can be walked; ``seen`` grows by all its pages."""
        todo = [root]
        while todo:
            number = todo.pop()
            if number in seen:
                continue
            seen.add(number)
            page = self.page(number)
            kind = self._kind(number, page)
            if page is None or kind not in (INTERIOR, LEAF):
                self.damaged.add(number)
            elif kind == LEAF:
                yield number
            else:
                todo += reversed(self._children(number, page))

    def is_leaf(self, number: int) -> bool:
        """Whether a page looks like a leaf of a table; notes the page when it looks like nothing known."""
        page = self.page(number)
        kind = self._kind(number, page)
        if page is not None and (kind not in _KINDS or not any(page)):
            self.damaged.add(number)
        return kind == LEAF

    def rows(self, number: int) -> list[Row]:
        """Return the rows of a leaf page that can be read; notes the page when some cannot."""
        page = self.page(number)
        if page is None:
            return []
        places = self._cells(number, page, 8)
        rows = _ascending([row for at in places if (row := self._row(page, at)) is not None])
        if len(rows) < len(places):
            self.damaged.add(number)
        return rows

    # -- b-tree pages (section 1.6)

    def _kind(self, number: int, page: bytes | None) -> int | None:
        return None if page is None else page[_start(number)]

    def _cells(self, number: int, page: bytes, head: int) -> list[int]:
        """Return where the cells of a page begin; ``head`` is the size of its header."""
        start = _start(number)
        count = int.from_bytes(page[start + 3 : start + 5], "big")
        count = min(count, (self._usable - start - head) // 2)
        return list(struct.unpack_from(f">{count}H", page, start + head))

    def _children(self, number: int, page: bytes) -> list[int]:
        start = _start(number)
        last = int.from_bytes(page[start + 8 : start + 12], "big")
        return [*(int.from_bytes(page[at : at + 4], "big") for at in self._cells(number, page, 12)), last]

    def _row(self, page: bytes, at: int) -> Row | None:
        try:
            size, at = _varint(page, at)
            number, at = _varint(page, at)
        except IndexError:
            return None
        payload = self._payload(page, at, size)
        values = None if payload is None else _record(payload)
        return None if values is None else Row(number - (1 << 64) if number >> 63 else number, values)

    def _payload(self, page: bytes, at: int, size: int) -> bytes | None:
        """Return the bytes of a record, those on overflow pages too (section 1.6, "Cell Payload Overflow Pages")."""
        usable = self._usable
        most, least = usable - 35, (usable - 12) * 32 // 255 - 23
        if size <= most:
            return page[at : at + size] if 0 < size <= usable - at else None
        here = least + (size - least) % (usable - 4)
        here = here if here <= most else least
        if size > usable * self.count or at + here + 4 > usable:
            return None
        pieces, left = [page[at : at + here]], size - here
        following = int.from_bytes(page[at + here : at + here + 4], "big")
        while left > 0:
            more = self.page(following)
            if more is None or following <= 1:
                return None
            pieces.append(more[4 : min(usable, 4 + left)])
            left -= usable - 4
            following = int.from_bytes(more[:4], "big")
        return b"".join(pieces)


def _start(number: int) -> int:
    """Return where the b-tree part of a page begins: behind the file's header on the first page."""
    return 100 if number == 1 else 0


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a variable-length integer and the place behind it; raises IndexError at the end of the data."""
    value = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | data[at], at + 1


def _record(data: bytes) -> list[Any] | None:
    """Return the values of a record, None when its header and its length do not agree (section 2.1)."""
    try:
        body, at = _varint(data, 0)
        kinds = []
        while at < body:
            kind = data[at]
            at += 1
            if kind >= 0x80:
                kind, at = _varint(data, at - 1)
            kinds.append(kind)
    except IndexError:
        return None
    if at != body:
        return None
    values: list[Any] = []
    for kind in kinds:
        if kind >= 12:
            end = at + ((kind - 12) >> 1)
            values.append(data[at:end].decode("utf-8", "replace") if kind & 1 else data[at:end])
            at = end
        elif kind in _CONSTANTS:
            values.append(_CONSTANTS[kind])
        else:
            size = _WIDTHS.get(kind)
            if size is None or at + size > len(data):
                return None
            piece = data[at : at + size]
            values.append(_REAL.unpack(piece)[0] if kind == 7 else int.from_bytes(piece, "big", signed=True))
            at += size
    return values if at == len(data) else None


def _ascending(rows: list[Row]) -> list[Row]:
    """Return the most rows whose numbers ascend, as they do on a page: a number that breaks this is damaged."""
    if all(a.number < b.number for a, b in pairwise(rows)):
        return rows
    tails: list[int] = []  # the least number that ends an ascending run of each length
    last: list[int] = []  # its place in rows
    before: list[int] = []
    for at, row in enumerate(rows):
        length = bisect_left(tails, row.number)
        before.append(last[length - 1] if length else -1)
        tails[length : length + 1], last[length : length + 1] = [row.number], [at]
    chosen, at = [], last[-1]
    while at >= 0:
        chosen.append(rows[at])
        at = before[at]
    return chosen[::-1]


# -- page size


def _page_size(header: bytes) -> int:
    """Return the page size that a header of the file says, 0 when it says none that is possible."""
    size = int.from_bytes(header[16:18], "big")
    size = 65536 if size == 1 else size
    return size if size in _PAGE_SIZES else 0


def _guess_size(data: mmap.mmap | bytes) -> int:
    """Return the page size at which most of the file looks like pages of b-trees."""

    def share(size: int) -> float:
        starts = range(size, len(data), size)
        return sum(_is_btree(data[start : start + size]) for start in starts) / max(len(starts), 1)

    return max(_PAGE_SIZES, key=share)


def _is_btree(page: bytes) -> bool:
    """Whether the header of a page is possible: its kind, and where its cells are."""
    if len(page) < 12 or page[0] not in (0x02, INTERIOR, 0x0A, LEAF):
        return False
    count = int.from_bytes(page[3:5], "big")
    head = 8 if page[0] >= 0x0A else 12
    if not 0 < count <= (len(page) - head) // 2:
        return False
    cells: tuple[int, ...] = struct.unpack_from(f">{count}H", page, head)
    return head + 2 * count <= min(cells) and len(page) // 2 < max(cells) < len(page)  # they are filled from the end


# -- write-ahead log (section 4)


class _Log:
    """The frames of a write-ahead log. One that is damaged is left out and those behind it are used all the same.

    A checksum goes on from that of the frame before, which is written in that frame: so each frame can be checked
    whose predecessor's header is whole. Frames of an older generation of the log carry other salts.
    """

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self._header = _WAL_HEADER.unpack_from(self._data) if len(self._data) >= _WAL_HEADER.size else (0,) * 8
        self._order = _WAL_MAGICS.get(self._header[0], sys.byteorder)
        self._is_whole = self._header[0] in _WAL_MAGICS and self._sum((0, 0), self._data[:24]) == self._header[6:]
        self.page_size = self._header[2] if self._header[2] in _PAGE_SIZES else 0

    def pages(self, size: int) -> dict[int, bytes]:
        """Return the newest committed copy of each page."""
        out: dict[int, bytes] = {}
        waiting: dict[int, bytes] = {}
        step = _FRAME_HEADER.size + size
        salts: tuple[int, ...] | None = self._header[4:6] if self._is_whole else None
        before: tuple[int, ...] = self._header[6:]
        for at in range(_WAL_HEADER.size, len(self._data) - step + 1, step):
            number, pages_after, *rest = _FRAME_HEADER.unpack_from(self._data, at)
            body = self._data[at + _FRAME_HEADER.size : at + step]
            found = self._sum(before, self._data[at : at + 8] + body)
            before = (rest[2], rest[3])
            salts = salts or (rest[0], rest[1])
            if (rest[0], rest[1]) != salts or found != before or number == 0:
                continue
            waiting[number] = body
            if pages_after:  # the last frame of a transaction
                out.update(waiting)
                waiting.clear()
        return out

    def _sum(self, before: tuple[int, ...], data: bytes) -> tuple[int, int]:
        """Return the checksum of data behind data with the checksum ``before`` (section 4.2)."""
        words = array("I", data)  # 4 bytes each on every platform that Python runs on
        if self._order != sys.byteorder:
            words.byteswap()
        one, two = before
        for first, second in zip(words[::2], words[1::2], strict=True):
            one = (one + first + two) & _MASK
            two = (two + second + one) & _MASK
        return one, two
