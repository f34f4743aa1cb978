"""What the offline model does by a model's name: how large it plays, how fast it answers, what it lists."""

from __future__ import annotations

import fnmatch
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ._rules import Rule
from ._types import ApiError, Request
from ._usage import is_reasoning_model

OWNER = "spanbook-offline (scripted rules, not a model)"
LISTED = (
    "gpt-4.1",
    "gpt-4.1-mini",
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-5",
    "gpt-5-mini",
    "o3",
    "o4-mini",
    "text-embedding-3-large",
    "text-embedding-3-small",
)
Size = Literal["small", "large"]

_SMALL = re.compile(r"(?<![a-z])(?:mini|nano|small|tiny|lite|haiku|flash|instant|3\.5|[1-9]b)(?![a-z])", re.I)
_ABSENT = re.compile(r"no-such|nonexistent|does-not-exist|not-a-model|unknown-model", re.I)
_FIRST_S = {"small": 0.03, "large": 0.07}
_TOKEN_S = {"small": 0.001, "large": 0.0025}
_SPREAD_S = 0.02  # on top, fixed by the text of the request
_THINKING_S = 0.03  # on top, for reasoning models
_CREATED = 1_735_689_600  # 2025-01-01, so that listings do not change


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds before anything, before the first piece of the reply, and between pieces."""

    delay_s: float = 0.0
    first_s: float = 0.0
    token_s: float = 0.0

    def whole_s(self, pieces: int) -> float:
        """Seconds until a reply of so many pieces is complete."""
        return self.delay_s + self.first_s + self.token_s * max(pieces - 1, 0)


def size_of(model: str) -> Size:
    """``small`` for names such as ``gpt-4o-mini`` or ``claude-haiku``, ``large`` for all others."""
    return "small" if _SMALL.search(model) else "large"


def timing_of(request: Request, rule: Rule | None, factor: float) -> Timing:
    """How long to wait: what the rule says, else the model's own times multiplied by ``factor``.

    The model's own first piece takes 30 to 120 ms: a base for its size, more for reasoning models, and a
    part that depends on the text alone, so that the same request always takes the same time.
    """
    size = size_of(request.model)
    spread = zlib.crc32(request.text_of("any").encode("utf-8", "surrogatepass")) / 2**32
    first = _FIRST_S[size] + _SPREAD_S * spread + (_THINKING_S if is_reasoning_model(request.model) else 0.0)
    first, token = first * factor, _TOKEN_S[size] * factor
    if rule is None:
        return Timing(0.0, first, token)
    return Timing(
        rule.delay_s,
        first if rule.first_token_delay_s is None else rule.first_token_delay_s,
        token if rule.token_delay_s is None else rule.token_delay_s,
    )


def check_served(model: str, served: Sequence[str] | None) -> None:
    """Refuse a model this server does not have, as OpenAI does (404, ``model_not_found``).

    With ``served`` None any name is served, but for those that say themselves that they do not exist.
    """
    if served is None:
        is_served = not _ABSENT.search(model)
    else:
        is_served = any(fnmatch.fnmatchcase(model, glob) for glob in served)
    if not is_served:
        text = f"The model `{model}` does not exist or you do not have access to it."
        raise ApiError(404, text, param="model", code="model_not_found")


def model_json(model: str) -> dict[str, Any]:
    """One entry of the list of models."""
    return {"id": model, "object": "model", "created": _CREATED, "owned_by": OWNER}
