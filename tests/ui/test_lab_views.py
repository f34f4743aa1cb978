"""Chip and explorer in JupyterLab itself: live while a cell runs, harmless, readable when all is over."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.lab import LabServer, Notebook

pytestmark = [pytest.mark.lab, pytest.mark.browser]

SETUP = """\
%load_ext spanbook
import time
import spanbook as sb

@sb.trace(kind="agent")
def assistant(question, words=4):
    with sb.span("search_docs", kind="retriever", input={"query": question}) as search:
        search.set(output=["Team costs 29 EUR, not $40 or $60."])
    with sb.span("answer", kind="llm", input=[{"role": "user", "parts": [{"type": "text", "content": question}]}],
                 model="gpt-4o-mini", provider="openai") as call:
        text = ""
        for word in range(words):
            text += f"word{word} "
            call.partial(text)
            time.sleep(0.1)
        call.set(output=[{"role": "assistant", "parts": [{"type": "text", "content": text}]}],
                 usage={"input_tokens": 900, "output_tokens": 40})
    return "done"
"""


CELLS = (
    SETUP,
    "assistant('What does Team cost?', words=80)",
    "w = sb.last_trace().view(); w",
    "w.selected.name",
    "assistant('Is it $40 or $60?');",
)
LIVE, EXPLORER, SELECTED, QUIET = range(1, 5)


@pytest.fixture(scope="module")
def notebook(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """A notebook that has traced something; loading one takes seconds, so all tests use it."""
    server = LabServer(tmp_path_factory.mktemp("lab"))
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    opened = Notebook(page, server, server.write("views.ipynb", *CELLS))
    opened.run(0)
    opened.run(QUIET)
    yield opened
    page.close()
    server.stop()


def test_a_cell_is_followed_while_it_runs(notebook: Notebook) -> None:
    """The chip appears, opens into the explorer, answers a click and shows streamed text, all before the cell ends."""
    notebook.start(LIVE)
    out, prompt = notebook.output(LIVE), notebook.cell(LIVE).locator(".jp-InputPrompt")
    out.locator(".sb-chip").click()
    out.locator(".sb-row", has_text="answer").click()
    detail = out.locator(".sb-detail")
    expect(detail).to_contain_text("What does Team cost", timeout=4_000)
    expect(detail).to_contain_text("word3 word4", timeout=4_000)
    expect(out.locator(".sb-chip")).to_contain_text("running")
    expect(prompt).to_have_text("[*]:")  # all of this was before its end
    notebook.wait(LIVE)
    expect(out.locator(".sb-chip")).to_contain_text("940 tok")
    expect(out.locator(".sb-chip")).not_to_contain_text("running")
    expect(detail).to_contain_text("word79")
    expect(out.locator(".sb-snap")).to_be_hidden()


def test_keys_stay_in_the_widget_and_the_selection_is_readable(notebook: Notebook) -> None:
    """``d d`` in Lab's command mode deletes a cell; in the tree it must not."""
    out = notebook.run(EXPLORER)
    out.locator(".sb-tree").first.click()
    for key in ("ArrowDown", "d", "d", "x", "a"):
        notebook.page.keyboard.press(key)
    expect(notebook.page.locator(".jp-Notebook .jp-Cell")).to_have_count(len(CELLS))
    out.locator(".sb-row", has_text="search_docs").click()
    expect(out.locator(".sb-detail")).to_contain_text("search_docs")
    expect(notebook.run(SELECTED)).to_contain_text("'search_docs'")


def test_a_saved_notebook_is_readable_without_a_kernel(notebook: Notebook) -> None:
    """Opened again: the snapshot, no broken widget, no formula made of dollars; and the file has hardly grown."""
    for at in (QUIET, EXPLORER):
        notebook.run(at)
    expect(notebook.output(EXPLORER).locator(".sb-explorer")).to_be_visible()
    expect(notebook.output(EXPLORER).locator(".sb-snap")).to_be_hidden()
    saved = notebook.save()
    assert "widgets" not in saved["metadata"]
    assert all(len(json.dumps(cell["outputs"])) < 20_000 for cell in saved["cells"])

    again = Notebook(notebook.page, notebook.server, notebook.name)
    chip, trace = again.output(QUIET), again.output(EXPLORER)
    expect(chip.locator("summary")).to_contain_text("1 trace · ")
    expect(trace.locator(".sb-snap")).to_be_visible()
    expect(trace).to_contain_text("search_docs")
    expect(trace).to_contain_text("$40 or $60")
    expect(trace.locator("mjx-container")).to_have_count(0)
    expect(trace).to_contain_text("model not found")
    expect(trace.locator(".jupyter-widgets:visible")).to_have_count(0)
