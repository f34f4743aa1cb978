"""The HTTP side: tornado reads and frames, this counts, refuses, hands over to the worker, and answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, Final

from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream, StreamClosedError

from ..store._turns import REQUEST_S, short_turns
from . import _grpc
from ._answers import Answer, refused
from ._guards import Guard, Head, declared_size, encoding_of, too_large
from ._intake import Request
from ._refusal import MAX_IN_FLIGHT, Refusal

MAX_CONNECTIONS: Final = 128
_MAX_HEAD: Final = 32 << 10
#: Bodies that are refused are read to their end and dropped, up to here: else the client would not read the answer.
_MAX_DROPPED: Final = 64 << 20
#: Bytes read at a time: each read lets go of the GIL.
_CHUNK: Final = 256 << 10
_FIRST_BYTES_S: Final = 10.0
_IDLE_S: Final = 120.0
_BODY_S: Final = 10.0
_GRPC_S: Final = 10.0
_RETRY_S: Final = 1
_ALWAYS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Traffic:
    """What is being read or answered, bounded; lives on the server's thread."""

    def __init__(self, guard: Guard, answer: Callable[[Request], Answer]) -> None:
        self.guard = guard
        self.counts: Counter[str] = Counter()
        self.tasks: set[asyncio.Task[None]] = set()
        self._answer = answer
        self._in_flight = 0
        # One worker: the store has one writer anyway, and one request at a time bounds the memory of decoding.
        self._worker = ThreadPoolExecutor(1, "spanbook-receiver-worker")

    def reserve(self, size: int) -> None:
        """Take room for a piece of a body.

        Raises:
            Refusal: there is none now. (503, which every exporter sends again; some do not after 429.)
        """
        if self._in_flight + size > MAX_IN_FLIGHT:
            raise Refusal(503, "the receiver is busy; send it again", retry_after_s=_RETRY_S)
        self._in_flight += size

    @property
    def in_flight(self) -> int:
        """Bytes of bodies that are being read, or wait for their turn."""
        return self._in_flight

    def release(self, size: int) -> None:
        """Give room back."""
        self._in_flight -= size

    async def answer(self, request: Request) -> Answer:
        """Return the answer of the worker."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._answer, request)

    async def end(self, timeout: float) -> None:
        """Wait for the requests that are being answered."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=timeout)
        self._worker.shutdown(wait=False, cancel_futures=True)


class _Exchange(HTTPMessageDelegate):
    """One request and its answer."""

    def __init__(self, traffic: Traffic, connection: HTTPConnection) -> None:
        self._traffic, self._connection = traffic, connection
        self._head: Head | None = None
        self._refusal: Refusal | None = None
        self._headers = HTTPHeaders()
        self._body = bytearray()
        self._reserved = 0
        self._is_sent = self._has_turns = self._is_head = False

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        """Check the head; a client that waits for leave to send its body, or has far too much, is told at once."""
        assert isinstance(start_line, RequestStartLine)  # noqa: S101 (a server gets requests)
        self._headers, self._is_head = headers, start_line.method == "HEAD"
        self._traffic.counts["requests"] += 1
        short_turns.begin(REQUEST_S)
        self._has_turns = True
        size = declared_size(headers)
        try:
            self._head = self._traffic.guard.check(start_line.method, start_line.path, headers)
            if size > self._head.most_bytes:
                raise too_large(self._head)
        except Refusal as refusal:
            self._refusal = refusal
            if size > _MAX_DROPPED or headers.get("Expect", ""):
                self._send(self._refused(refusal))

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body, unless the request is refused anyway."""
        if self._refusal is not None or self._head is None:
            return
        try:
            if len(self._body) + len(chunk) > self._head.most_bytes:
                raise too_large(self._head)
            self._traffic.reserve(len(chunk))
        except Refusal as refusal:
            self._refusal = refusal
            self._release()
        else:
            self._reserved += len(chunk)
            self._body += chunk

    def finish(self) -> None:
        """Answer, now that the body is here."""
        if self._refusal is not None or self._head is None:
            self._send(self._refused(self._refusal or Refusal(400, "the request has no head")))
            return
        task = asyncio.get_running_loop().create_task(self._work(self._head))
        self._traffic.tasks.add(task)
        task.add_done_callback(self._traffic.tasks.discard)

    def on_connection_close(self) -> None:
        """Forget a request that does not come to its end."""
        self._release()

    async def _work(self, head: Head) -> None:
        body, self._body = bytes(self._body), bytearray()
        self._traffic.counts["bytes"] += len(body)
        try:
            answer = await self._traffic.answer(Request(head, body))
        finally:
            del body
            self._release()
        self._send(answer)

    def _refused(self, refusal: Refusal) -> Answer:
        return refused(encoding_of(self._headers) or "json", refusal)

    def _release(self) -> None:
        self._traffic.release(self._reserved)
        self._reserved, self._body = 0, bytearray()
        self._end_turns()

    def _end_turns(self) -> None:
        if self._has_turns:
            self._has_turns = False
            short_turns.end(REQUEST_S)

    def _send(self, answer: Answer) -> None:
        if self._is_sent:
            return
        self._is_sent = True
        self._end_turns()
        if answer.status >= 400:
            self._traffic.counts[f"answered_{answer.status}"] += 1
        head = ResponseStartLine("HTTP/1.1", answer.status, HTTPStatus(answer.status).phrase)
        headers = HTTPHeaders({**_ALWAYS, **answer.headers, "Content-Length": str(len(answer.body))})
        with contextlib.suppress(StreamClosedError):  # the client has gone; it will send again
            future = self._connection.write_headers(head, headers, b"" if self._is_head else answer.body)
            future.add_done_callback(_forget_closed)
            self._connection.finish()


def _forget_closed(future: Any) -> None:
    """Look at what came of a write: a client that has gone is no error."""
    if not future.cancelled() and not isinstance(future.exception(), (StreamClosedError, type(None))):
        future.result()


class _Delegate(HTTPServerConnectionDelegate):
    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        return _Exchange(self._traffic, request_conn)


class Server(HTTPServer):
    """Tornado's server with a bound on connections, and words for clients that speak gRPC."""

    def initialize(self, traffic: Traffic) -> None:  # type: ignore[override]
        """See ``HTTPServer``; tornado calls this in the place of ``__init__``."""
        super().initialize(
            _Delegate(traffic),
            max_header_size=_MAX_HEAD,
            idle_connection_timeout=_IDLE_S,
            body_timeout=_BODY_S,
            max_body_size=_MAX_DROPPED,
            chunk_size=_CHUNK,
        )
        self._traffic = traffic
        #: Connections in the order of their opening, each with what ends it.
        self._open: dict[IOStream, Callable[[], None]] = {}

    def handle_stream(self, stream: IOStream, address: Any) -> Awaitable[None]:  # type: ignore[override]
        """Serve a connection; the oldest one goes when there are too many.

        It is known before anything is awaited: a task that never begins could not close it.
        """
        while len(self._open) >= MAX_CONNECTIONS:
            self._traffic.counts["connections_closed"] += 1
            self._open.pop(next(iter(self._open)))()
        ready = asyncio.Event()
        # While its first bytes are waited for, it is closed here: a reader must go before the number of its socket can
        # be that of another one.
        self._open[stream] = ready.set
        return self._serve(stream, address, ready)

    async def _serve(self, stream: IOStream, address: Any, ready: asyncio.Event) -> None:
        try:
            first = await _first_bytes(stream.socket, ready)
        except asyncio.CancelledError:
            stream.close()
            raise
        if first is None or stream not in self._open:
            stream.close()
            self._open.pop(stream, None)
            return
        self._open[stream] = stream.close
        if len(first) > 1 and _grpc.PREFACE.startswith(first):
            self._traffic.counts["grpc_clients"] += 1
            await self._tell_grpc(stream)
        else:
            super().handle_stream(stream, address)

    def on_close(self, server_conn: Any) -> None:
        """Forget a connection that has ended."""
        super().on_close(server_conn)
        self._open.pop(server_conn.stream, None)

    async def close_streams(self) -> None:
        """End every connection, and what is done for them."""
        opened = list(self._open)
        while self._open:
            self._open.popitem()[1]()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        for stream in opened:
            stream.close()

    async def _tell_grpc(self, stream: IOStream) -> None:
        with contextlib.suppress(StreamClosedError, TimeoutError):
            await asyncio.wait_for(_grpc.tell(stream), _GRPC_S)
        stream.close()
        self._open.pop(stream, None)


async def _first_bytes(connection: socket.socket, ready: asyncio.Event) -> bytes | None:
    """Return the first bytes that a client sent, leaving them to be read; None when it sent none in time.

    Args:
        connection: Of the client.
        ready: Set when there is something to read; setting it from outside ends the wait.
    """
    loop = asyncio.get_running_loop()
    number = connection.fileno()
    loop.add_reader(number, ready.set)
    try:
        await asyncio.wait_for(ready.wait(), _FIRST_BYTES_S)
        return connection.recv(len(_grpc.PREFACE), socket.MSG_PEEK) or None
    except (TimeoutError, OSError):
        return None
    finally:
        loop.remove_reader(number)
