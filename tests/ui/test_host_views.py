"""The views timeline, graph and log on a bare page: what they show, keys and pointer, live, large, narrow."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ui import agent, log
from tests.ui.conftest import HostPage
from tests.ui.test_host_layout import OVERFLOWING, large
from tests.ui.wire import Line, TraceData, b64

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]
VIEWS = ("timeline", "graph", "log")
MAIN = {"timeline": ".sb-chart", "graph": ".sb-gnode", "log": ".sb-lrow"}


def show(host: HostPage, view: str, data: TraceData | None = None, **state: Any) -> Page:
    data = data or agent.trace()
    host.explorer(data, answers=agent.answers(data), _view={"row": 0, "view": view, **state})
    expect(host.page.locator(MAIN[view]).first).to_be_visible()
    return host.page


def loop() -> TraceData:
    """An agent that goes round three times: it decides, and calls a tool."""
    lines = [Line("agent", "agent", -1, 0, 1000)]
    for turn in range(3):
        lines.append(Line("decide", "llm", 0, 300.0 * turn, 200, tokens=100, cost=0.001))
        lines.append(Line("search", "tool", 0, 300.0 * turn + 200, 90, status="error" if turn == 1 else "ok"))
    lines.append(Line("decide", "llm", 0, 900, 90, tokens=100, cost=0.001))
    return TraceData(lines, name="agent")


def detail_of(page: Page) -> Locator:
    return page.locator(".sb-detail h3 .sb-t")


def shown_part(page: Page) -> str:
    return page.locator(".sb-tl .sb-shown").inner_text()


def at(page: Page, ms: float, lane: int, end: float = 3420) -> tuple[float, float]:
    """The point of the timeline at a moment, in a lane, when all of it is shown."""
    box = page.locator(".sb-chart").bounding_box()
    assert box is not None
    return box["x"] + 8 + ms / end * (box["width"] - 16), box["y"] + 22 * lane + 11


# -- all three


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_loaded_when_it_is_first_chosen_and_remembered(host: Open, view: str) -> None:
    opened = host()
    page = show(opened, "log" if view != "log" else "graph")
    page.get_by_role("tab", name=view.capitalize()).click()

    expect(page.locator(MAIN[view]).first).to_be_visible()
    panel = page.get_by_role("tabpanel", name=view.capitalize())
    expect(panel).to_have_count(1)
    expect(page.locator(".sb-detail")).to_contain_text("Which plan lets me export invoices")
    page.wait_for_timeout(400)
    assert opened.trait("_view")["view"] == view


@pytest.mark.parametrize("view", VIEWS)
def test_errors_are_jumped_to_and_escape_leads_back(host: Open, view: str) -> None:
    page = show(host(), view)
    page.locator(f"{'.sb-main'}").first.focus()
    page.keyboard.press("e")

    expect(detail_of(page)).to_have_text("lookup_price")
    page.locator(".sb-detail").focus()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.classList.contains('sb-main')")


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_scrolls_sideways_at_any_width(host: Open, view: str) -> None:
    page = show(host(height=1000), view, row=5)

    for width in (320, 480, 640, 700, 900, 1180, 1900):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(60)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVERFLOWING) == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_says_when_there_is_no_kernel(host: Open, view: str) -> None:
    """What the columns hold is still drawn; only the log has to be asked for."""
    opened = host()
    data = agent.trace()
    opened.explorer(data, answers={**agent.answers(data), "log": {"error": "gone"}}, _view={"view": "graph"})
    expect(opened.page.locator(".sb-gnode").first).to_be_visible()
    opened.push({"kind": "closed", "reason": "the kernel was restarted"})
    opened.page.get_by_role("tab", name=view.capitalize()).click()

    if view == "log":
        expect(opened.page.locator(".sb-log .sb-err")).to_have_text("No kernel: re-run this cell to read its log.")
    else:
        expect(opened.page.locator(MAIN[view]).first).to_be_visible()


# -- timeline


def test_the_timeline_is_chosen_from_by_pointer(host: Open) -> None:
    page = show(host(), "timeline")
    for ms, lane, name in ((1400, 1, "plan"), (500, 2, "rerank"), (2020, 3, "list_features"), (2300, 4, "read_chart")):
        page.mouse.click(*at(page, ms, lane))
        expect(detail_of(page)).to_have_text(name)
    page.mouse.click(*at(page, 1000, 6))
    expect(detail_of(page)).to_have_text("read_chart")


def test_the_timeline_says_what_is_under_the_pointer(host: Open) -> None:
    page = show(host(), "timeline")
    page.mouse.move(*at(page, 1400, 1))

    tip = page.locator(".sb-tip")
    expect(tip).to_contain_text("plan gpt-4o-mini")
    expect(tip).to_contain_text("1.18 s · from 0.82 s · first token after 0.31 s · 1,102 tok · $0.0019")
    expect(tip).to_contain_text("1.18 s on the critical path")
    page.mouse.move(*at(page, 1400, 7))
    expect(tip).to_have_count(0)


def test_the_timeline_is_moved_in_by_keys_and_said(host: Open) -> None:
    page = show(host(), "timeline")
    chart = page.get_by_role("tree", name="Timeline of the trace")
    chart.focus()
    for key, name in (
        ("ArrowDown", "check_question"),
        ("ArrowRight", "search_docs"),
        ("ArrowDown", "text-embedding-3-small"),
        ("ArrowRight", "rerank"),
        ("ArrowUp", "search_docs"),
        ("ArrowLeft", "check_question"),
        ("ArrowLeft", "check_question"),
        ("End", "answered"),
        ("Home", "assistant"),
    ):
        page.keyboard.press(key)
        expect(detail_of(page)).to_have_text(name)
    page.keyboard.press("ArrowDown")
    spoken = page.locator(".sb-chart").get_by_role("treeitem")
    expect(spoken).to_have_text(
        "check_question, guardrail, 36 ms, from 20 ms, 36 ms on the critical path", use_inner_text=False
    )
    expect(spoken).to_have_attribute("aria-level", "2")
    assert chart.get_attribute("aria-activedescendant") == spoken.get_attribute("id")
    page.keyboard.press("Enter")
    expect(page.locator(".sb-detail")).to_be_focused()


def test_the_timeline_zooms_and_pans_by_keys_and_remembers(host: Open) -> None:
    opened = host()
    page = show(opened, "timeline")
    fit = page.get_by_role("button", name="Fit")
    expect(fit).to_be_disabled()
    page.locator(".sb-chart").focus()
    page.keyboard.press("+")
    assert shown_part(page) == "0.86 s to 2.57 s"
    page.keyboard.press("Shift+ArrowRight")
    assert shown_part(page) == "1.20 s to 2.91 s"
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert shown_part(page) == "1.71 s to 3.42 s"
    assert page.locator(".sb-tl-axis span").all_inner_texts()[-1].endswith(" s")
    page.wait_for_timeout(400)
    assert opened.trait("_view")["memory"]["timeline"] == {"from": 1710, "to": 3420}
    page.keyboard.press("0")
    assert shown_part(page) == ""
    expect(fit).to_be_disabled()
    page.keyboard.press("-")
    assert shown_part(page) == ""


def test_the_timeline_opens_as_it_was_left(host: Open) -> None:
    memory = {"timeline": {"from": 1000, "to": 2000}, "critical": False}
    page = show(host(), "timeline", memory=memory)

    assert shown_part(page) == "1.00 s to 2.00 s"
    expect(page.get_by_role("button", name="Critical path")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Fit").click()
    assert shown_part(page) == ""


@pytest.mark.parametrize("memory", [{"timeline": {"from": "a"}}, {"timeline": [1]}, {"timeline": {"from": 9, "to": 1}}])
def test_what_is_no_part_of_the_time_is_forgotten(host: Open, memory: dict[str, Any]) -> None:
    assert shown_part(show(host(), "timeline", memory=memory)) == ""


def test_the_timeline_zooms_to_the_selected_span_and_follows_the_selection(host: Open) -> None:
    page = show(host(), "timeline", row=6)
    page.get_by_role("button", name="Zoom to span").click()
    assert shown_part(page) == "1.99 s to 2.38 s"
    page.locator(".sb-chart").focus()
    page.keyboard.press("Home")
    assert shown_part(page) == "1.99 s to 2.38 s"
    page.keyboard.press("ArrowDown")
    expect(detail_of(page)).to_have_text("check_question")
    assert shown_part(page) == "0 ms to 0.39 s"


def test_the_wheel_zooms_about_the_pointer_and_pans_and_else_scrolls_the_page(host: Open) -> None:
    page = show(host(), "timeline")
    page.mouse.move(*at(page, 820, 1))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_timeout(60)
    zoomed = shown_part(page)
    assert zoomed != ""
    start, end = (float(part.removesuffix(" ms").removesuffix(" s")) for part in zoomed.split(" to "))
    assert start + (end - start) * 820 / 3420 == pytest.approx(0.82, abs=0.02)
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 200)
    page.keyboard.up("Shift")
    page.wait_for_timeout(60)
    assert shown_part(page) not in ("", zoomed)
    panned = shown_part(page)
    page.mouse.wheel(0, 100)
    page.wait_for_timeout(60)
    assert shown_part(page) == panned


def test_dragging_the_axis_zooms_and_dragging_the_chart_pans(host: Open) -> None:
    page = show(host(), "timeline")
    axis = page.locator(".sb-tl-axis").bounding_box()
    assert axis is not None
    left, y = at(page, 1000, 0)[0], axis["y"] + 10
    page.mouse.move(left, y)
    page.mouse.down()
    page.mouse.move(at(page, 2000, 0)[0], y, steps=4)
    page.mouse.up()
    assert shown_part(page) == "1.00 s to 2.00 s"
    box = page.locator(".sb-chart").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 400, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 400 - (box["width"] - 16) / 2, box["y"] + 200, steps=6)
    page.mouse.up()
    assert shown_part(page) == "1.50 s to 2.50 s"
    expect(detail_of(page)).to_have_text("assistant")


def test_the_critical_path_lists_its_shares_and_leads_to_them(host: Open) -> None:
    opened = host()
    page = show(opened, "timeline")
    shares = page.get_by_role("list", name="Critical path, 3.42 s: time of each step by itself")
    assert shares.get_by_role("button").all_inner_texts()[:3] == [
        "L\nplan\n35 %",
        "L\nanswer\n27 %",
        "K\nrerank\n13 %",
    ]
    shares.get_by_role("button", name="answer").click()
    expect(detail_of(page)).to_have_text("answer")
    page.get_by_role("button", name="Critical path").click()
    expect(shares).to_have_count(0)
    page.wait_for_timeout(400)
    assert opened.trait("_view")["memory"]["critical"] is False


PAINTED = """() => { const canvas = document.querySelector('.sb-chart canvas');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let found = 0; for (let i = 3; i < data.length; i += 4) found += data[i] > 0; return found; }"""


def test_running_spans_grow_in_the_timeline(host: Open) -> None:
    opened = host()
    data = agent.live()
    data.start_ms = time.time() * 1000 - 3100
    page = show(opened, "timeline", data, row=10)
    expect(page.locator(".sb-chart").get_by_role("treeitem")).to_contain_text("running for")
    before = page.locator(".sb-chart").get_by_role("treeitem").text_content()
    opened.rows(data, {11: Line("more", "tool", 0, 3000, None, status="open")})
    page.wait_for_timeout(700)

    assert page.locator(".sb-chart").get_by_role("treeitem").text_content() != before
    page.locator(".sb-chart").focus()
    page.keyboard.press("End")
    expect(detail_of(page)).to_have_text("more")
    opened.rows(data, {11: replace(data.lines[11], duration=50.0, status="ok")})
    expect(page.locator(".sb-chart").get_by_role("treeitem")).to_contain_text("more, tool, 50 ms")


def test_the_theme_of_the_host_repaints_the_timeline(host: Open) -> None:
    page = show(host(), "timeline")
    pixel = (
        "() => [...document.querySelector('.sb-chart canvas').getContext('2d').getImageData(12, 4, 1, 1).data].join()"
    )
    page.wait_for_timeout(60)
    light = page.evaluate(pixel)
    page.evaluate("document.documentElement.className = 'dark'")
    page.wait_for_function(f"light => ({pixel})() !== light", arg=light)


ZOOM = """async () => { const chart = document.querySelector('.sb-chart'), box = chart.getBoundingClientRect();
  for (let i = 0; i < 40; i++) {
    const how = { bubbles: true, cancelable: true, ctrlKey: i % 3 > 0, shiftKey: i % 3 === 0 };
    const deltaY = i < 20 ? -60 : 60;
    chart.dispatchEvent(new WheelEvent('wheel', { ...how, deltaY, clientX: box.left + 200, clientY: box.top + 50 }));
    chart.scrollTop += 40;
    await new Promise(requestAnimationFrame);
  } }"""


def test_a_timeline_of_100_000_spans_is_drawn_zoomed_and_scrolled(host: Open) -> None:
    """How many frames a second that gives is measured elsewhere; here it has to stay a canvas of the view's size."""
    opened = host()
    data = large(100_000)
    opened.show(
        "explorer.js",
        {**data.traits(encoding="deflate"), "_view": {"view": "timeline"}},
        {"detail": {"answer": data.detail(0)}},
    )
    page = opened.page
    expect(page.locator(".sb-chart")).to_be_visible()
    page.wait_for_function(f"() => ({PAINTED})() > 1000")
    page.evaluate(ZOOM)
    page.wait_for_timeout(60)
    assert page.evaluate(PAINTED) > 100
    assert page.locator(".sb-chart canvas").evaluate("canvas => canvas.height") < 1000
    assert page.evaluate("document.querySelectorAll('.sb *').length") < 400


# -- graph


def node(page: Page, name: str) -> Locator:
    return page.locator(f'.sb-gnode[title="{name}"]')


def test_the_graph_puts_steps_together_and_shows_the_loop(host: Open) -> None:
    page = show(host(), "graph", loop())

    assert page.locator(".sb-gnode").count() == 3
    decide = node(page, "decide")
    expect(decide.locator(".sb-times")).to_have_text("×4")
    assert decide.locator(".sb-gfacts").all_inner_texts() == ["0.69 s · median 0.20 s", "400 tok · $0.0040"]
    assert node(page, "search").locator(".sb-gfacts").all_inner_texts()[1].strip() == "1 error"
    assert sorted(page.locator(".sb-edge text").all_text_contents()) == ["×3", "×3"]
    expect(page.locator(".sb-edge.sb-cycle")).to_have_count(1)
    expect(page.locator(".sb-edge.sb-calls")).to_have_count(1)
    name = "decide ×4 llm, 0.69 s · median 0.20 s 400 tok · $0.0040 , then search 3 times"
    expect(page.get_by_role("button", name=name)).to_have_count(1)


def test_a_step_of_the_graph_steps_through_its_spans(host: Open) -> None:
    opened = host()
    page = show(opened, "graph", loop())
    node(page, "decide").click()
    bar = page.locator(".sb-graph .sb-bar-top .sb-t")
    expect(bar).to_have_text("decide 1 of 4")
    expect(node(page, "decide")).to_have_attribute("aria-pressed", "true")
    for key, said in (("n", "2 of 4"), ("N", "1 of 4"), ("N", "4 of 4")):
        page.keyboard.press(key)
        expect(bar).to_contain_text(said)
    node(page, "decide").click()
    expect(bar).to_contain_text("1 of 4")
    page.get_by_role("button", name="Next span of decide").click()
    expect(bar).to_contain_text("2 of 4")
    page.wait_for_timeout(400)
    assert opened.trait("_view")["row"] == 3


def test_the_spans_of_a_step_are_shown_in_the_tree(host: Open) -> None:
    page = show(host(), "graph", loop())
    node(page, "search").click()
    page.get_by_role("button", name="Show in tree").click()

    expect(page.locator(".sb-tree")).to_be_focused()
    assert page.locator(".sb-row .sb-t").all_inner_texts() == ["agent", "search", "search", "search"]
    expect(page.locator(".sb-find")).to_contain_text("3 found")
    page.keyboard.press("n")
    expect(page.locator('.sb-row[aria-selected="true"]')).to_have_attribute("id", page_id(page, 4))


def page_id(page: Page, row: int) -> str:
    first = page.locator(".sb-row").first.get_attribute("id")
    assert first is not None
    return f"{first.rpartition('-')[0]}-r{row}"


def test_the_graph_is_moved_in_by_keys(host: Open) -> None:
    page = show(host(), "graph")
    page.locator(".sb-gnode.sb-main").focus()

    def focused() -> str:
        return str(page.evaluate("document.activeElement.title"))

    moves = []
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowLeft", "ArrowUp", "Home"):
        page.keyboard.press(key)
        moves.append(focused())
    assert moves == [
        "check_question",
        "search_docs",
        "plan",
        "text-embedding-3-small",
        "plan",
        "search_docs",
        "assistant",
    ]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(detail_of(page)).to_have_text("check_question")
    page.keyboard.press("Enter")
    expect(page.locator(".sb-detail")).to_be_focused()


def test_the_graph_grows_while_the_trace_runs(host: Open) -> None:
    opened = host()
    data = agent.live()
    data.start_ms = time.time() * 1000 - 3100
    page = show(opened, "graph", data)
    expect(node(page, "answer")).to_contain_text("1 running")
    opened.rows(data, {11: Line("format", "chain", 0, 3402.0, 2.0)})
    expect(node(page, "format")).to_be_attached()


def test_a_graph_of_100_000_spans_says_what_it_leaves_out(host: Open) -> None:
    opened = host()
    data = large(100_000)
    opened.show(
        "explorer.js",
        {**data.traits(encoding="deflate"), "_view": {"view": "graph"}},
        {"detail": {"answer": data.detail(0)}},
    )
    expect(opened.page.locator(".sb-gnode").first).to_be_visible()
    assert opened.page.locator(".sb-gnode").count() <= 100


# -- log


def rows(page: Page) -> list[list[str]]:
    cells = "rows => rows.map(row => [...row.children].map(cell => cell.textContent.trim()))"
    found: list[list[str]] = page.locator(".sb-lrow").evaluate_all(cells)
    return found


def test_the_log_tells_everything_in_order(host: Open) -> None:
    page = show(host(height=1400), "log", height=1000)

    told = rows(page)
    assert told[:3] == [
        ["0.000 s", "start", "Aassistant", ""],
        ["0.020 s", "start", "Gcheck_question", ""],
        ["0.056 s", "end", "Gcheck_question", "after 36 ms"],
    ]
    assert ["1.130 s", "first token", "Lplan", "after 0.31 s"] in told
    assert ["2.000 s", "end", "Lplan", "after 1.18 s · 1,102 tok · $0.0019"] in told
    assert ["2.360 s", "error", "Tlookup_price", "TimeoutError no answer within 0.35 s"] in told
    assert told[-1] == ["4.000 s", "score", "Aassistant", "correct 0.92 · cites the price list"]
    expect(page.locator(".sb-log .sb-shown")).to_have_text("32 entries")


def test_an_entry_selects_its_span_and_keys_go_on(host: Open) -> None:
    page = show(host(), "log")
    page.get_by_role("option", name="first token").first.click()
    expect(detail_of(page)).to_have_text("plan")
    lines = page.get_by_role("listbox", name="Log of the trace")
    lines.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(detail_of(page)).to_have_text("lookup_price")
    here = page.locator('.sb-lrow[aria-selected="true"]')
    expect(here).to_contain_text("start")
    assert lines.get_attribute("aria-activedescendant") == here.get_attribute("id")
    page.keyboard.press("End")
    expect(here).to_contain_text("score")
    expect(here).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(detail_of(page)).to_have_text("assistant")
    page.keyboard.press("Enter")
    expect(page.locator(".sb-detail")).to_be_focused()


def test_keys_faster_than_the_screen_go_as_far(host: Open) -> None:
    page = show(host(), "log")
    page.get_by_role("option", name="first token").first.click()
    page.get_by_role("listbox", name="Log of the trace").evaluate(
        """async (el) => {
          for (let n = 0; n < 2; n++) {
            el.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
            for (let turn = 0; turn < 9; turn++) await null; // drawn, not yet painted
          }
        }"""
    )
    expect(detail_of(page)).to_have_text("lookup_price")
    expect(page.locator('.sb-lrow[aria-selected="true"]')).to_contain_text("start")


def test_kinds_of_entries_are_hidden_and_that_is_remembered(host: Open) -> None:
    opened = host()
    data = agent.trace()
    page = show(opened, "log", data)
    opened.page.evaluate(
        "(answers) => { host.model.answers.log = answers }",
        {"$by": "offset", "0": log.answer(data, kinds=("error", "score")), "*": {"answer": {"place": None}}},
    )
    expect(page.get_by_role("button", name="Events")).to_have_count(0)
    for name in ("Starts 14", "First tokens 3", "Ends 13"):
        page.get_by_role("button", name=name).click()

    expect(page.locator(".sb-lrow")).to_have_count(2)
    expect(page.locator(".sb-log .sb-shown")).to_have_text("2 entries")
    assert opened.calls("log")[-1]["kinds"] == ["event", "error", "score"]
    page.wait_for_timeout(400)
    assert opened.trait("_view")["memory"]["log"] == ["start", "first token", "end"]


def test_a_span_chosen_elsewhere_is_gone_to(host: Open) -> None:
    opened = host()
    page = show(opened, "log")
    place = next(at for at, each in enumerate(log.entries(agent.trace())) if each["row"] == 6)
    opened.page.evaluate("(answer) => { host.model.answers.log['*'] = answer }", {"answer": {"place": place}})
    page.locator(".sb-lines").focus()
    page.keyboard.press("e")

    expect(page.locator('.sb-lrow[aria-selected="true"]')).to_contain_text("lookup_price")
    assert opened.calls("log")[-1]["row"] == 6
    expect(page.locator(".sb-lrow.sb-same")).to_contain_text("TimeoutError")


def test_a_long_log_is_asked_for_by_the_page_and_drawn_by_the_screenful(host: Open) -> None:
    opened = host()
    lines = [Line("agent", "agent", -1, 0, 5000)]
    lines += [Line(f"step {i}", "tool", 0, float(i), 0.5) for i in range(1, 2000)]
    data = TraceData(lines)
    page = show(opened, "log", data)
    expect(page.locator(".sb-lrow").first).to_contain_text("agent")
    drawn = page.evaluate(
        """async () => { const list = document.querySelector('.sb-lines'), counts = [];
          for (let i = 0; i < 60; i++) { list.scrollTop += 900; await new Promise(requestAnimationFrame);
            counts.push(document.querySelectorAll('.sb-lrow').length); }
          return counts; }"""
    )
    assert max(drawn) < 45
    page.locator(".sb-lines").focus()
    page.keyboard.press("End")
    expect(page.locator('.sb-lrow[aria-selected="true"]')).to_contain_text("agent")
    offsets = [call["offset"] for call in opened.calls("log") if "offset" in call]
    assert offsets == sorted(set(offsets))
    assert offsets[-1] == 3800


def test_a_live_log_is_asked_for_again_at_most_once_a_second(host: Open) -> None:
    opened = host()
    data = agent.live()
    data.start_ms = time.time() * 1000 - 3100
    page = show(opened, "log", data)
    expect(page.locator(".sb-log .sb-shown")).to_contain_text("entries")
    before = len(opened.calls("log"))
    for push in range(8):
        opened.rows(data, {11 + push: Line(f"new {push}", "tool", 0, 3000.0 + push, 1.0)})
        page.wait_for_timeout(50)
    opened.page.evaluate("(answers) => { host.model.answers.log = answers }", log.answers(data))

    expect(page.locator(".sb-log .sb-shown")).to_have_text(f"{len(log.entries(data))} entries")
    assert len([call for call in opened.calls("log")[before:] if "offset" in call]) == 1


def test_a_busy_kernel_is_named(host: Open) -> None:
    opened = host()
    data = agent.trace()
    opened.explorer(data, answers=agent.answers(data), _view={"view": "graph"})
    expect(opened.page.locator(".sb-gnode").first).to_be_visible()
    opened.page.evaluate("host.model.isHeld = true")
    opened.page.get_by_role("tab", name="Log").click()

    expect(opened.page.locator(".sb-log .sb-busy")).to_have_text("Kernel busy, will load when the cell ends")
    opened.release()
    expect(opened.page.locator(".sb-lrow").first).to_contain_text("assistant")


def test_names_of_a_trace_are_text(host: Open) -> None:
    attack = "<img src=x onerror=window.attacked=1>"
    opened = host()
    data = TraceData([Line(attack, "tool", -1, 0, 10, sub=attack, status="error"), Line(attack, "llm", 0, 1, 5)])
    page = show(opened, "log", data)
    for view in ("Timeline", "Graph", "Log"):
        page.get_by_role("tab", name=view).click()
        page.wait_for_timeout(60)
        if view == "Timeline":
            page.mouse.move(*at(page, 5, 0, 10))
            expect(page.locator(".sb-tip b")).to_have_text(attack)
    assert page.locator(".sb img").count() == 0
    assert page.evaluate("window.attacked") is None
    assert opened.requests == []


def test_a_whole_trace_that_came_anew_is_drawn_anew(host: Open) -> None:
    opened = host()
    data = agent.live()
    page = show(opened, "graph", data)
    data.push({11: Line("missed", "chain", 0, 3000.0, 2.0)})
    message = data.push({12: Line("seen", "chain", 0, 3001.0, 2.0)})
    meta, cols = data.sent()
    page.evaluate(
        "([answer, buffer]) => { host.model.answers.reload = { answer, buffers: [buffer] } }", [meta, b64(cols)]
    )
    opened.push(*message)

    expect(node(page, "missed")).to_be_attached()
    page.get_by_role("tab", name="Timeline").click()
    page.locator(".sb-chart").focus()
    page.keyboard.press("End")
    expect(detail_of(page)).to_have_text("seen")
    page.keyboard.press("ArrowLeft")
    expect(detail_of(page)).to_have_text("missed")
