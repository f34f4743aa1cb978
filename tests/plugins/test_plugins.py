"""Packages that extend spanbook: a real one, installed by pip, and broken ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.tracer._plugins import OTEL, find_plugins
from tests.tracing import run

EXAMPLE = Path(__file__).parent / "example"
_GROUPS = ("integrations", "conventions", "evaluators")
_PIP = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip has installed the example."""
    folder = tmp_path_factory.mktemp("plugins")
    source = shutil.copytree(EXAMPLE, folder / "source")
    target = folder / "site"
    quiet = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *_PIP, str(target), str(source)], capture_output=True, text=True, env=quiet, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return target


def offering(folder: Path, name: str, group: str, value: str, code: str = "") -> Path:
    """Put a package into a folder as pip leaves it: its metadata, and a module."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {value}\n")
    (folder / f"{name}.py").write_text(code)
    return folder


def run_with(site: Path, program: str, folder: Path) -> list[str]:
    """Return the lines that a program prints whose path has a folder of packages."""
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
    done = run(program, folder, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    return [*done.stdout.splitlines(), *(line for line in done.stderr.splitlines() if "SpanbookWarning" in line)]


def test_the_example_is_as_short_as_promised() -> None:
    code = (EXAMPLE / "spanbook_acme.py").read_text("utf-8").splitlines()
    assert len([line for line in code if line.strip()]) <= 40


def test_its_integration_traces(installed: Path, tmp_path: Path) -> None:
    program = """
        import sys
        import spanbook as sb
        assert "spanbook_acme" not in sys.modules
        sb.init()
        assert "spanbook_acme" in sys.modules and "acme_chat" not in sys.modules
        import acme_chat
        print(acme_chat.Client().complete("hello"))
        span = sb.last_trace().root
        print(span.name, span.kind, span.provider, span.output, span.usage["output_tokens"])
        print("acme" in sb.uninstrument(), acme_chat.Client.complete.__code__.co_filename.endswith("acme_chat.py"))
        print(sb.instrument("acme"), sb.stats()["failures"])
    """
    assert run_with(installed, program, tmp_path) == [
        "HELLO", "complete acme-1 llm acme HELLO 5", "True True", "['acme'] {}",
    ]  # fmt: skip


def test_its_dialect_is_read(installed: Path, tmp_path: Path) -> None:
    program = """
        import spanbook as sb
        sb.init()
        from opentelemetry import trace
        with trace.get_tracer("acme").start_as_current_span("call") as span:
            span.set_attributes({"acme.model": "acme-2", "acme.answer": "HI", "acme.other": 1})
        span = sb.last_trace().root
        print(span.kind, span.model, span.output, span.attributes["acme.other"])
    """
    assert run_with(installed, program, tmp_path) == ["llm acme-2 HI 1"]


def test_its_parts_are_listed(installed: Path, tmp_path: Path) -> None:
    program = """
        import acme_chat
        import spanbook as sb
        table = sb.integrations()
        for row in table[table["by"] == "spanbook-acme 0.1"].itertuples():
            print(row.what, row.name, row.state, row.package, row.version, row.tested, repr(row.problems))
    """
    assert run_with(installed, program, tmp_path) == [
        "integration acme off acme_chat 1.1 1.0 to 1.2 ''",
        "dialect acme on spanbook-acme 0.1  ''",
        "evaluator is_short available spanbook-acme 0.1  ''",
    ]


_BROKEN = {
    "raises": ("{}:THING", "raise RuntimeError('boom')", "could not be loaded (RuntimeError: boom)"),
    "lacks": ("{}:THING", "", "could not be loaded (AttributeError: module '{}' has no attribute 'THING')"),
    "exits": ("{}:THING", "raise SystemExit(3)", "could not be loaded (it called exit(3))"),
    "no_module": ("nowhere:THING", "", "could not be loaded (ModuleNotFoundError: No module named 'nowhere')"),
    "wrong": ("{}:THING", "THING = 3", "is a int; expected a"),
}
_CLASHES = {
    "integrations": "from spanbook.integrations import Integration\n"
    "THING = Integration('openai', package='bad', tested='', targets=dict)",
    "conventions": "from spanbook.conventions import SpanMapper\n"
    "THING = SpanMapper('genai', lambda span, roots: True, lambda draft: None)",
}


@pytest.fixture(scope="module")
def of_broken(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a program prints, and is warned of, whose path has every sort of broken plugin."""
    folder = tmp_path_factory.mktemp("broken")
    for group in _GROUPS:
        for how, (value, code, _) in _BROKEN.items():
            name = f"{how}_{group}"
            offering(folder / "site", name, f"spanbook.{group}", value.format(name), code)
    for group, code in _CLASHES.items():
        offering(folder / "site", f"clash_{group}", f"spanbook.{group}", f"clash_{group}:THING", code)
    program = """
        import spanbook as sb
        from spanbook.integrations import integrations
        sb.init()
        print(*sb.instrument())
        integrations()
        for row in integrations():
            if row["by"].endswith(" 1.0"):
                print(row["state"], row["name"], *row["problems"])
    """
    return run_with(folder / "site", program, folder)


def test_broken_plugins_stop_nothing(of_broken: list[str]) -> None:
    assert {"openai", "anthropic", "otel"} <= set(of_broken[0].split())


@pytest.mark.parametrize("group", _GROUPS)
@pytest.mark.parametrize("how", _BROKEN)
def test_a_broken_plugin_is_said_once_and_left_out(of_broken: list[str], group: str, how: str) -> None:
    name, said = f"{how}_{group}", _BROKEN[how][2].format(f"{how}_{group}")

    (row,) = [line for line in of_broken if line.startswith(f"failed {name} ")]
    (warning,) = [line for line in of_broken if f"the plugin {name!r}" in line]
    assert said in row
    assert f"the plugin {name!r} (spanbook.{group}) of {name} 1.0 {said}" in warning
    assert f"pip install -U {name}" in warning


@pytest.mark.parametrize("group", _CLASHES)
def test_a_name_that_is_taken_is_said(of_broken: list[str], group: str) -> None:
    (row,) = [line for line in of_broken if line.startswith(f"failed clash_{group}")]
    assert "brings a" in row and row.endswith("which is the name of another one")


def test_a_mapper_that_fails_on_a_span_leaves_the_others(tmp_path: Path) -> None:
    code = """
from spanbook.conventions import SpanMapper
def fail(draft): raise ValueError("no")
THING = SpanMapper("bad", lambda span, roots: True, fail)
"""
    site = offering(tmp_path / "site", "bad", "spanbook.conventions", "bad:THING", code)
    program = """
        from spanbook.conventions.registry import map_span
        from spanbook.conventions.otel import OtelSpan
        made = map_span(OtelSpan(trace_id="1", span_id="2", name="n", start_ns=0,
                                 attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}))
        print(made.failures, made.fields["model"])
    """
    assert run_with(site, program, tmp_path) == ["(('bad', 'ValueError: no'),) m"]


def test_an_instrumentor_that_fails_stops_nothing(tmp_path: Path) -> None:
    code = """
class Broken:
    def instrument(self, **options): raise RuntimeError("boom")
    def uninstrument(self): pass
"""
    site = offering(tmp_path / "site", "broken", "opentelemetry_instrumentor", "broken:Broken", code)
    program = """
        import spanbook as sb
        from spanbook.integrations import integrations
        sb.init()
        import broken
        print([row["state"] for row in integrations() if row["name"] == "broken"], *sb.stats()["failures"])
        print("broken" in sb.uninstrument())
    """
    *printed, warning = run_with(site, program, tmp_path)
    assert printed == ["['failed'] attach broken", "True"]
    assert "could not attach broken (RuntimeError: boom)" in warning


def test_damaged_metadata_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = offering(tmp_path / "site", "bad", "spanbook.evaluators", "bad:THING")
    (site / "bad-1.0.dist-info" / "entry_points.txt").write_bytes(b"[spanbook.evaluators]\n\xff = \xff")
    monkeypatch.syspath_prepend(site)
    with pytest.warns(sb.SpanbookWarning, match="could not be read .*; its plugins are left out"):
        assert find_plugins("spanbook.evaluators") == []


def test_what_is_installed_while_the_program_runs_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    assert find_plugins("spanbook.evaluators") == []
    offering(site, "late", "spanbook.evaluators", "late:THING")
    os.utime(site, ns=(0, 1))  # a later change than any clock tells from the first
    assert [plugin.name for plugin in find_plugins("spanbook.evaluators")] == ["late"]


def test_the_quick_search_finds_what_the_standard_library_finds() -> None:
    theirs = {(entry.name, entry.value) for entry in entry_points(group=OTEL)}
    assert {(plugin.name, plugin.value) for plugin in find_plugins(OTEL)} == theirs
