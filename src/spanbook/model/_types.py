"""The words every other module uses: observation kinds, statuses, levels."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

ObservationKind: TypeAlias = Literal[
    "span", "llm", "embedding", "retriever", "reranker", "tool", "agent", "chain", "guardrail", "evaluator", "event"
]
KINDS: Final[tuple[ObservationKind, ...]] = (
    "span",
    "llm",
    "embedding",
    "retriever",
    "reranker",
    "tool",
    "agent",
    "chain",
    "guardrail",
    "evaluator",
    "event",
)
KIND_CODE: Final[dict[str, int]] = {kind: code for code, kind in enumerate(KINDS)}
#: Kinds whose usage and cost are summed into their trace; other spans may repeat their children's totals.
COUNTED_KINDS: Final = frozenset({"llm", "embedding"})

Status: TypeAlias = Literal["open", "interrupted", "ok", "error"]
STATUSES: Final[tuple[Status, ...]] = ("open", "interrupted", "ok", "error")
#: A span only moves forward: a record of lower rank never overwrites one of higher rank.
STATUS_RANK: Final[dict[str, int]] = {"open": 0, "interrupted": 1, "ok": 2, "error": 2}

Level: TypeAlias = Literal["debug", "default", "warning", "error"]
LEVELS: Final[tuple[Level, ...]] = ("debug", "default", "warning", "error")

ScoreSource: TypeAlias = Literal["human", "code", "llm", "user"]
SCORE_SOURCES: Final[tuple[ScoreSource, ...]] = ("human", "code", "llm", "user")
_LONGEST_LABEL: Final = 64


#: Name of the score that holds what an output should have been; its value is always a text.
CORRECTED_OUTPUT: Final = "corrected_output"


def text_score_type(name: str, value: str) -> Literal["label", "text"]:
    """Return the ``value_type`` of a score that is a text: a label when it is short, and one line."""
    is_label = name != CORRECTED_OUTPUT and len(value) <= _LONGEST_LABEL and "\n" not in value
    return "label" if is_label else "text"


#: Any value ``json.loads`` can return.
Json: TypeAlias = Any

#: Parts of ``input_tokens`` and ``output_tokens`` (both inclusive) that a usage mapping may name.
USAGE_FIELDS: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
)
