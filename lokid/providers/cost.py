"""What a call cost, from the prices of its model."""

from __future__ import annotations

from decimal import Decimal

from lokid.chat import Usage
from lokid.providers.settings import LongInput, ModelSettings

_MILLION = Decimal(1_000_000)


def cost_usd(model: ModelSettings, usage: Usage | None) -> float | None:
    """USD; None if the provider reported no usage or a price that it takes is not known.

    Prices are per million tokens. Input read from or written to a cache costs the plain input price
    unless the model has a price for it. Prices are those of the provider's standard service: what a
    patch orders beside it (another service tier, a cache of an hour, searches) is not in them.
    """
    if usage is None:
        return None
    prices: ModelSettings | LongInput = model
    if model.long_input is not None and usage.input_tokens > model.long_input.above:
        prices = model.long_input
    if prices.input_price is None and prices.output_price is None:
        return None
    cached, written = usage.cached_input_tokens, usage.cache_write_tokens
    rows: tuple[tuple[int, float | None], ...] = (
        (max(usage.input_tokens - cached - written, 0), prices.input_price),
        (cached, _or(prices.cached_input_price, prices.input_price)),
        (written, _or(prices.cache_write_price, prices.input_price)),
        (usage.output_tokens, prices.output_price),
    )
    if usage.billed is not None:  # the provider has already taken off what is not paid for
        rows = tuple(zip(usage.billed, (prices.input_price, prices.output_price), strict=True))
    total = Decimal(0)
    for tokens, price in rows:
        if tokens and price is None:
            return None
        # The decimal that was written in the configuration: 0.1 costs a tenth, and sums do not drift.
        total += tokens * Decimal(repr(price or 0.0))
    return float(total / _MILLION)


def _or(price: float | None, other: float | None) -> float | None:
    return other if price is None else price
