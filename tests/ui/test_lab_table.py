"""The trace table in JupyterLab itself: selected in the page and read in the next cell, and the other way round."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.lab import LabServer, Notebook

pytestmark = [pytest.mark.lab, pytest.mark.browser]

SETUP = """\
%load_ext spanbook
%spanbook display off
import spanbook as sb

for name in ("one", "two", "three"):
    with sb.span(name):
        pass
"""


def test_a_table_and_the_next_cells_follow_each_other(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = LabServer(tmp_path_factory.mktemp("lab"))
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    try:
        cells = (
            SETUP,
            "w = sb.traces().view(); w",
            "list(w.selected_df['name'])",
            "w.filter = 'name != \"three\"'",
            '%traces name == "one"',
        )
        notebook = Notebook(page, server, server.write("table.ipynb", *cells))
        notebook.run(0)
        out = notebook.run(1)
        out.get_by_role("checkbox", name="Select two").click()
        expect(out.locator(".sbt-foot")).to_contain_text("1 selected")
        expect(notebook.run(2)).to_contain_text("['two']")
        notebook.run(3)
        expect(out.locator(".sbt-row")).to_have_count(2)
        expect(out.get_by_role("combobox", name="Filter traces")).to_have_value('name != "three"')
        expect(out.locator(".sb-snap")).to_be_hidden()
        expect(notebook.run(4).locator(".sbt-row")).to_have_count(1)
    finally:
        page.close()
        server.stop()
