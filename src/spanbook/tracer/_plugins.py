"""Packages that extend spanbook, found by their entry points when they are first needed.

Decision (2026-11). The standard library finds entry points by opening the metadata of every installed package through
``pathlib``: 20 ms and more each time, which ``%load_ext`` would pay. So the folders on ``sys.path`` are looked through
here, which takes a tenth of that, and the standard library reads those packages that have something for us. What is
in zip files or behind a finder of its own is not found. A folder that changed (``%pip install``) is looked at again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from threading import RLock
from typing import Any, Final, NamedTuple

from ._report import warn_once

INTEGRATIONS: Final = "spanbook.integrations"
CONVENTIONS: Final = "spanbook.conventions"
EVALUATORS: Final = "spanbook.evaluators"
OTEL: Final = "opentelemetry_instrumentor"
_GROUPS: Final = (INTEGRATIONS, CONVENTIONS, EVALUATORS, OTEL)
_SIGNS: Final = tuple(f"[{group}]".encode() for group in _GROUPS)

_lock = RLock()
_folders: dict[str, tuple[int, list[Plugin]]] = {}  # folder → when it changed last, what its packages offer
_loaded: dict[Plugin, Any] = {}
_problems: dict[Plugin, str] = {}


class Plugin(NamedTuple):
    """An entry point: what a package offers under a name."""

    group: str
    name: str
    value: str  # "module:attribute"
    package: str  # name of the distribution
    version: str
    requires: tuple[str, ...] = ()


class NotAPlugin(Exception):
    """What an entry point names is not what its group asks for; the text says what was expected."""


def find_plugins(group: str) -> list[Plugin]:
    """Return what installed packages offer in a group; nothing is imported."""
    with _lock:
        first: dict[str, str] = {}  # distribution → the folder on sys.path that has it first: the others are hidden
        return [
            plugin
            for folder, plugin in _offered()
            if first.setdefault(plugin.package.lower(), folder) == folder and plugin.group == group
        ]


def load_plugin(plugin: Plugin, check: Callable[[Any], Any]) -> Any:
    """Return what an entry point names, as ``check`` returns it; None when it fails, which is said once and kept.

    Args:
        plugin: Of :func:`find_plugins`.
        check: Returns what is to be used, or raises ``NotAPlugin``.
    """
    with _lock:
        if plugin not in _loaded and plugin not in _problems:
            try:
                _loaded[plugin] = check(_imported(plugin.value))
            except NotAPlugin as error:
                refuse(plugin, str(error))
            except Exception as error:  # noqa: BLE001 - anybody's code
                refuse(plugin, f"could not be loaded ({type(error).__name__}: {str(error)[:300]})")
            except SystemExit as error:
                refuse(plugin, f"could not be loaded (it called exit({error.code!r}))")
        return _loaded.get(plugin)


def refuse(plugin: Plugin, problem: str) -> None:
    """Keep why a plugin is not used, and say it once."""
    _problems[plugin] = problem
    _loaded.pop(plugin, None)
    warn_once(
        f"plugin-{plugin.group}-{plugin.package}-{plugin.name}",
        f"the plugin {plugin.name!r} ({plugin.group}) of {plugin.package} {plugin.version} {problem}; it is left out. "
        f"Update or remove it: pip install -U {plugin.package}.",
    )


def problem_of(plugin: Plugin) -> str:
    """Return why a plugin is not used; empty when it is, or was not loaded yet."""
    return _problems.get(plugin, "")


def _offered() -> Iterator[tuple[str, Plugin]]:
    """Yield what installed packages offer in our groups, in the order of ``sys.path``."""
    for entry in dict.fromkeys(sys.path):
        folder = entry or os.curdir
        try:
            changed = os.stat(folder).st_mtime_ns
            if _folders.get(folder, (None,))[0] != changed:
                _folders[folder] = (changed, [plugin for path in _scan(folder) for plugin in _read(path)])
        except OSError:  # a zip file, or nothing at all
            continue
        for plugin in _folders[folder][1]:
            yield folder, plugin


def _scan(folder: str) -> Iterator[str]:
    """Yield the metadata folders that name one of our groups."""
    for entry in os.listdir(folder):
        if not entry.endswith((".dist-info", ".egg-info")):
            continue
        path = os.path.join(folder, entry)
        try:
            with open(os.path.join(path, "entry_points.txt"), "rb", buffering=0) as file:
                text = file.read()
        except OSError:  # most have none
            continue
        if any(sign in text for sign in _SIGNS):
            yield path


def _read(path: str) -> Iterator[Plugin]:
    """Yield the entry points of a package in our groups."""
    from importlib.metadata import Distribution

    try:
        found = Distribution.at(path)
        about: Any = found.metadata  # once: each asking reads it again
        name, version, requires = str(about["Name"]), str(about["Version"]), tuple(about.get_all("Requires-Dist") or ())
        for entry in found.entry_points:
            if entry.group in _GROUPS:
                yield Plugin(entry.group, entry.name, entry.value, name, version, requires)
    except Exception as error:  # noqa: BLE001 - damaged metadata is no reason to fail
        warn_once(f"plugin-{path}", f"the metadata in {path!r} could not be read ({error}); its plugins are left out.")


def _imported(value: str) -> Any:
    from importlib import import_module

    module, _, attributes = value.partition(":")
    found: Any = import_module(module.strip())
    for name in filter(None, attributes.partition("[")[0].strip().split(".")):
        found = getattr(found, name)
    return found
