"""Embeddings: the texts that went in, the shape of what came out. Vectors are never kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._openai_common import put_request, put_response

_HEAD: Final = 10


def map_embeddings_input(fields: dict[str, Any]) -> None:
    """Replace the raw request by its text or list of texts; token ids become their count and first ids."""
    request = fields["input"]
    put_request(fields, request)
    fields["input"] = _readable(request.get("input"))


def map_embeddings_output(fields: dict[str, Any]) -> None:
    """Replace the raw response by the shape of its vectors, as an array without values."""
    response = fields["output"]
    put_response(fields, response)
    fields["output"] = vectors_summary(response.get("data"))


def vectors_summary(data: Any) -> dict[str, Any]:
    """Return ``{"$type": "array", "shape": [texts, dimension], …}`` of a raw ``data`` list or of its summary.

    A vector is a list of numbers or base64 text of 32-bit floats (what the client asks for by itself).
    """
    if isinstance(data, Mapping):
        shape, head = list(data.get("shape") or ()), list(data.get("head") or ())
    else:
        rows = [row.get("embedding") for row in data or () if isinstance(row, Mapping)]
        shape = [len(rows), dimension(rows[0])] if rows else [0, 0]
        head = [float(x) for x in rows[0][:_HEAD]] if rows and isinstance(rows[0], list) else []
    return {"$type": "array", "shape": shape, "dtype": "float32", "head": head[:_HEAD]}


def readable_vectors(value: Any) -> Any:
    """Return the shape of a vector, or of a list of them; anything else as it is."""
    rows = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
    if not all(isinstance(row, list) and row and all(isinstance(x, (int, float)) for x in row) for row in rows):
        return value
    return vectors_summary([{"embedding": row} for row in rows])


def dimension(vector: Any) -> int:
    """Return how many numbers a vector has, given as a sequence of numbers or as base64 of 32-bit floats."""
    if isinstance(vector, str):
        return (len(vector) * 3 // 4 - vector[-2:].count("=")) // 4
    return len(vector) if hasattr(vector, "__len__") else 0


def _readable(value: Any) -> Any:
    if isinstance(value, list | tuple) and value:
        if all(isinstance(item, int) for item in value):
            return {"$type": "array", "shape": [len(value)], "dtype": "int64", "head": list(value[:_HEAD])}
        return [_readable(item) for item in value]
    return value
