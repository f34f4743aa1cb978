"""Damage is noticed by whoever reads, in one sentence that names `spanbook salvage`; tracing goes on beside it."""

from __future__ import annotations

import random
import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.api._doctor import doctor
from spanbook.api._export import export_plain
from spanbook.model import SpanbookError, StoreError
from spanbook.store._salvage import salvage
from tests.store.damage import COUNT, DAMAGES, PAGE, copied, overwrite, places, traced
from tests.tracing import journals, rows, run

#: Every way of reading a whole store.
READERS: dict[str, Callable[[sb.Store], object]] = {
    "spans_df": lambda store: store.spans_df().to_dict("list"),
    "traces_df": lambda store: store.traces_df().to_dict("list"),
    "scores_df": lambda store: store.scores_df().to_dict("list"),
    "traces": lambda store: [trace.to_text() for trace in store.traces(limit=10**6)],
    "spans": lambda store: [(span.input, span.events) for trace in store.traces(limit=10**6) for span in trace.spans],
    "filter": lambda store: len(store.traces('"brief" in input or any(s.kind == "tool" for s in spans)')),
    "otlp": lambda store: [trace.to_otlp() for trace in store.traces(limit=10**6)],
    "sql": lambda store: store.sql("SELECT max(length(input)), max(output) FROM span_view"),
    "plain": lambda store: export_plain(store, store.path.with_name("plain.db")),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without damage, all of it in the file."""
    folder = tmp_path_factory.mktemp("whole")
    return copied(traced(folder), folder / "whole.db", wal=False)


def complaints(path: Path) -> dict[str, str]:
    """What each reader says of a damaged store, in an error or in place of a value; no errors but ours come out."""
    found = {}
    for name, read in READERS.items():
        try:
            with closing(sb.open(path)) as store:
                text = repr(read(store))
                if "spanbook salvage" in text:
                    found[name] = text
        except SpanbookError as error:
            found[name] = str(error)
        with suppress(OSError):
            path.with_name("plain.db").unlink()
    return found


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "bits"])
def test_readers_name_what_helps(whole: Path, tmp_path: Path, damage: str) -> None:
    """Each of them that meets the damage, and doctor."""
    path = tmp_path / "store.db"
    shutil.copyfile(whole, path)
    DAMAGES[damage](path, random.Random(3))
    found = complaints(path)
    assert found or damage == "page"  # it may be of an index that nobody needs here
    assert {name: text for name, text in found.items() if "spanbook salvage" not in text} == {}
    # deep: to a look at the pages alone, zeros are as good a last page of a long value as any other
    assert "spanbook salvage" in repr([check for check in doctor(path, deep=True) if not check.is_ok])


def check_flipped_bits(whole: Path, folder: Path, seeds: Iterable[int]) -> None:
    """Twenty bits a file: readers get through, or say what helps."""
    for seed in seeds:
        path = folder / f"{seed}.db"
        shutil.copyfile(whole, path)
        DAMAGES["bits"](path, random.Random(seed))
        silent = {name: text for name, text in complaints(path).items() if "spanbook salvage" not in text}
        assert silent == {}, f"seed {seed}"
        path.unlink()


def test_flipped_bits_never_show_as_an_error_of_others(whole: Path, tmp_path: Path) -> None:
    """Six files, the same in each run."""
    check_flipped_bits(whole, tmp_path, range(6))


@pytest.mark.torture
def test_flipped_bits_by_the_hundred_never_show_as_an_error_of_others(whole: Path, tmp_path: Path) -> None:
    """Others in each run."""
    base = random.randrange(10**9)
    print(f"SPANBOOK_DAMAGED={COUNT} seed={base}")
    check_flipped_bits(whole, tmp_path, range(base, base + COUNT))


def test_a_value_whose_type_became_text_is_damage(whole: Path, tmp_path: Path) -> None:
    """Our functions cannot even be called with a text that is not UTF-8."""
    path = tmp_path / "store.db"
    shutil.copyfile(whole, path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE payloads SET output = CAST(x'c3ff02' AS TEXT) WHERE span = 7")
    found = complaints(path)
    assert {"sql", "plain"} <= found.keys()
    assert {name: text for name, text in found.items() if "spanbook salvage" not in text} == {}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE sqlite_master SET sql = replace(sql, 'output ANY', 'outpuu ANY') WHERE name = 'payloads'",
        "UPDATE spans SET status = char(127, 107) WHERE id = 7",
    ],
)
def test_a_name_or_a_word_of_ours_that_changed_is_damage(whole: Path, tmp_path: Path, damage: str) -> None:
    """A bit is enough for that."""
    path = tmp_path / "store.db"
    shutil.copyfile(whole, path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute(damage)
    found = complaints(path)
    assert {"traces", "otlp"} <= found.keys()
    assert {name: text for name, text in found.items() if "spanbook salvage" not in text} == {}


def check_other_types(whole: Path, path: Path, table: str, column: str) -> None:
    """A column that holds something of another type: readers get through, or say what helps."""
    for value in ("'x'", "x'ff00'", "NULL", "-7.5"):
        shutil.copyfile(whole, path)
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("PRAGMA writable_schema = ON")
            db.execute(
                "UPDATE sqlite_master SET sql = replace(replace(sql, 'STRICT', ''), 'NOT NULL', '') WHERE name = ?",
                [table],
            )
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(f"UPDATE {table} SET {column} = {value} WHERE rowid IN (SELECT max(rowid) FROM {table})")  # noqa: S608 - ours
        silent = {name: text for name, text in complaints(path).items() if "spanbook salvage" not in text}
        assert silent == {}, value


@pytest.mark.parametrize(
    "place",
    ["spans.start_ns", "spans.tags", "traces.cost_usd", "events.time_ns", "payloads.error"],
)
def test_values_of_another_type_are_damage(whole: Path, tmp_path: Path, place: str) -> None:
    check_other_types(whole, tmp_path / "store.db", *place.split("."))


@pytest.mark.torture
@pytest.mark.parametrize("table", ["spans", "traces", "events", "scores", "payloads", "blobs"])
def test_values_of_another_type_in_any_column_are_damage(whole: Path, tmp_path: Path, table: str) -> None:
    for name in [row[1] for row in rows(whole, f"PRAGMA table_info({table})") if row[1] not in ("id", "span")]:
        with suppress(sqlite3.IntegrityError):  # a unique one holds that value once
            check_other_types(whole, tmp_path / "store.db", table, name)


def test_a_schema_that_is_no_text_is_damage(whole: Path, tmp_path: Path) -> None:
    """SQLite quotes what it cannot read, and Python cannot read the quotation."""
    path = tmp_path / "store.db"
    path.write_bytes(whole.read_bytes().replace(b"CREATE TABLE payloads", b"CREATE TABL\xc5 payloads"))
    found = complaints(path)
    assert found.keys() == READERS.keys()
    assert {name: text for name, text in found.items() if "spanbook salvage" not in text} == {}


def test_a_trace_that_lost_its_spans_is_exported_without_them(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    shutil.copyfile(whole, path)
    with closing(sqlite3.connect(path)) as db, db:
        [(trace_id,)] = db.execute("SELECT trace_id FROM spans WHERE id = 1")
        db.execute("DELETE FROM spans WHERE trace_id = ?", [trace_id])
    with closing(sb.open(path)) as store:
        trace = store.get_trace(trace_id)
        assert (trace.spans, trace.to_otlp()) == ([], {"resourceSpans": []})


def test_a_damaged_value_is_said_where_it_would_stand(whole: Path, tmp_path: Path) -> None:
    """The rest of its trace can be read; and a deep look finds it, which the pages alone do not show."""
    path = tmp_path / "store.db"
    shutil.copyfile(whole, path)
    (body,), *_ = rows(path, "SELECT body FROM blobs WHERE codec = 2 AND length(body) BETWEEN 300 AND 900")
    at = path.read_bytes().index(body) + len(body) // 2
    with path.open("r+b") as file:
        file.seek(at)
        file.write(bytes([body[len(body) // 2] ^ 16]))
    said = [
        value
        for trace in sb.open(path).traces(limit=1000)
        for span in trace.spans
        for value in (span.input, span.output)
        if "not_captured" in repr(value)
    ]
    assert len(said) == 1
    assert "spanbook salvage" in repr(said)
    checks = {check.name: check for check in doctor(path, deep=True)}
    assert checks["pages"].is_ok
    assert checks["pages and indexes"].is_ok
    assert not checks["content"].is_ok
    assert "spanbook salvage" in checks["content"].advice


@pytest.mark.parametrize("change", ["body = CAST(x'fffe' AS TEXT)", "body = 7", "codec = CAST(x'ff' AS TEXT)"])
def test_a_value_whose_type_is_damaged_is_said_where_it_would_stand(whole: Path, tmp_path: Path, change: str) -> None:
    path = tmp_path / "store.db"
    shutil.copyfile(whole, path)
    with closing(sqlite3.connect(path)) as db, db:  # SQLite itself would not write such a type
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'blobs'")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"UPDATE blobs SET {change} WHERE mime_type IS NULL AND codec > 0")  # noqa: S608 (ours)
    with closing(sb.open(path)) as store:
        (said,) = store.sql("SELECT max(output) FROM span_view WHERE output LIKE '%not_captured%'").iloc[0]
    assert "blob" in said


def test_an_image_with_other_bytes_is_not_given_out(tmp_path: Path) -> None:
    """Its name is its digest."""
    image = random.Random(1).randbytes(20_000)
    program = """
    import sys
    import spanbook as sb
    with sb.span("s", input={"type": "blob", "mime_type": "image/png", "content": sys.argv[1]}):
        pass
    """
    run(program, tmp_path, b64encode(image).decode())
    path = tmp_path / "store.db"
    (digest,) = (row[0].hex() for row in rows(path, "SELECT digest FROM blobs WHERE mime_type IS NOT NULL"))
    assert sb.open(path).read_blob(digest) == image
    data = path.read_bytes()
    path.write_bytes(data.replace(image[100:200], bytes(100)))
    with pytest.raises(StoreError, match="spanbook salvage"):
        sb.open(path).read_blob(digest)


def test_tracing_goes_on_beside_a_store_that_is_damaged_meanwhile(whole: Path, tmp_path: Path) -> None:
    """The program sees nothing but one warning; once the salvaged store is in place, what waited is in it."""
    shutil.copyfile(whole, tmp_path / "store.db")
    done = run(
        """
        import os, random
        import spanbook as sb
        with sb.span("before"):
            pass
        assert sb.flush()
        with open("store.db", "r+b") as file:
            size = os.stat("store.db").st_size
            for start in range(0, size, 8192):
                file.seek(start + 100 * (start == 0))
                file.write(random.Random(1).randbytes(8000))
        for number in range(100):
            with sb.span("after", input=number) as span:
                span.set(output=number)
        flushed = sb.flush(0.5)  # the line that the warning quotes, from Python 3.13 on
        print(flushed, "spanbook salvage" in sb.stats()["problem"], sb.stats()["dropped"])
        """,
        tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "False True 0\n"), done.stderr
    assert done.stderr.count("SpanbookWarning") == done.stderr.count("spanbook salvage") == 1
    assert len(journals(tmp_path)) == 1
    with pytest.raises(StoreError):
        sb.open(tmp_path / "store.db")
    for file in tmp_path.glob("store.db*"):
        file.unlink()
    shutil.copyfile(whole, tmp_path / "store.db")
    names = "import spanbook as sb\nwith sb.span('s'): pass\nsb.flush()\nprint(len(sb.spans_df('name == \"after\"')))"
    assert run(names, tmp_path).stdout == "100\n"


def test_a_first_span_beside_a_damaged_store_is_kept(whole: Path, tmp_path: Path) -> None:
    """``sb.init`` says it; a program that only traces goes on."""
    path = tmp_path / "store.db"
    shutil.copyfile(whole, path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (PAGE - 100))
    program = "import spanbook as sb\nwith sb.span('kept') as span:\n    span.set(output=1)\nprint('fine')"
    done = run(program, tmp_path)
    assert (done.returncode, done.stdout) == (0, "fine\n")
    assert done.stderr.count("spanbook salvage") == 1
    assert len(journals(tmp_path)) == 1
    done = run("import spanbook as sb\nsb.init()", tmp_path)
    assert done.stderr.splitlines()[-1].endswith("recover it with `spanbook salvage`.")


def test_what_is_traced_into_a_salvaged_store_never_shows_in_what_was_lost(whole: Path, tmp_path: Path) -> None:
    """Row numbers of lost content are given again: nothing old may point to them."""
    blobs = places(whole)["blobs"]
    newest = sorted(blobs)[len(blobs) // 2 :]
    shutil.copyfile(whole, tmp_path / "old.db")
    overwrite(tmp_path / "old.db", set().union(*(blobs[number] for number in newest)), lambda: bytes(PAGE))
    salvage(tmp_path / "old.db", tmp_path / "store.db")
    before = rows(tmp_path / "store.db", "SELECT * FROM payloads")
    program = """
    import spanbook as sb
    for number in range(500):
        with sb.span("new", "llm", [{"role": "user", "content": f"a secret of somebody else {number} " * 20}]):
            pass
    assert sb.flush(), sb.stats()
    print(sb.stats()["errors"])
    """
    assert run(program, tmp_path).stdout == "0\n"
    frame = sb.open(tmp_path / "store.db").spans_df()
    assert (frame["name"] == "new").sum() == 500
    assert not frame[frame["name"] != "new"]["input"].astype(str).str.contains("somebody else").any()
    assert "damaged in the store" in repr(frame["input"].tolist())
    assert rows(tmp_path / "store.db", "SELECT * FROM payloads")[: len(before)] == before
    with closing(sqlite3.connect(tmp_path / "store.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
