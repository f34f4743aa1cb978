"""The page's side of a widget, in Python: it decodes what is sent and keeps the rows as a page would."""

import struct
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

from spanbook.widgets.chip import Chip
from spanbook.widgets.explorer import TraceExplorer
from spanbook.widgets.table import TraceTable

_COLUMNS = (("start", "d"), ("duration", "f"), ("first_token", "f"), ("parent", "i"), ("tokens", "I"), ("cost", "f"))

Row = dict[str, Any]


def decode(data: bytes, n: int, *, wide: bool) -> list[Row]:
    """Return the rows of columns laid out as ``_columns.py`` says."""
    at, columns = 0, {}
    for name, code in (*_COLUMNS, ("name", "I" if wide else "H"), ("sub", "H"), ("kind", "B"), ("status", "B")):
        columns[name] = struct.unpack_from(f"<{n}{code}", data, at)
        at += struct.calcsize(f"<{n}{code}")
    assert at == len(data)
    return [{name: column[row] for name, column in columns.items()} for row in range(n)]


class TreePage:
    """The rows of one explorer, as a page knows them."""

    def __init__(self, meta: dict[str, Any], cols: bytes) -> None:
        self.load(meta, cols)
        self.gaps = 0
        self.partials: list[dict[str, Any]] = []

    def load(self, meta: dict[str, Any], cols: bytes) -> None:
        """Take the whole tree."""
        data = zlib.decompress(cols) if meta["encoding"] == "deflate" else cols
        self.names, self.subs, self.kinds = list(meta["names"]), list(meta["subs"]), meta["kinds"]
        self.rows = decode(data, meta["n"], wide=meta["wide_names"])
        self.rev, self.summary = meta["rev"], meta["summary"]

    def receive(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Take a pushed message in."""
        if "summary" in message:
            self.summary = message["summary"]
        if message["kind"] == "partial":
            self.partials.append(message)
        if message["kind"] != "rows" or message["rev"] <= self.rev:
            return
        self.gaps += message["rev"] != self.rev + 1
        self.rev = message["rev"]
        for texts, start, new in (
            (self.names, message["names_from"], message["names"]),
            (self.subs, message["subs_from"], message["subs"]),
        ):
            assert start <= len(texts), "names that were never sent"
            texts[start:] = new
        at = struct.unpack(f"<{message['count']}I", buffers[0])
        self.rows += [{}] * (message["n"] - len(self.rows))
        for row, values in zip(at, decode(buffers[1], message["count"], wide=message["wide_names"]), strict=True):
            self.rows[row] = values

    def tree(self) -> list[tuple[str, str, str | None, bool]]:
        """Name, sub, name of the parent and whether it runs, of each row."""
        return [
            (
                self.names[row["name"]],
                self.subs[row["sub"]],
                None if row["parent"] < 0 else self.names[self.rows[row["parent"]]["name"]],
                row["status"] & 3 == 0,
            )
            for row in self.rows
        ]


class _Captured:
    """Keeps what a widget sends instead of handing it to a comm."""

    def _send(self, msg: dict[str, Any], buffers: Any = None) -> None:
        sent = self.__dict__.setdefault("sent", [])
        sent.append((time.monotonic(), threading.current_thread().name, msg, [bytes(each) for each in buffers or ()]))

    def messages(self) -> list[tuple[dict[str, Any], list[bytes]]]:
        """Custom messages so far, and their buffers."""
        return [(msg["content"], buffers) for _, _, msg, buffers in self.__dict__.get("sent", ())
                if msg["method"] == "custom"]  # fmt: skip

    def updates(self) -> list[dict[str, Any]]:
        """Traits that were sent so far, one mapping a message."""
        return [
            msg["state"] | {path[0]: data for path, data in zip(msg["buffer_paths"], buffers, strict=True)}
            for _, _, msg, buffers in self.__dict__.get("sent", ())
            if msg["method"] == "update"
        ]


class CapturedExplorer(_Captured, TraceExplorer):
    """A trace explorer whose messages are kept."""

    def page(self) -> TreePage:
        """A page that saw the traits as they were made, and every message since."""
        state = self.__dict__["first"]
        page = TreePage(state["_meta"], state["_cols"])
        for message, buffers in self.messages():
            page.receive(message, buffers)
        return page

    def open(self) -> None:
        self.__dict__["first"] = self.get_state()
        super().open()


class CapturedChip(_Captured, Chip):
    """A chip whose messages are kept."""


class CapturedTable(_Captured, TraceTable):
    """A trace table whose messages are kept."""


def wait_for(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
