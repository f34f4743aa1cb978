"""The explorer on a bare page: what it shows, and that everything is reached by keyboard."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.ui import agent
from tests.ui.conftest import HostPage
from tests.ui.wire import Line, TraceData, messages, text

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]


def show(host: HostPage, trace: TraceData | None = None, **view: object) -> Page:
    data = trace or agent.trace()
    host.explorer(data, answers=agent.answers(data), _view=view)
    expect(host.page.locator(".sb-row").first).to_be_visible()
    return host.page


def selected(page: Page) -> str:
    return page.locator('.sb-row[aria-selected="true"] .sb-t').inner_text()


def names(page: Page) -> list[str]:
    return page.locator(".sb-row .sb-t").all_inner_texts()


def test_a_trace_is_drawn_with_its_numbers(host: Open) -> None:
    page = show(host())

    expect(page.locator(".sb-title")).to_contain_text("assistant")
    assert page.locator(".sb-sum").inner_text().split("\n")[:4] == ["3.42 s", "2,837 tok", "$0.0048", "1 error"]
    row = page.locator(".sb-row", has_text="plan")
    assert [row.locator(cell).inner_text() for cell in (".sb-tok", ".sb-cost", ".sb-time")] == [
        "1,102\ntokens",
        "$0.0019",
        "1.18 s",
    ]
    assert page.locator(".sb-axis span").all_inner_texts() == ["0", "1", "2", "3 s"]


def test_a_cost_says_of_how_many_calls_it_is_not_known(host: Open) -> None:
    opened = host()
    opened.explorer(TraceData([Line("priced", "llm", cost=0.01), Line("a", "llm"), Line("b", "llm", status="error")]))
    expect(opened.page.locator(".sb-sum").get_by_text("$0.01")).to_be_visible()
    expect(opened.page.locator(".sb-sum").get_by_title("1 call has no price")).to_have_text("$0.0100")


def test_bars_tell_waiting_working_and_failing_apart(host: Open) -> None:
    page = show(host())

    plan = page.locator(".sb-row", has_text="plan").locator(".sb-bar")
    assert plan.evaluate_all("bars => bars.map(bar => bar.style.left)") == [
        "min(23.977%, 100% - 2px)",
        "min(33.041%, 100% - 2px)",
    ]
    expect(plan.first).to_have_class(re.compile("sb-wait"))
    expect(page.locator(".sb-row", has_text="TimeoutError").locator(".sb-failed")).to_have_count(1)


def test_the_first_row_is_selected_and_its_detail_loaded(host: Open) -> None:
    page = show(host())

    assert selected(page) == "assistant"
    detail = page.locator(".sb-detail")
    expect(detail).to_contain_text("Which plan lets me export invoices")
    expect(detail.get_by_role("tab", name="Input / output")).to_have_attribute("aria-selected", "true")


def test_arrows_move_fold_and_unfold(host: Open) -> None:
    page = show(host())
    page.locator(".sb-tree").focus()

    for key, expected in (
        ("ArrowDown", "check_question"),
        ("ArrowDown", "search_docs"),
        ("ArrowRight", "text-embedding-3-small"),
        ("ArrowLeft", "search_docs"),
        ("ArrowLeft", "search_docs"),
        ("ArrowDown", "plan"),
        ("End", "answered"),
        ("Home", "assistant"),
        ("PageDown", "answered"),
    ):
        page.keyboard.press(key)
        assert selected(page).startswith(expected)
    assert "rerank" not in " ".join(names(page))
    expect(page.locator(".sb-row", has_text="search_docs")).to_have_attribute("aria-expanded", "false")
    expect(page.locator(".sb-row", has_text="search_docs").locator(".sb-hid")).to_have_text("2")
    page.keyboard.press("Home")
    page.keyboard.press("*")
    assert len(names(page)) == 14


def test_the_active_descendant_is_the_selected_row(host: Open) -> None:
    page = show(host(), row=5)

    active = page.locator(".sb-tree").get_attribute("aria-activedescendant")
    spoken = page.get_by_role("treeitem", name="plan gpt-4o-mini llm 1,102 tokens $0.0019 1.18 s")
    assert spoken.get_attribute("id") == active


def test_keys_never_reach_the_notebook(host: Open) -> None:
    """But for saving it."""
    page = show(host())
    page.locator(".sb-tree").focus()
    for key in ("d", "d", "a", "Enter", "Escape", "e", "Shift+Enter", "Control+s", "x", "?", "Escape", "/", "d"):
        page.keyboard.press(key)

    assert page.evaluate("host.leaked") == ["s"]


def test_e_goes_round_the_errors_and_enter_to_the_detail(host: Open) -> None:
    page = show(host())
    page.locator(".sb-tree").focus()
    page.keyboard.press("e")

    assert selected(page).startswith("lookup_price")
    detail = page.locator(".sb-detail")
    expect(detail.get_by_role("tab", name="Error")).to_have_attribute("aria-selected", "true")
    expect(detail).to_contain_text("prices.get(plan")
    page.keyboard.press("Enter")
    expect(detail).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".sb-tree")).to_be_focused()


def test_the_keys_are_listed_and_closed_again(host: Open) -> None:
    page = show(host())
    page.locator(".sb-tree").focus()
    page.keyboard.press("?")

    expect(page.get_by_role("dialog", name="Keys")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".sb-tree")).to_be_focused()


def test_a_chat_reads_as_roles_text_calls_and_results(host: Open) -> None:
    page = show(host(), row=10)

    detail = page.locator(".sb-detail")
    expect(detail.locator(".sb-who")).to_have_text(["system", "user", "assistant", "assistant"])
    calls = detail.locator(".sb-call")
    expect(calls.nth(0)).to_contain_text("call_1 → 29.00")
    expect(calls.nth(1)).to_contain_text("Invoice export")
    expect(detail.locator(".sb-out b").first).to_have_text("Team")
    expect(detail.locator(".sb-out table")).to_contain_text("29.00")


def test_a_call_leads_to_the_tools_that_did_it(host: Open) -> None:
    page = show(host(), row=5)

    call = page.locator(".sb-call", has_text="lookup_price")
    expect(call).to_contain_text("TimeoutError, then 80 ms")
    call.get_by_role("button", name="80 ms").click()
    assert selected(page).startswith("lookup_price")
    expect(page.locator(".sb-row").nth(8)).to_have_attribute("aria-selected", "true")


def test_long_history_is_folded_until_asked_for(host: Open) -> None:
    history = [text("Be brief.", "system")] + [text(f"question {i}") for i in range(15)]
    data = TraceData(
        [Line("chat", "llm")],
        details={0: {"input": messages(*history), "output": messages(text("ok", "assistant"))}},
    )
    page = show(host(), data)

    old = page.get_by_role("button", name="12 earlier messages")
    expect(page.locator(".sb-detail .sb-m")).to_have_count(5)
    old.click()
    expect(page.locator(".sb-detail .sb-m")).to_have_count(17)


def test_plain_text_is_a_click_away(host: Open) -> None:
    page = show(host(), row=10)
    page.get_by_role("button", name="plain").click()

    expect(page.locator(".sb-out .sb-text")).to_contain_text("**Team** lets you export")


def test_an_image_is_shown_from_its_blob(host: Open) -> None:
    page = show(host(), row=9)

    image = page.locator(".sb-detail img")
    expect(image).to_have_attribute("src", re.compile("^blob:"))
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 160


def test_other_files_are_named_and_offered_for_saving(host: Open) -> None:
    part = {"type": "blob", "modality": "image", "mime_type": "image/svg+xml", "digest": "c" * 32, "size": 900}
    data = TraceData(
        [Line("draw", "llm")],
        details={0: {"output": messages({"role": "assistant", "parts": [part]})}},
    )
    page = show(host(), data)

    expect(page.locator(".sb-detail .sb-file")).to_contain_text("image/svg+xml · 900 B")
    assert page.locator(".sb-detail img").count() == 0
    with page.expect_download() as download:
        page.get_by_role("button", name="save").click()
    assert download.value.suggested_filename == "cccccccccccc.svg_xml"


def test_a_long_text_is_fetched_slice_by_slice(host: Open) -> None:
    long = {"$long": True, "size": 4012, "head": "a" * 4000, "path": [], "field": "output"}
    data = TraceData([Line("read")], details={0: {"output": {"kind": "text", "value": long}}})
    page_host = host()
    page_host.explorer(data, answers={"more": {"answer": {"text": "the very end", "next": None}}})
    page = page_host.page
    page.get_by_role("button", name="show more (4,000 of 4,012 characters)").click()

    expect(page.locator(".sb-detail")).to_contain_text("the very end")
    assert page_host.calls("more") == [{"row": 0, "field": "output", "path": [], "offset": 4000}]


def test_json_is_walked_by_keys_and_copied(host: Open) -> None:
    page = show(host())
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard ??= {}; navigator.clipboard.writeText = async text => { window.copied = text }")
    page.locator(".sb-jl").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("p")
    assert page.evaluate("copied") == "user"
    page.keyboard.press("c")
    expect(page.locator(".sb-jl").nth(1)).to_contain_text("copied")
    assert page.evaluate("JSON.parse(copied)") == {"plan": "Free", "seats": 3}
    page.keyboard.press("ArrowRight")
    expect(page.locator(".sb-jl").nth(2)).to_contain_text("plan")


def test_each_part_of_a_span_has_its_tab(host: Open) -> None:
    page = show(host(), row=5)

    for tab, shown in (
        ("Usage", "read from cache"),
        ("Tools 2", "Price of a plan, monthly"),
        ("Metadata", "temperature"),
        ("Raw", "gen_ai.request.model"),
    ):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(".sb-panel")).to_contain_text(shown)


def test_tabs_are_walked_by_arrows_and_remembered(host: Open) -> None:
    opened = host()
    page = show(opened, row=5)
    page.get_by_role("tab", name="Messages").focus()
    page.keyboard.press("ArrowRight")

    expect(page.get_by_role("tab", name="Usage")).to_be_focused()
    page.wait_for_function("host.model.get('_view').tab === 'usage'")
    assert opened.trait("_view")["row"] == 5


def test_the_conversation_shows_each_message_once(host: Open) -> None:
    page = show(host(), row=5)
    page.get_by_role("tab", name="Conversation").click()

    convo = page.locator(".sb-convo")
    expect(convo.locator(".sb-turn")).to_have_count(3)
    assert convo.get_by_text("Which plan lets me export invoices").count() == 1
    expect(convo.locator(".sb-turn").first).to_contain_text("call_1 → 29.00")
    convo.get_by_role("button", name="answer").click()
    assert selected(page).startswith("answer")


def test_only_views_that_exist_have_tabs(host: Open) -> None:
    page = show(host())

    views = page.get_by_role("tablist", name="Views of the trace").get_by_role("tab")
    assert views.all_inner_texts() == ["Tree", "Timeline", "Conversation", "Graph", "Log"]


def test_find_keeps_matches_in_their_tree(host: Open) -> None:
    page = show(host(), row=5)
    page.locator(".sb-tree").focus()
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Find or filter")).to_be_focused()
    page.keyboard.type("price")

    expect(page.locator(".sb-find")).to_contain_text("2 found")
    assert [name.split()[0] for name in names(page)] == ["assistant", "plan", "lookup_price", "lookup_price"]
    expect(page.locator(".sb-foot")).to_contain_text("4 of 14 spans")
    page.keyboard.press("Enter")
    assert selected(page).startswith("lookup_price")
    page.keyboard.press("Escape")
    expect(page.locator(".sb-row")).to_have_count(14)
    expect(page.locator(".sb-tree")).to_be_focused()


def test_a_refused_filter_says_why_and_where(host: Open) -> None:
    page = show(host())
    page.get_by_role("combobox", name="Find or filter").fill("cots > 1")

    expect(page.locator(".sb-find-note")).to_contain_text("did you mean 'cost_usd'?")
    expect(page.locator(".sb-find-note mark")).to_have_text("c")
    expect(page.locator(".sb-row")).to_have_count(14)


def test_selection_is_readable_and_settable_from_python(host: Open) -> None:
    opened = host()
    data = agent.trace()
    found = {"$by": "query", 'span_id == "000000000000000b"': {"answer": {"rows": [10]}}}
    opened.explorer(data, answers={**agent.answers(data), "find": found})
    opened.page.locator(".sb-row", has_text="search_docs").click()
    opened.page.wait_for_function("host.model.get('selected_span_id') === '0000000000000002'")

    opened.set_trait("selected_span_id", "000000000000000b")
    expect(opened.page.locator(".sb-detail h3")).to_contain_text("answer")
    assert selected(opened.page).startswith("answer")


def test_it_opens_as_it_was_left(host: Open) -> None:
    page = show(host(), row=5, tab="usage", collapsed=[1], height=300)

    assert selected(page).startswith("plan")
    expect(page.locator(".sb-panel")).to_contain_text("read from cache")
    assert len(names(page)) == 12
    assert page.locator(".sb-body").evaluate("body => body.clientHeight") == 300


def test_the_height_is_set_by_keys_and_by_hand(host: Open) -> None:
    page = show(host())
    grip = page.get_by_role("separator", name="Height")
    body = page.locator(".sb-body")
    assert body.evaluate("body => body.clientHeight") == 432
    grip.focus()
    page.keyboard.press("ArrowDown")
    assert body.evaluate("body => body.clientHeight") == 458
    box = grip.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 50, box["y"] + 3)
    page.mouse.down()
    page.mouse.move(box["x"] + 50, box["y"] - 97, steps=4)
    page.mouse.up()
    assert body.evaluate("body => body.clientHeight") == 358


def test_deep_rows_stop_moving_right_and_say_their_depth(host: Open) -> None:
    page = show(host(), TraceData([Line(f"level {i}", parent=i - 1, start=i) for i in range(30)]))
    page.locator(".sb-tree").focus()
    page.keyboard.press("End")

    row = page.locator(".sb-row", has_text="level 29")
    expect(row.locator(".sb-depth")).to_have_text("29")
    assert row.locator(".sb-t").evaluate("name => name.getBoundingClientRect().width") > 40


@pytest.mark.parametrize(("encoding", "wide"), [("raw", True), ("deflate", False)])
def test_every_encoding_reads_the_same(host: Open, encoding: str, wide: bool) -> None:
    opened = host()
    data = agent.trace()
    opened.show(
        "explorer.js",
        data.traits(encoding=encoding, wide=wide),
        data.answers(),
    )

    expect(opened.page.locator(".sb-row")).to_have_count(14)
    assert names(opened.page)[5].startswith("plan")


def test_cycles_and_strangers_are_drawn_as_roots(host: Open) -> None:
    page = show(host(), TraceData([Line("a", parent=1), Line("b", parent=0), Line("lost", parent=77)]))

    assert names(page) == ["a", "b", "lost"]


def test_an_empty_trace_says_so(host: Open) -> None:
    opened = host()
    opened.explorer(TraceData([]))

    expect(opened.page.get_by_text("This trace has no spans. Re-run this cell")).to_be_visible()


def test_without_data_it_says_what_to_do(host: Open) -> None:
    opened = host()
    opened.show("explorer.js", {"_meta": {}, "_view": {}}, {})

    expect(opened.page.get_by_text("There is no trace to show. Re-run this cell.")).to_be_visible()


def test_cleanup_leaves_nothing_and_gives_the_snapshot_back(host: Open) -> None:
    opened = host(body='<div class="sb-snap sb-snap-u1" style="display:block">static</div>')
    data = agent.trace()
    traits = data.traits()
    traits["_meta"]["snap"] = "u1"
    opened.show("explorer.js", traits, data.answers())
    snapshot = opened.page.get_by_text("static")
    expect(opened.page.locator(".sb-row").first).to_be_visible()
    expect(snapshot).to_be_hidden()

    opened.page.evaluate("host.cleanup()")
    expect(snapshot).to_be_visible()
    assert opened.page.locator(".sb").count() == 0
    assert opened.page.evaluate("[...host.model.listeners.values()].every(set => set.size === 0)")


def test_the_focus_never_falls_to_the_page(host: Open) -> None:
    history = [text(f"question {i}") for i in range(15)]
    data = TraceData([Line("chat", "llm")], details={0: {"input": messages(*history)}})
    page = show(host(), data)
    page.get_by_role("button", name="earlier messages").focus()
    page.keyboard.press("Enter")

    expect(page.locator(".sb-detail")).to_be_focused()
    page.keyboard.press("d")
    assert page.evaluate("host.leaked") == []
