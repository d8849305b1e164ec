"""Whoever asks names the model, and has no say in where a key goes."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from lokid.errors import LokidError
from lokid.providers.base import Provider
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ClientSettings, ModelSettings
from tests.fakes.canonical import QUESTION, settings_of

CASES = [
    *((provider, settings_of(provider)) for provider in PROVIDERS.values()),
    (PROVIDERS["azure-openai"], settings_of(PROVIDERS["azure-openai"], api_version="2024-10-21")),
]


@pytest.mark.parametrize(
    "name", ["..", ".", "a/../../b", "%2e%2e", "..%2f", "a?b=c", "a#b", "@evil.example", "//evil.example"]
)
@pytest.mark.parametrize(("provider", "client"), CASES)
def test_no_name_of_a_model_leads_to_another_place(
    provider: Provider, client: ClientSettings, name: str
) -> None:
    assert provider.chat is not None
    usual = urlsplit(
        provider.chat(client, ModelSettings(name="usual", max_output_tokens=9), QUESTION).request.url
    )
    try:
        request = provider.chat(client, ModelSettings(name=name, max_output_tokens=9), QUESTION).request
    except LokidError:
        return  # it says that this is no name
    asked = urlsplit(request.url)
    assert (asked.scheme, asked.netloc, asked.query, asked.fragment) == (
        *(usual.scheme, usual.netloc, usual.query, ""),
    )
    assert not {"..", "."} & set(asked.path.split("/"))
    before, _, behind = usual.path.partition("usual")
    assert asked.path.startswith(before)
    assert asked.path.endswith(behind)
