"""Folding what processes that are gone left in their journals, without tracing anything oneself."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from ..store._inspect import has_dead_journals
from ..store._journal import Journal
from ..store._owners import journal_root
from ..tracer import SpanbookWarning


def fold_dead_journals(store: Path, timeout: float = 30.0) -> str | None:
    """Bring a store up to date with what killed processes left behind; does nothing when there is nothing.

    Tracing into the store does the same by itself. What cannot be folded stays where it is.

    Args:
        store: Absolute path of the store file; made when it is missing and something is left for it.
        timeout: Seconds.

    Returns:
        None when nothing is left behind, else why.
    """
    root = journal_root(store)
    if not has_dead_journals(root):
        return None
    if store.exists() and not os.access(store, os.W_OK):
        return f"{str(store)!r} cannot be written"
    from ..ingest._fold import Fold
    from ..model.prices import PriceTable
    from ..model.redaction import make_redactor

    journal = Journal(root, str(store))  # nothing is written to it: a fold has one of its own
    fold = Fold(store, journal, root, make_redactor("secrets"), PriceTable())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SpanbookWarning)  # what fails is the answer
            fold.flush(timeout)
        problem = fold.problem
    finally:
        fold.writer.close()
        journal.close(remove=True)
    return (problem or f"it takes longer than {timeout:g} s") if has_dead_journals(root) else None
