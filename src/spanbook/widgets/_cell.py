"""Which cell runs, and which views it showed: when it runs again, those of its last run are closed.

ipywidgets keeps every widget for the life of the kernel; without this a cell that is run a hundred times holds a
hundred explorers and their models in the page.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any, Final, NamedTuple

from ..tracer import _recorder


class Run(NamedTuple):
    """One execution of one cell."""

    cell_id: str
    token: str


_lock: Final = threading.Lock()
#: Cell id -> (the execution that showed them, its views).
_shown: Final[dict[str, tuple[str, list[weakref.ref[Any]]]]] = {}


def kernel() -> Any:
    """Return the ipykernel this process is, None outside of one."""
    shell = _shell()
    return getattr(shell, "kernel", None)


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def parent_message() -> dict[str, Any] | None:
    """Return the message that runs the current cell; None outside of a kernel."""
    running = kernel()
    if running is None:
        return None
    try:
        parent = running.get_parent()
    except (AttributeError, LookupError):  # kernels of other makes, threads of ipykernel 7.0
        return None
    return parent if isinstance(parent, dict) and parent.get("header") else None


def run_of(parent: dict[str, Any] | None) -> Run | None:
    """Return the execution that a message began; None when the front end does not say which cell it is."""
    header = (parent or {}).get("header") or {}
    cell_id = ((parent or {}).get("metadata") or {}).get("cellId") or (_recorder.provenance or {}).get("cell_id")
    if not cell_id or header.get("msg_type") != "execute_request":
        return None
    return Run(str(cell_id), str(header.get("msg_id")))


def note_shown(view: Any, run: Run | None) -> None:
    """Remember that this execution shows the view; close what the cell's execution before it showed.

    A view belongs to the cell that showed it first.
    """
    if run is None or getattr(view, "_home", None) not in (None, run.cell_id):
        return
    view._home = run.cell_id
    with _lock:
        token, views = _shown.get(run.cell_id, (run.token, []))
        old = [] if token == run.token else views
        kept = views if token == run.token else []
        _shown[run.cell_id] = (run.token, [*(ref for ref in kept if ref() is not view), weakref.ref(view)])
    for ref in old:
        before = ref()
        if before is not None and before is not view:
            before.close()
