"""The fold: carries the journal into the store, about five times a second, in a thread of its own.

Whoever holds the lock folds: the thread, ``flush()`` in the caller (so it works where no thread can be started) and the
hooks at exit. Nothing leaves the journal before the transaction that holds it is committed.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ..model import SpanbookError, clock, ids
from ..model.prices import PriceTable
from ..model.redaction import POLICIES, Redactor, make_redactor
from ..store import _platform
from ..store._codec import learn
from ..store._connection import is_damage, is_locked, store_error
from ..store._journal import Journal
from ..store._owners import DeadJournal, dead_journals
from ..store._segments import END, FRAME, Position, decode
from ..store._write import Batch, StoreReplacedError, StoreWriter, Written
from ..tracer import _recorder
from ..tracer._report import report_failure, warn_once
from ._encode import Encoder
from ._records import RecordReader

TICK_S: Final = 0.2
#: Bytes of journal in one transaction: bounds how long the write lock and memory are held.
_BATCH_BYTES: Final = 1 << 20
_LEAST_BYTES: Final = 1 << 18
#: Beside a thread that computes, a batch takes many times longer: batches shrink until they take no more than that.
_BATCH_S: Final = 0.25
#: What waits is in no danger, and a computing cell goes first; beyond so much, the cell gives way.
_URGENT_BYTES: Final = 8 << 20
_SYNC_EVERY_S: Final = 1.0
_LOOK_FOR_DEAD_S: Final = 1.0
#: Errors that one bad row causes, and that writing the same batch again would cause again.
_DATA_ERRORS: Final = (sqlite3.DataError, sqlite3.InterfaceError, sqlite3.IntegrityError, sqlite3.ProgrammingError,
                       OverflowError, UnicodeError, ValueError, TypeError, KeyError)  # fmt: skip

Listener = Callable[[Written], None]


def warn_of_memory(journal: Journal) -> None:
    """Say it, once, when a journal has no file."""
    if journal.problem is not None:
        warn_once(
            "journal-in-memory",
            f"the journal cannot be written ({journal.problem}); spans are kept in memory until folded, "
            "so a killed process loses the last fraction of a second. Set $SPANBOOK_JOURNAL to a writable folder.",
        )


class Fold:
    """Folds one journal into one store."""

    def __init__(self, store: Path, journal: Journal, root: Path, redactor: Redactor, prices: PriceTable) -> None:
        self.writer = StoreWriter(store)
        self.journal = journal
        self.lock = threading.RLock()
        #: Closed while a fork waits for the lock, which busy threads would else take again and again.
        self.gate = threading.Event()
        self.gate.set()
        self.listeners: list[Listener] = []
        self.ticks: list[Callable[[], None]] = []
        self.written = 0
        self.unwritable = 0
        self._unreadable_in_dead = 0
        self.problem: str | None = None
        self._is_damaged = False
        self._is_made_anew = False  # the store was gone at the last attempt
        self._root = root
        self._records = RecordReader(Encoder(self.writer.blobs, redactor), prices, journal.pid)
        self._foreign = RecordReader(self._records.encoder, prices, None)  # spans of other processes
        self._pending: tuple[Batch, Position] | None = None
        self._untold: list[Written] = []
        self._batch_bytes = _BATCH_BYTES
        self._is_urgent = False
        self._generation = 0
        self._unsynced = False  # a power cut may still take what was committed last
        self._last_sync = self._last_look = self._folded = 0.0
        self._wake = threading.Event()
        self._stopped = self._closed = self._parked = False
        self._thread: threading.Thread | None = None

    @property
    def redacted(self) -> int:
        """How many values were redacted."""
        return self._records.encoder.redacted

    @property
    def unreadable(self) -> int:
        """Records that could not be read back."""
        return self._records.unreadable + self._foreign.unreadable + self._unreadable_in_dead

    # -- running

    def start(self) -> None:
        """Start the thread; without threads (Pyodide, interpreter exit) ``flush`` does all."""
        if not self._stopped and not self._parked and (self._thread is None or not self._thread.is_alive()):
            thread = threading.Thread(target=self._run, name="spanbook-fold", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return
            self._thread = thread

    def park(self, timeout: float) -> None:
        """End the thread until :meth:`unpark`: a process that forks should have none (Python 3.12 warns of it)."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            self._parked = True
            self._wake.set()
            thread.join(timeout)
            _platform.wait_for_thread(thread.native_id)

    def unpark(self) -> None:
        """Start the thread again when there was one."""
        if self._parked:
            self._parked = False
            self._wake.clear()
            self.start()

    def _run(self) -> None:
        while not self._stopped and not self._parked:
            try:
                self._run_until_interrupted()
            except BaseException:  # noqa: BLE001, S112 - a second exception was thrown in while one was reported
                continue

    def _run_until_interrupted(self) -> None:
        # A thread that starts again after a fork does not begin at once: the next fork may come soon.
        more = time.monotonic() - self._folded > _SYNC_EVERY_S or self.journal.waiting_bytes > _LEAST_BYTES
        while not self._stopped and not self._parked:
            try:
                if not more and self._wake.wait(TICK_S):
                    continue
                clock.catch_up()
                ids.refresh()
                self.gate.wait(TICK_S)
                more = self.fold_once()
                for tick in list(self.ticks):
                    tick()
                self.learn()
            except BaseException as error:  # noqa: BLE001 - thrown in from outside, or a defect of ours: go on
                report_failure("fold the journal", error)
                time.sleep(TICK_S)

    def fold_once(self, wait_s: float = 0.2, *, durable: bool = False) -> bool:
        """Write what waits, at most one batch of it; True when more waits."""
        with self.lock:
            if self._closed:
                return False
            now = self._folded = time.monotonic()
            if now - self._last_look > _LOOK_FOR_DEAD_S:
                self._last_look = now
                try:
                    self._fold_dead(wait_s)
                except OSError as error:  # their folder cannot be listed: no descriptor is free, say
                    report_failure("look for journals of processes that are gone", error)
            sync = durable or now - self._last_sync > _SYNC_EVERY_S
            if not self._has_work():
                if sync and self._unsynced and self._sync(wait_s):
                    self.problem = None
                self._rest()
                return False
            try:
                self._fold_batch(wait_s, durable=sync)
            except (sqlite3.Error, SpanbookError, OSError) as error:
                self._note(error)
                return False
            self.problem, self._is_damaged, self._is_made_anew = None, False, False
            self._tidy()
            return self._has_work()

    def learn(self) -> None:
        """Learn a dictionary for the store's short values, when there are enough; the fold goes on meanwhile."""
        samples = self.writer.blobs.take_samples()
        dictionary = None if samples is None else learn(samples)
        if dictionary is None:
            return
        try:
            with self.lock:
                if not self._closed:
                    self.writer.add_dictionary(dictionary)
        except (sqlite3.Error, SpanbookError, OSError) as error:
            self.writer.blobs.use(None)  # later, from other values
            self._note(error)

    def _rest(self) -> None:
        try:
            self.writer.rest()
        except (sqlite3.Error, SpanbookError, OSError) as error:
            self._note(error)
        self._tidy()

    def _tidy(self) -> None:
        self.journal.tidy()
        warn_of_memory(self.journal)

    def _has_work(self) -> bool:
        return self._pending is not None or self.journal.waiting_bytes > 0

    def _note(self, error: BaseException) -> None:
        if not self._is_made_anew and (isinstance(error, StoreReplacedError) or self.writer.is_moved()):
            self._is_made_anew = True  # removed in the middle of it: the next attempt makes it anew
            return
        self._is_damaged = is_damage(error)
        if self._is_damaged and isinstance(error, sqlite3.Error):
            error = store_error(self.writer.path, error)
        self.problem = str(error)
        if not is_locked(error):
            report_failure("write to the store; it goes on trying, spans wait in the journal", error)

    def _fold_batch(self, wait_s: float, *, durable: bool) -> None:
        self._notice_new_store(wait_s)
        before = self.journal.position
        began = time.monotonic()
        try:
            if self._pending is None:
                self._is_urgent = self.journal.waiting_bytes > _URGENT_BYTES
                batch = self._read(self._records, self.journal.read(self._batch_bytes), wait_s)
                batch.journal = (self.journal.id, self.journal.position)
                self._pending = (batch, before)
            self._write(self._pending[0], wait_s, durable)
            self._pending = None
            better = self._batch_bytes // 2 if time.monotonic() - began > _BATCH_S else self._batch_bytes * 2
            self._batch_bytes = min(max(better, _LEAST_BYTES), _BATCH_BYTES)
            self._tell()
        except StoreReplacedError:
            self.journal.rewind(self._pending[1] if self._pending else before)
            self._records.undo()
            self._pending = None
        except BaseException:
            if self._pending is None:  # else the batch stays pending
                self.journal.rewind(before)
                self._records.undo()
            raise

    def _read(self, records: RecordReader, bodies: Iterable[bytes], wait_s: float) -> Batch:
        """Return the batch of these records; spans of OpenTelemetry in it are put into our words."""
        batch = records.read(bodies)
        if records.otel or (records.otel_calls and batch.spans):
            from ._foreign import add_otel

            add_otel(records, self.writer.connection(wait_s), batch)
        return batch

    def _notice_new_store(self, wait_s: float) -> sqlite3.Connection:
        """Return the connection to the store; when it is another than before, put the open spans into it."""
        db = self.writer.connection(wait_s)
        if self.writer.generation == self._generation:
            return db
        self._generation = self.writer.generation
        self._records.encoder.forget()
        if self._pending is not None:
            self.journal.rewind(self._pending[1])
            self._records.undo()
            self._pending = None
        warn_once(
            f"store-replaced-{self.writer.path}",
            f"the store {str(self.writer.path)!r} was removed or replaced; tracing goes on in a new file.",
        )
        batch = Batch()
        self._records.reopen(batch)
        if batch:
            batch.journal = (self.journal.id, self.journal.position)
            self._write(batch, 1.0, durable=False)
        return self.writer.connection(wait_s)

    def _write(self, batch: Batch, wait_s: float, durable: bool) -> list[str]:
        """Write a batch; returns why rows of it were left out."""
        try:
            written = self.writer.write(batch, durable=durable, wait_s=wait_s, urgent=self._is_urgent)
            self._written(written, durable=durable)
        except _DATA_ERRORS as error:
            return self._write_one_by_one(batch, wait_s, error)
        return []

    def _write_one_by_one(self, batch: Batch, wait_s: float, error: BaseException) -> list[str]:
        """Write the rows of a batch that failed for its data, leaving out and counting the ones at fault."""
        reasons = []
        parts = [Batch(spans=[record], media=batch.media) for record in batch.spans]
        parts += [Batch(events=[event]) for event in batch.events]
        parts += [Batch(scores=[score], replaces_scores=batch.replaces_scores) for score in batch.scores]
        parts += [Batch(trace_updates=[update]) for update in batch.trace_updates]
        parts.append(Batch(journal=batch.journal, ended_journal=batch.ended_journal))
        for part in parts:
            try:
                self._written(self.writer.write(part, wait_s=wait_s), durable=False)
            except _DATA_ERRORS as problem:
                self.unwritable += 1
                error = problem
                reasons.append(f"{_about(part)}: the store refuses its data ({problem})")
        report_failure("write a span whose data the store refuses", error)
        return reasons

    def _written(self, written: Written, *, durable: bool) -> None:
        self.written += written.ended
        self._untold.append(written)
        self._unsynced = True
        if durable:
            self._is_synced()

    def _tell(self) -> None:
        """Tell the listeners what was written, once it is settled: they may read, and flush."""
        while self._untold:
            written = self._untold.pop(0)
            for listener in list(self.listeners):
                try:
                    listener(written)
                except Exception as error:  # noqa: BLE001 - a view must never stop the fold
                    report_failure("update a live view", error)

    # -- journals of processes that are gone

    def _fold_dead(self, wait_s: float) -> None:
        for dead in dead_journals(self._root):
            try:
                self._notice_new_store(wait_s)
                self._recover(dead, wait_s)
                self._tell()
            except (sqlite3.Error, SpanbookError, OSError) as error:
                dead.release()
                self._note(error)
                return
            except BaseException:
                dead.release()
                raise

    def _recover(self, dead: DeadJournal, wait_s: float) -> None:
        records = RecordReader(self._encoder_for(dead.policy), self._records.prices, dead.pid)
        at = self.writer.position(dead.id) or Position(0, 0)
        bodies: list[bytes] = []
        size = 0
        for body, position in dead.read(at):
            bodies.append(body)
            size, at = size + len(body), position
            if size > _BATCH_BYTES:
                self._write_dead(records, dead, bodies, at, wait_s)
                bodies, size = [], 0
        self._write_dead(records, dead, bodies, at, wait_s, last=True)
        lost = records.unreadable + dead.damaged
        dead.remove()
        self.writer.forget_journal(dead.id)
        if lost:
            self._unreadable_in_dead += lost
            warn_once(
                f"damaged-journal-{dead.id}",
                f"the journal of a process that is gone ({dead.pid}) was damaged in {lost} place(s): spans are missing "
                "or interrupted. What was intact is in the store.",
            )

    def _encoder_for(self, policy: str | None) -> Encoder:
        """Return an encoder that keeps no more than the dead process wanted kept.

        A policy that was a function of its own is gone with it: then nothing of the values is kept.
        """
        mine = self._records.encoder
        if policy is None or policy == mine.redactor.name:
            return mine
        return Encoder(self.writer.blobs, make_redactor(policy if policy in POLICIES else "metadata-only"))

    def _write_dead(
        self,
        records: RecordReader,
        dead: DeadJournal,
        bodies: list[bytes],
        at: Position,
        wait_s: float,
        *,
        last: bool = False,
    ) -> None:
        batch = self._read(records, bodies, wait_s)
        batch.journal = (dead.id, at)
        batch.ended_journal = dead.id if last else None
        self._write(batch, wait_s, durable=last)  # on disk before the journal is removed

    # -- ends

    def flush(self, timeout: float = 5.0, *, durable: bool = False) -> bool:
        """Fold everything written before this call; True when it is all readable (``durable``: and on disk)."""
        target = self.journal.end
        deadline = time.monotonic() + timeout
        if self._thread is not None:
            self.unpark()
            self.start()  # again, should it have been ended from outside
        self._last_look = 0.0  # children that have ended are part of "before this call"
        while True:
            left = max(deadline - time.monotonic(), 0.0)
            self.gate.wait(left)
            if not self.lock.acquire(timeout=left):
                return False
            try:
                done = self._flush_once(target, max(0.01, min(1.0, left)), durable)
            except Exception as error:  # noqa: BLE001 - a defect of ours is not the caller's
                report_failure("fold the journal", error)
                return False
            finally:
                self.lock.release()
            if done:
                return True
            if time.monotonic() > deadline or self._is_damaged:  # waiting mends nothing
                return False
            if self.problem is not None:
                time.sleep(0.02)

    def _flush_once(self, target: Position, wait_s: float, durable: bool) -> bool:
        self.fold_once(wait_s, durable=durable)
        if self._pending is not None or self.journal.position < target:
            return False
        return self._sync(wait_s) if durable else True

    def _sync(self, wait_s: float) -> bool:
        """Commit once with full synchronisation: it syncs every frame of the log before it."""
        try:
            self._notice_new_store(wait_s)
            batch = Batch(journal=(self.journal.id, self.journal.position))
            self.writer.write(batch, durable=True, wait_s=wait_s)
        except (sqlite3.Error, SpanbookError, OSError) as error:
            self._note(error)
            return False
        self._is_synced()
        return True

    def _is_synced(self) -> None:
        self._unsynced, self._last_sync, self._is_made_anew = False, time.monotonic(), False

    def close(self, timeout: float = 5.0) -> bool:
        """Stop the thread, fold what is left and remove the journal; True when nothing was left behind.

        What could not be folded stays in the journal for whoever opens the store next: a store that somebody has
        locked is waited for a second only, much to fold for ``timeout``.
        """
        self._stopped = True
        self._wake.set()
        done = self.flush(min(timeout, 1.0)) or (self.problem is None and self.flush(timeout))
        if not self.lock.acquire(timeout=max(timeout, 0.0)):
            return False  # the thread is stuck in the store; the journal stays
        try:
            done = done and self._settle()
            self._closed = True
            if not done:
                self._count_lost()
            self.journal.close(remove=done)
            if done:
                self._forget()
            self.writer.close()  # the last connection to close leaves one whole file, without a log beside it
        finally:
            self.lock.release()
        return done

    def _count_lost(self) -> None:
        """Say how many spans end with this process: neither the store nor a file of the journal could take them."""
        waiting = self.journal.only_in_memory(self._pending[1] if self._pending else self.journal.position)
        lost = sum(decode(body)[0] == END for body in waiting)
        if lost:
            _recorder.dropped += lost
            spans = "span is" if lost == 1 else "spans are"
            warn_once(
                f"lost-at-end-{self.journal.id}",
                f"{lost:,} {spans} lost: neither the journal ({self.journal.problem}) nor the store ({self.problem}) "
                "could be written until the end of the process. Set $SPANBOOK_JOURNAL to a writable folder.",
            )

    def _settle(self) -> bool:
        """Leave nothing open and nothing that a power cut could take: another program may have the store open."""
        try:
            self._interrupt_open()
        except (sqlite3.Error, SpanbookError, OSError) as error:
            self._note(error)
            return False
        return not self._unsynced or self._sync(1.0)

    def _forget(self) -> None:
        try:
            self.writer.forget_journal(self.journal.id)
        except (sqlite3.Error, SpanbookError, OSError) as error:  # a row too many does no harm
            self._note(error)

    def adopt(self, before: Fold) -> None:
        """Go on with the spans that another fold knows as open: from now on their ends come here."""
        with self.lock:
            self._records.open.update(before._records.open)
            batch = Batch(journal=(self.journal.id, self.journal.position))
            self._records.reopen(batch)
            try:
                self._write(batch, 1.0, durable=False)
            except (sqlite3.Error, SpanbookError, OSError) as error:
                self._note(error)

    def _interrupt_open(self) -> None:
        """Mark what never ended; spans that end later in this process still move forward."""
        if self._records.open:
            self._notice_new_store(1.0)
            self._write(Batch(ended_journal=self.journal.id), 1.0, durable=True)

    def write_now(self, framed: bytes) -> None:
        """Fold one framed record at once: after :meth:`close`, when no journal is left."""
        with self.lock:
            batch = self._read(self._records, [framed[FRAME.size :]], 1.0)
            for record in batch.spans:
                if record.columns["status"] == "open":  # no journal is left that would say it never ended
                    record.columns["status"] = "interrupted"
            self._write(batch, 1.0, durable=True)
            self.writer.close()
            self._tell()

    def write_foreign(
        self, make: Callable[[RecordReader, sqlite3.Connection], Batch], *, durable: bool = False, wait_s: float = 5.0
    ) -> list[str]:
        """Write what did not come through the journal, in one transaction; it is committed when this returns.

        Args:
            make: Makes the batch, with the writing connection to look into (called again when the store is replaced
                meanwhile).
            durable: Also wait until it is on disk.
            wait_s: Seconds to wait for another process that holds the write lock.

        Returns:
            Why rows were left out: the store refuses their data, and would each time.

        Raises:
            StoreError, sqlite3.Error: nothing of it was written.
        """
        self.gate.wait(wait_s)
        refused: list[str] = []
        with self.lock:
            for attempt in (1, 2):
                try:
                    batch = make(self._foreign, self._notice_new_store(wait_s))
                    refused = self._write(batch, wait_s, durable=durable)
                    break
                except StoreReplacedError:
                    if attempt == 2:
                        raise
            self._tell()
            if self._closed:
                self.writer.close()
        return refused

    def set_redactor(self, redactor: Redactor) -> None:
        """Redact by another policy from the next batch on."""
        with self.lock:
            self._records.encoder.redactor = redactor
            self._records.encoder.forget()

    def stats(self) -> dict[str, Any]:
        """Return what was written, what waits and what went wrong."""
        return {
            "written": self.written,
            "queued_bytes": self.journal.waiting_bytes if not self._stopped else 0,
            "unwritable": self.unwritable,
            "unreadable": self.unreadable,
            "redacted": self.redacted,
            "problem": self.problem or self.journal.problem or self.writer.log.problem,
        }


def _about(part: Batch) -> str:
    """Name the one row of a batch; being no row at all may be what is wrong with it."""
    what = "span" if part.spans else "event" if part.events else "score" if part.scores else "trace"
    rows = [*(span.columns for span in part.spans), *part.events, *part.scores]
    row = rows[0] if rows and isinstance(rows[0], Mapping) else {}
    named = (f"{name}={row[name]!r}" for name in ("name", "span_id", "trace_id") if row.get(name) is not None)
    return " ".join((what, *named))
