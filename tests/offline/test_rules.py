"""Rules: what matches, what wins, what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from spanbook.model import UsageError
from spanbook.offline import Message, Request, Rule, RuleList
from tests.offline.asking import request, result


def test_the_last_user_message_is_searched_and_case_is_ignored() -> None:
    messages = (Message(role="user", text="first"), Message(role="user", text="Second"))
    asked = Request(api="chat", model="m", messages=messages)
    assert Rule(match="second").matches(asked)
    assert not Rule(match="first").matches(asked)


def test_a_compiled_pattern_is_used_as_it_is() -> None:
    assert not Rule(match=re.compile("hello")).matches(request("HELLO"))


def test_a_callable_sees_the_request() -> None:
    rule = Rule(match=lambda asked: len(asked.messages) == 1, text=lambda asked: asked.model.upper())
    assert rule.matches(request("x"))
    assert rule.reply(request("x", model="tiny")).text == "TINY"


@pytest.mark.parametrize(
    ("where", "text"), [("system", "be kind"), ("tool", "18 degrees"), ("user", "weather"), ("any", "kind")]
)
def test_other_messages_can_be_searched(where: Any, text: str) -> None:
    asked = request("What is the weather?", system="Be kind.", after=result("18 degrees"))
    assert Rule(match=text, where=where).matches(asked)
    assert not Rule(match="nowhere", where=where).matches(asked)


def test_model_and_endpoint_are_matched() -> None:
    assert Rule(model="gpt-4o*").matches(request("x", model="gpt-4o-mini"))
    assert not Rule(model="gpt-4o").matches(request("x", model="gpt-4o-mini"))
    assert not Rule(api="responses").matches(request("x"))


def test_embeddings_only_see_rules_without_a_reply() -> None:
    asked = Request(api="embeddings", model="e", messages=(Message(role="user", text="x"),))
    assert Rule(error=(500, "no")).matches(asked)
    assert not Rule(text="x").matches(asked)


def test_the_first_rule_that_matches_wins() -> None:
    first, second = Rule(match="a", text="1"), Rule(text="2")
    rules = RuleList([first, second])
    assert rules.find(request("abc")) is first
    assert rules.find(request("xyz")) is second
    del rules[1]
    assert rules.find(request("xyz")) is None


def test_a_rule_is_used_up_and_counted() -> None:
    rule = Rule(error=(429, "slow down"), times=2)
    rules = RuleList([rule])
    assert [rules.find(request("x")) for _ in range(3)] == [rule, rule, None]
    assert rules.used(rule) == 2


def test_rules_can_be_changed_like_a_list() -> None:
    a, b, c = (Rule(text=text) for text in "abc")
    rules = RuleList([a])
    rules.insert(0, b)
    rules[1:] = [c]
    rules[0] = a
    assert list(rules) == [a, c]
    assert list(rules[:1]) == [a]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"match": "("}, "not a regular expression"),
        ({"match": 3}, "neither text"),
        ({"where": "users"}, "where='users'"),
        ({"api": "completions"}, "api='completions'"),
        ({"error": 429}, "status 400 to 599"),
        ({"error": (200, "fine")}, "status 400 to 599"),
        ({"error": (429, None)}, "status 400 to 599"),
        ({"error_after": 2}, "not how"),
        ({"delay_s": -1}, "delay_s=-1"),
        ({"delay_s": float("inf")}, "delay_s=inf"),
        ({"token_delay_s": "1"}, "token_delay_s='1'"),
        ({"times": 0}, "times=0"),
        ({"cut_after": -1}, "cut_after=-1"),
        ({"tool_calls": [("name",)]}, "pairs"),
        ({"tool_calls": [("name", 3)]}, "neither a dict nor JSON"),
        ({"tool_calls": "name"}, "pairs"),
    ],
)
def test_a_bad_rule_is_refused_when_it_is_made(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        Rule(**arguments)


@pytest.mark.parametrize("value", ["hello", {"match": "x"}, None])
def test_what_is_no_rule_is_refused(value: Any) -> None:
    rules = RuleList()
    with pytest.raises(UsageError, match="is not a rule"):
        rules.append(value)
    with pytest.raises(UsageError):
        rules[:] = [value]
    assert len(rules) == 0
