"""Showing a view in a notebook: two outputs, a static snapshot and then the widget, which hides it while it lives.

One output with several forms would be simpler and is not enough: JupyterLab shows "model not found" instead of the HTML
form when a saved notebook is opened again, and nbconvert shows nothing where widget state was saved.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..tracer import report_failure
from . import _cell

if TYPE_CHECKING:
    from ._base import SpanbookWidget

WIDGET_VIEW: Final = "application/vnd.jupyter.widget-view+json"

Bundle = dict[str, Any]
#: Publishes one output: data, metadata, display id, whether it replaces the one shown under that id.
Publish = Callable[[Bundle, Bundle, str | None, bool], None]


def _new_uid() -> str:
    return os.urandom(4).hex()


@dataclass
class Snapshot:
    """The static output of one view."""

    uid: str = field(default_factory=_new_uid)
    #: What it says on screen; None while it is not shown.
    html: str | None = None
    publish: Publish | None = None

    @property
    def display_id(self) -> str:
        """The id under which it can be replaced."""
        return f"spanbook-{self.uid}"


def show(view: SpanbookWidget) -> None:
    """Show a view as the output of the cell that runs; as text where there is no notebook."""
    if _cell.kernel() is None:
        if _in_ipython():
            print(view)
        return
    _show(view, _publish_here, _cell.parent_message())


def show_chip(chip: SpanbookWidget, *, parent: dict[str, Any] | None = None) -> bool:
    """Show a view under a cell; from any thread when ``parent``, the message that runs the cell, is given.

    Returns:
        Whether it was shown: not outside of kernels, nor where a kernel cannot send for another cell.
    """
    if _cell.kernel() is None:
        return False
    if parent is None:
        _show(chip, _publish_here, _cell.parent_message())
        return True
    publish = _publisher_for(parent)
    if publish is None:
        return False
    try:
        _show(chip, publish, parent)
    except Exception as error:  # noqa: BLE001 - on the fold's thread: the end of the cell shows it instead
        report_failure("show a running cell's traces", error)
        return False
    return True


def renew_snapshot(view: SpanbookWidget) -> None:
    """Replace the snapshot on screen by what the view says now, where it says something else."""
    snapshot = view._snapshot
    if snapshot.publish is None or view.comm is None:
        return
    html = view._html(snapshot.uid)
    if html != snapshot.html:
        snapshot.html = html
        snapshot.publish({"text/html": html, "text/plain": str(view)}, {}, snapshot.display_id, True)


def _show(view: SpanbookWidget, publish: Publish, parent: dict[str, Any] | None) -> None:
    _cell.note_shown(view, _cell.run_of(parent))
    if view.comm is None:
        view.open()
    snapshot = view._snapshot
    snapshot.html = view._html(snapshot.uid)
    snapshot.publish = (_publisher_for(parent) if parent else None) or publish
    publish({"text/html": snapshot.html, "text/plain": str(view)}, {}, snapshot.display_id, False)
    data, metadata = view._repr_mimebundle_()
    publish({WIDGET_VIEW: data[WIDGET_VIEW]}, metadata, None, False)


def _publish_here(data: Bundle, metadata: Bundle, display_id: str | None, update: bool) -> None:
    """Publish as the output of whatever runs here; captured by whoever captures outputs."""
    from IPython.display import publish_display_data

    transient = {"display_id": display_id} if display_id else {}
    publish_display_data(data, metadata, transient=transient, update=update)  # type: ignore[no-untyped-call]


def _publisher_for(parent: dict[str, Any]) -> Publish | None:
    """Return what publishes outputs of the cell that this message runs, from any thread; None if the kernel cannot."""
    kernel = _cell.kernel()
    session, socket = getattr(kernel, "session", None), getattr(kernel, "iopub_socket", None)
    if session is None or socket is None or not hasattr(kernel, "ident"):
        return None

    def publish(data: Bundle, metadata: Bundle, display_id: str | None, update: bool) -> None:
        what = "update_display_data" if update else "display_data"
        transient = {"display_id": display_id} if display_id else {}
        content = {"data": data, "metadata": metadata, "transient": transient}
        session.send(socket, what, content, parent=parent, ident=f"kernel.{kernel.ident}.{what}".encode())

    return publish


def _in_ipython() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None
