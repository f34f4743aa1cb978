"""LlamaIndex: queries, retrievals, reranks, models, embeddings, tools, agents and workflows.

Decision (2026-11): LlamaIndex tells its instrumentation of every method that matters, so a span handler and an event
handler of ours on the root dispatcher see them; the user's handlers stay where they are. It says nothing of who reads
the generator that a streaming method returns, and the request is only made then, often after the query has ended. So
generators are driven (``_driven``) inside their span: the client's own span and whatever else happens there stand
below it. What that costs: a few methods of LlamaIndex's classes are wrapped, too.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, Final

from .._guard import guard
from .._imports import ImportHook
from .._registry import Integration

#: The dispatcher's home since core 0.12, and where it was before; workflows can be used without core.
_MODULES: Final = ("llama_index_instrumentation", "llama_index.core.instrumentation")
_PACKAGE: Final = "llama-index-core"


class LlamaIndexIntegration(Integration):
    """Puts our handlers on LlamaIndex's root dispatcher, and takes them off."""

    def turn_on(self, hook: ImportHook) -> None:
        """Listen now, or when LlamaIndex's instrumentation is first imported."""
        if not self.is_on:
            self.is_on = True
            for name in _MODULES:
                hook.when_imported(name, self._listen)

    def _listen(self, module: ModuleType) -> None:
        with guard("listen to LlamaIndex"):
            from ._listen import listen

            self.missing = listen(module)

    def turn_off(self, hook: ImportHook) -> None:
        """Listen no more; spans of streams that are being read still end."""
        self.is_on = False
        self.missing = []
        for name in _MODULES:
            hook.forget(name)
        if f"{__name__}._listen" in sys.modules:
            from ._listen import forget

            forget()

    def row(self) -> dict[str, Any]:
        """Return what ``doctor`` shows; see :func:`spanbook.integrations.integrations`."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            found: str | None = version(_PACKAGE)
        except PackageNotFoundError:
            found = None
        count = 0
        if f"{__name__}._listen" in sys.modules:
            from ._listen import what_is_on

            count = what_is_on()
        state = "off" if not self.is_on else "missing" if found is None else "on" if count else "waiting"
        return {
            "name": self.name,
            "package": _PACKAGE,
            "state": state,
            "version": found,
            "patched": count,
            "problems": [f"{name} was not found; LlamaIndex is not traced" for name in self.missing],
        }


def _nothing(client: Any) -> bool:
    return False


INTEGRATION: Final = LlamaIndexIntegration(
    "llama_index",
    package="llama_index",
    tested="core 0.14",
    targets=dict,
    wrap_client=_nothing,
    unwrap_client=_nothing,
)
