"""Counts of tokens become inclusive by one rule."""

from __future__ import annotations

from typing import Any

import pytest

from spanbook.conventions._usage import as_count, usage_from


@pytest.mark.parametrize(
    ("raw", "into", "out_of"),
    [
        ({"input": 9, "output": 6, "cache_read": 3, "total": 15}, 9, 6),  # inclusive
        ({"input": 6, "output": 6, "cache_read": 3, "total": 15}, 9, 6),  # the cache is beside the input
        ({"input": 6, "output": 4, "cache_read": 3, "output_reasoning": 2, "total": 15}, 9, 6),
        ({"input": 9, "output": 4, "output_reasoning": 2, "total": 15}, 9, 6),  # Gemini's thoughts
        ({"input": 2, "output": 6, "cache_read": 3, "cache_write": 4}, 9, 6),  # a part larger than its whole
        ({"input": 9, "output": 6, "cache_read": 3}, 9, 6),
        ({"input_tokens": 5, "output_tokens": 6, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 1}, 9, 6),
        (
            {
                "promptTokenCount": 7,
                "toolUsePromptTokenCount": 2,
                "candidatesTokenCount": 4,
                "thoughtsTokenCount": 2,
                "cachedContentTokenCount": 3,
            },
            9,
            6,
        ),
        ({"inputTokens": 9, "outputTokens": 6, "cachedInputTokens": 3, "totalTokens": 15}, 9, 6),
        ({"input_tokens": 5, "output_tokens": 6, "cache_read": 30, "total_tokens": 11}, 35, 6),
    ],
)
def test_both_sides_are_inclusive(raw: dict[str, int], into: int, out_of: int) -> None:
    usage = usage_from(raw)
    assert (usage["input_tokens"], usage["output_tokens"]) == (into, out_of)


def test_nested_details_name_their_parts() -> None:
    raw = {
        "prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 4, "accepted_prediction_tokens": 1},
    }  # fmt: skip
    assert usage_from(raw) == {
        "input_tokens": 9, "output_tokens": 6, "cache_read_tokens": 3, "audio_input_tokens": 1, "reasoning_tokens": 2,
        "audio_output_tokens": 4,
    }  # fmt: skip


@pytest.mark.parametrize("raw", [None, [], "9", {"input": "many"}, {"inputCost": 1.0}, {"input": -1}, {"input": True}])
def test_what_is_no_usage(raw: Any) -> None:
    assert usage_from(raw) == {}


@pytest.mark.parametrize(("value", "count"), [(12, 12), (12.0, 12), ("12", 12), (12.5, None), (True, None), (-1, None)])
def test_counts(value: Any, count: int | None) -> None:
    assert as_count(value) == count


def test_geminis_interactions_count_thoughts_beside_the_output() -> None:
    counts = {"total_input_tokens": 10, "total_output_tokens": 5, "total_thought_tokens": 3, "total_cached_tokens": 2,
              "total_tokens": 18}  # fmt: skip
    assert usage_from(counts) == {
        "input_tokens": 10, "output_tokens": 8, "cache_read_tokens": 2, "reasoning_tokens": 3}  # fmt: skip
