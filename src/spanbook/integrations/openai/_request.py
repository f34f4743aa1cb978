"""What is OpenAI's own about a request: response formats given as classes, Azure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._stainless._request import provider_at, schema_of


def adapt(request: dict[str, Any]) -> None:
    """Put the JSON schema in place of a class given as response format, as the SDK sends it."""
    if isinstance(request.get("response_format"), type):
        request["response_format"] = {
            "type": "json_schema",
            "json_schema": schema_of(request["response_format"]),
        }
    if isinstance(request.get("text_format"), type):
        form = {"type": "json_schema", **schema_of(request.pop("text_format"))}
        text = request.get("text")
        request["text"] = {**text, "format": form} if isinstance(text, Mapping) else {"format": form}


def provider(kind: type, host: str) -> str:
    """Return the provider of a client; "openai" for hosts that only speak its language."""
    if any("Azure" in base.__name__ for base in kind.__mro__):
        return "azure"
    return provider_at(host) or "openai"
