"""Requests of MCP clients to a real server: in memory, and as a program of its own."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import spanbook as sb
from spanbook.integrations import integrations
from tests.integrations.conftest import Spans

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the server's own packages
mcp_server: Any = None  # set by a fixture, so that only the worker that runs these tests imports it


@pytest.fixture(scope="module", autouse=True)
def _server_is_imported() -> None:
    globals()["mcp_server"] = import_module("tests.integrations.mcp_server")


@pytest.fixture
def traced(spans: Spans) -> Iterator[Spans]:
    sb.instrument("mcp")
    yield spans
    sb.uninstrument("mcp")


@asynccontextmanager
async def connected() -> AsyncIterator[Any]:
    if mcp_server.IS_VERSION_1:
        from mcp.shared.memory import create_connected_server_and_client_session as connect
    else:
        from mcp import Client as connect

    async with connect(mcp_server.make()) as client:
        yield client


def named(spans: Spans, name: str) -> Any:
    (found,) = [span for span in spans() if span.name == name]
    return found


async def test_a_tool_call(traced: Spans) -> None:
    async with connected() as client:
        with sb.span("ask"):
            result = await client.call_tool("add", {"a": 2, "b": 3})

    span = named(traced, "tools/call add")
    assert result.model_dump(by_alias=True)["structuredContent"] == {"result": 5}
    assert (span.kind, span.status, span.input, span.output) == ("tool", "ok", {"a": 2, "b": 3}, {"result": 5})
    assert span.parent_id == named(traced, "ask").span_id
    assert span.attributes["gen_ai.tool.name"] == "add"
    assert span.attributes["mcp.method.name"] == "tools/call"
    assert (span.attributes["mcp.server.name"], span.attributes["mcp.server.version"]) == ("weather", "1.2")


async def test_text_is_the_output(traced: Spans) -> None:
    async with connected() as client:
        await client.call_tool("say", {"word": "hello"})

    assert named(traced, "tools/call say").output == "hello"


async def test_pictures_become_blobs(traced: Spans) -> None:
    async with connected() as client:
        await client.call_tool("draw")

    (message,) = named(traced, "tools/call draw").output
    text, picture = message["parts"]
    assert (message["role"], text) == ("tool", {"type": "text", "content": "Here it is:"})
    assert (picture["type"], picture["mime_type"], picture["size"]) == ("blob", "image/png", len(mcp_server.PNG))
    assert "content" not in picture


async def test_a_tool_that_reports_an_error(traced: Spans) -> None:
    async with connected() as client:
        result = await client.call_tool("fail")

    span = named(traced, "tools/call fail")
    assert result.model_dump(by_alias=True)["isError"]
    assert (span.status, span.error["type"]) == ("error", "ToolError")
    assert "no weather today" in span.error["message"]


async def test_a_request_that_fails(traced: Spans) -> None:
    import mcp

    error = mcp.McpError if mcp_server.IS_VERSION_1 else mcp.MCPError
    async with connected() as client:
        with pytest.raises(error):
            await client.read_resource("weather://nowhere")

    span = named(traced, "resources/read weather://nowhere")
    assert (span.status, span.error["type"]) == ("error", error.__name__)


async def test_lists_resources_and_prompts(traced: Spans) -> None:
    async with connected() as client:
        await client.list_tools()
        await client.read_resource("weather://paris")
        await client.get_prompt("ask", {"city": "Paris"})

    listed = named(traced, "tools/list")
    assert (listed.kind, listed.output["tools"][0]["name"]) == ("span", "add")
    assert named(traced, "resources/read weather://paris").output == "sunny"
    assert named(traced, "prompts/get ask").output == [
        {"role": "user", "parts": [{"type": "text", "content": "How is the weather in Paris?"}]}
    ]


async def test_the_server_is_told_the_span(traced: Spans) -> None:
    async with connected() as client:
        await client.call_tool("parent")
        mine = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        given = dict(mine)
        await client.call_tool("parent", meta=given)

    ours, theirs = (span for span in traced() if span.name == "tools/call parent")
    assert ours.output == f"00-{ours.trace_id}-{ours.span_id}-01"
    assert (theirs.output, given) == (mine["traceparent"], mine)


async def test_a_server_that_is_a_program(traced: Spans) -> None:
    from mcp import ClientSession, StdioServerParameters, stdio_client

    path = Path(mcp_server.__file__)
    async with (
        stdio_client(StdioServerParameters(command=sys.executable, args=[str(path)])) as (read, write),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        await session.call_tool("add", {"a": 1, "b": 1})

    started = named(traced, "initialize")
    assert started.attributes["mcp.server.name"] == "weather"
    assert named(traced, "tools/call add").output == {"result": 2}


async def test_off_again_nothing_is_recorded_and_all_is_put_back(spans: Spans) -> None:
    from mcp import ClientSession

    before = dict(vars(ClientSession))
    sb.instrument("mcp")
    assert vars(ClientSession)["call_tool"] is not before["call_tool"]
    sb.uninstrument("mcp")

    async with connected() as client:
        await client.call_tool("say", {"word": "hello"})

    assert dict(vars(ClientSession)) == before
    assert spans() == []


def test_it_has_a_row_among_the_integrations(traced: Spans) -> None:
    (row,) = [row for row in integrations() if row["name"] == "mcp"]
    assert row["problems"] == []
