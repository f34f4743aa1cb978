"""Widths from 320 px to full screen, themes of the hosts, contrast and roles by axe-core, large traces."""

import random
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.ui import agent
from tests.ui.conftest import HostPage
from tests.ui.wire import Line, TraceData, messages, text

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]

OVERFLOWING = """() => [...document.querySelectorAll('.sb, .sb *')].filter(el => {
  const style = getComputedStyle(el);
  if (el.closest('.sb-block, .sb-scroll, .sb-ts, .sb-frame, .sb-sr, kbd') || style.display === 'inline') return false;
  const clips = style.overflowX === 'hidden' || style.overflowX === 'clip';
  return (el.scrollWidth > el.clientWidth + 1 && !clips && el.clientWidth > 0);
}).map(el => el.className || el.tagName)"""


def show(host: HostPage, row: int = 5, **view: object) -> Page:
    data = agent.trace()
    host.explorer(data, answers=agent.answers(data), _view={"row": row, **view})
    expect(host.page.locator(".sb-panel")).not_to_be_empty()
    host.page.wait_for_timeout(60)
    return host.page


@pytest.mark.parametrize("row", [5, 6, 10])
def test_nothing_scrolls_sideways_but_code(host: Open, row: int) -> None:
    page = show(host(height=1000), row)

    for width in (320, 480, 640, 700, 900, 1180, 1900):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(30)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVERFLOWING) == []


FACTS = """() => {
  const line = document.querySelector('.sb-sum').getBoundingClientRect();
  const facts = [...document.querySelectorAll('.sb-sum :is(.sb-err, div > span)')];
  return facts.filter(fact => {
    const { top, bottom, right } = fact.getBoundingClientRect();
    return top >= line.top - 1 && bottom <= line.bottom + 1 && right <= line.right;
  }).map(fact => fact.innerText);
}"""


def test_a_long_name_takes_no_room_from_errors_time_and_cost(host: Open) -> None:
    opened = host()
    named = TraceData([Line("plan", "llm", tokens=1_500, cost=0.006), Line("boom", "tool", status="error")], "n" * 70)
    opened.explorer(named)
    page = opened.page
    for width, facts in (
        (1180, ["1 ms", "1,500 tok", "$0.0060", "1 error"]),
        (900, ["1 ms", "1,500 tok", "$0.0060", "1 error"]),
        (780, ["1 ms", "1 error"]),
        (700, ["1 ms", "1,500 tok", "$0.0060", "1 error", "2 spans · 1 llm"]),
    ):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(30)
        assert page.evaluate(FACTS) == facts


def test_names_and_markdown_from_right_to_left_are_laid_out_so(host: Open) -> None:
    """A long name is cut at its end, on the left; what stands in bold follows to the left of what is before."""
    said = messages(text("המחיר הוא **29.00 EUR** בחודש, (כולל מע״מ).", "assistant"))
    opened = host(width=360)
    opened.explorer(TraceData([Line("בדיקה של טקסט " * 9, "llm")], details={0: {"output": said}}))
    name = opened.page.locator(".sb-row .sb-t")
    assert name.evaluate("name => [getComputedStyle(name).direction, name.scrollWidth > name.clientWidth]") == [
        "rtl",
        True,
    ]
    bold = opened.page.locator(".sb-md b")
    expect(bold).to_have_text("29.00 EUR")
    assert bold.evaluate("""bold => {
      const before = document.createRange();
      before.selectNodeContents(bold.previousSibling);
      return bold.getBoundingClientRect().right <= before.getBoundingClientRect().left + 1;
    }""")


def test_words_and_numbers_of_a_table_stay_whole(host: Open) -> None:
    """The table scrolls in its own box where they do not fit."""
    table = "| plan | export | price | note |\n|---|---|--:|---|\n| Team | yes | 29.00 | a note of many words |"
    opened = host(width=320)
    said = messages(text(table.replace("plan", "subscription").replace("export", "exportability"), "assistant"))
    opened.explorer(TraceData([Line("answer", "llm")], details={0: {"output": said}}))
    cells = opened.page.locator(".sb-md :is(th, td)")
    expect(cells).to_have_count(8)
    rows = """cells => cells.map(cell => {
      const text = document.createRange();
      text.selectNodeContents(cell);
      return text.getClientRects().length;
    })"""
    assert cells.evaluate_all(rows)[:7] == [1] * 7
    assert opened.page.locator(".sb-scroll").evaluate("box => box.scrollWidth > box.clientWidth")
    assert opened.page.evaluate(OVERFLOWING) == []


def test_keys_that_scroll_do_not_scroll_the_notebook(host: Open) -> None:
    """Neither where nothing in the widget can scroll nor at the end of what can."""
    opened = host(height=600, body='<div style="height: 3000px; padding-top: 200px" id="page"></div>')
    page = opened.page
    page.evaluate("document.getElementById('page').append(document.getElementById('cell'))")
    long = {"output": {"kind": "text", "value": "line\n" * 200}}
    opened.explorer(TraceData([Line("short"), Line("long", parent=0)], details={1: long}))
    detail = page.locator(".sb-detail")
    for row, moves in ((0, False), (1, True)):
        page.locator(".sb-row").nth(row).click()
        expect(detail).to_contain_text("line" if moves else "span id")
        detail.focus()
        before = page.evaluate("scrollY")
        for key in ("PageDown", "End", "ArrowDown", "Space", "PageUp", "PageDown", "End", "End", "PageDown"):
            page.keyboard.press(key)
            page.wait_for_timeout(120)
        assert page.evaluate("scrollY") == before
        assert detail.evaluate("pane => pane.scrollTop > 0") == moves


def test_columns_leave_in_order_and_the_detail_goes_under_the_tree(host: Open) -> None:
    page = show(host(height=1000))

    for width, columns, is_stacked in (
        (1180, ["Name", "Tokens", "Cost", "Time"], False),
        (900, ["Name", "Cost", "Time"], False),
        (700, ["Name", "Cost", "Time"], True),
        (640, ["Name", "Cost", "Time"], True),
        (320, ["Name", "Time"], True),
    ):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(30)
        heads = page.locator(".sb-cols > span:not(.sb-axis)")
        assert [head.inner_text() for head in heads.all() if head.is_visible()] == columns
        tree = page.locator(".sb-treepane").bounding_box()
        detail = page.locator(".sb-detail").bounding_box()
        assert tree is not None
        assert detail is not None
        assert (detail["y"] >= tree["y"] + tree["height"]) == is_stacked


def test_the_body_has_its_height_and_the_waterfall_its_axis_at_any_width(host: Open) -> None:
    page = show(host(width=1180))

    assert page.locator(".sb-body").evaluate("body => body.clientHeight") == 432
    assert page.locator(".sb-row").first.evaluate("row => row.clientHeight") == 26


def test_find_opens_over_a_narrow_header(host: Open) -> None:
    page = show(host(width=640, height=900))
    page.locator(".sb-tree").focus()
    page.keyboard.press("/")

    expect(page.get_by_role("combobox", name="Find or filter")).to_be_focused()
    box = page.get_by_role("combobox", name="Find or filter").bounding_box()
    assert box is not None
    assert box["width"] > 500


def test_the_theme_of_the_host_is_followed_live(host: Open) -> None:
    page = show(host())

    for mark, theme in (
        ("document.documentElement.className = 'dark'", "dark"),
        ("document.documentElement.className = ''; document.body.style.background = '#eee'", "light"),
        ("document.body.style.background = '#1e1e1e'", "dark"),
        ("document.body.dataset.vscodeThemeKind = 'vscode-high-contrast-light'", "light"),
        ("document.body.dataset.vscodeThemeKind = 'vscode-dark'", "dark"),
        ("document.body.dataset.jpThemeLight = 'true'", "light"),
        ("document.body.dataset.jpThemeLight = 'false'", "dark"),
    ):
        page.evaluate(mark)
        expect(page.locator(".sb-explorer")).to_have_attribute("data-theme", theme)
        colour = page.locator(".sb-row .sb-t").first.evaluate("name => getComputedStyle(name).color")
        assert colour == ("rgb(223, 228, 234)" if theme == "dark" else "rgb(29, 35, 41)")


def test_it_works_inside_a_shadow_root(host: Open) -> None:
    opened = host(theme="dark")
    opened.page.evaluate(
        """() => { const outer = document.createElement('div'); document.body.append(outer);
          const cell = document.createElement('div'); outer.attachShadow({ mode: 'open' }).append(cell);
          document.getElementById('cell').id = ''; document.getElementById = () => cell; }"""
    )
    page = show(opened)

    expect(page.locator(".sb-explorer")).to_have_attribute("data-theme", "dark")
    assert page.locator(".sb-row").first.evaluate("row => getComputedStyle(row).height") == "26px"
    page.locator(".sb-tree").focus()
    page.keyboard.press("e")
    expect(page.locator('.sb-row[aria-selected="true"]')).to_contain_text("TimeoutError")


def test_axe_finds_nothing_while_searching_live_or_opened_from_the_chip(host: Open) -> None:
    opened = host(height=1000)
    traces = [{"trace_id": f"t{i}", "name": "a", "status": "ok", "duration_ms": 5} for i in (1, 2)]
    state = {"_summary": {**agent.CHIP, "running": True, "dropped": 2, "traces": traces}, "_open": True, "_view": {}}
    opened.show("chip.js", state, agent.answers(agent.live()))
    expect(opened.page.locator(".sb-row").first).to_be_visible()
    opened.page.get_by_role("combobox", name="Find or filter").fill("price")
    expect(opened.page.locator(".sb-find")).to_contain_text("2 found")
    opened.page.locator(".sb-tree").focus()
    opened.page.keyboard.press("?")

    assert opened.axe() == []


def large(n: int) -> TraceData:
    shuffled = random.Random(5)
    lines = [Line("agent", "agent", -1, 0, float(n))]
    for i in range(1, n):
        kind = ("llm", "tool", "span")[i % 3]
        lines.append(Line(f"step {i % 97}", kind, shuffled.randrange(max(0, i - 40), i), float(i), 30.0))
    return TraceData(lines)


SCROLL = """async () => {
  const tree = document.querySelector('.sb-tree'), drawn = [];
  for (let i = 0; i < 90; i++) {
    tree.scrollTop += 180;
    await new Promise(requestAnimationFrame);
    drawn.push(document.querySelectorAll('.sb-row').length);
  }
  return drawn;
}"""


@pytest.mark.parametrize("n", [10_000, 100_000])
def test_large_traces_draw_a_screenful_wherever_they_are_scrolled_to(host: Open, n: int) -> None:
    """And never nothing; how many frames a second that gives is measured by the benchmarks."""
    opened = host()
    data = large(n)
    opened.show("explorer.js", data.traits(encoding="deflate"), {"detail": {"answer": data.detail(0)}})
    page = opened.page
    expect(page.locator(".sb-row").first).to_be_visible()

    drawn = page.evaluate(SCROLL)
    assert min(drawn) > 15 and max(drawn) < 45
    page.locator(".sb-tree").focus()
    page.keyboard.press("End")
    expect(page.locator('.sb-row[aria-selected="true"]')).to_be_in_viewport()


# How often the page is laid out by force, since something is measured between a change and the frame, while scrolling.
FORCED = """async () => {
  const tree = document.querySelector('.sb-tree');
  let asked = 0;
  for (const name of ['scrollHeight', 'clientHeight', 'offsetHeight']) {
    const owner = name === 'offsetHeight' ? HTMLElement.prototype : Element.prototype;
    const own = Object.getOwnPropertyDescriptor(owner, name);
    Object.defineProperty(tree, name, { get() { asked++; return own.get.call(this); } });
  }
  for (let i = 0; i < 30; i++) {
    tree.scrollTop += 130;
    await new Promise(requestAnimationFrame);
  }
  return asked;
}"""


def test_scrolling_measures_nothing(host: Open) -> None:
    """Measuring after the rows have changed lays the page out a second time in every frame."""
    opened = host()
    data = large(2_000)
    opened.show("explorer.js", data.traits(), {"detail": {"answer": data.detail(0)}})
    expect(opened.page.locator(".sb-row").first).to_be_visible()
    opened.page.wait_for_timeout(100)
    assert opened.page.evaluate(FORCED) == 0


def test_two_hundred_levels_stay_readable(host: Open) -> None:
    """Names keep half of their column, and the depth is said in a number."""
    opened = host(width=700)
    data = TraceData([Line(f"level {i}", "chain", i - 1, float(i), 400.0 - i) for i in range(200)])
    opened.explorer(data)
    page = opened.page
    page.locator(".sb-tree").focus()
    page.keyboard.press("End")
    last = page.locator('.sb-row[aria-selected="true"]')
    expect(last).to_contain_text("level 199")
    expect(last.locator(".sb-depth")).to_have_text("199")
    assert last.get_attribute("aria-level") == "200"
    assert last.locator(".sb-t").evaluate("name => name.clientWidth") >= 50
    page.keyboard.press("Home")
    page.keyboard.press("-")
    expect(page.locator(".sb-row")).to_have_count(2)
    expect(page.locator(".sb-hid")).to_have_text("198")


def test_thousands_of_children_are_drawn_by_screens(host: Open) -> None:
    opened = host()
    steps = [Line(f"step {i}", "tool", 0, float(i)) for i in range(20_000)]
    data = TraceData([Line("root", "agent", -1, 0, 9e4), *steps])
    opened.show("explorer.js", data.traits(encoding="deflate"), {"detail": {"answer": data.detail(0)}})
    page = opened.page
    expect(page.locator(".sb-row").first).to_be_visible()
    assert page.locator(".sb-row").count() < 45
    page.locator(".sb-tree").focus()
    page.keyboard.press("End")
    last = page.locator('.sb-row[aria-selected="true"]')
    expect(last).to_contain_text("step 19999")
    assert (last.get_attribute("aria-posinset"), last.get_attribute("aria-setsize")) == ("20000", "20000")


def test_what_is_cut_is_said_and_fetched(host: Open) -> None:
    opened = host()
    data = TraceData([Line("root", "agent", -1, 0, 90), *(Line(f"step {i}", "tool", 0, float(i)) for i in range(8))])
    whole = data.answers()["reload"]
    traits = data.traits()
    first = TraceData(data.lines[:4], summary_changes={"n_spans": 9}).traits()
    first["_meta"]["cut"] = 5
    first["_meta"]["rev"] = traits["_meta"]["rev"]
    opened.show("explorer.js", first, {**data.answers(), "reload": whole})
    page = opened.page
    expect(page.locator(".sb-foot")).to_contain_text("4 spans5 more not shown show more")
    page.get_by_role("button", name="show more").click()
    expect(page.locator(".sb-row")).to_have_count(9)
    expect(page.locator(".sb-foot")).not_to_contain_text("not shown")
    assert opened.calls("reload") == [{"more": True}]
