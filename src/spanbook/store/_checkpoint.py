"""Moving the write-ahead log into the store file: by one connection at a time, and never while another one commits.

Decision (2026-11). In SQLite 3.7.0 to 3.51.2 a checkpoint that begins just as another connection commits and starts
the log anew takes the length of the old log for that of the new one; a later checkpoint skips frames, and commits are
lost (sqlite.org/wal.html#walresetbug). SQLite's automatic checkpoint runs without the write lock, so two writers are
enough for it. Here nobody checkpoints automatically (``wal_autocheckpoint = 0``). A writer that finds the log long
takes the file's write lock, which elects one process and keeps all others from committing, and checkpoints through a
second connection. The lock is the kernel's: it ends with its process, and the next writer goes on. It costs other
writers the time of a checkpoint, some 0.1 s for 16 MB. The checkpoint that SQLite makes when a file is closed for the
last time needs no care: it holds the file exclusively.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from ._connection import WAL_LIMIT, connect, is_locked

#: Bytes of log at which a writer moves it into the file.
LONG: Final = 16 << 20
#: A log that a pause leaves as it is.
_SHORT: Final = 1 << 20
_IDLE_S: Final = 2.0
#: Between attempts that a reader makes futile, unless the log grows by a quarter meanwhile.
_AGAIN_S: Final = 5.0


class Checkpointer:
    """Keeps the log of one store short, for the writing connection of this process."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        #: Why the log stays long: a reader that stays, an error. None when it does not.
        self.problem: str | None = None
        self._clock = clock
        self._due = LONG
        self._tried = self._used = clock()

    def after_batch(self, db: sqlite3.Connection) -> None:
        """Move the log into the file when it is long; never raises, a failure is in ``problem``."""
        self._used = now = self._clock()
        size = self._size()
        if size < LONG:
            self._due = LONG
        elif (size >= self._due or now - self._tried > _AGAIN_S) and self._run(db, wait=size > 2 * LONG) is not None:
            self._due = size + LONG // 4

    def in_pause(self, db: sqlite3.Connection) -> None:
        """Move the log into the file, and shorten it, when nothing was written for a while; never raises."""
        now = self._clock()
        if now - self._used < _IDLE_S or now - self._tried < _IDLE_S or self._size() <= _SHORT:
            return
        if self._run(db, wait=False):
            try:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                db.execute(f"PRAGMA user_version = {version}")  # the first commit after it starts the log anew
            except sqlite3.Error as error:
                self._note(error)

    def _size(self) -> int:
        try:
            return os.stat(f"{self.path}-wal").st_size
        except OSError:
            return 0

    def _run(self, db: sqlite3.Connection, *, wait: bool) -> bool | None:
        """Checkpoint while nobody can commit.

        Returns:
            True when all of the log is in the file, False when a reader still needs it or it failed, None when
            another process was writing.
        """
        try:
            db.execute(f"PRAGMA busy_timeout = {200 if wait else 0}")
            try:
                db.execute("BEGIN IMMEDIATE")
            finally:
                db.execute("PRAGMA busy_timeout = 200")
            self._tried = self._clock()
            try:
                with closing(connect(self.path, "rw")) as second:
                    busy, frames, moved = second.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                db.execute("ROLLBACK")
        except Exception as error:  # noqa: BLE001 (the batch is committed: what fails here must not look like its loss)
            return self._note(error)
        done = not busy and bool(moved == frames)
        self.problem = None if done or (size := self._size()) <= WAL_LIMIT else (
            f"the write-ahead log has {size >> 20} MB, since a reader keeps it from being shortened; close what reads "
            f"from {str(self.path)!r} (a cursor left open)"
        )  # fmt: skip
        return done

    def _note(self, error: Exception) -> bool | None:
        if is_locked(error):
            return None
        self.problem = f"the write-ahead log cannot be moved into {str(self.path)!r} ({error})"
        return False
