"""A notebook's kernel that is interrupted, restarted or shut down loses nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from tests.reliability.processes import stored
from tests.tracing import environment, journals


@pytest.fixture
def manager(folder: Path) -> Iterator[KernelManager]:
    """A kernel that traces into the folder's store."""
    made = KernelManager(kernel_name="python3", shutdown_wait_time=30)
    made.start_kernel(env=environment(folder), cwd=str(folder))
    yield made
    made.shutdown_kernel(now=True)


@pytest.fixture
def client(manager: KernelManager) -> Iterator[Any]:
    """Who runs cells in it."""
    made = manager.client()
    made.start_channels()
    made.wait_for_ready(timeout=60)
    yield made
    made.stop_channels()


def reply_to(client: Any, message: str) -> Any:
    """Wait for a cell's end, and return how it ended."""
    while (reply := client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != message:
        pass
    return reply["content"]


def test_an_interrupt_a_restart_and_a_shutdown_lose_nothing(folder: Path, manager: KernelManager, client: Any) -> None:
    """What the interrupted cell was doing has failed; what was open at the others is interrupted."""
    # many short sleeps: one that began just after the signal came, CPython would sleep to its end
    message = client.execute(
        "%load_ext spanbook\nimport spanbook as sb, time\n"
        "with sb.span('cell', input='in'):\n    open('running', 'w').close()\n    for _ in range(600): time.sleep(0.1)"
    )
    deadline = time.monotonic() + 60
    while not (folder / "running").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    manager.interrupt_kernel()
    assert reply_to(client, message)["ename"] == "KeyboardInterrupt"

    for name in ("restart", "shutdown"):
        message = client.execute(
            f"import spanbook as sb\nopened = sb.span('open at {name}', input='in').start()\n"
            f"for _ in range(200):\n    with sb.span('{name}'): pass"
        )
        assert reply_to(client, message)["status"] == "ok"
        if name == "restart":
            manager.restart_kernel()
            client.wait_for_ready(timeout=60)
        else:
            manager.shutdown_kernel()

    assert journals(folder) == []  # it ended in order: nothing was left to be recovered
    assert Counter(stored(folder)) == {
        ("cell", "error"): 1,
        ("restart", "ok"): 200, ("open at restart", "interrupted"): 1,
        ("shutdown", "ok"): 200, ("open at shutdown", "interrupted"): 1,
    }  # fmt: skip
