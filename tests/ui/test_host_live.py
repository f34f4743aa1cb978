"""A trace that is still running, a kernel that is busy, and a kernel that is gone."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.ui import agent
from tests.ui.conftest import HostPage
from tests.ui.wire import Line, TraceData, b64

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]


def running() -> TraceData:
    data = agent.live()
    data.start_ms = time.time() * 1000 - 3100
    return data


def test_running_bars_are_hatched_and_grow(host: Open) -> None:
    opened = host()
    opened.explorer(running())
    bar = opened.page.locator(".sb-row", has_text="answer").locator(".sb-live")
    expect(bar).to_have_count(1)
    expect(opened.page.locator(".sb-foot")).to_contain_text("live, 2 running")

    before = bar.evaluate("bar => parseFloat(bar.style.width)")
    # not at each moment: the axis grows by steps, which make every bar shorter
    opened.page.wait_for_function(
        "([bar, before]) => parseFloat(bar.style.width) > before + 2", arg=[bar.element_handle(), before]
    )


def test_streamed_text_appears_and_the_output_replaces_it(host: Open) -> None:
    opened = host()
    data = running()
    opened.explorer(data, _view={"row": 10})
    expect(opened.page.locator(".sb-detail")).to_contain_text("call_1")
    for so_far in ("Team lets", "Team lets you export"):
        opened.push({"kind": "partial", "v": 1, "row": 10, "text": so_far, "at_ms": 0})

    expect(opened.page.locator(".sb-caret")).to_have_text("Team lets you export")
    expect(opened.page.locator(".sb-foot")).to_contain_text("live, answer is streaming")

    finished = agent.trace().lines[10]
    answer = agent.trace().detail(10)
    opened.page.evaluate("(answer) => { host.model.answers.detail['10'] = { answer } }", answer)
    opened.rows(data, {10: finished})
    expect(opened.page.locator(".sb-caret")).to_have_count(0)
    expect(opened.page.locator(".sb-out")).to_contain_text("Open Billing")
    expect(opened.page.locator(".sb-foot")).to_contain_text("live, 1 running")


def test_rows_arrive_at_10_hz_without_moving_what_is_read(host: Open) -> None:
    opened = host()
    lines = [Line("agent", "agent", duration=None, status="open")]
    lines += [Line(f"step {i}", parent=0, start=float(i)) for i in range(200)]
    data = TraceData(lines, status="open", start_ms=time.time() * 1000 - 300)
    opened.explorer(data)
    page = opened.page
    page.locator(".sb-tree").evaluate("tree => tree.scrollTop = 1300")
    page.locator(".sb-row", has_text="step 60").click()
    before = page.locator(".sb-row", has_text="step 60").bounding_box()

    for push in range(10):
        opened.rows(data, {len(data.lines): Line(f"early {push}", parent=0, start=0.5)})
        page.wait_for_timeout(60)
    expect(page.locator(".sb-foot")).to_contain_text("211 spans")
    assert page.locator(".sb-row", has_text="step 60").bounding_box() == before
    expect(page.locator(".sb-row", has_text="step 60")).to_have_attribute("aria-selected", "true")


def test_at_the_end_the_view_follows(host: Open) -> None:
    opened = host()
    data = TraceData(
        [Line(f"step {i}", start=float(i), status="open", duration=None) for i in range(60)],
        status="open",
        start_ms=time.time() * 1000,
    )
    opened.explorer(data)
    opened.page.locator(".sb-tree").evaluate("tree => tree.scrollTop = tree.scrollHeight")
    opened.page.wait_for_timeout(50)
    opened.rows(data, {60: Line("newest", start=99.0)})

    expect(opened.page.locator(".sb-row", has_text="newest")).to_be_in_viewport()


def test_a_missed_push_reloads_once(host: Open) -> None:
    opened = host()
    data = running()
    opened.explorer(data)
    data.push({11: Line("missed", parent=0, start=3000)})
    message = data.push({12: Line("seen", parent=0, start=3001)})
    meta, cols = data.sent()
    opened.page.evaluate(
        "([answer, buffer]) => { host.model.answers.reload = { answer, buffers: [buffer] } }",
        [meta, b64(cols)],
    )
    opened.push(*message)

    expect(opened.page.locator(".sb-row", has_text="missed")).to_be_visible()
    expect(opened.page.locator(".sb-row", has_text="seen")).to_be_visible()
    assert len(opened.calls("reload")) == 1


def test_a_busy_kernel_is_named_after_300_ms_and_answers_later(host: Open) -> None:
    opened = host()
    data = agent.trace()
    opened.explorer(data, _view={"row": 5}, held=True)
    busy = opened.page.locator(".sb-detail .sb-busy")
    expect(opened.page.locator(".sb-row")).to_have_count(14)
    expect(busy).to_have_text("Kernel busy, will load when the cell ends")
    opened.page.locator(".sb-row", has_text="search_docs").click()
    opened.page.locator(".sb-row", has_text="answer").first.click()
    assert len(opened.calls("detail")) == 1

    opened.release()
    expect(opened.page.locator(".sb-detail")).to_contain_text("Open Billing")
    expect(busy).to_have_count(0)
    assert [call["row"] for call in opened.calls("detail")] == [5, 10]


def test_a_busy_kernel_is_named_in_find_too(host: Open) -> None:
    opened = host()
    data = agent.trace()
    opened.explorer(data, answers=agent.answers(data), held=True)
    opened.page.get_by_role("combobox", name="Find or filter").fill("price")

    expect(opened.page.locator(".sb-find-note .sb-busy")).to_contain_text("will search when the cell ends")
    opened.release()
    expect(opened.page.locator(".sb-find")).to_contain_text("2 found")


@pytest.mark.parametrize("event", ["comm:close", "comm_live_update"])
def test_without_a_kernel_it_stays_readable_and_says_so(host: Open, event: str) -> None:
    opened = host()
    data = agent.trace()
    opened.explorer(data, _view={"row": 5})
    expect(opened.page.locator(".sb-detail")).to_contain_text("I need the current price")
    opened.page.evaluate("(event) => host.model.emit(event)", event)

    expect(opened.page.locator(".sb-foot")).to_contain_text("No kernel: re-run this cell")
    expect(opened.page.locator(".sb-detail")).to_contain_text("I need the current price")
    opened.page.locator(".sb-row", has_text="search_docs").click()
    expect(opened.page.locator(".sb-detail")).to_contain_text("Re-run this cell.")


def test_an_answer_that_fails_is_shown_and_can_be_tried_again(host: Open) -> None:
    opened = host()
    data = agent.trace()
    opened.explorer(data, answers={"detail": {"error": "the store file is gone"}}, _view={"row": 5})
    expect(opened.page.locator(".sb-detail")).to_contain_text("the store file is gone")
    opened.page.evaluate("(answer) => { host.model.answers.detail = { answer } }", data.detail(5))
    opened.page.get_by_role("button", name="Try again").click()

    expect(opened.page.locator(".sb-detail")).to_contain_text("I need the current price")


def test_interrupted_spans_are_told_from_running_ones(host: Open) -> None:
    opened = host()
    data = running()
    data.status = "interrupted"
    data.lines = [replace(line, status="interrupted") if line.status == "open" else line for line in data.lines]
    opened.explorer(data)

    row = opened.page.locator(".sb-row", has_text="answer")
    expect(row).to_contain_text("interrupted")
    expect(row.locator(".sb-cutoff")).to_have_count(1)
    expect(row.locator(".sb-time")).to_have_text("–")
    expect(opened.page.locator(".sb-live")).to_have_count(0)


def test_a_call_seen_twice_is_shown_in_brackets(host: Open) -> None:
    opened = host()
    opened.explorer(TraceData([Line("outer", "llm", tokens=90), Line("inner", "llm", 0, tokens=90, counted=False)]))

    assert opened.page.locator(".sb-row .sb-tok").all_inner_texts() == ["90\ntokens", "(90)\ntokens"]
