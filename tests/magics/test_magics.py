"""The extension in a real IPython shell: each test has a shell and a store of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import spanbook as sb
from spanbook.api import _runtime, _settings
from spanbook.magics._cells import Cell, CellHooks


class Shell:
    """Runs cells as a notebook does and keeps what they showed."""

    def __init__(self, folder: Path) -> None:
        InteractiveShell.clear_instance()
        self.ip: Any = InteractiveShell.instance()
        history: Any = self.ip.history_manager
        history.enabled = False
        self.folder = folder

    def run(self, source: str, *, cell_id: str | None = None) -> Any:
        """Run a cell; returns its result. What it printed is in ``self.out``, what it displayed in ``self.shown``."""
        with capture_output() as captured:
            result = self.ip.run_cell(source, store_history=True, cell_id=cell_id)
        self.out = captured.stdout + captured.stderr
        self.shown = captured.outputs
        return result


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    monkeypatch.setenv("SPANBOOK_STORE", str(tmp_path / "store.db"))
    monkeypatch.setenv("SPANBOOK_JOURNAL", str(tmp_path / "journal"))
    _runtime.reset()
    monkeypatch.setattr(_settings, "display", "off")
    shell = Shell(tmp_path)
    shell.run("%load_ext spanbook\nimport spanbook as sb")
    yield shell
    shell.run("%unload_ext spanbook")
    _runtime.reset()
    InteractiveShell.clear_instance()


def test_the_cell_that_loads_the_extension_is_one_too(shell: Shell) -> None:
    shell.run("%unload_ext spanbook")
    shell.run("%load_ext spanbook\nwith sb.span('one'): pass", cell_id="abc")
    shell.run("with sb.span('two'): pass", cell_id="def")

    two, one = sb.traces()
    assert (one.summary.provenance.cell_id, two.summary.provenance.cell_id) == ("abc", "def")
    assert one.summary.provenance.execution_count == shell.ip.execution_count - 2


def test_a_cell_gives_its_traces_their_provenance(shell: Shell) -> None:
    shell.run("with sb.span('one'): pass", cell_id="abc")

    provenance = sb.last_trace().summary.provenance
    assert provenance.cell_id == "abc"
    assert provenance.execution_count == shell.ip.execution_count - 1
    assert provenance.cell_hash is not None and len(provenance.cell_hash) == 16


def test_a_trace_that_begins_while_the_chip_is_made_is_in_it(shell: Shell) -> None:
    class Growing(list[str]):
        """One more is there after each look."""

        def __getitem__(self, at: Any) -> Any:
            found = super().__getitem__(at)
            self.append(f"{len(self):032x}")
            return found

    cell = Cell(None, Growing(["f" * 32]), None)
    hooks = CellHooks(shell.ip)
    hooks._show(cell, live=False)
    for _ in range(3):
        begun = list(cell.traces)
        hooks._hand_over(cell)
        assert cell.chip.trace_ids == begun


def test_the_same_source_has_the_same_hash(shell: Shell) -> None:
    source = "with sb.span('one'): pass"
    shell.run(source)
    first = sb.last_trace().summary.provenance
    shell.run(source)
    second = sb.last_trace().summary.provenance

    assert first.cell_hash == second.cell_hash
    assert (second.execution_count or 0) == (first.execution_count or 0) + 1


def test_a_thread_that_outlives_its_cell_keeps_its_provenance(shell: Shell) -> None:
    shell.run(
        "import threading\n"
        "def work():\n    with sb.span('later'): pass\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()",
        cell_id="t",
    )
    assert sb.last_trace().summary.provenance.cell_id == "t"


def test_percent_percent_trace_makes_one_trace_of_the_cell(shell: Shell) -> None:
    shell.run("%%trace nightly --user ada --session s1 --tag a --tag b\nwith sb.span('inner'): pass\n40 + 2")

    trace = sb.last_trace()
    assert [span.name for span in trace.spans] == ["nightly", "inner"]
    assert (trace.summary.user_id, trace.summary.session_id, list(trace.summary.tags)) == ("ada", "s1", ["a", "b"])
    assert trace.spans[1].user_id == "ada"
    assert shell.ip.user_ns["_"] == 42


def test_percent_percent_trace_works_with_top_level_await(shell: Shell) -> None:
    result = shell.run("%%trace\nimport asyncio\nawait asyncio.sleep(0)\nwith sb.span('x'): 'awaited'")

    assert result.success
    assert [span.name for span in sb.last_trace().spans] == ["cell", "x"]


def test_the_span_of_a_trace_cell_ends_with_the_cell(shell: Shell) -> None:
    shell.run("%%trace first\n1")
    shell.run("with sb.span('second'): pass")

    assert [trace.name for trace in sb.traces()] == ["second", "first"]
    assert sb.current() is None


def test_an_error_in_a_trace_cell_is_recorded_and_shown_as_ever(shell: Shell) -> None:
    plain = shell.run("1 / 0").error_in_exec
    traced = shell.run("%%trace broken\n1 / 0").error_in_exec

    assert type(traced) is type(plain) is ZeroDivisionError
    assert sb.last_trace().root.error_type == "ZeroDivisionError"
    assert "spanbook" not in shell.out and "_spanbook_begin" not in shell.out


def test_an_interrupt_ends_the_trace_cell(shell: Shell) -> None:
    shell.run("%%trace stopped\nraise KeyboardInterrupt")
    shell.run("1")

    assert sb.last_trace().root.error_type == "KeyboardInterrupt"


def test_a_syntax_error_names_the_users_line(shell: Shell) -> None:
    error = shell.run("%%trace x\nx = 1\ny = = 2").error_before_exec
    assert isinstance(error, SyntaxError) and error.lineno == 3


def test_a_cell_magic_around_traced_code_changes_nothing(shell: Shell) -> None:
    shell.run("%%time\nwith sb.span('timed'): pass", cell_id="outer")

    assert sb.last_trace().name == "timed"
    assert sb.last_trace().summary.provenance.cell_id == "outer"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%%trace --user\n1", "expected one argument"),
        ("%%trace a b\n1", "unrecognized arguments: b"),
        ("%spanbook dance", "not understood"),
        ("%trace 12 34", "give one trace id"),
        ("%trace ffffffff", "no trace 'ffffffff'"),
        ("%traces kin == 'llm'", "kin"),
        ("%traces --limit many", "invalid int value"),
        ("%traces --since yesterday", "is no moment"),
        ("%%spansql\nDELETE FROM spans", "DELETE is not allowed"),
        ("%%spansql 1x\nSELECT 1", "no name for a variable"),
        ("%spanbook store /", "is a folder"),
        ('%spanbook "store', "not understood"),
        ("%%spansql for\nSELECT 1", "no name for a variable"),
        ("%%spansql\nSELECT input FROM spans", "it is in span_view and trace_view"),
    ],
)
def test_bad_arguments_are_answered_in_one_line(shell: Shell, cell: str, said: str) -> None:
    shell.run("with sb.span('x'): pass")
    shell.run(cell)

    assert said in shell.out
    assert "Traceback" not in shell.out
    assert len([line for line in shell.out.splitlines() if line.strip()]) <= 2


def test_trace_and_traces_return_what_they_show(shell: Shell) -> None:
    shell.run("with sb.span('one'): pass")
    shell.run("with sb.span('two', kind='tool'): pass")
    shell.run("t = get_ipython().run_line_magic('trace', '')")
    shell.run("ts = get_ipython().run_line_magic('traces', 'name == \"one\" --limit 5')")

    assert shell.ip.user_ns["t"].name == "two"
    assert [trace.name for trace in shell.ip.user_ns["ts"]] == ["one"]


def test_spansql_returns_a_frame_or_keeps_it_under_a_name(shell: Shell) -> None:
    shell.run("with sb.span('one'): pass")
    shown = shell.run("%%spansql\nSELECT name, kind FROM spans").result
    shell.run("%%spansql kept\nSELECT count(*) AS n FROM spans")

    assert isinstance(shown, pd.DataFrame) and shown["name"].tolist() == ["one"]
    assert shell.ip.user_ns["kept"]["n"].tolist() == [1]


def test_spansql_takes_the_values_of_variables(shell: Shell) -> None:
    """Bound, never written into the SQL; what only looks like a variable is left alone."""
    shell.run('import numpy as np\nwanted, most = "it\'s", np.int64(1)\nwith sb.span(wanted): pass')
    shown = shell.run("%%spansql\nSELECT name, '12:30:most' AS t FROM spans WHERE name = :wanted LIMIT :most").result
    assert shown.values.tolist() == [["it's", "12:30:most"]]


def test_an_option_in_a_text_of_a_filter_is_a_text(shell: Shell) -> None:
    shell.run("with sb.span('x', user_id='a --since b'): pass")
    shell.run("ts = get_ipython().run_line_magic('traces', 'user_id == \"a --since b\" --limit 5')")
    assert [trace.name for trace in shell.ip.user_ns["ts"]] == ["x"]


def test_off_and_on(shell: Shell) -> None:
    shell.run("%spanbook off\nwith sb.span('unseen'): pass")
    shell.run("%spanbook on\nwith sb.span('seen'): pass")

    assert [trace.name for trace in sb.traces()] == ["seen"]


def test_status_says_where_and_how_much(shell: Shell) -> None:
    shell.run("with sb.span('one'): pass\nsb.flush()")
    shell.run("%spanbook")

    assert str(shell.folder / "store.db") in shell.out and "written 1 spans" in shell.out


def test_loading_twice_doubles_nothing(shell: Shell) -> None:
    shell.run("%load_ext spanbook\n%reload_ext spanbook")
    shell.run("with sb.span('once'): pass")

    assert len(sb.traces()) == 1
    hooks = [hook for hook in shell.ip.events.callbacks["pre_run_cell"] if "spanbook" in repr(hook)]
    assert len(hooks) == 1


def test_unloading_stops_receivers(shell: Shell) -> None:
    """Their port is free afterwards."""
    shell.run("receiver = sb.receive(0)")
    receiver = shell.ip.user_ns["receiver"]
    assert receiver.is_running
    shell.run("%unload_ext spanbook")
    assert not receiver.is_running
    socket.create_server(("127.0.0.1", receiver.port)).close()


def test_unloading_undoes_everything(shell: Shell) -> None:
    shell.run("%unload_ext spanbook")

    assert not [hook for hook in shell.ip.events.callbacks["pre_run_cell"] if "spanbook" in repr(hook)]
    assert "trace" not in shell.ip.magics_manager.magics["cell"]
    assert not [t for t in shell.ip.input_transformers_cleanup if "spanbook" in t.__module__]
    shell.run("%load_ext spanbook")  # and it loads again


@pytest.mark.parametrize("line", ["%spanbook store {folder}/other.db", "%reload_ext spanbook", "%unload_ext spanbook"])
def test_what_init_said_outlives_the_extension(shell: Shell, line: str) -> None:
    """A policy that keeps prompts out of the store above all."""
    shell.run(f"sb.init({str(shell.folder / 'mine.db')!r}, redact='metadata-only', environment='prod', sample=0.5)")
    shell.run(line.format(folder=shell.folder))
    assert shell.run("for _ in range(2):\n    with sb.span('s', input='PROMPT'): pass").success
    (trace,) = sb.traces()
    assert trace.root.input["$type"] == "not_captured"
    assert trace.summary.environment == "prod"
    path = sb.stats()["store"]
    assert path == str(shell.folder / ("other.db" if "store" in line else "mine.db"))


def test_the_status_says_what_is_kept(shell: Shell) -> None:
    shell.run("sb.init(redact='metadata-only', sample=0.25)\n%spanbook status")
    assert "tracing on for 0.25 of all traces" in shell.out
    assert "(metadata-only)" in shell.out


def test_arguments_of_magics_complete(shell: Shell) -> None:
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        matches = [completion.text for completion in shell.ip.Completer.completions("%traces --", 10)]
    assert "--since" in matches


def test_trace_under_another_cell_magic_still_traces(shell: Shell) -> None:
    shell.run("%%time\n%%trace timed\nwith sb.span('inner'): pass")

    assert [span.name for span in sb.last_trace().spans] == ["timed", "inner"]
    assert sb.current() is None


def test_trace_above_another_cell_magic_traces_it(shell: Shell) -> None:
    shell.run("%%trace kept\n\n%%capture shown\nprint('x')\nwith sb.span('inner'): pass")

    assert [span.name for span in sb.last_trace().spans] == ["kept", "inner"]
    assert shell.ip.user_ns["shown"].stdout == "x\n"


def test_a_trace_cell_is_traced_without_history_too(shell: Shell) -> None:
    """As nbval runs cells."""
    shell.ip.run_cell("%%trace unseen\nwith sb.span('inner'): pass", store_history=False)

    assert [span.name for span in sb.last_trace().spans] == ["unseen", "inner"]
