"""Prices and context windows by name."""

from __future__ import annotations

import pytest

from lokid.providers import facts, prices
from lokid.providers.facts import NOTHING, Facts, Prices, find

TABLE = r"""
alpha-1 1000 1,2,-,- - alpha-1-2026-03-05 alpha-one
^beta- 2000 0.5,-,0.05,0.625 1500:1,-,0.1,1.25
*gamma - -,-,-,- -
$-delta - 3,3,-,- - ~^delta-\d+$
alpha-1-delta 7 4,4,-,- -
*eta-1 5 5,5,-,- -
"""


@pytest.fixture
def sources(monkeypatch):
    monkeypatch.setitem(prices.SOURCES, "test", TABLE)
    monkeypatch.setitem(prices.SOURCES, "other", "alpha-1 9 9,9,-,- -\nomega 9 9,9,-,- -")
    facts._index.cache_clear()
    yield ("test", "other")
    facts._index.cache_clear()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alpha-1", Facts(1000, Prices(1, 2))),
        ("Alpha-ONE", Facts(1000, Prices(1, 2))),
        ("alpha-1-2026-03-05", Facts(1000, Prices(1, 2))),
        ("alpha-1-20260305", Facts(1000, Prices(1, 2))),
        ("alpha-1-20261305", NOTHING),  # no such month
        ("beta-2", NOTHING),
        ("beta-001", Facts(2000, Prices(0.5, None, 0.05, 0.625), 1500, Prices(1, None, 0.1, 1.25))),
        ("beta", NOTHING),
        ("a/gamma:free", NOTHING),
        ("x-eta-1", Facts(5, Prices(5, 5))),
        ("eta-1-20260305-v1:0", Facts(5, Prices(5, 5))),
        ("x.eta-1@latest", Facts(5, Prices(5, 5))),
        ("eta-1-preview-05-20", Facts(5, Prices(5, 5))),
        ("theta-1", NOTHING),  # the end of another word
        ("eta-11", NOTHING),  # another version
        ("eta-1-1", NOTHING),
        ("eta-1-fast", NOTHING),  # another model
        ("gamma-delta", NOTHING),  # the first line that matches counts, whatever it knows
        ("my-delta", Facts(None, Prices(3, 3))),
        ("delta-12", Facts(None, Prices(3, 3))),
        ("delta-12x", NOTHING),
        ("alpha-1-delta", Facts(7, Prices(4, 4))),  # a whole name before all patterns
        ("omega", Facts(9, Prices(9, 9))),  # the next source
        ("", NOTHING),
    ],
)
def test_a_name_means_the_first_source_and_line_that_know_it(sources, name, expected) -> None:
    assert find(sources, name) == expected


def test_without_a_source_nothing_is_known() -> None:
    assert find((), "gpt-5") == NOTHING


def test_every_line_can_be_read() -> None:
    for source, text in prices.SOURCES.items():
        for line in text.strip().splitlines():
            read = facts._read(line)
            assert (read.above is None) == (read.long == Prices()), (source, line)
            assert read.prices.input is not None or read.prices == Prices(), (source, line)


def test_every_source_that_is_named_exists() -> None:
    from lokid.providers.vendors import VENDORS

    named = {source for row in facts.SOURCES.values() for source in row}
    named |= {source for row in VENDORS.values() for source in row.facts}
    assert named == set(prices.SOURCES)


def test_who_gives_a_price_gives_all() -> None:
    known = facts.settings(("openai",), "gpt-5.4", "chat", set())
    assert known["long_input"].above == 272_000
    assert facts.settings(("openai",), "gpt-5.4", "chat", {"output_price"}) == {"max_input_tokens": 1_050_000}


@pytest.mark.parametrize(
    ("kind", "key"), [("chat", "max_input_tokens"), ("embedding", "max_tokens_per_chunk"), ("reranker", None)]
)
def test_a_context_window_is_what_the_type_of_the_model_calls_it(kind, key) -> None:
    known = facts.settings(("cohere",), "embed-v4.0", kind, {"input_price"})
    assert known == ({key: 128_000} if key else {})
