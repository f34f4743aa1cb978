"""The base of our widgets: requests of the page, messages to it, and an end that leaves nothing behind.

Facts that shape this file (measured with ipykernel 6.31 to 7.4, JupyterLab 4.6, marimo 0.25):

* Requests arrive on a subshell's thread while a cell runs, else on the main thread. So they read through the store's
  per-thread connections, hold a lock round shared state, and display nothing.
* ipykernel 7.4 sends a comm's messages to whichever shell published on it last; for a comm that was opened in a cell
  that is the main one, which is busy. ``_answer_while_busy`` undoes this.
* ipywidgets keeps every widget, and the ``Layout`` that belongs to it, until it is closed. ``anywidget`` keeps every
  instance whose ``_esm`` is a file; ours is a text, unless ``ANYWIDGET_HMR=1`` asks for bundles to be loaded anew.
* The page reads traits once, when it opens a view. What changes afterwards is told by messages, and the traits are
  brought up to date only when somebody asks for the whole state (a page that is loaded again).
"""

from __future__ import annotations

import threading
from typing import Any, Final

import anywidget
import ipywidgets
import traitlets

from ..model import SpanbookError
from ..store._read import StoreReader
from ..tracer import report_failure
from . import _display
from ._live import Change, hub
from ._requests import Answer
from ._rpc_files import STATIC, bundle, is_hot

#: Quiet seconds after which what is kept of a view (its snapshot, its model) is brought up to date.
SETTLED_S: Final = 1.0


class _Bundle(traitlets.Unicode):  # type: ignore[type-arg]
    """The source of a widget's module, read when an instance needs it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.file = name
        self.tag(sync=True)

    def default(self, obj: Any = None) -> str:
        return bundle(self.file)


def esm(name: str) -> Any:
    """Return what a widget class has as ``_esm``."""
    path = STATIC / name
    return path if is_hot() and path.is_file() else _Bundle(name)


class SpanbookWidget(anywidget.AnyWidget):
    """A view of traces that is told what happens to them until it is closed."""

    def __init__(self, reader: StoreReader, **traits: Any) -> None:
        """Read what is shown, and follow it from now on.

        Raises:
            SpanbookError: it cannot be read.
        """
        self._reader = reader
        self._lock = threading.RLock()
        self._sending = threading.Lock()
        self._snapshot = _display.Snapshot()
        self._home: str | None = None
        self._is_made = False
        with self._lock:  # what is written while we read waits for the lock, and is taken in afterwards
            hub.add(self)
            try:
                super().__init__(**traits, **self._read_first())
                self._is_made = True
            except BaseException:
                hub.remove(self)
                raise

    def _read_first(self) -> dict[str, Any]:
        """Read what is shown; return values of traits."""
        raise NotImplementedError

    # -- life

    def open(self) -> None:
        """Make the widget's model in the page; again after :meth:`close`."""
        if self.comm is None and "_repr_mimebundle_" in self.__dict__:  # closed before: its old model is gone
            del self.__dict__["_repr_mimebundle_"]
            self._model_id = None
            self.layout = ipywidgets.Layout()
            hub.add(self)
        super().open()
        _answer_while_busy(self.comm)

    def close(self) -> None:
        """Remove the widget from the page and from every registry; its Python side stays readable."""
        if getattr(self, "comm", None) is None:
            return
        hub.remove(self)
        layout = self.layout
        super().close()
        if isinstance(layout, ipywidgets.Widget):
            layout.close()

    # -- from the page

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict) or content.get("kind") != "rpc":
            super()._handle_custom_msg(content, buffers)
            return
        reply: dict[str, Any] = {"kind": "rpc-response", "v": 1, "id": content.get("id")}
        out: list[bytes] = []
        try:
            reply["result"], out = self._answer(content.get("method"), content.get("params"))
        except (SpanbookError, LookupError) as error:
            reply["error"] = {"message": _message(error)}
        except Exception as error:  # noqa: BLE001 - the page waits for an answer, whatever went wrong
            report_failure("answer a view", error)
            reply["error"] = {"message": f"{type(error).__name__}: {error}"}
        self.send(reply, out)

    def _answer(self, method: Any, params: Any) -> Answer:
        """Answer one request of the page, on whichever thread it came.

        Raises:
            LookupError: there is no such request, or not what it asks for.
            SpanbookError: the store cannot be read.
        """
        raise NotImplementedError

    # -- to the page

    def send(self, content: Any, buffers: Any = None) -> None:
        """Send a message to every view of the widget; to nobody once it is closed."""
        with self._sending:  # one message at a time, whichever threads they come from
            if self.comm is not None:
                super().send(content, buffers=buffers)

    def send_all(self, messages: list[tuple[dict[str, Any], list[bytes]]]) -> int:
        """Send these messages; return how many they were."""
        for message, buffers in messages:
            self.send(message, buffers)
        return len(messages)

    def send_traits(self, **values: Any) -> None:
        """Set traits and send them, without traitlets' notifications: those are not made for threads."""
        self._trait_values.update(values)
        with self._sending:
            if self.comm is not None:
                self.send_state(list(values))

    def take(self, changes: dict[str, Change]) -> int:
        """Tell the page what was written; return how many messages were sent."""
        with self._lock:
            return self._take(changes) if self._is_made else 0

    def tick(self, *, later: bool) -> tuple[int, bool]:
        """Do what time brings; return how many messages were sent, and whether to be asked again soon."""
        with self._lock:
            return self._tick(later=later) if self._is_made else (0, False)

    def _take(self, changes: dict[str, Change]) -> int:
        raise NotImplementedError

    def _tick(self, *, later: bool) -> tuple[int, bool]:
        raise NotImplementedError

    # -- display

    def _html(self, uid: str | None) -> str:
        """Return the view as static HTML."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Return the bundle that shows the live widget, with what Colab needs beside it."""
        return super()._repr_mimebundle_(**kwargs)

    def _ipython_display_(self, **kwargs: Any) -> None:
        _display.show(self)

    def _repr_html_(self) -> str:
        return self._html(None)


def _answer_while_busy(comm: Any) -> None:
    """Let requests go to the shell the front end chose (a subshell), not to the one that published last.

    ``_reply_subshell_for`` is private to ipykernel 7.4; without it requests wait for the end of the cell, and the page
    says so.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = _as_sent


def _as_sent(data: Any, default: Any) -> Any:
    return default


def _message(error: Exception) -> str:
    """Return the text of an error; that of a ``KeyError`` without its quotes."""
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
