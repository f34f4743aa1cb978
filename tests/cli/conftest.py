"""A store to look at, and the command as a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import spanbook as sb
from spanbook.api import _runtime
from spanbook.cli import main


class Result(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two traces in a store that is the default here; nothing traces any more."""
    path = tmp_path / "store.db"
    monkeypatch.setenv("SPANBOOK_STORE", str(path))
    sb.init(store=path, instrument=False)
    with sb.span("first", "agent", user_id="ada", tags=["a"]), sb.span("chat", "llm", "hi", model="m", cost_usd=0.5):
        pass
    with pytest.raises(KeyError), sb.span("second", input="=1+1"):
        raise KeyError("gone")
    _runtime.reset()
    yield path
    _runtime.reset()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``spanbook`` with these arguments."""

    def call(*argv: object) -> Result:
        code = main([str(argument) for argument in argv])
        return Result(code, *capsys.readouterr())

    return call
