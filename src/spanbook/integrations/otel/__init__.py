"""OpenTelemetry in this process: its spans among ours, ours among its, and nobody in anybody's way.

Decision (2026-11). While no tracer provider is set, ours stands in the global slot without using up the one time that
``set_tracer_provider`` works, and says that it is a proxy, as an empty slot does: whoever sets a provider later does so
as if we were not there, and what holds a tracer of ours is passed on to theirs. To a provider that takes span
processors ours is added. The context runtime is wrapped, so that OpenTelemetry's context and our current span are one
thing: native spans pay nothing for it, the context is made when OpenTelemetry asks. All three hold on to names that
OpenTelemetry does not promise to keep; each is looked for first, and what is missing is said in
``integrations()``, never raised. Nothing is imported before the program imports ``opentelemetry.trace``.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, Final

from .._guard import guard
from .._imports import ImportHook
from .._registry import Integration

_API: Final = "opentelemetry-api"
_MODULE: Final = "opentelemetry.trace"
TESTED: Final = ((1, 30), (1, 45))


class OtelIntegration(Integration):
    """Installs and removes what makes OpenTelemetry's spans ours."""

    def turn_on(self, hook: ImportHook) -> None:
        """Go between OpenTelemetry and its users, now or when its API is first imported."""
        if not self.is_on:
            self.is_on = True
            hook.when_imported(_MODULE, self._install)

    def _install(self, module: ModuleType) -> None:
        with guard("join OpenTelemetry"):
            from ._install import install

            install()

    def turn_off(self, hook: ImportHook) -> None:
        """Put everything back; spans that are open still record their end."""
        self.is_on = False
        hook.forget(_MODULE)
        if "spanbook.integrations.otel._install" in sys.modules:
            from ._install import uninstall

            uninstall()

    def row(self) -> dict[str, Any]:
        """Return what ``doctor`` shows; see :func:`spanbook.integrations.integrations`."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            found: str | None = version(_API)
        except PackageNotFoundError:
            found = None
        problems: list[str] = []
        count = 0
        if "spanbook.integrations.otel._install" in sys.modules:
            from ._install import problems_now, what_is_on

            problems, count = problems_now(), len(what_is_on())
        if found is not None and (said := untested(found)):
            problems.append(said)
        state = "off" if not self.is_on else "missing" if found is None else "on" if count else "waiting"
        return {
            **self.described(),
            "package": _API,
            "state": state,
            "version": found,
            "patched": count,
            "problems": problems,
        }


def untested(version: str) -> str:
    """Return what to say of a version of the API that this was never tried with; empty when it was."""
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    low, high = TESTED
    if low <= parts <= high:
        return ""
    return (
        f"{_API} {version} is untested; spanbook knows {'.'.join(map(str, low))} to {'.'.join(map(str, high))}. "
        "If spans are missing, install one of these."
    )


INTEGRATION: Final = OtelIntegration(
    "otel",
    package="opentelemetry",
    tested="1.30 to 1.45",
    targets=dict,
)
