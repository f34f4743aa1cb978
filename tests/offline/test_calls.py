"""Which tools are called, and with which arguments."""

from __future__ import annotations

from typing import Any

import pytest

from spanbook.offline import Tool
from spanbook.offline._calls import next_calls
from tests.offline.asking import HANDBOOK, request, result


def tool(name: str, description: str, required: tuple[str, ...] = (), **properties: Any) -> Tool:
    """A tool with these parameters."""
    return Tool(name, description, {"type": "object", "properties": properties, "required": list(required)})


TEXT = {"type": "string"}
WEATHER = tool(
    "get_weather",
    "Current weather of a city",
    ("city",),
    city=TEXT,
    unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
)
ORDER = tool("get_order_status", "Look up the status of an order", ("order_id",), order_id=TEXT)
REFUND = tool("refund_order", "Refund an order", ("order_id",), order_id=TEXT, amount={"type": "number"})
SUM = tool("calculator", "Evaluate an expression", ("expression",), expression=TEXT)
SEARCH = tool("search_docs", "Search the handbook", ("query",), query=TEXT, limit={"type": "integer"})
ALL = (WEATHER, ORDER, REFUND, SUM, SEARCH)


def calls(text: str, **fields: Any) -> list[tuple[str, dict[str, Any]]]:
    """The calls made for a question."""
    return next_calls(request(text, tools=fields.pop("tools", ALL), **fields))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the weather in New York?", [("get_weather", {"city": "New York"})]),
        ("Weather in Rome in celsius?", [("get_weather", {"city": "Rome", "unit": "celsius"})]),
        ("Where is my order 1042?", [("get_order_status", {"order_id": "1042"})]),
        ("Refund order 77 with 12.50 euros", [("refund_order", {"order_id": "77", "amount": 12.5})]),
        ("What is 12*(3+4)?", [("calculator", {"expression": "12*(3+4)"})]),
        ("How do I clean a lamp?", [("search_docs", {"query": "How do I clean a lamp?"})]),
        ("Tell me a joke.", []),
    ],
)
def test_the_tool_and_its_arguments_come_from_the_question(
    question: str, expected: list[tuple[str, dict[str, Any]]]
) -> None:
    assert calls(question) == expected


def test_several_values_make_several_calls() -> None:
    made = calls("What's the weather in Paris and London?")
    assert [arguments["city"] for _, arguments in made] == ["Paris", "London"]


def test_several_tools_can_be_called_at_once() -> None:
    made = calls("What is the weather in Oslo, and what is the status of order 12?")
    assert {name for name, _ in made} == {"get_weather", "get_order_status"}


def test_without_parallel_calls_they_come_one_after_the_other() -> None:
    question = "What's the weather in Paris and London?"
    assert calls(question, parallel_tool_calls=False) == [("get_weather", {"city": "Paris"})]
    after = result("18 degrees", "get_weather", '{"city": "Paris"}')
    assert calls(question, parallel_tool_calls=False, after=after) == [("get_weather", {"city": "London"})]


def test_a_call_that_was_made_is_not_made_again() -> None:
    after = result("18 degrees", "get_weather", '{"city": "Paris"}')
    assert calls("What is the weather in Paris?", after=after) == []


def test_nothing_is_searched_when_the_prompt_holds_the_answer() -> None:
    assert calls(f"{HANDBOOK}\n\nAre sale items refunded?", tools=(SEARCH,)) == []


def test_tool_choice_is_kept() -> None:
    question = "What is the weather in Paris?"
    assert calls(question, tool_choice="none") == []
    assert calls("Tell me a joke.", tool_choice="search_docs") == [("search_docs", {"query": "Tell me a joke."})]
    assert len(calls("Tell me a joke.", tool_choice="required")) == 1


def test_quoted_text_and_named_numbers_are_taken() -> None:
    assert calls('Search "lamp oil" with limit 5', tool_choice="search_docs") == [
        ("search_docs", {"query": "lamp oil", "limit": 5})
    ]


def test_a_required_argument_that_was_not_said_gets_a_fitting_value() -> None:
    book = tool(
        "book_table",
        "Book a table",
        ("day", "guests", "area", "notes"),
        day={"type": "string", "format": "date"},
        guests={"type": "integer", "minimum": 2},
        area={"enum": ["inside", "outside"]},
        notes={"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
    )
    expected = {"day": "2025-01-01", "guests": 2, "area": "inside", "notes": None}
    assert calls("Book a table please", tools=(book,)) == [("book_table", expected)]


def test_a_follow_up_is_about_the_same_tool() -> None:
    from spanbook.offline import Message, Request

    first = Message(role="user", text="What is the weather in Paris?")
    second = Message(role="user", text="And in London?")
    asked = Request(api="chat", model="gpt-4o", messages=(first, second), tools=(WEATHER,))
    assert next_calls(asked) == [("get_weather", {"city": "London"})]
