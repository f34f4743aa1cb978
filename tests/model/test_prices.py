"""What a call costs: hand-computed."""

from __future__ import annotations

import pytest

from spanbook.model import UsageError
from spanbook.model.prices import PriceTable, Rates

AT = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z


def test_inclusive_totals_are_not_paid_twice() -> None:
    """1,000 tokens in, 400 of them cached at a tenth of the price; 100 out, 10 of them sound."""
    rates = Rates(input=2.0, output=8.0, cache_read=0.2, audio_output=80.0)
    cost = rates.cost(
        {"input_tokens": 1_000, "cache_read_tokens": 400, "output_tokens": 100, "audio_output_tokens": 10}
    )
    assert cost.input_usd == pytest.approx((600 * 2.0 + 400 * 0.2) / 1e6)
    assert cost.output_usd == pytest.approx((90 * 8.0 + 10 * 80.0) / 1e6)
    assert cost.total_usd == pytest.approx(cost.input_usd + cost.output_usd)
    assert cost.source == "own"


def test_parts_without_a_price_of_their_own_cost_what_the_whole_does() -> None:
    """Reasoning is output; a cache that is not discounted is input."""
    cost = Rates(input=1.0, output=2.0).cost(
        {"input_tokens": 10, "cache_read_tokens": 5, "output_tokens": 10, "reasoning_tokens": 8}
    )
    assert cost.input_usd == pytest.approx(10e-6)
    assert cost.output_usd == pytest.approx(20e-6)


def test_own_prices_come_first_and_must_not_be_negative() -> None:
    """By exact name of the model."""
    table = PriceTable()
    table.add("gpt-4o", Rates(input=1_000_000.0, output=0.0))
    cost = table.cost("openai", "gpt-4o", {"input_tokens": 3}, AT)
    assert cost is not None
    assert cost.total_usd == 3.0
    with pytest.raises(UsageError, match="negative"):
        table.add("free", Rates(input=-1.0, output=0.0))


def test_the_installed_table_knows_common_models_without_network() -> None:
    """gpt-4o: 2.50 USD in, 10 USD out a million; cached input half."""
    table = PriceTable()
    usage = {"input_tokens": 1_000_000, "cache_read_tokens": 400_000, "output_tokens": 100_000}
    cost = table.cost("openai", "gpt-4o", usage, AT)
    assert cost is not None
    assert cost.total_usd == pytest.approx(0.6 * 2.5 + 0.4 * 1.25 + 0.1 * 10)
    assert cost.source == "genai-prices"


def test_rates_and_the_table_agree_where_prices_depend_on_the_size_of_the_call() -> None:
    """gemini-2.5-pro costs twice as much a token beyond 200,000 tokens of input."""
    table = PriceTable()
    small = table.cost("google", "gemini-2.5-pro", {"input_tokens": 100_000, "output_tokens": 0}, AT)
    large = table.cost("google", "gemini-2.5-pro", {"input_tokens": 400_000, "output_tokens": 0}, AT)
    assert small is not None
    assert large is not None
    assert large.total_usd > 4.5 * small.total_usd


def test_a_provider_that_the_table_does_not_know_may_serve_a_model_that_it_knows() -> None:
    """A proxy or a local server."""
    cost = PriceTable().cost("my-gateway", "gpt-4o-mini", {"input_tokens": 1_000_000}, AT)
    assert cost is not None
    assert cost.total_usd == pytest.approx(0.15)


_CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("openai/gpt-4o", "openai", "gpt-4o"),
        ("azure/gpt-4o", "azure", "gpt-4o"),
        ("models/gemini-2.5-flash", "google", "gemini-2.5-flash"),
        ("groq/llama-3.3-70b-versatile", "groq", "llama-3.3-70b-versatile"),
        ("openrouter/openai/gpt-4o", "openrouter", "openai/gpt-4o"),
        (f"bedrock/{_CLAUDE}", "aws", _CLAUDE),
        (f"us.{_CLAUDE}", "aws", f"us.{_CLAUDE}"),
    ],
)
@pytest.mark.parametrize("said", ["openai", "my-gateway", None])
def test_a_name_that_begins_with_its_provider_has_its_price(
    model: str, provider: str, name: str, said: str | None
) -> None:
    """As LiteLLM, Google's clients and Bedrock write it, whoever is named beside it."""
    usage = {"input_tokens": 1_000, "output_tokens": 10}
    cost = PriceTable().cost(provider, name, usage, AT)
    assert cost is not None
    assert PriceTable().cost(said, model, usage, AT) == cost


@pytest.mark.parametrize("model", ["acme/gpt-4o", "ollama/llama3", "google/gemma-3-27b-it", "openai/gpt-oss-20b"])
def test_a_name_that_begins_otherwise_or_is_of_open_weights_has_no_price(model: str) -> None:
    """Anyone may serve them."""
    assert PriceTable().cost("openai", model, {"input_tokens": 1_000}, AT) is None


@pytest.mark.parametrize("provider", [None, "my-gateway", "openai"])
def test_embeddings_have_a_price_whoever_is_named(provider: str | None) -> None:
    """The table finds these models only below their provider."""
    cost = PriceTable().cost(provider, "text-embedding-3-small", {"input_tokens": 1_000_000}, AT)
    assert cost is not None
    assert cost.total_usd == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("provider", "model", "usage"),
    [
        (None, None, {"input_tokens": 1}),
        ("openai", "no-such-model-at-all", {"input_tokens": 1}),
        ("openai", "gpt-4o", {}),
        ("google", "gemini-2.5-pro", {"input_tokens": 1, "cache_read_tokens": 500}),
    ],
)
def test_what_cannot_be_priced_has_no_cost(provider: str | None, model: str | None, usage: dict[str, int]) -> None:
    """No model, an unknown one, no usage, counts that contradict each other: None, never an exception."""
    assert PriceTable().cost(provider, model, usage, AT) is None
