"""Opening the store file: created private, checked to be ours, set up alike on every connection.

The live file is never opened, copied or hashed by other means in this process: closing any other descriptor of it
would drop SQLite's POSIX locks.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from ..model import NewerStoreError, NotAStoreError, StoreError
from . import _filter_values, _platform, _schema
from ._codec import PayloadReader

T = TypeVar("T")

#: SQLite versions in which two connections that write and checkpoint at once can damage the file.
WAL_RESET_BUG_UNTIL: Final = (3, 51, 3)
_WAL_RESET_FIXED: Final = ((3, 50, 7), (3, 44, 6))
WAL_LIMIT: Final = 64 << 20
_DAMAGE: Final = (11, 24)  # SQLITE_CORRUPT, SQLITE_FORMAT
_SHORT_READ: Final = 522  # SQLITE_IOERR_SHORT_READ: the file ends before a page that it should have


class Identity(NamedTuple):
    """Which file a connection is on: device and inode of the store, inode of its log (None: there was none)."""

    device: int
    inode: int
    wal: int | None


def identity_of(path: Path) -> Identity | None:
    """Return the identity of the store file now, None when there is none."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    try:
        wal = os.stat(f"{path}-wal").st_ino
    except OSError:
        wal = None
    return Identity(stat.st_dev, stat.st_ino, wal)


def is_same(opened: Identity | None, path: Path) -> bool:
    """Whether a connection opened on ``opened`` is still on the file, and on the log, that others see."""
    now = identity_of(path)
    if opened is None or now is None or opened[:2] != now[:2]:
        return False
    return opened.wal is None or opened.wal == now.wal


def has_wal_reset_bug(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite has the WAL-reset bug (3.7.0 to 3.51.2, but 3.50.7 and 3.44.6 and later of their lines)."""
    if not (3, 7, 0) <= version < WAL_RESET_BUG_UNTIL:
        return False
    return not any(version[:2] == fixed[:2] and version >= fixed for fixed in _WAL_RESET_FIXED)


def create_if_missing(path: Path) -> bool:
    """Create an empty store file of mode 0600 with a ``.gitignore`` beside it; True when it was not there.

    A write-ahead log that lies there without its file belongs to another file and would be replayed into ours: it is
    moved aside.

    Raises:
        StoreError: the folder cannot be made or written.
    """
    try:
        if not path.parent.exists():
            _platform.make_dirs(path.parent)
            if path.parent.name == ".spanbook":
                (path.parent / ".gitignore").write_text("*\n")
        if path.exists():
            return False
        wal = path.with_name(path.name + "-wal")
        if wal.exists():
            wal.rename(path.with_name(f"{path.name}-wal.stale-{time.time_ns()}"))
        os.close(_platform.create_private_file(path))
    except FileExistsError:
        return False
    except OSError as error:
        raise StoreError(
            f"the store {str(path)!r} cannot be created ({error.strerror or error}); "
            "choose a folder you can write with sb.init(store=…) or $SPANBOOK_STORE."
        ) from error
    return True


def open_writer(path: Path, wait_s: float = 5.0, *, newer_is_fine: bool = False) -> sqlite3.Connection:
    """Open (and create or migrate) the store for writing. The caller guards it with a lock of its own.

    Args:
        path: The file.
        wait_s: Seconds to wait for another process that holds a lock.
        newer_is_fine: The caller wrote to this file before a newer spanbook migrated it: migrations only add, so it
            may go on.

    Raises:
        NotAStoreError: the file is something else; it was not touched.
        NewerStoreError: a newer spanbook made it.
        StoreError: it cannot be opened or written.
    """
    create_if_missing(path)
    db = connect(path, "rw")
    try:
        _check_is_store(db, path, wait_s, newer_is_fine=newer_is_fine)
        db.execute("PRAGMA page_size = 8192")
        retry_locked(lambda: db.execute("PRAGMA journal_mode = WAL"), wait_s)
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA journal_size_limit = 0")  # a log that is started anew gives its space back
        retry_locked(lambda: _schema.migrate(db), wait_s)
        prepare(db)
    except sqlite3.Error as error:
        db.close()
        raise store_error(path, error) from error
    except BaseException:
        db.close()
        raise
    return db


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the store for reading only.

    Raises:
        StoreError: there is no such file, or it cannot be read.
        NotAStoreError: the file is something else.
    """
    if not path.exists():
        raise StoreError(f"there is no store {str(path)!r}; trace something first, or give another path.")
    db = connect(path, "ro")
    try:
        _check_is_store(db, path, 5.0, is_reader=True, newer_is_fine=True)
        prepare(db)
    except sqlite3.Error as error:
        db.close()
        raise store_error(path, error) from error
    except BaseException:
        db.close()
        raise
    return db


def open_for_own_tables(path: Path) -> sqlite3.Connection:
    """Open the store as any program would, for tables of the user's own; whoever traces moves the log on."""
    db = sqlite3.connect(path, timeout=10)
    db.execute("PRAGMA wal_autocheckpoint = 0")  # why: _checkpoint.py
    return db


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open an existing file (``mode`` "ro" or "rw") and look at nothing in it; it never checkpoints by itself.

    Raises:
        StoreError: it cannot be opened.
    """
    try:
        uri = f"file:{_quoted(path)}?mode={mode}"
        db = sqlite3.connect(uri, uri=True, timeout=0.2, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA wal_autocheckpoint = 0")  # why: _checkpoint.py
    except sqlite3.Error as error:
        raise store_error(path, error) from error
    return db


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path))


def _check_is_store(
    db: sqlite3.Connection, path: Path, wait_s: float, *, is_reader: bool = False, newer_is_fine: bool = False
) -> None:
    application, tables = retry_locked(lambda: _look(db), wait_s)
    if application != _schema.APPLICATION_ID:
        empty = tables == 0
        if is_reader or not empty or application != 0:
            if empty and application == 0:
                raise StoreError(f"the store {str(path)!r} is empty; nothing was ever traced into it.")
            raise NotAStoreError(
                f"{str(path)!r} is a SQLite file that spanbook did not make; it was left untouched. "
                "Choose another path with sb.init(store=…) or $SPANBOOK_STORE."
            )
        return
    version = _schema.version_of(db)
    if version > _schema.VERSION and not newer_is_fine:
        raise NewerStoreError(
            f"the store {str(path)!r} has schema {version}, this spanbook writes {_schema.VERSION}; "
            "upgrade spanbook, or read it with sb.open(path)."
        )


def _look(db: sqlite3.Connection) -> tuple[int, int]:
    """Return the application id and the number of tables, as of one moment: another process may be making them."""
    db.execute("BEGIN")
    try:
        tables = db.execute("SELECT count(*) FROM main.sqlite_master").fetchone()[0]
        return db.execute("PRAGMA application_id").fetchone()[0], tables
    except UnicodeDecodeError as error:  # SQLite's complaint quotes a name that is no text any more
        raise sqlite3.DatabaseError("malformed database schema") from error
    finally:
        db.execute("ROLLBACK")


def prepare(db: sqlite3.Connection) -> PayloadReader:
    """Give a connection our functions and TEMP views; returns the decoder they use."""
    reader = PayloadReader(db)

    db.create_function("sb_json", 1, reader.text, deterministic=True)
    _filter_values.register(db, reader.text)
    for view in _schema.VIEWS:
        db.execute(view)
    return reader


def is_locked(error: BaseException) -> bool:
    """Whether the error says (or comes from one that says) that another connection holds the file just now."""
    if isinstance(error, StoreError) and error.__cause__ is not None:
        error = error.__cause__
    text = str(error)
    return isinstance(error, sqlite3.OperationalError) and ("locked" in text or "busy" in text or "protocol" in text)


def retry_locked(call: Callable[[], T], seconds: float) -> T:
    """Call until it does not meet a lock, at most for ``seconds``."""
    deadline = time.monotonic() + seconds
    pause = 0.002
    while True:
        try:
            return call()
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 0.05)


def is_damage(error: BaseException) -> bool:
    """Whether the error says (or comes from one that says) that the file does not hold what it should."""
    if isinstance(error, StoreError) and error.__cause__ is not None:
        error = error.__cause__
    if not isinstance(error, sqlite3.Error):
        return False
    code, text = getattr(error, "sqlite_errorcode", None) or 0, str(error)
    says_so = (
        "malformed",
        "could not decode to utf-8",
        "no such table: ",  # its schema was overwritten
        "no such column: ",
        "user-defined function raised",  # before ours was called: the text it should be given is not UTF-8
    )
    return code & 0xFF in _DAMAGE or code == _SHORT_READ or any(said in text.lower() for said in says_so)


def store_error(path: Path, error: sqlite3.Error) -> StoreError:
    """Return what SQLite says about a store as an error of ours, with the next step."""
    text = str(error)
    if "not a database" in text:
        return NotAStoreError(
            f"{str(path)!r} is no SQLite file; it was left untouched. "
            "Choose another path with sb.init(store=…) or $SPANBOOK_STORE. If it was a store once, "
            "`spanbook salvage` recovers what is left of it."
        )
    if is_locked(error):
        return StoreError(
            f"the store {str(path)!r} is locked by another program; close what holds it, or choose another path "
            "with sb.init(store=…)."
        )
    if is_damage(error):
        return damage_error(path, text)
    return StoreError(
        f"the store {str(path)!r} cannot be opened ({text}); check that you may read and write it and its folder."
    )


def damage_error(path: Path, found: str) -> StoreError:
    """Return the error that says what was found damaged in a store."""
    return StoreError(f"the store {str(path)!r} is damaged ({found}); recover it with `spanbook salvage`.")
