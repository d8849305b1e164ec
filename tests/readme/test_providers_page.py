"""``docs/providers.md``: its examples are good configurations, and it says something about every type. That
its tables are current is a test of all generated parts (tests/architecture)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lokid.config import Config, parse, secret_names
from lokid.providers.registry import PROVIDERS

PAGE = (Path(__file__).parents[2] / "docs" / "providers.md").read_text()
SECTIONS = dict(re.findall(r"^## `([^`\n]+)`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def examples(section: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def test_every_type_has_a_section() -> None:
    assert list(SECTIONS) == list(PROVIDERS)


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_examples_of_a_type_are_good(name: str) -> None:
    found = examples(SECTIONS[name])
    assert found, f"docs/providers.md has no example of type {name}"
    for text in found:
        lookup = dict.fromkeys(secret_names(text), "value")
        config = parse(text, "example.yaml", lookup=lookup, environ={})
        assert isinstance(config, Config), config
        assert not config.missing and not config.warnings
        assert {client.type for client in config.clients} == {name}


def test_nothing_is_planned() -> None:
    assert not re.search(r"\b(planned|not yet|not there yet|TODO|soon)\b", PAGE)


def test_every_secret_of_every_type_is_in_the_table_of_ways_in() -> None:
    table = PAGE.partition("<!-- generated: ways in -->")[2].partition("<!-- end: ways in -->")[0]
    for provider in PROVIDERS.values():
        rows = "".join(line for line in table.splitlines() if line.startswith(f"| `{provider.name}` |"))
        for key in set(provider.secrets) - {"session_token", "client_secret"}:  # parts of an identity
            assert f"`{key}`" in rows, key
