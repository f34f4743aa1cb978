"""The HTTP side of the offline model: loopback only, keep-alive, JSON and server-sent events."""

from __future__ import annotations

import itertools
import json
import math
import socket
import socketserver
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ._engine import Engine, Plan, RuleError, error_body, is_anthropic
from ._parse import dumps
from ._types import ApiError, Event

HONESTY = {"x-spanbook-offline": "not-a-model"}
_SECRET_HEADERS = {"authorization", "api-key", "cookie", "x-api-key", "proxy-authorization"}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_MOST_BYTES = 64 * 2**20
_MOST_RECORDED = 256  # bodies may hold images


@dataclass(frozen=True, slots=True)
class Received:
    """One HTTP request as it arrived; ``headers`` have lower-case names and no credentials."""

    method: str
    path: str  # with the query
    headers: Mapping[str, str]
    body: Any  # decoded JSON; None when there was none


class Server(ThreadingHTTPServer):
    """A threading server that ends at once: it closes its connections and wakes whoever is waiting."""

    daemon_threads = True
    block_on_close = False  # idle keep-alive connections must not hold up the end
    request_queue_size = 128

    def __init__(self, port: int, engine: Engine) -> None:
        self.engine = engine
        self.stopping = threading.Event()
        self.received: list[Received] = []
        self.request_numbers = itertools.count(1)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of the host's full name, which may ask a name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that it can be closed."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ends."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is everyday life; anything else is printed as usual."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def record(self, request: Received) -> None:
        """Keep what was asked, the latest 256 requests."""
        with self._lock:
            self.received.append(request)
            del self.received[:-_MOST_RECORDED]

    def close_connections(self) -> None:
        """Wake sleeping answers and end every open connection."""
        self.stopping.set()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # closed by the other side in the meantime, which is what we want
                continue


class Handler(BaseHTTPRequestHandler):
    """One connection: read a request, ask the engine for a plan, send it at the planned pace."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "spanbook-offline"
    sys_version = ""
    disable_nagle_algorithm = True  # each streamed piece is to leave at once
    wbufsize = 65536  # head and body in one packet; flushed by hand
    timeout = 120  # seconds an idle connection is kept

    def do_GET(self) -> None:
        """Models and kept responses."""
        self._answer("GET")

    def do_POST(self) -> None:
        """Chat completions, responses, messages, embeddings."""
        self._answer("POST")

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: stderr belongs to the user's cell."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what http.server refuses in OpenAI's error form."""
        self.close_connection = True
        self._send_json(code, ApiError(code, message or explain or "bad request", code="bad_request").body(), {})

    def _answer(self, method: str) -> None:
        try:
            self._check_host()
            body = self._read_body() if method == "POST" else None
            headers = {k.lower(): v for k, v in self.headers.items() if k.lower() not in _SECRET_HEADERS}
            self.server.record(Received(method, self.path, headers, body))
            path = self.path.partition("?")[0]
            plan = self.server.engine.get(path) if method == "GET" else self.server.engine.post(path, body)
        except RuleError as error:
            if self._wait(error.delay_s) and not (error.cut and self._cut()):
                self._send_json(error.status, error_body(self.path, error), error.headers)
        except ApiError as error:
            self._send_json(error.status, error_body(self.path, error), {})
        except Exception as error:  # noqa: BLE001 (the client is to be told, whatever it was)
            text = f"The offline model failed: {type(error).__name__}: {error}. Please report this."
            self._send_json(500, error_body(self.path, ApiError(500, text)), {})
        else:
            self._send(plan)

    def _check_host(self) -> None:
        """Refuse foreign host names, so that no web page can reach the server through DNS rebinding."""
        host = self.headers.get("Host", "")
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if name.lower() not in _LOOPBACK:
            self.close_connection = True
            text = f"Host {host!r} is not this machine; ask the offline model at 127.0.0.1."
            raise ApiError(403, text, code="forbidden_host")

    def _read_body(self) -> Any:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self.close_connection = True
            raise ApiError(411, "The request says no Content-Length; send the body in one piece.", code="no_length")
        if int(length) > _MOST_BYTES:
            self.close_connection = True
            raise ApiError(413, f"The body has {length} bytes; at most {_MOST_BYTES} are read.", code="too_large")
        raw = self.rfile.read(int(length))
        kind = self.headers.get_content_type()
        if kind != "application/json":  # also keeps simple cross-site requests of web pages out
            text = f"Unsupported Content-Type {kind!r}; expected application/json."
            raise ApiError(400, text, code="unsupported_content_type")
        try:
            return json.loads(raw, parse_float=_finite, parse_constant=_finite)
        except (ValueError, RecursionError) as error:
            text = f"We could not parse the JSON body of your request: {error}."
            raise ApiError(400, text, code="invalid_json") from None

    def _send(self, plan: Plan) -> None:
        if plan.events is not None:
            self._send_events(plan, plan.events)
        elif self._wait(plan.timing.whole_s(plan.pieces)) and not (plan.cut_after is not None and self._cut()):
            self._send_json(plan.status, plan.body, plan.headers)

    def _send_json(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        data = dumps(body).encode()
        self._start(status, {"content-type": "application/json", "content-length": str(len(data)), **headers})
        self.wfile.write(data)
        self.wfile.flush()

    def _send_events(self, plan: Plan, events: Iterable[Event]) -> None:
        """Send the events in chunks: the first piece after its delay, then one piece at a time."""
        if not self._wait(plan.timing.delay_s):
            return
        kind = {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"}
        self._start(plan.status, {**kind, "cache-control": "no-cache", **plan.headers})
        sent, has_begun = 0, False
        try:
            for event in events:
                if plan.cut_after is not None and sent >= plan.cut_after:
                    break
                if event.is_piece or (plan.is_quiet_at_first and not has_begun):
                    if not self._wait(plan.timing.token_s if has_begun else plan.timing.first_s):
                        return
                    has_begun = True
                sent += event.is_piece
                self._chunk(_sse(event))
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 (the head is out: say it in the stream)
            failed = error_body(self.path, ApiError(500, f"The offline model failed: {error!r}."))
            self._chunk(_sse(Event(failed, "error" if is_anthropic(self.path) else None)))
        if plan.cut_after is not None and self._cut():
            return
        self.wfile.write((b"e\r\ndata: [DONE]\n\n\r\n" if plan.ends_with_done else b"") + b"0\r\n\r\n")
        self.wfile.flush()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        request_id = f"req_offline_{next(self.server.request_numbers):06d}"
        id_header = "request-id" if is_anthropic(getattr(self, "path", "")) else "x-request-id"
        for name, value in {id_header: request_id, **HONESTY, **headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()

    def _wait(self, seconds: float) -> bool:
        """Sleep, or return False at once when the server stops."""
        if seconds > 0:
            self.wfile.flush()
            self.server.stopping.wait(seconds)
        if self.server.stopping.is_set():
            self.close_connection = True
            return False
        return True

    def _cut(self) -> bool:
        """Drop the connection in the middle of the answer."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        return True


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a number of JSON")
    return number


def _sse(event: Event) -> bytes:
    name = f"event: {event.name}\n" if event.name else ""
    return f"{name}data: {dumps(event.data)}\n\n".encode()
