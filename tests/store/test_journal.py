"""The journal: what was written is what is read, whatever happened to the bytes."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanbook.store import _checksum, _journal, _platform, _segments
from spanbook.store._journal import FIRST_SEGMENT, Journal, JournalFullError
from spanbook.store._owners import DeadJournal, dead_journals, journal_root
from spanbook.store._segments import FRAME, HEADER, Position, frame

BODIES = st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=30)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal of this process."""
    made = Journal(tmp_path / "root", "store.db")
    yield made
    made.close(remove=True)


def drain(journal: Journal, limit: int = 1 << 20) -> list[bytes]:
    """Read all that waits."""
    found: list[bytes] = []
    while journal.waiting_bytes:
        found += journal.read(limit)
    return found


def died(journal: Journal) -> list[DeadJournal]:
    """Let the journal's process be gone, and return what an opener of the store finds."""
    journal.close(remove=False)
    return list(dead_journals(journal.folder.parent))


def bodies_of(dead: DeadJournal, after: Position | None = None) -> list[bytes]:
    """What is intact behind a position."""
    return [body for body, _ in dead.read(after or Position(0, 0))]


def test_records_are_read_in_the_order_they_were_written(journal: Journal) -> None:
    """In portions of any size, and each once."""
    written = [b"%d" % number * 50 for number in range(1, 200)]
    for body in written[:100]:
        journal.append(frame(body))
    found = journal.read(500)
    assert 0 < len(found) < 100
    for body in written[100:]:
        journal.append(frame(body))
    assert found + drain(journal, 1_000) == written
    assert journal.read(1 << 20) == []


def test_a_record_larger_than_a_portion_and_than_a_segment_is_read_whole(journal: Journal) -> None:
    """One record at least is handed out, however long."""
    written = [b"small", b"x" * (3 * FIRST_SEGMENT), b"y" * (_journal.SEGMENT + 1), b"after"]
    for body in written:
        journal.append(frame(body))
    assert drain(journal, 100) == written


def test_a_failed_transaction_hands_its_records_out_again(journal: Journal) -> None:
    """From the position it began at."""
    journal.append(frame(b"one"))
    before = journal.position
    assert journal.read(1 << 20) == [b"one"]
    journal.rewind(before)
    journal.append(frame(b"two"))
    assert journal.read(1 << 20) == [b"one", b"two"]


def test_a_writer_that_was_stopped_before_a_rotation_loses_nothing(journal: Journal) -> None:
    """Its ``write`` is of a segment that the reader has left: it is refused, so that the slow way writes it."""
    write = journal.write
    while journal.end.segment == 1:
        journal.append(frame(b"x" * 10_000))
    drain(journal)
    with pytest.raises(ValueError, match="range"):
        write(frame(b"late"))
    journal.append(frame(b"late"))
    assert drain(journal) == [b"late"]


def test_many_threads_write_through_rotations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a reader reads and frees: each record once, whole."""
    monkeypatch.setattr(_journal, "SEGMENT", 1 << 16)
    monkeypatch.setattr(_journal, "FIRST_SEGMENT", 1 << 14)
    monkeypatch.setattr(_journal, "GRACE_S", 0.0)
    journal = Journal(tmp_path / "root", "store.db")
    per_thread, count = 2_000, 4

    def write(name: int) -> None:
        for number in range(per_thread):
            framed = frame(b"%d %d " % (name, number) + b"." * (number % 97))
            try:
                journal.write(framed)
            except ValueError:
                journal.append(framed)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(count)]
    for thread in threads:
        thread.start()
    found: list[bytes] = []
    while any(thread.is_alive() for thread in threads):
        found += journal.read(10_000)
        journal.tidy()
    found += drain(journal)
    journal.close(remove=True)
    of_thread = [[int(b.split()[1]) for b in found if b.startswith(b"%d " % name)] for name in range(count)]
    assert of_thread == [list(range(per_thread))] * count


def test_segments_that_were_read_are_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much goes through it, a journal that is read keeps few files, and nothing old comes up again."""
    monkeypatch.setattr(_journal, "SEGMENT", 1 << 14)
    monkeypatch.setattr(_journal, "GRACE_S", 0.0)
    journal = Journal(tmp_path / "root", "store.db")
    for number in range(300):
        journal.append(frame(b"%d " % number * 500))
        assert drain(journal) == [b"%d " % number * 500]
        journal.tidy()
    assert len(list(journal.folder.glob("*.seg"))) <= 4
    journal.append(frame(b"last"))
    (dead,) = died(journal)
    assert bodies_of(dead)[-1] == b"last"
    dead.remove()


def test_a_full_journal_says_so_and_keeps_room_for_what_happened(journal: Journal) -> None:
    """64 MB of values, then 8 MB of records without."""
    body = frame(b"x" * 100_000)
    count = 0
    with pytest.raises(JournalFullError):  # noqa: PT012 (each append may be the one)
        while True:
            journal.append(body)
            count += 1
    assert 500 <= count <= 640
    journal.append(frame(b"light" * 20_000), light=True)
    with pytest.raises(ValueError, match="only records without values"):
        journal.write(frame(b"straight"))
    assert drain(journal)[-1] == b"light" * 20_000
    journal.tidy()
    journal.append(frame(b"there is room again"))
    assert drain(journal) == [b"there is room again"]


def test_files_are_private_and_preallocated(journal: Journal) -> None:
    """0700 and 0600 below the state folder; never sparse, so that a full disk is no SIGBUS."""
    for folder in (journal.folder, journal.folder.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in journal.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    segment = journal.folder / "000001.seg"
    assert segment.stat().st_size == FIRST_SEGMENT
    assert segment.stat().st_blocks * 512 >= FIRST_SEGMENT


def test_where_no_file_can_be_made_records_are_kept_in_memory(tmp_path: Path) -> None:
    """And it says why."""
    (tmp_path / "file").touch()
    journal = Journal(tmp_path / "file", "store.db")
    assert journal.problem is not None
    assert "Not a directory" in journal.problem
    journal.append(frame(b"one"))
    assert drain(journal) == [b"one"]
    journal.close(remove=True)


def test_a_journal_in_memory_goes_back_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as one can be had: nothing is read twice or lost, and what comes then survives the process."""
    monkeypatch.setattr(_journal, "RETRY_S", 0.0)
    (tmp_path / "root").touch()
    journal = Journal(tmp_path / "root", "store.db")
    journal.append(frame(b"one"))
    journal.tidy()
    assert journal.problem is not None
    assert journal.read(1 << 20) == [b"one"]
    (tmp_path / "root").unlink()
    journal.append(frame(b"two"))
    journal.tidy()
    assert journal.problem is None
    journal.append(frame(b"three"))
    assert drain(journal) == [b"two", b"three"]
    (dead,) = died(journal)
    assert bodies_of(dead) == [b"three"]
    dead.remove()


def test_a_journal_that_was_removed_is_made_anew(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """By someone who tidies up: what comes then survives the process again, and nobody takes it for dead."""
    monkeypatch.setattr(_journal, "RETRY_S", 0.0)
    journal.append(frame(b"one"))
    shutil.rmtree(journal.folder)
    journal.append(frame(b"two"))
    journal.tidy()
    journal.append(frame(b"three"))
    assert list(dead_journals(journal.folder.parent)) == []
    assert drain(journal) == [b"one", b"two", b"three"]
    (dead,) = died(journal)
    assert bodies_of(dead) == [b"three"]
    dead.remove()


# -- what a process left behind


def test_a_living_process_keeps_its_journal(journal: Journal) -> None:
    """The lock of its owner file says so."""
    assert list(dead_journals(journal.folder.parent)) == []


def test_only_one_opener_gets_a_dead_journal(journal: Journal) -> None:
    """It is locked while it is folded, and gone afterwards."""
    journal.append(frame(b"one"))
    (dead,) = died(journal)
    assert list(dead_journals(dead.folder.parent)) == []
    assert bodies_of(dead) == [b"one"]
    dead.remove()
    assert not dead.folder.exists()


def test_a_journal_is_let_go_of_once(journal: Journal, tmp_path: Path) -> None:
    """What fails after its removal lets go of it again: by then the descriptor may be a file of the user's."""
    (dead,) = died(journal)
    dead.remove()
    with (tmp_path / "theirs").open("w") as theirs:
        dead.release()
        theirs.write("still open")
    assert (tmp_path / "theirs").read_text() == "still open"


def test_reading_goes_on_behind_what_was_folded(journal: Journal) -> None:
    """Each record comes with the position after it."""
    for body in (b"one", b"two", b"three"):
        journal.append(frame(body))
    (dead,) = died(journal)
    after = [position for _, position in dead.read(Position(0, 0))]
    assert bodies_of(dead, after[0]) == [b"two", b"three"]
    assert bodies_of(dead, after[-1]) == []
    dead.remove()


def test_what_another_user_owns_is_not_read(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shared folder may hold anybody's files."""
    journal.close(remove=False)
    monkeypatch.setattr(os, "getuid", lambda: 12_345)
    assert list(dead_journals(journal.folder.parent)) == []


@given(bodies=BODIES, data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_never_raises_and_never_makes_up_a_record(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes], data: st.DataObject
) -> None:
    """Whatever bytes change, what is read is a beginning of what was written."""
    folder = tmp_path_factory.mktemp("damaged", numbered=True)
    image = bytearray(HEADER.pack(_segments.MAGIC, _checksum.FORMAT, 1, 1, b"boot", 1))
    image += b"".join(map(frame, bodies)) + bytes(100)
    for _ in range(data.draw(st.integers(0, 4))):
        image[data.draw(st.integers(0, len(image) - 1))] = data.draw(st.integers(0, 255))
    kept = data.draw(st.integers(0, len(image)))
    (folder / "000001.seg").write_bytes(image[:kept] if data.draw(st.booleans()) else image)
    found = bodies_of(DeadJournal(folder, -1))
    assert found == bodies[: len(found)]


@pytest.mark.parametrize("format", _checksum.CHECKSUMS)
def test_a_journal_is_read_whatever_its_process_checked_it_by(tmp_path: Path, format: int) -> None:
    frame_of = FRAME.pack(3, _checksum.CHECKSUMS[format](b"abc"))
    head = HEADER.pack(_segments.MAGIC, format, 1, 1, b"boot", 1)
    (tmp_path / "000001.seg").write_bytes(head + frame_of + b"abc")
    assert bodies_of(DeadJournal(tmp_path, -1)) == [b"abc"]


@given(junk=st.binary(max_size=300))
@settings(max_examples=150)
def test_arbitrary_bytes_are_no_records(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    """Not even behind a right header."""
    folder = tmp_path_factory.mktemp("junk", numbered=True)
    (folder / "000001.seg").write_bytes(junk)
    header = HEADER.pack(_segments.MAGIC, _checksum.FORMAT, 1, 1, b"boot", 2)
    (folder / "000002.seg").write_bytes(header + junk)
    (folder / "000003.seg").write_bytes(header)
    dead = DeadJournal(folder, -1)
    assert bodies_of(dead) == []
    length = FRAME.unpack_from(junk)[0] if len(junk) >= FRAME.size else 0
    is_last = FRAME.size + length <= len(junk) and not any(junk[FRAME.size + length :])
    assert dead.damaged == (length > 0 and not is_last)


def test_a_damaged_record_ends_its_segment_not_the_journal(journal: Journal) -> None:
    """That is counted; the next segment is read."""
    while journal.end.segment == 1:
        journal.append(frame(b"x" * 100_000))
    segment = journal.folder / "000001.seg"
    (dead,) = died(journal)
    damaged = bytearray(segment.read_bytes())
    damaged[HEADER.size + FRAME.size + 5] ^= 1
    segment.write_bytes(damaged)
    assert bodies_of(dead) == [b"x" * 100_000]
    assert dead.damaged == 1
    dead.remove()


def test_a_record_cut_off_by_the_end_is_no_damage(journal: Journal) -> None:
    """The process was killed while it wrote it."""
    journal.append(frame(b"whole"))
    end = journal.end.offset
    journal.append(frame(b"cut off by the end"))
    segment = journal.folder / "000001.seg"
    (dead,) = died(journal)
    torn = bytearray(segment.read_bytes())
    torn[end + FRAME.size + 3 :] = bytes(len(torn) - end - FRAME.size - 3)
    segment.write_bytes(torn)
    assert (bodies_of(dead), dead.damaged) == ([b"whole"], 0)
    dead.remove()


def test_each_store_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below ``$SPANBOOK_JOURNAL``, else the user's state folder."""
    assert journal_root(tmp_path / "a.db") != journal_root(tmp_path / "b.db")
    assert journal_root(tmp_path / "a.db").is_relative_to(_platform.state_dir())
    monkeypatch.setenv("SPANBOOK_JOURNAL", str(tmp_path))
    assert journal_root(tmp_path / "a.db").is_relative_to(tmp_path)
