"""Loading and unloading: everything added to IPython is remembered here and taken away again."""

from __future__ import annotations

from typing import Any

from ..api import _runtime, _settings
from ..api._receive import stop_all
from ..api._store import init
from ..model import SpanbookError
from ..tracer import _cell
from ._cells import CellHooks
from ._completion import complete
from ._magics import SpanbookMagics
from ._trace_cell import rewrite_trace_cell

_hooks: CellHooks | None = None
_turned_on: set[str] = set()  # integrations that loading turned on
_NAMES = {"line": ("spanbook", "trace", "traces", "_spanbook_begin"), "cell": ("trace", "spansql")}


def load(ip: Any) -> None:
    """See ``load_ipython_extension``."""
    global _hooks, _turned_on
    if _hooks is not None and _hooks.ip is ip:
        return
    from ..integrations import instrument, names_on
    from ._magics import plain_error

    before = names_on()
    try:
        if _runtime.started() is None:
            init(display=_settings.display)
            _runtime.is_chosen = False  # by us: nobody has said anything
        else:
            instrument()
    except SpanbookError as error:
        raise plain_error(error) from None
    _turned_on = names_on() - before
    ip.register_magics(SpanbookMagics)
    ip.input_transformers_cleanup.append(rewrite_trace_cell)
    for key in ("%spanbook", "%trace", "%%trace", "%traces"):
        ip.set_hook("complete_command", complete, str_key=key)
    _hooks = CellHooks(ip)
    _hooks.register()
    _cell.refresh_git_commit()


def unload(ip: Any) -> None:
    """See ``unload_ipython_extension``. Tracing that ``init`` was asked for goes on as it said."""
    global _hooks
    from ..integrations import uninstrument

    hooks, _hooks = _hooks, None
    if hooks is not None:
        hooks.unregister()
    for kind, names in _NAMES.items():
        for name in names:
            ip.magics_manager.magics[kind].pop(name, None)
    if rewrite_trace_cell in ip.input_transformers_cleanup:
        ip.input_transformers_cleanup.remove(rewrite_trace_cell)
    stop_all()
    _cell.leave_notebook()
    if not _runtime.is_chosen:
        uninstrument()
        _runtime.reset()
    elif _turned_on:
        uninstrument(*_turned_on)


def hooks() -> CellHooks | None:
    """Return the hooks while the extension is loaded."""
    return _hooks
