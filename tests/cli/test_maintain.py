"""``salvage`` and ``redact``: what they print, and what they leave alone."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.api import _runtime
from tests.tracing import rows

from .conftest import Run

KEY = "sk-" + "proj-" + "aB3dE5fG7hI9jK1lM3nO5pQ7"  # in pieces: no key stands in this file
SALVAGED = [
    "traces    2 recovered",
    "spans     3 recovered",
    "payloads  2 recovered",
    "blobs     1 recovered",
    "events    0 recovered",
    "scores    0 recovered",
]


def test_salvage_recovers_into_a_new_file_beside_the_damaged_one(path: Path, run: Run) -> None:
    """And says how to go on; the file is left as it is."""
    with path.open("r+b") as file:
        file.write(random.Random(1).randbytes(100))
    before = path.read_bytes()
    assert "spanbook salvage" in run("ls").err
    result = run("salvage", path)
    new = path.with_name("store.salvaged.db")
    lines = result.out.splitlines()
    assert (result.code, result.err, lines[1:7]) == (0, "", SALVAGED)
    assert lines[0].startswith("1 of ")
    assert lines[-1].endswith(f"then: mv {new} {path}")
    assert path.read_bytes() == before
    assert "first" in run("ls", "--store", new).out
    again = run("salvage")
    assert (again.code, "exists already" in again.err) == (2, True)
    assert run("salvage", path, "--out", path.with_name("other.db")).code == 0


def test_salvage_of_a_file_that_is_no_store(path: Path, run: Run) -> None:
    """One sentence, and no file."""
    notes = path.with_name("notes")
    notes.write_text("mine " * 10_000)
    result = run("salvage", notes)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("spanbook: nothing that spanbook wrote was found in")
    assert sorted(file.name for file in path.parent.iterdir() if file.is_file()) == ["notes", "store.db"]


@pytest.fixture
def bare(path: Path) -> Path:
    """A store in which nothing was redacted when it was traced."""
    sb.init(store=path, redact="off", instrument=False)
    message = {"role": "user", "content": f"my key is {KEY} and my mail bob@example.com. " + "Thanks. " * 40}
    with sb.span(f"call {KEY}", "llm", [message], metadata={"password": "hunter2", "plain": 1}) as span:
        span.set(output="fine")
        span.event("sent", {"authorization": "Bearer abc.def12345"})
        sb.score("ok", True, comment=f"it said {KEY}")
    with sb.span("again", "llm", [message]):
        pass
    with pytest.raises(ValueError, match="sk-"), sb.span("fails"):
        raise ValueError(f"401: {KEY} is no key")
    _runtime.reset()
    return path


def test_redact_reports_what_would_be_replaced_and_changes_nothing(bare: Path, run: Run) -> None:
    """By column and label and span; a message that two spans share counts in both; secrets only as marks."""
    before = bare.read_bytes()
    result = run("redact", "--dry-run")
    assert (result.code, result.err) == (0, "")
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert lines[0].endswith("nothing was changed")
    for line in (
        "payloads.input api_key 2",
        "payloads.metadata password 1",
        "spans.name api_key 1",
        "traces.name api_key 1",
        "traces.metadata password 1",
        "events.data authorization 1",
        "scores.comment api_key 1",
        "again 1",
    ):
        assert line in lines
    (failed,) = [line for line in lines if line.startswith("payloads.error api_key")]
    assert int(failed.split()[-1]) >= 2  # the message, and the stack trace
    assert "comment: it said [redacted:api_key]" in lines
    assert KEY not in result.out
    assert "hunter2" not in result.out
    assert bare.read_bytes() == before


def test_redact_takes_a_policy(bare: Path, run: Run) -> None:
    """Stricter ones find more; what is unknown is refused, and so is rewriting."""
    assert "email" not in run("redact", "--dry-run").out
    assert "payloads.input email 2" in " ".join(run("redact", "--dry-run", "--policy", "secrets+pii").out.split())
    assert "content left out" in run("redact", "--dry-run", "--policy", "metadata-only").out
    assert "policy='all' is unknown; it is one of secrets" in run("redact", "--dry-run", "--policy", "all").err
    refused = run("redact")
    assert (refused.code, "add --dry-run" in refused.err) == (2, True)


def test_redact_finds_nothing_in_what_was_traced_with_redaction(path: Path, run: Run) -> None:
    """The default: whatever the dry run looks at, the fold has redacted."""
    sb.init(store=path, instrument=False)
    data = {"authorization": "Bearer abc.def12345", KEY: KEY}

    @sb.trace(name=f"call {KEY}", user_id=KEY, session_id=KEY, tags=[KEY], metadata=data, model=KEY, attributes=data)
    def call(given: object) -> None:
        span = sb.current()
        assert span is not None
        span.set(output=[given], prompt_name=KEY, feature=KEY, model_parameters=data, tools=[data])
        span.event(KEY, data)
        sb.score(KEY, KEY, comment=KEY)
        raise ValueError(KEY)

    with pytest.raises(ValueError, match="sk-"):
        call(data)
    _runtime.reset()
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    assert rows(copy, "SELECT count(*) FROM spans WHERE name LIKE 'call%'") == [(1,)]
    assert KEY.encode() not in path.read_bytes()
    assert " 0 replacements" in run("redact", "--dry-run").out


def test_what_was_exported_is_imported_once(path: Path, tmp_path: Path, run: Run) -> None:
    assert run("export", "--all", "-o", str(tmp_path / "spans.jsonl")).code == 0
    for _ in range(2):
        done = run("--store", str(tmp_path / "other.db"), "import", str(tmp_path / "spans.jsonl"))
        assert (done.code, "3 spans" in done.out) == (0, True)
    assert rows(tmp_path / "other.db", "SELECT count(*) FROM spans") == [(3,)]


def test_files_that_cannot_be_imported_do_not_stop_the_others(path: Path, tmp_path: Path, run: Run) -> None:
    """Each is named."""
    assert run("export", "--all", "-o", str(tmp_path / "spans.jsonl")).code == 0
    (tmp_path / "empty.json").write_text("{}")
    names = ("nowhere.json", tmp_path / "empty.json", tmp_path / "spans.jsonl")
    done = run("--store", str(tmp_path / "other.db"), "import", *names)
    assert (done.code, "3 spans" in done.out) == (1, True)
    assert "there is no file 'nowhere.json'" in done.err
    assert "(line 1: it is empty; expected a trace, a span or a chat)" in done.err


def test_a_file_that_cannot_be_imported_is_named(path: Path, run: Run) -> None:
    done = run("import", "nowhere.json")
    assert done.code == 2
    assert "there is no file 'nowhere.json'" in done.err
