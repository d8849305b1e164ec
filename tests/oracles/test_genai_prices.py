"""What lokid says that a call cost, and what genai-prices says, of which lokid's prices are a copy."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import data, types

from lokid.chat import Usage
from lokid.providers import catalogue, facts, prices
from lokid.providers.cost import cost_usd
from lokid.providers.settings import ModelSettings
from tools import catalogue as tool

NOW = datetime(*map(int, prices.__doc__.split("as of ")[1][:10].split("-")), 12, tzinfo=UTC)
PROVIDERS = {provider.id: provider for provider in data.providers}

USAGES = (
    Usage(1_000, 500),
    Usage(1_234_567, 89_012),
    Usage(150_000, 7, 100_000, 20_000),
    Usage(300_001, 1_000, 250_000, 0, 900),
    Usage(100_000, 1),
    Usage(100_001, 1),
    Usage(0, 0),
)

MODELS = [
    ("openai", "", "gpt-5.6"),
    ("openai", "", "gpt-5.4-mini-2026-03-17"),
    ("openai", "", "gpt-4o-20240806"),
    ("openai", "", "o3"),
    ("openai", "", "text-embedding-3-small"),
    ("azure-openai", "", "gpt-4.1-mini"),
    ("azure-openai", "", "claude-sonnet-4-5"),
    ("claude", "", "claude-haiku-5-5"),
    ("claude", "", "claude-sonnet-4-5-20250929"),
    ("claude", "", "claude-opus-5-5"),
    ("gemini", "", "gemini-2.5-pro"),
    ("gemini", "", "gemini-3.8-flash"),
    ("gemini", "", "gemini-embedding-001"),
    ("vertexai", "", "claude-sonnet-4-5@20250929"),
    ("bedrock", "", "us.anthropic.claude-sonnet-5"),
    ("bedrock", "", "amazon.nova-lite-v1:0"),
    ("cohere", "", "command-a-03-2025"),
    ("cohere", "", "embed-v4.0"),
    ("openai-compatible", "groq", "openai/gpt-oss-120b"),
    ("openai-compatible", "openrouter", "openai/gpt-6.1-sol"),
    ("openai-compatible", "mistral", "mistral-large-4"),
    ("openai-compatible", "xai", "grok-4.7"),
    ("openai-compatible", "moonshot", "kimi-k3"),
    ("openai-compatible", "voyage", "voyage-4"),
]
ID = {"claude": "anthropic", "gemini": "google", "vertexai": "google", "bedrock": "aws", "xai": "x-ai"}
ID |= {"azure-openai": "azure", "moonshot": "moonshotai", "voyage": "voyageai"}


def theirs(provider: types.Provider, name: str, usage: Usage) -> float:
    model = provider.find_model(name, all_providers=data.providers)
    assert model is not None
    counts = TheirUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    return float(model.calc_price(counts, provider, genai_request_timestamp=NOW).total_price)


@pytest.mark.parametrize(("kind", "vendor", "name"), MODELS)
def test_a_call_costs_what_genai_prices_says(kind: str, vendor: str, name: str) -> None:
    model = catalogue.complete(kind, ModelSettings(name=name), vendor)
    provider = PROVIDERS[ID.get(vendor or kind, vendor or kind)]
    for usage in USAGES:
        if model.output_price is None:
            usage = Usage(usage.input_tokens)
        assert cost_usd(model, usage) == theirs(provider, name, usage), usage


@pytest.mark.parametrize("source", tool.SOURCES)
def test_every_name_means_the_model_that_genai_prices_finds(source: str) -> None:
    """Exact names, and a name made up for each pattern."""
    provider = PROVIDERS[source]
    for model in provider.models:
        for kind, text in tool._clauses(model.match):
            version = "-20260101" if text[-1].isalnum() else "20260101"
            name = {"^": f"{text}{version}", "$": f"x-{text}", "*": f"x/{text}{version}"}.get(kind, text)
            if kind == "~":
                continue
            found = provider.find_model(name)
            assert found is not None
            ours = facts.find((source,), name)
            assert ours.context == found.context_window, name
            if ours.prices.input is not None:
                whole = Usage(1_000_000, 1_000_000 if ours.prices.output is not None else 0)
                priced = catalogue.ModelSettings(
                    name="m", **facts._named(ours.long if ours.above else ours.prices)
                )
                assert cost_usd(priced, whole) == theirs(provider, name, whole), name


def test_the_file_is_what_the_script_writes() -> None:
    version = prices.__doc__.split()[3].rstrip(",")
    if version != tool.importlib.metadata.version(tool.PACKAGE):
        pytest.skip(f"written from {version}, another one is installed")
    assert tool.table(NOW) == tool.FACTS.read_text()
