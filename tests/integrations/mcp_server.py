"""A server of a few tools, run in memory or as a program that speaks over its standard input."""

from __future__ import annotations

import base64
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ImageContent, TextContent

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


def make() -> Any:
    """Return the server."""
    server = MCPServer("weather", version="1.2")

    @server.tool()
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @server.tool(structured_output=False)
    def say(word: str) -> str:
        """Say a word."""
        return word

    @server.tool(structured_output=False)
    def draw() -> list[Any]:
        """Draw a picture."""
        picture = ImageContent(type="image", data=base64.b64encode(PNG).decode(), mime_type="image/png")
        return [TextContent(type="text", text="Here it is:"), picture]

    @server.tool()
    def fail() -> str:
        """Fail."""
        raise ToolError("no weather today")

    @server.tool(structured_output=False)
    def parent(context: Context[Any, Any]) -> str:
        """Return the traceparent of the request."""
        meta = context.request_context.meta
        return str((meta or {}).get("traceparent"))

    @server.resource("weather://paris")
    def paris() -> str:
        return "sunny"

    @server.prompt()
    def ask(city: str) -> str:
        """Ask for the weather."""
        return f"How is the weather in {city}?"

    return server


if __name__ == "__main__":
    make().run("stdio")
