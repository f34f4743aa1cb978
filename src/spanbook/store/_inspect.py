"""Facts about a store and its journals, for ``doctor``: read without changing anything."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from . import _platform, _schema
from ._connection import open_reader, retry_locked
from ._journal import HEADER, dead_journals


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
