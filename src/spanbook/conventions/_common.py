"""What the conventions of OpenTelemetry say of any span, whatever it traces: who, where, which release."""

from __future__ import annotations

from typing import Final

from ._draft import Draft
from ._usage import as_count

_ENVIRONMENT: Final = ("deployment.environment.name", "deployment.environment")


def map_common(draft: Draft) -> None:
    """Set user, session, environment and release; the latter two from the resource when the span has none."""
    draft.put("user_id", draft.text("user.id", "enduser.id"))
    draft.put("session_id", draft.text("session.id"))
    resource = draft.span.resource
    for field, names in (("environment", _ENVIRONMENT), ("release", ("service.version",))):
        draft.put(field, draft.text(*names))
        draft.put(
            field, next((value for name in names if isinstance(value := resource.get(name), str) and value), None)
        )
    pid = as_count(resource.get("process.pid"))
    draft.put("process_id", pid)
