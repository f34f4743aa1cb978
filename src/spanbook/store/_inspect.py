"""Facts about a store and its journals, for ``doctor``: read without changing anything."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from . import _platform, _schema
from ._codec import Dictionaries, is_intact
from ._connection import is_damage, open_reader, retry_locked
from ._owners import dead_journals, owner_facts, owner_lives
from ._segments import HEADER


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What can be said about a store file; sizes in bytes."""

    size: int
    wal_size: int
    mode: int | None  # permission bits, None where there are none
    schema_version: int
    journal_mode: str
    traces: int
    spans: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Soundness:
    """What a look at the pages of a store found; ``is_finished`` is False when the time was not enough for all."""

    problems: list[str]
    is_finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFacts:
    """The journals of one store: of processes that run, and of those that are gone; sizes in bytes."""

    folder: Path
    writable: bool
    living: int
    dead: int
    dead_bytes: int


def store_facts(path: Path) -> StoreFacts:
    """Return the facts about a store.

    Raises:
        StoreError: it cannot be read, or is none.
    """
    with closing(open_reader(path)) as db:
        # totals of the small table: counting a million spans would take seconds on a cold disk
        traces, spans = retry_locked(
            lambda: db.execute("SELECT count(*), coalesce(sum(n_spans), 0) FROM traces").fetchone(), 5.0
        )
        return StoreFacts(
            size=path.stat().st_size,
            wal_size=_size(path.with_name(f"{path.name}-wal")),
            mode=stat.S_IMODE(path.stat().st_mode) if os.name == "posix" else None,
            schema_version=_schema.version_of(db),
            journal_mode=str(db.execute("PRAGMA journal_mode").fetchone()[0]),
            traces=int(traces),
            spans=int(spans),
        )


def check_pages(path: Path, seconds: float | None = None) -> Soundness:
    """Look at the structure of every page of a store, also whether indexes and tables agree when time is no matter.

    Args:
        path: The store.
        seconds: Stop then; None looks at everything, for as long as it takes.

    Raises:
        StoreError: it cannot be opened.
    """
    pragma = "integrity_check" if seconds is None else "quick_check"
    with closing(open_reader(path)) as db:
        if seconds is not None:
            deadline = time.monotonic() + seconds
            db.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
        try:
            found = [str(row[0]) for row in db.execute(f"PRAGMA {pragma}(20)")]
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            return Soundness(problems=[], is_finished=False)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            found = [str(error)]
    return Soundness(problems=[text for text in found if text != "ok"], is_finished=True)


def count_bad_blobs(path: Path) -> tuple[int, int]:
    """Return how many blobs of a store do not match their digests, and how many there are.

    Raises:
        StoreError: it cannot be opened.
    """
    bad = total = 0
    with closing(open_reader(path)) as db:
        dictionaries = Dictionaries.of(db)
        for digest, codec, body in db.execute("SELECT digest, codec, body FROM blobs"):
            total += 1
            bad += not is_intact(digest, codec, body, dictionaries)
    return bad, total


def journal_facts(root: Path) -> JournalFacts:
    """Return the facts about the journals in ``root``, which need not exist."""
    folders = [folder for folder in _folders(root) if (folder / "owner.json").exists()]
    dead, dead_bytes = 0, 0
    for journal in dead_journals(root):
        dead += 1
        dead_bytes += sum(max(_size(segment) - HEADER.size, 0) for segment in journal.folder.glob("[0-9]*.seg"))
        journal.release()
    parent = root
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    return JournalFacts(
        folder=root,
        writable=os.access(parent, os.W_OK | os.X_OK) and _platform.is_mine(parent if parent != root else root),
        living=len(folders) - dead,
        dead=dead,
        dead_bytes=dead_bytes,
    )


def has_dead_journals(root: Path) -> bool:
    """Whether a process that is gone left records that are not in the store yet."""
    for journal in dead_journals(root):
        journal.release()
        return True
    return False


def living_owners(root: Path) -> Iterator[int]:
    """Yield the ids of the processes that have a journal in ``root`` and still run."""
    for folder in _folders(root):
        try:
            fd = os.open(folder / "owner.json", os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            continue  # a folder being made or removed by someone else
        try:
            lives = not _platform.try_lock(fd) or owner_lives(fd)
            pid = owner_facts(fd)[0]
        finally:
            os.close(fd)
        if lives and pid is not None:
            yield pid


def _folders(root: Path) -> list[Path]:
    try:
        return [folder for folder in root.iterdir() if folder.is_dir()]
    except OSError:  # not there yet, or not ours to read
        return []


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
