"""The trace table in a page, answered by the real Python side over a store that was traced into."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

import spanbook as sb
from spanbook.model import SpanbookError
from spanbook.widgets import TraceTable
from tests.ui.conftest import HostPage
from tests.widgets.agent import run_agent

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]


def work(n: int) -> None:
    """Traces of two users and three sessions; every third fails."""
    for at in range(n):
        try:
            with (
                sb.context(user_id=f"user {at % 2}", session_id=f"session {at % 3}", tags=["beta"]),
                sb.span(f"ask {at:03}", kind="agent"),
                sb.span("call", kind="llm", model="gpt-4o-mini", provider="openai") as call,
            ):
                call.set(usage={"input_tokens": 1000 * (at % 7 + 1), "output_tokens": 10})
                if at % 3 == 0:
                    raise TimeoutError("slow")
        except TimeoutError:
            pass
    sb.flush()


class Shown:
    """A table on a page. What Python sends by itself arrives with the next answer, or with ``tell``."""

    def __init__(self, host: HostPage, widget: TraceTable, view: dict[str, Any] | None = None) -> None:
        self.host, self.page, self.widget = host, host.page, widget
        self.asked: list[str] = []
        host.expose("askPython", self._answer)
        host.show("table.js", {**self._traits(), "_view": view or {}}, {})

    def _traits(self) -> dict[str, Any]:
        return {name: json.loads(json.dumps(self.widget._trait_values[name])) for name in ("_head", "_selected")}

    def _answer(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(method)
        try:
            result, buffers = self.widget._answer(method, params)
        except (SpanbookError, LookupError) as error:
            return {"error": str(error), "traits": self._traits()}
        data = [base64.b64encode(each).decode() for each in buffers]
        return {"answer": result, "buffers": data, "traits": self._traits()}

    def tell(self) -> None:
        """Bring the page's traits up to date with Python's."""
        self.page.evaluate(
            "(traits) => { for (const [name, value] of Object.entries(traits)) host.model.set(name, value); }",
            self._traits(),
        )

    @property
    def grid(self) -> Locator:
        return self.page.get_by_role("grid", name="Traces")

    def first(self, number: int) -> list[str]:
        """Texts of the names in the first rows, once they have come."""
        expect(self.names.nth(number - 1)).to_be_visible()
        return self.names.all_inner_texts()[:number]

    @property
    def names(self) -> Locator:
        return self.page.locator(".sbt-row > :nth-child(2) .sbt-text")


#: Requests go to Python; the traits it changed are set before the answer is given, as messages come in order.
BRIDGE = """() => {
  const real = host.show;
  host.show = async (...given) => {
    const shown = real.call(host, ...given);
    const wait = () => new Promise((done) => setTimeout(done, 0));
    while (!host.model) await wait();
    host.model.reply = async function ({ id, method, params }) {
      const { error, answer, buffers = [], traits } = await window.askPython(method, params);
      for (const [name, value] of Object.entries(traits))
        if (JSON.stringify(this.get(name)) !== JSON.stringify(value)) this.set(name, value);
      const views = buffers.map((each) => new DataView(Uint8Array.from(atob(each), (c) => c.charCodeAt(0)).buffer));
      const said = error === undefined ? { result: answer } : { error: { message: error } };
      this.emit("msg:custom", { kind: "rpc-response", v: 1, id, ...said }, views);
    };
    return shown;
  };
}"""


def show(
    host: Open, store: sb.Store, where: str | None = None, *, limit: int = 100, view: Any = None, **page: Any
) -> Shown:
    opened = host(**page)
    opened.page.evaluate(BRIDGE)
    shown = Shown(opened, store.traces(where, limit=limit).view(), view)
    if len(shown.widget):
        expect(shown.page.locator(".sbt-row .sbt-text").first).to_be_visible()
    return shown


def test_it_lists_the_newest_first(host: Open, store: sb.Store) -> None:
    work(6)
    shown = show(host, store)
    assert shown.first(3) == ["ask 005", "ask 004", "ask 003"]
    expect(shown.grid).to_have_attribute("aria-rowcount", "7")
    expect(shown.page.locator(".sbt-foot")).to_contain_text("6 traces")
    assert shown.host.requests == []


def test_rows_come_in_windows_as_they_are_scrolled_to(host: Open, store: sb.Store) -> None:
    work(450)
    shown = show(host, store, limit=1000)
    assert shown.asked.count("window") == 1
    assert shown.page.locator(".sbt-row").count() < 60
    expect(shown.grid).to_have_attribute("aria-rowcount", "451")
    shown.grid.focus()
    shown.page.keyboard.press("End")
    expect(shown.page.locator(".sbt-row").last).to_contain_text("ask 000")
    assert shown.asked.count("window") <= 3


def test_a_heading_sorts_and_turns_round(host: Open, store: sb.Store) -> None:
    work(7)
    shown = show(host, store)
    heading = shown.page.get_by_role("columnheader", name="Tokens")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(shown.page.locator(".sbt-row").first).to_contain_text("ask 006")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(shown.page.locator(".sbt-row").first).to_contain_text("ask 000")
    assert shown.widget.sort == "total_tokens"


def test_a_filter_narrows_and_a_wrong_one_is_explained(host: Open, store: sb.Store) -> None:
    work(6)
    shown = show(host, store)
    filter = shown.page.get_by_role("combobox", name="Filter traces")
    shown.grid.focus()
    shown.page.keyboard.press("/")
    expect(filter).to_be_focused()
    shown.page.keyboard.type('user_i == "user 0"')
    shown.page.keyboard.press("Enter")
    expect(shown.page.locator(".sb-find-note mark")).to_have_text("user_i")
    assert (len(shown.widget), filter.input_value()) == (6, 'user_i == "user 0"')
    filter.fill('user_id == "user 0"')
    filter.press("Enter")
    expect(shown.page.locator(".sbt-row")).to_have_count(3)
    expect(shown.page.locator(".sb-find-note")).to_have_count(0)
    assert shown.widget.filter == 'user_id == "user 0"'
    filter.fill('name == "none"')
    filter.press("Enter")
    expect(shown.page.get_by_text("No trace matches the filter.")).to_be_visible()
    shown.page.get_by_role("button", name="Clear the filter").click()
    expect(shown.page.locator(".sbt-row")).to_have_count(6)


def test_the_filter_is_completed_with_names_and_values(host: Open, store: sb.Store) -> None:
    work(2)
    shown = show(host, store)
    filter = shown.page.get_by_role("combobox", name="Filter traces")
    filter.press_sequentially("user")
    shown.page.get_by_role("option", name="user_id").wait_for()
    filter.press("Tab")
    filter.press_sequentially("== ")
    shown.page.get_by_role("option", name='"user 1"').click()
    expect(filter).to_have_value('user_id == "user 1" ')
    filter.press("Enter")
    expect(shown.page.locator(".sbt-row")).to_have_count(1)


def test_what_is_wrong_with_a_filter_is_said_while_it_is_written(host: Open, store: sb.Store) -> None:
    work(1)
    shown = show(host, store)
    filter = shown.page.get_by_role("combobox", name="Filter traces")
    filter.press_sequentially("costs > 1")
    expect(shown.page.locator(".sb-find-note mark")).to_have_text("costs")
    expect(filter).to_have_attribute("aria-invalid", "true")
    filter.press("Escape")
    filter.press("Escape")
    expect(filter).to_have_value("")
    expect(shown.page.locator(".sb-find-note")).to_have_count(0)
    assert "set" not in shown.asked


def test_facets_narrow_and_widen(host: Open, store: sb.Store) -> None:
    work(6)
    shown = show(host, store)
    shown.page.get_by_role("button", name="Facets").click()
    user = shown.page.get_by_role("group", name="User").get_by_role("button", name="user 1")
    expect(user).to_contain_text("3")
    user.click()
    expect(shown.page.locator(".sbt-row")).to_have_count(3)
    expect(user).to_have_attribute("aria-pressed", "true")
    expect(shown.page.get_by_role("combobox", name="Filter traces")).to_have_value('user_id == "user 1"')
    shown.page.get_by_role("group", name="Kind of error").get_by_role("button").click()
    expect(shown.page.locator(".sbt-row")).to_have_count(1)
    user.click()
    expect(shown.page.locator(".sbt-row")).to_have_count(2)


def test_a_sample_is_said_and_all_can_be_counted(host: Open, store: sb.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spanbook.store._listing._IDS_AT_ONCE", 2)
    monkeypatch.setattr("spanbook.widgets.table._COUNT_S", 0)
    work(6)
    shown = show(host, store)
    shown.page.get_by_role("button", name="Facets").click()
    expect(shown.page.get_by_text("A sample: the first 2 traces.")).to_be_visible()
    shown.page.get_by_role("button", name="Count all").click()
    expect(shown.page.get_by_role("group", name="Model").get_by_role("button")).to_contain_text("6")
    expect(shown.page.get_by_text("A sample")).to_have_count(0)


def test_traces_are_selected_by_click_and_by_key(host: Open, store: sb.Store) -> None:
    work(6)
    shown = show(host, store)
    ids = shown.widget.trace_ids
    shown.page.get_by_role("checkbox", name="Select ask 004").click()
    expect(shown.page.locator(".sbt-foot")).to_contain_text("1 selected")
    shown.page.get_by_role("checkbox", name="Select ask 002").click(modifiers=["Shift"])
    expect(shown.page.locator(".sbt-foot")).to_contain_text("3 selected")
    assert shown.widget.selected == ids[1:4]
    shown.grid.focus()
    shown.page.keyboard.press("Home")
    shown.page.keyboard.press("Space")
    expect(shown.page.locator(".sbt-foot")).to_contain_text("4 selected")
    shown.page.get_by_role("button", name="Clear", exact=True).click()
    expect(shown.page.locator('[aria-selected="true"]')).to_have_count(0)
    shown.page.get_by_role("checkbox", name="Select all traces").click()
    expect(shown.page.locator(".sbt-foot")).to_contain_text("6 selected")


def test_what_python_sets_is_shown(host: Open, store: sb.Store) -> None:
    work(6)
    shown = show(host, store)
    shown.widget.selected = shown.widget.trace_ids[:2]
    shown.widget.sort = "name"
    shown.widget.columns = ["name", "cost_usd"]
    shown.tell()
    expect(shown.page.get_by_role("columnheader")).to_have_count(3)
    expect(shown.page.locator(".sbt-row").first).to_contain_text("ask 000")
    expect(shown.page.locator('.sbt-row[aria-selected="true"]')).to_have_count(2)


def test_a_cost_too_small_to_count_is_shown_whole(host: Open, store: sb.Store) -> None:
    with sb.span("tiny", kind="llm", model="gpt-4o-mini", provider="openai") as call:
        call.set(usage={"input_tokens": 100, "output_tokens": 10})
    shown = show(host, store)
    for width in (1280, 560):
        shown.page.set_viewport_size({"width": width, "height": 700})
        cost = shown.page.get_by_role("gridcell", name="<$0.0001")
        expect(cost).to_be_in_viewport(ratio=1)
        assert cost.evaluate("cell => cell.scrollWidth <= cell.clientWidth")


def test_columns_are_chosen_and_moved(host: Open, store: sb.Store) -> None:
    work(2)
    shown = show(host, store)
    shown.page.get_by_role("button", name="Columns").click()
    expect(shown.page.get_by_role("checkbox", name="Name", exact=True)).to_be_focused()
    shown.page.get_by_role("checkbox", name="Spans", exact=True).click()
    shown.page.get_by_role("checkbox", name="Feature", exact=True).click()
    shown.page.get_by_role("button", name="Move Feature left").click()
    expect(shown.page.get_by_role("columnheader").last).to_contain_text("Tags")
    shown.page.keyboard.press("Escape")
    expect(shown.page.get_by_role("button", name="Columns")).to_be_focused()
    assert "n_spans" not in shown.widget.columns
    assert shown.widget.columns[-2:] == ["feature", "tags"]


def test_a_trace_opens_beside_the_list_and_closes(host: Open, store: sb.Store) -> None:
    run_agent()
    work(2)
    shown = show(host, store)
    shown.grid.focus()
    shown.page.keyboard.press("End")
    shown.page.keyboard.press("Enter")
    expect(shown.page.locator(".sb-explorer .sb-tree .sb-row")).to_have_count(6)
    expect(shown.page.get_by_role("columnheader").first).to_be_visible()
    grid, opened = shown.grid.bounding_box(), shown.page.locator(".sbt-opened").bounding_box()
    assert grid and opened and opened["x"] >= grid["x"] + grid["width"]
    assert shown.host.trait("_view")["trace"] == shown.widget.trace_ids[-1]
    shown.page.keyboard.press("Enter")
    expect(shown.page.locator(".sb-tree")).to_be_focused()
    shown.page.get_by_role("button", name="Close trace").click()
    expect(shown.page.locator(".sb-explorer")).to_have_count(0)
    expect(shown.grid).to_be_focused()


def test_two_selected_traces_are_compared_from_the_earlier_to_the_later(host: Open, store: sb.Store) -> None:
    work(3)
    shown = show(host, store)
    compare = shown.page.get_by_role("button", name="Compare")
    newest, _, oldest = shown.widget.trace_ids
    shown.page.get_by_role("checkbox", name="Select ask 002").click()
    expect(compare).to_have_count(0)
    shown.page.get_by_role("checkbox", name="Select ask 000").click()
    compare.click()
    opened = shown.page.get_by_role("region", name="Comparison")
    expect(opened.locator(".sb-row")).to_have_count(2)
    assert shown.host.trait("_view")["pair"] == [oldest, newest]
    shown.page.get_by_role("button", name="Swap").click()
    expect(opened.locator(".sb-row")).to_have_count(2)
    assert shown.host.trait("_view")["pair"] == [newest, oldest]
    shown.page.get_by_role("button", name="Close comparison").click()
    expect(opened).to_have_count(0)


def test_a_page_that_is_loaded_again_has_the_trace_open(host: Open, store: sb.Store) -> None:
    work(2)
    trace_id = store.traces()[0].trace_id
    shown = show(host, store, view={"trace": trace_id})
    expect(shown.page.locator(".sb-explorer .sb-row")).to_have_count(2)


def test_a_session_is_shown_oldest_first(host: Open, store: sb.Store) -> None:
    work(6)
    shown = show(host, store)
    shown.page.get_by_role("button", name="session 2").first.click()
    expect(shown.names).to_have_text(["ask 002", "ask 005"])


def test_new_traces_wait_for_a_click(host: Open, store: sb.Store) -> None:
    work(3)
    shown = show(host, store)
    work(2)
    shown.host.push({"kind": "traces", "rows": [], "n_new": 2})
    expect(shown.page.locator(".sbt-row")).to_have_count(3)
    shown.page.get_by_role("button", name="2 new").click()
    expect(shown.page.locator(".sbt-row")).to_have_count(5)
    expect(shown.page.get_by_role("button", name="new")).to_have_count(0)


def test_a_limit_is_said_and_can_be_lifted(host: Open, store: sb.Store) -> None:
    work(5)
    shown = show(host, store, limit=2)
    expect(shown.page.locator(".sbt-row")).to_have_count(2)
    shown.page.get_by_role("button", name="Show all").click()
    expect(shown.page.locator(".sbt-row")).to_have_count(5)


def test_names_are_text(host: Open, store: sb.Store) -> None:
    with (
        sb.context(user_id="<img src=x onerror=alert(1)>", session_id="<b>s</b>"),
        sb.span("<script>alert(1)</script>"),
    ):
        pass
    sb.flush()
    shown = show(host, store)
    shown.page.get_by_role("button", name="Facets").click()
    expect(shown.page.get_by_role("group", name="User")).to_contain_text("<img src=x onerror=alert(1)>")
    assert shown.first(1) == ["<script>alert(1)</script>"]
    assert shown.page.locator(".sbt img, .sbt script").count() == 0
    assert shown.host.requests == []


def test_without_a_kernel_it_says_so_and_stays_readable(host: Open, store: sb.Store) -> None:
    work(2)
    shown = show(host, store, fresh=True)
    shown.page.evaluate("host.model.emit('comm_live_update')")
    expect(shown.page.get_by_text("No kernel: what is here can be read")).to_be_visible()
    assert shown.first(2) == ["ask 001", "ask 000"]
    shown.page.locator(".sbt-row").first.click()
    expect(shown.page.get_by_text("No kernel: re-run this cell to open its traces.")).to_be_visible()


@pytest.mark.parametrize("width", [1180, 320])
def test_axe_finds_nothing(host: Open, store: sb.Store, width: int) -> None:
    work(6)
    shown = show(host, store, width=width)
    shown.page.get_by_role("button", name="Facets").click()
    expect(shown.page.get_by_role("group", name="User")).to_be_visible()
    shown.page.get_by_role("checkbox", name="Select ask 004").click()
    shown.page.locator(".sbt-row").first.click()
    expect(shown.page.locator(".sb-explorer .sb-row")).to_have_count(2)
    shown.page.get_by_role("button", name="Columns").click()
    menu = shown.page.get_by_role("group", name="Columns").bounding_box()
    assert menu and menu["x"] >= 0 and menu["x"] + menu["width"] <= width
    assert shown.host.axe(themes=2 if width == 1180 else 1) == []  # a width changes no colour
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
