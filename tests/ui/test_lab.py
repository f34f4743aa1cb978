"""In JupyterLab and Notebook 7 themselves: chip, explorer, table and comparison, live, harmless, read when all is over.

One server serves all of it: starting one costs more time than most of the tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.ui.lab import LabServer, Notebook, Notebook7

pytestmark = [pytest.mark.lab, pytest.mark.browser]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    made = LabServer(tmp_path_factory.mktemp("lab"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """What pages share: JupyterLab's scripts are loaded and compiled once."""
    made = browser.new_context(viewport={"width": 1280, "height": 900})
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    made = context.new_page()
    yield made
    made.close()


# -- the explorer and the chip

ASSISTANT = """\
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


VIEWS = (
    ASSISTANT,
    "assistant('What does Team cost?', words=80)",
    "w = sb.last_trace().view(); w",
    "w.selected.name",
    "assistant('Is it $40 or $60?');",
)
LIVE, EXPLORER, SELECTED, QUIET = range(1, 5)


@pytest.fixture(scope="module")
def views(context: BrowserContext, server: LabServer) -> Iterator[Notebook]:
    """A notebook that has traced something; loading one takes seconds, so three tests use it."""
    page = context.new_page()
    opened = Notebook(page, server, server.write("views.ipynb", *VIEWS))
    opened.run(0)
    opened.run(QUIET)
    yield opened
    page.close()


def test_a_cell_is_followed_while_it_runs(views: Notebook) -> None:
    """The chip appears, opens into the explorer, answers a click and shows streamed text, all before the cell ends."""
    views.start(LIVE)
    out, prompt = views.output(LIVE), views.cell(LIVE).locator(".jp-InputPrompt")
    out.locator(".sb-chip").click()
    out.locator(".sb-row", has_text="answer").click()
    detail = out.locator(".sb-detail")
    expect(detail).to_contain_text("What does Team cost", timeout=4_000)
    expect(detail).to_contain_text("word3 word4", timeout=4_000)
    expect(out.locator(".sb-chip")).to_contain_text("running")
    expect(prompt).to_have_text("[*]:")  # all of this was before its end
    views.wait(LIVE)
    expect(out.locator(".sb-chip")).to_contain_text("940 tok")
    expect(out.locator(".sb-chip")).not_to_contain_text("running")
    expect(detail).to_contain_text("word79")
    expect(out.locator(".sb-snap")).to_be_hidden()


def test_keys_stay_in_the_widget_and_the_selection_is_readable(views: Notebook) -> None:
    """``d d`` in Lab's command mode deletes a cell; in the tree it must not."""
    out = views.run(EXPLORER)
    out.locator(".sb-tree").first.click()
    for key in ("ArrowDown", "d", "d", "x", "a"):
        views.page.keyboard.press(key)
    expect(views.page.locator(".jp-Notebook .jp-Cell")).to_have_count(len(VIEWS))
    out.locator(".sb-row", has_text="search_docs").click()
    expect(out.locator(".sb-detail")).to_contain_text("search_docs")
    expect(views.run(SELECTED)).to_contain_text("'search_docs'")


def test_a_saved_notebook_is_readable_without_a_kernel(views: Notebook) -> None:
    """Opened again: the snapshot, no broken widget, no formula made of dollars; and the file has hardly grown."""
    for at in (QUIET, EXPLORER):
        views.run(at)
    expect(views.output(EXPLORER).locator(".sb-explorer")).to_be_visible()
    expect(views.output(EXPLORER).locator(".sb-snap")).to_be_hidden()
    saved = views.save()
    assert "widgets" not in saved["metadata"]
    assert all(len(json.dumps(cell["outputs"])) < 20_000 for cell in saved["cells"])

    again = Notebook(views.page, views.server, views.name)
    chip, trace = again.output(QUIET), again.output(EXPLORER)
    expect(chip.locator("summary")).to_contain_text("1 trace · ")
    expect(trace.locator(".sb-snap")).to_be_visible()
    expect(trace).to_contain_text("search_docs")
    expect(trace).to_contain_text("$40 or $60")
    expect(trace.locator("mjx-container")).to_have_count(0)
    expect(trace).to_contain_text("model not found")
    expect(trace.locator(".jupyter-widgets:visible")).to_have_count(0)


# -- acting on a span

AGENT = """\
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
ACTS = (
    AGENT,
    "print(await agent())",
    *("print('\\n' * 30)" for _ in range(4)),
    "sb.last_trace().view()",
)
SOURCE, VIEW = 1, len(ACTS) - 1

THREE = """\
import spanbook as sb
sb.init("three.db")
%load_ext spanbook
%spanbook display off

for name in ("one", "two", "three"):
    with sb.span(name):
        pass
"""
PAIR = """\
import spanbook as sb
sb.init("pair.db")
%load_ext spanbook
%spanbook display off

def assistant(answer):
    with sb.span("assistant", kind="agent") as agent:
        with sb.span("answer", kind="llm", input="What does Team cost?", model="gpt-4o-mini") as call:
            call.set(output=answer)
    return sb.last_trace()

a, b = assistant("It costs 29 USD."), assistant("It costs 31 EUR.")
"""
QUIETLY = (
    THREE,
    "w = sb.traces().view(); w",
    "list(w.selected_df['name'])",
    "w.filter = 'name != \"three\"'",
    '%traces name == "one"',
    PAIR,
    "w = sb.compare_traces(a, b).view(); w",
    "[span.output for span in w.selected]",
)
TABLE, COMPARISON = len(ACTS), len(ACTS) + 5


@pytest.fixture(scope="module")
def acts(context: BrowserContext, server: LabServer) -> Iterator[Notebook]:
    """A notebook that has an agent; behind it stand the cells of a table and of a comparison, which show no chip."""
    page = context.new_page()
    opened = Notebook(page, server, server.write("act.ipynb", *ACTS, *QUIETLY))
    opened.run(0)
    yield opened
    page.close()


def test_stop_ends_the_task_of_a_span_and_the_cell_goes_on(acts: Notebook) -> None:
    acts.start(SOURCE)
    out = acts.output(SOURCE)
    out.locator(".sb-chip").click()
    rows = out.locator(".sb-row", has_text="step")
    expect(rows).to_have_count(2)
    rows.nth(1).click()
    out.get_by_role("button", name="stop").click()
    acts.wait(SOURCE)
    expect(out).to_contain_text("done")  # the agent was not stopped, only its step
    expect(rows.nth(1)).to_contain_text("CancelledError")
    expect(rows.nth(0)).not_to_contain_text("CancelledError")
    stop_whole_cell(acts)


def stop_whole_cell(acts: Notebook) -> None:
    """Stop the agent itself: its task is that of the cell, beside the kernel's own, which has to live on."""
    acts.start(SOURCE)
    out = acts.output(SOURCE)
    out.locator(".sb-chip").click()
    expect(out.locator(".sb-dh h3")).to_contain_text("agent")
    out.get_by_role("button", name="stop").click()
    acts.wait(SOURCE)
    expect(out).to_contain_text("CancelledError")


def test_the_cell_that_made_a_trace_is_gone_to_and_told_when_it_ran_again(acts: Notebook) -> None:
    for at in range(2, VIEW):
        acts.run(at)
    out = acts.run(VIEW)
    made = acts.cell(SOURCE)
    out.locator(".sb-explorer").scroll_into_view_if_needed()
    expect(made).not_to_be_in_viewport()
    cell = out.locator(".sb-sum").get_by_role("button", name="cell [")
    cell.click()
    expect(made).to_be_in_viewport()

    made.locator(".cm-content").click()
    acts.page.keyboard.press("Control+a")
    acts.page.keyboard.type("await step('another', 0)")
    acts.run(SOURCE)
    expect(cell).to_contain_text("has changed since")
    out.locator(".sb-explorer").scroll_into_view_if_needed()
    cell.click()  # its prompt has another number now
    expect(made).to_be_in_viewport()


# -- the table and a comparison


def test_a_table_and_the_next_cells_follow_each_other(acts: Notebook) -> None:
    acts.run(TABLE)
    out = acts.run(TABLE + 1)
    out.get_by_role("checkbox", name="Select two").click()
    expect(out.locator(".sbt-foot")).to_contain_text("1 selected")
    expect(acts.run(TABLE + 2)).to_contain_text("['two']")
    acts.run(TABLE + 3)
    expect(out.locator(".sbt-row")).to_have_count(2)
    expect(out.get_by_role("combobox", name="Filter traces")).to_have_value('name != "three"')
    expect(out.locator(".sb-snap")).to_be_hidden()
    expect(acts.run(TABLE + 4).locator(".sbt-row")).to_have_count(1)


def test_a_comparison_is_shown_and_its_selection_read(acts: Notebook) -> None:
    """The static form stands in the saved notebook, and is hidden while the live one is there."""
    acts.run(COMPARISON)
    out = acts.run(COMPARISON + 1)
    out.locator(".sb-row", has_text="answer").click()
    expect(out.locator(".sb-detail del")).to_have_text(["29 USD"])
    expect(out.locator(".sb-detail ins")).to_have_text(["31 EUR"])
    expect(out.locator(".sb-snap")).to_be_hidden()
    expect(acts.run(COMPARISON + 2)).to_contain_text("['It costs 29 USD.', 'It costs 31 EUR.']")
    saved = str(acts.save())
    assert "changed: output" in saved


def test_a_restart_that_the_page_was_not_told_of_is_noticed(acts: Notebook) -> None:
    """Another tab or a program restarted the kernel: the new one goes through requests and answers none."""
    out = acts.run(COMPARISON + 1)
    [session] = [each for each in acts.server.api("GET", "sessions") if each["path"] == acts.name]
    acts.server.api("POST", f"kernels/{session['kernel']['id']}/restart")
    out.locator(".sb-row", has_text="assistant").click()
    expect(out.locator(".sb-detail")).to_contain_text("No kernel", timeout=30_000)


# -- Notebook 7, which has JupyterLab's parts and a page of its own

SETUP = "%load_ext spanbook\nimport spanbook as sb"
TRACE = """\
with sb.span("assistant", kind="agent", input="What does Team cost, $40 or $60?") as agent:
    with sb.span("search_docs", kind="retriever"):
        pass
    agent.set(output="It costs 29 EUR.")
"""


def test_notebook_7_follows_a_trace_and_keeps_its_keys(page: Page, server: LabServer) -> None:
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


def test_what_another_person_saved_is_readable_before_it_is_trusted(
    page: Page, server: LabServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never run here, so not trusted: the host's sanitiser leaves the snapshot whole, and no formula is made of it."""
    monkeypatch.setenv("SPANBOOK_STORE", str(tmp_path / "store.db"))
    monkeypatch.setenv("SPANBOOK_JOURNAL", str(tmp_path / "journal"))
    v4: Any = nbformat.v4
    saved = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in (SETUP, TRACE, "sb.last_trace()")])
    NotebookClient(saved, timeout=60, kernel_name="python3").execute()
    (server.folder / "saved.ipynb").write_text(json.dumps(saved))

    notebook = Notebook7(page, server, "saved.ipynb")
    shown = notebook.output(2)
    expect(shown.locator(".sb-snap")).to_be_visible()
    expect(shown).to_contain_text("search_docs")
    expect(shown).to_contain_text("$40 or $60")
    expect(shown.locator("mjx-container")).to_have_count(0)
    expect(notebook.output(1).locator("summary")).to_contain_text("1 trace · ")
