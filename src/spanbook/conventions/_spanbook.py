"""What spanbook itself exports (``frames._otlp``), read back: GenAI's attributes, the rest under ``spanbook.*``."""

from __future__ import annotations

from typing import Any, Final

from ..model import KINDS
from ._draft import Draft
from ._genai import map_genai

_TEXTS: Final = (
    "level", "cost_source", "feature", "region", "notebook", "cell_id", "cell_hash", "git_commit", "prompt_version",
    "environment", "release",
)  # fmt: skip
_NUMBERS: Final = ("cost_usd", "input_cost_usd", "output_cost_usd")
_COUNTS: Final = ("first_token_ns", "execution_count", "process_id")
_STATUSES: Final = ("open", "interrupted", "ok", "error")
_OWN: Final = "spanbook.attributes."


def map_spanbook(draft: Draft) -> None:
    """Set what our export says under names of our own."""
    kind, status = draft.left.pop("spanbook.kind", None), draft.left.pop("spanbook.status", None)
    draft.put("kind", kind if kind in KINDS else None)
    draft.put("status", status if status in _STATUSES else None)
    for name in _TEXTS:
        draft.put(name, draft.text(f"spanbook.{name}"))
    for name in _NUMBERS:
        draft.put(name, draft.number(f"spanbook.{name}"))
    for name in _COUNTS:
        draft.put(name, draft.count(f"spanbook.{name}"))
    for side in ("input", "output"):
        draft.put(side, draft.data(f"spanbook.{side}"))
    draft.put_tags(draft.items("spanbook.tags"))
    draft.add("metadata", draft.mapping("spanbook.metadata"))
    draft.add("model_parameters", draft.mapping("spanbook.model_parameters"))
    counts: dict[str, Any] = {name: count for name in list(draft.left) if name.startswith("spanbook.usage.")
                              and (count := draft.count(name)) is not None}  # fmt: skip
    draft.put_usage({name.removeprefix("spanbook.usage."): count for name, count in counts.items()})
    if draft.left.pop("spanbook.counted", None) is False:
        draft.put("counted", False)
    draft.put("links", draft.items("spanbook.links"))
    if kind in KINDS:  # the export says all in GenAI's words; what another dialect left beside these says less
        map_genai(draft)
    draft.left |= draft.below(_OWN)  # what stood under these names before
