"""Token counts of any client → ours: ``input_tokens`` and ``output_tokens`` inclusive, the rest parts of them.

Clients disagree on whether ``input`` holds what was read from a cache. One rule fits all that were recorded:
``total == input + output`` means inclusive; ``total`` equal to the sum with the parts of a side means that the parts
are beside it, and they are added. Without a total the counts are taken as inclusive, unless the names are those of
Anthropic's API, which counts the cache apart. Parts larger than their whole are beside it, whatever the total says:
some clients add the total up themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_INPUT: Final = frozenset(
    ("input", "input_tokens", "prompt_tokens", "promptTokens", "inputTokens", "prompt", "total_input_tokens")
)
_OUTPUT: Final = frozenset(
    ("output", "output_tokens", "completion_tokens", "completionTokens", "outputTokens", "completion",
     "total_output_tokens")
)  # fmt: skip
_TOTAL: Final = frozenset(("total", "total_tokens", "totalTokens"))
#: Anthropic's own response: ``input_tokens`` is what was neither read from the cache nor written to it.
_ANTHROPIC: Final = frozenset(("cache_read_input_tokens", "cache_creation_input_tokens"))
#: Gemini's API: its parts of the output, and what tools added to the input, are beside their wholes.
_GEMINI: Final = frozenset(("prompt_token_count", "promptTokenCount"))
_COHERE: Final = ("tokens", "billed_units")
_GOOGLE: Final = ("gcp.", "google", "gemini", "vertex")
_GEMINI_OUTPUT: Final = ("candidatestokencount", "thoughtstokencount")
_WHOLES: Final = frozenset(("input_tokens", "output_tokens"))
_INPUT_PARTS: Final = ("cache_read_tokens", "cache_write_tokens", "audio_input_tokens")
_OUTPUT_PARTS: Final = ("reasoning_tokens", "audio_output_tokens")


def as_count(value: Any) -> int | None:
    """Return a count of tokens as an int; None for what is no count (servers send 12.0, and worse)."""
    kind = type(value)
    if kind is str:
        return int(value) if value.isascii() and value.isdecimal() and len(value) < 16 else None
    if kind is float and value.is_integer():
        value, kind = int(value), int
    return value if kind is int and 0 <= value < 1 << 62 else None


def usage_from(raw: Any, provider: Any = None) -> dict[str, int]:
    """Return usage in our names from a mapping of counts as clients send it; unknown stays absent.

    Args:
        raw: Counts by name, details nested or flat: OpenAI's, Anthropic's, Gemini's, Vercel's, LangChain's, Langfuse's
            buckets.
        provider: Whose model it is. What only the total of Google's counts are thoughts, which are output.
    """
    if not raw or not isinstance(raw, dict):
        return {}
    if raw.keys() <= _WHOLES:  # no parts that could lie beside their whole
        return {name: count for name, value in raw.items() if (count := as_count(value)) is not None}
    if raw.keys() & _GEMINI:
        return _of_gemini(raw)
    if isinstance(raw.get("tokens"), dict):  # Cohere: beside what it bills, which leaves out some of the input
        raw = {**raw["tokens"], **{name: value for name, value in raw.items() if name not in _COHERE}}
    found: dict[str, int] = {}
    beside = {"input": 0, "output": 0}  # parts that have no name of ours
    for name, count in _counts(raw):
        field = _field(name)
        if field is None:
            side = _side(name)
            if side is not None:
                beside[side] += count
        elif field in found and field not in ("input_tokens", "output_tokens", "total_tokens"):
            found[field] += count  # writes to the cache are split by how long it lives
        else:
            found.setdefault(field, count)
    total = found.pop("total_tokens", None)
    if total is None and raw.keys() & _ANTHROPIC and "input_tokens" in raw:
        found["input_tokens"] = found.get("input_tokens", 0) + _sum(found, _INPUT_PARTS[:2])
        return found
    usage = _inclusive(found, total, beside)
    more = (total or 0) - usage.get("input_tokens", 0) - usage.get("output_tokens", 0)
    if more > 0 and "reasoning_tokens" not in usage and "output_tokens" in usage and str(provider).startswith(_GOOGLE):
        usage["output_tokens"] += more
    return usage


def _of_gemini(raw: Mapping[str, Any]) -> dict[str, int]:
    counts = {
        name.replace("_", "").lower(): count for name, value in raw.items() if (count := as_count(value)) is not None
    }
    found = {"input_tokens": _sum(counts, ("prompttokencount", "tooluseprompttokencount"))}
    if not counts.keys().isdisjoint(_GEMINI_OUTPUT):
        found["output_tokens"] = _sum(counts, _GEMINI_OUTPUT)
    for name, theirs in (("cache_read_tokens", "cachedcontenttokencount"), ("reasoning_tokens", "thoughtstokencount")):
        if theirs in counts:
            found[name] = counts[theirs]
    return found


def _inclusive(found: dict[str, int], total: int | None, beside: Mapping[str, int]) -> dict[str, int]:
    """Add to each side the parts that its count leaves out."""
    into, out_of = found.get("input_tokens", 0), found.get("output_tokens", 0)
    more_in = _sum(found, _INPUT_PARTS) + beside["input"]
    more_out = _sum(found, _OUTPUT_PARTS) + beside["output"]
    left = 0 if total is None else total - into - out_of
    if left <= 0:
        adds_in = into < _sum(found, _INPUT_PARTS[:2])
        adds_out = out_of < found.get("reasoning_tokens", 0)
        more_in, more_out = _sum(found, _INPUT_PARTS[:2]), found.get("reasoning_tokens", 0)
    else:
        adds_in = left > 0 and left in (more_in, more_in + more_out)
        adds_out = left > 0 and left in (more_out, more_in + more_out) and not (adds_in and left == more_in)
    out = dict(found)
    if adds_in:
        out["input_tokens"] = into + more_in
    if adds_out:
        out["output_tokens"] = out_of + more_out
    return out


def _counts(raw: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield names and counts; those of nested details carry the name of their side."""
    for name, value in raw.items():
        if isinstance(value, dict):
            side = _side(name)
            prefix = f"{side}_" if side else ""
            for inner, number in value.items():
                if (count := as_count(number)) is not None and str(inner) not in ("text_tokens", "text"):
                    yield f"{prefix}{inner}", count
        elif (count := as_count(value)) is not None and "cost" not in str(name).lower():
            yield str(name), count


def _field(name: str) -> str | None:
    """Return our name for a count, ``total_tokens`` for the total, None for parts without a name of ours."""
    if name in _INPUT:
        return "input_tokens"
    if name in _OUTPUT:
        return "output_tokens"
    if name in _TOTAL:
        return "total_tokens"
    low = name.lower()
    if "cache" in low:
        if "miss" in low:
            return None
        return "cache_write_tokens" if "creat" in low or "writ" in low else "cache_read_tokens"
    if "reasoning" in low or "thought" in low or "thinking" in low:
        return "reasoning_tokens"
    if "audio" in low:
        return "audio_output_tokens" if _side(name) == "output" else "audio_input_tokens"
    return None


def _side(name: str) -> str | None:
    low = name.lower()
    if low.startswith(("input", "prompt")):
        return "input"
    return "output" if low.startswith(("output", "completion", "candidates")) else None


def _sum(found: Mapping[str, int], names: tuple[str, ...]) -> int:
    return sum(found.get(name, 0) for name in names)
