"""What a dead process left, damaged in any way: nothing raises, nothing is made up, all that is intact is read."""

from __future__ import annotations

import os
import random
import shutil
import struct
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spanbook.ingest._encode import Encoder
from spanbook.ingest._fold import Fold
from spanbook.ingest._records import RecordReader
from spanbook.model.prices import PriceTable
from spanbook.model.redaction import make_redactor
from spanbook.store import _journal, _segments
from spanbook.store._blobs import BlobSet
from spanbook.store._checksum import FORMAT
from spanbook.store._journal import Journal
from spanbook.store._owners import DeadJournal
from spanbook.store._segments import (
    END,
    EVENT,
    FRAME,
    HEADER,
    OTEL_FORMAT,
    SCORE,
    SHORT_END,
    SHORT_START,
    START,
    Position,
    frame,
)
from spanbook.tracer._capture import dumps
from tests.reliability.machines import EXAMPLES
from tests.tracing import rows

TRACE = f"{7:032x}"


def bodies_of_a_process(count: int) -> list[bytes]:
    """Records of every kind, the short ones too: each span begins and ends, every fifth is still open."""
    made: list[bytes] = []
    for number in range(1, count + 1):
        parent = None if number == 1 else 1
        if number % 2:
            made.append(dumps((START, TRACE, number, parent, f"s{number}", "span", number, f"in {number}", None, None)))
        else:
            made.append(SHORT_START.pack(START, TRACE.encode(), number, 1, number, 0) + f"s{number}".encode())
        if number % 7 == 0:
            made.append(dumps((EVENT, TRACE, number, number, f"note {number}", {"at": number})))
            made.append(dumps((SCORE, {"score_id": f"x{number}", "name": "fine", "value": 1.0, "value_type": "number",
                                       "source": "code", "trace_id": TRACE, "created_ns": 4})))  # fmt: skip
        if number % 5 == 0:
            continue
        if number % 2:
            output = f"out {number} " + "y" * (number * 13 % 300)
            made.append(
                dumps((END, TRACE, number, parent, f"s{number}", "span", number, number + 5, "ok", output, None))
            )
        else:
            made.append(SHORT_END.pack(END, TRACE.encode(), number, number + 5))
    return made


def segment(number: int, bodies: list[bytes], size: int = 1 << 13) -> bytes:
    """A segment file as a process leaves it: what is behind the last record is zeros."""
    data = HEADER.pack(_segments.MAGIC, FORMAT, 1, 1, b"boot", number) + b"".join(map(frame, bodies))
    assert len(data) <= size
    return data + bytes(size - len(data))


BODIES = bodies_of_a_process(24)
PARTS = [BODIES[:14], BODIES[14:15], BODIES[15:33], BODIES[33:]]
SEGMENTS = [segment(number, part) for number, part in enumerate(PARTS, 1)]


@dataclass(frozen=True)
class Damage:
    """Files as they are found, and how many records of each are certainly intact."""

    files: dict[str, bytes]
    intact: dict[str, list[bytes]]


@st.composite
def damages(draw: st.DrawFn) -> Damage:
    """One to four things that go wrong with the files of a journal."""
    files = {f"{number:06d}.seg": bytearray(data) for number, data in enumerate(SEGMENTS, 1)}
    intact = {f"{number:06d}.seg": list(part) for number, part in enumerate(PARTS, 1)}
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(sorted(files)))
        data = files[name]
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        how = draw(
            st.sampled_from(["bit", "byte", "cut", "zeros", "junk", "length", "insert", "swap", "copy", "grow", "lose"])
        )
        if how in ("swap", "copy"):
            other = draw(st.sampled_from(sorted(files)))
            if how == "swap":
                files[name], files[other] = files[other], files[name]
            else:
                files[other] = bytearray(data)
            for changed in {name, other} if name != other else ():
                intact[changed] = []
            continue
        if how == "lose":
            del files[name], intact[name]
            if not files:
                break
            continue
        if how == "grow":
            data += draw(st.binary(max_size=40))
        elif how == "cut":
            del data[at:]
        elif how == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=20))
        elif data and how == "bit":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif data and how == "byte":
            data[at] = draw(st.integers(0, 255))
        elif data and how == "length":  # of a record, or of whatever is read as one
            at = draw(st.sampled_from(_frames(data) or [0]))
            data[at : at + 4] = struct.pack("<I", draw(st.sampled_from([0, 1, 7, 1 << 16, 2**31, 2**32 - 1])))[
                : len(data) - at
            ]
        else:
            size = draw(st.integers(1, 64))
            new = bytes(size) if how == "zeros" else draw(st.binary(min_size=size, max_size=size))
            data[at : at + size] = new
        if how != "grow":
            intact[name] = _before(intact[name], at)
    return Damage({name: bytes(data) for name, data in files.items()}, intact)


def _frames(data: bytearray) -> list[int]:
    """Where the records of a segment begin."""
    found, at = [], HEADER.size
    while at + FRAME.size <= len(data) and (length := FRAME.unpack_from(data, at)[0]):
        found.append(at)
        at += FRAME.size + length
    return found


def _before(bodies: list[bytes], at: int) -> list[bytes]:
    """The records that end before a place; none when the header is hit."""
    if at < HEADER.size:
        return []
    kept, end = [], HEADER.size
    for body in bodies:
        end += FRAME.size + len(body)
        if end > at:
            break
        kept.append(body)
    return kept


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One folder for all examples; journals made in it have small segments."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="spanbook-damage-") as made:
        patch.setattr(_journal, "FIRST_SEGMENT", 1 << 14)
        patch.setattr(_journal, "SEGMENT", 1 << 14)
        yield Path(made)


def put(folder: Path, files: dict[str, bytes]) -> DeadJournal:
    """Lay the files of a dead process down, in a folder as the fold finds it."""
    home = folder / "journal"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    for name, data in files.items():
        (home / name).write_bytes(data)
    return DeadJournal(home, -1)


def read(dead: DeadJournal) -> list[bytes]:
    """All bodies, from the beginning; then again behind each of them."""
    found = list(dead.read(Position(0, 0)))
    for number, (_, after) in enumerate(found):
        if number % 11 == 0:
            assert [body for body, _ in dead.read(after)] == [body for body, _ in found[number + 1 :]]
    return [body for body, _ in found]


@given(damage=damages())
@settings(max_examples=150)
def test_a_damaged_journal_gives_what_is_intact_and_nothing_else(folder: Path, damage: Damage) -> None:
    """Each segment up to its damage; in order, none twice, none that was not written."""
    found = read(put(folder, damage.files))
    places = [BODIES.index(body) for body in found]  # a body that was not written is in no list
    assert places == sorted(set(places))
    assert {body for bodies in damage.intact.values() for body in bodies} <= set(found)
    records = RecordReader(Encoder(BlobSet(), make_redactor("off")), PriceTable(), 1)
    records.read(found)
    assert records.unreadable == 0


@given(junk=st.lists(st.builds(bytes.__add__, st.sampled_from([b"\1", b"\2"]), st.binary(max_size=90)), max_size=5))
@settings(max_examples=150)
def test_short_records_of_any_bytes_are_at_most_counted(folder: Path, junk: list[bytes]) -> None:
    """Their checksum is right and they say nothing: what is behind them is read, and nothing is made up of a piece."""
    found = read(put(folder, {"000001.seg": segment(1, [*junk, BODIES[0]])}))
    assert found == [*junk, BODIES[0]]
    records = RecordReader(Encoder(BlobSet(), make_redactor("off")), PriceTable(), 1)
    batch = records.read(found)
    assert "s1" in [record.columns.get("name") for record in batch.spans]
    assert len(batch.spans) + records.unreadable == len(found)


marshalled = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    | st.tuples(inner, inner),
    max_leaves=12,
)  # fmt: skip


@given(records=st.lists(st.tuples(st.sampled_from([START, END, EVENT, SCORE, 5, 6]), marshalled, marshalled, marshalled,
       marshalled, marshalled, marshalled, marshalled, marshalled, marshalled, marshalled), max_size=4),
       length=st.integers(1, 11))  # fmt: skip
@example(records=[(SCORE, {}, *[None] * 9)], length=2)  # a row without a value
@example(records=[(END, *[None] * 9, (5,))], length=11)  # fields that are none
@settings(max_examples=40)
def test_records_of_the_wrong_shape_never_stop_a_fold(folder: Path, records: list[Any], length: int) -> None:
    """Whatever another version, or a defect, wrote: what is behind it gets into the store."""
    store, root = folder / "odd.db", folder / "odd"
    dead = Journal(root, str(store), "off")
    for record in records:
        dead.append(frame(dumps(record[:length])))
    trace = f"{time.time_ns():032x}"
    dead.append(frame(dumps((START, trace, 1, None, "behind", "span", 1, None, None, None))))
    dead.append(frame(dumps((END, trace, 1, None, "behind", "span", 1, 9, "ok", "out", None))))
    dead.close(remove=False)
    fold_all(root, store)
    assert rows(store, "SELECT name, status FROM spans WHERE trace_id = ?", trace) == [("behind", "ok")]


otel_fields = st.fixed_dictionaries(
    {"format": st.just(OTEL_FORMAT)},
    optional=dict.fromkeys(("otel", "attributes", "told", "resource", "scope", "input", "error"), marshalled),
)


@given(
    fields=st.tuples(otel_fields, otel_fields), parent=marshalled, name=marshalled, end=marshalled, output=marshalled
)
@settings(max_examples=60)
def test_spans_of_opentelemetry_of_the_wrong_shape_never_stop_a_fold(
    folder: Path, fields: tuple[Any, Any], parent: Any, name: Any, end: Any, output: Any
) -> None:
    """What no mapper can read is counted; spans beside it get into the store."""
    store, root = folder / "otel.db", folder / "otel"
    dead = Journal(root, str(store), "off")
    trace = f"{time.time_ns():032x}"
    start = (START, trace, 2, parent, name, "llm", 1, None, fields[0], None)
    dead.append(frame(dumps(start)))
    dead.append(frame(dumps((END, trace, 2, parent, name, "llm", 1, end, "ok", output, fields[1]))))
    dead.append(frame(dumps((START, trace, 1, None, "beside", "llm", 1, None, None, None))))
    dead.append(frame(dumps((END, trace, 1, None, "beside", "llm", 1, 9, "ok", "out", None))))
    dead.close(remove=False)
    fold_all(root, store)
    assert ("beside", "ok") in rows(store, "SELECT name, status FROM spans WHERE trace_id = ?", trace)


def fold_all(root: Path, store: Path) -> Fold:
    """Fold what the dead left into the store, as whoever opens it next does."""
    journal = Journal(root, str(store), "off")
    fold = Fold(store, journal, root, make_redactor("off"), PriceTable())
    assert fold.flush(20), fold.problem
    fold.writer.close()
    journal.close(remove=True)
    assert list(root.iterdir()) == []
    return fold


@given(damage=damages())
@settings(max_examples=25)
def test_a_damaged_journal_is_folded_into_a_store_that_is_right(folder: Path, damage: Damage) -> None:
    """Real files, a real fold: what is intact is there as it was traced, and the journal is gone."""
    store, root = folder / "store.db", folder / "root"
    for path in folder.glob("store.db*"):
        path.unlink()
    shutil.rmtree(root, ignore_errors=True)
    dead = Journal(root, str(store), "off")
    dead.close(remove=False)
    for path in dead.folder.glob("*.seg"):
        path.unlink()
    for name, data in damage.files.items():
        (dead.folder / name).write_bytes(data)
    fold_all(root, store)
    check_stored(store, {body for bodies in damage.intact.values() for body in bodies})


def check_stored(store: Path, intact: set[bytes]) -> None:
    """Spans as they were traced: ended where the end is intact, else interrupted; and none that never was."""
    ended, begun = {number for number in range(1, 25) if number % 5}, set(range(1, 25))
    sure = _numbers(intact, START), _numbers(intact, END)
    sql = "SELECT CAST(substr(span_id, 9) AS TEXT), name, status, start_ns, end_ns FROM spans WHERE trace_id = ?"
    found = {int(row[0], 16): row[1:] for row in rows(store, sql, TRACE)}
    assert sure[0] | sure[1] <= found.keys() <= begun
    for number, (name, status, start, end) in found.items():
        assert name in (f"s{number}", "(its start was lost)")
        assert start == (number if name == f"s{number}" else end)
        assert (status, end) in [("ok", number + 5), ("interrupted", None)]
        if number in sure[1]:
            assert status == "ok"
        elif number not in ended:
            assert status == "interrupted"
    assert rows(store, "PRAGMA integrity_check") == [("ok",)]
    counts = rows(store, "SELECT t.n_spans, t.n_open, count(*) FROM traces t JOIN spans USING (trace_id) GROUP BY t.id")
    assert all(said == there and is_open == 0 for said, is_open, there in counts)


def _numbers(bodies: set[bytes], what: int) -> set[int]:
    """The spans that these records begin, or end."""
    return {record[2] for record in map(_segments.decode, bodies) if record[0] == what}


@pytest.mark.torture
@pytest.mark.timeout(3_600)
def test_journals_that_a_real_process_wrote_damaged_at_random(folder: Path) -> None:
    """20,000 of them, or ``$SPANBOOK_EXAMPLES``: bit flips, cuts and junk over the files of a journal of its own."""
    count, seed = EXAMPLES or 20_000, random.SystemRandom().getrandbits(32)
    print(f"\n{count} damaged journals, seed {seed}")
    pick = random.Random(seed)
    journal = Journal(folder / "real", "store.db")
    written = [os.urandom(pick.randint(1, 400)) for _ in range(4_000)]
    for body in written:
        journal.append(frame(body))
    files = {path.name: path.read_bytes() for path in journal.folder.glob("*.seg")}
    journal.close(remove=True)
    order = {body: place for place, body in enumerate(written)}
    for _ in range(count):
        damaged = {name: bytearray(data) for name, data in files.items()}
        for _ in range(pick.randint(1, 5)):
            data = damaged[pick.choice(sorted(damaged))]
            at = pick.randrange(len(data))
            if pick.random() < 0.5:
                data[at] ^= 1 << pick.randrange(8)
            else:
                data[at : at + 16] = os.urandom(min(16, len(data) - at))
        places = [
            order[body] for body, _ in put(folder, {n: bytes(d) for n, d in damaged.items()}).read(Position(0, 0))
        ]
        assert places == sorted(set(places))
