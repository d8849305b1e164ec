"""Writes ``lokid/providers/prices.py`` anew from the installed genai-prices: ``python -m tools.catalogue``.

Facts only: context windows, and the standard prices of text and images as of today. A price that depends on
what lokid does not know (the hour, a tier of service, the pages of a document, the images that come back) is
left open, because a guess would look like a fact.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from genai_prices import data, types

FACTS = Path(__file__).parent.parent / "lokid" / "providers" / "prices.py"
PACKAGE = "genai-prices"

SOURCES = (
    "anthropic",
    "aws",
    "azure",
    "cerebras",
    "cloudflare",
    "cohere",
    "deepseek",
    "fireworks",
    "google",
    "groq",
    "minimax",
    "mistral",
    "moonshotai",
    "openai",
    "openrouter",
    "perplexity",
    "together",
    "voyageai",
    "x-ai",
    "zhipuai",
)
"""Those that a client can reach: the provider types and the vendors of ``lokid.providers.vendors``."""

COLUMNS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")

BESIDE = {
    "cache_write_1h_mtok",  # lokid writes for five minutes
    "web_searches_kcount",  # tools that a provider runs itself
    "storage_searches_kcount",
    "input_audio_mtok",  # lokid sends text and images
    "cache_audio_read_mtok",
    "input_audio_hours",
    "input_video_mtok",
}
"""What may cost something besides text without making the price of text a guess."""

HEAD = '''\
"""Facts of {package} {version}, as of {date}. Written by tools/catalogue.py.

``facts`` reads it and says how. The collection is Pydantic Services', under the MIT licence:
https://github.com/pydantic/genai-prices
"""

AS_OF = "{date}"

SOURCES = {{
'''
TAIL = "}\n"


def table(now: datetime) -> str:
    """The text of the module."""
    version = importlib.metadata.version(PACKAGE)
    head = HEAD.format(package=PACKAGE, version=version, date=f"{now:%Y-%m-%d}")
    providers = {provider.id: provider for provider in data.providers}
    texts = {source: "\n".join(["", *lines(providers[source], now), ""]) for source in SOURCES}
    return head + "".join(f'    "{source}": r"""{text}""",\n' for source, text in texts.items()) + TAIL


def lines(provider: types.Provider, now: datetime) -> Iterator[str]:
    clauses = [list(_clauses(model.match)) for model in provider.models]
    # A name may stand at several models: it means the one that genai-prices finds.
    owner = {
        text: found.id
        for each in clauses
        for kind, text in each
        if kind == "" and (found := provider.find_model(text))
    }
    for model, each in zip(provider.models, clauses, strict=True):
        names = [text for kind, text in each if kind == "" and owner[text] == model.id]
        patterns = [kind + text for kind, text in each if kind]
        words = list(dict.fromkeys((*names, *patterns)))
        if words:
            first, *others = words
            yield " ".join((first, str(model.context_window or "-"), *_prices(model, now), *others))


def _clauses(match: Any) -> Iterator[tuple[str, str]]:
    """Kind and text of each way to call a model; kind "" is a whole name."""
    match match:
        case types.ClauseOr(parts):
            for part in parts:
                yield from _clauses(part)
        case types.ClauseEquals(text):
            yield "", text.lower()
        case types.ClauseStartsWith(text) if "ft" in re.split(r"\W", text.lower()):
            yield "~", f"^{re.escape(text.lower())}"  # fine-tuned models are called as their owners like
        case types.ClauseStartsWith(text):
            yield "^", text.lower()
        case types.ClauseEndsWith(text):
            yield "$", text.lower()
        case types.ClauseContains(text):
            yield "*", text.lower()
        case types.ClauseRegex(regex):
            yield "~", regex
        case types.ClauseAnd(
            [types.ClauseStartsWith(text), types.ClauseRegex("^(?!.*-[tT][tT][sS](?:$|-))")]
        ):
            yield "^", text.lower()  # no version is called tts
        case _:
            raise ValueError(f"{match} is of a kind that lokid.providers.facts cannot read")


def _prices(model: types.ModelInfo, now: datetime) -> tuple[str, str]:
    """The columns of prices: of every request, and of a long one."""
    unknown = ",".join("-" * len(COLUMNS)), "-"
    if _by_the_hour(model):
        return unknown
    known = {key: price for key, price in vars(model.get_prices(now)).items() if price is not None}
    beside = BESIDE | ({"input_image_mtok"} if "output_mtok" not in known else set())  # images to embed
    if "input_mtok" not in known or known.keys() - {*COLUMNS, *beside}:
        return unknown
    found = [known.get(key) for key in COLUMNS]
    steps = {
        tuple(tier.start for tier in price.tiers) for price in found if isinstance(price, types.TieredPrices)
    }
    match list(steps):
        case []:
            return ",".join(map(_number, found)), "-"
        case [(start,)]:
            return _row(found, 0), f"{start}:{_row(found, 1)}"
    return unknown


def _by_the_hour(model: types.ModelInfo) -> bool:
    prices = model.prices
    return isinstance(prices, list) and any(
        isinstance(price.constraint, types.TimeOfDateConstraint) for price in prices
    )


def _row(prices: list[Any], step: int) -> str:
    """The prices below the one step (0) or above it (1)."""
    return ",".join(
        _number((price.base, price.tiers[0].price)[step] if isinstance(price, types.TieredPrices) else price)
        for price in prices
    )


def _number(price: Decimal | None) -> str:
    return "-" if price is None else f"{price.normalize():f}"


def main() -> None:
    FACTS.write_text(table(datetime.now(UTC)))


if __name__ == "__main__":
    main()
