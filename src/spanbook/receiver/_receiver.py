"""The handle of a running receiver, and the thread it serves on."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..ingest._fold import Fold
from ..model import UsageError, check_port
from ..store._platform import close_in_child
from ._guards import Guard, is_loopback
from ._http import Server, Traffic
from ._intake import Intake

if TYPE_CHECKING:
    from types import TracebackType

_BACKLOG: Final = 1024
_END_S: Final = 5.0
_NAMES: Final = (
    "requests",
    "bytes",
    "spans",
    "logs",
    "scores",
    "files",
    "rejected_spans",
    "rejected_logs",
    "rejected_events",
)


class Receiver:
    """A running receiver of telemetry: OTLP over HTTP, and what the SDKs of Langfuse send.

    Use it as a context manager or call `stop`; one that is never stopped ends with the process. Point programs at it
    with ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or ``LANGFUSE_BASE_URL``) set to its `endpoint`.
    """

    def __init__(self, port: int, fold: Callable[[], Fold], *, host: str, token: str | None) -> None:
        """Bind, and serve in a thread; ``fold`` returns that of the store that is current.

        Raises:
            UsageError: an argument is wrong, or the port is taken.
        """
        _check(port, host, token)
        self.host, self.token = host, token
        self._intake = Intake(fold)
        guard = Guard(host, token, frozenset(self._intake.paths), self._intake.uploads)
        self._traffic = Traffic(guard, self._intake.answer)
        self._listening = _bind(port, host)
        #: The port it listens on.
        self.port: int = self._listening.getsockname()[1]
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._loop = asyncio.SelectorEventLoop()
        self._stopping = asyncio.Event()
        self._thread: threading.Thread | None = threading.Thread(
            target=self._run, name=f"spanbook-receiver-{self.port}", daemon=True
        )
        self._thread.start()
        atexit.register(self.stop)  # before the store is closed, which was registered earlier

    @property
    def endpoint(self) -> str:
        """Address to send to, such as ``http://127.0.0.1:4318``."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether it serves."""
        return self._thread is not None and os.getpid() == self._pid

    @property
    def stats(self) -> dict[str, int]:
        """What came so far: requests, bytes, spans, logs, scores, files; what was left out, refused, is in flight."""
        found = Counter(dict(self._traffic.counts)) + Counter(dict(self._intake.counts))  # copies: others count on
        known = {name: found.pop(name, 0) for name in _NAMES}
        return {**known, "bytes_in_flight": self._traffic.in_flight, **dict(sorted(found.items()))}

    def stop(self) -> None:
        """Answer what was received, then close all connections and the port. May be called twice."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None or os.getpid() != self._pid:  # a forked child has no thread to wait for
            return
        atexit.unregister(self.stop)
        with contextlib.suppress(RuntimeError):  # the thread has ended by itself
            self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join(2 * _END_S)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = Server(self._traffic)
        server.add_socket(self._listening)
        await self._stopping.wait()
        server.stop()
        await self._traffic.end(_END_S)
        await server.close_streams()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        if not self.is_running:
            return "<Receiver stopped>"
        counts = self.stats
        got = ", ".join(f"{counts[name]:,} {name}" for name in ("spans", "logs", "scores", "files") if counts[name])
        return f"<Receiver at {self.endpoint}: {got or 'nothing received yet'}>"


def _check(port: int, host: str, token: str | None) -> None:
    check_port(port)
    if not isinstance(host, str) or not host:
        raise UsageError(f"host={host!r} is no host; give a name or an address such as '127.0.0.1'.")
    if token is not None and not (isinstance(token, str) and token and token.isascii() and token.isprintable()):
        raise UsageError("token is empty or not plain ASCII text; give one such as secrets.token_urlsafe().")
    if token is not None and " " in token:
        raise UsageError("token has a space in it; give one such as secrets.token_urlsafe().")
    if token is None and not is_loopback(host):
        raise UsageError(
            f"host={host!r} can be reached from other machines; give token=…, which clients then send as "
            "Authorization: Bearer …, or leave host out."
        )


def _bind(port: int, host: str) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]
        raise UsageError(
            f"port {port} of {host} cannot be used ({why}); something else may listen there, such as a collector or "
            "another receiver. Stop that, or give another port (0 takes a free one)."
        ) from error
    listening.setblocking(False)
    close_in_child(listening)
    return listening
