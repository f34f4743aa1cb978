"""Widgets in a real kernel, without a browser: what is displayed, where, and what is gone when a cell runs again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SETUP = """
import time, threading, ipywidgets
import spanbook as sb
from spanbook.widgets import Chip, show_chip
from spanbook.widgets._cell import parent_message
def job(name="job"):
    with sb.span(name):
        with sb.span("step", kind="tool", input={"x": 1}):
            pass
    return sb.last_trace()
def models():
    return len(ipywidgets.widgets.widget._instances)
"""

Message = dict[str, Any]


class Kernel:
    """A kernel whose messages are kept."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client

    def send(self, code: str, cell: str = "cell") -> str:
        """Run a cell without waiting; returns the id of its message."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell})
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def run(self, code: str, cell: str = "cell") -> list[Message]:
        """Run a cell; returns what it and others published until it was done."""
        return self.until(lambda message: is_idle(message, asked), asked := self.send(code, cell))

    def until(self, found: Any, asked: str = "", seconds: float = 20) -> list[Message]:
        """Return what is published until a message is found."""
        messages: list[Message] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=seconds)
            assert message["msg_type"] != "error", "\n".join(message["content"]["traceback"])
            messages.append(message)
            if found(message):
                return messages
        raise AssertionError(f"not in time; there was {[each['msg_type'] for each in messages]}")

    def value(self, expression: str) -> str:
        """The repr of an expression."""
        results = [each for each in self.run(f"print(repr({expression}))", "asking") if each["msg_type"] == "stream"]
        return "".join(str(each["content"]["text"]) for each in results).strip()


def is_idle(message: Message, asked: str) -> bool:
    return bool(
        message["msg_type"] == "status"
        and message["content"]["execution_state"] == "idle"
        and message["parent_header"].get("msg_id") == asked
    )


def shown(messages: list[Message]) -> list[Message]:
    return [each["content"] for each in messages if each["msg_type"] == "display_data"]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder: Path = tmp_path_factory.mktemp("kernel")
    environment = os.environ | {
        "SPANBOOK_STORE": str(folder / "store.db"),
        "SPANBOOK_JOURNAL": str(folder / "journal"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder),
    }
    manager, client = start_new_kernel(env=environment)
    made = Kernel(client)
    made.run(SETUP, "setup")
    yield made
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def test_a_trace_is_shown_as_a_snapshot_and_then_as_a_widget(kernel: Kernel) -> None:
    snapshot, widget = shown(kernel.run("job()"))
    assert set(snapshot["data"]) == {"text/html", "text/plain"}
    assert set(widget["data"]) == {WIDGET_VIEW}
    assert snapshot["transient"]["display_id"].startswith("spanbook-")
    assert "step · tool" in snapshot["data"]["text/plain"]
    assert "sb-snap" in snapshot["data"]["text/html"]


def test_a_cell_that_runs_again_closes_what_it_showed(kernel: Kernel) -> None:
    kernel.run("a = job().view(); a", "mine")
    before = kernel.value("models()")
    for _ in range(3):
        closed = [each for each in kernel.run("b = job().view(); b", "mine") if each["msg_type"] == "comm_close"]
        assert len(closed) == 2  # the widget and its layout
    assert kernel.value("models()") == before
    assert kernel.value("(a.comm, a.selected)") == "(None, None)"


def test_two_views_of_one_cell_live_side_by_side(kernel: Kernel) -> None:
    kernel.run("c, d = job().view(), job().view(); display(c, d)", "two")
    assert kernel.value("c.comm is not None and d.comm is not None") == "True"
    kernel.run("c", "three")  # shown by another cell too: it still belongs to the first
    kernel.run("pass; job()", "three")
    assert kernel.value("c.comm is not None") == "True"


def test_a_chip_is_shown_below_its_cell_from_another_thread(kernel: Kernel) -> None:
    code = """
parent = parent_message()
chip = Chip(sb.last_trace()._reader, [job("one").trace_id], running=True)
def later():
    time.sleep(0.3)
    said.append(show_chip(chip, parent=parent))
said = []
thread = threading.Thread(target=later); thread.start()
"""
    asked = kernel.send(code, "first")
    other = kernel.send("thread.join(); print(said)", "second")
    messages = kernel.until(lambda message: is_idle(message, other))
    displays = [each for each in messages if each["msg_type"] == "display_data"]
    assert [each["parent_header"]["msg_id"] for each in displays] == [asked, asked]
    assert [set(each["content"]["data"]) for each in displays] == [{"text/html", "text/plain"}, {WIDGET_VIEW}]
    assert any(each["content"].get("text") == "[True]\n" for each in messages)


def test_the_snapshot_is_renewed_when_the_cell_has_ended(kernel: Kernel) -> None:
    first, _ = shown(
        kernel.run("chip = Chip(sb.last_trace()._reader, [job('one').trace_id], running=True); show_chip(chip);")
    )
    messages = kernel.run("chip.finish()", "asking")
    renewed = next(each["content"] for each in messages if each["msg_type"] == "update_display_data")
    assert renewed["transient"] == first["transient"]
    assert "running" in first["data"]["text/plain"]
    assert "running" not in renewed["data"]["text/plain"]


def test_the_snapshot_of_a_trace_that_ran_is_renewed_at_its_end(kernel: Kernel) -> None:
    kernel.run("span = sb.span('slow').start(); sb.get_trace(span.trace_id)")
    asked = kernel.send("span.end()", "asking")
    messages = kernel.until(lambda message: message["msg_type"] == "update_display_data", asked)
    assert "running" not in messages[-1]["content"]["data"]["text/plain"]


@pytest.mark.skipif(
    tuple(map(int, version("ipykernel").split(".")[:2])) < (7, 4), reason="needs no override before ipykernel 7.4"
)
def test_the_private_name_that_routes_requests_is_still_there(kernel: Kernel) -> None:
    """When this fails, requests wait for the end of the cell again: look how ipykernel routes comm messages now."""
    from ipykernel.comm.comm import BaseComm

    assert callable(getattr(BaseComm, "_reply_subshell_for", None))
    assert kernel.value("job().view().comm._reply_subshell_for({}, 'as sent')") == "'as sent'"


def test_a_request_is_answered_while_the_cell_runs(kernel: Kernel) -> None:
    pytest.importorskip("ipykernel", minversion="7.0")  # older ones do not even answer
    kernel.run("e = job().view(); e", "live")
    comm = kernel.value("e.model_id").strip("'")
    control, session = kernel.client.control_channel, kernel.client.session
    control.send(session.msg("create_subshell_request", {}))
    reply = kernel.client.get_control_msg(timeout=10)
    if reply["content"].get("status") != "ok":
        pytest.skip("this kernel has no subshells")
    busy = kernel.send("time.sleep(1.5)", "live")
    time.sleep(0.3)
    ask = {"method": "custom", "content": {"kind": "rpc", "id": "q", "method": "detail", "params": {"row": 1}}}
    message = session.msg("comm_msg", {"comm_id": comm, "data": ask})
    message["header"]["subshell_id"] = reply["content"]["subshell_id"]
    kernel.client.shell_channel.send(message)
    messages = kernel.until(lambda message: is_idle(message, busy))
    answers = [each["content"]["data"].get("content", {}) for each in messages if each["msg_type"] == "comm_msg"]
    assert [each["result"]["span"]["name"] for each in answers if each.get("id") == "q"] == ["step"]
