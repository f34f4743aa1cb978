"""Where a process traces to: started by the first span, moved by ``init``, and what it says when it cannot."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.api import _runtime
from spanbook.api._doctor import doctor
from spanbook.store import _platform, _schema
from spanbook.store._connection import open_writer
from spanbook.tracer import SpanbookWarning, _recorder
from tests.tracing import Tracing, rows

pytestmark = pytest.mark.usefixtures("untraced")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trace(name: str = "s") -> None:
    """One span."""
    with sb.span(name):
        pass


def test_the_first_span_makes_the_default_store(tmp_path: Path) -> None:
    """In the working directory of that moment, ignored by git."""
    assert sb.flush()
    assert sb.stats()["store"] is None
    assert list(tmp_path.iterdir()) == []
    trace()
    assert sb.flush()
    assert sb.stats()["store"] == str(tmp_path / ".spanbook" / "store.db")
    assert (tmp_path / ".spanbook" / ".gitignore").read_text() == "*\n"
    assert rows(tmp_path / ".spanbook" / "store.db", "SELECT name FROM spans") == [("s",)]


def test_the_environment_names_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument of ``init`` comes before it; both may be relative or begin with ``~``."""
    monkeypatch.setenv("SPANBOOK_STORE", "from-env.db")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    assert sb.init(instrument=False).path == tmp_path / "from-env.db"
    assert sb.init(store="~/mine.db", instrument=False).path == tmp_path / "home" / "mine.db"


@pytest.mark.parametrize(
    ("store", "message"),
    [
        (5, "store=5 is a int; give the path of a file"),
        ("", "store='' is empty"),
        (".", r"is a folder; give a file in it, such as .*store\.db"),
    ],
)
def test_a_path_that_can_be_no_store_is_refused(store: object, message: str) -> None:
    """In one sentence, before anything changes."""
    with pytest.raises(sb.UsageError, match=message):
        sb.init(store=store, instrument=False)  # type: ignore[arg-type]
    assert sb.stats()["store"] is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"environment": 5}, "environment=5 is a int"),
        ({"display": "loud"}, "display='loud' is unknown; it is 'chip' or 'off'"),
        ({"redact": "everything"}, "redact='everything' is unknown; it is one of off, secrets"),
        ({"sample": 1.5}, "sample=1.5 is no share of traces"),
        ({"sample": True}, "sample=True is no share of traces"),
        ({"sample": float("nan")}, "sample=nan is no share of traces"),
    ],
)
def test_wrong_arguments_of_init_are_refused(given: dict[str, object], message: str) -> None:
    """And change nothing."""
    with pytest.raises(sb.UsageError, match=message):
        sb.init(instrument=False, **given)  # type: ignore[arg-type]
    assert sb.stats()["store"] is None


def test_init_again_goes_on_with_the_same_store(tmp_path: Path) -> None:
    """``%load_ext`` twice doubles nothing."""
    first = sb.init(store="a.db", instrument=False)
    trace("one")
    assert sb.init(store="a.db", instrument=False) is first
    trace("two")
    assert sb.flush()
    assert rows(tmp_path / "a.db", "SELECT name FROM spans ORDER BY id") == [("one",), ("two",)]
    assert len([t for t in threading.enumerate() if t.name == "spanbook-fold"]) == 1


def test_another_store_takes_the_open_spans_along(tmp_path: Path) -> None:
    """The old one knows them as interrupted, the new one has them whole."""
    sb.init(store="a.db", instrument=False)
    with sb.span("open", input="in"):
        trace("ended")
        store = sb.init(store="b.db", instrument=False)
        trace("new")
    assert sb.flush()
    assert rows(tmp_path / "a.db", "SELECT name, status FROM spans ORDER BY id") == [
        ("open", "interrupted"), ("ended", "ok"),
    ]  # fmt: skip
    (found,) = store.traces()
    assert [(span.name, span.status, span.input) for span in found.spans] == [("open", "ok", "in"), ("new", "ok", None)]
    assert not list(tmp_path.glob("a.db-*"))


def test_a_store_that_cannot_be_used_leaves_tracing_as_it_was(tmp_path: Path) -> None:
    """``init`` fails; spans go where they went."""
    (tmp_path / "notes.txt").write_text("no database" * 50)
    sb.init(store="a.db", instrument=False)
    with pytest.raises(sb.NotAStoreError, match=r"notes\.txt.*left untouched"):
        sb.init(store="notes.txt", instrument=False)
    with pytest.raises(sb.StoreError, match="cannot be created"):
        sb.init(store="notes.txt/store.db", instrument=False)
    trace()
    assert sb.flush()
    assert rows(tmp_path / "a.db", "SELECT count(*) FROM spans") == [(1,)]


def test_the_first_span_never_fails_for_its_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once; the journal keeps what comes until the store can be opened."""
    monkeypatch.setenv("SPANBOOK_STORE", "notes.txt")
    (tmp_path / "notes.txt").write_text("no database" * 50)
    with pytest.warns(SpanbookWarning, match=r"could not open the store \(NotAStoreError") as said:
        trace("one")
        trace("two")
    assert len([w for w in said if "open the store" in str(w.message)]) == 1
    (tmp_path / "notes.txt").unlink()
    trace("three")
    assert sb.flush()
    assert len(rows(tmp_path / "notes.txt", "SELECT name FROM spans")) == 3


def test_a_folder_as_the_store_never_fails_a_span(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be kept is counted."""
    monkeypatch.setenv("SPANBOOK_STORE", str(tmp_path))
    with pytest.warns(SpanbookWarning):
        trace()
    assert sb.stats()["dropped"] >= 1
    _recorder.dropped = 0


def test_a_newer_store_is_left_alone_and_tracing_goes_beside_it(tmp_path: Path) -> None:
    """It can still be read."""
    with closing(open_writer(tmp_path / "store.db")) as db:
        db.execute(f"PRAGMA user_version = {_schema.VERSION + 1}")
    with pytest.warns(SpanbookWarning, match=r"upgrade spanbook.*Tracing goes to .*store\.for-this-version\.db"):
        store = sb.init(store="store.db", instrument=False)
    trace()
    assert sb.flush()
    assert store.path == tmp_path / "store.for-this-version.db"
    assert rows(store.path, "SELECT count(*) FROM spans") == [(1,)]
    assert len(sb.open("store.db").traces()) == 0


def test_a_journal_that_cannot_be_written_is_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said once, with what it means and what to do."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPANBOOK_JOURNAL", str(tmp_path / "file"))
    with pytest.warns(SpanbookWarning, match=r"kept in memory until folded.*Set \$SPANBOOK_JOURNAL") as said:
        trace()
        trace()
    assert len(said) == 1
    assert sb.flush()
    assert len(sb.traces()) == 2
    assert "Not a directory" in sb.stats()["problem"]


def test_a_store_on_a_network_file_system_is_kept_locally(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite cannot lock there. It is said once, and ``doctor`` says where the store is."""
    (tmp_path / "mounts").write_text(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {tmp_path} rw - nfs4 host:/ rw\n")
    monkeypatch.setattr(_platform, "MOUNTS", tmp_path / "mounts")
    with pytest.warns(SpanbookWarning, match="nfs4 file system, where SQLite cannot lock") as said:
        store = sb.init(store="store.db", instrument=False)
        assert sb.init(store="store.db", instrument=False).path == store.path
    assert len(said) == 1
    assert store.path.is_relative_to(_platform.state_dir())
    (check,) = [check for check in doctor() if check.name == "file system"]
    assert check.is_ok
    assert check.text.startswith("ext4, in the local state folder")
    trace()
    assert sb.flush()
    assert not (tmp_path / "store.db").exists()


def test_listeners_go_along_to_another_store() -> None:
    """Views stay live."""
    heard: list[str] = []
    sb.init(store="a.db", instrument=False)
    _runtime.add_listener(lambda written: heard.extend(row["name"] for row in written.spans))
    trace("one")
    sb.init(store="b.db", instrument=False)
    trace("two")
    assert sb.flush()
    assert heard == ["one", "two"]


def test_after_the_end_spans_are_written_straight_into_the_store(tmp_path: Path) -> None:
    """Hooks at exit that run after ours; reading works too."""
    sb.init(store="a.db", instrument=False)
    before = sb.span("before").__enter__()
    _runtime.close()
    with sb.span("after", input=1):
        pass
    before.__exit__(None, None, None)
    assert sb.flush()
    assert {span.name: span.status for t in sb.traces() for span in t.spans} == {"before": "ok", "after": "ok"}
    assert sb.last_trace().name in ("before", "after")
    assert sb.stats()["dropped"] == 0


def test_everything_is_counted(tmp_path: Path) -> None:
    """What ``doctor`` and the chip say."""
    sb.init(store="a.db", instrument=False)
    with sb.span("s", input={"api_key": "sk-" + "a1B2" * 10}):
        trace()
    assert sb.flush()
    stats = sb.stats()
    assert (stats["written"], stats["dropped"], stats["errors"], stats["queued_bytes"]) == (2, 0, 0, 0)
    assert stats["redacted"] >= 1
    assert stats["problem"] is None


@pytest.mark.parametrize(
    ("policy", "kept", "gone"),
    [
        ("off", ["sk-" + "a1B2c3D4" * 5, "ada@example.org"], []),
        ("secrets", ["ada@example.org"], ["sk-" + "a1B2c3D4" * 5]),
        ("secrets+pii", [], ["ada@example.org", "sk-" + "a1B2c3D4" * 5]),
        ("metadata-only", [], ["ada@example.org", "what was asked"]),
    ],
)
@pytest.mark.parametrize("early", [False, True])
def test_redaction_works_from_the_first_span(
    tmp_path: Path, policy: str, kept: list[str], gone: list[str], early: bool
) -> None:
    """In the fold, or before the journal; everything else of the span is as it was."""
    sb.init(store="a.db", redact=policy, redact_before_journal=early, instrument=False)
    key = "sk-" + "a1B2c3D4" * 5
    with sb.span("call", "llm", input=f"what was asked with {key} by ada@example.org", model="gpt-4o",
                 usage={"input_tokens": 5}, tags=["t"], metadata={"tier": "pro"}) as span:  # fmt: skip
        span.event("note", {"key": key})
        sb.score("fine", 0.5, comment=f"with {key}")
    journal = b"".join(p.read_bytes() for p in _runtime.active().journal.folder.glob("*.seg"))
    assert sb.flush()
    (found,) = sb.last_trace().spans
    said = repr(found)
    assert [text for text in kept if text not in said] == []
    assert [text for text in gone if text in said] == []
    assert (found.model, found.kind, found.usage, found.tags) == ("gpt-4o", "llm", {"input_tokens": 5}, ["t"])
    assert (found.metadata, found.status, len(found.scores), len(found.events)) == ({"tier": "pro"}, "ok", 1, 1)
    if policy != "off":
        assert (key.encode() in journal) is not early


@pytest.mark.parametrize("early", [False, True])
def test_a_redaction_of_the_users_own(tmp_path: Path, early: bool) -> None:
    """A function of a value; whatever it returns or raises, spans go on."""

    def policy(value: object) -> object:
        if value == "fail":
            raise RuntimeError("no")
        return "kept" if value == "plain" else "changed"

    sb.init(store="a.db", redact=policy, redact_before_journal=early, instrument=False)
    with sb.span("plain", input={"a": 1}, metadata={"x": 1}) as span:
        span.set(output="fail", model="plain")
    assert sb.flush()
    found = sb.last_trace().root
    assert (found.status, found.input) == ("ok", "changed")
    assert "fail" not in repr(found.output).replace("redaction failed", "")


def test_changing_the_policy_counts_for_what_comes(tmp_path: Path) -> None:
    """The same store goes on."""
    sb.init(store="a.db", redact="off", instrument=False)
    key = "sk-" + "a1B2c3D4" * 5
    with sb.span("before", input=key):
        pass
    assert sb.flush()
    sb.init(store="a.db", redact="secrets", instrument=False)
    with sb.span("after", input=key):
        pass
    assert sb.flush()
    inputs = {span.name: span.input for t in sb.traces() for span in t.spans}
    assert inputs["before"] == key
    assert key not in inputs["after"]


def test_the_environment_is_on_every_span() -> None:
    """Of ``init``; a context's own comes before it."""
    sb.init(store="a.db", environment="dev", instrument=False)
    trace("plain")
    with sb.context(environment="test"):
        trace("own")
    sb.init(store="a.db", instrument=False)
    trace("without")
    assert sb.flush()
    assert {span.name: span.environment for t in sb.traces() for span in t.spans} == {
        "plain": "dev", "own": "test", "without": None,
    }  # fmt: skip


def test_a_clock_that_was_set_is_followed(tracing: Tracing) -> None:
    """A laptop that slept: its monotonic clock stood still, the next trace is of today."""
    from spanbook.model import clock

    clock.offset_ns -= 3_600 * 10**9
    clock.catch_up()
    trace()
    assert abs(tracing.span("s").start_ns - time.time_ns()) < 5 * 10**9
