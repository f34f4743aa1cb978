"""The real Python side of an explorer behind a host page: its requests are answered, and what it sends is pushed."""

import base64
from typing import Any

from playwright.sync_api import Locator, expect

import spanbook as sb
from tests.ui.conftest import HostPage
from tests.ui.wire import b64
from tests.widgets.page import CapturedExplorer


class RealExplorer:
    """An explorer of a trace of this process, drawn on a host page."""

    def __init__(self, host: HostPage, store: sb.Store, trace_id: str, **view: Any) -> None:
        self.host, self.widget = host, CapturedExplorer(store._reader, trace_id)
        self._sent = 0
        self.requests: list[tuple[str, Any]] = []
        first = self.widget.__dict__["first"]
        state = {name: first[name] for name in ("_meta", "_rev", "_height")}
        state |= {"_cols": {"$bytes": b64(first["_cols"])}, "_view": view, "selected_span_id": None}
        host.expose("kernel", self._answer)
        host.show("explorer.js", state, {}, held=True)
        # From now on the page's requests go to Python, those of its first moments included.
        host.page.evaluate(
            """() => {
              const model = host.model;
              const bytes = (text) => {
                const data = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                return new DataView(data.buffer);
              };
              model.reply = async (message) => {
                const { reply, buffers } = await kernel(message);
                if (reply) model.emit("msg:custom", reply, buffers.map(bytes));
              };
              model.release();
            }"""
        )
        expect(host.page.locator(".sb-row").first).to_be_visible()

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """Hand a request to the widget, as its comm would, and return what it answers."""
        if message["kind"] != "rpc":
            self.widget._handle_custom_msg(message, [])
            return {}
        if self.widget.comm is None:  # the test is over, and its last question was on its way
            return {}
        self.requests.append((message["method"], message["params"]))
        before = len(self.widget.messages())
        self.widget._handle_custom_msg(message, [])
        for reply, buffers in self.widget.messages()[before:]:
            if reply.get("id") == message["id"]:
                return {"reply": reply, "buffers": [base64.b64encode(each).decode() for each in buffers]}
        raise AssertionError(f"no answer to {message}")

    def pump(self) -> None:
        """Push to the page what the widget has sent by itself since."""
        messages = self.widget.messages()
        for message, buffers in messages[self._sent :]:
            if message["kind"] != "rpc-response":
                self.host.push(message, [b64(each) for each in buffers])
        self._sent = len(messages)

    def pump_until(self, locator: Locator, text: str, seconds: float = 10.0) -> None:
        """Go on pushing until an element says something."""
        said = ""
        for _ in range(int(seconds * 20)):
            self.pump()
            said = " ".join(locator.all_inner_texts())
            if text in said:
                return
            self.host.page.wait_for_timeout(50)
        raise AssertionError(f"{text!r} did not come; it says {said!r}")
