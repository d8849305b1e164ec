"""Who is behind an address."""

from __future__ import annotations

from typing import Any

import pytest

from lokid.providers.catalogue import complete, models, vendor
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ModelSettings
from lokid.providers.vendors import VENDORS


def client(kind: str = "openai-compatible", **keys: Any) -> Any:
    return PROVIDERS[kind].settings.model_validate({"type": kind, **keys})


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"name": "groq"}, "groq"),
        ({"name": "fast", "api_base": "https://api.groq.com/openai/v1"}, "groq"),
        ({"name": "groq", "api_base": "http://127.0.0.1:8080/v1"}, ""),  # somebody else's server
        ({"name": "mine"}, ""),
        ({"name": "cf", "api_base": "https://api.cloudflare.com/client/v4/accounts/a/ai/v1"}, "cloudflare"),
        ({"name": "ollama"}, "ollama"),
        ({"name": "x", "api_base": "http://127.0.0.1:{port}/v1", "launch": {"command": ["x"]}}, ""),
    ],
)
def test_an_address_tells_the_vendor_and_without_one_the_name(keys: dict[str, Any], expected: str) -> None:
    assert vendor(client(**keys)) == expected


def test_other_types_are_their_own_vendors() -> None:
    assert vendor(client("openai", name="groq")) == ""


def test_what_a_vendor_asks_is_not_what_another_server_asks() -> None:
    model = ModelSettings(name="openai/gpt-oss-120b")
    assert complete("openai-compatible", model, "groq").input_price is not None
    assert complete("openai-compatible", model).input_price is None
    assert complete("openai-compatible", model, "ollama").input_price is None


def test_vendors_that_moved_are_where_they_are_today() -> None:
    """Loki has their former addresses, and asks for a list of models where there is none."""
    today = {
        "github": "https://models.github.ai/inference",
        "minimax": "https://api.minimax.io/v1",
        "moonshot": "https://api.moonshot.ai/v1",
    }
    assert {name: VENDORS[name].api_base for name in today} == today
    assert VENDORS["perplexity"].models  # offered without being asked


@pytest.mark.parametrize("name", [name for name, row in VENDORS.items() if row.models])
def test_the_models_on_offer_of_a_vendor_are_in_the_list_of_facts(name: str) -> None:
    offered = models("openai-compatible", name)
    assert [model.name for model in offered] == list(VENDORS[name].models)
    for model in offered:
        assert model.input_price is not None or model.max_input_tokens is not None, model.name
