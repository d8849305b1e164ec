"""What a call cost, from the prices of its model."""

from __future__ import annotations

from lokid.chat import Usage
from lokid.providers.settings import ModelSettings


def cost_usd(model: ModelSettings, usage: Usage | None) -> float | None:
    """USD; None if the provider reported no usage or a price that it takes is not known.

    Prices are per million tokens. Input read from or written to a cache costs the plain input price
    unless the model has a price for it.
    """
    if usage is None or (model.input_price is None and model.output_price is None):
        return None
    cached, written = usage.cached_input_tokens, usage.cache_write_tokens
    rows = (
        (max(usage.input_tokens - cached - written, 0), model.input_price),
        (cached, model.input_price if model.cached_input_price is None else model.cached_input_price),
        (written, model.input_price if model.cache_write_price is None else model.cache_write_price),
        (usage.output_tokens, model.output_price),
    )
    total = 0.0
    for tokens, price in rows:
        if tokens and price is None:
            return None
        total += tokens * (price or 0.0) / 1_000_000
    return total
