"""What installed packages bring to spanbook, and libraries that nothing traces: found, checked, listed.

See CONTRIBUTING.md, "Writing a plugin", for what each group of entry points asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

from ..tracer._plugins import (
    EVALUATORS,
    INTEGRATIONS,
    NotAPlugin,
    Plugin,
    find_plugins,
    load_plugin,
    problem_of,
    refuse,
)
from ._imports import ImportHook
from ._instrumentors import Instrumentor, find_instrumentors, is_imported
from ._libraries import LIBRARIES, Library, hint_for, is_installed, say_hint
from ._registry import Integration, installed_version


def more_integrations(known: Mapping[str, Integration]) -> Iterator[Integration]:
    """Yield the integrations of plugins, and the OpenTelemetry instrumentors that are installed."""
    ours = {name: one for name, one in known.items() if one.by == "spanbook"}
    found: dict[str, Integration] = {}
    for plugin in find_plugins(INTEGRATIONS):
        made = load_plugin(plugin, _checked_integration)
        if made is None or found.get(made.name) is made:
            continue
        if made.name in ours or made.name in found:
            refuse(plugin, f"brings an integration {made.name!r}, which is the name of another one")
            continue
        made.by = f"{plugin.package} {plugin.version}"
        found[made.name] = made
        yield made
    native = [*ours.values(), *found.values()]
    roots = {one.package for one in native} - {"opentelemetry"}
    names = {one.name for one in native}
    for instrumentor in find_instrumentors(lambda name, root: name in names or root in roots):
        if instrumentor.name not in known:
            yield instrumentor


def other_rows() -> list[dict[str, Any]]:
    """Return the rows of plugins that are no integrations, and of those that could not be used."""
    from ..conventions.registry import plugins_found

    failed = [plugin for plugin in find_plugins(INTEGRATIONS) if problem_of(plugin)]
    rows = [_row(plugin, "integration", "") for plugin in failed]
    rows += [_row(plugin, "dialect", "on") for plugin in plugins_found()]
    return rows + [_row(plugin, "evaluator", "available") for plugin in evaluators_found()]


def evaluators_found() -> list[Plugin]:
    """Return the evaluators that installed packages bring; each is loaded, to see that it can be called."""
    plugins = find_plugins(EVALUATORS)
    names: set[str] = set()
    for plugin in plugins:
        if load_plugin(plugin, _checked_evaluator) is not None and plugin.name in names:
            refuse(plugin, f"brings an evaluator {plugin.name!r}, which is the name of another one")
        names.add(plugin.name)
    return plugins


class Untraced:
    """Well-known libraries that nothing traces: said when one is imported, and listed."""

    def __init__(self) -> None:
        self._awaited: dict[str, Callable[[ModuleType], None]] = {}

    def watch(self, hook: ImportHook, traced: Iterable[Integration]) -> None:
        """Await the libraries that none of these is for."""
        for library in _without(traced):
            if library.module not in self._awaited and not is_imported(library.module):
                self._awaited[library.module] = _saying(library)
                hook.when_imported(library.module, self._awaited[library.module])

    def forget(self, hook: ImportHook) -> None:
        """Await none any more."""
        while self._awaited:
            hook.forget(*self._awaited.popitem())

    def rows(self, traced: Iterable[Integration]) -> list[dict[str, Any]]:
        """Return a row for each that was imported, with what to install."""
        return [
            {
                "name": library.name, "what": "library", "package": library.package, "by": "", "tested": "",
                "hint": hint_for(library), "state": "untraced", "version": installed_version(library.package),
                "patched": 0, "problems": [],
            }
            for library in _without(traced)
            if is_imported(library.module) and is_installed(library)
        ]  # fmt: skip


def _without(traced: Iterable[Integration]) -> list[Library]:
    modules = {one.module if isinstance(one, Instrumentor) else one.package for one in traced}
    names = {one.name for one in traced}
    return [one for one in LIBRARIES if one.name not in names and one.module not in modules]


def _saying(library: Library) -> Callable[[ModuleType], None]:
    return lambda module: say_hint(library)


def _row(plugin: Plugin, what: str, state: str) -> dict[str, Any]:
    problem = problem_of(plugin)
    return {
        "name": plugin.name, "what": what, "package": plugin.package, "by": f"{plugin.package} {plugin.version}",
        "tested": "", "hint": "", "state": "failed" if problem else state, "version": plugin.version, "patched": 0,
        "problems": [problem] if problem else [],
    }  # fmt: skip


def _checked_integration(value: Any) -> Integration:
    if not isinstance(value, Integration):
        raise NotAPlugin(f"is a {type(value).__name__}; expected a spanbook.integrations.Integration")
    return value


def _checked_evaluator(value: Any) -> Any:
    if not callable(value):
        raise NotAPlugin(f"is a {type(value).__name__}; expected a callable: trial -> scores")
    return value
