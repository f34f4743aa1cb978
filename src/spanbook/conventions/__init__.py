"""Dialects → the model: pure functions from what clients and instrumentors say to messages, usage, kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._clients import MAPPERS, Mapper

if TYPE_CHECKING:
    from ._draft import Draft
    from .otel import OtelSpan
    from .registry import SpanMapper

#: What plugins with a dialect of their own need; imported when asked for.
_FOR_PLUGINS = {"Draft": "_draft", "OtelSpan": "otel", "SpanMapper": "registry"}

__all__ = ["Draft", "OtelSpan", "SpanMapper", "normalise"]


def __getattr__(name: str) -> Any:
    if name not in _FOR_PLUGINS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_FOR_PLUGINS[name]}", __name__), name)


def normalise(fields: dict[str, Any]) -> dict[str, Any]:
    """Return span fields with raw input and output replaced by our forms; ``format`` says what they are.

    Args:
        fields: Span fields; ``input`` and ``output`` hold a client's raw request and response when ``format``
            is ``openai.chat``, ``openai.responses``, ``openai.embeddings``, ``openai.completions`` or
            ``anthropic.messages``. Either may be absent (a start record has no output, an end record no input).
            Not changed.

    Returns:
        A copy with ``input`` and ``output`` as lists of messages (for embeddings: texts, and the shape of the
        vectors) and ``model``, ``provider``, ``usage``, ``model_parameters``, ``tools``, ``finish_reason``,
        ``response_id`` set where the raw form tells them. Fields of another format, or already in our form,
        come back as they are. What a mapper cannot read stays raw, and
        ``attributes["spanbook.normalise_error"]`` says why; nothing is raised.
    """
    name = fields.get("format")
    mapper = MAPPERS.get(name) if isinstance(name, str) else None
    if mapper is None:
        return fields
    out = dict(fields)
    if not out.get("provider"):
        out["provider"] = str(name).partition(".")[0]
    for part in ("input", "output"):
        if isinstance(out.get(part), dict) and "$type" not in out[part]:
            out = _mapped(out, mapper, part)
    return out


def _mapped(fields: dict[str, Any], mapper: Mapper, part: str) -> dict[str, Any]:
    """Apply one half of a mapper to a copy; keep the raw half when it fails."""
    out = dict(fields)
    try:
        (mapper.input if part == "input" else mapper.output)(out)
    except Exception as error:  # noqa: BLE001 - any raw form may come; keeping it raw is better than losing it
        said = {"spanbook.normalise_error": f"{part}: {type(error).__name__}: {error}"[:500]}
        return {**fields, "attributes": {**(fields.get("attributes") or {}), **said}}
    return out
