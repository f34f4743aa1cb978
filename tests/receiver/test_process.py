"""``spanbook receive`` in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.receiver.sending import Process, post, stored, traces


def test_what_was_acknowledged_survives_a_kill(process: Process) -> None:
    """SIGKILL in the middle of four clients' sending: every span of an answer 200 is in the store."""
    acknowledged: list[int] = []

    def send(client: int) -> None:
        for number in range(client * 1000, client * 1000 + 1000, 5):
            numbers = range(number + 1, number + 6)
            try:
                answer = post(process.port, "/v1/traces", traces(*numbers).SerializeToString())
            except OSError:
                return
            assert answer.status == 200
            acknowledged.extend(numbers)
            if len(acknowledged) > 200:
                process.popen.kill()

    with ThreadPoolExecutor(4) as clients:
        list(clients.map(send, range(4)))

    assert process.popen.wait(10) == -signal.SIGKILL
    found = {row[0] for row in stored(process.store, "SELECT name FROM spans")}
    assert len(acknowledged) > 200 and {f"span {number}" for number in acknowledged} <= found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly(process: Process, number: signal.Signals) -> None:
    """It says what it did; one whole file is left."""
    post(process.port, "/v1/traces", traces(1, 2).SerializeToString())

    process.popen.send_signal(number)
    out, err = process.popen.communicate(timeout=10)

    assert (process.popen.returncode, err) == (0, "")
    assert out == "stopped after 1 requests, 2 spans, 0 logs, 0 scores; 0 malformed, left out\n"
    assert sorted(path.name for path in process.store.parent.glob("store.db*")) == ["store.db"]


def test_a_port_that_is_taken_is_said_in_one_line(process: Process, tmp_path: Path) -> None:
    """Exit code 2: it was asked wrongly."""
    command = [sys.executable, "-m", "spanbook", "receive", "--port", str(process.port)]
    done = subprocess.run(
        [*command, "--store", str(tmp_path / "other.db")], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"spanbook: port {process.port} of 127.0.0.1 cannot be used")


def test_a_token_on_the_command_line(tmp_path: Path) -> None:
    """Asked for from then on."""
    process = Process(tmp_path, "--token", "abc")
    body = traces(1).SerializeToString()
    try:
        assert post(process.port, "/v1/traces", body).status == 401
        assert post(process.port, "/v1/traces", body, Authorization="Bearer abc").status == 200
    finally:
        process.close()
