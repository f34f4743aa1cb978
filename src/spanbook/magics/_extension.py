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
_NAMES = {"line": ("spanbook", "trace", "traces", "_spanbook_begin"), "cell": ("trace", "spansql")}


def load(ip: Any) -> None:
    """See ``load_ipython_extension``."""
    global _hooks
    if _hooks is not None and _hooks.ip is ip:
        return
    from ._magics import plain_error

    try:
        if _runtime.started() is None:
            init(display=_settings.display)
        else:
            from ..integrations import instrument

            instrument()
    except SpanbookError as error:
        raise plain_error(error) from None
    ip.register_magics(SpanbookMagics)
    ip.input_transformers_cleanup.append(rewrite_trace_cell)
    for key in ("%spanbook", "%trace", "%%trace", "%traces"):
        ip.set_hook("complete_command", complete, str_key=key)
    _hooks = CellHooks(ip)
    _hooks.register()
    _cell.refresh_git_commit()


def unload(ip: Any) -> None:
    """See ``unload_ipython_extension``."""
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
    uninstrument()
    stop_all()
    _cell.leave_notebook()
    _runtime.reset()


def hooks() -> CellHooks | None:
    """Return the hooks while the extension is loaded."""
    return _hooks
