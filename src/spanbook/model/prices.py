"""What a call costs: usage times price, from the ``genai-prices`` table that is installed (no network) or your own.

The table's own calculation takes 100 µs a call. A model whose prices are plain rates is asked once a day of calls and
multiplied here; tiered prices go through the table each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from .errors import UsageError

#: ``Cost.source`` of the installed table.
TABLE: Final = "genai-prices"
_MILLION: Final = 1_000_000
_DAY_NS: Final = 86_400_000_000_000
_EPOCH: Final = date(1970, 1, 1)


class Cost(NamedTuple):
    """US dollars of one call and where the price came from."""

    total_usd: float
    input_usd: float
    output_usd: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Prices in US dollars per million tokens; None where the plain input or output price holds."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    audio_input: float | None = None
    audio_output: float | None = None
    source: str = "own"

    def cost(self, usage: Mapping[str, int]) -> Cost:
        """Return the cost of a usage whose totals include their parts."""
        spent, plain_input = 0.0, usage.get("input_tokens", 0) or 0
        for part, rate in (
            ("cache_read_tokens", self.cache_read),
            ("cache_write_tokens", self.cache_write),
            ("audio_input_tokens", self.audio_input),
        ):
            count = usage.get(part) or 0
            if rate is not None and count:
                spent += count * rate
                plain_input -= count
        input_usd = (spent + max(plain_input, 0) * self.input) / _MILLION
        plain_output, audio = usage.get("output_tokens", 0) or 0, usage.get("audio_output_tokens") or 0
        if self.audio_output is None:
            audio = 0
        output_usd = (audio * (self.audio_output or 0) + max(plain_output - audio, 0) * self.output) / _MILLION
        return Cost(input_usd + output_usd, input_usd, output_usd, self.source)


class PriceTable:
    """Finds the price of a model; own prices come before the installed table's."""

    def __init__(self) -> None:
        self._own: dict[str, Rates] = {}
        self._known: dict[tuple[str | None, str, int], Rates | None] = {}

    def add(self, model: str, rates: Rates) -> None:
        """Price a model yourself, by its exact name.

        Raises:
            UsageError: a rate is negative.
        """
        if min(rates.input, rates.output) < 0:
            raise UsageError(f"the price of {model!r} is negative; give US dollars per million tokens, 0 or more.")
        self._own[model] = rates

    def cost(self, provider: str | None, model: str | None, usage: Mapping[str, int], at_ns: int) -> Cost | None:
        """Return what a call made at ``at_ns`` cost, None when the model's price is not known.

        Args:
            provider: "openai", "anthropic"…; None to look in all.
            model: The name the provider answered with, or one with the provider before it (``openai/gpt-4o``).
            usage: Inclusive ``input_tokens`` and ``output_tokens`` and their parts.
            at_ns: Nanoseconds since the epoch: prices change.
        """
        if not model or not usage:
            return None
        rates = self._find(provider, model, at_ns)
        if rates is None:
            return None
        return _tiered(provider, model, usage, _day(at_ns)) if rates is _TIERED else rates.cost(usage)

    def rates(self, provider: str | None, model: str | None, at_ns: int) -> Rates | None:
        """Return the prices of a model at ``at_ns``, None when they are not known or depend on the size of the call."""
        rates = self._find(provider, model, at_ns) if model else None
        return None if rates is _TIERED else rates

    def _find(self, provider: str | None, model: str, at_ns: int) -> Rates | None:
        own = self._own.get(model)
        if own is not None:
            return own
        key = (provider, model, at_ns // _DAY_NS)
        if key not in self._known:
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[key] = _rates(provider, model, _day(at_ns))
        return self._known[key]


def _day(at_ns: int) -> date:
    return _EPOCH + timedelta(days=at_ns // _DAY_NS)


#: Stands for a model whose price depends on the size of the call.
_TIERED: Final = Rates(input=-1.0, output=-1.0)
_FIELDS: Final = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "input_audio_mtok": "audio_input",
    "output_audio_mtok": "audio_output",
}


#: What routers (LiteLLM, OpenRouter) and Google's clients write before the name of a model → the table's provider.
_PREFIXES: Final = {
    **{name: name for name in ("openai", "anthropic", "azure", "google", "groq", "openrouter", "mistral", "cohere",
                               "deepseek", "perplexity", "cerebras", "zai")},
    "azure_ai": "azure", "gemini": "google", "models": "google", "vertex_ai": "google", "bedrock": "aws", "xai": "x-ai",
    "cohere_chat": "cohere", "together_ai": "together", "fireworks_ai": "fireworks", "moonshot": "moonshotai",
    "voyage": "voyageai",
}  # fmt: skip
#: Open weights: whoever serves them calls them by their maker's name.
_OPEN_WEIGHTS: Final = ("gpt-oss", "gemma")
#: Names that Bedrock alone gives: a region, if any, the maker, the model.
_OF_BEDROCK: Final = re.compile(
    r"(?:(?:us|us-gov|eu|apac|jp|au|in|global)\.)?(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek)\.[a-z]"
)


def _calculate(provider: str | None, model: str, day: date, counts: Mapping[str, int]) -> Any:
    from genai_prices import Usage, calc_price

    when = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    for provider_id, name in dict.fromkeys(_names(provider, model)):
        try:
            return calc_price(Usage(**counts), name, provider_id=provider_id, genai_request_timestamp=when)
        except LookupError:
            continue
    return None


def _names(provider: str | None, model: str) -> Iterator[tuple[str | None, str]]:
    """Yield the providers and names by which the table may know a model, those that the client says most of first."""
    yield provider, model
    rest = model
    for _ in range(3):  # "openrouter/openai/gpt-4o"
        prefix, slash, inner = rest.partition("/")
        maker = _PREFIXES.get(prefix.lower())
        if not slash or maker is None or inner.startswith(_OPEN_WEIGHTS):
            break
        rest = inner
        yield maker, rest
    if _OF_BEDROCK.match(rest):
        yield "aws", rest
    # a provider the table does not know (a proxy, a local server) may still serve a model it knows; and these it knows
    # as OpenAI's only when told so
    yield None, model
    if model.startswith("text-embedding-"):
        yield "openai", model


def _rates(provider: str | None, model: str, day: date) -> Rates | None:
    found = _calculate(provider, model, day, {"input_tokens": 1, "output_tokens": 1})
    if found is None:
        return None
    prices = {ours: getattr(found.model_price, theirs, None) for theirs, ours in _FIELDS.items()}
    if any(value is not None and not hasattr(value, "as_tuple") for value in prices.values()):
        return _TIERED
    rates = {name: None if value is None else float(value) for name, value in prices.items()}
    rates["input"], rates["output"] = rates["input"] or 0.0, rates["output"] or 0.0
    return Rates(**rates, source=TABLE)  # type: ignore[arg-type]


def _tiered(provider: str | None, model: str, usage: Mapping[str, int], day: date) -> Cost | None:
    names = {"audio_input_tokens": "input_audio_tokens", "audio_output_tokens": "output_audio_tokens"}
    counts = {names.get(name, name): count for name, count in usage.items() if name != "reasoning_tokens" and count}
    try:
        found = _calculate(provider, model, day, counts)
    except ValueError:  # counts that contradict each other, such as more cached tokens than input tokens
        return None
    if found is None:
        return None
    return Cost(float(found.total_price), float(found.input_price), float(found.output_price), TABLE)
