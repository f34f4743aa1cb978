"""The dictionary that a store learns for its short values."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.api import _runtime
from spanbook.ingest._fold import Fold
from spanbook.store._codec import ENOUGH_TO_LEARN, ZSTD_LEARNT, Compressor, decompress, learn
from spanbook.store._salvage import salvage
from tests.tracing import rows

WORDS = "refund invoice customer agent retrieves documents answer question tokens policy escalate order".split()


def text(seed: int) -> str:
    """About 700 characters, alike and never the same."""
    pick = random.Random(seed)
    return " ".join(f"{pick.choice(WORDS)}{pick.randint(0, 99)}" for _ in range(70))


def trace_texts(start: int) -> int:
    """Trace enough new texts to learn from; return the number after the last."""
    number, size = start, 0
    while size < 1.2 * ENOUGH_TO_LEARN:
        given = text(number)
        with sb.span("s", input=given):
            pass
        number, size = number + 1, size + len(given)
    assert sb.flush(60)
    return number


@pytest.fixture
def fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fold:
    """The fold of a store whose dictionary is only learnt when the test says so."""
    monkeypatch.setenv("SPANBOOK_JOURNAL", str(tmp_path / "journal"))
    sb.init(store=tmp_path / "store.db", instrument=False)
    found = _runtime.active().fold
    monkeypatch.setattr(found, "learn", lambda: None)  # of the thread
    return found


@pytest.fixture(autouse=True)
def _end() -> Iterator[None]:
    yield
    _runtime.reset()


def learnt(path: Path) -> int:
    """How many blobs are compressed with a dictionary."""
    return int(rows(path, "SELECT count(*) FROM blobs WHERE codec = ?", ZSTD_LEARNT)[0][0])


def test_short_values_are_a_third_smaller_with_a_dictionary() -> None:
    """They are too short to learn from one by one."""
    samples = [text(number).encode() for number in range(1_500)]
    plain, with_dictionary = Compressor(), Compressor()
    with_dictionary.use(learn(samples))
    fresh = [text(number).encode() for number in range(5_000, 5_100)]
    with_it, without = (sum(len(body) for _, body in made(fresh)) for made in (with_dictionary, plain))
    assert with_it < 0.67 * without


def test_values_with_nothing_in_common_teach_nothing() -> None:
    """And that is no error."""
    assert learn([b"x"]) is None


def test_a_store_learns_once_and_reads_back_all(fold: Fold) -> None:
    """Values from before the dictionary and from after it; in the views and as columns."""
    last = trace_texts(0)
    Fold.learn(fold)
    assert learnt(fold.writer.path) == 0
    end = trace_texts(last)
    assert learnt(fold.writer.path) == end - last
    assert list(sb.spans_df(columns=["input"])["input"]) == [text(number) for number in range(end)]
    assert sb.traces(f'"{text(end - 1)}" in input')[0].root.input == text(end - 1)
    Fold.learn(fold)
    assert rows(fold.writer.path, "SELECT count(*) FROM dictionaries") == [(1,)]


def test_the_next_process_goes_on_with_the_dictionary(fold: Fold) -> None:
    """It need not learn anew."""
    last, path = trace_texts(0), fold.writer.path
    Fold.learn(fold)
    _runtime.reset()
    sb.init(store=path, instrument=False)
    with sb.span("s", input=text(last)):
        pass
    assert sb.flush()
    assert learnt(path) == 1
    assert sb.last_trace().root.input == text(last)


def test_a_new_file_has_none(fold: Fold) -> None:
    """The store was removed; what is compressed from now on must not need what was in it."""
    last, path = trace_texts(0), fold.writer.path
    Fold.learn(fold)
    for file in path.parent.glob("store.db*"):
        file.unlink()
    with sb.span("s", input=text(last)):
        pass
    assert sb.flush()
    assert learnt(path) == 0
    assert sb.last_trace().root.input == text(last)


def test_the_first_of_two_processes_decides(fold: Fold, tmp_path: Path) -> None:
    """A second dictionary would only make both worth less."""
    trace_texts(0)
    Fold.learn(fold)
    other = learn([text(number).encode() for number in range(9_000, 10_500)])
    assert other is not None
    fold.writer.add_dictionary(other)
    assert rows(fold.writer.path, "SELECT count(*) FROM dictionaries") == [(1,)]


def test_a_value_whose_dictionary_is_gone_says_so(fold: Fold) -> None:
    """Instead of the value."""
    compress = Compressor()
    compress.use(learn([text(number).encode() for number in range(1_500)]))
    ((codec, body),) = compress([text(7).encode()])
    with pytest.raises(ValueError, match="a blob is damaged"):
        decompress(codec, body)


@pytest.mark.parametrize(
    ("loss", "kept"),
    [("DELETE FROM dictionaries", 20), ("DELETE FROM blobs WHERE mime_type LIKE '%dictionary%'", 20),
     ("DELETE FROM dictionaries; DELETE FROM blobs WHERE mime_type LIKE '%dictionary%'", 0)],
)  # fmt: skip
def test_salvage_needs_one_of_the_two_dictionaries(fold: Fold, tmp_path: Path, loss: str, kept: int) -> None:
    """One damaged page must not cost all values; what cannot be read any more says so."""
    last, path = trace_texts(0), fold.writer.path
    Fold.learn(fold)
    for number in range(last, last + 20):
        with sb.span("late", input=text(number)):
            pass
    _runtime.reset()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(loss)
    found = salvage(path, tmp_path / "new.db")
    assert found.bad_blobs == 20 - kept
    late = sb.open(tmp_path / "new.db").spans_df('name == "late"')["input"]
    assert sum(given == text(last + number) for number, given in enumerate(late)) == kept
