"""What could be wrong with the store, the journal and the kernel, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .._version import __version__
from ..model import SpanbookError
from ..model.format import format_bytes, format_count
from ..store import _platform, _schema
from ..store._connection import WAL_LIMIT, has_wal_reset_bug
from ..store._inspect import Soundness, check_pages, count_bad_blobs, journal_facts, store_facts
from ..store._owners import journal_root
from ..tracer import _recorder
from . import _runtime, _settings

#: What spanbook's own parts need, and what people look for when a widget does not show.
_REQUIRED: Final = ("ipykernel", "anywidget", "ipywidgets", "pandas", "openai")
_OTHERS: Final = ("jupyterlab", "notebook")
_LOOK_S: Final = 1.0
_SALVAGE: Final = "spanbook salvage recovers what is intact into a new file"
_LITTLE_SPACE: Final = 200_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Check:
    """One line of ``doctor``."""

    name: str
    is_ok: bool
    text: str  # what was found
    advice: str = ""  # what to do about it; empty when nothing needs doing


def doctor(store: str | os.PathLike[str] | None = None, *, deep: bool = False) -> list[Check]:
    """Look at everything tracing depends on; works without a store, and changes nothing.

    Args:
        store: The file to look at; when None the one traced into, or the one that would be.
        deep: Also look at every page and every index of it, and hold all content against its digest; else at the
            pages that can be read in a second.

    Raises:
        UsageError: ``store`` is no path of a file.
    """
    runtime = _runtime.started()
    path = runtime.path if store is None and runtime is not None else _runtime.store_path(store)
    checks: list[Check] = []
    groups = {**_GROUPS, "content": _content} if deep else _GROUPS
    for name, look in groups.items():
        try:
            for check in look(path):
                checks.append(check)
        except (SpanbookError, OSError, sqlite3.Error, ValueError) as error:
            checks.append(Check(name, False, str(error)))
    return checks


def doctor_text(checks: list[Check]) -> str:
    """Return the checks one a line, each warning with its next step below."""
    wide = max((len(check.name) for check in checks), default=0)
    lines = []
    for check in checks:
        lines.append(f"{'ok  ' if check.is_ok else 'warn'}  {check.name:{wide}}  {check.text}")
        if check.advice:
            lines.append(f"      {'':{wide}}  → {check.advice}")
    return "\n".join(lines)


# -- the environment


def _python(path: Path) -> Iterator[Check]:
    system = platform.platform(terse=True)
    yield Check("spanbook", True, f"{__version__} on Python {platform.python_version()}, {system}")


def _sqlite(path: Path) -> Iterator[Check]:
    version = sqlite3.sqlite_version
    if not has_wal_reset_bug():
        yield Check("SQLite", True, version)
        return
    yield Check(
        "SQLite",
        False,
        f"{version} has the WAL-reset bug: tracing works around it, but other programs that write to the store while "
        "it is traced into may, very rarely, damage it",
        "let only spanbook write to a store in use, or use a Python with SQLite 3.51.3 (or 3.50.7, 3.44.6)",
    )


def _packages(path: Path) -> Iterator[Check]:
    for name in _REQUIRED:
        version = _version(name)
        if version is None:
            yield Check(name, False, "not installed", f"pip install {name}")
        elif name == "ipykernel" and version.startswith("7.0."):
            yield Check(
                name, False, f"{version} cannot send widget messages from a thread: live views stay empty",
                "pip install -U 'ipykernel!=7.0.*' and restart the kernel",
            )  # fmt: skip
        else:
            yield Check(name, True, version)
    front_ends = [f"{name} {version}" for name in _OTHERS if (version := _version(name)) is not None]
    yield Check("front end", True, ", ".join(front_ends) or "no Jupyter front end in this environment")


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


# -- the store


def _file_system(path: Path) -> Iterator[Check]:
    folder = _existing(path.parent)
    kind = _platform.file_system(folder) or "unknown"
    if _platform.is_network_file_system(folder):
        yield Check(
            "file system", False, f"{kind}: not a disk of this machine, SQLite cannot lock reliably there",
            "keep the store on a local disk: sb.init(store=…) or $SPANBOOK_STORE",
        )  # fmt: skip
    elif path.parent == _platform.local_dir() / "stores":
        text = f"{kind}, in the local state folder, because the folder of the store is on a network file system"
        yield Check("file system", True, text)
    else:
        yield Check("file system", True, kind)
    free = shutil.disk_usage(folder).free
    yield Check(
        "free space", free >= _LITTLE_SPACE, f"{format_bytes(free)} where the store is",
        "" if free >= _LITTLE_SPACE else "free some, or move the store: sb.init(store=…) or $SPANBOOK_STORE",
    )  # fmt: skip


def _store(path: Path) -> Iterator[Check]:
    if not path.exists():
        folder = _existing(path.parent)
        writable = os.access(folder, os.W_OK | os.X_OK)
        advice = "" if writable else "choose a folder you can write: sb.init(store=…) or $SPANBOOK_STORE"
        text = "not there yet; the first trace makes it" if writable else f"not there, and {folder} cannot be written"
        yield Check("store", writable, f"{path}: {text}", advice)
        return
    facts = store_facts(path)
    counts = f"{format_count(facts.traces)} traces, {format_count(facts.spans)} spans"
    yield Check("store", True, f"{path}: {format_bytes(facts.size)}, {counts}")
    if facts.schema_version > _schema.VERSION:
        yield Check(
            "schema", False, f"{facts.schema_version}, of a newer spanbook (this one writes {_schema.VERSION})",
            "pip install -U spanbook; until then the store can only be read",
        )  # fmt: skip
    else:
        yield Check("schema", True, f"{facts.schema_version}, journal mode {facts.journal_mode}")
    if facts.mode is not None:
        is_private = facts.mode & 0o077 == 0
        text = f"{facts.mode:04o}" if is_private else f"{facts.mode:04o}: other users of this machine can read it"
        yield Check("file mode", is_private, text, "" if is_private else f"chmod 600 {path}")
    is_small = facts.wal_size <= 2 * WAL_LIMIT
    advice = "" if is_small else "close what keeps reading from the store (a cursor left open), then trace something"
    yield Check("write-ahead log", is_small, format_bytes(facts.wal_size), advice)
    if not os.access(path, os.W_OK):
        yield Check("access", False, "the store can be read, not written", f"chmod u+w {path}, or choose another store")


def _pages(path: Path) -> Iterator[Check]:
    if path.exists() and path.stat().st_size:
        yield _soundness(check_pages(path, _LOOK_S), "pages")


def _content(path: Path) -> Iterator[Check]:
    if not path.exists() or not path.stat().st_size:
        return
    yield _soundness(check_pages(path), "pages and indexes")
    bad, total = count_bad_blobs(path)
    text = f"{format_count(total - bad)} of {format_count(total)} blobs match their digests"
    yield Check("content", bad == 0, text, "" if bad == 0 else _SALVAGE)


def _soundness(found: Soundness, name: str) -> Check:
    if found.problems:
        more = f" (and {len(found.problems) - 1} more)" if len(found.problems) > 1 else ""
        return Check(name, False, f"damaged: {' '.join(found.problems[0].split())}{more}", _SALVAGE)
    if not found.is_finished:
        return Check(name, True, f"no damage found in {_LOOK_S:g} s; `spanbook doctor --deep` looks at all of them")
    return Check(name, True, "no damage found")


def _journal(path: Path) -> Iterator[Check]:
    facts = journal_facts(journal_root(path))
    advice = "" if facts.writable else "set $SPANBOOK_JOURNAL to a folder you can write"
    text = f"{facts.folder}: {facts.living} in use"
    if not facts.writable:
        text += "; it cannot be written, so a killed process loses what is not in the store yet"
    yield Check("journal", facts.writable, text, advice)
    if facts.dead:
        yield Check(
            "left behind", False,
            f"{facts.dead} processes that are gone left {format_bytes(facts.dead_bytes)} that are not in the store yet",
            "spanbook ls brings them in, and so does tracing into this store",
        )  # fmt: skip


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


# -- this process


def _process(path: Path) -> Iterator[Check]:
    stats = _runtime.stats()
    lost = stats["dropped"] + stats["errors"]
    text = f"{stats['written']:,} spans written, {stats['dropped']:,} dropped, {stats['errors']:,} errors, "
    text += f"{stats['queued_bytes']:,} bytes wait, {stats['redacted']:,} values redacted"
    advice = "sb.stats()['failures'] says what failed" if lost else ""
    yield Check("this process", lost == 0, text, advice)
    if stats["problem"]:
        yield Check("problem", False, str(stats["problem"]), "what waits is written once this is mended")
    state = "on" if _recorder.enabled else "off: nothing is recorded"
    sampled = "" if _recorder.sample >= 1.0 else f", {_recorder.sample:.0%} of traces are kept"
    advice = "" if _recorder.enabled else "%spanbook on"
    yield Check("tracing", _recorder.enabled, f"{state}{sampled}; after a cell: {_settings.display}", advice)
    runtime = _runtime.started()
    policy = "secrets" if runtime is None else runtime.redact
    is_off = policy == "off"
    yield Check(
        "redaction", not is_off, "a function of yours" if callable(policy) else str(policy),
        "keys and passwords are stored as they are; sb.init(redact='secrets') removes them" if is_off else "",
    )  # fmt: skip


def _integrations(path: Path) -> Iterator[Check]:
    from ..integrations import integrations

    for row in integrations():
        problems = row["problems"]
        version = f" {row['version']}" if row["version"] else ""
        text = "; ".join(filter(None, [f"{row['state']}{version}", *problems, row["hint"]]))
        yield Check(
            row["name"], not problems, text, f"pip install -U {row['package']}, or spanbook" if problems else ""
        )


_GROUPS: Final[dict[str, Callable[[Path], Iterator[Check]]]] = {
    "spanbook": _python,
    "SQLite": _sqlite,
    "packages": _packages,
    "file system": _file_system,
    "store": _store,
    "pages": _pages,
    "journal": _journal,
    "this process": _process,
    "integrations": _integrations,
}
