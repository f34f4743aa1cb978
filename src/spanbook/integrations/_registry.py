"""The integrations that spanbook has: which are on, what they patched, what they could not find."""

from __future__ import annotations

import platform
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import Any, TypeVar

from ..model import UsageError
from ..tracer import warn_once
from ._imports import ImportHook
from ._patch import Patch, Target, apply

C = TypeVar("C")


class Integration:
    """One client library: its modules, the methods in them, and how one client of it is wrapped.

    Args:
        name: What users call it.
        package: The top-level module; a client's class or one of its bases comes from there.
        tested: Versions it was tried with, in words.
        targets: Module name → methods to wrap in it; called on first use, may not import the library.
        wrap_client: Wraps one client, returns False when it has nothing to wrap.
        unwrap_client: Takes that back.
        is_default: It is on when all are turned on; else only when it is named.
    """

    def __init__(
        self,
        name: str,
        *,
        package: str,
        tested: str,
        targets: Callable[[], Mapping[str, list[Target]]],
        wrap_client: Callable[[Any], bool],
        unwrap_client: Callable[[Any], bool],
        is_default: bool = True,
    ) -> None:
        self.name, self.package, self.tested = name, package, tested
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
        for module, targets in self._targets().items():
            hook.when_imported(module, self._patcher(targets))

    def turn_off(self, hook: ImportHook) -> None:
        """Put every method back and await no module any more."""
        self.is_on = False
        for module in self._targets():
            hook.forget(module)
        while self._patches:
            self._patches.pop().undo()
        self.missing = []

    def row(self) -> dict[str, Any]:
        """Return what ``doctor`` shows; see :func:`spanbook.integrations.integrations`."""
        version = _version(self.package)
        if not self.is_on:
            state = "off"
        elif version is None:
            state = "missing"
        else:
            state = "on" if self._patches else "waiting"
        problems = [f"{method} was not found; calls to it are not traced" for method in self.missing]
        return {
            "name": self.name,
            "package": self.package,
            "state": state,
            "version": version,
            "patched": len(self._patches),
            "problems": problems,
        }

    def _patcher(self, targets: list[Target]) -> Callable[[ModuleType], None]:
        def patch(module: ModuleType) -> None:
            patches, missing = apply(module, targets, lambda: self.is_on)
            self._patches += patches
            self.missing += missing
            for method in missing:
                warn_once(
                    f"missing-{method}",
                    f"{self.package} {_version(self.package) or ''} has no {method}; calls to it are not "
                    f"traced. spanbook knows {self.package} {self.tested}.",
                )

        return patch


class Registry:
    """All integrations of this process; thread-safe."""

    def __init__(self, integrations: Iterable[Integration]) -> None:
        self._known = {integration.name: integration for integration in integrations}
        self._hook = ImportHook()
        self._lock = threading.RLock()

    def instrument(self, *names: str) -> list[str]:
        with self._lock:
            chosen = [integration for integration in self._chosen(names) if names or integration.is_default]
            for integration in chosen:
                integration.turn_on(self._hook)
            return [integration.name for integration in chosen]

    def uninstrument(self, *names: str) -> list[str]:
        with self._lock:
            was_on = [integration for integration in self._chosen(names) if integration.is_on]
            for integration in was_on:
                integration.turn_off(self._hook)
            return [integration.name for integration in was_on]

    def wrap(self, client: C) -> C:
        with self._lock:
            integration = self._of_client(client)
            if integration is None or not integration.wrap_client(client):
                libraries = ", ".join(i.name for i in self._known.values() if i.is_default)
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

    def is_on(self, name: str) -> bool:
        integration = self._known.get(name)
        return integration is not None and integration.is_on

    def rows(self) -> list[dict[str, Any]]:
        with self._lock:
            return [integration.row() for integration in self._known.values()]

    def _chosen(self, names: tuple[str, ...]) -> list[Integration]:
        for name in names:
            if name not in self._known:
                near = get_close_matches(str(name), self._known, 1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise UsageError(f"{name!r} is no integration; spanbook has {', '.join(map(repr, self._known))}.{hint}")
        return [self._known[name] for name in names or self._known]

    def _of_client(self, client: Any) -> Integration | None:
        packages = [base.__module__.partition(".")[0] for base in type(client).__mro__]
        return next((i for i in self._known.values() if i.package in packages), None)


def _version(package: str) -> str | None:
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
