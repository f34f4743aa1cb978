"""A server on 127.0.0.1 that sends exactly the bytes a test tells it to: what a well-behaved one never does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import openai

#: What a cut connection raises: the SDK's own error, or that of the HTTP library that its version uses.
CUT_ERRORS = (
    openai.APIConnectionError,
    *(import_module(name).RemoteProtocolError for name in ("httpx", "httpx2") if find_spec(name)),
)
#: In a reply's body: close the connection here without ending the body.
CUT = object()


@dataclass
class Reply:
    """One reply: server-sent events (dicts, or text as it is), or one JSON body.

    A ``threading.Event`` among the events makes the server wait there, ``CUT`` makes it hang up.
    """

    events: Iterable[Any] | None = None
    json: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what is tested."""


class Wire:
    """Replies in the order they were put in ``replies``; requests seen are in ``requests``."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[dict[str, Any]] = []
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                wire.requests.append({"path": self.path, "headers": dict(self.headers), "body": json.loads(body)})
                wire._send(self, wire.replies.pop(0))

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Base URL for a client."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _send(self, to: BaseHTTPRequestHandler, reply: Reply) -> None:
        to.send_response(reply.status)
        for name, value in reply.headers.items():
            to.send_header(name, value)
        if reply.events is None:
            body = json.dumps(reply.json).encode()
            to.send_header("content-type", "application/json")
            to.send_header("content-length", str(len(body)))
            to.end_headers()
            to.wfile.write(body)
            return
        to.send_header("content-type", "text/event-stream")
        to.send_header("transfer-encoding", "chunked")
        to.end_headers()
        self._send_events(to, reply.events)

    def _send_events(self, to: BaseHTTPRequestHandler, events: Iterable[Any]) -> None:
        for event in events:
            if event is CUT:
                to.close_connection = True
                to.connection.shutdown(2)
                return
            if isinstance(event, threading.Event):
                event.wait(5)
                continue
            text = event if isinstance(event, str) else f"data: {json.dumps(event)}\n\n"
            data = text.encode()
            try:
                to.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            except OSError:  # the client has hung up
                to.close_connection = True
                return
        to.wfile.write(b"0\r\n\r\n")


def chunk(content: str | None = None, *, finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    """Return a chat chunk; ``more`` goes into its delta."""
    delta: dict[str, Any] = dict(more)
    if content is not None:
        delta["content"] = content
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {
        "id": "chatcmpl-w",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [choice],
    }


DONE = "data: [DONE]\n\n"
USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 6,
    "total_tokens": 13,
    "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0},
}


def completion(content: str = "Hi", **more: Any) -> dict[str, Any]:
    """Return a whole chat completion."""
    message = {"role": "assistant", "content": content, "refusal": None, **more}
    return {
        "id": "chatcmpl-w",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": USAGE,
    }
