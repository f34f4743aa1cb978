"""OpenTelemetry instrumentors that are installed, and libraries that nothing traces.

With Groq's client and OpenInference's instrumentor of it: a library without an integration of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import spanbook as sb
from spanbook.integrations import integrations
from spanbook.integrations._libraries import LIBRARIES, library_of, module_of
from spanbook.integrations._registry import untested
from spanbook.offline import OfflineModel, Rule
from tests.integrations.conftest import Spans, model, spans
from tests.plugins.test_plugins import offering, run_with

__all__ = ["model", "spans"]
GROQ: Any = pytest.importorskip("groq")
Instrumentor: Any = pytest.importorskip("openinference.instrumentation.groq").GroqInstrumentor


@pytest.fixture
def everything(spans: Spans) -> Iterator[Spans]:
    """Trace whatever there is."""
    sb.instrument()
    yield spans
    sb.uninstrument()


def row_of(name: str) -> dict[str, Any]:
    """Return the row of an integration."""
    (row,) = [row for row in integrations() if row["name"] == name]
    return row


def ask(server: OfflineModel) -> None:
    """Ask the offline model through Groq's client."""
    with GROQ.Groq(base_url=server.anthropic_url, api_key="k", max_retries=0) as client:
        client.chat.completions.create(model="llama-4", messages=[{"role": "user", "content": "Hello"}])


def test_an_installed_instrumentor_is_attached(everything: Spans, model: OfflineModel) -> None:
    model.rules[:] = [Rule(text="Hi")]
    with sb.span("outer"):
        ask(model)

    outer, call = everything()
    assert (call.parent_id, call.kind, call.model) == (outer.span_id, "llm", "llama-4")
    assert call.output[0]["parts"] == [{"type": "text", "content": "Hi"}]
    row = row_of("groq")
    assert (row["what"], row["state"], row["package"]) == ("OpenTelemetry instrumentor", "on", "groq")
    assert row["tested"].startswith(">=") and row["by"].startswith("openinference-instrumentation-groq")


def test_uninstrument_takes_it_off(spans: Spans, model: OfflineModel) -> None:
    before = GROQ.resources.chat.completions.Completions.create
    sb.instrument()
    assert Instrumentor().is_instrumented_by_opentelemetry
    assert "groq" in sb.uninstrument()

    assert not Instrumentor().is_instrumented_by_opentelemetry
    assert GROQ.resources.chat.completions.Completions.create is before
    ask(model)
    assert spans() == []


def test_named_alone_it_is_recorded_too(spans: Spans, model: OfflineModel) -> None:
    try:
        assert sb.instrument("groq") == ["groq", "otel"]
        ask(model)
    finally:
        sb.uninstrument()
    assert len(spans()) == 1


def test_one_that_the_program_attached_is_left_alone(spans: Spans) -> None:
    Instrumentor().instrument()
    try:
        sb.instrument()
        assert "the program has attached it itself" in row_of("groq")["hint"]
        sb.uninstrument()
        assert Instrumentor().is_instrumented_by_opentelemetry
    finally:
        Instrumentor().uninstrument()


def test_nothing_is_imported_before_the_library_is(tmp_path: Path) -> None:
    program = """
        import sys
        import spanbook as sb
        sb.init()
        print([name for name in ("groq", "openinference", "opentelemetry.instrumentation") if name in sys.modules])
        from spanbook.integrations import integrations
        print([row["state"] for row in integrations() if row["name"] == "groq"])
        import groq
        print([row["state"] for row in integrations() if row["name"] == "groq"], sb.stats()["failures"])
    """
    assert run_with(tmp_path, program, tmp_path) == ["[]", "['waiting']", "['on'] {}"]


def test_one_of_a_library_with_an_integration_waits_to_be_named(everything: Spans, model: OfflineModel) -> None:
    pytest.importorskip("openinference.instrumentation.openai")
    name = "openinference-instrumentation-openai"
    model.rules[:] = []
    assert row_of(name)["state"] == "off"
    sb.instrument(name)
    with model.client(max_retries=0) as client:
        client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}])

    assert [span.counted for span in everything()] == [False, True]  # both see the call; it counts once


# -- libraries that nothing traces


def test_a_library_without_an_instrumentor_is_hinted_at_once(tmp_path: Path) -> None:
    for name in ("crewai", "dspy", "boto3"):
        offering(tmp_path, name, "console_scripts", "nothing:main")
    (tmp_path / "brings_dspy.py").write_text("import dspy")
    (tmp_path / "agents.py").write_text("")  # the program's own, not OpenAI's library of that name
    program = """
        import spanbook as sb
        sb.init()
        import agents, boto3, brings_dspy, crewai
        import crewai, dspy
        from spanbook.integrations import integrations
        for row in integrations():
            if row["state"] == "untraced":
                print(row["name"], row["hint"], sep=": ")
    """
    *listed, warned = run_with(tmp_path, program, tmp_path)
    assert listed == [
        f"{name}: install openinference-instrumentation-{name} to trace {name}" for name in ("crewai", "dspy")
    ] + ["bedrock: install openinference-instrumentation-bedrock to trace bedrock"]
    assert warned.endswith(
        "Install openinference-instrumentation-crewai to trace crewai; its calls of openai and anthropic are."
    )


def test_known_libraries_are_distinct() -> None:
    for field in ("name", "module", "package"):
        names = [getattr(library, field) for library in LIBRARIES]
        assert len(names) == len(set(names))
    assert all(library.instrumentor or library.advice for library in LIBRARIES)


@pytest.mark.parametrize(
    ("requires", "library", "module"),
    [
        (("opentelemetry-api", 'crewai>=1.10.1; extra == "instruments"'), ("crewai", ">=1.10.1"), "crewai"),
        (("google-genai<3,>=1.32.0; extra == 'instruments'",), ("google-genai", "<3,>=1.32.0"), "google.genai"),
        (("Flask_Thing (>=1) ; extra == 'instruments-any'",), ("flask-thing", ">=1"), "flask_thing"),
        (("x; extra == 'test'",), ("", ""), "name"),
    ],
)
def test_what_an_instrumentor_is_for(requires: tuple[str, ...], library: tuple[str, str], module: str) -> None:
    assert library_of(requires) == library
    assert module_of(library[0], "name") == module


# -- the table


def test_the_table(everything: Spans) -> None:
    table = sb.integrations()  # type: ignore[operator]

    assert list(table.columns) == [
        "name", "state", "what", "package", "version", "tested", "by", "patched", "problems", "hint",
    ]  # fmt: skip
    openai = table.set_index("name").loc["openai"]
    assert (openai["state"], openai["what"], openai["by"]) == ("on", "integration", "spanbook")
    assert openai["tested"] and openai["version"]


@pytest.mark.parametrize(
    ("version", "tested", "is_known"),
    [
        ("2.60.1", "1.5 to 2.14", True),
        ("1.5", "1.5 to 2.14", True),
        ("1.4.9", "1.5 to 2.14", False),
        ("3.0.0", "1.5 to 2.14", False),
        ("0.14.2", "0.12 to 0.14", True),
        ("0.15.0", "0.12 to 0.14", False),
        ("9.9", "", True),
        ("unknown", "1.5 to 2.14", True),
    ],
)
def test_versions_that_were_not_tried_are_said(version: str, tested: str, is_known: bool) -> None:
    assert (untested("lib", version, tested) == "") is is_known
