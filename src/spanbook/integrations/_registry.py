"""The integrations that spanbook has: which are on, what they patched, what they could not find."""

from __future__ import annotations

import platform
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

from ..model import UsageError
from ..tracer import warn_once
from ._guard import guard
from ._imports import ImportHook
from ._patch import Patch, Target, apply, undo

C = TypeVar("C")


def _no_client(client: Any) -> bool:
    return False


class Integration:
    """One client library: its modules, the methods in them, and how one client of it is wrapped.

    Args:
        name: What users call it.
        package: The top-level module; a client's class or one of its bases comes from there.
        tested: Versions it was tried with, in words: ``"1.5 to 2.14"``. Empty: not said.
        targets: Module name → methods to wrap in it; called on first use, may not import the library.
        wrap_client: Wraps one client, returns False when it has nothing to wrap.
        unwrap_client: Takes that back.
        is_default: It is on when all are turned on; else only when it is named.
        companion: A module to import on the thread that imports the package, right after it; see ``openai``.
    """

    what = "integration"
    by = "spanbook"  # whose it is: a plugin's package and version

    def __init__(
        self,
        name: str,
        *,
        package: str,
        tested: str,
        targets: Callable[[], Mapping[str, list[Target]]],
        wrap_client: Callable[[Any], bool] = _no_client,
        unwrap_client: Callable[[Any], bool] = _no_client,
        is_default: bool = True,
        companion: str = "",
    ) -> None:
        self.name, self.package, self.tested, self._companion = name, package, tested, companion
        self.wrap_client, self.unwrap_client = wrap_client, unwrap_client
        self.is_on, self.is_default = False, is_default
        self.missing: list[str] = []
        self._targets = targets
        self._patches: list[Patch] = []

    def turn_on(self, hook: ImportHook) -> None:
        """Patch the modules that are imported, and the others when they are."""
        if self.is_on:
            return
        self.is_on = True
        if self._companion:
            hook.when_imported(self.package, self._import_companion)
        for module, targets in self._targets().items():
            hook.when_imported(module, self._patcher(targets))

    def turn_off(self, hook: ImportHook) -> None:
        """Put every method back and await no module any more."""
        self.is_on = False
        if self._companion:
            hook.forget(self.package, self._import_companion)
        for module in self._targets():
            hook.forget(module)
        undo(self._patches)
        self.missing = []

    def row(self) -> dict[str, Any]:
        """Return what ``doctor`` shows; see :func:`spanbook.integrations.integrations`."""
        version = installed_version(self.package)
        if not self.is_on:
            state = "off"
        elif version is None:
            state = "missing"
        else:
            state = "on" if self._patches else "waiting"
        problems = [f"{method} was not found; calls to it are not traced" for method in self.missing]
        if version is not None and (said := untested(self.package, version, self.tested)):
            problems.append(said)
        return {
            **self.described(),
            "state": state,
            "version": version,
            "patched": len(self._patches),
            "problems": problems,
        }

    def described(self) -> dict[str, Any]:
        """Return what a row says of it whether it is on or not."""
        return {
            "name": self.name, "what": self.what, "package": self.package, "by": self.by, "tested": self.tested,
            "hint": "",
        }  # fmt: skip

    def _import_companion(self, module: ModuleType) -> None:
        with suppress(ImportError):
            import_module(self._companion)

    def _patcher(self, targets: list[Target]) -> Callable[[ModuleType], None]:
        def patch(module: ModuleType) -> None:
            patches, missing = apply(module, targets, lambda: self.is_on)
            self._patches += patches
            self.missing += missing
            for method in missing:
                warn_once(
                    f"missing-{method}",
                    f"{self.package} {installed_version(self.package) or ''} has no {method}; calls to it are not "
                    f"traced. spanbook knows {self.package} {self.tested}.",
                )

        return patch


class Registry:
    """All integrations of this process; thread-safe.

    ``more`` gives those that installed packages bring. It is asked again each time, as some may have been installed
    meanwhile; the same name is the same integration.
    """

    def __init__(
        self,
        integrations: Iterable[Integration],
        more: Callable[[Mapping[str, Integration]], Iterable[Integration]] = lambda known: (),
    ) -> None:
        self._known = {integration.name: integration for integration in integrations}
        self._more = more
        self.hook = ImportHook()
        self._lock = threading.RLock()

    def look(self) -> None:
        """Get to know what installed packages bring."""
        with self._lock, guard("find plugins"):
            for integration in self._more(self._known):
                self._known.setdefault(integration.name, integration)

    def instrument(self, *names: str) -> list[str]:
        with self._lock:
            _check_names(names)
            if not self._known.keys() >= set(names) or not names:
                self.look()
            chosen = [integration for integration in self._chosen(names) if names or integration.is_default]
            for integration in chosen:
                integration.turn_on(self.hook)
            return [integration.name for integration in chosen]

    def uninstrument(self, *names: str) -> list[str]:
        with self._lock:
            _check_names(names)
            was_on = [integration for integration in self._chosen(names) if integration.is_on]
            for integration in was_on:
                integration.turn_off(self.hook)
            return [integration.name for integration in was_on]

    def wrap(self, client: C) -> C:
        with self._lock:
            integration = self._of_client(client)
            if integration is None:
                self.look()
                integration = self._of_client(client)
            if integration is None or not integration.wrap_client(client):
                libraries = ", ".join(i.name for i in self._known.values() if i.is_default and i.what == "integration")
                raise UsageError(
                    f"{_described(client)} is no client that sb.wrap() knows; give it a client of "
                    f"{libraries}, such as openai.OpenAI(), or trace all clients with sb.instrument()."
                )
            return client

    def unwrap(self, client: C) -> C:
        with self._lock:
            integration = self._of_client(client)
            if integration is not None:
                integration.unwrap_client(client)
            return client

    def known(self) -> list[Integration]:
        with self._lock:
            return list(self._known.values())

    def is_on(self, name: str) -> bool:
        integration = self._known.get(name)
        return integration is not None and integration.is_on

    def rows(self) -> list[dict[str, Any]]:
        with self._lock:
            self.look()
            return [_row_of(integration) for integration in self._known.values()]

    def _chosen(self, names: tuple[str, ...]) -> list[Integration]:
        for name in names:
            if name not in self._known:
                near = get_close_matches(str(name), self._known, 1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise UsageError(f"{name!r} is no integration; spanbook has {', '.join(map(repr, self._known))}.{hint}")
        return [self._known[name] for name in names or self._known]

    def _of_client(self, client: Any) -> Integration | None:
        packages = [base.__module__.partition(".")[0] for base in type(client).__mro__]
        known = (one for one in self._known.values() if one.what == "integration")
        return next((one for one in known if one.package in packages), None)


def _check_names(names: tuple[Any, ...]) -> None:
    for name in names:
        if not isinstance(name, str):
            raise UsageError(f"{name!r} is a {type(name).__name__}; give each name as a text: 'openai', 'langchain'.")


def _row_of(integration: Integration) -> dict[str, Any]:
    """Return the row of an integration, whatever a class of its own leaves out of it."""
    row: dict[str, Any] = {"state": "failed", "version": None, "patched": 0, "problems": ["its row cannot be made"]}
    with guard(f"describe the integration {integration.name}"):
        row = integration.row()
    return {**integration.described(), **row}


def untested(package: str, version: str, tested: str) -> str:
    """Return what to say of a version that an integration was not tried with; empty when it was, or is likely alike.

    That is: not older than the oldest it names, and of no later major version than the newest (of none later at all
    before 1.0).
    """
    known = sorted(tuple(map(int, found.split("."))) for found in re.findall(r"\d+\.\d+", tested))
    now = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if not known or len(now) < 2:
        return ""
    low, high = known[0], known[-1]
    if low <= now and (now[0] <= high[0] if high[0] else now <= high):
        return ""
    return f"{package} {version} is untested; known are {tested}. If calls are missing, install one of these"


def installed_version(package: str) -> str | None:
    """Return the version of an imported module, of Python for its own, or of an installed package; None of none."""
    module = sys.modules.get(package)
    version = getattr(module, "__version__", None)
    if version is not None:
        return str(version)
    if package in sys.stdlib_module_names:
        return platform.python_version()
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(package)
    except PackageNotFoundError:
        return None


def _described(value: Any) -> str:
    if isinstance(value, ModuleType):
        return f"the module {value.__name__!r}"
    kind = type(value)
    return f"a {kind.__module__}.{kind.__qualname__}"
