"""``%load_ext spanbook``: set-up, magics and the hooks round each cell."""

from __future__ import annotations

from typing import Any

from ._extension import load, unload

__all__ = ["load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(ip: Any) -> None:
    """Trace what the notebook's cells do from now on: store, clients, magics, hooks. Doing it twice changes nothing."""
    load(ip)


def unload_ipython_extension(ip: Any) -> None:
    """Undo everything ``%load_ext spanbook`` did; what was traced stays in the store."""
    unload(ip)
