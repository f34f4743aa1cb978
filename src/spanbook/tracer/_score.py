"""What is said about spans: the record of a score, checked once for ``sb.score`` and for the views."""

from __future__ import annotations

import os
import reprlib
import sqlite3
import sys
from pathlib import Path
from typing import Any

from ..model import CORRECTED_OUTPUT, SCORE_SOURCES, UsageError, clock, ids, text_score_type
from ..store._segments import SCORE
from ._span import emit


def score_record(name: Any, value: Any, source: Any, comment: Any, score_id: str | None = None) -> dict[str, Any]:
    """Return a score as the store takes it, about nothing yet; ``score_id`` makes it the same one when repeated.

    Raises:
        UsageError: a value of the wrong type.
    """
    if not isinstance(name, str) or not name.strip():
        raise UsageError(f"score name {name!r} is no text; give for example sb.score('correct', True).")
    if source not in SCORE_SOURCES:
        raise UsageError(f"source={source!r} is unknown; it is one of {', '.join(SCORE_SOURCES)}.")
    if comment is not None and not isinstance(comment, str):
        raise UsageError(f"comment={comment!r} is a {type(comment).__name__}; give text.")
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()  # a numpy scalar
    kept: float | str
    if name == CORRECTED_OUTPUT and not isinstance(value, str):
        raise UsageError(f"{name} = {reprlib.repr(value)} is a {type(value).__name__}; give the whole output as text.")
    if isinstance(value, bool):
        kind, kept = "bool", int(value)
    elif isinstance(value, (int, float)) and abs(value) <= sys.float_info.max:
        kind, kept = "number", float(value)
    elif isinstance(value, str):
        kind, kept = text_score_type(name, value), value
    else:
        raise UsageError(
            f"score {name!r} = {reprlib.repr(value)} is a {type(value).__name__}; "
            "give a finite number, a bool or a text."
        )
    return {"score_id": score_id or ids.span_hex(ids.next_span_id()) + os.urandom(4).hex(), "name": name,
            "value": kept, "value_type": kind, "source": source, "comment": comment,
            "created_ns": clock.now_ns()}  # fmt: skip


def keep_score(record: dict[str, Any], path: Path, traced_into: Path | None) -> None:
    """Write a score into a store: through the journal when this process traces into it, else at once.

    Raises:
        StoreError: the store cannot be written.
    """
    if traced_into == path:
        emit((SCORE, record))
        return
    from ..store._connection import store_error
    from ..store._write import Batch, StoreWriter

    writer = StoreWriter(path)
    try:
        writer.write(Batch(scores=[record]))
    except sqlite3.Error as error:
        raise store_error(path, error) from error
    finally:
        writer.close()
