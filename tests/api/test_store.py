"""``Store``: reading and scoring, and what is said when it cannot be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spanbook as sb
from spanbook.api._store import Store
from spanbook.testing import FixedClock, fixed_ids
from spanbook.tracer import _recorder
from tests.tracing import Tracing, rows


def trace(name: str = "s", **fields: Any) -> str:
    """One span; the id of its trace."""
    with sb.span(name, **fields) as span:
        return span.trace_id


def test_stores_that_are_let_go_of_are_closed(tmp_path: Path) -> None:
    """Many in one process; a kernel may hold 1,024 files."""

    def n_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    counts = []
    for number in range(4):
        sb.init(store=tmp_path / f"{number}.db", display="off", instrument=False)
        trace()
        assert len(sb.traces()) == len(sb.spans_df()) == len(sb.open(tmp_path / f"{number}.db").spans_df()) == 1
        counts.append(n_files())
    assert counts[1:] == counts[:1] * 3


# -- scores


@pytest.mark.parametrize(
    ("value", "kept", "kind"),
    [
        (True, True, "bool"),
        (False, False, "bool"),
        (1, 1.0, "number"),
        (0.25, 0.25, "number"),
        ("good", "good", "label"),
        ("x" * 65, "x" * 65, "text"),
        ("two\nlines", "two\nlines", "text"),
        (np.float32(0.5), 0.5, "number"),
        (np.bool_(True), True, "bool"),
        (np.int64(3), 3.0, "number"),
    ],
)
def test_a_score_keeps_its_value_and_type(tracing: Tracing, value: Any, kept: Any, kind: str) -> None:
    """Numbers, bools, labels and longer texts; numpy's scalars too."""
    with sb.span("s"):
        sb.score("quality", value, comment="why", source="human")
    (score,) = tracing.span("s").scores
    assert (score.name, score.value, score.comment, score.source) == ("quality", kept, "why", "human")
    assert type(score.value) is type(kept)
    assert rows(tracing.path, "SELECT value_type FROM scores") == [(kind,)]


def test_a_score_is_about_what_it_names(tracing: Tracing) -> None:
    """The current span, another, a whole trace, a session; its history is kept."""
    with sb.span("s") as span:
        sb.score("a", 1)
    sb.score("a", 2, trace_id=span.trace_id, span_id=span.span_id)
    sb.score("b", 3, trace_id=span.trace_id.upper())
    sb.score("c", 4, session_id="session")
    with sb.span("other", session_id="session") as other:
        sb.score("d", 5, session_id="session")
        sb.score("e", 6, span_id=other.span_id)
    assert [(score.name, score.value) for score in tracing.span("s").scores] == [("a", 1.0), ("a", 2.0)]
    assert [(score.name, score.value) for score in sb.get_trace(span.trace_id).scores] == [("b", 3.0)]
    assert [(score.name, score.value) for score in tracing.span("other").scores] == [("e", 6.0)]
    assert rows(tracing.path, "SELECT name FROM scores WHERE session_id = 'session'") == [("c",), ("d",)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "", "value": 1}, "score name '' is no text"),
        ({"name": 5, "value": 1}, "score name 5 is no text"),
        ({"name": "x", "value": None}, "score 'x' = None is a NoneType; give a finite number, a bool or a text"),
        ({"name": "x", "value": [1]}, r"score 'x' = \[1\] is a list"),
        ({"name": "x", "value": float("nan")}, "finite number"),
        ({"name": "x", "value": float("inf")}, "finite number"),
        ({"name": "x", "value": 10**400}, "finite number"),
        ({"name": "x", "value": np.array([1.0])}, "finite number"),
        ({"name": "x", "value": 1, "source": "me"}, "source='me' is unknown; it is one of human, code, llm, user"),
        ({"name": "x", "value": 1, "comment": 5}, "comment=5 is a int; give text"),
        ({"name": "x", "value": 1, "trace_id": "abc"}, "trace_id='abc' is no id; give 32 hex digits"),
        ({"name": "x", "value": 1, "trace_id": 5}, "trace_id=5 is no id"),
        ({"name": "x", "value": 1, "span_id": "z" * 16}, "span_id='zz.*' is no id; give 16 hex digits"),
        ({"name": "x", "value": 1, "session_id": 5}, "session_id=5 is a int; give text"),
        ({"name": "x", "value": 1}, "nothing to be about: no span is current.*trace_id=.*last_trace"),
        ({"name": "x", "value": 1, "span_id": "a" * 16}, "nothing to be about"),
    ],
)
def test_a_wrong_score_is_refused_in_one_sentence(tracing: Tracing, arguments: dict[str, Any], message: str) -> None:
    """It names the value, what was expected and the next step."""
    with pytest.raises(sb.UsageError, match=message):
        sb.score(**arguments)


def test_a_score_in_a_span_that_is_not_recorded_is_nothing(tracing: Tracing) -> None:
    """A program must run alike with tracing off; its mistakes are still said."""
    _recorder.enabled = False
    with sb.span("off"):
        sb.score("correct", True)
        with pytest.raises(sb.UsageError):
            sb.score("correct", None)  # type: ignore[arg-type]
    assert sb.flush()
    assert rows(tracing.path, "SELECT count(*) FROM scores") == [(0,)]


def test_scores_of_another_store_go_into_that_file(tracing: Tracing, tmp_path: Path) -> None:
    """When it was opened to be written."""
    wanted = trace()
    other = sb.init(store=tmp_path / "other.db", instrument=False)
    with pytest.raises(sb.UsageError, match="read-only"):
        sb.open(tracing.path).score("x", 1, trace_id=wanted)
    sb.open(tracing.path, readonly=False).score("x", 1, trace_id=wanted)
    assert [score.name for score in sb.open(tracing.path).get_trace(wanted).scores] == ["x"]
    assert len(other.traces()) == 0


# -- traces


def test_traces_are_found_by_id_and_by_its_beginning(tracing: Tracing) -> None:
    """A beginning that several share is refused."""
    with fixed_ids():
        trace("one")
        trace("two")
    wanted = trace("three")
    assert sb.get_trace(wanted).name == "three"
    assert sb.get_trace(f" {wanted[:8].upper()} ").name == "three"
    with pytest.raises(sb.UsageError, match=r"several traces begin with '0000', such as .* give more of it"):
        sb.get_trace("0000")


@pytest.mark.parametrize("wanted", ["f" * 32, "ffff", "no id at all", "f"])
def test_a_trace_that_is_not_there_names_those_that_are(tracing: Tracing, wanted: str) -> None:
    """The latest first."""
    with pytest.raises(sb.TraceNotFoundError, match="this store holds no trace yet"):
        sb.get_trace(wanted)
    made = trace()
    with pytest.raises(sb.TraceNotFoundError, match=rf"no trace '{wanted}' in this store; the latest are {made[:8]}"):
        sb.get_trace(wanted)


def test_a_beginning_that_is_too_short_is_refused(tracing: Tracing) -> None:
    made = trace()
    with pytest.raises(sb.UsageError, match="is too short; give 4 of its digits"):
        sb.get_trace(made[:3])


def test_ids_in_a_table_are_as_long_as_get_trace_needs_them(tracing: Tracing) -> None:
    """Also where the table holds one of many."""
    for name in ("one", "two", "three"):
        with sb.span(name):
            pass
    shown = str(sb.traces('name == "two"')).splitlines()[1].split()[1]
    assert len(shown) < 20
    assert sb.get_trace(shown).name == "two"


@pytest.mark.parametrize("wanted", [None, 5, "", "  "])
def test_what_is_no_id_is_refused(tracing: Tracing, wanted: Any) -> None:
    """With what one looks like."""
    with pytest.raises(sb.UsageError, match="is no trace id; give 32 hex digits"):
        sb.get_trace(wanted)


def test_the_last_trace_is_the_one_that_started_last_here(tracing: Tracing) -> None:
    """Even while it runs."""
    with pytest.raises(sb.TraceNotFoundError, match="holds no trace yet"):
        sb.last_trace()
    trace("one")
    with sb.span("two"):
        assert (sb.last_trace().name, sb.last_trace().status) == ("two", "open")
    assert sb.last_trace().status == "ok"


def test_traces_within_a_window_newest_first(tracing: Tracing) -> None:
    """By moment or by how long ago; at most ``limit``."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for day in range(4):
        with FixedClock((start + timedelta(days=day)).isoformat()):
            trace(f"day {day}")
    assert [t.name for t in sb.traces(since="2026-01-02", until="2026-01-04")] == ["day 2", "day 1"]
    assert [t.name for t in sb.traces(since=start + timedelta(days=2))] == ["day 3", "day 2"]
    assert [t.name for t in sb.traces(limit=1)] == ["day 3"]
    assert len(sb.traces(limit=0)) == 0
    with FixedClock((start + timedelta(days=4)).isoformat()):
        assert [t.name for t in sb.traces(since="36h")] == ["day 3"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": -1}, "limit=-1 is no number of rows"),
        ({"limit": "all"}, "limit='all' is no number"),
        ({"since": "soon"}, "since='soon' is no moment"),
        ({"until": []}, r"until=\[\] is no moment"),
    ],
)
def test_a_wrong_window_is_refused(tracing: Tracing, arguments: dict[str, Any], message: str) -> None:
    """In one sentence."""
    with pytest.raises(sb.UsageError, match=message):
        sb.traces(**arguments)


def test_filters_are_those_of_the_filter_language(tracing: Tracing) -> None:
    """And a wrong one is refused by it."""
    trace("cheap", user_id="ada")
    trace("dear", user_id="bob")
    assert [t.name for t in sb.traces('user_id == "bob"')] == ["dear"]
    with pytest.raises(sb.FilterError, match="user_id"):
        sb.traces('usr_id == "bob"')


# -- the file


def test_reading_says_everything_that_has_ended(tracing: Tracing) -> None:
    """Without a flush of one's own."""
    for number in range(50):
        trace(f"s{number}")
        assert len(sb.traces()) == number + 1


def test_a_store_of_somebody_else_is_opened_for_reading(tracing: Tracing, tmp_path: Path) -> None:
    """The same methods; nothing is written."""
    trace("s", input=1)
    assert sb.flush()
    other = sb.open(tracing.path)
    assert other.readonly
    assert [t.name for t in other.traces()] == ["s"]
    assert other.last_trace().input == 1
    assert repr(other).endswith("MB read-only>")
    other.close()
    assert len(other.traces()) == 1


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("missing.db", sb.StoreError, "there is no store"),
        (".", sb.StoreError, r"is a folder; give the store file in it"),
        ("notes.txt", sb.NotAStoreError, "left untouched"),
        (5, sb.UsageError, "path=5 is a int"),
    ],
)
def test_what_is_no_store_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Any, kind: type[Exception], message: str
) -> None:
    """And nothing is made in its place."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("dear diary" * 50)
    with pytest.raises(kind, match=message):
        sb.open(path)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_images_are_read_by_digest(tracing: Tracing) -> None:
    """An unknown one is refused in words."""
    image = b"\x89PNG\r\n\x1a\n" + bytes(300)
    trace("s", input=image)
    digest = sb.last_trace().input["digest"]
    assert tracing.store.read_blob(digest) == image
    with pytest.raises(sb.UsageError, match="no image, sound or file has the digest 'beef'"):
        tracing.store.read_blob("beef")


def test_tables_of_ones_own_live_beside_ours(tracing: Tracing) -> None:
    """Through sqlite-utils, while tracing goes on."""
    trace()
    assert sb.flush()
    db = tracing.store.utils
    db["notes"].insert({"text": "mine"})  # type: ignore[union-attr]
    db.conn.close()
    trace()
    assert sb.flush()
    assert rows(tracing.path, "SELECT text FROM notes") == [("mine",)]
    with pytest.raises(sb.UsageError, match="read-only"):
        _ = sb.open(tracing.path).utils


def test_flush_keeps_to_its_time_and_means_readable(tracing: Tracing) -> None:
    """True only when everything before it is in the file."""
    trace()
    assert tracing.store.flush()
    assert rows(tracing.path, "SELECT count(*) FROM spans") == [(1,)]
    assert sb.flush(durable=True)
    assert sb.flush(0.0) in (True, False)


def test_a_store_that_is_gone_is_named(tracing: Tracing) -> None:
    """As an object it still says which."""
    gone = Store(tracing.path.with_name("gone.db"), readonly=True)
    assert repr(gone).endswith("(no file)>")
    with pytest.raises(sb.StoreError, match="there is no store"):
        gone.traces()
