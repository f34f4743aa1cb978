"""The one line under a cell, and the explorer it opens in place."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.ui import agent
from tests.ui.conftest import HostPage
from tests.ui.wire import Line, TraceData, b64

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]


def show(host: HostPage, *, held: bool = False, is_open: bool = False, **changes: Any) -> None:
    state = {"_summary": {**agent.CHIP, **changes}, "_open": is_open, "_view": {}}
    host.show("chip.js", state, agent.answers(agent.trace()), held=held)


def test_it_says_what_the_cell_did_in_one_line(host: Open) -> None:
    opened = host()
    show(opened)

    chip = opened.page.locator("button.sb-chip")
    assert chip.inner_text().split() == "▸ 1 trace 3 llm 3.42 s 2,431 tok $0.0042 1 error".split()
    expect(chip).to_have_attribute("aria-expanded", "false")
    assert chip.evaluate("chip => chip.clientHeight") < 30
    assert opened.page.locator(".sb-mini i").count() == 5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"running": True, "duration_ms": None}, "running"),
        ({"dropped": 12}, "12 dropped"),
        ({"n_traces": 3}, "3 traces"),
        ({"n_llm": 0, "tokens": 0, "cost_usd": None}, "14 spans"),
    ],
)
def test_it_says_what_matters(host: Open, changes: dict[str, Any], said: str) -> None:
    opened = host()
    show(opened, **changes)

    expect(opened.page.locator(".sb-chip")).to_contain_text(said)


def test_it_follows_its_summary_without_losing_the_focus(host: Open) -> None:
    opened = host()
    show(opened, running=True)
    opened.page.locator(".sb-chip").focus()
    opened.set_trait("_summary", {**agent.CHIP, "tokens": 9000})

    expect(opened.page.locator(".sb-chip")).to_contain_text("9,000 tok")
    expect(opened.page.locator(".sb-chip")).to_be_focused()


def test_it_opens_and_closes_in_place(host: Open) -> None:
    opened = host()
    show(opened)
    chip = opened.page.locator(".sb-chip")
    chip.focus()
    opened.page.keyboard.press("Enter")

    expect(opened.page.locator(".sb-tree .sb-row")).to_have_count(14)
    assert opened.trait("_open") is True
    assert opened.calls("load") == [{"trace": "t1"}]
    assert opened.calls("detail") == [{"row": 0, "trace": "t1"}]
    chip.click()
    expect(opened.page.locator(".sb-explorer")).to_have_count(0)
    expect(chip).to_have_attribute("aria-expanded", "false")
    assert opened.page.evaluate("host.leaked") == []


def test_the_explorer_is_sent_once_a_page(host: Open) -> None:
    opened = host(fresh=True)
    show(opened)
    first = opened.page.locator(".sb-chip")
    first.click()
    expect(opened.page.locator(".sb-row").first).to_be_visible()
    first.click()
    first.click()
    expect(opened.page.locator(".sb-row").first).to_be_visible()

    assert [call["name"] for call in opened.calls("asset")].count("explorer.js") == 1


def test_several_traces_are_chosen_from_a_list(host: Open) -> None:
    opened = host()
    traces = [
        {"trace_id": f"t{i}", "name": f"ask {i}", "status": status, "duration_ms": 1200 * i}
        for i, status in ((1, "ok"), (2, "error"), (3, "open"))
    ]
    show(opened, n_traces=3, traces=traces, is_open=True)
    expect(opened.page.get_by_text("1 of 3")).to_be_visible()
    choice = opened.page.get_by_role("combobox", name="Trace")
    assert choice.locator("option").all_inner_texts() == [
        "1. ask 1 · 1.20 s",
        "2. ask 2 · 2.40 s · error",
        "3. ask 3 · 3.60 s · running",
    ]
    choice.focus()
    opened.page.keyboard.press("ArrowDown")

    expect(opened.page.get_by_text("2 of 3")).to_be_visible()
    expect(opened.page.get_by_role("combobox", name="Trace")).to_be_focused()
    opened.page.wait_for_function("host.model.get('_view').trace === 't2'")
    for _ in range(100):  # the view is told before the trace is asked for
        if len(opened.calls("load")) > 1:
            break
        opened.page.wait_for_timeout(20)
    assert [call["trace"] for call in opened.calls("load")] == ["t1", "t2"]


def test_only_pushes_of_the_trace_shown_are_passed_on(host: Open) -> None:
    opened = host()
    show(opened, is_open=True)
    expect(opened.page.locator(".sb-row")).to_have_count(14)
    data = agent.trace()
    data.sent()
    message, buffers = data.push({14: Line("late", parent=0, start=3400)})
    opened.push({**message, "trace": "another"}, buffers)
    opened.push({**message, "trace": "t1"}, buffers)

    expect(opened.page.locator(".sb-row")).to_have_count(15)


def test_a_busy_kernel_is_named(host: Open) -> None:
    opened = host()
    show(opened, held=True)
    opened.page.locator(".sb-chip").click()

    expect(opened.page.locator(".sb-busy")).to_contain_text("Kernel busy, will load when the cell ends")
    opened.release()
    expect(opened.page.locator(".sb-row")).to_have_count(14)


def test_without_a_kernel_it_says_what_to_do(host: Open) -> None:
    opened = host(fresh=True)
    show(opened)
    opened.page.evaluate("host.model.emit('comm_live_update')")
    opened.page.locator(".sb-chip").click()

    expect(opened.page.get_by_text("No kernel: re-run this cell to open its trace.")).to_be_visible()


def test_a_bundle_that_does_not_load_is_said(host: Open) -> None:
    opened = host(fresh=True)
    answers = agent.answers(TraceData([]))
    answers["asset"] = {"answer": {"name": "explorer.js", "sha256": "x"}, "buffers": [b64(b"not javascript(")]}
    opened.show("chip.js", {"_summary": agent.CHIP, "_open": True, "_view": {}}, answers)

    expect(opened.page.locator(".sb-chip-note")).not_to_be_empty()
