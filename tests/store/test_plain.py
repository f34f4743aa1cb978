"""The plain copy: the same tables, text anybody can read, and still a store."""

from __future__ import annotations

import base64
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import spanbook as sb
from spanbook.api import _runtime
from spanbook.store._plain import export_plain

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(300)
MESSAGES = [
    {"role": "user", "parts": [
        {"type": "text", "content": "look " * 80},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": base64.b64encode(PICTURE).decode()},
    ]},
]  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Iterator[sb.Store]:
    """Two traces: a call with a picture, an event and a score; and a plain one."""
    store = sb.init(store=tmp_path / "store.db", instrument=False)
    with sb.span("call", "llm", MESSAGES, session_id="s1") as call:
        call.event("retry", {"n": 1})
        call.set(output="done " * 100)
        sb.score("good", True)
    sb.score("session", 1.0, session_id="s1")
    with sb.span("other", input="x"):
        pass
    sb.flush()
    yield store
    _runtime.reset()


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    """What sqlite3 without any of our functions reads."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def test_any_tool_reads_the_text(source: sb.Store, tmp_path: Path) -> None:
    """Payloads are JSON text, media are bytes."""
    target = tmp_path / "plain.db"
    export_plain(source.path, target)
    assert rows(target, "SELECT typeof(input), typeof(output) FROM payloads ORDER BY span")[0] == ("text", "text")
    assert rows(target, "SELECT count(*) FROM payloads WHERE output LIKE '%done done%'") == [(1,)]
    assert rows(target, "SELECT body FROM blobs WHERE mime_type = 'image/png'") == [(PICTURE,)]
    assert rows(target, "SELECT data FROM events") == [('{"n":1}',)]
    assert rows(target, "PRAGMA integrity_check") == [("ok",)]


def test_it_is_a_store_with_the_same_content(source: sb.Store, tmp_path: Path) -> None:
    """``sb.open`` reads it as any other."""
    target = tmp_path / "plain.db"
    export_plain(source.path, target)
    copy = sb.open(target)
    for name in ("traces_df", "spans_df", "scores_df"):
        pd.testing.assert_frame_equal(getattr(copy, name)(), getattr(source, name)())


def test_some_traces_bring_only_what_is_theirs(source: sb.Store, tmp_path: Path) -> None:
    """Spans, payloads, events, media, and scores of their sessions."""
    call, other = (source.traces(f'name == "{name}"')[0].trace_id for name in ("call", "other"))
    export_plain(source.path, tmp_path / "call.db", [call])
    export_plain(source.path, tmp_path / "other.db", [other])
    counts = "SELECT (SELECT count(*) FROM spans), (SELECT count(*) FROM payloads), (SELECT count(*) FROM scores)"
    media = ", (SELECT count(*) FROM blobs), (SELECT count(*) FROM events)"
    assert rows(tmp_path / "call.db", counts + media) == [(1, 1, 2, 1, 1)]
    assert rows(tmp_path / "other.db", counts + media) == [(1, 1, 0, 0, 0)]


def test_an_existing_file_is_left_alone(source: sb.Store, tmp_path: Path) -> None:
    """Whatever it is."""
    target = tmp_path / "mine.txt"
    target.write_text("mine")
    with pytest.raises(sb.UsageError, match="exists already"):
        export_plain(source.path, target)
    assert target.read_text() == "mine"


def test_a_failed_copy_leaves_nothing_behind(source: sb.Store, tmp_path: Path) -> None:
    """One sentence, and no half file."""
    with pytest.raises(sb.StoreError, match="could not be made"):
        export_plain(source.path, tmp_path / "missing" / "plain.db")
    with closing(sqlite3.connect(source.path)) as db, db:
        db.execute("UPDATE blobs SET codec = 9")
    with pytest.raises(sb.StoreError, match="could not be made"):
        export_plain(source.path, tmp_path / "plain.db")
    assert [path for path in tmp_path.iterdir() if "plain" in path.name] == []


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_the_copy_is_private(source: sb.Store, tmp_path: Path) -> None:
    """As the store is."""
    export_plain(source.path, tmp_path / "plain.db")
    assert stat.S_IMODE((tmp_path / "plain.db").stat().st_mode) == 0o600
