"""Anthropic's client on and off: methods patched and put back, platforms, one client, not installed."""

from __future__ import annotations

import inspect
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import spanbook as sb
from spanbook import integrations
from spanbook.offline import OfflineModel
from tests.integrations.claude import ASK, message
from tests.integrations.conftest import Spans
from tests.integrations.wire import Reply, Wire

anthropic: Any = None  # set by a fixture, so that only the worker that runs these tests imports it
pytestmark = pytest.mark.usefixtures("anthropic")


def methods() -> dict[str, Any]:
    """Return the methods that are patched, as they stand in their classes now."""
    from anthropic._base_client import AsyncAPIClient, SyncAPIClient
    from anthropic.lib.bedrock import _beta_messages as bedrock
    from anthropic.lib.vertex import _beta_messages as vertex
    from anthropic.resources.beta.messages import messages as beta
    from anthropic.resources.messages import messages as stable

    found: dict[str, Any] = {}
    for module in (stable, beta, bedrock, vertex):
        for owner in (module.Messages, module.AsyncMessages):
            names = ("create", "parse", "stream")
            found |= {f"{module.__name__}.{owner.__name__}.{name}": owner.__dict__[name] for name in names}
    for client in (SyncAPIClient, AsyncAPIClient):
        found[f"{client.__name__}._sleep_for_retry"] = client.__dict__["_sleep_for_retry"]
    return found


def test_uninstrument_restores_the_very_same_functions() -> None:
    before = methods()

    assert sb.instrument("anthropic") == ["anthropic"]
    during = methods()
    sb.instrument("anthropic")
    assert methods() == during
    assert sb.uninstrument("anthropic") == ["anthropic"]

    assert all(now is before[name] for name, now in methods().items())
    assert all(now is not before[name] for name, now in during.items())


def test_metadata_of_methods_is_kept() -> None:
    before = methods()
    sb.instrument("anthropic")
    during = methods()
    sb.uninstrument("anthropic")

    for name, method in during.items():
        assert (method.__qualname__, method.__doc__) == (before[name].__qualname__, before[name].__doc__)
        assert inspect.signature(method) == inspect.signature(before[name])


def test_it_is_on_by_default() -> None:
    assert "anthropic" in sb.instrument()
    (row,) = [row for row in integrations.integrations() if row["name"] == "anthropic"]
    sb.uninstrument()

    assert (row["state"], row["version"], row["problems"]) == ("on", anthropic.__version__, [])


def run_elsewhere(code: str, folder: Path) -> str:
    """Return what a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.strip()


def test_imported_later_and_put_back(tmp_path: Path, wire: Wire) -> None:
    """The platforms' classes copy methods that are patched by then; they too get their own back."""
    wire.replies = [Reply(json=message("Hi"))]
    code = f"""
        import sys
        import spanbook as sb
        sb.init(store="store.db", instrument=False)
        sb.instrument()
        assert "anthropic" not in sys.modules
        import anthropic
        client = anthropic.Anthropic(base_url={wire.url!r}, api_key="test")
        client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=[{{"role": "user", "content": "Hello"}}])
        client.beta.messages, anthropic.AnthropicBedrock
        sb.uninstrument()
        from anthropic.lib.bedrock._beta_messages import Messages as Copied
        from anthropic.resources.beta.messages import Messages
        assert Copied.__dict__["create"] is Messages.__dict__["create"]
        assert "spanbook" not in Messages.create.__code__.co_filename
        print(sb.last_trace().root.output[0]["parts"][0]["content"])
    """
    assert run_elsewhere(code, tmp_path) == "Hi"


def test_not_installed_is_said_and_no_error(tmp_path: Path) -> None:
    code = """
        import importlib.abc, importlib.metadata, sys
        class Without(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == "anthropic":
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        sys.meta_path.insert(0, Without())
        whole = importlib.metadata.version
        def version(name):
            if name == "anthropic":
                raise importlib.metadata.PackageNotFoundError(name)
            return whole(name)
        importlib.metadata.version = version
        import spanbook as sb
        from spanbook.integrations import integrations
        sb.instrument()
        print([row["state"] for row in integrations() if row["name"] == "anthropic"])
        try:
            import anthropic
        except ModuleNotFoundError as error:
            print(error)
    """
    assert run_elsewhere(code, tmp_path) == "['missing']\nNo module named 'anthropic'"


def test_unknown_layout_disables_one_method_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from anthropic.resources.messages import Messages

    from spanbook.tracer._report import forget_said

    forget_said()
    monkeypatch.delattr(Messages, "parse")
    with pytest.warns(sb.SpanbookWarning, match=r"has no .*Messages\.parse; calls to it are not traced.*2\.14"):
        sb.instrument("anthropic")
    (row,) = [row for row in integrations.integrations() if row["name"] == "anthropic"]
    sb.uninstrument("anthropic")

    assert (row["state"], len(row["problems"])) == ("on", 1)


# -- platforms


def test_vertex_client(claude_traced: Spans, wire: Wire) -> None:
    wire.replies = [Reply(json=message("Hi")), Reply(json=message("Hi"))]
    made = anthropic.AnthropicVertex(
        base_url=wire.url, region="us-east5", project_id="p", access_token="t", max_retries=0
    )

    with made as client:
        client.messages.create(**ASK)
        client.beta.messages.create(**ASK)

    first, second = claude_traced()
    assert (first.provider, second.provider) == ("google", "google")
    assert first.attributes["server.address"] == "127.0.0.1"


def test_bedrock_client(claude_traced: Spans, wire: Wire) -> None:
    wire.replies = [Reply(json=message("Hi")), Reply(json=message("Hi"))]

    with anthropic.AnthropicBedrock(base_url=wire.url, aws_region="us-east-1", api_key="k", max_retries=0) as client:
        client.messages.create(**ASK)
        client.beta.messages.create(**ASK)

    assert [span.provider for span in claude_traced()] == ["aws", "aws"]


# -- one client


def test_wrapped_client_is_traced_alone(spans: Spans, model: OfflineModel) -> None:
    model.rules[:] = []
    with model.anthropic_client() as mine, model.anthropic_client() as other:
        assert sb.wrap(mine) is mine
        mine.messages.create(**ASK)
        list(mine.messages.create(**ASK, stream=True))
        with mine.messages.stream(**ASK) as stream:
            stream.until_done()
        mine.messages.with_raw_response.create(**ASK)
        mine.with_options(timeout=5).messages.create(**ASK)
        mine.beta.messages.create(**ASK)
        other.messages.create(**ASK)

    assert len(spans()) == 6


async def test_wrapped_async_client(spans: Spans, model: OfflineModel) -> None:
    model.rules[:] = []
    async with model.async_anthropic_client() as mine:
        sb.wrap(mine)
        await mine.messages.create(**ASK)
        async with mine.messages.stream(**ASK) as stream:
            await stream.until_done()
        async with mine.messages.with_streaming_response.create(**ASK) as response:
            await response.read()

    assert len(spans()) == 3


def test_wrapped_and_instrumented_is_recorded_once(spans: Spans, model: OfflineModel) -> None:
    with model.anthropic_client(max_retries=0) as mine:
        sb.wrap(mine)
        sb.instrument("anthropic")
        mine.messages.create(**ASK)
        with mine.messages.stream(**ASK) as stream:
            stream.until_done()
        sb.uninstrument("anthropic")
        mine.messages.create(**ASK)

    assert len(spans()) == 3


def test_unwrapped_client_is_as_it_was(spans: Spans, model: OfflineModel) -> None:
    with model.anthropic_client() as mine:
        before = set(vars(mine.messages))
        sb.wrap(mine)
        integrations.unwrap(mine)
        mine.messages.create(**ASK)

        assert set(vars(mine.messages)) == before
    assert spans() == []
