from __future__ import annotations

from typing import Any

import pytest

from lokid.chat import Usage
from lokid.providers.cost import cost_usd
from lokid.providers.settings import ModelSettings

LONG = {"above": 200_000, "input_price": 6, "output_price": 22.5, "cached_input_price": 0.6}


def model(**prices: Any) -> ModelSettings:
    return ModelSettings(name="m", **prices)


@pytest.mark.parametrize(
    ("prices", "usage", "usd"),
    [
        ({"input_price": 2, "output_price": 10}, Usage(1_000_000, 100_000), 3.0),
        ({"input_price": 2, "output_price": 10}, Usage(1_000_000, 0, 500_000, 100_000), 2.0),
        (
            {"input_price": 2, "output_price": 10, "cached_input_price": 0.5},
            Usage(1_000_000, 0, 500_000),
            1.25,
        ),
        (
            {"input_price": 2, "output_price": 10, "cache_write_price": 4},
            Usage(1_000_000, 0, 0, 500_000),
            3.0,
        ),
        ({"input_price": 2}, Usage(1_000_000), 2.0),
        ({"input_price": 2}, Usage(1_000_000, 1), None),
        ({"output_price": 2}, Usage(1, 1), None),
        ({"input_price": 0, "output_price": 0}, Usage(10, 10), 0.0),
        ({"input_price": 2, "output_price": 10}, None, None),
        ({"input_price": 2, "output_price": 1}, Usage(1, 0, 9), 18e-6),
        ({}, Usage(1, 1), None),
        # Claude Sonnet 4.5 by hand: 10 000 fresh, 30 000 written and 60 000 cached tokens, 2000 of answer
        (
            {"input_price": 3, "output_price": 15, "cached_input_price": 0.3, "cache_write_price": 3.75},
            Usage(100_000, 2_000, 60_000, 30_000),
            0.03 + 0.018 + 0.1125 + 0.03,
        ),
        ({"input_price": 3, "output_price": 15, "long_input": LONG}, Usage(200_000, 1_000), 0.615),
        ({"input_price": 3, "output_price": 15, "long_input": LONG}, Usage(200_001, 1_000), 1.222506),
        ({"input_price": 3, "output_price": 15, "long_input": LONG}, Usage(250_000, 0, 250_000), 0.15),
        ({"input_price": 3, "output_price": 15, "long_input": {"above": 9}}, Usage(10, 1), None),
        # Cohere counts 500 tokens more than it is paid for.
        ({"input_price": 2, "output_price": 10}, Usage(1_500, 100, billed=(1_000, 100)), 0.003),
    ],
)
def test_a_call_costs_what_its_tokens_cost(
    prices: dict[str, Any], usage: Usage | None, usd: float | None
) -> None:
    assert cost_usd(model(**prices), usage) == (usd if usd is None else pytest.approx(usd))


def test_a_cost_is_the_decimal_that_a_person_computes() -> None:
    """0.1 + 0.2 is 0.3, and a price of 0.28 for one token has no tail of nines."""
    assert cost_usd(model(input_price=0.1, output_price=0.2), Usage(1_000_000, 1_000_000)) == 0.3
    assert repr(cost_usd(model(input_price=0.28, output_price=0), Usage(3))) == "8.4e-07"
    assert repr(cost_usd(model(input_price=1.1, output_price=1.1), Usage(3_000_000, 0))) == "3.3"
