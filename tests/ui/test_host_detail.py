"""The detail pane with answers of the real requests: tables, search, diff, prices, errors, code, files, sizes."""

import ast
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Locator, Page, expect

from spanbook.api import _runtime
from spanbook.api._trace import Trace
from tests.ui import detail_trace as made
from tests.ui.agent import png
from tests.ui.conftest import HostPage
from tests.ui.detail_trace import CHANGED, CONTINUED, FAILED, FILES, FIRST, FRAME, LARGE, LONG, RECORDS, STATE, scripted
from tests.ui.png import PNG
from tests.ui.test_host_layout import OVERFLOWING
from tests.ui.wire import Line, TraceData

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]

COPIED = """Object.defineProperty(navigator, 'clipboard', {
  configurable: true, value: { writeText: async text => { window.copied = text } } })"""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    found = made.build(tmp_path_factory.mktemp("detail") / "store.db")
    _runtime.reset()
    return found


@pytest.fixture(scope="module")
def answers(trace: Trace) -> tuple[dict[str, Any], dict[str, Any]]:
    return scripted(trace)


@pytest.fixture
def show(host: Open, answers: tuple[dict[str, Any], dict[str, Any]]) -> Callable[..., Page]:
    """Open a span at one of its tabs."""

    def open_span(row: int, tab: str = "io", *, width: int = 1180, theme: str = "light", **view: Any) -> Page:
        opened = host(width=width, height=900, theme=theme)
        state = {**answers[0], "_view": {"row": row, "tab": tab, "height": 640, **view}}
        opened.page.evaluate(COPIED)
        opened.show(
            "explorer.js", state, {name: each for name, each in answers[1].items() if name != "more" or row == FILES}
        )
        expect(opened.page.locator(".sb-panel")).not_to_be_empty()
        return opened.page

    return open_span


def copied(page: Page, button: Locator) -> str:
    button.click()
    page.wait_for_function("window.copied !== undefined")
    return cast(str, page.evaluate("window.copied"))


def column(page: Page, at: int) -> list[str]:
    return page.locator(f".sb-ts tbody tr:not([aria-hidden]) td:nth-child({at})").all_inner_texts()


def test_messages_among_plain_values_read_as_a_chat(show: Callable[..., Page]) -> None:
    """As LangGraph's state has them: calls with their results in place, what stands beside them below."""
    page = show(STATE)
    given, returned = page.locator(".sb-msgs").all()
    expect(given.locator(".sb-what")).to_have_text("<b>Team</b>?")
    expect(returned.locator(".sb-who")).to_have_text(["user", "assistant", "assistant"])
    expect(returned.locator(".sb-ch")).to_contain_text("→ 29 EUR")
    expect(returned.locator("b").last).to_have_text("29")
    expect(page.get_by_role("tree", name="Output beside the messages")).to_contain_text("turn")
    page.get_by_role("tab", name="Raw").click()
    expect(page.locator(".sb-panel")).to_contain_text("output")


# -- tables


def test_a_dataframe_is_a_table_that_sorts(show: Callable[..., Page]) -> None:
    page = show(FRAME)
    expect(page.locator(".sb-tt")).to_contain_text("DataFrame 4 × 3")
    assert column(page, 2) == ["3", "1", "4", "2"]
    assert page.locator(".sb-ts td.sb-num").first.evaluate("cell => getComputedStyle(cell).textAlign") == "right"
    amount = page.get_by_role("columnheader", name="amount")
    amount.get_by_role("button").click()
    expect(amount).to_have_attribute("aria-sort", "ascending")
    assert column(page, 3) == ["9.0", "12.5", "100.25", "nan"]
    amount.get_by_role("button").click()
    assert column(page, 3) == ["100.25", "12.5", "9.0", "nan"]


def test_a_table_is_copied_for_spreadsheets_and_as_python(show: Callable[..., Page]) -> None:
    page = show(FRAME)
    text = copied(page, page.get_by_role("button", name="copy TSV"))
    assert text.splitlines()[:2] == ["order\tamount\tnote", "3\t12.5\t'=1+1"]
    page.evaluate("window.copied = undefined")
    code = copied(page, page.locator(".sb-tt").get_by_role("button", name="python"))
    assert code.startswith("import pandas as pd")
    compile(code, "copied", "exec")


def test_the_choice_between_table_and_json_is_remembered(show: Callable[..., Page]) -> None:
    page = show(RECORDS)
    expect(page.get_by_role("grid")).to_be_visible()
    page.get_by_role("button", name="JSON").click()
    expect(page.get_by_role("tree", name="Output")).to_be_visible()
    page.wait_for_function("host.model.get('_view').memory?.table === false")
    page.locator(".sb-row", has_text="load_orders").click()
    expect(page.locator(".sb-panel")).to_contain_text("$type")


def test_thousands_of_rows_are_drawn_where_they_are_looked_at(show: Callable[..., Page]) -> None:
    page = show(RECORDS)
    grid = page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", "3001")
    assert page.locator(".sb-ts tbody tr").count() < 60
    grid.focus()
    page.keyboard.press("End")
    expect(page.get_by_role("gridcell", name="doc_2999")).to_be_visible()
    assert page.locator(".sb-ts tbody tr").count() < 60
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Row 2999")).to_contain_text("text 2999")
    text = copied(page, page.get_by_role("button", name="copy TSV"))
    assert text.count("doc_") == 3000


# -- search


def test_search_in_json_goes_from_match_to_match(show: Callable[..., Page]) -> None:
    page = show(LARGE)
    page.get_by_role("button", name="search").click()
    box = page.get_by_role("textbox", name="Search in Output")
    expect(box).to_be_focused()
    box.fill("needle")
    expect(page.locator(".sb-jfind")).to_contain_text("1 of 2")
    current = page.locator(".sb-jl.sb-at")
    expect(current).to_contain_text('deep"needle"')
    page.keyboard.press("Enter")
    expect(page.locator(".sb-jfind")).to_contain_text("2 of 2")
    expect(current).to_be_in_viewport()
    near = page.locator(".sb-jl", has=page.locator(".sb-jk", has_text="777"))
    expect(near).to_be_visible()
    assert page.locator(".sb-jl").count() < 600
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".sb-jfind")).to_contain_text("1 of 2")
    box.fill("no such thing")
    expect(page.locator(".sb-jfind")).to_contain_text("no match")
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    assert page.evaluate("document.activeElement.classList.contains('sb-jl')")
    page.keyboard.press("f")
    expect(box).to_be_focused()


# -- the call before


def test_the_diff_folds_what_stayed_and_marks_changed_words(show: Callable[..., Page]) -> None:
    page = show(CHANGED, "diff")
    diff = page.locator(".sb-diff")
    expect(diff).to_contain_text("Against plan, the llm call before it, beside it in the tree: 2 added, 1 changed.")
    assert [each.strip() for each in diff.locator("ins").all_inner_texts()] == ["monthly"]
    expect(diff.locator(".sb-came .sb-m")).to_have_count(2)
    expect(diff).not_to_contain_text('What does "Team" cost?')
    diff.get_by_role("button", name="2 unchanged messages").click()
    expect(diff).to_contain_text('What does "Team" cost?')
    diff.get_by_role("button", name="plan").click()
    expect(page.locator(".sb-dh")).to_contain_text("plan")


def test_the_diff_is_against_the_call_that_is_continued(show: Callable[..., Page]) -> None:
    page = show(CONTINUED, "diff")
    expect(page.locator(".sb-diff")).to_contain_text("Against answer, the call that this one continues: 2 added.")
    expect(page.locator(".sb-diff")).to_contain_text("5 unchanged messages")


def test_the_first_call_has_no_diff(show: Callable[..., Page]) -> None:
    page = show(FIRST, "messages")
    assert page.get_by_role("tab", name="Diff").count() == 0


# -- usage and cost


def test_the_parts_of_a_cost_come_with_their_price(show: Callable[..., Page]) -> None:
    page = show(FIRST, "usage")
    table = page.locator(".sb-usage")
    expect(table).to_contain_text("read from cache")
    cells = {row[0]: row[1:] for row in table.locator("tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )}  # fmt: skip
    assert cells["not cached"][0] == "600"
    assert cells["not cached"][2:] == ["$2.50", "$0.001500"]
    assert cells["read from cache"][2:] == ["$1.25", "$0.000500"]
    assert cells["input"][-1] == "$0.002000"
    assert cells["total"][-1] == "$0.002800"
    expect(page.locator(".sb-panel")).to_contain_text("US dollars per million tokens, from genai-prices")
    expect(page.locator(".sb-panel")).to_contain_text("First token after")


def test_an_unknown_price_is_said(show: Callable[..., Page]) -> None:
    page = show(CONTINUED, "usage")
    expect(page.locator(".sb-panel")).to_contain_text("The price of my-model is not known")
    expect(page.locator(".sb-usage")).to_contain_text("unknown")


# -- errors


def test_the_frame_in_the_cell_comes_first_and_libraries_are_folded(show: Callable[..., Page]) -> None:
    page = show(FAILED, "error")
    panel = page.locator(".sb-panel")
    expect(panel).to_contain_text("In your cell")
    expect(panel.locator(".sb-section").first).to_contain_text("return json.loads('{broken')")
    library = panel.get_by_role("button", name="frames in Python")
    expect(panel).not_to_contain_text("decoder.py")
    library.click()
    expect(panel).to_contain_text("decoder.py")
    text = copied(page, panel.get_by_title("Copy traceback"))
    assert text.startswith("Traceback (most recent call last):")
    assert "decoder.py" in text


# -- code


def test_a_request_is_shown_and_copied_as_python(show: Callable[..., Page]) -> None:
    page = show(CHANGED, "code")
    expect(page.locator(".sb-listing").first).to_contain_text("client.chat.completions.create(")
    code = copied(page, page.get_by_title("Copy: Request, ready to run"))
    compile(code, "copied", "exec")
    assert "temperature=0.2" in code


def test_messages_are_copied_as_text_and_as_python(show: Callable[..., Page]) -> None:
    page = show(CHANGED, "messages")
    code = copied(page, page.locator(".sb-acts").get_by_role("button", name="python"))
    assert code.startswith("messages = [")
    messages = ast.literal_eval(code.removeprefix("messages = "))
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool"]
    page.evaluate("window.copied = undefined")
    assert 'user: What does "Team" cost?' in copied(page, page.get_by_title("Copy messages as text"))


def test_values_are_copied_whole_as_json_and_as_python(show: Callable[..., Page]) -> None:
    page = show(RECORDS)
    text = copied(page, page.get_by_title("Copy output", exact=True))
    assert len(json.loads(text)) == 3000
    page.evaluate("window.copied = undefined")
    assert len(ast.literal_eval(copied(page, page.get_by_title("Copy output as Python")))) == 3000


def test_tools_show_their_parameters(show: Callable[..., Page]) -> None:
    page = show(CHANGED, "tools")
    expect(page.locator("summary")).to_contain_text("lookup_price plan, currency?")
    page.locator("summary").click()
    expect(page.get_by_text("Price of a plan")).to_be_hidden()


# -- files and long texts


def test_pictures_are_shown_sounds_played_and_files_saved_under_a_safe_name(show: Callable[..., Page]) -> None:
    page = show(FILES, "messages")
    expect(page.locator(".sb-panel img")).to_have_js_property("naturalWidth", 2)
    page.get_by_role("button", name="play").click()
    expect(page.locator("audio")).to_have_js_property("error", None)
    assert page.locator("audio").evaluate("audio => audio.src.startsWith('blob:')")
    file = page.locator(".sb-file")
    expect(file).to_contain_text("application/pdf")
    with page.expect_download() as download:
        file.get_by_role("button", name="save").click()
    assert download.value.suggested_filename == "__.._etc_x_y.pdf"
    assert Path(download.value.path()).read_bytes() == b"%PDF-1.4 nothing"


def test_a_picture_in_a_data_url_is_shown_and_readable_as_text(host: Open) -> None:
    """In a message of plain values, cut, so the rest is asked for; and among other values. Never one with script."""
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    place = [0, "content", 0, "image_url", "url"]
    cut = {"$long": True, "size": len(url), "head": url[:60], "path": place, "field": "input"}
    given = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": cut}}]}]
    made = {"chart": url, "drawing": "data:image/svg+xml;base64,PHN2Zz4=", "broken": "data:image/png;base64,a"}
    details = {0: {"input": {"kind": "json", "value": given}, "output": {"kind": "json", "value": made}}}
    opened = host()
    opened.explorer(
        TraceData([Line("see")], details=details), answers={"more": {"answer": {"text": url[60:], "next": None}}}
    )

    pictures = opened.page.locator(".sb-detail img")
    expect(pictures).to_have_count(2)
    for picture in pictures.all():
        expect(picture).to_have_js_property("naturalWidth", 2)
        assert (picture.get_attribute("src") or "").startswith("blob:")
    assert opened.calls("more") == [{"row": 0, "field": "input", "path": place, "offset": 60}]
    tree = opened.page.get_by_role("tree", name="Output")
    expect(tree).to_contain_text("data:image/svg+xml")
    expect(tree).to_contain_text("Its base64 is damaged.")
    opened.page.get_by_role("button", name="as text").nth(1).click()
    expect(tree.locator("pre")).to_have_text(url)


def test_a_picture_that_is_replaced_is_shown_anew(host: Open) -> None:
    """As when a span that still ran has ended."""
    urls = ["data:image/png;base64," + base64.b64encode(picture).decode() for picture in (PNG, png(3, 3))]
    data = TraceData([Line("draw")], details={0: {"output": {"kind": "text", "value": urls[0]}}})
    opened = host()
    opened.explorer(data)
    picture = opened.page.locator(".sb-detail img")
    expect(picture).to_have_js_property("naturalWidth", 2)
    opened.page.evaluate("url => { host.model.answers.detail['0'].answer.output.value = url }", urls[1])
    opened.rows(data, {0: Line("draw", duration=5.0)})
    expect(picture).to_have_js_property("naturalWidth", 3)


def test_a_picture_whose_bytes_are_not_stored_says_so_in_its_place(show: Callable[..., Page]) -> None:
    """The client did not send them, or they are still to come."""
    page = show(FILES, "messages")
    place = page.locator(".sb-media", has_text="image/webp")
    expect(place).to_contain_text(
        "the bytes of this file are not in the store: they were not sent, or are still to come"
    )


def test_a_long_text_goes_on_where_it_was_cut_whatever_its_letters(show: Callable[..., Page]) -> None:
    page = show(FILES, "messages")
    page.get_by_role("button", name="show more").click()
    expect(page.get_by_role("button", name="show more")).to_contain_text(f"of {len(LONG):,} characters")
    shown = page.locator(".sb-text", has_text="lorem").text_content() or ""
    assert len(shown) > 60_000
    assert LONG.startswith(shown.rstrip())
    assert copied(page, page.get_by_title("Copy messages as text")).count("😀") == 20_000


# -- sizes


# Made in the page: the driver takes half a minute to hand over as much.
TEN_MEGABYTES = """() => {
  const { all } = host.model.answers.detail["1"].answer.output.value;
  for (let at = 0; at < 100_000; at++) all.push({ name: `entry ${at}`, value: at, note: { text: "x".repeat(40) } });
}"""


def test_ten_megabytes_of_text_and_of_json_open(host: Open) -> None:
    """Both say their size, draw a part, and answer a key while they are open."""
    text = {"$long": True, "size": 10_000_000, "head": "word " * 800, "path": [], "field": "output"}
    data = TraceData(
        [Line("text", "tool", -1, 0, 10), Line("json", "tool", -1, 20, 10)],
        details={
            0: {"output": {"kind": "text", "value": text}},
            1: {"output": {"kind": "json", "value": {"all": []}}},
        },
    )
    opened = host()
    more = {"answer": {"text": "word " * 13_107, "next": 69_535}}
    opened.explorer(data, answers={"more": more}, _view={"row": 0})
    page = opened.page
    page.get_by_role("button", name="show more").click()
    expect(page.get_by_role("button", name="show more")).to_contain_text("of 10.0 M characters")
    page.evaluate(TEN_MEGABYTES)
    page.locator(".sb-row", has_text="json").click()
    expect(page.locator(".sb-jbar")).to_contain_text("MB")
    page.get_by_role("button", name="search").click()
    page.get_by_role("textbox", name="Search in Output").fill("entry 99999")
    expect(page.locator(".sb-jfind")).to_contain_text("1 of 1")
    expect(page.locator(".sb-jl.sb-at")).to_contain_text("entry 99999")
    assert page.locator(".sb-jl").count() < 1000


# -- for everyone


def test_axe_finds_nothing(host: Open, answers: tuple[dict[str, Any], dict[str, Any]]) -> None:
    opened = host(height=900)
    opened.show("explorer.js", {**answers[0], "_view": {"row": RECORDS, "tab": "io", "height": 640}}, dict(answers[1]))
    page, before = opened.page, None
    for row, tab in ((RECORDS, "io"), (LARGE, "io"), (CHANGED, "diff"), (CHANGED, "usage"), (CHANGED, "code"),
                     (CHANGED, "tools"), (FAILED, "error"), (FILES, "messages")):  # fmt: skip
        page.locator(".sb-row").nth(row).click()
        page.locator(f'.sb-sub [id$="-{tab}"]').click()
        expect(page.locator(".sb-panel")).not_to_be_empty()
        if row == LARGE:
            page.get_by_role("button", name="search").click()
            page.get_by_role("textbox", name="Search in Output").fill("needle")
            expect(page.locator(".sb-jl.sb-at")).to_be_visible()
        page.wait_for_timeout(50)
        assert opened.axe(".sb-panel" if row == before else ".sb-detail") == [], (row, tab)
        before = row


@pytest.mark.parametrize(
    ("row", "tab"),
    [(FRAME, "io"), (RECORDS, "io"), (CHANGED, "diff"), (FIRST, "usage"), (CHANGED, "code"), (CHANGED, "tools"),
     (FAILED, "error"), (FILES, "messages")],
)  # fmt: skip
def test_nothing_scrolls_sideways_but_code_and_tables(show: Callable[..., Page], row: int, tab: str) -> None:
    page = show(row, tab, width=320)
    inside = OVERFLOWING.replace("'.sb, .sb *'", "'.sb-panel, .sb-panel *'")
    for width in (320, 480, 700, 1180):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(40)
        assert page.evaluate(inside) == [], width


# -- without a kernel


def test_ten_thousand_events_are_read_page_by_page(host: Open) -> None:
    """Only what is looked at is drawn and asked for; the whole span is copied with all of them."""
    events = [{"time_ms": 0, "name": f"event {at}", "data": {"n": at}} for at in range(10_000)]
    opened = host(width=1180, height=900)
    answers = {
        "events": {"$by": "offset", "9900": {"answer": events[9_900:]}, "*": {"answer": events}},
    }
    trace = TraceData([Line("logger")], details={0: {"events": events[:100], "n_events": len(events)}})
    opened.page.evaluate(COPIED)
    opened.explorer(trace, answers=answers)
    panel = opened.page.locator(".sb-panel")
    expect(panel).to_contain_text("1 to 100 of 10,000")
    assert panel.locator("*").count() < 4_000
    assert opened.calls("events") == []
    panel.get_by_role("button", name="last").click()
    expect(panel.locator(".sb-msgs > div > b").first).to_have_text("event 9900")
    assert opened.calls("events") == [{"row": 0, "offset": 9_900, "limit": 100}]
    opened.page.get_by_role("tab", name="Raw").click()
    assert len(json.loads(copied(opened.page, panel.get_by_title("Copy the whole span as JSON")))["events"]) == 10_000


def test_an_exported_file_has_all_of_it(trace: Trace, host: Open, tmp_path: Path) -> None:
    path = trace.export_html(tmp_path / "trace.html")
    page = host(height=900).page
    page.goto(path.as_uri())

    def to(row: int, tab: str) -> Locator:
        page.locator(".sb-row").nth(row).click()
        page.locator(f'.sb-sub [id$="-{tab}"]').click()
        return page.locator(".sb-panel")

    expect(to(RECORDS, "io").get_by_role("grid")).to_have_attribute("aria-rowcount", "3001")
    expect(to(CHANGED, "diff")).to_contain_text("2 added, 1 changed")
    expect(to(CONTINUED, "diff")).to_contain_text("Against answer, the call that this one continues: 2 added.")
    expect(to(FIRST, "usage")).to_contain_text("$1.25")
    expect(to(CHANGED, "code")).to_contain_text("client.chat.completions.create(")
    expect(to(FAILED, "error")).to_contain_text("In your cell")
    to(FILES, "messages").get_by_role("button", name="play").click()
    expect(page.locator("audio")).to_have_js_property("error", None)


def test_a_lost_kernel_is_said_where_something_has_to_be_fetched(
    host: Open, answers: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    opened = host()
    opened.show("explorer.js", {**answers[0], "_view": {"row": CHANGED, "tab": "usage"}}, dict(answers[1]))
    expect(opened.page.locator(".sb-usage")).to_be_visible()
    opened.push({"kind": "closed", "v": 1, "reason": "The kernel has gone."})
    opened.page.get_by_role("tab", name="Diff").click()
    expect(opened.page.locator(".sb-panel")).to_contain_text("No kernel: re-run this cell to compare its messages.")
    opened.page.get_by_role("tab", name="Code").click()
    expect(opened.page.locator(".sb-panel")).to_contain_text("No kernel: re-run this cell")
