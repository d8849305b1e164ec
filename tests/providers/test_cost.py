from __future__ import annotations

from typing import Any

import pytest

from lokid.chat import Usage
from lokid.providers.cost import cost_usd
from lokid.providers.settings import ModelSettings


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
    ],
)
def test_a_call_costs_what_its_tokens_cost(
    prices: dict[str, Any], usage: Usage | None, usd: float | None
) -> None:
    assert cost_usd(model(**prices), usage) == (usd if usd is None else pytest.approx(usd))
