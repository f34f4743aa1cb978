"""OpenTelemetry instrumentors that are installed (entry points ``opentelemetry_instrumentor``), attached to spanbook.

Each is attached when its library is imported, so that nothing is imported for a library that is not used, and gets our
tracer provider by name: the global one stays nobody's, and a provider that somebody sets later gets its spans too. One
that the program attached itself is left alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from ..tracer._plugins import OTEL, NotAPlugin, Plugin, find_plugins, load_plugin, problem_of
from ._guard import guard
from ._imports import ImportHook
from ._libraries import library_of, module_of
from ._registry import Integration, installed_version

#: They record no calls of a library, or change the program's own logging.
_NOT_BY_DEFAULT: Final = frozenset({"exceptions", "logging", "system_metrics", "threading"})


class Instrumentor(Integration):
    """One OpenTelemetry instrumentor."""

    what = "OpenTelemetry instrumentor"

    def __init__(self, plugin: Plugin, name: str, *, is_default: bool) -> None:
        self.plugin = plugin
        self.library, versions = library_of(plugin.requires)
        self.module = module_of(self.library, plugin.name)
        super().__init__(
            name, package=self.library or self.module, tested=versions, targets=dict, is_default=is_default
        )
        self.by = f"{plugin.package} {plugin.version}"
        self._attached: Any = None
        self._problem = self._hint = ""

    def turn_on(self, hook: ImportHook) -> None:
        """Attach it when its library is imported."""
        if not self.is_on:
            self.is_on = True
            hook.when_imported(self.module, self._attach)

    def turn_off(self, hook: ImportHook) -> None:
        """Take it off, if it was attached here."""
        self.is_on, self._problem, self._hint = False, "", ""
        hook.forget(self.module, self._attach)
        attached, self._attached = self._attached, None
        if attached is not None:
            with guard(f"take {self.plugin.package} off"):
                attached.uninstrument()

    def row(self) -> dict[str, Any]:
        """Return what ``doctor`` shows; see :func:`spanbook.integrations.integrations`."""
        version = installed_version(self.library) if self.library else installed_version(self.module)
        problem = problem_of(self.plugin) or self._problem
        waiting = "missing" if version is None else "waiting"
        state = "off" if not self.is_on else "failed" if problem else "on" if self._attached is not None else waiting
        return {
            **self.described(), "state": state, "version": version, "patched": int(self._attached is not None),
            "problems": [f"{self.plugin.package} {problem}"] if problem else [], "hint": self._hint,
        }  # fmt: skip

    def _attach(self, module: ModuleType) -> None:
        kind = load_plugin(self.plugin, _checked)
        if kind is None:
            return
        with guard(f"attach {self.plugin.package}"):
            self._problem = "could not be attached; the warning said why"
            instrumentor = kind()
            if getattr(instrumentor, "is_instrumented_by_opentelemetry", False):
                self._problem, self._hint = "", "the program has attached it itself, to a provider of its choice"
                return
            import_module("opentelemetry.trace")  # first, as its import is what puts our provider in place
            from .otel._install import provider

            instrumentor.instrument(tracer_provider=provider())
            # what it does when it finds a version of the library that it does not know: nothing, with a log message
            is_attached = getattr(instrumentor, "is_instrumented_by_opentelemetry", True)
            self._problem = "" if is_attached else f"does not take this version of {self.package}"
            self._attached = instrumentor if is_attached else None


def find_instrumentors(taken: Callable[[str, str], bool]) -> list[Instrumentor]:
    """Return the instrumentors that are installed.

    Args:
        taken: Tells of a library (its name, its top-level module) whether spanbook or a plugin traces it itself. Its
            instrumentors, and the second for one library, are attached only when they are named.
    """
    found: list[Instrumentor] = []
    names: set[str] = set()
    by_preference = sorted(find_plugins(OTEL), key=lambda one: not one.package.startswith("openinference"))
    for plugin in by_preference:
        library = library_of(plugin.requires)[0] or plugin.name
        root = module_of(library, plugin.name).partition(".")[0]
        is_first = library not in {one.library or one.plugin.name for one in found}
        is_default = is_first and not taken(plugin.name, root) and plugin.name not in _NOT_BY_DEFAULT
        name = plugin.name if is_default and plugin.name not in names else plugin.package
        if name not in names:
            names.add(name)
            found.append(Instrumentor(plugin, name, is_default=is_default))
    return found


def _checked(value: Any) -> Any:
    if not callable(getattr(value, "instrument", None)) or not callable(getattr(value, "uninstrument", None)):
        raise NotAPlugin(f"is a {type(value).__name__} without instrument() and uninstrument()")
    return value


def is_imported(module: str) -> bool:
    """Tell whether a module was imported."""
    return module in sys.modules
