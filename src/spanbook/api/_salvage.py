"""Recovering a damaged store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ._runtime import store_path

if TYPE_CHECKING:
    from ..store._salvage import Salvaged


def salvage(path: str | os.PathLike[str] | None = None, out: str | os.PathLike[str] | None = None) -> Salvaged:
    """Recover what can be read of a store into a new file; the damaged one is left as it is.

    It has to be called where nothing has the store open: in a process of its own, as ``spanbook salvage`` does.

    Args:
        path: The damaged file; the store that would be traced into when None.
        out: The new file; beside the damaged one, with ``.salvaged`` before its suffix, when None.

    Returns:
        What was recovered, and what is known to be lost.

    Raises:
        UsageError: the new file exists already, or this process has the store open.
        StoreError: another process has it open, there is none, or nothing of a store was found in it.
    """
    from ..store._salvage import salvage as recover

    source = store_path(path)
    new = source.with_name(f"{source.stem}.salvaged{source.suffix}") if out is None else Path(out).expanduser()
    return recover(source, Path(os.path.abspath(new)))
