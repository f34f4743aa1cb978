"""The tracing of this process: one store, one journal, one fold; started by ``init`` or by the first span."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ..model import NewerStoreError, SpanbookError, UsageError
from ..store import _platform
from ..store._journal import Journal
from ..store._owners import journal_root
from ..tracer import _recorder, _span
from ..tracer._decorator import set_trace_reader
from ..tracer._report import errors, report_failure, warn_once

if TYPE_CHECKING:
    from ..ingest._fold import Fold, Listener
    from ..model.prices import PriceTable

DEFAULT_STORE: Final = Path(".spanbook") / "store.db"

_lock = threading.RLock()
_active: Runtime | None = None
_exiting = False
#: Somebody said where and how to trace (``init``): that outlives the extension.
is_chosen = False
#: Seconds that a change of the policy waits for the store to take what was given under the one before.
_POLICY_S: Final = 5.0
#: What a forked child goes on with: store, redaction policy, prices.
_inherited: tuple[Path, str | Callable[[Any], Any], PriceTable] | None = None


class Runtime:
    """Where this process traces to."""

    def __init__(self, path: Path, redact: str | Callable[[Any], Any], prices: PriceTable) -> None:
        from ..ingest._fold import Fold
        from ..model.redaction import make_redactor

        self.path = path
        self.redact = redact
        self.prices = prices
        self.root = journal_root(path)
        self.journal = Journal(self.root, str(path), _policy_name(redact))
        self.fold: Fold = Fold(path, self.journal, self.root, make_redactor(redact), prices)
        self.closed = False

    def start(self) -> None:
        """Take the records of this process and start folding."""
        from ..ingest._fold import warn_of_memory

        _recorder.install(self.journal)
        self.fold.start()
        warn_of_memory(self.journal)

    def close(self, timeout: float = 5.0) -> bool:
        """Fold what is left; spans that end later are written straight into the store."""
        if self.closed:
            return True
        self.closed = True
        if _recorder.journal is self.journal:
            _recorder.install(_WriteThrough(self))  # type: ignore[arg-type]
        return self.fold.close(timeout)

    def abandon_in_child(self) -> None:
        """In a forked child: close what was inherited without disturbing the parent."""
        self.journal.abandon_in_child()
        self.fold.writer.abandon_in_child()
        self.closed = True


class _WriteThrough:
    """Stands for the journal once it is closed: hooks at exit that run after ours lose nothing."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.pid = os.getpid()

    def write(self, framed: bytes) -> NoReturn:
        raise ValueError("the journal is closed")

    def append(self, framed: bytes, *, light: bool = False) -> None:
        self._runtime.fold.write_now(framed)


def store_path(store: str | os.PathLike[str] | None) -> Path:
    """Return the absolute path of the store to use: the argument, ``$SPANBOOK_STORE``, or ``.spanbook/store.db``.

    On a file system shared with other hosts SQLite cannot lock reliably: there, the store is kept in the local state
    folder, said once.

    Raises:
        UsageError: the argument is no path, or names a folder.
    """
    if store is not None and not isinstance(store, (str, os.PathLike)):
        raise UsageError(f"store={store!r} is a {type(store).__name__}; give the path of a file.")
    if store is not None and not os.fspath(store):
        raise UsageError("store='' is empty; give the path of a file such as 'traces.db'.")
    if store is not None and "\0" in os.fsdecode(store):
        raise UsageError(f"store={store!r} holds a zero character, which no path may; give the path of a file.")
    path = Path(store if store is not None else os.environ.get("SPANBOOK_STORE") or DEFAULT_STORE)
    path = Path(os.path.abspath(path.expanduser()))
    if os.path.isdir(path):  # unlike Path.is_dir, False for what may not be looked at
        raise UsageError(f"store={str(path)!r} is a folder; give a file in it, such as {str(path / 'store.db')!r}.")
    if _platform.is_network_file_system(path.parent):
        from hashlib import sha256

        local = _platform.local_dir() / "stores" / f"{sha256(str(path).encode()).hexdigest()[:16]}.db"
        warn_once(
            f"network-{path}",
            f"{str(path.parent)!r} is on a {_platform.file_system(path.parent)} file system, where SQLite cannot lock "
            f"reliably; the store is kept in {str(local)!r} instead. Copy it out with `spanbook export --plain`.",
        )
        return local
    return path


def activate(store: str | os.PathLike[str] | None, redact: str | Callable[[Any], Any] | None = None) -> Runtime:
    """Trace into ``store`` from now on, and return the runtime; the one before is folded and closed.

    Raises:
        StoreError: the file cannot be used; tracing goes on as before.
        UsageError: an argument is wrong.
    """
    global _active
    from ..model.redaction import make_redactor

    with _lock:
        path = store_path(store)
        before = _active
        policy = redact if redact is not None else (before.redact if before is not None else "secrets")
        if before is not None and not before.closed and before.path == path:
            if policy != before.redact:
                redactor = make_redactor(policy)
                before.fold.flush(_POLICY_S)  # what waits was given under the policy before
                before.journal.change_policy(_policy_name(policy))
                before.fold.set_redactor(redactor)
                before.redact = policy
            return before
        runtime = _new_runtime(path, policy, _prices_before(before))
        if before is not None:
            runtime.fold.listeners, runtime.fold.ticks = before.fold.listeners, before.fold.ticks
        _active = runtime
        with runtime.fold.lock:  # nothing is folded here before it is known which spans are open
            runtime.start()
            if before is not None:
                before.close()
                runtime.fold.adopt(before.fold)
        return runtime


def _policy_name(redact: str | Callable[[Any], Any]) -> str:
    """Return what a journal calls a policy; a function is gone with its process."""
    return redact if isinstance(redact, str) else "custom"


def _prices_before(before: Runtime | None) -> PriceTable:
    from ..model.prices import PriceTable

    if before is not None:
        return before.prices
    return _inherited[2] if _inherited is not None else PriceTable()


def _new_runtime(path: Path, redact: str | Callable[[Any], Any], prices: PriceTable) -> Runtime:
    runtime = Runtime(path, redact, prices)
    try:
        runtime.fold.writer.connection()
    except NewerStoreError as error:
        sibling = path.with_name(f"{path.stem}.for-this-version{path.suffix}")
        warn_once(f"newer-{path}", f"{error} Tracing goes to {str(sibling)!r} meanwhile.")
        runtime.journal.close(remove=True)
        return _new_runtime(sibling, redact, prices)
    except BaseException:
        runtime.journal.close(remove=True)
        raise
    return runtime


def active() -> Runtime:
    """Return the runtime, started with the defaults when there is none.

    Raises:
        StoreError: the default store cannot be used.
    """
    with _lock:
        if _active is None and _inherited is not None:
            _go_on_in_child(*_inherited)
        return _active if _active is not None else activate(None)


def started() -> Runtime | None:
    """Return the runtime when there is one; starts nothing."""
    return _active


def _start_for_first_span() -> None:
    """Start tracing for a span outside ``init``: failures are said, and the journal keeps what comes."""
    global _active
    try:
        active()
    except (SpanbookError, OSError) as error:
        report_failure("open the store", error)
        with _lock:
            if _active is None:
                from ..model.prices import PriceTable

                _active = Runtime(store_path(None), "secrets", PriceTable())
                _active.start()  # the fold goes on trying to open it
    if _exiting:
        close()


def _go_on_in_child(path: Path, redact: str | Callable[[Any], Any], prices: PriceTable) -> None:
    """Trace on in a forked child, into its parent's store.

    The store is opened by the fold's thread, not here: should another thread of the parent have been inside SQLite
    (by its own means) when it forked, a mutex stays locked, and only that thread waits. The journal is the parent's
    to fold, then.
    """
    global _active
    _active = Runtime(path, redact, prices)
    _active.start()


def _at_exit() -> None:
    """Finish; what hooks at exit trace after this one is written straight into the store."""
    global _exiting
    _exiting = True
    close()


def close() -> None:
    """Fold what is left and stop."""
    runtime = _active
    if runtime is not None:
        try:
            runtime.close()
        except Exception as error:  # noqa: BLE001 - at exit nothing may escape into the user's terminal
            report_failure("finish tracing", error)


def reset() -> None:
    """Close and forget the runtime; the next span starts anew (``%unload_ext``, tests)."""
    global _active, is_chosen
    with _lock:
        close()
        _active, is_chosen = None, False
        _recorder.install(None)
        _recorder.sample = 1.0
        _recorder.set_base_context(None)
        _span.set_early_redactor(None)


def _in_child() -> None:
    """In a forked child: let go of the parent's files. The first span starts a journal and a fold of its own."""
    global _active, _inherited, _lock
    _lock = threading.RLock()
    parent, _active = _active, None
    if parent is not None:
        _inherited = (parent.path, parent.redact, parent.prices)
        parent.abandon_in_child()
        _recorder.install(None)


_held_for_fork: list[Any] = []
#: Whether the thread is started when the fork has returned, not by a hook of it; None before the first fork.
_starts_after_fork: bool | None = None


def _before_fork() -> None:
    """Close the writing connection and keep it closed: SQLite's locks must not be inherited (nor the readers').

    The fold's thread is ended, too: a batch takes a fraction of a second, and what takes longer is left alone.
    """
    global _starts_after_fork
    if _active is not None:
        fold = _active.fold
        if _starts_after_fork is None:
            _starts_after_fork = sys.version_info >= (3, 13) and _platform.register_after_fork(_unpark)
        fold.park(1.0)
        fold.gate.clear()
        try:
            if fold.lock.acquire(timeout=5.0):
                _held_for_fork.append(fold.lock)
                fold.writer.close()
        finally:
            fold.gate.set()


def _after_fork() -> None:
    while _held_for_fork:
        _held_for_fork.pop().release()


def _after_fork_in_parent() -> None:
    _after_fork()
    if not _starts_after_fork or threading.current_thread() is not threading.main_thread():
        _unpark()


def _unpark() -> None:
    if _active is not None:
        _active.fold.unpark()


def add_listener(listener: Listener) -> None:
    """Call ``listener`` with what each transaction changed, on the fold's thread."""
    active().fold.listeners.append(listener)


def stats() -> dict[str, Any]:
    """Return the counters of this process, zeros before anything was traced."""
    runtime = _active
    base: dict[str, Any] = {
        "store": None if runtime is None else str(runtime.path),
        "written": 0,
        "dropped": _recorder.dropped,
        "emptied": _recorder.emptied,
        "errors": sum(errors.values()),
        "queued_bytes": 0,
        "redacted": 0,
        "unwritable": 0,
        "unreadable": 0,
        "problem": None,
        "failures": dict(errors),
    }
    if runtime is not None:
        base.update(runtime.fold.stats())
    base["errors"] += base["unwritable"] + base["unreadable"]
    return base


def _read_trace(trace_id: str) -> Any:
    from ._store import current_store

    return current_store().get_trace(trace_id)


set_trace_reader(_read_trace)
_recorder.set_starter(_start_for_first_span)
_recorder.set_in_child(_in_child)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork)
atexit.register(_at_exit)
