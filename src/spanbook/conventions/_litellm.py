"""litellm's own telemetry: GenAI's attributes, OpenLLMetry's names of the request, and its metadata.

Values that are not text, numbers or bools are sent as Python writes them; most of these stay text.
Source: ``litellm/integrations/opentelemetry.py``.
"""

from __future__ import annotations

from ._draft import Draft
from ._parts import parsed_json
from ._python_text import parsed_python
from ._usage import usage_from


def map_litellm(draft: Draft) -> None:
    """Set user and metadata."""
    used = parsed_python(str(draft.left.get("metadata.usage_object")))
    if isinstance(used, dict):
        draft.put_usage(usage_from(used))
        del draft.left["metadata.usage_object"]
    given = {name: parsed_json(value) for name, value in draft.below("metadata.").items() if value not in ("", "None")}
    users = (draft.text("llm.user"), given.get("user_api_key_end_user_id"), given.get("user_id"))
    draft.put("user_id", next((name for name in users if isinstance(name, str) and name), None))
    session = given.get("session_id")
    draft.put("session_id", session if isinstance(session, str) and session else None)
    draft.add("metadata", given)
    provider, _, model = str(draft.left.get("litellm.provider.model", "")).partition("/")
    if model and not draft.left.get("gen_ai.provider.name", draft.left.get("gen_ai.system")):
        draft.put_provider(provider)
    streams = draft.left.get("llm.is_streaming")
    if streams in ("True", "False"):
        draft.left["llm.is_streaming"] = streams == "True"
