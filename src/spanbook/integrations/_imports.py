"""One import hook for all integrations: runs a function right after a module is first imported.

The finder asks the others for the module and has the loader's ``exec_module`` call back once, so the
module, its spec and its loader are the ones it would have had without us. It leaves ``sys.meta_path``
when nothing is awaited.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ._guard import guard

OnImport = Callable[[ModuleType], None]


class ImportHook(MetaPathFinder):
    """Awaits modules by name. Removed from ``sys.meta_path`` while it awaits none."""

    def __init__(self) -> None:
        self._awaited: dict[str, list[OnImport]] = {}
        self._asking = threading.local()

    def when_imported(self, name: str, call: OnImport) -> None:
        """Call ``call(module)`` after ``name`` is imported; at once when it has been."""
        module = sys.modules.get(name)
        if module is not None:
            call(module)
            return
        self._awaited.setdefault(name, []).append(call)
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def forget(self, name: str, call: OnImport | None = None) -> None:
        """No longer await ``name``, for this call or for any."""
        left = [one for one in self._awaited.pop(name, ()) if call is not None and one != call]
        if left:
            self._awaited[name] = left
        if not self._awaited and self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the other finders have, with our call after the module's own code."""
        if fullname not in self._awaited or getattr(self._asking, "name", None) == fullname:
            return None
        self._asking.name = fullname
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asking.name = None
        if spec is not None and spec.loader is not None:
            with guard(f"watch the import of {fullname}"):
                self._call_after(spec.loader, fullname)
        return spec

    def _call_after(self, loader: Any, fullname: str) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            vars(loader).pop("exec_module", None)
            execute(module)
            calls = self._awaited.get(fullname, ())
            self.forget(fullname)
            for call in calls:
                with guard(f"instrument {fullname}"):
                    call(module)

        if isinstance(loader, type):
            raise TypeError(f"{loader!r} is shared by all modules it loads")
        loader.exec_module = exec_module
