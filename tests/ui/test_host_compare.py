"""The view of two compared traces in Chromium: the real widget's traits and answers, a scripted model."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

import spanbook as sb
from tests.compare.sample import message, run_version
from tests.ui.comparison import answers, traits
from tests.ui.conftest import HostPage

pytestmark = pytest.mark.browser

Host = Callable[..., HostPage]


@pytest.fixture
def pair(store: sb.Store) -> sb.TraceComparison:
    return store.compare_traces(run_version(1), run_version(2))


def show(page: HostPage, comparison: sb.TraceComparison, *, held: bool = False, **changed: Any) -> HostPage:
    page.show("compare.js", traits(comparison, **changed), answers(comparison), held=held)
    expect(page.page.locator(".sb-compare .sb-totals")).to_be_visible()
    return page


def row(page: HostPage, name: str) -> Locator:
    return page.page.locator(".sb-row", has_text=name)


def detail(page: HostPage) -> Locator:
    return page.page.locator(".sb-detail")


def press(page: HostPage, *keys: str) -> None:
    for key in keys:
        page.page.keyboard.press(key)


def names(page: HostPage) -> list[str]:
    return page.page.locator(".sb-step").all_inner_texts()


def test_the_totals_of_both_and_their_difference_are_shown(host: Host, pair: sb.TraceComparison) -> None:
    page = show(host(), pair).page
    lines = page.locator(".sb-totals tr").all_inner_texts()
    cells = [re.split(r"\s*\t\s*", line) for line in lines]
    assert cells[0][2:] == ["Started", "Time", "Tokens in", "Tokens out", "Cost", "Spans", "Errors"]
    assert cells[1][4:] == ["2,000", "105", "$1.00", "6", "1"]
    assert cells[2][4:] == ["2,000", "128", "$3.00", "6", "0"]
    assert cells[3][0] == "b − a"
    assert cells[3][-6:] == ["+0.10 s", "=", "+23", "+$2.00", "=", "−1"] or cells[3][-5:] == [
        "=",
        "+23",
        "+$2.00",
        "=",
        "−1",
    ]
    assert page.locator(".sb-counts").inner_text().split() == "3 changed 1 added 1 removed 2 same".split()


def test_a_change_is_said_by_sign_and_word(host: Host, pair: sb.TraceComparison) -> None:
    page = show(host(), pair)
    signs = [text.strip() for text in page.page.locator(".sb-row .sb-sign").all_inner_texts()]
    assert signs == ["~", "", "+", "~", "−", "", "~"]
    expect(row(page, "rerank")).to_contain_text("added")
    expect(row(page, "removed")).to_contain_text("price")
    expect(row(page, "plan")).to_contain_text("model gpt-4o-mini → gpt-4o")
    expect(row(page, "plan").locator(".sb-sr")).to_contain_text("llm, changed")
    expect(row(page, "answer").locator(".sb-tok")).to_have_text("+23")
    expect(row(page, "answer").locator(".sb-cost")).to_have_text("+$1.00")


def test_the_first_change_is_chosen_and_python_knows(host: Host, pair: sb.TraceComparison) -> None:
    page = show(host(), pair)
    expect(row(page, "assistant")).to_have_attribute("aria-selected", "true")
    assert page.trait("selected_row") == 0
    page.set_trait("selected_row", 3)
    expect(row(page, "plan")).to_have_attribute("aria-selected", "true")
    expect(detail(page)).to_contain_text("model parameters")


def test_words_that_changed_are_marked_message_by_message(host: Host, pair: sb.TraceComparison) -> None:
    page = show(host(), pair, selected_row=3)
    pane = detail(page)
    expect(pane.locator("ins")).to_have_text(["Always name the currency.\n"])
    expect(pane.locator("del")).to_have_count(0)
    expect(pane.locator(".sb-section", has_text="Input")).to_contain_text("1 message changed")
    expect(pane.locator(".sb-section", has_text="Output")).to_contain_text("the same")
    facts = pane.locator("table")
    expect(facts.locator("tr", has_text="temperature")).to_have_text(re.compile("temperature.*0.2.*0.*changed"))
    expect(facts.locator("tr", has_text="max_tokens")).to_have_count(0)


def test_a_step_that_one_trace_has_is_shown_whole(host: Host, pair: sb.TraceComparison) -> None:
    page = show(host(), pair, selected_row=4)
    pane = detail(page)
    expect(pane).to_contain_text("only a has this step")
    expect(pane).to_contain_text('"currency": "USD"')
    expect(pane.locator(".sb-errbox")).to_contain_text("TimeoutError: no answer in 3 s")
    expect(pane.locator("table")).not_to_contain_text("b − a")


def test_only_what_changed(host: Host, pair: sb.TraceComparison) -> None:
    page = show(host(), pair)
    page.page.get_by_role("button", name="Only changes").click()
    assert names(page) == ["assistant", "rerank", "plan", "price", "answer"]
    expect(page.page.locator(".sb-foot")).to_contain_text("5 of 7 steps")
    page.page.locator(".sb-tree").focus()
    press(page, "c")
    assert len(names(page)) == 7


def test_it_works_by_keys_alone(host: Host, pair: sb.TraceComparison) -> None:
    page = show(host(), pair)
    page.page.locator(".sb-tree").focus()

    def chosen() -> str:
        return page.page.locator('.sb-row[aria-selected="true"] .sb-step').inner_text()

    press(page, "n", "n")
    assert chosen() == "plan"
    press(page, "N")
    assert chosen() == "rerank"
    press(page, "End")
    assert chosen() == "answer"
    press(page, "n")
    assert chosen() == "assistant"
    press(page, "ArrowLeft")
    assert names(page) == ["assistant"]
    expect(page.page.locator(".sb-hid")).to_have_text("6 ~ 4")
    press(page, "n")
    assert chosen() == "rerank"
    press(page, "Enter")
    expect(detail(page)).to_be_focused()
    press(page, "Escape")
    expect(page.page.locator(".sb-tree")).to_be_focused()
    press(page, "?")
    expect(page.page.get_by_role("dialog", name="Keys")).to_be_visible()
    press(page, "Escape")
    expect(page.page.get_by_role("dialog")).to_have_count(0)
    assert page.page.evaluate("host.leaked") == []


def test_texts_stand_side_by_side_and_that_is_kept(host: Host, pair: sb.TraceComparison) -> None:
    page = show(host(), pair, selected_row=6)
    page.page.get_by_role("button", name="Side by side").click()
    left, right = detail(page).locator(".sb-section", has_text="Output").locator(".sb-dl2 > div").all()
    expect(left).to_have_text("The Team plan. It costs 29.00 per month.")
    expect(right).to_have_text("The Team plan. It costs 29.00 EUR per month.")
    expect(right.locator("ins")).to_have_text("EUR ")
    page.page.wait_for_function("host.model.get('_view').beside === true")


def test_long_stretches_that_are_the_same_are_folded(host: Host, tmp_path: Path, pair: sb.TraceComparison) -> None:
    history = [message("user" if turn % 2 else "assistant", f"turn {turn}") for turn in range(8)]
    page_text = "\n".join(f"line {number}" for number in range(200))
    traces = []
    for tag in ("first", "second"):
        with sb.span("call", kind="llm", input=[*history, message("user", f"{page_text}\n{tag}")]) as call:
            call.set(output=page_text.replace("line 100", tag))
        traces.append(sb.last_trace())
    page = show(host(), sb.compare_traces(*traces))
    pane = detail(page)
    expect(pane.locator(".sb-old")).to_have_text(
        ["8 unchanged messages", "198 unchanged lines", "98 unchanged lines", "97 unchanged lines"]
    )
    expect(pane.locator("del")).to_have_text(["first", "first"])
    pane.get_by_role("button", name="8 unchanged messages").click()
    expect(pane).to_contain_text("turn 3")


def test_texts_that_are_cut_can_be_compared_whole(host: Host, pair: sb.TraceComparison) -> None:
    traces = []
    for tag in ("first", "second"):
        with sb.span("long", input="word " * 50_000 + tag):
            pass
        traces.append(sb.last_trace())
    comparison = sb.compare_traces(*traces)
    page = host()
    requests = comparison.view()._requests
    scripted = answers(comparison)
    scripted["more"] = {"$by": "side"}
    for side in "ab":
        place = {"row": 0, "side": side, "field": "input", "path": [], "offset": 200_000}
        scripted["more"][side] = {"answer": requests.answer("more", place)[0]}
    page.show("compare.js", traits(comparison), scripted)
    expect(detail(page)).to_contain_text("Compared as far as the first 200,000 characters")
    page.page.get_by_role("button", name="Compare the whole").click()
    expect(detail(page).locator("ins")).to_have_text(["second"])
    expect(detail(page).locator(".sb-cut")).to_have_count(1)


def test_the_same_trace_twice_says_so(host: Host, pair: sb.TraceComparison) -> None:
    page = show(host(), sb.compare_traces(pair.a, pair.a))
    expect(page.page.locator(".sb-totals")).to_contain_text("Both are the same trace")
    expect(page.page.get_by_role("button", name="Next change")).to_be_disabled()
    page.page.get_by_role("button", name="Only changes").click()
    expect(page.page.locator(".sb-treepane")).to_contain_text("Nothing changed")
    page.page.get_by_role("button", name="Show all steps").click()
    assert len(names(page)) == 6


def test_a_busy_or_lost_kernel_is_said(host: Host, pair: sb.TraceComparison) -> None:
    page = show(host(), pair, held=True)
    expect(detail(page)).to_contain_text("Kernel busy")
    page.release()
    expect(detail(page)).to_contain_text("Output")
    page.page.evaluate("host.model.emit('comm:close')")
    row(page, "plan").click()
    expect(detail(page)).to_contain_text("No kernel")
    expect(page.page.locator(".sb-foot")).to_contain_text("No kernel: re-run this cell")


@pytest.mark.parametrize("width", [1180, 700, 320])
def test_it_is_accessible_and_fits(host: Host, pair: sb.TraceComparison, width: int) -> None:
    page = show(host(width=width), pair, selected_row=6)
    expect(detail(page)).to_contain_text("Output")
    page.page.get_by_role("button", name="Side by side").click()
    assert page.axe(themes=2 if width == 1180 else 1) == []  # a width changes no colour
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    overflow = "(el) => el.scrollWidth - el.clientWidth"
    for part in (".sb-compare", ".sb-detail", ".sb-bar2"):
        assert page.page.locator(part).evaluate(overflow) <= 0, part


def test_the_columns_fill_the_tree_at_any_width(host: Host, pair: sb.TraceComparison) -> None:
    """A number at the right edge, and as many columns as are shown."""
    page = show(host(), pair).page
    for width in (1180, 980, 900, 760, 700, 560, 480, 320):
        page.set_viewport_size({"width": width, "height": 760})
        for line in (".sb-cols", ".sb-row >> nth=0"):
            found = page.locator(line).evaluate(
                "el => [el.getBoundingClientRect().right - el.lastElementChild.getBoundingClientRect().right, "
                "getComputedStyle(el).gridTemplateColumns.split(' ').length, "
                "[...el.children].filter(each => getComputedStyle(each).display !== 'none').length]"
            )
            assert 0 <= found[0] <= 24, (width, line, found)
            assert found[1] == found[2], (width, line, found)


ATTACK = "</script><script>window.attacked=1</script><img src=x onerror='window.attacked=1'>"


@pytest.mark.parametrize("where", ["widget", "file"])
def test_hostile_texts_stay_text(
    host: Host, browser: Browser, pair: sb.TraceComparison, tmp_path: Path, where: str
) -> None:
    """Also in the file, which asks nobody for anything and runs no script but its own."""
    traces = []
    for tag in ("first", "second"):
        with sb.span(f"look {ATTACK}", kind="agent", input={ATTACK: f"{ATTACK} {tag}"}, model=f"{ATTACK}{tag}") as look:
            look.set(output=[message(ATTACK, f"{tag} {ATTACK}")])
        traces.append(sb.last_trace())
    comparison = sb.compare_traces(*traces)
    errors: list[str] = []
    requests: list[str] = []
    if where == "widget":
        page = show(host(), comparison).page
    else:
        path = comparison.export_html(tmp_path / "both.html")
        page = browser.new_page()
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
    expect(page.locator(".sb-detail ins").first).to_be_visible()
    expect(page.locator(".sb-detail")).to_contain_text("<img src=x")
    assert page.locator(".sb-compare :is(img, script)").count() == 0
    assert page.evaluate("window.attacked") is None
    assert errors == []
    assert [url for url in requests if not url.startswith(("file:", "blob:"))] == []
    if where == "file":
        page.close()


def test_ten_thousand_steps_stay_quick(host: Host, tmp_path: Path, pair: sb.TraceComparison) -> None:
    """Rows are drawn as they are scrolled to; the limit only tells drawing some from drawing all."""
    from dataclasses import replace

    found = pair._found
    root = found.rows[0]
    many = [root, *(replace(found.rows[3], parent=0, depth=1) for _ in range(10_000))]
    view = sb.TraceComparison.__new__(sb.TraceComparison)
    view._found = replace(found, rows=many)
    page = host()
    page.show("compare.js", traits(view), {"detail": {"answer": json.loads('{"a": null, "b": null}')}})
    expect(page.page.locator(".sb-foot")).to_contain_text("10,001 steps")
    assert page.page.locator(".sb-row").count() < 60
    page.page.locator(".sb-tree").focus()
    press(page, "End")
    expect(page.page.locator('.sb-row[aria-posinset="10000"]')).to_be_visible()
    assert page.page.locator(".sb-row").count() < 60
