"""The one import hook: several may await a module, and each may give up for itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spanbook.integrations._imports import ImportHook


def test_each_that_awaits_a_module_is_called_and_may_give_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "awaited_by_many.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    called: list[str] = []
    hook = ImportHook()
    calls = {name: lambda module, name=name: called.append(f"{name} {module.__name__}") for name in ("a", "b", "c")}
    for call in calls.values():
        hook.when_imported("awaited_by_many", call)
    hook.forget("awaited_by_many", calls["b"])
    assert hook in sys.meta_path

    __import__("awaited_by_many")

    assert called == ["a awaited_by_many", "c awaited_by_many"]
    assert hook not in sys.meta_path
    monkeypatch.delitem(sys.modules, "awaited_by_many")
