"""Responses with embeddings → plain dicts without their vectors."""

from __future__ import annotations

from typing import Any, Final

from ...conventions._openai_embeddings import dimension
from .._stainless._plain import plain

_HEAD: Final = 10


def plain_embeddings(response: Any) -> Any:
    """Return an embeddings response with the shape and first numbers in place of its vectors."""
    data = response.get("data") if isinstance(response, dict) else getattr(response, "data", None)
    if not isinstance(data, list):
        return plain(response)
    first = _vector(data[0]) if data else ()
    head = [float(number) for number in first[:_HEAD]] if isinstance(first, list) else []
    summary = {"shape": [len(data), dimension(first)], "head": head}
    if isinstance(response, dict):
        return {**response, "data": summary}
    usage = plain(getattr(response, "usage", None))
    return {"model": getattr(response, "model", None), "usage": usage, "data": summary}


def _vector(row: Any) -> Any:
    return row.get("embedding") if isinstance(row, dict) else getattr(row, "embedding", ())
