"""``ls``, ``show``, ``sql``, ``doctor``: what they print and how they fail."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import spanbook as sb
from spanbook import __version__
from spanbook.api import _runtime
from tests.api.killed import trace_and_kill

from .conftest import Run


def test_ls_lists_the_newest_first(path: Path, run: Run) -> None:
    """One line a trace below the head."""
    lines = run("ls").out.splitlines()
    assert [line.split()[4] for line in lines[1:]] == ["second", "first"]
    assert lines[1].startswith("✗")


def test_ls_takes_a_filter_a_window_and_a_limit(path: Path, run: Run) -> None:
    """The filter language and the moments of the API."""
    assert "second" not in run("ls", "cost_usd > 0.1").out
    assert run("ls", "--until", "2020-01-01").out == "no traces\n"
    limited = run("ls", "--since", "1h", "--limit", 1)
    assert (len(limited.out.splitlines()), limited.err) == (2, "the newest 1; --limit N shows more\n")


def test_ls_json_is_one_object_a_line(path: Path, run: Run) -> None:
    """For other programs."""
    second, first = map(json.loads, run("ls", "--json").out.splitlines())
    assert (first["name"], first["cost_usd"], first["user_id"], second["n_errors"]) == ("first", 0.5, "ada", 1)


def test_show_prints_the_last_trace(path: Path, run: Run) -> None:
    """A line about it, then its tree."""
    heading, tree = run("show").out.splitlines()
    assert heading.startswith(f"trace {sb.open(path).traces()[0].trace_id}  ")
    assert tree.startswith("✗ second  ")
    assert tree.endswith("KeyError: 'gone'")


def test_show_takes_the_beginning_of_an_id(path: Path, run: Run) -> None:
    """As ``ls`` prints it."""
    shown = next(line for line in run("ls").out.splitlines() if "first" in line).split()[1]
    out = run("show", shown).out
    assert "user ada  tags a" in out
    assert "└─ ✓ chat  llm  m" in out


def test_show_json_is_the_whole_trace(path: Path, run: Run) -> None:
    """Summary and spans with their payloads."""
    trace = json.loads(run("show", "last", "--json").out)
    assert (trace["name"], trace["spans"][0]["input"], trace["spans"][0]["error"]["message"]) == (
        "second",
        "=1+1",
        "'gone'",
    )


def test_sql_prints_a_table_csv_or_json(path: Path, run: Run) -> None:
    """Formula-safe where a spreadsheet reads it."""
    query = (
        "SELECT s.name, cost_usd, sb_json(p.input) AS given FROM spans s JOIN payloads p ON p.span = s.id ORDER BY 1"
    )
    assert run("sql", query).out.splitlines() == [
        "name    cost_usd  given",
        "──────  ────────  ──────",
        'chat         0.5  "hi"',
        'second            "=1+1"',
    ]
    assert run("sql", "--csv", "SELECT '=1+1' AS f, -1 AS n").out == "f,n\r\n'=1+1,-1\r\n"
    assert json.loads(run("sql", "--json", "SELECT 1 AS n, NULL AS n").out) == {"n": 1, "n_2": None}


def test_sql_reads_a_query_from_standard_input(path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """For long ones."""
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 7 AS n"))
    assert run("sql", "-").out.splitlines()[-1] == "7"


def test_store_may_stand_before_or_behind_the_command(path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And wins over the environment."""
    monkeypatch.setenv("SPANBOOK_STORE", "/nowhere/store.db")
    assert run("--store", path, "ls").code == run("ls", "--store", path).code == 0
    assert run("ls").code == 1


def test_doctor_prints_every_check(path: Path, run: Run) -> None:
    """Also where there is no store."""
    assert f"{path}: " in run("doctor").out
    missing = run("doctor", "--store", path.with_name("none.db"))
    assert (missing.code, "not there yet" in missing.out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["ls", "nonsense > 1"], 2, "unknown name 'nonsense'"),
        (["ls", "--since", "soon"], 2, "since='soon' is no moment"),
        (["ls", "--limit", "-1"], 2, "limit=-1"),
        (["show", "ffffffffffffffff"], 1, "no trace 'ffffffffffffffff'"),
        (["sql", "DROP TABLE spans"], 2, "DROP is not allowed"),
        (["sql", ""], 2, "query is empty"),
        (["ls", "--store", "none.db"], 1, "there is no store"),
        (["ls", "--store", "/"], 2, "is a folder"),
        (["export"], 2, "nothing says which traces"),
        (["export", "last", "--all"], 2, "say different things"),
        (["export", "last", "--since", "1h"], 2, "go with --where"),
        (["export", "last", "--html"], 2, "say where with -o"),
        (["export", "last", "-o", "/nowhere/x.jsonl"], 1, "/nowhere/x.jsonl"),
        (["frobnicate"], 2, "invalid choice"),
        ([], 2, "COMMAND"),
    ],
)
def test_errors_are_one_sentence_on_standard_error(
    path: Path, run: Run, arguments: list[str], code: int, words: str
) -> None:
    """1 when it could not be done, 2 when it was asked wrongly."""
    result = run(*arguments)
    assert (result.code, result.out) == (code, "")
    assert words in result.err
    assert "Traceback" not in result.err
    assert result.err.splitlines()[-1].startswith("spanbook: ")


def test_a_file_that_is_no_store_is_left_alone(path: Path, run: Run) -> None:
    """And named."""
    other = path.with_name("notes.txt")
    other.write_text("mine " * 1000)
    result = run("ls", "--store", other)
    assert (result.code, "no SQLite file" in result.err, other.read_text()) == (1, True, "mine " * 1000)


def test_after_a_kill_show_has_finished_and_interrupted_spans(tmp_path: Path, run: Run) -> None:
    """The first command brings in what the journal holds."""
    path = tmp_path / "store.db"
    trace_and_kill(path)
    lines = run("--store", path, "show", "last").out.splitlines()
    assert lines[1:] == [
        "⊘ job  agent  interrupted",
        lines[2],
        "└─ ⊘ stuck  llm  m  interrupted",
    ]
    assert lines[2].startswith("├─ ✓ done  tool  ")


def test_it_runs_as_a_module_and_says_its_version(tmp_path: Path) -> None:
    """``python -m spanbook``."""
    done = _module(tmp_path, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"spanbook {__version__}\n", "")


def test_a_closed_pipe_is_no_error(path: Path) -> None:
    """``spanbook sql … | head``."""
    numbers = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, i FROM n"
    command = [sys.executable, "-m", "spanbook", "sql", numbers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(60), process.stderr.read()) == (0, "")


def test_a_terminal_without_our_characters_gets_others(path: Path) -> None:
    """Output never fails for its encoding."""
    done = _module(path.parent, "show", encoding="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "? second" in done.stdout


@pytest.mark.parametrize("command", [["export", "last"], ["show", "--json"], ["sql", "--json", "SELECT '東京 ✓'"]])
def test_data_are_utf_8_whatever_the_terminal_can_show(path: Path, command: list[str]) -> None:
    """Else a redirected export would lose text without a word."""
    sb.init(store=path, instrument=False)
    with sb.span("third", input="東京 ✓"):
        pass
    _runtime.reset()
    done = _module(path.parent, *command, encoding="cp1252")
    assert (done.returncode, "東京 ✓" in done.stdout) == (0, True)


@pytest.mark.skipif(os.name == "nt", reason="it is closed by the shell")
@pytest.mark.parametrize(("arguments", "code"), [("ls", 0), ("show --json", 2), ("export --all", 2)])
def test_a_closed_standard_output_is_said_where_data_should_go(path: Path, arguments: str, code: int) -> None:
    """What is for people goes nowhere."""
    command = f"{shlex.quote(sys.executable)} -m spanbook {arguments} >&-"
    done = subprocess.run(command, shell=True, cwd=path.parent, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S602 - ours
    said = "spanbook: standard output is closed; leave it open, or send it to a file.\n"
    assert (done.returncode, done.stderr) == (code, said if code else "")


def _module(folder: Path, *arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "spanbook", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
