"""Names and clients: which is asked, and what is said of those that are none."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import spanbook as sb
from spanbook.offline import OfflineModel, Rule
from tests.integrations.claude import message
from tests.integrations.wire import Reply, Wire, completion


def test_installed_libraries_configure_themselves(model: OfflineModel, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anthropic")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", model.base_url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", model.anthropic_url)
    model.rules[:] = [Rule(text="Hi")]

    assert sb.get_model("openai/gpt-4o-mini").ask("Hello").text == "Hi"
    assert sb.get_model("anthropic/claude-sonnet-5").ask("Hello").text == "Hi"
    assert [request.path for request in model.requests[-2:]] == ["/v1/chat/completions", "/v1/messages"]


def test_a_client_stands_for_the_provider_it_talks_to() -> None:
    import openai

    groq = openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="k")
    assert sb.use_client(groq) is groq
    assert sb.get_model("groq/llama-4").provider == "groq"


def test_clients_of_platforms(wire: Wire) -> None:
    anthropic = pytest.importorskip("anthropic")
    import openai

    azure = openai.AzureOpenAI(azure_endpoint=wire.url, api_key="k", api_version="2025-01-01", max_retries=0)
    bedrock = anthropic.AnthropicBedrock(base_url=wire.url, aws_region="us-east-1", api_key="k", max_retries=0)
    vertex = anthropic.AnthropicVertex(
        base_url=wire.url, region="us-east5", project_id="p", access_token="t", max_retries=0
    )
    for client, provider in ((azure, "azure"), (bedrock, "aws"), (vertex, "google")):
        wire.replies = [Reply(json=completion("Hi") if provider == "azure" else message("Hi"))]
        sb.use_client(client)
        assert sb.get_model(f"{provider}/some-model").ask("Hello", max_tokens=9).text == "Hi"
        client.close()
    assert "max_completion_tokens" in wire.requests[0]["body"]


def test_the_later_client_is_asked(model: OfflineModel) -> None:
    with model.client(default_headers={"x-which": "1"}) as first, model.client(default_headers={"x-which": "2"}) as two:
        sb.use_client(first, provider="mine")
        sb.use_client(two, provider="mine")
        sb.get_model("mine/m").ask("Hi")
        assert model.requests[-1].headers["x-which"] == "2"

        sb.use_client(None, provider="mine")
    with pytest.raises(sb.UsageError, match="no client for the provider 'mine'"):
        sb.get_model("mine/m")


def test_a_model_is_its_own_model() -> None:
    async def mine(messages: Any) -> str:
        return ""

    found = sb.get_model(mine)
    assert sb.get_model(found) is found
    assert repr(found) == "<Model 'mine'>"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpt-4o-mini", "'gpt-4o-mini' names no provider; expected 'provider/name', such as 'openai/gpt-4o-mini'"),
        ("claude-5", "'anthropic/claude-5'"),
        ("/x", "names no provider"),
        ("openai/", "names no provider"),
        (3, "neither a name nor an async function"),
    ],
)
def test_names_that_are_none(name: Any, said: str) -> None:
    with pytest.raises(sb.UsageError, match=said):
        sb.get_model(name)


@pytest.mark.parametrize("thing", [object(), sys, "client", int])
def test_clients_that_are_none(thing: Any) -> None:
    with pytest.raises(sb.UsageError, match=r"is no client that sb.use_client\(\) knows; give one of openai"):
        sb.use_client(thing)


@pytest.mark.parametrize("provider", ["", "a/b", 3])
def test_providers_that_are_none(provider: Any) -> None:
    with pytest.raises(sb.UsageError, match="cannot stand before a slash"):
        sb.use_client(object(), provider=provider)


def test_unknown_providers_without_litellm() -> None:
    """What is installed, what may be meant, and what to do."""
    code = """
        import importlib.util, spanbook as sb
        whole = importlib.util.find_spec
        import spanbook.models._clients as clients
        clients.find_spec = lambda name: whole(name) if name == "openai" else None
        for name in ("openia/gpt-4o", "groq/llama", "anthropic/claude"):
            try:
                sb.get_model(name)
            except sb.UsageError as error:
                print(error)
    """
    import textwrap

    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    first, second, third = done.stdout.splitlines()
    assert first.endswith("(installed: openai). Did you mean 'openai/gpt-4o'?")
    assert second.endswith("pip install litellm brings many, or give a client: sb.use_client(client, provider='groq').")
    assert "pip install anthropic brings it" in third


def test_litellm_asks_no_network_when_it_is_imported_for_a_name(tmp_path: Path) -> None:
    """Its import fetches a table of prices; where it is not the user who imports it, nothing may leave the machine."""
    pytest.importorskip("litellm")
    code = """
        import gc, os, socket, sys
        gc.disable()  # what is imported stays, and looking for garbage in it takes a second
        asked = []
        sys.addaudithook(lambda event, args: event == "socket.getaddrinfo" and asked.append(args))
        import spanbook as sb
        try:
            sb.get_model("nobody/model")
        except sb.UsageError:
            print("litellm" in sys.modules, asked, "LITELLM_LOCAL_MODEL_COST_MAP" in os.environ)
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LITELLM")}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)], cwd=tmp_path, text=True,
                          capture_output=True, env=environment, check=False)  # fmt: skip
    assert done.stdout.strip() == "True [] False", done.stderr
