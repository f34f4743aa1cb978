"""Who may send what."""

from __future__ import annotations

import base64
import gzip
import http.client
import socket
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.receiver import Receiver
from tests.receiver.sending import JSON, PROTOBUF, Response, post, traces

BODY = traces(1).SerializeToString()
TOKEN = "t0ken-of-the-test"


def send(receiver: Receiver, kind: str = PROTOBUF, **headers: str) -> Response:
    return post(receiver.port, "/v1/traces", BODY, kind, **headers)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:4318", "127.0.0.1:1", "127.8.8.8", "[::1]:4318"])
def test_names_of_this_machine_are_taken(receiver: Receiver, host: str) -> None:
    """With any port: a tunnel may have changed it."""
    assert send(receiver, Host=host).status == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:4318", "127.0.0.1.nip.io", "192.168.0.2", ""])
def test_other_host_names_are_refused(receiver: Receiver, host: str) -> None:
    """DNS rebinding: a page's own name, led to this machine."""
    assert send(receiver, Host=host).status == 421
    assert receiver.stats["spans"] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8888"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_web_pages_are_refused(receiver: Receiver, headers: dict[str, str]) -> None:
    """And no answer carries headers that would let them read it."""
    answer = send(receiver, **headers)
    assert answer.status == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_other_content_types_are_refused(receiver: Receiver, kind: str) -> None:
    """Those that a page may send without asking among them."""
    assert send(receiver, kind).status == 415


def test_unknown_compression_is_refused(receiver: Receiver) -> None:
    """The answer says which are read."""
    answer = send(receiver, Content_Encoding="br")
    assert (answer.status, answer.headers["accept-encoding"]) == (415, "gzip, deflate")


@pytest.mark.parametrize(("method", "status"), [("GET", 405), ("OPTIONS", 405), ("PUT", 405), ("DELETE", 405)])
def test_only_post_is_served(receiver: Receiver, method: str, status: int) -> None:
    """A preflight request of a browser gets nothing it could go on with."""
    answer = post(receiver.port, "/v1/traces", None, method=method)
    assert (answer.status, answer.headers["allow"]) == (status, "POST")


def test_head_is_answered_without_a_body(receiver: Receiver) -> None:
    """As ``curl -I`` asks; the connection serves the next request."""
    with closing(http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=30)) as connection:
        for path, status in (("/", 404), ("/v1/traces", 405)):
            connection.request("HEAD", path)
            answer = connection.getresponse()
            assert (answer.status, int(answer.headers["content-length"]) > 30, answer.read()) == (status, True, b"")


@pytest.mark.parametrize("path", ["/", "/v1/traces/", "/v1/../v1/traces", "//v1/traces", "/api/public/health"])
def test_other_paths_are_not_found(receiver: Receiver, path: str) -> None:
    """Nothing is served but what the receiver is for."""
    assert post(receiver.port, path, BODY).status == 404


def test_too_large_a_body_gets_413(receiver: Receiver) -> None:
    """With its length said, and in chunks."""
    large = b"\0" * (9 << 20)
    assert post(receiver.port, "/v1/traces", large).status == 413
    assert post(receiver.port, "/v1/traces", None, chunks=[large]).status == 413
    assert send(receiver).status == 200


def test_json_has_a_limit_of_its_own_which_is_named(receiver: Receiver) -> None:
    """Decompressed, it may have as much as may be sent."""
    large = gzip.compress(b'{"resourceSpans": [], "x": "' + b"a" * (9 << 20) + b'"}')
    answer = post(receiver.port, "/v1/traces", large, JSON, Content_Encoding="gzip")
    assert answer.status == 413
    assert "at most 8,388,608 are read, compressed or not (of protobuf, 33,554,432)" in answer.json["message"]


def test_a_client_that_asks_first_is_told_before_it_sends(receiver: Receiver) -> None:
    """``Expect: 100-continue`` with a body that is too large."""
    with closing(socket.create_connection(("127.0.0.1", receiver.port), timeout=5)) as client:
        client.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
            b"Content-Length: 900000000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "head",
    [
        b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"\0\0\0\0 nonsense\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\nX: " + b"a" * 100_000,
    ],
    ids=["two lengths", "negative length", "bad chunk", "no HTTP", "endless head"],
)
def test_malformed_http_ends_the_connection_alone(receiver: Receiver, head: bytes) -> None:
    """Others are served."""
    with closing(socket.create_connection(("127.0.0.1", receiver.port), timeout=5)) as client:
        client.sendall(head)
        with suppress(OSError):  # it may be closed already
            client.shutdown(socket.SHUT_WR)
            while client.recv(1000):
                pass
    assert send(receiver).status == 200


def test_slow_clients_do_not_keep_others_out(receiver: Receiver) -> None:
    """Hundreds of connections that never finish a request."""
    with ExitStack() as stack:
        for number in range(300):
            client = stack.enter_context(closing(socket.create_connection(("127.0.0.1", receiver.port), timeout=5)))
            client.sendall((b"", b"P", b"POST /v1/traces HTTP/1.1\r\nHost: l")[number % 3])
        assert send(receiver).status == 200
    assert receiver.stats["connections_closed"] > 100


def test_bodies_that_do_not_end_are_bounded(receiver: Receiver) -> None:
    """Beyond the room for what is being read, the answer says when to try again."""
    head = (
        b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
        b"Content-Length: %d\r\n\r\n"
    )
    size = 8 << 20
    with ExitStack() as stack:
        for _ in range(4):
            client = stack.enter_context(closing(socket.create_connection(("127.0.0.1", receiver.port), timeout=5)))
            client.sendall(head % size + b"\0" * (size - 1))
        deadline = time.monotonic() + 5
        while receiver.stats["bytes_in_flight"] < 4 * (size - 1):
            assert time.monotonic() < deadline
        answer = send(receiver)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    deadline = time.monotonic() + 5
    while send(receiver).status != 200:
        assert time.monotonic() < deadline


def test_a_token_is_asked_for(store: Path) -> None:
    """As bearer, or as the secret key of a Langfuse client."""
    receiver = sb.receive(0, token=TOKEN)

    def basic(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    assert send(receiver, Authorization=f"Bearer {TOKEN}").status == 200
    assert send(receiver, Authorization=basic(f"pk-lf-1:{TOKEN}"), Host="my.machine:4318").status == 200
    wrong = ["", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Token {TOKEN}", basic("pk:no"), "Basic é",
             basic(f"{TOKEN}:"), TOKEN]  # fmt: skip
    answers = [send(receiver, Authorization=value) for value in wrong]
    assert [answer.status for answer in answers] == [401] * len(wrong)
    assert all(TOKEN.encode() not in answer.body for answer in answers)


def test_without_a_token_credentials_are_ignored(receiver: Receiver) -> None:
    """Clients of Langfuse always send some."""
    assert send(receiver, Authorization="Basic cGs6c2s=").status == 200


@pytest.mark.parametrize("token", ["", "   ", "two words", "é", "line\n"])
def test_a_token_that_no_header_can_carry_is_refused(store: Path, token: str) -> None:
    """Before anything listens."""
    with pytest.raises(sb.UsageError, match="token"):
        sb.receive(0, token=token)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.com", "192.168.0.2"])  # noqa: S104 (refused)
def test_other_machines_need_a_token(store: Path, host: str) -> None:
    """The default cannot be opened to the network by accident."""
    with pytest.raises(sb.UsageError, match="token"):
        sb.receive(0, host=host)


def test_grpc_over_http_1_is_told_the_setting(receiver: Receiver) -> None:
    """By the content type."""
    answer = send(receiver, "application/grpc")
    assert (answer.status, b"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in answer.body) == (415, True)


def test_grpc_is_told_the_setting_in_its_own_words(receiver: Receiver) -> None:
    """HTTP/2: settings, the client's call, and an answer with the status UNIMPLEMENTED and a message."""
    settings = bytes(3) + b"\x04\0" + bytes(4)
    call = b"\0\0\1\1\4" + (1).to_bytes(4, "big") + b"\x83"  # a HEADERS frame of stream 1: :method POST
    with closing(socket.create_connection(("127.0.0.1", receiver.port), timeout=5)) as client:
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + call)
        got = b""
        while b"http/protobuf" not in got:
            got += client.recv(1000)
    assert got.startswith(settings)
    assert b"grpc-status\x0212" in got


def test_scores_and_batches_come_as_json_alone(receiver: Receiver) -> None:
    """They have no other form."""
    assert post(receiver.port, "/api/public/ingestion", BODY).status == 415
    assert post(receiver.port, "/api/public/ingestion", b"{}", JSON).status == 400
