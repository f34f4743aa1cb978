"""Answers built from the text of the prompt."""

from __future__ import annotations

import pytest

from spanbook.offline import Message, Request
from spanbook.offline._answers import NOTHING_GIVEN, UNKNOWN
from tests.offline.asking import HANDBOOK, answer, ask_handbook, reply, request, result


def test_a_small_model_says_the_best_sentence() -> None:
    told = ask_handbook("How long does express shipping take?", model="gpt-4o-mini")
    assert told == "Express shipping takes one day."


def test_a_large_model_adds_the_source() -> None:
    told = ask_handbook("How long does express shipping take?", model="gpt-4o")
    assert told == "Express shipping takes one day. [shipping.md]"


def test_nothing_that_matches_is_admitted() -> None:
    assert ask_handbook("Who founded the company?") == UNKNOWN


def test_only_a_large_model_is_careful() -> None:
    """One shared word is enough for a small model, not for a large one when much else was asked."""
    question = "Which lamp did general Napoleon carry at Waterloo against Wellington's British army?"
    assert ask_handbook(question, model="gpt-4o-mini") == "Every lamp has a warranty of two years."
    assert ask_handbook(question) == UNKNOWN


def test_a_prompt_without_any_text_is_told_so() -> None:
    assert answer("Write a haiku.") == NOTHING_GIVEN


def test_instructions_about_the_context_are_not_context() -> None:
    prompt = (
        f"Use the following pieces of context to answer the question.\n\n{HANDBOOK}\n\nQuestion: {{}}\nHelpful Answer:"
    )
    assert answer(prompt.format("Who answers the question?")) == UNKNOWN
    assert answer(prompt.format("Are sale items refunded?")) == "Sale items are not refunded. [refunds.md]"


def test_the_words_for_not_knowing_are_taken_from_the_prompt() -> None:
    system = 'Answer from the context. If it is not there, say "Not in the handbook."'
    assert ask_handbook("Who founded the company?", system=system) == "Not in the handbook."


def test_a_prompt_can_ask_for_sources() -> None:
    told = ask_handbook("Is broken glass covered?", model="gpt-4o-mini", system="Cite your sources.")
    assert told.endswith("[warranty.md]")


def test_a_prompt_can_ask_for_brevity() -> None:
    long = ask_handbook("Summarise the handbook.")
    short = ask_handbook("Summarise the handbook.", system="Be concise.")
    assert short == "Refunds are made within 30 days of purchase. [refunds.md]"
    assert long.startswith(short)
    assert "[warranty.md]" in long


def test_a_prompt_can_ask_for_bullets() -> None:
    told = ask_handbook("Summarise the handbook.", system="Use bullet points.")
    assert [line[:2] for line in told.splitlines()] == ["- ", "- ", "- "]


def test_context_in_the_system_message_is_read_and_instructions_are_not() -> None:
    system = f"You are a shop assistant who knows about refunds.\n\n{HANDBOOK}"
    told = answer("Are sale items refunded?", system=system)
    assert told == "Sale items are not refunded. [refunds.md]"


@pytest.mark.parametrize(
    "context",
    [
        "# Lamps\n\nThe blue lamp costs 40 euros.",
        "Document: Lamps\nThe blue lamp costs 40 euros.",
        '<document name="Lamps">The blue lamp costs 40 euros.</document>',
        "- The blue lamp costs 40 euros. (source: Lamps)\n- The red lamp is sold out.",
        "The blue lamp costs 40 euros.\nSource: Lamps",
    ],
)
def test_marks_of_sources_are_understood(context: str) -> None:
    told = answer(f"{context}\n\nWhat does the blue lamp cost?")
    assert told == "The blue lamp costs 40 euros. [Lamps]"


def test_lines_of_a_prompt_without_marks_are_context_too() -> None:
    prompt = "Refunds take five working days.\nDeliveries leave on Mondays.\nHow long do refunds take?"
    assert answer(prompt, model="gpt-4o-mini") == "Refunds take five working days."


def test_the_answer_to_a_question_in_the_text_follows_it() -> None:
    faq = "Q: How do I reset the lamp?\nA: Hold the button.\n\nQ: Is there a manual?\nA: Yes, in the box."
    assert answer(f"{faq}\n\nQuestion: How can I reset my lamp?") == "Hold the button."


def test_what_the_user_said_before_is_remembered() -> None:
    earlier = Message(role="user", text="My name is Ada. Nice to meet you.")
    asked = Message(role="user", text="What is my name?")
    told = reply(Request(api="chat", model="gpt-4o", messages=(earlier, asked))).text
    assert told == "My name is Ada."


def test_documents_in_a_tool_result_are_context() -> None:
    found = '{"results": [{"text": "Lamps are repaired in Oslo by our own staff.", "source": "repair.md"}]}'
    told = answer("Where are lamps repaired?", after=result(found))
    assert told == "Lamps are repaired in Oslo by our own staff. [repair.md]"


def test_a_tool_result_of_fields_becomes_a_sentence() -> None:
    after = result('{"city": "Paris", "temp_c": 18, "sky": "clear"}', "get_weather", '{"city": "Paris"}')
    told = answer("What is the weather?", after=after)
    assert told == "According to get_weather(city=Paris), temp c is 18, sky is clear."


def test_a_question_in_two_parts_is_answered_from_tool_and_text() -> None:
    after = result('{"order_id": "7", "status": "shipped"}', "order_status", '{"order_id": "7"}')
    question = "Are sale items refunded, and what is the status of order 7?"
    assert ask_handbook(question, model="gpt-4o-mini", after=after) == (
        "According to order_status(order_id=7), status is shipped. Sale items are not refunded."
    )


def test_a_failed_tool_is_reported() -> None:
    told = answer("Where is my order?", after=result('{"error": "no such order"}', "get_order"))
    assert told == "get_order() failed: no such order."


def test_choices_of_one_request_differ() -> None:
    asked = request(f"Context:\n{HANDBOOK}\n\nQuestion: What about shipping?", model="gpt-4o-mini", n=2)
    assert reply(asked.for_choice(0)).text != reply(asked.for_choice(1)).text


def test_it_says_that_it_is_no_model() -> None:
    assert "not a model" in answer("Who are you?")
    assert "not a model" in answer("Hello!")


def test_an_image_is_measured_and_not_looked_at() -> None:
    from spanbook.offline import Image

    png = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + (64).to_bytes(4, "big") + (48).to_bytes(4, "big")
    message = Message(role="user", text="What is this?", images=(Image("image/png", png),))
    told = reply(Request(api="chat", model="gpt-4o", messages=(message,))).text
    assert "image/png, 64 × 48 pixels, 24 bytes" in told
    assert "cannot see" in told


@pytest.mark.parametrize("text", ["", " " * 5000, "?" * 999, "[" * 999, "Question:", "a\n\n\n\nb", "\ud800?"])
def test_strange_prompts_get_an_answer(text: str) -> None:
    assert answer(text)


def test_long_prompts_are_read_in_linear_time() -> None:
    """Each of these took seconds with a pattern that backtracks."""
    for text in ("(source: " * 20_000, "order 1, " * 20_000, "1," * 50_000, " " * 200_000):
        assert answer(f"{text}\n\nHow do refunds work?")
