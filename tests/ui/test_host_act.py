"""Finding, scoring, correcting, stopping: the explorer's page with its real Python side behind it."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import spanbook as sb
from tests.ui import agent as scripted
from tests.ui.conftest import HostPage
from tests.ui.real import RealExplorer
from tests.ui.wire import Line, TraceData
from tests.widgets.agent import run_agent

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]


@pytest.fixture
def explorer(host: Open, store: sb.Store) -> Callable[..., RealExplorer]:
    """Show the agent of tests/widgets/agent.py."""

    def show(row: int = 0, **page: Any) -> RealExplorer:
        run_agent()
        return RealExplorer(host(**page), store, store.last_trace().trace_id, row=row)

    return show


def selected(page: Page) -> str:
    return page.locator('.sb-row[aria-selected="true"] .sb-t').inner_text()


# -- find


def test_names_values_and_operators_are_proposed_as_one_types(explorer: Callable[..., RealExplorer]) -> None:
    page = explorer().host.page
    box = page.get_by_role("combobox")
    options = page.get_by_role("option")
    page.keyboard.press("Tab")
    box.press_sequentially("mod")
    expect(options.first).to_contain_text("model")
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("Tab")
    expect(box).to_have_value("model ")
    expect(options.first).to_contain_text("==")
    box.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
    box.press("Enter")
    expect(box).to_have_value("model == ")
    expect(options.first).to_contain_text('"gpt-4o-mini"')  # a value that this trace has
    options.first.click()
    expect(box).to_have_value('model == "gpt-4o-mini" ')
    expect(box).to_be_focused()
    expect(page.locator(".sb-find")).to_contain_text("2 found")
    box.press("Escape")
    expect(options).to_have_count(0)
    expect(box).to_have_value('model == "gpt-4o-mini" ')
    box.press("Enter")  # nothing is chosen: it goes to the match
    assert selected(page).startswith("plan")


def test_a_proposal_is_put_in_where_the_cursor_is(explorer: Callable[..., RealExplorer]) -> None:
    page = explorer().host.page
    box = page.get_by_role("combobox")
    box.fill('ki == "llm"')
    expect(page.get_by_role("option").first).to_contain_text("and")
    box.press("Home")  # what was proposed for another place is shown no longer
    expect(page.get_by_role("option")).to_have_count(0)
    box.press("ArrowRight")
    box.press("ArrowRight")
    box.press("Alt+ArrowDown")
    expect(page.get_by_role("option").first).to_contain_text("kind")
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value('kind == "llm"')
    assert box.evaluate("input => input.selectionStart") == 4
    expect(page.locator(".sb-find")).to_contain_text("2 found")  # nothing is asked any more when the test ends


def test_tab_goes_on_from_proposals_that_scroll(explorer: Callable[..., RealExplorer]) -> None:
    """Chromium makes a stop of what scrolls; the list goes when the box is left, and took the focus with it."""
    page = explorer().host.page
    page.get_by_role("combobox").fill("kind and ")
    expect(page.get_by_role("option").nth(12)).to_be_attached()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Clear search")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox")).to_have_value("")


@pytest.mark.parametrize("width", [1180, 360])
def test_proposals_leave_room_for_what_is_wrong(explorer: Callable[..., RealExplorer], width: int) -> None:
    page = explorer(width=width).host.page
    page.get_by_role("combobox").focus()
    page.get_by_role("combobox").press_sequentially("cots > 1 and ")
    expect(page.locator(".sb-find-note")).to_contain_text("write a condition")
    expect(page.get_by_role("option").first).to_be_visible()
    note, proposals = page.evaluate("""() => {
      const text = document.createRange();
      text.selectNodeContents(document.querySelector('.sb-find-note'));
      return [text.getBoundingClientRect().right, document.querySelector('.sb-props').getBoundingClientRect().left];
    }""")
    assert note <= proposals


def test_an_unfinished_filter_is_told_quietly_and_a_wrong_one_is_marked(explorer: Callable[..., RealExplorer]) -> None:
    page = explorer().host.page
    box, note = page.get_by_role("combobox"), page.locator(".sb-find-note")
    box.fill("cost_usd >")
    expect(note).to_have_class("sb-find-note sb-soft")
    assert box.get_attribute("aria-invalid") is None
    box.fill("cots > 1")
    expect(note.locator("mark")).to_have_text("cots")
    expect(note).to_have_class("sb-find-note")
    expect(box).to_have_attribute("aria-invalid", "true")
    box.fill("duration_ms > 0")
    expect(note).to_have_count(0)


def test_a_search_for_words_is_not_disturbed(explorer: Callable[..., RealExplorer]) -> None:
    page = explorer().host.page
    box = page.get_by_role("combobox")
    box.press_sequentially("29 eur", delay=20)
    expect(page.locator(".sb-find")).to_contain_text("found")
    box.press("Enter")
    expect(box).to_have_value("29 eur")
    assert page.locator(".sb-row").count() >= 2  # matches in their tree


def test_slowest_and_dearest_are_by_what_a_span_has_of_its_own(host: Open) -> None:
    """The agent lasts longest, but waits for its children nearly all the time."""
    opened = host()
    lines = [
        Line("agent", "agent", -1, 0, 1000),
        Line("outer", "chain", 0, 10, 900),
        Line("slow", "llm", 1, 20, 600, cost=0.001),
        Line("beside", "llm", 1, 30, 500, cost=0.003),
        Line("last", "tool", 1, 640, 250),
    ]
    opened.explorer(TraceData(lines))
    page = opened.page
    page.locator(".sb-tree").focus()
    for key, name in (("s", "slow"), ("s", "beside"), ("s", "last"), ("S", "beside"), ("d", "beside"), ("d", "slow"),
                      ("d", "beside"), ("S", "outer")):  # fmt: skip
        page.keyboard.press(key)
        expect(page.locator('.sb-row[aria-selected="true"]')).to_contain_text(name)
    page.keyboard.press("d")
    expect(page.locator(".sb-foot")).to_contain_text("$0.0030 of its own, dearest")
    page.keyboard.press("s")
    page.keyboard.press("s")
    expect(page.locator(".sb-foot")).to_contain_text("0.50 s of its own, 2nd slowest")
    page.get_by_role("button", name="dearest").click()
    assert selected(page) == "beside"


# -- act


def test_a_thumb_is_kept_at_once_and_shown(explorer: Callable[..., RealExplorer], store: sb.Store) -> None:
    shown = explorer(row=2)
    page = shown.host.page
    page.get_by_role("button", name="Good").click()
    expect(page.get_by_role("button", name="Good")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("tab", name="Scores 1")).to_be_visible()
    page.get_by_role("button", name="Bad").click()
    expect(page.get_by_role("button", name="Good")).to_have_attribute("aria-pressed", "false")
    frame = store.scores_df()
    assert list(frame["name"]) == ["thumbs_up", "thumbs_up"]
    assert [bool(value) for value in frame["value"]] == [True, False]
    assert set(frame["source"]) == {"human"}
    assert list(frame["span_id"]) == [shown.widget._state.span_id(2)] * 2


def test_what_code_scores_is_shown(explorer: Callable[..., RealExplorer], store: sb.Store) -> None:
    """A judge in another cell: of the open span at once, of one that was open before when it is open again."""
    shown = explorer(row=2)
    page, trace_id = shown.host.page, shown.widget.trace_id
    expect(page.get_by_role("tab", name="Metadata")).to_be_visible()
    page.locator(".sb-row").nth(0).click()
    expect(page.get_by_role("region", name=f"Detail of {selected(page)}").get_by_role("tab").first).to_be_visible()
    sb.score("helpful", True, trace_id=trace_id)
    sb.score("correct", 0.5, trace_id=trace_id, span_id=shown.widget._state.span_id(2))
    sb.flush()
    shown.pump_until(page.get_by_role("tab", name="Scores 1"), "Scores 1")
    page.locator(".sb-row").nth(2).click()
    page.get_by_role("tab", name="Scores 1").click()
    expect(page.locator(".sb-panel")).to_contain_text("correct")


def test_a_score_is_written_by_keyboard_alone(explorer: Callable[..., RealExplorer], store: sb.Store) -> None:
    store.score("correct", 0.5, trace_id="0" * 31 + "1")
    page = explorer(row=2).host.page
    page.get_by_role("button", name="score", exact=True).focus()
    page.keyboard.press("Enter")
    name = page.get_by_role("combobox", name="name")
    expect(name).to_be_focused()
    expect(name).to_have_value("correct")  # the score that was given last
    page.keyboard.press("Tab")
    page.keyboard.type("high")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("“high” is no number; give one such as 0.8.")
    page.get_by_label("value", exact=True).fill("0.75")
    page.keyboard.press("Tab")
    page.keyboard.type("misses the discount")
    page.keyboard.press("Enter")
    expect(page.locator(".sb-form")).to_have_count(0)
    expect(page.locator(".sb-do")).to_contain_text("saved correct")
    last = store.scores_df().iloc[-1]
    assert (last["name"], last["value"], last["comment"]) == ("correct", 0.75, "misses the discount")


def test_a_comment_needs_no_name_and_a_draft_survives_another_span(
    explorer: Callable[..., RealExplorer], store: sb.Store
) -> None:
    page = explorer(row=2).host.page
    page.get_by_role("button", name="score", exact=True).click()
    page.get_by_role("radio", name="comment").check()
    page.get_by_label("text", exact=True).fill("Why not both?")
    page.locator(".sb-row", has_text="search_docs").click()
    expect(page.locator(".sb-dh h3")).to_contain_text("search_docs")
    expect(page.get_by_label("text", exact=True)).to_have_count(0)
    page.locator(".sb-row", has_text="plan").click()
    expect(page.get_by_label("text", exact=True)).to_have_value("Why not both?")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".sb-form")).to_have_count(0)
    last = store.scores_df().iloc[-1]
    assert (last["name"], last["value"], last["value_type"]) == ("comment", "Why not both?", "label")


def test_an_output_is_corrected(explorer: Callable[..., RealExplorer], store: sb.Store) -> None:
    page = explorer(row=5).host.page
    page.get_by_role("button", name="correct output").click()
    box = page.get_by_label("output", exact=True)
    expect(box).to_have_value("It costs 29 EUR.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_text("Nothing is changed yet.")
    box.fill("It costs 25 EUR.")
    box.press("Control+Enter")
    expect(page.locator(".sb-form")).to_have_count(0)
    last = store.scores_df().iloc[-1]
    assert (last["name"], last["value"], last["value_type"]) == ("corrected_output", "It costs 25 EUR.", "text")
    page.get_by_role("button", name="correct output").click()
    expect(box).to_have_value("It costs 25 EUR.")


def test_trying_again_after_an_error_keeps_it_once(explorer: Callable[..., RealExplorer], store: sb.Store) -> None:
    """The answer is lost on the way: the page says so, and what it sends again is the same score."""
    shown = explorer(row=2)
    page = shown.host.page
    page.get_by_role("button", name="score", exact=True).click()
    page.get_by_role("combobox", name="name").fill("helpful")
    page.get_by_label("value", exact=True).fill("1")
    page.evaluate(
        """() => {
          const model = host.model, emit = model.emit.bind(model);
          model.emit = (event, message, buffers) => {
            if (message?.result?.scores) {
              model.emit = emit;
              message = { ...message, result: undefined, error: { message: "the connection broke" } };
            }
            emit(event, message, buffers);
          };
        }"""
    )
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".sb-do")).to_contain_text("the connection broke")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".sb-form")).to_have_count(0)
    sent = [params["client_id"] for method, params in shown.requests if method == "score"]
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert list(store.scores_df()["name"]) == ["helpful"]


def test_a_store_that_was_opened_to_read_says_so(host: Open, store: sb.Store) -> None:
    run_agent()
    store.flush()
    trace_id = store.last_trace().trace_id
    page = RealExplorer(host(), sb.open(store.path), trace_id, row=2).host.page
    page.get_by_role("button", name="score", exact=True).click()
    expect(page.locator(".sb-form")).to_contain_text("opened read-only; open it with sb.open(path, readonly=False)")
    page.get_by_role("button", name="Good").click()
    expect(page.locator(".sb-do")).to_contain_text("read-only")
    assert len(store.scores_df()) == 0


def test_without_a_kernel_every_action_is_off_and_says_why(host: Open) -> None:
    opened = host()
    opened.explorer(scripted.live(), _view={"row": 10})
    page = opened.page
    expect(page.get_by_role("button", name="stop")).to_be_enabled()
    opened.page.evaluate("host.model.emit('comm:close')")
    for button in page.locator(".sb-do button").all():
        expect(button).to_be_disabled()
        assert "No kernel: re-run this cell to" in (button.get_attribute("title") or "")
    page.get_by_role("searchbox").fill("price")
    expect(page.locator(".sb-find-note")).to_contain_text("No kernel. Re-run this cell to search.")


# -- live


def test_stop_cancels_the_task_of_a_running_span(host: Open, store: sb.Store) -> None:
    ended: list[str] = []

    async def step(name: str, seconds: float) -> None:
        with sb.span(name, kind="tool"):
            await asyncio.sleep(seconds)
        ended.append(name)

    async def work() -> None:
        with sb.span("agent", kind="agent"):
            await asyncio.gather(step("stuck", 60), step("other", 0.2), return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    while not store.flush() or not store.traces() or len(store.last_trace().spans) < 3:
        pass
    shown = RealExplorer(host(), store, store.last_trace().trace_id)
    page = shown.host.page
    page.locator(".sb-row", has_text="stuck").click()
    expect(page.locator(".sb-dh h3")).to_contain_text("stuck")
    page.get_by_role("button", name="stop").click()
    expect(page.locator(".sb-do")).to_contain_text("told Task-")
    thread.join(20)
    assert not thread.is_alive()
    assert ended == ["other"]
    shown.pump_until(page.locator(".sb-row", has_text="stuck"), "CancelledError")
    expect(page.get_by_role("button", name="stop")).to_have_count(0)


def test_what_runs_in_a_thread_cannot_be_stopped_and_it_says_so(host: Open, store: sb.Store) -> None:
    with sb.span("crunching"):
        store.flush()
        page = RealExplorer(host(), store, store.last_trace().trace_id).host.page
        page.get_by_role("button", name="stop").click()
        expect(page.locator(".sb-do")).to_contain_text("Interrupt the kernel to stop the cell")


def test_a_streamed_call_is_followed_text_tokens_and_cost(host: Open, store: sb.Store) -> None:
    """A real stream of the offline model: text while it comes, totals as each call ends, before the trace does."""
    from openai import OpenAI

    sb.instrument("openai")
    go_on = threading.Event()
    rule = sb.offline.Rule(match="refunds", text="Refunds are paid within thirty days of the purchase. " * 40)

    def work(server: Any) -> None:
        client = OpenAI(base_url=server.base_url, api_key="none")
        with sb.span("assistant", kind="agent"):
            for _ in range(2):
                question: Any = [{"role": "user", "content": "How do refunds work?"}]
                for _chunk in client.chat.completions.create(
                    model="gpt-4o-mini", messages=question, stream=True, stream_options={"include_usage": True}
                ):
                    pass
            go_on.wait(30)

    try:
        opened = host()  # before the stream begins: opening a page takes a moment
        with sb.offline.start(rules=[rule], delays=4) as server:
            thread = threading.Thread(target=work, args=(server,))
            thread.start()
            while not store.flush() or not store.traces() or len(store.last_trace().spans) < 2:
                pass
            shown = RealExplorer(opened, store, store.last_trace().trace_id, row=1)
            page = shown.host.page
            shown.pump_until(page.locator(".sb-caret"), "thirty days")
            shown.pump_until(page.locator(".sb-sum"), "tok", 60)
            first = page.locator(".sb-sum").inner_text()
            assert "$0.00" in first or "<$" in first
            shown.pump_until(page.locator(".sb-foot"), "1 running", 60)
            assert page.locator(".sb-sum").inner_text() != first
            go_on.set()
            thread.join()
    finally:
        go_on.set()
        sb.uninstrument()


# -- the cell


@pytest.mark.parametrize(("stale", "says"), [(None, "cell [7]"), ("changed", "cell [7] has changed since"),
                                             ("again", "cell [7] ran again since")])  # fmt: skip
def test_the_cell_and_what_became_of_it(host: Open, stale: str | None, says: str) -> None:
    opened = host(permissions=["clipboard-read", "clipboard-write"])
    cell = {"id": "c 1", "execution_count": 7, "notebook": "work/quick start.ipynb", "stale": stale}
    opened.explorer(TraceData([Line("a")], summary_changes={"cell": cell}))
    button = opened.page.locator(".sb-sum").get_by_role("button", name=says)
    expect(button).to_have_text(says)
    button.click()
    expect(opened.page.locator(".sb-sum")).to_contain_text("link copied")


def test_the_cell_is_scrolled_to_where_the_page_is_a_notebook(host: Open) -> None:
    cells = "".join(f'<div class="jp-Cell" style="height:700px"><div class="jp-InputPrompt">[{n}]:</div></div>'
                    for n in range(1, 12))  # fmt: skip
    opened = host(body=f'<div class="jp-Notebook">{cells}<div id="here"></div></div>')
    opened.explorer(scripted.trace())
    page = opened.page
    page.evaluate("document.getElementById('here').append(document.getElementById('cell'))")
    page.locator(".sb-sum").get_by_role("button", name="cell [7]").click()
    expect(page.locator(".jp-Cell").nth(6)).to_be_in_viewport()


# -- everywhere


@pytest.mark.parametrize("width", [1180, 320])
def test_axe_finds_nothing_in_forms_and_proposals(explorer: Callable[..., RealExplorer], width: int) -> None:
    shown = explorer(row=2, width=width, height=1100)
    page = shown.host.page
    themes = 2 if width == 1180 else 1  # a width changes no colour
    page.get_by_role("button", name="score", exact=True).click()
    expect(page.locator(".sb-form")).to_contain_text("yes or no")
    assert shown.host.axe(themes=themes) == []
    page.get_by_role("radio", name="yes or no").check()
    page.get_by_role("combobox", name="Find").press_sequentially("ki")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    assert shown.host.axe(themes=themes) == []
    box = page.locator(".sb-props").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
