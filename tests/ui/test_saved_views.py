"""A saved notebook where no kernel and no widget lives: GitHub, nbviewer, nbconvert, each in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bleach
import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

SETUP = "%load_ext spanbook\nimport spanbook as sb"
AGENT = """\
with sb.span("assistant", kind="agent", input="What does Team cost, $40 or $60?") as agent:
    with sb.span("search_docs", kind="retriever", input={"query": "<b>Team</b>"}):
        pass
    try:
        with sb.span("lookup_price", kind="tool"):
            raise TimeoutError("no answer in 3 s")
    except TimeoutError:
        pass
    agent.set(output="It costs 29 EUR.")
"""
v4: Any = nbformat.v4
#: What GitHub's pipeline lets through (html-pipeline's SanitizationFilter): these elements, and of attributes neither
#: style nor class nor id; what stands in ``style`` and ``script`` goes with them.
TAGS = (
    "h1 h2 h3 h4 h5 h6 br b i strong em a pre code img tt div ins del sup sub p picture ol ul table thead tbody tfoot "
    "blockquote dl dt dd kbd q samp var hr ruby rt rp li tr td th s strike summary details caption figure figcaption "
    "abbr bdo cite dfn mark small source span time wbr"
).split()
ATTRIBUTES = {"*": ["open", "align", "colspan", "rowspan", "title", "width", "dir", "lang"], "a": ["href"]}


def on_github(html: str) -> str:
    """Return what GitHub leaves of an HTML output."""
    without = re.sub(r"(?is)<(style|script)\b.*?</\1>", "", html)
    cleaned: str = bleach.clean(without, tags=TAGS, attributes=ATTRIBUTES, strip=True)
    return cleaned


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A notebook that was run by a kernel and saved, widget state and all."""
    folder = tmp_path_factory.mktemp("saved")
    cells = [v4.new_code_cell(cell) for cell in (SETUP, AGENT, "sb.last_trace()")]
    notebook = v4.new_notebook(cells=cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPANBOOK_STORE", str(folder / "store.db"))
        patch.setenv("SPANBOOK_JOURNAL", str(folder / "journal"))
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return notebook


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without network: what a converted notebook asks for, MathJax and widgets among it, does not come."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    context.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    opened = context.new_page()
    yield opened
    context.close()


def html_of(notebook: Any, cell: int) -> str:
    found: str = next(each.data["text/html"] for each in notebook.cells[cell].outputs if "text/html" in each.data)
    return found


@pytest.mark.parametrize(("background", "colour"), [("#ffffff", "#1f2328"), ("#0d1117", "#f0f6fc")])
def test_github_shows_the_snapshot(page: Page, saved: Any, background: str, colour: str) -> None:
    html = on_github(html_of(saved, 2))
    assert not re.search(r"<(style|script)|\b(style|class|id)=", html)
    page.set_content(f'<body style="background:{background};color:{colour}">{html}</body>')

    expect(page.locator("details")).to_have_attribute("open", "")
    expect(page.locator("summary")).to_contain_text("assistant · ")
    lines = page.locator("tr")
    expect(lines).to_have_count(3)
    texts = [line.inner_text().replace("\xa0", " ") for line in lines.all()]
    assert texts[1].startswith("    search_docs retriever")  # the indentation needs no style
    assert "lookup_price ✗ tool · TimeoutError" in texts[2]
    assert "█" in texts[0]
    expect(page.locator("body")).to_contain_text("lookup_price TimeoutError: no answer in 3 s")
    expect(page.locator("body")).to_contain_text("output It costs 29 EUR.")
    shown = page.locator("td").first.evaluate("el => getComputedStyle(el).color")
    assert shown == page.locator("body").evaluate("el => getComputedStyle(el).color")  # readable on either page


def test_github_opens_the_chip_too(page: Page, saved: Any) -> None:
    page.set_content(on_github(html_of(saved, 1)))
    expect(page.locator("summary")).to_contain_text("1 trace · ")
    expect(page.locator("table")).to_be_hidden()
    page.locator("summary").click()
    expect(page.locator("table")).to_contain_text("search_docs")


@pytest.mark.parametrize("template", ["lab", "classic", "basic"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_converted_notebook_shows_the_snapshot(
    page: Page, saved: Any, tmp_path: Path, template: str, theme: str
) -> None:
    """Converted to HTML (nbviewer does the same): the snapshot, never an empty frame or "model not found"."""
    exporter: Any = HTMLExporter
    html, _ = exporter(template_name=template, theme=theme).from_notebook_node(saved)
    path = tmp_path / "notebook.html"
    path.write_text(html, encoding="utf-8")
    page.goto(path.as_uri(), wait_until="domcontentloaded")

    chip, trace = page.locator(".sb-snap").first, page.locator(".sb-snap").last
    expect(trace).to_be_visible()
    expect(trace.locator("tr")).to_have_count(3)
    expect(trace).to_contain_text("$40 or $60")
    expect(chip.locator("summary")).to_contain_text("1 trace")
    expect(page.locator("body")).not_to_contain_text("model not found")
    assert page.locator(".sb-snap b b").count() == 0  # the query's <b> is text
    box = trace.bounding_box()
    assert box is not None
    assert box["height"] > 80


def test_the_text_form_says_the_same(saved: Any) -> None:
    """For a terminal, a diff or a screen reader."""
    output = next(each for each in saved.cells[2].outputs if "text/html" in each.data)
    assert "├─ search_docs · retriever" in output.data["text/plain"]
    assert "└─ lookup_price TimeoutError ✗ · tool" in output.data["text/plain"]


def test_a_saved_notebook_has_hardly_grown(saved: Any) -> None:
    for cell in saved.cells:
        assert len(json.dumps(cell)) < 50_000
