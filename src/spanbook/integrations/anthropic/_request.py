"""What is Anthropic's own about a request: answers' formats given as classes, tools given as functions, platforms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .._guard import guard
from .._stainless._request import provider_at, schema_of

#: Part of the name of a client's class → provider, as the price table names it.
_PLATFORMS: Final = (("Bedrock", "aws"), ("Vertex", "google"), ("GoogleCloud", "google"), ("Foundry", "azure"))


def adapt(request: dict[str, Any]) -> None:
    """Put JSON in place of a class given as format and of the beta's tools made from functions, as the SDK sends it."""
    form = request.get("output_format")
    if isinstance(form, type):
        schema = schema_of(form).get("schema")
        config = request.get("output_config")
        given = config if isinstance(config, Mapping) else {}
        request["output_config"] = {**given, "format": {"type": "json_schema", "schema": schema}}
        del request["output_format"]
    tools = request.get("tools")
    if isinstance(tools, list | tuple):
        request["tools"] = [_definition(tool) for tool in tools]


def provider(kind: type, host: str) -> str:
    """Return the provider of a client; "anthropic" for hosts that only speak its language."""
    for base in kind.__mro__:
        for part, name in _PLATFORMS:
            if part in base.__name__:
                return name
    return provider_at(host) or "anthropic"


def _definition(tool: Any) -> Any:
    """Return what the SDK makes of a tool that runs a function of the user (``beta_tool``)."""
    if not hasattr(tool, "to_dict"):
        return tool
    with guard("read the definition of a tool"):
        return tool.to_dict()
    return tool
