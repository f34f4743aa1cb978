"""In JupyterLab: an awaited cell is stopped from its view, and the cell that made a trace is gone to."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.lab import LabServer, Notebook

pytestmark = [pytest.mark.lab, pytest.mark.browser]

SETUP = """\
%load_ext spanbook
import asyncio
import spanbook as sb

@sb.trace(kind="tool")
async def step(name, seconds):
    await asyncio.sleep(seconds)

@sb.trace(kind="agent")
async def agent():
    await asyncio.gather(step("quick", 0.1), step("stuck", 120), return_exceptions=True)
    return "done"
"""
CELLS = (
    SETUP,
    "print(await agent())",
    *("print('\\n' * 30)" for _ in range(4)),
    "sb.last_trace().view()",
)
SOURCE, VIEW = 1, len(CELLS) - 1


@pytest.fixture(scope="module")
def notebook(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    server = LabServer(tmp_path_factory.mktemp("lab"))
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    opened = Notebook(page, server, server.write("act.ipynb", *CELLS))
    opened.run(0)
    yield opened
    page.close()
    server.stop()


def test_stop_ends_the_task_of_a_span_and_the_cell_goes_on(notebook: Notebook) -> None:
    notebook.start(SOURCE)
    out = notebook.output(SOURCE)
    out.locator(".sb-chip").click()
    rows = out.locator(".sb-row", has_text="step")
    expect(rows).to_have_count(2)
    rows.nth(1).click()
    out.get_by_role("button", name="stop").click()
    notebook.wait(SOURCE)
    expect(out).to_contain_text("done")  # the agent was not stopped, only its step
    expect(rows.nth(1)).to_contain_text("CancelledError")
    expect(rows.nth(0)).not_to_contain_text("CancelledError")
    stop_whole_cell(notebook)


def stop_whole_cell(notebook: Notebook) -> None:
    """Stop the agent itself: its task is that of the cell, beside the kernel's own, which has to live on."""
    notebook.start(SOURCE)
    out = notebook.output(SOURCE)
    out.locator(".sb-chip").click()
    expect(out.locator(".sb-dh h3")).to_contain_text("agent")
    out.get_by_role("button", name="stop").click()
    notebook.wait(SOURCE)
    expect(out).to_contain_text("CancelledError")


def test_the_cell_that_made_a_trace_is_gone_to_and_told_when_it_ran_again(notebook: Notebook) -> None:
    for at in range(2, VIEW):
        notebook.run(at)
    out = notebook.run(VIEW)
    made = notebook.cell(SOURCE)
    out.locator(".sb-explorer").scroll_into_view_if_needed()
    expect(made).not_to_be_in_viewport()
    cell = out.locator(".sb-sum").get_by_role("button", name="cell [")
    cell.click()
    expect(made).to_be_in_viewport()

    made.locator(".cm-content").click()
    notebook.page.keyboard.press("Control+a")
    notebook.page.keyboard.type("await step('another', 0)")
    notebook.run(SOURCE)
    expect(cell).to_contain_text("has changed since")
    out.locator(".sb-explorer").scroll_into_view_if_needed()
    cell.click()  # its prompt has another number now
    expect(made).to_be_in_viewport()
