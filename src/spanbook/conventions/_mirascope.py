"""Mirascope's traced functions: what they were given and returned, their tags, metadata and session.

Its calls of models are GenAI's; beside these it repeats their messages in its own form, and has more counts.
Source: ``mirascope/ops/_internal`` of mirascope 2.8.
"""

from __future__ import annotations

from ._draft import Draft
from ._usage import usage_from


def map_mirascope(draft: Draft) -> None:
    """Set what ``mirascope.*`` says."""
    if "mirascope.type" in draft.left:
        draft.put("kind", "chain")
        draft.put("input", draft.data("mirascope.trace.arg_values"))
        draft.put("output", draft.data("mirascope.trace.output"))
    elif "gen_ai.operation.name" in draft.left:
        draft.put_usage(usage_from(draft.mapping("mirascope.response.usage")))
    draft.put("session_id", draft.text("mirascope.ops.session.id"))
    tags, metadata = draft.items("mirascope.trace.tags"), draft.mapping("mirascope.trace.metadata")
    draft.put_tags(tags)
    draft.add("metadata", metadata)
    again = {"tags": tags, **{f"metadata.{name}": value for name, value in metadata.items()}}
    for name, value in again.items():
        if draft.left.get(name) == value:
            draft.left.pop(name, None)
