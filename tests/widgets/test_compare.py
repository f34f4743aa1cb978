"""The view of two compared traces without a page: what it tells one, what it can be asked, how it is shown."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
import traitlets

import spanbook as sb
from spanbook.widgets import TraceComparisonView
from spanbook.widgets._rpc_compare import _LONG_AT
from tests.compare.sample import run_version
from tests.widgets.page import _Captured


class CapturedView(_Captured, TraceComparisonView):
    """A view whose messages are kept."""


@pytest.fixture
def pair(store: sb.Store) -> sb.TraceComparison:
    return store.compare_traces(run_version(1), run_version(2))


def ask(widget: Any, method: Any, **params: Any) -> dict[str, Any]:
    """Send a request as a page does; returns the whole reply."""
    widget._handle_custom_msg({"kind": "rpc", "v": 1, "id": "r1", "method": method, "params": params}, [])
    reply: dict[str, Any] = widget.messages()[-1][0]
    return reply


def data_of(widget: TraceComparisonView) -> dict[str, Any]:
    state = widget.get_state(["_meta", "_data"])
    raw = zlib.decompress(state["_data"]) if state["_meta"]["encoding"] == "deflate" else state["_data"]
    data: dict[str, Any] = json.loads(raw)
    return data


def test_the_traits_hold_the_tree(pair: sb.TraceComparison) -> None:
    data = data_of(pair.view())
    assert [data["names"][name] for name in data["name"]] == list(pair.to_frame().name)
    assert [data["changes"][change] for change in data["change"]] == list(pair.to_frame().change)
    assert data["parent"] == [-1, *[0] * 6]
    assert data["a"]["status"] == [2, 2, -1, 2, 3, 2, 2]
    assert data["b"]["tokens"][3] == 1_080
    fields = [[data["fields"][bit] for bit in range(10) if changed >> bit & 1] for changed in data["changed"]]
    assert fields == list(pair.to_frame().changed)
    assert (data["totals"]["a"]["n_errors"], data["totals"]["b"]["cost_usd"], data["is_one_trace"]) == (1, 3.0, False)


def test_the_state_is_small_and_holds_no_payload(pair: sb.TraceComparison) -> None:
    state = pair.view().get_state()
    sent = repr({name: value for name, value in state.items() if name != "_esm"})
    assert len(sent) < 5_000
    assert "29.00" not in sent


def test_a_pair_is_asked_for_by_its_row(pair: sb.TraceComparison) -> None:
    widget = CapturedView(pair._found)
    found = ask(widget, "detail", row=3)["result"]
    assert [found[side]["span"]["model"] for side in "ab"] == ["gpt-4o-mini", "gpt-4o"]
    assert found["a"]["input"]["kind"] == "messages"
    assert found["b"]["model_parameters"] == {"temperature": {"$type": "number", "text": "0.0"}, "max_tokens": 400}
    assert ask(widget, "detail", row=2)["result"]["a"] is None
    assert ask(widget, "detail", row=4)["result"]["b"] is None


def test_a_long_text_comes_in_slices(store: sb.Store) -> None:
    for end in ("one", "two"):
        with sb.span("long", input="é" * (_LONG_AT + 700_000) + end):
            pass
    a, b = store.traces()[:2]
    widget = CapturedView(store.compare_traces(b, a)._found)
    cut = ask(widget, "detail", row=0)["result"]["b"]["input"]["value"]
    assert (cut["$long"], len(cut["head"]), cut["size"]) == (True, _LONG_AT, _LONG_AT + 700_003)
    place = {"row": 0, "side": "b", "field": "input", "path": []}
    text, offset, slices = cut["head"], _LONG_AT, 0
    while offset is not None:
        piece = ask(widget, "more", **place, offset=offset)["result"]
        text, offset, slices = text + piece["text"], piece["next"], slices + 1
    assert text == a.input
    assert slices > 1


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("detail", {"row": 7}, "row 7 is none of this comparison's 7"),
        ("detail", {"row": -1}, "row -1 is none"),
        ("detail", {"row": True}, "row True is none"),
        ("detail", {}, "row None is none"),
        ("more", {"row": 0, "side": "c"}, "side 'c' has no such span"),
        ("more", {"row": 2, "side": "a"}, "side 'a' has no such span"),
        ("more", {"row": 0, "side": "a", "field": "name"}, "has no text at"),
        ("asset", {"name": "../secret"}, "is no file of spanbook's widgets"),
        ("answer", {}, "is no request of a comparison"),
        (None, {}, "is no request of a comparison"),
    ],
)
def test_a_wrong_request_is_answered(pair: sb.TraceComparison, method: Any, params: dict[str, Any], said: str) -> None:
    assert said in ask(CapturedView(pair._found), method, **params)["error"]["message"]


def test_the_selection_is_readable(pair: sb.TraceComparison) -> None:
    widget = pair.view()
    assert (widget.selected_row, widget.selected) == (-1, (None, None))
    widget.selected_row = 3
    assert [span and span.model for span in widget.selected] == ["gpt-4o-mini", "gpt-4o"]
    widget.selected_row = 2
    assert [span and span.name for span in widget.selected] == [None, "rerank"]
    with pytest.raises(
        traitlets.TraitError, match="selected_row=7 is no row of this comparison; give a place from 0 to 6"
    ):
        widget.selected_row = 7


def test_it_can_be_closed_and_opened_again(pair: sb.TraceComparison) -> None:
    widget = pair.view()
    widget.close()
    assert widget.comm is None
    widget.open()
    assert widget.comm is not None
    assert data_of(widget)["name"]


def test_it_reads_the_same_wherever_it_runs(pair: sb.TraceComparison) -> None:
    widget = pair.view()
    lines = str(widget).splitlines()
    assert lines[0].split()[:3] == ["a", "assistant", "finished"]
    assert lines[3] == "3 changed, 1 added, 1 removed, 2 same"
    assert "+   rerank  added  0.10 s" in lines
    assert repr(widget).startswith("<TraceComparisonView ")
    assert isinstance(pair._display_(), TraceComparisonView)


def test_the_snapshot_is_escaped_and_small(store: sb.Store) -> None:
    attack = "<img src=x onerror=alert(1)> & $x$"
    for tag in ("one", "two"):
        with sb.span(attack):
            for number in range(60):
                with sb.span(f"{attack} {number}", input=tag if number % 2 else "", model=f"<{tag}>"):
                    pass
    b, a = store.traces()[:2]
    html = store.compare_traces(a, b)._repr_html_()
    assert "<img" not in html
    assert "mathjax_ignore" in html
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; $x$" in html
    assert len(html) < 20_000
    assert "more" in html


def test_the_file_holds_everything(pair: sb.TraceComparison, tmp_path: Path) -> None:
    path = pair.export_html(tmp_path / "both.html")
    text = path.read_text(encoding="utf-8")
    assert "Always name the currency." in text
    assert "default-src 'none'" in text
    with pytest.raises(sb.UsageError, match="is a folder; give a file in it, such as .*comparison.html"):
        pair.export_html(tmp_path)
    with pytest.raises(sb.UsageError, match="cannot be written"):
        pair.export_html(tmp_path / "none" / "both.html")
