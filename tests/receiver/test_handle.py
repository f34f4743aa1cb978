"""``sb.receive()`` and its handle."""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.receiver import Receiver
from tests.receiver.sending import post, stored, traces

BODY = traces(1, 2).SerializeToString()


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds; five seconds are far more than it takes."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_handle_says_where_it_is_and_what_came(receiver: Receiver) -> None:
    """Endpoint, counts, a line for the notebook."""
    assert receiver.endpoint == f"http://127.0.0.1:{receiver.port}"
    assert repr(receiver) == f"<Receiver at {receiver.endpoint}: nothing received yet>"

    post(receiver.port, "/v1/traces", BODY)
    post(receiver.port, "/v1/traces", b"\xff")

    stats = receiver.stats
    assert (stats["requests"], stats["spans"], stats["answered_400"]) == (2, 2, 1)
    assert repr(receiver) == f"<Receiver at {receiver.endpoint}: 2 spans>"


def test_a_receiver_stops_and_another_takes_its_port(receiver: Receiver, store: Path) -> None:
    """Stopping twice does no harm, and no thread is left."""
    receiver.stop()
    receiver.stop()

    assert repr(receiver) == "<Receiver stopped>"
    with pytest.raises(ConnectionRefusedError):
        post(receiver.port, "/v1/traces", BODY)
    assert not [thread for thread in threading.enumerate() if f"receiver-{receiver.port}" in thread.name]
    with sb.receive(receiver.port) as again:
        assert post(again.port, "/v1/traces", BODY).status == 200
    assert not again.is_running


def test_threads_take_short_turns_while_a_request_is_here(receiver: Receiver) -> None:
    """From its head on, until it is answered or its client has gone; whatever else comes meanwhile."""
    usual = sys.getswitchinterval()
    with closing(socket.create_connection(("127.0.0.1", receiver.port))) as slow:
        slow.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     b"Content-Type: application/x-protobuf\r\nContent-Length: 100\r\n\r\n")  # fmt: skip
        wait_for(lambda: sys.getswitchinterval() < usual)
        assert post(receiver.port, "/v1/traces", BODY).status == 200
        assert post(receiver.port, "/v1/nothing", BODY).status == 404
        assert sys.getswitchinterval() < usual
    wait_for(lambda: sys.getswitchinterval() == usual)


def test_running_a_cell_twice_gives_the_same_handle(receiver: Receiver) -> None:
    """Only with the same arguments."""
    assert sb.receive(receiver.port) is receiver
    with pytest.raises(sb.UsageError, match="another token"):
        sb.receive(receiver.port, token="x")


def test_a_port_that_is_taken_is_named(store: Path) -> None:
    """With what to do."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        with pytest.raises(sb.UsageError, match=rf"port {port} of 127.0.0.1 .* give another port"):
            sb.receive(port)


@pytest.mark.parametrize("port", [-1, 65536, True, "4318"])
def test_what_is_no_port_is_refused(store: Path, port: int) -> None:
    """Before anything is bound."""
    with pytest.raises(sb.UsageError, match="is not a port"):
        sb.receive(port)


def test_a_receiver_follows_the_store(receiver: Receiver, tmp_path: Path) -> None:
    """``sb.init`` with another store is for what comes in, too."""
    sb.init(store=tmp_path / "other.db", instrument=False)
    assert post(receiver.port, "/v1/traces", BODY).status == 200
    assert stored(tmp_path / "other.db", "SELECT count(*) FROM spans") == [(2,)]


def test_live_views_are_told(receiver: Receiver) -> None:
    """What comes in shows under the cell like what is traced here."""
    told: list[str] = []
    from spanbook.api import _runtime

    _runtime.add_listener(lambda written: told.extend(row["name"] for row in written.spans))
    post(receiver.port, "/v1/traces", BODY)
    assert told == ["span 1", "span 2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_hold_the_port(receiver: Receiver) -> None:
    """It would be deaf there; its own stop() does nothing to the parent."""
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        receiver.stop()
        os.write(ready[1], b"x")
        os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    assert post(receiver.port, "/v1/traces", BODY).status == 200
    receiver.stop()
    with pytest.raises(ConnectionRefusedError):
        post(receiver.port, "/v1/traces", BODY)
    os.write(done[1], b"x")
    os.waitpid(child, 0)


def test_connections_that_are_accepted_while_it_stops_are_closed(store: Path) -> None:
    """A socket that nobody closes is said by Python when it is collected, and fails this test."""
    for _ in range(20):
        with ExitStack() as clients:
            receiver = sb.receive(0)
            for _ in range(40):
                clients.enter_context(socket.create_connection(("127.0.0.1", receiver.port), timeout=5))
            receiver.stop()
        gc.collect()
