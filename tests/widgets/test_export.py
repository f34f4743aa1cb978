"""The exported page: one file, nothing but its own script may run in it, nothing is asked of a network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import spanbook as sb
from spanbook.api._trace import Trace
from spanbook.widgets import _export
from tests.widgets.page import TreePage
from tests.widgets.test_snapshot import HOSTILE

Agent = Callable[[], Trace]


def exported(trace: Trace, tmp_path: Path) -> str:
    return trace.export_html(tmp_path / "trace.html").read_text(encoding="utf-8")


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" data-spanbook>(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_file_holds_the_whole_trace(agent: Agent, tmp_path: Path) -> None:
    data = data_of(exported(agent(), tmp_path))
    tree = TreePage(data["meta"], base64.b64decode(data["cols"]))
    assert [name for name, *_ in tree.tree()][:3] == ["assistant", "search_docs", "plan"]
    assert data["details"]["2"]["span"]["model"] == "gpt-4o-mini"
    assert [turn["row"] for turn in data["turns"]] == [2, 5]


def test_a_history_that_is_sent_again_is_in_the_file_once(agent: Agent, tmp_path: Path) -> None:
    data = data_of(exported(agent(), tmp_path))
    first, second = data["details"]["2"]["input"]["value"], data["details"]["5"]["input"]["value"]
    assert second[:2] == first
    assert data["turns"][0]["new_input"] == first
    assert len(data["messages"]) == 6  # system, question, call with and without its finish reason, result, answer


def test_only_its_own_script_and_styles_may_run(agent: Agent, tmp_path: Path) -> None:
    page = exported(agent(), tmp_path)
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert found is not None
    policy = dict(part.strip().split(" ", 1) for part in found[1].split(";"))
    assert policy["default-src"] == "'none'"
    scripts = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page[: page.index("<body>")], re.DOTALL)
    assert policy["script-src"] == sha256(scripts[0])
    assert sha256(styles[0]) in policy["style-src"].split()
    assert "unsafe" not in found[1]
    assert "http" not in found[1]


def sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_trace_holds_stays_data(store: sb.Store, tmp_path: Path, text: str) -> None:
    with sb.span(text, input={text: text}, output=text):
        pass
    page = exported(store.last_trace(), tmp_path)
    assert page.count("<script") - page.count("\\x3cscript") >= 2
    assert data_of(page)["details"]["0"]["output"]["value"] == text
    raw = re.search(r"data-spanbook>(.*?)</script>", page, re.DOTALL)
    assert raw is not None
    assert not set("<>&") & set(raw[1])


def test_long_texts_are_whole(store: sb.Store, tmp_path: Path) -> None:
    with sb.span("long", input="x" * 200_000):
        pass
    detail = data_of(exported(store.last_trace(), tmp_path))["details"]["0"]
    assert detail["input"] == {"kind": "text", "value": "x" * 200_000}


def test_images_are_in_the_file_and_too_large_ones_are_named(
    store: sb.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_export, "MAX_BLOB", 1_000)
    small, large = b"\x89PNG\r\n\x1a\n" + bytes(300), b"\x89PNG\r\n\x1a\n" + bytes(2_000)
    with sb.span("draw", input=small, metadata={"deep": [image(large)]}):
        pass
    page = exported(store.last_trace(), tmp_path)
    blobs = data_of(page)["blobs"]
    assert [base64.b64decode(blob["data"]) for blob in blobs.values()] == [small]
    assert "1 image or file was left out of this file: too large." in page


def test_an_image_whose_bytes_are_not_stored_is_not_said_to_be_too_large(store: sb.Store, tmp_path: Path) -> None:
    with sb.span("draw", output={"type": "blob", "mime_type": "image/png", "digest": "0" * 32}):
        pass
    page = exported(store.last_trace(), tmp_path)
    assert data_of(page)["blobs"] == {}
    assert "left out of this file" not in page


def image(data: bytes) -> dict[str, str]:
    content = base64.b64encode(data).decode()
    return {"type": "blob", "modality": "image", "mime_type": "image/png", "content": content}


def test_payloads_beyond_the_limit_are_left_out_and_said(
    store: sb.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_export, "MAX_TEXT", 1_000)
    with sb.span("a", input="x" * 700), sb.span("b", input="x" * 700), sb.span("c", input="x" * 700):
        pass
    page = exported(store.last_trace(), tmp_path)
    inputs = [detail["input"]["value"] for detail in data_of(page)["details"].values()]
    assert inputs[:2] == ["x" * 700, "x" * 700]
    assert inputs[2]["$type"] == "not_captured"
    assert "What 1 span was given and returned was left out of this file." in page


def test_a_place_that_cannot_be_written_is_said(agent: Agent, tmp_path: Path) -> None:
    trace = agent()
    with pytest.raises(sb.UsageError, match="is a folder; give a file in it"):
        trace.export_html(tmp_path)
    with pytest.raises(sb.UsageError, match="cannot be written"):
        trace.export_html(tmp_path / "no" / "trace.html")


def test_bundles_that_are_not_built_are_said(agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_export, "STATIC", tmp_path)
    with pytest.raises(sb.UsageError, match="run `make build`"):
        agent().export_html(tmp_path / "trace.html")
