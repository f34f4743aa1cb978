"""By keyboard alone, with the focus always seen, and axe-core content with every tab, view and static form."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import spanbook as sb
from spanbook.api import _runtime
from tests.ui import agent
from tests.ui.conftest import AXE, HostPage

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]

THEMES = ("light", "dark")

FOCUS_SEEN = """() => {
  const el = document.activeElement, style = getComputedStyle(el);
  if (el === document.body) return 'the page';
  const outlined = (of) => of.outlineStyle !== 'none' && parseFloat(of.outlineWidth) >= 1;
  const row = el.matches('.sb-tree') && el.querySelector('[aria-selected="true"]');
  const filled = el.matches('.sb-grip') && style.backgroundColor !== 'rgba(0, 0, 0, 0)';
  return outlined(style) || filled || (row && outlined(getComputedStyle(row))) ? '' : el.outerHTML.slice(0, 120);
}"""


@pytest.mark.parametrize("row", [0, 5, 6, 10])
def test_axe_finds_nothing_in_any_tab(host: Open, row: int) -> None:
    opened = host(height=1100)
    data = agent.trace()
    opened.explorer(data, answers=agent.answers(data), _view={"row": row})
    page = opened.page
    tabs = page.locator('.sb-sub [role="tab"]')
    expect(tabs.first).to_be_visible()
    found = []
    for at in range(tabs.count()):
        tabs.nth(at).click()
        expect(tabs.nth(at)).to_have_attribute("aria-selected", "true")
        page.wait_for_timeout(60)
        part = ".sb-detail" if at == 0 else ".sb-panel"  # what is around it stays
        found += [f"{tabs.nth(at).inner_text()}: {each}" for each in opened.axe(part)]
    assert found == []


@pytest.mark.parametrize("width", [1180, 320])
def test_axe_finds_nothing_in_any_view(host: Open, width: int) -> None:
    opened = host(width=width, height=1100)
    data = agent.trace()
    opened.explorer(data, answers=agent.answers(data), _view={"row": 5})
    page = opened.page
    found = []
    part, themes = "#cell", 2 if width == 1180 else 1  # a width changes no colour
    for view in page.get_by_role("tablist", name="Views of the trace").get_by_role("tab").all():
        view.click()
        expect(view).to_have_attribute("aria-selected", "true")
        page.wait_for_timeout(150)
        found += [f"{view.inner_text()}: {each}" for each in opened.axe(part, themes=themes)]
        part = '[id$="-view-panel"]'  # what is around it stays
    assert found == []


def test_axe_finds_nothing_in_the_chip_and_the_keys(host: Open) -> None:
    opened = host()
    opened.show("chip.js", {"_summary": agent.CHIP, "_open": False, "_view": {}}, agent.answers(agent.trace()))
    expect(opened.page.locator(".sb-chip")).to_be_visible()
    assert opened.axe() == []
    opened.page.locator(".sb-chip").click()
    expect(opened.page.locator(".sb-row").first).to_be_visible()
    opened.page.locator(".sb-tree").focus()
    opened.page.keyboard.press("?")
    expect(opened.page.get_by_role("dialog", name="Keys")).to_be_focused()
    assert opened.axe() == []


@pytest.fixture
def trace(tmp_path: Path) -> sb.Trace:
    """A trace with an error, a tool call and text."""
    sb.init(tmp_path / "store.db", instrument=False)
    said = {"role": "assistant", "parts": [{"type": "text", "content": "**29 EUR**, see [prices](https://a.example)."}]}
    with sb.span("assistant", kind="agent", input={"question": "What does Team cost?"}) as span:
        with sb.span("answer", kind="llm", model="gpt-4o-mini", input="hi") as call:
            call.set(output=[said], usage={"input_tokens": 900, "output_tokens": 40})
        try:
            with sb.span("lookup", kind="tool"):
                raise TimeoutError("no answer in 3 s")
        except TimeoutError:
            pass
        span.set(output="29 EUR")
    found = sb.last_trace()
    _runtime.reset()
    return found


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_the_snapshot(host: Open, trace: sb.Trace, theme: str) -> None:
    opened = host(theme=theme)
    colour = "#1d2329" if theme == "light" else "#dfe4ea"
    opened.page.evaluate(  # as a notebook shows it: parsed as HTML
        "([html, colour]) => { cell.innerHTML = html; cell.style.color = colour }", [trace._repr_html_(), colour]
    )
    expect(opened.page.locator(".sb-snap tr")).to_have_count(3)
    assert opened.axe(themes=1) == []


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_the_exported_page(browser: Browser, trace: sb.Trace, tmp_path: Path, theme: str) -> None:
    page = browser.new_page(color_scheme=theme)  # type: ignore[arg-type]
    page.goto(trace.export_html(tmp_path / "trace.html").as_uri())
    expect(page.locator(".sb-row")).to_have_count(3)
    expect(page.locator(".sb-explorer")).to_have_attribute("data-theme", theme)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    # the title is a second-level heading, since in a notebook it stands under those of the notebook
    rules = page.evaluate("axe.run(document, { rules: { 'page-has-heading-one': { enabled: false } } })")
    found = [f"{rule['id']}: {node['html'][:100]}" for rule in rules["violations"] for node in rule["nodes"]]
    page.close()
    assert found == []


def test_tab_reaches_everything_and_the_focus_is_always_seen(host: Open) -> None:
    """From before the widget to behind it: no trap, no stop without a name, no focus that nobody sees."""
    opened = host(body='<button id="before">before</button>', height=1000)
    data = agent.trace()
    opened.explorer(data, answers=agent.answers(data), _view={"row": 5})
    page = opened.page
    expect(page.locator(".sb-panel")).not_to_be_empty()
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<button id=after>after</button>')")
    page.locator("#before").focus()
    stops: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "after":
            break
        assert page.evaluate(FOCUS_SEEN) == "", stops
        stops.append(page.evaluate("document.activeElement.className || document.activeElement.tagName"))
    else:
        raise AssertionError(f"Tab never left the widget: {stops}")
    for wanted in ("sb-tree", "sb-detail", "sb-grip-x", "sb-grip-y"):
        assert any(wanted in stop for stop in stops), (wanted, stops)
    assert len(stops) < 40  # rows, lines of JSON and tabs that are not chosen are no stops of their own


def test_the_tree_says_what_it_is(host: Open) -> None:
    """ARIA's tree pattern: levels, places, expanded or not, one selected, the active one named."""
    opened = host()
    data = agent.trace()
    opened.explorer(data, answers=agent.answers(data), _view={"row": 5})
    page = opened.page
    tree = page.get_by_role("tree", name="Spans of the trace")
    rows = tree.get_by_role("treeitem")
    expect(rows).to_have_count(14)
    assert tree.get_attribute("aria-activedescendant") == tree.locator('[aria-selected="true"]').get_attribute("id")
    said = rows.evaluate_all(
        "rows => rows.map(r => [r.ariaLevel, r.ariaPosInSet, r.ariaSetSize, r.ariaExpanded, r.ariaSelected])"
    )
    assert said[0] == ["1", "1", "1", "true", "false"]
    assert said[2] == ["2", "2", "8", "true", "false"]  # search_docs, second of eight
    assert [each[4] for each in said].count("true") == 1
    page.locator(".sb-tree").focus()
    page.keyboard.press("ArrowLeft")
    assert tree.locator('[aria-selected="true"]').get_attribute("aria-expanded") == "false"


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_moves_for_who_asked_for_stillness(host: Open, theme: str) -> None:
    opened = host(theme=theme, reduced_motion="reduce")
    data = agent.live()
    opened.explorer(data, answers=agent.answers(data), _view={"row": 10})
    opened.push({"kind": "partial", "v": 1, "row": 10, "text": "It costs", "at_ms": 0})
    expect(opened.page.locator(".sb-caret")).to_contain_text("It costs")
    moving = "document.getAnimations().filter(a => a.playState === 'running').length"
    assert opened.page.evaluate(moving) == 0
