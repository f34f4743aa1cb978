"""What the conventions of OpenTelemetry say of any span, whatever it traces: who, where, which release; and MCP."""

from __future__ import annotations

from typing import Final

from ._draft import Draft
from ._usage import as_count

_ENVIRONMENT: Final = ("deployment.environment.name", "deployment.environment")
_RELEASE: Final = ("service.version",)


def map_common(draft: Draft) -> None:
    """Set user, session, environment and release; the latter two from the resource when the span has none."""
    if draft.left.get("mcp.method.name") == "tools/call":
        draft.put("kind", "tool")
    draft.put("user_id", draft.text("user.id", "enduser.id"))
    draft.put("session_id", draft.text("session.id"))
    resource = draft.span.resource
    for field, names in (("environment", _ENVIRONMENT), ("release", _RELEASE)):
        draft.put(field, draft.text(*names))
        for name in names:
            value = resource.get(name)
            if value and isinstance(value, str):
                draft.put(field, value)
    draft.put("process_id", as_count(resource.get("process.pid")))
