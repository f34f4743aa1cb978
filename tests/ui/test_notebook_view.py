"""The explorer in Notebook 7, which has JupyterLab's parts and a page of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from playwright.sync_api import Browser, expect

from tests.ui.lab import LabServer, Notebook7

pytestmark = [pytest.mark.lab, pytest.mark.browser]

SETUP = "%load_ext spanbook\nimport spanbook as sb"
TRACE = """\
with sb.span("assistant", kind="agent", input="What does Team cost, $40 or $60?") as agent:
    with sb.span("search_docs", kind="retriever"):
        pass
    agent.set(output="It costs 29 EUR.")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    made = LabServer(tmp_path_factory.mktemp("notebook"))
    yield made
    made.stop()


def test_a_trace_is_followed_read_and_harmless(browser: Browser, server: LabServer) -> None:
    page = browser.new_page(viewport={"width": 1180, "height": 900})
    cells = (SETUP, TRACE, "w = sb.last_trace().view(); w", "w.selected.name")
    notebook = Notebook7(page, server, server.write("live.ipynb", *cells))
    notebook.run(0)
    chip = notebook.run(1)
    expect(chip.locator(".sb-chip")).to_contain_text("1 trace")
    chip.locator(".sb-chip").click()
    expect(chip.locator(".sb-row")).to_have_count(2)
    shown = notebook.run(2)
    expect(shown.locator(".sb-row")).to_have_count(2)
    expect(shown.locator(".sb-snap")).to_be_hidden()
    expect(shown.locator(".sb-detail")).to_contain_text("It costs 29 EUR.")
    shown.locator(".sb-row", has_text="search_docs").click()
    for key in ("d", "d", "x"):  # the host takes its keys before a widget is asked
        page.keyboard.press(key)
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(4)
    expect(notebook.run(3)).to_contain_text("'search_docs'")
    page.close()


def test_what_another_person_saved_is_readable_before_it_is_trusted(
    browser: Browser, server: LabServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never run here, so not trusted: the host's sanitiser leaves the snapshot whole, and no formula is made of it."""
    monkeypatch.setenv("SPANBOOK_STORE", str(tmp_path / "store.db"))
    monkeypatch.setenv("SPANBOOK_JOURNAL", str(tmp_path / "journal"))
    v4: Any = nbformat.v4
    saved = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in (SETUP, TRACE, "sb.last_trace()")])
    NotebookClient(saved, timeout=60, kernel_name="python3").execute()
    (server.folder / "saved.ipynb").write_text(json.dumps(saved))

    page = browser.new_page(viewport={"width": 1180, "height": 900})
    notebook = Notebook7(page, server, "saved.ipynb")
    shown = notebook.output(2)
    expect(shown.locator(".sb-snap")).to_be_visible()
    expect(shown).to_contain_text("search_docs")
    expect(shown).to_contain_text("$40 or $60")
    expect(shown.locator("mjx-container")).to_have_count(0)
    expect(notebook.output(1).locator("summary")).to_contain_text("1 trace · ")
    page.close()
