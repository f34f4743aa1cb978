"""A server of a few tools, run in memory or as a program that speaks over its standard input."""

from __future__ import annotations

import base64
from importlib.metadata import version
from typing import Any

from mcp.types import ImageContent, TextContent

IS_VERSION_1 = version("mcp").startswith("1.")
if IS_VERSION_1:
    from mcp.server.fastmcp import Context
    from mcp.server.fastmcp import FastMCP as MCPServer
    from mcp.server.fastmcp.exceptions import ToolError
else:
    from mcp.server.mcpserver import Context, MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


def make() -> Any:
    """Return the server."""
    if IS_VERSION_1:
        server = MCPServer("weather")
        server._mcp_server.version = "1.2"
    else:
        server = MCPServer("weather", version="1.2")

    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    def say(word: str) -> str:
        """Say a word."""
        return word

    def draw() -> list[Any]:
        """Draw a picture."""
        data = base64.b64encode(PNG).decode()
        picture = ImageContent.model_validate({"type": "image", "data": data, "mimeType": "image/png"})
        return [TextContent(type="text", text="Here it is:"), picture]

    def fail() -> str:
        """Fail."""
        raise ToolError("no weather today")

    def parent(context: Context[Any, Any]) -> str:
        """Return the traceparent of the request."""
        meta = context.request_context.meta
        return str(dict(meta or {}).get("traceparent"))  # of a mapping, or of version 1's model

    def paris() -> str:
        """Return the weather of Paris."""
        return "sunny"

    def ask(city: str) -> str:
        """Ask for the weather."""
        return f"How is the weather in {city}?"

    for tool in (add, fail):
        server.tool()(tool)
    for tool in (say, draw, parent):  # type: ignore[assignment]
        server.tool(structured_output=False)(tool)
    server.resource("weather://paris")(paris)
    server.prompt()(ask)
    return server


if __name__ == "__main__":
    make().run("stdio")
