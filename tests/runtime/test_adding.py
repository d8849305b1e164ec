"""Who asks a client that is not there reads how to add it, in lines that lokid takes."""

from __future__ import annotations

import re

import pytest

from lokid.config import Config, parse
from lokid.providers.vendors import VENDORS
from lokid.runtime.adding import _TYPES, hint
from lokid.runtime.loading import KEY_IS_ENOUGH

WITH_ADDRESS = [name for name, vendor in VENDORS.items() if vendor.api_base]


@pytest.mark.parametrize("name", [*_TYPES, *WITH_ADDRESS, "Anthropic", "google"])
def test_the_line_to_add_is_one_that_lokid_takes(name: str) -> None:
    told = hint(name, from_file=True)
    entry = re.search("`(.*)`", told)
    assert entry
    found = parse(f"clients:\n  {entry[1]}", "x", lookup={}, environ={})
    assert isinstance(found, Config), found
    key = re.search(r"lokictl secret set (\w+)", told)
    assert (key and f"{{{{{key[1]}}}}}" in entry[1]) or "127.0.0.1" in str(VENDORS[name].api_base)
    assert "lokictl config edit" in told and "setup" not in told, "which merges nothing"


def test_without_a_configuration_a_key_is_enough_where_it_is() -> None:
    assert all(key in KEY_IS_ENOUGH[name] for name, key in _TYPES.items())
    assert hint("anthropic", from_file=False).startswith("lokictl secret set ANTHROPIC_API_KEY adds claude;")
    assert "lokictl setup adds one" in hint("whatever", from_file=False)


def test_an_unknown_name_is_not_made_part_of_a_command() -> None:
    for from_file in (True, False):
        assert "rm" not in hint("`rm -r`", from_file=from_file)
