"""``sb.export_live``: spans sent on to an OTLP/HTTP receiver as they end.

The fold names the spans that have ended; a thread reads them back from the store, where redaction, twins and prices are
settled, and sends them. So the program that traces pays nothing, the queue holds ids only, and a receiver that is away
for a while misses nothing as long as the queue has room.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ..frames._otlp import otlp_items
from ..frames._otlp_tools import Extra
from ..frames._otlp_wire import MAX_SPANS, Item, batches
from ..frames._whole import completer
from ..model import ExportError
from ..store._read import StoreReader
from ..store._write import Written
from ..tracer import report_failure, warn_once
from . import _runtime
from ._otlp_export import ended_spans
from ._otlp_send import ExportReport, Receiver

_MAX_QUEUE: Final = 100_000  # spans
_MAX_PAUSE_S: Final = 60.0
_GATHER_S: Final = 0.5  # spans that end within this time go in one request
_AT_EXIT_S: Final = 2.0
_LAST_PAUSE_S: Final = 0.2  # between attempts while it is being stopped
_ENDED: Final = frozenset(("ok", "error", "interrupted"))
#: Statuses that say something of the spans, not of the receiver: the same ones would be refused again.
_OF_THE_SPANS: Final = frozenset((400, 422))
_Key = tuple[Path, str, str]  # store, trace, span


class LiveExporter:
    """Sends finished spans until :meth:`stop`; made by :func:`spanbook.export_live`."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._report = ExportReport(receiver.url)
        self._queue: deque[_Key] = deque()
        self._known: OrderedDict[_Key, None] = OrderedDict()  # queued or sent: a span changes after its end, too
        self._dropped = 0
        self._problem: str | None = None
        self._lock = threading.Lock()
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._deadline = 0.0
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="spanbook-export", daemon=True)

    @property
    def stats(self) -> dict[str, Any]:
        """Return ``sent``, ``rejected``, ``dropped``, ``queued`` (spans), ``requests``, ``problem``, ``is_running``."""
        report = self._report
        return {
            "endpoint": report.endpoint,
            "sent": report.sent,
            "rejected": report.rejected,
            "dropped": self._dropped,
            "queued": len(self._queue),
            "requests": report.requests,
            "problem": self._problem,
            "reasons": list(report.reasons),
            "is_running": self._thread.is_alive() and not self._stopping.is_set(),
        }

    def stop(self, timeout: float = 5.0) -> bool:
        """Send what has ended, for at most ``timeout`` seconds, and stop; True when nothing was left behind."""
        if os.getpid() != self._pid or self._stopping.is_set():
            return not self._queue
        runtime = _runtime.started()
        self._deadline = time.monotonic() + timeout
        if runtime is not None:
            if not runtime.closed:
                runtime.fold.flush(timeout)
            if self._noted in runtime.fold.listeners:
                runtime.fold.listeners.remove(self._noted)
        self._stopping.set()
        self._wake.set()
        self._thread.join(max(self._deadline - time.monotonic(), 0.0) + 0.1)
        atexit.unregister(self._at_exit)
        return not self._queue

    def __repr__(self) -> str:
        """Return where it sends to, and how much it has sent."""
        return f"<LiveExporter {self._report.endpoint} {self._report.sent:,} spans sent, {len(self._queue):,} queued>"

    # -- the fold's thread

    def start(self) -> None:
        """Begin to listen and to send."""
        _runtime.add_listener(self._noted)
        atexit.register(self._at_exit)  # after the runtime's hook was, so it runs before
        self._thread.start()

    def _noted(self, written: Written) -> None:
        runtime = _runtime.started()
        if runtime is None:
            return
        for row in written.spans:
            if row["status"] in _ENDED:
                self._add((runtime.path, row["trace_id"], row["span_id"]))
        self._wake.set()

    def _add(self, key: _Key) -> None:
        with self._lock:
            if key in self._known:
                return
            self._known[key] = None
            self._queue.append(key)
            if len(self._queue) > _MAX_QUEUE:
                self._queue.popleft()
                self._dropped += 1
            while len(self._known) > 2 * _MAX_QUEUE:
                self._known.popitem(last=False)
        if self._dropped == 1:
            warn_once(
                f"export-full-{self._report.endpoint}",
                f"{_MAX_QUEUE:,} spans wait for {self._report.endpoint}; older ones are not sent. They are in the "
                "store: send them later with sb.export_otlp().",
            )

    def _at_exit(self) -> None:
        self.stop(_AT_EXIT_S)

    # -- the exporter's thread

    def _run(self) -> None:
        pause = 0.0
        while not self._is_over():
            if not self._queue:
                self._wake.wait()
                self._wake.clear()
                self._stopping.wait(_GATHER_S)
            else:
                pause = self._send_some(pause)
                if self._stopping.wait(pause) and pause:
                    time.sleep(_LAST_PAUSE_S)

    def _is_over(self) -> bool:
        return self._stopping.is_set() and (not self._queue or time.monotonic() > self._deadline)

    def _send_some(self, pause: float) -> float:
        """Send what was queued first; return how long to wait before the next, in seconds."""
        keys = [self._queue[at] for at in range(min(MAX_SPANS, len(self._queue)))]
        try:
            for batch in batches(self._items(keys), self._receiver.codec):
                self._receiver.send(batch, self._report, attempts=1)
        except ExportError as error:
            if error.status in _OF_THE_SPANS:
                self._report.reject(len(keys), str(error))
                warn_once(f"export-refused-{self._receiver.url}", f"live export: {error}")
                self._done(keys)
                return 0.0
            self._problem = str(error)
            warn_once(f"export-{self._receiver.url}", f"live export: {error} Spans wait, and are tried again.")
            return error.retry_after_s or min(max(2 * pause, 1.0), _MAX_PAUSE_S)
        except Exception as error:  # noqa: BLE001 - a span that cannot be read must not hold up the others
            report_failure("export spans", error)
            self._report.reject(len(keys), f"{type(error).__name__}: {error}"[:200])
        self._problem = None
        self._done(keys)
        return 0.0

    def _done(self, keys: list[_Key]) -> None:
        with self._lock:
            done = set(keys)  # the oldest of them may have been dropped meanwhile
            while self._queue and self._queue[0] in done:
                self._queue.popleft()

    def _items(self, keys: list[_Key]) -> Iterator[Item]:
        """Read the spans back from the store, those of a trace together."""
        traces: dict[tuple[Path, str], list[str]] = {}
        for path, trace_id, span_id in keys:
            traces.setdefault((path, trace_id), []).append(span_id)
        readers = {path: StoreReader(path) for path, _ in traces}
        try:
            for (path, trace_id), span_ids in traces.items():
                yield from _items(readers[path], trace_id, span_ids, self._receiver.extra)
        finally:
            for reader in readers.values():
                reader.close()


def _items(reader: StoreReader, trace_id: str, span_ids: list[str], extra: Extra | None) -> Iterator[Item]:
    found = [span for span_id in span_ids if (span := reader.span(trace_id, span_id)) is not None]
    ended = ended_spans(found)
    if ended:
        yield from otlp_items(ended, extra, completer(reader, ended))


def export_live(endpoint: str, headers: Mapping[str, str] | None = None, *, dialect: str | None = None) -> LiveExporter:
    """Send each span that ends from now on to an OTLP/HTTP receiver, from a thread of its own, until ``.stop()``.

    The program never waits for it. Spans wait in a queue of 100,000 while the receiver cannot be reached, and are tried
    again, at most a minute apart; what does not fit is counted in ``.stats["dropped"]`` and said once.

    Args:
        endpoint: As for :func:`spanbook.export_otlp`.
        headers: Such as ``{"authorization": "Bearer …"}``.
        dialect: "genai", "langfuse" or "openinference"; by the endpoint when None.

    Returns:
        A handle: ``.stats`` says how it goes, ``.stop()`` sends the rest and ends it.

    Raises:
        UsageError: an argument is wrong.
        StoreError: the default store cannot be used.
    """
    exporter = LiveExporter(Receiver(endpoint, headers, dialect))
    exporter.start()
    return exporter
