"""Two compared traces in JupyterLab itself: shown under the cell, asked for a pair, read in the next cell."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.lab import LabServer, Notebook

pytestmark = [pytest.mark.lab, pytest.mark.browser]

SETUP = """\
%load_ext spanbook
%spanbook display off
import spanbook as sb

def assistant(answer):
    with sb.span("assistant", kind="agent") as agent:
        with sb.span("answer", kind="llm", input="What does Team cost?", model="gpt-4o-mini") as call:
            call.set(output=answer)
    return sb.last_trace()

a, b = assistant("It costs 29 USD."), assistant("It costs 31 EUR.")
"""


def test_a_comparison_is_shown_and_its_selection_read(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The static form stands in the saved notebook, and is hidden while the live one is there."""
    server = LabServer(tmp_path_factory.mktemp("lab"))
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    try:
        cells = (SETUP, "w = sb.compare_traces(a, b).view(); w", "[span.output for span in w.selected]")
        notebook = Notebook(page, server, server.write("compare.ipynb", *cells))
        notebook.run(0)
        out = notebook.run(1)
        out.locator(".sb-row", has_text="answer").click()
        expect(out.locator(".sb-detail del")).to_have_text(["29 USD"])
        expect(out.locator(".sb-detail ins")).to_have_text(["31 EUR"])
        expect(out.locator(".sb-snap")).to_be_hidden()
        expect(notebook.run(2)).to_contain_text("['It costs 29 USD.', 'It costs 31 EUR.']")
        saved = str(notebook.save())
        assert "changed: output" in saved
    finally:
        page.close()
        server.stop()
