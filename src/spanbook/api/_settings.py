"""Settings of ``sb.init`` that belong to no single store."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ..model import UsageError

if TYPE_CHECKING:
    from ..model.redaction import Redactor

DISPLAYS: Final = ("chip", "off")
POLICIES: Final = ("off", "secrets", "secrets+pii", "metadata-only")

#: What a notebook shows after a cell that traced something.
display: str = "chip"


def check(*, environment: Any, display: Any, redact: Any, sample: Any) -> None:
    """Check the arguments of ``init``.

    Raises:
        UsageError: one is wrong.
    """
    if environment is not None and not isinstance(environment, str):
        raise UsageError(f"environment={environment!r} is a {type(environment).__name__}; give text such as 'dev'.")
    if display not in DISPLAYS:
        raise UsageError(f"display={display!r} is unknown; it is 'chip' or 'off'.")
    if not callable(redact) and redact not in POLICIES:
        raise UsageError(f"redact={redact!r} is unknown; it is one of {', '.join(POLICIES)}, or a function.")
    if isinstance(sample, bool) or not isinstance(sample, (int, float)) or not 0.0 <= sample <= 1.0:
        raise UsageError(f"sample={sample!r} is no share of traces; give a number from 0 to 1.")


def early_redactor(policy: str | Callable[[Any], Any]) -> Redactor:
    """Return what ``redact_before_journal`` applies in the caller's thread."""
    from ..model.redaction import make_redactor

    return make_redactor(policy)
