"""Tokens by the stated rule."""

from __future__ import annotations

import pytest

from spanbook.offline import Image, Message, Request
from spanbook.offline._engine import limit_reply
from spanbook.offline._types import Reply, ToolCall
from spanbook.offline._usage import PromptCache, count_tokens, cut_text, is_reasoning_model, usage_of
from tests.offline.asking import request

LONG = "word " * 80  # 100 tokens


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("éé", 1), ("🙂🙂", 2)])
def test_four_bytes_are_a_token(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens


def test_messages_and_images_have_their_own_price() -> None:
    message = Message(role="user", text="abcd", images=(Image("image/png", b"x"),))
    assert PromptCache().read(Request(api="chat", model="m", messages=(message,))) == (1 + 3 + 85, 0)


def test_a_prefix_seen_before_is_cached() -> None:
    cache = PromptCache()
    asked = request("first", system=LONG)
    assert cache.read(asked)[1] == 0
    assert cache.read(request("second", system=LONG)) == (103 + 5, 103)
    assert cache.read(request("second", system=LONG, model="other"))[1] == 0


def test_a_short_prefix_is_not_cached() -> None:
    cache = PromptCache()
    cache.read(request("first", system="Be kind."))
    assert cache.read(request("first", system="Be kind."))[1] == 0


@pytest.mark.parametrize("model", ["o1", "o3-mini", "o4-mini", "gpt-5", "gpt-5.1-mini", "openai/gpt-5"])
def test_reasoning_models_are_known_by_name(model: str) -> None:
    assert is_reasoning_model(model)


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5-chat-latest", "gpt-50", "o15", "octopus-o1"])
def test_other_models_do_not_reason(model: str) -> None:
    assert not is_reasoning_model(model)


def test_reasoning_counts_towards_output_by_effort() -> None:
    usage = usage_of(request("x", model="o3", effort="high"), [Reply(text="abcd")], (4, 0))
    assert (usage.output_tokens, usage.reasoning_tokens) == (129, 128)


def test_a_limit_cuts_the_text_and_says_so() -> None:
    cut = limit_reply(Reply(text="é" * 100), request("x", max_tokens=5))
    assert (cut.text, cut.finish_reason) == ("é" * 10, "length")
    assert limit_reply(Reply(text="abcd"), request("x", max_tokens=1)).finish_reason == "stop"


def test_reasoning_may_leave_no_room_for_the_answer() -> None:
    asked = request("x", model="o3", max_tokens=20)
    cut = limit_reply(Reply(text="abcd"), asked)
    assert (cut.text, cut.finish_reason) == ("", "length")
    assert usage_of(asked, [cut], (4, 0)).output_tokens == 20


def test_a_limit_cuts_the_arguments_of_a_call() -> None:
    reply = Reply(tool_calls=(ToolCall("abcd", '{"city": "Paris"}'),), finish_reason="tool_calls")
    cut = limit_reply(reply, request("x", max_tokens=3))
    assert cut.tool_calls[0].arguments == '{"city":'
    assert cut.finish_reason == "length"


def test_text_ends_before_a_stop_sequence() -> None:
    assert limit_reply(Reply(text="one two three"), request("x", stop=(" three", " two"))).text == "one"


def test_no_letter_is_cut_in_half() -> None:
    assert cut_text("🙂🙂🙂", 2) == "🙂🙂"
