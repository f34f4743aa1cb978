"""What an editor is offered while a filter is written."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbook.store._filter_complete import complete
from spanbook.store._filter_names import NAMES

KNOWN = {"model": ["gpt-5", "gpt-5-mini"], "metadata": ["tier", "plan"], "scores": ["correct"], "tags": ["beta"]}


def offered(text: str, on: Literal["spans", "traces"] = "spans") -> list[str]:
    """What is offered at the | in the text."""
    cursor = text.index("|")
    return [item.text for item in complete(text.replace("|", ""), cursor, on, KNOWN)]


def accepted(text: str, choice: str, on: Literal["spans", "traces"] = "spans") -> str:
    """The text after a choice was taken."""
    cursor = text.index("|")
    text = text.replace("|", "")
    item = next(item for item in complete(text, cursor, on, KNOWN) if item.text == choice)
    return text[: item.start] + item.text + text[item.end :]


@pytest.mark.parametrize(
    ("text", "on", "first"),
    [
        ("|", "spans", ["name", "kind", "status"]),
        ("ki|", "spans", ["kind"]),
        ("tokens|", "spans", ["input_tokens", "output_tokens", "total_tokens"]),
        ("kind |", "spans", ["==", "!=", "in"]),
        ("cost_usd |", "spans", [">", ">=", "<"]),
        ("kind == |", "spans", ['"span"', '"llm"', '"embedding"']),
        ('kind == "l|', "spans", ['"llm"']),
        ('kind == "|"', "spans", ['"span"', '"llm"', '"embedding"']),
        ('kind in ["llm", "t|', "spans", ['"tool"']),
        ('model == "gpt-5-|', "spans", ['"gpt-5-mini"']),
        ("has_error == |", "spans", ["True", "False"]),
        ('metadata["|', "spans", ['"tier"', '"plan"']),
        ("scores['c|']", "spans", ["'correct'"]),
        ('kind == "llm" |', "spans", ["and", "or"]),
        ('kind == "llm" a|', "spans", ["and"]),
        ('"refund" in |', "spans", ["name", "kind", "status"]),
        ('"refund" in in|', "spans", ["input"]),
        ("user_id is |", "spans", ["None", "not None"]),
        ("name.|", "spans", ["startswith(", "endswith(", "lower()"]),
        ("an|", "traces", ["any("]),
        ("any(s.ki|", "traces", ["kind"]),
        ("any(x.ki| for x in spans)", "traces", ["kind"]),
        ("any(e.na| for e in events)", "spans", ["name"]),
        ('any(s.status == "e| for s in spans)', "traces", ['"error"', '"open"', '"interrupted"']),
        ('"some text |', "spans", []),
    ],
)
def test_the_likeliest_come_first(text: str, on: Literal["spans", "traces"], first: list[str]) -> None:
    assert offered(text, on)[: len(first)] == first


@pytest.mark.parametrize(
    ("text", "on", "types"),
    [
        ("cost_usd > |", "spans", {"number"}),
        ("cost_usd > tok|", "spans", {"number"}),
        ("1.5 < |", "spans", {"number"}),
        ("cost_usd > 2 * |", "spans", {"number"}),
        ("start >= |", "spans", {"time"}),
        ("name == |", "spans", {"text"}),
        ("any(s.cost_usd > s.|", "traces", {"number"}),
        ('any(s.kind == "llm" for s in |', "traces", {"rows", "scores"}),
    ],
)
def test_only_names_that_fit_are_offered(text: str, on: Literal["spans", "traces"], types: set[str]) -> None:
    names = NAMES["spans"] if text.startswith("any(s.cost") else NAMES[on]
    assert {names[word].type for word in offered(text, on) if word in names} == types


@pytest.mark.parametrize(
    "text", ["tokens |", "the total cost a|", "日本|", "שלום |", "café|", "日本 k|", "cost_usd in |", "any(x for |"]
)
def test_nothing_is_offered_where_nothing_can_stand(text: str) -> None:
    assert offered(text) == []


def test_a_choice_takes_the_place_of_what_was_written() -> None:
    assert accepted("cost_usd > 1 and ki| ", "kind") == "cost_usd > 1 and kind "
    assert accepted('kind == "l|"', '"llm"') == 'kind == "llm"'
    assert accepted("kind == 'l|", "'llm'") == "kind == 'llm'"


def test_each_comes_with_its_help() -> None:
    item = complete("cost_us", 7)[0]

    assert (item.kind, item.help) == ("name", "cost in US dollars")


@given(text=st.text(alphabet="akindsamety.\"'[]()= <>#\\", max_size=30), cursor=st.integers(-1, 40))
def test_any_unfinished_text_gets_an_answer(text: str, cursor: int) -> None:
    for item in complete(text, cursor, "traces", KNOWN):
        assert 0 <= item.start <= item.end <= len(text)
